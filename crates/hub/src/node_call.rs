//! Asking another hub on the store what only that one can answer: a request is passed on, once, signed with the key that all
//! hubs there have.

use crate::node_url::NodeUrl;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// By which a hub shows that it passes a request on.
pub(crate) const PASS: HeaderName = HeaderName::from_static("x-gwanje-pass");
/// How long another hub may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long it may take to answer: a poll waits for the next beat, four seconds at most.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
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

/// A connection to another hub; none: it is gone.
pub(crate) async fn connect(holder: &NodeUrl) -> Option<TcpStream> {
    timeout(CONNECT_WITHIN, TcpStream::connect(holder.address())).await.ok()?.ok()
}

/// Sends a request by it with that pass. None: there was no answer in time.
pub(crate) async fn send(stream: TcpStream, pass: &str, request: Request) -> Option<Response> {
    // The end of this waits for no more than a client's patience, whatever the other hub does.
    match timeout(ANSWER_WITHIN, sent(stream, pass, request)).await {
        Ok(Ok(response)) => Some(response),
        Ok(Err(error)) => {
            tracing::debug!(%error, "another hub does not answer");
            None
        }
        Err(_) => None,
    }
}

async fn sent(stream: TcpStream, pass: &str, mut request: Request) -> hyper::Result<Response> {
    _ = stream.set_nodelay(true);
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to another hub ended early");
        }
    });
    without_hop(request.headers_mut());
    if let Ok(pass) = HeaderValue::from_str(pass) {
        request.headers_mut().insert(PASS, pass);
    }
    let mut response = sender.send_request(request).await?;
    without_hop(response.headers_mut());
    Ok(response.map(Body::new))
}

fn without_hop(headers: &mut HeaderMap) {
    for name in OF_A_HOP {
        headers.remove(name);
    }
}
