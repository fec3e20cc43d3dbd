//! Requests: bounded in time and size, without redirects, and what went wrong in the core's words.

use crate::error::EngineError;
use gwanje_sync::{HttpFailure, HttpRequest, HttpResponse, Method};
use gwanje_wire::{ErrorCode, Problem};
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::time::Duration;
use url::Url;

/// The greatest body, decompressed: a snapshot of a quarter of a million rows.
const MAX_BODY_BYTES: usize = 256 << 20;
/// A port that neither accepts nor refuses counts as refused after this, so that a dead host is seen within 4 s.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_500);
/// For reads that a person waits for.
const READ_TIMEOUT_MS: u64 = 10_000;

/// Makes requests.
#[derive(Debug, Clone)]
pub(crate) struct HttpDesk {
    client: reqwest::Client,
}

impl HttpDesk {
    pub(crate) fn new() -> Result<Self, EngineError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("gwanje/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry the token to a place that nobody chose.
            .redirect(reqwest::redirect::Policy::none())
            // Sockets go directly; requests by another way would prove nothing about them.
            .no_proxy()
            .build()
            .map_err(|error| EngineError::Config(format!("preparing HTTPS: {}", causes(&error))))?;
        Ok(Self { client })
    }

    /// Makes a request of the core's.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = self.client.request(method, &request.url);
        builder = builder.timeout(Duration::from_millis(request.timeout_ms));
        let mut is_typed = false;
        for (name, value) in &request.headers {
            is_typed |= *name == "content-type";
            builder = builder.header(*name, value);
        }
        if let Some(body) = request.body {
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
        let retry_after_s = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
        let etag = header("etag");
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(HttpFailure::Broken(format!("a body of more than {MAX_BODY_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, retry_after_s, etag, body })
    }

    /// Reads `what` for a person.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        url: Url,
        token: &str,
    ) -> Result<T, EngineError> {
        let request = HttpRequest {
            method: Method::Get,
            url: url.into(),
            headers: vec![("authorization", format!("Bearer {token}"))],
            body: None,
            timeout_ms: READ_TIMEOUT_MS,
        };
        let response = self.send(request).await.map_err(|failure| {
            EngineError::Unreachable(match failure {
                HttpFailure::Refused(why) | HttpFailure::Broken(why) => why,
                HttpFailure::TimedOut => format!("no answer within {} s", READ_TIMEOUT_MS / 1_000),
            })
        })?;
        if (200..300).contains(&response.status) {
            return serde_json::from_slice(&response.body).map_err(|_| EngineError::Unreadable { what });
        }
        let problem = serde_json::from_slice(&response.body).unwrap_or_else(|_| Problem {
            status: response.status,
            ..Problem::new(ErrorCode::Other, format!("the server answered with status {}", response.status))
        });
        Err(EngineError::from_problem(problem))
    }
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

/// The innermost cause says what people understand ("connection refused"); the outer ones repeat the URL.
fn causes(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
