//! A hub in memory: requests, replies, accounts and sockets as the wire contract describes them, over the ledger and
//! its store in memory. What it decides is the real hub's law, and an oracle beside it judges every change.
//!
//! It has neither clock nor randomness of its own: the same calls at the same instants give the same answers.

mod accounts;
mod batches;
mod bodies;
mod commands;
mod deciding;
mod log;
mod memories;
mod operate;
mod reads;
mod reply;
mod request;
mod setup;
mod sockets;
#[cfg(test)]
mod tests;

pub use crate::oracle::raised_by_clock;
pub use accounts::ACCESS_LIFE_MS;
pub(crate) use deciding::Staged;
pub use log::{Answer, Call, Question};
pub use memories::{HeardSignal, Signal};
pub use operate::{Operated, Operation, SOMEBODY};
pub use setup::{AccountSetup, CenterSetup, Instants, Setup};
pub use sockets::Joined;

use crate::oracle::{Oracle, unequal};
use accounts::{Accounts, Caller};
use deciding::{UnderWay, moment};
use gwanje_ledger::memory::{MemoryCenter, MemoryStore};
use gwanje_ledger::{AlarmRef, Signature, Standing, WordRefused};
use gwanje_model::{CenterId, Pos, Rev, SeatId, Text, UtcMillis};
use gwanje_sync::{HttpRequest, HttpResponse, Method};
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::{
    AlarmEntry, AlarmKind, CloseReply, LoginReply, Outcome, ReceiptRequest, RefreshRequest,
};
use gwanje_wire::socket::{AlarmReceipt, SimpleAck};
use gwanje_wire::{ErrorCode, Frame, Head};
use memories::NodeMemory;
use reply::{Refusal, empty, ok, refuse};
use request::Asked;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The hub writes so many alarms at once, and escalates so many.
const AT_ONCE: usize = 200;

/// See the module's doc. A clone is a stale replica, or a backup.
#[derive(Debug, Clone)]
pub struct ModelHub {
    infos: BTreeMap<CenterId, Info>,
    store: MemoryStore,
    under_way: UnderWay,
    /// What each node has in memory, and which node is asked now.
    nodes: Vec<NodeMemory>,
    node: usize,
    /// Every node hears of every commit at once: what it knows is the present.
    hears_at_once: bool,
    signals: Vec<Signal>,
    oracle: Oracle,
    differences: Vec<String>,
    accounts: Accounts,
    setup: Setup,
    log: Option<Vec<Call>>,
}

/// What a center is called and where it is.
#[derive(Debug, Clone)]
struct Info {
    name: Text,
    pos: Option<Pos>,
    time_zone: Text,
}

impl ModelHub {
    /// A hub with empty boards, and one node.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let people: BTreeMap<Text, Text> =
            setup.accounts.iter().map(|account| (account.name.clone(), account.person.clone())).collect();
        let named = Arc::new(people.clone());
        let centers = setup.centers.iter().map(|CenterSetup { id, epoch, riders, .. }| {
            MemoryCenter::new(id.clone(), Standing::new(epoch.clone()), riders.clone(), Arc::clone(&named))
        });
        let naive = setup.centers.iter();
        let naive = naive.map(|center| (center.id.clone(), center.epoch.clone(), center.riders.clone()));
        let infos = setup.centers.iter().map(|CenterSetup { id, name, pos, time_zone, .. }| {
            let (name, time_zone) = (name.clone(), time_zone.clone());
            (id.clone(), Info { name, pos: *pos, time_zone })
        });
        let mut hub = Self {
            infos: infos.collect(),
            store: MemoryStore::new(centers),
            under_way: UnderWay::default(),
            nodes: Vec::new(),
            node: 0,
            hears_at_once: true,
            signals: Vec::new(),
            oracle: Oracle::new(naive, people),
            differences: Vec::new(),
            accounts: Accounts::new(&setup.accounts),
            setup: setup.clone(),
            log: None,
        };
        hub.set_nodes(1, true);
        hub
    }

    /// So many nodes serve from now on. Where they don't hear of each other's commits at once, none of them answers from
    /// memory: whoever asks takes the answer for one of a moment after the question.
    pub fn set_nodes(&mut self, count: usize, hears_at_once: bool) {
        self.nodes.clear();
        (0..count.max(1)).for_each(|node| self.begin_node(node));
        self.hears_at_once = hears_at_once;
    }

    /// A node's process begins, with nothing in memory but where each center stands.
    pub fn begin_node(&mut self, node: usize) {
        let memory = NodeMemory::new(&self.store, self.infos.keys().cloned());
        match self.nodes.get_mut(node) {
            Some(known) => *known = memory,
            None => self.nodes.push(memory),
        }
    }

    /// From now on this node is asked.
    pub fn use_node(&mut self, node: usize) {
        self.node = node % self.nodes.len().max(1);
    }

    /// What was committed since the last time, for the other nodes.
    pub fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    /// A signal reaches a node.
    pub fn hear(&mut self, node: usize, signal: &Signal) -> HeardSignal {
        self.nodes.get_mut(node).map_or(HeardSignal::Stale, |memory| memory.hear(signal))
    }

    /// Where the node that is asked knows a center to stand, without a read.
    #[must_use]
    pub fn known(&self, center: &CenterId) -> Option<&Standing> {
        let known = self.nodes.get(self.node).and_then(|node| node.of(center));
        known.map(gwanje_ledger::Recent::standing)
    }

    /// The node that is asked reads where a center stands. True: it did not know.
    pub fn look(&mut self, center: &CenterId) -> bool {
        let Some(standing) = self.store.center(center).map(|center| center.standing().clone()) else {
            return false;
        };
        self.nodes.get_mut(self.node).is_some_and(|node| node.look(center, &standing))
    }

    /// In what the oracle would have had it otherwise since the last time.
    pub fn take_differences(&mut self) -> Vec<String> {
        std::mem::take(&mut self.differences)
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
    pub fn board(&self, center: &CenterId) -> Option<&MemoryCenter> {
        self.store.center(center)
    }

    /// What is recorded under an idempotency key of an account, without closing it.
    #[must_use]
    pub fn outcome(&self, account: &str, center: &CenterId, key: &str) -> Option<CloseReply> {
        let account = Text::from(account);
        let mut recorded = self.store.outcomes(center, &account, key);
        recorded.next().map(|(key, recorded)| {
            let outcome = match &recorded.epoch {
                _ if key.path.is_empty() => {
                    return CloseReply { outcome: Outcome::Void, status: None, body: None };
                }
                Some(_) => Outcome::Done,
                None => Outcome::Refused,
            };
            let body = serde_json::from_str(&recorded.body).ok();
            CloseReply { outcome, status: Some(recorded.status), body }
        })
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
        let reply = self.changes_in(center, None, from, FRAME_MAX_ENTRIES, at).ok();
        let frame = reply.map(|reply| reply.frame);
        let present = self.board(center).map(|board| board.standing());
        if let Some(told) = frame.as_ref()
            && present
                .is_some_and(|at| at.rev == told.as_of && at.epoch == told.epoch && told.from >= at.floor)
        {
            self.differs(self.oracle.judge_frame(center, told, FRAME_MAX_ENTRIES));
        }
        self.note(at, || Question::Flush(center.clone(), from), || Answer::Flush(frame.clone()));
        frame
    }

    /// Where a center stands.
    pub fn head(&mut self, center: &CenterId, at: Instants) -> Option<Head> {
        let head = self.board(center).map(|board| board.standing().head(at.wall, at.day));
        self.note(at, || Question::Head(center.clone()), || Answer::Head(head.clone()));
        head
    }

    /// The alarms that an emitter sends after `seq`.
    pub fn alarms_since(&mut self, center: &CenterId, seq: u64, at: Instants) -> Vec<AlarmEntry> {
        let alarms = self.board(center).map(|board| board.alarms_after(seq)).unwrap_or_default();
        self.note(at, || Question::Alarms(center.clone(), seq), || Answer::Alarms(alarms.clone()));
        alarms
    }

    /// Looks at the clock: alarms of a center that are due are written, those that nobody has taken note of escalated.
    /// Returns how many. A look that finds nothing is not in the log: it changes nothing, and there is one each second.
    pub fn look_at_alarms(&mut self, center: &CenterId, at: Instants) -> usize {
        let stood = self.stood(center);
        let mut changed = 0;
        loop {
            let found = self.transact(center, at, |hub, standing| {
                let (due, unheard) =
                    hub.board(center).map(|c| c.due(moment(at), AT_ONCE)).unwrap_or_default();
                let count = due.len() + unheard.len();
                (count, gwanje_ledger::look_at_clock(standing, due, unheard))
            });
            match found {
                Some(count) if count > 0 => changed += count,
                Some(_) => break,
                None => return changed,
            }
        }
        let expected = self.oracle.look_at_alarms(center, at.into());
        self.differs(unequal("how many alarms came of a look at the clock", &changed, &expected));
        if changed > 0 {
            self.judge(center, stood);
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
        self.word(center, &word, &caller.account, &seat, at)?;
        Ok(ok(&SimpleAck { ok: true, code: None, detail: None }))
    }

    /// Takes a seat's word on an alarm.
    fn word(
        &mut self,
        center: &CenterId,
        word: &AlarmReceipt,
        account: &Text,
        seat: &SeatId,
        at: Instants,
    ) -> Result<(), Refusal> {
        let by = Signature { account: account.clone(), seat: seat.clone() };
        let alarm = AlarmRef { id: word.id, kind: word.kind, raised_at: word.raised_at };
        let stood = self.stood(center);
        let taken = self.transact(center, at, |hub, standing| {
            let Some(board) = hub.board(center) else { return (Err(WordRefused::NoAlarm), Vec::new()) };
            let found = board.load_alarm(alarm, &by);
            match gwanje_ledger::receive(standing, &found, word, &by, moment(at)) {
                Ok(writes) => (Ok(()), writes),
                Err(refused) => (Err(refused), Vec::new()),
            }
        });
        let Some(taken) = taken else { return refuse(ErrorCode::Unavailable, "a change is under way") };
        let code = taken.err().map(|refused| match refused {
            WordRefused::NoAlarm => ErrorCode::NotFound,
            WordRefused::NotDue => ErrorCode::Invalid,
        });
        let expected = self.oracle.word(center, word, account, seat, at.into());
        self.differs(unequal(&format!("what became of {word:?}"), &code, &expected));
        self.judge(center, stood);
        code.map_or(Ok(()), |code| refuse(code, "there is no such alarm, or it is not due"))
    }

    /// The answer to a sign-in, with what the hub adds: an admin sees all centers, the given ones first.
    fn told(&self, mut reply: LoginReply) -> LoginReply {
        if reply.role.sees_all_centers() {
            let others: Vec<_> =
                self.infos.keys().filter(|id| !reply.centers.contains(id)).cloned().collect();
            reply.centers.retain(|id| self.infos.contains_key(id));
            reply.centers.extend(others);
        }
        reply.socket_urls.clone_from(&self.setup.socket_urls);
        reply
    }

    /// Refuses a center that the caller may not see, as if it did not exist.
    fn visible(&self, caller: &Caller, center: &CenterId) -> Result<(), Refusal> {
        if caller.sees(center) && self.infos.contains_key(center) {
            return Ok(());
        }
        refuse(ErrorCode::NotFound, "there is no such center")
    }

    fn center(&self, id: &CenterId) -> Result<&MemoryCenter, Refusal> {
        self.board(id).map_or_else(|| refuse(ErrorCode::NotFound, "there is no such center"), Ok)
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
