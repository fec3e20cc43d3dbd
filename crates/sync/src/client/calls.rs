//! The REST calls in use: their paths, bodies and time-outs, and how their answers are read.

use crate::io::{AlarmKey, HttpFailure, HttpResponse, Method};
use crate::mutation::{Mutation, is_mutated};
use crate::session::{Fetch, FetchFailure, Fetched};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::rest::{LoginRequest, ReceiptRequest, ReceiptStage, RefreshRequest};
use gwanje_wire::{ErrorCode, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;
use std::sync::Arc;

/// Milliseconds for an answer of moderate size. Long enough for a frame of 1 MiB at 2 Mbit/s, short enough that two
/// failures in a row are seen while a person still looks.
const SMALL_TIMEOUT_MS: u64 = 8_000;
/// Milliseconds for a whole board, or all its alarms: 100,000 rows compressed at 2 Mbit/s.
const SNAPSHOT_TIMEOUT_MS: u64 = 60_000;
/// Milliseconds for a ticket; without it there is no socket, and a socket is waited for.
const TICKET_TIMEOUT_MS: u64 = 5_000;
/// Milliseconds for a sign-in: the hub hashes the password slowly on purpose.
const SIGN_IN_TIMEOUT_MS: u64 = 10_000;

/// Milliseconds for a probe of an endpoint: one that needs longer is not well.
const PROBE_TIMEOUT_MS: u64 = 3_000;
/// The longest that a server's `Retry-After` is obeyed, milliseconds.
const RETRY_AFTER_MAX_MS: u64 = 600_000;

/// What a `Retry-After` means, within bounds.
pub(crate) fn bounded_ms(retry_after_s: u64) -> u64 {
    retry_after_s.saturating_mul(1_000).min(RETRY_AFTER_MAX_MS)
}

/// A request without its server and credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Below the API's root, query included.
    pub(crate) path: String,
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) timeout_ms: u64,
}

impl Call {
    pub(crate) fn get(path: String, timeout_ms: u64) -> Self {
        Self { method: Method::Get, path, body: None, headers: Vec::new(), timeout_ms }
    }

    /// With a JSON body. All bodies in use are structs of texts and numbers, which always have a JSON form.
    pub(crate) fn post(path: String, body: &impl Serialize, timeout_ms: u64) -> Self {
        let body = Some(serde_json::to_string(body).unwrap_or_default());
        Self { method: Method::Post, path, body, headers: Vec::new(), timeout_ms }
    }

    pub(crate) fn login(account: String, password: String) -> Self {
        Self::post("/login".to_owned(), &LoginRequest { account, password }, SIGN_IN_TIMEOUT_MS)
    }

    pub(crate) fn refresh(refresh_token: &str) -> Self {
        let body = RefreshRequest { refresh_token: refresh_token.to_owned() };
        Self::post("/login/refresh".to_owned(), &body, SIGN_IN_TIMEOUT_MS)
    }

    pub(crate) fn logout(refresh_token: &str) -> Self {
        let body = RefreshRequest { refresh_token: refresh_token.to_owned() };
        Self::post("/logout".to_owned(), &body, SMALL_TIMEOUT_MS)
    }

    pub(crate) fn centers() -> Self {
        Self::get("/centers".to_owned(), SMALL_TIMEOUT_MS)
    }

    pub(crate) fn ticket() -> Self {
        Self::post("/socket-tickets".to_owned(), &serde_json::Map::new(), TICKET_TIMEOUT_MS)
    }

    /// Whether an endpoint is well: the path is one of the root's or absolute, see [`super::rest::Rest::probe`].
    pub(crate) fn probe() -> Self {
        Self::get(String::new(), PROBE_TIMEOUT_MS)
    }

    pub(crate) fn receipt(center: &CenterId, key: AlarmKey, stage: ReceiptStage, seat: &SeatId) -> Self {
        let AlarmKey { id, kind, raised_at } = key;
        let path = format!("{}/alarms/{id}/{}/{}", center_path(center), kind.as_str(), raised_at.0);
        Self::post(path, &ReceiptRequest { stage, seat: Some(seat.clone()) }, SMALL_TIMEOUT_MS)
    }

    pub(crate) fn fetch(center: &CenterId, fetch: &Fetch) -> Self {
        let center = center_path(center);
        match fetch {
            Fetch::Changes { cursor, limit } => {
                let epoch = escaped(cursor.epoch.as_str());
                let path = format!("{center}/changes?epoch={epoch}&after={}&limit={limit}", cursor.rev);
                Self::get(path, SMALL_TIMEOUT_MS)
            }
            Fetch::Snapshot => Self::get(format!("{center}/deliveries"), SNAPSHOT_TIMEOUT_MS),
            Fetch::Digest { after } => Self::get(format!("{center}/digest?after={after}"), SMALL_TIMEOUT_MS),
            Fetch::Revs { buckets, after } => {
                let path =
                    format!("{center}/deliveries?buckets={}&fields=rev&after={after}", joined(buckets));
                Self::get(path, SMALL_TIMEOUT_MS)
            }
            Fetch::Buckets { buckets, after } => {
                let path = format!("{center}/deliveries?buckets={}&after={after}", joined(buckets));
                Self::get(path, SNAPSHOT_TIMEOUT_MS)
            }
            Fetch::Rows { ids, after } => {
                let path = format!("{center}/deliveries?ids={}&after={after}", joined(ids));
                Self::get(path, SNAPSHOT_TIMEOUT_MS)
            }
            // At the first use, and at a new epoch, it brings all alarms of several days with their deliveries: as
            // large as a board.
            Fetch::Alarms { after } => {
                Self::get(format!("{center}/alarms?after={after}"), SNAPSHOT_TIMEOUT_MS)
            }
        }
    }
}

/// The path of a center below the API's root.
pub(crate) fn center_path(center: &CenterId) -> String {
    format!("/centers/{}", escaped(center.as_str()))
}

/// Percent-encoded for a path segment or a query value (RFC 3986: all but the unreserved characters).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CallFailure {
    /// The server said no.
    Problem { problem: Problem, retry_after_s: Option<u64> },
    /// Nobody answered.
    Unreachable(Arc<str>),
    /// An answer that can't be read: it may not even be the server's (a proxy's page, say).
    Malformed,
}

impl CallFailure {
    /// For people.
    pub(crate) fn reason(&self) -> Arc<str> {
        match self {
            Self::Problem { problem, .. } if problem.detail.is_empty() => problem.code.as_str().into(),
            Self::Problem { problem, .. } => problem.detail.as_str().into(),
            Self::Unreachable(reason) => Arc::clone(reason),
            Self::Malformed => "the server's answer can't be read".into(),
        }
    }

    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Problem { retry_after_s, .. } => retry_after_s.map(bounded_ms),
            Self::Unreachable(_) | Self::Malformed => None,
        }
    }

    /// The refusal, if the server decided it (and is not overloaded, restarting, or not the server at all).
    pub(crate) fn decided(self) -> Result<Problem, Self> {
        match self {
            Self::Problem { problem, retry_after_s } => match problem.code {
                ErrorCode::Unauthorized
                | ErrorCode::Forbidden
                | ErrorCode::NotFound
                | ErrorCode::Invalid
                | ErrorCode::InvalidTransition
                | ErrorCode::Conflict
                | ErrorCode::Void
                | ErrorCode::Resync => Ok(problem),
                ErrorCode::Unavailable if is_mutated(Mutation::DecideBy503) => Ok(problem),
                ErrorCode::TooManyRequests | ErrorCode::Unavailable => {
                    Err(Self::Problem { problem, retry_after_s })
                }
                // A code of a newer hub decides unless it speaks of the hub itself.
                ErrorCode::Other if (400..500).contains(&problem.status) => Ok(problem),
                ErrorCode::Other => Err(Self::Problem { problem, retry_after_s }),
            },
            Self::Unreachable(_) | Self::Malformed => Err(self),
        }
    }
}

impl From<CallFailure> for FetchFailure {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Problem { problem, retry_after_s } => Self::Problem { problem, retry_after_s },
            CallFailure::Unreachable(reason) => Self::Unreachable(reason),
            CallFailure::Malformed => Self::Malformed,
        }
    }
}

/// The answer of a successful call, or why there is none.
pub(crate) fn success(result: Result<HttpResponse, HttpFailure>) -> Result<HttpResponse, CallFailure> {
    match result {
        Ok(response) if (200..300).contains(&response.status) => Ok(response),
        Ok(response) => Err(refusal(&response)),
        Err(HttpFailure::Refused(why)) => Err(CallFailure::Unreachable(format!("refused: {why}").into())),
        Err(HttpFailure::TimedOut) => Err(CallFailure::Unreachable("no answer in time".into())),
        Err(HttpFailure::Broken(why)) => Err(CallFailure::Unreachable(why.into())),
    }
}

/// Reads the body of a successful call.
pub(crate) fn read<T: DeserializeOwned>(result: Result<HttpResponse, HttpFailure>) -> Result<T, CallFailure> {
    serde_json::from_slice(&success(result)?.body).map_err(|_| CallFailure::Malformed)
}

fn refusal(response: &HttpResponse) -> CallFailure {
    let retry_after_s = response.retry_after_s;
    let told = |code| CallFailure::Problem { problem: Problem::new(code, ""), retry_after_s };
    match (serde_json::from_slice::<Problem>(&response.body), response.status) {
        (Ok(mut problem), status) => {
            problem.status = status;
            CallFailure::Problem { problem, retry_after_s }
        }
        // Proxies answer these in the server's stead, without its problem.
        (Err(_), 429) => told(ErrorCode::TooManyRequests),
        (Err(_), 500..) => told(ErrorCode::Unavailable),
        // Any other refusal counts only in the server's own words: a board is not wiped on a stray page.
        (Err(_), _) => CallFailure::Malformed,
    }
}

/// Reads the answer to a session's request.
pub(crate) fn read_fetched(
    fetch: &Fetch,
    result: Result<HttpResponse, HttpFailure>,
) -> Result<Fetched, CallFailure> {
    match fetch {
        Fetch::Changes { .. } => read(result).map(Fetched::Changes),
        Fetch::Snapshot => read(result).map(Fetched::Snapshot),
        Fetch::Digest { .. } => read(result).map(Fetched::Digest),
        Fetch::Revs { .. } => read(result).map(Fetched::Revs),
        Fetch::Buckets { .. } | Fetch::Rows { .. } => read(result).map(Fetched::Rows),
        Fetch::Alarms { .. } => read(result).map(Fetched::Alarms),
    }
}
