//! One center on a server that knows no revisions (rule 15): rows by modification time, proof by the list.
//!
//! | what comes | what it may do |
//! | --- | --- |
//! | an event | takes the place of a row when its time is not before the row's |
//! | a bulk event | the same, and whatever its time for rows that no event touched for ten seconds: a list that came unasked |
//! | the list | takes the place of every row that no event touched since it was asked for, whatever its time; what it lacks leaves, unless an event touched it since, or just before |
//! | anything of a removed row | nothing for ten minutes: only lists that name it for half a minute bring it back |
//!
//! Each change gets a revision of this seat's own, so that board, cache and views work as they do for a hub. It proves
//! nothing: *proof* is a list without a difference. `Live` means that the socket is joined, and that since then (and
//! since anything unreadable came) the rows were compared with a list. That list was asked for no longer ago than its
//! interval, its time-out and five seconds.
//!
//! | file | one idea |
//! | --- | --- |
//! | `apply` | which row takes the place of which |
//! | `check` | comparing everything on demand |
//! | `listing` | when to ask for the list |
//! | `names` | numbers for their ids |
//! | `removed` | what left, and may not come back |
//! | `telling` | how changes reach cache, board and person; the state |

mod apply;
mod check;
mod listing;
mod names;
mod reading;
mod removed;
mod telling;

pub(crate) use listing::Asked;
pub use reading::UnreadKind;

use super::alarms::Alarms;
use super::fetch::SessionAction;
use super::rows::Rows;
use crate::io::{AlarmKey, ForeignName, LinkReason, Mono, Now, Proof, Restored, RowChange, State};
use crate::stats::{Cost, RowSource, Stats};
use apply::{Compared, Mark, Source};
use check::Check;
use gwanje_dialect::{Dialect, EventRule, Means};
use gwanje_model::{DeliveryId, Epoch, Rev, SeatId, UtcMillis};
use gwanje_reading::Mended;
use gwanje_wire::rest::{AlarmsRead, ReceiptStage};
use gwanje_wire::socket::Cursor;
use gwanje_wire::{ErrorCode, WireRow};
use listing::Listing;
use names::Names;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use reading::Reading;
use removed::Removed;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use telling::Unproven;

/// The cache is audited this often, milliseconds (rule 4).
const AUDIT_EVERY_MS: u64 = 120_000;
/// The center's clock is looked at this often, milliseconds, as often as heads come from a hub.
const CLOCK_EVERY_MS: u64 = 2_000;

/// One center on a foreign server.
#[derive(Debug)]
pub(crate) struct ForeignSession {
    dialect: Arc<Dialect>,
    rng: ChaCha8Rng,
    out: VecDeque<SessionAction>,
    state: State,
    stats: Stats,

    restored: bool,
    answered: bool,
    refused: Option<ErrorCode>,
    /// Since when the socket is joined.
    joined: Option<Mono>,
    socket_reason: LinkReason,
    /// Lists in a row that did not come, and why the last did not.
    failures: u32,
    failure: LinkReason,

    rows: Rows,
    marks: BTreeMap<DeliveryId, Mark>,
    names: Names,
    removed: Removed,
    alarms: Alarms,
    has_horizon: bool,
    cursor: Cursor,
    /// Counts what events touched.
    stamp: u64,
    batch: u64,

    listing: Listing,
    /// The last comparison with a list.
    compared: Option<Compared>,
    /// Rows that events know better than the last list.
    newer: u64,
    /// The dates that lists were asked for, in this run.
    dates: Vec<String>,
    reading: Reading,
    /// The last list lacked more than half of the board: the next one is believed.
    exodus: bool,
    /// Something came then that could not be read, or not be placed.
    suspect: Option<(Mono, LinkReason)>,
    /// The newest change that rows tell of.
    newest: UtcMillis,
    last_proof: Option<Proof>,
    proof_unstored: bool,
    unproven: Unproven,
    check: Option<Check>,
    clock_due: Mono,
    audit_due: Mono,
}

/// The interface that [`crate::Foreign`] drives. Each call may leave actions in the queue.
impl ForeignSession {
    /// A session that waits for [`ForeignSession::restored`].
    pub(crate) fn new(dialect: Arc<Dialect>, seat: SeatId, seed: u64, now: Now) -> Self {
        Self {
            listing: Listing::new(&dialect.snapshot, now.mono),
            dialect,
            rng: ChaCha8Rng::seed_from_u64(seed),
            out: VecDeque::new(),
            state: State::Connecting { since: now.wall, reason: "no socket yet".into() },
            stats: Stats::default(),
            restored: false,
            answered: false,
            refused: None,
            joined: None,
            socket_reason: "no socket yet".into(),
            failures: 0,
            failure: "no answer yet".into(),
            rows: Rows::default(),
            marks: BTreeMap::new(),
            names: Names::default(),
            removed: Removed::default(),
            alarms: Alarms::foreign(seat),
            has_horizon: false,
            cursor: Cursor { epoch: Epoch::from(""), rev: Rev::ZERO },
            stamp: 0,
            batch: 0,
            compared: None,
            newer: 0,
            dates: Vec::new(),
            reading: Reading::default(),
            exodus: false,
            suspect: None,
            newest: UtcMillis::default(),
            last_proof: None,
            proof_unstored: false,
            unproven: Unproven::default(),
            check: None,
            clock_due: now.mono,
            audit_due: now.mono.plus_ms(AUDIT_EVERY_MS),
        }
    }

    /// What the cache held; from now on the session runs.
    pub(crate) fn restored(&mut self, restored: Restored, now: Now) {
        if self.restored {
            return;
        }
        self.restored = true;
        self.has_horizon = restored.horizon.is_some();
        // There is no `/alarms` to read: what the cache held is all that is known.
        self.alarms.restore(restored.alarms, Some(0), None, restored.horizon, &mut self.out);
        let nothing = AlarmsRead::default();
        self.alarms.page(0, nothing, &self.rows, now.mono, &mut self.out);
        // Its revisions go on counting; an empty cache begins a history of its own.
        self.cursor = restored.cursor.unwrap_or_else(|| Cursor {
            epoch: Epoch::from(format!("list-{:013}", now.wall.0.max(0))),
            rev: Rev::ZERO,
        });
        for (id, ForeignName { name, left_at }) in restored.names {
            if let Some(left_at) = left_at {
                self.removed.recall(id, left_at, now);
            }
            self.names.recall(id, name, left_at);
        }
        let mut changes = vec![RowChange::Clear];
        for row in restored.rows {
            self.marks.insert(row.id(), Mark::of_cached(&row, now));
            if let Some(delivery) = row.delivery() {
                self.newest = self.newest.max(delivery.modified_at);
            }
            self.alarms.see(Some(&row), &row);
            changes.push(RowChange::Upsert(row.clone()));
            self.rows.set(row);
        }
        self.stats.rows_from.take(RowSource::Cache, changes.len() - 1);
        self.alarms.overdue.restored();
        self.out.push_back(SessionAction::Changed(changes, Some(self.cursor.clone())));
        self.listing.ask_at(now.mono);
        self.settle(now);
    }

    /// The socket is joined: from now on events come. Only the list knows what was missed until then.
    pub(crate) fn socket_joined(&mut self, now: Now) {
        self.joined = Some(now.mono);
        self.answered = true;
        self.stats.connects += 1;
        self.listing.joined(now.mono);
        self.settle(now);
    }

    /// The socket is gone, or could not be opened.
    pub(crate) fn socket_lost(&mut self, reason: LinkReason, now: Now) {
        if self.joined.take().is_some() {
            // The next list decides whether REST answers; what failed while the socket was there does not count.
            self.failures = 0;
        }
        self.socket_reason = reason;
        self.listing.lost(now.mono);
        self.settle(now);
    }

    /// A message of the socket, with its name where it has one.
    pub(crate) fn message(&mut self, name: Option<&str>, body: &Value, mended: &Mended, now: Now) {
        self.stats.malformed += self.reading.see_mended(mended);
        if self.restored {
            self.take_message(name, body, now);
        }
        self.settle(now);
    }

    /// What may have been a message of this center could not be read.
    pub(crate) fn malformed(&mut self, now: Now) {
        self.stats.malformed += 1;
        self.doubt("a message could not be read", now);
        self.settle(now);
    }

    /// Anything came on the socket.
    pub(crate) fn heard(&mut self, now: Now) {
        self.settle(now);
    }

    /// Whether to ask for the list now; then it is under way.
    pub(crate) fn take_question(&mut self, now: Now) -> Option<Asked> {
        if !self.restored {
            return None;
        }
        let date = self.dialect.list_date(now.wall);
        let asked = self.listing.take(now, self.stamp, self.cursor.rev, date)?;
        self.stats.polls += 1;
        Some(asked)
    }

    /// The list as it was asked for, whole.
    pub(crate) fn listed(
        &mut self,
        rows: &[Value],
        etag: Option<String>,
        asked: &Asked,
        mended: &Mended,
        now: Now,
    ) {
        self.stats.malformed += self.reading.see_mended(mended);
        self.answered = true;
        self.refused = None;
        if let Err(why) = self.compare(rows, etag, asked, now) {
            self.doubt(&why, now);
            return self.list_failed(why, None, now);
        }
        self.failures = 0;
        self.check_listed(rows.len(), asked);
        self.settle(now);
    }

    /// The list is what it was when it was compared last.
    pub(crate) fn unchanged(&mut self, asked: &Asked, now: Now) {
        self.answered = true;
        self.refused = None;
        self.failures = 0;
        self.compared_equal(asked, now);
        self.settle(now);
    }

    /// The list did not come.
    pub(crate) fn list_failed(&mut self, reason: LinkReason, retry_after_s: Option<u64>, now: Now) {
        self.failures = self.failures.saturating_add(1);
        self.failure = match self.failures {
            1 => reason,
            times => format!("{reason}, {times} times in a row").into(),
        };
        self.check_failed();
        self.listing.failed(retry_after_s, now.mono, &mut self.rng);
        self.settle(now);
    }

    /// The server refuses the list.
    pub(crate) fn list_refused(&mut self, code: ErrorCode, now: Now) {
        self.refused = Some(code);
        self.check_failed();
        self.listing.refused(now.mono);
        self.settle(now);
    }

    /// The server said that it is not to be asked for its list before that.
    pub(crate) fn not_before(&self) -> Mono {
        self.listing.floor()
    }

    /// From now on another server is followed, and not asked before `not_before`. Its list is compared in full, and it
    /// may have started just now.
    pub(crate) fn moved(&mut self, not_before: Mono, now: Now) {
        self.exodus = false;
        self.listing.moved(not_before, now.mono);
        self.settle(now);
    }

    /// The cache committed up to that batch.
    pub(crate) fn committed(&mut self, seq: u64, now: Now) {
        self.alarms.committed(seq, &mut self.out);
        self.settle(now);
    }

    /// The cache can't commit that batch for now: what people must hear is told all the same.
    pub(crate) fn unwritten(&mut self, seq: u64, now: Now) {
        self.committed(seq, now);
    }

    /// The cache was set aside: everything must be persisted afresh.
    pub(crate) fn cache_lost(&mut self, now: Now) {
        if self.restored {
            self.alarms.store_all();
            self.persist_all();
        }
        self.settle(now);
    }

    /// The audit has answered: memory is written over what is damaged on disk, and is compared with the list.
    pub(crate) fn audited(&mut self, damaged: &[DeliveryId], digest_fits: bool, now: Now) {
        self.stats.audits += 1;
        let found = if digest_fits { damaged.len() as u64 } else { (damaged.len() as u64).max(1) };
        self.check_audited(found);
        if self.restored && found > 0 {
            self.stats.mismatches_by.disk += found;
            self.stats.repair.begun += 1;
            self.stats.repairs += damaged.len() as u64;
            self.stats.repair.rows_rewritten += damaged.len() as u64;
            self.persist_all();
            self.listing.repair_at(now.mono);
        }
        self.settle(now);
    }

    /// A person took note, or the window shows it.
    pub(crate) fn receipt(&mut self, key: AlarmKey, stage: ReceiptStage, now: Now) {
        self.alarms.receipt(key, stage, &mut self.out);
        self.settle(now);
    }

    /// A request of the list came back.
    pub(crate) fn spent(&mut self, cost: Cost) {
        self.stats.rest_by.snapshots.take(cost);
        self.stats.take_cost(cost);
        if let Some(check) = &mut self.check {
            check.take_cost(cost);
        }
    }

    /// A deadline has come.
    pub(crate) fn tick(&mut self, now: Now) {
        self.settle(now);
    }

    /// When to call [`ForeignSession::tick`] next.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        if !self.restored {
            return None;
        }
        let check = self.check.as_ref().map(Check::until);
        let all = [self.listing.due(), self.stale_at(), check, Some(self.clock_due), Some(self.audit_due)];
        all.into_iter().flatten().min()
    }

    /// The next thing to do.
    pub(crate) fn poll_action(&mut self) -> Option<SessionAction> {
        self.out.pop_front()
    }

    /// The state at present.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The rows, by id.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &WireRow> {
        self.rows.iter()
    }

    /// What could not be read, by kind.
    pub(crate) fn unread(&self) -> Vec<UnreadKind> {
        self.reading.all()
    }

    /// Counts since the start.
    pub(crate) fn stats(&self) -> Stats {
        Stats { unreadable: self.rows.unreadable(), ..self.stats }
    }
}

impl ForeignSession {
    fn take_message(&mut self, name: Option<&str>, body: &Value, now: Now) {
        let dialect = Arc::clone(&self.dialect);
        let Some(rule) = dialect.event(name) else {
            self.stats.unknown_events += 1;
            return;
        };
        let id = rule.id.as_ref().and_then(|path| path.find(body));
        let found = rule.at.find(body).and_then(|found| rows_in(&dialect, rule, found));
        match (rule.means, found) {
            (Means::Nothing, _) => {}
            (Means::Row, Some(rows)) => self.take_rows(&rows, id, rule, Source::Event, now),
            (Means::Rows, Some(rows)) => self.take_rows(&rows, None, rule, Source::Bulk, now),
            (Means::Gone, Some(rows)) => rows.iter().for_each(|row| self.take_gone(row, id, rule, now)),
            (Means::Gone, None) if id.is_some() => self.take_gone(&Value::Null, id, rule, now),
            (Means::Rows | Means::Row | Means::Gone, None) => {
                self.stats.malformed += 1;
                let place = match &rule.name {
                    Some(name) => format!("the event {name:?} holds no row at {}", rule.at),
                    None => format!("a message holds no row at {}", rule.at),
                };
                self.doubt(&place, now);
            }
        }
    }

    /// Something came that nobody can place: nothing is proven until a list that is asked for from now on.
    fn doubt(&mut self, why: &str, now: Now) {
        self.suspect = Some((now.mono, why.into()));
        self.listing.doubt(now.mono);
    }
}

/// The rows in what an event brings, however many and however packed; none: there is no row.
fn rows_in<'a>(dialect: &Dialect, rule: &EventRule, found: &'a Value) -> Option<Cow<'a, [Value]>> {
    match (found, rule.means) {
        (Value::String(text), _) if text.trim_start().starts_with(['{', '[']) => {
            let (packed, _) = gwanje_reading::several(text).ok()?;
            let mut rows = Vec::new();
            for value in &packed {
                rows.extend(rows_in(dialect, rule, value)?.into_owned());
            }
            Some(Cow::Owned(rows))
        }
        (Value::Array(rows), Means::Rows) => Some(Cow::Borrowed(rows)),
        (list, Means::Rows) => dialect.rows_of(list.clone()).map(Cow::Owned),
        (Value::Null, Means::Row | Means::Gone | Means::Nothing) => None,
        (Value::Array(rows), Means::Row | Means::Gone | Means::Nothing) => {
            let are_rows = rows.iter().all(Value::is_object)
                || (!dialect.rows.is_positional()
                    && rows.iter().all(|row| !row.is_array() && !row.is_null()));
            Some(if are_rows { Cow::Borrowed(rows) } else { Cow::Borrowed(std::slice::from_ref(found)) })
        }
        (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_), _) => {
            Some(Cow::Borrowed(std::slice::from_ref(found)))
        }
    }
}
