//! A follower of a center, without sockets and timers.

use crate::day::gangnam;
use gwanje_hub::Hub;
use gwanje_hub::socket::{Emission, NoLoss, Outlet, Sent, Str, Word};
use gwanje_model::{Role, SeatId};
use gwanje_wire::socket::{SeatEntry, SeatState, Stream};
use serde_json::Value;
use std::sync::{Arc, Mutex};
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
