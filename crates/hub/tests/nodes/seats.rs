//! Seats of all hubs, as followers of each are told.

use crate::harness::Shared;
use crate::peer::Peer;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

async fn follows_seats(peer: &mut Peer) {
    let reply = peer.call("subscribe", json!({ "rooms": ["seats"], "cursor": null })).await;
    assert_eq!(reply["ok"], true, "{reply}");
}

/// Waits until a peer is told of these seats, each with what it has open.
async fn told(peer: &mut Peer, wanted: &[(&str, Value)]) {
    loop {
        let seats = peer.named("seats").await;
        let seats: Vec<_> =
            seats.as_array().unwrap().iter().map(|seat| (&seat["seat"], &seat["openId"])).collect();
        if seats
            .iter()
            .map(|(seat, open)| (seat.as_str().unwrap(), (*open).clone()))
            .eq(wanted.iter().cloned())
        {
            return;
        }
    }
}

#[tokio::test]
async fn followers_of_each_hub_are_told_of_the_seats_of_all() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let mut one = first.joined("one").await;
    let mut two = second.joined("two").await;
    let mut three = second.joined("three").await;
    for peer in [&mut one, &mut two] {
        follows_seats(peer).await;
        told(peer, &[("one", Value::Null), ("three", Value::Null), ("two", Value::Null)]).await;
    }
    assert_eq!(three.call("seat", json!({ "openId": 7 })).await["ok"], true);
    for peer in [&mut one, &mut two] {
        told(peer, &[("one", Value::Null), ("three", json!(7)), ("two", Value::Null)]).await;
    }
    drop(three);
    told(&mut one, &[("one", Value::Null), ("two", Value::Null)]).await;
    // A hub that is stopped in order says so; nobody waits for a lease.
    let stopping = Instant::now();
    second.stopped().await;
    told(&mut one, &[("one", Value::Null)]).await;
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
    first.stopped().await;
}

/// A client that answers no beat any more, as one whose machine sleeps.
#[tokio::test]
async fn a_silent_client_is_gone_at_all_hubs() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let mut one = first.joined("one").await;
    follows_seats(&mut one).await;
    let silent = second.joined("silent").await;
    let joined = Instant::now();
    told(&mut one, &[("one", Value::Null), ("silent", Value::Null)]).await;
    told(&mut one, &[("one", Value::Null)]).await;
    assert!(joined.elapsed() < Duration::from_secs(8), "{:?}", joined.elapsed());
    drop(silent);
    for node in [first, second] {
        node.stopped().await;
    }
}
