//! The REST interface: routes, and what holds for every answer.
//!
//! Every error is problem+json, whoever made it: a handler, an extractor or the router itself.

mod alarms;
mod answering;
mod asking;
mod batch;
mod board;
mod browsers;
mod cleaning;
mod command;
mod day;
mod health;
mod order;
mod people;
mod preferences;
mod refusal;
mod riders;
mod sign_in;
mod snapshot;
mod told;

pub(crate) use asking::query;
pub use asking::{Asking, AskingIn};
pub(crate) use browsers::{check_origin, for_browsers, is_preflight};
pub use refusal::Refusal;

use crate::body::{Held, why_unread};
use crate::hub::Hub;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use browsers::browsers_from_listed_origins;
use gwanje_wire::rest::API_ROOT;
use gwanje_wire::{ErrorCode, Problem};
use hyper::body::Body as _;
use std::io;
use std::sync::Arc;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// The most bytes of a request's body: an order with a hundred items is a tenth of it.
const BODY_MAX_BYTES: usize = 128 * 1024;

/// The REST interface of a hub, under [`API_ROOT`], with `/healthz` and `/readyz` at the root.
pub fn router(hub: Arc<Hub>) -> Router {
    router_with(hub, Router::new())
}

/// The same with further routes, for which the same holds.
pub fn router_with(hub: Arc<Hub>, further: Router) -> Router {
    let api = routes().layer(from_fn_with_state(Arc::clone(&hub), in_turn));
    of_every_node(hub, Router::new().nest(API_ROOT, api), further)
}

/// What lies under [`API_ROOT`] where requests are served.
pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/login", post(sign_in::login))
        .route("/login/refresh", post(sign_in::refresh))
        .route("/logout", post(sign_in::logout))
        .route("/socket-tickets", post(sign_in::ticket))
        .route("/accounts", get(people::accounts).post(people::add_account))
        .route("/accounts/{name}", patch(people::edit_account).delete(people::remove_account))
        .route("/keys", get(people::keys).post(people::add_key))
        .route("/keys/{name}", delete(people::remove_key))
        .route("/sessions", get(people::sessions))
        .route("/sessions/{id}", delete(people::end_session))
        .route("/audit", get(people::audit))
        .route("/preferences/{key}", get(preferences::read).put(preferences::keep))
        .route("/centers", get(board::centers))
        .route("/centers/{center}/deliveries", get(snapshot::deliveries).post(command::create))
        .route("/centers/{center}/deliveries/batch", post(batch::batch))
        .route("/centers/{center}/deliveries/{id}", get(board::delivery))
        .route("/centers/{center}/deliveries/{id}/history", get(board::history))
        .route("/centers/{center}/deliveries/{id}/trace", get(board::trace))
        .route("/centers/{center}/deliveries/{id}/{action}", post(command::act))
        .route("/centers/{center}/commands/{key}/close", post(command::close))
        .route("/centers/{center}/changes", get(board::changes))
        .route("/centers/{center}/digest", get(board::digest))
        .route("/centers/{center}/at", get(day::at))
        .route("/centers/{center}/search", get(day::search))
        .route("/centers/{center}/riders", get(riders::list).post(riders::create))
        .route("/centers/{center}/riders/{id}", patch(riders::edit))
        .route("/centers/{center}/alarms", get(alarms::list))
        .route("/centers/{center}/alarms/{id}/{kind}/{raised_at}", post(alarms::receipt))
}

/// What a node answers that serves sockets alone: whether it lives and is ready, and these routes.
pub fn router_without_api(hub: Arc<Hub>, further: Router) -> Router {
    of_every_node(hub, Router::new(), further)
}

/// These routes and those that every node has; the same holds for all.
fn of_every_node(hub: Arc<Hub>, api: Router<Arc<Hub>>, further: Router) -> Router {
    let compression = CompressionLayer::new().gzip(true).zstd(true).quality(CompressionLevel::Fastest);
    let all = Router::new()
        .merge(api)
        .route("/healthz", get(health::alive))
        .fallback(unknown)
        .with_state(Arc::clone(&hub))
        .merge(further)
        .layer(from_fn_with_state(Arc::clone(&hub), credentials_first))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(compression)
        .layer(map_response(every_error_is_a_problem))
        .layer(map_response(kept_nowhere))
        // It says why in its own way: balancers read the status alone.
        .merge(Router::new().route("/readyz", get(health::ready)).with_state(Arc::clone(&hub)))
        .layer(from_fn_with_state(Arc::clone(&hub), browsers_from_listed_origins))
        .layer(from_fn_with_state(hub, answering::noted));
    Router::new().fallback(move |request: Request| {
        let mut all = all.clone();
        async move { tower_service::Service::call(&mut all, without_last_slash(request)).await }
    })
}

/// Asks requests beyond what can be answered soon to come back. (Always answers whether the hub lives.)
async fn in_turn(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    // A body that trickles in takes no room.
    let (head, body) = request.into_parts();
    let body = match to_bytes(body, BODY_MAX_BYTES).await {
        Ok(body) => body,
        Err(error) => {
            return match why_unread(&error) {
                Some(io::ErrorKind::TimedOut) => StatusCode::REQUEST_TIMEOUT.into_response(),
                Some(_) => {
                    Refusal::later("too much is being sent at once; come back a little later").into_response()
                }
                None => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            };
        }
    };
    match hub.admission.request(hub.peer_of(&head.headers, &head.extensions)) {
        // Whoever takes the answer slowly holds the place.
        Some(room) => next
            .run(Request::from_parts(head, Body::from(body)))
            .await
            .map(|body| Body::new(Held { body, _held: room })),
        None => {
            Refusal::later("too many requests are being answered; come back a little later").into_response()
        }
    }
}

/// Waits for nobody's body who would be refused whatever it says. Who signs in says it there.
async fn credentials_first(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let is_asked =
        |path: &str| matches!(path.strip_prefix(API_ROOT), Some(path) if !path.starts_with("/login"));
    if !request.body().is_end_stream()
        && is_asked(request.uri().path())
        && let Err(refused) = hub.auth.identify(request.headers()).await
    {
        return Refusal::from(refused).into_response();
    }
    next.run(request).await
}

/// No copy of a customer's data stays on the way.
async fn kept_nowhere(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Takes the slash off the end of a request's path: with or without it the path means the same.
fn without_last_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    let bare = path.trim_end_matches('/');
    if bare.is_empty() || bare.len() == path.len() {
        return request;
    }
    let target = match request.uri().query() {
        Some(query) => format!("{bare}?{query}"),
        None => bare.to_owned(),
    };
    // A part of a good target is a good target; if it were not, the request would go on as it came.
    if let Ok(uri) = target.parse() {
        *request.uri_mut() = uri;
    }
    request
}

async fn unknown(request: Request) -> Refusal {
    let detail =
        format!("there is nothing at {}; the interface lives under {API_ROOT}", request.uri().path());
    Problem::new(ErrorCode::NotFound, detail).into()
}

/// Turns errors of extractors and of the router itself, which are texts, into problems.
async fn every_error_is_a_problem(response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || refusal::is_problem(&response) {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (ErrorCode::NotFound, "there is nothing here"),
        StatusCode::METHOD_NOT_ALLOWED => (ErrorCode::Invalid, "this path does not take that method"),
        StatusCode::REQUEST_TIMEOUT => (ErrorCode::Invalid, "the body did not come within 20 s"),
        StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::Invalid, "the body is too large (at most 128 KiB)"),
        status if status.is_client_error() => (ErrorCode::Invalid, "the request can't be understood"),
        _ => (ErrorCode::Unavailable, "the hub failed at this; ask again"),
    };
    let mut problem = Problem::new(code, detail);
    problem.status = status.as_u16();
    let allow = response.headers().get(axum::http::header::ALLOW).cloned();
    let mut answer = Refusal::from(problem).into_response();
    answer.headers_mut().extend(allow.map(|allow| (axum::http::header::ALLOW, allow)));
    answer
}
