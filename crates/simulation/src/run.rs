//! Runs a plan in a fresh world and says what came of it.

use crate::fault::Fault;
use crate::hub::Call;
use crate::plan::Plan;
use crate::world::World;
use gwanje_sync::{Input, SocketEvent};
use serde::Serialize;
use std::path::Path;

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The invariant's letter.
    pub letter: char,
    /// When, milliseconds of the run.
    pub at_ms: u64,
    /// What was seen.
    pub what: String,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Events and ticks.
    pub steps: u64,
    /// By the number of the fault minus one: how often it came to pass at a seat.
    pub injected: [u64; 34],
    /// What did not hold; empty: all did.
    pub violations: Vec<Violation>,
    /// Two runs of the same plan have the same.
    pub trace: u64,
    /// The longest that a planted divergence took to be found, milliseconds.
    pub found_after_ms: u64,
    /// The most that a seat read of one center within five seconds.
    pub most_asked: usize,
    /// What the hub was asked, with its answers; none where the plan holds what a log can't tell.
    pub log: Option<Vec<Call>>,
}

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    run_at(plan, false)
}

/// Runs a plan; with the hub's log where it is wanted.
#[must_use]
pub fn run_at(plan: &Plan, with_log: bool) -> Report {
    let folder = Folder::new();
    let mut world = World::new(plan, folder.path());
    if with_log {
        world.hub.keep_log();
    }
    world.run();
    let faults = plan.faults();
    let told = !faults.iter().any(|fault| UNTOLD.contains(fault));
    let log = (with_log && told).then(|| world.hub.take_log());
    Report {
        steps: world.steps,
        injected: world.injected,
        violations: std::mem::take(&mut world.violations),
        trace: world.trace.value(),
        found_after_ms: world.found_after_ms,
        most_asked: world.most_asked,
        log,
    }
}

/// Faults in which more than one history, or none of the store's, is at work.
const UNTOLD: [Fault; 5] =
    [Fault::HeadBack, Fault::StaleReplica, Fault::NoFanOut, Fault::StoreRestarted, Fault::SwappedOrder];

/// What the hub is asked in the run of a seed, with its answers. None: its plan holds faults of which a log can't tell.
#[must_use]
pub fn log_of(seed: u64) -> Option<Vec<Call>> {
    run_at(&crate::draw::draw(seed), true).log
}

/// A folder in memory where the machine has one.
struct Folder(Option<tempfile::TempDir>);

impl Folder {
    fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        Self(made.or_else(|_| tempfile::tempdir()).ok())
    }

    fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new("."), tempfile::TempDir::path)
    }
}

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

    fn value(&self) -> u64 {
        self.0
    }
}
