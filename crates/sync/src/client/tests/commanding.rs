//! Commands: sent at once, sent again, closed, settled once.

use super::*;
use crate::io::{
    CommandId, CommandKind, CommandOutcome, CommandRequest, Restored, RowChange, State, StoredCommand,
    Unsettled,
};
use gwanje_model::lifecycle;
use gwanje_model::{DeliveryId, Rev, RowDigest};
use gwanje_wire::{CommandBody, ErrorCode};

const ACCEPT: &str = "/centers/a/deliveries/5/accept";
const CLOSE: &str = "/centers/a/commands/K1/close";

fn click(script: &mut Script, key: &str) {
    click_seen(script, key, None);
}

/// The same by a person who saw the delivery at that revision.
fn click_seen(script: &mut Script, key: &str, seen: Option<Rev>) {
    script.put(Input::Command(Box::new(CommandRequest {
        command: CommandId(key.to_owned()),
        center: "a".into(),
        what: CommandKind::Act {
            id: DeliveryId(5),
            seen,
            action: lifecycle::Action::Accept,
            body: CommandBody::default(),
        },
    })));
}

fn settled(script: &Script) -> Vec<CommandOutcome> {
    script
        .log
        .iter()
        .filter_map(|action| match action {
            Action::CommandSettled(_, outcome) => Some(outcome.clone()),
            _ => None,
        })
        .collect()
}

fn marks(script: &Script) -> Vec<Option<Unsettled>> {
    script
        .log
        .iter()
        .filter_map(|action| match action {
            Action::Changed(_, changes, _) => Some(changes),
            _ => None,
        })
        .flatten()
        .filter_map(|change| match change {
            RowChange::Mark(DeliveryId(5), mark) => Some(*mark),
            _ => None,
        })
        .collect()
}

fn row() -> Value {
    json!({
        "id": 5, "center": "a", "rev": 9, "modifiedAt": 1, "number": "5", "orderNo": "", "status": "waiting",
        "shop": { "id": "s", "name": "shop" }, "dropoff": { "address": "x" },
        "pickupTargetMin": 15, "deliveryTargetMin": 30, "distanceM": 1, "receivedAt": 1,
    })
}

#[test]
fn a_command_is_sent_at_once_and_settled_by_its_answer() {
    let (mut script, _) = Script::joined();
    click(&mut script, "K1");
    click(&mut script, "K1");
    let (id, request) = script.request(ACCEPT);
    assert!(script.maybe_request(ACCEPT).is_none(), "the same click twice is one command");
    assert_eq!(header(&request, "idempotency-key"), Some("K1"));
    assert_eq!(header(&request, "authorization"), Some("Bearer A1"));
    assert_eq!(header(&request, "content-type"), Some("application/json"));
    assert_eq!(request.body.as_deref(), Some("{}"));
    assert_eq!(marks(&script), [Some(Unsettled::Pending)]);
    assert!(
        script.saw(
            |a| matches!(a, Action::CommandUnsettled(CommandId(key), Unsettled::Pending) if key == "K1")
        )
    );
    script.answer(id, 200, &row());
    let outcomes = settled(&script);
    assert!(matches!(&outcomes[..], [CommandOutcome::Done(Some(row))] if row.rev().0 == 9), "{outcomes:?}");
    assert_eq!(marks(&script), [Some(Unsettled::Pending), None]);
    script.pass(120_000);
    assert_eq!(settled(&script).len(), 1);
    assert!(script.maybe_request(CLOSE).is_none());
}

#[test]
fn more_commands_than_a_person_can_mean_are_not_sent_and_none_is_queued() {
    let (mut script, _) = Script::joined();
    for n in 0..=crate::client::commands::MAX_PENDING {
        click(&mut script, &format!("K{n}"));
    }
    let outcomes = settled(&script);
    let [CommandOutcome::NotSent(problem)] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(problem.code, ErrorCode::TooManyRequests);
    let (id, _) = script.request(ACCEPT);
    script.answer(id, 200, &row());
    click(&mut script, "later");
    assert_eq!(settled(&script).len(), 2, "one is done, and there is room for one more");
}

#[test]
fn a_command_names_the_row_as_seen_and_its_answer_shows_before_the_frame() {
    let (mut script, socket) = Script::joined();
    let (id, _) = script.request("/centers/a/deliveries");
    let mut received = row();
    received["rev"] = json!(8);
    received["status"] = json!("received");
    let digest = RowDigest::of([(DeliveryId(5), Rev(8))]).digest.to_string();
    let board = json!({ "epoch": "E1", "rev": 8, "count": 1, "digest": digest, "rows": [received] });
    script.answer(id, 200, &board);
    click(&mut script, "K1");
    let (id, request) = script.request(ACCEPT);
    assert_eq!(header(&request, "if-match"), Some("\"E1-8\""));
    script.log.clear();
    let etag = Some("\"E1-9\"".to_owned());
    script.put(Input::Http(id, Ok(HttpResponse { etag, ..response(200, row()) })));
    let told: Vec<&str> = script
        .log
        .iter()
        .filter_map(|action| match action {
            Action::Changed(_, changes, _) => match &changes[..] {
                [RowChange::Upsert(row)] if row.rev() == Rev(9) => Some("overlay"),
                [RowChange::Mark(_, None)] => Some("unmarked"),
                _ => None,
            },
            Action::CommandSettled(..) => Some("settled"),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["overlay", "unmarked", "settled"]);
    click(&mut script, "K2");
    let (_, request) = script.request(ACCEPT);
    assert_eq!(header(&request, "if-match"), Some("\"E1-9\""), "as the client holds it");
    click_seen(&mut script, "K3", Some(Rev(8)));
    let (_, request) = script.request(ACCEPT);
    assert_eq!(header(&request, "if-match"), Some("\"E1-8\""), "as the person saw it");
    assert!(!script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)));
}

#[test]
fn two_commands_on_a_delivery_share_its_mark() {
    let (mut script, _) = Script::joined();
    click(&mut script, "K1");
    click(&mut script, "K2");
    let (first, _) = script.request(ACCEPT);
    let (second, _) = script.request(ACCEPT);
    script.answer(first, 409, &problem("conflict"));
    script.answer(second, 409, &problem("conflict"));
    assert_eq!(
        marks(&script),
        [Some(Unsettled::Pending), Some(Unsettled::Pending), Some(Unsettled::Pending), None]
    );
    assert_eq!(settled(&script).len(), 2);
}

#[test]
fn an_offline_center_says_at_once_that_nothing_is_sent() {
    let (mut script, socket) = Script::joined();
    script.put(Input::Socket(socket, SocketEvent::Closed("cut".to_owned())));
    for _ in 0..40 {
        script.pass(1_000);
        for part in ["/socket-tickets", "/centers/a/deliveries", "/alarms?after=0", "/api/v1/centers"] {
            if let Some((id, _)) = script.maybe_request(part) {
                script.fail(id);
            }
        }
    }
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(matches!(state, State::Offline { .. }), "{state:?}");
    click(&mut script, "K1");
    assert!(
        matches!(&settled(&script)[..], [CommandOutcome::NotSent(p)] if p.code == ErrorCode::Unavailable)
    );
    assert!(script.maybe_request(ACCEPT).is_none());
}

#[test]
fn a_refusal_settles_with_its_reason() {
    for (status, code, expected) in [
        (409, "conflict", ErrorCode::Conflict),
        (409, "invalid-transition", ErrorCode::InvalidTransition),
        (403, "forbidden", ErrorCode::Forbidden),
        (404, "not-found", ErrorCode::NotFound),
    ] {
        let (mut script, _) = Script::joined();
        click(&mut script, "K1");
        let (id, _) = script.request(ACCEPT);
        script.answer(id, status, &problem(code));
        let outcomes = settled(&script);
        assert!(
            matches!(&outcomes[..], [CommandOutcome::Refused(p)] if p.code == expected && p.detail == "told so"),
            "{outcomes:?}"
        );
        assert_eq!(marks(&script), [Some(Unsettled::Pending), None]);
    }
}

#[test]
fn no_answer_in_ten_seconds_sends_the_same_key_again() {
    let (mut script, socket) = Script::joined();
    click(&mut script, "K1");
    let (first, request) = script.request(ACCEPT);
    assert_eq!(request.timeout_ms, 10_000);
    script.pass_live(socket, 9_999);
    assert!(script.maybe_request(ACCEPT).is_none());
    script.pass_live(socket, 1);
    assert!(script.saw(|action| matches!(action, Action::DropHttp(dropped) if *dropped == first)));
    let (second, again) = script.request(ACCEPT);
    assert_eq!(header(&again, "idempotency-key"), Some("K1"));
    script.answer(first, 200, &row());
    assert!(settled(&script).is_empty(), "a dropped request's answer is nobody's");
    script.answer(second, 200, &row());
    assert_eq!(settled(&script).len(), 1);
}

#[test]
fn after_thirty_seconds_it_is_unknown_and_asked_for_until_known() {
    let (mut script, socket) = Script::joined();
    click(&mut script, "K1");
    script.pass_live(socket, 29_999);
    assert!(script.maybe_request(CLOSE).is_none());
    let sent = script.count(|a| matches!(a, Action::Http(_, r) if r.url.ends_with(ACCEPT)));
    assert_eq!(sent, 3, "at 0, 10 and 20 seconds");
    script.pass_live(socket, 1);
    assert!(
        script.saw(
            |a| matches!(a, Action::CommandUnsettled(CommandId(key), Unsettled::Unknown) if key == "K1")
        )
    );
    assert_eq!(marks(&script), [Some(Unsettled::Pending), Some(Unsettled::Unknown)]);
    for _ in 0..4 {
        let (id, _) = script.request(CLOSE);
        assert!(settled(&script).is_empty());
        script.fail(id);
        script.pass_live(socket, 30_000);
    }
    let (id, _) = script.request(CLOSE);
    script.answer(id, 200, &json!({ "outcome": "done", "status": 200, "body": row() }));
    let outcomes = settled(&script);
    assert!(matches!(&outcomes[..], [CommandOutcome::Done(Some(_))]), "{outcomes:?}");
    assert_eq!(marks(&script), [Some(Unsettled::Pending), Some(Unsettled::Unknown), None]);
    let sent = script.count(|a| matches!(a, Action::Http(_, r) if r.url.ends_with(ACCEPT)));
    assert_eq!(sent, 3, "nothing is sent late");
}

#[test]
fn a_close_tells_refused_and_void() {
    for (reply, expected) in [
        (json!({ "outcome": "void", "status": null, "body": null }), "void"),
        (json!({ "outcome": "refused", "status": 409, "body": problem("conflict") }), "conflict"),
        (json!({ "outcome": "refused", "status": 409, "body": "?" }), "other"),
    ] {
        let (mut script, socket) = Script::joined();
        click(&mut script, "K1");
        script.pass_live(socket, 30_000);
        let (id, _) = script.request(CLOSE);
        script.answer(id, 200, &reply);
        let outcomes = settled(&script);
        let told = match &outcomes[..] {
            [CommandOutcome::Void] => "void",
            [CommandOutcome::Refused(problem)] => problem.code.as_str(),
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn overload_is_no_outcome() {
    let (mut script, socket) = Script::joined();
    click(&mut script, "K1");
    for (status, code) in [(503, "unavailable"), (429, "too-many-requests"), (500, "other")] {
        let (id, _) = script.request(ACCEPT);
        script.answer(id, status, &problem(code));
        assert!(settled(&script).is_empty(), "{code}");
        script.pass_live(socket, 5_000);
    }
    let (id, _) = script.request(ACCEPT);
    script.answer(id, 200, &row());
    assert_eq!(settled(&script).len(), 1);
}

#[test]
fn a_command_waits_for_a_renewal_but_is_never_sent_late() {
    let (mut script, socket) = Script::joined();
    click(&mut script, "K1");
    let (id, _) = script.request(ACCEPT);
    script.answer(id, 401, &problem("unauthorized"));
    let (renewal, _) = script.request("/login/refresh");
    assert!(script.maybe_request(ACCEPT).is_none());
    script.pass_live(socket, 30_000);
    let reply = script.pair("A2", "R2");
    script.answer(renewal, 200, &reply);
    assert!(script.maybe_request(ACCEPT).is_none(), "an old order is a wrong order");
    let (id, request) = script.request(CLOSE);
    assert_eq!(header(&request, "authorization"), Some("Bearer A2"));
    script.answer(id, 200, &json!({ "outcome": "void", "status": null, "body": null }));
    assert!(matches!(&settled(&script)[..], [CommandOutcome::Void]));
}

#[test]
fn nothing_is_sent_without_credentials_or_center() {
    let mut script = Script::new(&["http://h"], &[]);
    click(&mut script, "K1");
    assert!(matches!(&settled(&script)[..], [CommandOutcome::NotSent(p)] if p.code == ErrorCode::NotFound));
    let (mut script, _) = Script::joined();
    script.pass(840_000);
    let (renewal, _) = script.request("/login/refresh");
    script.answer(renewal, 401, &problem("unauthorized"));
    click(&mut script, "K1");
    assert!(
        matches!(&settled(&script)[..], [CommandOutcome::NotSent(p)] if p.code == ErrorCode::Unauthorized)
    );
    assert!(script.maybe_request(ACCEPT).is_none());
}

#[test]
fn signing_out_settles_what_is_under_way() {
    let (mut script, _) = Script::joined();
    click(&mut script, "K1");
    let (id, _) = script.request(ACCEPT);
    script.put(Input::SignOut);
    assert!(script.saw(|action| matches!(action, Action::DropHttp(dropped) if *dropped == id)));
    let outcomes = settled(&script);
    assert!(matches!(&outcomes[..], [CommandOutcome::Unknowable(_)]), "it may have been done: {outcomes:?}");
    script.pass(60_000);
    assert_eq!(settled(&script).len(), 1);

    let (mut script, _) = Script::joined();
    script.commits = false;
    click(&mut script, "K1");
    script.put(Input::SignOut);
    assert!(script.maybe_request(ACCEPT).is_none());
    let outcomes = settled(&script);
    assert!(matches!(&outcomes[..], [CommandOutcome::NotSent(_)]), "nothing was sent: {outcomes:?}");
}

#[test]
fn a_refused_question_is_no_refusal_of_the_command() {
    for (status, code) in [(404, "not-found"), (403, "forbidden"), (400, "invalid")] {
        let (mut script, socket) = Script::joined();
        click(&mut script, "K1");
        script.pass_live(socket, 30_000);
        let (id, _) = script.request(CLOSE);
        script.answer(id, status, &problem(code));
        let outcomes = settled(&script);
        assert!(
            matches!(&outcomes[..], [CommandOutcome::Unknowable(p)] if p.code.as_str() == code),
            "{outcomes:?}"
        );
        assert_eq!(marks(&script), [Some(Unsettled::Pending), Some(Unsettled::Unknown), None]);
        script.pass_live(socket, 120_000);
        assert_eq!(settled(&script).len(), 1);
        assert!(script.maybe_request(CLOSE).is_none(), "asked no more");
    }
}

#[test]
fn an_outcome_without_its_row_is_an_outcome() {
    let (mut script, socket) = Script::joined();
    click(&mut script, "K1");
    script.pass_live(socket, 30_000);
    let (id, _) = script.request(CLOSE);
    script.answer(id, 200, &json!({ "outcome": "done", "status": 200, "body": null }));
    let outcomes = settled(&script);
    assert!(matches!(&outcomes[..], [CommandOutcome::Done(None)]), "{outcomes:?}");
}

/// A client whose cache holds a command of an earlier run.
fn recalled() -> (Script, StoredCommand) {
    clicked_before(60_000)
}

/// The same, clicked so long ago.
fn clicked_before(ms: i64) -> (Script, StoredCommand) {
    let mut script = Script::new(&["http://h"], &[]);
    let command = StoredCommand {
        command: CommandId("K1".to_owned()),
        delivery: Some(DeliveryId(5)),
        batch: Vec::new(),
        action: "accept".into(),
        clicked_at: UtcMillis(EPOCH_MS - ms),
    };
    let restored = Restored { commands: vec![command.clone()], ..Restored::default() };
    script.cached = restored;
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    (script, command)
}

#[test]
fn a_command_is_in_the_cache_before_it_is_sent_and_out_of_it_once_told() {
    let (mut script, _) = Script::joined();
    script.commits = false;
    click(&mut script, "K1");
    let batch = script.kept().pop().expect("a batch with the command");
    let [stored] = &batch.commands[..] else { panic!("{batch:?}") };
    assert_eq!((stored.delivery, stored.action.as_str()), (Some(DeliveryId(5)), "accept"));
    assert!(script.maybe_request(ACCEPT).is_none(), "not before it is written");
    script.put(Input::Committed("a".into(), batch.seq));
    let (id, _) = script.request(ACCEPT);
    script.log.clear();
    script.answer(id, 200, &row());
    let told = script.log.iter().position(|a| matches!(a, Action::CommandSettled(..))).unwrap();
    let forgotten = script
        .log
        .iter()
        .position(|a| matches!(a, Action::Persist(batch) if batch.settled == [CommandId("K1".to_owned())]));
    assert!(forgotten.unwrap() > told, "killed in between, it is told again rather than never");
}

#[test]
fn a_cache_that_takes_too_long_holds_no_order_up() {
    let (mut script, _) = Script::joined();
    script.commits = false;
    click(&mut script, "K1");
    script.pass(499);
    assert!(script.maybe_request(ACCEPT).is_none());
    script.pass(1);
    script.request(ACCEPT);
    let batch = script.kept().pop().unwrap();
    script.put(Input::Committed("a".into(), batch.seq));
    assert!(script.maybe_request(ACCEPT).is_none(), "sent once");
}

#[test]
fn a_cache_that_refuses_for_now_lets_a_command_wait_as_a_slow_one_does() {
    let (mut script, _) = Script::joined();
    script.commits = false;
    click(&mut script, "K1");
    let batch = script.kept().pop().unwrap();
    script.put(Input::Unwritten("a".into(), batch.seq));
    assert!(script.maybe_request(ACCEPT).is_none(), "killed now, nobody would ask what became of it");
    script.put(Input::Committed("a".into(), batch.seq));
    script.request(ACCEPT);
}

#[test]
fn a_lost_cache_is_given_the_unsettled_commands_again() {
    let (mut script, _) = Script::joined();
    click(&mut script, "K1");
    script.log.clear();
    script.put(Input::CacheLost("a".into()));
    assert_eq!(script.kept().pop().unwrap().commands.len(), 1);
}

#[test]
fn what_an_earlier_run_left_open_is_asked_for_and_told_once() {
    for (reply, expected) in [
        (json!({ "outcome": "done", "status": 200, "body": row() }), "done"),
        (json!({ "outcome": "refused", "status": 409, "body": problem("conflict") }), "refused"),
        (json!({ "outcome": "void", "status": null, "body": null }), "void"),
    ] {
        let (mut script, command) = recalled();
        assert!(script.saw(
            |a| matches!(a, Action::CommandUnsettled(id, Unsettled::Unknown) if *id == command.command)
        ));
        assert_eq!(marks(&script), [Some(Unsettled::Unknown)]);
        let (id, request) = script.request(CLOSE);
        assert_eq!(header(&request, "authorization"), Some("Bearer A1"));
        assert!(settled(&script).is_empty());
        script.answer(id, 200, &reply);
        let told = match &settled(&script)[..] {
            [CommandOutcome::Done(_)] => "done",
            [CommandOutcome::Refused(_)] => "refused",
            [CommandOutcome::Void] => "void",
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected);
        assert_eq!(marks(&script), [Some(Unsettled::Unknown), None]);
        let forgotten = |a: &Action| matches!(a, Action::Persist(batch) if batch.settled.len() == 1);
        assert_eq!(script.count(forgotten), 1);
        script.pass(120_000);
        assert_eq!(settled(&script).len(), 1);
        assert!(script.maybe_request(ACCEPT).is_none(), "an old order is never sent");
    }
}

#[test]
fn what_was_left_open_a_day_ago_is_asked_for_once_and_its_void_not_believed() {
    let (mut script, command) = clicked_before(24 * 3_600_000);
    let (id, _) = script.request(CLOSE);
    script.answer(id, 200, &json!({ "outcome": "void", "status": null, "body": null }));
    let outcomes = settled(&script);
    assert!(matches!(&outcomes[..], [CommandOutcome::Unknowable(_)]), "{outcomes:?}");
    let forgotten =
        |a: &Action| matches!(a, Action::Persist(batch) if batch.settled == [command.command.clone()]);
    assert_eq!(script.count(forgotten), 1);
    script.pass(120_000);
    assert_eq!(settled(&script).len(), 1);
    assert!(script.maybe_request(CLOSE).is_none());
}

#[test]
fn what_an_earlier_run_left_open_is_asked_for_until_the_hub_answers() {
    let (mut script, _) = recalled();
    for _ in 0..3 {
        let (id, _) = script.request(CLOSE);
        script.fail(id);
        script.pass(30_000);
    }
    let (id, _) = script.request(CLOSE);
    script.answer(id, 200, &json!({ "outcome": "done", "status": 200, "body": row() }));
    assert_eq!(settled(&script).len(), 1);
}

#[test]
fn a_session_that_the_server_ends_leaves_commands_unknown_until_the_account_is_back() {
    let end = |script: &mut Script| {
        click(script, "K1");
        let (id, _) = script.request(ACCEPT);
        script.answer(id, 401, &problem("unauthorized"));
        let (renewal, _) = script.request("/login/refresh");
        script.answer(renewal, 401, &problem("unauthorized"));
        assert!(script.saw(|action| matches!(action, Action::SignedOut(Some(_)))));
        assert!(script.saw(
            |a| matches!(a, Action::CommandUnsettled(CommandId(key), Unsettled::Unknown) if key == "K1")
        ));
        script.pass(60_000);
        assert!(settled(script).is_empty(), "nobody knows yet");
        assert!(script.maybe_request(CLOSE).is_none());
        script.sign_in();
    };
    let (mut script, _) = Script::joined();
    end(&mut script);
    script.accept_sign_in("/login", "A2", "R2");
    script.pass(30_000);
    let (id, request) = script.request(CLOSE);
    assert_eq!(header(&request, "authorization"), Some("Bearer A2"));
    script.answer(id, 200, &json!({ "outcome": "done", "status": 200, "body": row() }));
    assert!(matches!(&settled(&script)[..], [CommandOutcome::Done(_)]));

    // Another account's outcomes are recorded apart: to ask in its name would void what may have been done.
    let (mut script, _) = Script::joined();
    end(&mut script);
    let (id, _) = script.request("/login");
    let mut reply = script.pair("A2", "R2");
    reply["account"] = json!("lee");
    script.answer(id, 200, &reply);
    assert!(
        matches!(&settled(&script)[..], [CommandOutcome::Unknowable(p)] if p.code == ErrorCode::Unauthorized)
    );
    script.pass(30_000);
    assert!(script.maybe_request(CLOSE).is_none());
}

/// What the hub had done is in the history that it goes on from no more.
#[test]
fn a_command_that_the_hub_has_lost_is_told_so_once_and_one_that_it_still_has_is_not() {
    let (mut script, socket) = Script::joined();
    let board = |epoch: &str| json!({ "epoch": epoch, "rev": 0, "count": 0, "digest": "0000000000000000", "rows": [] });
    let (id, _) = script.request("/centers/a/deliveries");
    script.answer(id, 200, &board("E1"));
    for key in ["K1", "K2"] {
        click(&mut script, key);
        let (id, _) = script.request(ACCEPT);
        script.answer(id, 200, &row());
    }
    let mut head = head_at(1);
    head["epoch"] = json!("E2");
    script.hear(socket, "head", &head);
    script.pass(500);
    let (id, _) = script.request("/centers/a/deliveries");
    script.answer(id, 200, &board("E2"));
    script.pass(100);
    let (first, _) = script.request(CLOSE);
    let (second, _) = script.request("/centers/a/commands/K2/close");
    script.answer(first, 200, &json!({ "outcome": "void", "status": null, "body": null }));
    script.answer(second, 200, &json!({ "outcome": "done", "status": 200, "body": row() }));
    script.pass(60_000);
    let lost: Vec<_> = script
        .log
        .iter()
        .filter_map(|action| match action {
            Action::CommandLost(lost) => Some((lost.command.0.as_str(), lost.number.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [("K1", Some("5"))]);
    assert_eq!(settled(&script).len(), 2, "each was settled once, as done");
    assert!(script.maybe_request(CLOSE).is_none() && script.maybe_request("/K2/close").is_none());
}
