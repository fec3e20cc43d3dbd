//! One emitter per center: a task that owns the center's followers and sends them what `emission` decides.
//!
//! Connections speak to it through a channel.

use super::emission::{Emission, Word};
use super::followers::{Outlet, Sent};
use super::frame_loss::FrameLoss;
use super::inbox::{EngineSocket, OUT_CAPACITY, close};
use super::monitoring::MonitorFeed;
use crate::hub::Hub;
use crate::roster::Sight;
use crate::store::StoreError;
use engineioxide::{Str, TransportType};
use gwanje_model::CenterId;
use gwanje_wire::socket::Drain;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Words of connections that wait for an emitter: a thousand sockets may come back at once.
const WORDS_CAPACITY: usize = 1_024;

impl Outlet for Arc<EngineSocket> {
    fn send(&self, text: Str) -> Sent {
        let waiting = || {
            // Held only to be counted.
            let free: Vec<_> = std::iter::from_fn(|| self.reserve().ok()).collect();
            OUT_CAPACITY.saturating_sub(free.len())
        };
        if !self.is_closed() && !self.data.has_room_for(text.len(), waiting) {
            return Sent::Full;
        }
        match self.reserve() {
            Ok(permit) => {
                permit.emit(text);
                Sent::Yes
            }
            Err(mpsc::error::TrySendError::Full(())) => Sent::Full,
            Err(mpsc::error::TrySendError::Closed(())) => Sent::Gone,
        }
    }

    fn has_room(&self) -> bool {
        // Leaves one slot free: when a ping finds no room, the engine takes the peer for dead.
        match (self.reserve(), self.reserve()) {
            (Ok(_), Ok(_)) | (Err(mpsc::error::TrySendError::Closed(())), _) => true,
            (_, _) => false,
        }
    }

    fn close(&self) {
        close(self);
    }

    fn joined(&self) {
        self.data.joined();
    }

    fn transport(&self) -> &'static str {
        match self.transport_type() {
            TransportType::Websocket => "websocket",
            TransportType::Polling => "polling",
        }
    }
}

/// The way to an emitter.
pub type Words<O> = mpsc::Sender<Word<O>>;

/// Leads connections to the emitters of centers.
pub trait Ways<O>: Send + Sync {
    /// The way to a center's emitter.
    ///
    /// # Errors
    /// When there is no such center.
    fn to(&self, center: &CenterId) -> Result<Words<O>, StoreError>;
    /// Begins to tell a socket of the monitor what it may see; none: that is not told here.
    fn monitor(&self, _outlet: O, _sight: Sight) -> Option<MonitorFeed> {
        None
    }
}

/// The emitters of all centers; each starts with its first socket.
pub struct Emitters {
    hub: Arc<Hub>,
    loss: Arc<dyn FrameLoss>,
    running: Mutex<FxHashMap<CenterId, Words<Arc<EngineSocket>>>>,
}

impl Emitters {
    /// None runs yet.
    #[must_use]
    pub fn new(hub: Arc<Hub>, loss: Arc<dyn FrameLoss>) -> Self {
        Self { hub, loss, running: Mutex::default() }
    }

    /// Asks every socket to reconnect within a time.
    pub async fn drain(&self, drain: Drain) {
        let running: Vec<_> =
            self.running.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for words in running {
            // An emitter that ended has no sockets to tell.
            words.send(Word::Drain(drain)).await.ok();
        }
    }
}

impl Ways<Arc<EngineSocket>> for Emitters {
    fn to(&self, center: &CenterId) -> Result<Words<Arc<EngineSocket>>, StoreError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = running.get(center).filter(|words| !words.is_closed()) {
            return Ok(words.clone());
        }
        let (words, heard) = mpsc::channel(WORDS_CAPACITY);
        let now = Instant::now();
        let emission = Emission::new(self.hub.clone(), self.loss.clone(), center.clone(), now)?;
        tokio::spawn(run(emission, heard));
        running.insert(center.clone(), words.clone());
        Ok(words)
    }

    fn monitor(&self, outlet: Arc<EngineSocket>, sight: Sight) -> Option<MonitorFeed> {
        Some(MonitorFeed::begin(Arc::clone(&self.hub), outlet, sight))
    }
}

async fn run<O: Outlet>(mut emission: Emission<O>, mut words: mpsc::Receiver<Word<O>>) {
    loop {
        let wake = emission.wakes_at();
        let open = tokio::select! {
            word = words.recv() => match word {
                Some(word) => { emission.hear(word, Instant::now()); true }
                None => false,
            },
            changed = emission.changed() => changed,
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => true,
        };
        if !open {
            tracing::debug!(center = %emission.center(), "the emitter ends");
            return;
        }
        if let Err(error) = emission.act(Instant::now()).await {
            tracing::error!(center = %emission.center(), %error, "changes can't be read; trying again");
        }
    }
}
