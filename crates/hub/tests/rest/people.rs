//! Accounts, keys, sign-ins and the audit by REST.

use crate::harness::{Answer, World, send};
use reqwest::Method;
use serde_json::{Value, json};

async fn patch(world: &World, who: &str, path: &str, body: &Value) -> Answer {
    send(world.request(who, Method::PATCH, path).json(body)).await
}

async fn delete(world: &World, who: &str, path: &str) -> Answer {
    send(world.request(who, Method::DELETE, path)).await
}

fn kim() -> Value {
    json!({"account": "kim", "name": "김은지", "role": "dispatcher", "centers": ["gangnam"], "password": "pw"})
}

#[tokio::test]
async fn an_account_from_its_making_to_its_end() {
    let world = World::new().await;
    let made = world.post("admin", "/accounts", &kim()).await;
    let mut expected = json!({
        "account": "kim", "name": "김은지", "role": "dispatcher", "centers": ["gangnam"], "rider": null,
        "disabled": false,
    });
    assert_eq!((made.status.as_u16(), &made.body), (201, &expected));
    assert_eq!(world.post("admin", "/accounts", &kim()).await.code(), "conflict");
    let listed = world.get("admin", "/accounts").await.body;
    assert!(listed.as_array().unwrap().contains(&expected), "{listed}");
    assert!(!listed.to_string().contains("argon2"), "no password, not its hash either");
    assert_eq!(world.login("kim", "pw").await.body["name"], "김은지");
    let edited = patch(&world, "admin", "/accounts/kim", &json!({"role": "supervisor", "name": "김"})).await;
    expected["role"] = json!("supervisor");
    expected["name"] = json!("김");
    assert_eq!(edited.body, expected);
    let rider = patch(&world, "admin", "/accounts/kim", &json!({"role": "rider"})).await;
    assert_eq!(rider.body["rider"], "kim", "the one of its name");
    patch(&world, "admin", "/accounts/kim", &json!({"password": "other"})).await;
    assert_eq!(world.login("kim", "pw").await.code(), "unauthorized");
    assert_eq!(world.login("kim", "other").await.status, 200);
    assert_eq!(delete(&world, "admin", "/accounts/kim").await.status, 204);
    for gone in [
        delete(&world, "admin", "/accounts/kim").await,
        patch(&world, "admin", "/accounts/kim", &json!({"disabled": true})).await,
    ] {
        assert_eq!(gone.code(), "not-found");
    }
}

/// One text serves for both: the name that it signs in by, and what people call it.
#[tokio::test]
async fn a_name_alone_is_the_account() {
    let world = World::new().await;
    let lee = json!({"name": "lee", "role": "admin", "password": "pw"});
    let made = world.post("admin", "/accounts", &lee).await;
    assert_eq!((&made.body["account"], &made.body["name"]), (&json!("lee"), &json!("lee")));
    assert_eq!(world.login("lee", "pw").await.body["account"], "lee");
}

#[tokio::test]
async fn what_can_not_be_an_account_or_a_key_is_invalid() {
    let world = World::new().await;
    let with = |key: &str, value: Value| {
        let mut account = kim();
        account[key] = value;
        account
    };
    for body in [
        with("account", json!("Kim")),
        with("account", json!("")),
        with("account", json!("key:x")),
        with("account", json!("x".repeat(65))),
        with("role", json!("boss")),
        with("centers", json!(["nowhere"])),
        with("centers", json!([])),
        with("password", json!("")),
        with("name", json!(" ")),
        with("rider", json!("r1")),
        json!({}),
    ] {
        let answer = world.post("admin", "/accounts", &body).await;
        assert_eq!(answer.code(), "invalid", "{body}: {answer:?}");
    }
    for body in [json!({}), json!({"disabel": true}), json!({"centers": ["nowhere"]}), json!({"role": 7})] {
        let answer = patch(&world, "admin", "/accounts/dispatcher", &body).await;
        assert_eq!(answer.code(), "invalid", "{body}: {answer:?}");
    }
    for body in [
        json!({"name": "Till", "scopes": ["read"]}),
        json!({"name": "till", "scopes": []}),
        json!({"name": "till", "scopes": ["fly"]}),
        json!({"name": "till", "scopes": ["read"], "centers": ["nowhere"]}),
    ] {
        let answer = world.post("admin", "/keys", &body).await;
        assert_eq!(answer.code(), "invalid", "{body}: {answer:?}");
    }
    for query in ["from=yesterday", "cursor=x", "cursor=1.2"] {
        assert_eq!(world.get("admin", &format!("/audit?{query}")).await.code(), "invalid", "{query}");
    }
}

#[tokio::test]
async fn the_last_admin_stays() {
    let world = World::new().await;
    for refused in [
        delete(&world, "admin", "/accounts/admin").await,
        patch(&world, "admin", "/accounts/admin", &json!({"disabled": true})).await,
        patch(&world, "admin", "/accounts/admin", &json!({"role": "supervisor"})).await,
    ] {
        assert_eq!(refused.code(), "conflict");
        assert!(refused.body["detail"].as_str().unwrap().contains("last admin"), "{refused:?}");
    }
    let lee = json!({"account": "lee", "role": "admin", "password": "pw"});
    assert_eq!(world.post("admin", "/accounts", &lee).await.status, 201);
    assert_eq!(delete(&world, "admin", "/accounts/admin").await.status, 204, "another is there");
    assert_eq!(world.get("admin", "/accounts").await.code(), "unauthorized", "and that was its end");
}

#[tokio::test]
async fn a_disabled_account_is_told_so_and_one_that_signed_out_is_not() {
    let world = World::new().await;
    world.post("admin", "/accounts", &kim()).await;
    let (first, second) = (world.login("kim", "pw").await.body, world.login("kim", "pw").await.body);
    let refresh = async |of: &Value| {
        let body = json!({"refreshToken": of["refreshToken"]});
        send(world.http.post(world.at("/login/refresh")).json(&body)).await
    };
    let out = world.http.post(world.at("/logout")).bearer_auth(first["accessToken"].as_str().unwrap());
    assert_eq!(send(out).await.status, 204);
    let ended = refresh(&first).await;
    assert_eq!((ended.code(), &ended.body["accountGone"]), ("unauthorized", &Value::Null));
    patch(&world, "admin", "/accounts/kim", &json!({"disabled": true})).await;
    let token = second["accessToken"].as_str().unwrap();
    assert_eq!(send(world.http.get(world.at("/centers")).bearer_auth(token)).await.code(), "unauthorized");
    for told in [refresh(&second).await, world.login("kim", "pw").await] {
        assert_eq!((told.code(), &told.body["accountGone"]), ("unauthorized", &json!(true)), "{told:?}");
    }
    let guessed = world.login("kim", "guess").await;
    assert_eq!(guessed.body["accountGone"], Value::Null, "not to whoever guesses");
    patch(&world, "admin", "/accounts/kim", &json!({"disabled": false})).await;
    assert_eq!(world.login("kim", "pw").await.status, 200);
    assert_eq!(refresh(&second).await.code(), "unauthorized", "what was ended stays ended");
}

#[tokio::test]
async fn a_key_is_shown_once_and_taken_away() {
    let world = World::new().await;
    let till = json!({"name": "till", "scopes": ["read", "create"], "centers": ["gangnam"]});
    let made = world.post("admin", "/keys", &till).await;
    assert_eq!(made.status, 201);
    let secret = made.body["secret"].as_str().unwrap().to_owned();
    let listed = world.get("admin", "/keys").await.body;
    assert!(listed.as_array().unwrap().contains(&till), "{listed}");
    assert!(!listed.to_string().contains(&secret));
    assert_eq!(world.post("admin", "/keys", &till).await.code(), "conflict");
    let taken = json!({"name": "dispatcher", "scopes": ["read"]});
    assert_eq!(world.post("admin", "/keys", &taken).await.code(), "conflict", "an account's name");
    let by_key = async || send(world.http.get(world.at("/centers")).header("x-api-key", &secret)).await;
    assert_eq!(by_key().await.body[0]["id"], "gangnam");
    assert_eq!(delete(&world, "admin", "/keys/till").await.status, 204);
    assert_eq!(by_key().await.code(), "unauthorized");
    assert_eq!(delete(&world, "admin", "/keys/till").await.code(), "not-found");
    let all = world.post("admin", "/keys", &json!({"name": "all", "scopes": ["read"]})).await;
    assert_eq!(all.body["centers"], json!(["gangnam", "songpa"]));
}

#[tokio::test]
async fn everybody_ends_own_sign_ins_and_an_admin_any() {
    let world = World::new().await;
    let other = world.login("dispatcher", "dispatcher").await.body;
    let sessions = world.get("dispatcher", "/sessions").await.body;
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let of = |current: bool| {
        sessions.iter().find(|one| one["current"] == current).unwrap()["id"].as_str().unwrap()
    };
    assert_eq!(world.get("supervisor", "/sessions?account=dispatcher").await.code(), "forbidden");
    assert_eq!(world.get("admin", "/sessions?account=dispatcher").await.body.as_array().unwrap().len(), 2);
    let theirs = format!("/sessions/{}", of(false));
    assert_eq!(delete(&world, "supervisor", &theirs).await.code(), "not-found");
    assert_eq!(delete(&world, "dispatcher", &theirs).await.status, 204);
    let token = other["accessToken"].as_str().unwrap();
    assert_eq!(send(world.http.get(world.at("/centers")).bearer_auth(token)).await.code(), "unauthorized");
    let own = format!("/sessions/{}", of(true));
    assert_eq!(delete(&world, "admin", &own).await.status, 204);
    assert_eq!(world.get("dispatcher", "/centers").await.code(), "unauthorized");
}
