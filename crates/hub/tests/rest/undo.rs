//! Taking changes back: which, by whom, for how long, and what the delivery is then.

use crate::harness::{Answer, DAY_START, World, send};
use gwanje_hub::Clock;
use gwanje_hub::auth::NewAccount;
use gwanje_hub::store::StoreConfig;
use gwanje_model::{DeliveryId, Role, RowDigest, UtcMillis};
use reqwest::Method;
use serde_json::{Value, json};

/// What leads to each status, in order, with its body.
fn way() -> [(&'static str, Value); 5] {
    let none = json!({});
    [
        ("accept", none.clone()),
        ("assign", json!({"riderId": "gangnam-r1"})),
        ("confirm", none.clone()),
        ("pickup", none.clone()),
        ("deliver", none),
    ]
}

async fn act(world: &World, who: &str, path: &str, action: &str, body: &Value) -> Answer {
    world.post(who, &format!("{path}/{action}"), body).await
}

async fn undo(world: &World, who: &str, path: &str, rev: &Value) -> Answer {
    act(world, who, path, "undo", &json!({"rev": rev})).await
}

/// A row without what every change changes.
fn lasting(row: &Value) -> Value {
    let mut row = row.clone();
    for member in ["rev", "modifiedAt"] {
        row.as_object_mut().unwrap().remove(member).unwrap();
    }
    row
}

/// A hub whose wall clock stands until it is set.
async fn still() -> (World, Clock) {
    let clock = Clock::still(DAY_START, DAY_START);
    (World::on(StoreConfig::temporary(clock.clone())).await, clock)
}

#[tokio::test]
async fn a_delivery_is_as_it_was_before_at_a_new_revision() {
    let world = World::new().await;
    let path = world.ordered().await;
    for (action, body) in way().into_iter().chain([("unassign", json!({}))]) {
        if action == "unassign" {
            let again = world.delivery("assigned").await;
            check_undo(&world, &again, action, &body).await;
        } else {
            check_undo(&world, &path, action, &body).await;
            assert_eq!(
                act(&world, "supervisor", &path, action, &body).await.status,
                200,
                "done anew: {action}"
            );
        }
    }
    let row = world.get("dispatcher", &path).await.body;
    assert_eq!(row["status"], "delivered");
    let reassign = world.delivery("assigned").await;
    check_undo(&world, &reassign, "assign", &json!({"riderId": "gangnam-r2"})).await;
    let board = world.get("dispatcher", "/centers/gangnam/deliveries").await.body;
    let rows: Vec<_> =
        board["rows"].as_array().unwrap().iter().map(|row| (&row["id"], &row["rev"])).collect();
    let rows = rows.iter().map(|(id, rev)| (DeliveryId(id.as_u64().unwrap()), rev.as_u64().unwrap()));
    let digest = RowDigest::of(rows.map(|(id, rev)| (id, gwanje_model::Rev(rev))));
    let head = world.hub.store.head(&"gangnam".into()).await.unwrap();
    assert_eq!(head.rows(), digest, "count and digest are of the rows");
}

/// Does and undoes: the row is as before, and the history tells both.
async fn check_undo(world: &World, path: &str, action: &str, body: &Value) {
    let before = world.get("dispatcher", path).await.body;
    let done = act(world, "supervisor", path, action, body).await.body;
    let back = undo(world, "supervisor", path, &done["rev"]).await;
    assert_eq!(back.status, 200, "{action}: {back:?}");
    assert_eq!(lasting(&back.body), lasting(&before), "{action}");
    assert!(back.body["rev"].as_u64() > done["rev"].as_u64(), "{action}: a new revision");
    assert!(back.etag().ends_with(&format!("-{}\"", back.body["rev"])), "{}", back.etag());
    assert_eq!(world.get("dispatcher", path).await.body, back.body, "{action}");
    let history = world.get("dispatcher", &format!("{path}/history")).await.body;
    let last = history.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["action"], &last["detail"], &last["rev"]),
        (&json!("undo"), &json!(action), &back.body["rev"])
    );
    assert_eq!((&last["from"], &last["to"]), (&done["status"], &before["status"]), "{action}");
    assert_eq!(last["by"], json!({"account": "supervisor", "name": "supervisor"}));
}

#[tokio::test]
async fn a_final_delivery_that_is_taken_back_is_live_again() {
    let world = World::new().await;
    let path = world.delivery("delivered").await;
    let row = world.get("supervisor", &path).await.body;
    assert_eq!(undo(&world, "supervisor", &path, &row["rev"]).await.body["status"], "pickedUp");
    let gangnam = "gangnam".into();
    let all = UtcMillis(i64::MAX / 2);
    assert_eq!(world.hub.store.archive_ended_before(&gangnam, all).await.unwrap(), 0, "it has not ended");
    let done = act(&world, "supervisor", &path, "deliver", &json!({})).await.body;
    assert_eq!(world.hub.store.archive_ended_before(&gangnam, all).await.unwrap(), 1);
    let late = undo(&world, "supervisor", &path, &done["rev"]).await;
    assert_eq!((late.status.as_u16(), late.code()), (404, "not-found"), "it has left the board");
}

#[tokio::test]
async fn only_ones_own_latest_change_is_taken_back() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let assign = json!({"riderId": "gangnam-r1"});
    let assigned = act(&world, "dispatcher", &path, "assign", &assign).await.body;
    let another = undo(&world, "supervisor", &path, &assigned["rev"]).await;
    assert_eq!((another.status.as_u16(), another.code()), (409, "conflict"), "{another:?}");
    assert_eq!(another.body["current"], assigned);
    assert_eq!(another.body["latest"]["by"], json!({"account": "dispatcher", "name": "김관제"}));
    for rev in [json!(1), json!(999)] {
        assert_eq!(undo(&world, "dispatcher", &path, &rev).await.code(), "conflict", "{rev}");
    }
    assert_eq!(act(&world, "dispatcher", &path, "undo", &json!({})).await.code(), "invalid", "which change?");
    let noted = act(&world, "dispatcher", &path, "note", &json!({"text": "x"})).await.body;
    let behind = undo(&world, "dispatcher", &path, &assigned["rev"]).await;
    assert_eq!(behind.code(), "conflict", "a note came after it");
    assert_eq!(undo(&world, "dispatcher", &path, &noted["rev"]).await.code(), "invalid-transition");
}

#[tokio::test]
async fn what_stays_is_told_with_the_reason() {
    let world = World::new().await;
    let created = world.ordered().await;
    let row = world.get("callcenter", &created).await.body;
    let stays = undo(&world, "callcenter", &created, &row["rev"]).await;
    assert_eq!((stays.status.as_u16(), stays.code()), (409, "invalid-transition"), "an order: {stays:?}");
    let accepted = act(&world, "callcenter", &created, "accept", &json!({})).await.body;
    let back = undo(&world, "callcenter", &created, &accepted["rev"]).await.body;
    assert_eq!(back["status"], "received");
    let twice = undo(&world, "callcenter", &created, &back["rev"]).await;
    assert_eq!(twice.code(), "invalid-transition", "an undo is not undone");
    let why = json!({"reason": "x", "by": "shop"});
    let cancelled = act(&world, "callcenter", &created, "cancel", &why).await.body;
    assert_eq!(undo(&world, "callcenter", &created, &cancelled["rev"]).await.code(), "invalid-transition");
    assert_eq!(
        undo(&world, "callcenter", "/centers/gangnam/deliveries/999", &json!(1)).await.code(),
        "not-found"
    );
}

#[tokio::test]
async fn fifteen_seconds_of_the_wall_count_and_no_more() {
    for (after_ms, code) in [(15_000, ""), (15_001, "invalid-transition")] {
        let (world, clock) = still().await;
        let path = world.delivery("waiting").await;
        let assign = json!({"riderId": "gangnam-r1"});
        let assigned = act(&world, "dispatcher", &path, "assign", &assign).await.body;
        // The day may run as fast as it likes.
        clock.set_still(DAY_START.plus_ms(after_ms), DAY_START.plus_min(600));
        let answer = undo(&world, "dispatcher", &path, &assigned["rev"]).await;
        assert_eq!(answer.code(), code, "after {after_ms} ms: {answer:?}");
    }
    let (world, _) = still().await;
    assert_eq!(world.get("dispatcher", "/centers").await.body[0]["undoWithinMs"], 15_000);
}

#[tokio::test]
async fn whoever_may_not_do_it_any_more_may_not_take_it_back() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    for who in ["admin", "key"] {
        assert_eq!(undo(&world, who, &path, &json!(2)).await.code(), "forbidden", "{who}");
    }
    let own = world.delivery("assigned").await;
    let picked = act(&world, "gangnam-r1", &own, "pickup", &json!({})).await.body;
    assert_eq!(
        undo(&world, "gangnam-r1", &own, &picked["rev"]).await.body["status"],
        "assigned",
        "a rider's own"
    );
    let assigned = act(&world, "supervisor", &path, "assign", &json!({"riderId": "gangnam-r1"})).await.body;
    let other_role = NewAccount {
        name: "supervisor".into(),
        role: Role::CallCenter,
        centers: vec!["gangnam".into()],
        rider: None,
        person: None,
        password: "supervisor".into(),
    };
    world.hub.auth.put_account(other_role).await.unwrap();
    assert_eq!(undo(&world, "supervisor", &path, &assigned["rev"]).await.code(), "forbidden");
}

#[tokio::test]
async fn a_rider_who_is_not_listed_any_more_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.sqlite");
    let world = World::on(StoreConfig::at(&file, Clock::drill(DAY_START, 0.0))).await;
    let path = world.delivery("assigned").await;
    let free = act(&world, "dispatcher", &path, "unassign", &json!({})).await.body;
    let db = rusqlite::Connection::open(&file).unwrap();
    assert_eq!(db.execute("DELETE FROM rider WHERE id = 'gangnam-r1'", []).unwrap(), 1);
    let gone = undo(&world, "dispatcher", &path, &free["rev"]).await;
    assert_eq!((gone.status.as_u16(), gone.code()), (400, "invalid"), "{gone:?}");
}

#[tokio::test]
async fn an_undo_under_a_key_is_done_once() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let assigned = act(&world, "dispatcher", &path, "assign", &json!({"riderId": "gangnam-r1"})).await.body;
    let once = || {
        let request = world.request("dispatcher", Method::POST, &format!("{path}/undo"));
        send(request.header("idempotency-key", "U").json(&json!({"rev": assigned["rev"]})))
    };
    let (first, twin) = (once().await, once().await);
    assert_eq!((first.status.as_u16(), &first.body), (200, &twin.body));
    let closed = world.post("dispatcher", "/centers/gangnam/commands/U/close", &Value::Null).await.body;
    assert_eq!((&closed["outcome"], &closed["body"]), (&json!("done"), &first.body));
    assert_eq!(world.get("dispatcher", &path).await.body["rev"], first.body["rev"]);
}
