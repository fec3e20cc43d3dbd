//! POST `/api/v1/drill`: changes a running drill. Only a demo serves it, and only an admin may.

use crate::frame_faults::FrameFaults;
use crate::runner::{DrillHandle, Rush};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use gwanje_hub::Hub;
use gwanje_hub::api::Refusal;
use gwanje_hub::socket::SocketGate;
use gwanje_model::{Permission, UtcMillis};
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::API_ROOT;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Spreads a rush over this much of the day when nothing else is said, minutes.
const RUSH_WITHIN_MIN: u32 = 10;
/// Orders of a rush in each center when its size is not said.
const RUSH_USUAL: u32 = 100;
/// The most orders of one rush in one center.
const RUSH_MAX: u32 = 20_000;

/// Whether sockets are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    Off,
}

/// Orders on top of the day's: how many in each center, and perhaps within how many minutes of the day.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum RushWish {
    /// The usual rush, or none.
    Switched(bool),
    Orders(u32),
    #[serde(rename_all = "camelCase")]
    Within {
        orders: u32,
        #[serde(default = "rush_within")]
        within_min: u32,
    },
}

fn rush_within() -> u32 {
    RUSH_WITHIN_MIN
}

/// What to change; absent: stays.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrillChange {
    sockets: Option<Switch>,
    drop_rate: Option<f64>,
    rush: Option<RushWish>,
    speed: Option<f64>,
}

/// How the drill runs now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DrillState {
    sockets: Switch,
    connections: usize,
    drop_rate: f64,
    speed: f64,
    day_at: UtcMillis,
}

#[derive(Clone)]
struct DrillRoutes {
    hub: Arc<Hub>,
    gate: Arc<SocketGate>,
    faults: Arc<FrameFaults>,
    drill: DrillHandle,
}

/// The routes of a demo.
pub fn router(hub: Arc<Hub>, gate: Arc<SocketGate>, faults: Arc<FrameFaults>, drill: DrillHandle) -> Router {
    Router::new().route(&format!("{API_ROOT}/drill"), post(change).get(state)).with_state(DrillRoutes {
        hub,
        gate,
        faults,
        drill,
    })
}

async fn state(State(routes): State<DrillRoutes>, headers: HeaderMap) -> Result<Json<DrillState>, Refusal> {
    routes.admin_only(&headers).await?;
    Ok(Json(routes.state()))
}

async fn change(
    State(routes): State<DrillRoutes>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<DrillState>, Refusal> {
    routes.admin_only(&headers).await?;
    let change: DrillChange = if body.trim_ascii().is_empty() {
        DrillChange::default()
    } else {
        serde_json::from_slice(&body).map_err(|e| invalid(format!("the change can't be read: {e}")))?
    };
    if let Some(rate) = change.drop_rate
        && !(0.0..=1.0).contains(&rate)
    {
        return Err(invalid(format!("dropRate is a share between 0 and 1, not {rate}")));
    }
    if let Some(speed) = change.speed
        && !(0.0..=86_400.0).contains(&speed)
    {
        return Err(invalid(format!("speed is between 0 and 86400 day seconds a second, not {speed}")));
    }
    let rush = change.rush.and_then(|wish| match wish {
        RushWish::Switched(on) => on.then_some((RUSH_USUAL, RUSH_WITHIN_MIN)),
        RushWish::Orders(orders) => Some((orders, RUSH_WITHIN_MIN)),
        RushWish::Within { orders, within_min } => Some((orders, within_min)),
    });
    if let Some((orders, _)) = rush
        && orders > RUSH_MAX
    {
        return Err(invalid(format!("a rush is of {RUSH_MAX} orders a center at most, not {orders}")));
    }
    // All was understood: from here on everything is done.
    if let Some(rate) = change.drop_rate {
        routes.faults.set_drop_rate(rate);
    }
    if let Some(speed) = change.speed {
        routes.hub.clock.set_speed(speed);
    }
    match change.sockets {
        Some(Switch::On) => routes.gate.open().await,
        Some(Switch::Off) => routes.gate.shut().await,
        None => {}
    }
    if let Some((orders, within_min)) = rush {
        let rush = Rush { orders, within_ms: i64::from(within_min) * 60_000 };
        if !routes.drill.rush(rush).await {
            return Err(Refusal::new(ErrorCode::Unavailable, "the drill has ended; start the demo again"));
        }
    }
    tracing::info!(?change, "the drill was changed");
    Ok(Json(routes.state()))
}

impl DrillRoutes {
    async fn admin_only(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.hub.auth.identify(headers).await?.may(Permission::Operate) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::Forbidden, "only an admin may change the drill"))
    }

    fn state(&self) -> DrillState {
        DrillState {
            sockets: if self.gate.is_open() { Switch::On } else { Switch::Off },
            connections: self.gate.connections(),
            drop_rate: self.faults.drop_rate(),
            speed: self.hub.clock.speed(),
            day_at: self.hub.clock.day_now(),
        }
    }
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ErrorCode::Invalid, detail)
}
