//! Lets deliveries leave the boards when their retention is over.

use crate::hub::Hub;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// Looks again and again for deliveries that ended more than so many hours of operations ago. A center that can't be
/// looked at has its turn at the next look.
pub async fn watch(hub: Arc<Hub>, retention_hours: u32) {
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let before = hub.clock.day_now().plus_min(-60 * i64::from(retention_hours));
        for center in hub.store.center_ids() {
            match hub.store.archive_ended_before(&center, before).await {
                Ok(0) => {}
                Ok(left) => tracing::info!(%center, left, "ended deliveries left the board"),
                Err(error) => tracing::error!(%center, %error, "ended deliveries stay on the board"),
            }
        }
    }
}
