//! Sockets: Socket.IO namespaces of centers, their emitters, and the gate in front of them.

mod connection;
mod emitter;
mod endpoint;
mod faults;
mod followers;
mod gate;
mod packet;

pub use faults::Faults;
pub use gate::{SocketGate, serve_until};
