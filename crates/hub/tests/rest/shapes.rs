//! What the hub answers by REST has the shape of the published test vectors.

use crate::harness::{World, send};
use crate::vectors::{case, shape};
use gwanje_hub::Clock;
use gwanje_hub::store::StoreConfig;
use reqwest::Method;
use serde_json::{Value, json};

/// A plain order, like the rows of the vectors; its path.
async fn ordered(world: &World) -> String {
    let order = json!({ "shop": { "name": "가게" }, "dropoff": { "address": "강남구 역삼동 1" } });
    let answer = world.post("callcenter", "/centers/gangnam/deliveries", &order).await;
    format!("/centers/gangnam/deliveries/{}", answer.body["id"])
}

#[tokio::test]
async fn problems_have_the_shape_of_the_vectors() {
    let clock = Clock::drill(crate::harness::DAY_START, 0.0);
    let world = World::on(StoreConfig { tombstones_kept: 0, ..StoreConfig::temporary(clock.clone()) }).await;
    let delivery = ordered(&world).await;
    // Archived, and its tombstone not kept: the floor is above the first revisions.
    world.delivery("delivered").await;
    clock.set_day(crate::harness::DAY_START.plus_min(60));
    world.hub.store.archive_ended_before(&"gangnam".into(), clock.day_now()).await.unwrap();
    let ended = world.delivery("delivered").await;
    let epoch = world.hub.store.head(&"gangnam".into()).await.unwrap().epoch;
    let changes = |epoch: &str, after: u64| {
        let path = format!("/centers/gangnam/changes?epoch={epoch}&after={after}");
        world.request("dispatcher", Method::GET, &path)
    };
    let post = |who: &str, path: String| world.request(who, Method::POST, &path);
    assert_eq!(send(post("callcenter", "/centers/gangnam/commands/K/close".to_owned())).await.status, 200);
    let reason = json!({ "reason": "x", "by": "customer" });
    for (name, request) in [
        ("no credential", world.request("nobody", Method::GET, "/centers")),
        ("a role that may not", post("callcenter", format!("{delivery}/unassign"))),
        ("no such thing", world.request("dispatcher", Method::GET, "/centers/nowhere/deliveries")),
        ("not to be understood", post("dispatcher", format!("{delivery}/cancel")).json(&json!({}))),
        ("a method that is not there", world.request("supervisor", Method::DELETE, "/centers")),
        ("a body too large", post("dispatcher", format!("{delivery}/note")).body(vec![b' '; 200_000])),
        (
            "a transition that the lifecycle lacks",
            post("dispatcher", format!("{ended}/cancel")).json(&reason),
        ),
        (
            "a row that moved on",
            post("dispatcher", format!("{delivery}/note"))
                .header("if-match", "\"other-1\"")
                .json(&json!({ "text": "x" })),
        ),
        (
            "a key that was closed",
            post("callcenter", format!("{delivery}/accept")).header("idempotency-key", "K"),
        ),
        ("a cursor of another epoch", changes("01OTHER", 0)),
        ("a cursor below the floor", changes(epoch.as_str(), 0)),
        ("a cursor ahead of the head", changes(epoch.as_str(), 999)),
    ] {
        let (answer, expected) = (send(request).await, case("problems.json", name));
        let body = &expected["body"];
        assert_eq!(shape(&answer.body), shape(body), "{name}: {answer:?}");
        assert_eq!(answer.status.as_u16(), body["status"], "{name}");
        for member in ["type", "title", "status", "code", "reason"] {
            assert_eq!(answer.body.get(member), body.get(member), "{name}: {answer:?}");
        }
    }
    let failing = async || world.login("dispatcher", "wrong").await;
    let mut last = failing().await;
    while last.code() == "unauthorized" {
        last = failing().await;
    }
    let expected = &case("problems.json", "too many at once")["body"];
    assert_eq!(shape(&last.body), shape(expected), "{last:?}");
    assert_eq!((&last.body["code"], &last.body["status"]), (&expected["code"], &expected["status"]));
}

#[tokio::test]
async fn answers_of_alarms_have_the_shape_of_the_vectors() {
    let world = World::new().await;
    let none = world.get("dispatcher", "/centers/gangnam/alarms?after=0").await.body;
    assert_eq!(none, case("alarms.json", "no alarms")["answer"]);
    let delivery = ordered(&world).await;
    world.post("dispatcher", &format!("{delivery}/cancel"), &json!({ "reason": "x", "by": "shop" })).await;
    let told = async || world.get("dispatcher", "/centers/gangnam/alarms?after=0").await.body;
    let alarms = told().await;
    assert_eq!(
        shape(&alarms),
        shape(&case("alarms.json", "a cancellation that nobody has seen")["answer"]),
        "{alarms}"
    );
    let alarm: &Value = &alarms["alarms"][0];
    let path = format!("/centers/gangnam/alarms/{}/cancelled/{}", alarm["id"], alarm["raisedAt"]);
    let taken = world.post("dispatcher", &path, &json!({ "stage": "acknowledged" })).await.body;
    assert_eq!(taken, case("acks.json", "a receipt was taken")["ack"]);
    let alarms = told().await;
    assert_eq!(
        shape(&alarms),
        shape(&case("alarms.json", "receipts: each seat's furthest stage")["answer"]),
        "{alarms}"
    );
}

#[tokio::test]
async fn pages_of_changes_have_the_shape_of_the_vectors() {
    let world = World::new().await;
    let epoch = world.hub.store.head(&"gangnam".into()).await.unwrap().epoch;
    let page = async |after: u64| {
        world.get("dispatcher", &format!("/centers/gangnam/changes?epoch={epoch}&after={after}")).await.body
    };
    ordered(&world).await;
    for (after, name) in [(0, "what was missed"), (1, "nothing was missed: an empty frame")] {
        let (page, expected) = (page(after).await, case("acks.json", name));
        assert_eq!(shape(&page["frame"]), shape(&expected["ack"]["missed"]), "{name}: {page}");
        assert_eq!(shape(&page["head"]), shape(&expected["ack"]["head"]), "{name}: {page}");
    }
}
