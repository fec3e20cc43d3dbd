//! Alarms of a center, and a seat's word on one.

use super::asking::{AskingIn, delivery_id, json, query};
use super::refusal::Refusal;
use crate::auth::Caller;
use crate::hub::Hub;
use crate::seat_name::seat_named;
use crate::store::Signature;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use gwanje_model::UtcMillis;
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::{ALARMS_PAGE, AlarmKind, AlarmsReply, ReceiptRequest};
use gwanje_wire::socket::{AlarmReceipt, SimpleAck};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
struct AfterSeq {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

/// GET `/centers/{c}/alarms?after=S&limit=N`.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    uri: Uri,
) -> Result<Json<AlarmsReply>, Refusal> {
    let asking = asking.staff()?;
    let AfterSeq { after, limit } = query(&uri)?;
    let limit = limit.unwrap_or(ALARMS_PAGE);
    if !(1..=ALARMS_PAGE).contains(&limit) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("limit is 1 to {ALARMS_PAGE}")));
    }
    Ok(Json(hub.store.alarms_after(&asking.center, after, limit).await?))
}

#[derive(Deserialize)]
pub(super) struct AlarmPath {
    id: String,
    kind: String,
    raised_at: String,
}

/// POST `/centers/{c}/alarms/{id}/{kind}/{raisedAt}`.
pub(super) async fn receipt(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    path: Path<AlarmPath>,
    body: Bytes,
) -> Result<Json<SimpleAck>, Refusal> {
    let AskingIn { caller, center } = asking.staff()?;
    let Caller::Account(identity) = caller else {
        return Err(Refusal::new(ErrorCode::Forbidden, "an API key has no seat; sign in"));
    };
    let unknown = || Refusal::new(ErrorCode::NotFound, "there is no such alarm");
    let request: ReceiptRequest = json(&body)?;
    let seat = seat_named(request.seat, &identity.account)
        .map_err(|wrong| Refusal::new(ErrorCode::Invalid, format!("seat: {wrong}")))?;
    let receipt = AlarmReceipt {
        id: delivery_id(&path.id)?,
        kind: AlarmKind::parse(&path.kind).ok_or_else(unknown)?,
        raised_at: UtcMillis(path.raised_at.parse().map_err(|_| unknown())?),
        stage: request.stage,
    };
    let by = Signature { account: identity.account.clone(), seat };
    hub.store.record_receipt(&center, receipt, by).await?;
    Ok(Json(SimpleAck { ok: true, code: None, detail: None }))
}
