//! What hangs on something on its way to a seat: what a fault did to it, and what it tells. Noted where it is taken in.

use crate::fault::Fault;
use gwanje_model::{CenterId, Epoch, Rev};

/// What is to be noted, and what must be so then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Whoever takes it in suffers from that fault.
    By(Fault),
    /// It comes late: so many texts had been sent on its connection, and one that was sent later has come before it.
    Late(u64),
    /// It is of a history that has ended, and the seat knows of the next one.
    OldEpoch(CenterId, Epoch),
    /// A snapshot from that revision on, and the center has changed meanwhile.
    Snapshot(CenterId, Rev),
    /// It speaks of a center as it is in that history.
    Tells(CenterId, Epoch),
    /// A center's cursor can't be gone on from.
    Resync(CenterId),
    /// A center's cursor is ahead of the hub.
    Ahead(CenterId),
    /// The hub's present word on a center.
    Word(CenterId),
}
