//! Single stories, step by step.

use super::super::fetch::{Fetch, Fetched, SessionAction};
use super::hub::{day, delivery};
use super::world::World;
use crate::io::{AlarmKey, RowChange, State};
use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::rest::{AlarmKind, AlarmsRead, ReceiptStage};
use gwanje_wire::{Frame, Gone, ResyncReason, WireRow};

pub(super) fn live(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..40 {
        world.work();
    }
    world.start();
    world.run(5_000);
    world.check_converged();
    world
}

fn names(world: &World) -> Vec<&'static str> {
    world.states.iter().map(|(_, state)| state.name()).collect()
}

#[test]
fn a_quick_restart_is_never_offline_and_a_refused_port_is_polled_within_four_seconds() {
    let mut world = live(1);
    world.states.clear();
    world.sockets_up = false;
    world.cut();
    let cut = world.time;
    world.busy = true;
    world.run(10_000);
    assert_eq!(names(&world), ["Polling"]);
    assert!(world.states[0].0 - cut < 4_000);
    let first = world.fetches.iter().find(|(at, _)| *at >= cut).unwrap();
    assert!(first.0 - cut < 100, "the first poll comes at once");
    world.sockets_up = true;
    world.busy = false;
    world.run(5_000);
    assert_eq!(names(&world), ["Polling", "CatchingUp", "Live"]);
    world.check_converged();
}

#[test]
fn both_down_is_offline_after_two_failures_and_comes_back() {
    let mut world = live(2);
    world.states.clear();
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    world.run(5_000);
    assert_eq!(names(&world), ["Polling", "Offline"]);
    world.sockets_up = true;
    world.rest_up = true;
    world.run(10_000);
    world.check_converged();
}

#[test]
fn a_flipped_byte_is_found_by_comparing_contents() {
    let mut world = live(3);
    let id = world.session.rows().next().unwrap().id();
    assert!(world.session.flip_row(id));
    world.run(64 * 132_000);
    world.check_converged();
    let stats = world.session.stats();
    assert_eq!((stats.mismatches, stats.repairs, stats.snapshots), (0, 1, 1));
}

#[test]
fn a_live_board_is_quiet_on_rest() {
    let mut world = live(4);
    let before = world.rests;
    world.run(600_000);
    let requests = world.rests - before;
    // Two a routine (digest, contents), four or five routines.
    assert!((8..=12).contains(&requests), "{requests}");
    assert!(matches!(world.session.state(), State::Live { .. }));
}

#[test]
fn heads_that_stop_make_it_catch_up_and_rest_proves_meanwhile() {
    let mut world = live(5);
    world.faults.drop = 1_000;
    world.states.clear();
    world.run(5_500);
    assert_eq!(names(&world).first(), Some(&"CatchingUp"));
    world.work();
    world.run(10_000);
    assert_eq!(world.session.cursor().unwrap().rev, world.hub.rev, "polled although the socket is joined");
    world.faults.drop = 0;
    world.run(5_000);
    world.check_converged();
}

#[test]
fn a_head_that_went_back_is_adopted_after_ten_seconds_of_ahead() {
    let mut world = live(6);
    let mut before = world.hub.clone();
    world.work();
    world.hub.create();
    world.run(3_000);
    assert!(world.session.cursor().unwrap().rev > before.rev);
    let time = world.time;
    // Stragglers of what is undone are still under way.
    before.history.extend(std::mem::take(&mut world.hub.history));
    world.hub = before;
    world.went_back = true;
    world.run(9_000);
    assert!(
        world.session.cursor().unwrap().rev > world.hub.rev,
        "not at once: it may be a replica that lags"
    );
    assert_eq!(world.session.state().name(), "CatchingUp");
    let undone = world.hub.rev;
    world.hub.history.retain(|(_, rev), _| *rev <= undone);
    world.run(16_000);
    world.check_converged();
    assert!(world.time - time <= 25_000);
    assert_eq!(world.session.stats().snapshots, 2);
}

#[test]
fn an_older_epoch_is_old_news_for_ten_seconds_and_then_adopted() {
    let mut world = live(7);
    world.hub.new_epoch("00Z");
    world.went_back = true;
    world.cut();
    let revs = |world: &World| world.session.cursor().unwrap().epoch.clone();
    let old = revs(&world);
    world.run(9_000);
    assert_eq!(revs(&world), old);
    world.run(12_000);
    world.check_converged();
}

#[test]
fn a_snapshot_that_contradicts_itself_is_not_taken() {
    let mut world = World::new(8);
    for _ in 0..40 {
        world.work();
    }
    world.spoil = Some(|fetched| {
        if let Fetched::Snapshot(snapshot) = fetched {
            snapshot.rows.pop();
        }
    });
    world.start();
    world.run(60_000);
    assert_eq!((world.session.cursor(), world.shown.len()), (None, 0));
    let asked = world.fetches.iter().filter(|(_, fetch)| *fetch == Fetch::Snapshot).count();
    assert!((4..12).contains(&asked), "{asked} snapshots asked for in a minute");
    world.spoil = None;
    world.run(70_000);
    world.check_converged();
}

#[test]
fn a_page_that_does_not_advance_is_an_error_and_no_loop() {
    let mut world = live(9);
    world.spoil = Some(|fetched| {
        if let Fetched::Changes(reply) = fetched {
            let from = reply.frame.from;
            reply.frame = Frame { as_of: reply.frame.as_of, ..Frame::empty("01A".into(), from, day(0)) };
        }
    });
    world.faults.drop = 1_000;
    world.hub.create();
    let before = world.rests;
    world.run(60_000);
    assert!(world.session.stats().malformed > 3);
    assert!(world.rests - before < 30, "{} requests", world.rests - before);
    world.spoil = None;
    world.faults.drop = 0;
    world.run(70_000);
    world.check_converged();
}

#[test]
fn a_row_that_can_not_be_read_is_held_counted_and_fetched_again_once() {
    let mut world = live(10);
    world.spoil = Some(|fetched| {
        if let Fetched::Rows(reply) = fetched {
            for row in &mut reply.rows {
                *row = WireRow::Unreadable { id: row.id(), rev: row.rev() };
            }
        }
    });
    // Buckets of the routine would be spoiled too: stay before it.
    let id = *world.hub.rows.keys().next().unwrap();
    world.hub.touch(id);
    let mut frame = world.hub.frame(Rev(world.hub.rev.0 - 1), world.hub.rev);
    frame.rows = vec![WireRow::Unreadable { id, rev: world.hub.rev }];
    world.session.frame(frame, world.now());
    world.act();
    world.run(30_000);
    let asked = world.fetches.iter().filter(|(_, fetch)| matches!(fetch, Fetch::Rows { .. })).count();
    assert_eq!((asked, world.session.stats().unreadable), (1, 1));
    assert_eq!(world.session.state().name(), "Live", "it is counted in the digest");
    world.spoil = None;
    world.hub.touch(id);
    world.run(5_000 + 100);
    world.check_converged();
    assert_eq!(world.session.stats().unreadable, 0);
}

#[test]
fn an_overlay_shows_until_the_board_has_caught_up() {
    let mut world = live(11);
    let id = *world.hub.rows.keys().next().unwrap();
    let epoch = world.hub.epoch.clone();
    let answer = WireRow::from(delivery(id.0, world.hub.rev.next(), day(world.time)));
    world.session.overlay(epoch.clone(), answer.clone(), world.now());
    world.act();
    assert_eq!(world.shown[&id], answer);
    assert_eq!(world.session.row(id), Some((&epoch, &answer)));
    assert_ne!(world.session.rows().find(|row| row.id() == id), Some(&answer), "rows stay the frames'");
    // An older change comes by frame: the board takes it, the answer goes on being shown.
    let rev = world.hub.rev;
    let mut older = Frame { to: rev.next(), as_of: rev.next(), ..Frame::empty(epoch.clone(), rev, day(0)) };
    older.rows = vec![delivery(id.0, rev.next(), day(0)).into()];
    let newer = WireRow::from(delivery(id.0, Rev(rev.0 + 2), day(world.time)));
    world.session.overlay(epoch.clone(), newer.clone(), world.now());
    world.hub.touch(id);
    world.session.frame(older, world.now());
    world.act();
    assert_eq!(world.shown[&id], newer);
    let answer = newer;
    // Of another epoch, or no newer than the board: nothing to show.
    let foreign = WireRow::from(delivery(id.0, Rev(9_999), day(0)));
    world.session.overlay("00Z".into(), foreign, world.now());
    world.session.overlay(epoch, delivery(id.0, Rev(1), day(0)).into(), world.now());
    world.act();
    assert_eq!(world.shown[&id], answer);
    world.hub.touch(id);
    world.work();
    world.run(5_000);
    world.check_converged();
}

#[test]
fn an_overlay_of_a_row_that_never_came_goes_at_a_whole_cursor() {
    let mut world = live(12);
    let epoch = world.hub.epoch.clone();
    let ghost = DeliveryId(9_999);
    let answer = WireRow::from(delivery(ghost.0, world.hub.rev.next(), day(world.time)));
    world.session.overlay(epoch, answer, world.now());
    world.act();
    assert!(world.shown.contains_key(&ghost));
    world.hub.create();
    world.work();
    world.run(5_000);
    world.check_converged();
}

#[test]
fn what_was_cancelled_before_the_first_use_raises_nothing() {
    let mut world = World::new(13);
    let (old, later) = (world.hub.create(), world.hub.create());
    world.hub.cancel(old);
    world.run(1_000);
    world.start();
    world.run(3_000);
    assert!(world.raised.is_empty());
    // Cancelled and archived while nobody follows: `/alarms` tells of it.
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    world.hub.time = world.time + 10;
    world.hub.cancel(later);
    world.hub.archive(later);
    world.run(8_000);
    assert!(world.raised.is_empty());
    world.sockets_up = true;
    world.rest_up = true;
    world.run(20_000);
    assert_eq!(world.raised.len(), 1);
    assert_eq!(world.raised.keys().next().unwrap().id, later);
    world.check_converged();
}

#[test]
fn a_cache_without_alarms_takes_this_seats_receipts_for_raised() {
    let mut world = live(14);
    let open = world.hub.rows.values().filter(|row| row.cancelled_at.is_none());
    let ids: Vec<DeliveryId> = open.map(|row| row.id).take(2).collect();
    world.run(10);
    world.hub.cancel(ids[0]);
    world.hub.cancel(ids[1]);
    world.run(5_000);
    let keys: Vec<AlarmKey> = world.raised.keys().copied().filter(|k| ids[..2].contains(&k.id)).collect();
    assert_eq!(keys.len(), 2, "{:?}", world.raised);
    assert!(keys.iter().all(|key| key.kind == AlarmKind::Cancelled));
    world.session.receipt(keys[0], ReceiptStage::Acknowledged, world.now());
    world.act();
    world.run(5_000);
    world.cache.rows.clear();
    world.cache.cursor = None;
    world.cache.alarms.clear();
    world.cache.alarm_seq = None;
    let raised = world.raised.clone();
    world.relisted.clear();
    world.crash();
    world.run(10_000);
    assert_eq!(world.raised, raised, "nothing is raised twice");
    assert!(!world.relisted.contains_key(&keys[0]), "what was acknowledged stays so");
    assert_eq!(world.relisted.get(&keys[1]), Some(&1), "what is open is listed again");
    world.crash();
    world.run(10_000);
    assert_eq!(world.relisted.get(&keys[1]), Some(&2));
    world.check_converged();
}

#[test]
fn another_seats_acknowledgement_settles_it_here() {
    let mut world = live(15);
    let id = *world.hub.rows.iter().find(|(_, row)| row.cancelled_at.is_none()).unwrap().0;
    world.run(10);
    world.hub.cancel(id);
    world.run(5_000);
    let key = *world.raised.keys().find(|key| key.id == id).unwrap();
    world.hub.receipt(key, "other".into(), ReceiptStage::Acknowledged);
    world.run(5_000);
    assert_eq!(world.cache.alarms[&key].stage, ReceiptStage::Acknowledged);
    assert!(world.settled.contains(&key));
}

#[test]
fn a_frame_of_nonsense_is_a_gap_and_nothing_of_it_is_applied() {
    let mut world = live(16);
    let cursor = world.session.cursor().unwrap().clone();
    let sound = Frame {
        to: Rev(cursor.rev.0 + 5),
        as_of: Rev(cursor.rev.0 + 5),
        ..Frame::empty(cursor.epoch, cursor.rev, day(0))
    };
    let gone = vec![Gone { id: DeliveryId(1), rev: Rev(9_999) }];
    for bad in [
        Frame { as_of: Rev(0), ..sound.clone() },
        Frame { to: Rev(0), ..sound.clone() },
        Frame { gone, ..sound },
    ] {
        world.session.frame(bad, world.now());
        while let Some(action) = world.session.poll_action() {
            let SessionAction::Changed(changes, _) = action else { continue };
            assert!(changes.iter().all(|change| matches!(change, RowChange::Mark(..))), "{changes:?}");
        }
        world.run(1_000);
    }
    world.run(5_000);
    assert_eq!(world.session.stats().malformed, 3);
    world.check_converged();
}

#[test]
fn an_older_snapshot_of_a_lagging_replica_is_not_taken() {
    let mut world = live(17);
    let old = world.hub.answer(&Fetch::Snapshot, 1_000).unwrap();
    world.hub.create();
    world.run(3_000);
    let cursor = world.session.cursor().cloned();
    // Below the floor only a snapshot helps, and the replica has none that is new enough.
    let now = world.now();
    world.session.want_snapshot(now.mono);
    world.session.tick(now);
    let asked = world.session.rest.flight.take().unwrap();
    let (id, sent) = (asked.id(), now);
    world.session.rest.flight = Some(asked);
    world.session.answer(id, Ok(old), sent);
    assert_eq!(world.session.cursor().cloned(), cursor);
    assert_eq!(world.session.stats().snapshots, 1);
    world.act();
    world.run(10_000);
    world.check_converged();
}

#[test]
fn a_cancellation_raises_by_its_frame_alone() {
    let mut world = live(18);
    let id = *world.hub.rows.iter().find(|(_, row)| row.cancelled_at.is_none()).unwrap().0;
    world.run(10);
    world.hub.cancel(id);
    let entry = world.hub.alarms.pop().unwrap();
    world.run(5_000);
    assert!(world.raised.keys().any(|key| key.id == id));
    world.hub.alarms.push(entry);
    world.check_converged();
}

#[test]
fn a_slow_answer_proves_the_board_as_of_its_request() {
    let mut world = live(19);
    world.sockets_up = false;
    world.rest_delay = 2_500;
    world.cut();
    world.busy = true;
    // Each proof is checked against the hub's history as it comes.
    world.run(60_000);
    assert!(world.session.stats().proofs > 8);
}

#[test]
fn a_row_that_only_memory_holds_goes() {
    let mut world = live(20);
    let ghost = WireRow::from(delivery(77_777, Rev(1), day(0)));
    world.shown.insert(ghost.id(), ghost.clone());
    world.cache.rows.insert(ghost.id(), ghost.clone());
    world.session.rows.set(ghost);
    world.run(10_000);
    world.check_converged();
    let stats = world.session.stats();
    assert_eq!((stats.mismatches, stats.repairs, stats.snapshots), (1, 1, 1));
}

#[test]
fn a_repair_whose_answers_hang_does_not_freeze_the_board() {
    let mut world = live(21);
    world.rest_delay = 30_000;
    world.busy = true;
    for _ in 0..150 {
        world.run(1_000);
        let behind = world.hub.rev.0 - world.session.cursor().unwrap().rev.0;
        assert!(behind < 150, "{behind} revisions behind at {} ms", world.time);
    }
    world.rest_delay = 0;
    world.busy = false;
    world.run(60_000);
    world.check_converged();
}

#[test]
fn alarms_of_a_new_epoch_are_read_although_an_answer_of_the_old_one_is_under_way() {
    let mut world = live(22);
    let now = world.now();
    world.hub.alarms.clear();
    world.hub.alarm_seq = 0;
    // The question for alarms is out and hangs.
    world.session.alarms.due = Some(now.mono);
    world.session.tick(now);
    let asked = std::iter::from_fn(|| world.session.poll_action())
        .find_map(|action| match action {
            SessionAction::Fetch(id, Fetch::Alarms { .. }) => Some(id),
            _ => None,
        })
        .unwrap();
    world.hub.new_epoch("01B");
    // Only `/alarms` of the new epoch tells of this one.
    let id = world.hub.create();
    world.run(10);
    world.hub.cancel(id);
    world.hub.archive(id);
    while world.session.cursor().unwrap().epoch != world.hub.epoch {
        world.run(100);
    }
    let old = AlarmsRead { alarm_seq: 9, ..AlarmsRead::default() };
    let now = world.now();
    world.session.answer(asked, Ok(Fetched::Alarms(old)), now);
    world.act();
    world.run(5_000);
    assert!(world.raised.keys().any(|key| key.id == id), "{:?}", world.raised);
    assert_eq!(world.cache.alarm_seq, Some(world.hub.alarm_seq));
    world.check_converged();
}

#[test]
fn a_replica_that_lags_now_and_then_is_not_believed_for_what_it_said_hours_ago() {
    let mut world = live(24);
    for _ in 0..3 {
        world.refuse_changes = Some(ResyncReason::Ahead);
        world.cut();
        world.run(10_000);
        assert_eq!(world.refuse_changes, None, "the poll after the cut met the replica");
        assert_eq!(world.session.state().name(), "Live");
        assert_eq!((world.session.ahead, world.session.adopt_older), (None, false));
        world.run(600_000);
    }
    assert_eq!(world.session.stats().snapshots, 1, "only the first one");
    world.check_converged();
}
