//! Carries out the core's actions.

use super::{Commanded, Owner};
use crate::alarms::acknowledged_cancellation;
use crate::event::{CommandReport, EngineEvent};
use crate::freshness::Freshness;
use crate::ipc::CommandPhase;
use crate::message::{Arrival, ProfileJob};
use crate::socket::SocketLine;
use gwanje_board::RowMark;
use gwanje_model::{CenterId, Delivery, DeliveryId, Status, lifecycle};
use gwanje_sync::{
    Action, CommandId, CommandOutcome, HttpRequest, Input, LostCommand, Now, RequestId, RowChange,
    SocketEvent, SocketId, State, Unsettled,
};
use gwanje_wire::batch::BatchResult;
use gwanje_wire::rest::AlarmKind;
use gwanje_wire::socket::Cursor;
use gwanje_wire::{ErrorCode, Problem, WireRow};
use std::sync::Arc;

impl Owner {
    /// Carries out what the core asks for, until it asks for nothing more.
    pub(super) fn act(&mut self, now: Now) {
        while let Some(action) = self.client.poll_action() {
            self.act_on(action, now);
        }
    }

    pub(super) fn act_on(&mut self, action: Action, now: Now) {
        match action {
            Action::OpenSocket(id, url) => {
                let options = self.client.socket_options();
                self.sockets.insert(id, SocketLine::open(id, url, options, self.arrivals.clone()));
            }
            Action::SendText(id, text) => self.send_text(id, text, now),
            Action::CloseSocket(id) => {
                self.sockets.remove(&id);
            }
            Action::Http(id, request) => self.request(id, request),
            Action::DropHttp(id) => {
                if let Some(request) = self.requests.remove(&id) {
                    request.abort();
                }
            }
            Action::Restore(center) => {
                if !self.freshness.contains_key(&center) {
                    let state = State::Connecting { since: now.wall, reason: "reading the cache".into() };
                    self.freshness_of(&center, &state);
                    self.tell(EngineEvent::State(center.clone(), state), now);
                    self.tell_freshness(&center, now);
                }
                self.outbox.restore(center);
            }
            Action::Persist(batch) => self.outbox.write(*batch, now.mono),
            Action::Wipe(center) => {
                self.outbox.wipe(center.clone());
                self.drop_drafts(&center);
                self.drop_center(&center);
            }
            Action::Audit(center) => self.outbox.audit(center),
            Action::KeepHorizon(center, at) => {
                let server = self.server().to_owned();
                let (path, bytes) = self.profile.keep_horizon(&server, &center, at);
                self.outbox.push(ProfileJob::Keep(path, bytes));
            }
            Action::SignedIn(reply) => self.signed_in(&reply, now),
            Action::SignedOut(problem) => self.signed_out(problem, now),
            Action::SignInFailed(problem) => self.sign_in_failed(problem),
            Action::Centers(infos) => self.named(infos, now),
            Action::Changed(center, changes, cursor) => self.changed(center, changes, cursor, now),
            Action::State(center, state) => {
                tracing::info!(%center, state = state.name(), "freshness");
                self.freshness_of(&center, &state).set_state(state.clone());
                self.tell(EngineEvent::State(center.clone(), state), now);
                self.tell_freshness(&center, now);
            }
            Action::Proved(center, proof) => {
                if let Some(freshness) = self.freshness.get_mut(&center) {
                    freshness.set_proven(proof.at);
                }
                self.tell(EngineEvent::Proved(center.clone(), Arc::new(proof)), now);
                self.tell_freshness(&center, now);
            }
            Action::DayClock { center, day_at, wall } => {
                if let Some(freshness) = self.freshness.get_mut(&center) {
                    freshness.read_day(day_at, wall);
                }
                // Rows that come with it are shown as they are at that instant.
                self.day_due = now.mono;
                self.tell_freshness(&center, now);
            }
            Action::Alarm(center, notice) => {
                let notice = Arc::new(*notice);
                self.alarms.raise(center.clone(), Arc::clone(&notice));
                self.tell(EngineEvent::Alarm(center, notice), now);
            }
            Action::AlarmTold(center, entry) => {
                self.take_note(acknowledged_cancellation(&entry));
                self.alarms.hear(center, entry);
            }
            Action::Acknowledged(_, ids) => self.take_note(ids),
            Action::AlarmSettled(center, key) => {
                self.take_note((key.kind == AlarmKind::Cancelled).then_some(key.id));
                self.alarms.settle(&center, key, self.client.dialect().is_none(), now.mono);
                self.tell(EngineEvent::AlarmSettled(center, key), now);
            }
            Action::CommandUnsettled(command, unsettled) => {
                let phase = match unsettled {
                    Unsettled::Pending => CommandPhase::Pending,
                    Unsettled::Unknown => CommandPhase::Unknown,
                };
                self.report(command, phase, Outcome::default(), now);
            }
            Action::CommandSettled(command, outcome) => self.settled(command, outcome, now),
            Action::CommandLost(lost) => self.lost(*lost, now),
            Action::Repaired(center, report) => {
                tracing::warn!(
                    %center,
                    cause = ?report.cause,
                    rows = report.rows_replaced,
                    bytes = report.bytes,
                    "the board or its cache differed from the hub's and was repaired"
                );
                self.findings.repaired(&center, report.as_ref().clone(), now);
                self.tell(EngineEvent::Repaired(center, Arc::new(*report)), now);
            }
            Action::Checked(center, report) => {
                self.findings.checked(&center, report.as_ref().clone());
                self.tell(EngineEvent::Checked(center, Arc::new(*report)), now);
            }
            Action::Riders(center, riders) => self.tell(EngineEvent::Riders(center, Arc::new(riders)), now),
            Action::Notice(center, name, data) => {
                self.tell(EngineEvent::Notice(center, name.into(), data.into()), now);
            }
        }
    }

    /// Takes a center out of view.
    pub(super) fn drop_center(&mut self, center: &CenterId) {
        self.board.remove_center(center);
        self.freshness.remove(center);
        self.findings.forget(center);
        self.alarms.drop_center(center);
        self.views.touch();
    }

    /// Somebody took note of these cancellations: the board counts them no more among what needs a person now.
    fn take_note(&mut self, ids: impl IntoIterator<Item = DeliveryId>) {
        for id in ids {
            self.board.set_acknowledged(id, true);
            self.views.touch();
        }
    }

    fn send_text(&mut self, id: SocketId, text: String, now: Now) {
        let Some(line) = self.sockets.get(&id) else { return };
        if !line.send(text) {
            self.sockets.remove(&id);
            let why = "the connection takes nothing more".to_owned();
            self.client.handle(Input::Socket(id, SocketEvent::Closed(why)), now);
        }
    }

    fn request(&mut self, id: RequestId, request: HttpRequest) {
        let (http, arrivals) = (self.http.clone(), self.arrivals.clone());
        let task = tokio::spawn(async move {
            let result = http.send(request).await;
            // The owner may have ended meanwhile.
            let _ = arrivals.send(Arrival::Http(id, result)).await;
        });
        self.requests.insert(id, task.abort_handle());
    }

    fn changed(&mut self, center: CenterId, changes: Vec<RowChange>, cursor: Option<Cursor>, now: Now) {
        if let Some(cursor) = &cursor {
            self.board.set_as_of(&center, cursor.rev);
            if let Some(freshness) = self.freshness.get_mut(&center) {
                freshness.set_cursor(cursor);
            }
        }
        if self.is_live(&center) && changes.iter().any(|change| self.is_cancelled_by_others(change)) {
            // Its alarm comes with the commit. The row turns red where it stands.
            self.hold_places(now);
        }
        // A `Clear` voids the changes before it.
        let cleared = changes.iter().rposition(|change| matches!(change, RowChange::Clear));
        let rest = match cleared {
            Some(at) => {
                let (rows, rest) = replacing(changes.get(at + 1..).unwrap_or_default());
                self.board.replace_center(&center, rows);
                rest
            }
            None => changes.iter().collect(),
        };
        for change in rest {
            match change {
                RowChange::Upsert(WireRow::Row(row)) => self.board.upsert(Arc::clone(row)),
                RowChange::Upsert(WireRow::Unreadable { id, rev }) => {
                    self.board.upsert_unreadable(&center, *id, *rev);
                }
                RowChange::Remove(id, _) => self.board.remove(*id),
                RowChange::Mark(id, mark) => {
                    let mark = mark.map(|unsettled| match unsettled {
                        Unsettled::Pending => RowMark::Pending,
                        Unsettled::Unknown => RowMark::Unknown,
                    });
                    self.board.set_mark(*id, mark);
                }
                RowChange::Clear => {}
            }
        }
        self.views.touch();
        if self.subscribers.want_rows() {
            self.tell(EngineEvent::Rows(center, Arc::new(changes), cursor), now);
        }
    }

    pub(super) fn is_live(&self, center: &CenterId) -> bool {
        self.freshness.get(center).is_some_and(|of| matches!(of.state(), State::Live { .. }))
    }

    /// Whether a delivery of the board is cancelled by the change, and not by a command of this seat.
    fn is_cancelled_by_others(&self, change: &RowChange) -> bool {
        let RowChange::Upsert(row) = change else { return false };
        let is_cancelled = |row: &Delivery| row.status == Status::Cancelled;
        let Some(new) = row.delivery().filter(|row| is_cancelled(row)) else { return false };
        !self.board.is_marked(new.id) && self.board.get(new.id).is_some_and(|old| !is_cancelled(old))
    }

    fn settled(&mut self, command: CommandId, outcome: CommandOutcome, now: Now) {
        self.settle_drafts(&command, &outcome, now);
        let (phase, told) = match outcome {
            CommandOutcome::Done(row) => (CommandPhase::Done, Outcome { row, ..Outcome::default() }),
            CommandOutcome::Each(results) => (CommandPhase::Done, Outcome { results, ..Outcome::default() }),
            CommandOutcome::Refused(problem) => (CommandPhase::Refused, Outcome::why(problem)),
            CommandOutcome::NotSent(problem) => (CommandPhase::NotSent, Outcome::why(problem)),
            CommandOutcome::Void => {
                let text = "the hub never decided it and refuses it from now on; nothing was done";
                (CommandPhase::NotSent, Outcome::why(Problem::new(ErrorCode::Void, text)))
            }
            CommandOutcome::Unknowable(problem) => (CommandPhase::Unknowable, Outcome::why(problem)),
        };
        self.report(command.clone(), phase, told, now);
        let Some(ended) = self.commands.remove(&command) else { return };
        if phase == CommandPhase::Done && ended.action.as_str() == lifecycle::Action::Assign.as_str() {
            for id in ended.id.into_iter().chain(ended.batch) {
                self.alarms.assigned(&ended.center, id);
            }
        }
    }

    fn report(&mut self, command: CommandId, phase: CommandPhase, told: Outcome, now: Now) {
        let Some(Commanded { center, id, batch, action, .. }) = self.commands.get(&command) else { return };
        let Outcome { problem, row, results } = told;
        let id = id.or(row.as_ref().map(WireRow::id));
        let called = |id| self.board.get(id).map(|row| row.number.clone());
        let number = id.and_then(called);
        let results = results.into_iter().map(|result| {
            let number = called(result.id);
            (result, number)
        });
        let results = results.collect();
        let (center, batch, action) = (center.clone(), batch.clone(), action.clone());
        let report = Arc::new(CommandReport {
            center,
            id,
            number,
            action,
            command,
            phase,
            problem,
            row,
            batch,
            results,
        });
        if let Some(commanded) = self.commands.get_mut(&report.command) {
            commanded.told = Some(Arc::clone(&report));
        }
        let is_settled = match phase {
            CommandPhase::Pending | CommandPhase::Unknown => false,
            CommandPhase::Done
            | CommandPhase::Refused
            | CommandPhase::NotSent
            | CommandPhase::Unknowable
            | CommandPhase::Lost => true,
        };
        self.tell_command(report, is_settled, now);
    }

    fn tell_command(&mut self, report: Arc<CommandReport>, is_settled: bool, now: Now) {
        if is_settled && self.subscribers.depth().0 == 0 {
            // A command that an earlier run left open may be settled before a page can be told.
            self.unheard.push(EngineEvent::Command(report));
        } else {
            self.tell(EngineEvent::Command(report), now);
        }
    }

    /// The hub has lost what a command had done.
    fn lost(&mut self, lost: LostCommand, now: Now) {
        let LostCommand { command, center, action, deliveries, number } = lost;
        tracing::warn!(%center, command = command.0, %action, "the hub has lost what this command had done");
        let id = if let [id] = deliveries.as_slice() { Some(*id) } else { None };
        let number = number.or_else(|| self.board.get(id?).map(|row| row.number.clone()));
        let report = CommandReport {
            command,
            center,
            id,
            number,
            action,
            phase: CommandPhase::Lost,
            problem: None,
            row: None,
            batch: if id.is_none() { deliveries } else { Vec::new() },
            results: Vec::new(),
        };
        self.tell_command(Arc::new(report), true, now);
    }

    fn freshness_of(&mut self, center: &CenterId, state: &State) -> &mut Freshness {
        let drill_speed = self.profile.session.as_ref().and_then(|session| session.drill_speed);
        self.freshness.entry(center.clone()).or_insert_with(|| Freshness::new(state.clone(), drill_speed))
    }

    pub(super) fn tell_freshness(&mut self, center: &CenterId, now: Now) {
        if let Some(view) = self.freshness.get(center).map(|freshness| freshness.view(center)) {
            self.tell(EngineEvent::Freshness(Arc::new(view)), now);
        }
    }
}

/// What is told of a command beside its phase.
#[derive(Default)]
struct Outcome {
    problem: Option<Problem>,
    row: Option<WireRow>,
    results: Vec<BatchResult>,
}

impl Outcome {
    fn why(problem: Problem) -> Self {
        Self { problem: Some(problem), ..Self::default() }
    }
}

/// The readable rows of a replacement, and the changes that remain to be made after it.
fn replacing(changes: &[RowChange]) -> (Vec<Arc<Delivery>>, Vec<&RowChange>) {
    let mut rows = Vec::with_capacity(changes.len());
    let mut rest = Vec::new();
    for change in changes {
        if let RowChange::Upsert(WireRow::Row(row)) = change {
            rows.push(Arc::clone(row));
        } else {
            rest.push(change);
        }
    }
    (rows, rest)
}
