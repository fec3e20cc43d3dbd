//! Rows that a newer hub wrote, beside which this one runs while hubs are replaced.

use crate::day::{START, act, by, cancel, config, create, done, gangnam};
use crate::place::Place;
use gwanje_hub::Clock;
use gwanje_hub::store::{After, Ask, Selection, Store, StoreConfig, StoreError, Undo};
use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use gwanje_wire::{ErrorCode, WireRow};
use serde_json::{Value, json};

/// Takes a text of a row's JSON for another, in what is stored.
async fn rewrite(place: &Place, id: u64, from: &str, to: &str) {
    for table in [format!("delivery WHERE id = {id}"), format!("history WHERE delivery = {id}")] {
        let (table, which) = table.split_once(" WHERE ").unwrap();
        let sql = format!("UPDATE {table} SET body = replace(body, '{from}', '{to}') WHERE {which}");
        place.tamper(&sql).await;
    }
}

/// The rows as a client is told them, by id.
async fn told(store: &Store) -> Vec<Value> {
    let read = crate::streamed(store.board(&gangnam(), None).await.unwrap()).await;
    let mut board: Value = serde_json::from_slice(&read).unwrap();
    let mut rows: Vec<Value> = serde_json::from_value(board["rows"].take()).unwrap();
    rows.sort_by_key(|row| row["id"].as_u64());
    rows
}

pub async fn fields_of_a_newer_hub_are_kept_by_every_change(place: Place) {
    let store = place.open(config()).await;
    done(&store, create()).await;
    rewrite(&place, 1, "\"orderNo\"", "\"fragile\":{\"eggs\":[1,2.5,null]},\"orderNo\"").await;
    let kept = json!({"eggs": [1, 2.5, null]});
    let mut rev = Rev(0);
    for ask in [Ask::Accept, Ask::Assign("r1".into()), Ask::Note { text: "문 앞".into(), role: None }] {
        let row = done(&store, act(1, ask)).await.result.unwrap().row;
        assert_eq!(serde_json::to_value(&*row).unwrap()["fragile"], kept);
        rev = row.rev;
    }
    // A frame from memory, one from the tables, a row, a board: all tell it.
    let frame = store.frame(&gangnam(), Rev(rev.0 - 1), 10).await.unwrap();
    let again = place.open(config()).await;
    let from_tables = again.frame(&gangnam(), Rev(0), 10).await.unwrap();
    let rows =
        store.rows(&gangnam(), Selection::Ids(vec![DeliveryId(1)]), After::default()).await.unwrap().rows;
    for row in [&frame.rows[0], &from_tables.rows[0], &rows[0]] {
        assert_eq!(serde_json::to_value(row).unwrap()["fragile"], kept);
    }
    assert_eq!(told(&store).await[0]["fragile"], kept);
    let done_now = done(&store, act(1, Ask::Pickup)).await.result.unwrap().row;
    let undo = Ask::Undo(Undo { rev: done_now.rev, role: None });
    let back = done(&store, act(1, undo)).await.result.unwrap().row;
    assert_eq!(back.unknown["fragile"], kept);
    done(&store, act(1, cancel())).await;
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 1);
    let (_, left) = store.delivery(&gangnam(), DeliveryId(1)).await.unwrap().unwrap();
    assert_eq!(left.unknown["fragile"], kept);
}

pub async fn a_row_of_an_unknown_status_is_changed_by_nobody_here_and_in_nobodys_way(place: Place) {
    let clock = Clock::still(START, START);
    let store = place.open(StoreConfig::temporary(clock.clone())).await;
    for _ in 0..2 {
        done(&store, create()).await;
    }
    rewrite(&place, 1, "\"received\"", "\"teleported\"").await;
    let before = told(&store).await;
    assert_eq!(before[0]["status"], "teleported");
    for ask in [Ask::Accept, cancel(), Ask::Note { text: "x".into(), role: None }] {
        let refused = store.execute(act(1, ask)).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotCommitted), "{refused:?}");
        assert_eq!(refused.problem().code, ErrorCode::Unavailable);
    }
    // Others that are asked at the same moment are decided.
    let asked = (0..20).map(|n| store.execute(act(1 + n % 2, Ask::Note { text: "x".into(), role: None })));
    let outcomes = futures_util::future::join_all(asked).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true].repeat(10));
    // It is told by id and revision, so that no board lacks it.
    let again = place.open(StoreConfig::temporary(clock.clone())).await;
    let frame = again.frame(&gangnam(), Rev(0), 10).await.unwrap();
    let unread = WireRow::Unreadable { id: DeliveryId(1), rev: Rev(1) };
    assert_eq!((frame.rows.len(), &frame.rows[0]), (2, &unread));
    let ids = Selection::Ids(vec![DeliveryId(1)]);
    assert_eq!(store.rows(&gangnam(), ids, After::default()).await.unwrap().rows, [unread]);
    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!(store.digest(&gangnam(), After::default()).await.unwrap().head, head);
    // Alarms of the others come, and its own wait for a newer hub.
    clock.set_still(START, START.plus_min(1));
    assert_eq!(store.write_due_alarms(&gangnam()).await.unwrap(), 1);
    let word = AlarmReceipt {
        id: DeliveryId(1),
        kind: AlarmKind::Unaccepted,
        raised_at: START.plus_min(1),
        stage: ReceiptStage::Displayed,
    };
    assert!(store.record_receipt(&gangnam(), word, by("kim", "s")).await.is_err());
    assert_eq!(told(&store).await[0], before[0], "it is as it was");
    assert_eq!(store.history(&gangnam(), DeliveryId(1)).await.unwrap().len(), 1);
}
