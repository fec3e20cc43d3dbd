//! Batches: one action on several deliveries, each decided by itself, under one key.

use crate::harness::{Answer, World, send};
use reqwest::Method;
use serde_json::{Value, json};

const BATCH: &str = "/centers/gangnam/deliveries/batch";

async fn batch(world: &World, who: &str, action: &str, body: &Value, ids: &Value) -> Answer {
    world.post(who, BATCH, &json!({"action": action, "body": body, "ids": ids})).await
}

/// Orders that were led to a status: their rows.
async fn rows(world: &World, status: &str, count: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    for _ in 0..count {
        let path = world.delivery(status).await;
        rows.push(world.get("dispatcher", &path).await.body);
    }
    rows
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let results = answer.body["results"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    results.iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn each_is_decided_by_itself_in_the_order_asked() {
    let world = World::new().await;
    let waiting = rows(&world, "waiting", 3).await;
    let ended = rows(&world, "delivered", 1).await;
    let ids = json!([
        {"id": waiting[2]["id"], "rev": waiting[2]["rev"]},
        {"id": ended[0]["id"]},
        {"id": waiting[0]["id"], "rev": 1},
        {"id": 999},
        {"id": waiting[1]["id"]},
        {"id": waiting[1]["id"], "rev": waiting[1]["rev"]},
    ]);
    let before = world.hub.store.head(&"gangnam".into()).await.unwrap().rev.0;
    let answer = batch(&world, "dispatcher", "assign", &json!({"riderId": "gangnam-r2"}), &ids).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(statuses(&answer), [200, 409, 409, 404, 200, 409]);
    let results = answer.body["results"].as_array().unwrap();
    for (result, asked) in results.iter().zip(ids.as_array().unwrap()) {
        assert_eq!(result["id"], asked["id"]);
        assert_eq!(result["row"].is_object(), result["status"] == 200, "{result}");
        assert_eq!(result["problem"].is_object(), result["status"] != 200, "{result}");
    }
    let codes: Vec<_> = results.iter().map(|result| &result["problem"]["code"]).collect();
    let expected = [Value::Null, json!("invalid-transition"), json!("conflict"), json!("not-found")];
    assert_eq!(codes[..4], expected.iter().collect::<Vec<_>>());
    assert_eq!(results[2]["problem"]["current"], waiting[0]);
    assert_eq!(results[2]["problem"]["latest"]["action"], "accept");
    // Named twice, decided twice: the second saw what the first has changed.
    assert_eq!((codes[4], codes[5]), (&Value::Null, &json!("conflict")));
    assert_eq!(results[5]["problem"]["current"], results[4]["row"]);
    let head = world.hub.store.head(&"gangnam".into()).await.unwrap();
    assert_eq!(head.rev.0, before + 2, "two changes");
    assert_eq!(answer.etag(), format!("\"{}-{}\"", head.epoch, head.rev), "of the newest row in it");
    let row = world.get("dispatcher", &format!("/centers/gangnam/deliveries/{}", waiting[2]["id"])).await;
    assert_eq!(row.body, results[0]["row"]);
    let history = format!("/centers/gangnam/deliveries/{}/history", waiting[2]["id"]);
    let history = world.get("dispatcher", &history).await.body;
    assert_eq!(history.as_array().unwrap().last().unwrap()["action"], "assign");
}

#[tokio::test]
async fn a_batch_is_taken_back_as_a_batch() {
    let world = World::new().await;
    let before = rows(&world, "waiting", 3).await;
    let ids: Vec<_> = before.iter().map(|row| json!({"id": row["id"], "rev": row["rev"]})).collect();
    let assigned =
        batch(&world, "dispatcher", "assign", &json!({"riderId": "gangnam-r1"}), &json!(ids)).await;
    let made: Vec<_> =
        assigned.body["results"].as_array().unwrap().iter().map(|result| &result["row"]).collect();
    let mut ids: Vec<_> = made.iter().map(|row| json!({"id": row["id"], "rev": row["rev"]})).collect();
    ids.push(json!({"id": before[0]["id"]}));
    let back = batch(&world, "dispatcher", "undo", &Value::Null, &json!(ids)).await;
    assert_eq!(statuses(&back), [200, 200, 200, 400], "{back:?}");
    for (result, before) in back.body["results"].as_array().unwrap().iter().zip(&before) {
        assert_eq!((&result["row"]["status"], &result["row"]["rider"]), (&before["status"], &Value::Null));
    }
    let another = batch(&world, "supervisor", "undo", &Value::Null, &json!([ids[0]])).await;
    assert_eq!(another.body["results"][0]["problem"]["code"], "conflict");
}

#[tokio::test]
async fn one_key_records_all_results() {
    let world = World::new().await;
    let waiting = rows(&world, "waiting", 2).await;
    let said = |text: &str| {
        let ids = json!([{"id": waiting[0]["id"]}, {"id": 999}, {"id": waiting[1]["id"]}]);
        let body = json!({"action": "note", "body": {"text": text}, "ids": ids});
        send(world.request("dispatcher", Method::POST, BATCH).header("idempotency-key", "B").json(&body))
    };
    let (first, twin) = (said("x").await, said("x").await);
    assert_eq!(statuses(&first), [200, 404, 200]);
    assert_eq!((&twin.body, twin.etag()), (&first.body, first.etag()));
    assert_eq!(said("y").await.code(), "invalid", "another body");
    let row = world.get("dispatcher", &format!("/centers/gangnam/deliveries/{}", waiting[0]["id"])).await;
    assert_eq!(row.body["notes"].as_array().unwrap().len(), 1, "done once");
    let closed = world.post("dispatcher", "/centers/gangnam/commands/B/close", &Value::Null).await.body;
    assert_eq!((&closed["outcome"], &closed["status"]), (&json!("done"), &json!(200)));
    assert_eq!(closed["body"], first.body);
    world.post("dispatcher", "/centers/gangnam/commands/V/close", &Value::Null).await;
    let late = world.request("dispatcher", Method::POST, BATCH).header("idempotency-key", "V");
    let late = send(late.json(&json!({"action": "note", "body": {"text": "z"}, "ids": []}))).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "void"));
}

#[tokio::test]
async fn what_concerns_all_is_refused_once() {
    let world = World::new().await;
    let row = &rows(&world, "waiting", 1).await[0];
    let ids = json!([{"id": row["id"]}, {"id": row["id"]}]);
    for (who, action, body, ids, code) in [
        ("callcenter", "assign", json!({"riderId": "gangnam-r1"}), ids.clone(), "forbidden"),
        ("admin", "undo", json!(null), ids.clone(), "forbidden"),
        ("key", "note", json!({"text": "x"}), ids.clone(), "forbidden"),
        ("nobody", "note", json!({"text": "x"}), ids.clone(), "unauthorized"),
        ("dispatcher", "explode", json!({}), ids.clone(), "invalid"),
        ("dispatcher", "create", json!({}), ids.clone(), "invalid"),
        ("dispatcher", "cancel", json!({}), ids.clone(), "invalid"),
        ("dispatcher", "note", json!({"text": "x", "account": "admin"}), ids.clone(), "forbidden"),
        ("dispatcher", "note", json!("x"), ids.clone(), "invalid"),
        ("dispatcher", "note", json!({"text": "x"}), json!([{"rev": 1}]), "invalid"),
        ("dispatcher", "note", json!({"text": "x"}), json!(vec![json!({"id": 1}); 201]), "invalid"),
    ] {
        let answer = batch(&world, who, action, &body, &ids).await;
        assert_eq!(answer.code(), code, "{who} {action} {body}: {answer:?}");
    }
    let elsewhere = json!({"action": "note", "body": {"text": "x"}, "ids": []});
    let hidden = world.post("dispatcher", "/centers/songpa/deliveries/batch", &elsewhere).await;
    assert_eq!(hidden.code(), "not-found");
    let most = json!((0..200).map(|_| json!({"id": row["id"]})).collect::<Vec<_>>());
    let all = batch(&world, "dispatcher", "note", &json!({"text": "x"}), &most).await;
    assert_eq!(statuses(&all), vec![200; 200]);
    let none = batch(&world, "dispatcher", "accept", &json!({}), &json!([])).await;
    assert_eq!(none.body, json!({"results": []}));
}

#[tokio::test]
async fn a_rider_reaches_own_deliveries_only() {
    let world = World::new().await;
    let own = rows(&world, "assigned", 1).await;
    let other = rows(&world, "waiting", 1).await;
    let ids = json!([{"id": other[0]["id"]}, {"id": own[0]["id"]}]);
    let answer = batch(&world, "gangnam-r1", "pickup", &json!({}), &ids).await;
    assert_eq!(statuses(&answer), [404, 200]);
}
