//! What a node has in memory of each center: its latest changes, and where it stands as far as the node knows. Other
//! nodes' commits come by signals, which may be lost, doubled or swapped.

use gwanje_ledger::memory::{MemoryCommit, MemoryStore};
use gwanje_ledger::{Entry, Recent, RecentBounds, Standing};
use gwanje_model::{CenterId, Rev};
use std::collections::BTreeMap;

/// Few, so that the store is read where a cursor reaches back further.
const BOUNDS: RecentBounds = RecentBounds { entries: 48, bytes: 1 << 20 };

/// What one node knows without a read.
#[derive(Debug, Clone)]
pub(super) struct NodeMemory(BTreeMap<CenterId, Recent>);

/// What a signal tells of a commit.
#[derive(Debug, Clone)]
pub struct Signal {
    /// The node that committed it.
    pub from: usize,
    pub(super) commit: MemoryCommit,
}

/// What became of a signal at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeardSignal {
    /// Its changes join what is known.
    Joined,
    /// It only shows that something is not known.
    Woke,
    /// All of it was known.
    Stale,
}

impl Signal {
    /// Of which center.
    #[must_use]
    pub fn center(&self) -> &CenterId {
        &self.commit.center
    }
}

impl NodeMemory {
    /// A node that starts now knows where each center stands, and nothing of how it came there.
    pub fn new(store: &MemoryStore, centers: impl Iterator<Item = CenterId>) -> Self {
        let known = |id: CenterId| {
            let standing = store.center(&id)?.standing().clone();
            Some((id, Recent::new(standing, BOUNDS)))
        };
        Self(centers.filter_map(known).collect())
    }

    pub fn of(&self, center: &CenterId) -> Option<&Recent> {
        self.0.get(center)
    }

    /// The node itself has committed this.
    pub fn publish(&mut self, commit: &MemoryCommit) {
        if let Some(recent) = self.0.get_mut(&commit.center) {
            recent.publish(commit.standing.clone(), commit.changes.clone());
        }
    }

    /// A signal of another node comes in.
    pub fn hear(&mut self, signal: &Signal) -> HeardSignal {
        let Some(recent) = self.0.get_mut(signal.center()) else { return HeardSignal::Stale };
        let MemoryCommit { standing, changes, .. } = &signal.commit;
        let present = recent.standing();
        let expected = (present.rev.0 + 1..).map(Rev);
        let joins = present.epoch == standing.epoch
            && present.alarm_seq <= standing.alarm_seq
            && changes.last().is_some_and(|last| last.rev() == standing.rev)
            && changes.iter().map(Entry::rev).zip(expected).all(|(rev, expected)| rev == expected);
        if joins {
            recent.publish(standing.clone(), changes.clone());
            HeardSignal::Joined
        } else if come_to(recent, standing) {
            HeardSignal::Woke
        } else {
            HeardSignal::Stale
        }
    }

    /// The store was seen to stand there. True: that was not known.
    pub fn look(&mut self, center: &CenterId, standing: &Standing) -> bool {
        self.0.get_mut(center).is_some_and(|recent| come_to(recent, standing))
    }
}

/// Takes in where a center stands, unless that or more is known.
fn come_to(recent: &mut Recent, standing: &Standing) -> bool {
    let place =
        |standing: &Standing| (standing.epoch.clone(), standing.rev, standing.alarm_seq, standing.floor);
    let is_newer = place(standing) > place(recent.standing());
    if is_newer {
        recent.publish(standing.clone(), Vec::new());
    }
    is_newer
}
