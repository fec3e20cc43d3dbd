//! Past boards and past deliveries.

use super::asking::{AskingIn, query};
use super::refusal::Refusal;
use crate::hub::Hub;
use crate::store::{Found, PastSearch};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use gwanje_model::{Delivery, Status, UtcMillis};
use gwanje_wire::ErrorCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
struct AtQuery {
    time: UtcMillis,
}

/// The board at an instant of operations.
#[derive(Serialize)]
pub(super) struct BoardAt {
    time: UtcMillis,
    rows: Vec<Delivery>,
}

/// GET `/centers/{c}/at?time=T`.
pub(super) async fn at(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    uri: Uri,
) -> Result<Json<BoardAt>, Refusal> {
    let AskingIn { center, .. } = asking.staff()?;
    let AtQuery { time } = query(&uri)?;
    let rows = hub.store.board_at(&center, time).await?;
    Ok(Json(BoardAt { time, rows }))
}

/// GET `/centers/{c}/search?from=&to=&q=&status=&rider=&cursor=`.
pub(super) async fn search(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    uri: Uri,
) -> Result<Json<Found>, Refusal> {
    let AskingIn { center, .. } = asking.staff()?;
    let search: PastSearch = query(&uri)?;
    if let Some(unknown) = search.statuses().find(|name| Status::parse(name).is_none()) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("there is no status {unknown:?}")));
    }
    Ok(Json(hub.store.search(&center, search).await?))
}
