//! What followers are sent at which moment, without sockets and timers.

use crate::day::{act, by, cancel, config, create, done, gangnam};
use crate::followed::{followed, names};
use crate::place::Place;
use gwanje_hub::{Hub, HubConfig};
use gwanje_model::DeliveryId;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub async fn a_new_epoch_is_told_at_once_and_gone_on_in(place: Place) {
    let hub = Arc::new(Hub::open(place.open(config()).await, HubConfig::default()).await.unwrap());
    done(&hub.store, create()).await;
    let start = Instant::now();
    let (mut emission, tape) = followed(&hub, start);
    let epoch = hub.store.begin_epoch(&gangnam()).await.unwrap();
    emission.act(start).await.unwrap();
    let taken = tape.taken();
    assert_eq!(names(&taken), ["head"]);
    assert_eq!((taken[0].1["epoch"].as_str(), taken[0].1["rev"].as_u64()), (Some(epoch.as_str()), Some(1)));
    done(&hub.store, act(1, cancel())).await;
    emission.act(start + Duration::from_millis(20)).await.unwrap();
    let taken = tape.taken();
    assert_eq!(names(&taken), ["deliveries", "alarm"]);
    assert_eq!(taken[0].1["epoch"].as_str(), Some(epoch.as_str()));
}

pub async fn words_on_an_alarm_are_told_together(place: Place) {
    let hub = Arc::new(Hub::open(place.open(config()).await, HubConfig::default()).await.unwrap());
    let start = Instant::now();
    let (mut emission, tape) = followed(&hub, start);
    done(&hub.store, create()).await;
    done(&hub.store, act(1, cancel())).await;
    emission.act(start).await.unwrap();
    let taken = tape.taken();
    assert_eq!(names(&taken), ["deliveries", "alarm"], "a cancellation is told at once");
    let raised_at = serde_json::from_value(taken[1].1["raisedAt"].clone()).unwrap();
    for seat in 0..20 {
        let (id, kind, stage) = (DeliveryId(1), AlarmKind::Cancelled, ReceiptStage::Delivered);
        let word = AlarmReceipt { id, kind, raised_at, stage };
        hub.store.record_receipt(&gangnam(), word, by(&format!("account-{seat}"), "seat")).await.unwrap();
        emission.act(start + Duration::from_millis(seat)).await.unwrap();
    }
    assert_eq!(names(&tape.taken()), Vec::<&str>::new());
    let due = emission.wakes_at().expect("there is something to tell");
    assert_eq!(due, start + Duration::from_millis(100));
    emission.act(due).await.unwrap();
    let taken = tape.taken();
    assert_eq!(names(&taken), ["alarm"]);
    assert_eq!(taken[0].1["receipts"].as_array().unwrap().len(), 20);
}
