//! By which two runs are told to be the same.

use gwanje_sync::{Input, SocketEvent};

/// A hash of everything that went into any core, and when.
#[derive(Debug, Default)]
pub(crate) struct Trace(u64);

impl Trace {
    fn eat(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            self.0 = gwanje_model::digest::mix(self.0 ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
    }

    /// An input of a seat.
    pub(crate) fn input(&mut self, now_ms: u64, seat: usize, input: &Input) {
        self.0 = gwanje_model::digest::mix(self.0 ^ now_ms).wrapping_add(u64::try_from(seat).unwrap_or(0));
        match input {
            Input::Socket(socket, SocketEvent::Text(text)) => {
                self.0 ^= socket.0;
                self.eat(text.as_bytes());
            }
            Input::Http(id, Ok(response)) => {
                self.0 ^= id.0;
                self.eat(&response.body);
            }
            Input::Restored(center, restored) => {
                self.eat(center.as_str().as_bytes());
                self.0 ^= u64::try_from(restored.rows.len()).unwrap_or(0);
            }
            Input::Tick => self.0 ^= 1,
            Input::Socket(
                socket,
                SocketEvent::Opened
                | SocketEvent::Unreadable
                | SocketEvent::TurnedAway { .. }
                | SocketEvent::Closed(_),
            ) => {
                self.0 ^= socket.0 + 2;
            }
            Input::Http(id, Err(_)) => self.0 ^= id.0 + 3,
            Input::Committed(_, seq) => self.0 ^= seq + 4,
            Input::Unwritten(_, seq) => self.0 ^= seq + 6,
            Input::SignIn { .. }
            | Input::Resume { .. }
            | Input::SignOut
            | Input::CacheLost(_)
            | Input::Audited { .. }
            | Input::Check(_)
            | Input::Command(_)
            | Input::Receipt(..) => self.0 ^= 5,
        }
    }

    /// A word of a seat.
    pub(crate) fn word(&mut self, seat: usize, word: &str) {
        self.0 ^= u64::try_from(seat).unwrap_or(0);
        self.eat(word.as_bytes());
    }

    /// Two runs of the same plan have the same.
    pub(crate) fn value(&self) -> u64 {
        self.0
    }
}
