//! A legacy server as unkind as a real one, a cache that can crash, and a clock; all from one seed.

use crate::findings::CheckReport;
use crate::foreign::{Foreign, ForeignConfig};
use crate::io::{
    Action, AlarmKey, Batch, ForeignName, HttpFailure, HttpResponse, Input, Mono, Now, RequestId, Restored,
    RowChange, SocketEvent, SocketId, State, StoredAlarm,
};
use crate::testing::agenda::Agenda;
use crate::testing::http::response;
use gwanje_dialect::Dialect;
use gwanje_model::{CenterId, DeliveryId, Rev, Status, UtcMillis};
use gwanje_wire::WireRow;
use gwanje_wire::rest::AlarmKind;
use gwanje_wire::socket::Cursor;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub(super) const DIALECT: &str = r#"
version = 1
name = "legacy"
[center]
id = "gangnam"
zone = "Asia/Seoul"
[server]
url = "http://legacy"
timeoutSeconds = 5
[snapshot]
path = "/deliveries?date={date}"
rows = "body.list"
pollSeconds = 20
[socket]
kind = "socket.io"
namespace = "/orders"
[[socket.emit]]
event = "join"
data = "room"
[[event]]
name = "row"
at = "data"
[[event]]
name = "part"
at = "data"
partial = true
[[event]]
name = "list"
means = "rows"
[[event]]
name = "gone"
means = "gone"
[times]
format = "%Y-%m-%d %H:%M:%S"
[statuses]
received = "R"
waiting = "W"
assigned = "A"
pickedUp = "P"
delivered = "D"
cancelled = "C"
gone = "X"
[fields]
id = "no"
modifiedAt = "at"
status = "st"
request = "memo"
rider.id = "rider"
"#;

/// 2026-11-21 12:00:00 in Seoul, at millisecond 1,000,000 of the machine.
pub(super) const WALL: i64 = 1_795_230_000_000;
const MONO: u64 = 1_000_000;

/// A row as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) status: Status,
    /// Whole seconds.
    pub(super) modified_s: i64,
    pub(super) memo: u64,
    pub(super) ended_ms: u64,
}

pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Received => "R",
        Status::Waiting => "W",
        Status::Assigned => "A",
        Status::PickedUp => "P",
        Status::Delivered => "D",
        Status::Cancelled => "C",
    }
}

/// What goes wrong, shares of 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) lost: f64,
    pub(super) late: f64,
    pub(super) twice: f64,
    pub(super) garbled: f64,
    pub(super) stale: f64,
    pub(super) failing: f64,
    /// Of each second.
    pub(super) cut: f64,
    pub(super) silent: f64,
    pub(super) crash: f64,
    pub(super) cache_lost: f64,
}

/// What the disk has.
#[derive(Debug, Default, Clone)]
pub(super) struct Cache {
    pub(super) rows: BTreeMap<DeliveryId, WireRow>,
    pub(super) names: BTreeMap<DeliveryId, ForeignName>,
    alarms: BTreeMap<AlarmKey, StoredAlarm>,
    cursor: Option<Cursor>,
    proven_at: Option<UtcMillis>,
}

enum Event {
    /// A text of the server's on that connection.
    Text(SocketId, String),
    Opened(SocketId),
    Closed(SocketId),
    Answer(RequestId, Result<HttpResponse, HttpFailure>),
    Commit(Box<Batch>),
    Act,
    Bulk,
    Second,
}

pub(super) struct World {
    pub(super) rng: ChaCha8Rng,
    seed: u64,
    dialect: Arc<Dialect>,
    pub(super) client: Foreign,
    pub(super) now_ms: u64,
    agenda: Agenda<Event>,
    pub(super) faults: Faults,

    pub(super) rows: BTreeMap<String, Row>,
    /// Lists as they were, newest last.
    before: VecDeque<(u64, BTreeMap<String, Row>)>,
    next_row: u64,
    pub(super) busy: bool,
    socket: Option<SocketId>,
    joined: bool,
    pub(super) sockets_allowed: bool,
    silent_until: u64,

    pub(super) cache: Cache,
    horizon: Option<UtcMillis>,
    pub(super) board: BTreeMap<DeliveryId, WireRow>,
    cursor: Option<Cursor>,
    /// Gone at the server, and seen to be gone here.
    buried: BTreeSet<String>,
    pub(super) raised: BTreeMap<(String, i64), u32>,
    pub(super) told: BTreeSet<String>,
    /// Alarms that came due by the clock: with a sound, or listed without.
    pub(super) overdue: Vec<(AlarmKey, bool)>,
    /// Cancellations after the horizon, to be told: number → second.
    pub(super) cancelled: BTreeMap<String, i64>,
    last_list: Option<u64>,
    pub(super) lists: u64,
    pub(super) states: Vec<&'static str>,
    pub(super) proofs: u64,
    pub(super) checks: Vec<CheckReport>,
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let dialect = Arc::new(Dialect::parse(DIALECT).unwrap());
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            seed,
            client: client(&dialect, seed),
            dialect,
            now_ms: 0,
            agenda: Agenda::default(),
            faults,
            rows: BTreeMap::new(),
            before: VecDeque::new(),
            next_row: 1,
            busy: true,
            socket: None,
            joined: false,
            sockets_allowed: true,
            silent_until: 0,
            cache: Cache::default(),
            horizon: None,
            board: BTreeMap::new(),
            cursor: None,
            buried: BTreeSet::new(),
            raised: BTreeMap::new(),
            told: BTreeSet::new(),
            overdue: Vec::new(),
            cancelled: BTreeMap::new(),
            last_list: None,
            lists: 0,
            states: Vec::new(),
            proofs: 0,
            checks: Vec::new(),
        };
        world.at(0, Event::Act);
        world.at(0, Event::Second);
        world.at(20_000, Event::Bulk);
        world.start();
        world
    }

    pub(super) fn now(&self) -> Now {
        Now { mono: Mono(MONO + self.now_ms), wall: UtcMillis(WALL + self.now_ms as i64) }
    }

    fn second(&self) -> i64 {
        (WALL + self.now_ms as i64) / 1_000
    }

    fn at(&mut self, in_ms: u64, event: Event) {
        self.agenda.put(self.now_ms + in_ms, event);
    }

    fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    fn start(&mut self) {
        self.input(Input::Resume { refresh_token: String::new(), centers: Vec::new() });
        let cache = &self.cache;
        let restored = Restored {
            rows: cache.rows.values().cloned().collect(),
            cursor: cache.cursor.clone(),
            alarms: cache.alarms.values().cloned().collect(),
            horizon: self.horizon,
            proven_at: cache.proven_at,
            names: cache.names.iter().map(|(id, name)| (*id, name.clone())).collect(),
            ..Restored::default()
        };
        self.input(Input::Restored(CenterId::from("gangnam"), Box::new(restored)));
    }

    /// The process dies, with what the disk has not got yet, and starts again.
    pub(super) fn crash(&mut self) {
        self.socket = None;
        self.joined = false;
        self.agenda.retain(|event| matches!(event, Event::Act | Event::Bulk | Event::Second));
        self.client = client(&self.dialect, self.seed ^ self.now_ms);
        self.board.clear();
        self.last_list = None;
        // A delivery whose removal is not on the disk is no longer known to be gone.
        let cached = self.cache.rows.values().filter_map(WireRow::delivery);
        let cached: BTreeSet<_> = cached.map(|row| row.order_no.to_string()).collect();
        self.buried.retain(|no| !cached.contains(no));
        self.start();
    }

    pub(super) fn input(&mut self, input: Input) {
        self.client.handle(input, self.now());
        self.act();
        self.check();
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        let mut ticks = 0;
        loop {
            let due =
                self.client.deadline().map_or(u64::MAX, |at| at.0.saturating_sub(MONO).max(self.now_ms));
            let queued = self.agenda.next_at().unwrap_or(u64::MAX);
            let next = due.min(queued);
            if next > end {
                self.now_ms = end;
                return;
            }
            self.now_ms = next;
            if queued <= due {
                let event = self.agenda.take_next().unwrap();
                self.happen(event);
            } else {
                self.input(Input::Tick);
                // What a tick brings about may be due at once, but a core that asks for the same moment again and again
                // would stand still here.
                let is_past = self.client.deadline().is_some_and(|at| at.0 <= MONO + self.now_ms);
                ticks = if is_past { ticks + 1 } else { 0 };
                assert!(ticks < 4, "a deadline that stays in the past");
            }
        }
    }

    /// Until one more list has been read.
    pub(super) fn run_until_list(&mut self) {
        let snapshots = self.client.stats().snapshots;
        while self.client.stats().snapshots == snapshots {
            self.run(10);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Text(socket, text) => {
                if self.silent_until <= self.now_ms {
                    self.input(Input::Socket(socket, SocketEvent::Text(text)));
                }
            }
            Event::Opened(socket) => {
                self.input(Input::Socket(socket, SocketEvent::Opened));
                let open = r#"0{"sid":"x","pingInterval":4000,"pingTimeout":3000,"maxPayload":0}"#;
                self.at(5, Event::Text(socket, open.to_owned()));
            }
            Event::Closed(socket) => self.input(Input::Socket(socket, SocketEvent::Closed("cut".to_owned()))),
            Event::Answer(request, result) => self.input(Input::Http(request, result)),
            Event::Commit(batch) => self.commit(*batch),
            Event::Act => {
                if self.busy {
                    self.change();
                }
                let pause = self.rng.random_range(50..900);
                self.at(pause, Event::Act);
            }
            Event::Bulk => {
                let shown = self.rows.iter().filter(|(_, row)| row.status != Status::Delivered);
                let mut rows: Vec<Value> = shown.map(|(no, row)| json_row(no, row)).collect();
                rows.shuffle(&mut self.rng);
                let after = self.rng.random_range(0..2_000);
                self.emit("list", Value::from(rows), after);
                self.at(20_000, Event::Bulk);
            }
            Event::Second => self.each_second(),
        }
    }

    fn each_second(&mut self) {
        self.at(1_000, Event::Second);
        if self.now_ms.is_multiple_of(4_000)
            && let Some(socket) = self.socket
        {
            self.at(1, Event::Text(socket, "2".to_owned()));
        }
        self.before.push_back((self.now_ms, self.rows.clone()));
        while self.before.front().is_some_and(|(at, _)| self.now_ms - at > 6_000) {
            self.before.pop_front();
        }
        let Faults { cut, silent, crash, cache_lost, .. } = self.faults;
        if self.chance(cut) {
            self.cut();
        }
        if self.chance(silent) {
            self.silent_until = self.now_ms + self.rng.random_range(1_000..20_000);
        }
        if self.chance(crash) {
            self.crash();
        }
        if self.chance(cache_lost) {
            self.cache = Cache::default();
            self.agenda.retain(|event| !matches!(event, Event::Commit(_)));
            self.input(Input::CacheLost(CenterId::from("gangnam")));
        }
        if cut > 0.0 {
            self.sockets_allowed = self.now_ms / 1_000 % 90 > 15;
        }
    }

    pub(super) fn cut(&mut self) {
        self.joined = false;
        if let Some(socket) = self.socket.take() {
            self.at(1, Event::Closed(socket));
        }
    }

    /// Something happens to a delivery.
    fn change(&mut self) {
        let old =
            self.rows.iter().filter(|(_, row)| row.status.is_final() && row.ended_ms + 70_000 < self.now_ms);
        if let Some(no) = old.map(|(no, _)| no.clone()).next() {
            // Archived: nobody tells.
            self.rows.remove(&no);
            return;
        }
        if self.rows.len() < 12 || self.chance(0.2) {
            let no = format!("TBIYHG{:06}", self.next_row);
            self.next_row += 1;
            self.set(&no, Status::Received);
            return;
        }
        let open: Vec<String> =
            self.rows.iter().filter(|(_, row)| !row.status.is_final()).map(|(no, _)| no.clone()).collect();
        let Some(no) = open.get(self.rng.random_range(0..open.len().max(1))) else { return };
        let (is_cancelled, is_given_back) = (self.chance(0.1), self.chance(0.2));
        let next = match self.rows[no].status {
            _ if is_cancelled => Status::Cancelled,
            Status::Received => Status::Waiting,
            Status::Waiting => Status::Assigned,
            Status::Assigned if is_given_back => Status::Waiting,
            Status::Assigned => Status::PickedUp,
            Status::PickedUp | Status::Delivered | Status::Cancelled => Status::Delivered,
        };
        self.set(no, next);
    }

    /// A delivery becomes that, and whoever listens is told, if nothing goes wrong.
    pub(super) fn set(&mut self, no: &str, status: Status) {
        let (modified_s, memo) = (self.second(), self.rng.random_range(0..1_000));
        let row = Row { status, modified_s, memo, ended_ms: self.now_ms };
        self.rows.insert(no.to_owned(), row.clone());
        if status == Status::Cancelled && self.horizon.is_some_and(|horizon| modified_s * 1_000 > horizon.0) {
            self.cancelled.insert(no.to_owned(), modified_s);
        }
        if self.chance(self.faults.lost) {
            return;
        }
        let whole = self.chance(0.5);
        let data = if whole {
            json_row(no, &row)
        } else {
            json!({"no": no, "at": time(row.modified_s), "st": word(row.status), "memo": row.memo})
        };
        let (name, data) = (if whole { "row" } else { "part" }, json!({ "data": data }));
        let after = if self.chance(self.faults.late) { self.rng.random_range(0..8_000) } else { 20 };
        self.emit(name, data.clone(), after);
        if self.chance(self.faults.twice) {
            let after = self.rng.random_range(0..8_000);
            self.emit(name, data, after);
        }
    }

    /// An event to whoever is joined.
    pub(super) fn emit(&mut self, name: &str, data: Value, after_ms: u64) {
        let Some(socket) = self.socket.filter(|_| self.joined) else { return };
        let mut text = format!("42/orders,{}", json!([name, data]));
        if self.chance(self.faults.garbled) {
            text.truncate(text.len() / 2);
            while !text.is_char_boundary(text.len()) {
                text.pop();
            }
        }
        self.at(after_ms, Event::Text(socket, text));
    }

    fn act(&mut self) {
        while let Some(action) = self.client.poll_action() {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::OpenSocket(socket, url) => {
                assert_eq!(url, "ws://legacy/socket.io/?EIO=4&transport=websocket");
                if self.sockets_allowed {
                    self.socket = Some(socket);
                    self.at(10, Event::Opened(socket));
                } else {
                    self.at(3, Event::Closed(socket));
                }
            }
            Action::SendText(socket, text) => self.sent(socket, &text),
            Action::CloseSocket(socket) => {
                if self.socket == Some(socket) {
                    self.socket = None;
                    self.joined = false;
                }
            }
            Action::Http(request, asked) => self.list(request, &asked.url, asked.headers),
            Action::Audit(center) => {
                self.input(Input::Audited { center, damaged: Vec::new(), digest_fits: true })
            }
            Action::DropHttp(_) | Action::Restore(_) | Action::Wipe(_) => {}
            Action::Persist(batch) => {
                // One writer: commits keep their order.
                let last = self.agenda.last_at(|event| matches!(event, Event::Commit(_)));
                let at = (self.now_ms + self.rng.random_range(5..60)).max(last.unwrap_or(0));
                self.agenda.put(at, Event::Commit(batch));
            }
            Action::KeepHorizon(_, at) => {
                assert_eq!(self.horizon.replace(at), None, "a horizon is set once");
            }
            Action::Changed(_, changes, cursor) => self.changed(changes, cursor),
            Action::State(_, state) => self.states.push(state.name()),
            Action::Proved(_, proof) => {
                self.proofs += 1;
                assert!(proof.at <= self.now().wall);
            }
            Action::Checked(_, report) => self.checks.push(*report),
            Action::Repaired(..)
            | Action::DayClock { .. }
            | Action::AlarmSettled(..)
            | Action::AlarmTold(..)
            | Action::Acknowledged(..)
            | Action::CommandSettled(..)
            | Action::CommandLost(_) => {}
            Action::Alarm(_, notice) => {
                let by_clock = !matches!(notice.key.kind, AlarmKind::Cancelled | AlarmKind::Unproven);
                if by_clock {
                    self.overdue.push((notice.key, !notice.relisted));
                }
                if notice.key.kind == AlarmKind::Cancelled {
                    let row = notice.delivery.as_ref().and_then(WireRow::delivery).unwrap();
                    self.told.insert(row.order_no.to_string());
                    if !notice.relisted {
                        *self
                            .raised
                            .entry((row.order_no.to_string(), notice.key.raised_at.0))
                            .or_default() += 1;
                    }
                }
            }
            Action::SignedIn(_)
            | Action::SignedOut(_)
            | Action::SignInFailed(_)
            | Action::Centers(_)
            | Action::CommandUnsettled(..)
            | Action::Riders(..)
            | Action::Notice(..) => panic!("{action:?} is none of a foreign server's"),
        }
    }

    fn sent(&mut self, socket: SocketId, text: &str) {
        if self.socket != Some(socket) || self.silent_until > self.now_ms {
            return;
        }
        if text.starts_with("40/orders,") {
            self.at(5, Event::Text(socket, r#"40/orders,{"sid":"y"}"#.to_owned()));
        } else if text == r#"42/orders,["join","room"]"# {
            self.joined = true;
        }
    }

    fn list(&mut self, request: RequestId, url: &str, headers: Vec<(&'static str, String)>) {
        assert!(url.starts_with("http://legacy/deliveries?date=2026-11-"), "{url}");
        assert!(
            self.last_list.is_none_or(|last| self.now_ms >= last + 1_000),
            "lists asked for at {:?} and {}",
            self.last_list,
            self.now_ms
        );
        self.last_list = Some(self.now_ms);
        self.lists += 1;
        let after = self.rng.random_range(10..800);
        if self.chance(self.faults.failing) {
            let failure = match self.rng.random_range(0..4) {
                0 => Err(HttpFailure::TimedOut),
                1 => Err(HttpFailure::Refused("connection refused".to_owned())),
                2 => Ok(answer(200, r#"{"body":null}"#, None)),
                _ => Ok(answer(503, "", None)),
            };
            return self.at(after, Event::Answer(request, failure));
        }
        let stale = self.chance(self.faults.stale);
        let rows = match self.before.front().filter(|_| stale) {
            Some((_, before)) => before.clone(),
            None => self.rows.clone(),
        };
        let mut list: Vec<Value> = rows.iter().map(|(no, row)| json_row(no, row)).collect();
        let etag = format!("W/\"{:x}\"", gwanje_model::digest::mix(hash(&list)));
        let known = headers.iter().any(|(name, value)| *name == "if-none-match" && *value == etag);
        list.shuffle(&mut self.rng);
        let answer = if known {
            answer(304, "", Some(etag))
        } else {
            answer(200, &json!({"body": {"list": list}}).to_string(), Some(etag))
        };
        self.at(after, Event::Answer(request, Ok(answer)));
    }

    fn commit(&mut self, batch: Batch) {
        let Batch { seq, replace, upserts, removes, cursor, rows, alarms, names, proven_at, .. } = batch;
        if replace {
            self.cache.rows.clear();
        }
        for id in removes {
            self.cache.rows.remove(&id);
        }
        for row in upserts {
            self.cache.rows.insert(row.id(), row);
        }
        for (id, name) in names {
            match name {
                Some(name) => self.cache.names.insert(id, name),
                None => self.cache.names.remove(&id),
            };
        }
        self.cache.alarms.extend(alarms.into_iter().map(|alarm| (alarm.key, alarm)));
        self.cache.cursor = cursor.or(self.cache.cursor.take());
        self.cache.proven_at = proven_at.or(self.cache.proven_at);
        let of_cache = gwanje_model::RowDigest::of(self.cache.rows.values().map(|row| (row.id(), row.rev())));
        assert_eq!(rows, of_cache, "the digest of a batch is that of the rows after it");
        self.input(Input::Committed(CenterId::from("gangnam"), seq));
    }

    fn changed(&mut self, changes: Vec<RowChange>, cursor: Option<Cursor>) {
        if let (Some(old), Some(new)) = (&self.cursor, &cursor)
            && old.epoch == new.epoch
            && !changes.contains(&RowChange::Clear)
        {
            assert!(new.rev >= old.rev, "the cursor went back");
        }
        self.cursor = cursor;
        for change in changes {
            match change {
                RowChange::Clear => self.board.clear(),
                RowChange::Upsert(row) => {
                    if let Some(delivery) = row.delivery() {
                        let no = delivery.order_no.as_str();
                        assert!(!self.buried.contains(no), "{no} came back at {}", self.now_ms);
                        let known = self.board.get(&row.id()).and_then(WireRow::delivery);
                        assert!(known.is_none_or(|known| known.order_no == no), "two ids share a number");
                    }
                    self.board.insert(row.id(), row);
                }
                RowChange::Remove(id, rev) => {
                    assert!(rev > Rev::ZERO);
                    if let Some(WireRow::Row(row)) = self.board.remove(&id)
                        && !self.rows.contains_key(row.order_no.as_str())
                    {
                        self.buried.insert(row.order_no.to_string());
                    }
                }
                RowChange::Mark(..) => {}
            }
        }
    }

    /// What holds after every step.
    fn check(&self) {
        assert!(self.client.rows().eq(self.board.values()), "the board is not what the core holds");
        if let Some(State::Live { proven_at, .. }) = self.client.state() {
            let age = self.now().wall.since(*proven_at);
            assert!(age <= 20_000 + 5_000 + 5_000, "live with a comparison {age} ms old");
            assert!(self.states.last() == Some(&"Live"));
        }
        for ((no, at), times) in &self.raised {
            assert_eq!(*times, 1, "{no} cancelled at {at} alarmed {times} times");
        }
    }

    /// The board as the server would say it.
    pub(super) fn shown(&self) -> BTreeMap<String, (Status, i64, String)> {
        let row = |row: &WireRow| {
            let row = row.delivery().expect("a readable row");
            (row.order_no.to_string(), (row.status, row.modified_at.0 / 1_000, row.request.to_string()))
        };
        self.board.values().map(row).collect()
    }

    /// The server's rows.
    pub(super) fn truth(&self) -> BTreeMap<String, (Status, i64, String)> {
        let row =
            |(no, row): (&String, &Row)| (no.clone(), (row.status, row.modified_s, row.memo.to_string()));
        self.rows.iter().map(row).collect()
    }

    pub(super) fn state(&self) -> &'static str {
        self.client.state().map_or("none", State::name)
    }
}

fn client(dialect: &Arc<Dialect>, seed: u64) -> Foreign {
    Foreign::new(ForeignConfig {
        dialect: Arc::clone(dialect),
        servers: Vec::new(),
        seat: "seat".into(),
        seed,
    })
}

pub(super) fn time(second: i64) -> String {
    let of_day = (second + 9 * 3_600) % 86_400;
    let day =
        if second + 9 * 3_600 >= (WALL / 1_000 + 9 * 3_600) / 86_400 * 86_400 + 86_400 { 22 } else { 21 };
    format!("2026-11-{day} {:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// A row of the list; one that waits may carry a rider.
pub(super) fn json_row(no: &str, row: &Row) -> Value {
    json!({"no": no, "at": time(row.modified_s), "st": word(row.status), "memo": row.memo, "rider": "R1"})
}

pub(super) fn answer(status: u16, body: &str, etag: Option<String>) -> HttpResponse {
    HttpResponse { etag, ..response(status, body) }
}

fn hash(list: &[Value]) -> u64 {
    let text: String = list.iter().map(Value::to_string).collect();
    text.bytes().fold(0xcbf2_9ce4, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
