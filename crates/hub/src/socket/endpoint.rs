//! One Engine.IO server: accepts connections, hands their text to a task of their own, and can close them all.

use super::connection::{self, Connection};
use super::emitter::Emitters;
use super::inbox::{EngineSocket, Inbox, OUT_CAPACITY, close};
use super::passing::{Opened, Passing};
use crate::hub::Hub;
use engineioxide::config::EngineIoConfig;
use engineioxide::handler::EngineIoHandler;
use engineioxide::service::{EngineIoService, NotFoundService};
use engineioxide::{DisconnectReason, Str};
use gwanje_wire::socket::{PING_INTERVAL_MS, PING_TIMEOUT_MS, SOCKET_PATH};
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// The service that answers below [`SOCKET_PATH`].
pub type SocketService = EngineIoService<Door, NotFoundService>;

/// Texts of one client that wait to be handled. No client of the contract sends more at once; one that does is flooding.
const IN_CAPACITY: usize = 64;
/// The largest text a client may send. A subscription is under a kilobyte.
const IN_MAX_BYTES: usize = 256 << 10;
/// The largest polling response: above the largest frame, so that a response can hold one.
const POLL_MAX_BYTES: u64 = 2 << 20;

/// Takes connections in.
pub struct Door {
    hub: Arc<Hub>,
    emitters: Arc<Emitters>,
    passing: Arc<Passing>,
    open: Mutex<FxHashMap<String, Arc<EngineSocket>>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl EngineIoHandler for Door {
    type Data = Inbox;

    fn on_connect(self: Arc<Self>, socket: Arc<EngineSocket>) {
        let (sender, receiver) = mpsc::channel(IN_CAPACITY);
        self.hub.meters.socket_opened();
        let from = self.hub.peer_of(&socket.req_parts.headers, &socket.req_parts.extensions);
        socket.data.open(sender, self.hub.admission.socket(from));
        let id = socket.id.to_string();
        if let Some(Opened(sid)) = socket.req_parts.extensions.get() {
            // It is opened once.
            _ = sid.set(id.clone());
        }
        self.live().insert(id.clone(), socket.clone());
        let connection = Connection::new(self.hub.clone(), self.emitters.clone(), socket, id);
        tokio::spawn(connection::run(connection, receiver));
    }

    fn on_disconnect(&self, socket: Arc<EngineSocket>, reason: DisconnectReason) {
        tracing::debug!(socket = %socket.id, ?reason, "a socket closed");
        socket.data.shut();
        let id = socket.id.to_string();
        self.live().remove(&id);
        self.passing.closed(&id);
    }

    fn on_message(self: &Arc<Self>, msg: Str, socket: Arc<EngineSocket>) {
        if msg.len() > IN_MAX_BYTES || !socket.data.put(msg) {
            tracing::warn!(socket = %socket.id, "a client sends more than it may; its connection is closed");
            close(&socket);
        }
    }

    fn on_binary(self: &Arc<Self>, _: bytes::Bytes, socket: Arc<EngineSocket>) {
        tracing::debug!(socket = %socket.id, "a binary message is not part of the contract; the connection is closed");
        close(&socket);
    }
}

impl Door {
    fn live(&self) -> MutexGuard<'_, FxHashMap<String, Arc<EngineSocket>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running Engine.IO server.
#[derive(Clone)]
pub struct Endpoint {
    door: Arc<Door>,
    service: SocketService,
}

impl Endpoint {
    /// Makes one; it serves whatever requests reach [`Endpoint::service`].
    #[must_use]
    pub fn new(hub: Arc<Hub>, emitters: Arc<Emitters>, passing: Arc<Passing>) -> Self {
        let door = Arc::new(Door { hub, emitters, passing, open: Mutex::default() });
        let config = EngineIoConfig::builder()
            .req_path(SOCKET_PATH.trim_end_matches('/'))
            .ping_interval(Duration::from_millis(PING_INTERVAL_MS))
            .ping_timeout(Duration::from_millis(PING_TIMEOUT_MS))
            .max_buffer_size(OUT_CAPACITY)
            .max_payload(POLL_MAX_BYTES)
            .ws_max_message_size(IN_MAX_BYTES)
            .ws_max_frame_size(IN_MAX_BYTES)
            .build();
        Self { service: EngineIoService::with_config(door.clone(), config), door }
    }

    /// What answers requests below [`SOCKET_PATH`].
    #[must_use]
    pub fn service(&self) -> SocketService {
        self.service.clone()
    }

    /// Closes every connection.
    pub fn close_all(&self) {
        let open: Vec<_> = self.door.live().drain().map(|(_, socket)| socket).collect();
        for socket in open {
            close(&socket);
        }
    }

    /// Whether a connection of that id is open.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        self.door.live().contains_key(id)
    }

    /// The connections that are open, by id.
    #[must_use]
    pub fn open(&self) -> FxHashSet<String> {
        self.door.live().keys().cloned().collect()
    }

    /// How many of these are open.
    #[must_use]
    pub fn open_of(&self, ids: &FxHashSet<String>) -> usize {
        let live = self.door.live();
        ids.iter().filter(|id| live.contains_key(*id)).count()
    }

    /// Closes those of these that are open.
    pub fn close_these(&self, ids: &FxHashSet<String>) {
        let open: Vec<_> = {
            let mut live = self.door.live();
            ids.iter().filter_map(|id| live.remove(id)).collect()
        };
        for socket in open {
            close(&socket);
        }
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.door.live().len()
    }
}
