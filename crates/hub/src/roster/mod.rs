//! The hubs on the store, who is connected to each, and what went wrong: what the monitor shows.
//!
//! Each hub keeps its own part with the others, as long as its lease holds. Every hub knows all of it, with the counts
//! ready: a question costs what it shows.

mod lags;
mod listing;
mod sight;

pub use listing::ClientFilter;
pub use sight::Sight;

use crate::fanout::{Fanout, Kept, Leased, OfOther, Routed};
use crate::logged::LogLine;
use gwanje_model::{Rev, Text, UtcMillis};
use gwanje_wire::monitor::{
    Behind, ClientsReply, MONITOR_LAST_MAX, MonitorBroadcast, MonitorClient, MonitorCounts, MonitorError,
    MonitorNode, MonitorReply,
};
use lags::Lags;
use listing::Listing;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};

/// Events that wait for one listener. One that falls further behind misses some, and sees it by the counts.
const EVENTS_CAPACITY: usize = 1_024;
/// How long a hub that is silent may take to come back before it counts as dead: a beat, when all come back at once.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(3);
/// How long nobody else tells of a hub's death.
const DEATH_TOLD: Duration = Duration::from_secs(60);
/// The entry of a hub itself.
const NODE_KEY: &str = "node";

/// What happens, as it is told to whoever looks on.
#[derive(Debug, Clone)]
pub enum RosterEvent {
    /// A socket joined a namespace.
    Joined(Arc<MonitorClient>),
    /// It left.
    Left(Arc<MonitorClient>),
    /// Something went wrong, perhaps once more.
    Error(Arc<MonitorError>),
}

/// What a hub keeps with the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RosterEntry {
    Node { node: MonitorNode, ready: bool },
    Client(Arc<MonitorClient>),
    Error(Arc<MonitorError>),
}

/// See the module's doc.
pub struct Roster {
    fanout: Arc<dyn Fanout>,
    leased: Leased<RosterEntry>,
    shown: Arc<Shown>,
    lags: Mutex<Lags>,
    broadcasts: Mutex<VecDeque<MonitorBroadcast>>,
    name: OnceLock<Text>,
}

/// What is known of all hubs.
struct Shown {
    listing: Mutex<Listing>,
    events: broadcast::Sender<RosterEvent>,
}

impl Shown {
    fn listing(&self) -> MutexGuard<'_, Listing> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what an entry of a hub is now.
    fn take(&self, hub: &str, key: &str, before: Option<&RosterEntry>, after: Option<&RosterEntry>) {
        let mut listing = self.listing();
        match (before, after) {
            (_, Some(RosterEntry::Node { node, ready })) => listing.put_node(hub, node.clone(), *ready),
            (Some(RosterEntry::Node { .. }), None) => listing.remove_node(hub),
            (_, Some(RosterEntry::Client(client))) => {
                if listing.put_client(hub, Arc::clone(client)) {
                    // Nobody looks on, perhaps.
                    _ = self.events.send(RosterEvent::Joined(Arc::clone(client)));
                }
            }
            (Some(RosterEntry::Client(client)), None) => {
                if listing.remove_client(client) {
                    _ = self.events.send(RosterEvent::Left(Arc::clone(client)));
                }
            }
            (_, Some(RosterEntry::Error(error))) => {
                listing.put_error(hub, key, Arc::clone(error));
                _ = self.events.send(RosterEvent::Error(Arc::clone(error)));
            }
            (Some(RosterEntry::Error(_)), None) => listing.remove_error(hub, key),
            (None, None) => {}
        }
    }
}

impl Roster {
    /// Nobody is there yet. Hears and tells the other hubs, if there are any, as long as it lives.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>) -> Self {
        let events = broadcast::Sender::new(EVENTS_CAPACITY);
        let shown = Arc::new(Shown { listing: Mutex::default(), events });
        let (watched, ways) = (Arc::clone(&shown), Arc::clone(&fanout));
        let watcher = move |hub: &str, of: OfOther<'_, RosterEntry>| match of {
            OfOther::Changed { key, before, after } => watched.take(hub, key, before, after),
            OfOther::Ended => _ = watched.listing().forget(hub),
            OfOther::Lost => {
                if let Some(name) = watched.listing().forget(hub) {
                    tokio::spawn(tell_death(Arc::clone(&watched), Arc::clone(&ways), hub.to_owned(), name));
                }
            }
        };
        Self {
            leased: Leased::new(Arc::clone(&fanout), Kept::Roster, Box::new(watcher)),
            fanout,
            shown,
            lags: Mutex::default(),
            broadcasts: Mutex::default(),
            name: OnceLock::new(),
        }
    }

    /// What this hub is called among the others; said once, when it begins to serve.
    pub fn call(&self, name: &str) {
        _ = self.name.set(name.into());
    }

    /// This hub's name.
    #[must_use]
    pub fn name(&self) -> Text {
        self.name.get().cloned().unwrap_or_else(|| "hub".into())
    }

    /// How this hub is now.
    pub fn report(&self, node: MonitorNode, ready: bool) {
        self.put(NODE_KEY, Some(RosterEntry::Node { node, ready }));
    }

    /// What this hub's log says.
    pub fn log(&self, line: &LogLine) {
        let error = MonitorError {
            at: line.at,
            node: self.name(),
            level: line.level,
            text: line.text.clone(),
            count: line.count,
            center: line.center.clone(),
        };
        self.put(&format!("error {}", line.slot), Some(RosterEntry::Error(Arc::new(error))));
    }

    /// A socket of this hub joined a namespace.
    pub fn enter(&self, client: MonitorClient) {
        let key = client_key(&client.namespace, &client.connection_id);
        self.put(&key, Some(RosterEntry::Client(Arc::new(client))));
    }

    /// What it subscribed to, and by which way it comes.
    pub fn subscribed(&self, namespace: &str, connection: &str, rooms: Vec<Text>, transport: &str) {
        self.edit(namespace, connection, |client| {
            client.rooms = rooms;
            client.transport = transport.into();
        });
    }

    /// It left.
    pub fn leave(&self, namespace: &str, connection: &str) {
        self.lags().forget(namespace, connection);
        self.put(&client_key(namespace, connection), None);
    }

    /// Where followers of a namespace stand, each with how many revisions it is behind.
    pub fn lag<'a>(&self, namespace: &str, lags: impl Iterator<Item = (&'a str, Rev)>, now: Instant) {
        let changed: Vec<(&str, Behind)> = {
            let mut kept = self.lags();
            lags.filter_map(|(connection, lag)| {
                let behind = kept.note(namespace, connection, lag.0, now)?;
                Some((connection, behind))
            })
            .collect()
        };
        for (connection, behind) in changed {
            self.edit(namespace, connection, |client| client.behind = behind);
        }
    }

    fn lags(&self) -> MutexGuard<'_, Lags> {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, namespace: &str, connection: &str, edit: impl FnOnce(&mut MonitorClient)) {
        let found = self.shown.listing().client(namespace, connection);
        if let Some(before) = found {
            let mut client = MonitorClient::clone(&before);
            edit(&mut client);
            if client != *before {
                self.enter(client);
            }
        }
    }

    /// Makes an entry of this hub what it is now, here and at the others.
    fn put(&self, key: &str, entry: Option<RosterEntry>) {
        let hub = self.fanout.node();
        let before = match &entry {
            Some(_) => None,
            None => self.shown.listing().entry_of(key).map(RosterEntry::Client),
        };
        self.shown.take(hub, key, before.as_ref(), entry.as_ref());
        self.leased.change(key, |_| entry);
    }

    /// Something was published.
    pub fn broadcast(&self, broadcast: MonitorBroadcast) {
        let mut kept = self.broadcasts();
        kept.push_front(broadcast);
        kept.truncate(MONITOR_LAST_MAX);
    }

    fn broadcasts(&self) -> MutexGuard<'_, VecDeque<MonitorBroadcast>> {
        self.broadcasts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<RosterEvent> {
        self.shown.events.subscribe()
    }

    /// All that may be seen, but for clients.
    #[must_use]
    pub fn shown_to(&self, sight: &Sight, at: UtcMillis) -> MonitorReply {
        let MonitorCounts { at, nodes, namespaces, totals } = self.counts(sight, at);
        let errors = self.shown.listing().errors(sight);
        let broadcasts =
            self.broadcasts().iter().filter(|one| sight.namespace(&one.namespace)).cloned().collect();
        MonitorReply { at, nodes, namespaces, totals, errors, broadcasts }
    }

    /// How many are where.
    #[must_use]
    pub fn counts(&self, sight: &Sight, at: UtcMillis) -> MonitorCounts {
        self.shown.listing().counts(sight, at)
    }

    /// A page of clients.
    #[must_use]
    pub fn clients(&self, sight: &Sight, filter: &ClientFilter) -> ClientsReply {
        self.shown.listing().page(sight, filter)
    }

    /// The hub that holds a connection, by its name; none: nobody holds it.
    #[must_use]
    pub fn holder(&self, connection: &str) -> Option<MonitorNode> {
        self.shown.listing().holder(connection)
    }

    /// A hub by its name; the one that started last, where several have it.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<MonitorNode> {
        self.shown.listing().node(name)
    }

    /// How many hubs there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.shown.listing().nodes()
    }

    /// Whether another hub than this one should be sent requests.
    #[must_use]
    pub fn is_another_ready(&self) -> bool {
        self.shown.listing().is_another_ready(self.fanout.node())
    }

    /// Whether there are no other hubs, and never will be.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.fanout.is_alone()
    }

    /// This hub ends.
    pub async fn end(&self) {
        self.leased.end().await;
    }
}

/// Tells of a hub that is gone without a word, unless it was the way to it that was gone. Of all hubs one does.
async fn tell_death(shown: Arc<Shown>, fanout: Arc<dyn Fanout>, hub: String, name: Text) {
    sleep(COMES_BACK_WITHIN).await;
    if fanout.trouble().is_some() || shown.listing().knows(&hub) {
        return;
    }
    let chore = format!("death:{hub}");
    let held = fanout.keep_route(Routed::Chore(&chore), fanout.node(), DEATH_TOLD).await;
    if held == Ok(true) {
        tracing::error!(node = %name, "a hub is gone without a word: start it again, or look at its machine");
    }
}

fn client_key(namespace: &str, connection: &str) -> String {
    format!("client {connection} {namespace}")
}
