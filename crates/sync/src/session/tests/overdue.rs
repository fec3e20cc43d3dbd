//! Stories of alarms whose condition ends by itself: late, unconfirmed, unproven.

use super::super::fetch::SessionAction;
use super::super::overdue::{OPEN_MAX, Overdue};
use super::super::rows::Rows;
use super::hub::{day, entry};
use super::world::{Faults, World};
use crate::io::{AlarmKey, Mono, Now};
use gwanje_model::{AssignedRider, DeliveryId, Status};
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::{ErrorCode, WireRow};
use std::collections::VecDeque;
use std::sync::Arc;

const MIN_MS: u64 = 60_000;

/// A board on which each order is to be delivered within two minutes.
fn live(seed: u64) -> World {
    let mut world = World::new(seed);
    world.hub.target_min = 2;
    world.start();
    world.run(5_000);
    world.check_converged();
    world
}

fn late(world: &World, id: DeliveryId) -> AlarmKey {
    let raised_at = world.hub.rows[&id].late_at();
    AlarmKey { id, kind: AlarmKind::Late, raised_at }
}

fn assign(world: &mut World, id: DeliveryId) -> AlarmKey {
    let at = day(world.time);
    world.hub.edit(id, |row| {
        let rider =
            AssignedRider { id: "r".into(), name: "r".into(), home: "gangnam".into(), confirmed: false };
        row.status = Status::Assigned;
        row.rider = Some(rider);
        row.assigned_at = Some(at);
    });
    AlarmKey { id, kind: AlarmKind::Unconfirmed, raised_at: at.plus_min(3) }
}

fn deliver(world: &mut World, id: DeliveryId) {
    let at = day(world.time);
    world.hub.edit(id, |row| {
        row.status = Status::Delivered;
        row.delivered_at = Some(at);
    });
}

#[test]
fn a_late_delivery_raises_once_and_is_settled_when_delivered() {
    let mut world = live(101);
    let (slow, quick) = (world.hub.create(), world.hub.create());
    let key = late(&world, slow);
    world.run(MIN_MS);
    deliver(&mut world, quick);
    world.run(MIN_MS - 5_000);
    assert!(world.raised.is_empty(), "nothing is late yet");
    world.run(10_000);
    assert_eq!(world.raised.iter().collect::<Vec<_>>(), [(&key, &1)]);
    assert!(world.hub.alarms.iter().any(|alarm| alarm.id == slow && alarm.receipts.len() == 1));
    world.hub.touch(slow);
    world.run(5 * MIN_MS);
    assert!(world.settled.is_empty());
    deliver(&mut world, slow);
    world.run(5_000);
    assert_eq!(world.settled, [key]);
    assert_eq!(world.cache.alarms[&key].stage, ReceiptStage::Acknowledged);
    let receipts = &world.hub.alarms[0].receipts;
    assert_eq!(receipts[0].stage, ReceiptStage::Delivered, "nobody took note: the hub isn't told so");
    // Undone and late again: it was raised.
    world.hub.edit(slow, |row| row.status = Status::PickedUp);
    world.run(10_000);
    world.crash();
    world.run(10_000);
    assert_eq!((world.raised.len(), world.raised[&key], world.relisted.len()), (1, 1, 0));
    world.check_converged();
}

#[test]
fn a_rider_who_does_not_confirm_raises_until_confirmed_or_another_comes() {
    let mut world = live(102);
    world.hub.target_min = 600;
    let id = world.hub.create();
    let prompt = world.hub.create();
    let first = assign(&mut world, id);
    assign(&mut world, prompt);
    world.run(MIN_MS);
    world.hub.edit(prompt, |row| row.rider.as_mut().unwrap().confirmed = true);
    world.run(3 * MIN_MS);
    assert_eq!(world.raised.keys().copied().collect::<Vec<_>>(), [first]);
    let second = assign(&mut world, id);
    world.run(5_000);
    assert_eq!(world.settled, [first], "another rider was asked");
    world.run(3 * MIN_MS);
    assert_eq!(world.raised.keys().copied().collect::<Vec<_>>(), [first, second]);
    world.hub.edit(id, |row| row.rider.as_mut().unwrap().confirmed = true);
    world.run(5_000);
    assert_eq!(world.settled, [first, second]);
    world.check_converged();
}

#[test]
fn a_restart_lists_what_still_holds_and_only_that() {
    let mut world = live(103);
    let ids = [world.hub.create(), world.hub.create(), world.hub.create()];
    let keys = ids.map(|id| late(&world, id));
    world.run(3 * MIN_MS);
    assert_eq!(world.raised.len(), 3);
    world.session.receipt(keys[2], ReceiptStage::Acknowledged, world.now());
    world.act();
    assert_eq!(world.settled, [keys[2]]);
    world.run(1_000);
    let entry = world.hub.alarms.iter().find(|alarm| alarm.id == ids[2]).unwrap();
    assert_eq!(entry.receipts[0].stage, ReceiptStage::Acknowledged);
    world.crash();
    world.run(10_000);
    let listed: Vec<_> = world.relisted.keys().copied().collect();
    assert_eq!(listed, [keys[0], keys[1]], "acknowledged ones stay so");
    // The second is delivered while the app is off: its cache learns of it first, then nothing lists it.
    deliver(&mut world, ids[1]);
    world.relisted.clear();
    world.run(10_000);
    world.crash();
    world.run(10_000);
    assert_eq!(world.relisted.keys().copied().collect::<Vec<_>>(), [keys[0]]);
    assert!(world.raised.values().all(|times| *times == 1));
    world.check_converged();
}

#[test]
fn a_lost_cache_lists_again_what_this_seat_had_raised() {
    let mut world = live(104);
    let ids = [world.hub.create(), world.hub.create()];
    let keys = ids.map(|id| late(&world, id));
    world.run(3 * MIN_MS);
    world.hub.receipt(keys[1], "seat".into(), ReceiptStage::Acknowledged);
    world.cache.rows.clear();
    world.cache.cursor = None;
    world.cache.alarms.clear();
    world.cache.alarm_seq = None;
    world.crash();
    world.run(10_000);
    assert_eq!(world.relisted.keys().copied().collect::<Vec<_>>(), [keys[0]]);
    assert!(world.raised.values().all(|times| *times == 1));
    world.check_converged();
}

#[test]
fn another_seats_acknowledgement_settles_a_late_one_here_before_and_after_it_is_raised() {
    let mut world = live(105);
    let ids = [world.hub.create(), world.hub.create()];
    let keys = ids.map(|id| late(&world, id));
    world.run(MIN_MS);
    // That seat's clock is ahead.
    world.hub.receipt(keys[0], "other".into(), ReceiptStage::Acknowledged);
    world.run(2 * MIN_MS);
    assert_eq!(world.raised.keys().copied().collect::<Vec<_>>(), [keys[1]]);
    world.hub.receipt(keys[1], "other".into(), ReceiptStage::Acknowledged);
    world.run(10_000);
    assert_eq!(world.settled, [keys[1]]);
    world.crash();
    world.run(10_000);
    assert!(world.relisted.is_empty());
    world.check_converged();
}

#[test]
fn a_snapshot_of_ten_thousand_late_deliveries_raises_nothing() {
    let mut world = World::new(106);
    world.hub.target_min = 1;
    for _ in 0..10_000 {
        world.hub.create();
    }
    world.run(2 * MIN_MS);
    world.start();
    world.run(20_000);
    let fresh = world.hub.create();
    world.run(2 * MIN_MS);
    assert_eq!(world.raised.keys().map(|key| key.id).collect::<Vec<_>>(), [fresh]);
    world.check_converged();
    // The horizon is old by now, and so is all that a new run finds late.
    world.cache = super::world::Cache { horizon: world.cache.horizon, ..Default::default() };
    world.crash();
    world.run(20_000);
    assert_eq!(world.raised.len(), 1);
    world.check_converged();
}

#[test]
fn ten_thousand_that_become_late_at_once_are_listed_a_few_hundred_at_a_time() {
    let mut world = live(107);
    world.hub.time = world.time;
    let ids: Vec<DeliveryId> = (0..10_000).map(|_| world.hub.create()).collect();
    world.run(3 * MIN_MS);
    assert_eq!(world.raised.len(), OPEN_MAX);
    let ended: Vec<DeliveryId> = world.raised.keys().map(|key| key.id).take(100).collect();
    for id in &ended {
        deliver(&mut world, *id);
    }
    world.run(10_000);
    assert_eq!((world.raised.len(), world.settled.len()), (OPEN_MAX + 100, 100));
    for id in ids {
        world.hub.archive(id);
    }
    world.run(20_000);
    assert_eq!((world.raised.len(), world.settled.len()), (OPEN_MAX + 100, OPEN_MAX + 100));
    assert!(world.raised.values().all(|times| *times == 1));
    world.check_converged();
}

#[test]
fn a_center_without_proof_raises_once_a_spell_and_settles_with_the_next_proof() {
    let mut world = live(108);
    let unproven = |world: &World| world.raised.keys().filter(|key| key.kind == AlarmKind::Unproven).count();
    for spell in 1..=2 {
        world.sockets_up = false;
        world.rest_up = false;
        world.cut();
        let proven = world.session.last_proof().unwrap().at;
        world.run(25_000);
        assert_eq!(unproven(&world), spell - 1);
        world.run(20 * MIN_MS);
        assert_eq!(unproven(&world), spell);
        let key =
            AlarmKey { id: DeliveryId(0), kind: AlarmKind::Unproven, raised_at: proven.plus_ms(30_000) };
        assert_eq!(world.raised.get(&key), Some(&1));
        assert_eq!(world.settled.len(), spell - 1);
        world.sockets_up = true;
        world.rest_up = true;
        world.run(20_000);
        assert_eq!(world.settled.last(), Some(&key));
        world.check_converged();
    }
    assert!(world.hub.alarms.is_empty(), "the hub hears nothing of it");
    world.crash();
    world.run(5_000);
    assert!(world.relisted.is_empty());
}

#[test]
fn neither_a_refused_center_nor_one_that_nobody_signed_in_to_nor_a_desk_asleep_raises() {
    let mut world = World::new(109);
    world.session.restored(crate::io::Restored::default(), world.now());
    world.run(5 * MIN_MS);
    assert!(world.raised.is_empty());
    let mut world = live(110);
    world.sockets_up = false;
    world.cut();
    world.session.refused(ErrorCode::NotFound, world.now());
    world.act();
    world.run(5 * MIN_MS);
    assert!(world.raised.is_empty());

    let mut world = live(111);
    let woken = Now { mono: Mono(world.time + 480 * MIN_MS), wall: day(world.time + 480 * MIN_MS) };
    world.session.tick(woken);
    world.act();
    let due = world.session.deadline().unwrap();
    assert!(world.cache.alarms.is_empty() && due > woken.mono);
}

#[test]
fn faults_raise_nothing_twice_and_leave_nothing_listed_that_has_ended() {
    for seed in 0..60 {
        let mut world = World::new(200 + seed);
        world.hub.target_min = 1;
        for _ in 0..30 {
            world.work();
        }
        world.start();
        world.busy = true;
        world.faults = Faults {
            drop: 30,
            duplicate: 30,
            cut: 5,
            rest: 50,
            new_epoch: 2,
            crash: 5,
            cache_lost: 2,
            ..Faults::default()
        };
        world.run(100_000);
        world.busy = false;
        world.faults = Faults::default();
        world.run(40_000);
        world.check_converged();
        for alarm in world.cache.alarms.values().filter(|alarm| alarm.key.kind == AlarmKind::Late) {
            let holds = world.hub.rows.get(&alarm.key.id).is_some_and(|row| !row.status.is_final());
            assert!(holds || alarm.stage == ReceiptStage::Acknowledged, "{seed}: {:?} is over", alarm.key);
        }
    }
}

#[test]
fn what_the_hub_writes_of_an_alarm_raises_it_no_second_time() {
    let mut world = live(112);
    let ids = [world.hub.create(), world.hub.create()];
    let keys = ids.map(|id| late(&world, id));
    world.run(2 * MIN_MS - 500);
    // The hub is ahead of this seat's clock with one, behind it with the other.
    world.hub.time = world.time;
    world.hub.write_alarm(keys[0]);
    world.run(10_000);
    assert_eq!(world.raised.keys().copied().collect::<Vec<_>>(), keys);
    world.hub.edit_alarm(keys[1], |alarm| alarm.escalated_at = Some(day(0)));
    world.run(10_000);
    assert!(world.raised.values().all(|times| *times == 1) && world.relisted.is_empty());
    assert!(world.told.iter().any(|entry| entry.id == ids[1] && entry.escalated_at.is_some()));
    for alarm in &world.hub.alarms {
        assert_eq!(alarm.receipts.len(), 1, "each has this seat's word");
    }
    // The hub has settled one, and the row that shows why is still on its way.
    world.hub.edit_alarm(keys[0], |alarm| alarm.settled_at = Some(day(0)));
    world.run(10_000);
    assert_eq!(world.settled, [keys[0]]);
    world.check_converged();
}

#[test]
fn what_is_settled_at_the_hub_before_this_seat_saw_it_due_is_not_raised() {
    let mut world = live(113);
    let id = world.hub.create();
    let key = late(&world, id);
    world.hub.write_alarm(key);
    world.hub.edit_alarm(key, |alarm| alarm.settled_at = Some(day(0)));
    world.run(3 * MIN_MS);
    assert!(world.raised.is_empty() && world.relisted.is_empty());
    world.check_converged();
}

#[test]
fn what_came_due_while_this_seat_was_away_is_listed_once_and_quietly() {
    let mut world = live(114);
    let ids = [world.hub.create(), world.hub.create(), world.hub.create()];
    let keys = ids.map(|id| late(&world, id));
    world.run(1_000);
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    world.run(3 * MIN_MS);
    for key in keys {
        world.hub.write_alarm(key);
    }
    world.hub.receipt(keys[1], "other".into(), ReceiptStage::Acknowledged);
    deliver(&mut world, ids[2]);
    world.hub.edit_alarm(keys[2], |alarm| alarm.settled_at = Some(day(0)));
    world.sockets_up = true;
    world.rest_up = true;
    world.crash();
    world.run(20_000);
    let late: Vec<_> = world.relisted.keys().copied().filter(|key| key.kind == AlarmKind::Late).collect();
    assert_eq!(late, [keys[0]]);
    assert!(world.raised.keys().all(|key| key.kind == AlarmKind::Unproven));
    let entry = world.hub.alarms.iter().find(|alarm| alarm.id == ids[0]).unwrap();
    assert!(entry.receipts.iter().any(|receipt| receipt.seat.as_str() == "seat"), "this seat has it");
    world.check_converged();
}

#[test]
fn an_order_that_nobody_accepts_raises_after_a_minute() {
    let mut world = live(115);
    world.hub.target_min = 60;
    let ids = [world.hub.create(), world.hub.create()];
    for id in ids {
        world.hub.edit(id, |row| row.status = Status::Received);
    }
    let raised_at = world.hub.rows[&ids[0]].received_at.plus_min(1);
    let key = AlarmKey { id: ids[0], kind: AlarmKind::Unaccepted, raised_at };
    world.run(MIN_MS / 2);
    world.hub.edit(ids[1], |row| row.status = Status::Waiting);
    world.run(MIN_MS);
    assert_eq!(world.raised.keys().copied().collect::<Vec<_>>(), [key]);
    world.hub.edit(ids[0], |row| row.status = Status::Waiting);
    world.run(5_000);
    assert_eq!(world.settled, [key]);
    world.check_converged();
}

#[test]
fn a_new_seat_lists_quietly_what_the_hub_has_open_and_not_what_is_over() {
    let mut world = World::new(116);
    world.hub.target_min = 2;
    world.hub.time = world.time;
    let ids = [world.hub.create(), world.hub.create(), world.hub.create()];
    let keys = ids.map(|id| late(&world, id));
    world.run(3 * MIN_MS);
    for key in keys {
        world.hub.write_alarm(key);
    }
    world.hub.receipt(keys[1], "other".into(), ReceiptStage::Acknowledged);
    deliver(&mut world, ids[2]);
    world.hub.edit_alarm(keys[2], |alarm| alarm.settled_at = Some(day(0)));
    world.start();
    world.run(20_000);
    assert!(world.raised.is_empty(), "no sound for what was so before");
    assert_eq!(world.relisted.iter().collect::<Vec<_>>(), [(&keys[0], &1)]);
    let entry = world.hub.alarms.iter().find(|alarm| alarm.id == ids[0]).unwrap();
    assert_eq!(entry.receipts.len(), 1, "the hub knows that this seat has it");
    deliver(&mut world, ids[0]);
    world.run(5_000);
    assert_eq!(world.settled, [keys[0]]);
    world.check_converged();
}

#[test]
fn what_the_hub_told_just_before_a_crash_is_not_lost_with_it() {
    let mut world = live(117);
    let id = world.hub.create();
    let key = late(&world, id);
    world.run(2 * MIN_MS - 10_000);
    assert!(world.raised.is_empty());
    // The hub's clock is ahead of what this seat has heard of it.
    world.hub.time = world.time;
    world.hub.write_alarm(key);
    world.run(3_000);
    assert_eq!(world.raised.get(&key), Some(&1), "the hub's word is enough");
    world.crash();
    world.run(60_000);
    assert_eq!(world.raised.get(&key), Some(&1), "and it is raised once");
    assert!(world.relisted.contains_key(&key));
    world.check_converged();
}

/// What a run tells and stores of an alarm whose row comes after the hub's word, or after a crash in between.
#[test]
fn an_alarm_whose_row_is_still_on_its_way_is_told_with_it_also_by_the_next_run() {
    let mut hub = World::new(118).hub;
    let id = hub.create();
    let row = hub.rows[&id].clone();
    let key = AlarmKey { id, kind: AlarmKind::Late, raised_at: row.late_at() };
    let told = |overdue: &mut Overdue| {
        let mut out = VecDeque::new();
        overdue.tell(&mut out);
        let alarm = |action: SessionAction| match action {
            SessionAction::Alarm(notice) => Some((notice.key, notice.relisted, notice.delivery.is_some())),
            _ => None,
        };
        out.into_iter().filter_map(alarm).collect::<Vec<_>>()
    };
    for crashes in [false, true] {
        let mut overdue = Overdue::new("seat".into());
        overdue.clock(row.received_at, &Rows::default());
        overdue.take(&entry(key, &row), None);
        assert_eq!(told(&mut overdue), [], "not before its row");
        let mut stored = Vec::new();
        overdue.store(1, &mut stored);
        if crashes {
            overdue = Overdue::new("seat".into());
            stored.drain(..).for_each(|alarm| overdue.restore(alarm));
            overdue.restored();
            overdue.clock(row.late_at().plus_min(1), &Rows::default());
        }
        overdue.see(&WireRow::Row(Arc::new(row.clone())));
        overdue.store(2, &mut stored);
        overdue.committed(2);
        assert_eq!(told(&mut overdue), [(key, false, true)], "aloud, once, with its row: crash {crashes}");
    }
}
