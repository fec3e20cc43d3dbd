//! How urgent an alarm is.

use gwanje_model::{Delivery, Status};
use gwanje_wire::rest::AlarmKind;
use serde::Serialize;
use ts_rs::TS;

/// How urgent an alarm is, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum AlarmPriority {
    /// Somebody may be on the way for nothing.
    Critical,
    /// Somebody should act now.
    High,
    /// Somebody should act soon.
    Normal,
}

impl AlarmPriority {
    /// Of an alarm about a delivery as it is known, whose status was `was` before, where that is known. A cancellation of
    /// which nothing is known may have a rider.
    #[must_use]
    pub fn of(kind: AlarmKind, row: Option<&Delivery>, was: Option<Status>) -> Self {
        match kind {
            AlarmKind::Late | AlarmKind::Unconfirmed | AlarmKind::Unproven => Self::High,
            AlarmKind::Unaccepted => Self::Normal,
            AlarmKind::Cancelled => match was.or_else(|| row.map(reached)) {
                Some(Status::Waiting) => Self::High,
                Some(Status::Received) => Self::Normal,
                Some(Status::Assigned | Status::PickedUp | Status::Delivered | Status::Cancelled) | None => {
                    Self::Critical
                }
            },
        }
    }
}

/// How far a delivery had come before it was cancelled.
fn reached(row: &Delivery) -> Status {
    if row.picked_up_at.is_some() {
        Status::PickedUp
    } else if row.rider.is_some() {
        Status::Assigned
    } else if row.waiting_at.is_some() {
        Status::Waiting
    } else {
        Status::Received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{AssignedRider, UtcMillis};

    #[test]
    fn a_cancellation_is_as_urgent_as_its_delivery_had_come_far() {
        let received: Delivery = serde_json::from_str(
            r#"{"id":1,"center":"gangnam","rev":2,"modifiedAt":5,"number":"1","orderNo":"","status":"cancelled",
                "shop":{"id":"s","name":"s","phone":"","address":"","pos":null,"remark":""},
                "dropoff":{"address":"","detail":"","phone":"","recipientPhone":"","pos":null},
                "pickupTargetMin":15,"deliveryTargetMin":30,"distanceM":0,"receivedAt":1}"#,
        )
        .unwrap();
        let waiting = Delivery { waiting_at: Some(UtcMillis(1)), ..received.clone() };
        let rider =
            AssignedRider { id: "r".into(), name: "r".into(), home: "gangnam".into(), confirmed: false };
        let assigned = Delivery { rider: Some(rider), ..waiting.clone() };
        let of = |row: Option<&Delivery>, was| AlarmPriority::of(AlarmKind::Cancelled, row, was);
        for (row, priority) in [
            (&received, AlarmPriority::Normal),
            (&waiting, AlarmPriority::High),
            (&assigned, AlarmPriority::Critical),
        ] {
            assert_eq!(of(Some(row), None), priority);
        }
        assert_eq!(of(Some(&assigned), Some(Status::Waiting)), AlarmPriority::High, "the hub knows better");
        assert_eq!(of(None, None), AlarmPriority::Critical, "nobody knows whether somebody is on the way");
        assert!(AlarmPriority::Critical < AlarmPriority::High && AlarmPriority::High < AlarmPriority::Normal);
    }
}
