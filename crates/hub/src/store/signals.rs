//! Signals between hubs on one store: what one has committed, the others hear through Redis at once.
//!
//! Any of them may be lost, come twice or in another order: a signal that does not join what is known only shows how far the
//! center has come, and the store is read. Without Redis hubs see each other's commits when they next look. A hub hears its
//! own beats, too: where they do not come, the connection is made anew, whatever its state seems to be.

use super::lines::Lines;
use futures_util::StreamExt;
use gwanje_ledger::{Entry, Standing};
use gwanje_model::digest::DigestSum;
use gwanje_model::{CenterId, Delivery, Epoch, Rev, RowDigest};
use gwanje_wire::Gone;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

/// The version of a signal.
const VERSION: u32 = 1;
/// The most bytes of rows in a signal; of more, only how far the center has come is told.
const ROWS_MAX_BYTES: usize = 32 * 1024;
/// Signals that wait to be sent. Those beyond are dropped: whoever misses one reads the store.
const WAITING: usize = 1_024;
/// How long Redis may take for anything before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);
/// A connection that brings not even the own beats for so long is made anew.
const SILENCE: Duration = Duration::from_secs(4);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_secs(1);

/// What a hub has committed to a center.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signal {
    v: u32,
    /// Whose; a hub passes over its own.
    node: String,
    /// None: a beat, which only shows that signals come through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<Commit>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    center: CenterId,
    epoch: Epoch,
    rev: Rev,
    count: u64,
    digest: DigestSum,
    floor: Rev,
    alarm_seq: u64,
    next_number: u64,
    /// What was changed, by revision, where it is not too much: rows and what left the board.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<Arc<Delivery>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<Gone>,
}

impl Commit {
    fn of(center: &CenterId, standing: &Standing, changes: &[Entry]) -> Self {
        let bytes: usize = changes.iter().map(Entry::bytes).sum();
        let told = if bytes <= ROWS_MAX_BYTES { changes } else { &[] };
        let row = |entry: &Entry| match entry {
            Entry::Row(row, _) => Some(Arc::clone(row)),
            Entry::Gone(_) => None,
        };
        let gone = |entry: &Entry| match entry {
            Entry::Row(..) => None,
            Entry::Gone(gone) => Some(*gone),
        };
        Self {
            center: center.clone(),
            epoch: standing.epoch.clone(),
            rev: standing.rev,
            count: standing.rows.count,
            digest: standing.rows.digest,
            floor: standing.floor,
            alarm_seq: standing.alarm_seq,
            next_number: standing.next_number,
            rows: told.iter().filter_map(row).collect(),
            gone: told.iter().filter_map(gone).collect(),
        }
    }

    /// Where the center stands, and its changes by revision.
    fn read(self) -> (CenterId, Standing, Vec<Entry>) {
        let standing = Standing {
            epoch: self.epoch,
            rev: self.rev,
            rows: RowDigest { count: self.count, digest: self.digest },
            floor: self.floor,
            alarm_seq: self.alarm_seq,
            next_number: self.next_number,
        };
        let row = |row: Arc<Delivery>| {
            let bytes = serde_json::to_string(&*row).map_or(0, |json| json.len());
            Entry::Row(row, bytes)
        };
        let mut changes: Vec<Entry> = self.rows.into_iter().map(row).collect();
        changes.extend(self.gone.into_iter().map(Entry::Gone));
        changes.sort_unstable_by_key(Entry::rev);
        (self.center, standing, changes)
    }
}

/// The signals of a hub. They end with it.
pub(super) struct Signals {
    told: mpsc::Sender<String>,
    state: Arc<State>,
    tasks: [JoinHandle<()>; 2],
}

struct State {
    node: String,
    channel: String,
    client: Client,
    lines: Weak<Lines>,
    /// Whether the own beats come through.
    is_heard: AtomicBool,
    /// Signals may have been lost: the store is to be read.
    missed: Notify,
}

impl Signals {
    /// Begins to tell and to hear the hubs of a store.
    ///
    /// # Errors
    /// When the address can't be read. A Redis that is away, or refuses, is tried again and again.
    pub fn begin(address: &str, store: &str, lines: &Arc<Lines>) -> Result<Self, RedisError> {
        let (told, telling) = mpsc::channel(WAITING);
        let state = Arc::new(State {
            node: ulid::Ulid::generate().to_string(),
            channel: format!("gwanje:{store}:signals"),
            client: Client::open(address)?,
            lines: Arc::downgrade(lines),
            is_heard: AtomicBool::new(false),
            missed: Notify::new(),
        });
        let tasks = [
            tokio::spawn(Arc::clone(&state).keep_telling(telling)),
            tokio::spawn(Arc::clone(&state).keep_hearing()),
        ];
        Ok(Self { told, state, tasks })
    }

    /// Tells the other hubs what was committed. Never waits.
    pub fn committed(&self, center: &CenterId, standing: &Standing, changes: &[Entry]) {
        let commit = Some(Commit::of(center, standing, changes));
        if let Some(signal) = self.state.signal(commit) {
            _ = self.told.try_send(signal);
        }
    }

    /// Whether signals come through.
    pub fn are_heard(&self) -> bool {
        self.state.is_heard.load(Ordering::Relaxed)
    }

    /// Returns when signals may have been lost.
    pub async fn missed(&self) {
        self.state.missed.notified().await;
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl State {
    fn signal(&self, commit: Option<Commit>) -> Option<String> {
        serde_json::to_string(&Signal { v: VERSION, node: self.node.clone(), commit }).ok()
    }

    async fn keep_telling(self: Arc<Self>, mut telling: mpsc::Receiver<String>) {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let mut beat = interval(BEAT);
        let mut connection: Option<MultiplexedConnection> = None;
        loop {
            let signal = tokio::select! {
                told = telling.recv() => match told {
                    Some(signal) => Some(signal),
                    None => return,
                },
                _ = beat.tick() => self.signal(None),
            };
            let Some(signal) = signal else { continue };
            if connection.is_none() {
                connection = self.client.get_multiplexed_async_connection_with_config(&config).await.ok();
            }
            let Some(present) = &mut connection else {
                // What waited meanwhile is known from the store by now.
                sleep(RETRY).await;
                while telling.try_recv().is_ok() {}
                continue;
            };
            let sent: Result<(), RedisError> =
                redis::cmd("PUBLISH").arg(&self.channel).arg(signal).query_async(present).await;
            if sent.is_err() {
                connection = None;
            }
        }
    }

    async fn keep_hearing(self: Arc<Self>) {
        let mut was_told = false;
        loop {
            let ended = self.hear().await;
            if self.is_heard.swap(false, Ordering::Relaxed) || !was_told {
                tracing::warn!(why = %ended, "other hubs are not heard; their rows come within two seconds");
                was_told = true;
            }
            sleep(RETRY).await;
        }
    }

    /// Hears the other hubs until the connection ends; returns why.
    async fn hear(&self) -> String {
        let subscribed = async {
            let mut subscription = self.client.get_async_pubsub().await?;
            subscription.subscribe(&self.channel).await?;
            Ok::<_, RedisError>(subscription)
        };
        let mut subscription = match timeout(PATIENCE, subscribed).await {
            Ok(Ok(subscription)) => subscription,
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "Redis does not answer".to_owned(),
        };
        self.missed.notify_one();
        let mut messages = subscription.on_message();
        loop {
            match timeout(SILENCE, messages.next()).await {
                Ok(Some(message)) => self.heard(message.get_payload_bytes()),
                Ok(None) => return "Redis closed the connection".to_owned(),
                Err(_) => return "Redis is silent".to_owned(),
            }
        }
    }

    fn heard(&self, payload: &[u8]) {
        let Ok(Signal { v: VERSION, node, commit }) = serde_json::from_slice(payload) else {
            // Of another version, perhaps: something happened.
            return self.missed.notify_one();
        };
        if node == self.node {
            if !self.is_heard.swap(true, Ordering::Relaxed) {
                tracing::info!("other hubs are heard at once");
            }
            return;
        }
        let (Some(commit), Some(lines)) = (commit, self.lines.upgrade()) else { return };
        let (center, standing, changes) = commit.read();
        match lines.get(&center) {
            Some(line) => line.hear(standing, changes),
            None => self.missed.notify_one(),
        }
    }
}
