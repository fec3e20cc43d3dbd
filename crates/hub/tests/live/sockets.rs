//! The Socket.IO side of the contract, seen by a peer that shares no code with the hub.

use crate::harness::{Running, gangnam};
use crate::peer::Peer;
use gwanje_hub::origin::Origin;
use gwanje_hub::store::Ask;
use gwanje_model::digest::RowDigest;
use gwanje_model::{Cancel, CancelBy, DeliveryId, Pos, Rev, RiderStatus};
use gwanje_wire::frame::{Frame, Head};
use gwanje_wire::rest::LoginRequest;
use gwanje_wire::socket::{Drain, RiderPos};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A board that does what the contract says with frames.
#[derive(Default)]
struct Board {
    cursor: Rev,
    rows: BTreeMap<DeliveryId, Rev>,
    gaps: usize,
}

impl Board {
    fn apply(&mut self, frame: &Value) {
        let frame: Frame = serde_json::from_str(&frame.to_string()).unwrap();
        if frame.to <= self.cursor {
            return;
        }
        if frame.from > self.cursor {
            self.gaps += 1;
            return;
        }
        for row in &frame.rows {
            self.rows.insert(row.id(), row.rev());
        }
        for gone in &frame.gone {
            self.rows.remove(&gone.id);
        }
        self.cursor = frame.to;
    }

    fn proves(&self, head: &Head) -> bool {
        self.cursor == head.rev && RowDigest::of(self.rows.iter().map(|(id, rev)| (*id, *rev))) == head.rows()
    }
}

fn head(value: &Value) -> Head {
    serde_json::from_value(value.clone()).unwrap()
}

async fn subscribe(peer: &mut Peer, cursor: Value) -> Value {
    peer.call("subscribe", json!({ "rooms": ["deliveries", "riders", "seats"], "cursor": cursor })).await
}

async fn epoch(running: &Running) -> String {
    running.hub.store.head(&gangnam()).await.unwrap().epoch.to_string()
}

#[tokio::test]
async fn what_may_not_join_is_refused_with_a_code() {
    let running = Running::start(false).await;
    let (mut peer, open) = Peer::open(&running.sockets, "/center/gangnam").await;
    assert_eq!((&open["pingInterval"], &open["pingTimeout"]), (&json!(4000), &json!(3000)));
    assert_eq!(peer.join("nonsense", "s").await.unwrap_err()["code"], "unauthorized");
    for (account, namespace, code) in [
        ("dispatcher", "/center/songpa", "not-found"),
        ("dispatcher", "/center/nowhere", "not-found"),
        ("dispatcher", "/", "not-found"),
        ("admin", "/center/nowhere", "not-found"),
        ("rider", "/center/gangnam", "forbidden"),
    ] {
        let ticket = running.ticket(account).await;
        let (mut peer, _) = Peer::open(&running.sockets, namespace).await;
        let refusal = peer.join(&ticket, "s").await.unwrap_err();
        assert_eq!(refusal["code"], code, "{account} at {namespace}");
        assert!(refusal["message"].is_string());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_ticket_is_good_for_one_connection_and_all_its_namespaces() {
    let running = Running::start(false).await;
    let ticket = running.ticket("admin").await;
    let (mut peer, _) = Peer::open(&running.sockets, "/center/gangnam").await;
    peer.join(&ticket, "s").await.unwrap();
    peer.to("/center/songpa");
    peer.join(&ticket, "s").await.unwrap();
    let (mut other, _) = Peer::open(&running.sockets, "/center/gangnam").await;
    assert_eq!(other.join(&ticket, "s").await.unwrap_err()["code"], "unauthorized");
    running.stop().await;
}

#[tokio::test]
async fn a_followed_board_is_proven_by_the_head() {
    let running = Running::start(false).await;
    running.order().await;
    let mut peer = running.joined().await;
    let ack = subscribe(&mut peer, json!({ "epoch": epoch(&running).await, "rev": 0 })).await;
    assert_eq!(ack["ok"], true, "{ack}");
    let mut board = Board::default();
    board.apply(&ack["missed"]);
    assert_eq!(board.cursor, Rev(1));
    let first = running.order().await;
    for _ in 0..40 {
        running.order().await;
    }
    running.act(first.id, Ask::Accept).await;
    loop {
        let (name, data) = peer.event().await.unwrap();
        match name.as_str() {
            "deliveries" => board.apply(&data),
            "head" if head(&data).rev == Rev(43) => {
                assert!(board.proves(&head(&data)), "cursor {} against {data}", board.cursor);
                break;
            }
            _ => {}
        }
    }
    assert_eq!((board.gaps, board.rows.len()), (0, 42));
    running.stop().await;
}

#[tokio::test]
async fn a_lost_frame_is_a_gap_and_the_cursor_fetches_it() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    let epoch = epoch(&running).await;
    subscribe(&mut peer, json!({ "epoch": epoch, "rev": 0 })).await;
    let mut board = Board::default();
    running.loses_all(true);
    running.order().await;
    // The head goes beyond what came: the lost last event shows.
    let seen = head(&peer.named("head").await);
    assert_eq!(seen.rev, Rev(1));
    assert!(!board.proves(&seen));
    running.loses_all(false);
    running.order().await;
    board.apply(&peer.named("deliveries").await);
    assert_eq!((board.gaps, board.cursor), (1, Rev::ZERO));
    let ack = subscribe(&mut peer, json!({ "epoch": epoch, "rev": 0 })).await;
    board.apply(&ack["missed"]);
    assert!(board.proves(&head(&ack["head"])));
    running.stop().await;
}

#[tokio::test]
async fn whoever_subscribes_again_goes_on_and_is_told_nothing_twice() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    subscribe(&mut peer, Value::Null).await;
    peer.named("riders").await;
    running.order().await;
    assert_eq!(peer.named("deliveries").await["to"], 1);
    let ack = subscribe(&mut peer, Value::Null).await;
    assert_eq!((&ack["head"]["rev"], &ack["missed"]), (&json!(1), &Value::Null));
    running.order().await;
    let frame = loop {
        let (name, data) = peer.event().await.unwrap();
        assert_ne!(name, "riders");
        if name == "deliveries" {
            break data;
        }
    };
    assert_eq!((&frame["from"], &frame["to"]), (&json!(1), &json!(2)));
    running.stop().await;
}

#[tokio::test]
async fn a_cursor_that_cannot_go_on_is_told_why() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    let epoch = epoch(&running).await;
    for (cursor, reason) in [
        (json!({ "epoch": "01OTHER", "rev": 0 }), json!("epoch")),
        (json!({ "epoch": epoch, "rev": 9 }), json!("ahead")),
        (Value::Null, Value::Null),
    ] {
        let ack = subscribe(&mut peer, cursor).await;
        assert_eq!((&ack["ok"], &ack["resync"], &ack["missed"]), (&json!(true), &reason, &Value::Null));
        assert_eq!(ack["head"]["epoch"], json!(epoch));
    }
    assert_eq!(peer.call("subscribe", json!({ "rooms": ["moon"] })).await["code"], "invalid");
    assert_eq!(peer.call("dance", json!({})).await["ok"], false);
    running.stop().await;
}

#[tokio::test]
async fn a_cancellation_comes_as_an_alarm_and_takes_receipts() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    subscribe(&mut peer, Value::Null).await;
    let row = running.order().await;
    let cancel = Cancel { reason: "품절".into(), by: CancelBy::Shop };
    let row = running.act(row.id, Ask::Cancel(cancel)).await;
    let alarm = peer.named("alarm").await;
    assert_eq!(alarm["id"], json!(row.id));
    assert_eq!(alarm["raisedAt"], json!(row.cancelled_at));
    let mut receipt = json!({ "id": alarm["id"], "kind": "cancelled", "raisedAt": alarm["raisedAt"] });
    receipt["stage"] = json!("displayed");
    assert_eq!(peer.call("alarm", receipt.clone()).await, json!({ "ok": true }), "as older clients say it");
    peer.named("alarm").await;
    receipt.as_object_mut().unwrap().remove("stage");
    receipt["receipt"] = json!("acknowledged");
    assert_eq!(peer.call("alarm", receipt.clone()).await, json!({ "ok": true }));
    let told = peer.named("alarm").await;
    assert_eq!(told["receipts"][0]["seat"], "seat-1");
    assert!(told["seq"].as_u64() > alarm["seq"].as_u64());
    receipt["raisedAt"] = json!(1);
    assert_eq!(peer.call("alarm", receipt.clone()).await["code"], "invalid", "no such alarm is due");
    receipt["id"] = json!(99);
    assert_eq!(peer.call("alarm", receipt).await["code"], "not-found");
    running.stop().await;
}

#[tokio::test]
async fn seats_and_riders_are_told() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    subscribe(&mut peer, Value::Null).await;
    assert_eq!(peer.call("seat", json!({ "openId": 7 })).await, json!({ "ok": true }));
    assert_eq!(peer.named("seats").await[0]["openId"], Value::Null, "all of them, once");
    let opened = json!({ "seat": "seat-1", "account": "dispatcher", "role": "dispatcher", "openId": 7, "assigningId": null });
    assert_eq!(peer.named("seats:changed").await, json!({ "seats": [opened], "gone": [] }));
    let place = RiderPos {
        id: "r1".into(),
        pos: Pos::Geo { lat: 37.5, lon: 127.0 },
        heading_deg: 90.0,
        status: RiderStatus::Idle,
        seen_at: running.hub.clock.day_now(),
    };
    running.hub.positions.update(&gangnam(), vec![place]);
    loop {
        let riders = peer.named("riders").await;
        if riders[0]["id"] == "r1" {
            assert_eq!(riders[0]["headingDeg"], json!(90.0));
            break;
        }
    }
    running.stop().await;
}

/// Commits more than buffers hold while the peer reads nothing: it gets wider frames or is put out, never a hole.
#[tokio::test]
async fn a_client_that_stops_reading_is_never_fed_a_hole() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    let ack = subscribe(&mut peer, json!({ "epoch": epoch(&running).await, "rev": 0 })).await;
    let mut board = Board::default();
    board.apply(&ack["missed"]);
    for _ in 0..400 {
        running.bulky_order(60_000).await;
    }
    while let Some((name, data)) = peer.event().await {
        match name.as_str() {
            "deliveries" => board.apply(&data),
            "head" if head(&data).rev == Rev(400) => {
                assert!(board.proves(&head(&data)));
                break;
            }
            _ => {}
        }
    }
    assert_eq!(board.gaps, 0, "up to {}", board.cursor);
    running.stop().await;
}

#[tokio::test]
async fn a_revoked_account_loses_its_socket() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    running.hub.auth.revoke_account("dispatcher").await.unwrap();
    peer.ended().await;
    running.stop().await;
}

#[tokio::test]
async fn a_shut_gate_refuses_the_port_and_opens_again() {
    let running = Running::start(true).await;
    let mut peer = running.joined().await;
    running.gate.shut().await;
    peer.ended().await;
    let port = running.sockets.trim_start_matches("http://");
    let refused = tokio::net::TcpStream::connect(port).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    running.gate.open().await;
    let mut peer = running.joined().await;
    assert_eq!(subscribe(&mut peer, Value::Null).await["ok"], true);
    running.stop().await;
}

#[tokio::test]
async fn a_stop_tells_the_sockets_and_ends_them() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    let stop = tokio::spawn(running.stop());
    assert_eq!(peer.named("drain").await, json!({ "withinMs": 1 }));
    peer.ended().await;
    stop.await.unwrap();
}

#[tokio::test]
async fn sockets_that_stay_after_a_drain_are_closed_and_those_that_came_meanwhile_are_not() {
    let running = Running::start(false).await;
    let mut stays = running.joined().await;
    let gate = running.gate.clone();
    let emptied = tokio::spawn(async move { gate.empty(Drain { within_ms: 200 }).await });
    assert_eq!(stays.named("drain").await, json!({ "withinMs": 200 }));
    let mut comes = running.joined().await;
    stays.ended().await;
    emptied.await.unwrap();
    assert_eq!(subscribe(&mut comes, Value::Null).await["ok"], true);
    running.stop().await;
}

#[tokio::test]
async fn a_hub_that_stops_lets_no_new_socket_in() {
    let running = Running::start(false).await;
    let mut there = running.joined().await;
    running.gate.admit_no_more();
    let url = format!("{}/socket.io/?EIO=4&transport=polling", running.sockets);
    let refused = reqwest::get(&url).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "unavailable");
    assert_eq!(subscribe(&mut there, Value::Null).await["ok"], true, "who is there stays");
    running.stop().await;
}

#[tokio::test]
async fn a_drain_that_is_taken_back_closes_nobody() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    assert_eq!(subscribe(&mut peer, Value::Null).await["ok"], true);
    let request = LoginRequest { account: "admin".into(), password: "admin".into() };
    let (_, login) = running.hub.auth.login(request, &Origin::default()).await.unwrap();
    let client = reqwest::Client::new();
    let asked = async |wish: Value| {
        let url = format!("{}/api/v1/drain", running.sockets);
        client.post(url).bearer_auth(&login.access_token).json(&wish).send().await.unwrap().status()
    };
    let ready = async || reqwest::get(format!("{}/readyz", running.sockets)).await.unwrap().status();
    assert_eq!(asked(json!({ "withinMs": 3_000 })).await, 200);
    assert_eq!(peer.named("drain").await, json!({ "withinMs": 3_000 }));
    assert_eq!(ready().await, 503);
    assert_eq!(asked(json!({ "cancel": true })).await, 200);
    assert_eq!(ready().await, 200);
    // Three heads are four seconds at least: longer than who stays is let.
    for _ in 0..3 {
        peer.named("head").await;
    }
    running.stop().await;
}

/// Polls until a packet with that prefix comes; what follows the prefix.
async fn polled(client: &reqwest::Client, url: &str, prefix: &str) -> String {
    loop {
        let text = client.get(url).send().await.unwrap().text().await.unwrap();
        if let Some(rest) = text.split('\u{1e}').find_map(|packet| packet.strip_prefix(prefix)) {
            return rest.to_owned();
        }
    }
}

#[tokio::test]
async fn polling_works_too_and_foreign_browsers_do_not() {
    let running = Running::start(false).await;
    let client = reqwest::Client::new();
    let url = format!("{}/socket.io/?EIO=4&transport=polling", running.sockets);
    let foreign = client.get(&url).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(foreign.json::<Value>().await.unwrap()["code"], "forbidden");
    let open =
        client.get(&url).header("origin", "https://ops.example").send().await.unwrap().text().await.unwrap();
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    let url = format!("{url}&sid={}", open["sid"].as_str().unwrap());
    let ticket = running.ticket("dispatcher").await;
    let join = format!("40/center/gangnam,{}", json!({ "ticket": ticket }));
    assert_eq!(client.post(&url).body(join).send().await.unwrap().status(), 200);
    let joined = polled(&client, &url, "40/center/gangnam,").await;
    assert!(joined.starts_with("{\"sid\":"), "{joined}");
    let subscribe =
        format!("42/center/gangnam,5{}", json!(["subscribe", { "rooms": ["deliveries"], "cursor": null }]));
    assert_eq!(client.post(&url).body(subscribe).send().await.unwrap().status(), 200);
    let ack = polled(&client, &url, "43/center/gangnam,5").await;
    assert!(ack.starts_with("[{\"ok\":true"), "{ack}");
    running.stop().await;
}
