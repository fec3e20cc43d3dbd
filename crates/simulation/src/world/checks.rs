//! The invariants, checked after every step that touched a seat. Each says its letter.

use super::seats::center_of;
use super::{Event, World};
use crate::ledger::Truth;
use crate::seat::Proven;
use gwanje_model::{CenterId, DeliveryId, Rev, UtcMillis};
use gwanje_sync::{
    AlarmNotice, CommandId, CommandOutcome, HttpRequest, Method, Proof, Restored, RowChange, State,
};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmKind, Outcome};
use gwanje_wire::socket::Cursor;
use std::collections::{BTreeMap, BTreeSet};

/// How old a proof may be while a board is called Live, milliseconds: two heads and a second.
const FRESH_MS: u64 = 5_000;
/// What a seat reads of one center within five seconds, at most; tickets count as one more center. The most that was seen to
/// be right in ten thousand seeds is 26: rows of a newer hub that change again and again, each read once more.
const READS_MAX: usize = 44;
const READS_WINDOW_MS: u64 = 5_000;
/// After a saying of `ahead` for so long an older board is adopted by right, milliseconds.
const ADOPT_MS: u64 = 10_000;

/// After so long a command's outcome may be forgotten, milliseconds: the hub keeps it for a day, less what a desk's clock
/// may be off when an earlier life's clicks are read.
const FORGOTTEN_MS: u64 = 22 * 3_600_000;

/// A divergence that was planted, and how it is known to be found.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    seat: usize,
    center: CenterId,
    what: Lost,
    at_ms: u64,
}

#[derive(Debug, Clone)]
enum Lost {
    /// The frame up to that revision.
    Frame(Rev),
    /// A row of that revision; unequal digests so far.
    Row(DeliveryId, Rev, u64),
}

impl Planted {
    pub(super) fn lost_frame(seat: usize, center: CenterId, to: Rev, at_ms: u64) -> Self {
        Self { seat, center, what: Lost::Frame(to), at_ms }
    }

    pub(super) fn lost_row(
        seat: usize,
        center: CenterId,
        id: DeliveryId,
        rev: Rev,
        mismatches: u64,
        at_ms: u64,
    ) -> Self {
        Self { seat, center, what: Lost::Row(id, rev, mismatches), at_ms }
    }
}

impl World {
    /// What concerns a seat as a whole: L, R, B.
    pub(super) fn check(&mut self, index: usize) {
        self.thaw_hub();
        self.check_live(index);
        self.check_stats(index);
    }

    /// L, before anything else happens at `now`: nobody who was awake is still told that a board is Live of which the
    /// proof has gone stale meanwhile.
    pub(super) fn check_stale(&mut self, now: u64) {
        let awake = |seat: &&crate::seat::Seat| seat.frozen_until <= self.now;
        let mut wrong = None;
        for seat in self.seats.iter().filter(awake) {
            let Some(app) = seat.app.as_ref() else { continue };
            for (center, state) in &app.states {
                let State::Live { .. } = state else { continue };
                let said_ms = app.proven.get(center).map_or(0, |proven| proven.said_ms);
                if now.saturating_sub(said_ms) > FRESH_MS {
                    wrong = Some(format!(
                        "{}: {center} is still Live, its proof is {} ms old",
                        seat.name,
                        now.saturating_sub(said_ms)
                    ));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.violate('L', wrong);
        }
    }

    /// L: what is called Live was the hub's at an instant no older than two heads and a second.
    fn check_live(&mut self, index: usize) {
        let now = self.now;
        let Some(seat) = self.seats.get(index) else { return };
        let Some(app) = seat.app.as_ref() else { return };
        let mut wrong = None;
        for (center, state) in &app.states {
            let State::Live { .. } = state else { continue };
            let Some(truth) = self.truths.get(center).filter(|truth| !truth.went_back) else { continue };
            let Some(Proven { place, said_ms }) = app.proven.get(center) else {
                wrong = Some(format!("seat {index}: {center} is Live without a proof"));
                continue;
            };
            if now.saturating_sub(*said_ms) > FRESH_MS {
                wrong = Some(format!("seat {index}: {center} is Live by a proof that is too old"));
            }
            let Some(next) = truth.stood.get(place + 1) else { continue };
            let age = now.saturating_sub(next.from_ms);
            if age > FRESH_MS {
                wrong = Some(format!("seat {index}: {center} is Live, its proof was overtaken {age} ms ago"));
            }
        }
        if let Some(wrong) = wrong {
            self.violate('L', wrong);
        }
    }

    /// R: no unequal digest, repair or snapshot without a cause that was injected, in that center.
    fn check_stats(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(app) = seat.app.as_mut() else { return };
        let mut wrong = Vec::new();
        for center in &self.centers {
            let Some(session) = app.client.session(center) else { continue };
            let watched = app.sessions.entry(center.clone()).or_default();
            let new = session.stats();
            let old = std::mem::replace(&mut watched.stats, new);
            let epoch = session.cursor().map(|cursor| cursor.epoch.clone());
            let before = std::mem::replace(&mut watched.epoch, epoch);
            let decayed = seat.told.decayed.contains_key(center);
            let went_back = self.truths.get(center).is_some_and(|truth| truth.went_back);
            let adopted = seat.told.went_back.contains(center);
            if new.mismatches > old.mismatches && !decayed && !went_back {
                wrong.push(format!("{center}: an unequal digest without a cause"));
            }
            if new.repairs > old.repairs && !decayed && !went_back {
                wrong.push(format!("{center}: a repair without a cause"));
            }
            let due = new.snapshots > old.snapshots && std::mem::take(&mut watched.due);
            let due = due || watched.newest > before;
            if new.snapshots > old.snapshots && !due && !decayed && !went_back && !adopted {
                wrong.push(format!("{center}: a snapshot, and none was due"));
            }
        }
        let malformed = app.client.stats().malformed;
        seat.told.malformed += malformed.saturating_sub(std::mem::replace(&mut app.malformed, malformed));
        if seat.told.malformed > seat.told.spoilt {
            wrong.push(format!("{} malformed, {} were spoilt", seat.told.malformed, seat.told.spoilt));
        }
        for what in wrong {
            self.violate('R', format!("seat {index}: {what}"));
        }
    }

    /// B: what is read of anything within any five seconds is bounded.
    pub(super) fn check_rate(&mut self, index: usize, request: &HttpRequest) {
        let now = self.now;
        let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
        // What is posted is a person's doing, or a receipt of what was told, of which there is one each.
        let about = center_of(&request.url).filter(|_| request.method == Method::Get);
        if about.is_none() && !request.url.ends_with("/socket-tickets") {
            return;
        }
        let times = app.asked.entry(about).or_default();
        times.push_back(now);
        while times.front().is_some_and(|at| at + READS_WINDOW_MS < now) {
            times.pop_front();
        }
        let count = times.len();
        self.most_asked = self.most_asked.max(count);
        if count > READS_MAX {
            self.violate('B', format!("seat {index}: {count} reads within five seconds: {}", request.url));
        }
    }

    /// M, T: what is shown never goes back; nothing deleted comes back.
    pub(super) fn check_changes(
        &mut self,
        index: usize,
        center: &CenterId,
        changes: &[RowChange],
        cursor: Option<&Cursor>,
    ) {
        let now = self.now;
        let mut wrong = Vec::new();
        let mut adopts = false;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(truth) = self.truths.get(center) else { return };
        let Some(app) = seat.app.as_ref() else { return };
        let decayed = seat.told.decayed.get(center);
        let decayed = |id: DeliveryId| decayed.is_some_and(|decayed| decayed.contains(&id));
        let back = |old: &Cursor, new: &Cursor| (&new.epoch, new.rev) < (&old.epoch, old.rev);
        if let (Some(old), Some(new)) = (app.cursors.get(center), cursor)
            && back(old, new)
        {
            let ahead = seat.told.ahead_since.get(center).is_some_and(|since| now - since >= ADOPT_MS);
            if ahead && old.epoch == new.epoch {
                seat.told.went_back.insert(center.clone());
                adopts = true;
            } else if !truth.went_back {
                wrong.push(('M', format!("the cursor goes from {old:?} back to {new:?}")));
            }
        }
        let excused = truth.went_back || seat.told.went_back.contains(center);
        let shown = app.window.shown.get(center);
        // All of a batch is shown at once: what it leaves of a row counts.
        let upserts = changes.iter().filter_map(|change| match change {
            RowChange::Upsert(row) => Some((row.id(), row)),
            RowChange::Remove(..) | RowChange::Clear | RowChange::Mark(..) => None,
        });
        for row in upserts.collect::<BTreeMap<_, _>>().into_values() {
            let before = shown.and_then(|shown| shown.get(&row.id()));
            if before.is_some_and(|before| before.rev() > row.rev()) && !excused && !decayed(row.id()) {
                wrong.push(('M', format!("delivery {} goes back to {}", row.id(), row.rev())));
            }
            let gone = truth.gone.get(&row.id());
            if let (Some(gone), Some(cursor), false) = (gone, cursor, excused)
                && *gone <= cursor.rev
            {
                wrong.push(('T', format!("delivery {} left at {gone} and is shown at {cursor:?}", row.id())));
            }
        }
        if app.changes % 8 == 0 && !excused {
            let held = self.held(index, center);
            let excuses = self.seats.get(index).and_then(|seat| seat.told.decayed.get(center).cloned());
            let excuses = excuses.unwrap_or_default();
            let lacks = cursor.and_then(|cursor| lacks(truth, &held, cursor, &excuses));
            wrong.extend(lacks.map(|lacks| ('C', format!("at {cursor:?}: {lacks}"))));
        }
        for (letter, what) in wrong {
            self.violate(letter, format!("seat {index}, {center}: {what}"));
        }
        if adopts {
            self.look_for_heals(index);
        }
    }

    /// How many unequal digests a session has counted.
    pub(super) fn mismatches(&self, index: usize, center: &CenterId) -> u64 {
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        let session = app.and_then(|app| app.client.session(center));
        session.map_or(0, |session| session.stats().mismatches)
    }

    /// The rows in a core's memory.
    pub(super) fn held(&self, index: usize, center: &CenterId) -> BTreeMap<DeliveryId, Rev> {
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        let session = app.and_then(|app| app.client.session(center));
        session.map(|s| s.rows().map(|row| (row.id(), row.rev())).collect()).unwrap_or_default()
    }

    /// A, M, T on the disk: what is read back is complete up to its cursor.
    pub(super) fn check_restored(&mut self, index: usize, center: &CenterId, restored: &Restored) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        if restored.cursor.is_none()
            && let Some(app) = seat.app.as_mut()
        {
            app.sessions.entry(center.clone()).or_default().due = true;
        }
        let Some(truth) = self.truths.get(center) else { return };
        if truth.went_back || seat.told.went_back.contains(center) {
            return;
        }
        let held = restored.rows.iter().map(|row| (row.id(), row.rev())).collect();
        let excuses = seat.told.decayed.get(center).cloned().unwrap_or_default();
        let lacks = restored.cursor.as_ref().and_then(|c| lacks(truth, &held, c, &excuses));
        let fits = seat.disk.fits(center);
        let decayed = seat.told.decayed.contains_key(center);
        if let Some(lacks) = lacks {
            self.violate('A', format!("seat {index}, {center}: read back at {:?}: {lacks}", restored.cursor));
        }
        if !decayed && !matches!(fits, Ok(true)) {
            self.violate(
                'A',
                format!("seat {index}, {center}: rows and digest on the disk don't fit: {fits:?}"),
            );
        }
    }

    /// L: what is said to be proven was so, at an instant of which the hub has spoken.
    pub(super) fn check_proof(&mut self, index: usize, center: &CenterId, proof: &Proof) {
        let Some(truth) = self.truths.get(center) else { return };
        let place = truth.stood.iter().rposition(|stood| {
            stood.epoch == proof.epoch && stood.rev == proof.rev && stood.rows == proof.rows
        });
        let Some(place) = place else {
            return self.violate('L', format!("seat {index}, {center}: never was what is proven: {proof:?}"));
        };
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(app) = seat.app.as_mut() else { return };
        let said = proof.at.plus_ms(-seat.clock_ms).since(UtcMillis(super::BEGINNING));
        let said_ms = u64::try_from(said).unwrap_or(0);
        let spoken_ms = app.spoken.get(center).copied().unwrap_or(0);
        app.proven.insert(center.clone(), Proven { place, said_ms });
        if said_ms > spoken_ms {
            self.violate(
                'L',
                format!(
                    "seat {index}, {center}: proven at {said_ms} ms, the hub last spoke of {spoken_ms} ms"
                ),
            );
        }
    }

    /// K: raised once, after the commit, and never again once acknowledged.
    pub(super) fn check_alarm(&mut self, index: usize, center: CenterId, notice: &AlarmNotice) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        if notice.key.kind != AlarmKind::Cancelled {
            return;
        }
        let about = (center.clone(), notice.key);
        let mut wrong = None;
        let told = &mut seat.told;
        let misled = told.misled.contains(&center);
        let unwritten = told.unwritten.contains(&about) || seat.disk.told_unwritten.contains(&about);
        if notice.relisted {
            told.relisted.insert(about.clone());
        } else {
            let raised = told.raised.entry(about.clone()).or_default();
            *raised += 1;
            if *raised > 1 && !unwritten && !misled && !told.forgotten.contains(&about) {
                wrong = Some(format!("raised {raised} times"));
            }
            if !seat.disk.has_alarm(&center, &notice.key) && !unwritten {
                wrong = Some("told before it was committed".to_owned());
            }
        }
        // One that was acknowledged by a life that was killed before that was on the disk may be listed again, but not
        // raised once the hub has heard of it.
        let (life, heard) = (seat.life, !notice.relisted && told.heard.contains(&about));
        if told
            .acknowledged
            .get(&about)
            .is_some_and(|(in_life, written)| *in_life == life || *written || heard)
            && !misled
        {
            wrong = Some("told again although it was acknowledged".to_owned());
        }
        if let Some(app) = seat.app.as_mut() {
            app.open_alarms.insert(about);
        }
        if self.truths.get(&center).is_some_and(|truth| !truth.cancelled.contains(&notice.key)) {
            wrong = Some("nobody cancelled it".to_owned());
        }
        if let Some(wrong) = wrong {
            self.violate('K', format!("seat {index}, {center}: the alarm of {:?}: {wrong}", notice.key));
        }
    }

    /// W: a command settles once, and as the hub recorded it.
    pub(super) fn check_settled(&mut self, index: usize, command: &CommandId, outcome: &CommandOutcome) {
        let code = match outcome {
            CommandOutcome::Refused(problem) => Some(problem.code),
            CommandOutcome::Done(_) | CommandOutcome::Void | CommandOutcome::Unknowable(_) => None,
        };
        let told = (outcome.outcome(), code);
        let life = self.seats.get(index).map_or(0, |seat| seat.life);
        let Some(clicked) = self.clicks.get_mut(&command.0) else {
            return self.violate('W', format!("{command:?} is settled, nobody clicked it"));
        };
        // A life that was killed before it had written that it told may be followed by one that tells the same again, or
        // that knows more.
        let before = clicked.settled.replace(told);
        let again = std::mem::replace(&mut clicked.settled_in, life) < life
            && before.is_some_and(|before| before == told || before.0.is_none());
        let twice = before.is_some() && !again;
        let recorded = clicked.recorded;
        let right = match outcome {
            CommandOutcome::Done(_) | CommandOutcome::Void => false,
            // Not the hub's decision, and none that it could take: it never left the desk.
            CommandOutcome::Refused(_) => !clicked.sent,
            // The hub may have forgotten; or there was no right to ask any more, and nothing that it would have told
            // nevertheless.
            CommandOutcome::Unknowable(_) => {
                let forgotten = self.now.saturating_sub(clicked.at_ms) > FORGOTTEN_MS;
                forgotten || clicked.hidden && recorded.is_none_or(|(recorded, _)| recorded == Outcome::Void)
            }
        };
        if twice {
            self.violate('W', format!("{command:?} is settled twice"));
        } else if recorded.map(|(recorded, code)| (Some(recorded), code)) != Some(told) && !right {
            self.violate('W', format!("{command:?} is settled as {told:?}, recorded is {recorded:?}"));
        }
    }

    /// L: a dead connection is known to be dead.
    pub(super) fn known_dead(&mut self, id: u64) {
        let Some(conn) = self.conns.get(&id) else { return };
        let Some(seat) = self.seats.get(conn.seat) else { return };
        let awake = seat.frozen_until + 20_000 < self.now || seat.frozen_until == 0;
        if conn.client_open && awake && self.is_life(conn.seat, conn.life) {
            self.violate('L', format!("seat {}: a dead socket is still held after seven seconds", conn.seat));
        }
    }

    /// Sets a time by which what was planted must be found.
    pub(super) fn plant(&mut self, planted: Planted) {
        self.after(50, Event::Found(Box::new(planted)));
    }

    /// R: a divergence is found within two heads and the way of a packet. Looks every now and then until it is.
    pub(super) fn found(&mut self, planted: &Planted) {
        let now = self.now;
        let Planted { seat: index, center, what, at_ms } = planted;
        let Some(seat) = self.seats.get(*index) else { return };
        let Some(app) = seat.app.as_ref() else { return };
        if seat.line.disturbed_ms > *at_ms || !self.is_calm_line(*index) {
            return; // Something else came in between.
        }
        let found = match what {
            Lost::Frame(to) => app.cursors.get(center).is_some_and(|cursor| cursor.rev >= *to),
            Lost::Row(id, rev, mismatches) => {
                let held = self.held(*index, center);
                let hub = self.hub.board(center).and_then(|board| board.rows.get(id)).map(|row| row.rev);
                self.mismatches(*index, center) > *mismatches || held.contains_key(id) || hub != Some(*rev)
            }
        };
        let age = now - at_ms;
        if found {
            self.found_after_ms = self.found_after_ms.max(age);
        } else if age > World::two_heads_ms() + 400 {
            self.violate('R', format!("seat {index}, {center}: {what:?} was not found within {age} ms"));
        } else {
            self.after(50, Event::Found(Box::new(planted.clone())));
        }
    }

    fn is_calm_line(&self, index: usize) -> bool {
        let Some(seat) = self.seats.get(index) else { return false };
        let now = self.now;
        let line = &seat.line;
        let clear =
            line.cut_up_until.max(line.cut_down_until).max(line.offline_until) <= now && line.slow.0 <= now;
        clear
            && seat.frozen_until <= now
            && self.store_down_until <= now
            && self.storm.0 <= now
            && self.sockets_refused.0 <= now
            && !self.frozen
            && self.nodes.iter().all(|node| node.down_until <= now)
            && seat.app.as_ref().is_some_and(|app| !app.sockets.is_empty())
    }
}

/// What rows lack that are said to be complete up to a cursor. A cursor of an older epoch says nothing of this one.
fn lacks(
    truth: &Truth,
    held: &BTreeMap<DeliveryId, Rev>,
    cursor: &Cursor,
    excused: &BTreeSet<DeliveryId>,
) -> Option<String> {
    truth.lacks(held, cursor.rev, excused)
}

/// Whether two rows are the same to this version: content where it can be read.
pub(super) fn same(held: &WireRow, hub: &gwanje_model::Delivery) -> bool {
    held.delivery().is_some_and(|delivery| **delivery == *hub)
}
