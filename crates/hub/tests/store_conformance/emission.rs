//! What followers are sent at which moment, without sockets and timers.

use crate::day::{act, by, cancel, config, create, done, gangnam, open};
use gwanje_hub::socket::{Emission, NoLoss, Outlet, Sent, Str, Word};
use gwanje_hub::{Hub, HubConfig};
use gwanje_model::{DeliveryId, Role, SeatId};
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::{AlarmReceipt, SeatEntry, SeatState, Stream};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Keeps what it is sent.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Vec<String>>>);

impl Outlet for Tape {
    fn send(&self, text: Str) -> Sent {
        self.0.lock().unwrap().push(text.to_string());
        Sent::Yes
    }
    fn has_room(&self) -> bool {
        true
    }
    fn close(&self) {}
}

impl Tape {
    /// Names and data of the events since the last time.
    pub fn taken(&self) -> Vec<(String, Value)> {
        let texts = std::mem::take(&mut *self.0.lock().unwrap());
        let event = |text: &String| serde_json::from_str(text.strip_prefix("2/center/gangnam,").unwrap());
        texts.iter().map(|text| event(text).unwrap()).collect()
    }
}

pub fn names(taken: &[(String, Value)]) -> Vec<&str> {
    taken.iter().map(|(name, _)| name.as_str()).collect()
}

/// What a center's followers are sent: one of them, from `start` on.
pub fn followed(hub: &Arc<Hub>, start: Instant) -> (Emission<Tape>, Tape) {
    let tape = Tape::default();
    let mut emission = Emission::new(hub.clone(), Arc::new(NoLoss), gangnam(), start).unwrap();
    let (account, state) = ("dispatcher".into(), SeatState::default());
    let seat = SeatEntry { seat: SeatId::from("seat-1"), account, role: Role::Dispatcher, state };
    emission.hear(Word::Enter { connection: "1".into(), outlet: tape.clone(), seat }, start);
    let (joined, _) = oneshot::channel();
    let streams = vec![Stream::Deliveries];
    emission.hear(Word::Subscribe { connection: "1".into(), streams, joined }, start);
    (emission, tape)
}

#[tokio::test]
async fn a_new_epoch_is_told_at_once_and_gone_on_in() {
    let hub = Arc::new(Hub::open(open(config()).await, HubConfig::default()).await.unwrap());
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

#[tokio::test]
async fn words_on_an_alarm_are_told_together() {
    let hub = Arc::new(Hub::open(open(config()).await, HubConfig::default()).await.unwrap());
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
