//! What a hub was asked and what it answered, so that another hub can be asked the same.

use super::operate::{Operated, Operation};
use super::setup::{Instants, Setup};
use gwanje_model::{CenterId, Rev};
use gwanje_sync::{HttpRequest, HttpResponse};
use gwanje_wire::rest::AlarmEntry;
use gwanje_wire::{Frame, Head};
use serde_json::Value;

/// One call with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When.
    pub at: Instants,
    /// What was asked.
    pub what: Question,
    /// What was answered.
    pub answer: Answer,
}

/// What a hub is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Begin with this setup.
    Begin(Box<Setup>),
    /// A request.
    Rest(Box<HttpRequest>),
    /// CONNECT of a namespace on a connection.
    Join {
        /// The connection.
        connection: u64,
        /// The namespace.
        namespace: String,
        /// Ticket and seat.
        auth: Value,
    },
    /// An event in a joined namespace.
    Event {
        /// The connection.
        connection: u64,
        /// Its center.
        center: CenterId,
        /// The event's name.
        name: String,
        /// Its data.
        data: Value,
    },
    /// A connection has ended.
    Left(u64),
    /// An emitter asks for what was committed after a revision.
    Flush(CenterId, Rev),
    /// An emitter asks where a center stands.
    Head(CenterId),
    /// An emitter asks for alarms after a seq.
    Alarms(CenterId, u64),
    /// The hub looks at the clock for alarms of a center.
    LookAtAlarms(CenterId),
    /// Somebody makes a change.
    Operate(Operation),
    /// End, and begin again from the store.
    Restart,
}

/// What a hub answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    Begun,
    /// To a request.
    Rest(HttpResponse),
    /// Joined, or the data of a CONNECT_ERROR.
    Join(Result<(), Value>),
    /// An acknowledgement.
    Event(Value),
    /// Nothing.
    Left,
    /// A frame; none: no frame may start there.
    Flush(Option<Frame>),
    /// A head.
    Head(Option<Head>),
    /// Alarms.
    Alarms(Vec<AlarmEntry>),
    /// How many alarms were written or escalated.
    LookAtAlarms(usize),
    /// What came of the change.
    Operate(Operated),
    /// Nothing.
    Restart,
}
