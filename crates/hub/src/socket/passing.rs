//! Sockets that poll, at any hub: a request that reaches another hub than the one that holds its socket is passed on to that.
//!
//! Each hub notes with the others which sockets it holds. A request is passed on once at most: who gets a passed one answers it,
//! whatever it knows of the socket. Where the holder is gone the client is told that its session is unknown, and begins another.

use crate::fanout::{REQUEST_PATIENCE, Routed};
use crate::hub::Hub;
use crate::node_call::{connect, send};
use crate::node_url::NodeUrl;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a note of a socket holds; a socket polls at least every five seconds.
const NOTE_LIFE: Duration = Duration::from_secs(60);
/// Notes that are older are written anew when the socket polls.
const NOTE_AGE: Duration = Duration::from_secs(15);
/// The length of a session id of engineioxide.
const SID_BYTES: usize = 16;
/// The session id of the socket that a request opens, once it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Opened(pub Arc<OnceLock<String>>);

/// See the module's doc.
pub struct Passing {
    hub: Arc<Hub>,
    /// The sockets that poll here, and when that was noted.
    noted: Mutex<FxHashMap<String, Instant>>,
}

impl Passing {
    /// Nobody polls yet.
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, noted: Mutex::default() }
    }

    /// Where other hubs reach this one; none: nothing is passed.
    fn own(&self) -> Option<&NodeUrl> {
        self.hub.config.node_url.as_ref()
    }

    fn noted(&self) -> MutexGuard<'_, FxHashMap<String, Instant>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket that polls was opened here. Returns when other hubs can know.
    pub(super) async fn opened(&self, sid: &str) {
        let Some(own) = self.own() else { return };
        self.noted().insert(sid.to_owned(), Instant::now());
        // Without the others the balancer's cookie must do.
        _ = self.hub.store.fanout().take_route(Routed::Socket(sid), &own.to_string(), NOTE_LIFE).await;
    }

    /// It polls here: its note must not end. Never waits.
    pub(super) fn polled(&self, sid: &str) {
        let Some(own) = self.own() else { return };
        match self.noted().get_mut(sid) {
            Some(at) if at.elapsed() >= NOTE_AGE => *at = Instant::now(),
            Some(_) | None => return,
        }
        let (fanout, sid, own) = (self.hub.store.fanout(), sid.to_owned(), own.to_string());
        tokio::spawn(async move { fanout.take_route(Routed::Socket(&sid), &own, NOTE_LIFE).await });
    }

    /// It closed.
    pub(super) fn closed(&self, sid: &str) {
        let (Some(own), Some(_)) = (self.own(), self.noted().remove(sid)) else { return };
        let (fanout, sid, own) = (self.hub.store.fanout(), sid.to_owned(), own.to_string());
        tokio::spawn(async move { fanout.end_route(Routed::Socket(&sid), &own).await });
    }

    /// Passes a request on to the hub that holds its socket. The request again: it is to be answered here.
    pub(super) async fn pass(&self, sid: &str, request: Request) -> Result<Response, Request> {
        let Some(holder) = self.holder(sid).await else { return Err(request) };
        let Some(stream) = connect(&holder).await else {
            tracing::debug!(sid, %holder, "the hub that holds a socket is gone");
            return Err(request);
        };
        let pass = self.hub.auth.pass_for(sid);
        Ok(send(stream, &pass, request).await.unwrap_or_else(unknown_session))
    }

    /// The other hub that holds a socket.
    async fn holder(&self, sid: &str) -> Option<NodeUrl> {
        let own = self.own()?;
        let fanout = self.hub.store.fanout();
        let asked = timeout(REQUEST_PATIENCE, fanout.route(Routed::Socket(sid))).await;
        let holder = NodeUrl::parse(&asked.ok()?.ok()??).ok()?;
        (holder != *own).then_some(holder)
    }
}

/// As Engine.IO says it: the client begins another session.
pub(super) fn unknown_session() -> Response {
    let mut response = Response::new(Body::from("{\"code\":\"1\",\"message\":\"Session ID unknown\"}"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The session id of a request by polling; none: it opens one, or comes by another way, or what it says is no id.
pub(super) fn sid_of_poll(request: &Request) -> Option<&str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let sid = word(request, "sid=").filter(|_| polls(request))?;
    (sid.len() == SID_BYTES && sid.bytes().all(is_word)).then_some(sid)
}

/// Whether a request comes by polling.
pub(super) fn polls(request: &Request) -> bool {
    word(request, "transport=") == Some("polling")
}

fn word<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.uri().query()?.split('&').find_map(|word| word.strip_prefix(name))
}
