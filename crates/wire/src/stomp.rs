//! STOMP 1.2 frames, as a pure codec for both directions: a client's and a server's.
//!
//! Bytes of WebSocket messages go into a [`Decoder`], which gives frames and heart-beats back and keeps no more than
//! one unfinished frame, however the bytes were cut. [`Frame::to_bytes`] and [`Frame::to_text`] write. What can be
//! written can be read again, and is the same frame.
//!
//! Reads liberally where servers differ (a colon in a header's value need not be escaped, lines end with LF or CR LF),
//! strictly where a guess could lose a delivery. Everything has a bound: [`MAX_HEADERS`], [`MAX_LINE_BYTES`],
//! [`MAX_BODY_BYTES`].
//!
//! Source: <https://stomp.github.io/stomp-specification-1.2.html>.

mod decode;
mod encode;
mod heart_beat;

pub use decode::{Decoder, Incoming};
pub use encode::HEART_BEAT;
pub use heart_beat::HeartBeat;

use std::fmt;
use std::str::Utf8Error;
use thiserror::Error;

/// The subprotocol of a WebSocket that carries STOMP 1.2.
pub const SUBPROTOCOL: &str = "v12.stomp";
/// The version of `accept-version` and `version`.
pub const VERSION: &str = "1.2";

/// The most headers of a frame. Brokers send about ten; more than this is no header block but a flood.
pub const MAX_HEADERS: usize = 64;
/// The most bytes of a command or header line, as sent. Destinations and tokens stay far below.
pub const MAX_LINE_BYTES: usize = 8 * 1024;
/// The most bytes of a body: the bound of any packet (2 MiB).
pub const MAX_BODY_BYTES: usize = 2 << 20;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Client: opens the session.
    Connect,
    /// Client: the same, under the name that tells STOMP from HTTP.
    Stomp,
    /// Client: a message to a destination.
    Send,
    /// Client: wants a destination's messages.
    Subscribe,
    /// Client: no longer.
    Unsubscribe,
    /// Client: a message was taken.
    Ack,
    /// Client: a message was not taken.
    Nack,
    /// Client: a transaction begins.
    Begin,
    /// Client: a transaction is kept.
    Commit,
    /// Client: a transaction is dropped.
    Abort,
    /// Client: ends the session.
    Disconnect,
    /// Server: the session is open.
    Connected,
    /// Server: a message of a subscription.
    Message,
    /// Server: a frame with a `receipt` header was dealt with.
    Receipt,
    /// Server: what went wrong; the connection ends after it.
    Error,
}

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who connected.
    Client,
    /// Who listens.
    Server,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Stomp,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Ack,
        Self::Nack,
        Self::Begin,
        Self::Commit,
        Self::Abort,
        Self::Disconnect,
        Self::Connected,
        Self::Message,
        Self::Receipt,
        Self::Error,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Stomp => "STOMP",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Disconnect => "DISCONNECT",
            Self::Connected => "CONNECTED",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
        }
    }

    /// Which side sends it.
    #[must_use]
    pub fn sender(self) -> Side {
        match self {
            Self::Connect
            | Self::Stomp
            | Self::Send
            | Self::Subscribe
            | Self::Unsubscribe
            | Self::Ack
            | Self::Nack
            | Self::Begin
            | Self::Commit
            | Self::Abort
            | Self::Disconnect => Side::Client,
            Self::Connected | Self::Message | Self::Receipt | Self::Error => Side::Server,
        }
    }

    /// The headers without which it means nothing.
    #[must_use]
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::Connect | Self::Stomp => &["accept-version", "host"],
            Self::Connected => &["version"],
            Self::Send => &["destination"],
            Self::Subscribe => &["destination", "id"],
            Self::Unsubscribe | Self::Ack | Self::Nack => &["id"],
            Self::Begin | Self::Commit | Self::Abort => &["transaction"],
            Self::Message => &["destination", "message-id", "subscription"],
            Self::Receipt => &["receipt-id"],
            Self::Disconnect | Self::Error => &[],
        }
    }

    /// Whether it may carry a body.
    #[must_use]
    pub fn has_body(self) -> bool {
        matches!(self, Self::Send | Self::Message | Self::Error)
    }

    /// Whether CR, LF, colon and backslash in its headers are escaped. The two frames that agree on the version are
    /// written as in STOMP 1.0, which knew no escapes.
    #[must_use]
    pub fn is_escaped(self) -> bool {
        !matches!(self, Self::Connect | Self::Connected)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One frame. `content-length` belongs to the framing: it is read and written, but is none of the headers here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub command: Command,
    /// Names and values, unescaped, in the order of the wire. The first of a repeated name counts.
    pub headers: Vec<(String, String)>,
    /// Empty for most.
    pub body: Vec<u8>,
}

impl Frame {
    /// A frame without headers or body.
    #[must_use]
    pub fn new(command: Command) -> Self {
        Self { command, headers: Vec::new(), body: Vec::new() }
    }

    /// CONNECT for version 1.2, offering `heart_beat`. Credentials are added as headers `login` and `passcode`.
    #[must_use]
    pub fn connect(host: &str, heart_beat: HeartBeat) -> Self {
        Self::new(Command::Connect)
            .with("accept-version", VERSION)
            .with("host", host)
            .with("heart-beat", &heart_beat.to_string())
    }

    /// SUBSCRIBE to a destination; its messages carry `id` as `subscription`. Messages need no ACK.
    #[must_use]
    pub fn subscribe(id: &str, destination: &str) -> Self {
        Self::new(Command::Subscribe).with("id", id).with("destination", destination).with("ack", "auto")
    }

    /// SEND of a JSON text to a destination.
    #[must_use]
    pub fn send_json(destination: &str, json: &str) -> Self {
        let mut frame = Self::new(Command::Send)
            .with("destination", destination)
            .with("content-type", "application/json;charset=utf-8");
        frame.body = json.as_bytes().to_vec();
        frame
    }

    /// The same with a header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A header's value; the first of a repeated header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.body)
    }

    /// What each side may expect of the other, from CONNECT or CONNECTED. Absent: no heart-beats.
    ///
    /// # Errors
    /// When the header is not two numbers.
    pub fn heart_beat(&self) -> Result<HeartBeat, StompError> {
        self.header("heart-beat").map_or(Ok(HeartBeat::NONE), HeartBeat::parse)
    }
}

/// Why bytes are no frame, or a frame has no bytes. Close the connection after a reading error: where the next frame
/// begins is not known. No message holds what was sent, which may be a customer's.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum StompError {
    /// The first line names no command.
    #[error("reading a STOMP frame: its command ({0} bytes) is none of STOMP 1.2; close the connection")]
    UnknownCommand(usize),
    /// A carriage return between frames that is half of a line end.
    #[error("reading a STOMP frame: a carriage return without its line feed before it; close the connection")]
    StrayReturn,
    /// The command is one that only the other side sends.
    #[error("reading a STOMP frame: {0} is not sent by this side; close the connection")]
    WrongSide(Command),
    /// The bytes break the grammar.
    #[error("reading a STOMP {command}: {what}; close the connection")]
    Malformed {
        /// Of which frame.
        command: Command,
        /// What is wrong.
        what: &'static str,
    },
    /// A header that the command needs is not there.
    #[error("reading a STOMP {command}: the header {header} is missing; close the connection")]
    Missing {
        /// Of which frame.
        command: Command,
        /// Which header.
        header: &'static str,
    },
    /// A bound is passed.
    #[error("reading a STOMP frame: {what} is over {limit}; close the connection")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// An earlier error ended the stream.
    #[error("reading a STOMP frame: the stream was given up after an earlier error; close the connection")]
    GivenUp,
    /// The frame can't be written.
    #[error("writing a STOMP {command}: {what}")]
    Unwritable {
        /// Which frame.
        command: Command,
        /// Why not.
        what: &'static str,
    },
    /// A `heart-beat` header that is not two numbers of milliseconds.
    #[error("reading a STOMP heart-beat header: it is not two numbers of milliseconds; close the connection")]
    HeartBeat,
}

#[cfg(test)]
mod tests;
