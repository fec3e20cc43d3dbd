//! REST: one request for data at a time, which one is due, polling while there is no proof, and failures.
//!
//! What is due, most urgent first: a snapshot · `changes` for a gap · the next step of a repair · `changes` as a poll
//! (only while not Live) · rows that could not be read · the next step of a comparison on demand · the two-minute routine.
//!
//! What comes of the question in flight, whichever it is ([`Job`]; a test walks every cell):
//!
//! | answer | follows |
//! | --- | --- |
//! | of its kind, at a revision that is reached | taken; repair goes on to its next step (see [`super::repair`]) |
//! | of its kind, of a revision beyond the cursor that it brings no frame to | `changes` first, then the step again |
//! | of another kind, contradicting itself, unreadable | counted malformed, a failure; again after 3 s, doubling |
//! | nobody answers · 429, 503 · any refusal not named here | a failure; again after about 3 s, or `Retry-After` |
//! | 410 `epoch`, `floor` | a snapshot |
//! | 410 `ahead` | as before, until it has been said for 10 s: then a snapshot that may be older |
//! | 404, 403 | `Refused`; asked again every 30 s |
//! | to a question that is not in flight any more | nothing |

use super::Session;
use super::fetch::{Fetch, FetchFailure, FetchId, Fetched, SessionAction};
use super::job::{BAD_ANSWER_MAX_MS, Job, POLL_MS};
use super::order::is_sound;
use super::proof::{Instant, ProvenBy};
use super::repair::{IDS_MAX, Step};
use crate::io::{LinkReason, Mono, Now};
use crate::mutation::{Mutation, is_mutated};
use crate::stats::RowSource;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::ChangesReply;
use gwanje_wire::socket::Cursor;
use gwanje_wire::{ErrorCode, Problem, ResyncReason};
use std::collections::VecDeque;

/// A request that never came back is given up after this long. The shell's own limits are shorter.
const FLIGHT_MAX_MS: u64 = 180_000;
/// Frames wait no longer than this for one step of a repair: a slow answer must not freeze a board that is followed well.
const HOLD_MAX_MS: u64 = 3_000;
/// The longest that a server's `Retry-After` is obeyed.
const RETRY_AFTER_MAX_S: u64 = 600;
/// A center that was refused by REST is asked for again this often: it may have been a stray error.
pub(super) const REFUSED_AGAIN_MS: u64 = 30_000;
/// REST counts as failing after this many failures in a row.
const FAILING: u32 = 2;

#[derive(Debug)]
pub(super) struct Flight {
    id: FetchId,
    pub(super) job: Job,
    sent: Now,
}

impl Flight {
    #[cfg(test)]
    pub(super) fn id(&self) -> FetchId {
        self.id
    }

    fn given_up_at(&self) -> Mono {
        self.sent.mono.plus_ms(match self.job {
            Job::Changes(_) | Job::Snapshot => FLIGHT_MAX_MS,
            Job::Digest | Job::Revs(_) | Job::Rows(_) | Job::Content(_) | Job::Unread(_) => HOLD_MAX_MS,
        })
    }
}

/// The question for alarms in flight.
#[derive(Debug)]
struct AlarmFlight {
    id: FetchId,
    sent: Now,
    /// The sequence that was asked after.
    after: u64,
}

/// Requests, and how they fare.
#[derive(Debug)]
pub(super) struct Rest {
    next_id: u64,
    pub(super) flight: Option<Flight>,
    alarms: Option<AlarmFlight>,
    alarm_failures: u32,
    pub(super) failures: u32,
    /// Answers in a row that could not be used.
    bad: u32,
    pub(super) reason: LinkReason,
    hold_until: Mono,
    pub(super) poll_due: Mono,
    /// What the last question for changes was for: a gap or a poll.
    changes_for: RowSource,
}

impl Rest {
    pub(super) fn new(now: Now) -> Self {
        Self {
            next_id: 0,
            flight: None,
            alarms: None,
            alarm_failures: 0,
            failures: 0,
            bad: 0,
            reason: "not asked yet".into(),
            hold_until: now.mono,
            poll_due: now.mono,
            changes_for: RowSource::Poll,
        }
    }

    fn id(&mut self) -> FetchId {
        self.next_id += 1;
        FetchId(self.next_id)
    }

    /// Drops the request in flight unless it is of that kind.
    pub(super) fn drop_unless(&mut self, out: &mut VecDeque<SessionAction>, keep: impl Fn(&Job) -> bool) {
        if let Some(flight) = self.flight.take_if(|flight| !keep(&flight.job)) {
            out.push_back(SessionAction::DropFetch(flight.id));
        }
    }

    /// Drops everything.
    pub(super) fn drop_all(&mut self, out: &mut VecDeque<SessionAction>) {
        self.drop_unless(out, |_| false);
        self.drop_alarms(out);
    }

    /// Drops the question for alarms.
    pub(super) fn drop_alarms(&mut self, out: &mut VecDeque<SessionAction>) {
        if let Some(AlarmFlight { id, .. }) = self.alarms.take() {
            out.push_back(SessionAction::DropFetch(id));
        }
    }

    /// Nobody answered.
    pub(super) fn fail(&mut self, reason: LinkReason) {
        self.failures = self.failures.saturating_add(1);
        self.reason = reason;
    }

    pub(super) fn failing(&self) -> Option<LinkReason> {
        (self.failures >= FAILING).then(|| self.reason.clone())
    }
}

impl Session {
    /// Sends what is due, if anything may be sent.
    pub(super) fn ask(&mut self, now: Now) {
        if !self.restored || !self.authorised || self.is_refused(now) {
            return;
        }
        self.ask_alarms(now);
        if self.rest.flight.as_ref().is_some_and(|flight| flight.given_up_at() <= now.mono) {
            self.rest.drop_unless(&mut self.out, |_| false);
            self.fail("no answer".into(), None, now);
            self.drain(now);
        }
        if self.rest.flight.is_some() || now.mono < self.rest.hold_until {
            return;
        }
        let Some(cursor) = self.order.cursor().cloned() else {
            let due = *self.snapshot.get_or_insert(now.mono);
            return self.ask_snapshot(due, now);
        };
        if let Some(due) = self.snapshot {
            return self.ask_snapshot(due, now);
        }
        if let Some(due) = self.gap {
            if due <= now.mono {
                self.rest.changes_for = RowSource::Changes;
                self.ask_changes(cursor, now);
            }
        } else if self.repair.step != Step::Idle && self.repair.not_before <= now.mono {
            self.ask_repair(cursor.rev, now);
        } else if !self.is_live(now) && self.rest.poll_due <= now.mono {
            self.stats.polls += u64::from(!self.is_joined());
            self.rest.changes_for = RowSource::Poll;
            self.ask_changes(cursor, now);
        } else if !self.unread.due.is_empty() {
            let ids: Vec<_> = self.unread.due.iter().copied().take(IDS_MAX).collect();
            let rows: Vec<_> =
                ids.iter().filter_map(|id| self.rows.get(*id)).map(|r| (r.id(), r.rev())).collect();
            self.unread.ask(rows.into_iter());
            self.unread.due.retain(|id| !ids.contains(id));
            self.send(Job::Unread(ids.clone()), Fetch::Rows { ids, after: cursor.rev }, now);
        } else if self.repair.step == Step::Idle && self.check_wants() {
            self.next_check_step(now);
            self.ask_repair(cursor.rev, now);
        } else if self.repair.step == Step::Idle && self.repair.routine_due <= now.mono {
            self.reconcile(now);
            self.ask_repair(cursor.rev, now);
        }
    }

    /// When [`Session::ask`] will have something to send; mirrors its order.
    pub(super) fn ask_at(&self) -> Option<Mono> {
        if !self.restored || !self.authorised {
            return None;
        }
        if let Some(refusal) = &self.refused {
            return refusal.again;
        }
        let alarms = self.rest.alarms.is_none().then_some(self.alarms.due).flatten();
        let data = if let Some(flight) = &self.rest.flight {
            flight.given_up_at()
        } else {
            let due = self.snapshot.or(self.gap).unwrap_or_else(|| {
                let idle = self.repair.step == Step::Idle;
                let repair = if idle { self.repair.routine_due } else { self.repair.not_before };
                // While Live the poll waits for the proof to go stale, which is a deadline of its own.
                let poll = match self.state {
                    crate::io::State::Live { .. } => repair,
                    crate::io::State::Connecting { .. }
                    | crate::io::State::CatchingUp { .. }
                    | crate::io::State::Polling { .. }
                    | crate::io::State::Offline { .. }
                    | crate::io::State::Refused { .. } => self.rest.poll_due,
                };
                let quiet = self.unread.due.is_empty() && !(idle && self.check_wants());
                let unread = if quiet { repair } else { Mono(0) };
                repair.min(poll).min(unread)
            });
            due.max(self.rest.hold_until)
        };
        Some(alarms.map_or(data, |alarms| alarms.min(data)))
    }

    pub(super) fn send(&mut self, job: Job, fetch: Fetch, now: Now) {
        let id = self.rest.id();
        self.rest.flight = Some(Flight { id, job, sent: now });
        self.out.push_back(SessionAction::Fetch(id, fetch));
    }

    fn ask_snapshot(&mut self, due: Mono, now: Now) {
        if due <= now.mono {
            self.send(Job::Snapshot, Fetch::Snapshot, now);
        }
    }

    fn ask_changes(&mut self, cursor: Cursor, now: Now) {
        let limit = u32::try_from(FRAME_MAX_ENTRIES).unwrap_or(u32::MAX);
        self.send(Job::Changes(cursor.clone()), Fetch::Changes { cursor, limit }, now);
    }

    fn ask_alarms(&mut self, now: Now) {
        if self.rest.alarms.as_ref().is_some_and(|asked| now.mono.since(asked.sent.mono) > FLIGHT_MAX_MS) {
            self.rest.alarms = None;
        }
        if self.rest.alarms.is_none() && self.alarms.due.is_some_and(|due| due <= now.mono) {
            let id = self.rest.id();
            let after = self.alarms.after();
            self.rest.alarms = Some(AlarmFlight { id, sent: now, after });
            self.alarms.due = None;
            self.out.push_back(SessionAction::Fetch(id, Fetch::Alarms { after }));
        }
    }

    /// A request came back.
    pub(super) fn take_answer(&mut self, id: FetchId, result: Result<Fetched, FetchFailure>, now: Now) {
        if let Some(AlarmFlight { after, .. }) = self.rest.alarms.take_if(|asked| asked.id == id) {
            return self.take_alarms(after, result, now);
        }
        // Anything but the one in flight was dropped: its answer is of no use.
        let Some(Flight { job, sent, .. }) = self.rest.flight.take_if(|flight| flight.id == id) else {
            return;
        };
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(FetchFailure::Problem { problem, retry_after_s }) => {
                return self.take_problem(&problem, retry_after_s, sent, now);
            }
            Err(FetchFailure::Unreachable(reason)) => return self.fail(reason, None, now),
            Err(FetchFailure::Malformed) => return self.fail_malformed(now),
        };
        self.succeed(now);
        match (job, fetched) {
            (Job::Changes(after), Fetched::Changes(reply)) => self.take_changes(&after, &reply, sent, now),
            (Job::Snapshot, Fetched::Snapshot(reply)) => self.take_snapshot(reply, sent, now),
            (Job::Digest, Fetched::Digest(reply)) => self.take_digest(&reply, sent, now),
            (Job::Revs(buckets), Fetched::Revs(reply)) => self.take_revs(&buckets, reply, now),
            (Job::Rows(ids), Fetched::Rows(reply)) => self.take_rows(&ids, reply, now),
            (Job::Content(buckets), Fetched::Rows(reply)) => self.take_content(&buckets, reply, now),
            (Job::Unread(ids), Fetched::Rows(reply)) => self.take_unread(&ids, reply, now),
            // An answer to another question.
            (
                Job::Changes(_)
                | Job::Snapshot
                | Job::Digest
                | Job::Revs(_)
                | Job::Rows(_)
                | Job::Content(_)
                | Job::Unread(_),
                Fetched::Changes(_)
                | Fetched::Snapshot(_)
                | Fetched::Digest(_)
                | Fetched::Revs(_)
                | Fetched::Rows(_)
                | Fetched::Alarms(_),
            ) => self.fail_malformed(now),
        }
        if self.rest.failures == 0 {
            self.rest.bad = 0;
        }
        if !self.holds_frames() {
            self.drain(now);
        }
    }

    fn take_changes(&mut self, after: &Cursor, reply: &ChangesReply, sent: Now, now: Now) {
        let Some(cursor) = self.order.cursor().cloned() else { return };
        let head = &reply.head;
        match head.epoch.cmp(&cursor.epoch) {
            std::cmp::Ordering::Less => {
                if self.is_old_epoch_to_adopt(&head.epoch, sent, now) {
                    self.want_snapshot_soon(now);
                }
                return;
            }
            std::cmp::Ordering::Greater => {
                self.order.note_newer(&head.epoch, now.mono);
                return self.want_snapshot_soon(now);
            }
            std::cmp::Ordering::Equal => {}
        }
        let frame = &reply.frame;
        if frame.epoch != cursor.epoch || frame.from > after.rev || !is_sound(frame) {
            return self.fail_malformed(now);
        }
        self.old_epoch = None;
        self.not_ahead(head);
        let asked = Instant::of_question(sent, now);
        self.note_head(head, asked, now);
        if self.order.place(frame) == super::order::Place::Next {
            self.apply(frame, self.rest.changes_for, now);
        }
        self.order.note_head(head, now.mono);
        let uncut = frame.to >= head.rev;
        if !uncut && frame.to <= after.rev {
            // A page that does not advance is an error (rule 13).
            return self.fail_malformed(now);
        }
        if uncut {
            self.suspect = self.suspect.filter(|since| *since > sent.mono);
            self.compare(head, asked, ProvenBy::Rest, now);
        }
        self.drain(now);
        let open = self.order.is_behind() || self.suspect.is_some();
        self.gap = open.then(|| match (uncut, frame.to > after.rev) {
            (false, _) => now.mono,
            (true, true) => self.soon(now),
            // The answer knew nothing beyond the cursor, although there is something: a replica that lags.
            (true, false) => self.rest.poll_due,
        });
    }

    fn take_alarms(&mut self, after: u64, result: Result<Fetched, FetchFailure>, now: Now) {
        if let Ok(Fetched::Alarms(reply)) = result {
            self.rest.alarm_failures = 0;
            self.stats.malformed += reply.unreadable;
            self.alarms.page(after, reply, &self.rows, now.mono, &mut self.out);
        } else {
            self.stats.malformed += u64::from(!matches!(
                result,
                Err(FetchFailure::Problem { .. } | FetchFailure::Unreachable(_))
            ));
            let wait = POLL_MS.saturating_mul(1 << self.rest.alarm_failures.min(4)).min(BAD_ANSWER_MAX_MS);
            self.rest.alarm_failures += 1;
            self.alarms.due = Some(now.mono.plus_ms(wait));
        }
    }

    fn take_problem(&mut self, problem: &Problem, retry_after_s: Option<u64>, sent: Now, now: Now) {
        match (problem.code, problem.reason) {
            (ErrorCode::Resync, reason) => {
                self.succeed(now);
                self.resync(reason.unwrap_or(ResyncReason::Epoch), sent, now);
            }
            (code @ (ErrorCode::NotFound | ErrorCode::Forbidden), _) => {
                self.refuse(code, now);
                if let Some(refusal) = &mut self.refused {
                    refusal.again = Some(now.mono.plus_ms(REFUSED_AGAIN_MS));
                }
            }
            (
                // The client renews an expired sign-in, and says so when it can't.
                ErrorCode::Unauthorized
                | ErrorCode::TooManyRequests
                | ErrorCode::Unavailable
                | ErrorCode::Other
                | ErrorCode::Invalid
                | ErrorCode::InvalidTransition
                | ErrorCode::Conflict
                | ErrorCode::Void,
                _,
            ) => {
                self.answered = true;
                self.fail(problem.code.as_str().into(), retry_after_s, now);
            }
        }
    }

    /// REST answers.
    fn succeed(&mut self, now: Now) {
        self.answered = true;
        self.refused = None;
        self.rest.failures = 0;
        self.rest.hold_until = now.mono;
        self.poll_later(now);
    }

    /// No usable answer: the same is asked for again later.
    pub(super) fn fail(&mut self, reason: LinkReason, retry_after_s: Option<u64>, now: Now) {
        self.rest.fail(reason);
        self.poll_later(now);
        let told = retry_after_s.unwrap_or(0).min(RETRY_AFTER_MAX_S).saturating_mul(1_000);
        self.rest.hold_until = self.rest.poll_due.max(now.mono.plus_ms(told));
        if self.repair.step != Step::Idle {
            self.repair.retry(self.rest.hold_until);
        }
    }

    /// An answer that contradicts itself or the contract: ever longer waits.
    pub(super) fn fail_malformed(&mut self, now: Now) {
        self.stats.malformed += 1;
        let wait = POLL_MS.saturating_mul(1 << self.rest.bad.min(8)).min(BAD_ANSWER_MAX_MS);
        self.rest.bad = self.rest.bad.saturating_add(1);
        self.fail("an answer that can't be read".into(), None, now);
        self.rest.hold_until = self.rest.hold_until.max(now.mono.plus_ms(wait));
    }

    /// The next poll, about three seconds from now.
    pub(super) fn poll_later(&mut self, now: Now) {
        let fifth = POLL_MS / 5;
        let pause = self.draw(POLL_MS - fifth, POLL_MS + fifth);
        self.rest.poll_due = now.mono.plus_ms(if is_mutated(Mutation::PollWithoutPause) { 0 } else { pause });
    }
}
