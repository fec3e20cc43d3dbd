//! Whose history the database goes on with. A server has an identifier, and a timeline that a promotion begins anew; the
//! database keeps those that its rows were written under. Where they differ it is a copy or a promoted standby, and lacks
//! perhaps what was told: every transaction looks, and before anything is answered new epochs begin.

use super::Shared;
use super::apply::stand;
use super::failure::Failure;
use super::rows::standing as read_standing;
use crate::store::Replication;
use crate::store::centers::epoch_after;
use deadpool_postgres::Transaction;
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, UtcMillis};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;
use tokio_postgres::Row;

/// What the server says of itself beside what the database keeps, and the server's clock. Any role may ask.
pub(super) const LOOK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, system_identifier, \
                               pg_walfile_name(pg_current_wal_lsn()), identity.system, identity.timeline \
                               FROM pg_control_system() LEFT JOIN identity ON TRUE";

/// A machine's clock may be so many milliseconds off the database's before that is said.
const CLOCK_OFF_MS: i64 = 2_000;

/// Which server, and which course of its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    system: i64,
    timeline: i64,
}

impl Identity {
    /// Whether the other is the same server's, after a promotion.
    fn is_followed_by(self, other: Self) -> bool {
        self.system == other.system && self.timeline < other.timeline
    }
}

/// What one look at the server shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// What the server's clock showed, and when it was asked.
    pub now: UtcMillis,
    pub asked: Instant,
    server: Identity,
    /// What the rows were written under; none: the database is damaged.
    kept: Option<Identity>,
}

impl Seen {
    pub fn read(row: &Row, asked: Instant) -> Result<Self, Failure> {
        let file: &str = row.get(2);
        let timeline = file.get(..8).and_then(|digits| i64::from_str_radix(digits, 16).ok());
        let timeline = timeline.ok_or_else(|| Failure::Damaged("the log's file", file.to_owned()))?;
        let kept: (Option<i64>, Option<i64>) = (row.get(3), row.get(4));
        Ok(Self {
            now: UtcMillis(row.get(0)),
            asked,
            server: Identity { system: row.get(1), timeline },
            kept: kept.0.zip(kept.1).map(|(system, timeline)| Identity { system, timeline }),
        })
    }

    fn is_other_history(&self) -> bool {
        self.kept != Some(self.server)
    }
}

/// The latest server that this node has used.
#[derive(Debug, Default)]
pub(super) struct Used(Mutex<Option<Identity>>);

impl Used {
    /// Uses a server, unless it goes on with a history that was left.
    fn take(&self, server: Identity) -> Result<(), Failure> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *used {
            Some(Identity { system, timeline }) if system == server.system && timeline > server.timeline => {
                Err(Failure::LeftBehind { timeline: server.timeline, used: timeline })
            }
            _ => {
                *used = Some(server);
                Ok(())
            }
        }
    }
}

/// Looks at the server from within a transaction, as its first statement.
pub(super) async fn look(tx: &Transaction<'_>) -> Result<Seen, Failure> {
    let statement = tx.prepare_cached(LOOK).await?;
    let asked = Instant::now();
    Seen::read(&tx.query_one(&statement, &[]).await?, asked)
}

/// Whether a store that stands there lacks what was told before it was read.
pub(super) fn lacks(store: &Standing, told: &Standing) -> bool {
    store.epoch < told.epoch
        || (store.epoch == told.epoch && (store.rev < told.rev || store.alarm_seq < told.alarm_seq))
}

impl Shared {
    /// Whether what a transaction reads can be believed. The server's clock is this node's.
    pub(super) fn believe(&self, seen: &Seen) -> Result<(), Failure> {
        self.follow_clock(seen);
        self.used.take(seen.server)?;
        if seen.is_other_history() { Err(Failure::OtherHistory) } else { Ok(()) }
    }

    fn follow_clock(&self, seen: &Seen) {
        let ahead_ms = self.lines.clock.follow(seen.now, seen.asked);
        let is_off = ahead_ms.abs() > CLOCK_OFF_MS;
        if self.is_clock_off.swap(is_off, Ordering::Relaxed) != is_off {
            if is_off {
                tracing::warn!(ahead_ms, "this machine's clock is not the database's, which counts; set it");
            } else {
                tracing::info!(ahead_ms, "this machine's clock is the database's again");
            }
        }
    }

    /// Where a center was told to stand.
    pub(super) fn told(&self, center: &CenterId) -> Option<Standing> {
        self.lines.get(center).map(|line| line.recent().standing().clone())
    }

    /// Whether a database with another history may lack what was told by whomever. A standby that was followed synchronously
    /// does not.
    fn may_lack_commits(&self, seen: &Seen) -> bool {
        let is_promoted = seen.kept.is_some_and(|kept| kept.is_followed_by(seen.server));
        seen.is_other_history() && !(is_promoted && self.replication == Replication::Synchronous)
    }

    /// Begins epochs where that is needed: in every center of a database that may lack commits, else in those that lack what
    /// this node has told. Of several nodes the first does it; the others find it done.
    pub(super) async fn begin_epochs(&self) -> Result<(), Failure> {
        let mut client = self.client().await?;
        let tx = client.transaction().await?;
        tx.execute("SELECT 1 FROM identity FOR UPDATE", &[]).await?;
        let seen = look(&tx).await?;
        self.used.take(seen.server)?;
        let mut begun = 0;
        for (center, mut standing) in lock_all(&tx).await? {
            let told = self.told(&center);
            if !self.may_lack_commits(&seen) && !told.as_ref().is_some_and(|told| lacks(&standing, told)) {
                continue;
            }
            let latest = told.map(|told| told.epoch).filter(|epoch| *epoch > standing.epoch);
            let latest = latest.unwrap_or_else(|| standing.epoch.clone());
            standing.begin_epoch(epoch_after(&latest, seen.now));
            stand(&tx, &center, &standing, seen.now).await?;
            begun += 1;
        }
        if seen.is_other_history() {
            let Identity { system, timeline } = seen.server;
            let sql = "INSERT INTO identity (system, timeline) VALUES ($1, $2) \
                       ON CONFLICT (one) DO UPDATE SET system = excluded.system, timeline = excluded.timeline";
            tx.execute(sql, &[&system, &timeline]).await?;
        }
        tx.commit().await?;
        if begun > 0 {
            tracing::warn!(
                centers = begun,
                "the database may lack commits that were told: new epochs begin, and every client fetches its boards anew"
            );
        }
        Ok(())
    }
}

/// Takes the locks of all centers, in the one order in which anybody does.
async fn lock_all(tx: &Transaction<'_>) -> Result<Vec<(CenterId, Standing)>, Failure> {
    let sql = "SELECT epoch, rev, count, digest, floor, alarm_seq, next_number, id FROM center \
               ORDER BY id COLLATE \"C\" FOR UPDATE";
    let rows = tx.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| (CenterId::from(row.get::<_, String>(7)), read_standing(row))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_was_left_is_not_gone_back_to() {
        let used = Used::default();
        let server = |system, timeline| Identity { system, timeline };
        assert!(used.take(server(7, 1)).is_ok());
        assert!(used.take(server(7, 3)).is_ok());
        assert!(matches!(used.take(server(7, 1)), Err(Failure::LeftBehind { timeline: 1, used: 3 })));
        assert!(used.take(server(7, 3)).is_ok());
        assert!(used.take(server(8, 1)).is_ok(), "another server begins with its first timeline");
    }
}
