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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two deliveries, of which the first changes again and then leaves the board.
    fn database(folder: &Path) -> Result<std::path::PathBuf> {
        let path = folder.join("hub.sqlite");
        let db = Connection::open(&path)?;
        db.execute_batch(
            "CREATE TABLE center (id TEXT, epoch TEXT);
             CREATE TABLE history (delivery INTEGER, rev INTEGER, center TEXT, action TEXT);
             INSERT INTO center VALUES ('gangnam', 'E');
             INSERT INTO history VALUES (1, 1, 'gangnam', 'create'), (2, 2, 'gangnam', 'create'),
                 (1, 3, 'gangnam', 'cancel'), (1, 4, 'gangnam', 'archive');",
        )?;
        Ok(path)
    }

    fn claim(rev: u64, rows: &[(u64, u64)]) -> Claim {
        let board = RowDigest::of(rows.iter().map(|&(id, rev)| (DeliveryId(id), Rev(rev))));
        Claim { epoch: "E".into(), rev, count: board.count, digest: board.digest.to_string(), at: 0 }
    }

    #[test]
    fn only_what_was_true_is_confirmed() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let history = History::read(&database(folder.path())?, "gangnam")?;
        let truths = [
            claim(1, &[(1, 1)]),
            claim(2, &[(1, 1), (2, 2)]),
            claim(3, &[(1, 3), (2, 2)]),
            claim(4, &[(2, 2)]),
        ];
        history.confirms(&truths)?;
        let of_another_epoch = Claim { epoch: "D".into(), ..claim(9, &[]) };
        history.confirms(&[truths[0].clone(), of_another_epoch.clone()])?;
        // A lost change, a deleted row that came back, a revision that never was, nothing at all.
        let lies =
            [claim(3, &[(1, 1), (2, 2)]), claim(4, &[(1, 3), (2, 2)]), claim(5, &[(2, 2)]), of_another_epoch];
        for lie in lies {
            assert!(history.confirms(std::slice::from_ref(&lie)).is_err(), "{lie:?} was confirmed");
        }
        Ok(())
    }

    #[test]
    fn a_history_with_a_hole_is_no_history() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = database(folder.path())?;
        Connection::open(&path)?.execute("DELETE FROM history WHERE rev = 2", [])?;
        assert!(History::read(&path, "gangnam").is_err());
        Ok(())
    }
}
