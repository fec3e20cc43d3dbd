//! What the engine keeps with a connection: the way into its task, and its place among those that have joined nothing.

use crate::admission::Admitted;
use engineioxide::{DisconnectReason, Str};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// A connection as the engine holds it.
pub type EngineSocket = engineioxide::Socket<Inbox>;

/// Packets that wait to be sent to one client. A frame leaves every 20 ms at most, so this is over a second of them;
/// a client further behind gets one wider frame instead (see `emitter`).
pub const OUT_CAPACITY: usize = 64;
/// Bytes of them at the most: two of the largest frames.
const OUT_MAX_BYTES: usize = 2 << 20;
/// Texts below this need no count: as many as wait at the most are an eighth of that.
const SMALL_BYTES: usize = 4 << 10;

/// What the engine keeps with a connection: the way into its task, empty once the connection is gone, which ends the task; and
/// how long the latest texts to it were.
#[derive(Debug, Default)]
pub struct Inbox {
    open: Mutex<Option<Open>>,
    sent: Mutex<VecDeque<usize>>,
}

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

    /// Whether a text of that length has room beside those that wait, of which there are `waiting`; then it counts as sent.
    #[must_use]
    pub fn has_room_for(&self, bytes: usize, waiting: impl FnOnce() -> usize) -> bool {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes >= SMALL_BYTES {
            let waiting: usize = sent.iter().rev().take(waiting()).sum();
            // One text always has, however large.
            if waiting > 0 && waiting + bytes > OUT_MAX_BYTES {
                return false;
            }
        }
        if sent.len() == OUT_CAPACITY {
            sent.pop_front();
        }
        sent.push_back(bytes);
        true
    }

    fn held(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a connection and ends its task at once, even when the peer reads no more.
pub fn close(socket: &EngineSocket) {
    socket.data.shut();
    socket.close(DisconnectReason::ClosingServer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_client_is_bounded_in_bytes() {
        let inbox = Inbox::default();
        assert!(inbox.has_room_for(OUT_MAX_BYTES * 2, || 0), "one always has room");
        assert!(!inbox.has_room_for(SMALL_BYTES, || 1), "it still waits");
        assert!(inbox.has_room_for(100, || 1), "an answer");
        assert!(inbox.has_room_for(OUT_MAX_BYTES / 2, || 1), "the large one has left");
        assert!(!inbox.has_room_for(OUT_MAX_BYTES / 2, || 2));
        assert!(inbox.has_room_for(OUT_MAX_BYTES / 2, || 0), "all has left");
    }
}
