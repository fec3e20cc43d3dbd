//! A hub in memory, as the wire contract describes it. It is small enough to be seen right, so that clients can be
//! tried against it and the real hub can be compared with it.
//!
//! It is written from the contract, not from the store: rows in a map, tombstones, a floor, an epoch, a revision. It
//! has neither clock nor randomness of its own: the same calls at the same instants give the same answers.

mod accounts;
mod acts;
mod alarms;
mod batches;
mod center;
mod commands;
mod log;
mod operate;
mod orders;
mod outcomes;
mod reads;
mod reply;
mod request;
mod setup;
mod sockets;
#[cfg(test)]
mod tests;
mod undo;

pub use accounts::ACCESS_LIFE_MS;
pub use alarms::raised_by_clock;
pub use center::Center;
pub use log::{Answer, Call, Question};
pub use operate::{Operated, Operation, SOMEBODY};
pub use setup::{AccountSetup, CenterSetup, Instants, Setup};
pub use sockets::Joined;

use accounts::{Accounts, Caller};
use gwanje_model::{CenterId, Rev, SeatId, UtcMillis};
use gwanje_sync::{HttpRequest, HttpResponse, Method};
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::{AlarmEntry, AlarmKind, CloseReply, LoginReply, ReceiptRequest, RefreshRequest};
use gwanje_wire::socket::{AlarmReceipt, SimpleAck};
use gwanje_wire::{ErrorCode, Frame, Head};
use outcomes::Outcomes;
use reply::{Refusal, empty, ok, refuse};
use request::Asked;
use serde_json::Value;
use std::collections::BTreeMap;

/// See the module's doc. A clone is a stale replica, or a backup.
#[derive(Debug, Clone)]
pub struct ModelHub {
    centers: BTreeMap<CenterId, Center>,
    accounts: Accounts,
    outcomes: Outcomes,
    last_delivery: u64,
    setup: Setup,
    log: Option<Vec<Call>>,
}

impl ModelHub {
    /// A hub with empty boards.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        Self {
            centers: setup.centers.iter().map(|center| (center.id.clone(), Center::new(center))).collect(),
            accounts: Accounts::new(&setup.accounts),
            outcomes: Outcomes::default(),
            last_delivery: 0,
            setup: setup.clone(),
            log: None,
        }
    }

    /// Keeps a log from now on. The log's first entry tells what the hub began with.
    pub fn keep_log(&mut self) {
        let at = Instants { wall: UtcMillis(0), day: UtcMillis(0) };
        let what = Question::Begin(Box::new(self.setup.clone()));
        self.log.get_or_insert_with(|| vec![Call { at, what, answer: Answer::Begun }]);
    }

    /// The calls since the last time; none without a log.
    pub fn take_log(&mut self) -> Vec<Call> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The hub as it stands, without its log: for a replica that falls behind, or a backup.
    #[must_use]
    pub fn stale_copy(&self) -> Self {
        Self { log: None, ..self.clone() }
    }

    /// A center.
    #[must_use]
    pub fn board(&self, center: &CenterId) -> Option<&Center> {
        self.centers.get(center)
    }

    /// What is recorded under an idempotency key of an account, without closing it.
    #[must_use]
    pub fn outcome(&self, account: &str, center: &CenterId, key: &str) -> Option<CloseReply> {
        self.outcomes.under(&account.into(), center, key)
    }

    /// Answers a request.
    pub fn rest(&mut self, request: &HttpRequest, at: Instants) -> HttpResponse {
        let response = self.answer(request, at).unwrap_or_else(Refusal::response);
        self.note(at, || Question::Rest(Box::new(request.clone())), || Answer::Rest(response.clone()));
        response
    }

    /// CONNECT of a namespace on a connection. A node numbers each connection once, never again.
    ///
    /// # Errors
    /// `{code, message}`.
    pub fn join(
        &mut self,
        connection: u64,
        namespace: &str,
        auth: &Value,
        at: Instants,
    ) -> Result<Joined, Value> {
        let joined = self.admit(connection, namespace, auth, at).map_err(|refusal| sockets::json(&refusal));
        let asked = || Question::Join { connection, namespace: namespace.to_owned(), auth: auth.clone() };
        self.note(at, asked, || Answer::Join(joined.clone().map(drop)));
        joined
    }

    /// Answers `subscribe` with its ack.
    pub fn subscribe(&mut self, who: &Joined, body: &Value, at: Instants) -> Value {
        self.event(who, "subscribe", body, at)
    }

    /// Answers any event of a client in a joined namespace with its ack.
    pub fn event(&mut self, who: &Joined, name: &str, data: &Value, at: Instants) -> Value {
        let ack = self.answer_event(who, name, data, at);
        let asked = || Question::Event {
            connection: who.connection,
            center: who.center.clone(),
            name: name.to_owned(),
            data: data.clone(),
        };
        self.note(at, asked, || Answer::Event(ack.clone()));
        ack
    }

    /// A connection has ended.
    pub fn connection_ended(&mut self, connection: u64, at: Instants) {
        self.accounts.connection_ended(connection);
        self.note(at, || Question::Left(connection), || Answer::Left);
    }

    /// The frame after `from`, as an emitter sends it; `to` = `from`: nothing new. None: no frame may start there (it
    /// is below the floor, or of another history). Then the emitter puts out every follower.
    pub fn flush(&mut self, center: &CenterId, from: Rev, at: Instants) -> Option<Frame> {
        let board = self.centers.get(center).filter(|center| center.resumable(from).is_ok());
        let frame = board.map(|center| center.frame(from, FRAME_MAX_ENTRIES, at.wall));
        self.note(at, || Question::Flush(center.clone(), from), || Answer::Flush(frame.clone()));
        frame
    }

    /// Where a center stands.
    pub fn head(&mut self, center: &CenterId, at: Instants) -> Option<Head> {
        let head = self.centers.get(center).map(|center| center.head(at));
        self.note(at, || Question::Head(center.clone()), || Answer::Head(head.clone()));
        head
    }

    /// The alarms that an emitter sends after `seq`.
    pub fn alarms_since(&mut self, center: &CenterId, seq: u64, at: Instants) -> Vec<AlarmEntry> {
        let alarms = self
            .centers
            .get(center)
            .map(|center| center.alarms_after(seq, &self.accounts))
            .unwrap_or_default();
        self.note(at, || Question::Alarms(center.clone(), seq), || Answer::Alarms(alarms.clone()));
        alarms
    }

    /// Looks at the clock: alarms of a center that are due are written, those that nobody has taken note of escalated.
    /// Returns how many. A look that finds nothing is not in the log: it changes nothing, and there is one each second.
    pub fn look_at_alarms(&mut self, center: &CenterId, at: Instants) -> usize {
        let changed = self.centers.get_mut(center).map_or(0, |center| center.look_at_alarms(at));
        if changed > 0 {
            self.note(at, || Question::LookAtAlarms(center.clone()), || Answer::LookAtAlarms(changed));
        }
        changed
    }

    /// Carries out somebody's change.
    pub fn operate(&mut self, operation: &Operation, at: Instants) -> Operated {
        let operated = self.carry_out_operation(operation, at);
        self.note(at, || Question::Operate(operation.clone()), || Answer::Operate(operated.clone()));
        operated
    }

    /// Ends the hub's process and begins it again. What is in the store stays; tickets and failed sign-ins are
    /// forgotten. Every connection has ended with the process.
    pub fn restart(&mut self, at: Instants) {
        self.accounts.restart();
        self.note(at, || Question::Restart, || Answer::Restart);
    }

    fn note(&mut self, at: Instants, what: impl FnOnce() -> Question, answer: impl FnOnce() -> Answer) {
        if let Some(log) = &mut self.log {
            log.push(Call { at, what: what(), answer: answer() });
        }
    }

    fn answer(&mut self, request: &HttpRequest, at: Instants) -> Result<HttpResponse, Refusal> {
        if let Some(told) = health(request) {
            return Ok(told);
        }
        let asked = Asked::of(request)?;
        let segments: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
        match (request.method, segments.as_slice()) {
            (Method::Post, ["login"]) => {
                let reply = self.accounts.login(&asked.json()?, at)?;
                Ok(ok(&self.told(reply)))
            }
            (Method::Post, ["login", "refresh"]) => {
                let RefreshRequest { refresh_token } = asked.json()?;
                let reply = self.accounts.refresh(&refresh_token, at)?;
                Ok(ok(&self.told(reply)))
            }
            (method, segments) => {
                let caller = self.accounts.caller(asked.header("authorization"), at)?;
                self.answer_caller(&caller, method, segments, &asked, at)
            }
        }
    }

    fn answer_caller(
        &mut self,
        caller: &Caller,
        method: Method,
        segments: &[&str],
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        match (method, segments) {
            (Method::Post, ["logout"]) => {
                self.accounts.end(caller.sign_in);
                Ok(empty(204, None))
            }
            (Method::Post, ["socket-tickets"]) => Ok(ok(&self.accounts.issue_ticket(caller.sign_in, at))),
            (Method::Get, ["centers"]) => Ok(self.centers_seen(caller, at)),
            (Method::Get, ["centers", center, what @ ..]) => {
                self.read(caller, &CenterId::from(*center), what, asked, at)
            }
            (Method::Post, ["centers", center, what @ ..]) => {
                let center = CenterId::from(*center);
                match what {
                    ["deliveries"] => self.create(caller, &center, asked, at),
                    ["deliveries", "batch"] => self.batch(caller, &center, asked, at),
                    ["deliveries", id, action] => self.act(caller, &center, (id, action), asked, at),
                    ["commands", key, "close"] => self.close(caller, &center, key, at),
                    ["alarms", id, kind, raised_at] => {
                        self.word_on_alarm(caller, &center, (id, kind, raised_at), asked, at)
                    }
                    _ => refuse(ErrorCode::NotFound, "there is nothing here"),
                }
            }
            (Method::Get | Method::Post, _) => refuse(ErrorCode::NotFound, "there is nothing here"),
        }
    }

    /// POST `/centers/{c}/alarms/{id}/{kind}/{raisedAt}`.
    fn word_on_alarm(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        (id, kind, raised_at): (&str, &str, &str),
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        self.visible(caller, center)?;
        reads::staff(caller)?;
        let ReceiptRequest { stage, seat } = asked.json()?;
        let id = commands::delivery_id(id)?;
        let (Some(kind), Ok(raised_at)) = (AlarmKind::parse(kind), raised_at.parse().map(UtcMillis)) else {
            return refuse(ErrorCode::NotFound, "there is no such alarm");
        };
        let seat = seat.unwrap_or_else(|| SeatId(caller.account.clone()));
        let word = AlarmReceipt { id, kind, raised_at, stage };
        self.center_mut(center)?.receipt(&word, &caller.account, &seat, at)?;
        Ok(ok(&SimpleAck { ok: true, code: None, detail: None }))
    }

    /// The answer to a sign-in, with what the hub adds: an admin sees all centers, the given ones first.
    fn told(&self, mut reply: LoginReply) -> LoginReply {
        if reply.role.sees_all_centers() {
            let others: Vec<_> =
                self.centers.keys().filter(|id| !reply.centers.contains(id)).cloned().collect();
            reply.centers.retain(|id| self.centers.contains_key(id));
            reply.centers.extend(others);
        }
        reply.socket_urls.clone_from(&self.setup.socket_urls);
        reply
    }

    /// Refuses a center that the caller may not see, as if it did not exist.
    fn visible(&self, caller: &Caller, center: &CenterId) -> Result<(), Refusal> {
        if caller.sees(center) && self.centers.contains_key(center) {
            return Ok(());
        }
        refuse(ErrorCode::NotFound, "there is no such center")
    }

    fn center(&self, id: &CenterId) -> Result<&Center, Refusal> {
        self.centers.get(id).map_or_else(|| refuse(ErrorCode::NotFound, "there is no such center"), Ok)
    }

    fn center_mut(&mut self, id: &CenterId) -> Result<&mut Center, Refusal> {
        self.centers.get_mut(id).map_or_else(|| refuse(ErrorCode::NotFound, "there is no such center"), Ok)
    }
}

/// Answers at the root, in plain words: the process lives, and takes requests.
fn health(request: &HttpRequest) -> Option<HttpResponse> {
    let path = request.url.splitn(4, '/').nth(3).filter(|_| request.method == Method::Get)?;
    let words = match path {
        "healthz" => "ok\n",
        "readyz" => r#"{"status":"ready","without":[]}"#,
        _ => return None,
    };
    Some(HttpResponse { body: words.as_bytes().to_vec(), ..empty(200, None) })
}
