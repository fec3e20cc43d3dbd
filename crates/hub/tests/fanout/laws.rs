//! What holds of every way to other hubs.

use crate::{PATIENCE, Together, on_both};
use gwanje_hub::fanout::{EntryChange, Fanout, Heard, Kept, NodeEntries, Routed, Topic};
use gwanje_model::{CenterId, Pos, RiderId, RiderStatus, Role, UtcMillis};
use gwanje_wire::socket::{RiderPos, SeatEntry, SeatState};
use std::time::Duration;
use tokio::time::timeout;

on_both! {
    what_one_tells_all_hear_in_order: 2,
    the_latest_holder_of_a_route_counts_and_only_he_ends_it: 2,
    a_route_ends_by_itself: 1,
    of_two_places_the_one_seen_last_is_kept: 2,
    the_nearest_riders_come_first: 2,
    entries_are_read_as_they_were_written_and_changed: 2,
    entries_of_a_hub_that_ends_are_gone_at_once: 2,
    entries_of_a_silent_hub_are_gone_after_its_lease: 2,
}

const LONG: Duration = Duration::from_secs(60);

fn gangnam() -> CenterId {
    CenterId::from("gangnam")
}

fn place(rider: &str, pos: Pos, seen_at: i64) -> RiderPos {
    let (id, seen_at) = (RiderId::from(rider), UtcMillis(seen_at));
    RiderPos { id, pos, heading_deg: 0.0, status: RiderStatus::Idle, seen_at }
}

fn geo(lat: f64, lon: f64) -> Pos {
    Pos::Geo { lat, lon }
}

pub fn seat(name: &str) -> SeatEntry {
    let state = SeatState::default();
    SeatEntry { seat: name.into(), account: name.into(), role: Role::Dispatcher, state }
}

async fn what_one_tells_all_hear_in_order(together: &Together) {
    let mut all: Vec<_> = together.hubs.iter().map(|hub| hub.hear()).collect();
    for n in 0..100 {
        together.hubs[0].tell(Topic::Places, n.to_string());
    }
    for heard in &mut all {
        for n in 0..100 {
            let text = timeout(PATIENCE, async {
                loop {
                    if let Heard::Text(Topic::Places, text) = heard.recv().await.unwrap() {
                        return text;
                    }
                }
            });
            assert_eq!(*text.await.unwrap(), *n.to_string());
        }
    }
}

async fn the_latest_holder_of_a_route_counts_and_only_he_ends_it(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    let rider = RiderId::from("r1");
    let routed = Routed::Rider(&rider);
    assert_eq!(a.route(routed).await.unwrap(), None);
    a.take_route(routed, "a 1", LONG).await.unwrap();
    assert_eq!(b.route(routed).await.unwrap().as_deref(), Some("a 1"));
    assert!(a.keep_route(routed, "a 1", LONG).await.unwrap());
    // He comes to the other hub before the first has seen him go.
    b.take_route(routed, "b 1", LONG).await.unwrap();
    assert!(!a.keep_route(routed, "a 1", LONG).await.unwrap());
    assert!(!a.end_route(routed, "a 1").await.unwrap());
    assert_eq!(a.route(routed).await.unwrap().as_deref(), Some("b 1"));
    assert_eq!(a.route(Routed::Socket("r1")).await.unwrap(), None, "another thing of that name");
    assert!(b.end_route(routed, "b 1").await.unwrap());
    assert!(!b.end_route(routed, "b 1").await.unwrap());
    assert_eq!(a.route(routed).await.unwrap(), None);
    // What was lost meanwhile is taken again.
    assert!(a.keep_route(routed, "a 2", LONG).await.unwrap());
    assert_eq!(b.route(routed).await.unwrap().as_deref(), Some("a 2"));
}

async fn a_route_ends_by_itself(together: &Together) {
    let hub = &together.hubs[0];
    hub.take_route(Routed::Socket("s"), "a", Duration::from_millis(100)).await.unwrap();
    let ended = async {
        while hub.route(Routed::Socket("s")).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.unwrap();
}

async fn of_two_places_the_one_seen_last_is_kept(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    let (first, second) = (place("r1", geo(37.5, 127.0), 1_000), place("r1", geo(37.6, 127.1), 2_000));
    let plane = place("r2", Pos::Plane { x: 1.0, y: 2.0 }, 1);
    a.put_places(&gangnam(), &[second.clone(), plane.clone()]).await.unwrap();
    b.put_places(&gangnam(), &[first]).await.unwrap();
    for hub in [a, b] {
        assert_eq!(hub.places(&gangnam()).await.unwrap(), [second.clone(), plane.clone()]);
        assert_eq!(hub.places(&"songpa".into()).await.unwrap(), []);
    }
    let third = place("r1", geo(37.7, 127.2), 3_000);
    b.put_places(&gangnam(), std::slice::from_ref(&third)).await.unwrap();
    assert_eq!(a.places(&gangnam()).await.unwrap(), [third, plane]);
}

async fn the_nearest_riders_come_first(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    let places = [
        place("far", geo(37.60, 127.00), 1),
        place("near", geo(37.501, 127.00), 1),
        place("middle", geo(37.51, 127.00), 1),
        place("plane", Pos::Plane { x: 0.0, y: 0.0 }, 1),
        place("pole", geo(89.9, 127.00), 1),
    ];
    a.put_places(&gangnam(), &places).await.unwrap();
    let here = geo(37.5, 127.0);
    let names = async |within_m, most| {
        let near = b.nearest(&gangnam(), here, within_m, most).await.unwrap();
        for near in &near {
            let expected = near.place.pos.distance_m(here).unwrap();
            assert!((near.distance_m - expected).abs() < 2.0 + expected / 100.0, "{near:?}, {expected}");
        }
        near.into_iter().map(|near| near.place.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(2_000.0, 10).await, ["near", "middle"]);
    assert_eq!(names(50_000.0, 10).await, ["near", "middle", "far"]);
    assert_eq!(names(50_000.0, 1).await, ["near"]);
    assert!(names(50_000.0, 0).await.is_empty());
    let on_a_plane = b.nearest(&gangnam(), Pos::Plane { x: 0.0, y: 0.0 }, 10.0, 10).await.unwrap();
    assert!(on_a_plane.is_empty());
    // Who went away is near no more.
    a.put_places(&gangnam(), &[place("near", geo(37.7, 127.0), 2)]).await.unwrap();
    assert_eq!(names(2_000.0, 10).await, ["middle"]);
}

fn all(version: u64, entries: &[(&str, &str)]) -> NodeEntries {
    let entries = entries.iter().map(|(key, entry)| ((*key).to_owned(), (*entry).to_owned())).collect();
    NodeEntries { version, entries, ..NodeEntries::default() }
}

fn change(key: &str, entry: Option<&str>) -> EntryChange {
    EntryChange { key: key.to_owned(), entry: entry.map(str::to_owned) }
}

/// What one hub reads of the other.
async fn read_of(reader: &dyn Fanout, of: &dyn Fanout) -> Option<NodeEntries> {
    reader.entries(Kept::Seats).await.unwrap().into_iter().find(|entries| entries.node == of.node())
}

async fn entries_are_read_as_they_were_written_and_changed(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    assert!(!a.keep_entries(Kept::Seats, 7).await.unwrap(), "there is nothing to lease on");
    a.write_entries(Kept::Seats, &all(7, &[("1", "one"), ("2", "two")])).await.unwrap();
    a.write_entries(Kept::Roster, &all(1, &[("1", "another kind")])).await.unwrap();
    let read = read_of(&**b, &**a).await.unwrap();
    assert_eq!((read.version, read.entries.len()), (7, 2));
    assert!((1..=6_000).contains(&read.lease_ms), "{}", read.lease_ms);
    let changes = [change("1", Some("other")), change("2", None), change("3", Some("three"))];
    assert!(a.change_entries(Kept::Seats, 8, &changes).await.unwrap());
    assert!(a.keep_entries(Kept::Seats, 8).await.unwrap());
    assert!(!a.keep_entries(Kept::Seats, 9).await.unwrap(), "what is there is not that version");
    let read = read_of(&**b, &**a).await.unwrap();
    assert_eq!((read.version, read.entries), (8, all(8, &[("1", "other"), ("3", "three")]).entries));
    assert_eq!(read_of(&**a, &**b).await, None, "who has said nothing has no entries");
    // Whole again: what was there before is gone.
    a.write_entries(Kept::Seats, &all(9, &[])).await.unwrap();
    assert!(read_of(&**b, &**a).await.unwrap().entries.is_empty());
}

async fn entries_of_a_hub_that_ends_are_gone_at_once(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    a.write_entries(Kept::Seats, &all(1, &[("1", "one")])).await.unwrap();
    assert!(read_of(&**b, &**a).await.is_some());
    a.end_entries(Kept::Seats).await.unwrap();
    assert_eq!(read_of(&**b, &**a).await, None);
    assert!(!a.change_entries(Kept::Seats, 2, &[change("2", Some("two"))]).await.unwrap());
}

async fn entries_of_a_silent_hub_are_gone_after_its_lease(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    a.write_entries(Kept::Seats, &all(1, &[("1", "one")])).await.unwrap();
    let written = tokio::time::Instant::now();
    while read_of(&**b, &**a).await.is_some() {
        assert!(written.elapsed() < Duration::from_secs(8), "its lease is six seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(written.elapsed() > Duration::from_secs(5), "it held for a lease");
    if let Some(redis) = &together.redis {
        assert_eq!(redis.ask(&["SCARD", "gwanje:store:nodes"]), "0", "its name went, too");
    }
}
