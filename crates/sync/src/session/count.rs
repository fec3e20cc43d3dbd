//! What is counted from outside: what requests and events cost; and all counts together.

use super::{Fetch, Session};
use crate::stats::{Cost, SocketBy, Stats};
use gwanje_model::UtcMillis;

/// What a request was for, as far as a session counts it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spent<'a> {
    Fetch(&'a Fetch),
    Receipt,
    Command,
}

impl Session {
    /// A request of this session's (or for it: a receipt, a command) came back; told before its answer.
    pub(crate) fn spent(&mut self, purpose: Spent<'_>, cost: Cost) {
        let by = &mut self.stats.rest_by;
        let calls = match purpose {
            Spent::Fetch(Fetch::Changes { .. }) => &mut by.changes,
            Spent::Fetch(Fetch::Snapshot) => &mut by.snapshots,
            Spent::Fetch(Fetch::Digest { .. } | Fetch::Buckets { .. }) => &mut by.comparing,
            Spent::Fetch(Fetch::Revs { .. } | Fetch::Rows { .. }) => &mut by.repairing,
            Spent::Fetch(Fetch::Alarms { .. }) => &mut by.alarms,
            Spent::Receipt => &mut by.receipts,
            Spent::Command => &mut by.commands,
        };
        calls.take(cost);
        self.stats.take_cost(cost);
        match purpose {
            Spent::Fetch(
                Fetch::Digest { .. } | Fetch::Buckets { .. } | Fetch::Revs { .. } | Fetch::Rows { .. },
            ) => self.repair_cost(cost.bytes_in),
            Spent::Fetch(Fetch::Changes { .. } | Fetch::Snapshot | Fetch::Alarms { .. }) | Spent::Receipt => {
            }
            Spent::Command => {
                if let Some(ms) = cost.ms {
                    self.stats.latency.command.take(ms);
                }
            }
        }
    }

    /// A text of the socket was for this center.
    pub(crate) fn heard(&mut self, bytes: u64, by: impl FnOnce(&mut SocketBy) -> &mut u64) {
        self.stats.socket_bytes += bytes;
        *by(&mut self.stats.socket_by) += bytes;
    }

    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { unreadable: self.rows.unreadable(), overlays: self.overlays.len(), ..self.stats }
    }

    /// When each of the 256 buckets was last compared by content in this run (the desk's wall clock).
    #[must_use]
    pub fn compared_at(&self) -> &[Option<UtcMillis>] {
        self.compared_at.at()
    }
}
