//! People act on the drill's deliveries, and create their own: the drill goes on from what they did.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_hub;

use fake_hub::FakeHub;
use gwanje_drill::{ActKind, Day, Drill, DrillOptions, SyntheticSpec};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Delivery, RiderId, Status, UtcMillis};
use gwanje_wire::{CommandBody, ErrorCode, Problem};
use jiff::civil::Date;

/// A day at noon on which chance cancels and reassigns nothing.
fn noon() -> (Drill, FakeHub, UtcMillis) {
    let date = Date::constant(2026, 3, 2);
    let day = Day::synthetic(SyntheticSpec { center_index: 0, seed: 11, orders: 300, date });
    let options =
        DrillOptions { cancel_rate: 0.0, reassign_rate: 0.0, lend_rate: 0.0, ..DrillOptions::default() };
    let now = day.at_clock(12, 0);
    let mut drill = Drill::new(vec![day], options);
    let mut hub = FakeHub::with_riders_of(&drill);
    hub.play(&mut drill, now);
    (drill, hub, now)
}

fn assign(rider: &RiderId) -> CommandBody {
    CommandBody { rider_id: Some(rider.clone()), ..CommandBody::default() }
}

fn first(hub: &FakeHub, status: Status) -> Delivery {
    hub.rows.values().find(|row| row.status == status).unwrap().clone()
}

#[test]
fn a_rider_whom_a_dispatcher_sent_carries_the_delivery() {
    let (mut drill, mut hub, now) = noon();
    let row = first(&hub, Status::Waiting);
    let busy = first(&hub, Status::PickedUp).rider.unwrap().id;
    let row = hub.command(row.id, Action::Assign, &assign(&busy), now).unwrap();
    drill.observe(&row);
    hub.play(&mut drill, now.plus_min(180));
    let row = &hub.rows[&row.id];
    assert_eq!((row.status, &row.rider.as_ref().unwrap().id), (Status::Delivered, &busy));
    assert_eq!(hub.refusals, []);
}

#[test]
fn what_a_dispatcher_gave_back_is_left_to_people_for_a_while() {
    let (mut drill, mut hub, now) = noon();
    let row = first(&hub, Status::Assigned);
    drill.observe(&hub.command(row.id, Action::Unassign, &CommandBody::default(), now).unwrap());
    hub.play(&mut drill, now.plus_ms(4 * 60_000 + 59_000));
    assert_eq!(hub.rows[&row.id].status, Status::Waiting);
    hub.play(&mut drill, now.plus_min(180));
    assert!(hub.rows[&row.id].status.is_final());
    assert_eq!(hub.refusals, []);
}

#[test]
fn a_change_that_the_drill_had_not_heard_of_wins() {
    let (mut drill, mut hub, now) = noon();
    let row = first(&hub, Status::PickedUp);
    // Nobody tells the drill: its own delivering is refused, and the row comes later.
    let delivered = hub.command(row.id, Action::Deliver, &CommandBody::default(), now).unwrap();
    hub.play(&mut drill, now.plus_min(60));
    assert!(hub.refusals.iter().all(|problem| problem.code == ErrorCode::InvalidTransition));
    drill.observe(&delivered);
    hub.play(&mut drill, now.plus_min(20 * 60));
    assert!(drill.is_over());
    assert_eq!(hub.rows[&row.id], delivered);
}

#[test]
fn orders_of_people_are_left_to_people_and_their_riders_are_busy() {
    let (mut drill, mut hub, now) = noon();
    let center = drill.days()[0].center.clone();
    let like = first(&hub, Status::Waiting);
    let order = gwanje_wire::NewOrder {
        order_no: "전화-1".into(),
        shop: like.shop,
        dropoff: like.dropoff,
        pickup_target_min: None,
        delivery_target_min: None,
        distance_m: None,
        items: Vec::new(),
        price_won: 0,
        request: "".into(),
        ready_at: None,
    };
    let row = hub.create(&center, now, &order);
    drill.observe(&row);
    let rider =
        drill.riders(&center, now).into_iter().find(|rider| rider.load == 0 && rider.pos.is_some()).unwrap();
    for (action, body) in [(Action::Accept, CommandBody::default()), (Action::Assign, assign(&rider.id))] {
        drill.observe(&hub.command(row.id, action, &body, now).unwrap());
    }
    let before = hub.history.len();
    hub.play(&mut drill, now.plus_min(180));
    assert_eq!(
        (hub.rows[&row.id].status, hub.rows[&row.id].rider.as_ref().unwrap().confirmed),
        (Status::Assigned, false)
    );
    let sent = hub.history[before..].iter().filter(|entry| entry.action == Some(Action::Assign));
    assert!(sent.clone().count() > 0 && sent.clone().all(|entry| entry.rider.as_ref() != Some(&rider.id)));
}

#[test]
fn what_the_hub_could_not_take_is_done_again() {
    let (mut drill, mut hub, mut now) = noon();
    let busy = Problem::new(ErrorCode::Unavailable, "not now");
    // Every third act is turned away.
    for turn in 0_u32.. {
        now = now.plus_min(1);
        loop {
            let acts = drill.advance(now);
            if acts.is_empty() {
                break;
            }
            for (nth, act) in (turn..).zip(acts) {
                if nth % 3 == 0 {
                    drill.answered(act.token, Err(&busy));
                    continue;
                }
                // What follows on an act that was turned away may be refused by the lifecycle.
                let created = matches!(act.kind, ActKind::Create(_));
                let outcome = hub.execute(&act);
                assert!(!created || outcome.is_ok());
                drill.answered(act.token, outcome.as_ref());
            }
        }
        if drill.is_over() {
            break;
        }
        assert!(turn < 2_000, "the day does not end");
    }
    assert_eq!(hub.rows.len(), 300);
    assert!(hub.rows.values().all(|row| row.status.is_final()));
}
