//! Lets deliveries leave the boards when their retention is over, and the store when nobody looks back so far any more.

use crate::hub::Hub;
use crate::store::Chore;
use gwanje_model::{CenterId, UtcMillis};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

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

/// A wall clock that goes ahead by no more than this between two looks, beyond the time that passed, is set right: hubs and
/// their machines are corrected by seconds.
const SET_RIGHT_MS: i64 = 5 * 60_000;
/// A jump up to this long is what a machine does that was asleep or off over a weekend.
const ASLEEP_MS: i64 = 3 * 86_400_000;
/// How long nothing leaves after such a jump: by then somebody has seen what the log says, or the clock was set right.
const BELIEVED_AFTER: Duration = Duration::from_secs(3_600);
/// The name under which the store keeps the latest instant that was believed, across restarts.
const BELIEVED_KEY: &str = "retention-clock";

/// Judges whether the clock can be believed by the time that has passed. What leaves a board by a clock that went ahead would
/// not come back with it.
#[derive(Debug, Default)]
struct Steadiness {
    /// An instant that was believed, and when that was.
    believed: Option<(UtcMillis, Instant)>,
    /// Since when the clock is ahead.
    ahead_since: Option<Instant>,
}

impl Steadiness {
    /// Whether things may leave by `now`.
    ///
    /// # Errors
    /// By how many milliseconds the clock is ahead of what it should show.
    fn judge(&mut self, now: UtcMillis, at: Instant) -> Result<(), i64> {
        let Some((believed, since)) = self.believed else {
            self.believed = Some((now, at));
            return Ok(());
        };
        let passed = i64::try_from(at.saturating_duration_since(since).as_millis()).unwrap_or(i64::MAX);
        let ahead_ms = now.since(believed).saturating_sub(passed);
        if ahead_ms > SET_RIGHT_MS {
            let ahead_for = at.saturating_duration_since(*self.ahead_since.get_or_insert(at));
            // Longer than any weekend: it has to have been so for as long again.
            let jump = Duration::from_millis(ahead_ms.unsigned_abs());
            let needed = if ahead_ms <= ASLEEP_MS { BELIEVED_AFTER } else { jump };
            if ahead_for < needed {
                return Err(ahead_ms);
            }
        }
        *self = Self { believed: Some((now, at)), ahead_since: None };
        Ok(())
    }
}

/// Looks again and again for deliveries whose time is over. A center that can't be looked at has its turn at the next look.
/// While the clock is ahead of the time that has passed nothing leaves.
pub async fn watch(hub: Arc<Hub>, kept: KeptFor) {
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut steadiness = Steadiness::default();
    if let Ok(Some(believed)) = hub.store.meta_get(BELIEVED_KEY).await {
        steadiness.believed = believed.parse().ok().map(|ms| (UtcMillis(ms), Instant::now()));
    }
    loop {
        looks.tick().await;
        forget_audit(&hub, kept).await;
        look_everywhere(&hub, kept, &mut steadiness, Instant::now()).await;
    }
}

async fn look_everywhere(hub: &Hub, kept: KeptFor, steadiness: &mut Steadiness, at: Instant) {
    let now = hub.clock.day_now();
    if let Err(ahead_ms) = steadiness.judge(now, at) {
        tracing::error!(
            "the clock is {} min ahead of the time that has passed: nothing leaves the boards until it is set right, or \
             has been so for an hour (after more than three days: for as long as it is ahead)",
            ahead_ms / 60_000
        );
        return;
    }
    if let Err(error) = hub.store.meta_set(BELIEVED_KEY, now.0.to_string()).await {
        tracing::warn!(%error, "what the clock shows can't be kept for the next start");
    }
    for center in hub.store.center_ids() {
        if !hub.store.is_to_do(Chore::Retention, &center).await {
            continue;
        }
        look(hub, &center, kept, now).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// What is judged after the clock went ahead by that much, at each of the hours after.
    fn judged(jump_ms: i64, hours: &[u32]) -> Vec<bool> {
        let (mut steadiness, start) = (Steadiness::default(), Instant::now());
        assert_eq!(steadiness.judge(UtcMillis(0), start), Ok(()), "there is nothing to judge by");
        let judge = |hour: &u32| {
            let at = start + Duration::from_secs(3_600) * *hour;
            steadiness.judge(UtcMillis(i64::from(*hour) * HOUR_MS + jump_ms), at).is_ok()
        };
        hours.iter().map(judge).collect()
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_not_believed_at_once() {
        assert_eq!(judged(0, &[1, 2, 48]), [true; 3]);
        assert_eq!(judged(SET_RIGHT_MS, &[1, 2]), [true; 2], "set right by a little");
        assert_eq!(judged(-48 * HOUR_MS, &[1, 2]), [true; 2], "set back: nothing is too early");
        assert_eq!(judged(48 * HOUR_MS, &[1, 2, 3]), [false, true, true], "asleep for two days");
        let ten_years = 10 * 365 * 24 * HOUR_MS;
        assert_eq!(judged(ten_years, &[1, 2, 24, 24 * 365]), [false; 4]);
    }

    #[test]
    fn a_clock_that_comes_back_is_believed() {
        let (mut steadiness, start) = (Steadiness::default(), Instant::now());
        let at = |minutes: u64| start + Duration::from_secs(60) * u32::try_from(minutes).unwrap();
        assert_eq!(steadiness.judge(UtcMillis(0), at(0)), Ok(()));
        assert!(steadiness.judge(UtcMillis(240 * HOUR_MS), at(10)).is_err());
        assert_eq!(steadiness.judge(UtcMillis(20 * 60_000), at(20)), Ok(()));
        assert!(steadiness.judge(UtcMillis(48 * HOUR_MS), at(30)).is_err(), "the next jump waits anew");
        assert!(steadiness.judge(UtcMillis(48 * HOUR_MS + 50 * 60_000), at(80)).is_err());
        assert_eq!(steadiness.judge(UtcMillis(49 * HOUR_MS), at(90)), Ok(()));
    }

    /// A clock that goes ahead by ten days, and comes back, has taken nothing off the board; time that passes does.
    #[tokio::test]
    async fn a_board_outlives_a_clock_that_jumps_ahead() {
        use crate::clock::Clock;
        use crate::hub::HubConfig;
        use crate::store::{CenterRecord, Command, Intent, Store, StoreConfig};
        let start = UtcMillis(1_772_413_200_000);
        let clock = Clock::still(start, start);
        let store = Store::open(StoreConfig::temporary(clock.clone())).unwrap();
        let center = CenterId::from("gangnam");
        let record =
            CenterRecord { id: center.clone(), name: "g".into(), pos: None, time_zone: "Asia/Seoul".into() };
        store.ensure_center(record).await.unwrap();
        let order = serde_json::json!({"shop": {"id": "s", "name": "s"}, "dropoff": {"address": "a"}});
        let order = Intent::Create(Box::new(serde_json::from_value(order).unwrap()));
        store.execute(Command::new(center.clone(), order, "kim", start)).await.unwrap();
        let cancel = gwanje_model::Cancel { reason: "r".into(), by: gwanje_model::CancelBy::Shop };
        let cancel = Intent::Act(gwanje_model::DeliveryId(1), crate::store::Ask::Cancel(cancel));
        store.execute(Command::new(center.clone(), cancel, "kim", start)).await.unwrap();
        let hub = Hub::open(store, HubConfig::default()).await.unwrap();
        let (mut steadiness, at) = (Steadiness::default(), Instant::now());
        let kept = KeptFor { retention_hours: 24, history_days: 30, audit_days: 365 };
        let mut look_at = async |day_ms: i64, after: Duration| {
            clock.set_still(start.plus_ms(day_ms), start.plus_ms(day_ms));
            look_everywhere(&hub, kept, &mut steadiness, at + after).await;
            hub.store.head(&center).await.unwrap().count
        };
        let minutes = |minutes: u32| Duration::from_secs(60) * minutes;
        assert_eq!(look_at(0, minutes(0)).await, 1);
        assert_eq!(look_at(240 * HOUR_MS, minutes(10)).await, 1, "ten days ahead");
        assert_eq!(look_at(20 * 60_000, minutes(20)).await, 1, "set right");
        assert_eq!(look_at(25 * HOUR_MS, minutes(25 * 60)).await, 0, "a day has passed");
    }
}
