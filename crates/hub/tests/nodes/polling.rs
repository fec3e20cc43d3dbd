//! Sockets that poll, each request at another hub.

use crate::harness::Shared;
use crate::poller::Poller;
use gwanje_hub::fanout::Routed;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_session_goes_on_at_any_hub_and_while_its_own_drains() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    // In turn: each request of the one goes where those of the other do not.
    let mut pollers =
        [Poller::open(&[&first.url, &second.url]).await, Poller::open(&[&second.url, &first.url]).await];
    for (n, poller) in pollers.iter_mut().enumerate() {
        poller.follow(&first.ticket().await, &format!("seat-{n}")).await.unwrap();
    }
    assert_eq!((first.gate.connections(), second.gate.connections()), (1, 1), "one session each");
    for n in 0..10 {
        let node = if n % 2 == 0 { &first } else { &second };
        let rev = node.order().await;
        for poller in &mut pollers {
            while poller.named("deliveries").await.unwrap()["to"].as_u64() < Some(rev) {}
        }
    }
    // A beat of the session is answered wherever it comes: longer than a session that is not beats on lives.
    let quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(9) {
        for poller in &mut pollers {
            poller.named("head").await.unwrap();
        }
    }
    assert!(pollers.iter().all(|poller| poller.asked > 20));

    // While a hub leaves, its sessions go on through both, and hear of it; then they begin anew at the other.
    second.begin_to_stop();
    let drained = pollers[1].named("drain").await.unwrap();
    assert_eq!(drained["withinMs"], 1_000);
    let rev = first.order().await;
    while pollers[1].named("deliveries").await.unwrap()["to"].as_u64() < Some(rev) {}
    let refused = reqwest::get(format!("{}/socket.io/?EIO=4&transport=polling", second.url)).await.unwrap();
    assert_eq!(refused.status(), 503, "it opens no session any more");
    let mut again = Poller::open(&[&first.url]).await;
    again.follow(&first.ticket().await, "seat-1").await.unwrap();
    second.stopped().await;
    let url = format!("{}{}", first.url, pollers[1].path());
    let gone = reqwest::get(url).await.unwrap();
    assert_eq!(gone.status(), 400);
    assert_eq!(gone.json::<Value>().await.unwrap()["message"], "Session ID unknown");
    let rev = first.order().await;
    while again.named("deliveries").await.unwrap()["to"].as_u64() < Some(rev) {}
    first.stopped().await;
}

/// Asks a hub for a session that it does not hold.
async fn asked(url: &str, pass: Option<&str>) -> (u16, String) {
    let request = reqwest::Client::new().get(url);
    let request = pass.into_iter().fold(request, |request, pass| request.header("x-gwanje-pass", pass));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_request_is_passed_once_and_by_hubs_alone() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let poller = Poller::open(&[&first.url]).await;
    let sid = poller.path().rsplit_once('=').unwrap().1.to_owned();
    let url = format!("{}{}", second.url, poller.path());
    let unknown = (400, r#"{"code":"1","message":"Session ID unknown"}"#.to_owned());
    // What says that it was passed is answered here, and passed no more.
    assert_eq!(asked(&url, Some(&second.hub.auth.pass_for(&sid))).await, unknown);
    for forged in ["", "x", &second.hub.auth.pass_for("another")] {
        let (status, said) = asked(&url, Some(forged)).await;
        assert_eq!(status, 403, "{said}");
    }
    // Two hubs that each take the other for the holder: no request goes round.
    let fanout = first.hub.store.fanout();
    let nobody = "AAAAAAAAAAAAAAAA";
    let of_nobody = poller.path().replace(&sid, nobody);
    let life = Duration::from_secs(60);
    fanout.take_route(Routed::Socket(nobody), &second.url, life).await.unwrap();
    assert_eq!(asked(&format!("{}{of_nobody}", first.url), None).await, unknown);
    assert_eq!(asked(&format!("{}{of_nobody}", second.url), None).await, unknown);
    // A holder that is gone, one that is none, and no session id at all.
    for holder in ["http://127.0.0.1:1", "not an address"] {
        fanout.take_route(Routed::Socket(nobody), holder, life).await.unwrap();
        assert_eq!(asked(&format!("{}{of_nobody}", first.url), None).await, unknown);
    }
    let long = poller.path().replace(&sid, &"A".repeat(4_000));
    assert_eq!(asked(&format!("{}{long}", first.url), None).await, unknown);
    for node in [first, second] {
        node.stopped().await;
    }
}

#[tokio::test]
async fn without_redis_a_session_goes_on_where_it_began() {
    let mut shared = Shared::start();
    let (first, second) = shared.two().await;
    let mut before = Poller::open(&[&first.url]).await;
    before.follow(&first.ticket().await, "before").await.unwrap();
    let path = before.path();
    shared.redis.stop();
    for node in [&first, &second] {
        node.hears(false).await;
    }
    let mut after = Poller::open(&[&second.url]).await;
    after.follow(&first.ticket().await, "after").await.unwrap();
    let rev = first.order().await;
    for poller in [&mut before, &mut after] {
        while poller.named("deliveries").await.unwrap()["to"].as_u64() < Some(rev) {}
    }
    let (status, said) = asked(&format!("{}{path}", second.url), None).await;
    assert_eq!(status, 400, "{said}");
    shared.redis.start_again();
    for node in [&first, &second] {
        node.hears(true).await;
    }
    let mut again = Poller::open(&[&first.url, &second.url]).await;
    again.follow(&first.ticket().await, "again").await.unwrap();
    for node in [first, second] {
        node.stopped().await;
    }
}
