//! After the plan: all faults end, a quiet spell, and then everything must have come together.

use super::World;
use super::checks::same;
use crate::hub::Operation;
use gwanje_model::{CenterId, Note};
use gwanje_persist::wire_row;
use gwanje_wire::rest::{Outcome, ReceiptStage};
use std::collections::BTreeMap;

/// The longest that anything waits before it tries again is a minute; the routine comes every two.
const QUIET_MS: u64 = 150_000;
/// A center that was taken away and given back is seen when the list of centers is read again: every five minutes.
const LIST_MS: u64 = 335_000;
/// Then people are given so long to be told.
const LAST_MS: u64 = 2_000;
/// What was done longer ago may be lost untold: the hub forgets what it decided after a day.
const LOST_TOLD_MS: u64 = 22 * 3_600_000;

impl World {
    /// The whole run: the plan, its end, the quiet, and what must hold then.
    pub(crate) fn run(&mut self) {
        let length: u64 = self.plan.steps.iter().map(|step| step.after_ms).sum();
        self.run_until(length + 3_000);
        if !self.violations.is_empty() {
            return;
        }
        self.mend();
        // Taken away before the first sign-in, too: nothing was followed then, and nothing is wiped.
        let revoked = self.seats.iter().enumerate().any(|(index, seat)| {
            !seat.told.wiped.is_empty() || seat.centers.len() < self.centers_of(index).len()
        });
        self.run_until(self.now + if revoked { LIST_MS } else { QUIET_MS } + LAST_MS);
        if self.violations.is_empty() {
            self.check_all();
        }
    }

    /// Whatever was wrong is right again, and everybody is at work.
    fn mend(&mut self) {
        self.ended = true;
        self.backup = None;
        self.slow = None;
        self.store_down_until = 0;
        self.void_tokens.clear();
        self.storm = (0, 0);
        self.sockets_refused = (0, 0);
        for node in &mut self.nodes {
            node.down_until = 0;
            node.deaf_until = 0;
            (node.cut_signals_until, node.cut_store_until) = (0, 0);
            node.lags = (0, 0);
            (node.loses, node.doubles, node.swaps_signals) = (0, 0, false);
            node.newer_until = 0;
            node.dies_at_frame = None;
            node.swaps = None;
        }
        let now = self.now;
        for index in 0..self.seats.len() {
            if let Some(seat) = self.seats.get_mut(index) {
                seat.line.mend();
                seat.line.disturbed_ms = now;
                seat.frozen_until = 0;
                seat.disk.busy_until = 0;
                // A look at its excuses that waited for it to wake comes now.
                seat.told.heals = false;
                if let Some(app) = seat.app.as_mut() {
                    app.window.lags_until = 0;
                    app.window.dirty = true;
                }
            }
            self.thaw(index);
            self.start(index);
            self.look_soon(index);
            self.look_for_heals(index);
            let (account, all) = (super::account(index), self.centers_of(index));
            self.operate(&Operation::SetCenters(account.as_str().into(), all));
        }
        if self.two_versions {
            // What a newer version wrote is written again by this one.
            for center in self.centers.clone() {
                let rows: Vec<u64> = self
                    .hub
                    .board(&center)
                    .map(|b| b.rows().keys().map(|id| id.0).collect())
                    .unwrap_or_default();
                rows.into_iter().filter(|id| id % 3 == 0).for_each(|id| self.note_on(&center, id));
            }
        }
    }

    /// C, W, K, 1 at the end.
    fn check_all(&mut self) {
        self.hub.judge_all();
        self.note_differences();
        for index in 0..self.seats.len() {
            for center in &self.centers_of(index) {
                let wrong = self.not_together(index, center);
                wrong.into_iter().for_each(|(letter, what)| {
                    self.violate(letter, format!("seat {index}, {center}: {what}"));
                });
                self.check_alarms(index, center);
            }
            let page = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut());
            match page.map(|app| app.window.frame(u64::MAX, true)) {
                Some(Ok(Some(why))) => self.violate('1', format!("seat {index}, at the end: {why}")),
                Some(Err(error)) => self.violate('1', format!("seat {index}: {error}")),
                Some(Ok(None)) | None => {}
            }
        }
        self.check_commands();
    }

    /// C: hub, memory, disk and window hold the same.
    pub(super) fn not_together(&mut self, index: usize, center: &CenterId) -> Vec<(char, String)> {
        let mut wrong = Vec::new();
        let Some(board) = self.hub.board(center) else { return wrong };
        let Some(seat) = self.seats.get_mut(index) else { return wrong };
        let Some(app) = seat.app.as_ref() else { return vec![('C', "the app does not run".to_owned())] };
        let Some(session) = app.client.session(center) else {
            return vec![('C', "the center is not followed".to_owned())];
        };
        if session.state().name() != "Live" {
            wrong.push(('C', format!("not Live at the end: {:?}", session.state())));
        }
        let cursor = session.cursor().map(|cursor| (cursor.epoch.clone(), cursor.rev));
        let stands = Some((board.standing().epoch.clone(), board.standing().rev));
        if cursor != stands {
            wrong.push(('C', format!("the cursor is {cursor:?}, the hub stands at {stands:?}")));
        }
        let memory: BTreeMap<_, _> = session.rows().map(|row| (row.id(), row.clone())).collect();
        let shown = app.window.shown.get(center).cloned().unwrap_or_default();
        let disk = match seat.disk.load(center) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                wrong.push(('C', "nothing is on the disk".to_owned()));
                return wrong;
            }
            Err(error) => {
                wrong.push(('A', format!("the disk can't be read: {error}")));
                return wrong;
            }
        };
        let kept = disk.cursor.map(|cursor| (cursor.epoch, cursor.rev));
        if kept != stands {
            wrong.push(('C', format!("the cursor on the disk is {kept:?}, the hub stands at {stands:?}")));
        }
        let stored: BTreeMap<_, _> = disk.rows.into_iter().map(|row| (row.id, wire_row(row))).collect();
        for (name, rows) in [("memory", &memory), ("the window", &shown), ("the disk", &stored)] {
            let lacks = board.rows().keys().find(|id| !rows.contains_key(id));
            let extra = rows.keys().find(|id| !board.rows().contains_key(id));
            let other =
                board.rows().iter().find(|(id, row)| rows.get(id).is_some_and(|held| !same(held, row)));
            if let Some(id) = lacks {
                wrong.push(('C', format!("{name} lacks delivery {id}")));
            }
            if let Some(id) = extra {
                wrong.push(('C', format!("{name} holds delivery {id}, which the hub does not")));
            }
            if let Some((id, row)) = other {
                wrong.push((
                    'C',
                    format!("{name} holds another delivery {id} than the hub: {:?} {row:?}", rows.get(id)),
                ));
            }
        }
        wrong
    }

    /// K: every alarm after the horizon was told unless it is over, and what was acknowledged is so at the hub.
    fn check_alarms(&mut self, index: usize, center: &CenterId) {
        let Some(board) = self.hub.board(center) else { return };
        let Some(seat) = self.seats.get(index) else { return };
        let Some(horizon) = seat.horizons.get(center) else { return };
        let at = self.at().day;
        let mut wrong = Vec::new();
        for entry in board.alarms().values() {
            let key = gwanje_sync::AlarmKey { id: entry.id, kind: entry.kind, raised_at: entry.raised_at };
            let about = (center.clone(), key);
            let told = seat.told.raised.contains_key(&about)
                || seat.told.relisted.contains(&about)
                || seat.told.quiet.contains(&about);
            let settled = entry.receipts.iter().any(|receipt| receipt.stage == ReceiptStage::Acknowledged);
            let over = settled || entry.settled_at.is_some();
            // What came due a moment ago is told with the next head.
            let is_new = at.since(entry.raised_at) < LAST_MS.cast_signed() * 2;
            if entry.raised_at > *horizon && !told && !over && !is_new {
                wrong.push(format!("the alarm {key:?} was never told"));
            }
            let acknowledged = seat.told.acknowledged.get(&about).is_some_and(|(life, _)| *life == seat.life);
            // A hub that went on from a backup within its epoch does not say what it lacks.
            let forgot = self.truths.get(center).is_some_and(|truth| truth.forgot);
            if acknowledged && !settled && !forgot {
                wrong.push(format!("{key:?} was acknowledged here, and the hub never heard of it"));
            }
        }
        wrong.into_iter().for_each(|what| self.violate('K', format!("seat {index}, {center}: {what}")));
    }

    /// W: every command has settled, and what it did it did once.
    fn check_commands(&mut self) {
        let forgot = self.truths.values().any(|truth| truth.forgot);
        let mut wrong = Vec::new();
        for (key, clicked) in &self.clicks {
            let lives = self.seats.get(clicked.seat).is_some_and(|seat| seat.life == clicked.life);
            let seat = self.seats.get(clicked.seat);
            let lost = seat.and_then(|seat| seat.told.disk_lost_ms).is_some_and(|at| at >= clicked.at_ms);
            let Some((outcome, _)) = clicked.settled else {
                // One that was sent is on the disk, and asked about by the next life of the app.
                if lives || (clicked.sent_ms.is_some() && !lost && !clicked.forgotten) {
                    wrong.push(format!("{key} was never settled"));
                }
                continue;
            };
            let seat_lives = lives && clicked.settled_in == clicked.life;
            let may_ask = seat.is_some_and(|seat| seat.centers.contains(&clicked.center)) && !clicked.hidden;
            let is_old = self.now.saturating_sub(clicked.at_ms) > LOST_TOLD_MS;
            if clicked.is_lost
                && outcome == Some(Outcome::Done)
                && seat_lives
                && may_ask
                && !is_old
                && !clicked.told_lost
            {
                wrong.push(format!("{key} was told as done, the hub has lost it, and nobody was told"));
            }
            if !clicked.is_note || forgot {
                continue;
            }
            let Some(board) = self.hub.board(&clicked.center) else { continue };
            let is_its = |note: &&Note| note.text.as_str() == key;
            let on = board.rows().values().chain(board.left().values()).map(|row| &row.notes);
            let times: Vec<usize> = on.map(|notes| notes.iter().filter(is_its).count()).collect();
            let unknown = outcome.is_none() || outcome != clicked.recorded.map(|(recorded, _)| recorded);
            let (done, twice) = (times.iter().sum::<usize>(), times.iter().any(|times| *times > 1));
            if twice || (done != clicked.done && !unknown) {
                let told = clicked.done;
                wrong.push(format!(
                    "{key} was settled as {outcome:?} on {told} deliveries and done {done} times"
                ));
            }
        }
        wrong.into_iter().for_each(|what| self.violate('W', what));
    }
}
