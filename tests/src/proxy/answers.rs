//! REST calls: each is handed on to the hub, and a rule decides what becomes of its answer.

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A call, as the rule sees it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The last word of the path: `deliveries`, `changes`, `login`, `note`.
    pub name: String,
    /// How often one of this name was asked before.
    pub before: u64,
}

/// What becomes of a call.
pub enum Answer {
    /// The hub's own.
    Pass,
    /// Never reaches the hub: refused on its behalf.
    Refuse {
        /// HTTP status.
        status: u16,
        /// When to come again.
        retry_after_s: Option<u64>,
    },
    /// The hub does as it is asked; nobody ever hears of it.
    Swallow,
    /// The hub's, held until the channel says so: by then it is that old.
    Held(watch::Receiver<bool>),
    /// The hub's, so much later.
    Late(Duration),
    /// The first half of the hub's; then the connection breaks.
    Half,
    /// The hub's with its JSON changed.
    Rewrite(Box<dyn FnOnce(&mut Value) + Send>),
    /// These bytes, as if they were the hub's.
    Instead(String),
}

type Rule = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// What all calls through a proxy share.
pub(super) struct Shared {
    client: reqwest::Client,
    target: String,
    rule: Mutex<Option<Rule>>,
    asked: Mutex<BTreeMap<String, u64>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A call that could not be handed on: nobody there.
type Lost = reqwest::Error;

impl Shared {
    pub fn to(target: &str) -> Result<Self> {
        // Without decompression: bodies pass as they are.
        let client = reqwest::Client::builder().no_gzip().build().context("making the proxy's client")?;
        Ok(Self { client, target: target.to_owned(), rule: Mutex::default(), asked: Mutex::default() })
    }

    pub fn set_rule(&self, rule: Option<Rule>) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    pub fn asked(&self, name: &str) -> u64 {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
    }

    fn judge(&self, method: &Method, path: &str) -> Answer {
        let name = path.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let before = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let times = asked.entry(name.to_owned()).or_default();
            *times += 1;
            *times - 1
        };
        let asked = Asked { method: method.clone(), path: path.to_owned(), name: name.to_owned(), before };
        let mut rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner);
        rule.as_mut().map_or(Answer::Pass, |rule| rule(&asked))
    }

    /// The hub's answer, whole.
    async fn hand_on(&self, call: Call, plain: bool) -> Result<(StatusCode, HeaderMap, Bytes), Lost> {
        let mut headers = call.headers;
        headers.remove(header::HOST);
        if plain {
            headers.remove(header::ACCEPT_ENCODING);
        }
        let url = format!("http://{}{}", self.target, call.path);
        let answer = self.client.request(call.method, url).headers(headers).body(call.body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        // Said anew for the body as it is sent on.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        Ok((status, headers, answer.bytes().await?))
    }
}

struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Hands calls on, on any free port.
pub(super) async fn serve(shared: Arc<Shared>) -> Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for calls")?;
    let at = listener.local_addr()?.to_string();
    let router = Router::new().fallback(answer).with_state(shared);
    let task = tokio::spawn(async move {
        // It ends when it is aborted.
        let _ = axum::serve(listener, router).await;
    });
    Ok((at, task))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return broken(Bytes::new()) };
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let decided = shared.judge(&parts.method, &path);
    let call = Call { method: parts.method, path, headers: parts.headers, body };
    carry_out(&shared, decided, call).await.unwrap_or_else(|_: Lost| broken(Bytes::new()))
}

async fn carry_out(shared: &Shared, decided: Answer, call: Call) -> Result<Response, Lost> {
    let answered = match decided {
        Answer::Refuse { status, retry_after_s } => return Ok(refusal(status, retry_after_s)),
        Answer::Instead(text) => return Ok(text.into_response()),
        Answer::Pass => shared.hand_on(call, false).await?,
        Answer::Swallow => {
            shared.hand_on(call, false).await?;
            std::future::pending().await
        }
        Answer::Held(mut opens) => {
            let answered = shared.hand_on(call, false).await?;
            // A test that ended opens it too.
            opens.wait_for(|open| *open).await.ok();
            answered
        }
        Answer::Late(by) => {
            let answered = shared.hand_on(call, false).await?;
            tokio::time::sleep(by).await;
            answered
        }
        Answer::Half => {
            let (.., body) = shared.hand_on(call, true).await?;
            return Ok(broken(body.slice(..body.len() / 2)));
        }
        Answer::Rewrite(rewrite) => {
            let (status, headers, body) = shared.hand_on(call, true).await?;
            let body = match serde_json::from_slice::<Value>(&body) {
                Ok(mut value) => {
                    rewrite(&mut value);
                    value.to_string().into()
                }
                Err(_) => body,
            };
            (status, headers, body)
        }
    };
    Ok(answered.into_response())
}

fn refusal(status: u16, retry_after_s: Option<u64>) -> Response {
    let code = if status == 429 { "too-many-requests" } else { "unavailable" };
    let body = serde_json::json!({"type": "about:blank", "title": code, "status": status, "code": code, "detail": "later"});
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let retry = retry_after_s.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
    (status, retry, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

/// An answer that breaks off after those bytes.
fn broken(begun: Bytes) -> Response {
    let parts = [Ok(begun), Err(io::Error::other("cut by the proxy"))];
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(futures_util::stream::iter(parts)))
        .into_response()
}
