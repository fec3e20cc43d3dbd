//! Which centers are followed, and when a center's data goes.

use super::*;
use crate::io::State;
use gwanje_wire::ErrorCode;

fn wiped(script: &Script, id: &str) -> usize {
    script.count(|action| matches!(action, Action::Wipe(center) if center.as_str() == id))
}

#[test]
fn a_center_that_the_list_lacks_is_wiped() {
    let (mut script, socket) = Script::joined();
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([center("b")]));
    assert_eq!(wiped(&script, "a"), 1);
    assert!(script.saw(|action| matches!(action, Action::Restore(center) if center.as_str() == "b")));
    let sent = script.sent(socket);
    assert!(sent.contains(&"41/center/a,".to_owned()), "{sent:?}");
    assert!(sent.iter().any(|text| text.starts_with("40/center/b,")), "{sent:?}");
    assert!(script.client.session(&"a".into()).is_none());
}

#[test]
fn nothing_is_wiped_on_a_stray_error() {
    let (mut script, _) = Script::joined();
    for (status, body) in [
        (404, problem("not-found")),
        (403, problem("forbidden")),
        (500, json!("x")),
        (200, json!({})),
        (404, json!([])),
    ] {
        let (id, _) = script.request("/api/v1/centers");
        script.answer(id, status, &body);
        script.pass(60_000);
    }
    assert_eq!(wiped(&script, "a"), 0);
}

#[test]
fn a_refused_namespace_asks_the_list_which_decides() {
    let (mut script, socket) = Script::joined();
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([center("a")]));
    script.put(Input::Socket(socket, SocketEvent::Closed("revoked".to_owned())));
    script.pass(1_500);
    let socket = script.ticketed();
    script.put(Input::Socket(socket, SocketEvent::Opened));
    script.text(socket, r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#);
    script.log.clear();
    script.text(socket, r#"44/center/a,{"code":"not-found"}"#);
    assert_eq!(wiped(&script, "a"), 0, "not on the namespace's word");
    script.pass(10_000);
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([]));
    assert_eq!(wiped(&script, "a"), 1);
}

#[test]
fn only_the_centers_of_the_settings_are_followed() {
    let mut script = Script::new(&["http://h"], &["b"]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([center("a"), center("b")]));
    assert!(script.client.session(&"a".into()).is_none());
    assert!(script.client.session(&"b".into()).is_some());
    assert_eq!(wiped(&script, "a"), 0);
}

#[test]
fn a_center_of_the_settings_that_may_not_be_seen_stays_in_sight_as_refused() {
    let mut script = Script::new(&["http://h"], &["a"]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([]));
    assert_eq!(wiped(&script, "a"), 1);
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(matches!(state, State::Refused { code: ErrorCode::NotFound, .. }), "{state:?}");
    script.pass(330_000);
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([]));
    assert_eq!(wiped(&script, "a"), 1, "once");
    script.pass(330_000);
    let (id, _) = script.request("/api/v1/centers");
    script.answer(id, 200, &json!([center("a")]));
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(!matches!(state, State::Refused { .. }), "given back: {state:?}");
}

#[test]
fn all_alarms_of_a_center_may_take_as_long_as_its_board() {
    let (mut script, _) = Script::joined();
    let (_, alarms) = script.request("/alarms?after=0");
    let (_, board) = script.request("/deliveries");
    assert_eq!(alarms.timeout_ms, board.timeout_ms);
}

#[test]
fn an_alarm_of_a_newer_hub_does_not_hide_the_others() {
    let (mut script, _) = Script::joined();
    // The head of the join has told the horizon.
    let (id, _) = script.request("/alarms?after=0");
    let entry = |seq: u64, kind: &str| {
        json!({
            "seq": seq, "id": seq, "kind": kind, "raisedAt": EPOCH_MS + 60_000, "delivery": null,
            "receipts": [{ "seat": "seat-2", "stage": "forwarded", "at": 1 }], "escalatedAt": null,
        })
    };
    let alarms = json!([entry(1, "weather"), entry(2, "cancelled")]);
    script.answer(id, 200, &json!({ "alarmSeq": 2, "alarms": alarms }));
    let raised = |action: &Action| matches!(action, Action::Alarm(_, notice) if notice.key.id.0 == 2);
    assert_eq!(script.count(raised), 1);
    assert_eq!(script.client.stats().malformed, 1);
    script.pass(6_000);
    assert!(script.maybe_request("/alarms?after=0").is_none(), "read, up to its sequence");
}
