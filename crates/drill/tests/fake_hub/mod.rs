//! A hub in memory: rows, revisions and the lifecycle, and nothing else.

use gwanje_drill::{Act, ActKind, Drill};
use gwanje_model::lifecycle::{Action, Change, apply};
use gwanje_model::{
    AssignedRider, Cancel, CenterId, Delivery, DeliveryId, Note, Rev, Rider, RiderId, Status, Text, UtcMillis,
};
use gwanje_wire::command::{CommandBody, NewOrder};
use gwanje_wire::problem::{ErrorCode, Problem};
use std::collections::BTreeMap;

/// One change, as the history keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub center: CenterId,
    pub order_no: Text,
    pub at: UtcMillis,
    pub action: Option<Action>,
    pub rider: Option<RiderId>,
}

#[derive(Debug, Default, Clone)]
pub struct FakeHub {
    pub rows: BTreeMap<DeliveryId, Delivery>,
    pub riders: BTreeMap<(CenterId, RiderId), Rider>,
    pub history: Vec<Entry>,
    pub refusals: Vec<Problem>,
    rev: BTreeMap<CenterId, Rev>,
}

impl FakeHub {
    pub fn with_riders_of(drill: &Drill) -> Self {
        let mut hub = Self::default();
        for day in drill.days() {
            for rider in drill.riders(&day.center, day.begins_at()) {
                hub.riders.insert((day.center.clone(), rider.id.clone()), rider);
            }
        }
        hub
    }

    /// Everything due until `now`; gives the number of rounds.
    pub fn play(&mut self, drill: &mut Drill, now: UtcMillis) -> usize {
        let mut rounds = 0;
        loop {
            let acts = drill.advance(now);
            if acts.is_empty() {
                return rounds;
            }
            rounds += 1;
            assert!(rounds < 100_000, "the drill makes no progress");
            for act in acts {
                assert!(act.at <= now, "{act:?} is in the future");
                let outcome = self.execute(&act);
                drill.answered(act.token, outcome.as_ref());
                if let Ok(row) = &outcome {
                    drill.observe(row);
                }
            }
        }
    }

    pub fn execute(&mut self, act: &Act) -> Result<Delivery, Problem> {
        let done = match &act.kind {
            ActKind::Create(order) => Ok(self.create(&act.center, act.at, order)),
            ActKind::Command { id, action, body } => self.command(*id, *action, body, act.at),
        };
        if let Err(problem) = &done {
            self.refusals.push(problem.clone());
        }
        done
    }

    pub fn create(&mut self, center: &CenterId, at: UtcMillis, order: &NewOrder) -> Delivery {
        let id = DeliveryId(self.rows.len() as u64 + 1);
        let row = Delivery {
            id,
            center: center.clone(),
            rev: self.next_rev(center),
            modified_at: at,
            number: Text::from(id.to_string()),
            order_no: order.order_no.clone(),
            status: Status::Received,
            shop: order.shop.clone(),
            dropoff: order.dropoff.clone(),
            rider: None,
            pickup_target_min: order.pickup_target_min.unwrap_or(15),
            delivery_target_min: order.delivery_target_min.unwrap_or(30),
            distance_m: order.distance_m.unwrap_or_default(),
            items: order.items.clone(),
            price_won: order.price_won,
            request: order.request.clone(),
            notes: Vec::new(),
            received_at: at,
            ready_at: order.ready_at,
            waiting_at: None,
            assigned_at: None,
            picked_up_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel: None,
            unknown: Default::default(),
        };
        self.keep(row, None)
    }

    pub fn command(
        &mut self,
        id: DeliveryId,
        action: Action,
        body: &CommandBody,
        at: UtcMillis,
    ) -> Result<Delivery, Problem> {
        let Some(mut row) = self.rows.get(&id).cloned() else {
            return Err(Problem::new(ErrorCode::NotFound, format!("no delivery {id}")));
        };
        assert!(row.modified_at <= at, "{id} {action}: {at:?} is before {:?}", row.modified_at);
        let change = match action {
            Action::Accept => Change::Accept,
            Action::Assign => {
                let rider = body.rider_id.clone().unwrap();
                let Some(rider) = self.riders.get(&(row.center.clone(), rider)) else {
                    return Err(Problem::new(ErrorCode::Invalid, "no such rider"));
                };
                Change::Assign(AssignedRider {
                    id: rider.id.clone(),
                    name: rider.name.clone(),
                    home: rider.home.clone(),
                    confirmed: false,
                })
            }
            Action::Unassign => Change::Unassign,
            Action::Confirm => Change::Confirm,
            Action::Pickup => Change::Pickup,
            Action::Deliver => Change::Deliver,
            Action::Cancel => {
                Change::Cancel(Cancel { reason: body.reason.clone().unwrap(), by: body.by.unwrap() })
            }
            Action::Note => Change::Note(Note {
                at,
                by: Text::from("x"),
                role: Text::default(),
                text: body.text.clone().unwrap_or_default(),
            }),
            Action::Undo => return Err(Problem::new(ErrorCode::Invalid, "a drill takes nothing back")),
        };
        apply(&mut row, change, at).map_err(|e| Problem::new(ErrorCode::InvalidTransition, e.to_string()))?;
        let center = row.center.clone();
        row.rev = self.next_rev(&center);
        Ok(self.keep(row, Some(action)))
    }

    fn next_rev(&mut self, center: &CenterId) -> Rev {
        let rev = self.rev.entry(center.clone()).or_default();
        *rev = rev.next();
        *rev
    }

    fn keep(&mut self, row: Delivery, action: Option<Action>) -> Delivery {
        self.history.push(Entry {
            center: row.center.clone(),
            order_no: row.order_no.clone(),
            at: row.modified_at,
            action,
            rider: row.rider.as_ref().map(|rider| rider.id.clone()),
        });
        self.rows.insert(row.id, row.clone());
        row
    }
}
