//! What Prometheus reads, who may read it, and that the dashboard asks for nothing else.

use crate::harness::Running;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `/metrics`, with some headers.
async fn metrics(running: &Running, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = reqwest::Client::new().get(format!("{}/metrics", running.rest));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn what_is_done_is_measured() {
    let running = Running::start(false).await;
    let mut peer = running.joined().await;
    peer.call("subscribe", json!({"rooms": ["deliveries"]})).await;
    running.order().await;
    peer.named("deliveries").await;
    let url = format!("{}/api/v1/centers/gangnam/deliveries/7?x=010-1234-5678", running.rest);
    assert_eq!(reqwest::get(url).await.unwrap().status(), 401);
    let (status, text) = metrics(&running, &[]).await;
    assert_eq!(status, 200);
    for line in [
        "gwanje_hub_frames_total 1",
        "gwanje_hub_commands_total 1",
        "gwanje_hub_frame_delay_seconds_count 1",
        "gwanje_hub_sockets_opened_total 1",
        "gwanje_hub_refusals_total{code=\"unauthorized\"} 1",
        "gwanje_hub_request_seconds_count{method=\"GET\",route=\"/api/v1/centers/{center}/deliveries/{id}\",status=\"4xx\"} 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.contains("gwanje_hub_commit_seconds_count"));
    assert!(!text.contains("1234"), "nothing of a request but its route");
    running.stop().await;
}

#[tokio::test]
async fn measurements_are_read_from_this_machine_or_by_an_admin() {
    let running = Running::start(false).await;
    assert_eq!(metrics(&running, &[]).await.0, 200);
    for passed_on in [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1")] {
        assert_eq!(metrics(&running, &[passed_on]).await.0, 401, "{passed_on:?}");
        for (account, status) in [("dispatcher", 403), ("supervisor", 403), ("admin", 200)] {
            let bearer = format!("Bearer {}", running.token(account).await);
            let headers = [passed_on, ("authorization", bearer.as_str())];
            assert_eq!(metrics(&running, &headers).await.0, status, "{account}");
        }
    }
    running.stop().await;
}

/// The names of the hub's metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("gwanje_hub_")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_dashboard_asks_for_what_is_served() {
    let running = Running::start(false).await;
    // Measured with the first request.
    metrics(&running, &[]).await;
    let served = named(&metrics(&running, &[]).await.1);
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana.json"));
    let dashboard: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"][0]["expr"].is_string()), "each asks something");
    let asked = named(&dashboard["panels"].to_string());
    assert!(asked.len() >= 10, "{asked:?}");
    let unserved: Vec<_> = asked.difference(&served).collect();
    assert!(unserved.is_empty(), "{unserved:?} of {served:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_request_keeps_its_id_and_one_without_gets_one() {
    let running = Running::start(false).await;
    let id = async |given: Option<&str>| {
        let mut request = reqwest::Client::new().get(format!("{}/healthz", running.rest));
        if let Some(given) = given {
            request = request.header("x-request-id", given);
        }
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id(Some("deploy-7.a_b")).await, "deploy-7.a_b");
    let long = "a".repeat(65);
    for given in [None, Some("a b"), Some("\u{e9}"), Some(long.as_str()), Some("")] {
        let made = id(given).await;
        assert!(made.len() == 26 && made.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{made}");
    }
    assert_ne!(id(None).await, id(None).await);
    running.stop().await;
}
