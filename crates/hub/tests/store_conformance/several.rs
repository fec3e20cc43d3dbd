//! Two handles on one store, as of two hubs.

use crate::day::{START, act, config, create, done, gangnam};
use crate::place::Place;
use gwanje_hub::auth::TokenSecret;
use gwanje_hub::origin::Origin;
use gwanje_hub::store::{Ask, Chore, Command, Idempotency, Intent, Store, StoreConfig, StoreError};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{DeliveryId, Rev, Role};
use gwanje_wire::rest::LoginRequest;
use gwanje_wire::socket::Cursor;
use std::collections::BTreeSet;
use std::time::Duration;

/// Two handles on it.
async fn two(place: &Place) -> (Store, Store) {
    (place.open(config()).await, place.open(config()).await)
}

pub async fn commands_of_two_nodes_have_a_revision_each_and_both_tell_one_board(place: Place) {
    let (first, second) = two(&place).await;
    let asked = (0..200).map(|n| if n % 2 == 0 { &first } else { &second }.execute(create()));
    let outcomes = futures_util::future::join_all(asked).await;
    let rows: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().result.unwrap().row).collect();
    let revs: BTreeSet<u64> = rows.iter().map(|row| row.rev.0).collect();
    assert_eq!(revs, (1..=200).collect());
    let numbers: BTreeSet<_> = rows.iter().map(|row| row.number.clone()).collect();
    assert_eq!(numbers.len(), 200, "a number each");
    let (a, b) = (first.head(&gangnam()).await.unwrap(), second.head(&gangnam()).await.unwrap());
    assert_eq!((a.rev, a.rows(), a.count), (Rev(200), b.rows(), 200));
    for node in [&first, &second] {
        let mut board = BTreeSet::new();
        let mut at = Rev(0);
        while at < Rev(200) {
            let frame = node.frame(&gangnam(), at, 70).await.unwrap();
            board.extend(frame.rows.iter().map(|row| (row.id(), row.rev())));
            at = frame.to;
        }
        assert_eq!(board, rows.iter().map(|row| (row.id, row.rev)).collect());
    }
}

/// A follower moves from one node to the other, which has not looked yet: it is not told to begin anew.
pub async fn a_cursor_from_another_node_goes_on(place: Place) {
    let (first, second) = two(&place).await;
    let mut committed = second.committed(&gangnam()).unwrap();
    done(&first, create()).await;
    done(&first, act(1, Ask::Accept)).await;
    let head = first.recent_head(&gangnam()).unwrap();
    let cursor = Cursor { epoch: head.epoch.clone(), rev: Rev(1) };
    let reply = second.changes(&gangnam(), Some(&cursor), 10).await.unwrap();
    assert_eq!((reply.frame.from, reply.frame.to, reply.head.rev), (Rev(1), Rev(2), Rev(2)));
    let ahead = Cursor { epoch: head.epoch, rev: Rev(3) };
    let refused = second.changes(&gangnam(), Some(&ahead), 10).await;
    assert!(matches!(refused, Err(StoreError::Resync(gwanje_wire::ResyncReason::Ahead))), "{refused:?}");
    // Whoever waits at the second node is woken by its next look.
    committed.wait_for(|rev| *rev == Rev(2)).await.unwrap();
}

pub async fn a_command_sent_again_to_another_node_is_answered_as_recorded(place: Place) {
    let (first, second) = two(&place).await;
    done(&first, create()).await;
    let keyed = || {
        let key = Idempotency { path: "/accept".into(), key: "K1".into(), body_hash: [7; 32] };
        let command = Command::new(gangnam(), Intent::Act(DeliveryId(1), Ask::Accept), "kim", START);
        Command { idempotency: Some(key), ..command }
    };
    let once = first.execute(keyed()).await.unwrap();
    let again = second.execute(keyed()).await.unwrap();
    assert_eq!((once.replayed, again.replayed), (false, true));
    assert_eq!(once.result.unwrap().row, again.result.unwrap().row);
    assert_eq!(second.head(&gangnam()).await.unwrap().rev, Rev(2));
}

pub async fn a_sign_in_at_one_node_is_one_at_all_and_so_is_its_end(place: Place) {
    let store = || place.open(StoreConfig::temporary(Clock::wall()));
    let first = Hub::open(store().await, HubConfig::default()).await.unwrap();
    let second = Hub::open(store().await, HubConfig::default()).await.unwrap();
    let account = gwanje_hub::auth::NewAccount {
        name: "kim".into(),
        role: Role::Admin,
        centers: Vec::new(),
        rider: None,
        person: None,
        password: "kim".into(),
    };
    first.auth.put_account(account).await.unwrap();
    let request = LoginRequest { account: "kim".into(), password: "kim".into() };
    let (identity, reply) = first.auth.login(request, &Origin::default()).await.unwrap();
    let headers =
        [(axum::http::header::AUTHORIZATION, format!("Bearer {}", reply.access_token).parse().unwrap())];
    let headers = axum::http::HeaderMap::from_iter(headers);
    assert!(second.auth.identify(&headers).await.is_ok(), "signed in at the other node");
    let renewed = second.auth.refresh(&reply.refresh_token).await.unwrap();
    let twin = first.auth.refresh(&reply.refresh_token).await.unwrap();
    assert_eq!(renewed.refresh_token, twin.refresh_token, "twins get one pair");
    first.auth.logout(&identity).await.unwrap();
    second.auth.reload().await.unwrap();
    assert!(second.auth.identify(&headers).await.is_err(), "signed out at the other node");
}

/// What failed at one node counts at all; what succeeded at one takes it back for all.
pub async fn failed_sign_ins_of_all_nodes_count_together(place: Place) {
    let store = || place.open(StoreConfig::temporary(Clock::wall()));
    let first = Hub::open(store().await, HubConfig::default()).await.unwrap();
    let second = Hub::open(store().await, HubConfig::default()).await.unwrap();
    let account = gwanje_hub::auth::NewAccount {
        name: "kim".into(),
        role: Role::Admin,
        centers: Vec::new(),
        rider: None,
        person: None,
        password: "kim".into(),
    };
    first.auth.put_account(account).await.unwrap();
    let from = |last: u8| Origin { address: Some([192, 0, 2, last].into()), ..Origin::default() };
    let login = async |hub: &Hub, password: &str, last: u8| {
        let request = LoginRequest { account: "kim".into(), password: password.into() };
        hub.auth.login(request, &from(last)).await.map(drop).map_err(|refused| refused.problem.status)
    };
    for _ in 0..5 {
        assert_eq!(login(&first, "wrong", 1).await, Err(401));
        assert_eq!(login(&second, "wrong", 1).await, Err(401));
    }
    for hub in [&first, &second] {
        assert_eq!(login(hub, "kim", 1).await, Err(429));
        assert_eq!(login(hub, "kim", 2).await, Ok(()));
    }
    for _ in 0..9 {
        assert_eq!(login(&first, "wrong", 2).await, Err(401));
    }
    assert_eq!(login(&second, "kim", 2).await, Ok(()));
    assert_eq!(login(&first, "wrong", 2).await, Err(401), "what failed before is taken back");
}

pub async fn a_node_with_another_secret_does_not_start(place: Place) {
    let start = async |secret: Option<&str>| {
        let store = place.open(config()).await;
        let secret = secret.map(|secret| TokenSecret::parse(secret).unwrap());
        Hub::open(store, HubConfig { secret, ..HubConfig::default() })
            .await
            .err()
            .map(|error| error.to_string())
    };
    let [right, wrong] = ["0a".repeat(32), "0b".repeat(32)];
    assert_eq!(start(Some(&right)).await, None);
    assert_eq!(start(Some(&right)).await, None);
    for secret in [Some(wrong.as_str()), None] {
        let said = start(secret).await.unwrap();
        assert!(said.contains("`token_secret_file`") && !said.contains('\n'), "{said}");
        assert!(!said.contains(&right) && !said.contains(&wrong), "{said}");
    }
    assert_eq!(start(Some(&right)).await, None, "the others go on");
}

/// One does a chore, until it says no more: then the other, at once where it said so.
pub async fn a_chore_is_one_hubs_until_its_lease_is_over(place: Place) {
    let clock = Clock::still(START, START);
    let config = StoreConfig::temporary(clock.clone());
    let (first, second) = (place.open(config.clone()).await, place.open(config).await);
    let (due, center) = (Chore::DueAlarms, gangnam());
    let lease = first.take_lease(due, &center).await.unwrap();
    assert_eq!((lease.is_ours, lease.fence, lease.left), (true, 1, Duration::from_secs(15)));
    let other = second.take_lease(due, &center).await.unwrap();
    assert!(!other.is_ours && other.fence == 1 && other.left <= Duration::from_secs(15), "{other:?}");
    assert!(second.take_lease(Chore::Retention, &center).await.unwrap().is_ours, "another chore");
    assert!(second.take_lease(due, &"mapo".into()).await.unwrap().is_ours, "another center");
    place.pass(&clock, 10_000).await;
    assert!(first.take_lease(due, &center).await.unwrap().is_ours, "it goes on");
    place.pass(&clock, 10_000).await;
    let other = second.take_lease(due, &center).await.unwrap();
    assert!(!other.is_ours && other.left <= Duration::from_secs(5), "{other:?}");
    place.pass(&clock, 5_000).await;
    let lease = second.take_lease(due, &center).await.unwrap();
    assert_eq!((lease.is_ours, lease.fence), (true, 2), "nothing was heard of the first");
    assert!(!first.take_lease(due, &center).await.unwrap().is_ours);
    second.close().await;
    let lease = first.take_lease(due, &center).await.unwrap();
    assert_eq!((lease.is_ours, lease.fence), (true, 3));
}

/// A hub that is killed leaves its chores to the other.
pub async fn chores_of_a_hub_that_is_gone_are_the_others(place: Place) {
    let clock = Clock::still(START, START);
    let config = StoreConfig::temporary(clock.clone());
    let (first, second) = (place.open(config.clone()).await, place.open(config).await);
    assert!(first.is_to_do(Chore::DueAlarms, &gangnam()).await);
    assert!(first.is_to_do(Chore::DueAlarms, &gangnam()).await, "again");
    assert!(!second.is_to_do(Chore::DueAlarms, &gangnam()).await);
    drop(first);
    place.pass(&clock, 15_000).await;
    let taken = async {
        while !second.is_to_do(Chore::DueAlarms, &gangnam()).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), taken).await.expect("it asks again");
}
