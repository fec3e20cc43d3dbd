//! Texts are cleaned at the door, whichever door they come by.

use crate::harness::{World, order, send};
use reqwest::Method;
use serde_json::{Value, json};

/// Turns what stands beside it around, ends texts early in some readers, and is written in parts.
const HOSTILE: &str = "\u{202E}\u{2066}a\0\u{200F}b\u{202C}\u{1112}\u{1161}\u{11AB}\u{61C}";
/// The same as a free text, and as a name.
const TEXT: &str = "ab\u{1112}\u{1161}\u{11AB}";
const NAME: &str = "ab한";

fn hostile(mut said: Value, members: &[&str]) -> Value {
    for member in members {
        *said.pointer_mut(member).unwrap_or_else(|| panic!("{member}")) = json!(HOSTILE);
    }
    said
}

#[tokio::test]
async fn orders_actions_batches_and_riders_are_taken_clean() {
    let world = World::new().await;
    let mut said = order();
    said["request"] = json!("");
    said["dropoff"]["detail"] = json!("");
    let members = ["/shop/name", "/items/0/name", "/dropoff/address", "/dropoff/detail", "/request"];
    let created = world.post("callcenter", "/centers/gangnam/deliveries", &hostile(said, &members)).await;
    assert_eq!(created.status, 201, "{created:?}");
    for (member, taken) in members.iter().zip([NAME, NAME, TEXT, TEXT, TEXT]) {
        assert_eq!(created.body.pointer(member), Some(&json!(taken)), "{member}");
    }
    let path = format!("/centers/gangnam/deliveries/{}", created.body["id"]);
    let noted = world.post("callcenter", &format!("{path}/note"), &json!({"text": HOSTILE})).await;
    assert_eq!(noted.body["notes"][0]["text"], TEXT);
    let blank = world.post("callcenter", &format!("{path}/note"), &json!({"text": "\u{202E}\u{200E}"})).await;
    assert_eq!(blank.code(), "invalid", "nothing is left of it");
    let batch = json!({"action": "note", "body": {"text": HOSTILE}, "ids": [{"id": created.body["id"]}]});
    let batch = world.post("callcenter", "/centers/gangnam/deliveries/batch", &batch).await;
    assert_eq!(batch.body["results"][0]["row"]["notes"][1]["text"], TEXT);
    let cancel = json!({"reason": HOSTILE, "by": "shop"});
    let cancelled = world.post("callcenter", &format!("{path}/cancel"), &cancel).await;
    assert_eq!(cancelled.body["cancel"]["reason"], TEXT);
    let rider = json!({"id": "r9", "name": HOSTILE, "phone": "\u{202D}010\0"});
    let rider = world.post("supervisor", "/centers/gangnam/riders", &rider).await;
    assert_eq!((&rider.body["name"], &rider.body["phone"]), (&json!(NAME), &json!("010")), "{rider:?}");
    let renamed = world.request("supervisor", Method::PATCH, "/centers/gangnam/riders/r9");
    assert_eq!(send(renamed.json(&json!({"name": HOSTILE}))).await.body["name"], NAME);
}
