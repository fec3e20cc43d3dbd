//! Batches: one command on several deliveries, a result each.

use super::*;
use crate::io::{
    CommandId, CommandKind, CommandOutcome, CommandRequest, RowChange, StoredCommand, Unsettled,
};
use gwanje_model::{DeliveryId, Rev, lifecycle};
use gwanje_wire::batch::BatchRow;
use gwanje_wire::{CommandBody, ErrorCode};

const BATCH: &str = "/centers/a/deliveries/batch";
const CLOSE: &str = "/centers/a/commands/B1/close";

fn click(script: &mut Script) {
    let row = |id, rev| BatchRow { id: DeliveryId(id), rev };
    script.put(Input::Command(Box::new(CommandRequest {
        command: CommandId("B1".to_owned()),
        center: "a".into(),
        what: CommandKind::Batch {
            action: lifecycle::Action::Accept,
            body: CommandBody::default(),
            rows: vec![row(5, Some(Rev(8))), row(6, None)],
        },
    })));
}

fn row(id: u64, rev: u64) -> Value {
    json!({
        "id": id, "center": "a", "rev": rev, "modifiedAt": 1, "number": "5", "orderNo": "", "status": "waiting",
        "shop": { "id": "s", "name": "shop" }, "dropoff": { "address": "x" },
        "pickupTargetMin": 15, "deliveryTargetMin": 30, "distanceM": 1, "receivedAt": 1,
    })
}

fn reply() -> Value {
    let problem = json!({ "code": "conflict", "status": 409, "detail": "moved on" });
    json!({ "results": [{ "id": 5, "status": 200, "row": row(5, 9) }, { "id": 6, "status": 409, "problem": problem }] })
}

fn marks(script: &Script) -> Vec<(u64, Option<Unsettled>)> {
    let changes = script.log.iter().filter_map(|action| match action {
        Action::Changed(_, changes, _) => Some(changes),
        _ => None,
    });
    let marks = changes.flatten().filter_map(|change| match change {
        RowChange::Mark(id, mark) => Some((id.0, *mark)),
        _ => None,
    });
    marks.collect()
}

fn settled(script: &Script) -> Vec<CommandOutcome> {
    let settled = script.log.iter().filter_map(|action| match action {
        Action::CommandSettled(_, outcome) => Some(outcome.clone()),
        _ => None,
    });
    settled.collect()
}

fn statuses(outcome: &CommandOutcome) -> Vec<(u64, u16)> {
    let CommandOutcome::Each(results) = outcome else { panic!("{outcome:?}") };
    results.iter().map(|result| (result.id.0, result.status)).collect()
}

#[test]
fn a_batch_is_one_request_that_marks_each_delivery_and_shows_each_answer() {
    let (mut script, _) = Script::joined();
    click(&mut script);
    let (id, request) = script.request(BATCH);
    assert_eq!(header(&request, "idempotency-key"), Some("B1"));
    assert_eq!(header(&request, "if-match"), None, "each delivery names what was seen");
    let said: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
    let expected = json!({ "action": "accept", "body": {}, "ids": [{ "id": 5, "rev": 8 }, { "id": 6 }] });
    assert_eq!(said, expected);
    let pending = Some(Unsettled::Pending);
    assert_eq!(marks(&script), [(5, pending), (6, pending)]);
    let etag = Some("\"E1-9\"".to_owned());
    script.put(Input::Http(id, Ok(HttpResponse { etag, ..response(200, reply()) })));
    assert_eq!(marks(&script), [(5, pending), (6, pending), (5, None), (6, None)]);
    let [outcome] = &settled(&script)[..] else { panic!("settled once") };
    assert_eq!(statuses(outcome), [(5, 200), (6, 409)]);
    script.pass(120_000);
    assert_eq!(settled(&script).len(), 1);
    assert!(script.maybe_request(CLOSE).is_none());
}

#[test]
fn a_batch_without_an_answer_is_asked_for_and_told_with_each_result() {
    let (mut script, socket) = Script::joined();
    click(&mut script);
    script.pass_live(socket, 30_000);
    let unknown = Some(Unsettled::Unknown);
    assert_eq!(marks(&script)[2..], [(5, unknown), (6, unknown)]);
    let (id, _) = script.request(CLOSE);
    script.answer(id, 200, &json!({ "outcome": "done", "status": 200, "body": reply() }));
    let [outcome] = &settled(&script)[..] else { panic!("settled once") };
    assert_eq!(statuses(outcome), [(5, 200), (6, 409)]);
    assert_eq!(marks(&script)[4..], [(5, None), (6, None)]);
}

#[test]
fn a_batch_that_an_earlier_run_left_open_is_told_with_each_result() {
    let mut script = Script::new(&["http://h"], &[]);
    let command = StoredCommand {
        command: CommandId("B1".to_owned()),
        delivery: None,
        batch: vec![DeliveryId(5), DeliveryId(6)],
        action: "accept".into(),
        clicked_at: UtcMillis(EPOCH_MS - 60_000),
    };
    script.cached = Restored { commands: vec![command], ..Restored::default() };
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let unknown = Some(Unsettled::Unknown);
    assert_eq!(marks(&script), [(5, unknown), (6, unknown)]);
    let (id, _) = script.request(CLOSE);
    script.answer(id, 200, &json!({ "outcome": "done", "status": 200, "body": reply() }));
    let [outcome] = &settled(&script)[..] else { panic!("settled once") };
    assert_eq!(statuses(outcome), [(5, 200), (6, 409)]);
    assert_eq!(marks(&script)[2..], [(5, None), (6, None)]);
}

#[test]
fn what_all_were_refused_with_is_the_outcome_of_the_batch() {
    let (mut script, _) = Script::joined();
    click(&mut script);
    let (id, _) = script.request(BATCH);
    script.answer(id, 403, &json!({ "code": "forbidden", "status": 403, "detail": "no" }));
    let outcomes = settled(&script);
    assert!(
        matches!(&outcomes[..], [CommandOutcome::Refused(problem)] if problem.code == ErrorCode::Forbidden)
    );
    assert_eq!(marks(&script)[2..], [(5, None), (6, None)]);
}
