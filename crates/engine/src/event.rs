//! What happens, for whoever listens, and the receiving end.

use crate::ipc::{AlarmView, AppEvent, CenterFreshness, CommandPhase, MovedOn, RowOutcome};
use gwanje_board::{Row, ViewId};
use gwanje_model::{AT_RISK_MIN, CenterId, DeliveryId, Text};
use gwanje_sync::{AlarmKey, AlarmNotice, CheckReport, CommandId, Proof, RepairReport, RowChange, State};
use gwanje_wire::batch::BatchResult;
use gwanje_wire::rest::CenterInfo;
use gwanje_wire::socket::{Cursor, RiderPos};
use gwanje_wire::{Problem, WireRow};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc;

/// News of a command of this seat.
#[derive(Debug, Clone)]
pub struct CommandReport {
    /// Which command.
    pub command: CommandId,
    /// In which center.
    pub center: CenterId,
    /// On which delivery; none: a new order that has no id yet.
    pub id: Option<DeliveryId>,
    /// What people call that delivery, where the board has it.
    pub number: Option<Text>,
    /// Wire name of the action, or `create`.
    pub action: Text,
    /// What became of it.
    pub phase: CommandPhase,
    /// With `Refused`, `NotSent` and `Unknowable`: why.
    pub problem: Option<Problem>,
    /// With `Done`: the row as committed.
    pub row: Option<WireRow>,
    /// Of a batch: its deliveries.
    pub batch: Vec<DeliveryId>,
    /// Of a batch that was decided: what became of each delivery, and what people call it, where the board has it.
    pub results: Vec<(BatchResult, Option<Text>)>,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum EngineEvent {
    /// The listener was too slow and missed events. What follows tells the present: all states and freshness, all open
    /// alarms, all unsettled commands; before them, for row followers, the latest change of each row that changed
    /// meanwhile.
    Resync,
    /// A center's freshness, as a page shows it. Comes with each change of state, each proof and each reading of the
    /// day's clock.
    Freshness(Arc<CenterFreshness>),
    /// A session's state changed.
    State(CenterId, State),
    /// Both sides are equal.
    Proved(CenterId, Arc<Proof>),
    /// Tell the person.
    Alarm(CenterId, Arc<AlarmNotice>),
    /// An alarm was acknowledged, here or at another seat.
    AlarmSettled(CenterId, AlarmKey),
    /// The alarms as a page lists them, and how many there are.
    Alarms(Arc<Vec<AlarmView>>, u64),
    /// News of a command.
    Command(Arc<CommandReport>),
    /// A repair replaced rows.
    Repaired(CenterId, Arc<RepairReport>),
    /// How far a comparison of everything has come.
    Checked(CenterId, Arc<CheckReport>),
    /// Names and zones of the centers.
    Centers(Arc<Vec<CenterInfo>>),
    /// Signed out, by the person (none) or by the server.
    SignedOut(Option<Arc<Problem>>),
    /// Rows changed (only for [`crate::Engine::follow_rows`]), with the cursor after the change once there is one.
    Rows(CenterId, Arc<Vec<RowChange>>, Option<Cursor>),
    /// Riders' latest positions.
    Riders(CenterId, Arc<Vec<RiderPos>>),
    /// Another published event: name and data.
    Notice(CenterId, Arc<str>, Arc<str>),
    /// A view's page has acknowledged nothing for two seconds although patches wait: open it anew, with a reset.
    ViewStalled(ViewId),
}

impl EngineEvent {
    /// The event as a page is told it; none: a page is not told it.
    #[must_use]
    pub fn for_page(&self) -> Option<AppEvent> {
        match self {
            Self::Freshness(fresh) => Some(AppEvent::Freshness(fresh.as_ref().clone())),
            Self::Alarm(center, notice) => Some(AppEvent::Alarm {
                center: center.to_string(),
                id: notice.key.id.0,
                kind: notice.key.kind,
                raised_at: notice.key.raised_at.0,
                relisted: notice.relisted,
                priority: notice.priority(),
                yours: notice.yours,
                row: notice
                    .delivery
                    .as_ref()
                    .and_then(WireRow::delivery)
                    .map(|row| Box::new(Row::of(row, None, AT_RISK_MIN))),
            }),
            Self::Alarms(alarms, count) => {
                Some(AppEvent::Alarms { alarms: alarms.as_ref().clone(), count: *count })
            }
            Self::AlarmSettled(center, key) => Some(AppEvent::AlarmSettled {
                center: center.to_string(),
                id: key.id.0,
                kind: key.kind,
                raised_at: key.raised_at.0,
            }),
            Self::Command(report) => Some(AppEvent::Command {
                command_id: report.command.0.clone(),
                center: report.center.to_string(),
                id: report.id.map(|id| id.0),
                rev: report.row.as_ref().map(|row| row.rev().0),
                number: report.number.as_ref().map(ToString::to_string),
                action: report.action.to_string(),
                outcome: report.phase,
                code: report.problem.as_ref().map(|problem| problem.code.as_str().to_owned()),
                message: report.problem.as_ref().map(|problem| problem.detail.clone()),
                batch: if report.batch.is_empty() {
                    None
                } else {
                    Some(report.batch.iter().map(|id| id.0).collect())
                },
                results: if report.results.is_empty() {
                    None
                } else {
                    Some(report.results.iter().map(RowOutcome::of).collect())
                },
                moved_on: report.problem.as_ref().and_then(MovedOn::of).map(Box::new),
            }),
            Self::Checked(center, report) => {
                Some(AppEvent::Check { center: center.to_string(), report: report.as_ref().clone() })
            }
            Self::SignedOut(problem) => Some(AppEvent::SignedOut {
                code: problem.as_ref().map(|problem| problem.code.as_str().to_owned()),
            }),
            Self::Resync
            | Self::State(..)
            | Self::Proved(..)
            | Self::Repaired(..)
            | Self::Centers(_)
            | Self::Rows(..)
            | Self::Riders(..)
            | Self::Notice(..)
            | Self::ViewStalled(_) => None,
        }
    }
}

/// The receiving end. A listener that falls behind gets [`EngineEvent::Resync`] and then the present, never a silent
/// hole.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Parcel>,
    /// What came together and is not read yet.
    rest: VecDeque<EngineEvent>,
}

/// What a listener is handed at once. The present is one parcel however much it holds: in pieces, one that is longer than
/// the channel would never arrive whole.
#[derive(Debug)]
pub(crate) enum Parcel {
    One(EngineEvent),
    Present(Vec<EngineEvent>),
}

impl Events {
    pub(crate) fn new(receiver: mpsc::Receiver<Parcel>) -> Self {
        Self { receiver, rest: VecDeque::new() }
    }

    /// The next event; none: the engine has stopped. Cancel-safe.
    pub async fn next(&mut self) -> Option<EngineEvent> {
        while self.rest.is_empty() {
            match self.receiver.recv().await? {
                Parcel::One(event) => return Some(event),
                Parcel::Present(events) => self.rest = events.into(),
            }
        }
        self.rest.pop_front()
    }

    /// The next event that is there already.
    #[cfg(test)]
    pub(crate) fn try_next(&mut self) -> Option<EngineEvent> {
        while self.rest.is_empty() {
            match self.receiver.try_recv().ok()? {
                Parcel::One(event) => return Some(event),
                Parcel::Present(events) => self.rest = events.into(),
            }
        }
        self.rest.pop_front()
    }
}
