//! The gate of the sockets: open, or shut so that nothing listens and nobody is connected.

use super::emitter::Emitters;
use super::endpoint::Endpoint;
use super::frame_loss::{FrameLoss, NoLoss};
use super::passing::{Opened, Passing, polls, sid_of_poll, unknown_session};
use crate::accepting::{WIND_DOWN, serve_until};
use crate::api::{Refusal, check_origin, for_browsers, is_preflight};
use crate::hub::Hub;
use crate::listening::Listening;
use crate::node_call::PASS;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use gwanje_wire::ErrorCode;
use gwanje_wire::socket::{Drain, SOCKET_PATH};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Between two tries to listen at the sockets' port again.
const LISTEN_RETRY: Duration = Duration::from_millis(500);
/// How much longer than they were asked sockets may stay before they are closed.
const STAYED: Duration = Duration::from_millis(500);
/// Between two looks at whether the sockets have left.
const LEAVING_LOOK: Duration = Duration::from_millis(25);

/// All that serves sockets. Sockets are on from the start.
pub struct SocketGate {
    hub: Arc<Hub>,
    emitters: Arc<Emitters>,
    passing: Arc<Passing>,
    /// `None` while shut. A gate that opens again starts a fresh endpoint.
    endpoint: watch::Sender<Option<Endpoint>>,
    apart: bool,
    /// Whether a port of its own is being listened at.
    listening: watch::Sender<bool>,
    stopping: AtomicBool,
}

impl SocketGate {
    /// An open gate; `apart` when sockets get a port of their own (see [`SocketGate::serve_apart`]).
    #[must_use]
    pub fn new(hub: Arc<Hub>, apart: bool) -> Arc<Self> {
        Self::with_loss(hub, apart, Arc::new(NoLoss))
    }

    /// The same, where frames may be lost on purpose.
    #[must_use]
    pub fn with_loss(hub: Arc<Hub>, apart: bool, loss: Arc<dyn FrameLoss>) -> Arc<Self> {
        let emitters = Arc::new(Emitters::new(hub.clone(), loss));
        let passing = Arc::new(Passing::new(hub.clone()));
        let endpoint = Endpoint::new(hub.clone(), emitters.clone(), passing.clone());
        let endpoint = watch::Sender::new(Some(endpoint));
        let (listening, stopping) = (watch::Sender::new(false), AtomicBool::new(false));
        Arc::new(Self { hub, emitters, passing, endpoint, apart, listening, stopping })
    }

    /// Whether sockets are served.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.endpoint.borrow().is_some()
    }

    /// Serves sockets again. On a port of its own: returns once it is listened at.
    pub async fn open(&self) {
        self.endpoint.send_if_modified(|endpoint| {
            let shut = endpoint.is_none();
            if shut {
                let (hub, emitters) = (self.hub.clone(), self.emitters.clone());
                *endpoint = Some(Endpoint::new(hub, emitters, self.passing.clone()));
            }
            shut
        });
        self.settled(true).await;
    }

    /// Closes every connection and, on a port of its own, the listener: returns once the port is refused.
    pub async fn shut(&self) {
        if let Some(endpoint) = self.endpoint.send_replace(None) {
            endpoint.close_all();
        }
        self.settled(false).await;
    }

    /// Tells every socket to reconnect within a time, elsewhere if it can. Returns when all have gone, or half a second after
    /// that time, when it closes those that stayed. Sockets that come meanwhile are not meant.
    pub async fn empty(&self, drain: Drain) {
        let Some(endpoint) = self.endpoint.borrow().clone() else { return };
        let there = endpoint.open();
        self.emitters.drain(drain).await;
        let gone = async {
            while endpoint.open_of(&there) > 0 {
                tokio::time::sleep(LEAVING_LOOK).await;
            }
        };
        if timeout(Duration::from_millis(drain.within_ms) + STAYED, gone).await.is_err() {
            tracing::info!(sockets = endpoint.open_of(&there), "sockets that stayed are closed");
            endpoint.close_these(&there);
        }
    }

    /// Closes a connection; false: it is not here.
    #[must_use]
    pub fn put_out(&self, connection: &str) -> bool {
        let Some(endpoint) = self.endpoint.borrow().clone() else { return false };
        let held = endpoint.holds(connection);
        endpoint.close_these(&std::iter::once(connection.to_owned()).collect());
        held
    }

    /// Lets no new socket in from now on: this hub is stopping.
    pub fn admit_no_more(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.endpoint.borrow().as_ref().map_or(0, Endpoint::connections)
    }

    /// Answers below `/socket.io/`.
    pub fn router(self: &Arc<Self>) -> Router {
        let path = SOCKET_PATH.trim_end_matches('/');
        Router::new().route(path, any(answer)).route(SOCKET_PATH, any(answer)).with_state(self.clone())
    }

    /// Serves sockets on a port of their own, whenever the gate is open, until `stop`.
    pub async fn serve_apart(self: Arc<Self>, listening: Listening, mut stop: watch::Receiver<bool>) {
        let address = listening.address();
        let mut first = Some(listening);
        let mut endpoint = self.endpoint.subscribe();
        loop {
            let opened = tokio::select! {
                opened = endpoint.wait_for(Option::is_some) => opened.is_ok(),
                _ = stop.wait_for(|stop| *stop) => false,
            };
            if !opened {
                return;
            }
            let Some(listening) = (match first.take() {
                Some(listening) => Some(listening),
                None => again(address, &mut stop).await,
            }) else {
                return;
            };
            self.listening.send_replace(true);
            let (mut shut, mut stopped) = (endpoint.clone(), stop.clone());
            let until = async move {
                tokio::select! {
                    _ = shut.wait_for(Option::is_none) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            };
            serve_until(listening, self.router(), self.hub.connections.clone(), until).await;
            self.listening.send_replace(false);
        }
    }

    /// Has another hub answer a poll of a socket that is not here. The request again: it is to be answered here.
    async fn elsewhere(&self, sid: &str, request: Request) -> Result<Response, Request> {
        match request.headers().get(PASS) {
            None => self.passing.pass(sid, request).await,
            // Passed on once, it goes no further.
            Some(pass) if self.hub.auth.is_pass_for(sid, pass.to_str().unwrap_or_default()) => Err(request),
            Some(_) => {
                Ok(Refusal::new(ErrorCode::Forbidden, "no hub of this store passed this on").into_response())
            }
        }
    }

    /// Waits until the port of its own, if there is one, is listened at or refused.
    async fn settled(&self, open: bool) {
        if self.apart {
            let mut listening = self.listening.subscribe();
            // When it takes longer, the answer is late rather than wrong: the state of the gate is what was asked for.
            timeout(WIND_DOWN * 2, listening.wait_for(|now| *now == open)).await.ok();
        }
    }
}

/// Listens at the port again. `None` when told to stop.
async fn again(address: SocketAddr, stop: &mut watch::Receiver<bool>) -> Option<Listening> {
    loop {
        match Listening::at(address).await {
            Ok(listening) => return Some(listening),
            Err(error) => tracing::warn!(%error, "sockets stay shut; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LISTEN_RETRY) => {}
            _ = stop.wait_for(|stop| *stop) => return None,
        }
    }
}

/// Whether a request below `/socket.io/` begins a connection.
fn is_new(request: &Request) -> bool {
    let words = request.uri().query().unwrap_or_default().split('&');
    let mut of_known = words.filter(|word| word.starts_with("sid="));
    of_known.next().is_none()
}

/// Pages of listed origins may read what a poll answers, like any other answer.
async fn answer(State(gate): State<Arc<SocketGate>>, request: Request) -> Response {
    if let Err(problem) = check_origin(&gate.hub, request.headers()) {
        return Refusal::from(problem).into_response();
    }
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return answer_any(gate, request).await };
    let preflight = is_preflight(request.method(), request.headers());
    let response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { answer_any(gate, request).await };
    for_browsers(response, origin, preflight)
}

async fn answer_any(gate: Arc<SocketGate>, request: Request) -> Response {
    let endpoint = gate.endpoint.borrow().clone();
    let Some(endpoint) = endpoint else {
        return while_shut(&gate, request).await;
    };
    if is_new(&request) {
        return open(&gate, &endpoint, request).await;
    }
    match sid_of_poll(&request).map(str::to_owned) {
        Some(sid) if endpoint.holds(&sid) => gate.passing.polled(&sid),
        Some(sid) => match gate.elsewhere(&sid, request).await {
            Ok(response) => return response,
            Err(here) => return serve(&endpoint, here).await,
        },
        None => {}
    }
    serve(&endpoint, request).await
}

/// Nothing begins, and no session of this hub is left; those of others go on.
async fn while_shut(gate: &SocketGate, request: Request) -> Response {
    match sid_of_poll(&request).map(str::to_owned) {
        None => Refusal::later("sockets are shut for now; the other calls go on").into_response(),
        Some(sid) => gate.elsewhere(&sid, request).await.unwrap_or_else(|_| unknown_session()),
    }
}

/// Answers a request that begins a connection.
async fn open(gate: &SocketGate, endpoint: &Endpoint, mut request: Request) -> Response {
    if gate.stopping.load(Ordering::Relaxed) {
        return Refusal::later("this hub is stopping; use another").into_response();
    }
    if !gate.hub.admission.has_room_for_socket(gate.hub.peer_of(request.headers(), request.extensions())) {
        return Refusal::later("too many sockets are joining; come back a little later").into_response();
    }
    let (opened, polls) = (Opened::default(), polls(&request));
    request.extensions_mut().insert(opened.clone());
    let response = serve(endpoint, request).await;
    // A WebSocket needs no note: it stays on its connection.
    if polls && let Some(sid) = opened.0.get() {
        gate.passing.opened(sid).await;
    }
    response
}

async fn serve(endpoint: &Endpoint, request: Request) -> Response {
    match tower_service::Service::call(&mut endpoint.service(), request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}
