//! Which riders are offered for a delivery, and in which order.

use gwanje_model::{Pos, Rider, RiderStatus};
use serde::Serialize;
use std::cmp::Ordering;
use ts_rs::TS;

/// A rider who may take a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Who.
    pub rider: Rider,
    /// From the shop, in metres; nothing while either place is unknown.
    pub metres: Option<f64>,
}

/// Sorts riders as they are offered for a delivery from this shop: free before busy before off; then the nearest first,
/// and last those whose place nobody knows; then the least loaded.
#[must_use]
pub fn candidates(riders: Vec<Rider>, shop: Option<Pos>) -> Vec<Candidate> {
    let mut offered: Vec<Candidate> = riders
        .into_iter()
        .map(|rider| Candidate {
            metres: rider.pos.zip(shop).and_then(|(pos, shop)| pos.distance_m(shop)),
            rider,
        })
        .collect();
    offered.sort_by(|a, b| {
        let key = |of: &Candidate| (turn(of.rider.status), of.metres.is_none());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.metres.zip(b.metres).map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b)))
            .then_with(|| a.rider.load.cmp(&b.rider.load))
            .then_with(|| a.rider.id.cmp(&b.rider.id))
    });
    offered
}

fn turn(status: RiderStatus) -> u8 {
    match status {
        RiderStatus::Idle => 0,
        RiderStatus::Busy => 1,
        RiderStatus::Off => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rider(id: &str, status: RiderStatus, pos: Option<Pos>, load: u32) -> Rider {
        Rider {
            id: id.into(),
            name: id.into(),
            phone: Default::default(),
            home: "gangnam".into(),
            status,
            pos,
            seen_at: None,
            load,
        }
    }

    fn order(riders: Vec<Rider>, shop: Option<Pos>) -> Vec<String> {
        candidates(riders, shop).into_iter().map(|offered| offered.rider.id.to_string()).collect()
    }

    const SHOP: Pos = Pos::Geo { lat: 37.5, lon: 127.04 };

    fn at(north_of_shop: f64) -> Option<Pos> {
        Some(Pos::Geo { lat: 37.5 + north_of_shop, lon: 127.04 })
    }

    #[test]
    fn free_riders_come_before_busy_ones_near_ones_before_far_ones() {
        use RiderStatus::{Busy, Idle, Off};
        let riders = vec![
            rider("off", Off, at(0.0), 0),
            rider("busy-far", Busy, at(0.2), 1),
            rider("idle-far", Idle, at(0.1), 0),
            rider("busy-near", Busy, at(0.001), 3),
            rider("idle-nowhere", Idle, None, 0),
            rider("idle-on-a-plane", Idle, Some(Pos::Plane { x: 0.0, y: 0.0 }), 0),
            rider("idle-near", Idle, at(0.01), 0),
        ];
        let expected =
            ["idle-near", "idle-far", "idle-nowhere", "idle-on-a-plane", "busy-near", "busy-far", "off"];
        assert_eq!(order(riders.clone(), Some(SHOP)), expected);
        let metres: Vec<_> =
            candidates(riders, Some(SHOP)).into_iter().map(|offered| offered.metres).collect();
        assert_eq!(metres.iter().filter(|metres| metres.is_none()).count(), 2);
        assert!(metres[0].is_some_and(|metres| (1_100.0..1_125.0).contains(&metres)), "{metres:?}");
    }

    #[test]
    fn of_equally_near_ones_the_least_loaded_comes_first_then_by_id() {
        use RiderStatus::Busy;
        let riders = vec![
            rider("c", Busy, at(0.1), 2),
            rider("b", Busy, at(0.1), 1),
            rider("a", Busy, at(0.1), 2),
            rider("d", Busy, at(0.2), 0),
        ];
        assert_eq!(order(riders.clone(), Some(SHOP)), ["b", "a", "c", "d"]);
        // Without the shop's place the list still serves; only the order by distance is missing.
        assert_eq!(order(riders, None), ["d", "b", "a", "c"]);
    }
}
