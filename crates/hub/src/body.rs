//! Bodies of requests: each has come whole within a time, whoever reads it.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::try_unfold;
use hyper::body::Body as _;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a whole body may take: 128 KiB at the speed of a modem. One that trickles in holds its connection no longer.
pub const BODY_WITHIN: Duration = Duration::from_secs(20);

/// Lets whoever reads a request's body see it fail when it has not come within [`BODY_WITHIN`].
pub async fn within_time(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let until = Instant::now() + BODY_WITHIN;
    next.run(request.map(|body| limited(body, until))).await
}

fn limited(body: Body, until: Instant) -> Body {
    let parts = try_unfold(body.into_data_stream(), move |mut coming| async move {
        match timeout_at(until, coming.next()).await {
            Ok(Some(part)) => part.map(|part: Bytes| Some((part, coming))).map_err(io::Error::other),
            Ok(None) => Ok(None),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time")),
        }
    });
    Body::from_stream(parts)
}
