//! Reading a center: its head, one delivery, changes and digests.

use super::asking::{Asking, AskingIn, delivery_id, query};
use super::refusal::Refusal;
use crate::hub::Hub;
use crate::store::{After, CenterRecord};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gwanje_model::undo::UNDO_WITHIN_MS;
use gwanje_model::{AT_RISK_MIN, Delivery, Epoch, Permission, Rev};
use gwanje_wire::ErrorCode;
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::{CenterInfo, ChangesReply, DigestReply};
use gwanje_wire::socket::{Cursor, RiderPos};
use serde::Deserialize;
use std::sync::Arc;

/// The entity tag of a row or board at a revision.
pub(super) fn etag(epoch: &Epoch, rev: Rev) -> String {
    format!("\"{epoch}-{rev}\"")
}

/// Whether `If-None-Match` names that tag.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    })
}

/// GET `/centers`.
pub(super) async fn centers(
    State(hub): State<Arc<Hub>>,
    Asking(caller): Asking,
) -> Result<Json<Vec<CenterInfo>>, Refusal> {
    if !caller.may(Permission::Read) {
        return Err(Refusal::new(ErrorCode::Forbidden, "this API key has no scope to read"));
    }
    let mut seen = Vec::new();
    for CenterRecord { id, name, pos, time_zone } in hub.store.centers().await? {
        // One that another process added is served from the next start on.
        if caller.sees(&id)
            && let Ok(head) = hub.store.recent_head(&id)
        {
            seen.push(CenterInfo {
                id,
                name,
                pos,
                time_zone,
                head,
                unread: 0,
                undo_within_ms: UNDO_WITHIN_MS.unsigned_abs(),
                at_risk_min: AT_RISK_MIN,
                drill: hub.clock.drill_mark(),
            });
        }
    }
    seen.sort_by_key(|center| caller.place_of(&center.id));
    Ok(Json(seen))
}

/// GET `/centers/{c}/deliveries/{id}`.
pub(super) async fn delivery(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    path: Path<DeliveryPath>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (epoch, row) = find(&hub, &asking, &path.id).await?;
    let tag = etag(&epoch, row.rev);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag)], Json(row)).into_response())
}

/// The part of a path that names a delivery.
#[derive(Deserialize)]
pub(super) struct DeliveryPath {
    id: String,
}

async fn find(hub: &Hub, asking: &AskingIn, id: &str) -> Result<(Epoch, Delivery), Refusal> {
    let id = delivery_id(id)?;
    let found = hub.store.delivery(&asking.center, id).await?;
    let own = |row: &Delivery| {
        let carrier = row.rider.as_ref().map(|rider| &rider.id);
        asking.only_rider().is_none_or(|rider| carrier == Some(rider))
    };
    found.filter(|(_, row)| own(row)).ok_or_else(|| {
        Refusal::new(ErrorCode::NotFound, format!("center {} has no delivery {id}", asking.center))
    })
}

/// GET `/centers/{c}/deliveries/{id}/history`.
pub(super) async fn history(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    path: Path<DeliveryPath>,
) -> Result<Json<Vec<HistoryEvent>>, Refusal> {
    let (_, row) = find(&hub, &asking, &path.id).await?;
    Ok(Json(hub.store.history(&asking.center, row.id).await?))
}

/// GET `/centers/{c}/deliveries/{id}/trace`: where its present rider was from the assignment until its end.
pub(super) async fn trace(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    path: Path<DeliveryPath>,
) -> Result<Json<Vec<RiderPos>>, Refusal> {
    let (_, row) = find(&hub, &asking, &path.id).await?;
    let (Some(rider), Some(from)) = (&row.rider, row.assigned_at) else { return Ok(Json(Vec::new())) };
    let to = row.ended_at().unwrap_or_else(|| hub.clock.day_now());
    Ok(Json(hub.positions.trail(&asking.center, &rider.id, from, to)))
}

#[derive(Deserialize)]
struct ChangesQuery {
    epoch: Option<Epoch>,
    after: Rev,
    limit: Option<usize>,
}

/// GET `/centers/{c}/changes?epoch=E&after=R&limit=N`.
pub(super) async fn changes(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    uri: Uri,
) -> Result<Json<ChangesReply>, Refusal> {
    let asking = asking.staff()?;
    let ChangesQuery { epoch, after, limit } = query(&uri)?;
    let limit = limit.unwrap_or(FRAME_MAX_ENTRIES);
    if !(1..=FRAME_MAX_ENTRIES).contains(&limit) {
        return Err(Refusal::new(ErrorCode::Invalid, "limit is 1 to 1000"));
    }
    let cursor = epoch.map(|epoch| Cursor { epoch, rev: after });
    Ok(Json(hub.store.changes(&asking.center, cursor.as_ref(), limit).await?))
}

/// GET `/centers/{c}/digest?after=R`.
pub(super) async fn digest(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    uri: Uri,
) -> Result<Json<DigestReply>, Refusal> {
    let asking = asking.staff()?;
    let after: After = query(&uri)?;
    Ok(Json(hub.store.digest(&asking.center, after).await?))
}
