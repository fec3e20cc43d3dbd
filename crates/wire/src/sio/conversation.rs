//! One connection seen from the client: which namespaces are joined, which events wait for their ack and until when.
//!
//! It holds no socket and no clock: texts and milliseconds go in, texts to send and what was received come out.

use super::{Handshake, Packet, SioError, Transport, connect, event};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a received text means. `T` is what the caller attached to the event that is acknowledged.
#[derive(Debug)]
pub enum Received<'a, T> {
    /// The transport is ready: namespaces may be joined.
    Opened(&'a Handshake),
    /// To be sent back at once.
    Reply(String),
    /// A namespace is joined.
    Joined(&'a str),
    /// A namespace refused the join, with this data.
    Refused(&'a str, &'a RawValue),
    /// The server took us out of a namespace.
    Left(&'a str),
    /// An event in a joined namespace.
    Event {
        /// Which namespace.
        namespace: &'a str,
        /// Its name.
        name: Cow<'a, str>,
        /// Its data.
        data: &'a RawValue,
        /// To be acknowledged under this id, where the sender wants it.
        ack: Option<u64>,
    },
    /// An ack that was waited for.
    Acked(&'a str, T, &'a RawValue),
    /// The server ends the connection.
    Closed,
    /// Nothing to do: a noop, or a packet for a namespace that is not joined, or a late ack.
    Nothing,
}

/// One connection seen from the client.
#[derive(Debug)]
pub struct Conversation<T> {
    handshake: Option<Handshake>,
    /// Joined (true) or asked for (false). Bounded by what the caller joins.
    namespaces: BTreeMap<String, bool>,
    /// Bounded by [`MAX_WAITING_ACKS`].
    waiting: BTreeMap<u64, Waiting<T>>,
    next_id: u64,
}

/// Events that may wait for their acks at once; one beyond is refused. A seat emits a handful at a time (a subscribe
/// per center, receipts), so more than this means a server that never acknowledges.
pub const MAX_WAITING_ACKS: usize = 1_024;

#[derive(Debug)]
struct Waiting<T> {
    namespace: String,
    until_ms: u64,
    tag: T,
}

impl<T> Default for Conversation<T> {
    fn default() -> Self {
        Self { handshake: None, namespaces: BTreeMap::new(), waiting: BTreeMap::new(), next_id: 0 }
    }
}

impl<T> Conversation<T> {
    /// What the server said at the beginning, once it has.
    #[must_use]
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_ref()
    }

    /// Whether a namespace is joined.
    #[must_use]
    pub fn is_joined(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace) == Some(&true)
    }

    /// Whether a namespace is joined or asked for.
    #[must_use]
    pub fn knows(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    /// Asks to join a namespace; the text is to be sent.
    ///
    /// # Errors
    /// When `auth` or the namespace can't be written.
    pub fn join(&mut self, namespace: &str, auth: &impl Serialize) -> Result<String, SioError> {
        let text = connect(namespace, auth)?;
        self.namespaces.insert(namespace.to_owned(), false);
        Ok(text)
    }

    /// Leaves a namespace, and forgets all acks awaited in it; the text is to be sent.
    pub fn leave(&mut self, namespace: &str) -> String {
        self.forget(namespace);
        Packet::Disconnect { namespace }.to_text()
    }

    /// Emits an event whose ack is waited for until `until_ms`; the text is to be sent.
    ///
    /// # Errors
    /// When the namespace is not joined, too many acks are waited for, or the data can't be written.
    pub fn emit(
        &mut self,
        namespace: &str,
        name: &str,
        data: &impl Serialize,
        until_ms: u64,
        tag: T,
    ) -> Result<String, SioError> {
        if !self.is_joined(namespace) {
            return Err(SioError::Unwritable(format!("{name} before {namespace} is joined")));
        }
        if self.waiting.len() >= MAX_WAITING_ACKS {
            return Err(SioError::Unwritable(format!("{name}: too many events wait for their acks")));
        }
        let text = event(namespace, Some(self.next_id), name, data)?;
        self.waiting.insert(self.next_id, Waiting { namespace: namespace.to_owned(), until_ms, tag });
        self.next_id += 1;
        Ok(text)
    }

    /// Takes in a text of the server's.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn receive<'a>(&'a mut self, text: &'a str) -> Result<Received<'a, T>, SioError> {
        match Transport::parse(text)? {
            Transport::Open(handshake) => Ok(Received::Opened(self.handshake.insert(handshake))),
            Transport::Close => Ok(Received::Closed),
            Transport::Ping(payload) => Ok(Received::Reply(Transport::Pong(payload).to_text())),
            Transport::Message(payload) => Ok(self.packet(Packet::parse(payload)?)),
            Transport::Pong(_) | Transport::Upgrade | Transport::Noop => Ok(Received::Nothing),
        }
    }

    /// The next moment at which an ack is late, milliseconds.
    #[must_use]
    pub fn deadline_ms(&self) -> Option<u64> {
        self.waiting.values().map(|waiting| waiting.until_ms).min()
    }

    /// Takes out the events whose acks are late at `now_ms`: namespace and tag, in the order they were emitted.
    pub fn expire(&mut self, now_ms: u64) -> Vec<(String, T)> {
        self.waiting
            .extract_if(.., |_, waiting| waiting.until_ms <= now_ms)
            .map(|(_, waiting)| (waiting.namespace, waiting.tag))
            .collect()
    }

    fn packet<'a>(&mut self, packet: Packet<'a>) -> Received<'a, T> {
        match packet {
            Packet::Connect { namespace, .. } => match self.namespaces.get_mut(namespace) {
                Some(joined) if !*joined => {
                    *joined = true;
                    Received::Joined(namespace)
                }
                Some(_) | None => Received::Nothing,
            },
            Packet::ConnectError { namespace, data } => {
                if self.forget(namespace) {
                    Received::Refused(namespace, data)
                } else {
                    Received::Nothing
                }
            }
            Packet::Disconnect { namespace } => {
                if self.forget(namespace) {
                    Received::Left(namespace)
                } else {
                    Received::Nothing
                }
            }
            Packet::Event { namespace, ack, name, data } => {
                if self.is_joined(namespace) {
                    Received::Event { namespace, name, data, ack }
                } else {
                    Received::Nothing
                }
            }
            Packet::Ack { namespace, id, data } => match self.waiting.remove(&id) {
                Some(waiting) if waiting.namespace == namespace => {
                    Received::Acked(namespace, waiting.tag, data)
                }
                Some(of_another) => {
                    self.waiting.insert(id, of_another);
                    Received::Nothing
                }
                None => Received::Nothing,
            },
        }
    }

    /// True when the namespace was known.
    fn forget(&mut self, namespace: &str) -> bool {
        self.waiting.retain(|_, waiting| waiting.namespace != namespace);
        self.namespaces.remove(namespace).is_some()
    }
}
