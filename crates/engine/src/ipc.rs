//! What a page is told: plain values with camelCase names, written for it in TypeScript too.

mod diagnostics;
mod drafts;
mod monitor;

pub use diagnostics::{AuditView, CenterDiagnostics, ComparedView, Diagnostics, Queues, RepairView};
pub use drafts::{DraftKind, DraftSubject, DraftView};
pub use monitor::{ClientsView, ClientsWish};

use gwanje_board::Row;
use gwanje_model::undo::UNDO_WITHIN_MS;
use gwanje_model::{AT_RISK_MIN, CenterId, Status, Text};
use gwanje_sync::{AlarmPriority, CheckReport, State};
use gwanje_wire::batch::BatchResult;
use gwanje_wire::rest::{AlarmKind, CenterInfo, ReceiptStage};
use gwanje_wire::{ErrorCode, Person, Problem};
use serde::Serialize;
use ts_rs::TS;

/// An error at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct IpcError {
    /// For programs; a code of the wire contract where the server refused.
    pub code: String,
    /// One sentence for people (English; pages translate by code).
    pub message: String,
    /// The same may succeed a little later.
    pub retryable: bool,
}

/// Who is signed in, where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The account's name.
    pub account: String,
    /// What people call whoever has it.
    pub name: String,
    /// Wire name of its role.
    pub role: String,
    /// Base URL of the server.
    pub server: String,
    /// The centers that are followed.
    pub centers: Vec<CenterView>,
    /// The name of a foreign server; null: a hub. A foreign server is proven by its list and takes no commands.
    pub foreign: Option<String>,
    /// The server's day is simulated, as far as it was told.
    pub drill: bool,
}

/// A center by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CenterView {
    /// Its id.
    pub id: String,
    /// Its name (the id until the server has told).
    pub name: String,
    /// IANA name (`Asia/Seoul` until the server has told).
    pub time_zone: String,
    /// Milliseconds (wall clock) within which the hub takes a change back; 0: never.
    #[serde(default = "usual_undo_within_ms")]
    #[ts(type = "number")]
    pub undo_within_ms: u64,
    /// With fewer minutes left a delivery is at risk.
    #[serde(default = "usual_at_risk_min")]
    pub at_risk_min: u32,
}

impl CenterView {
    /// A center as the server told it.
    #[must_use]
    pub fn of(info: &CenterInfo) -> Self {
        Self {
            id: info.id.to_string(),
            name: info.name.to_string(),
            time_zone: info.time_zone.to_string(),
            undo_within_ms: info.undo_within_ms,
            at_risk_min: info.at_risk_min,
        }
    }

    /// A center of which the server has told nothing yet.
    #[must_use]
    pub fn unknown(id: &CenterId) -> Self {
        Self {
            id: id.to_string(),
            name: id.to_string(),
            time_zone: DEFAULT_ZONE.to_owned(),
            undo_within_ms: usual_undo_within_ms(),
            at_risk_min: AT_RISK_MIN,
        }
    }
}

/// The time zone until the server has told it: this product's home.
const DEFAULT_ZONE: &str = "Asia/Seoul";

fn usual_undo_within_ms() -> u64 {
    UNDO_WITHIN_MS.unsigned_abs()
}

fn usual_at_risk_min() -> u32 {
    AT_RISK_MIN
}

/// What an account keeps for itself at the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PreferenceView {
    /// JSON, as it was kept.
    pub json: String,
    /// Names what was read: who replaces it says that it knows it.
    pub version: String,
}

/// What became of something that an account keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PreferenceSaved {
    /// It is kept.
    Saved {
        /// Names it from now on.
        version: String,
    },
    /// Another window or seat was quicker; nothing was kept.
    Conflict {
        /// What is there now; null: nothing.
        latest: Option<PreferenceView>,
    },
}

/// A center's freshness, by the name that a page uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum FreshnessState {
    /// Nothing has answered since the start.
    Connecting,
    /// Socket joined, not proven.
    CatchingUp,
    /// The board holds the hub's revision of every row.
    Live,
    /// No socket; REST answers.
    Polling,
    /// Nobody answers.
    Offline,
    /// Sign-in, account or center refused.
    Refused,
}

impl From<&State> for FreshnessState {
    fn from(state: &State) -> Self {
        match state {
            State::Connecting { .. } => Self::Connecting,
            State::CatchingUp { .. } => Self::CatchingUp,
            State::Live { .. } => Self::Live,
            State::Polling { .. } => Self::Polling,
            State::Offline { .. } => Self::Offline,
            State::Refused { .. } => Self::Refused,
        }
    }
}

/// How fresh a center's board is. Instants are UTC milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CenterFreshness {
    /// Which center.
    pub center: String,
    /// In one word.
    pub state: FreshnessState,
    /// Since when (the desk's wall clock).
    #[ts(type = "number")]
    pub since: i64,
    /// Why not live; with `refused`: the code.
    pub reason: Option<String>,
    /// "Complete as of": the last proof (wall clock); null: none yet.
    #[ts(type = "number | null")]
    pub proven_at: Option<i64>,
    /// Rows that could not be read: of those the proof says nothing.
    #[ts(type = "number")]
    pub unread: u64,
    /// The clock of operations as last heard; null: not yet.
    #[ts(type = "number | null")]
    pub day_at: Option<i64>,
    /// The wall instant of the desk at which `day_at` held.
    #[ts(type = "number | null")]
    pub day_at_wall: Option<i64>,
    /// Milliseconds of operations in a millisecond of the wall: 1 in production, more in a drill.
    pub speed: f64,
    /// The day is simulated.
    pub drill: bool,
    /// The revision on the board.
    #[ts(type = "number")]
    pub rev: u64,
    /// Its history; null: none yet.
    pub epoch: Option<String>,
}

/// A seat's word on an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AlarmReceiptView {
    /// Whose sign-in it came by.
    pub account: String,
    /// Which seat.
    pub seat: String,
    /// How far the alarm has come there.
    pub stage: ReceiptStage,
    /// When (wall clock).
    #[ts(type = "number")]
    pub at: i64,
}

/// An alarm on the list. Instants are UTC milliseconds of the wall clock, but for `raisedAt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AlarmView {
    /// Which center.
    pub center: String,
    /// What the center is called (its id until the server has told).
    pub center_name: String,
    /// Which delivery; 0: the center.
    #[ts(type = "number")]
    pub id: u64,
    /// About what.
    pub kind: AlarmKind,
    /// With `center`, `id` and `kind` the alarm's key (operations time; for `unproven` the desk's clock).
    #[ts(type = "number")]
    pub raised_at: i64,
    /// When the hub wrote it; null: not known (yet).
    #[ts(type = "number | null")]
    pub at: Option<i64>,
    /// How urgent it is.
    pub priority: AlarmPriority,
    /// What people call the delivery; null: not known.
    pub number: Option<String>,
    /// The shop's name; null: not known.
    pub shop: Option<String>,
    /// The rider's name; null: none, or not known.
    pub rider: Option<String>,
    /// The delivery's status before what raised the alarm; null: not known.
    pub was: Option<Status>,
    /// Who did what raised it; null: the clock, or not known.
    pub by: Option<String>,
    /// This seat caused it: it is silent.
    pub yours: bool,
    /// The hub has lost what it was about: it goes on from a state before it.
    pub lost: bool,
    /// How far it has come at each seat.
    pub receipts: Vec<AlarmReceiptView>,
    /// Further seats, which the hub counts only.
    #[ts(type = "number")]
    pub more: u64,
    /// Somebody took note: it is listed until its reason is gone.
    pub acknowledged: bool,
    /// Who did first, as the hub knows.
    pub acknowledged_by: Option<String>,
    /// When.
    #[ts(type = "number | null")]
    pub acknowledged_at: Option<i64>,
    /// When it became the supervisors' too.
    #[ts(type = "number | null")]
    pub escalated_at: Option<i64>,
    /// When its reason was gone.
    #[ts(type = "number | null")]
    pub settled_at: Option<i64>,
}

/// What became of a command, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum CommandPhase {
    /// On its way.
    Pending,
    /// Committed.
    Done,
    /// Decided against; nothing was done.
    Refused,
    /// It never left this seat, or never came to a decision and will not; nothing was done.
    NotSent,
    /// Nobody knows: the answer is overdue; asked again.
    Unknown,
    /// Done or not, and nobody can find out any more.
    Unknowable,
    /// It had been done, and the hub has lost that: it goes on from a state before it.
    Lost,
}

/// What became of a delivery since a person saw it, and who made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MovedOn {
    /// The revision that it has now: to do it all the same, the command names this one as seen.
    #[ts(type = "number")]
    pub rev: u64,
    /// Where it stands now.
    pub status: Status,
    /// The name of the rider who has it now.
    pub rider: Option<String>,
    /// Who did it; null: not told.
    pub by: Option<Person>,
    /// What they did, by the name that the history gives it; null: not told.
    pub action: Option<String>,
    /// When (operations time); null: not told.
    #[ts(type = "number | null")]
    pub at: Option<i64>,
}

impl MovedOn {
    /// What a conflict tells.
    #[must_use]
    pub fn of(problem: &Problem) -> Option<Self> {
        let row = problem.current.as_ref()?;
        let latest = problem.latest.as_ref().filter(|latest| latest.rev == row.rev);
        Some(Self {
            rev: row.rev.0,
            status: row.status,
            rider: row.rider.as_ref().map(|rider| rider.name.to_string()),
            by: latest.map(|latest| latest.by.clone()),
            action: latest.map(|latest| latest.action.to_string()),
            at: latest.map(|latest| latest.at.0),
        })
    }
}

/// What became of one delivery of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RowOutcome {
    /// Which delivery.
    #[ts(type = "number")]
    pub id: u64,
    /// What people call it; null: the board does not have it.
    pub number: Option<String>,
    /// The revision that the action made of it, by which it can be taken back; null: it was refused.
    #[ts(type = "number | null")]
    pub rev: Option<u64>,
    /// Why it was refused, for programs; null: it was done.
    pub code: Option<String>,
    /// Why it was refused, for people; null: it was done.
    pub message: Option<String>,
    /// With the code `conflict`: what became of it since the person saw it.
    pub moved_on: Option<MovedOn>,
}

impl RowOutcome {
    /// As the hub told it, with what people call the delivery.
    #[must_use]
    pub fn of((result, number): &(BatchResult, Option<Text>)) -> Self {
        let problem = result.problem.as_ref().filter(|_| !result.is_done());
        let code = if result.is_done() { None } else { Some(problem.map_or(ErrorCode::Other, |p| p.code)) };
        Self {
            id: result.id.0,
            number: number.as_ref().map(ToString::to_string),
            rev: result.row.as_ref().map(|row| row.rev().0),
            code: code.map(|code| code.as_str().to_owned()),
            message: problem.map(|problem| problem.detail.clone()),
            moved_on: problem.and_then(|problem| MovedOn::of(problem)),
        }
    }
}

/// What happens, for a page.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AppEvent {
    /// A center's freshness.
    Freshness(CenterFreshness),
    /// Tell the person.
    Alarm {
        /// Which center.
        center: String,
        /// Which delivery.
        #[ts(type = "number")]
        id: u64,
        /// About what.
        kind: AlarmKind,
        /// With `center`, `id` and `kind`: the alarm's key.
        #[ts(type = "number")]
        raised_at: i64,
        /// Raised before, and still open.
        relisted: bool,
        /// How urgent it is.
        priority: AlarmPriority,
        /// This seat caused it: it is silent.
        yours: bool,
        /// The delivery as known; null: unreadable or unknown.
        row: Option<Box<Row>>,
    },
    /// The alarms, the most urgent first, the oldest of equals first; at most five times a second.
    Alarms {
        /// Those that are told: the first of them.
        alarms: Vec<AlarmView>,
        /// How many there are.
        #[ts(type = "number")]
        count: u64,
    },
    /// Acknowledged, here or at another seat.
    AlarmSettled {
        /// Which center.
        center: String,
        /// Which delivery.
        #[ts(type = "number")]
        id: u64,
        /// About what.
        kind: AlarmKind,
        /// The rest of the alarm's key.
        #[ts(type = "number")]
        raised_at: i64,
    },
    /// News of a command of this seat.
    Command {
        /// Which command.
        command_id: String,
        /// In which center.
        center: String,
        /// On which delivery; null: a new order that has no id yet.
        #[ts(type = "number | null")]
        id: Option<u64>,
        /// With `done`: the revision that it made of the delivery, by which it can be taken back; absent: not told.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional, as = "Option<f64>")]
        rev: Option<u64>,
        /// What people call that delivery; null: the board does not have it.
        number: Option<String>,
        /// Wire name of the action, or `create`.
        action: String,
        /// What became of it.
        outcome: CommandPhase,
        /// With `refused`, `notSent` and `unknowable`: why, for programs.
        code: Option<String>,
        /// With `refused`, `notSent` and `unknowable`: why, for people.
        message: Option<String>,
        /// With the code `conflict`: what became of the delivery since the person saw it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        moved_on: Option<Box<MovedOn>>,
        /// Of a batch: its deliveries.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional, as = "Option<Vec<f64>>")]
        batch: Option<Vec<u64>>,
        /// Of a batch, with `done`: what became of each delivery, in the order asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        results: Option<Vec<RowOutcome>>,
    },
    /// How far a comparison of everything has come.
    Check {
        /// Which center.
        center: String,
        /// How far.
        report: CheckReport,
    },
    /// Signed out, by the person (null) or by the server.
    SignedOut {
        /// Why, for programs.
        code: Option<String>,
    },
}
