//! What a handler needs to know of a request: who asks, about which center, with which query and body.

use super::Refusal;
use crate::auth::{Caller, Identity};
use crate::hub::Hub;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use gwanje_model::{CenterId, DeliveryId, Permission, RiderId};
use gwanje_wire::ErrorCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Whoever sent the request; refused with `unauthorized` when nobody is known by its credential.
#[derive(Debug)]
pub struct Asking(pub Caller);

impl FromRequestParts<Arc<Hub>> for Asking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Refusal> {
        Ok(Self(hub.auth.identify(&parts.headers).await?))
    }
}

impl Asking {
    /// The account, where an integration's key won't do.
    ///
    /// # Errors
    /// `forbidden` to a key.
    pub fn account(self) -> Result<Identity, Refusal> {
        match self.0 {
            Caller::Account(identity) => Ok(identity),
            Caller::Key(_) => Err(Refusal::new(ErrorCode::Forbidden, "an API key can't do this; sign in")),
        }
    }
}

/// A caller, and the center of the path; the caller may see and read that center.
#[derive(Debug)]
pub struct AskingIn {
    /// Who asks.
    pub caller: Caller,
    /// About which center.
    pub center: CenterId,
}

#[derive(Deserialize)]
struct CenterPath {
    center: String,
}

impl FromRequestParts<Arc<Hub>> for AskingIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Refusal> {
        let Asking(caller) = Asking::from_request_parts(parts, hub).await?;
        let Path(CenterPath { center }) = Path::from_request_parts(parts, hub)
            .await
            .map_err(|error| Refusal::new(ErrorCode::Invalid, error.body_text()))?;
        let center = CenterId::from(center);
        visible(hub, &caller, &center)?;
        if !caller.may(Permission::Read) {
            return Err(Refusal::new(ErrorCode::Forbidden, "this API key has no scope to read"));
        }
        Ok(Self { caller, center })
    }
}

impl AskingIn {
    /// Refuses riders, who see own deliveries only.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn staff(self) -> Result<Self, Refusal> {
        match self.caller.only_rider() {
            None => Ok(self),
            Some(_) => Err(Refusal::new(ErrorCode::Forbidden, "a rider may ask for own deliveries only")),
        }
    }

    /// The rider to whose deliveries the caller is limited.
    #[must_use]
    pub fn only_rider(&self) -> Option<&RiderId> {
        self.caller.only_rider()
    }
}

/// A center that may not be seen is not found.
pub(super) fn visible(hub: &Hub, caller: &Caller, center: &CenterId) -> Result<(), Refusal> {
    if caller.sees(center) && hub.store.has_center(center) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::NotFound, format!("there is no center {center} that this account may see")))
}

/// The query of a request.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    match Query::try_from_uri(uri) {
        Ok(Query(query)) => Ok(query),
        Err(error) => Err(Refusal::new(ErrorCode::Invalid, error.body_text())),
    }
}

/// The body of a request.
pub(super) fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    // A byte order mark, a whole number with a point, half a character: what people's systems send is read.
    gwanje_reading::typed(body, None).map_err(|error| {
        Refusal::new(ErrorCode::Invalid, format!("the body is not the JSON that is expected here: {error}"))
    })
}

/// A value as what it should be; where it is not, the field is named.
pub(super) fn shaped<T: DeserializeOwned>(said: Value, what: &str) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(said).map_err(|error| {
        let field = error.path().to_string();
        let place = if field == "." { String::new() } else { format!("{field}: ") };
        let detail = format!("the body is not what {what} needs: {place}{}", error.inner());
        Refusal::new(ErrorCode::Invalid, detail)
    })
}

/// A delivery's id in a path; anything else names no delivery.
pub(super) fn delivery_id(text: &str) -> Result<DeliveryId, Refusal> {
    let id = text.parse().ok().filter(|id| *id <= gwanje_model::MAX_SAFE_INTEGER);
    id.map(DeliveryId)
        .ok_or_else(|| Refusal::new(ErrorCode::NotFound, format!("there is no delivery {text}")))
}
