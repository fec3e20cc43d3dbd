//! Signals between hubs on one store: what one has committed, the others hear at once.
//!
//! Any of them may be lost, come twice or in another order: a signal that does not join what is known only shows how far the
//! center has come, and the store is read. Where none come hubs see each other's commits when they next look.

use super::lines::Lines;
use crate::fanout::{Fanout, Heard, Topic};
use gwanje_ledger::{Entry, Standing};
use gwanje_model::digest::DigestSum;
use gwanje_model::{CenterId, Delivery, Epoch, Rev, RowDigest};
use gwanje_wire::Gone;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Weak};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

/// The version of a signal.
const VERSION: u32 = 1;
/// The most bytes of rows in a signal; of more, only how far the center has come is told.
const ROWS_MAX_BYTES: usize = 32 * 1024;

/// What a hub has committed to a center.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signal {
    v: u32,
    /// Whose; a hub passes over its own.
    node: String,
    /// None: a beat of an earlier version, which says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<Commit>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    center: CenterId,
    epoch: Epoch,
    rev: Rev,
    count: u64,
    digest: DigestSum,
    floor: Rev,
    alarm_seq: u64,
    next_number: u64,
    /// What was changed, by revision, where it is not too much: rows and what left the board.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<Arc<Delivery>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<Gone>,
}

impl Commit {
    fn of(center: &CenterId, standing: &Standing, changes: &[Entry]) -> Self {
        let bytes: usize = changes.iter().map(Entry::bytes).sum();
        let told = if bytes <= ROWS_MAX_BYTES { changes } else { &[] };
        let row = |entry: &Entry| match entry {
            Entry::Row(row, _) => Some(Arc::clone(row)),
            Entry::Unread { .. } | Entry::Gone(_) => None,
        };
        let gone = |entry: &Entry| match entry {
            Entry::Row(..) | Entry::Unread { .. } => None,
            Entry::Gone(gone) => Some(*gone),
        };
        Self {
            center: center.clone(),
            epoch: standing.epoch.clone(),
            rev: standing.rev,
            count: standing.rows.count,
            digest: standing.rows.digest,
            floor: standing.floor,
            alarm_seq: standing.alarm_seq,
            next_number: standing.next_number,
            rows: told.iter().filter_map(row).collect(),
            gone: told.iter().filter_map(gone).collect(),
        }
    }

    /// Where the center stands, and its changes by revision.
    fn read(self) -> (CenterId, Standing, Vec<Entry>) {
        let standing = Standing {
            epoch: self.epoch,
            rev: self.rev,
            rows: RowDigest { count: self.count, digest: self.digest },
            floor: self.floor,
            alarm_seq: self.alarm_seq,
            next_number: self.next_number,
        };
        let row = |row: Arc<Delivery>| {
            let bytes = serde_json::to_string(&*row).map_or(0, |json| json.len());
            Entry::Row(row, bytes)
        };
        let mut changes: Vec<Entry> = self.rows.into_iter().map(row).collect();
        changes.extend(self.gone.into_iter().map(Entry::Gone));
        changes.sort_unstable_by_key(Entry::rev);
        (self.center, standing, changes)
    }
}

/// The signals of a hub. They end with it.
pub(super) struct Signals {
    fanout: Arc<dyn Fanout>,
    /// The store is to be read: signals may have been lost.
    missed: Arc<Notify>,
    hearing: JoinHandle<()>,
}

impl Signals {
    /// Begins to hear the other hubs of a store.
    pub fn begin(fanout: Arc<dyn Fanout>, lines: &Arc<Lines>) -> Self {
        let missed = Arc::new(Notify::new());
        let hearing = Hearing {
            node: fanout.node().to_owned(),
            lines: Arc::downgrade(lines),
            missed: Arc::clone(&missed),
        };
        let hearing = tokio::spawn(hearing.keep_hearing(fanout.hear()));
        Self { fanout, missed, hearing }
    }

    /// The way by which they come.
    pub fn fanout(&self) -> Arc<dyn Fanout> {
        Arc::clone(&self.fanout)
    }

    /// Tells the other hubs what was committed. Never waits.
    pub fn committed(&self, center: &CenterId, standing: &Standing, changes: &[Entry]) {
        let commit = Some(Commit::of(center, standing, changes));
        let signal = Signal { v: VERSION, node: self.fanout.node().to_owned(), commit };
        if let Ok(text) = serde_json::to_string(&signal) {
            self.fanout.tell(Topic::Commits, text);
        }
    }

    /// Returns when signals may have been lost.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

struct Hearing {
    node: String,
    lines: Weak<Lines>,
    missed: Arc<Notify>,
}

impl Hearing {
    async fn keep_hearing(self, mut heard: broadcast::Receiver<Heard>) {
        loop {
            match heard.recv().await {
                Ok(Heard::Text(Topic::Commits, text)) => self.heard(&text),
                Ok(Heard::Text(Topic::Seats | Topic::Roster | Topic::Places, _)) => {}
                Ok(Heard::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => self.missed.notify_one(),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn heard(&self, text: &str) {
        let Ok(Signal { v: VERSION, node, commit }) = serde_json::from_str(text) else {
            // Of another version, perhaps: something happened.
            return self.missed.notify_one();
        };
        let (Some(commit), Some(lines)) = (commit, self.lines.upgrade()) else { return };
        if node == self.node {
            return;
        }
        let (center, standing, changes) = commit.read();
        match lines.get(&center) {
            Some(line) => line.hear(standing, changes),
            None => self.missed.notify_one(),
        }
    }
}
