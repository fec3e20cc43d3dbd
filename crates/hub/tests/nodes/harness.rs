//! Hubs in this process, on real listeners, that share a database and a Redis.

use crate::peer::{PATIENCE, Peer};
use crate::postgres::Cluster;
use crate::redis::Redis;
use gwanje_hub::auth::NewAccount;
use gwanje_hub::listening::Listening;
use gwanje_hub::node_url::NodeUrl;
use gwanje_hub::serve::Serving;
use gwanje_hub::socket::SocketGate;
use gwanje_hub::store::{CenterRecord, Command, Intent, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{CenterId, Role};
use gwanje_wire::NewOrder;
use gwanje_wire::rest::LoginRequest;
use gwanje_wire::socket::Drain;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What hubs share.
pub struct Shared {
    pub cluster: Cluster,
    pub redis: Redis,
}

impl Shared {
    pub fn start() -> Self {
        crate::logs::show();
        Self { cluster: Cluster::start(), redis: Redis::start() }
    }

    /// A hub on it; `redis` is its address of that.
    pub async fn node_by(&self, redis: &str) -> Node {
        let config = StoreConfig::temporary(Clock::wall());
        let store = Store::connect(&self.cluster.url("postgres"), Some(redis), config).await.unwrap();
        Node::start(store).await
    }

    pub async fn node(&self) -> Node {
        self.node_by(&self.redis.url()).await
    }

    /// Two that hear each other.
    pub async fn two(&self) -> (Node, Node) {
        let (first, second) = (self.node().await, self.node().await);
        for node in [&first, &second] {
            node.hears(true).await;
        }
        (first, second)
    }
}

pub fn gangnam() -> CenterId {
    CenterId::from("gangnam")
}

/// A running hub. Its dispatcher's password is `dispatcher`.
pub struct Node {
    pub hub: Arc<Hub>,
    pub gate: Arc<SocketGate>,
    pub url: String,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Node {
    async fn start(store: Store) -> Self {
        let record =
            CenterRecord { id: gangnam(), name: "강남".into(), pos: None, time_zone: "Asia/Seoul".into() };
        store.ensure_center(record).await.unwrap();
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listening.address());
        let config = HubConfig { node_url: Some(NodeUrl::parse(&url).unwrap()), ..HubConfig::default() };
        let hub = Arc::new(Hub::open(store, config).await.unwrap());
        if hub.auth.account("dispatcher").is_none() {
            let account = NewAccount {
                name: "dispatcher".into(),
                role: Role::Dispatcher,
                centers: vec![gangnam()],
                rider: None,
                person: None,
                password: "dispatcher".into(),
            };
            hub.auth.put_account(account).await.unwrap();
        }
        let gate = SocketGate::new(hub.clone(), false);
        let serving = Serving {
            hub: hub.clone(),
            gate: gate.clone(),
            listening,
            sockets_apart: None,
            parts: gwanje_hub::config::Part::ALL.to_vec(),
            routes: axum::Router::new(),
            drain: Drain { within_ms: 1_000 },
            drain_grace: Duration::ZERO,
        };
        let (stop, mut stopped) = watch::channel(false);
        let served = tokio::spawn(serving.until(async move {
            stopped.wait_for(|stop| *stop).await.ok();
        }));
        Self { hub, gate, url, stop, served }
    }

    /// Waits until it hears the other hubs, or does not any more.
    pub async fn hears(&self, wanted: bool) {
        let changed = async {
            while self.hub.store.fanout().trouble().is_none() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, changed).await.expect("it comes to hear, or to hear no more");
    }

    pub async fn ticket(&self) -> String {
        let request = LoginRequest { account: "dispatcher".into(), password: "dispatcher".into() };
        let identity = self.hub.auth.login(request).await.unwrap().0;
        self.hub.auth.issue_ticket(&identity).ticket
    }

    /// A peer that sits in the center by that name.
    pub async fn joined(&self, seat: &str) -> Peer {
        let ticket = self.ticket().await;
        let (mut peer, _) = Peer::open(&self.url, "/center/gangnam").await;
        peer.join(&ticket, seat).await.unwrap();
        peer
    }

    /// Takes in an order; the revision that it has.
    pub async fn order(&self) -> u64 {
        let order = json!({"shop": {"id": "s", "name": "한솥"}, "dropoff": {"address": "역삼동 1"}});
        let order: NewOrder = serde_json::from_value(order).unwrap();
        let intent = Intent::Create(Box::new(order));
        let command = Command::new(gangnam(), intent, "test", self.hub.clock.day_now());
        self.hub.store.execute(command).await.unwrap().result.unwrap().row.rev.0
    }

    /// Asks it to stop, as a signal does.
    pub fn begin_to_stop(&self) {
        self.stop.send_replace(true);
    }

    pub async fn stopped(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.served).await.expect("a clean stop").unwrap();
        self.hub.store.close().await;
    }
}
