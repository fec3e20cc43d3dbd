//! Requests: bounded in time and size, without redirects. Failures come in the core's words.

use crate::error::EngineError;
use crate::retry_after;
use gwanje_sync::dialect::Secret;
use gwanje_sync::{HttpFailure, HttpRequest, HttpResponse, Method};
use gwanje_wire::{ErrorCode, Problem};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::time::Duration;
use url::Url;

/// The largest body, decompressed: a snapshot of a quarter of a million rows.
const MAX_BODY_BYTES: usize = 256 << 20;
/// A port that neither accepts nor refuses counts as refused after this time. So a dead host is noticed within 4 s.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_500);
/// Reuses a kept connection within this time: two polls (every 3 s) and a margin.
const IDLE_TIMEOUT: Duration = Duration::from_secs(8);
/// The time-out of reads that a person waits for.
const READ_TIMEOUT_MS: u64 = 10_000;

/// Makes requests.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
}

impl HttpClient {
    /// Sends `headers` with every request, and logs none of them.
    pub(crate) fn new(headers: &[(String, Secret)]) -> Result<Self, EngineError> {
        let mut defaults = HeaderMap::new();
        for (name, value) in headers {
            let named = HeaderName::from_bytes(name.as_bytes()).ok();
            let valued = HeaderValue::from_str(value.expose()).ok();
            let (Some(named), Some(mut valued)) = (named, valued) else {
                return Err(EngineError::Config(format!("the header {name} can't be sent; check its value")));
            };
            valued.set_sensitive(true);
            defaults.insert(named, valued);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("gwanje/", env!("CARGO_PKG_VERSION")))
            .default_headers(defaults)
            .connect_timeout(CONNECT_TIMEOUT)
            // Only a request's time-out reveals a connection that was cut silently. So at most one is kept, and not for
            // long: the second request in a row finds a fresh one.
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect would carry the token to a place nobody chose.
            .redirect(reqwest::redirect::Policy::none())
            // Sockets go directly; a request that goes another way would prove nothing about them.
            .no_proxy()
            .build()
            .map_err(|error| EngineError::Config(format!("preparing HTTPS: {}", causes(&error))))?;
        Ok(Self { client })
    }

    /// Makes a request for the core.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let HttpRequest { url, headers, body, timeout_ms, .. } = request;
        self.exchange(method, &url, &headers, body, Duration::from_millis(timeout_ms)).await
    }

    async fn exchange(
        &self,
        method: reqwest::Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: Option<String>,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpFailure> {
        let mut builder = self.client.request(method, url).timeout(timeout);
        let mut is_typed = false;
        for (name, value) in headers {
            is_typed |= *name == "content-type";
            builder = builder.header(*name, value);
        }
        if let Some(body) = body {
            if !is_typed {
                builder = builder.header("content-type", "application/json");
            }
            builder = builder.body(body);
        }
        let mut response = builder.send().await.map_err(|error| failure(&error))?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let status = response.status().as_u16();
        let retry_after_s = header("retry-after").and_then(|text| {
            retry_after::seconds(&text, header("date").as_deref(), std::time::SystemTime::now())
        });
        let (etag, content_type, location) = (header("etag"), header("content-type"), header("location"));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(HttpFailure::Broken(format!("a body of more than {MAX_BODY_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, retry_after_s, etag, content_type, location, body })
    }

    /// Reads `what` for a person.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        url: Url,
        token: &str,
    ) -> Result<T, EngineError> {
        let response = self.fetch(url, token).await?;
        serde_json::from_slice(&response.body).map_err(|_| EngineError::Unreadable { what })
    }

    /// The answer to a read for a person, as it came.
    pub(crate) async fn fetch(&self, url: Url, token: &str) -> Result<HttpResponse, EngineError> {
        self.ask(reqwest::Method::GET, url, vec![bearer(token)], None).await
    }

    /// Puts JSON for a person, where the condition holds: a header that says what is to be replaced.
    pub(crate) async fn put(
        &self,
        url: Url,
        token: &str,
        condition: (&'static str, String),
        json: String,
    ) -> Result<HttpResponse, EngineError> {
        self.ask(reqwest::Method::PUT, url, vec![bearer(token), condition], Some(json)).await
    }

    /// Deletes for a person.
    pub(crate) async fn delete(&self, url: Url, token: &str) -> Result<(), EngineError> {
        self.ask(reqwest::Method::DELETE, url, vec![bearer(token)], None).await.map(drop)
    }

    /// Asks what a person waits for: an answer of success, or an error that says why there is none.
    async fn ask(
        &self,
        method: reqwest::Method,
        url: Url,
        headers: Vec<(&'static str, String)>,
        body: Option<String>,
    ) -> Result<HttpResponse, EngineError> {
        let timeout = Duration::from_millis(READ_TIMEOUT_MS);
        let answer = self.exchange(method, url.as_str(), &headers, body, timeout).await;
        let response = answer.map_err(|failure| {
            EngineError::Unreachable(match failure {
                HttpFailure::Refused(why) | HttpFailure::Broken(why) => why,
                HttpFailure::TimedOut => format!("no answer within {} s", READ_TIMEOUT_MS / 1_000),
            })
        })?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let problem = serde_json::from_slice(&response.body).unwrap_or_else(|_| Problem {
            status: response.status,
            ..Problem::new(ErrorCode::Other, format!("the server answered with status {}", response.status))
        });
        Err(EngineError::from_problem(problem))
    }
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn failure(error: &reqwest::Error) -> HttpFailure {
    if error.is_connect() {
        HttpFailure::Refused(causes(error))
    } else if error.is_timeout() {
        HttpFailure::TimedOut
    } else {
        HttpFailure::Broken(causes(error))
    }
}

/// The innermost cause says what people understand; the outer ones repeat the URL.
fn causes(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = inner.downcast_ref::<std::io::Error>().map_or_else(|| inner.to_string(), io_reason);
        cause = inner.source();
    }
    text
}

/// Why a connection failed: in plain words where there are any, without the system's error numbers.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors, not ours")]
pub(crate) fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::routing::{get, post, put};

    async fn serve() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let busy =
            || async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")], "{}").into_response() };
        let row = || async { ([("etag", "\"E-5\"")], "[1,2]").into_response() };
        let problem = || async {
            let problem = Problem::new(ErrorCode::NotFound, "there is no such center");
            (StatusCode::NOT_FOUND, serde_json::to_string(&problem).unwrap()).into_response()
        };
        let echo = |headers: HeaderMap, body: String| async move {
            format!("{} {body}", headers["content-type"].to_str().unwrap())
        };
        let replace = |headers: HeaderMap, body: String| async move {
            let condition = headers["if-match"].to_str().unwrap().to_owned();
            let said = format!("{} {body}", headers["authorization"].to_str().unwrap());
            if condition == "\"1\"" { (StatusCode::OK, said) } else { (StatusCode::CONFLICT, String::new()) }
        };
        let router = Router::new()
            .route("/kept", put(replace))
            .route("/busy", get(busy))
            .route("/row", get(row))
            .route("/problem", get(problem))
            .route("/noise", get(|| async { "noise" }))
            .route("/away", get(|| async { axum::response::Redirect::temporary("/row") }))
            .route("/never", get(std::future::pending::<String>))
            .route("/echo", post(echo));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn request(method: Method, url: String) -> HttpRequest {
        HttpRequest { method, url, headers: Vec::new(), body: None, timeout_ms: 60_000 }
    }

    #[tokio::test]
    async fn answers_come_with_what_the_core_looks_at() {
        let (client, base) = (HttpClient::new(&[]).unwrap(), serve().await);
        let get =
            async |path: &str| client.send(request(Method::Get, format!("{base}{path}"))).await.unwrap();
        let busy = get("/busy").await;
        assert_eq!((busy.status, busy.retry_after_s), (503, Some(7)));
        let row = get("/row").await;
        assert_eq!((row.etag.as_deref(), row.body.as_slice()), (Some("\"E-5\""), b"[1,2]".as_slice()));
        assert_eq!(get("/away").await.status, 307, "a redirect is not followed");
        let mut posted = request(Method::Post, format!("{base}/echo"));
        posted.body = Some("{}".to_owned());
        assert_eq!(client.send(posted).await.unwrap().body, b"application/json {}");
    }

    #[tokio::test]
    async fn no_answer_is_told_apart() {
        let (client, base) = (HttpClient::new(&[]).unwrap(), serve().await);
        let mut never = request(Method::Get, format!("{base}/never"));
        never.timeout_ms = 50;
        assert_eq!(client.send(never).await, Err(HttpFailure::TimedOut));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let refused = client.send(request(Method::Get, nobody)).await;
        assert!(matches!(refused, Err(HttpFailure::Refused(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn reads_for_a_person_end_in_a_value_or_in_an_error_that_says_why() {
        let (client, base) = (HttpClient::new(&[]).unwrap(), serve().await);
        let read = async |path: &str| {
            client.read::<Vec<u64>>("some numbers", format!("{base}{path}").parse().unwrap(), "token").await
        };
        assert_eq!(read("/row").await.unwrap(), [1, 2]);
        let refused = read("/problem").await.unwrap_err();
        assert_eq!((refused.code(), refused.to_string().as_str()), ("not-found", "there is no such center"));
        assert_eq!(read("/noise").await.unwrap_err().code(), "unreadable");
        assert_eq!(read("/busy").await.unwrap_err().code(), "other");
    }
    #[tokio::test]
    async fn what_a_person_puts_says_what_it_replaces() {
        let (client, base) = (HttpClient::new(&[]).unwrap(), serve().await);
        let put = async |tag: &str| {
            let condition = ("if-match", tag.to_owned());
            client.put(format!("{base}/kept").parse().unwrap(), "token", condition, "{}".to_owned()).await
        };
        assert_eq!(put("\"1\"").await.unwrap().body, b"Bearer token {}");
        assert_eq!(put("\"2\"").await.unwrap_err().code(), "other", "a conflict without a problem");
    }
}
