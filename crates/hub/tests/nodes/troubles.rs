//! Hubs whose Redis is of no use: they say so, and do everything else.

use crate::bad_redis::{Bad, FROZEN, KILLED, NO_PERMISSION, UNSAVED};
use crate::harness::{Node, Shared};
use crate::peer::Peer;
use serde_json::{Value, json};

async fn ready(node: &Node) -> (u16, Value) {
    let answer = reqwest::get(format!("{}/readyz", node.url)).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Waits until a peer was told of a revision.
async fn told(peer: &mut Peer, rev: u64) {
    while peer.named("deliveries").await["to"].as_u64() < Some(rev) {}
}

async fn all_else_goes_on(bad: Bad) {
    let (mut redis, url) = bad.start();
    let shared = Shared::start();
    let (first, second) = (shared.node_by(&url).await, shared.node_by(&url).await);
    let mut peer = second.joined("one").await;
    let wish = json!({ "rooms": ["deliveries", "seats"], "cursor": null });
    assert_eq!(peer.call("subscribe", wish.clone()).await["ok"], true);
    for node in [&first, &second] {
        node.hears(true).await;
        assert_eq!(ready(node).await, (200, json!({ "status": "ready", "without": [] })));
    }
    (bad.spoil)(&mut redis);
    for node in [&first, &second] {
        node.hears(false).await;
        let said = json!({ "status": "degraded", "without": ["redis"], "why": bad.trouble.to_string() });
        assert_eq!(ready(node).await, (200, said));
    }
    for _ in 0..3 {
        told(&mut peer, first.order().await).await;
        told(&mut peer, second.order().await).await;
    }
    let mut comes = first.joined("two").await;
    assert_eq!(comes.call("subscribe", wish).await["ok"], true);
    (bad.mend)(&mut redis);
    for node in [&first, &second] {
        node.hears(true).await;
        assert_eq!(ready(node).await, (200, json!({ "status": "ready", "without": [] })));
    }
    loop {
        let change = peer.named("seats:changed").await;
        if change["seats"].as_array().unwrap().iter().any(|seat| seat["seat"] == "two") {
            break;
        }
    }
    told(&mut peer, first.order().await).await;
    for node in [first, second] {
        node.stopped().await;
    }
}

#[tokio::test]
async fn beside_one_that_is_frozen() {
    all_else_goes_on(FROZEN).await;
}

#[tokio::test]
async fn beside_one_that_is_killed() {
    all_else_goes_on(KILLED).await;
}

#[tokio::test]
async fn beside_one_that_can_not_save() {
    all_else_goes_on(UNSAVED).await;
}

#[tokio::test]
async fn beside_one_that_refuses() {
    all_else_goes_on(NO_PERMISSION).await;
}
