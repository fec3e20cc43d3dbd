//! Runs a plan in a fresh world and says what came of it.

use crate::fault::Fault;
use crate::hub::Call;
use crate::plan::Plan;
use crate::violation::Violation;
use crate::world::World;
use std::path::Path;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Events and ticks of the run.
    pub steps: u64,
    /// How often each fault came to pass at a seat, by its number minus one.
    pub injected: [u64; Fault::COUNT],
    /// What did not hold; empty: everything held.
    pub violations: Vec<Violation>,
    /// A checksum of the run: two runs of the same plan have the same one.
    pub trace: u64,
    /// The longest that it took to find a planted divergence, milliseconds.
    pub found_after_ms: u64,
    /// The most that a seat read of one center within five seconds.
    pub most_asked: usize,
    /// What the hub was asked, with its answers; none where the plan holds faults that a log can't tell.
    pub log: Option<Vec<Call>>,
}

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    run_at(plan, false)
}

/// Runs a plan, with the hub's log where wanted.
#[must_use]
pub fn run_at(plan: &Plan, with_log: bool) -> Report {
    run_world(plan, with_log, true)
}

/// Runs a plan in a world whose oracle says nothing, to show what nobody else sees.
#[must_use]
pub fn run_without_oracle(plan: &Plan) -> Report {
    run_world(plan, false, false)
}

fn run_world(plan: &Plan, with_log: bool, has_oracle: bool) -> Report {
    let folder = Folder::new();
    let mut world = World::new(plan, folder.path());
    world.has_oracle = has_oracle;
    // The boards are filled before anybody looks.
    world.violations.retain(|violation| has_oracle || violation.letter != 'O');
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

/// Faults that involve more than one history, more than one node, or none of the store's: a log can't tell them.
const UNTOLD: [Fault; 14] = [
    Fault::HeadBack,
    Fault::HistoryLost,
    Fault::StaleReplica,
    Fault::NoFanOut,
    Fault::StoreRestarted,
    Fault::SwappedOrder,
    Fault::CommitUnknown,
    Fault::Interleaved,
    Fault::SignalsLost,
    Fault::SignalsDoubled,
    Fault::SignalsSwapped,
    Fault::NodeLags,
    Fault::SignalsCut,
    Fault::StoreCut,
];

/// What the hub is asked in the run of a seed, with its answers. None: the plan holds faults that a log can't tell.
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
