//! What must not be forgotten over a restart: acknowledgements that the hub lacks, alarms that a version could not read.

use super::super::fetch::{Fetch, Fetched};
use super::super::notified::key_of;
use super::scripted::live;
use super::world::World;
use crate::io::{AlarmKey, CommandId, CommandOutcome, SkippedAlarms, StoredCommand};
use gwanje_model::{DeliveryId, Status, UtcMillis};
use gwanje_wire::batch::BatchResult;
use gwanje_wire::rest::ReceiptStage;
use gwanje_wire::{ErrorCode, Problem};
use std::collections::BTreeSet;

/// Acknowledged while the hub is away, and the app ends before it is back.
#[test]
fn an_acknowledgement_given_while_the_hub_is_away_reaches_it_after_a_restart() {
    let mut world = live(31);
    let id = world.hub.create();
    world.run(3_000);
    world.hub.cancel(id);
    world.run(3_000);
    let key = *world.raised.keys().next().expect("an alarm");
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    let now = world.now();
    world.session.receipt(key, ReceiptStage::Acknowledged, now);
    world.act();
    world.run(10_000);
    world.crash();
    world.run(5_000);
    assert!(!acknowledged(&world, key), "nobody could tell it yet");
    world.sockets_up = true;
    world.rest_up = true;
    world.run(20_000);
    assert!(acknowledged(&world, key));
    assert_eq!(world.relisted.get(&key), None, "it is not open any more");
    // What the hub knows by now is not sent to it again, once that is written.
    world.run(15_000);
    let before = world.hub.alarm_seq;
    world.crash();
    world.run(10_000);
    assert_eq!((world.hub.alarm_seq, world.receipts_sent), (before, 0));
    world.check_converged();
}

fn acknowledged(world: &World, key: AlarmKey) -> bool {
    let entry = world.hub.alarms.iter().find(|alarm| key_of(alarm) == key);
    entry.is_some_and(|entry| entry.receipts.iter().any(|r| r.stage == ReceiptStage::Acknowledged))
}

/// A kind of alarm that an earlier version skipped is read by one that knows it, and nothing is raised twice.
#[test]
fn alarms_that_another_version_skipped_are_read_again() {
    let mut world = live(32);
    for _ in 0..3 {
        let id = world.hub.create();
        world.run(1_000);
        world.hub.cancel(id);
        world.run(3_000);
    }
    let raised = world.raised.clone();
    assert_eq!(raised.len(), 3);
    // An older version would have skipped the second and all that is like it.
    let skipped = SkippedAlarms { after: 1, reader: "0.0.1".into() };
    let hidden = world.cache.alarms.keys().nth(1).copied().unwrap();
    world.cache.alarms.remove(&hidden);
    world.cache.alarms_skipped = Some(skipped);
    for alarm in &mut world.hub.alarms {
        alarm.receipts.clear();
    }
    world.fetches.clear();
    world.crash();
    world.run(5_000);
    let asked = world.fetches.iter().find_map(|(_, fetch)| match fetch {
        Fetch::Alarms { after } => Some(*after),
        _ => None,
    });
    assert_eq!(asked, Some(1));
    assert_eq!(world.raised.values().sum::<u32>(), 4, "the hidden one is raised, the others are not again");
    assert_eq!(world.raised.get(&hidden), Some(&2));
    // This version has read them: the next start asks for nothing old.
    world.fetches.clear();
    let seq = world.hub.alarm_seq;
    world.crash();
    world.run(5_000);
    let asked = world.fetches.iter().find_map(|(_, fetch)| match fetch {
        Fetch::Alarms { after } => Some(*after),
        _ => None,
    });
    assert_eq!(asked, Some(seq));
}

#[test]
fn alarms_that_cannot_be_read_are_remembered_by_where_they_are() {
    let mut world = live(33);
    world.spoil = Some(|fetched| {
        if let Fetched::Alarms(reply) = fetched {
            reply.unreadable = 1;
        }
    });
    let id = world.hub.create();
    world.run(1_000);
    let before = world.hub.alarm_seq;
    world.hub.cancel(id);
    world.cut();
    world.run(10_000);
    let skipped = world.cache.alarms_skipped.clone().expect("remembered");
    assert_eq!(skipped.after, before);
    assert_eq!(skipped.reader, env!("CARGO_PKG_VERSION"));
}

#[test]
fn alarms_are_read_page_by_page_and_nothing_is_judged_before_the_last() {
    let mut world = live(34);
    world.hub.alarms_page = 2;
    let ids: Vec<_> = (0..5).map(|_| world.hub.create()).collect();
    world.run(2_000);
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    let before = world.raised.len();
    world.hub.time = world.time + 10;
    for id in &ids {
        world.hub.cancel(*id);
        world.hub.archive(*id);
    }
    world.run(5_000);
    world.sockets_up = true;
    world.rest_up = true;
    world.run(30_000);
    assert_eq!(world.raised.len() - before, ids.len());
    assert_eq!(world.cache.alarm_seq, Some(world.hub.alarm_seq));
    assert!(world.raised.values().all(|times| *times == 1));
    world.check_converged();
}

fn cancel(command: &str, delivery: Option<DeliveryId>, batch: &[DeliveryId]) -> StoredCommand {
    StoredCommand {
        command: CommandId(command.to_owned()),
        delivery,
        batch: batch.to_vec(),
        action: "cancel".into(),
        clicked_at: UtcMillis(0),
    }
}

fn keep(world: &mut World, command: StoredCommand) {
    world.session.keep_command(command, world.now());
    world.act();
}

fn end(world: &mut World, command: &str, outcome: &CommandOutcome) {
    let (command, now) = (CommandId(command.to_owned()), world.now());
    world.session.command_ended(&command, outcome);
    world.session.forget_command(command, now);
    world.act();
}

fn refused() -> CommandOutcome {
    CommandOutcome::Refused(Problem::new(ErrorCode::Conflict, "another was quicker"))
}

#[test]
fn a_cancellation_of_this_seats_own_is_told_quietly_and_aloud_when_another_made_it() {
    for done in [true, false] {
        let mut world = live(35);
        let id = world.hub.create();
        world.run(2_000);
        keep(&mut world, cancel("K1", Some(id), &[]));
        world.hub.cancel(id);
        let others = world.raised.len();
        world.run(5_000);
        let key = *world.quiet.first().expect("told quietly");
        assert_eq!((key.id, world.raised.len()), (id, others));
        let entry = world.hub.alarms.iter().find(|alarm| key_of(alarm) == key).unwrap();
        assert_eq!(entry.receipts[0].stage, ReceiptStage::Displayed, "seen, and not taken note of");
        end(&mut world, "K1", &if done { CommandOutcome::Done(None) } else { refused() });
        assert_eq!(world.raised.get(&key), (!done).then_some(&1));
        world.check_converged();
    }
}

#[test]
fn a_cancellation_of_this_seats_own_is_so_after_a_restart() {
    // While its command is under way, and when that was done before.
    for settled in [false, true] {
        let mut world = live(36);
        let id = world.hub.create();
        world.run(2_000);
        keep(&mut world, cancel("K1", Some(id), &[]));
        world.hub.cancel(id);
        world.run(5_000);
        if settled {
            end(&mut world, "K1", &CommandOutcome::Done(None));
            world.run(1_000);
        }
        let key = *world.quiet.first().expect("told quietly");
        world.quiet.clear();
        world.crash();
        world.run(5_000);
        assert_eq!(world.quiet, [key], "listed again as this seat's own");
        assert_eq!(world.raised.get(&key), None);
        if !settled {
            end(&mut world, "K1", &refused());
            assert_eq!(world.raised.get(&key), Some(&1), "it was another's after all");
            world.run(1_000);
            world.quiet.clear();
            world.crash();
            world.run(5_000);
            assert_eq!(world.quiet, []);
        }
        world.check_converged();
    }
}

#[test]
fn what_this_seat_cancelled_just_before_it_ended_is_told_quietly_in_the_next_run() {
    let mut world = live(37);
    let id = world.hub.create();
    world.run(2_000);
    keep(&mut world, cancel("K1", Some(id), &[]));
    // The answer was there, and the app ends before it hears of the row.
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    end(&mut world, "K1", &CommandOutcome::Done(None));
    world.run(1_000);
    world.hub.cancel(id);
    world.crash();
    world.sockets_up = true;
    world.rest_up = true;
    world.run(30_000);
    assert_eq!(world.quiet.first().map(|key| key.id), Some(id));
    assert!(world.raised.keys().all(|key| key.id != id));
    world.check_converged();
}

#[test]
fn of_a_batch_of_cancellations_each_is_own_that_was_done_with_it() {
    for restart in [false, true] {
        let mut world = live(38);
        let (mine, others) = (world.hub.create(), world.hub.create());
        world.run(2_000);
        keep(&mut world, cancel("B1", None, &[mine, others]));
        world.hub.cancel(mine);
        world.hub.cancel(others);
        world.run(5_000);
        if restart {
            world.quiet.clear();
            world.crash();
            world.run(5_000);
        }
        let mut quiet: Vec<_> = world.quiet.iter().map(|key| key.id).collect();
        quiet.sort();
        assert_eq!(quiet, [mine, others]);
        let result = |id, status| BatchResult { id, status, row: None, problem: None };
        end(&mut world, "B1", &CommandOutcome::Each(vec![result(mine, 200), result(others, 409)]));
        let aloud: Vec<_> =
            world.raised.keys().map(|key| key.id).filter(|id| [mine, others].contains(id)).collect();
        assert_eq!(aloud, [others]);
        world.check_converged();
    }
}

/// The hub goes on from a state before two cancellations: one delivery lives again, the other was never ordered.
#[test]
fn cancellations_that_the_hub_has_lost_stay_listed_and_marked_over_a_restart() {
    let mut world = live(36);
    let [kept, alive, unknown] = [(); 3].map(|()| world.hub.create());
    world.run(3_000);
    for id in [kept, alive, unknown] {
        world.hub.cancel(id);
    }
    world.run(3_000);
    let key_of_one = |world: &World, id| *world.raised.keys().find(|key| key.id == id).expect("an alarm");
    let [kept, alive, unknown] = [kept, alive, unknown].map(|id| key_of_one(&world, id));
    world.hub.alarms.retain(|alarm| alarm.id == kept.id);
    world.hub.rows.remove(&unknown.id);
    world.hub.rows.get_mut(&alive.id).unwrap().status = Status::Waiting;
    world.hub.new_epoch("01B");
    world.run(10_000);
    assert_eq!(world.lost, BTreeSet::from([alive, unknown]));
    assert_eq!(world.histories, [("01B".into(), true)]);
    assert!(world.settled.is_empty(), "a person has to take note of each: {:?}", world.settled);
    assert_eq!(world.raised.values().max(), Some(&1), "none is raised again");

    world.lost.clear();
    world.crash();
    world.run(5_000);
    assert_eq!(world.lost, BTreeSet::from([alive, unknown]), "listed again, marked");

    // The delivery is cancelled once more: that is another cancellation, with an alarm of its own.
    world.hub.cancel(alive.id);
    world.run(3_000);
    assert_eq!(world.raised.keys().filter(|key| key.id == alive.id).count(), 2);
    let now = world.now();
    world.session.receipt(alive, ReceiptStage::Acknowledged, now);
    world.act();
    world.run(3_000);
    assert_eq!(world.settled, [alive], "what a person took note of goes, lost or not");
}
