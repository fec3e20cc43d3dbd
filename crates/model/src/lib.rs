//! The domain of a delivery control room: deliveries, riders, their lifecycle, units and digests.
//!
//! Nothing here does IO or reads a clock: instants come in as arguments.

mod delivery;
pub mod digest;
mod due;
pub mod lifecycle;
mod rider;
mod role;
pub mod search;
pub mod text;
pub mod undo;
mod units;

pub use delivery::{
    AT_RISK_MIN, AssignedRider, Cancel, CancelBy, Delivery, Dropoff, Item, Note, Pos, Shop, Status,
};
pub use digest::RowDigest;
pub use due::{DueAt, UNACCEPTED_MIN, UNCONFIRMED_MIN};
pub use rider::{Rider, RiderStatus};
pub use role::{Permission, Role};
pub use units::{
    CenterId, DeliveryId, Epoch, MAX_SAFE_INTEGER, Rev, RiderId, SeatId, ShopId, Text, UtcMillis,
};
