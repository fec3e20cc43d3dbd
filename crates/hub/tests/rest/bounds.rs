//! What is beyond people's use is refused by name; what is told goes only to who may read it, and is bounded.

use crate::harness::{Answer, World, answer, order, send};
use gwanje_hub::auth::{ApiKey, Scope};
use reqwest::Method;
use serde_json::{Value, json};

/// A key that takes in orders and cancels them, and may read nothing.
async fn intake(world: &World) -> String {
    let scopes = vec![Scope::Create, Scope::Cancel];
    let key = ApiKey { name: "intake".into(), centers: vec!["gangnam".into()], scopes };
    world.hub.auth.put_key(key).await.unwrap()
}

struct Intake<'a>(&'a World, String);

impl Intake<'_> {
    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.0.http.post(self.0.at(path)).header("x-api-key", &self.1).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request).await
    }
}

fn names_alone(row: &Value) {
    let mut fields: Vec<_> = row.as_object().unwrap_or_else(|| panic!("{row}")).keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["id", "number", "rev", "status"], "{row}");
}

#[tokio::test]
async fn a_key_that_may_not_read_is_told_what_names_its_rows_and_no_more() {
    let world = World::new().await;
    let intake = Intake(&world, intake(&world).await);
    let path = "/centers/gangnam/deliveries";
    let key = [("idempotency-key", "K1")];
    let created = intake.post(path, &order(), &key).await;
    assert_eq!(created.status, 201);
    names_alone(&created.body);
    assert_eq!(created.body["status"], "received");
    assert!(!created.etag().is_empty());
    let again = intake.post(path, &order(), &key).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &created.body), "as it was recorded");
    let closed = intake.post("/centers/gangnam/commands/K1/close", &json!({}), &[]).await;
    assert_eq!(closed.body["outcome"], "done");
    names_alone(&closed.body["body"]);
    let row = format!("{path}/{}", created.body["id"]);
    let cancel = json!({"reason": "고객 변심", "by": "customer"});
    let old = [("if-match", "\"E-1\""), ("idempotency-key", "K2")];
    for _ in 0..2 {
        let conflict = intake.post(&format!("{row}/cancel"), &cancel, &old).await;
        assert_eq!((conflict.status.as_u16(), conflict.code()), (409, "conflict"));
        assert!(conflict.body["current"].is_null() && conflict.body["latest"].is_null(), "{conflict:?}");
    }
    let closed = intake.post("/centers/gangnam/commands/K2/close", &json!({}), &[]).await;
    assert_eq!(closed.body["outcome"], "refused");
    assert!(
        closed.body["body"]["current"].is_null() && closed.body["body"]["latest"].is_null(),
        "{closed:?}"
    );
    let ids = json!([{"id": created.body["id"]}, {"id": created.body["id"], "rev": 1}]);
    let batch = json!({"action": "cancel", "body": cancel, "ids": ids});
    let key = [("idempotency-key", "K3")];
    for _ in 0..2 {
        let batch = intake.post(&format!("{path}/batch"), &batch, &key).await;
        let results = &batch.body["results"];
        names_alone(&results[0]["row"]);
        assert_eq!(results[0]["row"]["status"], "cancelled");
        assert_eq!(results[1]["status"], 409, "{batch:?}");
        let problem = &results[1]["problem"];
        assert!(problem["current"].is_null() && problem["latest"].is_null(), "{problem}");
    }
    let closed = intake.post("/centers/gangnam/commands/K3/close", &json!({}), &[]).await;
    names_alone(&closed.body["body"]["results"][0]["row"]);
    assert!(closed.body["body"]["results"][1]["problem"]["current"].is_null(), "{closed:?}");
    let text = closed.body.to_string() + &batch.to_string();
    assert!(!text.contains("역삼동"));
}

#[tokio::test]
async fn what_nobody_could_mean_is_refused_by_the_name_of_its_field() {
    let world = World::new().await;
    let many = |count: usize| Value::Array(vec![json!({"name": "김밥", "quantity": 1}); count]);
    let long = |count: usize| json!("가".repeat(count));
    let table = [
        ("/pickupTargetMin", json!(4_000_000_000_u64), "pickupTargetMin"),
        ("/pickupTargetMin", json!(5_000_000_000_u64), "pickupTargetMin"),
        ("/pickupTargetMin", json!(0), "pickupTargetMin"),
        ("/deliveryTargetMin", json!(-1), "deliveryTargetMin"),
        ("/deliveryTargetMin", json!(1e308), "deliveryTargetMin"),
        ("/distanceM", json!(4_000_000_000_u64), "distanceM"),
        ("/priceWon", json!(1_u64 << 60), "priceWon"),
        ("/readyAt", json!(i64::MAX), "readyAt"),
        ("/shop/pos", json!({"lat": 127.0, "lon": 37.5}), "shop.pos"),
        ("/dropoff/pos", json!({"lat": 37.5, "lon": 1e308}), "dropoff.pos"),
        ("/dropoff/pos", json!({"x": -1e308, "y": 0}), "dropoff.pos"),
        ("/dropoff/pos", json!({"lat": "NaN", "lon": 0}), "dropoff.pos"),
        ("/request", long(2_001), "request"),
        ("/shop/remark", long(2_001), "shop.remark"),
        ("/shop/name", long(201), "shop.name"),
        ("/shop/address", long(501), "shop.address"),
        ("/dropoff/address", long(501), "dropoff.address"),
        ("/dropoff/phone", long(201), "dropoff.phone"),
        ("/items", many(201), "items"),
        ("/items", json!([{"name": "가".repeat(201), "quantity": 1}]), "items[0].name"),
        ("/items", json!([{"name": "김밥", "quantity": 4_000_000_000_u64}]), "items[0].quantity"),
        ("/items", Value::Array(vec![json!({"name": "가".repeat(200), "quantity": 1}); 100]), "items"),
    ];
    let mut whole = order();
    for field in ["pickupTargetMin", "deliveryTargetMin", "distanceM", "readyAt", "request"] {
        whole[field] = Value::Null;
    }
    for member in ["/shop/remark", "/shop/address", "/dropoff/phone"] {
        let (of, field) = member[1..].split_once('/').unwrap();
        whole[of][field] = json!("");
    }
    for (member, value, field) in table {
        let mut said = whole.clone();
        *said.pointer_mut(member).unwrap_or_else(|| panic!("{member}")) = value.clone();
        let refused = world.post("callcenter", "/centers/gangnam/deliveries", &said).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "invalid"), "{member}: {refused:?}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(field), "{member}: {detail}");
    }
    assert_eq!(world.post("callcenter", "/centers/gangnam/deliveries", &whole).await.status, 201);
    for (rider, field) in [
        (json!({"id": "../x", "name": "x"}), "id"),
        (json!({"id": "a/b", "name": "x"}), "id"),
        (json!({"id": "r", "name": "x", "home": "../../etc"}), "home"),
        (json!({"id": "r", "name": "x", "home": "a".repeat(10_000)}), "home"),
        (json!({"id": "r", "name": "가".repeat(101)}), "name"),
        (json!({"id": "r", "name": "\u{202E}\u{0}"}), "name"),
        (json!({"id": "r", "name": "x", "phone": "1".repeat(101)}), "phone"),
        (json!({"id": "r", "name": "x", "status": "asleep"}), "status"),
    ] {
        let refused = world.post("supervisor", "/centers/gangnam/riders", &rider).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "invalid"), "{rider}: {refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains(field), "{refused:?}");
    }
    let waiting = world.delivery("waiting").await;
    let far = json!({"riderId": "a".repeat(101)});
    let refused = world.post("dispatcher", &format!("{waiting}/assign"), &far).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("riderId"), "{refused:?}");
    let batch = json!({"action": "assign", "body": far, "ids": [{"id": 1}]});
    let refused = world.post("dispatcher", "/centers/gangnam/deliveries/batch", &batch).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("riderId"), "{refused:?}");
    let blank = json!({"stage": "delivered", "seat": "\u{202E}\u{0}"});
    let refused = world.post("dispatcher", "/centers/gangnam/alarms/1/late/1", &blank).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("seat"), "{refused:?}");
}

#[tokio::test]
async fn a_refusal_repeats_no_more_than_a_few_words_of_what_was_sent() {
    let world = World::new().await;
    let (path, far) = (world.ordered().await, "가".repeat(30_000));
    let said = json!({"reason": "x", "by": far});
    let request = || world.request("callcenter", Method::POST, &format!("{path}/cancel"));
    for _ in 0..2 {
        let refused = send(request().header("idempotency-key", "far").json(&said)).await;
        assert_eq!(refused.code(), "invalid");
        assert!(refused.body["detail"].as_str().unwrap().chars().count() <= 501);
    }
    let long = format!("/centers/{}/deliveries", "a".repeat(2_000));
    let request = world.request("callcenter", Method::POST, &long).header("idempotency-key", "long");
    assert_eq!(send(request.json(&order())).await.code(), "invalid", "nothing is kept under it");
}

#[tokio::test]
async fn parts_of_a_board_and_past_ones_come_whole() {
    let world = World::new().await;
    for _ in 0..3 {
        world.ordered().await;
    }
    let all: Vec<_> = (0..256).map(|bucket: u32| bucket.to_string()).collect();
    let path = format!("/centers/gangnam/deliveries?buckets={}&after=1", all.join(","));
    let part = world.get("dispatcher", &path).await;
    assert_eq!((part.status.as_u16(), part.body["rev"].as_u64()), (200, Some(3)), "{part:?}");
    assert_eq!(part.body["rows"].as_array().unwrap().len(), 3);
    assert_eq!(part.body["frame"]["rows"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("dispatcher", &path.replace("after=1", "after=9")).await.body["reason"], "ahead");
    let past = world.get("dispatcher", "/centers/gangnam/at?time=1772413200000").await;
    assert_eq!(past.body["time"], 1_772_413_200_000_u64);
    assert_eq!(past.body["rows"].as_array().unwrap().len(), 3);
    let wish = world.request("dispatcher", Method::GET, &path).header("accept-encoding", "zstd");
    let squeezed = answer(wish).await;
    assert_eq!(squeezed.headers["content-encoding"], "zstd");
}
