//! Looks each second for alarms that have come due, in every center.

use crate::hub::Hub;
use crate::store::Chore;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks, from the wire contract.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Writes what is due, again and again. A center that can't be looked at has its turn at the next look.
pub(crate) async fn watch(hub: Arc<Hub>) {
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        for center in hub.store.center_ids() {
            if !hub.store.is_to_do(Chore::DueAlarms, &center).await {
                continue;
            }
            match hub.store.write_due_alarms(&center).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(%center, count, "alarms came due"),
                Err(error) => {
                    tracing::warn!(%center, %error, "alarms that are due can't be written; again soon")
                }
            }
        }
    }
}
