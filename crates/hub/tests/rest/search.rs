//! Search over past and present deliveries: it finds what the app's boards find, page by page.

use crate::harness::{DAY_START, World, order};
use gwanje_hub::Clock;
use gwanje_hub::store::StoreConfig;
use serde_json::{Value, json};

/// What is found of gangnam by what is typed; the whole answer.
async fn found(world: &World, typed: &str, rest: &[(&str, &str)]) -> Value {
    let mut asked = url::form_urlencoded::Serializer::new(String::new());
    asked.append_pair("q", typed).extend_pairs(rest);
    let answer = world.get("dispatcher", &format!("/centers/gangnam/search?{}", asked.finish())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn ids(found: &Value) -> Vec<u64> {
    found["rows"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_vector_of_search_is_found_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.sqlite");
    let world = World::on(StoreConfig::at(&file, Clock::drill(DAY_START, 0.0))).await;
    let past = rusqlite::Connection::open(&file).unwrap();
    past.execute(
        "INSERT INTO archive (id, center, status, rider, received_at, body) VALUES (7, 'gangnam', 'waiting', NULL, 0, '')",
        [],
    )
    .unwrap();
    let vectors: Value = serde_json::from_str(include_str!("../../../../docs/vectors/search.json")).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let text = |field: &str| case["fields"][field].as_str().unwrap_or_default();
        let rider = json!({"id": "r", "name": text("rider"), "home": "gangnam", "confirmed": true});
        let row = json!({
            "id": 7, "center": "gangnam", "rev": 1, "modifiedAt": 0, "number": text("number"),
            "orderNo": text("orderNo"), "status": "waiting",
            "shop": {"id": "s", "name": text("shop"), "phone": text("shopPhone")},
            "dropoff": {
                "address": text("address"), "detail": text("detail"), "phone": text("phone"),
                "recipientPhone": text("recipientPhone"),
            },
            "rider": if text("rider").is_empty() { Value::Null } else { rider },
            "pickupTargetMin": 0, "deliveryTargetMin": 0, "distanceM": 0, "receivedAt": 0,
        });
        past.execute("UPDATE archive SET body = ?1", [row.to_string()]).unwrap();
        let typed = case["typed"].as_str().unwrap();
        let is_found = ids(&found(&world, typed, &[]).await) == [7];
        assert_eq!(is_found, case["matches"], "{}: {typed:?}", case["name"]);
    }
}

#[tokio::test]
async fn what_is_found_comes_by_pages_within_what_else_is_asked() {
    let world = World::new().await;
    let ordered = |address: String| {
        let mut body = order();
        body["dropoff"]["address"] = address.into();
        body["dropoff"]["phone"] = "010-1234-5678".into();
        let world = &world;
        async move {
            world.post("callcenter", "/centers/gangnam/deliveries", &body).await.body["id"].as_u64().unwrap()
        }
    };
    let mut wanted = Vec::new();
    for n in 0..205 {
        let id =
            ordered(if n % 2 == 0 { format!("강남구 논현로 {n}") } else { "송파구".to_owned() }).await;
        if n % 2 == 0 {
            wanted.push(id);
        }
    }
    wanted.reverse();
    for typed in ["논혀", "ㄴㅎㄹ", "강남구 논현로", "+82 10 1234"] {
        let first = found(&world, typed, &[]).await;
        assert_eq!(ids(&first).len(), 100, "{typed}");
        let next = first["next"].to_string();
        let second = found(&world, typed, &[("cursor", &next)]).await;
        let all = [ids(&first), ids(&second)].concat();
        if typed.starts_with('+') {
            assert_eq!(all.len(), 200, "everyone's phone");
        } else {
            assert_eq!((all, second["next"].clone()), (wanted.clone(), Value::Null), "{typed}");
        }
    }
    let noon = DAY_START.plus_min(1).0.to_string();
    assert_eq!(ids(&found(&world, "논현", &[("from", &noon)]).await), [0; 0]);
    assert_eq!(ids(&found(&world, "논현", &[("status", "delivered")]).await), [0; 0]);
    assert_eq!(ids(&found(&world, "ㄴㅎㄹ 204", &[("status", "received")]).await), wanted[..1]);
}
