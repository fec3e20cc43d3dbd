//! What was true at the hub at each revision, read from its database: what a watcher claims is compared with it.

use anyhow::{Context, Result, ensure};
use gwanje_model::{DeliveryId, Rev, RowDigest};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A cancellation's alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlarmKey {
    /// Which delivery.
    pub id: u64,
    /// When it was cancelled.
    pub raised_at: i64,
}

impl AlarmKey {
    /// Of a watcher's line or a hub's entry; none: another kind of alarm.
    ///
    /// # Errors
    /// When it has no key.
    pub fn of(alarm: &Value) -> Result<Option<Self>> {
        if alarm["kind"] != "cancelled" {
            return Ok(None);
        }
        let key = alarm["id"].as_u64().zip(alarm["raisedAt"].as_i64());
        let (id, raised_at) = key.with_context(|| format!("the key of {alarm}"))?;
        Ok(Some(Self { id, raised_at }))
    }
}

/// What a proof claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Of which history.
    pub epoch: String,
    /// At which revision of it.
    pub rev: u64,
    /// How many rows.
    pub count: u64,
    /// Their digest.
    pub digest: String,
    /// Since when, UTC milliseconds.
    pub at: i64,
}

impl Claim {
    /// The claim of a watcher's line.
    ///
    /// # Errors
    /// When something is missing in it.
    pub fn of(proof: &Value) -> Result<Self> {
        let text = |name: &str| proof[name].as_str().with_context(|| format!("{name} in {proof}"));
        let number = |name: &str| proof[name].as_i64().with_context(|| format!("{name} in {proof}"));
        Ok(Self {
            epoch: text("epoch")?.to_owned(),
            rev: number("rev")?.cast_unsigned(),
            count: number("count")?.cast_unsigned(),
            digest: text("digest")?.to_owned(),
            at: number("at")?,
        })
    }
}

/// Count and digest of a center after each of its changes.
pub struct History {
    epoch: String,
    /// By revision; the first is the empty board's.
    boards: Vec<RowDigest>,
}

impl History {
    /// Plays the events that the hub's database holds, which may be in use.
    ///
    /// # Errors
    /// When it can't be read, or a revision is missing in it.
    pub fn read(database: &Path, center: &str) -> Result<Self> {
        let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| format!("opening {}", database.display()))?;
        let epoch = db.query_row("SELECT epoch FROM center WHERE id = ?1", [center], |row| row.get(0))?;
        let mut events =
            db.prepare("SELECT rev, delivery, action FROM history WHERE center = ?1 ORDER BY rev")?;
        let mut events = events.query([center])?;
        let (mut held, mut board) = (BTreeMap::<u64, Rev>::new(), RowDigest::default());
        let mut boards = vec![board];
        while let Some(event) = events.next()? {
            let (rev, id): (u64, u64) =
                (event.get::<_, i64>(0)?.cast_unsigned(), event.get::<_, i64>(1)?.cast_unsigned());
            ensure!(rev == boards.len() as u64, "the hub's history lacks revision {}", boards.len());
            if let Some(old) = held.remove(&id) {
                board.remove(DeliveryId(id), old);
            }
            if event.get::<_, String>(2)? != "archive" {
                held.insert(id, Rev(rev));
                board.add(DeliveryId(id), Rev(rev));
            }
            boards.push(board);
        }
        Ok(Self { epoch, boards })
    }

    /// Compares each claim of this epoch with what was true. There must be some.
    ///
    /// # Errors
    /// With the first one that was not true.
    pub fn confirms(&self, claims: &[Claim]) -> Result<()> {
        let ours: Vec<&Claim> = claims.iter().filter(|claim| claim.epoch == self.epoch).collect();
        ensure!(!ours.is_empty(), "nothing was ever proven in the present epoch");
        for claim in ours {
            let board = usize::try_from(claim.rev).ok().and_then(|rev| self.boards.get(rev));
            let board = board.with_context(|| format!("the hub never was at {claim:?}"))?;
            let true_then = board.count == claim.count && board.digest.to_string() == claim.digest;
            ensure!(true_then, "{claim:?} was claimed; at that revision it was {board:?}");
        }
        Ok(())
    }
}
