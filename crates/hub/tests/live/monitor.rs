//! The monitor of one hub: who is connected, who may see that, and putting a client out.

use crate::harness::Running;
use crate::peer::{PATIENCE, Peer};
use reqwest::Method;
use serde_json::{Value, json};

/// An answer: its status and its body.
async fn ask(running: &Running, account: &str, method: Method, path: &str) -> (u16, Value) {
    let token = running.token(account).await;
    let url = format!("{}/api/v1{path}", running.rest);
    let answer = reqwest::Client::new().request(method, url).bearer_auth(token).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

async fn get(running: &Running, account: &str, path: &str) -> Value {
    let (status, body) = ask(running, account, Method::GET, path).await;
    assert_eq!(status, 200, "{account} {path}: {body}");
    body
}

/// Waits until an answer is as it should be.
async fn until(running: &Running, account: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let body = get(running, account, path).await;
            if holds(&body) {
                return body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it comes to hold")
}

#[tokio::test]
async fn the_monitor_shows_the_hub_and_who_is_where() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    let subscribed = peer.call("subscribe", json!({"rooms": ["deliveries", "seats", "seats"]})).await;
    assert_eq!(subscribed["ok"], true);
    // It answers pings until it goes.
    let held = tokio::spawn(async move { peer.ended().await });
    let shown = until(&running, "admin", "/monitor", |shown| shown["nodes"][0]["rssBytes"].is_u64()).await;
    let node = &shown["nodes"][0];
    assert_eq!(node["id"], running.rest.strip_prefix("http://").unwrap(), "host and port: {node}");
    assert_eq!((&node["draining"], &node["degraded"]), (&json!(false), &json!([])));
    assert!(node["startedAt"].as_i64().is_some() && node["cpuPercent"].is_number());
    let rooms = json!([{"name": "deliveries", "clients": 1}, {"name": "seats", "clients": 1}]);
    let expected = json!([{"name": "/center/gangnam", "clients": 1, "rooms": rooms}]);
    assert_eq!(shown["namespaces"], expected);
    assert_eq!(shown["totals"], json!({"clients": 1, "accounts": 1, "namespaces": 1, "rooms": 2}));
    assert_eq!(shown["broadcasts"], json!([]));
    let listed = get(&running, "admin", "/monitor/clients?room=seats&account=dispatcher&limit=5").await;
    let client = &listed["clients"][0];
    for (field, value) in [
        ("account", json!("dispatcher")),
        ("role", json!("dispatcher")),
        ("seat", json!("seat-1")),
        ("namespace", json!("/center/gangnam")),
        ("rooms", json!(["deliveries", "seats"])),
        ("node", node["id"].clone()),
        ("transport", json!("websocket")),
        ("behind", json!({"median": 0, "worst": 0})),
    ] {
        assert_eq!(client[field], value, "{field}");
    }
    assert_eq!(listed["next"], Value::Null);
    held.abort();
    until(&running, "admin", "/monitor", |shown| shown["totals"]["clients"] == 0).await;
    running.stop().await;
}

#[tokio::test]
async fn each_sees_what_the_role_allows() {
    let running = Running::start(false).await;
    let mut in_gangnam = running.joined().await;
    let ticket = running.ticket("admin").await;
    let (mut in_songpa, _) = Peer::open(&running.sockets, "/center/songpa").await;
    in_songpa.join(&ticket, "seat-2").await.unwrap();
    // They answer pings all the while.
    let both = tokio::spawn(async move { tokio::join!(in_gangnam.ended(), in_songpa.ended()) });
    let namespaces = async |account: &str| {
        let shown = get(&running, account, "/monitor").await;
        let names = shown["namespaces"].as_array().unwrap().iter();
        let names: Vec<String> = names.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        let listed = get(&running, account, "/monitor/clients").await;
        assert_eq!(listed["clients"].as_array().unwrap().len(), names.len(), "{account}: {listed}");
        names
    };
    assert_eq!(namespaces("admin").await, ["/center/gangnam", "/center/songpa"]);
    assert_eq!(namespaces("supervisor").await, ["/center/gangnam"]);
    assert_eq!(namespaces("dispatcher").await, ["/center/gangnam"], "the own link");
    assert_eq!(namespaces("callcenter").await, Vec::<String>::new());
    let of_others = "/monitor/clients?namespace=/center/songpa";
    for account in ["supervisor", "dispatcher"] {
        assert_eq!(get(&running, account, of_others).await["clients"], json!([]));
    }
    for path in ["/monitor", "/monitor/clients"] {
        assert_eq!(ask(&running, "rider", Method::GET, path).await.0, 403);
    }
    both.abort();
    let (status, said) = ask(&running, "admin", Method::GET, "/monitor/clients?limit=0").await;
    assert_eq!((status, &said["code"]), (400, &json!("invalid")));
    running.stop().await;
}

#[tokio::test]
async fn an_admin_puts_a_client_out() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    // It answers pings until it is put out.
    let ended = tokio::spawn(async move { peer.ended().await });
    let listed = get(&running, "admin", "/monitor/clients").await;
    let id = listed["clients"][0]["connectionId"].as_str().unwrap();
    let path = format!("/monitor/clients/{id}");
    for account in ["supervisor", "dispatcher"] {
        assert_eq!(ask(&running, account, Method::DELETE, &path).await.0, 403);
    }
    assert_eq!(ask(&running, "admin", Method::DELETE, "/monitor/clients/nobody").await.0, 404);
    assert_eq!(ask(&running, "admin", Method::DELETE, &path).await.0, 204);
    ended.await.unwrap();
    assert_eq!(ask(&running, "admin", Method::DELETE, &path).await.0, 404, "it is gone");
    running.stop().await;
}

#[tokio::test]
async fn whoever_looks_on_is_told_who_comes_and_goes() {
    let running = Running::start(false).await;
    let looks_on = async |account: &str| {
        let ticket = running.ticket(account).await;
        let (mut peer, _) = Peer::open(&running.sockets, "/monitor").await;
        peer.join(&ticket, "screen").await.map(|_| peer)
    };
    let mut admin = looks_on("admin").await.unwrap();
    let mut callcenter = looks_on("callcenter").await.unwrap();
    assert_eq!(looks_on("rider").await.err().unwrap()["code"], "forbidden");
    assert!(admin.named("counts").await["totals"]["clients"].as_u64() >= Some(1));
    let refused = admin.call("subscribe", json!({"rooms": ["deliveries"]})).await;
    assert_eq!((&refused["ok"], &refused["code"]), (&json!(false), &json!("invalid")));
    let peer = running.joined().await;
    let told = loop {
        let told = admin.named("joined").await;
        if told["namespace"] == "/center/gangnam" {
            break told;
        }
    };
    drop(peer);
    let left = admin.named("left").await;
    assert_eq!((&left["connectionId"], &left["account"]), (&told["connectionId"], &json!("dispatcher")));
    // The call center hears of its own link alone.
    loop {
        let (name, data) = callcenter.event().await.unwrap();
        match name.as_str() {
            "joined" => assert_eq!(data["account"], "callcenter"),
            "counts" if data["totals"]["clients"] == 1 => break,
            "counts" => {}
            other => panic!("{other}: {data}"),
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn one_whose_centers_change_looks_on_no_longer() {
    let running = Running::start(false).await;
    let ticket = running.ticket("supervisor").await;
    let (mut peer, _) = Peer::open(&running.sockets, "/monitor").await;
    peer.join(&ticket, "screen").await.unwrap();
    assert!(running.hub.auth.set_centers("supervisor", vec!["songpa".into()]).await.unwrap());
    peer.ended().await;
    running.stop().await;
}
