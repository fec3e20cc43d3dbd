//! Hubs on machines whose clocks go wrong: the database's is everybody's.

use crate::day::{done, gangnam, order, prepare};
use crate::opening::{administer_in, database, fresh};
use axum::http::{HeaderMap, header};
use gwanje_hub::auth::NewAccount;
use gwanje_hub::origin::Origin;
use gwanje_hub::store::{Ask, Command, Decided, Intent, Store, StoreConfig, Undo};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{DeliveryId, Rev, Role};
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::{AlarmKind, LoginRequest};
use std::collections::BTreeSet;

/// Five minutes, milliseconds.
const OFF: i64 = 300_000;

/// Three nodes on one database: one whose clock is right, one ahead, one behind.
async fn three(name: &str) -> Vec<Store> {
    let url = database(name).await;
    let first = node(&url, 0).await;
    prepare(&first).await;
    vec![first, node(&url, OFF).await, node(&url, -OFF).await]
}

async fn node(url: &str, wrong_by: i64) -> Store {
    Store::connect(url, None, StoreConfig::temporary(Clock::wrong_by(wrong_by))).await.unwrap()
}

/// As a request at that node asks.
fn ask(node: &Store, intent: Intent) -> Command {
    Command::new(gangnam(), intent, "dispatcher", node.clock().day_now())
}

async fn ordered(node: &Store) -> DeliveryId {
    done(node, ask(node, Intent::Create(Box::new(order())))).await.result.unwrap().row.id
}

async fn acted(node: &Store, id: DeliveryId, asked: Ask) -> Decided {
    node.execute(ask(node, Intent::Act(id, asked))).await.unwrap()
}

#[tokio::test]
async fn revisions_rows_and_heads_have_instants_of_one_clock() {
    let nodes = three(&fresh()).await;
    let began = Clock::wall().wall_now();
    for n in 0..30 {
        ordered(&nodes[n % 3]).await;
    }
    let frame = nodes[0].frame(&gangnam(), Rev(0), 100).await.unwrap();
    let rows: Vec<_> = frame.rows.iter().map(|row| row.delivery().unwrap().clone()).collect();
    assert_eq!(rows.iter().map(|row| row.rev.0).collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
    let ended = Clock::wall().wall_now();
    let is_now = |at| ended.since(at) >= -1_000 && ended.since(at) <= ended.since(began) + 1_000;
    assert!(rows.iter().all(|row| is_now(row.received_at) && is_now(row.modified_at)));
    for node in &nodes {
        let head = node.head(&gangnam()).await.unwrap();
        assert!(is_now(head.at) && is_now(head.day_at), "{head:?}, {ended:?}");
    }
    assert_eq!(nodes.iter().map(Store::without).collect::<Vec<_>>(), [vec![], vec!["clock"], vec!["clock"]]);
}

#[tokio::test]
async fn a_change_is_taken_back_within_15_seconds_at_any_node_and_not_after() {
    let name = fresh();
    let nodes = three(&name).await;
    for did in &nodes {
        for undoes in &nodes {
            let id = ordered(did).await;
            let rev = acted(did, id, Ask::Accept).await.result.unwrap().row.rev;
            let undo = || Ask::Undo(Undo { rev, role: None });
            administer_in(&name, &format!("UPDATE history SET wall = wall - 16000 WHERE rev = {rev}")).await;
            let refused = acted(undoes, id, undo()).await.result.unwrap_err();
            assert!(
                refused.code == ErrorCode::InvalidTransition && refused.detail.contains("15 s"),
                "{refused:?}"
            );
            administer_in(&name, &format!("UPDATE history SET wall = wall + 6000 WHERE rev = {rev}")).await;
            assert!(acted(undoes, id, undo()).await.result.is_ok());
        }
    }
}

#[tokio::test]
async fn alarms_come_when_they_are_due_whichever_node_looks() {
    let name = fresh();
    let nodes = three(&name).await;
    for looks in &nodes {
        // Nobody accepts it for a minute.
        let id = ordered(&nodes[0]).await;
        assert_eq!(looks.write_due_alarms(&gangnam()).await.unwrap(), 0, "it is not due yet");
        administer_in(&name, &format!("UPDATE due SET at = at - 50000 WHERE id = {id}")).await;
        assert_eq!(looks.write_due_alarms(&gangnam()).await.unwrap(), 0, "it is not due yet");
        administer_in(&name, &format!("UPDATE due SET at = at - 12000 WHERE id = {id}")).await;
        assert_eq!(looks.write_due_alarms(&gangnam()).await.unwrap(), 1);
        // Nobody takes note of it for a minute.
        assert_eq!(looks.write_due_alarms(&gangnam()).await.unwrap(), 0);
        administer_in(&name, "UPDATE alarm SET at = at - 61000 WHERE escalated_at IS NULL").await;
        assert_eq!(looks.write_due_alarms(&gangnam()).await.unwrap(), 1);
    }
    let alarms = nodes[0].alarms_after(&gangnam(), 0, 100).await.unwrap().alarms;
    let now = Clock::wall().wall_now();
    assert_eq!(alarms.len(), 3);
    for alarm in alarms {
        assert_eq!(alarm.kind, AlarmKind::Unaccepted);
        let escalated = alarm.escalated_at.unwrap();
        assert!(now.since(escalated).abs() < 60_000, "{escalated:?}, {now:?}");
    }
}

#[tokio::test]
async fn tickets_and_sign_ins_of_one_node_hold_at_the_others() {
    let mut hubs = Vec::new();
    for node in three(&fresh()).await {
        hubs.push(Hub::open(node, HubConfig::default()).await.unwrap());
    }
    let account = NewAccount {
        name: "kim".into(),
        role: Role::Admin,
        centers: Vec::new(),
        rider: None,
        person: None,
        password: "kim".into(),
    };
    hubs[0].auth.put_account(account).await.unwrap();
    let mut tickets = BTreeSet::new();
    for (n, here) in hubs.iter().enumerate() {
        let request = LoginRequest { account: "kim".into(), password: "kim".into() };
        let (identity, reply) = here.auth.login(request, &Origin::default()).await.unwrap();
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", reply.access_token).parse().unwrap());
        let headers = HeaderMap::from_iter([bearer]);
        for (m, there) in hubs.iter().enumerate() {
            assert!(there.auth.identify(&headers).await.is_ok(), "signed in at {n}, used at {m}");
            let ticket = here.auth.issue_ticket(&identity);
            let left_ms = ticket.expires_at.since(Clock::wall().wall_now());
            assert!((25_000..=31_000).contains(&left_ms), "{left_ms} ms");
            assert!(there.auth.spend_ticket(&ticket.ticket, "one").await.is_ok(), "from {n}, spent at {m}");
            assert!(here.auth.spend_ticket(&ticket.ticket, "two").await.is_err(), "it was spent");
            tickets.insert(ticket.ticket);
        }
    }
    assert_eq!(tickets.len(), 9);
}

/// The database's clock is set back: a center's instants do not go back.
#[tokio::test]
async fn no_change_is_dated_before_the_one_before_it() {
    let name = fresh();
    let nodes = three(&name).await;
    ordered(&nodes[0]).await;
    administer_in(&name, "UPDATE center SET last_at = last_at + 3600000").await;
    ordered(&nodes[1]).await;
    ordered(&nodes[2]).await;
    let steady = "SELECT 1 FROM history JOIN center ON center.id = history.center WHERE wall = last_at";
    assert_eq!(administer_in(&name, steady).await, 2);
}
