//! One Socket.IO connection: joins namespaces with a ticket, and answers the client's events in order.

use super::emission::Word;
use super::emitter::{Ways, Words};
use super::followers::{Outlet, Sent};
use super::monitoring::MonitorFeed;
use crate::auth::Identity;
use crate::hub::Hub;
use crate::roster::Sight;
use crate::seat_name::seat_named;
use crate::store::{Signature, StoreError};
use engineioxide::Str;
use gwanje_model::{CenterId, MAX_SAFE_INTEGER, Role, SeatId, Text};
use gwanje_wire::ErrorCode;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::monitor::{Behind, MONITOR_NAMESPACE, MonitorClient};
use gwanje_wire::rest::ChangesReply;
use gwanje_wire::sio::server::{self as packet, ClientPacket};
use gwanje_wire::socket::{
    AlarmReceipt, ConnectAuth, ConnectRefusal, SeatEntry, SeatState, SimpleAck, Stream, Subscribe,
    SubscribeAck,
};
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Closes a connection that joins nothing for this long.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// A namespace that the connection joined.
enum Joined<O> {
    /// A center's.
    Center(InCenter<O>),
    /// The monitor's.
    Monitor {
        /// The centers that the account had then: what it sees follows from them.
        centers: Vec<CenterId>,
        /// Ends with this.
        _feed: Option<MonitorFeed>,
    },
}

/// What is known of a center that was joined.
struct InCenter<O> {
    center: CenterId,
    by: Signature,
    words: Words<O>,
}

/// What is known of one connection.
pub struct Connection<O> {
    hub: Arc<Hub>,
    emitters: Arc<dyn Ways<O>>,
    outlet: O,
    id: String,
    /// Who it is, once a ticket was spent.
    identity: Option<Identity>,
    /// Further sign-ins of that account by which it has joined: when one of them ends, so does the connection.
    further: Vec<Identity>,
    joined: FxHashMap<String, Joined<O>>,
}

/// Serves a connection until its inbox is shut.
pub async fn run<O: Outlet + Clone>(mut connection: Connection<O>, mut inbox: mpsc::Receiver<Str>) {
    let join_by = Instant::now() + JOIN_WITHIN;
    let mut revoked = connection.hub.auth.revocations();
    loop {
        let idle = connection.joined.is_empty();
        tokio::select! {
            text = inbox.recv() => match text {
                Some(text) => connection.take(&text).await,
                None => break,
            },
            Ok(()) = revoked.changed() => {
                if !connection.still_may() {
                    tracing::info!(socket = %connection.id, "the account was revoked; its connection is closed");
                    connection.outlet.close();
                }
            }
            () = sleep_until(join_by), if idle && connection.identity.is_none() => {
                tracing::debug!(socket = %connection.id, "joined nothing in time; closed");
                connection.outlet.close();
            }
        }
    }
    connection.end().await;
}

impl<O: Outlet + Clone> Connection<O> {
    /// A fresh connection of that id, in no namespace.
    #[must_use]
    pub fn new(hub: Arc<Hub>, emitters: Arc<dyn Ways<O>>, outlet: O, id: String) -> Self {
        Self { hub, emitters, outlet, id, identity: None, further: Vec::new(), joined: FxHashMap::default() }
    }

    /// It is gone: leaves its namespaces and forgets its ticket.
    pub async fn end(&mut self) {
        self.leave_all().await;
        self.hub.auth.connection_ended(&self.id);
    }

    /// Whether the sign-in still holds, and each center that was joined may still be seen.
    #[must_use]
    pub fn still_may(&self) -> bool {
        let Some(identity) = &self.identity else { return true };
        let auth = &self.hub.auth;
        self.further.iter().chain([identity]).all(|identity| auth.is_live(identity))
            && self.joined.values().all(|joined| match joined {
                Joined::Center(joined) => auth.may_see(identity, &joined.center),
                Joined::Monitor { centers, .. } => {
                    auth.current(identity).is_some_and(|now| now.centers == *centers)
                }
            })
    }

    /// Takes one Socket.IO packet of the client; the answer goes to its outlet.
    pub async fn take(&mut self, text: &str) {
        match ClientPacket::parse(text) {
            Ok(ClientPacket::Connect { namespace, auth }) => self.connect(namespace, auth).await,
            Ok(ClientPacket::Disconnect { namespace }) => self.leave(namespace).await,
            Ok(ClientPacket::Event { namespace, ack, name, data }) => {
                self.event(namespace, ack, &name, data).await;
            }
            Ok(ClientPacket::Ack) => {}
            Err(error) => {
                tracing::debug!(socket = %self.id, %error, "the connection is closed");
                self.outlet.close();
            }
        }
    }

    async fn connect(&mut self, namespace: &str, auth: Option<&str>) {
        if self.joined.contains_key(namespace) {
            return;
        }
        match self.admit(namespace, auth).await {
            Ok((joined, seat)) => {
                self.outlet.joined();
                self.send(packet::connected(namespace, &self.id));
                self.enter_roster(namespace, seat);
                let joined = match joined {
                    // It is told nothing before it knows that it joined.
                    Joined::Monitor { centers, .. } => {
                        let sight = self.identity.as_ref().and_then(Sight::of);
                        let begin = |sight| self.emitters.monitor(self.outlet.clone(), sight);
                        Joined::Monitor { centers, _feed: sight.and_then(begin) }
                    }
                    joined @ Joined::Center(_) => joined,
                };
                self.joined.insert(namespace.to_owned(), joined);
            }
            Err(refusal) => {
                tracing::debug!(socket = %self.id, namespace, code = %refusal.code, "a namespace is refused");
                self.send(packet::connect_error(namespace, &refusal));
            }
        }
    }

    fn enter_roster(&self, namespace: &str, seat: SeatId) {
        let Some(identity) = &self.identity else { return };
        let id = Text::from(self.id.as_str());
        self.hub.roster.enter(MonitorClient {
            socket_id: id.clone(),
            connection_id: id,
            account: identity.account.clone(),
            name: identity.person.clone(),
            role: identity.role,
            seat,
            namespace: namespace.into(),
            rooms: Vec::new(),
            since: self.hub.clock.wall_now(),
            node: self.hub.roster.name(),
            transport: self.outlet.transport().into(),
            behind: Behind::default(),
        });
    }

    async fn admit(
        &mut self,
        namespace: &str,
        auth: Option<&str>,
    ) -> Result<(Joined<O>, SeatId), ConnectRefusal> {
        let refuse = |code, message: &str| ConnectRefusal { code, message: message.to_owned() };
        let auth: ConnectAuth = auth.and_then(|auth| serde_json::from_str(auth).ok()).ok_or_else(|| {
            refuse(ErrorCode::Unauthorized, "joining needs {ticket, seat}; ask for a ticket first")
        })?;
        let identity = self
            .hub
            .auth
            .spend_ticket(&auth.ticket, &self.id)
            .await
            .map_err(|problem| refuse(problem.code, &problem.detail))?;
        let seat =
            seat_named(auth.seat, &identity.account).map_err(|wrong| refuse(ErrorCode::Invalid, wrong))?;
        if namespace == MONITOR_NAMESPACE {
            if Sight::of(&identity).is_none() {
                return Err(refuse(ErrorCode::Forbidden, "a rider sees nothing of the monitor"));
            }
            let centers = identity.centers.clone();
            self.is_now(identity);
            return Ok((Joined::Monitor { centers, _feed: None }, seat));
        }
        let unseen =
            || refuse(ErrorCode::NotFound, "there is no such center, or none that this account may see");
        let center = namespace.strip_prefix("/center/").map(CenterId::from).ok_or_else(unseen)?;
        if !self.hub.auth.may_see(&identity, &center) {
            return Err(unseen());
        }
        if identity.role == Role::Rider {
            return Err(refuse(ErrorCode::Forbidden, "a rider reads own deliveries only, not a center's"));
        }
        let words = self.emitters.to(&center).map_err(|_| unseen())?;
        let by = Signature { account: identity.account.clone(), seat: seat.clone() };
        let entry = SeatEntry {
            seat: seat.clone(),
            account: identity.account.clone(),
            role: identity.role,
            state: SeatState::default(),
        };
        let enter = Word::Enter { connection: self.id.clone(), outlet: self.outlet.clone(), seat: entry };
        if words.send(enter).await.is_err() {
            return Err(refuse(ErrorCode::Unavailable, "the center is not served now; try again"));
        }
        self.is_now(identity);
        Ok((Joined::Center(InCenter { center, by, words }), seat))
    }

    fn is_now(&mut self, identity: Identity) {
        self.further.extend(self.identity.take());
        self.further.retain(|further| *further != identity);
        self.identity = Some(identity);
    }

    async fn event(&mut self, namespace: &str, ack: Option<u64>, name: &str, data: Option<&RawValue>) {
        let joined = match self.joined.get(namespace) {
            Some(Joined::Center(joined)) => joined,
            Some(Joined::Monitor { .. }) => {
                self.answer(namespace, ack, &refusal(ErrorCode::Invalid, "the monitor is only listened to"));
                return;
            }
            None => {
                // An event of a namespace that it left a moment ago, or never joined.
                self.answer(namespace, ack, &refusal(ErrorCode::Forbidden, "this namespace was not joined"));
                return;
            }
        };
        match name {
            "subscribe" => match read::<Subscribe>(data) {
                Ok(wish) => {
                    let rooms: BTreeSet<_> =
                        wish.streams.iter().map(|stream| Text::from(stream.as_str())).collect();
                    let rooms = rooms.into_iter().collect();
                    let reply = self.subscribe(joined, wish).await;
                    if reply.ok {
                        self.hub.roster.subscribed(namespace, &self.id, rooms, self.outlet.transport());
                    }
                    self.answer(namespace, ack, &reply);
                }
                Err(no) => self.answer(namespace, ack, &no),
            },
            "seat" => {
                let reply = match read::<SeatState>(data) {
                    Ok(state) if !is_safe(&state) => {
                        refusal(ErrorCode::Invalid, "openId and assigningId: integers stay below 2^53")
                    }
                    Ok(state) => {
                        let word = Word::Seat { connection: self.id.clone(), state };
                        joined.words.send(word).await.map_or_else(|_| unavailable(), |()| done())
                    }
                    Err(no) => no,
                };
                self.answer(namespace, ack, &reply);
            }
            "alarm" => {
                let reply = match read::<AlarmReceipt>(data) {
                    Ok(receipt) => self.alarm(joined, receipt).await,
                    Err(no) => no,
                };
                self.answer(namespace, ack, &reply);
            }
            _ => {
                tracing::debug!(socket = %self.id, name, "an unknown event is ignored");
                self.answer(namespace, ack, &refusal(ErrorCode::Invalid, "this hub knows no such event"));
            }
        }
    }

    /// Joins the rooms first and reads what was missed afterwards, so that nothing falls in between.
    async fn subscribe(&self, joined: &InCenter<O>, wish: Subscribe) -> SubscribeAck {
        let follows = wish.streams.contains(&Stream::Deliveries);
        let (tell, joined_at) = oneshot::channel();
        let word = Word::Subscribe { connection: self.id.clone(), streams: wish.streams, joined: tell };
        if joined.words.send(word).await.is_err() || joined_at.await.is_err() {
            return not_subscribed(ErrorCode::Unavailable);
        }
        let Some(cursor) = wish.cursor.filter(|_| follows) else {
            return self.head(joined).await;
        };
        match self.hub.store.changes(&joined.center, Some(&cursor), FRAME_MAX_ENTRIES).await {
            Ok(ChangesReply { frame, head }) => {
                // A frame that was cut is more than the contract sends at once: the client pages instead.
                let missed = (frame.to == frame.as_of).then_some(frame);
                SubscribeAck { ok: true, head: Some(head), missed, resync: None, code: None }
            }
            Err(StoreError::Resync(reason)) => {
                SubscribeAck { resync: Some(reason), ..self.head(joined).await }
            }
            Err(error) => {
                tracing::error!(center = %joined.center, %error, "what was missed can't be read");
                not_subscribed(ErrorCode::Unavailable)
            }
        }
    }

    async fn head(&self, joined: &InCenter<O>) -> SubscribeAck {
        match self.hub.store.head(&joined.center).await {
            Ok(head) => SubscribeAck { ok: true, head: Some(head), missed: None, resync: None, code: None },
            Err(error) => {
                tracing::error!(center = %joined.center, %error, "the head can't be read");
                not_subscribed(ErrorCode::Unavailable)
            }
        }
    }

    async fn alarm(&self, joined: &InCenter<O>, receipt: AlarmReceipt) -> SimpleAck {
        match self.hub.store.record_receipt(&joined.center, receipt, joined.by.clone()).await {
            Ok(()) => done(),
            Err(error) => {
                let problem = error.problem();
                refusal(problem.code, &problem.detail)
            }
        }
    }

    async fn leave(&mut self, namespace: &str) {
        let left = self.joined.remove(namespace);
        if left.is_some() {
            self.hub.roster.leave(namespace, &self.id);
        }
        if let Some(Joined::Center(joined)) = left {
            // An emitter that ended has forgotten it already.
            joined.words.send(Word::Leave { connection: self.id.clone() }).await.ok();
        }
    }

    async fn leave_all(&mut self) {
        let namespaces: Vec<String> = self.joined.keys().cloned().collect();
        for namespace in namespaces {
            self.leave(&namespace).await;
        }
    }

    fn answer<T: Serialize>(&self, namespace: &str, ack: Option<u64>, reply: &T) {
        let Some(id) = ack else { return };
        match packet::ack(namespace, id, reply) {
            Ok(text) => self.send(text),
            Err(error) => tracing::error!(socket = %self.id, %error, "an answer can't be written as JSON"),
        }
    }

    /// Never drops an answer in silence: a client that leaves no room for one reads too slowly to be served.
    fn send(&self, text: String) {
        match self.outlet.send(text.into()) {
            Sent::Yes => {}
            Sent::Full | Sent::Gone => self.outlet.close(),
        }
    }
}

fn read<T: DeserializeOwned>(data: Option<&RawValue>) -> Result<T, SimpleAck> {
    let text = data.map_or("null", RawValue::get);
    serde_json::from_str(text).map_err(|e| refusal(ErrorCode::Invalid, &format!("the event's data: {e}")))
}

/// Whether all may be told what a seat does.
fn is_safe(state: &SeatState) -> bool {
    [state.open_id, state.assigning_id].into_iter().flatten().all(|id| id.0 <= MAX_SAFE_INTEGER)
}

fn done() -> SimpleAck {
    SimpleAck { ok: true, code: None, detail: None }
}

fn unavailable() -> SimpleAck {
    refusal(ErrorCode::Unavailable, "the center is not served now; try again")
}

fn refusal(code: ErrorCode, detail: &str) -> SimpleAck {
    SimpleAck { ok: false, code: Some(code), detail: Some(detail.to_owned()) }
}

fn not_subscribed(code: ErrorCode) -> SubscribeAck {
    SubscribeAck { ok: false, head: None, missed: None, resync: None, code: Some(code) }
}
