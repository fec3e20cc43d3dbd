//! Past boards and past deliveries.

use super::asking::{AskingIn, query};
use super::refusal::Refusal;
use super::snapshot::streamed;
use crate::hub::Hub;
use crate::store::{Found, PastSearch};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use gwanje_model::{Status, UtcMillis};
use gwanje_wire::ErrorCode;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
struct AtQuery {
    time: UtcMillis,
}

/// GET `/centers/{c}/at?time=T`.
pub(super) async fn at(State(hub): State<Arc<Hub>>, asking: AskingIn, uri: Uri) -> Result<Response, Refusal> {
    let AskingIn { center, caller } = asking.staff()?;
    let AtQuery { time } = query(&uri)?;
    let place = hub.admission.reader(&caller.name()).await?;
    Ok(streamed(hub.store.board_at(&center, time).await?, place))
}

/// GET `/centers/{c}/search?from=&to=&q=&status=&rider=&cursor=`.
pub(super) async fn search(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    uri: Uri,
) -> Result<Json<Found>, Refusal> {
    let AskingIn { center, caller } = asking.staff()?;
    let _place = hub.admission.reader(&caller.name()).await?;
    let search: PastSearch = query(&uri)?;
    if let Some(unknown) = search.statuses().find(|name| Status::parse(name).is_none()) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("there is no status {unknown:?}")));
    }
    Ok(Json(hub.store.search(&center, search).await?))
}
