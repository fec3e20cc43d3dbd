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

/// Live in center `a`, whose board is empty; no request is under way, and everything said so far is forgotten.
fn settled() -> (Script, SocketId) {
    let (mut script, socket) = Script::joined();
    script.pass(300);
    loop {
        let head = head_at(script.now.wall.0);
        if let Some((id, _)) = script.maybe_request("/alarms?after=0") {
            script.answer(id, 200, &json!({ "alarmSeq": 0, "alarms": [] }));
        } else if let Some((id, _)) = script.maybe_request("/centers") {
            script.answer(id, 200, &json!([center("a")]));
        } else if let Some((id, _)) = script.maybe_request("/deliveries") {
            let digest = "0000000000000000";
            let board = json!({ "epoch": "E1", "rev": 0, "count": 0, "digest": digest, "rows": [] });
            script.answer(id, 200, &board);
        } else if let Some((id, _)) = script.maybe_request("/changes?epoch=E1&after=0&limit=1000") {
            let at = script.now.wall.0;
            let frame =
                json!({ "epoch": "E1", "from": 0, "to": 0, "asOf": 0, "at": at, "rows": [], "gone": [] });
            script.answer(id, 200, &json!({ "frame": frame, "head": head }));
        } else {
            break;
        }
    }
    assert!(!script.saw(|action| matches!(action, Action::Http(..))), "{:#?}", script.log);
    assert!(script.saw(|action| matches!(action, Action::State(_, State::Live { .. }))));
    script.log.clear();
    (script, socket)
}

#[test]
fn what_is_no_part_of_the_board_opens_no_gap_when_it_can_not_be_read() {
    let (mut script, socket) = settled();
    script.hear(socket, "riders", &json!("none"));
    script.hear(socket, "drain", &json!({ "soon": true }));
    let rider = |id: &str, status: &str| json!({ "id": id, "pos": { "x": 1.0, "y": 2.0 }, "headingDeg": 0.0, "status": status, "seenAt": 5 });
    script.hear(
        socket,
        "riders",
        &json!([rider("r1", "idle"), rider("r2", "charging"), 7, rider("r3", "busy")]),
    );
    let heard: Vec<String> = script
        .log
        .iter()
        .filter_map(|action| match action {
            Action::Riders(_, riders) => Some(riders.iter().map(|rider| rider.id.to_string())),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(heard, ["r1", "r3"]);
    script.pass(300);
    assert!(
        !script.saw(|action| matches!(action, Action::Http(..) | Action::State(..))),
        "{:#?}",
        script.log
    );
    let stats = script.client.stats();
    assert_eq!((stats.malformed, stats.gaps), (4, 0));

    script.hear(socket, "deliveries", &json!({ "epoch": "E1" }));
    script.pass(300);
    script.request("/changes?epoch=E1&after=0&limit=1000");
    assert_eq!(script.client.stats().gaps, 1);
}

#[test]
fn an_alarm_that_can_not_be_read_is_asked_for() {
    let (mut script, socket) = settled();
    script.hear(socket, "alarm", &json!({ "seq": 1, "id": 1, "kind": "weather", "raisedAt": 5 }));
    let (id, _) = script.request("/alarms?after=0");
    script.answer(id, 200, &json!({ "alarmSeq": 1, "alarms": [{ "seq": 1, "kind": "weather" }] }));
    script.pass(300);
    assert!(
        !script.saw(|action| matches!(action, Action::Http(..) | Action::State(..))),
        "{:#?}",
        script.log
    );
    let stats = script.client.stats();
    assert_eq!((stats.malformed, stats.gaps), (2, 0));
}
