//! One command: what is asked, and how it is decided within the writer's transaction.
//!
//! Row, history, alarm and idempotency outcome are written together, under one revision.

use super::decided::{Accepted, Decided, Decision};
use super::idempotency::{self, Idempotency, Outcome};
use super::row::{Event, assigned, moved_on, refuse, write};
use super::text_json;
use super::undo::{Undo, undo};
use super::writer::Batch;
use gwanje_model::lifecycle::{self, Action, Change};
use gwanje_model::{
    Cancel, CenterId, Delivery, DeliveryId, Epoch, Note, Rev, RiderId, Role, Status, Text, UtcMillis,
};
use gwanje_wire::{ErrorCode, NewOrder, Problem};
use std::sync::Arc;

/// The most bytes of a row as JSON: two of them fit into a frame.
const ROW_MAX_BYTES: usize = 256 * 1024;
/// The most bytes of a new row as JSON: it grows by notes.
const NEW_ROW_MAX_BYTES: usize = 128 * 1024;
/// The most items of an order.
const ITEMS_MAX: usize = 200;
/// Minutes to pick-up when an order names none.
const PICKUP_TARGET_MIN: u32 = 15;
/// Minutes to delivery when an order names none.
const DELIVERY_TARGET_MIN: u32 = 30;
/// The HTTP status of a new row.
const CREATED: u16 = 201;
/// How many numbers people call deliveries by: five digits, from 10000 on, again after 90,000 orders.
const NUMBERS: u64 = 90_000;

/// What is to be done, by whom, when.
#[derive(Debug, Clone)]
pub struct Command {
    /// In which center.
    pub center: CenterId,
    /// What.
    pub intent: Intent,
    /// The account that asks; written into history and notes.
    pub by: Text,
    /// Operations time: what the row's instants will say.
    pub at: UtcMillis,
    /// Recorded under this key, when there is one.
    pub idempotency: Option<Idempotency>,
    /// Only while the row is at this revision.
    pub if_match: Option<IfMatch>,
    /// Only on deliveries that this rider carries (others are not found).
    pub only_rider: Option<RiderId>,
}

impl Command {
    /// A plain command: no key, no condition.
    #[must_use]
    pub fn new(center: CenterId, intent: Intent, by: impl Into<Text>, at: UtcMillis) -> Self {
        Self { center, intent, by: by.into(), at, idempotency: None, if_match: None, only_rider: None }
    }
}

/// What a command wants.
#[derive(Debug, Clone)]
pub enum Intent {
    /// Take a new order in.
    Create(Box<NewOrder>),
    /// Change a delivery.
    Act(DeliveryId, Ask),
    /// Refused before it came here; recorded under the key like any other outcome.
    Refuse(Box<Problem>),
}

/// A change as it is asked for: a rider is named by id and looked up within the transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// See [`Action::Accept`].
    Accept,
    /// See [`Action::Assign`]: a rider listed to the center.
    Assign(RiderId),
    /// See [`Action::Unassign`].
    Unassign,
    /// See [`Action::Confirm`].
    Confirm,
    /// See [`Action::Pickup`].
    Pickup,
    /// See [`Action::Deliver`].
    Deliver,
    /// See [`Action::Cancel`].
    Cancel(Cancel),
    /// See [`Action::Note`].
    Note {
        /// What it says.
        text: Text,
        /// The role of whoever writes it; none: an API key.
        role: Option<Role>,
    },
    /// See [`Action::Undo`].
    Undo(Undo),
}

/// `If-Match`: the revisions that the client saw; the row must be at one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch {
    /// Of which history, and which.
    pub seen: Vec<(Epoch, Rev)>,
}

/// At which revision the row must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// One of those that entity tags name.
    Tagged(IfMatch),
    /// This one of the present history.
    At(Rev),
}

/// Decides a command. An error of the store rolls the whole transaction back.
pub(super) fn execute(batch: &mut Batch<'_>, command: Command) -> rusqlite::Result<Decided> {
    if let Some(idempotency) = &command.idempotency
        && let Some(found) = idempotency::recorded(batch.db(), &command.by, &command.center, idempotency)?
    {
        let result = match found {
            Ok(recorded) => {
                let (row, created) = (Arc::new(recorded.read()?), recorded.status == CREATED);
                Ok(Accepted { row, epoch: recorded.epoch, created })
            }
            Err(problem) => Err(problem),
        };
        return Ok(Decided { result, replayed: true });
    }
    let recorded = command.idempotency.clone().map(|key| (key, command.by.clone(), command.center.clone()));
    let result = decide(batch, command)?;
    if let Some((key, by, center)) = recorded {
        let outcome = match &result {
            Ok(Accepted { row, epoch, created }) => {
                let status = if *created { CREATED } else { 200 };
                Outcome { status, epoch: Some(epoch.as_str()), body: text_json(row)? }
            }
            Err(problem) => Outcome { status: problem.status, epoch: None, body: text_json(problem)? },
        };
        idempotency::record(batch, &by, &center, &key, &outcome)?;
    }
    Ok(Decided { result, replayed: false })
}

fn decide(batch: &mut Batch<'_>, command: Command) -> rusqlite::Result<Decision> {
    let Command { center, intent, by, at, if_match, only_rider, idempotency: _ } = command;
    match intent {
        Intent::Refuse(problem) => Ok(Err(problem)),
        Intent::Create(order) => create(batch, &center, *order, &by, at),
        Intent::Act(id, ask) => {
            let guard = Guard { seen: if_match.map(Seen::Tagged), only_rider };
            act(batch, &center, id, ask, &by, at, &guard)
        }
    }
}

/// What must hold of the row before a change.
pub(super) struct Guard {
    pub seen: Option<Seen>,
    pub only_rider: Option<RiderId>,
}

fn create(
    batch: &mut Batch<'_>,
    center: &CenterId,
    order: NewOrder,
    by: &Text,
    at: UtcMillis,
) -> rusqlite::Result<Decision> {
    if order.items.len() > ITEMS_MAX {
        return refuse(ErrorCode::Invalid, format!("an order has at most {ITEMS_MAX} items"));
    }
    // What the hub adds to an order has a bound of its own, so the order's size is the row's.
    if text_json(&order)?.len() > NEW_ROW_MAX_BYTES {
        return refuse(ErrorCode::Invalid, format!("an order has at most {NEW_ROW_MAX_BYTES} bytes as JSON"));
    }
    let db = batch.db();
    let Some(staged) = batch.center(center)? else {
        return refuse(ErrorCode::NotFound, format!("there is no center {center}"));
    };
    let id: i64 = db
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES ('last_delivery', '1') \
             ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1 \
             RETURNING CAST(value AS INTEGER)",
        )?
        .query_row([], |row| row.get(0))?;
    let id = DeliveryId(id.cast_unsigned());
    let number = format!("{:05}", 10_000 + staged.standing.next_number % NUMBERS);
    staged.standing.next_number += 1;
    let straight = order.shop.pos.zip(order.dropoff.pos).and_then(|(shop, dropoff)| shop.distance_m(dropoff));
    let row = Delivery {
        id,
        center: center.clone(),
        rev: staged.standing.next_rev(),
        modified_at: at,
        order_no: if order.order_no.is_empty() { Text::from(format!("G{id:09}")) } else { order.order_no },
        number: number.into(),
        status: Status::Received,
        shop: order.shop,
        dropoff: order.dropoff,
        rider: None,
        pickup_target_min: order.pickup_target_min.unwrap_or(PICKUP_TARGET_MIN),
        delivery_target_min: order.delivery_target_min.unwrap_or(DELIVERY_TARGET_MIN),
        // The cast saturates; no town is 4,000,000 km wide.
        distance_m: order.distance_m.unwrap_or_else(|| straight.unwrap_or(0.0).round() as u32),
        items: order.items,
        price_won: order.price_won,
        request: order.request,
        notes: Vec::new(),
        received_at: at,
        ready_at: order.ready_at,
        waiting_at: None,
        assigned_at: None,
        picked_up_at: None,
        delivered_at: None,
        cancelled_at: None,
        cancel: None,
    };
    let event = Event { action: "create", from: None, detail: "" };
    Ok(Ok(write(batch, center, None, row, by, &event)?))
}

/// Does one thing to one delivery, or says why not.
pub(super) fn act(
    batch: &mut Batch<'_>,
    center: &CenterId,
    id: DeliveryId,
    ask: Ask,
    by: &Text,
    at: UtcMillis,
    guard: &Guard,
) -> rusqlite::Result<Decision> {
    let not_found =
        || refuse(ErrorCode::NotFound, format!("there is no live delivery {id} in center {center}"));
    let db = batch.db();
    let Some(staged) = batch.center(center)? else { return not_found() };
    let Some(mut row) = super::read::live_row(db, center, id)? else { return not_found() };
    let carried_by = row.rider.as_ref().map(|rider| &rider.id);
    if guard.only_rider.is_some() && guard.only_rider.as_ref() != carried_by {
        return not_found();
    }
    let is_seen = match &guard.seen {
        None => true,
        Some(Seen::At(rev)) => *rev == row.rev,
        Some(Seen::Tagged(IfMatch { seen })) => {
            seen.iter().any(|(epoch, rev)| *epoch == staged.standing.epoch && *rev == row.rev)
        }
    };
    if !is_seen {
        return moved_on(db, row);
    }
    let change = match ask {
        Ask::Accept => Change::Accept,
        Ask::Assign(rider) => match assigned(db, center, &rider)? {
            Some(rider) => Change::Assign(rider),
            None => {
                let detail = format!("rider {rider} is not listed to center {center}; choose one who is");
                return refuse(ErrorCode::Invalid, detail);
            }
        },
        Ask::Unassign => Change::Unassign,
        Ask::Confirm => Change::Confirm,
        Ask::Pickup => Change::Pickup,
        Ask::Deliver => Change::Deliver,
        Ask::Cancel(cancel) => Change::Cancel(cancel),
        Ask::Note { text, role } => {
            Change::Note(Note { at, by: by.clone(), role: Role::of_writer(role), text })
        }
        Ask::Undo(asked) => return undo(batch, center, row, asked, by, at),
    };
    let (before, from, action) = (row.rev, row.status, change.action());
    if let Err(invalid) = lifecycle::apply(&mut row, change, at) {
        return refuse(ErrorCode::InvalidTransition, format!("delivery {id}: {invalid}"));
    }
    if action == Action::Note && text_json(&row)?.len() > ROW_MAX_BYTES {
        return refuse(ErrorCode::Invalid, format!("delivery {id} would grow too large; write less"));
    }
    row.rev = staged.standing.next_rev();
    let detail = detail_of(&row, action);
    let event = Event { action: action.as_str(), from: Some(from), detail: &detail };
    Ok(Ok(write(batch, center, Some(before), row, by, &event)?))
}

/// What history says of a change, in words.
fn detail_of(row: &Delivery, action: Action) -> Text {
    match action {
        Action::Assign => row.rider.as_ref().map(|rider| Text::from(format!("{} {}", rider.id, rider.name))),
        Action::Cancel => row.cancel.as_ref().map(|cancel| cancel.reason.clone()),
        Action::Note => row.notes.last().map(|note| note.text.clone()),
        Action::Accept
        | Action::Unassign
        | Action::Confirm
        | Action::Pickup
        | Action::Deliver
        | Action::Undo => None,
    }
    .unwrap_or_default()
}
