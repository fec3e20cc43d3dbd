//! What is taken away at one hub is gone at the other: its sockets, and its tokens.

use crate::harness::{Node, Shared};
use crate::peer::Peer;
use gwanje_hub::auth::{ApiKey, NewAccount, Scope};
use gwanje_hub::origin::Origin;
use gwanje_model::Role;
use gwanje_wire::rest::LoginRequest;
use reqwest::Method;
use serde_json::{Value, json};

/// A dispatcher with a socket at a hub.
struct Seat {
    peer: Peer,
    token: String,
    refresh: String,
}

async fn account(node: &Node, name: &str) {
    let (role, rider, person, password) = (Role::Dispatcher, None, None, name.to_owned());
    let centers = vec!["gangnam".into()];
    let new = NewAccount { name: name.into(), role, centers, rider, person, password };
    node.hub.auth.put_account(new).await.unwrap();
}

async fn seated(node: &Node, name: &str) -> Seat {
    let request = LoginRequest { account: name.into(), password: name.into() };
    let (identity, reply) = node.hub.auth.login(request, &Origin::default()).await.unwrap();
    let ticket = node.hub.auth.issue_ticket(&identity).ticket;
    let (mut peer, _) = Peer::open(&node.url, "/center/gangnam").await;
    peer.join(&ticket, name).await.unwrap();
    Seat { peer, token: reply.access_token, refresh: reply.refresh_token }
}

async fn status(node: &Node, path: &str, token: &str) -> u16 {
    let asked = reqwest::Client::new().get(format!("{}/api/v1{path}", node.url)).bearer_auth(token);
    asked.send().await.unwrap().status().as_u16()
}

async fn renews(node: &Node, refresh: &str) -> bool {
    let url = format!("{}/api/v1/login/refresh", node.url);
    let asked = reqwest::Client::new().post(url).json(&json!({ "refreshToken": refresh }));
    asked.send().await.unwrap().status().is_success()
}

/// By a change at the first hub, sockets and tokens at the second end.
async fn revoked_by(first: &Node, second: &Node, name: &str, method: Method, path: &str, body: Value) {
    account(first, name).await;
    second.hub.auth.reload().await.unwrap();
    let mut seat = seated(second, name).await;
    assert_eq!(status(second, "/centers", &seat.token).await, 200);
    let (done, said) = first.ask(method, path, body).await;
    assert!((200..300).contains(&done), "{path}: {said}");
    seat.peer.ended().await;
    for node in [first, second] {
        assert_eq!(status(node, "/centers", &seat.token).await, 401, "{path}");
        assert!(!renews(node, &seat.refresh).await, "{path}");
    }
}

#[tokio::test]
async fn whoever_is_taken_away_at_one_hub_is_out_at_the_other() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let disabled = json!({"disabled": true});
    revoked_by(&first, &second, "kim", Method::PATCH, "/accounts/kim", disabled).await;
    let password = json!({"password": "another"});
    revoked_by(&first, &second, "lee", Method::PATCH, "/accounts/lee", password).await;
    revoked_by(&first, &second, "park", Method::DELETE, "/accounts/park", json!(null)).await;
    // One sign-in of two.
    account(&first, "choi").await;
    let (mut one, mut other) = (seated(&second, "choi").await, seated(&second, "choi").await);
    let (_, sessions) = first.ask(Method::GET, "/sessions?account=choi", json!(null)).await;
    let id = sessions[0]["id"].as_str().unwrap().to_owned();
    let (ended, said) = first.ask(Method::DELETE, &format!("/sessions/{id}"), json!(null)).await;
    assert_eq!(ended, 204, "{said}");
    one.peer.ended().await;
    assert_eq!(status(&second, "/centers", &one.token).await, 401);
    assert_eq!(status(&second, "/centers", &other.token).await, 200);
    let still = other.peer.call("subscribe", json!({"rooms": ["deliveries"], "cursor": null})).await;
    assert_eq!(still["ok"], true);
    // A key.
    let key = ApiKey { name: "till".into(), centers: vec!["gangnam".into()], scopes: vec![Scope::Read] };
    let secret = first.hub.auth.put_key(key).await.unwrap();
    let by_key = async || {
        let url = format!("{}/api/v1/centers", second.url);
        let asked = reqwest::Client::new().get(url).header("x-api-key", &secret);
        asked.send().await.unwrap().status().as_u16()
    };
    assert_eq!(by_key().await, 200);
    let (removed, _) = first.ask(Method::DELETE, "/keys/till", json!(null)).await;
    assert_eq!(removed, 204);
    let gone = async {
        while by_key().await != 401 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::peer::PATIENCE, gone).await.expect("the key is void at the other hub");
    first.stopped().await;
    second.stopped().await;
}

/// What an account may is taken away: its sockets end, and it comes back with what is left to it.
#[tokio::test]
async fn another_role_or_other_centers_end_the_sockets_at_the_other_hub() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    for (name, edit) in [("kim", json!({"role": "callcenter"})), ("lee", json!({"centers": []}))] {
        account(&first, name).await;
        second.hub.auth.reload().await.unwrap();
        let mut seat = seated(&second, name).await;
        let (done, said) = first.ask(Method::PATCH, &format!("/accounts/{name}"), edit.clone()).await;
        assert_eq!(done, 200, "{said}");
        seat.peer.ended().await;
        assert!(renews(&second, &seat.refresh).await, "it comes back: {edit}");
    }
    first.stopped().await;
    second.stopped().await;
}

#[tokio::test]
async fn the_audit_tells_who_did_what_at_which_hub_ever() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let kim = json!({"account": "kim", "name": "김은지", "role": "dispatcher", "centers": ["gangnam"],
                     "password": "long enough"});
    let (made, said) = first.ask(Method::POST, "/accounts", kim).await;
    assert_eq!((made, &said["account"], &said["name"]), (201, &json!("kim"), &json!("김은지")), "{said}");
    let (status, said) =
        second.ask(Method::POST, "/drain", json!({"cancel": true, "node": second.name()})).await;
    assert_eq!(status, 200, "{said}");
    let order = first.order().await;
    let (shown, said) = second.ask(Method::POST, "/monitor/shown", json!({"deliveryId": order})).await;
    assert_eq!(shown, 204, "{said}");
    let (_, audit) = second.ask(Method::GET, "/audit?account=admin", json!(null)).await;
    let lines: Vec<(&str, &str, &str)> = audit["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| ["action", "target", "from"].map(|field| line[field].as_str().unwrap()))
        .filter(|[action, ..]| *action != "session.begin")
        .map(|[action, target, from]| (action, target, from))
        .collect();
    let target = second.name();
    let shown = format!("gangnam/{order}");
    let from = "127.0.0.1";
    let expected =
        [("account.add", "kim", from), ("drain.cancel", &target, from), ("phone.shown", &shown, from)];
    assert_eq!(lines, expected, "{audit}");
    let whole = audit.to_string();
    assert!(!whole.contains("김은지") && !whole.contains("long enough"), "{whole}");
    first.stopped().await;
    second.stopped().await;
}
