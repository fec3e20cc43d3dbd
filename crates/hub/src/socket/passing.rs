//! Sockets that poll, at any hub: a request that reaches another hub than the one that holds its socket is passed on to that.
//!
//! Each hub notes with the others which sockets it holds. A request is passed on once at most: who gets a passed one answers it,
//! whatever it knows of the socket. Where the holder is gone the client is told that its session is unknown, and begins another.

use crate::fanout::{REQUEST_PATIENCE, Routed};
use crate::hub::Hub;
use crate::node_url::NodeUrl;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_TYPE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// By which a hub shows that it passes a request on.
pub(super) const PASS: HeaderName = HeaderName::from_static("x-gwanje-pass");
/// How long a note of a socket holds; a socket polls at least every five seconds.
const NOTE_LIFE: Duration = Duration::from_secs(60);
/// Notes that are older are written anew when the socket polls.
const NOTE_AGE: Duration = Duration::from_secs(15);
/// How long another hub may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long it may take to answer: a poll waits for the next beat, four seconds at most.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The length of a session id of engineioxide.
const SID_BYTES: usize = 16;
/// What concerns one connection alone.
const OF_A_HOP: [HeaderName; 7] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

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
        let connected = timeout(CONNECT_WITHIN, TcpStream::connect(holder.address())).await;
        let Ok(Ok(stream)) = connected else {
            tracing::debug!(sid, %holder, "the hub that holds a socket is gone");
            return Err(request);
        };
        // The end of this waits for no more than a client's patience, whatever the other hub does.
        let passed = timeout(ANSWER_WITHIN, self.send(sid, stream, request)).await;
        Ok(match passed {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::debug!(sid, %holder, %error, "the hub that holds a socket does not answer");
                unknown_session()
            }
            Err(_) => unknown_session(),
        })
    }

    /// The other hub that holds a socket.
    async fn holder(&self, sid: &str) -> Option<NodeUrl> {
        let own = self.own()?;
        let fanout = self.hub.store.fanout();
        let asked = timeout(REQUEST_PATIENCE, fanout.route(Routed::Socket(sid))).await;
        let holder = NodeUrl::parse(&asked.ok()?.ok()??).ok()?;
        (holder != *own).then_some(holder)
    }

    async fn send(&self, sid: &str, stream: TcpStream, mut request: Request) -> hyper::Result<Response> {
        _ = stream.set_nodelay(true);
        let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to another hub ended early");
            }
        });
        without_hop(request.headers_mut());
        if let Ok(pass) = HeaderValue::from_str(&self.hub.auth.pass_for(sid)) {
            request.headers_mut().insert(PASS, pass);
        }
        let mut response = sender.send_request(request).await?;
        without_hop(response.headers_mut());
        Ok(response.map(Body::new))
    }
}

fn without_hop(headers: &mut HeaderMap) {
    for name in OF_A_HOP {
        headers.remove(name);
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
