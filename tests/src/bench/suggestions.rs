//! P15: what suggesting a rider for everything that waits costs, on one core.

use super::report::Measured;
use super::sample::{CENTER, DAY_START, delivery, scramble};
use super::{RUNS, median, timed};
use gwanje_assign::{Ground, MINUTE_MS, RiderPace, Suggestions};
use gwanje_model::{
    AssignedRider, CenterId, Delivery, DeliveryId, Pos, Rider, RiderId, RiderStatus, Status, UtcMillis,
};
use std::collections::BTreeMap;

const WAITING: u64 = 500;
const RIDERS: u64 = 400;
/// Two deliveries a rider on average: some are free, some carry four.
const CARRIED: u64 = 800;
const SHOPS: u64 = 150;
const CHANGES: u64 = 400;
const NOW: UtcMillis = UtcMillis(DAY_START.0 + 300 * MINUTE_MS);

/// P15: 500 waiting deliveries, 400 riders: all suggestions, and after one change.
#[must_use]
pub fn suggestions() -> Measured {
    let mut kept = filled();
    let all = median(
        (0..=RUNS as i64)
            .map(|run| {
                // A minute later all is worked out anew.
                kept.advance(NOW.plus_min(run));
                timed(|| kept.settle()).1.as_secs_f64()
            })
            .skip(1)
            .collect(),
    );
    let one = |change: &mut dyn FnMut(&mut Suggestions, u64)| {
        median(
            (0..CHANGES)
                .map(|n| {
                    timed(|| {
                        change(&mut kept, n);
                        kept.settle();
                    })
                    .1
                    .as_secs_f64()
                })
                .collect(),
        )
    };
    let mut one = one;
    let moved = one(&mut |kept, n| kept.upsert_rider(&rider(n % RIDERS, n + 7)));
    let assigned = one(&mut |kept, n| kept.upsert(&carried(n % WAITING, n % RIDERS, Status::Assigned)));
    let came_in = one(&mut |kept, n| kept.upsert(&waiting(CARRIED + WAITING + n)));
    let worst = moved.max(assigned).max(came_in);
    Measured {
        row: "P15",
        what: "suggestions of riders for all of 500 waiting deliveries among 400 riders, on one core",
        goal: "≤ 50 ms; ≤ 1 ms after one change",
        ours: all * 1e3,
        peers: BTreeMap::from([
            ("a rider moved", moved * 1e3),
            ("one was assigned", assigned * 1e3),
            ("one came in", came_in * 1e3),
        ]),
        unit: "ms",
        ratio: worst / all,
        met: all <= 0.050 && worst <= 0.001,
    }
}

fn filled() -> Suggestions {
    let middle = Pos::Plane { x: 0.0, y: 0.0 };
    let pace = RiderPace::new(320.0, 4 * MINUTE_MS, 4 * MINUTE_MS);
    let mut kept = Suggestions::new(CenterId::from(CENTER), Ground::around(middle), pace);
    kept.advance(NOW);
    for n in 0..RIDERS {
        kept.upsert_rider(&rider(n, n));
    }
    for n in 0..CARRIED {
        let status = if n % 3 == 0 { Status::PickedUp } else { Status::Assigned };
        kept.upsert(&carried(WAITING + n, scramble(n) % RIDERS, status));
    }
    for n in 0..WAITING {
        kept.upsert(&waiting(n));
    }
    kept
}

/// Ten kilometres a side.
fn place(drawn: u64) -> Pos {
    let drawn = scramble(drawn);
    Pos::Plane { x: (drawn % 10_000) as f64, y: (drawn / 10_000 % 10_000) as f64 }
}

fn waiting(n: u64) -> Delivery {
    let mut row = delivery(n + 1, n + 1);
    let shop = scramble(n) % SHOPS;
    row.id = DeliveryId(n + 1);
    row.status = Status::Waiting;
    row.rider = None;
    row.shop.id = format!("shop-{shop}").as_str().into();
    row.shop.pos = Some(place(shop + 1_000_000));
    row.dropoff.pos = Some(place(n + 2_000_000));
    row.received_at = NOW.plus_min(-((scramble(n) % 20) as i64));
    row.ready_at = Some(row.received_at.plus_min(15));
    row.delivery_target_min = 40;
    row
}

fn carried(n: u64, rider: u64, status: Status) -> Delivery {
    let mut row = waiting(n);
    row.status = status;
    let id = rider_id(rider);
    row.rider =
        Some(AssignedRider { name: id.as_str().into(), id, home: CenterId::from(CENTER), confirmed: true });
    row.assigned_at = Some(row.received_at);
    row
}

fn rider_id(n: u64) -> RiderId {
    format!("rider-{n}").as_str().into()
}

fn rider(n: u64, drawn: u64) -> Rider {
    let id = rider_id(n);
    Rider {
        name: id.as_str().into(),
        id,
        phone: "".into(),
        home: CenterId::from(CENTER),
        status: RiderStatus::Busy,
        pos: Some(place(drawn + 3_000_000)),
        seen_at: None,
        load: 0,
    }
}
