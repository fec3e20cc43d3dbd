//! Hubs that share a real Redis beside their database: what is told at one reaches the others.

use crate::day::{config, gangnam, prepare};
use crate::opening::{database, fresh};
use crate::redis::Redis;
use gwanje_hub::store::Store;
use gwanje_hub::{Hub, HubConfig};
use gwanje_model::{Pos, RiderId, RiderStatus, UtcMillis};
use gwanje_wire::socket::RiderPos;

async fn hub(url: &str, redis: &Redis) -> Hub {
    let store = Store::connect(url, Some(&redis.url()), config()).await.unwrap();
    prepare(&store).await;
    Hub::open(store, HubConfig::default()).await.unwrap()
}

fn place(rider: &str, lat: f64, seen_at: i64) -> RiderPos {
    let (id, pos) = (RiderId::from(rider), Pos::Geo { lat, lon: 127.0 });
    RiderPos { id, pos, heading_deg: 90.0, status: RiderStatus::Busy, seen_at: UtcMillis(seen_at) }
}

/// Waits until hubs hear each other, or do not any more.
async fn heard(hubs: &[&Hub], wanted: bool) {
    while hubs.iter().any(|hub| hub.store.fanout().trouble().is_none() != wanted) {
        tokio::task::yield_now().await;
    }
}

/// Waits until a hub knows these places of its followers.
async fn knows(hub: &Hub, wanted: &[RiderPos]) {
    let mut moved = hub.positions.moved(&gangnam());
    while hub.positions.of(&gangnam()) != wanted {
        moved.changed().await.unwrap();
    }
}

#[tokio::test]
async fn a_riders_place_told_at_one_hub_is_known_at_the_others() {
    let (mut redis, url) = (Redis::start(), database(&fresh()).await);
    let (first, second) = (hub(&url, &redis).await, hub(&url, &redis).await);
    heard(&[&first, &second], true).await;
    let (a, b) = (place("r1", 37.5, 1_000), place("r2", 37.6, 1_000));
    first.positions.update(&gangnam(), vec![a.clone(), b.clone()]);
    knows(&second, &[a.clone(), b.clone()]).await;
    // The rider comes to the other hub.
    let moved = place("r1", 37.51, 3_000);
    second.positions.update(&gangnam(), vec![moved.clone()]);
    knows(&first, &[moved.clone(), b.clone()]).await;
    let trail = first.positions.trail(&gangnam(), &a.id, UtcMillis(0), UtcMillis(9_000));
    assert_eq!(trail, std::slice::from_ref(&a), "places of a trail lie apart");
    // One that comes late reads what is kept.
    let third = hub(&url, &redis).await;
    knows(&third, &[moved.clone(), b.clone()]).await;
    let near = third.store.fanout().nearest(&gangnam(), moved.pos, 500.0, 5).await.unwrap();
    assert_eq!(near.iter().map(|near| &near.place).collect::<Vec<_>>(), [&moved]);
    // While Redis is away each goes on by itself; then the next places reach all again.
    redis.stop();
    let later = place("r1", 37.52, 5_000);
    first.positions.update(&gangnam(), vec![later.clone()]);
    knows(&first, &[later, b.clone()]).await;
    heard(&[&first, &second, &third], false).await;
    redis.start_again();
    heard(&[&first, &second, &third], true).await;
    let last = place("r1", 37.53, 6_000);
    first.positions.update(&gangnam(), vec![last.clone()]);
    knows(&third, &[last, b]).await;
}
