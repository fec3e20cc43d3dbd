//! Lets deliveries leave the boards when their retention is over, and the store when nobody looks back so far any more.

use crate::hub::Hub;
use crate::store::Chore;
use gwanje_model::{CenterId, UtcMillis};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// How long deliveries are kept, in operations time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptFor {
    /// Hours on the board, from their end.
    pub retention_hours: u32,
    /// Days in the store, from their leaving of the board.
    pub history_days: u32,
    /// Days that a line of the audit is kept, of the wall's clock.
    pub audit_days: u32,
}

/// Looks again and again for deliveries whose time is over. A center that can't be looked at has its turn at the next look.
pub async fn watch(hub: Arc<Hub>, kept: KeptFor) {
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        forget_audit(&hub, kept).await;
        for center in hub.store.center_ids() {
            if !hub.store.is_to_do(Chore::Retention, &center).await {
                continue;
            }
            look(&hub, &center, kept, hub.clock.day_now()).await;
        }
    }
}

/// Two hubs that do it at once do each other no harm.
async fn forget_audit(hub: &Hub, kept: KeptFor) {
    let before = hub.clock.wall_now().plus_min(-24 * 60 * i64::from(kept.audit_days));
    match hub.store.forget_audit(before).await {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(forgotten, "old lines left the audit"),
        Err(error) => tracing::error!(%error, "old lines stay in the audit"),
    }
}

async fn look(hub: &Hub, center: &CenterId, kept: KeptFor, now: UtcMillis) {
    let ended_before = now.plus_min(-60 * i64::from(kept.retention_hours));
    match hub.store.archive_ended_before(center, ended_before).await {
        Ok(0) => {}
        Ok(left) => tracing::info!(%center, left, "ended deliveries left the board"),
        Err(error) => tracing::error!(%center, %error, "ended deliveries stay on the board"),
    }
    let left_before = now.plus_min(-24 * 60 * i64::from(kept.history_days));
    match hub.store.forget_past(center, left_before).await {
        Ok(0) => {}
        Ok(forgotten) => tracing::info!(%center, forgotten, "deliveries of long ago left the store"),
        Err(error) => tracing::error!(%center, %error, "deliveries of long ago stay in the store"),
    }
}
