//! Who is connected, and putting one out.

use super::{Looking, Operation, operator, passing_on, told};
use crate::api::{Refusal, query};
use crate::roster::ClientFilter;
use axum::Json;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gwanje_model::Text;
use gwanje_wire::ErrorCode;
use gwanje_wire::monitor::{CLIENTS_PAGE_MAX, ClientsReply};
use serde::Deserialize;

#[derive(Deserialize)]
struct Wish {
    namespace: Option<Text>,
    room: Option<Text>,
    account: Option<Text>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// GET `/monitor/clients?namespace=&room=&account=&cursor=&limit=`.
pub(super) async fn list(
    State(Operation { hub, .. }): State<Operation>,
    Looking(sight): Looking,
    uri: Uri,
) -> Result<Json<ClientsReply>, Refusal> {
    let Wish { namespace, room, account, cursor, limit } = query(&uri)?;
    if limit.is_some_and(|limit| !(1..=CLIENTS_PAGE_MAX).contains(&limit)) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("limit is 1 to {CLIENTS_PAGE_MAX}")));
    }
    if cursor.as_ref().is_some_and(|cursor| !cursor.contains('@')) {
        return Err(Refusal::new(ErrorCode::Invalid, "the cursor is none of this list; begin without one"));
    }
    // A field without a value asks for nothing.
    let said = |text: Option<Text>| text.filter(|text| !text.is_empty());
    let filter =
        ClientFilter { namespace: said(namespace), room: said(room), account: said(account), cursor, limit };
    Ok(Json(hub.roster.clients(&sight, &filter)))
}

/// DELETE `/monitor/clients/{connectionId}`: at whichever hub it is.
pub(super) async fn put_out(
    State(operation): State<Operation>,
    Path(connection): Path<String>,
    OriginalUri(uri): OriginalUri,
    mut request: Request,
) -> Result<Response, Refusal> {
    let hub = &operation.hub;
    let by = operator(hub, request.headers(), request.extensions(), "put a client out").await?;
    let passed = passing_on::is_passed(hub, request.headers(), &connection)?;
    if operation.gate.put_out(&connection) {
        tracing::info!(socket = %connection, "an admin puts a client out");
        if !passed {
            told(hub, &by, "client.put-out", connection.into()).await;
        }
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    match hub.roster.holder(&connection) {
        Some(holder) if !passed && holder.id != hub.roster.name() => {
            *request.uri_mut() = uri;
            let answer = passing_on::pass(hub, &holder, &connection, request).await?;
            if answer.status().is_success() {
                told(hub, &by, "client.put-out", connection.into()).await;
            }
            Ok(answer)
        }
        Some(_) | None => Err(Refusal::new(ErrorCode::NotFound, "there is no such connection")),
    }
}
