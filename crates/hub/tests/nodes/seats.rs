//! Seats of all hubs, as followers of each are told.

use crate::harness::Shared;
use crate::peer::Peer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

async fn follows_seats(peer: &mut Peer) {
    let reply = peer.call("subscribe", json!({ "rooms": ["seats"], "cursor": null })).await;
    assert_eq!(reply["ok"], true, "{reply}");
}

/// What a peer was told of seats.
#[derive(Default)]
pub struct SeatsTold(BTreeMap<String, Value>);

impl SeatsTold {
    /// Waits until these sit there, each with what it has open.
    pub async fn until(&mut self, peer: &mut Peer, wanted: &[(&str, Value)]) {
        while !self.0.iter().map(|(seat, open)| (seat.as_str(), open.clone())).eq(wanted.iter().cloned()) {
            let (name, data) = peer.event().await.expect("it is told more");
            match name.as_str() {
                "seats" => {
                    self.0.clear();
                    self.sit(&data);
                }
                "seats:changed" => {
                    for gone in data["gone"].as_array().unwrap() {
                        self.0.remove(gone["seat"].as_str().unwrap());
                    }
                    self.sit(&data["seats"]);
                }
                _ => {}
            }
        }
    }

    fn sit(&mut self, seats: &Value) {
        for seat in seats.as_array().unwrap() {
            self.0.insert(seat["seat"].as_str().unwrap().to_owned(), seat["openId"].clone());
        }
    }
}

#[tokio::test]
async fn followers_of_each_hub_are_told_of_the_seats_of_all() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let mut one = first.joined("one").await;
    let mut two = second.joined("two").await;
    let mut three = second.joined("three").await;
    let mut told = [SeatsTold::default(), SeatsTold::default()];
    for (peer, told) in [&mut one, &mut two].into_iter().zip(&mut told) {
        follows_seats(peer).await;
        told.until(peer, &[("one", Value::Null), ("three", Value::Null), ("two", Value::Null)]).await;
    }
    assert_eq!(three.call("seat", json!({ "openId": 7 })).await["ok"], true);
    for (peer, told) in [&mut one, &mut two].into_iter().zip(&mut told) {
        told.until(peer, &[("one", Value::Null), ("three", json!(7)), ("two", Value::Null)]).await;
    }
    drop(three);
    told[0].until(&mut one, &[("one", Value::Null), ("two", Value::Null)]).await;
    // A hub that is stopped in order says so; nobody waits for a lease.
    let stopping = Instant::now();
    second.stopped().await;
    told[0].until(&mut one, &[("one", Value::Null)]).await;
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
    first.stopped().await;
}

/// A client that answers no beat any more, as one whose machine sleeps.
#[tokio::test]
async fn a_silent_client_is_gone_at_all_hubs() {
    let shared = Shared::start();
    let (first, second) = shared.two().await;
    let mut one = first.joined("one").await;
    follows_seats(&mut one).await;
    let silent = second.joined("silent").await;
    let joined = Instant::now();
    let mut told = SeatsTold::default();
    told.until(&mut one, &[("one", Value::Null), ("silent", Value::Null)]).await;
    told.until(&mut one, &[("one", Value::Null)]).await;
    assert!(joined.elapsed() < Duration::from_secs(8), "{:?}", joined.elapsed());
    drop(silent);
    for node in [first, second] {
        node.stopped().await;
    }
}
