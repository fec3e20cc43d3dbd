//! The seat's commands: each is sent at once, sent again under the same key, and settled exactly once (rule 11).
//!
//! | step | answer: decided | none, 429, 503, unreadable | its time is over | 30 s after the click | closing: an outcome | closing: refused | closing: no answer | credentials go | the person leaves |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | `Keeping` | – | – | `Asking` (as when kept) | `Closing`, shown as unknown | – | – | – | `ClosePausing`, shown as unknown | not sent |
//! | `Asking` | settled | `Pausing` | `Asking` again | `Closing`, shown as unknown | – | – | – | `ClosePausing`, shown as unknown | unknowable |
//! | `Pausing` | settled | `Pausing` | `Asking` | `Closing`, shown as unknown | – | – | – | `ClosePausing`, shown as unknown | unknowable |
//! | `Closing` | – | – | – | – | settled | unknowable | `ClosePausing` | `ClosePausing` | unknowable |
//! | `ClosePausing` | – | – | `Closing` | – | settled | unknowable | `ClosePausing` | `ClosePausing` | unknowable |
//!
//! The same click again changes nothing. A test walks every cell. Later than 30 s after the click, nothing is sent
//! except the question what became of the command. A command is in the cache before it is sent, so that the next run
//! can ask that question too: what an earlier run left begins as `ClosePausing`.
//!
//! A command is told as refused only when the hub decided so; one that never left is told as not sent. When a question about it is
//! refused, that says nothing of what it did. A day after the click the hub may have forgotten it. From then on a
//! question that brings no answer, or `void`, is the last one, and the command is unknowable.

mod remembered;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]
mod table;

use super::backoff::Backoff;
use super::calls::{self, Call, CallFailure, center_path, escaped};
use crate::io::{
    CREATE, CommandId, CommandKind, CommandOutcome, CommandRequest, HttpFailure, HttpResponse, LostCommand,
    Mono, Now, StoredCommand, Unsettled,
};
use crate::mutation::{Mutation, is_mutated};
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, Text};
use gwanje_wire::batch::{BatchReply, BatchRequest};
use gwanje_wire::command::{batch_path, command_path};
use gwanje_wire::rest::{CloseReply, Outcome};
use gwanje_wire::{ErrorCode, Problem, WireRow};
use rand_chacha::ChaCha8Rng;
use remembered::Remembered;
use std::collections::{BTreeMap, VecDeque};

/// Milliseconds that a command waits for the cache to hold it. A slower disk must not hold up an order to a rider, even
/// if a crash in the next moments would then forget the question.
const KEEP_MS: u64 = 500;
/// Milliseconds without an answer after which a command is sent again, from rule 11.
const RESEND_MS: u64 = 10_000;
/// Milliseconds after the click at which a command is closed, from rule 11.
const CLOSE_MS: u64 = 30_000;
/// Milliseconds between a failed try and the next, while the command may still be sent.
const RETRY_MS: (u64, u64) = (500, 5_000);
/// Milliseconds between questions about what became of a command.
const CLOSE_RETRY_MS: (u64, u64) = (1_000, 30_000);
/// Milliseconds after the click for which the hub is sure to know what it decided: a day, less an hour for clocks that
/// differ. Later it may have forgotten, and say `void` of a command that was carried out.
const KNOWN_MS: u64 = 23 * 3_600_000;
/// Commands under way at once. One person clicks a few in 30 s; a bulk assignment may be some hundred.
pub(crate) const MAX_PENDING: usize = 1_000;

/// What the commands want done, and what they have to tell.
#[derive(Debug)]
pub(crate) enum CommandAction {
    /// Put it into the cache; answered with [`Commands::kept`].
    Keep(CenterId, StoredCommand),
    /// Its outcome is told: take it out of the cache.
    Forget(CenterId, CommandId),
    /// Send it (or send it again; an earlier try is dropped before).
    Send(CommandId, Call),
    /// Ask what became of it.
    Close(CommandId, Call),
    /// Forget the try under way, be it sent or still waiting for a token.
    Drop(CommandId),
    /// It has no outcome yet.
    Unsettled(CommandId, Unsettled),
    /// The mark on a delivery changed.
    Mark(CenterId, DeliveryId, Option<Unsettled>),
    /// The answer's row, of that history.
    Overlay(CenterId, Epoch, WireRow),
    /// It ended.
    Settled(CommandId, CommandOutcome),
    /// It had been done, and the hub has lost that.
    Lost(Box<LostCommand>),
}

#[derive(Debug)]
enum Step {
    Keeping { until: Mono },
    Asking { until: Mono },
    Pausing { until: Mono },
    Closing,
    ClosePausing { until: Mono },
}

#[derive(Debug)]
struct Pending {
    center: CenterId,
    /// Which it is about; a new order is about none.
    deliveries: Vec<DeliveryId>,
    /// Wire name of the action, or [`CREATE`].
    action: Text,
    answers: Answers,
    /// What is sent, until it closes.
    call: Call,
    close_at: Mono,
    /// From then on the hub may have forgotten it.
    known_until: Mono,
    step: Step,
    pause: Backoff,
}

/// What the hub answers when it has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// The row.
    Row,
    /// A result for each delivery of a batch.
    Each,
}

impl Answers {
    /// The outcome in a body, whether it was answered or recorded. A body that can't be read takes nothing from what is
    /// known: it was decided.
    fn read(self, body: &[u8]) -> CommandOutcome {
        match self {
            Self::Row => CommandOutcome::Done(serde_json::from_slice(body).ok()),
            Self::Each => serde_json::from_slice(body)
                .map_or(CommandOutcome::Done(None), |BatchReply { results }| CommandOutcome::Each(results)),
        }
    }
}

impl Pending {
    fn marked(&self) -> Vec<(CenterId, DeliveryId)> {
        self.deliveries.iter().map(|id| (self.center.clone(), *id)).collect()
    }

    fn unsettled(&self) -> Unsettled {
        match self.step {
            Step::Keeping { .. } | Step::Asking { .. } | Step::Pausing { .. } => Unsettled::Pending,
            Step::Closing | Step::ClosePausing { .. } => Unsettled::Unknown,
        }
    }

    fn deadline(&self) -> Option<Mono> {
        match self.step {
            Step::Keeping { until } | Step::Asking { until } | Step::Pausing { until } => {
                Some(until.min(self.close_at))
            }
            Step::Closing => None,
            Step::ClosePausing { until } => Some(until),
        }
    }
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// Bounded by [`MAX_PENDING`].
    pending: BTreeMap<CommandId, Pending>,
    /// What has been done.
    remembered: Remembered,
    /// Whose they are.
    account: Option<Text>,
    out: VecDeque<CommandAction>,
}

impl Commands {
    /// A person wants it; `seen` is the revision of the delivery that they saw, with its history.
    pub(crate) fn begin(&mut self, request: CommandRequest, seen: Option<(Epoch, Rev)>, now: Now) {
        let (wall, now) = (now.wall, now.mono);
        let CommandRequest { command, center, what } = request;
        if self.pending.contains_key(&command) {
            return; // The same click again.
        }
        if self.pending.len() >= MAX_PENDING {
            let why = "too many commands are under way; wait until some are settled";
            self.keep_back(command, Problem::new(ErrorCode::TooManyRequests, why));
            return;
        }
        let (deliveries, action) = (what.deliveries(), Text::from(what.action()));
        let (delivery, answers, mut call) = match what {
            CommandKind::Create(order) => {
                let path = format!("{}/deliveries", center_path(&center));
                (None, Answers::Row, Call::post(path, &order, RESEND_MS))
            }
            CommandKind::Act { id, action, body, .. } => {
                let path = command_path(&escaped(center.as_str()), id, action);
                (Some(id), Answers::Row, Call::post(path, &body, RESEND_MS))
            }
            CommandKind::Batch { action, body, rows } => {
                let path = batch_path(&escaped(center.as_str()));
                let batch = BatchRequest { action, body, ids: rows };
                (None, Answers::Each, Call::post(path, &batch, RESEND_MS))
            }
        };
        call.headers.push(("idempotency-key", command.0.clone()));
        if let Some((epoch, rev)) = seen {
            call.headers.push(("if-match", format!("\"{epoch}-{rev}\"")));
        }
        let batch = if answers == Answers::Each { deliveries.clone() } else { Vec::new() };
        let stored = StoredCommand {
            command: command.clone(),
            delivery,
            batch,
            action: action.clone(),
            clicked_at: wall,
        };
        self.out.push_back(CommandAction::Unsettled(command.clone(), Unsettled::Pending));
        self.out.push_back(CommandAction::Keep(center.clone(), stored));
        let step = Step::Keeping { until: now.plus_ms(KEEP_MS) };
        let pause = Backoff::new(RETRY_MS.0, RETRY_MS.1);
        let (close_at, known_until) = (now.plus_ms(CLOSE_MS), now.plus_ms(KNOWN_MS));
        let pending =
            Pending { center, deliveries, action, answers, call, close_at, known_until, step, pause };
        let marked = pending.marked();
        self.pending.insert(command, pending);
        self.mark(marked);
    }

    /// The cache holds it: it is sent.
    pub(crate) fn kept(&mut self, command: &CommandId, now: Mono) {
        let Some(pending) = self.pending.get_mut(command) else { return };
        match pending.step {
            Step::Keeping { .. } => {
                pending.step = Step::Asking { until: now.plus_ms(RESEND_MS) };
                self.out.push_back(CommandAction::Send(command.clone(), pending.call.clone()));
            }
            Step::Asking { .. } | Step::Pausing { .. } | Step::Closing | Step::ClosePausing { .. } => {}
        }
    }

    /// Asks what became of the commands in a center that an earlier run left without an outcome.
    pub(crate) fn recall(&mut self, center: &CenterId, stored: Vec<StoredCommand>, now: Now) {
        let (wall, now) = (now.wall, now.mono);
        for stored in stored {
            let deliveries = stored.deliveries().collect();
            let StoredCommand { command, delivery, batch: _, action, clicked_at } = stored;
            if self.pending.contains_key(&command) {
                continue;
            }
            let age_ms = u64::try_from(wall.since(clicked_at)).unwrap_or(0);
            let pending = Pending {
                center: center.clone(),
                deliveries,
                // Only a batch and a new order name no delivery.
                answers: if delivery.is_none() && action != CREATE { Answers::Each } else { Answers::Row },
                action,
                call: closing(center, &command),
                close_at: now,
                known_until: now.plus_ms(KNOWN_MS.saturating_sub(age_ms)),
                step: Step::ClosePausing { until: now },
                pause: Backoff::new(CLOSE_RETRY_MS.0, CLOSE_RETRY_MS.1),
            };
            let marked = pending.marked();
            self.pending.insert(command.clone(), pending);
            self.out.push_back(CommandAction::Unsettled(command, Unsettled::Unknown));
            self.mark(marked);
        }
    }

    /// The credentials go: nothing is sent any more. When they have come back, it asks what became of the commands.
    pub(crate) fn suspend(&mut self, now: Mono) {
        let mut newly_unknown = Vec::new();
        for (command, pending) in &mut self.pending {
            if pending.unsettled() == Unsettled::Pending {
                self.out.push_back(CommandAction::Unsettled(command.clone(), Unsettled::Unknown));
                newly_unknown.append(&mut pending.marked());
            }
            self.out.push_back(CommandAction::Drop(command.clone()));
            pending.step = Step::ClosePausing { until: now };
            pending.pause = Backoff::new(CLOSE_RETRY_MS.0, CLOSE_RETRY_MS.1);
        }
        self.remembered.suspend(now, &mut self.out);
        self.mark(newly_unknown);
    }

    /// A center goes on from another history. What was decided in `settled_in` is known to be part of it; of everything
    /// else it asks whether it still is.
    pub(crate) fn history_changed(
        &mut self,
        center: &CenterId,
        epoch: &Epoch,
        settled_in: Option<&Epoch>,
        now: Mono,
    ) {
        if is_mutated(Mutation::TrustOtherHistory) {
            return;
        }
        self.remembered.history_changed(center, epoch, settled_in, now, &mut self.out);
    }

    /// That account has credentials. Commands of another account are given up: the hub records outcomes by account.
    pub(crate) fn signed_in(&mut self, account: &Text) {
        let before = self.account.replace(account.clone());
        if before.is_some_and(|before| before != *account) {
            self.give_up("another account signed in before its end was known");
        }
    }

    /// Ends a command that is not to be sent at all.
    pub(crate) fn keep_back(&mut self, command: CommandId, problem: Problem) {
        self.out.push_back(CommandAction::Settled(command, CommandOutcome::NotSent(problem)));
    }

    /// The answer to [`CommandAction::Send`].
    pub(crate) fn answered(
        &mut self,
        command: &CommandId,
        result: Result<HttpResponse, HttpFailure>,
        now: Mono,
        rng: &mut ChaCha8Rng,
    ) {
        let Some(pending) = self.pending.get_mut(command) else { return };
        match pending.step {
            Step::Asking { .. } | Step::Pausing { .. } => {}
            // Nothing was sent yet.
            Step::Keeping { .. } => return,
            // Dropped when it was closed; only the closing's answer counts.
            Step::Closing | Step::ClosePausing { .. } => return,
        }
        match calls::success(result) {
            Ok(response) => {
                let outcome = pending.answers.read(&response.body);
                let epoch = response.etag.as_deref().and_then(epoch_of_etag);
                self.settle(command, outcome, epoch);
            }
            Err(failure) => {
                let retry_after_ms = failure.retry_after_ms().unwrap_or(0);
                match failure.decided() {
                    Ok(problem) if problem.code == ErrorCode::Void => {
                        self.settle(command, CommandOutcome::Void, None);
                    }
                    Ok(problem) => self.settle(command, CommandOutcome::Refused(problem), None),
                    Err(_) => {
                        let until = now.plus_ms(pending.pause.next_ms(rng).max(retry_after_ms));
                        pending.step = Step::Pausing { until };
                    }
                }
            }
        }
    }

    /// The answer to [`CommandAction::Close`].
    pub(crate) fn closed(
        &mut self,
        command: &CommandId,
        result: Result<HttpResponse, HttpFailure>,
        now: Mono,
        rng: &mut ChaCha8Rng,
    ) {
        if self.remembered.closed(command, &result, now, rng, &mut self.out) {
            return;
        }
        let Some(pending) = self.pending.get_mut(command) else { return };
        if pending.unsettled() == Unsettled::Pending {
            return; // Nobody asked what became of this one: a key that was used again.
        }
        match calls::read::<CloseReply>(result) {
            Ok(CloseReply { outcome: Outcome::Void, .. }) if pending.known_until <= now => {
                self.settle(command, forgotten(), None);
            }
            Ok(reply) => {
                let outcome = recorded(reply, pending.answers);
                self.settle(command, outcome, None);
            }
            Err(failure) => {
                let retry_after_ms = failure.retry_after_ms().unwrap_or(0);
                match failure.decided() {
                    Ok(problem) if is_mutated(Mutation::RefuseByClose) => {
                        self.settle(command, CommandOutcome::Refused(problem), None);
                    }
                    // The account may not even ask any more (its center was taken away): this seat will never know.
                    Ok(problem) => self.settle(command, CommandOutcome::Unknowable(problem), None),
                    Err(_) if pending.known_until <= now => self.settle(command, forgotten(), None),
                    Err(
                        CallFailure::Problem { .. } | CallFailure::Unreachable(_) | CallFailure::Malformed,
                    ) => {
                        let until = now.plus_ms(pending.pause.next_ms(rng).max(retry_after_ms));
                        pending.step = Step::ClosePausing { until };
                    }
                }
            }
        }
    }

    /// The center of a command that is not settled, or asked about once more.
    pub(crate) fn center(&self, command: &CommandId) -> Option<&CenterId> {
        let pending = self.pending.get(command).map(|pending| &pending.center);
        pending.or_else(|| self.remembered.center(command))
    }

    /// How many commands are not settled in the centers for which `of` holds.
    pub(crate) fn unsettled(&self, of: impl Fn(&CenterId) -> bool) -> u64 {
        let count = self.pending.values().filter(|pending| of(&pending.center)).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    pub(crate) fn due(&mut self, now: Mono) {
        let mut newly_unknown = Vec::new();
        for (command, pending) in &mut self.pending {
            if pending.deadline().is_none_or(|at| now < at) {
                continue;
            }
            match pending.step {
                Step::Keeping { .. } | Step::Asking { .. } | Step::Pausing { .. }
                    if pending.close_at <= now =>
                {
                    pending.step = Step::Closing;
                    pending.pause = Backoff::new(CLOSE_RETRY_MS.0, CLOSE_RETRY_MS.1);
                    self.out.push_back(CommandAction::Drop(command.clone()));
                    self.out.push_back(CommandAction::Unsettled(command.clone(), Unsettled::Unknown));
                    self.out
                        .push_back(CommandAction::Close(command.clone(), closing(&pending.center, command)));
                    newly_unknown.append(&mut pending.marked());
                }
                Step::Keeping { .. } | Step::Asking { .. } | Step::Pausing { .. } => {
                    let left = pending.close_at.since(now).min(RESEND_MS);
                    let mut call = Call { timeout_ms: left, ..pending.call.clone() };
                    if is_mutated(Mutation::RetryWithoutKey) {
                        call.headers.retain(|(name, _)| *name != "idempotency-key");
                    }
                    pending.step = Step::Asking { until: now.plus_ms(left) };
                    self.out.push_back(CommandAction::Drop(command.clone()));
                    self.out.push_back(CommandAction::Send(command.clone(), call));
                }
                Step::ClosePausing { .. } => {
                    pending.step = Step::Closing;
                    self.out
                        .push_back(CommandAction::Close(command.clone(), closing(&pending.center, command)));
                }
                Step::Closing => {}
            }
        }
        self.remembered.due(now, &mut self.out);
        self.mark(newly_unknown);
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let pending = self.pending.values().filter_map(Pending::deadline).min();
        pending.into_iter().chain(self.remembered.deadline()).min()
    }

    /// A deliberate bug: a frame that holds a delivery settles what is pending on it.
    pub(crate) fn settle_by_frame(&mut self, center: &CenterId, rows: &[WireRow]) {
        for row in rows {
            let on_it =
                |pending: &Pending| pending.center == *center && pending.deliveries.contains(&row.id());
            let found = self.pending.iter().find(|(_, pending)| on_it(pending)).map(|(id, _)| id.clone());
            if let Some(command) = found {
                self.settle(&command, CommandOutcome::Done(Some(row.clone())), None);
            }
        }
    }

    /// The person leaves: nobody can ask any more what became of the commands under way.
    pub(crate) fn give_up(&mut self, why: &str) {
        let told = |pending: &Pending| match pending.step {
            Step::Keeping { .. } => CommandOutcome::NotSent(Problem::new(ErrorCode::Unauthorized, why)),
            Step::Asking { .. } | Step::Pausing { .. } | Step::Closing | Step::ClosePausing { .. } => {
                CommandOutcome::Unknowable(Problem::new(ErrorCode::Unauthorized, why))
            }
        };
        let all: Vec<_> = self.pending.iter().map(|(id, pending)| (id.clone(), told(pending))).collect();
        for (command, outcome) in all {
            self.out.push_back(CommandAction::Drop(command.clone()));
            self.settle(&command, outcome, None);
        }
        self.remembered.leave(&mut self.out);
    }

    pub(crate) fn poll_action(&mut self) -> Option<CommandAction> {
        self.out.pop_front()
    }

    fn settle(&mut self, command: &CommandId, outcome: CommandOutcome, epoch: Option<Epoch>) {
        let Some(pending) = self.pending.remove(command) else { return };
        if let Some(epoch) = &epoch {
            for row in outcome.rows() {
                self.out.push_back(CommandAction::Overlay(
                    pending.center.clone(),
                    epoch.clone(),
                    row.clone(),
                ));
            }
        }
        self.mark(pending.marked());
        if matches!(outcome, CommandOutcome::Done(_) | CommandOutcome::Each(_)) {
            let done = LostCommand {
                command: command.clone(),
                center: pending.center.clone(),
                action: pending.action,
                deliveries: pending.deliveries,
                number: one_number(&outcome),
            };
            self.remembered.keep(done, epoch, pending.known_until);
        }
        self.out.push_back(CommandAction::Settled(command.clone(), outcome));
        self.out.push_back(CommandAction::Forget(pending.center, command.clone()));
    }

    /// Tells the marks that deliveries bear now: unknown when any command on them is.
    fn mark(&mut self, deliveries: Vec<(CenterId, DeliveryId)>) {
        for (center, id) in deliveries {
            let on_it = |pending: &&Pending| pending.center == center && pending.deliveries.contains(&id);
            let mark = self.pending.values().filter(on_it).map(Pending::unsettled).max();
            self.out.push_back(CommandAction::Mark(center, id, mark));
        }
    }
}

/// What people call the delivery that a command was about.
fn one_number(outcome: &CommandOutcome) -> Option<Text> {
    let CommandOutcome::Done(Some(row)) = outcome else { return None };
    row.delivery().map(|delivery| delivery.number.clone())
}

/// The question what became of a command.
fn closing(center: &CenterId, command: &CommandId) -> Call {
    let path = format!("{}/commands/{}/close", center_path(center), escaped(&command.0));
    Call::post(path, &serde_json::Map::new(), RESEND_MS)
}

/// The outcome that the hub recorded. A body that can't be read takes nothing from what is known.
fn recorded(reply: CloseReply, answers: Answers) -> CommandOutcome {
    let body = reply.body.map(|body| body.to_string());
    let body = body.as_deref();
    match reply.outcome {
        Outcome::Done => answers.read(body.unwrap_or_default().as_bytes()),
        Outcome::Refused => {
            CommandOutcome::Refused(body.and_then(|body| serde_json::from_str(body).ok()).unwrap_or_else(
                || Problem::new(ErrorCode::Other, "the hub refused it; its reason can't be read"),
            ))
        }
        Outcome::Void => CommandOutcome::Void,
    }
}

/// The hub was not reached while it was sure to know.
fn forgotten() -> CommandOutcome {
    let why = "the hub could not be asked within a day, and keeps what it decided no longer";
    CommandOutcome::Unknowable(Problem::new(ErrorCode::Unavailable, why))
}

/// The epoch in an ETag `"epoch-rev"`.
fn epoch_of_etag(etag: &str) -> Option<Epoch> {
    let text = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
    text.rsplit_once('-').filter(|(epoch, _)| !epoch.is_empty()).map(|(epoch, _)| epoch.into())
}
