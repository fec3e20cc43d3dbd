//! Every cell of the table in `rest`: what each kind of answer makes of each kind of question.

use super::super::fetch::{Fetch, FetchFailure, Fetched, SessionAction, SessionConfig};
use super::super::job::{Job, POLL_MS};
use super::super::repair::Step;
use super::super::{Session, Socket};
use super::hub::Hub;
use crate::io::{Mono, Now, Restored, State};
use gwanje_model::digest::bucket_of;
use gwanje_model::{DeliveryId, Rev, UtcMillis};
use gwanje_wire::rest::{AlarmsRead, DigestReply, RevsReply, RowsReply, Snapshot};
use gwanje_wire::socket::Cursor;
use gwanje_wire::{ErrorCode, Head, Problem, ResyncReason, WireRow};

const NOW: Now = Now { mono: Mono(60_000), wall: UtcMillis(1_000_060_000) };

fn cursor_of(head: &Head) -> Cursor {
    Cursor { epoch: head.epoch.clone(), rev: head.rev }
}

/// A live session of three rows, and its hub.
fn live() -> (Session, Hub) {
    let mut hub = Hub::new();
    for _ in 0..3 {
        hub.create();
    }
    let config = SessionConfig { center: "gangnam".into(), seat: "seat".into(), seed: 1 };
    let mut session = Session::new(config, NOW);
    let ack = hub.subscribe(None);
    let restored = Restored {
        rows: hub.rows.values().cloned().map(WireRow::from).collect(),
        cursor: ack.head.as_ref().map(cursor_of),
        alarm_seq: Some(0),
        horizon: Some(UtcMillis(1_000_000_000)),
        ..Restored::default()
    };
    session.restored(restored, NOW);
    session.authorised(NOW);
    session.socket_joined(NOW);
    session.subscribed(ack, NOW);
    assert!(matches!(session.state(), State::Live { .. }), "{:?}", session.state());
    while session.poll_action().is_some() {}
    (session, hub)
}

fn asked_for_heads(session: &mut Session) -> usize {
    std::iter::from_fn(|| session.poll_action()).filter(|action| *action == SessionAction::AskHead).count()
}

#[test]
fn a_head_that_seems_old_makes_the_desk_ask_and_not_believe() {
    let (mut session, mut hub) = live();
    let at = |ms: u64| Now { mono: NOW.mono.plus_ms(ms), wall: NOW.wall.plus_ms(ms.cast_signed()) };
    // The line has become slow, or one of the clocks was set: from here that is the same.
    for ms in [8_000, 10_000] {
        hub.time = ms - 6_000;
        session.head(hub.head(), at(ms));
        assert!(matches!(session.state(), State::CatchingUp { .. }), "{:?}", session.state());
        assert_eq!(asked_for_heads(&mut session), usize::from(ms == 10_000), "at {ms}");
    }
    // The hub's clock was set back by six seconds: its answer shows it, and proves the board.
    hub.time = 10_020 - 6_000;
    session.subscribed(hub.subscribe(None), at(10_040));
    assert!(matches!(session.state(), State::Live { .. }), "{:?}", session.state());
    hub.time = 12_000 - 6_000;
    session.head(hub.head(), at(12_000));
    assert!(matches!(session.state(), State::Live { .. }), "{:?}", session.state());
    assert_eq!(asked_for_heads(&mut session), 0);
    // All is well: asked now and then all the same.
    let mut asked = 0;
    for ms in (14_000..600_000).step_by(2_000) {
        hub.time = ms - 6_000;
        session.head(hub.head(), at(ms));
        asked += asked_for_heads(&mut session);
    }
    assert_eq!(asked, 4, "every two minutes");
}

/// Every kind of question, with the request it becomes.
fn jobs(session: &Session) -> Vec<(Job, Fetch)> {
    let cursor = session.cursor().unwrap().clone();
    let (after, id) = (cursor.rev, DeliveryId(2));
    let buckets = vec![bucket_of(id)];
    let of_rows = || Fetch::Rows { ids: vec![id], after };
    vec![
        (Job::Changes(cursor.clone()), Fetch::Changes { cursor, limit: 1_000 }),
        (Job::Snapshot, Fetch::Snapshot),
        (Job::Digest, Fetch::Digest { after }),
        (Job::Revs(buckets.clone()), Fetch::Revs { buckets: buckets.clone(), after }),
        (Job::Rows(vec![id]), of_rows()),
        (Job::Content(buckets.clone()), Fetch::Buckets { buckets, after }),
        (Job::Unread(vec![id]), of_rows()),
    ]
}

/// The step of repair that asks this.
fn step_of(job: &Job) -> Step {
    match job {
        Job::Changes(_) | Job::Snapshot | Job::Unread(_) => Step::Idle,
        Job::Digest => Step::Digest,
        Job::Revs(buckets) => Step::Revs(buckets.clone()),
        Job::Rows(ids) => Step::Rows(ids.clone()),
        Job::Content(buckets) => Step::Content(buckets.clone()),
    }
}

/// Asks and answers; gives what the session wants done next.
fn answered(
    session: &mut Session,
    job: Job,
    fetch: Fetch,
    result: Result<Fetched, FetchFailure>,
) -> Vec<SessionAction> {
    session.repair.step = step_of(&job);
    if job == Job::Snapshot {
        session.snapshot = Some(NOW.mono);
    }
    session.send(job, fetch, NOW);
    let id = session.rest.flight.as_ref().unwrap().id();
    while session.poll_action().is_some() {}
    session.answer(id, result, NOW);
    std::iter::from_fn(|| session.poll_action()).collect()
}

fn problem(code: ErrorCode, retry_after_s: Option<u64>) -> Result<Fetched, FetchFailure> {
    Err(FetchFailure::Problem { problem: Problem::new(code, "told so"), retry_after_s })
}

/// Runs one kind of answer against every kind of question.
fn each(
    answer: impl Fn(&Hub, &Fetch) -> Result<Fetched, FetchFailure>,
    check: impl Fn(&Job, &Session, Vec<SessionAction>),
) {
    let (session, _) = live();
    for (job, fetch) in jobs(&session) {
        let (mut session, hub) = live();
        let result = answer(&hub, &fetch);
        let actions = answered(&mut session, job.clone(), fetch, result);
        check(&job, &session, actions);
    }
}

fn asks(actions: &[SessionAction]) -> Vec<&Fetch> {
    let mut asked = Vec::new();
    for action in actions {
        if let SessionAction::Fetch(_, fetch) = action {
            asked.push(fetch);
        }
    }
    asked
}

#[test]
fn the_answer_that_was_asked_for_ends_the_question_and_counts_nothing_bad() {
    each(
        |hub, fetch| hub.answer(fetch, 1_000),
        |job, session, _| {
            let stats = session.stats();
            assert_eq!((stats.malformed, stats.mismatches, stats.repairs), (0, 0, 0), "{job:?}");
            assert_eq!(session.repair.step, Step::Idle, "{job:?}");
            assert_eq!(session.snapshot, None, "{job:?}");
            assert_eq!(stats.snapshots, u64::from(*job == Job::Snapshot), "{job:?}");
            // What was proven before was another board than the snapshot's: the next head proves that.
            let proven = *job != Job::Snapshot;
            assert_eq!(
                matches!(session.state(), State::Live { .. }),
                proven,
                "{job:?}: {:?}",
                session.state()
            );
        },
    );
}

#[test]
fn the_answer_to_another_question_is_malformed() {
    let others: [fn(&Hub) -> Fetched; 6] = [
        |hub| hub.answer(&Fetch::Changes { cursor: cursor_of(&hub.head()), limit: 9 }, 9).unwrap(),
        |hub| hub.answer(&Fetch::Snapshot, 9).unwrap(),
        |hub| hub.answer(&Fetch::Digest { after: hub.rev }, 9).unwrap(),
        |hub| hub.answer(&Fetch::Revs { buckets: vec![], after: hub.rev }, 9).unwrap(),
        |hub| hub.answer(&Fetch::Rows { ids: vec![], after: hub.rev }, 9).unwrap(),
        |_| Fetched::Alarms(AlarmsRead::default()),
    ];
    for other in others {
        each(
            |hub, _| Ok(other(hub)),
            |job, session, _| {
                let (_, hub) = live();
                let fits = match (job, other(&hub)) {
                    (Job::Changes(_), Fetched::Changes(_))
                    | (Job::Snapshot, Fetched::Snapshot(_))
                    | (Job::Digest, Fetched::Digest(_))
                    | (Job::Revs(_), Fetched::Revs(_))
                    | (Job::Rows(_) | Job::Content(_) | Job::Unread(_), Fetched::Rows(_)) => true,
                    (_, _) => false,
                };
                if fits {
                    return;
                }
                let stats = session.stats();
                assert_eq!((stats.malformed, stats.snapshots, stats.repairs), (1, 0, 0), "{job:?}");
                assert!(session.rest.flight.is_none(), "{job:?}: not asked again at once");
                assert_eq!(session.repair.step, step_of(job), "{job:?}: the step is still to be done");
            },
        );
    }
}

#[test]
fn no_answer_is_a_failure_and_the_same_is_asked_again_later() {
    for failure in [FetchFailure::Unreachable("cut".into()), FetchFailure::Malformed] {
        each(
            |_, _| Err(failure.clone()),
            |job, session, actions| {
                assert_eq!(session.rest.failures, 1, "{job:?}");
                assert_eq!(asks(&actions), [&Fetch::Snapshot; 0], "{job:?}: not at once");
                assert_eq!(session.repair.step, step_of(job), "{job:?}");
                let malformed = u64::from(failure == FetchFailure::Malformed);
                assert_eq!(session.stats().malformed, malformed, "{job:?}");
                let again = session.ask_at().unwrap();
                assert!(again.since(NOW.mono) >= POLL_MS * 4 / 5, "{job:?}: again at {again:?}");
            },
        );
    }
}

#[test]
fn a_server_that_is_busy_is_left_alone_for_as_long_as_it_asks() {
    for code in [ErrorCode::TooManyRequests, ErrorCode::Unavailable] {
        each(
            |_, _| problem(code, Some(17)),
            |job, session, actions| {
                assert_eq!(asks(&actions), [&Fetch::Snapshot; 0], "{job:?}");
                assert!(session.ask_at().unwrap().since(NOW.mono) >= 17_000, "{job:?}");
                assert_eq!(session.repair.step, step_of(job), "{job:?}");
            },
        );
    }
}

#[test]
fn a_refusal_that_is_no_ones_fault_is_a_failure() {
    for code in [
        ErrorCode::Unauthorized,
        ErrorCode::Other,
        ErrorCode::Invalid,
        ErrorCode::InvalidTransition,
        ErrorCode::Conflict,
        ErrorCode::Void,
    ] {
        each(
            |_, _| problem(code, None),
            |job, session, _| {
                assert_eq!(session.rest.failures, 1, "{job:?} {code}");
                assert!(session.refused.is_none(), "{job:?} {code}");
                // The socket goes on proving, unless the whole board is awaited.
                let live = matches!(session.state(), State::Live { .. });
                assert_eq!(live, *job != Job::Snapshot, "{job:?} {code}");
            },
        );
    }
}

#[test]
fn a_center_that_is_refused_is_refused_whatever_was_asked() {
    for code in [ErrorCode::NotFound, ErrorCode::Forbidden] {
        each(
            |_, _| problem(code, None),
            |job, session, _| {
                assert!(
                    matches!(session.state(), State::Refused { code: of, .. } if of == code),
                    "{job:?}: {:?}",
                    session.state()
                );
                assert!(
                    session.ask_at().is_some_and(|at| at > NOW.mono),
                    "{job:?}: asked again, not at once"
                );
                assert_eq!(session.socket, Socket::Subscribed, "{job:?}");
            },
        );
    }
}

#[test]
fn a_cursor_that_cannot_be_gone_on_from_brings_a_snapshot() {
    for reason in [ResyncReason::Epoch, ResyncReason::Floor, ResyncReason::Ahead] {
        each(
            |_, _| {
                let problem = Problem { reason: Some(reason), ..Problem::new(ErrorCode::Resync, "no") };
                Err(FetchFailure::Problem { problem, retry_after_s: None })
            },
            |job, session, _| {
                // Ahead is believed only when it has been said for ten seconds.
                let wanted = reason != ResyncReason::Ahead || *job == Job::Snapshot;
                assert_eq!(session.snapshot.is_some(), wanted, "{job:?} {reason:?}");
                assert_eq!(session.rest.failures, 0, "{job:?} {reason:?}: it did answer");
            },
        );
    }
}

#[test]
fn an_answer_of_another_revision_makes_the_step_be_asked_again_after_the_changes() {
    let beyond = |rev: Rev| Rev(rev.0 + 5);
    each(
        |hub, fetch| {
            Ok(match hub.answer(fetch, 1_000).unwrap() {
                Fetched::Digest(reply) => {
                    let mut head = reply.head.clone();
                    head.rev = beyond(head.rev);
                    Fetched::Digest(DigestReply { head, frame: None, ..reply })
                }
                Fetched::Revs(reply) => {
                    Fetched::Revs(RevsReply { rev: beyond(reply.rev), frame: None, ..reply })
                }
                Fetched::Rows(reply) => {
                    Fetched::Rows(RowsReply { rev: beyond(reply.rev), frame: None, ..reply })
                }
                Fetched::Snapshot(reply) => Fetched::Snapshot(Snapshot { rev: beyond(reply.rev), ..reply }),
                same @ (Fetched::Changes(_) | Fetched::Alarms(_)) => same,
            })
        },
        |job, session, actions| match job {
            // These carry rows of their own revision: nothing else is needed.
            Job::Changes(_) | Job::Snapshot => {}
            Job::Digest | Job::Revs(_) | Job::Rows(_) | Job::Content(_) => {
                assert!(matches!(asks(&actions)[..], [Fetch::Changes { .. }]), "{job:?}: {actions:?}");
                assert_eq!(session.repair.step, step_of(job), "{job:?}");
                assert_eq!(session.stats().repairs, 0, "{job:?}: nothing of another revision is compared");
            }
            Job::Unread(_) => {
                assert!(matches!(asks(&actions)[..], [Fetch::Changes { .. }]), "{job:?}: {actions:?}");
            }
        },
    );
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let (mut session, hub) = live();
    let before = (session.stats(), session.state());
    for (_, fetch) in jobs(&session) {
        let answer = hub.answer(&fetch, 9);
        session.answer(super::super::FetchId(9_999), answer, NOW);
    }
    assert_eq!((session.stats(), session.state()), before);
    assert_eq!(session.poll_action(), None);
}
