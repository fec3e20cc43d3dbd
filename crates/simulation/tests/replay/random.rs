//! Calls drawn from a seed: everything that a client asks, and what a client never would, with strangers' changes in
//! between.

use gwanje_model::digest::bucket_of;
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, DeliveryId, Rev, Role, UtcMillis};
use gwanje_simulation::hub::{
    AccountSetup, CenterSetup, Instants, ModelHub, Operation, Setup, raised_by_clock,
};
use gwanje_sync::{HttpRequest, Method};
use gwanje_wire::rest::AlarmKind;
use gwanje_wire::{CommandBody, NewOrder};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::{Value, json};

/// The centers.
pub const CENTERS: [&str; 2] = ["gangnam", "songpa"];
const ACCOUNTS: [&str; 6] = ["kim", "park", "lee", "choi", "r1", "nobody"];

/// Two centers, an account of each role.
pub fn setup() -> Setup {
    let center = |id: &str| CenterSetup::new(id, "01AAAA").with_rider("r1").with_rider("r2");
    Setup {
        centers: CENTERS.into_iter().map(center).collect(),
        accounts: vec![
            AccountSetup::new("kim", Role::Dispatcher, &["gangnam"]),
            AccountSetup::new("park", Role::CallCenter, &["songpa", "gangnam"]),
            AccountSetup::new("lee", Role::Supervisor, &["gangnam", "songpa"]),
            AccountSetup::new("choi", Role::Admin, &["songpa"]),
            AccountSetup::new("r1", Role::Rider, &["gangnam"]),
        ],
        tombstones_kept: 6,
        socket_urls: vec!["wss://sockets.example".to_owned()],
    }
}

/// Somebody who is or was signed in, with the tokens as the model named them.
#[derive(Clone, Default)]
pub struct Signed {
    pub access: String,
    pub refresh: String,
}

/// Draws calls.
pub struct Caller {
    pub rng: ChaCha8Rng,
    pub at: Instants,
    /// The latest tokens of each sign-in, and some older ones.
    pub signed: Vec<Signed>,
    /// Tickets given out.
    pub tickets: Vec<String>,
    keys: u64,
    /// Commands that were sent, kept for sending again.
    sent: Vec<HttpRequest>,
    epochs: u64,
}

impl Caller {
    pub fn new(seed: u64) -> Self {
        let at = Instants { wall: UtcMillis(1_772_413_200_000), day: UtcMillis(1_772_380_000_000) };
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, at, signed: Vec::new(), tickets: Vec::new(), keys: 0, sent: Vec::new(), epochs: 0 }
    }

    /// Lets time pass: mostly moments, now and then minutes; the day may leap by days.
    pub fn pass(&mut self) {
        let ms = match self.rng.random_range(0..100) {
            0..60 => self.rng.random_range(0..30),
            60..95 => self.rng.random_range(30..3_000),
            95..99 => self.rng.random_range(3_000..70_000),
            _ => self.rng.random_range(70_000..1_000_000),
        };
        self.at.wall = self.at.wall.plus_ms(ms);
        // The day runs faster than the wall's clock.
        self.at.day = self.at.day.plus_ms(ms * 3);
        if self.rng.random_ratio(1, 30) {
            self.at.day = self.at.day.plus_min(self.rng.random_range(600..6_000));
        }
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.rng.random_range(0..of.len())].clone())
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_ratio(percent, 100)
    }

    pub fn center(&mut self) -> CenterId {
        CenterId::from(if self.chance(3) { "mapo" } else { CENTERS[self.rng.random_range(0..CENTERS.len())] })
    }

    /// A delivery that exists, existed, or never did.
    fn id(&mut self, hub: &ModelHub, center: &CenterId) -> u64 {
        let Some(board) = hub.board(center) else { return 1 };
        let live: Vec<_> = board.rows().keys().map(|id| id.0).collect();
        let left: Vec<_> = board.left().keys().map(|id| id.0).collect();
        let some = if self.chance(90) { self.pick(&live) } else { self.pick(&left) };
        some.unwrap_or_else(|| self.rng.random_range(0..9))
    }

    /// The revision of a delivery, or another one.
    fn rev(&mut self, hub: &ModelHub, center: &CenterId, id: DeliveryId) -> Rev {
        let present = hub.board(center).and_then(|board| board.rows().get(&id)).map(|row| row.rev);
        let other = self.chance(10);
        present.filter(|_| !other).unwrap_or(Rev(2))
    }

    /// Whoever signed in last takes back what they may just have done, or somebody else.
    pub fn undo(&mut self, hub: &ModelHub) -> Option<HttpRequest> {
        let again = self.sent.last().filter(|sent| !sent.url.ends_with("/undo")).cloned()?;
        let (base, id) = again.url.rsplit_once('/')?.0.rsplit_once('/')?;
        let (id, center) = (id.parse().ok()?, base.rsplit('/').nth(1)?.into());
        let url = format!("{base}/{id}/undo");
        let body = Some(json!({"rev": self.rev(hub, &center, DeliveryId(id))}).to_string());
        let headers = again.headers.into_iter().filter(|(name, _)| *name == "authorization").collect();
        Some(HttpRequest { url, body, headers, ..again })
    }

    pub fn request(&mut self, method: Method, path: &str, body: Option<Value>) -> HttpRequest {
        let mut headers = vec![("accept", "application/json".to_owned())];
        let some = self.rng.random_range(0..100);
        let signed = match some {
            0..3 => None,
            3..6 => Some("made-up".to_owned()),
            _ => {
                let lately = self.signed.len().saturating_sub(8);
                let recent = self.signed[lately..].to_vec();
                self.pick(&recent).map(|signed| signed.access)
            }
        };
        headers.extend(signed.map(|token| ("authorization", format!("Bearer {token}"))));
        let url = format!("https://hub.example:8443/api/v1{path}");
        HttpRequest { method, url, headers, body: body.map(|body| body.to_string()), timeout_ms: 1_000 }
    }

    pub fn login(&mut self) -> HttpRequest {
        let account = self.pick(&ACCOUNTS).unwrap();
        let password = if self.chance(85) { account } else { "wrong" };
        self.request(Method::Post, "/login", Some(json!({"account": account, "password": password})))
    }

    /// Wrong guesses, as many as make the account wait, and then the right password.
    pub fn guesses(&mut self) -> Vec<HttpRequest> {
        let account = self.pick(&ACCOUNTS).unwrap();
        let login = |password: &str| json!({"account": account, "password": password});
        let said = (0..12).map(|nth| login(if nth < 11 { "guess" } else { account }));
        said.map(|said| self.request(Method::Post, "/login", Some(said))).collect()
    }

    pub fn refresh(&mut self) -> HttpRequest {
        let signed = self.signed.clone();
        let token = self.pick(&signed).map_or_else(|| "made-up".to_owned(), |signed| signed.refresh);
        self.request(Method::Post, "/login/refresh", Some(json!({"refreshToken": token})))
    }

    pub fn read(&mut self, hub: &ModelHub) -> HttpRequest {
        let center = self.center();
        let id = self.id(hub, &center);
        let (rev, epoch, floor) = hub.board(&center).map_or((0, "E".to_owned(), 0), |board| {
            (board.standing().rev.0, board.standing().epoch.to_string(), board.standing().floor.0)
        });
        let after = match self.rng.random_range(0..10) {
            0 => rev + self.rng.random_range(0..3),
            1 => floor.saturating_sub(1),
            2..5 => floor,
            _ => self.rng.random_range(floor..=rev.max(floor)),
        };
        let base = format!("/centers/{center}");
        let bucket = bucket_of(DeliveryId(id));
        let path = match self.rng.random_range(0..22) {
            0 => "/centers".to_owned(),
            1..4 => format!("{base}/deliveries"),
            4..8 => {
                let limit =
                    self.pick(&["", "&limit=1", "&limit=3", "&limit=1000", "&limit=0", "&limit=x"]).unwrap();
                let epoch = match self.rng.random_range(0..10) {
                    0 => "&epoch=01AAA".to_owned(),
                    1 => String::new(),
                    _ => format!("&epoch={epoch}"),
                };
                format!("{base}/changes?after={after}{limit}{epoch}")
            }
            8..10 => format!("{base}/digest?after={after}"),
            10 => format!(
                "{base}/digest?after={after}&epoch={}",
                self.pick(&[epoch.as_str(), "other"]).unwrap()
            ),
            11 => format!("{base}/deliveries?buckets={bucket},3&after={after}"),
            12 => format!("{base}/deliveries?buckets=3,{bucket}&fields=rev&after={after}"),
            13 => format!("{base}/deliveries?ids={id},1,{}&after={after}", id + 1),
            14 => format!("{base}/deliveries?ids={id}&fields={}", self.pick(&["rev", "all"]).unwrap()),
            15 => format!("{base}/deliveries/{id}"),
            16 => format!("{base}/deliveries/{id}/history"),
            17 => format!("{base}/riders"),
            _ => {
                let after =
                    self.rng.random_range(0..hub.board(&center).map_or(1, |b| b.standing().alarm_seq + 2));
                let limit =
                    self.pick(&["", "", "&limit=2", "&limit=1000", "&limit=1001", "&limit=0"]).unwrap();
                format!("{base}/alarms?after={after}{limit}")
            }
        };
        let mut request = self.request(Method::Get, &path, None);
        if self.chance(10) {
            let tag =
                self.pick(&[format!("\"{epoch}-{rev}\""), format!("W/\"{epoch}-{rev}\""), "*".to_owned()]);
            request.headers.push(("if-none-match", tag.unwrap()));
        }
        request
    }

    pub fn order(&mut self) -> Value {
        let mut order = json!({
            "shop": {"id": "s1", "name": "한솥", "pos": {"lat": 37.5, "lon": 127.03}},
            "dropoff": {"address": "역삼동 1", "detail": "3층", "pos": {"lat": 37.51, "lon": 127.04}},
            "items": [{"name": "도시락", "quantity": 2}], "priceWon": 18_000, "request": "문 앞",
        });
        match self.rng.random_range(0..12) {
            0 => order["shop"]["name"] = json!(" "),
            1 => order["dropoff"]["pos"] = json!({"lat": 97.0, "lon": 0.0}),
            2 => order["shop"]["pos"] = Value::Null,
            3 => order["orderNo"] = json!("TBIYHG000005"),
            4 => order["deliveryTargetMin"] = json!(45),
            5 => order["distanceM"] = json!(70),
            6 => order["request"] = json!("x".repeat(60_000)),
            7 => order["readyAt"] = json!(self.at.day.0 + 1),
            _ => {}
        }
        order
    }

    /// A command, an earlier one again, or the end of a key.
    pub fn command(&mut self, hub: &ModelHub) -> HttpRequest {
        if self.chance(15) {
            let sent = self.sent.clone();
            if let Some(mut again) = self.pick(&sent) {
                if self.chance(30) {
                    again.body = Some(json!({"text": "other"}).to_string());
                }
                return again;
            }
        }
        let center = self.center();
        if self.chance(8) {
            return self.close(hub, &center);
        }
        let mut request = if self.chance(10) {
            self.batch(hub, &center)
        } else if self.chance(15) {
            let order = self.order();
            self.request(Method::Post, &format!("/centers/{center}/deliveries"), Some(order))
        } else {
            self.action(hub, &center)
        };
        if self.chance(80) {
            self.keys += u64::from(self.chance(95));
            let key = if self.chance(2) { String::new() } else { format!("key-{}", self.keys) };
            request.headers.push(("idempotency-key", key));
            self.sent.push(request.clone());
        }
        request
    }

    /// The same on several deliveries, some of them twice, some at another revision.
    fn batch(&mut self, hub: &ModelHub, center: &CenterId) -> HttpRequest {
        let action = self.some_action();
        let ids: Vec<Value> = (0..self.rng.random_range(0..6))
            .map(|_| {
                let id = self.id(hub, center);
                let rev = self.rev(hub, center, DeliveryId(id));
                if self.chance(70) { json!({"id": id, "rev": rev}) } else { json!({"id": id}) }
            })
            .collect();
        let mut said = json!({"action": action, "ids": ids});
        if let Some(body) = self.said(action) {
            said["body"] = body;
        }
        match self.rng.random_range(0..20) {
            0 => said["action"] = json!("explode"),
            1 => said["ids"] = json!((0..201).map(|id| json!({"id": id})).collect::<Vec<_>>()),
            2 => said["ids"] = json!([{"id": 9_007_199_254_740_992_u64}, {"id": 1}]),
            3 => said = json!({"action": action}),
            _ => {}
        }
        self.request(Method::Post, &format!("/centers/{center}/deliveries/batch"), Some(said))
    }

    /// The end of a key that was used, or of one that the same caller uses afterwards.
    fn close(&mut self, hub: &ModelHub, center: &CenterId) -> HttpRequest {
        let unused = self.chance(50);
        self.keys += u64::from(unused);
        let number = if unused { self.keys } else { self.rng.random_range(0..=self.keys) };
        let path = format!("/centers/{center}/commands/key-{number}/close");
        let close = self.request(Method::Post, &path, None);
        if unused {
            let mut late = self.action(hub, center);
            late.headers.clone_from(&close.headers);
            late.headers.push(("idempotency-key", format!("key-{number}")));
            self.sent.push(late);
        }
        close
    }

    fn action(&mut self, hub: &ModelHub, center: &CenterId) -> HttpRequest {
        let id = self.id(hub, center);
        let action = self.some_action();
        let said = if action == Action::Undo {
            Some(json!({"rev": self.rev(hub, center, DeliveryId(id))}))
        } else {
            self.said(action)
        };
        let name = if self.chance(2) { "explode" } else { action.as_str() };
        let mut request =
            self.request(Method::Post, &format!("/centers/{center}/deliveries/{id}/{name}"), said);
        if self.chance(40) {
            let present = hub.board(center).and_then(|board| {
                board
                    .rows()
                    .get(&DeliveryId(id))
                    .map(|row| format!("\"{}-{}\"", board.standing().epoch, row.rev))
            });
            let stale = self.chance(20);
            let tag = present.filter(|_| !stale).unwrap_or_else(|| "\"01AAAA-1\"".to_owned());
            request.headers.push(("if-match", tag));
        }
        request
    }

    fn some_action(&mut self) -> Action {
        self.pick(&Action::ALL).unwrap()
    }

    fn said(&mut self, action: Action) -> Option<Value> {
        if self.chance(4) {
            return self.pick(&[json!([1]), json!({"account": "lee"}), json!({"riderId": 7}), json!("x")]);
        }
        let rider = self.pick(&["r1", "r2", "r9"]).unwrap();
        match action {
            Action::Assign => Some(json!({"riderId": rider})),
            Action::Cancel => {
                Some(json!({"reason": "고객 변심", "by": self.pick(&["customer", "shop", "boss"])}))
            }
            Action::Note if self.chance(5) => Some(json!({"text": "가".repeat(2_001)})),
            Action::Note => Some(json!({"text": "가".repeat(self.rng.random_range(0..30))})),
            Action::Accept
            | Action::Unassign
            | Action::Confirm
            | Action::Pickup
            | Action::Deliver
            | Action::Undo => self.pick(&[None, Some(json!({})), Some(Value::Null)]).unwrap(),
        }
    }

    pub fn receipt(&mut self, hub: &ModelHub) -> (CenterId, Value) {
        let center = self.center();
        let alarms = hub.board(&center).into_iter().flat_map(|board| board.alarms().values());
        let alarms: Vec<_> = alarms.map(|entry| (entry.id, entry.kind, entry.raised_at)).collect();
        // What the clock raises of rows as they are, due already or not; or nothing that ever was.
        let coming: Vec<_> = hub.board(&center).into_iter().flat_map(|board| board.rows().values()).collect();
        let coming: Vec<_> = coming
            .into_iter()
            .flat_map(|row| raised_by_clock(row).into_iter().map(|(kind, at)| (row.id, kind, at)))
            .collect();
        let kind = self.pick(&AlarmKind::ALL).unwrap();
        let made_up = (DeliveryId(self.id(hub, &center)), kind, UtcMillis(5));
        let some = if self.chance(30) { self.pick(&coming) } else { self.pick(&alarms) };
        let (id, kind, raised_at) = some.filter(|_| !self.chance(15)).unwrap_or(made_up);
        let stage = self.pick(&["delivered", "displayed", "acknowledged", "eaten"]).unwrap();
        (center, json!({"id": id, "kind": kind, "raisedAt": raised_at, "receipt": stage}))
    }

    pub fn receipt_by_rest(&mut self, hub: &ModelHub) -> HttpRequest {
        let (center, word) = self.receipt(hub);
        let (id, kind, raised_at) = (&word["id"], word["kind"].as_str().unwrap(), &word["raisedAt"]);
        let path = format!("/centers/{center}/alarms/{id}/{kind}/{raised_at}");
        let seat = format!("seat-{}", self.rng.random_range(0..12));
        let body = json!({"stage": word["receipt"], "seat": seat});
        self.request(Method::Post, &path, Some(body))
    }

    pub fn operation(&mut self, hub: &ModelHub) -> Operation {
        let center = CenterId::from(CENTERS[self.rng.random_range(0..CENTERS.len())]);
        match self.rng.random_range(0..100) {
            0..25 => {
                // Ten of the large orders exceed what a frame holds.
                let request = if self.chance(12) { "x".repeat(110_000) } else { String::new() };
                let order: NewOrder = serde_json::from_value(json!({
                    "shop": {"id": "s", "name": "s"}, "dropoff": {"address": "x"}, "request": request,
                }))
                .unwrap();
                Operation::Create(center, Box::new(order))
            }
            25..80 => {
                let (id, action) = (DeliveryId(self.id(hub, &center)), self.some_action());
                let body = CommandBody {
                    rider_id: Some(self.pick(&["r1", "r2"]).unwrap().into()),
                    reason: Some("no stock".into()),
                    by: None,
                    text: Some("hello".into()),
                    rev: Some(self.rev(hub, &center, id)),
                };
                Operation::Act(center, id, action, Box::new(body))
            }
            80..91 => {
                let before = self.at.day.plus_ms(-self.rng.random_range(0..60_000));
                Operation::Archive(center, before)
            }
            91..94 => Operation::KeepTombstones(center, self.rng.random_range(0..4)),
            94..96 => {
                self.epochs += 1;
                let epoch =
                    if self.chance(20) { "01AAA".to_owned() } else { format!("01B{:03}", self.epochs) };
                Operation::BeginEpoch(center, epoch.into())
            }
            96..98 => {
                let mut rider = CenterSetup::new("busan", "E").with_rider("r2").riders.remove(0);
                rider.name = self.pick(&["이몽룡", "성춘향"]).unwrap().into();
                Operation::PutRider(center, Box::new(rider))
            }
            98 => Operation::Revoke(self.pick(&ACCOUNTS).unwrap().into()),
            _ => {
                let centers = CENTERS.map(CenterId::from).to_vec();
                let some = if self.chance(50) { centers } else { vec!["gangnam".into()] };
                Operation::SetCenters(self.pick(&ACCOUNTS).unwrap().into(), some)
            }
        }
    }
}
