//! What another hub is to do: its operator's request is passed on to it, once.

use crate::api::Refusal;
use crate::hub::Hub;
use crate::node_call::{PASS, connect, send};
use crate::node_url::NodeUrl;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use gwanje_wire::ErrorCode;
use gwanje_wire::monitor::MonitorNode;

/// Whether a hub on this store passed this on, about that subject.
pub(super) fn is_passed(hub: &Hub, headers: &HeaderMap, about: &str) -> Result<bool, Refusal> {
    match headers.get(PASS) {
        None => Ok(false),
        Some(pass) if hub.auth.is_pass_for(about, pass.to_str().unwrap_or_default()) => Ok(true),
        Some(_) => Err(Refusal::new(ErrorCode::Forbidden, "no hub of this store passed this on")),
    }
}

/// The answer of the hub that is meant.
pub(super) async fn pass(
    hub: &Hub,
    to: &MonitorNode,
    about: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let Some(url) = to.url.as_deref().and_then(|url| NodeUrl::parse(url).ok()) else {
        let said = format!("{} can't be reached from here: set its `node_url`, or ask it itself", to.id);
        return Err(Refusal::new(ErrorCode::Unavailable, said));
    };
    let gone = || Refusal::later(format!("{} does not answer; its address is {url}", to.id));
    let stream = connect(&url).await.ok_or_else(gone)?;
    send(stream, &hub.auth.pass_for(about), request).await.ok_or_else(gone)
}

/// A request as it came, once its body was read.
pub(super) fn request_of(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Request {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}
