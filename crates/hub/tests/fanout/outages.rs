//! A Redis that goes away, and comes back with nothing.

use crate::laws::seat;
use crate::presence::names;
use crate::{Together, until};
use gwanje_hub::fanout::Presence;
use gwanje_model::CenterId;
use std::sync::Arc;

#[tokio::test]
async fn after_an_outage_all_seats_are_there_again() {
    let mut together = Together::redis(2).await;
    let all: Vec<_> = together.hubs.iter().map(|hub| Presence::new(Arc::clone(hub))).collect();
    let [first, second] = &all[..] else { panic!("two hubs") };
    let gangnam = CenterId::from("gangnam");
    first.enter(&gangnam, "1", seat("one"));
    first.enter(&gangnam, "2", seat("two"));
    until(|| names(second) == ["one", "two"]).await;
    let redis = together.redis.as_mut().unwrap();
    redis.stop();
    until(|| together.hubs.iter().all(|hub| hub.trouble().is_some())).await;
    // What happens meanwhile is not lost, either.
    first.leave(&gangnam, "1");
    first.enter(&gangnam, "3", seat("three"));
    until(|| names(second).is_empty()).await;
    together.redis.as_mut().unwrap().start_again();
    until(|| names(second) == ["three", "two"]).await;
    until(|| together.hubs.iter().all(|hub| hub.trouble().is_none())).await;
    first.leave(&gangnam, "2");
    until(|| names(second) == ["three"]).await;
}
