//! Commands that the hub has carried out, remembered for as long as it knows their outcomes itself. A hub that goes on
//! from another history (a database promoted without its last commits, a backup) may have lost what they did, though
//! this seat was told that it was done. So once a center's history is another, each is asked about again: `void` means
//! that it is gone, and the person is told.
//!
//! | it is | another history | its turn comes | still done | void or refused | may not ask | no answer | credentials go | a day after the click |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | `Sure` | `Doubted` | – | – | – | – | – | `Sure` | forgotten |
//! | `Doubted` | `Doubted` | `Asking` | – | – | – | – | `Doubted` | forgotten |
//! | `Asking` | `Doubted` | – | `Sure` | told as lost | forgotten | `Doubted`, later | `Doubted` | forgotten |
//!
//! One that was decided in the new history already stays `Sure`. All seats of a center ask at once, so few questions of a
//! seat are under way at a time, the newest first: what was lost is what was last.

#[cfg(test)]
mod table;

use super::{Backoff, CLOSE_RETRY_MS, CallFailure, CommandAction, calls, closing};
use crate::io::{CommandId, HttpFailure, HttpResponse, LostCommand, Mono};
use gwanje_model::{CenterId, Epoch};
use gwanje_wire::rest::{CloseReply, Outcome};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};

/// How many are remembered. A busy seat gives some hundred commands in an hour; the oldest is forgotten first.
const MAX_REMEMBERED: usize = 1_000;
/// Deliveries of the remembered batches together, the bound of what they take in memory.
const MAX_DELIVERIES: usize = 20_000;
/// Questions under way at once.
const MAX_ASKED: usize = 4;

#[derive(Debug)]
enum Doubt {
    Sure,
    Doubted { until: Mono },
    Asking,
}

#[derive(Debug)]
struct Done {
    what: LostCommand,
    /// The history in which it was decided, where the answer named it.
    epoch: Option<Epoch>,
    /// From then on the hub may have forgotten it.
    known_until: Mono,
    doubt: Doubt,
    pause: Backoff,
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    done: BTreeMap<CommandId, Done>,
    /// Oldest first.
    order: VecDeque<CommandId>,
    deliveries: usize,
    /// How many are to be asked about, and how many questions are under way: most of the time none, which must cost
    /// nothing at each tick.
    doubted: usize,
    asked: usize,
    /// The latest history of the centers that had more than one.
    histories: BTreeMap<CenterId, Epoch>,
}

impl Remembered {
    /// The hub has carried it out.
    pub(super) fn keep(&mut self, what: LostCommand, epoch: Option<Epoch>, known_until: Mono) {
        // An answer of the history before, that came after the change to the next one: asked about at once.
        let latest = self.histories.get(&what.center);
        let is_of_another = latest.zip(epoch.as_ref()).is_some_and(|(latest, epoch)| latest > epoch);
        let doubt = if is_of_another { Doubt::Doubted { until: Mono(0) } } else { Doubt::Sure };
        let command = what.command.clone();
        self.forget(&command);
        self.deliveries += what.deliveries.len();
        let pause = Backoff::new(CLOSE_RETRY_MS.0, CLOSE_RETRY_MS.1);
        self.done.insert(command.clone(), Done { what, epoch, known_until, doubt, pause });
        self.order.push_back(command);
        self.recount();
        while self.order.len() > MAX_REMEMBERED || self.deliveries > MAX_DELIVERIES && self.order.len() > 1 {
            let Some(oldest) = self.order.front().cloned() else { break };
            self.forget(&oldest);
        }
    }

    /// The center goes on from another history; what was decided in `settled_in` is known to be part of it.
    pub(super) fn history_changed(
        &mut self,
        center: &CenterId,
        epoch: &Epoch,
        settled_in: Option<&Epoch>,
        now: Mono,
        out: &mut VecDeque<CommandAction>,
    ) {
        self.histories.insert(center.clone(), epoch.clone());
        for (command, done) in &mut self.done {
            let is_sure = settled_in.is_some() && done.epoch.as_ref() == settled_in;
            if done.what.center != *center || is_sure {
                continue;
            }
            if matches!(done.doubt, Doubt::Asking) {
                // Its answer may be of the history before.
                out.push_back(CommandAction::Drop(command.clone()));
            }
            done.doubt = Doubt::Doubted { until: now };
        }
        self.recount();
    }

    /// The credentials go: what was asked is asked again when they have come back.
    pub(super) fn suspend(&mut self, now: Mono, out: &mut VecDeque<CommandAction>) {
        for (command, done) in &mut self.done {
            if matches!(done.doubt, Doubt::Asking) {
                out.push_back(CommandAction::Drop(command.clone()));
                done.doubt = Doubt::Doubted { until: now };
            }
        }
        self.recount();
    }

    /// The person leaves: nothing of theirs is asked about any more.
    pub(super) fn leave(&mut self, out: &mut VecDeque<CommandAction>) {
        self.suspend(Mono(0), out);
        *self = Self::default();
    }

    /// The answer to a question. False: nothing of the sort was asked.
    pub(super) fn closed(
        &mut self,
        command: &CommandId,
        result: &Result<HttpResponse, HttpFailure>,
        now: Mono,
        rng: &mut ChaCha8Rng,
        out: &mut VecDeque<CommandAction>,
    ) -> bool {
        let Some(done) = self.done.get_mut(command) else { return false };
        if !matches!(done.doubt, Doubt::Asking) {
            return false;
        }
        match calls::read::<CloseReply>(result.clone()) {
            Ok(CloseReply { outcome: Outcome::Done, .. }) => {
                done.doubt = Doubt::Sure;
                done.epoch = self.histories.get(&done.what.center).cloned();
                done.pause.reset();
            }
            Ok(CloseReply { outcome: Outcome::Void | Outcome::Refused, .. }) => {
                if let Some(lost) = self.forget(command) {
                    out.push_back(CommandAction::Lost(Box::new(lost)));
                }
            }
            Err(failure) => {
                let retry_after_ms = failure.retry_after_ms().unwrap_or(0);
                match failure.decided() {
                    // The account may not even ask any more: this seat will never know.
                    Ok(_) => {
                        self.forget(command);
                    }
                    Err(
                        CallFailure::Problem { .. } | CallFailure::Unreachable(_) | CallFailure::Malformed,
                    ) => {
                        let until = now.plus_ms(done.pause.next_ms(rng).max(retry_after_ms));
                        done.doubt = Doubt::Doubted { until };
                    }
                }
            }
        }
        self.recount();
        true
    }

    /// Asks whose turn it is; forgets what the hub may have forgotten.
    pub(super) fn due(&mut self, now: Mono, out: &mut VecDeque<CommandAction>) {
        while let Some(oldest) = self.order.front().cloned() {
            let Some(done) = self.done.get(&oldest).filter(|done| done.known_until <= now) else { break };
            if matches!(done.doubt, Doubt::Asking) {
                out.push_back(CommandAction::Drop(oldest.clone()));
            }
            self.forget(&oldest);
        }
        for command in self.order.iter().rev() {
            if self.asked >= MAX_ASKED || self.doubted == 0 {
                break;
            }
            let Some(done) = self.done.get_mut(command) else { continue };
            if matches!(done.doubt, Doubt::Doubted { until } if until <= now) {
                done.doubt = Doubt::Asking;
                self.asked += 1;
                self.doubted -= 1;
                out.push_back(CommandAction::Close(command.clone(), closing(&done.what.center, command)));
            }
        }
    }

    /// When the next question is due; none: none is, or as many as may be are under way.
    pub(super) fn deadline(&self) -> Option<Mono> {
        if self.doubted == 0 || self.asked >= MAX_ASKED {
            return None;
        }
        let doubted = self.done.values().filter_map(|done| match done.doubt {
            Doubt::Doubted { until } => Some(until),
            Doubt::Sure | Doubt::Asking => None,
        });
        doubted.min()
    }

    /// The center of a command that is remembered.
    pub(super) fn center(&self, command: &CommandId) -> Option<&CenterId> {
        self.done.get(command).map(|done| &done.what.center)
    }

    fn forget(&mut self, command: &CommandId) -> Option<LostCommand> {
        let done = self.done.remove(command)?;
        self.order.retain(|other| other != command);
        self.deliveries -= done.what.deliveries.len();
        self.recount();
        Some(done.what)
    }

    fn recount(&mut self) {
        let is = |of: fn(&Doubt) -> bool| self.done.values().filter(|done| of(&done.doubt)).count();
        self.doubted = is(|doubt| matches!(doubt, Doubt::Doubted { .. }));
        self.asked = is(|doubt| matches!(doubt, Doubt::Asking));
    }
}
