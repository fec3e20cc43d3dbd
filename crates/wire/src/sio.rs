//! Socket.IO 5 over Engine.IO 4 text packets, as a pure codec.
//!
//! A WebSocket text message is one Engine.IO packet: a digit and a payload. The payload of MESSAGE is one Socket.IO
//! packet: `<type>[<namespace>,][<ack id>][JSON]`. Parsing borrows: an event's data stays raw JSON until somebody who
//! knows its shape reads it, so that a frame is parsed once. Binary attachments are not part of the wire contract and
//! are reported as [`SioError::Unsupported`].
//!
//! Sources: <https://socket.io/docs/v4/engine-io-protocol/>, <https://socket.io/docs/v4/socket-io-protocol/>.

pub mod conversation;
pub mod server;

pub use conversation::{Conversation, Received};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Write as _;
use thiserror::Error;

/// The namespace that needs no name on the wire.
pub const DEFAULT_NAMESPACE: &str = "/";

/// Why a text is no packet.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SioError {
    /// The text breaks the protocol.
    #[error("reading a Socket.IO packet: {0}; treat it as a lost packet")]
    Malformed(&'static str),
    /// The packet is allowed by the protocol but not by this contract.
    #[error("reading a Socket.IO packet: {0} is not supported; use text packets")]
    Unsupported(&'static str),
    /// The data has no JSON form, or the namespace can't be written.
    #[error("writing a Socket.IO packet: {0}")]
    Unwritable(String),
}

/// The payload of OPEN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// The Engine.IO session.
    pub sid: String,
    /// The server pings this often, milliseconds.
    pub ping_interval: u64,
    /// The connection is dead without an answer for this long after a ping, milliseconds.
    pub ping_timeout: u64,
    /// The most bytes of a message; 0: not said.
    #[serde(default)]
    pub max_payload: u64,
}

/// An Engine.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport<'a> {
    /// The session begins.
    Open(Handshake),
    /// The session ends.
    Close,
    /// To be answered with [`Transport::Pong`] and the same payload.
    Ping(&'a str),
    /// The answer to [`Transport::Ping`].
    Pong(&'a str),
    /// Carries a [`Packet`], still as text.
    Message(&'a str),
    /// Only with transport upgrades, which a WebSocket from the start does not need.
    Upgrade,
    /// Nothing.
    Noop,
}

impl<'a> Transport<'a> {
    /// Reads a WebSocket text message.
    ///
    /// # Errors
    /// When it is no Engine.IO 4 text packet.
    pub fn parse(text: &'a str) -> Result<Self, SioError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(SioError::Malformed("an empty message"))?;
        let payload = chars.as_str();
        match kind {
            '0' => serde_json::from_str(payload)
                .map(Self::Open)
                .map_err(|_| SioError::Malformed("OPEN without sid, pingInterval and pingTimeout")),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(payload)),
            '3' => Ok(Self::Pong(payload)),
            '4' => Ok(Self::Message(payload)),
            '5' => Ok(Self::Upgrade),
            '6' => Ok(Self::Noop),
            'b' => Err(SioError::Unsupported("a base64 message")),
            _ => Err(SioError::Malformed("an unknown Engine.IO packet type")),
        }
    }

    /// The WebSocket text message.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Open(handshake) => {
                // A struct of strings and integers always has a JSON form.
                format!("0{}", serde_json::to_string(handshake).unwrap_or_default())
            }
            Self::Close => "1".to_owned(),
            Self::Ping(payload) => format!("2{payload}"),
            Self::Pong(payload) => format!("3{payload}"),
            Self::Message(payload) => format!("4{payload}"),
            Self::Upgrade => "5".to_owned(),
            Self::Noop => "6".to_owned(),
        }
    }
}

/// A Socket.IO packet.
#[derive(Debug, Clone)]
pub enum Packet<'a> {
    /// Joins a namespace (from a client), or says that it is joined (from a server).
    Connect {
        /// Which namespace.
        namespace: &'a str,
        /// `auth` from a client, `{sid}` from a server.
        data: Option<&'a RawValue>,
    },
    /// Leaves a namespace.
    Disconnect {
        /// Which namespace.
        namespace: &'a str,
    },
    /// An event.
    Event {
        /// In which namespace.
        namespace: &'a str,
        /// Set when the sender wants an [`Packet::Ack`] with this id.
        ack: Option<u64>,
        /// Its name.
        name: Cow<'a, str>,
        /// Its first argument; `null` without one. Further arguments are not part of the contract.
        data: &'a RawValue,
    },
    /// The answer to an event.
    Ack {
        /// In which namespace.
        namespace: &'a str,
        /// Of the event.
        id: u64,
        /// Its first argument; `null` without one.
        data: &'a RawValue,
    },
    /// A namespace refused the join.
    ConnectError {
        /// Which namespace.
        namespace: &'a str,
        /// Why.
        data: &'a RawValue,
    },
}

impl<'a> Packet<'a> {
    /// Reads the payload of a MESSAGE.
    ///
    /// # Errors
    /// When it is no Socket.IO 5 packet, or a binary one.
    pub fn parse(text: &'a str) -> Result<Self, SioError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(SioError::Malformed("a message without a packet"))?;
        let (namespace, rest) = split_namespace(chars.as_str());
        match kind {
            '0' => {
                let data = if rest.is_empty() { None } else { Some(object(rest)?) };
                Ok(Self::Connect { namespace, data })
            }
            '1' if rest.is_empty() => Ok(Self::Disconnect { namespace }),
            '1' => Err(SioError::Malformed("DISCONNECT with data")),
            '2' => {
                let (ack, rest) = split_id(rest)?;
                let arguments = array(rest)?;
                let name = arguments.first().ok_or(SioError::Malformed("an event without a name"))?;
                let data = arguments.get(1).copied().unwrap_or(RawValue::NULL);
                Ok(Self::Event { namespace, ack, name: plain_string(name)?, data })
            }
            '3' => {
                let (id, rest) = split_id(rest)?;
                let id = id.ok_or(SioError::Malformed("ACK without an id"))?;
                let data = array(rest)?.first().copied().unwrap_or(RawValue::NULL);
                Ok(Self::Ack { namespace, id, data })
            }
            '4' => {
                let data = raw(rest).map_err(|_| SioError::Malformed("CONNECT_ERROR without JSON"))?;
                Ok(Self::ConnectError { namespace, data })
            }
            '5' | '6' => Err(SioError::Unsupported("a packet with binary attachments")),
            _ => Err(SioError::Malformed("an unknown Socket.IO packet type")),
        }
    }

    /// The namespace that it speaks of.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::Ack { namespace, .. }
            | Self::ConnectError { namespace, .. } => namespace,
        }
    }

    /// The whole WebSocket text message, with the digit of MESSAGE before it.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Connect { namespace, data } => {
                head('0', namespace, None, data.map_or(0, |data| data.get().len()), |text| {
                    text.push_str(data.map_or("", RawValue::get));
                })
            }
            Self::Disconnect { namespace } => head('1', namespace, None, 0, |_| {}),
            Self::Event { namespace, ack, name, data } => {
                head('2', namespace, *ack, name.len() + data.get().len() + 5, |text| {
                    let _ = write!(text, "[{},{}]", serde_json::Value::from(name.as_ref()), data.get());
                })
            }
            Self::Ack { namespace, id, data } => {
                head('3', namespace, Some(*id), data.get().len() + 2, |text| {
                    let _ = write!(text, "[{}]", data.get());
                })
            }
            Self::ConnectError { namespace, data } => {
                head('4', namespace, None, data.get().len(), |text| text.push_str(data.get()))
            }
        }
    }
}

/// The nth argument of an event, from 1: only foreign servers say more than one. None: it has fewer, or is no event.
#[must_use]
pub fn argument(text: &str, nth: usize) -> Option<&RawValue> {
    let (_, rest) = split_namespace(text.strip_prefix("42")?);
    let (_, rest) = split_id(rest).ok()?;
    array(rest).ok()?.get(nth).copied()
}

/// A WebSocket text message that joins a namespace.
///
/// # Errors
/// When `auth` has no JSON form, or the namespace does not begin with `/` or holds a comma.
pub fn connect(namespace: &str, auth: &impl Serialize) -> Result<String, SioError> {
    let data = to_raw(auth)?;
    Ok(Packet::Connect { namespace: writable(namespace)?, data: Some(&data) }.to_text())
}

/// A WebSocket text message that carries an event, with an id when an ack is wanted.
///
/// # Errors
/// When `data` has no JSON form, or the namespace does not begin with `/` or holds a comma.
pub fn event(
    namespace: &str,
    ack: Option<u64>,
    name: &str,
    data: &impl Serialize,
) -> Result<String, SioError> {
    let data = to_raw(data)?;
    Ok(Packet::Event { namespace: writable(namespace)?, ack, name: name.into(), data: &data }.to_text())
}

fn to_raw(data: &impl Serialize) -> Result<Box<RawValue>, SioError> {
    serde_json::value::to_raw_value(data).map_err(|error| SioError::Unwritable(error.to_string()))
}

fn writable(namespace: &str) -> Result<&str, SioError> {
    let fits = namespace.starts_with('/') && !namespace.contains([',', '?']);
    fits.then_some(namespace).ok_or_else(|| {
        SioError::Unwritable(format!("the namespace {namespace:?} must begin with / and hold no comma"))
    })
}

fn head(
    kind: char,
    namespace: &str,
    id: Option<u64>,
    body_len: usize,
    body: impl FnOnce(&mut String),
) -> String {
    let mut text = String::with_capacity(namespace.len() + body_len + 24);
    text.push('4');
    text.push(kind);
    if namespace != DEFAULT_NAMESPACE {
        text.push_str(namespace);
        text.push(',');
    }
    if let Some(id) = id {
        let _ = write!(text, "{id}");
    }
    body(&mut text);
    text
}

/// The namespace (without a query) and what follows its comma.
fn split_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return (DEFAULT_NAMESPACE, text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    (namespace.split_once('?').map_or(namespace, |(path, _)| path), rest)
}

fn split_id(text: &str) -> Result<(Option<u64>, &str), SioError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.split_at_checked(digits) {
        Some(("", rest)) => Ok((None, rest)),
        Some((id, rest)) => {
            let id = id.parse().map_err(|_| SioError::Malformed("an ack id beyond 64 bits"))?;
            Ok((Some(id), rest))
        }
        None => Ok((None, text)),
    }
}

fn raw(text: &str) -> Result<&RawValue, serde_json::Error> {
    serde_json::from_str(text)
}

fn object(text: &str) -> Result<&RawValue, SioError> {
    raw(text)
        .ok()
        .filter(|value| value.get().starts_with('{'))
        .ok_or(SioError::Malformed("CONNECT with data that is no object"))
}

fn array(text: &str) -> Result<Vec<&RawValue>, SioError> {
    serde_json::from_str(text).map_err(|_| SioError::Malformed("a payload that is no JSON array"))
}

fn plain_string(value: &RawValue) -> Result<Cow<'_, str>, SioError> {
    const NO_STRING: SioError = SioError::Malformed("an event whose name is no string");
    let text = value.get();
    if text.contains('\\') {
        return serde_json::from_str::<String>(text).map(Cow::Owned).map_err(|_| NO_STRING);
    }
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(Cow::Borrowed).ok_or(NO_STRING)
}

#[cfg(test)]
mod tests;
