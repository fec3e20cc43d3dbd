//! What one hub's monitor shows of another, and what is done there through this one.

use crate::harness::{Node, Shared};
use gwanje_hub::origin::Origin;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn nodes(shown: &Value) -> Vec<String> {
    let names = shown["nodes"].as_array().into_iter().flatten();
    names.map(|node| node["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until both show both.
async fn both_known(first: &Node, second: &Node) {
    for node in [first, second] {
        node.shows(|shown| nodes(shown).len() == 2).await;
    }
}

#[tokio::test]
async fn a_client_of_one_hub_is_shown_and_put_out_by_the_other() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    both_known(&first, &second).await;
    let mut peer = first.joined("seat-1").await;
    let subscribed = peer.call("subscribe", json!({"rooms": ["deliveries"]})).await;
    assert_eq!(subscribed["ok"], true);
    // It answers pings until it is put out.
    let ended = tokio::spawn(async move { peer.ended().await });
    let in_room = |shown: &Value| shown["namespaces"][0]["rooms"][0]["name"] == "deliveries";
    let shown = second.shows(in_room).await;
    assert_eq!(shown["totals"]["clients"], 1);
    let (_, listed) = second.ask(Method::GET, "/monitor/clients", json!(null)).await;
    assert_eq!(listed["clients"][0]["node"], first.name(), "{listed}");
    let path = format!("/monitor/clients/{}", listed["clients"][0]["connectionId"].as_str().unwrap());
    let (status, said) = second.ask(Method::DELETE, &path, json!(null)).await;
    assert_eq!(status, 204, "{said}");
    ended.await.unwrap();
    second.shows(|shown| shown["totals"]["clients"] == 0).await;
    first.stopped().await;
    let stopped = Instant::now();
    second.shows(|shown| nodes(shown) == [second.name()]).await;
    assert!(stopped.elapsed() < Duration::from_secs(3), "one that stops says so");
    second.stopped().await;
}

#[tokio::test]
async fn a_hub_is_drained_through_another_and_the_last_is_not() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    both_known(&first, &second).await;
    let drain = async |node: &Node, wish: Value| node.ask(Method::POST, "/drain", wish).await;
    let (status, said) = drain(&first, json!({"withinMs": 10})).await;
    assert_eq!((status, &said["code"]), (400, &json!("invalid")), "which one? {said}");
    let (status, said) = drain(&first, json!({"node": "nobody"})).await;
    assert_eq!((status, &said["code"]), (404, &json!("not-found")), "{said}");
    let mut peer = second.joined("seat-1").await;
    let wish = json!({"node": second.name(), "withinMs": 10});
    let (status, said) = drain(&first, wish.clone()).await;
    assert_eq!((status, said), (200, json!({"node": second.name(), "withinMs": 10})));
    assert!(second.hub.is_draining() && !first.hub.is_draining());
    assert_eq!(peer.named("drain").await["withinMs"], 10);
    let draining = |shown: &Value| {
        let nodes = shown["nodes"].as_array().unwrap();
        nodes.iter().any(|node| node["id"] == second.name() && node["draining"] == true)
    };
    first.shows(draining).await;
    // The first is the last that is ready.
    for asked in [&first, &second] {
        let (status, said) = drain(asked, json!({"node": first.name()})).await;
        assert_eq!((status, &said["code"]), (409, &json!("conflict")), "{said}");
    }
    assert!(!first.hub.is_draining());
    let (status, _) = drain(&first, json!({"node": second.name(), "cancel": true})).await;
    assert_eq!((status, second.hub.is_draining()), (200, false));
    let (status, _) = drain(&second, json!({"node": first.name(), "force": true})).await;
    assert_eq!((status, first.hub.is_draining()), (200, true));
    first.stopped().await;
    second.stopped().await;
}

#[tokio::test]
async fn a_pass_that_no_hub_gave_is_refused() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let token = {
        let (_, reply) = first.hub.auth.login(Node::admin(), &Origin::default()).await.unwrap();
        reply.access_token
    };
    let url = format!("{}/api/v1/drain", first.url);
    let request = reqwest::Client::new().post(url).bearer_auth(token).header("x-gwanje-pass", "p.drain.1.00");
    let answer = request.json(&json!({"node": second.name()})).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    first.stopped().await;
    second.stopped().await;
}
