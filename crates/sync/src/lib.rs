//! The sans-IO core that keeps boards true: it holds no socket, no clock, no task.
//!
//! [`Client`] is the whole client side of one server: sign-in, the socket with its namespaces, one [`Session`] per
//! center, commands and alarms. Inputs go in with [`Now`]; actions and the next deadline come out. The tokio shell in
//! `engine` and the simulator run this same code.
//!
//! ```text
//! engine:  input → Client::handle(input, now) → while let Some(action) = poll_action() { do it } → sleep until deadline()
//! Client:  link (socket, tickets, reconnect) · auth (tokens) · commands (rule 11) · sessions (one per center)
//! Session: cursor, gap, proof, repair, snapshot, polling (rules 1–5, 9, 10, 12)
//! ```

mod client;
mod findings;
mod foreign;
mod io;
pub mod mutation;
mod priority;
mod session;
mod stats;
#[cfg(test)]
mod testing;

pub use client::{Client, ClientConfig};
pub use findings::{CheckPhase, CheckReport, RepairCause, RepairReport};
pub use foreign::{Foreign, ForeignConfig, SocketOptions};
pub use session::UnreadKind;

/// The text in a foreign server's binary message; none: it holds none.
#[must_use]
pub fn read_text(bytes: &[u8]) -> Option<String> {
    let decoded = gwanje_reading::text(bytes, None);
    (!decoded.is_cut).then(|| decoded.text.into_owned())
}
pub use gwanje_dialect as dialect;
pub use io::{
    Action, AlarmKey, AlarmNotice, Batch, CREATE, CommandId, CommandKind, CommandOutcome, CommandRequest,
    ForeignName, HttpFailure, HttpRequest, HttpResponse, Input, LinkReason, LostCommand, Method, Mono, Now,
    OwnCancellation, Proof, RequestId, Restored, RowChange, SkippedAlarms, SocketEvent, SocketId, State,
    StoredAlarm, StoredCommand, Unsettled,
};
pub use priority::AlarmPriority;
pub use session::{Fetch, FetchFailure, FetchId, Fetched, Session, SessionAction, SessionConfig};
pub use stats::{
    Calls, LATENCY_BOUNDS_MS, Latencies, Latency, LatencySummary, MismatchesBy, ProofsBy, RepairStats,
    RestBy, RowsFrom, SocketBy, Stats,
};
