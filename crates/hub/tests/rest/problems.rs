//! Every error is a problem, whoever made it.

use crate::harness::{World, answer, send};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn wrong_requests_get_problems() {
    let world = World::new().await;
    let get = |path: &'static str| world.request("supervisor", Method::GET, path);
    let post = |path: &'static str| world.request("supervisor", Method::POST, path);
    let orders = "/centers/gangnam/deliveries";
    for (what, request, status, code) in [
        ("an unknown route", get("/nowhere"), 404, "not-found"),
        ("a wrong method", world.request("supervisor", Method::DELETE, orders), 405, "invalid"),
        ("bad JSON", post(orders).body("{"), 400, "invalid"),
        ("JSON without a floor", post(orders).body("[".repeat(100_000)), 400, "invalid"),
        (
            "a preference without a floor",
            { world.request("supervisor", Method::PUT, "/preferences/x").body("[".repeat(60_000)) },
            400,
            "invalid",
        ),
        ("a way up", get("/centers/gangnam/deliveries/..%2F..%2Fsongpa"), 404, "not-found"),
        ("a center up the way", get("/centers/..%2Fsongpa/deliveries"), 404, "not-found"),
        ("no order", post(orders).json(&json!({"shop": 1})), 400, "invalid"),
        ("a large body", post(orders).body(vec![b' '; 200_000]), 413, "invalid"),
        ("a bad query", get("/centers/gangnam/changes?epoch=E&after=x"), 400, "invalid"),
        ("no after", get("/centers/gangnam/changes?epoch=E"), 400, "invalid"),
        ("a limit of 0", get("/centers/gangnam/changes?epoch=E&after=0&limit=0"), 400, "invalid"),
        ("a limit of 1001", get("/centers/gangnam/changes?epoch=E&after=0&limit=1001"), 400, "invalid"),
        ("bucket 256", get("/centers/gangnam/deliveries?buckets=256&after=0"), 400, "invalid"),
        ("buckets and ids", get("/centers/gangnam/deliveries?buckets=1&ids=1&after=0"), 400, "invalid"),
        ("other fields", get("/centers/gangnam/deliveries?ids=1&after=0&fields=all"), 400, "invalid"),
        ("no number", get("/centers/gangnam/deliveries/abc"), 404, "not-found"),
        ("an id beyond 2^53", get("/centers/gangnam/deliveries/9007199254740992"), 404, "not-found"),
        ("no such delivery", get("/centers/gangnam/deliveries/999"), 404, "not-found"),
        ("no such action", post("/centers/gangnam/deliveries/1/explode"), 404, "not-found"),
        ("acting on nothing", post("/centers/gangnam/deliveries/999/accept"), 404, "not-found"),
        ("a broken path", get("/centers/%ff/deliveries"), 400, "invalid"),
    ] {
        let answer = send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn credentials_are_needed_and_checked() {
    let world = World::new().await;
    let bearer = |token: &str| world.http.get(world.at("/centers")).header("authorization", token);
    let token = format!("Bearer {}x", world.token("admin"));
    for (what, request) in [
        ("nothing", world.request("nobody", Method::GET, "/centers")),
        ("another scheme", bearer("Basic YTph")),
        ("a forged token", bearer(&token)),
        ("a refresh token", bearer("Bearer r.x.1.00")),
        ("an unknown key", world.http.get(world.at("/centers")).header("x-api-key", "gwk_0")),
    ] {
        let answer = send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "unauthorized"), "{what}");
    }
}

#[tokio::test]
async fn foreign_pages_are_kept_out() {
    let world = World::new().await;
    let from = |origin: &str| send(world.request("admin", Method::GET, "/centers").header("origin", origin));
    assert_eq!(from("https://evil.example").await.code(), "forbidden");
    let listed = from("https://console.example").await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.headers["access-control-allow-origin"], "https://console.example");
    assert_eq!(from(&world.url.clone()).await.status, 200, "the hub's own pages");
}

#[tokio::test]
async fn health_and_readiness() {
    let world = World::new().await;
    // What is ready says why in its own way: balancers read the status alone.
    let get = |path: &str| answer(world.http.get(format!("{}{path}", world.url)));
    assert_eq!(get("/healthz").await.status, 200);
    let ready = get("/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.body), (200, json!({ "status": "ready", "without": [] })));
    world.hub.store_health.look(&world.hub.store).await;
    assert_eq!(get("/readyz?balancer").await.status, 200);
    world.hub.store.close().await;
    let unable = get("/readyz?balancer").await;
    assert_eq!(
        (unable.status.as_u16(), &unable.body["status"]),
        (503, &json!("unavailable")),
        "it can't write"
    );
    world.hub.begin_drain();
    assert_eq!(get("/healthz").await.status, 200);
    let draining = get("/readyz").await;
    assert_eq!((draining.status.as_u16(), &draining.body["status"]), (503, &json!("draining")));
    assert_eq!(get("/readyz?balancer").await.status, 404, "a balancer keeps what is there");
    assert_eq!(get("/readyz?balancer=1").await.status, 404);
}
