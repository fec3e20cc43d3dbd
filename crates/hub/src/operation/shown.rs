//! POST `/monitor/shown`: somebody looked at a phone that is masked otherwise.

use super::Operation;
use crate::api::{Asking, Refusal};
use crate::auth::By;
use axum::body::Bytes;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use gwanje_model::{Role, Text};
use gwanje_wire::ErrorCode;
use gwanje_wire::people::ShownRequest;

/// The most bytes of what is asked.
const BODY_MAX_BYTES: usize = 4 * 1024;

/// Writes into the audit that the staff saw the phone of a delivery, in a center that they see.
pub(super) async fn shown(
    State(Operation { hub, .. }): State<Operation>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let (mut parts, body) = request.into_parts();
    let identity = Asking::from_request_parts(&mut parts, &hub).await?.account()?;
    if identity.role == Role::Rider {
        return Err(Refusal::new(ErrorCode::Forbidden, "a rider is shown no masked phones"));
    }
    let unread = |error: &dyn std::fmt::Display| {
        Refusal::new(ErrorCode::Invalid, format!("the body is not {{deliveryId}}: {error}"))
    };
    let body: Bytes = axum::body::to_bytes(body, BODY_MAX_BYTES).await.map_err(|error| unread(&error))?;
    let ShownRequest { delivery_id } = serde_json::from_slice(&body).map_err(|error| unread(&error))?;
    for center in hub.store.center_ids().into_iter().filter(|center| identity.sees(center)) {
        if hub.store.delivery(&center, delivery_id).await?.is_some() {
            let by = By {
                account: identity.account,
                from: hub.origin_of(&parts.headers, &parts.extensions).name(),
            };
            let target = Text::from(format!("{center}/{delivery_id}"));
            hub.store.write_audit(vec![by.did(hub.clock.wall_now(), "phone.shown", target)]).await?;
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(Refusal::new(ErrorCode::NotFound, format!("there is no delivery {delivery_id} that may be seen")))
}
