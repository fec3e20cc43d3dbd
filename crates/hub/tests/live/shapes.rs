//! What the hub says on a socket has the shape of the published test vectors.

use crate::harness::{Running, gangnam, order};
use crate::peer::Peer;
use crate::vectors::{case, shape};
use gwanje_hub::store::{Ask, Command, Intent};
use gwanje_model::{Cancel, CancelBy, Delivery, Dropoff, Item, Pos, Rider, RiderStatus, Shop};
use gwanje_wire::NewOrder;
use serde_json::{Value, json};
use std::sync::Arc;

async fn subscribe(peer: &mut Peer, cursor: Value) -> Value {
    peer.call("subscribe", json!({ "rooms": ["deliveries"], "cursor": cursor })).await
}

fn cancel() -> Ask {
    Ask::Cancel(Cancel { reason: "품절".into(), by: CancelBy::Shop })
}

/// An order with all that an order can say.
fn told_order() -> NewOrder {
    let NewOrder { shop, dropoff, .. } = order();
    let pos = Some(Pos::Geo { lat: 37.5, lon: 127.03 });
    NewOrder {
        shop: Shop { pos, ..shop },
        dropoff: Dropoff { pos, ..dropoff },
        items: vec![Item { name: "도시락".into(), quantity: 2 }],
        ..order()
    }
}

/// A delivery with a value for every member.
async fn whole_delivery(running: &Running) -> Arc<Delivery> {
    let rider = Rider {
        id: "r4".into(),
        name: "임창진".into(),
        phone: "".into(),
        home: gangnam(),
        status: RiderStatus::Idle,
        pos: None,
        seen_at: None,
        load: 0,
    };
    running.hub.store.upsert_riders(&gangnam(), vec![rider]).await.unwrap();
    let intent = Intent::Create(Box::new(told_order()));
    let command = Command::new(gangnam(), intent, "test", running.hub.clock.day_now());
    let row = running.hub.store.execute(command).await.unwrap().result.unwrap().row;
    for ask in [Ask::Accept, Ask::Assign("r4".into()), Ask::Note { text: "문 앞".into(), role: None }] {
        running.act(row.id, ask).await;
    }
    running.act(row.id, cancel()).await
}

#[tokio::test]
async fn frames_heads_and_acks_have_the_shape_of_the_vectors() {
    let running = Running::start(false).await;
    let epoch = running.hub.store.head(&gangnam()).await.unwrap().epoch;
    let left = running.order().await;
    running.act(left.id, cancel()).await;
    let ended = running.hub.clock.day_now().plus_min(1);
    assert_eq!(running.hub.store.archive_ended_before(&gangnam(), ended).await.unwrap(), 1);
    whole_delivery(&running).await;

    let mut peer = running.joined().await;
    let ack = subscribe(&mut peer, json!({ "epoch": epoch, "rev": 0 })).await;
    let every_member = case("frames.json", "every member has a value");
    assert_eq!(shape(&ack["missed"]), shape(&every_member["frame"]), "{ack}");

    let rev = ack["head"]["rev"].clone();
    running.order().await;
    let frame = peer.named("deliveries").await;
    let plain = case("acks.json", "what was missed");
    assert_eq!(shape(&frame), shape(&plain["ack"]["missed"]), "{frame}");
    let head = peer.named("head").await;
    assert_eq!(shape(&head), shape(&case("heads.json", "one row")["head"]), "{head}");
    for (cursor, name) in [
        (json!({ "epoch": epoch, "rev": rev }), "what was missed"),
        (json!({ "epoch": epoch, "rev": frame["to"] }), "nothing was missed: an empty frame"),
        (Value::Null, "without a cursor"),
        (json!({ "epoch": "01OTHER", "rev": rev }), "a cursor of another epoch"),
        (json!({ "epoch": epoch, "rev": 99 }), "a cursor ahead of the head"),
    ] {
        let (ack, expected) = (subscribe(&mut peer, cursor).await, case("acks.json", name));
        assert_eq!(shape(&ack), shape(&expected["ack"]), "{name}: {ack}");
        assert_eq!((&ack["ok"], &ack["resync"]), (&json!(true), &expected["ack"]["resync"]), "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn alarms_receipts_and_refusals_have_the_shape_of_the_vectors() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    subscribe(&mut peer, Value::Null).await;
    let row = running.order().await;
    running.act(row.id, cancel()).await;
    let alarm = peer.named("alarm").await;
    let quiet = case("alarms.json", "a cancellation that nobody has seen");
    assert_eq!(shape(&alarm), shape(&quiet["answer"]["alarms"][0]), "{alarm}");

    for case in
        ["a receipt: the seat has it", "a receipt: a person took note"].map(|name| case("alarms.json", name))
    {
        let mut receipt = case["receipt"].clone();
        receipt["id"] = alarm["id"].clone();
        receipt["raisedAt"] = alarm["raisedAt"].clone();
        assert_eq!(peer.call("alarm", receipt).await, json!({ "ok": true }), "{case}");
    }
    let mut told = peer.named("alarm").await;
    // The two are told in one event, or each in its own.
    while !told["receipts"].to_string().contains("acknowledged") {
        told = peer.named("alarm").await;
    }
    let seen = case("alarms.json", "receipts: each seat's furthest stage");
    assert_eq!(shape(&told), shape(&seen["answer"]["alarms"][0]), "{told}");

    let no_stage = case("alarms.json", "a receipt of a stage that there is not")["receipt"].clone();
    let nowhere = case("alarms.json", "a receipt: the seat shows it")["receipt"].clone();
    for (event, data, name) in [
        ("subscribe", json!({ "rooms": ["moon"] }), "refused: a stream that the hub does not know"),
        ("dance", json!({}), "an event that the hub does not know"),
        ("alarm", no_stage, "a receipt that can't be read"),
        ("alarm", nowhere, "a receipt of no alarm"),
        ("seat", json!({ "openId": row.id }), "what a seat has open was taken"),
    ] {
        let (ack, expected) = (peer.call(event, data).await, case("acks.json", name));
        assert_eq!(shape(&ack), shape(&expected["ack"]), "{name}: {ack}");
        assert_eq!(
            (&ack["ok"], ack.get("code")),
            (&expected["ack"]["ok"], expected["ack"].get("code")),
            "{name}: {ack}"
        );
    }
    running.stop().await;
}
