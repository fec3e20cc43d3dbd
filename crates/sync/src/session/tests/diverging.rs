//! Planted divergence: how soon it is found, what its repair takes, and comparing everything on demand.

use super::super::fetch::Fetch;
use super::scripted::live;
use super::world::World;
use crate::findings::{CheckPhase, CheckReport, RepairCause};
use gwanje_model::DeliveryId;
use gwanje_wire::WireRow;

/// Runs until the board equals the hub's again; the answer is how many heads came meanwhile.
fn heads_until_true(world: &mut World) -> u32 {
    let before = world.heads;
    for _ in 0..600 {
        world.run(10);
        let same = world.session.rows().eq(world
            .hub
            .rows
            .values()
            .cloned()
            .map(WireRow::from)
            .collect::<Vec<_>>()
            .iter());
        if same && world.session.state().name() == "Live" {
            return world.heads - before;
        }
    }
    panic!("the board is not true again after six seconds");
}

fn checked(world: &mut World) -> CheckReport {
    let now = world.now();
    world.session.check(now);
    world.act();
    for _ in 0..20_000 {
        world.run(10);
        if let Some((_, report)) = world.reports.last().filter(|(_, r)| r.phase != CheckPhase::Running) {
            return report.clone();
        }
    }
    panic!("the comparison does not end: {:?}", world.reports.last());
}

fn any_row(world: &World) -> DeliveryId {
    world.session.rows().nth(7).unwrap().id()
}

#[test]
fn a_row_lost_from_memory_is_back_within_two_heads() {
    for seed in 40..60 {
        let mut world = live(seed);
        world.run(seed * 37 % 2_000);
        let lost = any_row(&world);
        world.lost_rows = true;
        assert!(world.session.lose_row(lost));
        let heads = heads_until_true(&mut world);
        assert!(heads <= 2, "{seed}: {heads} heads");
        world.run(1_000);
        world.check_converged();
        let stats = world.session.stats();
        assert_eq!((stats.mismatches_by.head, stats.snapshots), (1, 1));
        assert_eq!(
            (stats.repair.rows_fetched, stats.repair.rows_replaced),
            (1, 1),
            "what differs, and no more"
        );
        let [repair] = &world.repairs[..] else { panic!("{:?}", world.repairs) };
        assert_eq!((repair.cause, repair.buckets, repair.rows_replaced), (RepairCause::Head, 1, 1));
    }
}

#[test]
fn a_last_event_that_is_dropped_is_fetched_within_two_heads() {
    for seed in 60..80 {
        let mut world = live(seed);
        world.run(seed * 53 % 2_000);
        world.faults.drop = 1_000;
        let id = any_row(&world);
        world.hub.touch(id);
        world.work();
        world.run(100);
        world.faults.drop = 0;
        let heads = heads_until_true(&mut world);
        assert!(heads <= 2, "{seed}: {heads} heads");
        world.check_converged();
        let stats = world.session.stats();
        assert_eq!((stats.mismatches, stats.repairs, stats.snapshots), (0, 0, 1), "a gap, no repair");
    }
}

#[test]
fn a_flip_in_memory_is_found_on_demand() {
    let mut world = live(81);
    let id = any_row(&world);
    assert!(world.session.flip_row(id));
    let report = checked(&mut world);
    assert_eq!((report.phase, report.buckets, report.audited), (CheckPhase::Done, 256, true));
    assert_eq!(report.rows, world.hub.rows.len() as u64);
    assert_eq!((report.found_in_memory, report.repaired, report.found_on_disk), (1, 1, 0));
    world.check_converged();
    let stats = world.session.stats();
    assert_eq!((stats.checks, stats.mismatches_by.content, stats.repair.buckets_by_content), (1, 1, 256));
    assert!(world.session.compared_at().iter().all(Option::is_some));
    // Asked again, it compares again; the earlier one is over.
    world.reports.clear();
    assert_eq!(checked(&mut world).found_in_memory, 0);
}

#[test]
fn a_check_is_told_from_its_begin_to_its_end_and_ends_once() {
    let mut world = live(82);
    let report = checked(&mut world);
    assert_eq!(world.reports.first().map(|(_, first)| first.buckets), Some(0));
    assert!(world.reports.is_sorted_by_key(|(_, report)| report.buckets));
    world.run(200_000);
    assert_eq!(world.reports.last().map(|(_, last)| last), Some(&report));
    assert_eq!(world.reports.iter().filter(|(_, r)| r.phase == CheckPhase::Done).count(), 1);
}

#[test]
fn what_the_audit_finds_is_part_of_it() {
    let mut world = live(83);
    let id = any_row(&world);
    world.audit = Some((vec![id], true));
    let report = checked(&mut world);
    assert_eq!((report.found_on_disk, report.repaired, report.found_in_memory), (1, 1, 0));
    assert!(world.repairs.iter().any(|repair| repair.cause == RepairCause::Disk));
    // A digest that does not fit is one finding, and everything is written anew.
    world.audit = Some((Vec::new(), false));
    world.reports.clear();
    let report = checked(&mut world);
    assert_eq!((report.found_on_disk, report.repaired), (1, world.hub.rows.len() as u64));
}

#[test]
fn a_cache_that_does_not_answer_ends_it_after_a_minute() {
    let mut world = live(84);
    world.audit = None;
    let begun = world.time;
    let report = checked(&mut world);
    assert_eq!((report.phase, report.audited, report.buckets), (CheckPhase::Done, false, 256));
    assert!((60_000..61_000).contains(&(world.time - begun)));
}

#[test]
fn a_check_without_a_connection_stops_and_says_how_far_it_came() {
    let mut world = live(85);
    world.rest_delay = 400;
    let now = world.now();
    world.session.check(now);
    world.act();
    world.run(1_500);
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    world.run(15_000);
    let (_, last) = world.reports.last().unwrap();
    assert_eq!(last.phase, CheckPhase::Stopped);
    assert!(last.buckets < 256);
    let told = world.reports.len();
    world.sockets_up = true;
    world.rest_up = true;
    world.run(20_000);
    assert_eq!(world.reports.len(), told, "it does not go on by itself");
    world.check_converged();
}

#[test]
fn answers_that_never_come_stop_it() {
    let mut world = live(86);
    world.rest_delay = 10_000;
    world.fetches.clear();
    let report = checked(&mut world);
    assert_eq!((report.phase, report.buckets), (CheckPhase::Stopped, 0));
    // Each step is tried six times, three steps are given up; the two-minute routine may ask as well.
    let asked = world.fetches.iter().filter(|(_, fetch)| matches!(fetch, Fetch::Digest { .. })).count();
    assert!((18..=24).contains(&asked), "{asked}");
}

#[test]
fn a_row_that_is_lost_while_everything_is_compared_is_back_within_two_heads() {
    let mut world = live(87);
    for _ in 0..400 {
        world.hub.create();
    }
    world.work();
    world.run(5_000);
    world.check_converged();
    // Comparing takes longer than heads take to come.
    world.rest_delay = 700;
    let now = world.now();
    world.session.check(now);
    world.act();
    world.run(2_500);
    world.lost_rows = true;
    assert!(world.session.lose_row(any_row(&world)));
    let before = world.heads;
    let mut found = None;
    for _ in 0..1_000 {
        world.run(10);
        if world.session.stats().mismatches_by.head > 0 {
            found = Some(world.heads - before);
            break;
        }
    }
    assert!(found.is_some_and(|heads| heads <= 2), "{found:?}");
    world.run(30_000);
    let (_, last) = world.reports.last().unwrap();
    assert_eq!((last.phase, last.buckets), (CheckPhase::Done, 256), "it has gone on");
    world.check_converged();
}

#[test]
fn a_check_that_is_asked_for_before_there_is_a_board_waits_for_it() {
    let mut world = World::new(88);
    for _ in 0..5 {
        world.work();
    }
    let now = world.now();
    world.session.check(now);
    world.start();
    world.run(70_000);
    let (_, last) = world.reports.last().unwrap();
    assert_eq!((last.phase, last.buckets), (CheckPhase::Done, 256));
    assert!(!world.shown.is_empty());
}

/// Latencies of events are those of the network, whatever the clocks say.
#[test]
fn events_are_timed_from_the_hub_to_the_board_and_to_the_disk() {
    let mut world = live(89);
    world.busy = true;
    world.run(60_000);
    let stats = world.session.stats();
    let (applied, committed) =
        (stats.latency.event_applied.summary(), stats.latency.event_committed.summary());
    assert!(applied.count > 50, "{applied:?}");
    assert!(applied.max_ms <= 200, "{applied:?}");
    assert_eq!(committed.count, applied.count);
    assert!(committed.p50_ms >= applied.p50_ms && committed.max_ms <= 300, "{applied:?} {committed:?}");
    let from = stats.rows_from;
    assert!(from.frame > 50 && from.snapshot > 0 && from.repair == 0, "{from:?}");
    assert_eq!(stats.proofs_by.socket + stats.proofs_by.rest, stats.proofs);
}
