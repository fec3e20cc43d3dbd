//! Bodies: of requests, each of which has come whole within a time, whoever reads it, and with all others fits into a bound; of
//! answers, with what is held until they were taken.

use crate::connections::{Answering, Connection};
use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::try_unfold;
use hyper::body::{Body as _, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a whole body may take: 128 KiB at the speed of a modem. One that trickles in holds its connection no longer.
pub const BODY_WITHIN: Duration = Duration::from_secs(20);

/// The request that a connection answers, shared by its body and its answer.
type Shared = Arc<Mutex<Answering>>;

/// Lets whoever reads a request's body see it fail when it has not come within [`BODY_WITHIN`], or when there is no room for it.
/// The connection is busy until the answer was taken.
pub async fn within_bounds(
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Response {
    let answering = Arc::new(Mutex::new(connection.busy()));
    let request = if request.body().is_end_stream() {
        request
    } else {
        let (until, answering) = (Instant::now() + BODY_WITHIN, Arc::clone(&answering));
        request.map(|body| limited(body, until, answering))
    };
    let response = next.run(request).await;
    {
        let mut answering = answering.lock().unwrap_or_else(PoisonError::into_inner);
        answering.forget_body();
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            answering.keep();
        }
    }
    response.map(|body| Body::new(Held { body, _held: answering }))
}

fn limited(body: Body, until: Instant, answering: Shared) -> Body {
    let parts = try_unfold((body.into_data_stream(), answering), move |(mut coming, answering)| async move {
        match timeout_at(until, coming.next()).await {
            Ok(Some(part)) => {
                let part: Bytes = part.map_err(io::Error::other)?;
                let has_room = answering.lock().unwrap_or_else(PoisonError::into_inner).take(part.len());
                if !has_room {
                    return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many bodies are coming"));
                }
                Ok(Some((part, (coming, answering))))
            }
            Ok(None) => Ok(None),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time")),
        }
    });
    Body::from_stream(parts)
}

/// Why a body could not be read, where that is known.
pub fn why_unread(error: &axum::Error) -> Option<io::ErrorKind> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if let Some(kind @ (io::ErrorKind::TimedOut | io::ErrorKind::QuotaExceeded)) = kind {
            return Some(kind);
        }
        cause = error.source();
    }
    None
}

/// The body of an answer, with what is held until it was taken.
pub struct Held<T> {
    /// What is answered.
    pub body: Body,
    /// Goes with it.
    pub _held: T,
}

impl<T: Unpin> hyper::body::Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
