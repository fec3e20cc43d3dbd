//! A hub with two centers, accounts of every role, a key and riders, listening on a free port.

use gwanje_hub::auth::{ApiKey, NewAccount, Scope};
use gwanje_hub::store::{CenterRecord, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{CenterId, Rider, RiderStatus, Role, UtcMillis};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// 2026-03-02 10:00 in Seoul.
pub const DAY_START: UtcMillis = UtcMillis(1_772_413_200_000);

pub struct World {
    pub hub: Arc<Hub>,
    pub url: String,
    pub http: reqwest::Client,
    tokens: HashMap<&'static str, String>,
    pub key: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn etag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }
}

pub fn order() -> Value {
    json!({
        "shop": {"id": "s1", "name": "한솥 역삼점", "pos": {"lat": 37.5, "lon": 127.03}},
        "dropoff": {"address": "강남구 역삼동 1", "pos": {"lat": 37.51, "lon": 127.04}},
        "items": [{"name": "도시락", "quantity": 2}],
        "priceWon": 18000
    })
}

impl World {
    pub async fn new() -> Self {
        Self::on(StoreConfig::temporary(Clock::drill(DAY_START, 0.0))).await
    }

    pub async fn on(config: StoreConfig) -> Self {
        crate::logs::show();
        let store = Store::open(config).unwrap();
        for (id, name) in [("gangnam", "강남"), ("songpa", "송파")] {
            let center = CenterId::from(id);
            store
                .ensure_center(CenterRecord {
                    id: center.clone(),
                    name: name.into(),
                    pos: None,
                    time_zone: "Asia/Seoul".into(),
                })
                .await
                .unwrap();
            let rider = |n: u32| Rider {
                id: format!("{id}-r{n}").into(),
                name: format!("라이더 {n}").into(),
                phone: "010".into(),
                home: center.clone(),
                status: RiderStatus::Idle,
                pos: None,
                seen_at: None,
                load: 0,
            };
            store.upsert_riders(&center, (1..=3).map(rider).collect()).await.unwrap();
        }
        let config = HubConfig {
            origins: vec!["https://console.example".into()],
            trusted_proxies: vec![[127, 0, 0, 1].into()],
            ..HubConfig::default()
        };
        let hub = Arc::new(Hub::open(store, config).await.unwrap());
        let gangnam = vec![CenterId::from("gangnam")];
        for (name, role, centers) in [
            ("dispatcher", Role::Dispatcher, gangnam.clone()),
            ("callcenter", Role::CallCenter, gangnam.clone()),
            ("supervisor", Role::Supervisor, gangnam.clone()),
            ("admin", Role::Admin, Vec::new()),
            ("gangnam-r1", Role::Rider, gangnam.clone()),
        ] {
            let password = name.to_owned();
            let person = (name == "dispatcher").then(|| "김관제".into());
            let account = NewAccount { name: name.into(), role, centers, rider: None, person, password };
            hub.auth.put_account(account).await.unwrap();
        }
        let scopes = vec![Scope::Read, Scope::Create, Scope::Cancel];
        let key = hub.auth.put_key(ApiKey { name: "portal".into(), centers: gangnam, scopes }).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = gwanje_hub::api::router(Arc::clone(&hub));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut world = Self { hub, url, http: reqwest::Client::new(), tokens: HashMap::new(), key };
        for name in ["dispatcher", "callcenter", "supervisor", "admin", "gangnam-r1"] {
            let answer = world.login(name, name).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            world.tokens.insert(name, answer.body["accessToken"].as_str().unwrap().to_owned());
        }
        world
    }

    pub async fn login(&self, account: &str, password: &str) -> Answer {
        let body = json!({"account": account, "password": password});
        send(self.http.post(self.at("/login")).json(&body)).await
    }

    /// The same through a proxy, from there.
    pub async fn login_from(&self, address: &str, account: &str, password: &str) -> Answer {
        let body = json!({"account": account, "password": password});
        send(self.http.post(self.at("/login")).header("x-forwarded-for", address).json(&body)).await
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    pub fn token(&self, who: &str) -> &str {
        &self.tokens[who]
    }

    /// A request as an account, `key` or nobody.
    pub fn request(&self, who: &str, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.at(path));
        match who {
            "nobody" => request,
            "key" => request.header("x-api-key", &self.key),
            who => request.bearer_auth(self.token(who)),
        }
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        send(self.request(who, Method::GET, path)).await
    }

    pub async fn post(&self, who: &str, path: &str, body: &Value) -> Answer {
        send(self.request(who, Method::POST, path).json(body)).await
    }

    /// A new order in gangnam; its path.
    pub async fn ordered(&self) -> String {
        let answer = self.post("callcenter", "/centers/gangnam/deliveries", &order()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        format!("/centers/gangnam/deliveries/{}", answer.body["id"])
    }

    /// An order in gangnam that was led to a status; its path.
    pub async fn delivery(&self, status: &str) -> String {
        let path = self.ordered().await;
        let way: &[(&str, Value)] = &[
            ("accept", json!({})),
            ("assign", json!({"riderId": "gangnam-r1"})),
            ("pickup", json!({})),
            ("deliver", json!({})),
        ];
        let steps = ["received", "waiting", "assigned", "pickedUp", "delivered"];
        let until = steps.iter().position(|step| *step == status).unwrap();
        for (action, body) in &way[..until] {
            let answer = self.post("supervisor", &format!("{path}/{action}"), body).await;
            assert_eq!(answer.status, StatusCode::OK, "{action}: {answer:?}");
        }
        path
    }
}

/// The answer, whatever it is.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

/// The answer; every error is a problem.
pub async fn send(request: RequestBuilder) -> Answer {
    let Answer { status, headers, body } = answer(request).await;
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(headers["content-type"], "application/problem+json", "{body}");
        assert_eq!(body["status"], status.as_u16(), "{body}");
        for field in ["type", "title", "detail"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {body}");
        }
    }
    Answer { status, headers, body }
}
