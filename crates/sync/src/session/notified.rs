//! What all alarms share: what one is known by, and how far the person has been told of it.

use crate::io::AlarmKey;
use gwanje_wire::rest::AlarmEntry;

/// How far the person has been told of an alarm in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notified {
    /// Waits for a batch to be made.
    Unstored,
    /// Waits for that batch to be committed.
    Stored(u64),
    /// Notified, or nothing to tell.
    Yes,
}

/// The key of an entry of `/alarms`.
pub(super) fn key_of(entry: &AlarmEntry) -> AlarmKey {
    AlarmKey { id: entry.id, kind: entry.kind, raised_at: entry.raised_at }
}
