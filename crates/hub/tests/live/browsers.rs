//! Pages in browsers: which may ask, by which names, and what they are told.

use crate::harness::Running;
use gwanje_hub::HubConfig;
use gwanje_hub::public_url::PublicUrl;
use reqwest::{Method, Response};
use serde_json::Value;

async fn asked(running: &Running, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", running.rest));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

#[tokio::test]
async fn pages_of_listed_origins_poll_and_read_what_they_are_told() {
    let running = Running::start(false).await;
    let from = ("origin", "https://ops.example");
    let opened = asked(&running, Method::GET, POLL, &[from]).await;
    assert_eq!(opened.status(), 200);
    assert_eq!(opened.headers()["access-control-allow-origin"], "https://ops.example");
    let wish = ("access-control-request-headers", "x-api-key, content-type");
    for path in [POLL, "/api/v1/centers"] {
        let preflight =
            asked(&running, Method::OPTIONS, path, &[from, ("access-control-request-method", "POST"), wish])
                .await;
        assert_eq!(preflight.status(), 204, "{path}");
        let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
        assert!(["x-api-key", "content-type", "authorization"].iter().all(|name| allowed.contains(name)));
        assert_eq!(preflight.headers()["access-control-allow-origin"], "https://ops.example");
    }
    let foreign = asked(&running, Method::GET, POLL, &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.status(), 403);
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    running.stop().await;
}

/// A page that turned its own name to this hub's address counts for the browser as the hub's own.
#[tokio::test]
async fn a_page_that_turns_its_name_to_the_hub_is_refused() {
    let running = Running::start(false).await;
    let evil = ("host", "evil.example:7400");
    for headers in [
        &[evil, ("origin", "http://evil.example:7400")][..],
        &[evil, ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")],
        &[evil, ("sec-fetch-site", "same-origin")],
    ] {
        for path in ["/metrics", "/openapi.json", POLL] {
            let refused = asked(&running, Method::GET, path, headers).await;
            assert_eq!(refused.status(), 403, "{path} {headers:?}");
            let said: Value = refused.json().await.unwrap();
            assert!(said["detail"].as_str().unwrap().contains("`hosts`"), "{said}");
        }
    }
    for headers in [
        // No browser: nobody can turn a name under it.
        &[("host", "hub.internal")][..],
        &[("host", "localhost:1"), ("user-agent", "Mozilla/5.0")],
        &[("host", "10.0.0.7"), ("user-agent", "Mozilla/5.0")],
    ] {
        assert_eq!(asked(&running, Method::GET, "/metrics", headers).await.status(), 200, "{headers:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_hub_with_names_is_asked_by_these_alone() {
    let config = HubConfig {
        hosts: vec!["hub.example".into()],
        public_url: Some(PublicUrl::parse("https://public.example/").unwrap()),
        ..HubConfig::default()
    };
    let running = Running::start_as(false, config).await;
    for (host, path, status) in [
        ("evil.example", "/openapi.json", 403),
        ("evil.example", POLL, 403),
        ("10.0.0.7", "/openapi.json", 403),
        ("Hub.Example:7400", "/openapi.json", 200),
        ("public.example", "/openapi.json", 200),
        ("127.0.0.1:1", POLL, 200),
        // Balancers ask by what they have.
        ("evil.example", "/readyz", 200),
        ("evil.example", "/healthz", 200),
    ] {
        assert_eq!(
            asked(&running, Method::GET, path, &[("host", host)]).await.status(),
            status,
            "{host}{path}"
        );
    }
    let own = [("host", "public.example"), ("origin", "https://public.example")];
    assert_eq!(asked(&running, Method::GET, "/openapi.json", &own).await.status(), 200);
    assert_eq!(running.hub.link("/track/T"), "https://public.example/track/T");
    running.stop().await;
}
