//! A hub, a network that loses and delays, and a clock: everything around one client, from one seed.

use super::*;
use crate::testing::agenda::Agenda;
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::{Delivery, DeliveryId, Rev, RowDigest, Status};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use std::collections::{BTreeMap, BTreeSet};

/// What the hub answers: status, body, ETag.
pub(super) type Answer = (u16, Value, Option<String>);

/// The hub of center `a`.
pub(super) struct Hub {
    pub(super) up: bool,
    /// Sockets are served.
    pub(super) sockets: bool,
    pub(super) rev: u64,
    pub(super) rows: BTreeMap<u64, Delivery>,
    /// By idempotency key.
    pub(super) outcomes: BTreeMap<String, Answer>,
    /// Pairs given out; the last one is valid.
    pub(super) pairs: u64,
    /// The access token of the last pair has expired.
    pub(super) expired: bool,
    /// How many of a hundred requests meet 503.
    pub(super) busy: u32,
    tickets: BTreeSet<String>,
    given: u64,
}

impl Hub {
    fn digest(&self) -> RowDigest {
        RowDigest::of(self.rows.values().map(|row| (row.id, row.rev)))
    }

    fn head(&self, at: i64) -> Value {
        let RowDigest { count, digest } = self.digest();
        json!({
            "epoch": "E1", "rev": self.rev, "count": count, "digest": digest.to_string(), "at": at, "dayAt": at,
            "alarmSeq": 0,
        })
    }

    pub(super) fn frame(&self, after: u64, at: i64) -> Value {
        let mut rows: Vec<&Delivery> = self.rows.values().filter(|row| row.rev.0 > after).collect();
        rows.sort_by_key(|row| row.rev);
        json!({
            "epoch": "E1", "from": after, "to": self.rev, "asOf": self.rev, "at": at, "rows": rows, "gone": [],
        })
    }

    /// A new delivery, or a change of an old one, by somebody else.
    pub(super) fn change(&mut self, rng: &mut ChaCha8Rng) {
        let id = rng.random_range(1..=20);
        self.rev += 1;
        let rev = self.rev;
        let row = self.rows.entry(id).or_insert_with(|| {
            let row = json!({
                "id": id, "center": "a", "rev": 0, "modifiedAt": 1, "number": "5", "orderNo": "",
                "status": "received", "shop": { "id": "s", "name": "shop" }, "dropoff": { "address": "x" },
                "pickupTargetMin": 15, "deliveryTargetMin": 30, "distanceM": 1, "receivedAt": 1,
            });
            serde_json::from_value(row).unwrap()
        });
        row.rev = Rev(rev);
        row.status = if row.status == Status::Received { Status::Waiting } else { Status::Received };
    }

    fn pair(&mut self, at: i64) -> Value {
        self.pairs += 1;
        self.expired = false;
        json!({
            "accessToken": format!("A{}", self.pairs), "refreshToken": format!("R{}", self.pairs),
            "expiresAt": at + 300_000, "account": "kim", "role": "dispatcher", "centers": ["a"], "socketUrls": [],
        })
    }

    pub(super) fn rest(&mut self, request: &HttpRequest, at: i64) -> Answer {
        let told = |status: u16, code: &str| (status, problem(code), None);
        let (_, url) = request.url.split_once("/api/v1").unwrap();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let body: Value =
            request.body.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
        match path {
            "/login" => return (200, self.pair(at), None),
            // The one before the last is given the last pair again: its answer may have been lost.
            "/login/refresh" => {
                let spent = format!("R{}", self.pairs.saturating_sub(1));
                if body["refreshToken"] == format!("R{}", self.pairs) {
                    return (200, self.pair(at), None);
                }
                if body["refreshToken"] == spent.as_str() {
                    self.pairs -= 1;
                    return (200, self.pair(at), None);
                }
                return told(401, "unauthorized");
            }
            _ => {}
        }
        let token = format!("Bearer A{}", self.pairs);
        if self.expired || header(request, "authorization") != Some(&token) {
            return told(401, "unauthorized");
        }
        let asked = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        let after: u64 = asked("after").map_or(0, |text| text.parse().unwrap());
        match path {
            "/centers" => (200, json!([center("a")]), None),
            "/socket-tickets" => {
                self.given += 1;
                let ticket = format!("T{}", self.given);
                self.tickets.insert(ticket.clone());
                (200, json!({ "ticket": ticket, "expiresAt": at + 30_000 }), None)
            }
            "/centers/a/changes" => {
                (200, json!({ "frame": self.frame(after, at), "head": self.head(at) }), None)
            }
            "/centers/a/alarms" => (200, json!({ "alarmSeq": 0, "alarms": [] }), None),
            "/centers/a/digest" => {
                let buckets = BucketDigests::of(self.rows.values().map(|row| (row.id, row.rev)));
                let buckets = json!(buckets.as_slice());
                (
                    200,
                    json!({ "head": self.head(at), "frame": self.frame(after, at), "buckets": buckets }),
                    None,
                )
            }
            "/centers/a/deliveries" => {
                let some: Option<Vec<u64>> = asked("buckets")
                    .or(asked("ids"))
                    .map(|list| list.split(',').map(|n| n.parse().unwrap()).collect());
                let wanted = |row: &&Delivery| match &some {
                    None => true,
                    Some(ids) if query.starts_with("ids") => ids.contains(&row.id.0),
                    Some(buckets) => buckets.contains(&u64::from(bucket_of(row.id))),
                };
                let rows: Vec<&Delivery> = self.rows.values().filter(wanted).collect();
                let rows = if asked("fields").is_some() {
                    json!(rows.iter().map(|row| (row.id, row.rev)).collect::<Vec<_>>())
                } else {
                    json!(rows)
                };
                let RowDigest { count, digest } = self.digest();
                let mut reply = json!({ "epoch": "E1", "rev": self.rev, "rows": rows });
                if some.is_some() {
                    reply["frame"] = self.frame(after, at);
                } else {
                    reply["count"] = json!(count);
                    reply["digest"] = json!(digest.to_string());
                }
                (200, reply, None)
            }
            _ => self.command(path, request),
        }
    }

    fn command(&mut self, path: &str, request: &HttpRequest) -> Answer {
        let parts: Vec<&str> = path.split('/').collect();
        if let ["", "centers", "a", "commands", key, "close"] = parts[..] {
            let void = (409, problem("void"), None);
            let (status, body, _) = self.outcomes.entry(key.to_owned()).or_insert(void).clone();
            let reply = match (status, &body["code"]) {
                (200, _) => json!({ "outcome": "done", "status": status, "body": body }),
                (_, code) if code == "void" => json!({ "outcome": "void", "status": null, "body": null }),
                _ => json!({ "outcome": "refused", "status": status, "body": body }),
            };
            return (200, reply, None);
        }
        let ["", "centers", "a", "deliveries", id, "note"] = parts[..] else {
            panic!("no such path: {path}")
        };
        let key = header(request, "idempotency-key").unwrap();
        if let Some(known) = self.outcomes.get(key) {
            return known.clone();
        }
        let id: u64 = id.parse().unwrap();
        let rev = self.rev + 1;
        let answer = match self.rows.get_mut(&id) {
            None => (404, problem("not-found"), None),
            Some(row)
                if header(request, "if-match").is_some_and(|etag| etag != format!("\"E1-{}\"", row.rev)) =>
            {
                (409, problem("conflict"), None)
            }
            Some(row) => {
                self.rev = rev;
                row.rev = Rev(rev);
                (200, json!(row), Some(format!("\"E1-{rev}\"")))
            }
        };
        self.outcomes.insert(key.to_owned(), answer.clone());
        answer
    }
}

#[derive(Debug)]
enum Event {
    /// Reaches the client.
    Arrives(Input),
    /// Reaches the hub; whether the answer finds its way back.
    Executes(RequestId, HttpRequest, bool),
    /// Reaches the hub on a socket.
    Says(SocketId, String),
    /// Every two seconds: heads, and every other time pings.
    Beat(u64),
}

/// The part of a URL that says which of the hub's doors it leads to.
fn door_of(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

#[derive(Default)]
struct Line {
    /// By which of the hub's doors.
    door: String,
    /// The hub holds it open.
    open: bool,
    subscribed: bool,
    /// Cut without a word.
    silent: bool,
    /// Texts keep their order.
    last_ms: u64,
}

/// Everything around one client.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) rng: ChaCha8Rng,
    pub(super) hub: Hub,
    pub(super) now: Now,
    /// How many of a hundred requests are lost, either way.
    pub(super) loss: u32,
    agenda: Agenda<Event>,
    lines: BTreeMap<SocketId, Line>,
    /// Sockets that the client holds open.
    pub(super) held: BTreeSet<SocketId>,
    pub(super) requests: u64,
    /// Doors at which nobody answers.
    pub(super) shut: BTreeSet<String>,
    /// When sockets were opened, and by which door.
    pub(super) opened: Vec<(Mono, String)>,
    /// What came out, for the driver to look at.
    pub(super) told: Vec<Action>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_servers(seed, &["http://h"])
    }

    pub(super) fn with_servers(seed: u64, servers: &[&str]) -> Self {
        let servers = servers.iter().map(|url| (*url).to_owned()).collect();
        let config = ClientConfig { servers, seat: "seat".into(), centers: vec![], seed };
        let hub = Hub {
            up: true,
            sockets: true,
            rev: 0,
            rows: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            pairs: 0,
            expired: false,
            busy: 0,
            tickets: BTreeSet::new(),
            given: 0,
        };
        let mut world = Self {
            client: Client::new(config),
            rng: ChaCha8Rng::seed_from_u64(seed),
            hub,
            now: Now { mono: Mono(1), wall: UtcMillis(EPOCH_MS) },
            loss: 0,
            agenda: Agenda::default(),
            lines: BTreeMap::new(),
            held: BTreeSet::new(),
            requests: 0,
            shut: BTreeSet::new(),
            opened: Vec::new(),
            told: Vec::new(),
        };
        world.after(2_000, Event::Beat(0));
        world
    }

    /// Puts an input in and does what the client wants.
    pub(super) fn put(&mut self, input: Input) {
        self.client.handle(input, self.now);
        while let Some(action) = self.client.poll_action() {
            self.act(action);
        }
        // The one that serves, and while it moves the one that is to serve.
        assert!(self.held.len() <= 2, "sockets held: {:?}", self.held);
    }

    /// Lets time pass, from event to event.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now.mono.plus_ms(ms);
        let mut still = 0;
        loop {
            let event = self.agenda.next_at().map(Mono);
            let next = [event, self.client.deadline()].into_iter().flatten().min().unwrap_or(end);
            if next > end {
                self.until(end);
                return;
            }
            still = if next > self.now.mono { 0 } else { still + 1 };
            assert!(still < 1_000, "the client spins");
            self.until(next);
            match event.filter(|at| *at <= next).and_then(|_| self.agenda.take_next()) {
                Some(event) => self.happen(event),
                None => self.put(Input::Tick),
            }
        }
    }

    /// The hub dies or comes back; its sockets go with or without a word.
    pub(super) fn switch(&mut self, up: bool) {
        self.hub.up = up;
        if !up {
            self.cut();
        }
    }

    /// All sockets are cut: closed, or silent.
    pub(super) fn cut(&mut self) {
        let silently = self.rng.random_bool(0.5);
        self.cut_where(silently, |_| true);
    }

    /// A door is shut, its sockets closed; or opened.
    pub(super) fn shut_door(&mut self, door: &str, shut: bool) {
        if shut {
            self.shut.insert(door.to_owned());
            self.cut_where(false, |of| of == door);
        } else {
            self.shut.remove(door);
        }
    }

    /// Subscribers are asked to go within a time.
    pub(super) fn drain(&mut self, within_ms: u64) {
        self.say_all(&format!(r#"42/center/a,["drain",{{"withinMs":{within_ms}}}]"#));
    }

    fn cut_where(&mut self, silently: bool, wanted: impl Fn(&str) -> bool) {
        let open: Vec<SocketId> = self
            .lines
            .iter()
            .filter(|(_, line)| line.open && wanted(&line.door))
            .map(|(id, _)| *id)
            .collect();
        for socket in open {
            let line = self.lines.get_mut(&socket).unwrap();
            line.open = false;
            line.silent = silently;
            if !silently {
                self.after(1, Event::Arrives(Input::Socket(socket, SocketEvent::Closed("cut".to_owned()))));
            }
        }
    }

    /// Tells the subscribers what changed after `rev`; now and then a frame is lost.
    pub(super) fn broadcast(&mut self, rev: u64) {
        let lost = self.rng.random_ratio(self.loss, 100);
        if self.hub.up && self.hub.rev > rev && !lost {
            let frame = self.hub.frame(rev, self.now.wall.0);
            self.say_all(&format!("42/center/a,{}", json!(["deliveries", frame])));
        }
    }

    fn until(&mut self, next: Mono) {
        let next = next.max(self.now.mono);
        let step = i64::try_from(next.since(self.now.mono)).unwrap();
        self.now = Now { mono: next, wall: self.now.wall.plus_ms(step) };
    }

    fn after(&mut self, ms: u64, event: Event) {
        self.agenda.put(self.now.mono.0 + ms, event);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Http(id, request) => {
                self.requests += 1;
                let lost = self.rng.random_ratio(self.loss, 100);
                let late = self.rng.random_ratio(self.loss, 300);
                if !self.hub.up || self.shut.contains(&door_of(&request.url)) {
                    self.after(
                        1,
                        Event::Arrives(Input::Http(id, Err(HttpFailure::Refused("down".to_owned())))),
                    );
                } else if lost || late {
                    let timeout = request.timeout_ms;
                    self.after(timeout, Event::Arrives(Input::Http(id, Err(HttpFailure::TimedOut))));
                    if late {
                        // Nobody waits for it any more when it is done.
                        let delay = self.rng.random_range(1_000..60_000);
                        self.after(delay, Event::Executes(id, request, false));
                    }
                } else {
                    let delay = self.rng.random_range(1..100);
                    let back = !self.rng.random_ratio(self.loss, 100);
                    if !back {
                        let timeout = request.timeout_ms;
                        self.after(timeout, Event::Arrives(Input::Http(id, Err(HttpFailure::TimedOut))));
                    }
                    self.after(delay, Event::Executes(id, request, back));
                }
            }
            Action::OpenSocket(socket, url) => {
                self.held.insert(socket);
                let door = door_of(&url);
                let open = self.hub.up && self.hub.sockets && !self.shut.contains(&door);
                self.opened.push((self.now.mono, door.clone()));
                self.lines.insert(socket, Line { door, open, ..Line::default() });
                if open {
                    self.after(5, Event::Arrives(Input::Socket(socket, SocketEvent::Opened)));
                    self.say(socket, r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#);
                } else {
                    let refused = SocketEvent::Closed("refused".to_owned());
                    self.after(1, Event::Arrives(Input::Socket(socket, refused)));
                }
            }
            Action::CloseSocket(socket) => {
                self.held.remove(&socket);
                if let Some(line) = self.lines.get_mut(&socket) {
                    line.open = false;
                }
            }
            Action::SendText(socket, text) => {
                let delay = self.rng.random_range(1..50);
                self.after(delay, Event::Says(socket, text));
            }
            Action::Restore(center) => {
                self.after(3, Event::Arrives(Input::Restored(center, Box::default())));
            }
            Action::Persist(batch) => {
                self.after(20, Event::Arrives(Input::Committed(batch.center.clone(), batch.seq)));
            }
            Action::Audit(center) => {
                self.after(20, Event::Arrives(Input::Audited { center, damaged: vec![], digest_fits: true }))
            }
            other => self.told.push(other),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives(input) => {
                if let Input::Socket(socket, SocketEvent::Closed(_)) = &input {
                    self.held.remove(socket);
                }
                self.put(input);
            }
            Event::Executes(id, request, back) => {
                let before = self.hub.rev;
                let busy = self.rng.random_ratio(self.hub.busy, 100);
                let answer = if self.hub.up && busy {
                    Ok(HttpResponse { retry_after_s: Some(2), ..response(503, problem("unavailable")) })
                } else if self.hub.up && !request.url.contains("/api/v1/") {
                    // A probe: of requests, or with a transport that nobody has.
                    let status = if request.url.ends_with("/readyz") { 200 } else { 400 };
                    Ok(response(status, ""))
                } else if self.hub.up {
                    let (status, body, etag) = self.hub.rest(&request, self.now.wall.0);
                    Ok(HttpResponse { etag, ..response(status, body) })
                } else {
                    Err(HttpFailure::Broken("reset".to_owned()))
                };
                self.broadcast(before);
                if back {
                    let delay = self.rng.random_range(1..100);
                    self.after(delay, Event::Arrives(Input::Http(id, answer)));
                }
            }
            Event::Says(socket, text) => self.hear(socket, &text),
            Event::Beat(beat) => {
                if self.hub.up {
                    let head = json!(["head", self.hub.head(self.now.wall.0)]);
                    self.say_all(&format!("42/center/a,{head}"));
                }
                if beat % 2 == 0 {
                    let open: Vec<SocketId> = self.lines.keys().copied().collect();
                    for socket in open {
                        self.say(socket, "2");
                    }
                }
                self.after(2_000, Event::Beat(beat + 1));
            }
        }
    }

    /// The hub hears a client's text.
    fn hear(&mut self, socket: SocketId, text: &str) {
        let Some(line) = self.lines.get_mut(&socket).filter(|line| line.open && !line.silent) else { return };
        if let Some(auth) = text.strip_prefix("40/center/a,") {
            let auth: Value = serde_json::from_str(auth).unwrap();
            let good = self.hub.tickets.remove(auth["ticket"].as_str().unwrap());
            let answer =
                if good { r#"40/center/a,{"sid":"s"}"# } else { r#"44/center/a,{"code":"unauthorized"}"# };
            self.say(socket, answer);
        } else if let Some(rest) = text.strip_prefix("42/center/a,") {
            let (id, _) = rest.split_once('[').unwrap();
            line.subscribed = true;
            let body: Value = serde_json::from_str(&rest[id.len()..]).unwrap();
            let missed = body[1]["cursor"]["rev"].as_u64().map(|rev| self.hub.frame(rev, self.now.wall.0));
            let ack = json!([{
                "ok": true, "head": self.hub.head(self.now.wall.0), "missed": missed, "resync": null,
            }]);
            self.say(socket, &format!("43/center/a,{id}{ack}"));
        }
    }

    fn say_all(&mut self, text: &str) {
        let subscribed: Vec<SocketId> =
            self.lines.iter().filter(|(_, line)| line.subscribed).map(|(id, _)| *id).collect();
        for socket in subscribed {
            self.say(socket, text);
        }
    }

    fn say(&mut self, socket: SocketId, text: &str) {
        let delay = self.rng.random_range(1..50);
        let Some(line) = self.lines.get_mut(&socket).filter(|line| line.open && !line.silent) else { return };
        let at = (self.now.mono.0 + delay).max(line.last_ms);
        line.last_ms = at;
        let text = SocketEvent::Text(text.to_owned());
        self.agenda.put(at, Event::Arrives(Input::Socket(socket, text)));
    }
}

/// The rows that a client holds, to be compared with the hub's.
pub(super) fn held_rows(client: &Client) -> BTreeMap<DeliveryId, Rev> {
    let session = client.session(&"a".into()).unwrap();
    session.rows().map(|row| (row.id(), row.rev())).collect()
}
