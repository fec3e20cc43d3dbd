//! How long alarms are kept.

use crate::day::{START, act, by, cancel, create, done, gangnam};
use crate::place::Place;
use gwanje_hub::Clock;
use gwanje_hub::store::StoreConfig;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;

/// Minutes of a day.
const DAY_MIN: i64 = 1_440;

pub async fn an_alarm_is_forgotten_a_week_on_when_its_delivery_has_left_the_board(place: Place) {
    let clock = Clock::drill(START, 0.0);
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    for id in [1, 2] {
        done(&store, create()).await;
        done(&store, act(id, cancel())).await;
    }
    let ids = async || {
        let alarms = store.alarms_after(&gangnam(), 0, 1_000).await.unwrap().alarms;
        alarms.iter().map(|alarm| (alarm.id.0, alarm.receipts.len())).collect::<Vec<_>>()
    };
    for alarm in store.alarms_after(&gangnam(), 0, 1_000).await.unwrap().alarms {
        let (id, kind, raised_at, stage) =
            (alarm.id, AlarmKind::Cancelled, alarm.raised_at, ReceiptStage::Displayed);
        let word = AlarmReceipt { id, kind, raised_at, stage };
        store.record_receipt(&gangnam(), word, by("kim", "seat-1")).await.unwrap();
    }
    let seq = store.head(&gangnam()).await.unwrap().alarm_seq;
    clock.set_day(START.plus_min(7 * DAY_MIN + 1));
    store.archive_ended_before(&gangnam(), START).await.unwrap();
    assert_eq!(ids().await, [(1, 1), (2, 1)], "both are on the board still");
    clock.set_day(START.plus_min(7 * DAY_MIN));
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 2);
    assert_eq!(ids().await, [(1, 1), (2, 1)], "it is not a week yet");
    clock.set_day(START.plus_min(7 * DAY_MIN + 1));
    store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap();
    assert_eq!(ids().await, []);
    assert_eq!(store.head(&gangnam()).await.unwrap().alarm_seq, seq, "a number is never given again");
}

/// Alarms about what stays on the board for weeks are kept, and no other because of them.
pub async fn alarms_that_stay_are_in_no_others_way(place: Place) {
    let clock = Clock::still(START, START);
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    store.execute_many((0..501).map(|_| create()).collect()).await.unwrap();
    clock.set_still(START, START.plus_min(1));
    assert_eq!(store.write_due_alarms(&gangnam()).await.unwrap(), 501);
    done(&store, create()).await;
    done(&store, act(502, cancel())).await;
    clock.set_still(START, START.plus_min(7 * DAY_MIN + 2));
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 1);
    let alarms = store.alarms_after(&gangnam(), 0, 1_000).await.unwrap().alarms;
    assert_eq!((alarms.len(), alarms.last().unwrap().id.0), (501, 501));
}

/// Those that go are many: some at each look, until none is left.
pub async fn alarms_go_some_at_a_time_until_none_is_left(place: Place) {
    let clock = Clock::still(START, START);
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    store.execute_many((0..700).map(|_| create()).collect()).await.unwrap();
    store.execute_many((1..=700).map(|id| act(id, cancel())).collect()).await.unwrap();
    clock.set_still(START, START.plus_min(7 * DAY_MIN + 2));
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 700);
    store.archive_ended_before(&gangnam(), START).await.unwrap();
    assert_eq!(store.alarms_after(&gangnam(), 0, 1_000).await.unwrap().alarms, []);
}
