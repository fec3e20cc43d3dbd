//! What a drill asks of the hub.

use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, DeliveryId, UtcMillis};
use gwanje_wire::command::{CommandBody, NewOrder};

/// Names one act until it is answered. Unique within a [`Drill`](crate::Drill).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// One thing to do on the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// To answer it by.
    pub token: Token,
    /// On whose board.
    pub center: CenterId,
    /// The instant of operations at which it happens; never later than what `advance` was given.
    pub at: UtcMillis,
    /// What to do.
    pub kind: ActKind,
}

/// What to do. The same bodies that people's requests carry.
#[derive(Debug, Clone, PartialEq)]
pub enum ActKind {
    /// POST `/centers/{c}/deliveries`.
    Create(Box<NewOrder>),
    /// POST `/centers/{c}/deliveries/{id}/{action}`.
    Command {
        /// Which delivery.
        id: DeliveryId,
        /// What to do with it.
        action: Action,
        /// What the action needs.
        body: CommandBody,
    },
}
