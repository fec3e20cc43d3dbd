//! Commands: lifecycle, conflicts, idempotency twins, closed keys, alarms of cancellations.

use crate::harness::{DAY_START, World, order, send};
use gwanje_hub::auth::{ApiKey, Scope};
use reqwest::Method;
use serde_json::{Value, json};

async fn keyed(world: &World, who: &str, path: &str, key: &str, body: &Value) -> crate::harness::Answer {
    send(world.request(who, Method::POST, path).header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn a_delivery_from_order_to_door() {
    let world = World::new().await;
    let path = world.delivery("delivered").await;
    let row = world.get("dispatcher", &path).await;
    assert_eq!(row.body["status"], "delivered");
    assert_eq!(row.body["rev"], 5);
    assert_eq!(row.body["rider"]["confirmed"], true);
    assert_eq!(row.body["receivedAt"], DAY_START.0);
    assert_eq!(row.body["deliveredAt"], DAY_START.0);
    assert_eq!(row.body["number"].as_str().unwrap().len(), 5);
    assert!(row.body["distanceM"].as_u64().unwrap() > 1_000);
    assert!(row.etag().ends_with("-5\""), "{}", row.etag());
    let refused =
        world.post("dispatcher", &format!("{path}/cancel"), &json!({"reason": "x", "by": "shop"})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "invalid-transition"));
    let history = world.get("dispatcher", &format!("{path}/history")).await.body;
    let actions: Vec<_> =
        history.as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["create", "accept", "assign", "pickup", "deliver"]);
    assert_eq!(history[0]["by"], json!({"account": "callcenter", "name": "callcenter"}));
    assert_eq!((&history[2]["from"], &history[2]["to"]), (&json!("waiting"), &json!("assigned")));
}

#[tokio::test]
async fn if_match_guards_against_what_was_not_seen() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let seen = world.get("dispatcher", &path).await.etag().to_owned();
    let note = |tag: &str| {
        let request = world.request("dispatcher", Method::POST, &format!("{path}/note"));
        send(request.header("if-match", tag).json(&json!({"text": "x"})))
    };
    let first = note(&seen).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.body["notes"][0]["role"], "dispatcher");
    let second = note(&seen).await;
    assert_eq!((second.status.as_u16(), second.code()), (409, "conflict"));
    assert_eq!(second.body["current"]["rev"], first.body["rev"]);
    let latest = &second.body["latest"];
    assert_eq!(
        (&latest["by"], &latest["action"], &latest["rev"]),
        (&json!({"account": "dispatcher", "name": "김관제"}), &json!("note"), &first.body["rev"])
    );
    assert_eq!(latest["at"], first.body["modifiedAt"]);
    assert_eq!(note(first.etag()).await.status, 200);
    assert_eq!(note("\"01OTHEREPOCH-3\"").await.code(), "conflict");
    assert_eq!(note("nonsense").await.code(), "conflict", "it names no revision of the row");
}

#[tokio::test]
async fn a_key_that_may_not_read_is_told_of_a_conflict_and_of_no_row() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let scopes = vec![Scope::Cancel];
    let key = ApiKey { name: "portal-2".into(), centers: vec!["gangnam".into()], scopes };
    let key = world.hub.auth.put_key(key).await.unwrap();
    let with_key = |path: &str| world.http.post(world.at(path)).header("x-api-key", &key);
    let cancel = with_key(&format!("{path}/cancel")).header("if-match", "\"other-1\"");
    let refused = send(cancel.header("idempotency-key", "K").json(&json!({"reason": "x"}))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "conflict"));
    let closed = send(with_key("/centers/gangnam/commands/K/close")).await.body;
    for told in [&refused.body, &closed["body"]] {
        assert_eq!(told["code"], "conflict");
        assert_eq!((told.get("current"), told.get("latest")), (None, None), "{told}");
    }
}

#[tokio::test]
async fn a_tag_without_quotes_weak_or_in_a_list_is_understood() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let shapes: [fn(&str) -> String; 3] =
        [|tag| tag.trim_matches('"').to_owned(), |tag| format!("W/{tag}"), |tag| format!("\"other\", {tag}")];
    for shape in shapes {
        let seen = world.get("dispatcher", &path).await.etag().to_owned();
        let request = world.request("dispatcher", Method::POST, &format!("{path}/note"));
        let answer = send(request.header("if-match", shape(&seen)).json(&json!({"text": "x"}))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn what_strangers_leave_open_is_understood() {
    let world = World::new().await;
    let path = "/centers/gangnam/deliveries";
    let brief = json!({"shop": {"name": "한솥"}, "dropoff": {"address": "역삼동 1"}, "items": ["도시락"], "request": null});
    let row = world.post("callcenter", &format!("{path}/"), &brief).await;
    assert_eq!(row.status, 201, "{row:?}");
    assert_eq!(row.body["items"], json!([{"name": "도시락", "quantity": 1}]));
    let mut astray = order();
    astray["shop"]["pos"] = json!({"lat": 999.0, "lon": 0.0});
    assert_eq!(world.post("callcenter", path, &astray).await.code(), "invalid");
    let accept = format!("{path}/{}/accept", row.body["id"]);
    let bare = |body: &'static str| {
        let request = world.request("dispatcher", Method::POST, &accept);
        send(request.header("idempotency-key", "A").body(body))
    };
    let first = bare("").await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!((bare("{}").await.body, bare("null").await.body), (first.body.clone(), first.body));
    let found = |query: &'static str| world.get("dispatcher", query);
    let both = found("/centers/gangnam/search?status=waiting,received").await.body;
    assert_eq!(both["rows"].as_array().unwrap().len(), 1);
    assert_eq!(found("/centers/gangnam/search?status=delivered").await.body["rows"], json!([]));
    assert_eq!(found("/centers/gangnam/search?status=lost").await.code(), "invalid");
}

#[tokio::test]
async fn twins_get_one_answer_and_another_body_is_invalid() {
    let world = World::new().await;
    let path = "/centers/gangnam/deliveries";
    let body = order();
    let twins = (0..8).map(|_| keyed(&world, "callcenter", path, "K1", &body));
    let answers = futures_util::future::join_all(twins).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
        assert_eq!(answer.etag(), answers[0].etag());
    }
    assert_eq!(world.hub.store.head(&"gangnam".into()).await.unwrap().count, 1);
    let mut other = order();
    other["priceWon"] = json!(1);
    let answer = keyed(&world, "callcenter", path, "K1", &other).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "invalid"));
    let another = keyed(&world, "supervisor", path, "K1", &body).await;
    assert_ne!(another.body["id"], answers[0].body["id"], "another account's key is another key");
}

#[tokio::test]
async fn a_refusal_is_an_outcome_too() {
    let world = World::new().await;
    let path = world.ordered().await;
    let refused = keyed(&world, "dispatcher", &format!("{path}/pickup"), "K", &json!({})).await;
    assert_eq!(refused.code(), "invalid-transition");
    for (action, body) in [("accept", json!({})), ("assign", json!({"riderId": "gangnam-r1"}))] {
        assert_eq!(world.post("dispatcher", &format!("{path}/{action}"), &body).await.status, 200);
    }
    let twin = keyed(&world, "dispatcher", &format!("{path}/pickup"), "K", &json!({})).await;
    assert_eq!(twin.body, refused.body, "though it would be allowed by now");
    let forbidden = keyed(&world, "callcenter", &format!("{path}/pickup"), "F", &json!({})).await;
    assert_eq!(forbidden.code(), "forbidden");
    let closed = world.post("callcenter", "/centers/gangnam/commands/F/close", &json!({})).await.body;
    assert_eq!((&closed["outcome"], &closed["status"]), (&json!("refused"), &json!(403)));
    assert_eq!(closed["body"], forbidden.body);
}

#[tokio::test]
async fn a_closed_key_is_void_and_refuses_a_late_twin() {
    let world = World::new().await;
    let path = "/centers/gangnam/deliveries";
    let close = || world.post("callcenter", "/centers/gangnam/commands/K/close", &Value::Null);
    assert_eq!(close().await.body, json!({"outcome": "void", "status": null, "body": null}));
    let late = keyed(&world, "callcenter", path, "K", &order()).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "void"));
    assert_eq!(close().await.body["outcome"], "void");
    assert_eq!(world.hub.store.head(&"gangnam".into()).await.unwrap().rev.0, 0);
    let done = keyed(&world, "callcenter", path, "D", &order()).await;
    let closed = world.post("callcenter", "/centers/gangnam/commands/D/close", &json!({})).await.body;
    assert_eq!(
        (&closed["outcome"], &closed["status"], &closed["body"]),
        (&json!("done"), &json!(201), &done.body)
    );
}

#[tokio::test]
async fn what_became_of_a_command_is_told_although_its_center_was_taken_away() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let note = format!("{path}/note");
    let done = keyed(&world, "dispatcher", &note, "D", &json!({"text": "x"})).await;
    assert_eq!(done.status, 200, "{done:?}");
    let seen = world.request("dispatcher", Method::POST, &note).header("if-match", "\"other-1\"");
    let conflict = send(seen.header("idempotency-key", "C").json(&json!({"text": "x"}))).await;
    assert_eq!(conflict.body["current"]["rev"], done.body["rev"]);
    let close = |who: &'static str, center: &'static str, key: &'static str| {
        let path = format!("/centers/{center}/commands/{key}/close");
        let world = &world;
        async move { world.post(who, &path, &Value::Null).await }
    };
    assert!(world.hub.auth.set_centers("dispatcher", vec!["songpa".into()]).await.unwrap());

    let told = close("dispatcher", "gangnam", "D").await;
    assert_eq!(told.body, json!({"outcome": "done", "status": 200, "body": null}), "without the row");
    let told = close("dispatcher", "gangnam", "C").await;
    assert_eq!((&told.body["outcome"], &told.body["status"]), (&json!("refused"), &json!(409)));
    let mut without_the_row = conflict.body.clone();
    for member in ["current", "latest"] {
        without_the_row.as_object_mut().unwrap().remove(member).expect("who may read is told");
    }
    assert_eq!(told.body["body"], without_the_row);
    assert_eq!(close("supervisor", "gangnam", "D").await.body["outcome"], "void", "another account's key");

    // Nothing recorded: the center is not found, like one that does not exist.
    for _ in 0..2 {
        let (hidden, nowhere) =
            (close("dispatcher", "gangnam", "L").await, close("dispatcher", "nowhere", "L").await);
        assert_eq!((hidden.status.as_u16(), hidden.code()), (404, "not-found"), "{hidden:?}");
        assert_eq!(nowhere.status, hidden.status);
        let renamed = hidden.body.to_string().replace("gangnam", "nowhere");
        assert_eq!(nowhere.body.to_string(), renamed);
    }
    assert!(world.hub.auth.set_centers("dispatcher", vec!["gangnam".into()]).await.unwrap());
    let twin = keyed(&world, "dispatcher", &note, "L", &json!({"text": "x"})).await;
    assert_eq!((twin.status.as_u16(), twin.code()), (409, "void"), "the end of its key holds");
    assert_eq!(close("dispatcher", "gangnam", "L").await.body["outcome"], "void");
    assert_eq!(close("dispatcher", "gangnam", "D").await.body["body"], done.body);
}

#[tokio::test]
async fn a_cancellation_raises_its_alarm_and_takes_receipts() {
    let world = World::new().await;
    let path = world.delivery("assigned").await;
    let body = json!({"reason": "고객 변심", "by": "customer"});
    let row = world.post("dispatcher", &format!("{path}/cancel"), &body).await.body;
    let alarms = world.get("dispatcher", "/centers/gangnam/alarms?after=0").await.body;
    assert_eq!(alarms["alarmSeq"], 1);
    let alarm = &alarms["alarms"][0];
    assert_eq!(
        (&alarm["id"], &alarm["kind"], &alarm["raisedAt"]),
        (&row["id"], &json!("cancelled"), &row["cancelledAt"])
    );
    let shop = json!({"id": row["shop"]["id"], "name": row["shop"]["name"]});
    assert_eq!(
        alarm["delivery"],
        json!({"id": row["id"], "rev": row["rev"], "number": row["number"], "shop": shop, "status": "cancelled"})
    );
    assert_eq!((&alarm["was"], &alarm["by"]["account"]), (&json!("assigned"), &json!("dispatcher")));
    assert_eq!(alarm["receipts"], json!([]));
    let receipt = format!("/centers/gangnam/alarms/{}/cancelled/{}", row["id"], row["cancelledAt"]);
    for (stage, seq) in [("delivered", 2), ("acknowledged", 3), ("displayed", 3)] {
        let answer = world.post("dispatcher", &receipt, &json!({"stage": stage, "seat": "desk-1"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(world.get("dispatcher", "/centers/gangnam/alarms").await.body["alarmSeq"], seq, "{stage}");
    }
    let after = world.get("dispatcher", "/centers/gangnam/alarms?after=1").await.body;
    let receipt = &after["alarms"][0]["receipts"][0];
    assert_eq!(receipt["stage"], "acknowledged", "a stage never goes back");
    assert_eq!((&receipt["account"], &receipt["seat"]), (&json!("dispatcher"), &json!("desk-1")));
    assert_eq!(after["alarms"][0]["acknowledged"]["account"], "dispatcher");
    assert_eq!(after["alarms"][0]["acknowledged"]["name"], "김관제", "people are called by their names");
    assert_eq!(world.get("dispatcher", "/centers/gangnam/alarms?after=3").await.body["alarms"], json!([]));
    let unknown = world
        .post("dispatcher", "/centers/gangnam/alarms/99/cancelled/1", &json!({"stage": "delivered"}))
        .await;
    assert_eq!(unknown.code(), "not-found");
}

#[tokio::test]
async fn assigning_an_unlisted_rider_changes_nothing() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let answer = world.post("dispatcher", &format!("{path}/assign"), &json!({"riderId": "songpa-r1"})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "invalid"));
    assert_eq!(world.get("dispatcher", &path).await.body["status"], "waiting");
}
