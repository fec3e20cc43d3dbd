//! An app's write-behind queue before its disk: the thread that does one job after the other, and what it answers.

use super::{Event, World};
use crate::disk::JobAnswer;
use crate::fault::Fault;
use crate::seat::Thread;
use gwanje_persist::ForCore;
use gwanje_sync::Input;
use gwanje_wire::rest::ReceiptStage;

/// The longest that the machine thinks about a write before it refuses it, milliseconds: a locked file may be free again
/// before that.
const THINKS_MS: u64 = 900;

impl World {
    /// The end of an app's round: the next job goes to its thread, when that is free and it is time.
    pub(super) fn hand_over(&mut self, index: usize) {
        let now = self.now_at(index).mono;
        let awake = self.seats.get_mut(index).filter(|seat| seat.frozen_until <= self.now);
        let Some(app) = awake.and_then(|seat| seat.app.as_mut()) else { return };
        if let Some(job) = app.outbox.take(now) {
            app.thread = Thread::Works { job, has_waited: false };
            let ms = self.draw(1, 5);
            self.thread_soon(index, ms);
        }
    }

    /// An app's thread goes on, if it has something to do.
    pub(super) fn thread_soon(&mut self, index: usize, ms: u64) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let life = seat.life;
        let Some(app) = seat.app.as_mut().filter(|app| !matches!(app.thread, Thread::Free)) else { return };
        if !std::mem::replace(&mut app.thread_due, true) {
            self.after(ms, Event::ThreadGoesOn { seat: index, life });
        }
    }

    pub(super) fn thread_goes_on(&mut self, index: usize, life: u32) {
        if !self.is_life(index, life) {
            return;
        }
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(app) = seat.app.as_mut() else { return };
        app.thread_due = false;
        if seat.frozen_until > now {
            return; // It goes on when it thaws.
        }
        match std::mem::take(&mut app.thread) {
            Thread::Free => {}
            Thread::Works { job, has_waited: false } if seat.disk.holds_up(&job, now) => {
                app.thread = Thread::Works { job, has_waited: true };
                let ms = self.draw(1, THINKS_MS);
                self.thread_soon(index, ms);
            }
            Thread::Works { job, .. } => match seat.disk.work(job, now) {
                Ok(answers) => {
                    self.done(index, &answers);
                    if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                        app.thread = Thread::Answers(answers);
                    }
                    let ms = self.draw(0, 3);
                    self.thread_soon(index, ms);
                }
                Err(error) => self.violate('A', format!("the disk fails: {error}")),
            },
            Thread::Answers(answers) => answers.into_iter().for_each(|answer| self.answered(index, answer)),
        }
    }

    /// A job is done: what came of it at the disk.
    fn done(&mut self, index: usize, answers: &[JobAnswer]) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let noted = seat.disk.noted();
        if noted.lost {
            seat.told.acknowledged.values_mut().for_each(|(_, written)| *written = false);
        }
        for (center, key, stage) in noted.written {
            // One of life 0 was wiped after it had been written.
            if stage == ReceiptStage::Acknowledged
                && let Some((life, written)) = seat.told.acknowledged.get_mut(&(center, key))
            {
                *written = *life > 0;
            }
        }
        seat.horizons.extend(noted.kept);
        if noted.broke {
            self.inject(Fault::Disk);
        }
        if noted.decayed {
            self.inject(Fault::Decay);
        }
        for answer in answers {
            if let JobAnswer::Restored(center, restored) = answer {
                self.check_restored(index, center, restored);
            }
        }
    }

    /// An answer reaches the app.
    fn answered(&mut self, index: usize, answer: JobAnswer) {
        let now = self.now_at(index).mono;
        let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
        match app.outbox.answered(answer, now) {
            None => {}
            Some(ForCore::Committed(upto)) => {
                for (center, seq) in upto {
                    self.put(index, Input::Committed(center, seq));
                }
            }
            Some(ForCore::Unwritten(upto)) => {
                for (center, seq) in upto {
                    self.put(index, Input::Unwritten(center, seq));
                }
            }
            Some(ForCore::Lost) => {
                for center in self.centers.clone() {
                    self.put(index, Input::CacheLost(center));
                }
            }
            Some(ForCore::Restored(center, mut restored)) => {
                restored.horizon = app.horizons.get(&center).copied();
                self.put(index, Input::Restored(center, restored));
            }
            Some(ForCore::Drafts(_)) => {}
            Some(ForCore::Audited(center, audit)) => {
                self.put(
                    index,
                    Input::Audited { center, damaged: audit.damaged, digest_fits: audit.digest_fits },
                );
            }
        }
        self.hand_over(index);
    }
}
