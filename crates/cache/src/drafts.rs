//! Drafts: what a person wrote and has not sent yet. They belong to the file's account and lie beside the boards.
//!
//! *Invariant:* the file never holds more than [`MAX_DRAFTS`], nor one that is longer than [`MAX_DRAFT_BYTES`].

use crate::error::{CacheError, sorted};
use crate::open::Cache;
use gwanje_model::{CenterId, Text, UtcMillis};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;
use std::fmt;

/// Bytes of one draft: far more than a person writes in one go.
pub const MAX_DRAFT_BYTES: usize = 16 * 1_024;
/// Drafts of an account: with it 3 MiB at most, and more than anybody comes back to.
pub const MAX_DRAFTS: usize = 200;

/// What a draft is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DraftKey {
    /// In which center.
    pub center: CenterId,
    /// Which subject of it, as whoever writes it names them.
    pub subject: Text,
}

/// A draft as it is cached.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedDraft {
    /// What was written.
    pub text: String,
    /// When (wall clock).
    pub at: UtcMillis,
    /// The command that is under way with it; none: it was not sent.
    pub command: Option<Text>,
}

impl fmt::Debug for CachedDraft {
    /// Without the text, which is nobody's but its writer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedDraft")
            .field("at", &self.at)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// Drafts as they are now; none: gone.
pub type DraftChanges = BTreeMap<DraftKey, Option<CachedDraft>>;

impl Cache {
    /// All drafts, by what they are about.
    ///
    /// # Errors
    /// When the file is damaged or can't be read.
    pub fn drafts(&self) -> Result<Vec<(DraftKey, CachedDraft)>, CacheError> {
        read(&self.db).map_err(|error| sorted("the reading", &self.path, &error))
    }
}

fn read(db: &Connection) -> rusqlite::Result<Vec<(DraftKey, CachedDraft)>> {
    let mut query =
        db.prepare_cached("SELECT center, subject, text, at, command FROM drafts ORDER BY center, subject")?;
    query
        .query_map([], |row| {
            let key = DraftKey {
                center: CenterId::from(row.get::<_, String>(0)?),
                subject: Text::from(row.get::<_, String>(1)?),
            };
            let command = Some(row.get::<_, String>(4)?).filter(|command| !command.is_empty());
            let draft = CachedDraft {
                text: row.get(2)?,
                at: UtcMillis(row.get(3)?),
                command: command.map(Text::from),
            };
            Ok((key, draft))
        })?
        .collect()
}

pub(crate) fn write(transaction: &Transaction<'_>, changes: &DraftChanges) -> rusqlite::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut keep = transaction.prepare_cached(
        "INSERT INTO drafts (center, subject, text, at, command) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET text = excluded.text, at = excluded.at, command = excluded.command",
    )?;
    let mut drop = transaction.prepare_cached("DELETE FROM drafts WHERE center = ?1 AND subject = ?2")?;
    for (DraftKey { center, subject }, draft) in changes {
        match draft {
            Some(CachedDraft { text, at, command }) if text.len() <= MAX_DRAFT_BYTES => {
                let command = command.as_deref().unwrap_or_default();
                keep.execute(params![center.as_str(), subject.as_str(), text, at.0, command])?;
            }
            Some(draft) => {
                tracing::error!(bytes = draft.text.len(), "a draft is too long to be kept");
            }
            None => {
                drop.execute(params![center.as_str(), subject.as_str()])?;
            }
        }
    }
    transaction
        .prepare_cached(
            "DELETE FROM drafts WHERE rowid IN
                 (SELECT rowid FROM drafts ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?1)",
        )?
        .execute([i64::try_from(MAX_DRAFTS).unwrap_or(i64::MAX)])?;
    Ok(())
}

pub(crate) fn wipe(transaction: &Transaction<'_>, center: &CenterId) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM drafts WHERE center = ?1", [center.as_str()]).map(drop)
}
