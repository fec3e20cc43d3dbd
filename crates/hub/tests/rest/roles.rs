//! The contract's table: who may do what.

use crate::harness::{World, order};
use reqwest::StatusCode;
use serde_json::json;

const WHO: [&str; 6] = ["dispatcher", "callcenter", "supervisor", "admin", "gangnam-r1", "key"];

/// Per action: the status that the delivery must have, its body, and who may, in the order of [`WHO`].
#[tokio::test]
async fn actions_by_role() {
    let world = World::new().await;
    let none = json!({});
    let table = [
        ("accept", "received", none.clone(), [1, 1, 1, 0, 0, 0]),
        ("cancel", "waiting", json!({"reason": "고객 변심", "by": "customer"}), [1, 1, 1, 0, 0, 1]),
        ("note", "waiting", json!({"text": "문 앞"}), [1, 1, 1, 0, 0, 0]),
        ("assign", "waiting", json!({"riderId": "gangnam-r1"}), [1, 0, 1, 0, 0, 0]),
        ("unassign", "assigned", none.clone(), [1, 0, 1, 0, 0, 0]),
        ("confirm", "assigned", none.clone(), [1, 0, 1, 0, 1, 0]),
        ("pickup", "assigned", none.clone(), [1, 0, 1, 0, 1, 0]),
        ("deliver", "pickedUp", none.clone(), [1, 0, 1, 0, 1, 0]),
    ];
    for (action, status, body, may) in table {
        for (who, may) in WHO.into_iter().zip(may) {
            let path = world.delivery(status).await;
            let answer = world.post(who, &format!("{path}/{action}"), &body).await;
            let expected = if may == 1 { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(answer.status, expected, "{who} {action}: {answer:?}");
            if may == 0 {
                assert_eq!(answer.code(), "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn creating_reading_and_editing_riders_by_role() {
    let world = World::new().await;
    for (who, create, read, edit) in [
        ("dispatcher", 403, 200, 403),
        ("callcenter", 201, 200, 403),
        ("supervisor", 201, 200, 201),
        ("admin", 403, 200, 201),
        ("gangnam-r1", 403, 403, 403),
        ("key", 201, 200, 403),
        ("nobody", 401, 401, 401),
    ] {
        let created = world.post(who, "/centers/gangnam/deliveries", &order()).await;
        assert_eq!(created.status.as_u16(), create, "{who} creates: {created:?}");
        for path in ["riders", "alarms", "digest", "changes?after=0", "at?time=0", "search"] {
            let answer = world.get(who, &format!("/centers/gangnam/{path}")).await;
            // `changes` names no epoch, which tells a reader to resync.
            let expected = if read == 200 && path.starts_with("changes") { 410 } else { read };
            assert_eq!(answer.status.as_u16(), expected, "{who} reads {path}: {answer:?}");
        }
        let rider = json!({"id": format!("new-{who}"), "name": "새 라이더"});
        let edited = world.post(who, "/centers/gangnam/riders", &rider).await;
        assert_eq!(edited.status.as_u16(), edit, "{who} makes a rider: {edited:?}");
    }
    let renamed = crate::harness::send(
        world
            .request("supervisor", reqwest::Method::PATCH, "/centers/gangnam/riders/gangnam-r2")
            .json(&json!({"name": "김둘", "status": "off"})),
    )
    .await;
    assert_eq!((&renamed.body["name"], &renamed.body["phone"]), (&json!("김둘"), &json!("010")));
}

#[tokio::test]
async fn a_center_that_may_not_be_seen_is_not_found() {
    let world = World::new().await;
    for who in ["dispatcher", "callcenter", "supervisor", "gangnam-r1", "key"] {
        for path in ["deliveries", "changes?epoch=E&after=0", "digest", "riders", "alarms", "deliveries/1"] {
            let answer = world.get(who, &format!("/centers/songpa/{path}")).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not-found"), "{who} {path}");
        }
        let answer = world.post(who, "/centers/songpa/deliveries", &order()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not-found"), "{who} creates");
    }
    let centers = |answer: crate::harness::Answer| -> Vec<String> {
        let list = answer.body.as_array().unwrap().clone();
        list.iter().map(|center| center["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(centers(world.get("dispatcher", "/centers").await), ["gangnam"]);
    assert_eq!(centers(world.get("admin", "/centers").await), ["gangnam", "songpa"]);
    assert_eq!(world.get("admin", "/centers/nowhere/deliveries").await.code(), "not-found");
}

#[tokio::test]
async fn a_rider_sees_and_changes_own_deliveries_only() {
    let world = World::new().await;
    let own = world.delivery("assigned").await;
    let waiting = world.delivery("waiting").await;
    let other = world.delivery("waiting").await;
    world.post("dispatcher", &format!("{other}/assign"), &json!({"riderId": "gangnam-r2"})).await;
    assert_eq!(world.get("gangnam-r1", &own).await.status, 200);
    for foreign in [&waiting, &other] {
        assert_eq!(world.get("gangnam-r1", foreign).await.code(), "not-found");
        assert_eq!(world.get("gangnam-r1", &format!("{foreign}/history")).await.code(), "not-found");
    }
    assert_eq!(world.post("gangnam-r1", &format!("{other}/pickup"), &json!({})).await.code(), "not-found");
    let board = world.get("gangnam-r1", "/centers/gangnam/deliveries").await.body;
    assert_eq!((board["count"].as_u64(), board["rows"].as_array().unwrap().len()), (Some(1), 1));
    let named = world.post("gangnam-r1", &format!("{own}/pickup"), &json!({"riderId": "gangnam-r2"})).await;
    assert_eq!(named.code(), "forbidden", "it names another identity");
    assert_eq!(world.post("gangnam-r1", &format!("{own}/pickup"), &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_body_that_names_another_identity_is_refused() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    for body in [json!({"text": "x", "account": "admin"}), json!({"text": "x", "by": "supervisor"})] {
        assert_eq!(
            world.post("dispatcher", &format!("{path}/note"), &body).await.code(),
            "forbidden",
            "{body}"
        );
    }
    let mut forged = order();
    forged["account"] = json!("admin");
    assert_eq!(world.post("callcenter", "/centers/gangnam/deliveries", &forged).await.code(), "forbidden");
    let note = json!({"text": "x", "account": "dispatcher"});
    let answer = world.post("dispatcher", &format!("{path}/note"), &note).await;
    assert_eq!(answer.body["notes"][0]["by"], "dispatcher", "{answer:?}");
}

#[tokio::test]
async fn a_key_without_read_sees_no_heads() {
    let world = World::new().await;
    let key = gwanje_hub::auth::ApiKey {
        name: "intake".into(),
        centers: vec!["gangnam".into()],
        scopes: vec![gwanje_hub::auth::Scope::Create],
    };
    let key = world.hub.auth.put_key(key).await.unwrap();
    let answer = crate::harness::send(world.http.get(world.at("/centers")).header("x-api-key", key)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden"));
}

#[tokio::test]
async fn a_center_that_another_process_added_does_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = || {
        let clock = gwanje_hub::Clock::drill(crate::harness::DAY_START, 0.0);
        gwanje_hub::store::StoreConfig::at(folder.path().join("hub.sqlite"), clock)
    };
    let world = World::on(at()).await;
    let other = gwanje_hub::store::Store::open(at()).unwrap();
    let added = gwanje_hub::store::CenterRecord {
        id: "mapo".into(),
        name: "마포".into(),
        pos: None,
        time_zone: "Asia/Seoul".into(),
    };
    other.ensure_center(added).await.unwrap();
    let answer = world.get("admin", "/centers").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_array().map(Vec::len)), (200, Some(2)), "{answer:?}");
}
