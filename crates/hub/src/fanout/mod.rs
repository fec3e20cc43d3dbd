//! What hubs on one store tell each other at once, and what they keep together for a while.
//!
//! All of it may be lost, doubled or swapped: the store alone keeps what must outlive anything. A hub alone uses [`local`];
//! several use [`redis`]. Both do the same, and the same tests run on both.

mod entries;
mod leased;
mod local;
mod presence;
mod redis;
mod trouble;

pub use entries::{EntryChange, Kept, NodeEntries};
pub use leased::{Leased, OfOther};
pub use local::LocalFanout;
pub use presence::Presence;
pub use redis::RedisFanout;
pub use trouble::FanoutTrouble;

use async_trait::async_trait;
use gwanje_model::{CenterId, Pos, RiderId};
use gwanje_wire::socket::RiderPos;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// How long what a hub keeps of its own (its seats, say) stays after its last beat.
pub const LEASE: Duration = Duration::from_secs(6);
/// Between two beats of a hub.
pub const BEAT: Duration = Duration::from_secs(3);
/// Nothing on a request's path waits for other hubs longer than this.
pub const REQUEST_PATIENCE: Duration = Duration::from_millis(50);
/// Texts that wait to be heard by one listener. One that falls further behind is told that it missed some.
const HEARD_CAPACITY: usize = 4_096;

/// What hubs tell each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What was committed.
    Commits,
    /// Who sits where.
    Seats,
    /// What the monitor shows.
    Roster,
    /// Where riders are.
    Places,
}

/// What a hub hears of all hubs, itself among them.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A text.
    Text(Topic, Arc<str>),
    /// Texts may have been lost before this.
    Missed,
}

/// What a route leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed<'a> {
    /// A rider, who is connected to one hub.
    Rider(&'a RiderId),
    /// A socket that polls, by its session id.
    Socket(&'a str),
    /// What one hub alone is to do for all, by its name: whoever holds it.
    Chore(&'a str),
}

/// A rider near a place.
#[derive(Debug, Clone, PartialEq)]
pub struct NearRider {
    /// Who, and where.
    pub place: RiderPos,
    /// How far from there, metres.
    pub distance_m: f64,
}

/// It can't be had now: other hubs can't be reached, or what they share refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what hubs share can't be reached now")]
pub struct FanoutAway;

/// The way to the other hubs of a store.
#[async_trait]
pub trait Fanout: Send + Sync {
    /// This hub's name among them; another at each start.
    fn node(&self) -> &str;
    /// Whether there is no other, and never will be.
    fn is_alone(&self) -> bool;
    /// What is wrong with the way to the others, if anything is.
    fn trouble(&self) -> Option<FanoutTrouble>;

    // Telling.

    /// Tells all hubs. Never waits; it may be lost.
    fn tell(&self, topic: Topic, text: String);
    /// What is told from now on.
    fn hear(&self) -> broadcast::Receiver<Heard>;

    // Entries, leased for [`LEASE`].

    /// Writes all entries of this hub anew, and tells the version.
    async fn write_entries(&self, kept: Kept, all: &NodeEntries) -> Result<(), FanoutAway>;
    /// Writes what has changed since the version before, and tells it. False: the lease was over, and all are to be written.
    async fn change_entries(
        &self,
        kept: Kept,
        version: u64,
        changes: &[EntryChange],
    ) -> Result<bool, FanoutAway>;
    /// Leases the entries on, and tells the version. False: what is there is not that version, and all are to be written.
    async fn keep_entries(&self, kept: Kept, version: u64) -> Result<bool, FanoutAway>;
    /// The entries of all hubs whose lease holds. Costs a read for each hub.
    async fn entries(&self, kept: Kept) -> Result<Vec<NodeEntries>, FanoutAway>;
    /// Takes all entries of this hub back, and tells that it ends.
    async fn end_entries(&self, kept: Kept) -> Result<(), FanoutAway>;

    // Routes: where something is connected. The latest one counts.

    /// Notes that `holder` has it now, for so long.
    async fn take_route(&self, routed: Routed<'_>, holder: &str, life: Duration) -> Result<(), FanoutAway>;
    /// Goes on holding it, for so long from now; false: another has it.
    async fn keep_route(&self, routed: Routed<'_>, holder: &str, life: Duration) -> Result<bool, FanoutAway>;
    /// Takes the route back if `holder` still has it; false: it is another's, or nobody's.
    async fn end_route(&self, routed: Routed<'_>, holder: &str) -> Result<bool, FanoutAway>;
    /// Who has it.
    async fn route(&self, routed: Routed<'_>) -> Result<Option<String>, FanoutAway>;

    // Riders' places.

    /// Keeps places; of each rider the one that was seen last.
    async fn put_places(&self, center: &CenterId, places: &[RiderPos]) -> Result<(), FanoutAway>;
    /// The latest places of a center's riders, by rider id.
    async fn places(&self, center: &CenterId) -> Result<Vec<RiderPos>, FanoutAway>;
    /// The riders of a center within so many metres of a place in degrees, the nearest first, at most so many. Places on a plane
    /// are near nothing.
    async fn nearest(
        &self,
        center: &CenterId,
        near: Pos,
        within_m: f64,
        most: usize,
    ) -> Result<Vec<NearRider>, FanoutAway>;
}
