//! What every part of a running hub shares.

use crate::admission::{Admission, Peer};
use crate::auth::{Auth, TokenSecret};
use crate::clock::Clock;
use crate::connections::Connections;
use crate::fanout::Presence;
use crate::logged::LogKept;
use crate::mail::Mailing;
use crate::meters::Meters;
use crate::node_url::NodeUrl;
use crate::origin::{Origin, origin_of};
use crate::positions::RiderPositions;
use crate::public_url::PublicUrl;
use crate::readiness::{Readiness, StoreHealth};
use crate::roster::Roster;
use crate::store::{Store, StoreError};
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// How a hub is set up.
#[derive(Debug, Clone, Default)]
pub struct HubConfig {
    /// Browser origins that are let in (`https://console.example`); any other is refused.
    pub origins: Vec<String>,
    /// What tokens and tickets are signed with; none: with a secret that the store keeps.
    pub secret: Option<TokenSecret>,
    /// Where other hubs on the store reach the sockets of this one; none: they do not.
    pub node_url: Option<NodeUrl>,
    /// Its name among the hubs on the store; none: host and port.
    pub node: Option<String>,
    /// Who may read its measurements without signing in, beside this machine.
    pub metrics_from: Vec<IpAddr>,
    /// Proxies that are believed for whom they ask.
    pub trusted_proxies: Vec<IpAddr>,
    /// The names that it may be asked by; none: any, but browsers' foreign ones.
    pub hosts: Vec<String>,
    /// Where clients find it, for links that leave it.
    pub public_url: Option<PublicUrl>,
    /// What is kept of this process's log.
    pub log: LogKept,
    /// Who is told of errors; none: nobody.
    pub mail: Option<Mailing>,
}

/// What REST, sockets and the drill share. Lives in an `Arc`.
pub struct Hub {
    /// Deliveries, alarms, riders, accounts.
    pub store: Store,
    /// Who asks, and what they may.
    pub auth: Auth,
    /// Wall and operations.
    pub clock: Clock,
    /// Who sits where, at all hubs.
    pub presence: Presence,
    /// Riders' latest places.
    pub positions: RiderPositions,
    /// The settings.
    pub config: HubConfig,
    /// What is being taken in.
    pub admission: Admission,
    /// What was last seen of the store.
    pub store_health: StoreHealth,
    /// The hubs on the store, and who is connected to them.
    pub roster: Roster,
    /// What is measured.
    pub meters: Arc<Meters>,
    /// The connections that are served.
    pub(crate) connections: Arc<Connections>,
    socket_urls: RwLock<Vec<String>>,
    draining: watch::Sender<bool>,
}

impl Hub {
    /// A hub on that store; its clock is the store's.
    ///
    /// # Errors
    /// When accounts and sign-ins can't be read from the store, or its tokens are signed with another secret.
    pub async fn open(store: Store, config: HubConfig) -> Result<Self, StoreError> {
        Ok(Self {
            auth: Auth::open(store.clone(), config.secret.as_ref()).await?,
            clock: store.clock().clone(),
            presence: Presence::new(store.fanout()),
            positions: RiderPositions::new(&store),
            roster: Roster::new(store.fanout()),
            meters: store.meters(),
            store,
            connections: Arc::new(Connections::default().behind(&config.trusted_proxies)),
            config,
            admission: Admission::default(),
            store_health: StoreHealth::default(),
            socket_urls: RwLock::default(),
            draining: watch::Sender::new(false),
        })
    }

    /// Where a request comes from, through the proxies that are trusted.
    #[must_use]
    pub fn origin_of(&self, headers: &HeaderMap, request: &Extensions) -> Origin {
        let peer = request.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        origin_of(peer, headers, &self.config.trusted_proxies)
    }

    /// Who counts as one where places are shared; whoever nothing is known of comes from this process.
    #[must_use]
    pub fn peer_of(&self, headers: &HeaderMap, request: &Extensions) -> Peer {
        let address = self.origin_of(headers, request).address;
        address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).into()
    }

    /// Where sockets are served, in order of preference; empty: where REST is.
    #[must_use]
    pub fn socket_urls(&self) -> Vec<String> {
        self.socket_urls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells later sign-ins where sockets are served.
    pub fn set_socket_urls(&self, urls: Vec<String>) {
        *self.socket_urls.write().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    /// A path of this hub as it is told to others: absolute where it is known where clients find it.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        self.config.public_url.as_ref().map_or_else(|| path.to_owned(), |url| url.with(path))
    }

    /// Whether this hub should be sent requests.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        if self.is_draining() {
            return Readiness::Draining;
        }
        if !self.store.takes_writes() {
            return Readiness::Unavailable("the store takes no writes; restart this hub".to_owned());
        }
        self.store_health.wrong().map_or(Readiness::Ready, Readiness::Unavailable)
    }

    /// Whether this hub is being emptied: `/readyz` then says no.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// The same, as it changes.
    #[must_use]
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Begins a drain.
    pub fn begin_drain(&self) {
        self.draining.send_replace(true);
    }

    /// Takes a drain back.
    pub fn cancel_drain(&self) {
        self.draining.send_replace(false);
    }
}
