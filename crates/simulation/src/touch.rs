//! What a fault did to something on its way to a seat: it has come to pass where somebody takes that in who suffers from it.

use crate::fault::Fault;
use gwanje_model::{CenterId, Epoch, Rev};

/// What was done, and what must be so when it is taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Whoever takes it in suffers.
    By(Fault),
    /// It comes late: so many texts had been sent on its connection, and one that was sent later has come before it.
    Late(u64),
    /// It is of a history that has ended, and the seat knows of the next one.
    OldEpoch(CenterId, Epoch),
    /// A snapshot from that revision on, and the center has changed meanwhile.
    Snapshot(CenterId, Rev),
}
