//! Model and hub agree on random calls: requests, sockets, emitters.

use crate::emitting::ModelEmitter;
use crate::random::{CENTERS, Caller, Signed, setup};
use crate::real::{Emitting, Real};
use crate::same::{difference, fixed};
use crate::setting::Setting;
use gwanje_model::CenterId;
use gwanje_simulation::hub::{Joined, ModelHub};
use gwanje_sync::{HttpRequest, Method};
use rand::RngExt as _;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many sequences of calls.
const SEEDS: u64 = 48;
/// How many calls in each.
const STEPS: usize = 250;

/// A model and the real hub beside it.
struct Pair {
    model: ModelHub,
    real: Real,
    caller: Caller,
    emitters: BTreeMap<CenterId, ModelEmitter>,
    joined: Vec<Joined>,
    connections: u64,
    /// Connections that have no room.
    full: BTreeSet<u64>,
    compared: usize,
    /// The kinds of answers compared so far.
    seen: BTreeSet<String>,
}

/// The kinds of answers that the calls must bring about: without them the test would say little.
const KINDS: [&str; 28] = [
    "due",
    "200",
    "201",
    "204",
    "304",
    "400 invalid",
    "401 unauthorized",
    "403 forbidden",
    "404 not-found",
    "409 conflict",
    "409 invalid-transition",
    "409 void",
    "410 resync ahead",
    "410 resync epoch",
    "410 resync floor",
    "429 too-many-requests",
    "undone",
    "batch",
    "joined",
    "not joined",
    "missed",
    "not missed",
    "deliveries",
    "head",
    "alarm",
    "wider",
    "put out",
    "restart",
];

impl Pair {
    async fn new(seed: u64, setting: &Setting) -> Self {
        let mut model = ModelHub::new(&setup());
        model.keep_log();
        let emitters = CENTERS.map(CenterId::from).map(|id| (id.clone(), ModelEmitter::new(id)));
        let mut pair = Self {
            model,
            real: Real::new(setting).await,
            caller: Caller::new(seed),
            emitters: emitters.into_iter().collect(),
            joined: Vec::new(),
            connections: 0,
            full: BTreeSet::new(),
            compared: 0,
            seen: BTreeSet::new(),
        };
        pair.real.set_time(pair.caller.at);
        pair
    }

    async fn step(&mut self) -> Result<(), String> {
        self.caller.pass();
        match self.caller.rng.random_range(0..100) {
            0..6 => {
                let request = self.caller.login();
                self.ask(&request);
            }
            6..9 => {
                let request = self.caller.refresh();
                self.ask(&request);
            }
            9..30 => {
                let request = self.caller.read(&self.model);
                self.ask(&request);
            }
            30..55 => {
                let request = self.caller.command(&self.model);
                self.ask(&request);
                if self.caller.chance(25)
                    && let Some(undo) = self.caller.undo(&self.model)
                {
                    self.ask(&undo);
                }
            }
            55..60 => {
                let request = self.caller.receipt_by_rest(&self.model);
                self.ask(&request);
            }
            60..65 => {
                let request = self.caller.request(Method::Post, "/socket-tickets", Some(json!({})));
                self.ask(&request);
            }
            65..69 => self.join(),
            69..75 => self.say(),
            75 => self.leave(),
            77..81 => self.stall(),
            81 => self.restart(),
            76 if self.caller.chance(30) => {
                for request in self.caller.guesses() {
                    self.ask(&request);
                }
            }
            76 => {
                let request = self.caller.request(Method::Post, "/logout", None);
                self.ask(&request);
            }
            _ => {
                let operation = self.caller.operation(&self.model);
                self.model.operate(&operation, self.caller.at);
            }
        }
        if self.caller.chance(15) {
            self.read_again();
        }
        if self.caller.chance(30) {
            self.look_at_alarms();
        }
        self.compare().await?;
        if self.caller.chance(60) {
            self.emit().await?;
        }
        Ok(())
    }

    fn ask(&mut self, request: &HttpRequest) {
        let response = self.model.rest(request, self.caller.at);
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |member: &str| body[member].as_str().map(str::to_owned);
        let words = [Some(response.status.to_string()), text("code"), text("reason")];
        self.seen.insert(words.into_iter().flatten().collect::<Vec<_>>().join(" "));
        if response.status == 200 && request.url.ends_with("/undo") {
            self.seen.insert("undone".to_owned());
        }
        if response.status == 200 && body["results"].as_array().is_some_and(|results| results.len() > 1) {
            self.seen.insert("batch".to_owned());
        }
        if let (Some(access), Some(refresh)) = (text("accessToken"), text("refreshToken")) {
            self.caller.signed.push(Signed { access, refresh });
        }
        self.caller.tickets.extend(text("ticket"));
    }

    /// Joins on a connection of its own, or on an existing one.
    fn join(&mut self) {
        let connection = match self.joined.last().map(|who| who.connection) {
            Some(known) if self.caller.chance(30) => known,
            Some(_) | None => {
                self.connections += 1;
                self.connections
            }
        };
        let (center, tickets) = (self.caller.center(), self.caller.tickets.clone());
        // A connection without room for an answer is closed.
        if self.full.contains(&connection) {
            return;
        }
        // Does not join a namespace again: a hub ignores the packet.
        if self.joined.iter().any(|who| who.connection == connection && who.center == center) {
            return;
        }
        let lately = tickets.len().saturating_sub(3);
        let ticket = self.caller.pick(&tickets[lately..]).unwrap_or_else(|| "made-up".to_owned());
        let seat = self.caller.pick(&[json!("seat-1"), json!("seat-2"), Value::Null]).unwrap();
        let auth = json!({"ticket": ticket, "seat": seat});
        let at = self.caller.at;
        let joined = self.model.join(connection, &format!("/center/{center}"), &auth, at);
        self.seen.insert(if joined.is_ok() { "joined" } else { "not joined" }.to_owned());
        if let Ok(who) = joined {
            self.joined.push(who.clone());
            if self.caller.chance(80) {
                self.subscribe(&who);
            }
        }
    }

    fn say(&mut self) {
        let joined = self.joined.clone();
        let who = self.caller.pick(&joined).filter(|who| !self.full.contains(&who.connection));
        let Some(who) = who else { return };
        let at = self.caller.at;
        if self.caller.chance(30) {
            let (_, word) = self.caller.receipt(&self.model);
            self.model.event(&who, "alarm", &word, at);
            return;
        }
        if self.caller.chance(10) {
            let some =
                [("seat", json!({"openId": 3})), ("seat", json!({"openId": "x"})), ("dance", Value::Null)];
            let (name, data) = self.caller.pick(&some).unwrap();
            self.model.event(&who, name, &data, at);
            return;
        }
        self.subscribe(&who);
    }

    fn subscribe(&mut self, who: &Joined) {
        let at = self.caller.at;
        let board = self.model.board(&who.center).unwrap();
        let (epoch, rev, floor) =
            (board.standing().epoch.clone(), board.standing().rev.0, board.standing().floor.0);
        let after = self.caller.rng.random_range(floor.saturating_sub(1)..=rev + 1);
        let cursor = self.caller.pick(&[
            json!({"epoch": epoch, "rev": after}),
            json!({"epoch": "0", "rev": 1}),
            Value::Null,
        ]);
        let rooms =
            self.caller.pick(&[json!(["deliveries"]), json!(["deliveries", "chat"]), json!(["bedroom"])]);
        let wish = json!({"rooms": rooms, "cursor": cursor});
        let ack = self.model.subscribe(who, &wish, at);
        self.seen.insert(if ack["missed"].is_null() { "not missed" } else { "missed" }.to_owned());
        if ack["ok"] == true {
            self.emitters.get_mut(&who.center).unwrap().follow(who.connection, &self.model, at);
        }
    }

    fn leave(&mut self) {
        let joined = self.joined.clone();
        let Some(who) = self.caller.pick(&joined) else { return };
        self.model.connection_ended(who.connection, self.caller.at);
        self.forget(who.connection);
    }

    /// Ends the hub's process, and its connections with it.
    fn restart(&mut self) {
        self.model.restart(self.caller.at);
        self.joined.clear();
        self.full.clear();
        for (center, emitter) in &mut self.emitters {
            *emitter = ModelEmitter::new(center.clone());
        }
        self.seen.insert("restart".to_owned());
    }

    fn forget(&mut self, connection: u64) {
        self.joined.retain(|who| who.connection != connection);
        self.full.remove(&connection);
        self.emitters.values_mut().for_each(|emitter| emitter.leave(connection));
    }

    /// Asks the real hub what the model was asked, and compares the answers.
    async fn compare(&mut self) -> Result<(), String> {
        for call in self.model.take_log() {
            self.real.check(&call).await?;
            self.compared += 1;
        }
        match self.model.take_differences().first() {
            Some(found) => Err(format!("the oracle: {found}")),
            None => Ok(()),
        }
    }

    /// Lets both emitters of each center do what is due, and compares what each connection was sent.
    async fn emit(&mut self) -> Result<(), String> {
        let (at, now) = (self.caller.at, self.real.set_time(self.caller.at));
        for center in CENTERS.map(CenterId::from) {
            let emitter = self.emitters.get_mut(&center).unwrap();
            let mut told = emitter.act(&mut self.model, &self.full, at);
            let Emitting { emission, .. } = self.real.emitting.get_mut(&center).unwrap();
            emission.act(now).await.unwrap();
            self.seen.extend(told.kinds.iter().map(|kind| (*kind).to_owned()));
            let joined: BTreeSet<u64> = self.joined.iter().map(|who| who.connection).collect();
            for connection in joined {
                let expected = told.events.remove(&connection).unwrap_or_default();
                let got: Vec<Value> =
                    self.real.sent(connection).iter().map(|text| event(text, &center)).collect();
                self.compared += expected.len();
                if let Some(found) = difference(&fixed(json!(expected)), &fixed(json!(got))) {
                    return Err(format!(
                        "what connection {connection} of {center} was sent at {at:?}{found}"
                    ));
                }
                let is_out = self.real.tape(connection).unwrap().is_closed();
                if is_out != told.out.contains(&connection) {
                    return Err(format!(
                        "connection {connection} of {center} at {at:?}: put out: real {is_out}"
                    ));
                }
            }
            for connection in told.out {
                self.seen.insert("put out".to_owned());
                self.model.connection_ended(connection, at);
                self.forget(connection);
            }
        }
        self.compare().await
    }

    /// Leaves a connection without room for a while.
    fn stall(&mut self) {
        let joined = self.joined.clone();
        let Some(who) = self.caller.pick(&joined) else { return };
        self.full.insert(who.connection);
        self.real.tape(who.connection).unwrap().set_full(true);
    }

    /// The hub's look at the clock.
    fn look_at_alarms(&mut self) {
        for center in CENTERS.map(CenterId::from) {
            if self.model.look_at_alarms(&center, self.caller.at) > 0 {
                self.seen.insert("due".to_owned());
            }
        }
    }

    fn read_again(&mut self) {
        for connection in std::mem::take(&mut self.full) {
            self.real.tape(connection).unwrap().set_full(false);
        }
    }
}

fn event(text: &str, center: &CenterId) -> Value {
    let data = text.strip_prefix(&format!("2/center/{center},")).expect("an event of the center");
    serde_json::from_str(data).unwrap()
}

#[test]
fn model_and_hub_agree_on_random_calls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (compared, found, seen) = runtime.block_on(async {
        let setting = Setting::of(&setup()).await;
        let (mut compared, mut found, mut seen) = (0, Vec::new(), BTreeSet::new());
        for seed in 0..SEEDS {
            let mut pair = Pair::new(seed, &setting).await;
            for step in 0..STEPS {
                if let Err(drift) = pair.step().await {
                    found.push(format!("seed {seed}, step {step}: {drift}"));
                    break;
                }
            }
            compared += pair.compared;
            seen.append(&mut pair.seen);
        }
        (compared, found, seen)
    });
    assert!(found.is_empty(), "model and hub drift apart:\n{}", found.join("\n\n"));
    assert!(compared > 6_000, "only {compared} answers were compared");
    let lacking: Vec<_> = KINDS.into_iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(lacking.is_empty(), "no answer was {lacking:?}, only {seen:?}");
}
