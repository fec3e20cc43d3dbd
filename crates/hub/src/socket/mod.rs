//! Sockets: Socket.IO namespaces of centers, their emitters, and the gate in front of them.
//!
//! [`Connection`] and [`Emission`] decide what is answered and sent, without a socket or a timer; tasks and an
//! Engine.IO server stand around them.

mod alarms_told;
mod connection;
mod emission;
mod emitter;
mod endpoint;
mod followers;
mod frame_loss;
mod gate;
mod inbox;
mod monitoring;
mod passing;
mod seats;

pub use connection::Connection;
pub use emission::{Emission, Word};
pub use emitter::{Ways, Words};
pub use engineioxide::Str;
pub use followers::{Outlet, Sent};
pub use frame_loss::{FrameLoss, NoLoss};
pub use gate::SocketGate;
pub use monitoring::MonitorFeed;
