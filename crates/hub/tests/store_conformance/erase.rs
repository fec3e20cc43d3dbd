//! Erasing a customer.

use crate::day::{START, act, cancel, config, create, done, gangnam, order};
use crate::place::Place;
use gwanje_hub::store::{Ask, Command, Erased, Erasure, Idempotency, Intent, Replaces};
use gwanje_model::{DeliveryId, Rev, RowDigest};
use gwanje_wire::socket::Cursor;

/// In no writing: the digits of what there is, one after the other.
fn holds(text: &str) -> bool {
    text.chars().filter(char::is_ascii_digit).collect::<String>().contains("1087654321")
}

/// Everything of the customer goes, from boards, past, alarms and outcomes; boards are told and prove; what happened stays.
pub async fn a_customer_is_erased_everywhere_and_boards_prove_afterwards(place: Place) {
    let store = place.open(config()).await;
    let from = |phone: &str, request: &str| {
        let mut order = order();
        order.dropoff.phone = phone.into();
        order.dropoff.detail = "303".into();
        order.request = request.into();
        Command::new(gangnam(), Intent::Create(Box::new(order)), "callcenter", START)
    };
    let key = Idempotency { path: "/x".into(), key: "K".into(), body_hash: [7; 32] };
    let keyed = Command { idempotency: Some(key), ..from("+82 10-8765-4321", "ring twice") };
    // Live; past; of another who wrote the phone down; of another who has nothing to do with it.
    done(&store, keyed.clone()).await;
    done(&store, from("010 8765 4321", "")).await;
    done(&store, from("010-1111-2222", "or 01087654321, my neighbour")).await;
    done(&store, from("010-1111-2222", "leave it at the door")).await;
    done(&store, act(1, Ask::Note { text: "third floor".into(), role: None })).await;
    done(&store, act(4, Ask::Note { text: "he says 010.8765.4321".into(), role: None })).await;
    done(&store, act(2, cancel())).await;
    assert_eq!(store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 1);
    store
        .keep_preference(
            "kim".into(),
            "board".into(),
            r#"{"filter":"010-8765-4321","width":3}"#.into(),
            Replaces::Nothing,
        )
        .await
        .unwrap();
    let before = store.head(&gangnam()).await.unwrap();

    let erasure = Erasure::of_phone("010-8765-4321").unwrap();
    let erased = store.erase(&erasure).await.unwrap();
    assert_eq!((erased.deliveries, erased.told), (2, 3), "{erased:?}");

    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!((&head.epoch, head.rev), (&before.epoch, Rev(before.rev.0 + 3)));
    let cursor = Cursor { epoch: before.epoch.clone(), rev: before.rev };
    let changes = store.changes(&gangnam(), Some(&cursor), 100).await.unwrap();
    let told: Vec<_> = changes.frame.rows.iter().map(|row| (row.id(), row.rev())).collect();
    assert_eq!(told, [(DeliveryId(3), Rev(9)), (DeliveryId(1), Rev(10)), (DeliveryId(4), Rev(11))]);
    let board = store.board(&gangnam(), None).await.unwrap();
    let mut chunks = board.chunks;
    let mut text = String::new();
    while let Some(chunk) = chunks.recv().await {
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    assert!(!holds(&text), "{text}");
    let board: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = board["rows"].as_array().unwrap().iter();
    let rows = rows.map(|row| (DeliveryId(row["id"].as_u64().unwrap()), Rev(row["rev"].as_u64().unwrap())));
    assert_eq!(RowDigest::of(rows), head.rows(), "whoever counts them proves");

    for id in 1..=4 {
        let (_, row) = store.delivery(&gangnam(), DeliveryId(id)).await.unwrap().unwrap();
        let history = store.history(&gangnam(), DeliveryId(id)).await.unwrap();
        let said = serde_json::to_string(&(&row, &history)).unwrap();
        assert!(!holds(&said), "{said}");
        let own = id <= 2;
        assert_eq!(row.dropoff.address.is_empty(), own, "{id}");
        assert_eq!(row.dropoff.detail.is_empty(), own, "{id}");
        assert_eq!(history.last().unwrap().action == "erase", id != 2, "{id}: {history:?}");
    }
    let (_, own) = store.delivery(&gangnam(), DeliveryId(1)).await.unwrap().unwrap();
    assert_eq!((own.request.as_str(), own.notes.len(), own.notes[0].text.as_str()), ("", 1, "***"));
    let (_, other) = store.delivery(&gangnam(), DeliveryId(3)).await.unwrap().unwrap();
    assert_eq!(other.request, "or ***, my neighbour");
    assert_eq!(other.dropoff.phone, "010-1111-2222");
    let again = store.execute(keyed).await.unwrap();
    assert!(again.replayed && !holds(&serde_json::to_string(&again.result.unwrap().row).unwrap()));
    let kept = store.preference("kim".into(), "board".into()).await.unwrap().unwrap();
    assert_eq!(kept.body, r#"{"filter":"***","width":3}"#);
    for alarm in store.alarms_after(&gangnam(), 0, 100).await.unwrap().alarms {
        assert!(!holds(&serde_json::to_string(&alarm).unwrap()));
    }

    assert_eq!(store.erase(&erasure).await.unwrap(), Erased::default(), "nothing is left");
    assert_eq!(store.head(&gangnam()).await.unwrap().rev, head.rev);
    done(&store, act(3, Ask::Accept)).await;
    done(&store, create()).await;
}

/// Of a customer without a phone, by a delivery: nothing else goes.
pub async fn a_customer_is_erased_by_a_delivery(place: Place) {
    let store = place.open(config()).await;
    done(&store, create()).await;
    done(&store, create()).await;
    let erased = store.erase(&Erasure::of_delivery(DeliveryId(1))).await.unwrap();
    assert_eq!((erased.deliveries, erased.told), (1, 1));
    let address = async |id| {
        let (_, row) = store.delivery(&gangnam(), DeliveryId(id)).await.unwrap().unwrap();
        row.dropoff.address
    };
    assert_eq!((address(1).await.as_str(), address(2).await.is_empty()), ("", false));
    assert!(store.erase(&Erasure::of_delivery(DeliveryId(9))).await.unwrap().is_nothing());
}
