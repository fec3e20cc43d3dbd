//! How long the past is kept.

use crate::day::{START, act, by, cancel, create, done, gangnam};
use crate::place::Place;
use gwanje_hub::Clock;
use gwanje_hub::store::{Ask, PastSearch, Store, StoreConfig};
use gwanje_model::DeliveryId;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;

/// Minutes of a day.
const DAY_MIN: i64 = 1_440;

/// How many events each of the first deliveries has.
async fn histories<const N: usize>(store: &Store) -> [usize; N] {
    let mut told = [0; N];
    for (n, told) in told.iter_mut().enumerate() {
        *told = store.history(&gangnam(), DeliveryId(n as u64 + 1)).await.unwrap().len();
    }
    told
}

/// What left the board long ago leaves the store; what is on the board, and what an alarm names, stays.
pub async fn the_past_is_forgotten_but_for_what_a_board_or_an_alarm_needs(place: Place) {
    let clock = Clock::still(START, START);
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    for _ in 0..4 {
        done(&store, create()).await;
    }
    for ask in [Ask::Accept, Ask::Assign("r1".into()), Ask::Confirm, Ask::Pickup, Ask::Deliver] {
        done(&store, act(1, ask)).await;
    }
    done(&store, act(2, cancel())).await;
    done(&store, act(4, Ask::Accept)).await;
    let at = |min: i64| clock.set_still(START.plus_min(min), START.plus_min(min));
    at(DAY_MIN);
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 2);
    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!(store.forget_past(&gangnam(), START.plus_min(DAY_MIN)).await.unwrap(), 0, "it left just now");
    assert_eq!(store.forget_past(&gangnam(), START.plus_min(DAY_MIN + 1)).await.unwrap(), 1);
    assert_eq!(histories(&store).await, [0, 3, 1, 2], "the second has an alarm, the others are on the board");
    assert_eq!(store.delivery(&gangnam(), DeliveryId(1)).await.unwrap(), None);
    let found = store.search(&gangnam(), PastSearch::default()).await.unwrap().rows;
    assert_eq!(found.iter().map(|row| row.id.0).collect::<Vec<_>>(), [4, 3, 2]);
    // Its alarm is open, and takes words still.
    let alarm = store.alarms_after(&gangnam(), 0, 10).await.unwrap().alarms.remove(0);
    let (id, raised_at) = (alarm.id, alarm.raised_at);
    let word = AlarmReceipt { id, kind: AlarmKind::Cancelled, raised_at, stage: ReceiptStage::Acknowledged };
    store.record_receipt(&gangnam(), word, by("kim", "s")).await.unwrap();
    // With its alarm it goes, too.
    at(9 * DAY_MIN);
    store.archive_ended_before(&gangnam(), START).await.unwrap();
    assert_eq!(store.forget_past(&gangnam(), START.plus_min(2 * DAY_MIN)).await.unwrap(), 1);
    assert_eq!(histories(&store).await, [0, 0, 1, 2]);
    let after = store.head(&gangnam()).await.unwrap();
    assert_eq!((after.rev, after.rows()), (head.rev, head.rows()), "boards are as they were");
    done(&store, act(4, Ask::Assign("r2".into()))).await;
    assert_eq!(done(&store, create()).await.result.unwrap().row.id, DeliveryId(5), "ids go on");
}

/// However many they are, all go; a few at a time.
pub async fn a_long_past_is_forgotten_batch_by_batch(place: Place) {
    let clock = Clock::still(START, START);
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    store.execute_many((0..450).map(|_| create()).collect()).await.unwrap();
    store.execute_many((1..=450).map(|id| act(id, cancel())).collect()).await.unwrap();
    clock.set_still(START.plus_min(8 * DAY_MIN), START.plus_min(8 * DAY_MIN));
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 450);
    clock.set_still(START.plus_min(9 * DAY_MIN), START.plus_min(9 * DAY_MIN));
    assert_eq!(store.forget_past(&gangnam(), START.plus_min(9 * DAY_MIN)).await.unwrap(), 450);
    assert_eq!(store.search(&gangnam(), PastSearch::default()).await.unwrap().rows, []);
    assert_eq!(crate::past_board(&store, &gangnam(), START).await, []);
}
