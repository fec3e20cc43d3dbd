//! Frames: their bounds, and that memory and tables tell the same.

use crate::day::{START, act, config, create, done, gangnam, order};
use crate::place::Place;
use gwanje_hub::store::{After, Ask, Command, Intent, Selection, StoreConfig, StoreError};
use gwanje_model::Rev;
use gwanje_wire::frame::{FRAME_MAX_BYTES, FRAME_MAX_ENTRIES};
use gwanje_wire::{ErrorCode, NewOrder, ResyncReason};

pub async fn memory_and_tables_give_equal_frames(place: Place) {
    let other = place.another().await;
    let (memory, tables) =
        (place.open(config()).await, other.open(StoreConfig { recent_changes: 1, ..config() }).await);
    for store in [&memory, &tables] {
        for _ in 0..20 {
            done(store, create()).await;
        }
        for id in [4, 9, 4, 20] {
            done(store, act(id, Ask::Note { text: "x".into(), role: None })).await;
        }
    }
    for from in 0..=24 {
        for limit in [1, 3, 1_000] {
            let a = memory.frame(&gangnam(), Rev(from), limit).await.unwrap();
            let b = tables.frame(&gangnam(), Rev(from), limit).await.unwrap();
            assert_eq!((a.from, a.to, a.as_of, &a.gone), (b.from, b.to, b.as_of, &b.gone), "{from} {limit}");
            assert_eq!(a.rows, b.rows, "{from} {limit}");
            assert!(a.entries() <= limit);
        }
    }
    let ahead = memory.frame(&gangnam(), Rev(25), 1).await;
    assert!(matches!(ahead, Err(StoreError::Resync(ResyncReason::Ahead))), "{ahead:?}");
}

pub async fn no_frame_exceeds_its_bounds(place: Place) {
    for (recent_changes, place) in [(16_384, place.another().await), (1, place)] {
        let store = place.open(StoreConfig { recent_changes, ..config() }).await;
        let outcomes = store.execute_many((0..1_500).map(|_| create()).collect()).await.unwrap();
        assert_eq!(outcomes.len(), 1_500);
        let frame = store.frame(&gangnam(), Rev(0), usize::MAX).await.unwrap();
        assert_eq!((frame.entries(), frame.to, frame.as_of), (FRAME_MAX_ENTRIES, Rev(1_000), Rev(1_500)));
        let note = Ask::Note { text: "가".repeat(2_000).into(), role: None };
        let notes = (0..300).map(|n| act(n + 1, note.clone())).collect();
        store.execute_many(notes).await.unwrap();
        let frame = store.frame(&gangnam(), Rev(1_500), FRAME_MAX_ENTRIES).await.unwrap();
        let bytes = serde_json::to_vec(&frame).unwrap().len();
        assert!(bytes <= FRAME_MAX_BYTES && bytes > FRAME_MAX_BYTES / 2, "{bytes}");
        assert!(frame.to < frame.as_of);
    }
}

pub async fn an_order_that_no_frame_could_carry_is_refused_and_takes_no_number(place: Place) {
    let store = place.open(config()).await;
    let mut long = order();
    long.request = "가".repeat(50_000).into();
    let mut many = order();
    let item = serde_json::from_value::<NewOrder>(serde_json::json!({
        "shop": {"id": "s", "name": "s"}, "dropoff": {"address": "d"}, "items": [{"name": "국", "quantity": 1}]
    }));
    many.items = vec![item.unwrap().items.remove(0); 201];
    for order in [long, many] {
        let command = Command::new(gangnam(), Intent::Create(Box::new(order)), "till", START);
        let refused = store.execute(command).await.unwrap().result.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Invalid);
    }
    let row = done(&store, create()).await.result.unwrap().row;
    assert_eq!((row.rev, row.number.as_str()), (Rev(1), "10000"));
}

pub async fn selected_rows_resume_as_frames_do(place: Place) {
    let store = place.open(config()).await;
    store.execute_many((0..3).map(|_| create()).collect()).await.unwrap();
    let all = Selection::Buckets((0..=255).collect());
    let rows = crate::selected(&store, &gangnam(), all.clone(), After::rev(Rev(1))).await;
    assert_eq!(
        (rows.rows.len(), rows.frame.map(|frame| (frame.from, frame.to))),
        (3, Some((Rev(1), Rev(3))))
    );
    let none = crate::selected(&store, &gangnam(), Selection::Ids(Vec::new()), After::default()).await;
    assert_eq!((none.rows.len(), none.frame), (0, None));
    let ahead = store.selected(&gangnam(), all.clone(), After::rev(Rev(9))).await;
    assert!(matches!(ahead, Err(StoreError::Resync(ResyncReason::Ahead))));
    let nowhere = store.selected(&"nowhere".into(), all, After::default()).await;
    assert!(matches!(nowhere, Err(StoreError::UnknownCenter(_))));
}
