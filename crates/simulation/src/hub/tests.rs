//! Holds the model against the contract, sentence by sentence.

use super::*;
use gwanje_model::lifecycle::Action;
use gwanje_model::{DeliveryId, Role};
use gwanje_wire::{CommandBody, NewOrder};
use serde_json::json;

const A: &str = "gangnam";

fn at(ms: i64) -> Instants {
    Instants { wall: UtcMillis(1_000_000 + ms), day: UtcMillis(5_000_000 + ms) }
}

fn hub() -> ModelHub {
    ModelHub::new(&Setup {
        centers: vec![CenterSetup::new(A, "E1").with_rider("r1"), CenterSetup::new("songpa", "E1")],
        accounts: vec![
            AccountSetup::new("kim", Role::Dispatcher, &[A]),
            AccountSetup::new("park", Role::CallCenter, &[A]),
        ],
        tombstones_kept: 2,
        socket_urls: Vec::new(),
    })
}

fn order() -> Box<NewOrder> {
    let order = json!({"shop": {"id": "s", "name": "shop"}, "dropoff": {"address": "x"}});
    serde_json::from_value(order).unwrap()
}

fn body(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

struct Caller {
    hub: ModelHub,
    token: String,
}

impl Caller {
    fn of(account: &str) -> Self {
        let mut caller = Self { hub: hub(), token: String::new() };
        let said = json!({"account": account, "password": account}).to_string();
        let reply = caller.ask(Method::Post, "/login", &[], Some(said), at(0));
        caller.token = body(&reply)["accessToken"].as_str().unwrap().to_owned();
        caller
    }

    fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<String>,
        at: Instants,
    ) -> HttpResponse {
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("authorization", format!("Bearer {}", self.token)));
        let url = format!("http://hub:8080/api/v1{path}");
        self.hub.rest(&HttpRequest { method, url, headers, body, timeout_ms: 1 }, at)
    }

    fn act(&mut self, path: &str, headers: &[(&'static str, &str)], said: Value) -> (u16, Value) {
        let path = format!("/centers/{A}/deliveries/{path}");
        let response = self.ask(Method::Post, &path, headers, Some(said.to_string()), at(1));
        (response.status, body(&response))
    }

    fn operate(&mut self, operation: Operation) -> Operated {
        self.hub.operate(&operation, at(0))
    }
}

#[test]
fn a_twin_gets_the_first_answer_and_a_closed_key_none() {
    let mut caller = Caller::of("kim");
    caller.operate(Operation::Create(A.into(), order()));
    let accepted = caller.act("1/accept", &[("idempotency-key", "k1")], json!({}));
    assert_eq!((accepted.0, &accepted.1["status"], &accepted.1["rev"]), (200, &json!("waiting"), &json!(2)));
    assert_eq!(caller.act("1/accept", &[("idempotency-key", "k1")], Value::Null), accepted);
    assert_eq!(caller.act("1/accept", &[("idempotency-key", "k1")], json!({"x": 1})).1["code"], "invalid");
    assert_eq!(
        caller.act("1/accept", &[("idempotency-key", "k2")], json!({})).1["code"],
        "invalid-transition"
    );
    let mut close = |key: &str| {
        body(&caller.ask(Method::Post, &format!("/centers/{A}/commands/{key}/close"), &[], None, at(1)))
    };
    assert_eq!(close("k1"), json!({"outcome": "done", "status": 200, "body": accepted.1}));
    assert_eq!((&close("k2")["outcome"], &close("k2")["status"]), (&json!("refused"), &json!(409)));
    assert_eq!(close("k3"), json!({"outcome": "void", "status": null, "body": null}));
    assert_eq!(caller.act("1/note", &[("idempotency-key", "k3")], json!({"text": "x"})).1["code"], "void");
    assert_eq!(caller.hub.board(&A.into()).unwrap().standing().rev, Rev(2));
}

#[test]
fn a_row_that_moved_on_is_a_conflict_and_a_role_is_kept() {
    let mut caller = Caller::of("park");
    caller.operate(Operation::Create(A.into(), order()));
    let (status, problem) = caller.act("1/accept", &[("if-match", "\"E1-9\"")], json!({}));
    assert_eq!((status, &problem["code"], &problem["current"]["rev"]), (409, &json!("conflict"), &json!(1)));
    assert_eq!(caller.act("1/accept", &[("if-match", "\"E1-1\"")], json!({})).0, 200);
    assert_eq!(caller.act("1/assign", &[], json!({"riderId": "r1"})).0, 403);
    assert_eq!(caller.act("1/cancel", &[], json!({"reason": "x", "account": "kim"})).0, 403);
    assert_eq!(caller.ask(Method::Get, "/centers/songpa/riders", &[], None, at(1)).status, 404);
}

#[test]
fn frames_conflate_and_none_starts_below_the_floor() {
    let mut caller = Caller::of("kim");
    let center = CenterId::from(A);
    for _ in 0..4 {
        caller.operate(Operation::Create(center.clone(), order()));
    }
    let cancel = CommandBody { reason: Some("x".into()), ..CommandBody::default() };
    for id in 1..=3 {
        let operation =
            Operation::Act(center.clone(), DeliveryId(id), Action::Cancel, Box::new(cancel.clone()));
        assert!(matches!(caller.operate(operation), Operated::Row(_)));
    }
    let frame = caller.hub.flush(&center, Rev(0), at(1)).unwrap();
    assert_eq!((frame.from, frame.to, frame.as_of, frame.rows.len()), (Rev(0), Rev(7), Rev(7), 4));
    assert_eq!(caller.hub.alarms_since(&center, 1, at(1)).iter().map(|a| a.seq).collect::<Vec<_>>(), [2, 3]);
    caller.operate(Operation::Archive(center.clone(), at(9).day));
    let board = caller.hub.board(&center).unwrap();
    assert_eq!(
        (board.standing().rev, board.standing().floor, board.rows().len(), board.tombstones().len()),
        (Rev(10), Rev(8), 1, 2)
    );
    assert_eq!(caller.hub.flush(&center, Rev(7), at(1)), None);
    let frame = caller.hub.flush(&center, Rev(8), at(1)).unwrap();
    assert_eq!(frame.gone.iter().map(|gone| gone.id.0).collect::<Vec<_>>(), [2, 3]);
    let reply = caller.ask(Method::Get, "/centers/gangnam/changes?epoch=E1&after=7", &[], None, at(1));
    assert_eq!((reply.status, &body(&reply)["reason"]), (410, &json!("floor")));
    assert!(matches!(
        caller.operate(Operation::BeginEpoch(center.clone(), "E0".into())),
        Operated::Refused(_)
    ));
    caller.operate(Operation::BeginEpoch(center, "E2".into()));
    let reply = caller.ask(Method::Get, "/centers/gangnam/changes?epoch=E1&after=10", &[], None, at(1));
    assert_eq!((reply.status, &body(&reply)["reason"]), (410, &json!("epoch")));
}

#[test]
fn a_spent_refresh_token_gives_the_same_pair_for_a_minute_then_ends_the_sign_in() {
    let mut caller = Caller::of("kim");
    let mut refresh = |token: &str, ms: i64| {
        let said = json!({"refreshToken": token}).to_string();
        let reply = caller.ask(Method::Post, "/login/refresh", &[], Some(said), at(ms));
        (reply.status, body(&reply)["refreshToken"].as_str().unwrap_or_default().to_owned())
    };
    let second = refresh("refresh-1-1", 1_000);
    assert_eq!(second.0, 200);
    assert_eq!(refresh("refresh-1-1", 61_000), second);
    assert_eq!(refresh("refresh-1-1", 61_001).0, 401);
    assert_eq!(refresh(&second.1, 61_002).0, 401);
    assert_eq!(caller.ask(Method::Get, "/centers", &[], None, at(61_003)).status, 401);
}

#[test]
fn a_ticket_is_spent_by_one_connection_for_all_its_namespaces() {
    let mut caller = Caller::of("kim");
    let reply = caller.ask(Method::Post, "/socket-tickets", &[], Some("{}".to_owned()), at(0));
    let auth = json!({"ticket": body(&reply)["ticket"], "seat": "seat-1"});
    let mut join = |connection, namespace: &str, ms| {
        let joined = caller.hub.join(connection, namespace, &auth, at(ms));
        joined.map_err(|refusal| refusal["code"].as_str().unwrap().to_owned())
    };
    let joined = join(1, "/center/gangnam", 29_999).unwrap();
    assert_eq!(join(1, "/center/songpa", 90_000).unwrap_err(), "not-found");
    assert_eq!(join(2, "/center/gangnam", 29_999).unwrap_err(), "unauthorized");
    let wish = json!({"rooms": ["deliveries"], "cursor": {"epoch": "E1", "rev": 0}});
    let ack = caller.hub.subscribe(&joined, &wish, at(1));
    assert_eq!((&ack["ok"], &ack["missed"]["to"], &ack["resync"]), (&json!(true), &json!(0), &Value::Null));
    assert!(caller.hub.still_may(&joined));
    caller.operate(Operation::Revoke("kim".into()));
    assert!(!caller.hub.still_may(&joined));
}
