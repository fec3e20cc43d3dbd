//! Heart-beats: what each side offers, and what the two offers make.

use super::StompError;
use std::fmt;
use std::time::Duration;

/// The `heart-beat` header of one side, in milliseconds; 0: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HeartBeat {
    /// The sender can send something at least this often.
    pub sends_every_ms: u32,
    /// The sender would like to receive something this often.
    pub wants_every_ms: u32,
}

impl HeartBeat {
    /// No heart-beats either way.
    pub const NONE: Self = Self { sends_every_ms: 0, wants_every_ms: 0 };

    /// Reads `<sends>,<wants>`.
    ///
    /// # Errors
    /// When it is not two numbers of milliseconds.
    pub fn parse(value: &str) -> Result<Self, StompError> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().ok_or(StompError::HeartBeat)
        };
        let (sends, wants) = value.split_once(',').ok_or(StompError::HeartBeat)?;
        Ok(Self { sends_every_ms: number(sends)?, wants_every_ms: number(wants)? })
    }

    /// How often this side has to send something, given the other side's offer; `None`: never.
    #[must_use]
    pub fn send_every(self, other: Self) -> Option<Duration> {
        agreed(self.sends_every_ms, other.wants_every_ms)
    }

    /// How often this side may expect something, given the other side's offer; `None`: it may not. Allow for a margin:
    /// the specification asks receivers to.
    #[must_use]
    pub fn expect_every(self, other: Self) -> Option<Duration> {
        agreed(other.sends_every_ms, self.wants_every_ms)
    }
}

impl fmt::Display for HeartBeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.sends_every_ms, self.wants_every_ms)
    }
}

/// Neither side says never: the slower of the two.
fn agreed(sends_every_ms: u32, wants_every_ms: u32) -> Option<Duration> {
    let both = sends_every_ms > 0 && wants_every_ms > 0;
    both.then(|| Duration::from_millis(sends_every_ms.max(wants_every_ms).into()))
}
