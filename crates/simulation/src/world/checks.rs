//! The invariants, checked after every step that touched a seat. Each check names its letter.

use super::World;
use super::seats::center_of;
use crate::ledger::Truth;
use crate::seat::Proven;
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, UtcMillis};
use gwanje_sync::{HttpRequest, Method, Proof, Restored, RowChange, State};
use gwanje_wire::WireRow;
use gwanje_wire::socket::Cursor;
use std::collections::{BTreeMap, BTreeSet};

/// How old a proof may be while a board is Live, milliseconds: two heads and a second.
const FRESH_MS: u64 = 5_000;
/// The most reads of one center by a seat within five seconds; tickets count as one more center. The highest count seen
/// to be right in ten thousand seeds is 26: rows of a newer hub that change again and again, each read once more.
const READS_MAX: usize = 44;
const READS_WINDOW_MS: u64 = 5_000;
/// Once `ahead` has been said for this long, adopting an older board is right, milliseconds.
const ADOPT_MS: u64 = 10_000;

impl World {
    /// What concerns a seat as a whole: L, R, B.
    pub(super) fn check(&mut self, index: usize) {
        self.thaw_hub();
        self.check_live(index);
        self.check_stats(index);
    }

    /// L, before anything else happens at `now`: nobody who was awake may still be told that a board is Live after its
    /// proof has gone stale.
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

    /// L: a board called Live equalled the hub's at an instant no older than two heads and a second.
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

    /// R: no unequal digest, repair or snapshot happens in a center without a cause injected there.
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

    /// B: bounds the reads of anything within any five seconds.
    pub(super) fn check_rate(&mut self, index: usize, request: &HttpRequest) {
        let now = self.now;
        let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
        // Posts are not counted: a post is a person's doing, or the one receipt of something told.
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

    /// M, T: nothing shown goes back, and nothing deleted comes back.
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
        // Revisions of two histories don't compare.
        let is_other_history =
            app.cursors.get(center).zip(cursor).is_some_and(|(old, new)| old.epoch != new.epoch);
        // A batch is shown at once: only what it leaves of a row counts.
        let upserts = changes.iter().filter_map(|change| match change {
            RowChange::Upsert(row) => Some((row.id(), row)),
            RowChange::Remove(..) | RowChange::Clear | RowChange::Mark(..) => None,
        });
        for row in upserts.collect::<BTreeMap<_, _>>().into_values() {
            let before = shown.and_then(|shown| shown.get(&row.id()));
            if before.is_some_and(|before| before.rev() > row.rev())
                && !excused
                && !is_other_history
                && !decayed(row.id())
            {
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

    /// L: what is said to be proven was true, at an instant about which the hub has spoken.
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

    /// L: a dead connection must be known to be dead.
    pub(super) fn known_dead(&mut self, id: u64) {
        let Some(conn) = self.conns.get(&id) else { return };
        let Some(seat) = self.seats.get(conn.seat) else { return };
        let awake = seat.frozen_until + 20_000 < self.now || seat.frozen_until == 0;
        if conn.client_open && awake && self.is_life(conn.seat, conn.life) {
            self.violate('L', format!("seat {}: a dead socket is still held after seven seconds", conn.seat));
        }
    }
}

/// What is missing from rows that are said to be complete up to a cursor. One of a history whose end was lost says
/// nothing about this one.
fn lacks(
    truth: &Truth,
    held: &BTreeMap<DeliveryId, Rev>,
    cursor: &Cursor,
    excused: &BTreeSet<DeliveryId>,
) -> Option<String> {
    if truth.lost_before.as_ref().is_some_and(|began| cursor.epoch < *began) {
        return None;
    }
    truth.lacks(held, cursor.rev, excused)
}

/// Whether two rows are the same to this version: compares content where it can be read. What a newer hub said beside is
/// kept, and says nothing here.
pub(super) fn same(held: &WireRow, hub: &Delivery) -> bool {
    let known = |held: &Delivery| Delivery { unknown: hub.unknown.clone(), ..held.clone() };
    held.delivery().is_some_and(|held| known(held) == *hub)
}
