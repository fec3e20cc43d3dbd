//! Signing in and out, refreshing, tickets, and what failing too often leads to.

use crate::harness::{World, send};
use futures_util::{FutureExt as _, StreamExt as _};
use gwanje_hub::Clock;
use gwanje_hub::auth::NewAccount;
use gwanje_hub::store::StoreConfig;
use gwanje_model::Role;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_sign_in_from_login_to_logout() {
    let world = World::new().await;
    world.hub.set_socket_urls(vec!["http://127.0.0.1:1".into()]);
    let signed = world.login("dispatcher", "dispatcher").await.body;
    assert_eq!((&signed["account"], &signed["role"]), (&json!("dispatcher"), &json!("dispatcher")));
    assert_eq!(
        (&signed["centers"], &signed["socketUrls"]),
        (&json!(["gangnam"]), &json!(["http://127.0.0.1:1"]))
    );
    assert_eq!(signed["name"], "김관제");
    let admin = world.login("admin", "admin").await.body;
    assert_eq!(admin["name"], "admin", "whom nobody calls otherwise");
    assert_eq!(admin["centers"], json!(["gangnam", "songpa"]), "an admin sees all");
    let refresh = |token: serde_json::Value| {
        send(world.http.post(world.at("/login/refresh")).json(&json!({"refreshToken": token})))
    };
    let next = refresh(signed["refreshToken"].clone()).await.body;
    assert_eq!(refresh(signed["refreshToken"].clone()).await.body, next, "a spent token gives the same pair");
    assert_ne!(next["refreshToken"], signed["refreshToken"]);
    let bearer = next["accessToken"].as_str().unwrap();
    let as_signed = |method, path: &str| world.http.request(method, world.at(path)).bearer_auth(bearer);
    assert_eq!(send(as_signed(Method::GET, "/centers")).await.status, 200);
    assert_eq!(send(as_signed(Method::POST, "/logout")).await.status, 204);
    assert_eq!(send(as_signed(Method::GET, "/centers")).await.code(), "unauthorized");
    assert_eq!(refresh(next["refreshToken"].clone()).await.code(), "unauthorized");
    assert_eq!(refresh(json!("garbage")).await.code(), "unauthorized");
}

#[tokio::test]
async fn a_drill_is_marked_and_a_real_day_is_not() {
    let world = World::new().await;
    let mark = json!({"speed": 0.0, "dayAt": crate::harness::DAY_START});
    assert_eq!(world.login("dispatcher", "dispatcher").await.body["drill"], mark);
    let centers = world.get("dispatcher", "/centers").await.body;
    assert_eq!((&centers[0]["drill"], &centers[0]["atRiskMin"]), (&mark, &json!(5)));
    let real = World::on(StoreConfig::temporary(Clock::wall())).await;
    assert_eq!(real.login("dispatcher", "dispatcher").await.body["drill"], json!(null));
    assert_eq!(real.get("dispatcher", "/centers").await.body[0]["drill"], json!(null));
}

#[tokio::test]
async fn an_account_that_is_made_anew_keeps_its_name_until_it_is_given_another() {
    let world = World::new().await;
    for (person, called) in [(None, "김관제"), (Some("이관제"), "이관제")] {
        let again = NewAccount {
            name: "dispatcher".into(),
            role: Role::Dispatcher,
            centers: vec!["gangnam".into()],
            rider: None,
            person: person.map(Into::into),
            password: "dispatcher".into(),
        };
        world.hub.auth.put_account(again).await.unwrap();
        assert_eq!(world.login("dispatcher", "dispatcher").await.body["name"], called);
    }
}

#[tokio::test]
async fn ten_wrong_passwords_lock_nobody_else_out() {
    let world = World::new().await;
    for host in 0..10 {
        // One network, whatever the address in it.
        let answer = world.login_from(&format!("2001:db8::{host:x}"), "supervisor", "wrong").await;
        assert_eq!(answer.code(), "unauthorized");
    }
    let answer = world.login_from("2001:db8::a", "supervisor", "supervisor").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "too-many-requests"));
    let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    for (address, account) in [
        ("2001:db8:0:1::a", "supervisor"),
        ("192.0.2.1", "supervisor"),
        ("2001:db8::a", "dispatcher"),
        // What clients write themselves counts for nothing.
        ("2001:db8::a, 192.0.2.2", "supervisor"),
    ] {
        assert_eq!(world.login_from(address, account, account).await.status, 200, "{account} from {address}");
    }
}

#[tokio::test]
async fn random_names_from_an_address_stop_that_address_and_nobody_who_was_there_before() {
    let world = World::new().await;
    assert_eq!(world.login_from("192.0.2.1", "dispatcher", "dispatcher").await.status, 200);
    let guesses = (0..70).map(|n| {
        let world = &world;
        async move { world.login_from("192.0.2.1", &format!("name-{n}"), "x").await }.boxed()
    });
    let guesses: Vec<_> = futures_util::stream::iter(guesses).buffer_unordered(8).collect().await;
    let checked = guesses.iter().filter(|answer| answer.code() == "unauthorized").count();
    let told_to_wait = guesses.iter().filter(|answer| answer.code() == "too-many-requests").count();
    assert_eq!((checked, told_to_wait), (60, 10));
    assert_eq!(
        world.login_from("192.0.2.1", "supervisor", "supervisor").await.status,
        429,
        "never there before"
    );
    assert_eq!(world.login_from("192.0.2.1", "dispatcher", "dispatcher").await.status, 200, "it was");
    assert_eq!(
        world.login_from("192.0.2.2", "supervisor", "supervisor").await.status,
        200,
        "another address"
    );
}

/// Many guess at an account from everywhere: who it knows is let in as ever, and who it doesn't know waits and is let in.
#[tokio::test]
async fn an_account_that_many_guess_at_slows_down_strangers_and_refuses_nobody() {
    let world = World::new().await;
    assert_eq!(world.login_from("192.0.2.1", "supervisor", "supervisor").await.status, 200);
    let guesses = (0..100).map(|n| {
        let address = format!("198.51.100.{}", n % 10);
        let world = &world;
        async move { world.login_from(&address, "supervisor", "wrong").await }.boxed()
    });
    let guesses: Vec<_> = futures_util::stream::iter(guesses).buffer_unordered(8).collect().await;
    assert!(guesses.iter().all(|answer| answer.code() == "unauthorized"));
    let asked = std::time::Instant::now();
    assert_eq!(world.login_from("203.0.113.1", "supervisor", "supervisor").await.status, 200);
    assert!(asked.elapsed() >= std::time::Duration::from_secs(2), "a stranger waits: {:?}", asked.elapsed());
    assert_eq!(world.login_from("192.0.2.1", "supervisor", "supervisor").await.status, 200);
}

/// A crowd signs in for the first time at once, from one address. Everybody is let in, and who has to come back is told when.
#[tokio::test]
async fn a_crowd_of_first_sign_ins_is_let_in() {
    let world = World::new().await;
    let crowd = (0..200).map(|n| {
        let (world, address) = (&world, format!("10.0.{}.{}", n / 100, n % 100));
        async move {
            loop {
                let answer = world.login_from(&address, "dispatcher", "dispatcher").await;
                match answer.status.as_u16() {
                    200 => return,
                    429 | 503 => {
                        let seconds = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
                        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                    }
                    other => panic!("{other}: {answer:?}"),
                }
            }
        }
    });
    futures_util::future::join_all(crowd).await;
}

#[tokio::test]
async fn failing_too_often_makes_an_account_wait() {
    let world = World::new().await;
    for _ in 0..10 {
        assert_eq!(world.login("supervisor", "wrong").await.code(), "unauthorized");
    }
    let answer = world.login("supervisor", "supervisor").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "too-many-requests"));
    let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(world.login("dispatcher", "dispatcher").await.status, 200);
}

#[tokio::test]
async fn a_ticket_is_spent_once_and_ends_with_its_sign_in() {
    let world = World::new().await;
    let answer = world.post("dispatcher", "/socket-tickets", &json!({})).await;
    let ticket = answer.body["ticket"].as_str().unwrap();
    let left_ms = answer.body["expiresAt"].as_i64().unwrap() - world.hub.clock.wall_now().0;
    assert!((1..=30_000).contains(&left_ms), "{left_ms}");
    let identity = world.hub.auth.spend_ticket(ticket, "connection-1").await.unwrap();
    assert_eq!((identity.account.as_str(), identity.role), ("dispatcher", Role::Dispatcher));
    assert!(world.hub.auth.spend_ticket(ticket, "connection-1").await.is_ok());
    assert!(world.hub.auth.spend_ticket(ticket, "connection-2").await.is_err());
    assert_eq!(world.post("key", "/socket-tickets", &json!({})).await.code(), "forbidden");

    let mut revoked = world.hub.auth.revocations();
    assert!(world.hub.auth.is_live(&identity));
    world.hub.auth.revoke_account("dispatcher").await.unwrap();
    assert!(revoked.has_changed().unwrap());
    revoked.mark_unchanged();
    assert!(!world.hub.auth.is_live(&identity));
    assert!(world.hub.auth.spend_ticket(ticket, "connection-1").await.is_err());
    assert_eq!(world.get("dispatcher", "/centers").await.code(), "unauthorized");
}

#[tokio::test]
async fn a_center_taken_away_is_not_seen_any_more() {
    let world = World::new().await;
    let ticket = world.post("dispatcher", "/socket-tickets", &json!({})).await.body["ticket"].clone();
    let identity = world.hub.auth.spend_ticket(ticket.as_str().unwrap(), "c").await.unwrap();
    assert!(world.hub.auth.may_see(&identity, &"gangnam".into()));
    let moved = NewAccount {
        name: "dispatcher".into(),
        role: Role::Dispatcher,
        centers: vec!["songpa".into()],
        rider: None,
        person: None,
        password: "dispatcher".into(),
    };
    world.hub.auth.put_account(moved).await.unwrap();
    assert!(!world.hub.auth.is_live(&identity), "its sockets begin anew, with what is left to it");
    assert!(!world.hub.auth.may_see(&identity, &"gangnam".into()));
    assert_eq!(world.get("dispatcher", "/centers/gangnam/deliveries").await.code(), "not-found");
    assert_eq!(world.get("dispatcher", "/centers/songpa/deliveries").await.status, 200);
}

#[tokio::test]
async fn guesses_sent_at_once_do_not_pass_the_limit_together() {
    let world = World::new().await;
    let guesses = futures_util::future::join_all((0..20).map(|_| world.login("supervisor", "wrong"))).await;
    let checked = guesses.iter().filter(|answer| answer.code() == "unauthorized").count();
    let told_to_wait = guesses.iter().filter(|answer| answer.code() == "too-many-requests").count();
    assert_eq!((checked, told_to_wait), (10, 10));
    for _ in 0..11 {
        assert_eq!(world.login(&"n".repeat(201), "x").await.code(), "unauthorized", "never looked for");
    }
}

#[tokio::test]
async fn what_another_process_replaced_is_known_within_moments() {
    let folder = tempfile::tempdir().unwrap();
    let at = || {
        let clock = Clock::drill(crate::harness::DAY_START, 0.0);
        StoreConfig::at(folder.path().join("hub.sqlite"), clock)
    };
    let world = World::on(at()).await;
    let hub = world.hub.clone();
    tokio::spawn(async move { hub.auth.follow_store().await });
    let store = gwanje_hub::store::Store::open(at()).unwrap();
    let other = gwanje_hub::Hub::open(store, gwanje_hub::HubConfig::default()).await.unwrap();
    let account = |password: &str, centers: &str| NewAccount {
        name: "dispatcher".into(),
        role: Role::Dispatcher,
        centers: vec![centers.into()],
        rider: None,
        person: None,
        password: password.into(),
    };
    let mut revoked = world.hub.auth.revocations();
    let mut told = async || {
        let told = tokio::time::timeout(std::time::Duration::from_secs(30), revoked.changed());
        told.await.expect("it is told").unwrap();
    };
    let key = gwanje_hub::auth::ApiKey {
        name: "portal".into(),
        centers: vec!["gangnam".into()],
        scopes: vec![gwanje_hub::auth::Scope::Create],
    };
    other.auth.put_key(key).await.unwrap();
    other.auth.put_account(account("dispatcher", "songpa")).await.unwrap();
    told().await;
    assert_eq!(world.get("key", "/centers").await.code(), "unauthorized", "the key was replaced");
    assert_eq!(world.get("dispatcher", "/centers").await.body[0]["id"], "songpa", "the same sign-in sees it");
    other.auth.put_account(account("another", "songpa")).await.unwrap();
    told().await;
    assert_eq!(world.get("dispatcher", "/centers").await.code(), "unauthorized", "a new password");
    assert_eq!(world.login("dispatcher", "another").await.status, 200);
}
