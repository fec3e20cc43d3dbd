//! What the engine keeps with a connection: the way into its task, and its place among those that have joined nothing.

use crate::admission::Admitted;
use engineioxide::{DisconnectReason, Str};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// A connection as the engine holds it.
pub type EngineSocket = engineioxide::Socket<Inbox>;

/// The way into a connection's task. Empty once the connection is gone, which ends the task.
#[derive(Debug, Default)]
pub struct Inbox(Mutex<Option<Open>>);

/// An open connection's.
#[derive(Debug)]
struct Open {
    texts: mpsc::Sender<Str>,
    /// Until it has joined a namespace.
    unjoined: Option<Admitted>,
}

impl Inbox {
    /// The connection is taken in; it has joined nothing yet.
    pub fn open(&self, texts: mpsc::Sender<Str>, unjoined: Admitted) {
        *self.held() = Some(Open { texts, unjoined: Some(unjoined) });
    }

    /// Ends the connection's task.
    pub fn shut(&self) {
        *self.held() = None;
    }

    /// It has joined a namespace.
    pub fn joined(&self) {
        if let Some(open) = &mut *self.held() {
            open.unjoined = None;
        }
    }

    /// Puts a text in; false when the client sends faster than it is served.
    #[must_use]
    pub fn put(&self, text: Str) -> bool {
        match &*self.held() {
            Some(open) => !matches!(open.texts.try_send(text), Err(mpsc::error::TrySendError::Full(_))),
            None => true,
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a connection and ends its task at once, even when the peer reads no more.
pub fn close(socket: &EngineSocket) {
    socket.data.shut();
    socket.close(DisconnectReason::ClosingServer);
}
