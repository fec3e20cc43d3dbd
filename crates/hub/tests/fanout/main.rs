//! What hubs tell each other and keep together: the same in one process and over a real Redis.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

#[path = "../shared/bad_redis.rs"]
mod bad_redis;
mod laws;
mod outages;
mod presence;
#[path = "../shared/redis.rs"]
mod redis;
mod troubles;

use gwanje_hub::fanout::{Fanout, LocalFanout, RedisFanout};
use redis::Redis;
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hubs of one store.
struct Together {
    hubs: Vec<Arc<dyn Fanout>>,
    /// Which they share, if they do.
    redis: Option<Redis>,
}

impl Together {
    async fn local(hubs: usize) -> Self {
        let hubs = LocalFanout::together(hubs).into_iter().map(|hub| Arc::new(hub) as Arc<dyn Fanout>);
        Self { hubs: hubs.collect(), redis: None }
    }

    async fn redis(hubs: usize) -> Self {
        let redis = Redis::start();
        let joined = (0..hubs).map(|_| Arc::new(RedisFanout::join(&redis.url(), "store").unwrap()));
        let together = Self { hubs: joined.map(|hub| hub as Arc<dyn Fanout>).collect(), redis: Some(redis) };
        for hub in &together.hubs {
            until(|| hub.trouble().is_none()).await;
        }
        together
    }
}

/// Waits until something holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, held).await.expect("it comes to hold");
}

/// Runs each law with hubs in one process and with hubs over Redis.
macro_rules! on_both {
    ($($law:ident: $hubs:literal,)*) => {
        mod local {
            $(#[tokio::test]
            async fn $law() {
                super::$law(&$crate::Together::local($hubs).await).await;
            })*
        }
        mod over_redis {
            $(#[tokio::test]
            async fn $law() {
                super::$law(&$crate::Together::redis($hubs).await).await;
            })*
        }
    };
}
use on_both;
