//! Entries of this hub that the others know, and theirs.
//!
//! A hub tells each change of its own, and that it lives, by beats that count the changes. Who hears a beat that does not
//! join what is known reads all. What a hub said is forgotten when its lease ends.

use super::entries::{EntriesTold, EntryChange, Kept, NodeEntries};
use super::{BEAT, Fanout, Heard, LEASE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Included, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Changes told at once: with the longest names some hundred kilobytes.
const CHANGES_MAX: usize = 200;
/// Between two tellings of what has changed. Followers are told five times a second.
const PACE: Duration = Duration::from_millis(50);
/// Between two looks at whose lease is over.
const LEASE_LOOK: Duration = Duration::from_millis(500);

/// What happened at another hub.
pub enum OfOther<'a, V> {
    /// An entry came (nothing before), is another now, or left (nothing after).
    Changed {
        /// Its name.
        key: &'a str,
        /// What it was.
        before: Option<&'a V>,
        /// What it is.
        after: Option<&'a V>,
    },
    /// The hub ended, as it said.
    Ended,
    /// Its lease ended without a word. All its entries have left before this.
    Lost,
}

/// Who is told what happened at another hub of that name; must not wait.
type Watcher<V> = Box<dyn Fn(&str, OfOther<'_, V>) + Send + Sync>;

/// See the module's doc.
pub struct Leased<V> {
    known: Arc<Known<V>>,
    /// None: there are no others.
    telling: Option<JoinHandle<()>>,
}

struct Known<V> {
    fanout: Arc<dyn Fanout>,
    kept: Kept,
    own: Mutex<Own<V>>,
    others: Mutex<BTreeMap<String, Other<V>>>,
    watcher: Watcher<V>,
    /// There are changes to tell.
    changed: Notify,
}

struct Own<V> {
    entries: BTreeMap<String, V>,
    version: u64,
    /// What was not told yet: of each entry only that it changed.
    untold: BTreeSet<String>,
    /// What others can read of them may be gone or older: all are to be written.
    unwritten: bool,
    ended: bool,
}

struct Other<V> {
    version: u64,
    entries: BTreeMap<String, V>,
    until: Instant,
}

impl<V> Leased<V>
where
    V: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// No entry yet. Hears and tells the other hubs, if there are any, as long as it lives.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>, kept: Kept, watcher: Watcher<V>) -> Self {
        let is_alone = fanout.is_alone();
        let heard = fanout.hear();
        let own = Own {
            entries: BTreeMap::new(),
            version: 0,
            untold: BTreeSet::new(),
            unwritten: true,
            ended: false,
        };
        let known = Arc::new(Known {
            fanout,
            kept,
            own: Mutex::new(own),
            others: Mutex::default(),
            watcher,
            changed: Notify::new(),
        });
        let telling = (!is_alone).then(|| tokio::spawn(Arc::clone(&known).keep_telling(heard)));
        Self { known, telling }
    }

    /// Makes an entry from what it was; without one it leaves.
    pub fn change(&self, key: &str, change: impl FnOnce(Option<V>) -> Option<V>) {
        if self.telling.is_none() {
            return;
        }
        let mut own = self.known.own();
        let before = own.entries.get(key).cloned();
        let after = change(before.clone());
        if before == after || own.ended {
            return;
        }
        match after {
            Some(entry) => _ = own.entries.insert(key.to_owned(), entry),
            None => _ = own.entries.remove(key),
        }
        own.untold.insert(key.to_owned());
        drop(own);
        self.known.changed.notify_one();
    }

    /// The entries of other hubs from a name on, while they are wanted.
    #[must_use]
    pub fn of_others(&self, from: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<V> {
        let others = self.known.others();
        let of = |other: &Other<V>| {
            let range = other.entries.range::<str, _>((Included(from), Unbounded));
            range.take_while(|(key, _)| is_wanted(key)).map(|(_, entry)| entry.clone()).collect::<Vec<_>>()
        };
        others.values().flat_map(of).collect()
    }

    /// Takes all entries back, at all hubs: this one ends.
    pub async fn end(&self) {
        if self.telling.is_none() {
            return;
        }
        self.known.own().ended = true;
        // Where it can't be said, the lease says it.
        _ = self.known.fanout.end_entries(self.known.kept).await;
    }
}

impl<V> Drop for Leased<V> {
    fn drop(&mut self) {
        if let Some(telling) = &self.telling {
            telling.abort();
        }
    }
}

impl<V> Known<V>
where
    V: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn own(&self) -> MutexGuard<'_, Own<V>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn others(&self) -> MutexGuard<'_, BTreeMap<String, Other<V>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_telling(self: Arc<Self>, mut heard: broadcast::Receiver<Heard>) {
        let (mut beat, mut look) = (interval(BEAT), interval(LEASE_LOOK));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What came before this hub began to hear was missed.
        self.read().await;
        loop {
            tokio::select! {
                _ = beat.tick() => self.beat().await,
                () = self.changed.notified() => {
                    self.tell_changes().await;
                    sleep(PACE).await;
                }
                _ = look.tick() => self.forget_lost(Instant::now()),
                text = heard.recv() => match text {
                    Ok(Heard::Text(topic, text)) if topic == self.kept.topic() => {
                        if !self.hear(&text) {
                            self.read().await;
                        }
                    }
                    Ok(Heard::Text(..)) => {}
                    Ok(Heard::Missed) => {
                        // What this hub wrote may be gone, and what others said may have been missed.
                        self.own().unwritten = true;
                        self.beat().await;
                        self.read().await;
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.read().await,
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        }
    }

    /// Says that this hub lives; what others can't read as it is, is written anew.
    async fn beat(&self) {
        self.tell_changes().await;
        let (version, unwritten) = {
            let own = self.own();
            if own.ended {
                return;
            }
            (own.version, own.unwritten)
        };
        if unwritten || !matches!(self.fanout.keep_entries(self.kept, version).await, Ok(true)) {
            self.write().await;
        }
    }

    /// Writes all entries of this hub, told ones or not.
    async fn write(&self) {
        let all = {
            let mut own = self.own();
            if own.ended {
                return;
            }
            if !std::mem::take(&mut own.untold).is_empty() {
                own.version += 1;
            }
            own.unwritten = false;
            let entries = own.entries.iter().map(|(key, entry)| (key.clone(), json(entry))).collect();
            NodeEntries { node: self.fanout.node().to_owned(), version: own.version, entries, lease_ms: 0 }
        };
        if self.fanout.write_entries(self.kept, &all).await.is_err() {
            // The next beat has all of it.
            self.own().unwritten = true;
        }
    }

    async fn tell_changes(&self) {
        loop {
            let (version, changes) = {
                let mut own = self.own();
                if own.unwritten || own.ended {
                    break;
                }
                let keys: Vec<String> =
                    std::iter::from_fn(|| own.untold.pop_first()).take(CHANGES_MAX).collect();
                if keys.is_empty() {
                    return;
                }
                own.version += 1;
                let changes =
                    keys.into_iter().map(|key| EntryChange { entry: own.entries.get(&key).map(json), key });
                (own.version, changes.collect::<Vec<_>>())
            };
            match self.fanout.change_entries(self.kept, version, &changes).await {
                Ok(true) => {}
                Ok(false) | Err(_) => {
                    self.own().unwritten = true;
                    break;
                }
            }
        }
        self.write().await;
    }

    /// Takes in what a hub told; false: all must be read.
    fn hear(&self, text: &str) -> bool {
        match serde_json::from_str::<EntriesTold>(text) {
            Ok(told) if told.node == self.fanout.node() => true,
            Ok(told) if told.v == EntriesTold::VERSION => self.take_in(told, Instant::now() + LEASE),
            Ok(_) | Err(_) => false,
        }
    }

    fn take_in(&self, told: EntriesTold, until: Instant) -> bool {
        let mut others = self.others();
        if told.ends {
            if let Some(other) = others.remove(&told.node) {
                self.tell_left(&told.node, &other, OfOther::Ended);
            }
            return true;
        }
        let Some(other) = others.get_mut(&told.node) else { return false };
        if told.version <= other.version {
            // It lives; what it says was heard or read before.
            other.until = other.until.max(until);
            return true;
        }
        if told.changes.is_empty() || told.version != other.version + 1 {
            return false;
        }
        other.until = until;
        other.version = told.version;
        for EntryChange { key, entry } in told.changes {
            // One that can't be read is of a later version, which says more than is known here.
            match entry.and_then(|entry| serde_json::from_str(&entry).ok()) {
                Some(entry) => self.put(&told.node, &mut other.entries, key, entry),
                None => self.remove(&told.node, &mut other.entries, &key),
            }
        }
        true
    }

    fn put(&self, node: &str, entries: &mut BTreeMap<String, V>, key: String, entry: V) {
        let before = entries.get(&key);
        if before != Some(&entry) {
            (self.watcher)(node, OfOther::Changed { key: &key, before, after: Some(&entry) });
            entries.insert(key, entry);
        }
    }

    fn remove(&self, node: &str, entries: &mut BTreeMap<String, V>, key: &str) {
        if let Some(before) = entries.remove(key) {
            (self.watcher)(node, OfOther::Changed { key, before: Some(&before), after: None });
        }
    }

    fn tell_left(&self, node: &str, other: &Other<V>, end: OfOther<'_, V>) {
        for (key, entry) in &other.entries {
            (self.watcher)(node, OfOther::Changed { key, before: Some(entry), after: None });
        }
        (self.watcher)(node, end);
    }

    /// Forgets those whose lease is over.
    fn forget_lost(&self, now: Instant) {
        let mut others = self.others();
        let lost: Vec<(String, Other<V>)> = others.extract_if(.., |_, other| other.until <= now).collect();
        for (node, other) in &lost {
            self.tell_left(node, other, OfOther::Lost);
        }
    }

    async fn read(&self) {
        // Where they can't be read, the next beats show that.
        let Ok(all) = self.fanout.entries(self.kept).await else { return };
        let now = Instant::now();
        let mut others = self.others();
        for read in all {
            if read.node != self.fanout.node() {
                self.take_read(&mut others, read, now);
            }
        }
    }

    /// Takes in what was read of a hub, unless more was heard of it since.
    fn take_read(&self, others: &mut BTreeMap<String, Other<V>>, read: NodeEntries, now: Instant) {
        let NodeEntries { node, version, entries, lease_ms } = read;
        let until = now + Duration::from_millis(lease_ms).min(LEASE);
        let nothing = || Other { version: 0, entries: BTreeMap::new(), until };
        let other = others.entry(node.clone()).or_insert_with(nothing);
        if other.version > version {
            return;
        }
        other.version = version;
        other.until = other.until.max(until);
        let gone: Vec<String> =
            other.entries.keys().filter(|key| !entries.contains_key(*key)).cloned().collect();
        for key in gone {
            self.remove(&node, &mut other.entries, &key);
        }
        for (key, entry) in entries {
            if let Ok(entry) = serde_json::from_str(&entry) {
                self.put(&node, &mut other.entries, key, entry);
            }
        }
    }
}

fn json<T: Serialize>(value: &T) -> String {
    // Strings and numbers can always be written.
    serde_json::to_string(value).unwrap_or_default()
}
