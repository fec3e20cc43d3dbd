//! Preferences: each account's own JSON, and no write over what another window wrote.

use crate::harness::{Answer, World, send};
use reqwest::Method;
use serde_json::{Value, json};

async fn put(world: &World, who: &str, key: &str, condition: (&str, &str), body: &Value) -> Answer {
    let request = world.request(who, Method::PUT, &format!("/preferences/{key}"));
    send(request.header(condition.0, condition.1).json(body)).await
}

const FIRST: (&str, &str) = ("if-none-match", "*");

#[tokio::test]
async fn what_is_kept_comes_back_and_belongs_to_its_account() {
    let world = World::new().await;
    let views = json!({"views": [{"id": "v1", "name": "지연"}], "n": 1.5});
    assert_eq!(world.get("dispatcher", "/preferences/views").await.code(), "not-found");
    let kept = put(&world, "dispatcher", "views", FIRST, &views).await;
    assert_eq!(kept.status, 204, "{kept:?}");
    let read = world.get("dispatcher", "/preferences/views").await;
    assert_eq!((read.status.as_u16(), &read.body, read.etag()), (200, &views, kept.etag()));
    let again = world.request("dispatcher", Method::GET, "/preferences/views");
    assert_eq!(send(again.header("if-none-match", read.etag())).await.status, 304);
    assert_eq!(world.get("supervisor", "/preferences/views").await.code(), "not-found", "another's");
    assert_eq!(put(&world, "supervisor", "views", FIRST, &json!([])).await.status, 204);
    assert_eq!(world.get("dispatcher", "/preferences/views").await.body, views);
    assert_eq!(world.get("key", "/preferences/views").await.code(), "forbidden");
    assert_eq!(world.get("nobody", "/preferences/views").await.code(), "unauthorized");
}

#[tokio::test]
async fn a_lost_race_is_a_conflict_with_the_tag_of_what_is_kept() {
    let world = World::new().await;
    let first = put(&world, "dispatcher", "views", FIRST, &json!(1)).await;
    let late = put(&world, "dispatcher", "views", FIRST, &json!(2)).await;
    assert_eq!((late.status.as_u16(), late.code(), late.etag()), (409, "conflict", first.etag()));
    let second = put(&world, "dispatcher", "views", ("if-match", first.etag()), &json!(3)).await;
    assert_eq!(second.status, 204);
    assert_ne!(second.etag(), first.etag());
    let late = put(&world, "dispatcher", "views", ("if-match", first.etag()), &json!(4)).await;
    assert_eq!((late.code(), late.etag()), ("conflict", second.etag()));
    assert_eq!(world.get("dispatcher", "/preferences/views").await.body, json!(3));
    let nothing = put(&world, "dispatcher", "sounds", ("if-match", first.etag()), &json!(1)).await;
    assert_eq!((nothing.code(), nothing.headers.get("etag")), ("conflict", None), "nothing is kept there");
    let blind = world.request("dispatcher", Method::PUT, "/preferences/views").json(&json!(5));
    assert_eq!(send(blind).await.code(), "invalid", "it does not say what it replaces");
}

#[tokio::test]
async fn the_bounds_are_told() {
    let world = World::new().await;
    let text = |bytes: usize| Value::String("x".repeat(bytes - 2));
    assert_eq!(put(&world, "dispatcher", "large", FIRST, &text(64 * 1024)).await.status, 204);
    let larger = put(&world, "dispatcher", "larger", FIRST, &text(64 * 1024 + 1)).await;
    assert_eq!((larger.status.as_u16(), larger.code()), (413, "invalid"));
    for key in ["a%20b", "%EA%B0%80", &"k".repeat(65)] {
        assert_eq!(put(&world, "dispatcher", key, FIRST, &json!(1)).await.code(), "invalid", "{key}");
    }
    let garbage = world.request("dispatcher", Method::PUT, "/preferences/views").header(FIRST.0, FIRST.1);
    assert_eq!(send(garbage.body("{")).await.code(), "invalid");
    for n in 1..32 {
        assert_eq!(put(&world, "dispatcher", &format!("k{n}"), FIRST, &json!(n)).await.status, 204);
    }
    let more = put(&world, "dispatcher", "k32", FIRST, &json!(1)).await;
    assert_eq!((more.status.as_u16(), more.code()), (400, "invalid"), "{more:?}");
    let tag = world.get("dispatcher", "/preferences/k1").await.etag().to_owned();
    assert_eq!(
        put(&world, "dispatcher", "k1", ("if-match", &tag), &json!(0)).await.status,
        204,
        "a later write"
    );
}
