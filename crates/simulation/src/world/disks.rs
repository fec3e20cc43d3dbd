//! A core's jobs for its disk, done a little later, and what the disk answers.

use super::{Event, World};
use crate::disk::{Done, Job};
use crate::fault::Fault;
use gwanje_sync::Input;
use gwanje_wire::rest::ReceiptStage;

impl World {
    /// Hands a job to the disk, which does it a little later.
    pub(super) fn write(&mut self, index: usize, job: Job) {
        // What a person waits for is written at once.
        let is_write = matches!(&job, Job::Write(batch) if batch.commands.is_empty());
        let ms = if is_write { self.draw(20, 45) } else { self.draw(1, 5) };
        if let Some(seat) = self.seats.get_mut(index) {
            seat.disk.push(job);
            self.disk_soon(index, ms);
        }
    }

    pub(super) fn disk_soon(&mut self, index: usize, ms: u64) {
        let Some(seat) = self.seats.get_mut(index).filter(|seat| !seat.disk.is_idle()) else { return };
        let life = seat.life;
        let Some(app) = seat.app.as_mut() else { return };
        if !std::mem::replace(&mut app.disk_due, true) {
            self.after(ms, Event::DiskWorks { seat: index, life });
        }
    }

    pub(super) fn disk_works(&mut self, index: usize, life: u32) {
        if !self.is_life(index, life) {
            return;
        }
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        if seat.frozen_until > now {
            // It goes on when it thaws.
            if let Some(app) = seat.app.as_mut() {
                app.disk_due = false;
            }
            return;
        }
        let done = seat.disk.work(now);
        let refused = std::mem::take(&mut seat.disk.refused);
        let idle = seat.disk.is_idle();
        if let Some(app) = seat.app.as_mut() {
            app.disk_due = !idle;
        }
        for (center, key, stage) in std::mem::take(&mut seat.disk.written) {
            // One of life 0 was wiped after it had been written.
            if stage == ReceiptStage::Acknowledged
                && let Some((life, written)) = seat.told.acknowledged.get_mut(&(center, key))
            {
                *written = *life > 0;
            }
        }
        if refused {
            self.inject(Fault::Disk);
        }
        match done {
            Ok(done) => done.into_iter().for_each(|done| self.disk_tells(index, life, done)),
            Err(error) => self.violate('A', format!("the disk fails: {error}")),
        }
        if !idle {
            // A refused write is tried again, other work goes on.
            let ms = self.draw(30, 90);
            self.after(ms, Event::DiskWorks { seat: index, life });
        }
    }

    fn disk_tells(&mut self, index: usize, life: u32, done: Done) {
        let ms = self.draw(0, 3);
        let input = match done {
            Done::Committed(center, seq) => Input::Committed(center, seq),
            Done::Restored(center, mut restored, damaged) => {
                if damaged > 0 {
                    self.inject(Fault::Decay);
                }
                restored.horizon = self.seats.get(index).and_then(|seat| seat.horizons.get(&center).copied());
                self.check_restored(index, &center, &restored);
                Input::Restored(center, restored)
            }
            Done::Audited { center, damaged, digest_fits } => {
                if !damaged.is_empty() {
                    self.inject(Fault::Decay);
                }
                Input::Audited { center, damaged, digest_fits }
            }
        };
        self.after(ms, Event::DiskTells { seat: index, life, input: Box::new(input) });
    }
}
