//! Single stories of rule 15.

use super::world::{Faults, World, json_row};
use crate::findings::CheckPhase;
use crate::io::{CommandId, CommandKind, CommandRequest, Input};
use gwanje_model::lifecycle;
use gwanje_model::{DeliveryId, Status};
use gwanje_wire::CommandBody;
use gwanje_wire::rest::AlarmKind;
use serde_json::json;

/// A quiet server with one row, followed live.
fn quiet() -> World {
    let mut world = World::new(1, Faults::default());
    world.busy = false;
    world.rows.clear();
    world.set("A1", Status::Waiting);
    world.run(10_000);
    assert_eq!((world.state(), world.shown()), ("Live", world.truth()));
    world
}

#[test]
fn an_older_event_is_nothing_and_one_of_the_same_second_applies() {
    let mut world = quiet();
    world.set("A1", Status::Assigned);
    world.run(100);
    let mut older = world.rows["A1"].clone();
    older.status = Status::Received;
    let same = json_row("A1", &older);
    older.modified_s -= 1;
    world.emit("row", json!({"data": json_row("A1", &older)}), 1);
    world.run(50);
    assert_eq!(world.shown(), world.truth());
    world.emit("row", json!({ "data": same }), 1);
    world.run(50);
    assert_eq!(world.shown()["A1"].0, Status::Received, "its time is not before the row's");
    world.run(30_000);
    assert_eq!(world.shown(), world.truth(), "the list puts it right");
}

#[test]
fn absence_deletes_and_nothing_late_brings_it_back() {
    let mut world = quiet();
    let row = world.rows.remove("A1").unwrap();
    world.run(60_000);
    assert!(world.shown().is_empty());
    let later = row.clone();
    world.emit("row", json!({"data": json_row("A1", &later)}), 1);
    world.emit("list", json!([json_row("A1", &later)]), 1);
    world.run(1_000);
    assert!(world.shown().is_empty());
    world.crash();
    world.run(5_000);
    world.emit("row", json!({"data": json_row("A1", &later)}), 1);
    world.run(1_000);
    assert!(world.shown().is_empty(), "also after a restart");
}

#[test]
fn a_row_that_lists_insist_on_comes_back() {
    let mut world = quiet();
    let row = world.rows["A1"].clone();
    world.emit("gone", json_row("A1", &row), 1);
    world.run(1_000);
    assert!(world.shown().is_empty(), "a mistaken event");
    world.run(25_000);
    assert!(world.shown().is_empty(), "lists do not insist yet");
    world.run(60_000);
    assert_eq!(world.shown(), world.truth());
}

#[test]
fn a_command_is_refused_at_once_with_the_reason() {
    let mut world = quiet();
    let what = CommandKind::Act {
        id: DeliveryId(1),
        seen: None,
        action: lifecycle::Action::Accept,
        body: CommandBody::default(),
    };
    let request = CommandRequest { command: CommandId("01".to_owned()), center: "gangnam".into(), what };
    world.client.handle(Input::Command(Box::new(request)), world.now());
    let said = format!("{:?}", world.client.poll_action());
    assert!(said.contains("Refused") && said.contains("takes no commands"), "{said}");
}

#[test]
fn unchanged_lists_are_not_sent_again_and_prove() {
    let mut world = quiet();
    let (proofs, lists) = (world.proofs, world.lists);
    world.run(120_000);
    assert!(world.proofs >= proofs + 4 && world.lists >= lists + 4);
    let read = world.client.stats().rest_bytes;
    world.run(120_000);
    assert_eq!(world.client.stats().rest_bytes, read, "304 has no body");
}

#[test]
fn without_a_socket_the_list_is_polled_and_without_the_list_it_is_offline() {
    let mut world = quiet();
    world.sockets_allowed = false;
    world.cut();
    world.run(20_000);
    assert_eq!(world.state(), "Polling");
    world.set("A2", Status::Received);
    world.run(5_000);
    assert_eq!(world.shown(), world.truth());
    world.faults.failing = 1.0;
    world.run(30_000);
    assert_eq!(world.state(), "Offline");
    assert_eq!(world.shown(), world.truth(), "what is known stays in view");
    world.faults.failing = 0.0;
    world.sockets_allowed = true;
    world.run(60_000);
    assert_eq!(world.state(), "Live");
}

#[test]
fn what_cannot_be_placed_ends_live_until_the_list_has_come() {
    let mut world = quiet();
    world.faults.failing = 1.0;
    world.emit("part", json!({"data": {"no": "B1", "at": "2026-11-21 12:00:00", "st": "A"}}), 1);
    world.run(2_000);
    assert_eq!(world.state(), "CatchingUp", "a part of a delivery that is not known");
    world.faults.failing = 0.0;
    world.run(20_000);
    assert_eq!(world.state(), "Live");
    world.faults.failing = 1.0;
    world.emit("row", json!({"data": {"no": "A1", "at": "soon"}}), 1);
    world.emit("list", json!({"not": "an array"}), 1);
    world.emit("other", json!(1), 1);
    world.run(100);
    assert_eq!(world.state(), "CatchingUp");
    let stats = world.client.stats();
    assert_eq!((stats.malformed, stats.unknown_events), (2, 1));
}

#[test]
fn a_cancellation_found_by_the_list_after_a_restart_alarms_once() {
    let mut world = quiet();
    world.faults.lost = 1.0;
    world.crash();
    world.set("A1", Status::Cancelled);
    world.run(30_000);
    assert_eq!(world.raised.len(), 1);
    // A later copy of the same cancellation, by list and by event, is no other one.
    world.faults.lost = 0.0;
    world.run(5_000);
    world.set("A1", Status::Cancelled);
    world.run(30_000);
    world.crash();
    world.run(30_000);
    assert_eq!(world.raised.len(), 1, "{:?}", world.raised);
    assert_eq!(world.shown()["A1"].0, Status::Cancelled);
}

#[test]
fn a_check_on_demand_compares_with_the_whole_list_and_the_disk() {
    let mut world = quiet();
    world.run(30_000);
    world.input(Input::Check("gangnam".into()));
    world.run(3_000);
    let [first, last] = &world.checks[..] else { panic!("{:?}", world.checks) };
    assert_eq!((first.phase, last.phase), (CheckPhase::Running, CheckPhase::Done));
    assert_eq!((last.buckets, last.rows, last.audited, last.repaired), (256, 1, true, 0));
    assert!(last.bytes > 0, "in full, although nothing changed");
    world.faults.failing = 1.0;
    world.input(Input::Check("gangnam".into()));
    world.run(10_000);
    assert_eq!(world.checks.last().unwrap().phase, CheckPhase::Stopped);
}

#[test]
fn a_list_without_most_of_the_board_is_believed_the_second_time() {
    let mut world = quiet();
    for n in 0..30 {
        world.set(&format!("B{n}"), Status::Waiting);
    }
    world.run(60_000);
    let rows = world.rows.clone();
    world.rows.clear();
    world.sockets_allowed = false;
    world.cut();
    world.run_until_list();
    assert_eq!(world.shown().len(), rows.len(), "not at once");
    world.rows = rows;
    world.run(30_000);
    assert_eq!(world.shown(), world.truth(), "it was a start without rows");
    world.rows.clear();
    world.run(30_000);
    assert!(world.shown().is_empty());
}

#[test]
fn what_an_event_touched_since_the_list_was_asked_for_stays() {
    let mut world = quiet();
    for _ in 0..5 {
        let (lists, snapshots) = (world.lists, world.client.stats().snapshots);
        // Something changes without an event, so that the list is sent in full.
        world.faults.lost = 1.0;
        world.set("A2", Status::Received);
        while world.lists == lists {
            world.run(1);
        }
        // The list was read, and is under way: ten milliseconds at the least.
        world.faults.lost = 0.0;
        let status =
            if world.rows["A1"].status == Status::Waiting { Status::Assigned } else { Status::Waiting };
        let mut row = world.rows["A1"].clone();
        row.status = status;
        world.rows.insert("A1".to_owned(), row.clone());
        world.emit("row", json!({"data": json_row("A1", &row)}), 1);
        world.run(5);
        while world.client.stats().snapshots == snapshots {
            assert_eq!(world.shown()["A1"].0, status);
            world.run(1);
        }
        assert_eq!(world.shown()["A1"].0, status, "the list was older");
        world.run(30_000);
        assert_eq!(world.shown(), world.truth());
    }
}

#[test]
fn a_cancellation_seen_alive_again_within_its_second_is_the_same_one() {
    let mut world = quiet();
    world.run(2_000);
    world.set("A1", Status::Cancelled);
    world.run(500);
    assert_eq!(world.raised.len(), 1);
    let mut same_second = world.rows["A1"].clone();
    same_second.status = Status::Assigned;
    world.emit("row", json!({"data": json_row("A1", &same_second)}), 1);
    world.run(10);
    assert_eq!(world.shown()["A1"].0, Status::Assigned);
    world.run(3_000);
    world.set("A1", Status::Cancelled);
    world.run(60_000);
    assert_eq!(world.raised.len(), 1, "{:?}", world.raised);
    // Alive at a later time, it is cancelled anew.
    world.set("A1", Status::Waiting);
    world.run(3_000);
    world.set("A1", Status::Cancelled);
    world.run(3_000);
    assert_eq!(world.raised.len(), 2, "{:?}", world.raised);
}

#[test]
fn the_removal_of_a_delivery_that_was_never_seen_is_remembered() {
    for (event, body) in [
        ("gone", json!({"no": "B9"})),
        ("row", json!({"data": {"no": "B9", "at": "2026-11-21 12:00:00", "st": "X"}})),
        ("part", json!({"data": {"no": "B9", "at": "2026-11-21 12:00:00", "st": "X"}})),
    ] {
        let mut world = quiet();
        world.faults.lost = 1.0;
        // Between a bulk event and the list.
        world.run(13_000);
        world.set("B9", Status::Cancelled);
        let lists = world.lists;
        while world.lists == lists {
            world.run(1);
        }
        assert!(!world.shown().contains_key("B9"), "not seen yet");
        // The list that names it is under way when it is told to have left.
        let row = world.rows.remove("B9").unwrap();
        world.emit(event, body, 1);
        for _ in 0..200 {
            world.run(100);
            assert!(!world.shown().contains_key("B9"), "{event}");
        }
        world.emit("row", json!({"data": json_row("B9", &row)}), 1);
        world.run(570_000);
        assert!(!world.shown().contains_key("B9"), "{event}: nor does a late event bring it");
        assert!(world.raised.is_empty(), "{event}: {:?}", world.raised);
        world.emit("row", json!({"data": json_row("B9", &row)}), 1);
        world.run(1_000);
        assert!(!world.shown().contains_key("B9"), "{event}: for ten minutes");
        world.run(60_000);
        assert_eq!(world.state(), "Live");
    }
}

#[test]
fn names_of_deliveries_that_only_left_are_forgotten_with_their_removal() {
    let mut world = quiet();
    for n in 0..500 {
        world.emit("gone", json!({"no": format!("Z{n}")}), 1);
        world.run(100);
    }
    world.set("A2", Status::Waiting);
    world.run(60_000);
    assert!(world.cache.names.len() > 500, "over a restart, too");
    world.run(720_000);
    world.set("A3", Status::Waiting);
    world.run(60_000);
    // One may stay, so that its number is not given twice.
    assert!(world.cache.names.len() <= 4, "{}", world.cache.names.len());
    assert_eq!(world.shown(), world.truth());
}

#[test]
fn a_cancellation_that_the_list_was_quicker_to_act_on_is_told() {
    let mut world = quiet();
    let row = world.rows.remove("A1").unwrap();
    world.run(60_000);
    assert!(world.shown().is_empty(), "lists of this server hold what is under way");
    for (event, after_s, raised) in [("part", -1, 0), ("part", 40, 1), ("part", 40, 1), ("row", 41, 1)] {
        let mut cancelled = row.clone();
        (cancelled.status, cancelled.modified_s) = (Status::Cancelled, row.modified_s + after_s);
        let data = json!({"no": "A1", "at": super::world::time(cancelled.modified_s), "st": "C", "memo": 1});
        world.emit(event, json!({ "data": data }), 1);
        world.run(1_000);
        assert_eq!(world.raised.len(), raised, "{event} {after_s}: {:?}", world.raised);
    }
    world.crash();
    world.run(60_000);
    assert!(world.shown().is_empty(), "and it does not come back");
    assert_eq!(world.raised.len(), 1);
}

#[test]
fn a_bulk_event_without_news_does_not_silence_the_list_that_is_under_way() {
    let mut world = quiet();
    world.set("A2", Status::Waiting);
    world.run(30_000);
    let bulk: Vec<_> = world.rows.iter().map(|(no, row)| json_row(no, row)).collect();
    world.rows.remove("A1");
    let (lists, snapshots) = (world.lists, world.client.stats().snapshots);
    while world.lists == lists {
        world.run(1);
    }
    world.emit("list", json!(bulk), 1);
    while world.client.stats().snapshots == snapshots {
        world.run(1);
    }
    assert_eq!(world.shown(), world.truth());
}

#[test]
fn a_list_that_is_older_than_a_new_row_does_not_take_it_away_after_a_restart_either() {
    let mut world = quiet();
    world.set("A2", Status::Waiting);
    world.run(1_000);
    world.faults.stale = 1.0;
    world.crash();
    world.run_until_list();
    assert_eq!(world.shown(), world.truth());
    world.faults.stale = 0.0;
    world.rows.remove("A1");
    world.run_until_list();
    assert_eq!(world.shown(), world.truth(), "what is no news leaves at once");
}

#[test]
fn what_was_overdue_before_the_first_list_is_listed_without_a_sound() {
    let mut world = World::new(2, Faults::default());
    world.busy = false;
    world.rows.clear();
    world.set("A1", Status::Received);
    world.rows.get_mut("A1").unwrap().modified_s -= 3_600;
    world.run(10_000);
    let kinds = |world: &World| {
        world.overdue.iter().map(|(key, aloud)| (key.kind, *aloud)).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(kinds(&world), [(AlarmKind::Late, false), (AlarmKind::Unaccepted, false)].into());
    world.set("A2", Status::Received);
    world.run(90_000);
    assert!(kinds(&world).contains(&(AlarmKind::Unaccepted, true)), "what comes due from now on is heard");
}
