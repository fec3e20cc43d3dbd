//! The hub's store: deliveries, their history and everything else that must outlive the process.
//!
//! [`Store`] is what the hub uses. It answers from the centers in memory where they reach back far enough, and asks a
//! [`backend`] for everything else. Every method may be called from any task; none blocks the executor.

mod alarms;
mod audit;
mod backend;
mod backup;
mod board;
mod centers;
mod changing;
mod deciding;
mod erasing;
mod error;
mod finding;
mod following;
mod gathering;
mod leases;
mod lines;
mod memory;
mod moving;
mod notes;
mod outcomes;
mod past;
mod people;
mod postgres;
mod preferences;
mod riders;
mod selecting;
mod signals;
mod sqlite;
mod throttle;
mod transfer;

pub use audit::{AuditPlace, AuditSearch, read_instant, shown_instant};
pub(crate) use backup::{BACKUP_KEY, is_backup};
pub use backup::{BackupError, back_up, restore};
pub use board::BoardStream;
pub use centers::CenterRecord;
pub use changing::{AccountEdit, By, PeopleRefused};
pub(crate) use changing::{PeopleChange, PeopleWrite};
pub use erasing::Erased;
pub use error::StoreError;
pub use gwanje_ledger::{
    Accepted, Ask, BatchAct, BatchCommand, BatchDecided, Command, Decided, Erasure, Idempotency, IfMatch,
    Intent, Seen, Signature, Undo,
};
pub use leases::{Chore, Lease};
pub use memory::MemoryPlace;
pub use moving::{StorePlace, move_store};
pub use notes::DEMO_DAY_KEY;
pub(crate) use notes::{OF_DEMO, PURPOSE_KEY};
use past::PAGE as PAST_PAGE;
pub use past::{Found, PastSearch};
pub(crate) use people::{ACCESS_LIFE_MS, KeptSignIn, KeyHash, Rotation};
pub use people::{Account, ApiKey, Scope};
pub use preferences::{PREFERENCES_MAX, Preference, PreferenceKept, Replaces};
pub(crate) use riders::at_work;
pub use selecting::{After, Selection};
pub(crate) use throttle::{Attempt, ThrottleKey, Verdict};
pub(crate) use transfer::{MOVED_KEY, marked};
pub use transfer::{MoveError, Moved};

use crate::clock::Clock;
use crate::fanout::{Fanout, LocalFanout};
use crate::meters::Meters;
use backend::{Backend, Lane};
use gwanje_ledger::{RecentBounds, Standing};
use gwanje_model::{CenterId, UtcMillis};
use gwanje_wire::Head;
use leases::Leases;
use lines::{CenterLine, Lines};
use memory::Memory;
use postgres::{Postgres, Settings};
use serde::Deserialize;
use sqlite::Sqlite;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of changes kept in memory a center, usually: twice what 16,384 rows of a kilobyte have.
const RECENT_BYTES: usize = 32 << 20;
/// Between two looks at what other hubs have committed: as often as heads are told.
const LOOK: Duration = Duration::from_secs(2);
/// Connections of a hub to its database, usually.
pub(crate) const CONNECTIONS: usize = 16;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The file; none: a temporary one that goes with the store.
    pub path: Option<PathBuf>,
    /// Stamps frames and heads.
    pub clock: Clock,
    /// Changes of a center kept in memory for frames and pollers (about a kilobyte each).
    pub recent_changes: usize,
    /// The most bytes of those as JSON, however large their rows are.
    pub recent_bytes: usize,
    /// Tombstones kept of a center: a cursor older than the oldest of them must resync.
    pub tombstones_kept: u64,
    /// Between two looks at what other hubs on the store have committed.
    pub look: Duration,
    /// The most connections to a database.
    pub connections: usize,
    /// How a database's standbys follow it.
    pub replication: Replication,
}

/// How the standbys of a database follow it, of which one may be promoted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replication {
    /// A commit is told before a standby has it: whatever is promoted may lack some, so that new epochs begin.
    #[default]
    Asynchronous,
    /// A commit is told once the standby has it: boards go on after a promotion, unless a hub has told more than is there.
    Synchronous,
}

impl Replication {
    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "asynchronous" => Some(Self::Asynchronous),
            "synchronous" => Some(Self::Synchronous),
            _ => None,
        }
    }
}

impl StoreConfig {
    /// A temporary store with the usual capacities.
    #[must_use]
    pub fn temporary(clock: Clock) -> Self {
        Self {
            path: None,
            clock,
            recent_changes: 16_384,
            recent_bytes: RECENT_BYTES,
            tombstones_kept: 100_000,
            look: LOOK,
            connections: CONNECTIONS,
            replication: Replication::default(),
        }
    }

    /// A store in that file with the usual capacities.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>, clock: Clock) -> Self {
        Self { path: Some(path.into()), ..Self::temporary(clock) }
    }
}

/// An instant by both clocks.
#[derive(Debug, Clone, Copy)]
struct Now {
    wall: UtcMillis,
    day: UtcMillis,
}

impl Now {
    fn of(clock: &Clock) -> Self {
        Self { wall: clock.wall_now(), day: clock.day_now() }
    }

    fn head(self, standing: &Standing) -> Head {
        standing.head(self.wall, self.day)
    }
}

/// The store. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    backend: Box<dyn Backend>,
    fanout: Arc<dyn Fanout>,
    lines: Arc<Lines>,
    leases: Leases,
    tombstones_kept: u64,
}

impl Store {
    /// Opens the store, makes or migrates its tables and starts its writer.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, or is of a newer hub.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let StoreConfig { path, clock, recent_changes, recent_bytes, tombstones_kept, .. } = config;
        let recent = RecentBounds { entries: recent_changes.max(1), bytes: recent_bytes };
        let lines = Arc::new(Lines::new(clock, recent));
        let backend = Sqlite::open(path, &lines)?;
        Ok(Self::of(Box::new(backend), lines, tombstones_kept))
    }

    /// Opens a store in a PostgreSQL database, which several hubs may share; `path` counts for nothing then. By `redis` they
    /// hear of each other's commits at once; without it, or while it is away, within two seconds.
    ///
    /// # Errors
    /// When an address can't be read, the database can't be reached or used, or is of a newer hub.
    pub async fn connect(url: &str, redis: Option<&str>, config: StoreConfig) -> Result<Self, StoreError> {
        let StoreConfig { path: _, clock, recent_changes, recent_bytes, tombstones_kept, .. } = config;
        let shared =
            Settings { look: config.look, connections: config.connections, replication: config.replication };
        let recent = RecentBounds { entries: recent_changes.max(1), bytes: recent_bytes };
        let lines = Arc::new(Lines::new(clock, recent));
        let backend = Postgres::open(url, redis, shared, &lines).await?;
        Ok(Self::of(Box::new(backend), lines, tombstones_kept))
    }

    /// Opens a store in memory, which others on clones of `place` share; `path` counts for nothing then.
    #[must_use]
    pub fn in_memory(place: &MemoryPlace, config: StoreConfig) -> Self {
        let StoreConfig { path: _, clock, recent_changes, recent_bytes, tombstones_kept, .. } = config;
        let recent = RecentBounds { entries: recent_changes.max(1), bytes: recent_bytes };
        let lines = Arc::new(Lines::new(clock, recent));
        let backend = Memory::open(place, &lines);
        Self::of(Box::new(backend), lines, tombstones_kept)
    }

    fn of(backend: Box<dyn Backend>, lines: Arc<Lines>, tombstones_kept: u64) -> Self {
        let fanout = backend.fanout().unwrap_or_else(|| Arc::new(LocalFanout::alone()));
        let leases = Leases::default();
        Self { shared: Arc::new(Shared { backend, fanout, lines, leases, tombstones_kept }) }
    }

    /// Commits what is queued and closes the store; later writes are refused. Returns when it is at rest.
    pub async fn close(&self) {
        self.shared.backend.close().await;
    }

    /// The clocks that stamp frames and heads.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.lines.clock
    }

    /// What is measured of it, and of the hub on it.
    #[must_use]
    pub fn meters(&self) -> Arc<Meters> {
        Arc::clone(&self.shared.lines.meters)
    }

    /// Whether it takes writes: no more after [`Self::close`], and if it ever failed.
    #[must_use]
    pub fn takes_writes(&self) -> bool {
        self.shared.backend.takes_writes()
    }

    /// What it does without at present, by name.
    #[must_use]
    pub fn without(&self) -> Vec<&'static str> {
        let mut without = self.shared.backend.without();
        without.extend(self.shared.fanout.trouble().map(|_| "redis"));
        without
    }

    /// The way to the other hubs that serve it.
    #[must_use]
    pub fn fanout(&self) -> Arc<dyn Fanout> {
        Arc::clone(&self.shared.fanout)
    }

    /// Whether other hubs may serve it, too.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.backend.is_shared()
    }

    /// A number that grows with every write of accounts and keys, and with every end of a sign-in, by whichever process.
    pub(crate) async fn people_version(&self) -> Result<i64, StoreError> {
        self.shared.backend.people_version().await
    }

    fn line(&self, center: &CenterId) -> Result<Arc<CenterLine>, StoreError> {
        self.shared.lines.get(center).ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// Both clocks now. Taken before a read: a head must not claim to be newer than what was read.
    fn now(&self) -> Now {
        Now::of(self.clock())
    }

    /// When what memory knows of a center was true at the latest.
    fn known(&self, line: &CenterLine) -> Now {
        line.seen().unwrap_or_else(|| self.now())
    }
}
