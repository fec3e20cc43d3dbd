//! Who sits where, as hubs know it of each other.

use crate::laws::seat;
use crate::{Together, on_both, until};
use gwanje_hub::fanout::Presence;
use gwanje_model::{CenterId, DeliveryId};
use gwanje_wire::socket::{SeatEntry, SeatState};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

on_both! {
    what_seats_do_at_one_hub_is_known_at_the_others: 3,
    a_hub_that_comes_later_knows_who_is_there: 2,
    seats_of_a_hub_that_dies_are_gone_within_ten_seconds: 2,
    a_thousand_seats_come_and_go_at_once: 2,
}

fn gangnam() -> CenterId {
    CenterId::from("gangnam")
}

/// The names of a center's seats at other hubs.
pub fn names(presence: &Presence) -> Vec<String> {
    let mut names: Vec<_> =
        presence.of_others(&gangnam()).iter().map(|entry| entry.seat.as_str().to_owned()).collect();
    names.sort();
    names
}

async fn what_seats_do_at_one_hub_is_known_at_the_others(together: &Together) {
    let all: Vec<_> = together.hubs.iter().map(|hub| Presence::new(Arc::clone(hub))).collect();
    let [a, b, c] = &all[..] else { panic!("three hubs") };
    let mut moved = c.moved(&gangnam());
    a.enter(&gangnam(), "1", seat("one"));
    b.enter(&gangnam(), "2", seat("two"));
    a.enter(&"songpa".into(), "1", seat("elsewhere"));
    until(|| names(c) == ["one", "two"] && names(a) == ["two"] && names(b) == ["one"]).await;
    assert!(moved.has_changed().unwrap(), "followers are told");
    let state = SeatState { open_id: Some(DeliveryId(9)), assigning_id: None };
    a.set(&gangnam(), "1", state);
    let open = || SeatEntry { state, ..seat("one") };
    until(|| b.of_others(&gangnam()) == [open()]).await;
    moved.mark_unchanged();
    a.leave(&gangnam(), "1");
    a.leave(&gangnam(), "nobody");
    let left = Instant::now();
    until(|| names(b).is_empty() && names(c) == ["two"]).await;
    assert!(left.elapsed() < Duration::from_secs(2), "at once, not by a lease");
    assert!(moved.has_changed().unwrap());
    assert_eq!(a.of_others(&"songpa".into()), [], "no hub tells itself");
}

async fn a_hub_that_comes_later_knows_who_is_there(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    let first = Presence::new(Arc::clone(a));
    first.enter(&gangnam(), "1", seat("one"));
    let second = Presence::new(Arc::clone(b));
    until(|| names(&second) == ["one"]).await;
}

async fn seats_of_a_hub_that_dies_are_gone_within_ten_seconds(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    let (first, second) = (Presence::new(Arc::clone(a)), Presence::new(Arc::clone(b)));
    first.enter(&gangnam(), "1", seat("one"));
    second.enter(&gangnam(), "2", seat("two"));
    until(|| names(&second) == ["one"]).await;
    drop(first);
    let died = Instant::now();
    until(|| names(&second).is_empty()).await;
    assert!(died.elapsed() < Duration::from_secs(10), "{:?}", died.elapsed());
}

async fn a_thousand_seats_come_and_go_at_once(together: &Together) {
    let [a, b] = &together.hubs[..] else { panic!("two hubs") };
    let (first, second) = (Presence::new(Arc::clone(a)), Presence::new(Arc::clone(b)));
    for n in 0..1_000 {
        first.enter(&gangnam(), &n.to_string(), seat(&n.to_string()));
    }
    until(|| names(&second).len() == 1_000).await;
    for n in 0..999 {
        first.leave(&gangnam(), &n.to_string());
    }
    until(|| names(&second) == ["999"]).await;
}
