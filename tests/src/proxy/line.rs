//! Bytes: a connection's two ways, each of which can be silenced, slowed, cut and damaged while it is open.

use super::{Kind, Way};
use gwanje_model::digest::mix;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

/// What becomes of the bytes that go one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    /// They arrive.
    #[default]
    Pass,
    /// They don't; the sender's buffer fills, and nothing is closed. What is left arrives once the line passes again.
    Stuck,
    /// They arrive so much later.
    Late(Duration),
    /// So many arrive a second.
    Slow {
        /// Bytes.
        per_second: usize,
    },
    /// So many more arrive, then the connection ends.
    EndsAfter {
        /// Bytes, by connection from the moment of the switch.
        bytes: u64,
    },
    /// About one byte of so many arrives with its highest bit flipped: no longer UTF-8, or another frame.
    Flips {
        /// Bytes between two flips, on average.
        every: u64,
        /// The same seed flips the same places.
        seed: u64,
    },
}

/// How connections are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// As a process that closes them does.
    #[default]
    Fin,
    /// As a machine that forgot about them does.
    Reset,
}

/// One way of one kind of connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OneWay {
    pub line: Line,
    /// How often it was silenced: a connection carries bytes as long as this is what it was at its beginning.
    pub silenced: u64,
}

/// One kind of connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    up: OneWay,
    down: OneWay,
    /// How often all were cut, likewise.
    pub cuts: u64,
    pub ending: Ending,
    pub refuses: bool,
    pub opened: Arc<AtomicU64>,
}

impl Lines {
    pub fn of(&self, way: Way) -> OneWay {
        match way {
            Way::Up => self.up,
            Way::Down => self.down,
        }
    }

    pub fn of_mut(&mut self, way: Way) -> &mut OneWay {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// All of a proxy's switches.
#[derive(Debug, Default)]
pub(super) struct Switches {
    socket: Lines,
    rest: Lines,
}

impl Switches {
    pub fn lines(&self, kind: Kind) -> &Lines {
        match kind {
            Kind::Socket => &self.socket,
            Kind::Rest => &self.rest,
        }
    }

    pub fn lines_mut(&mut self, kind: Kind) -> &mut Lines {
        match kind {
            Kind::Socket => &mut self.socket,
            Kind::Rest => &mut self.rest,
        }
    }
}

/// Carries a connection until both ways have ended.
pub(super) async fn carry(near: TcpStream, far: TcpStream, kind: Kind, switches: watch::Receiver<Switches>) {
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let way = |way| Pump::new(kind, way, switches.clone());
    tokio::join!(way(Way::Up).run(near_in, far_out), way(Way::Down).run(far_in, near_out));
}

/// One way of one connection.
struct Pump {
    kind: Kind,
    way: Way,
    switches: watch::Receiver<Switches>,
    /// As they were at the beginning.
    silenced: u64,
    cuts: u64,
    /// Bytes since the line last changed.
    since_change: u64,
    line: Line,
    next_flip: u64,
}

/// What to do before the next read.
enum Next {
    Read,
    Wait,
    End(Ending),
}

impl Pump {
    fn new(kind: Kind, way: Way, switches: watch::Receiver<Switches>) -> Self {
        let (silenced, cuts) = {
            let now = switches.borrow();
            (now.lines(kind).of(way).silenced, now.lines(kind).cuts)
        };
        Self { kind, way, switches, silenced, cuts, since_change: 0, line: Line::Pass, next_flip: 0 }
    }

    /// Each pump owns the reading end of one connection and the writing end of the other: dropped, it closes both for its way.
    async fn run(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let room = match self.next() {
                Next::Read => self.room(buffer.len()),
                Next::Wait => {
                    if self.switches.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Next::End(ending) => return end(ending, &from, &to),
            };
            let read = tokio::select! {
                biased;
                changed = self.switches.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                read = from.read(&mut buffer[..room]) => read,
            };
            let Ok(length @ 1..) = read else { return };
            let bytes = &mut buffer[..length];
            self.damage(bytes);
            if let Line::Late(by) = self.line {
                tokio::time::sleep(by).await;
            }
            if to.write_all(bytes).await.is_err() {
                return;
            }
            self.since_change += length as u64;
            if let Line::Slow { per_second } = self.line {
                tokio::time::sleep(Duration::from_secs_f64(length as f64 / per_second.max(1) as f64)).await;
            }
        }
    }

    fn next(&mut self) -> Next {
        let (one, cuts, ending) = {
            let now = self.switches.borrow_and_update();
            let lines = now.lines(self.kind);
            (lines.of(self.way), lines.cuts, lines.ending)
        };
        if cuts != self.cuts {
            return Next::End(ending);
        }
        if one.silenced != self.silenced {
            return Next::Wait;
        }
        if one.line != self.line {
            (self.line, self.since_change, self.next_flip) = (one.line, 0, 0);
        }
        match self.line {
            Line::Stuck => Next::Wait,
            Line::EndsAfter { bytes } if self.since_change >= bytes => Next::End(Ending::Fin),
            Line::Pass | Line::Late(_) | Line::Slow { .. } | Line::EndsAfter { .. } | Line::Flips { .. } => {
                Next::Read
            }
        }
    }

    /// How many bytes may be read at once.
    fn room(&self, usual: usize) -> usize {
        match self.line {
            Line::Slow { per_second } => (per_second / 10).clamp(1, usual),
            Line::EndsAfter { bytes } => {
                usize::try_from(bytes - self.since_change).unwrap_or(usual).clamp(1, usual)
            }
            Line::Pass | Line::Stuck | Line::Late(_) | Line::Flips { .. } => usual,
        }
    }

    fn damage(&mut self, bytes: &mut [u8]) {
        let Line::Flips { every, seed } = self.line else { return };
        for (place, byte) in (self.since_change..).zip(bytes.iter_mut()) {
            if self.next_flip == 0 {
                // The first ones pass, so that a connection may be opened at all.
                self.next_flip = place + every;
            }
            if place >= self.next_flip {
                *byte ^= 0x80;
                self.next_flip = place + 1 + mix(seed ^ place) % (2 * every.max(1));
            }
        }
    }
}

/// Ends both connections at once: what is not sent yet is lost.
fn end(ending: Ending, from: &OwnedReadHalf, to: &OwnedWriteHalf) {
    if ending == Ending::Reset {
        // One that is closed already has nothing left to forget.
        let _ = from.as_ref().set_zero_linger();
        let _ = to.as_ref().set_zero_linger();
    }
}
