//! Carries the plan out: somebody elsewhere works, people at the seats click, look and take note.

use super::{Event, World};
use crate::hub::Operation;
use crate::ledger::Clicked;
use crate::plan::{Happening, Work};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Delivery, DeliveryId, Dropoff, Rev, Shop, Status, Text};
use gwanje_sync::{CommandId, CommandKind, CommandRequest, Input};
use gwanje_wire::batch::BatchRow;
use gwanje_wire::rest::ReceiptStage;
use gwanje_wire::{CommandBody, NewOrder};
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    /// Boards as they are before anybody looks, the seats' starts, and the first step.
    pub(super) fn begin(&mut self) {
        for center in self.centers.clone() {
            for nth in 0..u64::from(self.plan.orders) {
                self.work(&center, Work::Create, nth);
            }
            for nth in 0..u64::from(self.plan.orders) {
                self.work(&center, Work::Advance, nth * 3);
            }
        }
        for seat in 0..self.seats.len() {
            let ms = self.draw(0, 400);
            self.after(ms, Event::Starts(seat));
        }
        self.after(0, Event::LooksAtClock);
        if let Some(step) = self.plan.steps.first() {
            let ms = step.after_ms;
            self.after(ms, Event::Step(0));
        }
    }

    pub(super) fn step(&mut self, index: usize) {
        if self.ended {
            return;
        }
        if let Some(next) = self.plan.steps.get(index + 1) {
            let ms = next.after_ms;
            self.after(ms, Event::Step(index + 1));
        }
        let Some(step) = self.plan.steps.get(index).cloned() else { return };
        match step.what {
            Happening::Work { center, work, pick } => {
                let center = self.center(center);
                self.work(&center, work, pick);
            }
            Happening::Click { seat, center, work, pick } => {
                let seat = self.seat_index(seat);
                self.click(seat, center, work, pick);
            }
            Happening::Acknowledge { seat, pick } => {
                let seat = self.seat_index(seat);
                self.acknowledge(seat, pick);
            }
            Happening::Look { seat, first, pick, hold } => {
                let seat = self.seat_index(seat);
                self.look(seat, first, pick, hold);
            }
            Happening::Break(broken) => self.break_on(broken, 0),
        }
    }

    /// Somebody elsewhere does something, unless the center is to be quiet.
    pub(super) fn work(&mut self, center: &CenterId, work: Work, pick: u64) {
        let hushed = self.hushed.get(center).is_some_and(|until| *until > self.now);
        if hushed || self.frozen || self.ended {
            return;
        }
        self.work_anyway(center, work, pick);
    }

    /// The same, even while the center is to be quiet.
    pub(super) fn work_anyway(&mut self, center: &CenterId, work: Work, pick: u64) {
        let Some(board) = self.hub.board(center) else { return };
        let day = self.at().day;
        let operation = match work {
            Work::Create => Some(Operation::Create(center.clone(), Box::new(order(pick)))),
            Work::Archive => {
                let ended: Vec<_> = board.rows().values().filter_map(|row| row.ended_at()).collect();
                nth(&ended, pick).map(|at| Operation::Archive(center.clone(), at.plus_ms(1).min(day)))
            }
            // Nobody elsewhere says what they did.
            Work::Undo | Work::Batch => None,
            Work::Advance | Work::Cancel | Work::Note => {
                let rows: Vec<&Arc<Delivery>> =
                    board.rows().values().filter(|row| action_on(row, work).is_some()).collect();
                nth(&rows, pick).and_then(|row| {
                    let action = action_on(row, work)?;
                    Some(Operation::Act(center.clone(), row.id, action, Box::new(body(action, pick, "seen"))))
                })
            }
        };
        if let Some(operation) = operation {
            self.operate_elsewhere(&operation);
        }
    }

    /// Somebody writes a remark on that delivery.
    pub(super) fn note_on(&mut self, center: &CenterId, id: u64) {
        let body = Box::new(body(Action::Note, id, "again"));
        let operation = Operation::Act(center.clone(), DeliveryId(id), Action::Note, body);
        self.operate_elsewhere(&operation);
    }

    /// The person at a seat acts on a delivery as they see it.
    pub(super) fn click(&mut self, index: usize, center: usize, work: Work, pick: u64) {
        self.click_on(index, center, work, pick);
    }

    /// The same; on which delivery, under which key.
    pub(super) fn click_on(
        &mut self,
        index: usize,
        center: usize,
        work: Work,
        pick: u64,
    ) -> Option<(DeliveryId, String)> {
        let seat = self.seats.get(index)?;
        if seat.frozen_until > self.now {
            return None;
        }
        let life = seat.life;
        let app = seat.app.as_ref()?;
        let shown: Vec<&CenterId> = app.cursors.keys().collect();
        let center = CenterId::clone(nth(&shown, u64::try_from(center).unwrap_or(0))?);
        let key = format!("K{index}-{}", self.clicks.len());
        let what = match work {
            Work::Create => CommandKind::Create(Box::new(order(pick))),
            Work::Undo => {
                let (id, rev) = self.undoable(index, &center, pick)?;
                let body = CommandBody { rev: Some(rev), ..CommandBody::default() };
                CommandKind::Act { id, seen: None, action: Action::Undo, body }
            }
            Work::Batch => {
                let rows: Vec<_> = app.window.shown.get(&center)?.values().collect();
                let some = pick..pick + 2 + pick % 4;
                let some: BTreeMap<_, _> =
                    some.filter_map(|pick| nth(&rows, pick)).map(|row| (row.id(), row.rev())).collect();
                let rows = some.into_iter().map(|(id, rev)| BatchRow { id, rev: Some(rev) }).collect();
                CommandKind::Batch { action: Action::Note, body: body(Action::Note, pick, &key), rows }
            }
            Work::Advance | Work::Cancel | Work::Note | Work::Archive => {
                let rows: Vec<&Arc<Delivery>> = app
                    .window
                    .shown
                    .get(&center)?
                    .values()
                    .filter_map(|row| row.delivery())
                    .filter(|row| action_on(row, work).is_some())
                    .collect();
                let row = nth(&rows, pick)?;
                let action = action_on(row, work)?;
                // Every other person's window names what it shows.
                let seen = pick.is_multiple_of(2).then_some(row.rev);
                CommandKind::Act { id: row.id, seen, action, body: body(action, pick, &key) }
            }
        };
        let id = match &what {
            CommandKind::Act { id, .. } => Some(*id),
            CommandKind::Create(_) | CommandKind::Batch { .. } => None,
        };
        let is_note = what.action() == Action::Note.as_str();
        self.clicks.insert(
            key.clone(),
            Clicked {
                seat: index,
                life,
                center: center.clone(),
                at_ms: self.now,
                sent_ms: None,
                is_note,
                made: None,
                done: 0,
                recorded: None,
                hidden: false,
                settled: None,
                settled_in: 0,
                is_lost: false,
                told_lost: false,
                forgotten: false,
            },
        );
        let request = CommandRequest { command: CommandId(key.clone()), center, what };
        self.put(index, Input::Command(Box::new(request)));
        id.map(|id| (id, key))
    }

    /// What a person did lately in a center; now and then what somebody else may have done.
    fn undoable(&self, index: usize, center: &CenterId, pick: u64) -> Option<(DeliveryId, Rev)> {
        let seat = self.seats.get(index)?;
        if pick.is_multiple_of(7) {
            let rows: Vec<_> = seat.app.as_ref()?.window.shown.get(center)?.values().collect();
            return nth(&rows, pick).map(|row| (row.id(), row.rev()));
        }
        let own = self.clicks.values().filter(|clicked| clicked.seat == index && clicked.center == *center);
        let mut made: Vec<_> = own.filter_map(|clicked| Some((clicked.at_ms, clicked.made?))).collect();
        made.sort_unstable();
        let lately = made.split_off(made.len().saturating_sub(2));
        nth(&lately, pick).map(|(_, made)| *made)
    }

    fn acknowledge(&mut self, index: usize, pick: u64) {
        let Some(seat) = self.seats.get_mut(index).filter(|seat| seat.frozen_until <= self.now) else {
            return;
        };
        let Some(app) = seat.app.as_ref() else { return };
        let open: Vec<_> = app.open_alarms.iter().cloned().collect();
        let Some((center, key)) = nth(&open, pick).cloned() else { return };
        let life = seat.life;
        seat.told.acknowledged.insert((center.clone(), key), (life, false));
        self.put(index, Input::Receipt(center, key, ReceiptStage::Acknowledged));
    }

    fn look(&mut self, index: usize, first: u64, pick: u64, hold: bool) {
        let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
        if let Err(error) = app.window.look(first, pick, hold) {
            return self.violate('1', error.to_string());
        }
        self.look_soon(index);
    }
}

/// One of them, whatever the number.
pub(super) fn nth<T>(all: &[T], pick: u64) -> Option<&T> {
    let count = u64::try_from(all.len()).ok().filter(|count| *count > 0)?;
    all.get(usize::try_from(pick % count).ok()?)
}

/// What that work does to a delivery, if it can be done.
fn action_on(row: &Delivery, work: Work) -> Option<Action> {
    let action = match (work, row.status) {
        (Work::Advance, Status::Received) => Action::Accept,
        (Work::Advance, Status::Waiting) => Action::Assign,
        (Work::Advance, Status::Assigned) if row.rider.as_ref().is_some_and(|rider| !rider.confirmed) => {
            Action::Confirm
        }
        (Work::Advance, Status::Assigned) => Action::Pickup,
        (Work::Advance, Status::PickedUp) => Action::Deliver,
        (Work::Cancel, Status::Received | Status::Waiting | Status::Assigned | Status::PickedUp) => {
            Action::Cancel
        }
        (Work::Note, _) => Action::Note,
        (Work::Advance | Work::Cancel, Status::Delivered | Status::Cancelled) => return None,
        (Work::Create | Work::Archive | Work::Undo | Work::Batch, _) => return None,
    };
    Some(action)
}

fn body(action: Action, pick: u64, text: &str) -> CommandBody {
    let mut body = CommandBody::default();
    match action {
        Action::Assign => body.rider_id = Some(format!("r{}", 1 + pick % 3).as_str().into()),
        Action::Cancel => body.reason = Some("changed their mind".into()),
        Action::Note => body.text = Some(text.into()),
        Action::Accept
        | Action::Unassign
        | Action::Confirm
        | Action::Pickup
        | Action::Deliver
        | Action::Undo => {}
    }
    body
}

fn order(pick: u64) -> NewOrder {
    let shop = Shop {
        id: format!("s{}", pick % 5).as_str().into(),
        name: format!("shop {}", pick % 5).into(),
        phone: Text::default(),
        address: Text::default(),
        pos: None,
        remark: Text::default(),
    };
    let dropoff = Dropoff {
        address: format!("street {}", pick % 89).into(),
        detail: Text::default(),
        phone: Text::default(),
        recipient_phone: Text::default(),
        pos: None,
    };
    NewOrder {
        order_no: Text::default(),
        shop,
        dropoff,
        pickup_target_min: None,
        delivery_target_min: None,
        distance_m: Some(900),
        items: Vec::new(),
        price_won: 12_000 + pick % 100,
        request: Text::default(),
        ready_at: None,
    }
}
