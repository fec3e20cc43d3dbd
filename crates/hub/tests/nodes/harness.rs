//! Hubs in this process, on real listeners, that share a database and a Redis.

use crate::peer::{PATIENCE, Peer};
use crate::postgres::Cluster;
use crate::redis::Redis;
use gwanje_hub::auth::NewAccount;
use gwanje_hub::listening::Listening;
use gwanje_hub::logged::LogKept;
use gwanje_hub::mail::Mailing;
use gwanje_hub::node_url::NodeUrl;
use gwanje_hub::origin::Origin;
use gwanje_hub::serve::Serving;
use gwanje_hub::socket::SocketGate;
use gwanje_hub::store::{CenterRecord, Command, Intent, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{CenterId, Role};
use gwanje_wire::NewOrder;
use gwanje_wire::rest::LoginRequest;
use gwanje_wire::socket::Drain;
use serde_json::{Value, json};
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
        Node::start(store, HubConfig::default()).await
    }

    /// One that logs there, and mails.
    pub async fn node_with(&self, redis: &str, log: LogKept, mail: Option<Mailing>) -> Node {
        let config = StoreConfig::temporary(Clock::wall());
        let store = Store::connect(&self.cluster.url("postgres"), Some(redis), config).await.unwrap();
        let node = Node::start(store, HubConfig { log, mail, ..HubConfig::default() }).await;
        node.hears(true).await;
        node
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

/// A hub that has a store of its own.
pub async fn alone(log: LogKept, mail: Option<Mailing>, node: Option<String>) -> Node {
    let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
    Node::start(store, HubConfig { log, mail, node, ..HubConfig::default() }).await
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
    async fn start(store: Store, config: HubConfig) -> Self {
        let record =
            CenterRecord { id: gangnam(), name: "강남".into(), pos: None, time_zone: "Asia/Seoul".into() };
        store.ensure_center(record).await.unwrap();
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listening.address());
        let config = HubConfig { node_url: Some(NodeUrl::parse(&url).unwrap()), ..config };
        let hub = Arc::new(Hub::open(store, config).await.unwrap());
        for role in [Role::Dispatcher, Role::Admin] {
            let name = role.as_str();
            if hub.auth.account(name).is_none() {
                let (centers, password) = (vec![gangnam()], name.to_owned());
                let account =
                    NewAccount { name: name.into(), role, centers, rider: None, person: None, password };
                hub.auth.put_account(account).await.unwrap();
            }
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

    /// Who may ask everything.
    pub fn admin() -> LoginRequest {
        LoginRequest { account: "admin".into(), password: "admin".into() }
    }

    /// Asks it as an admin: the status, and the body.
    pub async fn ask(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let token = self.hub.auth.login(Self::admin(), &Origin::default()).await.unwrap().1.access_token;
        let request = reqwest::Client::new().request(method, format!("{}/api/v1{path}", self.url));
        let answer = request.bearer_auth(token).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Waits until the monitor is as it should be.
    pub async fn shows(&self, holds: impl Fn(&Value) -> bool) -> Value {
        let shown = async {
            loop {
                let (status, shown) = self.ask(reqwest::Method::GET, "/monitor", json!(null)).await;
                if status == 200 && holds(&shown) {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, shown).await.expect("the monitor comes to show it")
    }

    /// Its name, as the others know it.
    pub fn name(&self) -> String {
        self.hub.roster.name().to_string()
    }

    pub async fn ticket(&self) -> String {
        let request = LoginRequest { account: "dispatcher".into(), password: "dispatcher".into() };
        let identity = self.hub.auth.login(request, &Origin::default()).await.unwrap().0;
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
