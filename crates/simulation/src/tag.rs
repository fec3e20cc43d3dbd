//! A tag on something on its way to a seat: what a fault did to it, and what it tells. The tag is noted where the seat
//! takes it in.

use crate::fault::Fault;
use gwanje_model::{CenterId, Epoch, Rev};

/// What to note, and the condition that must hold then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Whoever takes it in suffers from this fault.
    By(Fault),
    /// It comes late, after one that was sent later. The number: how many texts had been sent on its connection before.
    Late(u64),
    /// It belongs to a history that has ended, and the seat knows of a newer one.
    OldEpoch(CenterId, Epoch),
    /// A snapshot from this revision, and the center has changed since.
    Snapshot(CenterId, Rev),
    /// It tells of a center in this history.
    Tells(CenterId, Epoch),
    /// Nothing can go on from a center's cursor.
    Resync(CenterId),
    /// A center's cursor is ahead of the hub.
    Ahead(CenterId),
    /// The hub's present word on a center.
    Word(CenterId),
}
