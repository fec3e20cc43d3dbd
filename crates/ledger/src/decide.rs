//! Deciding asks over what was loaded, in order: each sees those before. No store, no task, no clock.

mod act;
mod batch;
mod create;
mod keyed;
mod undo;

use crate::alarms;
use crate::ask::{BatchCommand, Command, Intent, Seen};
use crate::decided::{Accepted, BatchDecided, Decided, Decision, Undecided};
use crate::loaded::{LoadedCenter, LoadedChange, LoadedRow};
use crate::write::{Moment, RowWrite, Write};
use gwanje_model::{Delivery, Status, Text};
use gwanje_wire::rest::CloseReply;
use gwanje_wire::{ErrorCode, Problem};
use serde::Serialize;
use std::sync::Arc;

/// Decides a command over what [`Need::add_command`](crate::Need::add_command) named.
///
/// # Errors
/// When it can't be decided; a refusal is an outcome.
pub fn decide(
    loaded: &mut LoadedCenter,
    command: Command,
    now: Moment,
) -> Result<Decision<Decided>, Undecided> {
    Deciding::over(loaded, now, |deciding| keyed::command(deciding, command))
}

/// Decides a batch over what [`Need::add_batch`](crate::Need::add_batch) named. The outcome is a result for each
/// delivery, or why there is none.
///
/// # Errors
/// When it can't be decided; a refusal is an outcome.
pub fn decide_batch(
    loaded: &mut LoadedCenter,
    command: BatchCommand,
    now: Moment,
) -> Result<Decision<Result<BatchDecided, Box<Problem>>>, Undecided> {
    Deciding::over(loaded, now, |deciding| keyed::batch(deciding, command))
}

/// Closes an idempotency key over what [`Need::of_close`](crate::Need::of_close) named: the outcome under it, whatever
/// its path; when there is none yet, it is void from now on.
#[must_use]
pub fn close(loaded: &mut LoadedCenter, account: &Text, key: &str) -> Decision<CloseReply> {
    keyed::close(loaded, account, key)
}

/// Decisions under way.
struct Deciding<'a> {
    loaded: &'a mut LoadedCenter,
    now: Moment,
    writes: Vec<Write>,
}

/// A row that was changed, and its JSON.
struct Carried {
    accepted: Accepted,
    body: Arc<str>,
}

/// What must hold of the row before a change.
struct Guard {
    seen: Option<Seen>,
    only_rider: Option<gwanje_model::RiderId>,
}

/// What goes into history beside the row.
struct Event {
    action: &'static str,
    from: Option<Status>,
    detail: Text,
}

/// The value, or why not.
type OrRefused<T> = Result<T, Box<Problem>>;

impl<'a> Deciding<'a> {
    fn over<T>(
        loaded: &'a mut LoadedCenter,
        now: Moment,
        decide: impl FnOnce(&mut Self) -> Result<T, Undecided>,
    ) -> Result<Decision<T>, Undecided> {
        let mut deciding = Self { loaded, now, writes: Vec::new() };
        let outcome = decide(&mut deciding)?;
        Ok(Decision { outcome, writes: deciding.writes })
    }

    fn command(&mut self, command: Command) -> Result<OrRefused<Carried>, Undecided> {
        let Command { center: _, intent, by, at, if_match, only_rider, idempotency: _ } = command;
        match intent {
            Intent::Refuse(problem) => Ok(Err(problem)),
            Intent::Create(order) => create::create(self, *order, &by, at),
            Intent::Act(id, ask) => {
                let guard = Guard { seen: if_match.map(Seen::Tagged), only_rider };
                act::act(self, id, ask, &by, at, &guard)
            }
        }
    }

    /// Gives a row the next revision and writes it with its history and alarms.
    fn write(&mut self, mut row: Delivery, by: &Text, event: Event) -> Result<OrRefused<Carried>, Undecided> {
        let person = self.loaded.person(by);
        let Some(standing) = &mut self.loaded.standing else {
            return refuse(ErrorCode::NotFound, no_center(&self.loaded.center));
        };
        row.rev = standing.next_rev();
        let body: Arc<str> = json(&row)?.into();
        let row = Arc::new(row);
        let (before, mut clocked) = match self.loaded.rows.remove(&row.id) {
            Some(LoadedRow { row, clocked, .. }) => (Some(row), clocked),
            None => (None, alarms::Clocked::default()),
        };
        let Event { action, from, detail } = event;
        let rev_before = before.as_ref().map(|before| before.rev);
        standing.row_changed(row.id, rev_before, row.rev);
        self.writes.push(Write::Row(Box::new(RowWrite {
            row: Arc::clone(&row),
            body: Arc::clone(&body),
            before: rev_before,
            from,
            by: by.clone(),
            action,
            detail,
        })));
        alarms::follow(standing, &mut clocked, &row, from, by, &mut self.writes);
        let accepted =
            Accepted { row: Arc::clone(&row), epoch: standing.epoch.clone(), created: before.is_none() };
        let latest =
            LoadedChange { by: person, action: action.into(), at: row.modified_at, wall: self.now.wall };
        self.loaded.rows.insert(row.id, LoadedRow { row, latest: Some(latest), before, clocked });
        Ok(Ok(Carried { accepted, body }))
    }
}

fn no_center(center: &gwanje_model::CenterId) -> String {
    format!("there is no center {center}")
}

/// Refuses.
fn refuse<T>(code: ErrorCode, detail: impl Into<String>) -> Result<OrRefused<T>, Undecided> {
    Ok(Err(Box::new(Problem::new(code, detail))))
}

/// Refuses what was meant for another revision: with the row as it is, and who made it so.
fn moved_on<T>(found: &LoadedRow) -> Result<OrRefused<T>, Undecided> {
    let row = &found.row;
    let detail =
        format!("delivery {} has moved on to revision {}; look at it and ask again", row.id, row.rev);
    let mut problem = Problem::new(ErrorCode::Conflict, detail);
    problem.latest = found.latest.as_ref().map(|latest| Box::new(latest.told(row.rev)));
    problem.current = Some(Box::new(Delivery::clone(row)));
    Ok(Err(Box::new(problem)))
}

fn json(value: &impl Serialize) -> Result<String, Undecided> {
    serde_json::to_string(value).map_err(Undecided::Unwritable)
}
