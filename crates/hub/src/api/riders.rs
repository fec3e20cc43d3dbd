//! Riders of a center: the list with their latest places, and changes to it.

use super::asking::{AskingIn, shaped};
use super::cleaning::cleaned_json;
use super::refusal::Refusal;
use crate::hub::Hub;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gwanje_model::{CenterId, Permission, Rider, RiderId, RiderStatus, Text};
use gwanje_wire::ErrorCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The most characters of a rider's id, name, phone and home.
const NAME_MAX: usize = 100;

/// GET `/centers/{c}/riders`.
pub(super) async fn list(State(hub): State<Arc<Hub>>, asking: AskingIn) -> Result<Json<Vec<Rider>>, Refusal> {
    let AskingIn { center, .. } = asking.staff()?;
    Ok(Json(listed(&hub, &center).await?))
}

async fn listed(hub: &Hub, center: &CenterId) -> Result<Vec<Rider>, Refusal> {
    let mut riders = hub.store.riders(center).await?;
    hub.positions.place(center, &mut riders);
    Ok(riders)
}

#[derive(Deserialize)]
struct NewRider {
    id: Option<RiderId>,
    name: Text,
    #[serde(default)]
    phone: Text,
    home: Option<CenterId>,
    status: Option<RiderStatus>,
}

/// POST `/centers/{c}/riders`.
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    body: Bytes,
) -> Result<(StatusCode, Json<Rider>), Refusal> {
    let center = editable(asking)?;
    let new: NewRider = read(&body)?;
    let id = new.id.unwrap_or_else(|| RiderId::from(ulid::Ulid::generate().to_string()));
    if listed(&hub, &center).await?.iter().any(|rider| rider.id == id) {
        return Err(Refusal::new(ErrorCode::Invalid, format!("rider {id} exists; change it by PATCH")));
    }
    let rider = Rider {
        id,
        name: new.name,
        phone: new.phone,
        home: new.home.unwrap_or_else(|| center.clone()),
        status: new.status.unwrap_or(RiderStatus::Off),
        pos: None,
        seen_at: None,
        load: 0,
    };
    Ok((StatusCode::CREATED, keep(&hub, &center, rider).await?))
}

#[derive(Deserialize)]
struct RiderEdit {
    name: Option<Text>,
    phone: Option<Text>,
    home: Option<CenterId>,
    status: Option<RiderStatus>,
}

#[derive(Deserialize)]
pub(super) struct RiderPath {
    id: String,
}

/// PATCH `/centers/{c}/riders/{id}`.
pub(super) async fn edit(
    State(hub): State<Arc<Hub>>,
    asking: AskingIn,
    path: Path<RiderPath>,
    body: Bytes,
) -> Result<Json<Rider>, Refusal> {
    let center = editable(asking)?;
    let edit: RiderEdit = read(&body)?;
    let found = listed(&hub, &center).await?.into_iter().find(|rider| rider.id.as_str() == path.id);
    let Some(mut rider) = found else {
        return Err(Refusal::new(
            ErrorCode::NotFound,
            format!("rider {} is not listed to center {center}", path.id),
        ));
    };
    rider.name = edit.name.unwrap_or(rider.name);
    rider.phone = edit.phone.unwrap_or(rider.phone);
    rider.home = edit.home.unwrap_or(rider.home);
    rider.status = edit.status.unwrap_or(rider.status);
    keep(&hub, &center, rider).await
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    shaped(cleaned_json(body)?, "a rider")
}

fn editable(asking: AskingIn) -> Result<CenterId, Refusal> {
    if asking.caller.may(Permission::EditRiders) {
        return Ok(asking.center);
    }
    Err(Refusal::new(ErrorCode::Forbidden, "this account may not change riders"))
}

async fn keep(hub: &Hub, center: &CenterId, rider: Rider) -> Result<Json<Rider>, Refusal> {
    fits(&rider).map_err(|wrong| Refusal::new(ErrorCode::Invalid, wrong))?;
    hub.store.upsert_riders(center, vec![rider.clone()]).await?;
    Ok(Json(rider))
}

/// Whether a rider is one whom people could have.
///
/// # Errors
/// Which field is not, and what it takes.
fn fits(rider: &Rider) -> Result<(), String> {
    // Both stand in paths, in keys with colons between, and in lists with commas.
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+' | ' ');
    for (field, id) in [("id", rider.id.as_str()), ("home", rider.home.as_str())] {
        if !id.chars().all(is_plain) || id.starts_with('.') || id.trim() != id || id.is_empty() {
            return Err(format!(
                "{field} has letters, digits, spaces and - _ . @ + within, and begins with no dot"
            ));
        }
    }
    if rider.name.trim().is_empty() {
        return Err("name must not be empty".to_owned());
    }
    let texts = [
        ("id", rider.id.as_str()),
        ("home", rider.home.as_str()),
        ("name", &rider.name),
        ("phone", &rider.phone),
    ];
    for (field, text) in texts {
        if text.chars().count() > NAME_MAX {
            return Err(format!("{field} has at most {NAME_MAX} characters"));
        }
    }
    Ok(())
}
