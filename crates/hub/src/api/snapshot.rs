//! Rows of a center: the whole board, streamed, or those of some buckets or ids.

use super::asking::{AskingIn, query};
use super::board::{etag, is_known};
use super::refusal::Refusal;
use crate::admission::Admitted;
use crate::hub::Hub;
use crate::store::{After, BoardStream, Selection};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gwanje_model::DeliveryId;
use gwanje_wire::ErrorCode;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use serde::Deserialize;
use std::str::FromStr;
use std::sync::Arc;

#[derive(Deserialize)]
struct Wanted {
    buckets: Option<String>,
    ids: Option<String>,
    fields: Option<String>,
}

/// GET `/centers/{c}/deliveries`, with or without `buckets` or `ids`.
pub(super) async fn deliveries(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let invalid = |detail: &str| Err(Refusal::new(ErrorCode::Invalid, detail));
    let wanted: Wanted = query(&uri)?;
    let selection = match (wanted.buckets, wanted.ids) {
        (None, None) if wanted.fields.is_some() => return invalid("fields=rev goes with buckets or ids"),
        (None, None) => return board(&hub, &asking, &headers).await,
        (Some(buckets), None) => Selection::Buckets(list(&buckets, "buckets")?),
        (None, Some(ids)) => {
            let ids = list(&ids, "ids")?;
            if ids.len() > FRAME_MAX_ENTRIES {
                return invalid("at most 1000 ids at once");
            }
            Selection::Ids(ids.into_iter().map(DeliveryId).collect())
        }
        (Some(_), Some(_)) => return invalid("either buckets or ids, not both"),
    };
    let asking = asking.staff()?;
    let after: After = query(&uri)?;
    match wanted.fields.as_deref() {
        None => {
            let place = hub.admission.reader(&asking.caller.name()).await?;
            let rows = hub.store.selected(&asking.center, selection, after).await?;
            Ok(streamed(rows, place))
        }
        Some("rev") => {
            let reply = hub.store.revs(&asking.center, selection, after).await?;
            Ok(Json(reply).into_response())
        }
        Some(_) => invalid("fields may be rev"),
    }
}

fn list<T: FromStr>(text: &str, what: &str) -> Result<Vec<T>, Refusal> {
    let parsed: Result<Vec<T>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    parsed.map_err(|_| Refusal::new(ErrorCode::Invalid, format!("{what} is a list of numbers: {what}=3,17")))
}

async fn board(hub: &Hub, asking: &AskingIn, headers: &HeaderMap) -> Result<Response, Refusal> {
    let head = hub.store.recent_head(&asking.center)?;
    let tag = etag(&head.epoch, head.rev);
    if is_known(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let place = hub.admission.reader(&asking.caller.name()).await?;
    let board = hub.store.board(&asking.center, asking.only_rider()).await?;
    let tag = etag(&board.epoch, board.rev);
    Ok(([(ETAG, tag)], streamed(board, place)).into_response())
}

/// Rows as they are read; whoever reads them holds a place to the last byte.
pub(super) fn streamed(rows: BoardStream, place: Admitted) -> Response {
    let mut chunks = rows.chunks;
    let body = futures_util::stream::poll_fn(move |cx| {
        let _held = &place;
        chunks.poll_recv(cx)
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response()
}
