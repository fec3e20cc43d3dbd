//! What is offered beside the board: the same as worked out anew, nobody whom the hub refuses, and reasons that are true.

use gwanje_assign::{FULL, Ground, MINUTE_MS, OFFERS, Offer, RiderPace, Suggestions};
use gwanje_model::{
    AssignedRider, CenterId, Delivery, DeliveryId, Dropoff, Pos, Rev, Rider, RiderId, RiderStatus, Shop,
    Status, UtcMillis,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const HERE: &str = "gangnam";
const DAY: i64 = 1_772_413_200_000;
/// 300 metres a minute, four minutes at the shop, two at the door.
const fn pace() -> RiderPace {
    RiderPace {
        metres_per_minute: 300.0,
        before_pickup_ms: 2 * MINUTE_MS,
        after_pickup_ms: 2 * MINUTE_MS,
        before_dropoff_ms: MINUTE_MS,
        after_dropoff_ms: MINUTE_MS,
    }
}

fn at(x: f64, y: f64) -> Option<Pos> {
    Some(Pos::Plane { x, y })
}

fn suggestions() -> Suggestions {
    Suggestions::new(HERE.into(), Ground::around(Pos::Plane { x: 0.0, y: 0.0 }), pace())
}

fn delivery(id: u64, shop: u64, from: Option<Pos>, to: Option<Pos>) -> Delivery {
    Delivery {
        id: DeliveryId(id),
        center: HERE.into(),
        rev: Rev(1),
        modified_at: UtcMillis(DAY),
        number: id.to_string().into(),
        order_no: id.to_string().into(),
        status: Status::Waiting,
        shop: Shop {
            id: format!("shop-{shop}").as_str().into(),
            name: "분식".into(),
            phone: "".into(),
            address: "".into(),
            pos: from,
            remark: "".into(),
        },
        dropoff: Dropoff {
            address: "".into(),
            detail: "".into(),
            phone: "".into(),
            recipient_phone: "".into(),
            pos: to,
        },
        rider: None,
        pickup_target_min: 20,
        delivery_target_min: 40,
        distance_m: 0,
        items: Vec::new(),
        price_won: 0,
        request: "".into(),
        notes: Vec::new(),
        received_at: UtcMillis(DAY),
        ready_at: Some(UtcMillis(DAY).plus_min(10)),
        waiting_at: Some(UtcMillis(DAY)),
        assigned_at: None,
        picked_up_at: None,
        delivered_at: None,
        cancelled_at: None,
        cancel: None,
        unknown: Default::default(),
    }
}

fn carried(mut row: Delivery, rider: &str, status: Status) -> Delivery {
    row.status = status;
    row.rider =
        Some(AssignedRider { id: rider.into(), name: rider.into(), home: HERE.into(), confirmed: true });
    row.assigned_at = Some(UtcMillis(DAY));
    row
}

fn rider(id: &str, pos: Option<Pos>) -> Rider {
    Rider {
        id: id.into(),
        name: id.into(),
        phone: "".into(),
        home: HERE.into(),
        status: RiderStatus::Idle,
        pos,
        seen_at: None,
        load: 0,
    }
}

fn names(offers: &[Offer]) -> Vec<&str> {
    offers.iter().map(|offer| offer.rider.as_str()).collect()
}

/// Settled, at the day's beginning.
fn settled(rows: &[Delivery], riders: &[Rider]) -> Suggestions {
    let mut all = suggestions();
    all.advance(UtcMillis(DAY));
    rows.iter().for_each(|row| all.upsert(row));
    riders.iter().for_each(|rider| all.upsert_rider(rider));
    all.settle();
    all
}

#[test]
fn the_rider_who_is_there_when_the_meal_is_ready_comes_before_one_who_is_late_and_the_nearer_of_two_in_time_first()
 {
    let row = delivery(1, 1, at(0.0, 0.0), at(900.0, 0.0));
    let riders =
        [rider("far", at(9_000.0, 0.0)), rider("near", at(300.0, 0.0)), rider("mid", at(1_500.0, 0.0))];
    let all = settled(&[row], &riders);
    let offers = all.offers(DeliveryId(1));
    assert_eq!(names(offers), ["near", "mid", "far"]);
    // A minute's way and two minutes of parking; the meal is ready at minute 10.
    assert_eq!(offers[0].arrives_at, UtcMillis(DAY).plus_min(1));
    assert_eq!((offers[0].pickup_at, offers[0].after_ready_ms), (UtcMillis(DAY).plus_min(10), Some(0)));
    assert_eq!(offers[0].dropoff_at, UtcMillis(DAY).plus_min(10 + 2 + 3 + 1));
    // Half an hour's way: 22 minutes after it is ready, and late at the door.
    assert_eq!(offers[2].after_ready_ms, Some(22 * MINUTE_MS));
    assert_eq!(offers[2].late_ms, 0);
    assert!(offers.iter().all(|offer| offer.stops_before == 0 && !offer.same_shop && !offer.same_direction));
}

#[test]
fn a_rider_who_fetches_at_the_shop_anyhow_is_offered_first_with_the_reason() {
    let on_the_way = carried(delivery(1, 1, at(0.0, 0.0), at(3_000.0, 0.0)), "busy", Status::Assigned);
    let row = delivery(2, 1, at(0.0, 0.0), at(3_000.0, 300.0));
    let riders = [rider("busy", at(600.0, 0.0)), rider("idle", at(4_500.0, 0.0))];
    let all = settled(&[on_the_way, row], &riders);
    let offers = all.offers(DeliveryId(2));
    assert_eq!(names(offers), ["busy", "idle"]);
    assert!(offers[0].same_shop && offers[0].same_direction, "{:?}", offers[0]);
    assert!(offers[0].added_drive_ms < offers[1].added_drive_ms);
    assert!(!offers[1].same_shop && !offers[1].same_direction);
}

#[test]
fn what_would_become_late_by_it_is_named_and_what_is_late_anyhow_is_not() {
    // On board, due soon and far away; and one that is late already.
    let mut urgent = carried(delivery(1, 1, at(0.0, 0.0), at(9_000.0, 0.0)), "a", Status::PickedUp);
    urgent.delivery_target_min = 32;
    let mut late = carried(delivery(2, 2, at(0.0, 0.0), at(9_000.0, 600.0)), "a", Status::PickedUp);
    late.delivery_target_min = 5;
    let mut row = delivery(3, 3, at(-3_000.0, 0.0), at(-3_000.0, 300.0));
    row.delivery_target_min = 20;
    let all = settled(&[urgent, late, row], &[rider("a", at(0.0, 0.0))]);
    let offers = all.offers(DeliveryId(3));
    assert_eq!(names(offers), ["a"]);
    // Whatever place is cheapest, either it is late itself or it makes the urgent one late, and it says so.
    assert!(offers[0].late_ms > 0 || offers[0].late_for == [DeliveryId(1)], "{:?}", offers[0]);
    assert!(!offers[0].late_for.contains(&DeliveryId(2)));
}

#[test]
fn nobody_is_offered_who_is_off_full_unseen_unplaced_or_not_listed() {
    let row = delivery(1, 1, at(0.0, 0.0), at(900.0, 0.0));
    let mut off = rider("off", at(0.0, 0.0));
    off.status = RiderStatus::Off;
    let mut full = rider("full", at(0.0, 0.0));
    full.load = FULL as u32;
    let mut unseen = rider("unseen", at(0.0, 0.0));
    unseen.seen_at = Some(UtcMillis(DAY).plus_min(-3));
    let mut lent = rider("lent", at(0.0, 0.0));
    lent.home = "songpa".into();
    let degrees = rider("degrees", Some(Pos::Geo { lat: 37.5, lon: 127.0 }));
    let mut all = settled(
        std::slice::from_ref(&row),
        &[off, full, unseen, lent, degrees, rider("nowhere", None), rider("leaves", at(0.0, 0.0))],
    );
    assert_eq!(names(all.offers(DeliveryId(1))), ["leaves", "lent"]);
    all.remove_rider(&"leaves".into());
    all.settle();
    assert_eq!(names(all.offers(DeliveryId(1))), ["lent"]);
    // A row of another center, one whose place nobody knows, and one that ended wait for nobody here.
    let mut elsewhere = row.clone();
    (elsewhere.id, elsewhere.center) = (DeliveryId(2), "songpa".into());
    let unplaced = delivery(3, 1, None, at(0.0, 0.0));
    let mut ended = row;
    ended.status = Status::Cancelled;
    for row in [&elsewhere, &unplaced, &ended] {
        all.upsert(row);
    }
    all.settle();
    assert!([1, 2, 3].iter().all(|id| all.offers(DeliveryId(*id)).is_empty()));
}

#[test]
fn for_another_rider_all_but_its_own_are_offered() {
    let row = carried(delivery(1, 1, at(0.0, 0.0), at(900.0, 0.0)), "own", Status::Assigned);
    let riders = [rider("own", at(0.0, 0.0)), rider("other", at(600.0, 0.0))];
    let all = settled(std::slice::from_ref(&row), &riders);
    assert!(all.offers(DeliveryId(1)).is_empty(), "it does not wait");
    assert_eq!(names(&all.every_offer(DeliveryId(1))), ["other"]);
    let on_board = settled(&[carried(row, "own", Status::PickedUp)], &riders);
    assert!(on_board.every_offer(DeliveryId(1)).is_empty(), "nobody else can have a meal that is on the way");
}

/// A change of the world.
#[derive(Debug, Clone)]
enum Change {
    Row(Box<Delivery>),
    Gone(DeliveryId),
    Rider(Rider),
    Left(RiderId),
    Time(i64),
    Settle,
}

fn some_place() -> impl Strategy<Value = Option<Pos>> {
    prop_oneof![
        9 => (0..20_i32, 0..20_i32).prop_map(|(x, y)| at(f64::from(x) * 250.0, f64::from(y) * 250.0)),
        1 => Just(None),
    ]
}

fn some_change() -> impl Strategy<Value = Change> {
    let row = (0..14_u64, 0..4_u64, some_place(), some_place(), 0..8_u8, 0..9_u8, 5..60_u32, any::<bool>());
    let row = row.prop_map(|(id, shop, from, to, status, who, target, ready)| {
        let mut row = delivery(id, shop, from, to);
        row.delivery_target_min = target;
        if !ready {
            row.ready_at = None;
        }
        match status {
            0..=3 => row,
            4 => carried(row, &format!("r{who}"), Status::Assigned),
            5 => carried(row, &format!("r{who}"), Status::PickedUp),
            6 => carried(row, &format!("r{who}"), Status::Delivered),
            _ => Delivery { status: Status::Received, ..row },
        }
    });
    let who = (0..9_u8, some_place(), 0..8_u8, 0..6_u32, 0..4_i64);
    let some_rider = who.prop_map(|(who, pos, status, load, ago)| {
        let mut rider = rider(&format!("r{who}"), pos);
        rider.load = load;
        rider.status = if status == 0 { RiderStatus::Off } else { RiderStatus::Busy };
        rider.seen_at = (ago > 0).then(|| UtcMillis(DAY).plus_min(ago * 5));
        rider
    });
    prop_oneof![
        6 => row.prop_map(|row| Change::Row(Box::new(row))),
        1 => (0..14_u64).prop_map(|id| Change::Gone(DeliveryId(id))),
        6 => some_rider.prop_map(Change::Rider),
        1 => (0..9_u8).prop_map(|who| Change::Left(format!("r{who}").into())),
        1 => (0..30_i64).prop_map(|minute| Change::Time(minute * MINUTE_MS / 2)),
        4 => Just(Change::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4_000 }))]

    #[test]
    fn kept_beside_the_board_is_worked_out_anew(changes in prop::collection::vec(some_change(), 1..60)) {
        let mut kept = suggestions();
        let (mut rows, mut riders, mut now) = (BTreeMap::new(), BTreeMap::new(), DAY);
        kept.advance(UtcMillis(now));
        for change in changes {
            match change {
                Change::Row(row) => {
                    kept.upsert(&row);
                    rows.insert(row.id, *row);
                }
                Change::Gone(id) => {
                    kept.remove(id);
                    rows.remove(&id);
                }
                Change::Rider(rider) => {
                    kept.upsert_rider(&rider);
                    riders.insert(rider.id.clone(), rider);
                }
                Change::Left(id) => {
                    kept.remove_rider(&id);
                    riders.remove(&id);
                }
                Change::Time(at) => {
                    now = now.max(DAY + at);
                    kept.advance(UtcMillis(now));
                }
                Change::Settle => {
                    kept.settle();
                    let mut anew = suggestions();
                    anew.advance(UtcMillis(now));
                    riders.values().for_each(|rider| anew.upsert_rider(rider));
                    rows.values().rev().for_each(|row| anew.upsert(row));
                    anew.settle();
                    for row in rows.values() {
                        let offers = kept.offers(row.id);
                        prop_assert_eq!(offers, anew.offers(row.id));
                        is_allowed(row, offers, &riders, &rows)?;
                        // The few that are kept are the best of all.
                        if row.status == Status::Waiting {
                            let every = kept.every_offer(row.id);
                            prop_assert_eq!(offers, &every[..every.len().min(OFFERS)]);
                        }
                    }
                }
            }
        }
    }
}

/// The hub takes an assignment of a waiting delivery to a rider who is listed; people would not choose one who is off or full.
fn is_allowed(
    row: &Delivery,
    offers: &[Offer],
    riders: &BTreeMap<RiderId, Rider>,
    rows: &BTreeMap<DeliveryId, Delivery>,
) -> Result<(), TestCaseError> {
    prop_assert!(offers.is_empty() || row.status == Status::Waiting && row.center == CenterId::from(HERE));
    for offer in offers {
        let Some(rider) = riders.get(&offer.rider) else {
            return Err(TestCaseError::fail(format!("{} is not listed", offer.rider)));
        };
        prop_assert!(rider.status != RiderStatus::Off && rider.pos.is_some());
        let is_theirs = |row: &&Delivery| {
            matches!(row.status, Status::Assigned | Status::PickedUp)
                && row.rider.as_ref().is_some_and(|of| of.id == rider.id)
        };
        let theirs: Vec<_> = rows.values().filter(is_theirs).collect();
        prop_assert!(theirs.len() < FULL && (rider.load as usize) < FULL);
        prop_assert!(offer.late_for.iter().all(|id| theirs.iter().any(|row| row.id == *id)));
        let received = row.ready_at.map_or(row.received_at, |ready| ready);
        prop_assert!(offer.pickup_at >= received && offer.dropoff_at > offer.pickup_at);
    }
    Ok(())
}
