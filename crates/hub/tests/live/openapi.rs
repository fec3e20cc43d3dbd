//! `/openapi.json` is what the hub does: its methods are those of the router, its shapes those of real answers.

use crate::harness::Running;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn document(running: &Running) -> Value {
    let answer = reqwest::get(format!("{}/openapi.json", running.rest)).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn each_path_takes_the_methods_that_are_described() {
    let running = Running::start(false).await;
    let document = document(&running).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let client = reqwest::Client::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let concrete: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let url = format!("{}{}", running.rest, concrete.join("/"));
        let brew = Method::from_bytes(b"BREW").unwrap();
        let answer = client.request(brew, url).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let taken: BTreeSet<String> = answer.headers()["allow"]
            .to_str()
            .unwrap()
            .split(',')
            .map(|method| method.trim().to_lowercase())
            .filter(|method| method != "head")
            .collect();
        let described: BTreeSet<String> = operations.as_object().unwrap().keys().cloned().collect();
        assert_eq!(described, taken, "{path}");
    }
    running.stop().await;
}

/// What is not as a shape says: where, and what is there.
fn differs(document: &Value, shape: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(name) = shape["$ref"].as_str() {
        let shape = document.pointer(name.trim_start_matches('#')).expect(name);
        return differs(document, shape, value, at);
    }
    for any in ["anyOf", "oneOf"] {
        if let Some(shapes) = shape[any].as_array() {
            let all: Option<Vec<_>> =
                shapes.iter().map(|shape| differs(document, shape, value, at)).collect();
            return all.map(|all| all.join(" and "));
        }
    }
    let kinds: Vec<&str> = match &shape["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no kind: {other}"),
    };
    if !kinds.into_iter().any(is) {
        return Some(format!("{at} is {value}, not {}", shape["type"]));
    }
    if shape["enum"].as_array().is_some_and(|known| !known.contains(value)) {
        return Some(format!("{at} is {value}"));
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| differs(document, &shape["items"], item, &format!("{at}[]")));
    }
    let fields = value.as_object()?;
    let missing = shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = missing.into_iter().find(|name| !fields.contains_key(*name)) {
        return Some(format!("{at}.{missing} is missing in {value}"));
    }
    let described = shape["properties"].as_object()?;
    fields.iter().find_map(|(name, value)| match described.get(name) {
        Some(shape) => differs(document, shape, value, &format!("{at}.{name}")),
        None => Some(format!("{at}.{name} is not described")),
    })
}

#[tokio::test]
async fn answers_have_the_shapes_that_are_described() {
    let running = Running::start(false).await;
    let document = document(&running).await;
    let mut peer = running.joined().await;
    peer.call("subscribe", json!({"rooms": ["deliveries"]})).await;
    tracing::warn!("so that there is a line");
    let client = reqwest::Client::new();
    let center = "/api/v1/centers/{center}";
    let order = json!({
        "shop": {"id": "s1", "name": "한솥", "pos": {"lat": 37.5, "lon": 127.0}},
        "dropoff": {"address": "역삼동 1"},
        "items": [{"name": "도시락", "quantity": 2}],
    });
    let rider = json!({"id": "r1", "name": "라이더 1", "phone": "010-0000-0000"});
    let row = "/deliveries/{id}";
    let kim = json!({"account": "kim", "role": "dispatcher", "centers": ["gangnam"], "password": "kim"});
    for (account, method, path, rest, body) in [
        ("supervisor", "post", format!("{center}/riders"), "", Some(rider)),
        ("callcenter", "post", format!("{center}/deliveries"), "", Some(order)),
        ("supervisor", "post", format!("{center}{row}/{{action}}"), "", Some(json!({}))),
        ("supervisor", "post", format!("{center}{row}/{{action}}"), "", Some(json!({}))),
        ("dispatcher", "get", format!("{center}/deliveries"), "", None),
        ("dispatcher", "get", format!("{center}/deliveries"), "?fields=rev&buckets=0,1,2", None),
        ("dispatcher", "get", format!("{center}{row}"), "", None),
        ("dispatcher", "get", format!("{center}{row}/history"), "", None),
        ("dispatcher", "get", format!("{center}{row}/trace"), "", None),
        ("dispatcher", "get", format!("{center}/changes"), "?after=0", None),
        ("dispatcher", "get", format!("{center}/digest"), "", None),
        ("dispatcher", "get", format!("{center}/at"), "?time=1", None),
        ("dispatcher", "get", format!("{center}/riders"), "", None),
        ("dispatcher", "get", format!("{center}/alarms"), "", None),
        ("dispatcher", "get", "/api/v1/centers".to_owned(), "", None),
        ("dispatcher", "post", "/api/v1/socket-tickets".to_owned(), "", None),
        ("dispatcher", "post", "/api/v1/drain".to_owned(), "", None),
        ("rider", "get", "/api/v1/monitor".to_owned(), "", None),
        ("admin", "get", "/api/v1/monitor".to_owned(), "", None),
        ("admin", "get", "/api/v1/monitor/clients".to_owned(), "", None),
        ("admin", "get", "/api/v1/monitor/clients".to_owned(), "?limit=0", None),
        ("admin", "delete", "/api/v1/monitor/clients/{connection_id}".to_owned(), "", None),
        ("admin", "post", "/api/v1/drain".to_owned(), "", Some(json!({"cancel": true}))),
        ("admin", "post", "/api/v1/drain".to_owned(), "", Some(json!({"node": "nobody"}))),
        ("admin", "post", "/api/v1/accounts".to_owned(), "", Some(kim.clone())),
        ("admin", "post", "/api/v1/accounts".to_owned(), "", Some(kim)),
        ("admin", "get", "/api/v1/accounts".to_owned(), "", None),
        ("admin", "patch", "/api/v1/accounts/{name}".to_owned(), "", Some(json!({"role": "rider"}))),
        ("admin", "patch", "/api/v1/accounts/{name}".to_owned(), "", Some(json!({}))),
        ("admin", "post", "/api/v1/keys".to_owned(), "", Some(json!({"name": "till", "scopes": ["read"]}))),
        ("admin", "get", "/api/v1/keys".to_owned(), "", None),
        ("rider", "get", "/api/v1/keys".to_owned(), "", None),
        ("dispatcher", "get", "/api/v1/sessions".to_owned(), "", None),
        ("dispatcher", "delete", "/api/v1/sessions/{id}".to_owned(), "", None),
        ("admin", "get", "/api/v1/audit".to_owned(), "", None),
        ("admin", "get", "/api/v1/audit".to_owned(), "?from=yesterday", None),
        ("rider", "post", "/api/v1/monitor/shown".to_owned(), "", Some(json!({"deliveryId": 1}))),
        ("admin", "post", "/api/v1/monitor/shown".to_owned(), "", Some(json!({"deliveryId": 999}))),
        ("admin", "get", "/readyz".to_owned(), "", None),
    ] {
        let concrete = path.replace("{center}", "gangnam").replace("{id}", "1").replace("{action}", "accept");
        let concrete = concrete.replace("{name}", "kim");
        let url = format!("{}{concrete}{rest}", running.rest);
        let request = client.request(method.to_uppercase().parse().unwrap(), url);
        let request = request.bearer_auth(running.token(account).await);
        let answer = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = answer.send().await.unwrap();
        let status = answer.status().as_u16().to_string();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let described = &document["paths"][&path][method]["responses"][&status];
        assert!(described.is_object(), "{method} {path} answers {status}: {said}");
        let shape = &described["content"][&kind]["schema"];
        assert!(shape.is_object(), "{method} {path}: {status} as {kind}");
        assert_eq!(differs(&document, shape, &said, "answer"), None, "{method} {path}{rest}: {status}");
    }
    running.stop().await;
}
