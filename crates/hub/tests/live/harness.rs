//! A hub in this process, on a real store and real listeners.

use crate::peer::{PATIENCE, Peer};
use gwanje_hub::auth::{Identity, NewAccount};
use gwanje_hub::listening::Listening;
use gwanje_hub::origin::Origin;
use gwanje_hub::serve::Serving;
use gwanje_hub::socket::{FrameLoss, SocketGate};
use gwanje_hub::store::{Ask, CenterRecord, Command, Intent, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{CenterId, Delivery, DeliveryId, Dropoff, Role, Shop};
use gwanje_wire::NewOrder;
use gwanje_wire::rest::LoginRequest;
use gwanje_wire::socket::Drain;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Loses every frame, or none.
#[derive(Default)]
struct Loss(AtomicBool);

impl FrameLoss for Loss {
    fn loses_next(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A running hub with two centers and an account of each role that has one.
pub struct Running {
    pub hub: Arc<Hub>,
    pub gate: Arc<SocketGate>,
    loss: Arc<Loss>,
    pub rest: String,
    pub sockets: String,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

pub fn gangnam() -> CenterId {
    CenterId::from("gangnam")
}

impl Running {
    /// With sockets beside REST, or on a port of their own.
    pub async fn start(apart: bool) -> Self {
        Self::start_as(apart, HubConfig::default()).await
    }

    /// The same, with settings beside the harness's own.
    pub async fn start_as(apart: bool, config: HubConfig) -> Self {
        crate::logs::show();
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        for name in ["gangnam", "songpa"] {
            let time_zone = "Asia/Seoul".into();
            store
                .ensure_center(CenterRecord { id: name.into(), name: name.into(), pos: None, time_zone })
                .await
                .unwrap();
        }
        let config = HubConfig { origins: vec!["https://ops.example".into()], ..config };
        let hub = Arc::new(Hub::open(store, config).await.unwrap());
        for (role, centers) in [
            (Role::Dispatcher, vec![gangnam()]),
            (Role::CallCenter, vec![gangnam()]),
            (Role::Supervisor, vec![gangnam()]),
            (Role::Rider, vec![gangnam()]),
            (Role::Admin, vec![]),
        ] {
            let name = role.as_str();
            let (person, password) = (None, name.into());
            let new = NewAccount { name: name.into(), role, centers, rider: None, person, password };
            hub.auth.put_account(new).await.unwrap();
        }
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let listening = Listening::at(any).await.unwrap();
        let sockets_apart = if apart { Some(Listening::at(any).await.unwrap()) } else { None };
        let base = format!("http://{}", listening.address());
        let sockets =
            sockets_apart.as_ref().map_or_else(|| base.clone(), |l| format!("http://{}", l.address()));
        let loss = Arc::new(Loss::default());
        let gate = SocketGate::with_loss(hub.clone(), apart, loss.clone());
        let routes = axum::Router::new();
        let serving = Serving {
            hub: hub.clone(),
            gate: gate.clone(),
            listening,
            sockets_apart,
            parts: gwanje_hub::config::Part::ALL.to_vec(),
            routes,
            drain: Drain { within_ms: 1 },
            drain_grace: std::time::Duration::ZERO,
        };
        let (stop, mut stopped) = watch::channel(false);
        let served = tokio::spawn(serving.until(async move {
            stopped.wait_for(|stop| *stop).await.ok();
        }));
        Self { hub, gate, loss, rest: base, sockets, stop, served }
    }

    /// Loses every frame from now on, or none.
    pub fn loses_all(&self, all: bool) {
        self.loss.0.store(all, Ordering::Relaxed);
    }

    pub async fn sign_in(&self, account: &str) -> Identity {
        let request = LoginRequest { account: account.into(), password: account.into() };
        self.hub.auth.login(request, &Origin::default()).await.unwrap().0
    }

    /// An access token.
    pub async fn token(&self, account: &str) -> String {
        let request = LoginRequest { account: account.into(), password: account.into() };
        self.hub.auth.login(request, &Origin::default()).await.unwrap().1.access_token
    }

    pub async fn ticket(&self, account: &str) -> String {
        let identity = self.sign_in(account).await;
        self.hub.auth.issue_ticket(&identity).ticket
    }

    /// A peer that joined gangnam as the dispatcher.
    pub async fn joined(&self) -> Peer {
        let ticket = self.ticket("dispatcher").await;
        let (mut peer, _) = Peer::open(&self.sockets, "/center/gangnam").await;
        peer.join(&ticket, "seat-1").await.unwrap();
        peer
    }

    /// Takes in a new order.
    pub async fn order(&self) -> Arc<Delivery> {
        self.commit(Intent::Create(Box::new(order()))).await
    }

    /// Takes in a new order of so many bytes.
    pub async fn bulky_order(&self, bytes: usize) {
        let order = NewOrder { request: "문".repeat(bytes / 3).into(), ..order() };
        self.commit(Intent::Create(Box::new(order))).await;
    }

    pub async fn act(&self, id: DeliveryId, ask: Ask) -> Arc<Delivery> {
        self.commit(Intent::Act(id, ask)).await
    }

    async fn commit(&self, intent: Intent) -> Arc<Delivery> {
        let command = Command::new(gangnam(), intent, "test", self.hub.clock.day_now());
        self.hub.store.execute(command).await.unwrap().result.unwrap().row
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.served).await.expect("a clean stop").unwrap();
        self.hub.store.close().await;
    }
}

pub fn order() -> NewOrder {
    NewOrder {
        order_no: String::new().into(),
        shop: Shop {
            id: "s1".into(),
            name: "새벽국밥".into(),
            phone: "".into(),
            address: "".into(),
            pos: None,
            remark: "".into(),
        },
        dropoff: Dropoff {
            address: "역삼동 1-1".into(),
            detail: "".into(),
            phone: "".into(),
            recipient_phone: "".into(),
            pos: None,
        },
        pickup_target_min: None,
        delivery_target_min: None,
        distance_m: None,
        items: Vec::new(),
        price_won: 0,
        request: "".into(),
        ready_at: None,
    }
}
