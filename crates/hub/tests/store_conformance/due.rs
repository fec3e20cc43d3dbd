//! Alarms that the clock raises: when they are written, what ends them, what seats say of them, when they are escalated.

use crate::day::{START, act, by, cancel, create, done, gangnam};
use crate::place::Place;
use gwanje_hub::Clock;
use gwanje_hub::store::{Ask, Command, Intent, Store, StoreConfig, StoreError};
use gwanje_model::{DeliveryId, UtcMillis};
use gwanje_wire::rest::{AlarmEntry, AlarmKind, RECEIPTS_OF_ACCOUNT, RECEIPTS_OF_ALARM, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;

const WALL: UtcMillis = UtcMillis(1_800_000_000_000);

/// A store whose clocks stand.
async fn still(place: &Place) -> (Store, Clock) {
    let clock = Clock::still(WALL, START);
    (place.open(StoreConfig::temporary(clock.clone())).await, clock)
}

async fn all(store: &Store) -> Vec<AlarmEntry> {
    store.alarms_after(&gangnam(), 0, 1_000).await.unwrap().alarms
}

async fn look(store: &Store) -> usize {
    store.write_due_alarms(&gangnam()).await.unwrap()
}

/// Kinds and instants (minutes of the day) of all alarms, and whether each is settled.
async fn told(store: &Store) -> Vec<(AlarmKind, i64, bool)> {
    let told =
        |alarm: AlarmEntry| (alarm.kind, alarm.raised_at.since(START) / 60_000, alarm.settled_at.is_some());
    let mut told: Vec<_> = all(store).await.into_iter().map(told).collect();
    told.sort_unstable();
    told
}

async fn act_at(store: &Store, min: i64, ask: Ask) {
    let intent = Intent::Act(DeliveryId(1), ask);
    done(store, Command::new(gangnam(), intent, "dispatcher", START.plus_min(min))).await;
}

fn word(kind: AlarmKind, min: i64, stage: ReceiptStage) -> AlarmReceipt {
    AlarmReceipt { id: DeliveryId(1), kind, raised_at: START.plus_min(min), stage }
}

pub async fn each_comes_when_it_is_due_and_is_settled_when_its_reason_is_gone(place: Place) {
    use AlarmKind::{Cancelled, Late, Unaccepted, Unconfirmed};
    let (store, clock) = still(&place).await;
    let at = |min: i64| clock.set_still(WALL.plus_ms(min), START.plus_min(min));
    done(&store, create()).await;
    assert_eq!(look(&store).await, 0, "nothing is due");
    at(1);
    assert_eq!(look(&store).await, 1);
    assert_eq!(look(&store).await, 0, "once");
    assert_eq!(told(&store).await, [(Unaccepted, 1, false)]);
    act_at(&store, 2, Ask::Accept).await;
    assert_eq!(told(&store).await, [(Unaccepted, 1, true)]);
    act_at(&store, 3, Ask::Assign("r1".into())).await;
    at(6);
    look(&store).await;
    act_at(&store, 7, Ask::Assign("r2".into())).await;
    at(9);
    act_at(&store, 9, Ask::Confirm).await;
    at(10);
    assert_eq!(look(&store).await, 0, "the second rider confirmed in time");
    let so_far = [(Unconfirmed, 6, true), (Unaccepted, 1, true)];
    assert_eq!(told(&store).await, so_far);
    at(30);
    look(&store).await;
    act_at(&store, 31, cancel()).await;
    let so_far = [(Cancelled, 31, false), (Late, 30, true), (Unconfirmed, 6, true), (Unaccepted, 1, true)];
    assert_eq!(told(&store).await, so_far);
    let alarms = all(&store).await;
    let (late, cancelled) =
        (alarms.iter().find(|a| a.kind == Late), alarms.iter().find(|a| a.kind == Cancelled));
    let (late, cancelled) = (late.unwrap(), cancelled.unwrap());
    assert_eq!((late.was.unwrap().as_str(), &late.by, late.at), ("assigned", &None, Some(WALL.plus_ms(30))));
    let (was, by) = (cancelled.was.unwrap(), cancelled.by.clone().unwrap());
    assert_eq!((was.as_str(), by.account.as_str()), ("assigned", "dispatcher"));
    assert_eq!(cancelled.delivery.as_ref().unwrap().status.unwrap().as_str(), "cancelled");
}

pub async fn what_is_due_outlives_the_process(place: Place) {
    let clock = Clock::still(WALL, START);
    let config = StoreConfig::temporary(clock.clone());
    let store = place.open(config.clone()).await;
    done(&store, create()).await;
    store.close().await;
    clock.set_still(WALL, START.plus_min(30));
    let store = place.open(config).await;
    assert_eq!(look(&store).await, 2);
    assert_eq!(told(&store).await, [(AlarmKind::Late, 30, false), (AlarmKind::Unaccepted, 1, false)]);
}

pub async fn nobody_gives_word_on_what_is_not_due_and_a_word_on_what_is_writes_it(place: Place) {
    use ReceiptStage::{Acknowledged, Delivered};
    let (store, clock) = still(&place).await;
    done(&store, create()).await;
    let say = async |word: AlarmReceipt| store.record_receipt(&gangnam(), word, by("kim", "s")).await;
    for early in [
        word(AlarmKind::Late, 30, Acknowledged),
        word(AlarmKind::Unaccepted, 0, Acknowledged),
        word(AlarmKind::Unconfirmed, 0, Acknowledged),
        word(AlarmKind::Cancelled, 0, Acknowledged),
        word(AlarmKind::Unproven, 0, Acknowledged),
    ] {
        assert!(matches!(say(early.clone()).await, Err(StoreError::NotDue { .. })), "{early:?}");
    }
    let unknown = AlarmReceipt { id: DeliveryId(9), ..word(AlarmKind::Late, 30, Delivered) };
    assert!(matches!(say(unknown).await, Err(StoreError::NoAlarm { .. })));
    assert!(all(&store).await.is_empty());
    clock.set_still(WALL, START.plus_min(1));
    say(word(AlarmKind::Unaccepted, 1, Delivered)).await.unwrap();
    let alarms = all(&store).await;
    assert_eq!((alarms.len(), alarms[0].receipts.len()), (1, 1));
    assert_eq!(look(&store).await, 0, "it is written");
    done(&store, act(1, Ask::Accept)).await;
    say(word(AlarmKind::Unaccepted, 1, Acknowledged)).await.unwrap();
    let alarm = all(&store).await.remove(0);
    assert!(alarm.settled_at.is_some(), "a written alarm takes words whatever became of the row");
    let acknowledged = alarm.acknowledged.unwrap();
    assert_eq!((acknowledged.who.account.as_str(), acknowledged.at), ("kim", WALL));
}

pub async fn receipts_are_bounded_by_account_and_by_alarm_and_the_first_acknowledgement_stands(place: Place) {
    use ReceiptStage::{Acknowledged, Delivered};
    let (store, clock) = still(&place).await;
    done(&store, create()).await;
    clock.set_still(WALL, START.plus_min(1));
    let say = async |account: String, seat: String, stage| {
        let word = word(AlarmKind::Unaccepted, 1, stage);
        store.record_receipt(&gangnam(), word, by(&account, &seat)).await.unwrap();
    };
    for nth in 0..RECEIPTS_OF_ACCOUNT as i64 + 1 {
        clock.set_still(WALL.plus_ms(nth), START.plus_min(1));
        say("kim".into(), format!("seat-{nth}"), Delivered).await;
    }
    let alarm = all(&store).await.remove(0);
    let seats: Vec<_> = alarm.receipts.iter().map(|receipt| receipt.seat.to_string()).collect();
    assert_eq!(seats.len(), RECEIPTS_OF_ACCOUNT);
    assert!(!seats.contains(&"seat-0".to_owned()) && seats.contains(&"seat-8".to_owned()), "{seats:?}");
    assert!(alarm.may_lack_receipts() && alarm.more == 0);
    for nth in 0..RECEIPTS_OF_ALARM {
        say(format!("account-{nth:03}"), "seat".into(), Delivered).await;
    }
    say("lee".into(), "seat".into(), Acknowledged).await;
    say("park".into(), "seat".into(), Acknowledged).await;
    let alarm = all(&store).await.remove(0);
    assert_eq!((alarm.receipts.len(), alarm.more), (RECEIPTS_OF_ALARM, 8 + 2));
    assert_eq!(alarm.acknowledged.unwrap().who.account, "lee", "whatever the bound");
}

pub async fn an_alarm_that_nobody_takes_note_of_is_escalated_after_a_minute_of_the_wall(place: Place) {
    let (store, clock) = still(&place).await;
    for _ in 0..3 {
        done(&store, create()).await;
    }
    let at = |wall_ms: i64| clock.set_still(WALL.plus_ms(wall_ms), START.plus_min(1));
    at(0);
    assert_eq!(look(&store).await, 3);
    let heard =
        AlarmReceipt { id: DeliveryId(2), ..word(AlarmKind::Unaccepted, 1, ReceiptStage::Acknowledged) };
    store.record_receipt(&gangnam(), heard, by("kim", "s")).await.unwrap();
    done(&store, act(3, Ask::Accept)).await;
    at(59_999);
    assert_eq!(look(&store).await, 0);
    let seq = store.head(&gangnam()).await.unwrap().alarm_seq;
    at(60_000);
    assert_eq!(look(&store).await, 1);
    at(90_000);
    assert_eq!(look(&store).await, 0, "once");
    let told = store.alarms_after(&gangnam(), seq, 1_000).await.unwrap().alarms;
    assert_eq!(told.len(), 1, "only the one is told anew");
    assert_eq!((told[0].id, told[0].escalated_at), (DeliveryId(1), Some(WALL.plus_ms(60_000))));
}

pub async fn alarms_come_by_page_and_a_page_says_where_the_next_begins(place: Place) {
    let (store, clock) = still(&place).await;
    for _ in 0..5 {
        done(&store, create()).await;
    }
    clock.set_still(WALL, START.plus_min(1));
    assert_eq!(look(&store).await, 5);
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let page = store.alarms_after(&gangnam(), after, 2).await.unwrap();
        assert_eq!(page.alarm_seq, 5);
        pages.push(page.alarms.iter().map(|alarm| alarm.seq).collect::<Vec<_>>());
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
    let whole = store.alarms_after(&gangnam(), 3, 2).await.unwrap();
    assert_eq!((whole.alarms.len(), whole.next), (2, None), "a full page that is the last");
}

/// Ten thousand that are due at once are written in several transactions; a look where nothing is due reads an index.
pub async fn many_that_are_due_at_once_are_all_written(place: Place) {
    let (store, clock) = still(&place).await;
    let orders = (0..1_000).map(|_| create()).collect();
    store.execute_many(orders).await.unwrap();
    clock.set_still(WALL, START.plus_min(1));
    assert_eq!(look(&store).await, 1_000);
    assert_eq!(look(&store).await, 0);
    assert_eq!(all(&store).await.len(), 1_000);
}

/// As many receipts as alarms keep, by seats with the longest names.
pub async fn a_page_of_alarms_is_bounded_in_bytes_whatever_seats_say(place: Place) {
    let (store, clock) = still(&place).await;
    let orders: Vec<_> = (0..24).map(|_| create()).collect();
    store.execute_many(orders).await.unwrap();
    clock.set_still(WALL.plus_ms(1), START.plus_min(1));
    assert_eq!(look(&store).await, 24);
    for id in 1..=24 {
        let given = (0..RECEIPTS_OF_ALARM).map(|nth| {
            let (account, seat) = (format!("account-{nth}"), format!("{nth:0>128}"));
            let word = AlarmReceipt {
                id: DeliveryId(id),
                ..word(AlarmKind::Unaccepted, 1, ReceiptStage::Delivered)
            };
            let store = &store;
            async move { store.record_receipt(&gangnam(), word, by(&account, &seat)).await.unwrap() }
        });
        futures_util::future::join_all(given).await;
    }
    let (mut after, mut pages, mut found) = (0, 0, 0);
    loop {
        let page = store.alarms_after(&gangnam(), after, 1_000).await.unwrap();
        let bytes = serde_json::to_vec(&page).unwrap().len();
        assert!(bytes < 3 << 19, "a page has {bytes} bytes");
        assert!(page.alarms.iter().all(|alarm| alarm.receipts.len() == RECEIPTS_OF_ALARM));
        found += page.alarms.len();
        pages += 1;
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(found, 24, "on {pages} pages");
    assert!(pages > 1);
}
