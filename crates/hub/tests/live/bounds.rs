//! What strangers and slow clients take leaves room for all others.

use crate::harness::Running;
use crate::peer::Peer;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Begins to read a board and goes on no further than its first bytes.
async fn sips(running: &Running, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream =
        socket.connect(running.rest.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let request = format!(
        "GET /api/v1/centers/gangnam/deliveries HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_readers_of_one_account_keep_no_other_from_its_board() {
    let running = Running::start(false).await;
    for _ in 0..400 {
        running.bulky_order(60_000).await;
    }
    let slow = running.token("dispatcher").await;
    let mut sipping = Vec::new();
    for _ in 0..12 {
        sipping.push(sips(&running, &slow).await);
    }
    // Those that have a place have begun.
    let mut first = [0; 12];
    sipping[0].read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let other = running.token("supervisor").await;
    let board = reqwest::Client::new()
        .get(format!("{}/api/v1/centers/gangnam/deliveries", running.rest))
        .bearer_auth(other)
        .timeout(Duration::from_secs(60))
        .send();
    let board = board.await.unwrap();
    assert_eq!(board.status(), 200);
    let board: serde_json::Value = board.json().await.unwrap();
    assert_eq!(board["rows"].as_array().unwrap().len(), 400);
    drop(sipping);
    running.stop().await;
}

#[tokio::test]
async fn a_connection_is_one_accounts() {
    let running = Running::start(false).await;
    let (mut peer, _) = Peer::open(&running.sockets, "/center/gangnam").await;
    peer.join(&running.ticket("dispatcher").await, "seat-1").await.unwrap();
    let others = running.ticket("admin").await;
    peer.to("/center/songpa");
    let refused = peer.join(&others, "seat-1").await.unwrap_err();
    assert_eq!(refused["code"], "unauthorized");
    let (mut another, _) = Peer::open(&running.sockets, "/center/songpa").await;
    another.join(&others, "seat-2").await.expect("what was refused was not spent");
    running.stop().await;
}

#[tokio::test]
async fn what_seats_say_of_themselves_is_clean_and_bounded() {
    let running = Running::start(false).await;
    let (mut peer, _) = Peer::open(&running.sockets, "/center/gangnam").await;
    let ticket = running.ticket("dispatcher").await;
    let refused = peer.join(&ticket, &"a".repeat(129)).await.unwrap_err();
    assert_eq!(refused["code"], "invalid");
    peer.join(&ticket, "\u{202E}창가\u{0}").await.unwrap();
    let wish = json!({ "rooms": ["seats"], "cursor": null });
    assert_eq!(peer.call("subscribe", wish).await["ok"], true);
    assert_eq!(peer.named("seats").await[0]["seat"], "창가");
    let beyond = json!({ "openId": 1_u64 << 60 });
    assert_eq!(peer.call("seat", beyond).await["code"], "invalid");
    running.stop().await;
}

/// However often a seat opens another delivery, all others are told twice a second.
#[tokio::test]
async fn a_seat_that_toggles_is_told_of_as_it_is_in_the_end() {
    let running = Running::start(false).await;
    let mut follows = running.joined().await;
    let wish = json!({ "rooms": ["seats"], "cursor": null });
    assert_eq!(follows.call("subscribe", wish).await["ok"], true);
    let (mut toggles, _) = Peer::open(&running.sockets, "/center/gangnam").await;
    toggles.join(&running.ticket("callcenter").await, "seat-2").await.unwrap();
    for id in 1..=300 {
        assert_eq!(toggles.call("seat", json!({ "openId": id })).await["ok"], true);
    }
    let mut told = 0;
    loop {
        let change = follows.named("seats:changed").await;
        told += 1;
        let seats = change["seats"].as_array().unwrap();
        assert!(seats.iter().all(|seat| seat["seat"] == "seat-2" || told == 1), "{change}");
        if seats.iter().any(|seat| seat["openId"] == 300) {
            break;
        }
    }
    assert!(told <= 150, "{told} for 300 changes");
    drop(toggles);
    let gone = json!([{ "seat": "seat-2", "account": "callcenter" }]);
    assert_eq!(follows.named("seats:changed").await, json!({ "seats": [], "gone": gone }));
    running.stop().await;
}
