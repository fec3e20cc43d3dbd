//! The real hub, asked what a model was asked.

use crate::names::Names;
use crate::same::{difference, fixed};
use crate::setting::{Kept, Setting};
use crate::tapes::{Hall, Tape};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use gwanje_hub::socket::{Connection, Emission, NoLoss, Word};
use gwanje_hub::store::{Ask, Command, Intent, StoreError, Undo};
use gwanje_hub::{Hub, api};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Cancel, CancelBy, CenterId, DeliveryId, Rev};
use gwanje_simulation::hub::{Answer, Call, Instants, Operated, Operation, Question, SOMEBODY};
use gwanje_sync::{HttpRequest, HttpResponse, Method};
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::ALARMS_PAGE;
use gwanje_wire::{CommandBody, ErrorCode, Problem};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The largest answer that is read, bytes.
const ANSWER_MAX: usize = 64 << 20;

/// The emission of one center, and what connections tell it.
pub struct Emitting {
    pub emission: Emission<Tape>,
    words: mpsc::Receiver<Word<Tape>>,
}

/// A connection, and what it is sent.
struct Peer {
    connection: Connection<Tape>,
    tape: Tape,
    asked: u64,
}

/// See the module's doc.
pub struct Real {
    process: Process,
    pub emitting: BTreeMap<CenterId, Emitting>,
    peers: BTreeMap<u64, Peer>,
    names: Names,
    started: Instant,
    first: Option<Instants>,
    kept: Kept,
    _folder: TempDir,
}

/// What a hub's process holds.
struct Process {
    hub: Arc<Hub>,
    router: Router,
    hall: Arc<Hall>,
}

impl Process {
    async fn begin(kept: &Kept) -> Self {
        let hub = kept.hub().await;
        Self { router: api::router(Arc::clone(&hub)), hub, hall: Arc::new(Hall::default()) }
    }

    fn emitting(&self, now: Instant) -> BTreeMap<CenterId, Emitting> {
        let centers = self.hub.store.center_ids().into_iter();
        let emitting = centers.map(|center| {
            let loss = Arc::new(NoLoss);
            let emission = Emission::new(Arc::clone(&self.hub), loss, center.clone(), now).unwrap();
            let words = self.hall.lead(center.clone());
            (center, Emitting { emission, words })
        });
        emitting.collect()
    }
}

impl Real {
    pub async fn new(setting: &Setting) -> Self {
        let (kept, folder) = setting.copied();
        let (process, started) = (Process::begin(&kept).await, Instant::now());
        let (peers, names) = (BTreeMap::new(), Names::default());
        let emitting = process.emitting(started);
        Self { process, emitting, peers, names, started, first: None, kept, _folder: folder }
    }

    /// Ends the process and begins another on the same file.
    async fn restart(&mut self, at: Instants) {
        self.process.hub.store.close().await;
        self.process = Process::begin(&self.kept).await;
        let now = self.set_time(at);
        self.emitting = self.process.emitting(now);
        self.peers.clear();
    }

    /// Sets the hub's clocks; returns the moment of its timers. Time passes as it does for the wall clock.
    pub fn set_time(&mut self, at: Instants) -> Instant {
        self.process.hub.clock.set_still(at.wall, at.day);
        let first = *self.first.get_or_insert(at);
        let passed_ms = u64::try_from(at.wall.since(first.wall)).expect("the wall's clock goes forward");
        self.started + Duration::from_millis(passed_ms)
    }

    /// Asks the same and compares. Tells what differs, for people.
    pub async fn check(&mut self, call: &Call) -> Result<(), String> {
        if let Question::Begin(_) = call.what {
            return Ok(());
        }
        let now = self.set_time(call.at);
        let found = match (&call.what, &call.answer) {
            (Question::Rest(request), Answer::Rest(answer)) => self.check_rest(request, answer).await,
            (Question::Join { connection, namespace, auth }, Answer::Join(answer)) => {
                let answered = self.join(*connection, namespace, auth, now).await;
                unequal(&result_json(answer), &result_json(&answered))
            }
            (Question::Event { connection, center, name, data }, Answer::Event(answer)) => {
                let answered = self.event(*connection, center, name, data, now).await;
                unequal(answer, &answered)
            }
            (Question::Left(connection), Answer::Left) => {
                if let Some(mut peer) = self.peers.remove(connection) {
                    self.drive(&mut peer, None, now).await;
                }
                None
            }
            (Question::Flush(center, from), Answer::Flush(answer)) => {
                unequal(answer, &self.frame_after(center, *from).await)
            }
            (Question::Head(center), Answer::Head(answer)) => {
                unequal(answer, &self.process.hub.store.head(center).await.ok())
            }
            (Question::Alarms(center, seq), Answer::Alarms(answer)) => {
                let reply = self.process.hub.store.alarms_after(center, *seq, ALARMS_PAGE).await;
                unequal(answer, &reply.map(|reply| reply.alarms).unwrap_or_default())
            }
            (Question::LookAtAlarms(center), Answer::LookAtAlarms(answer)) => {
                unequal(answer, &self.process.hub.store.write_due_alarms(center).await.unwrap_or_default())
            }
            (Question::Operate(operation), Answer::Operate(answer)) => {
                unequal(&operated_json(answer), &self.operate(operation, call.at).await)
            }
            (Question::Restart, Answer::Restart) => {
                self.restart(call.at).await;
                None
            }
            (question, answer) => panic!("{answer:?} is no answer to {question:?}"),
        };
        found.map_or(Ok(()), |found| Err(format!("{:?} at {:?}: answer{found}", call.what, call.at)))
    }

    /// What a connection was sent since the last time.
    pub fn sent(&self, connection: u64) -> Vec<String> {
        self.peers.get(&connection).map(|peer| peer.tape.take()).unwrap_or_default()
    }

    /// The tape of a connection.
    pub fn tape(&self, connection: u64) -> Option<&Tape> {
        self.peers.get(&connection).map(|peer| &peer.tape)
    }

    async fn check_rest(&mut self, request: &HttpRequest, model: &HttpResponse) -> Option<String> {
        let real = self.rest(request).await;
        let (model_body, real_body) = (body(model), body(&real));
        self.names.learn(&model_body, &real_body);
        let whole = |response: &HttpResponse, body: Value| {
            json!({
                "status": response.status, "etag": response.etag, "retryAfter": response.retry_after_s,
                "body": fixed(body),
            })
        };
        difference(&whole(model, model_body), &whole(&real, real_body))
    }

    async fn rest(&mut self, request: &HttpRequest) -> HttpResponse {
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
        let mut real = Request::builder().method(method).uri(format!("/{path}"));
        for (name, value) in &request.headers {
            let value = if *name == "authorization" { self.names.real(value) } else { value.clone() };
            real = real.header(*name, value);
        }
        let said = request.body.as_deref().map(|said| self.names.real_body(said)).unwrap_or_default();
        let asked = real.body(Body::from(said)).unwrap();
        let Ok(response) = tower_service::Service::call(&mut self.process.router, asked).await;
        let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, etag) = (response.status().as_u16(), text(header::ETAG));
        let retry_after_s = text(header::RETRY_AFTER).map(|seconds| seconds.parse().unwrap());
        let body = axum::body::to_bytes(response.into_body(), ANSWER_MAX).await.unwrap().to_vec();
        HttpResponse { status, retry_after_s, etag, body, ..HttpResponse::default() }
    }

    async fn join(
        &mut self,
        connection: u64,
        namespace: &str,
        auth: &Value,
        now: Instant,
    ) -> Result<(), Value> {
        let mut peer = self.peers.remove(&connection).unwrap_or_else(|| {
            let tape = Tape::default();
            let (hub, hall) = (Arc::clone(&self.process.hub), Arc::clone(&self.process.hall));
            let connection = Connection::new(hub, hall, tape.clone(), connection.to_string());
            Peer { connection, tape, asked: 0 }
        });
        let auth = self.names.real_body(&auth.to_string());
        let kept = peer.tape.take();
        self.drive(&mut peer, Some(&format!("0{namespace},{auth}")), now).await;
        let answers = peer.tape.take();
        assert!(kept.is_empty(), "unread before a CONNECT: {kept:?}");
        self.peers.insert(connection, peer);
        let [answer] = answers.as_slice() else { panic!("one answer to CONNECT: {answers:?}") };
        if answer.starts_with('0') {
            return Ok(());
        }
        let refusal = answer.strip_prefix(&format!("4{namespace},")).expect("a CONNECT_ERROR");
        let mut refusal: Value = serde_json::from_str(refusal).unwrap();
        // `data` repeats the refusal for clients that show nothing else.
        refusal.as_object_mut().unwrap().remove("data");
        Err(refusal)
    }

    async fn event(
        &mut self,
        connection: u64,
        center: &CenterId,
        name: &str,
        data: &Value,
        now: Instant,
    ) -> Value {
        let mut peer = self.peers.remove(&connection).expect("a connection that joined");
        peer.asked += 1;
        let (ack, said) = (peer.asked, json!([name, data]));
        self.drive(&mut peer, Some(&format!("2/center/{center},{ack}{said}")), now).await;
        let answers = peer.tape.take();
        self.peers.insert(connection, peer);
        let start = format!("3/center/{center},{ack}");
        let answer = answers.iter().find_map(|text| text.strip_prefix(&start)).expect("an acknowledgement");
        let mut answer: Vec<Value> = serde_json::from_str(answer).unwrap();
        answer.remove(0)
    }

    /// Lets a connection take a text (or end), while the emissions hear what it tells them.
    async fn drive(&mut self, peer: &mut Peer, text: Option<&str>, now: Instant) {
        let mut taking = pin!(async {
            match text {
                Some(text) => peer.connection.take(text).await,
                None => peer.connection.end().await,
            }
        });
        let mut done = false;
        while !done {
            tokio::select! {
                biased;
                () = &mut taking => done = true,
                () = hear(&mut self.emitting, now) => {}
            }
        }
        for Emitting { emission, words } in self.emitting.values_mut() {
            while let Ok(word) = words.try_recv() {
                emission.hear(word, now);
            }
        }
    }

    async fn frame_after(&self, center: &CenterId, from: Rev) -> Option<gwanje_wire::Frame> {
        match self.process.hub.store.frame(center, from, FRAME_MAX_ENTRIES).await {
            Ok(frame) => Some(frame),
            Err(StoreError::Resync(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn operate(&self, operation: &Operation, at: Instants) -> Value {
        let store = &self.process.hub.store;
        let done = |done: Result<Value, StoreError>| match done {
            Ok(done) => done,
            Err(error) => json!({ "refused": error.problem() }),
        };
        let command = |center: &CenterId, intent| Command::new(center.clone(), intent, SOMEBODY, at.day);
        match operation {
            Operation::Create(center, order) => {
                self.execute(command(center, Intent::Create(order.clone()))).await
            }
            Operation::Act(center, id, action, body) => {
                self.execute(command(center, Intent::Act(DeliveryId(id.0), ask(*action, body)))).await
            }
            Operation::Archive(center, before) => {
                let archived = store.archive_ended_before(center, *before).await;
                done(archived.map(|count| json!({ "archived": count })))
            }
            Operation::KeepTombstones(center, kept) => {
                done(store.keep_tombstones(center, *kept).await.map(|()| json!("done")))
            }
            Operation::BeginEpoch(center, epoch) => {
                done(store.begin_epoch_as(center, epoch.clone()).await.map(|()| json!("done")))
            }
            Operation::PutRider(center, rider) => {
                done(store.upsert_riders(center, vec![(**rider).clone()]).await.map(|()| json!("done")))
            }
            Operation::Revoke(account) => {
                done(self.process.hub.auth.revoke_account(account).await.map(|()| json!("done")))
            }
            Operation::SetCenters(account, centers) => {
                let known = self.process.hub.auth.set_centers(account, centers.clone()).await;
                let unknown = || json!({ "refused": Problem::new(ErrorCode::NotFound, "no such account") });
                done(known.map(|known| if known { json!("done") } else { unknown() }))
            }
        }
    }

    async fn execute(&self, command: Command) -> Value {
        match self.process.hub.store.execute(command).await.unwrap().result {
            Ok(accepted) => json!({ "row": accepted.row }),
            Err(problem) => json!({ "refused": problem }),
        }
    }
}

async fn hear(emitting: &mut BTreeMap<CenterId, Emitting>, now: Instant) {
    let next = emitting
        .values_mut()
        .map(|Emitting { emission, words }| Box::pin(async move { (words.recv().await, emission) }));
    let ((word, emission), ..) = futures_util::future::select_all(next).await;
    emission.hear(word.expect("the hall leads to every emission"), now);
}

fn ask(action: Action, body: &CommandBody) -> Ask {
    let body = body.clone();
    match action {
        Action::Accept => Ask::Accept,
        Action::Assign => Ask::Assign(body.rider_id.unwrap()),
        Action::Unassign => Ask::Unassign,
        Action::Confirm => Ask::Confirm,
        Action::Pickup => Ask::Pickup,
        Action::Deliver => Ask::Deliver,
        Action::Cancel => {
            Ask::Cancel(Cancel { reason: body.reason.unwrap(), by: body.by.unwrap_or(CancelBy::Center) })
        }
        Action::Note => Ask::Note { text: body.text.unwrap(), role: None },
        Action::Undo => Ask::Undo(Undo { rev: body.rev.unwrap(), role: None }),
    }
}

fn operated_json(operated: &Operated) -> Value {
    match operated {
        Operated::Row(row) => json!({ "row": row }),
        Operated::Refused(problem) => json!({ "refused": problem }),
        Operated::Archived(count) => json!({ "archived": count }),
        Operated::Done => json!("done"),
    }
}

fn body(response: &HttpResponse) -> Value {
    if response.body.is_empty() {
        return Value::Null;
    }
    // A hub says in plain words whether it is ready.
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&response.body).into_owned()))
}

fn result_json(result: &Result<(), Value>) -> Value {
    match result {
        Ok(()) => json!("joined"),
        Err(refusal) => refusal.clone(),
    }
}

/// What differs between two answers.
pub fn unequal(model: &impl Serialize, real: &impl Serialize) -> Option<String> {
    let [model, real] = [serde_json::to_value(model), serde_json::to_value(real)].map(Result::unwrap);
    difference(&fixed(model), &fixed(real))
}
