//! When a delivery wants a person although nothing happens to it.

use crate::{Delivery, Status, UtcMillis};

/// A rider confirms within this many minutes, or somebody should call.
pub const UNCONFIRMED_MIN: i64 = 3;
/// A new order is accepted within this many minutes, or somebody should look.
pub const UNACCEPTED_MIN: i64 = 1;

/// The instants (operations time) from which a delivery, as it is now, is late, unconfirmed, unaccepted; none: it can't
/// become so.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct DueAt {
    /// It has not ended by its delivery target.
    pub late: Option<UtcMillis>,
    /// Its rider has not confirmed.
    pub unconfirmed: Option<UtcMillis>,
    /// Nobody has accepted it.
    pub unaccepted: Option<UtcMillis>,
}

impl DueAt {
    /// Of a delivery, as it is.
    #[must_use]
    pub fn of(row: &Delivery) -> Self {
        let silent =
            row.status == Status::Assigned && row.rider.as_ref().is_some_and(|rider| !rider.confirmed);
        let received = row.status == Status::Received;
        Self {
            late: (!row.status.is_final()).then(|| row.late_at()),
            unconfirmed: row.assigned_at.filter(|_| silent).map(|at| at.plus_min(UNCONFIRMED_MIN)),
            unaccepted: received.then(|| row.received_at.plus_min(UNACCEPTED_MIN)),
        }
    }
}
