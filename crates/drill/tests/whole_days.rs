//! Whole days on a hub in memory: every order ends, as the day's rules allow, and always the same way.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod fake_hub;

use fake_hub::FakeHub;
use gwanje_drill::{Day, Drill, DrillOptions, MdrpSpec, SyntheticSpec};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CancelBy, Delivery, Status, UtcMillis};
use jiff::civil::Date;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const DATE: Date = Date::constant(2026, 3, 2);

fn synthetic(centers: usize, seed: u64, orders: usize) -> Vec<Day> {
    (0..centers)
        .map(|center_index| Day::synthetic(SyntheticSpec { center_index, seed, orders, date: DATE }))
        .collect()
}

fn mdrp(dir: &Path, center_index: usize) -> Day {
    Day::from_mdrp(&MdrpSpec { dir: dir.to_owned(), center_index, seed: 1, date: DATE }).unwrap()
}

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mdrp-small")
}

/// After the last order's longest time, and a long night.
fn end(days: &[Day]) -> UtcMillis {
    days.iter().map(|day| day.at_clock(5, 59)).max().unwrap().plus_min(6 * 60)
}

fn options(seed: u64) -> DrillOptions {
    DrillOptions { seed, ..DrillOptions::default() }
}

fn play(days: Vec<Day>, options: DrillOptions, step_min: i64) -> (Drill, FakeHub, usize) {
    let (begin, end) = (days[0].begins_at(), end(&days));
    let mut drill = Drill::new(days, options);
    let mut hub = FakeHub::with_riders_of(&drill);
    let (mut now, mut rounds) = (begin, 0);
    while now < end {
        now = now.plus_min(step_min).min(end);
        rounds += hub.play(&mut drill, now);
    }
    (drill, hub, rounds)
}

/// The rules that hold for every delivery of a day that people left alone.
fn check(drill: &Drill, hub: &FakeHub) {
    assert_eq!(hub.refusals, []);
    assert!(drill.is_over());
    assert_eq!(drill.next_due(), None);
    let placed: usize = drill.days().iter().map(|day| day.orders.len()).sum();
    assert_eq!(hub.rows.len(), placed);
    for row in hub.rows.values() {
        assert!(row.status.is_final(), "{} is {}", row.order_no, row.status);
        let day = drill.days().iter().find(|day| day.center == row.center).unwrap();
        let Some(picked_up_at) = row.picked_up_at else { continue };
        assert!(Some(picked_up_at) >= row.ready_at, "{} was picked up before it was ready", row.order_no);
        let rider = &row.rider.as_ref().unwrap().id;
        let shift = drill.days().iter().flat_map(|day| &day.riders).find(|shift| shift.id == *rider).unwrap();
        assert!(picked_up_at <= shift.off_at && shift.on_at <= row.assigned_at.unwrap());
        let Some(delivered_at) = row.delivered_at else { continue };
        let ride_min = day.travel_min(row.shop.pos.unwrap(), row.dropoff.pos.unwrap()).unwrap();
        assert!(delivered_at >= picked_up_at.plus_min(ride_min + day.pace.dropoff_service_min as i64));
        assert!(delivered_at <= row.received_at.plus_min(i64::from(day.pace.max_click_to_door_min)));
    }
    no_rider_carries_two(hub);
}

fn no_rider_carries_two(hub: &FakeHub) {
    let mut ways: BTreeMap<_, Vec<(UtcMillis, UtcMillis)>> = BTreeMap::new();
    for row in hub.rows.values().filter(|row| row.picked_up_at.is_some()) {
        let way = (row.assigned_at.unwrap(), row.ended_at().unwrap());
        ways.entry(row.rider.as_ref().unwrap().id.clone()).or_default().push(way);
    }
    for (rider, mut ways) in ways {
        ways.sort_unstable();
        assert!(ways.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{rider} carried two at once");
    }
}

fn rows(hub: &FakeHub) -> Vec<Delivery> {
    hub.rows.values().cloned().collect()
}

fn share_of(hub: &FakeHub, cancelled_by: impl Fn(CancelBy) -> bool) -> f64 {
    let cancelled =
        hub.rows.values().filter(|row| row.cancel.as_ref().is_some_and(|cancel| cancelled_by(cancel.by)));
    cancelled.count() as f64 / hub.rows.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_a_synthetic_day_ends(
        seed in any::<u64>(), orders in 1..250_usize, centers in 1..4_usize,
        cancel_rate in 0.0..0.5, reassign_rate in 0.0..0.8, lend_rate in 0.0..0.5, step_min in 1..900_i64,
    ) {
        let options = DrillOptions { seed, cancel_rate, reassign_rate, lend_rate, ..DrillOptions::default() };
        let (drill, hub, _) = play(synthetic(centers, seed, orders), options, step_min);
        check(&drill, &hub);
    }

    #[test]
    fn every_order_of_a_day_from_files_ends(seed in any::<u64>(), cancel_rate in 0.0..1.0, reassign_rate in 0.0..1.0) {
        let options = DrillOptions { seed, cancel_rate, reassign_rate, ..DrillOptions::default() };
        let (drill, hub, _) = play(vec![mdrp(&small(), 0)], options, 60);
        check(&drill, &hub);
    }

    /// A restart at any instant: nothing is placed twice, and every order still ends.
    #[test]
    fn a_restart_goes_on(seed in any::<u64>(), stop_min in 0..900_i64, orders in 20..150_usize) {
        let days = synthetic(2, seed, orders);
        let (begin, end) = (days[0].begins_at(), end(&days));
        let mut drill = Drill::new(days.clone(), options(seed));
        let mut hub = FakeHub::with_riders_of(&drill);
        let stop = begin.plus_min(stop_min);
        hub.play(&mut drill, stop);
        let mut again = Drill::new(days, options(seed));
        again.resume(&rows(&hub), stop);
        hub.play(&mut again, end);
        prop_assert_eq!(&hub.refusals, &[]);
        prop_assert!(again.is_over());
        prop_assert_eq!(hub.rows.len(), 2 * orders);
        let numbers: BTreeSet<_> = hub.rows.values().map(|row| (&row.center, &row.order_no)).collect();
        prop_assert_eq!(numbers.len(), 2 * orders);
        prop_assert!(hub.rows.values().all(|row| row.status.is_final()));
    }

    /// People do as they please in between: every order still ends, and what they did stays.
    #[test]
    fn people_interfere(seed in any::<u64>(), doings in prop::collection::vec((1..20_i64, any::<prop::sample::Index>(), 0..8_usize, any::<prop::sample::Index>()), 1..80)) {
        let days = synthetic(2, seed, 120);
        let end = end(&days);
        let mut drill = Drill::new(days, options(seed));
        let mut hub = FakeHub::with_riders_of(&drill);
        let mut now = drill.days()[0].at_clock(10, 30);
        for (pause_min, which, action, rider) in doings {
            now = now.plus_min(pause_min);
            hub.play(&mut drill, now);
            let open: Vec<_> = hub.rows.values().filter(|row| !row.status.is_final()).cloned().collect();
            if open.is_empty() { continue; }
            let row = &open[which.index(open.len())];
            let crew: Vec<_> = hub.riders.keys().filter(|(center, _)| *center == row.center).map(|(_, id)| id.clone()).collect();
            let body = gwanje_wire::CommandBody {
                rider_id: Some(rider.get(&crew).clone()),
                reason: Some("사람".into()),
                by: Some(CancelBy::Center),
                text: Some("메모".into()),
                rev: None,
            };
            if let Ok(row) = hub.command(row.id, Action::ALL[action], &body, now) {
                drill.observe(&row);
            }
        }
        hub.play(&mut drill, end);
        prop_assert!(drill.is_over());
        prop_assert!(hub.rows.values().all(|row| row.status.is_final()));
    }
}

#[test]
fn the_pace_of_calls_changes_nothing() {
    let history = |step_min| {
        let (_, hub, rounds) = play(synthetic(3, 5, 200), options(5), step_min);
        let mut history = hub.history;
        history.sort_by(|a, b| {
            (a.at, &a.center, &a.order_no, a.action).cmp(&(b.at, &b.center, &b.order_no, b.action))
        });
        (history, rounds)
    };
    let (at_once, rounds) = history(24 * 60);
    assert!(rounds < 150, "{rounds} rounds for a day at once");
    assert_eq!(at_once, history(1).0);
    assert_eq!(at_once, history(37).0);
}

#[test]
fn rates_are_as_given() {
    let options = DrillOptions { cancel_rate: 0.1, reassign_rate: 0.2, ..options(9) };
    let (drill, hub, _) = play(synthetic(3, 9, 900), options, 600);
    check(&drill, &hub);
    let by_people = share_of(&hub, |by| by != CancelBy::System);
    assert!((by_people - 0.1).abs() < 0.02, "{by_people} cancelled by people");
    let mut riders: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in hub.history.iter().filter(|entry| entry.action == Some(Action::Assign)) {
        riders.entry((&entry.center, &entry.order_no)).or_default().push(entry.rider.clone());
    }
    let changed = riders.values().filter(|riders| riders.len() > 1).count() as f64 / hub.rows.len() as f64;
    assert!((changed - 0.2).abs() < 0.04, "{changed} changed riders");
    assert!(share_of(&hub, |by| by == CancelBy::System) < 0.02);
    assert!(hub.rows.values().any(Delivery::has_lent_rider));
}

#[test]
fn an_order_without_riders_is_given_up_by_the_system() {
    let mut day = mdrp(&small(), 0);
    day.riders.clear();
    let options = DrillOptions { cancel_rate: 0.0, ..options(1) };
    let (drill, hub, _) = play(vec![day], options, 60);
    check(&drill, &hub);
    assert!(hub.rows.values().all(|row| row.cancel.as_ref().unwrap().by == CancelBy::System));
}

#[test]
fn riders_move_between_shops_and_doors() {
    let days = synthetic(1, 4, 300);
    let center = days[0].center.clone();
    let mut drill = Drill::new(days, options(4));
    let mut hub = FakeHub::with_riders_of(&drill);
    let mut now = drill.days()[0].at_clock(12, 0);
    hub.play(&mut drill, now);
    let mut last = drill.riders_now(&center, now);
    let mut moved = 0;
    for _ in 0..60 {
        now = now.plus_min(1);
        hub.play(&mut drill, now);
        let riders = drill.riders_now(&center, now);
        for (was, is) in riders.iter().filter_map(|is| Some((last.iter().find(|was| was.id == is.id)?, is))) {
            let metres = was.pos.distance_m(is.pos).unwrap();
            assert!(metres <= 301.0, "{} jumped {metres} m in a minute", is.id);
            moved += usize::from(metres > 50.0);
            assert!((0.0..360.0).contains(&is.heading_deg));
        }
        last = riders;
    }
    assert!(moved > 100, "riders moved in {moved} of their minutes only");
}

#[test]
fn a_rush_adds_orders_that_end_and_survive_a_restart() {
    let days = synthetic(2, 6, 40);
    let end = end(&days);
    let mut drill = Drill::new(days.clone(), options(6));
    let mut hub = FakeHub::with_riders_of(&drill);
    let noon = days[0].at_clock(12, 0);
    hub.play(&mut drill, noon);
    drill.rush(25, noon, 60_000);
    let later = noon.plus_min(5);
    hub.play(&mut drill, later);
    let mut again = Drill::new(days, options(6));
    again.resume(&rows(&hub), later);
    hub.play(&mut again, end);
    assert_eq!((hub.rows.len(), hub.refusals.len()), (2 * (40 + 25), 0));
    assert!(again.is_over() && hub.rows.values().all(|row| row.status.is_final()));
}

#[test]
fn real_days_end_too() {
    let Some(dir) = std::env::var_os("GWANJE_MDRP_DIR") else {
        eprintln!("not run: set GWANJE_MDRP_DIR to a folder of MDRP instances");
        return;
    };
    let mut instances = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let dir = entry.unwrap().path();
        let day = mdrp(&dir, 0);
        let (orders, begun) = (day.orders.len(), std::time::Instant::now());
        let (drill, hub, rounds) = play(vec![day], options(1), 24 * 60);
        let took = begun.elapsed();
        check(&drill, &hub);
        let delivered = hub.rows.values().filter(|row| row.status == Status::Delivered).count();
        let (people, system) =
            (share_of(&hub, |by| by != CancelBy::System), share_of(&hub, |by| by == CancelBy::System));
        eprintln!(
            "{}: {orders} orders, {delivered} delivered, cancelled {people:.4} by people, {system:.4} by system, {rounds} rounds, {took:?}",
            dir.display()
        );
        assert!(system < 0.03, "riders are sent badly: {system} were given up");
        instances += 1;
    }
    assert!(instances > 0, "GWANJE_MDRP_DIR holds no instance");
}
