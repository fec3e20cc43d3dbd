//! What a person was told: alarms (K) and outcomes of commands (W), each checked as it is told.

use super::World;
use gwanje_model::CenterId;
use gwanje_sync::{AlarmNotice, CommandId, CommandOutcome, LostCommand};
use gwanje_wire::rest::{AlarmKind, Outcome};

/// After so long a command's outcome may be forgotten, milliseconds: the hub keeps it for a day, less what a desk's clock
/// may be off when an earlier life's clicks are read.
const FORGOTTEN_MS: u64 = 22 * 3_600_000;

impl World {
    /// K: raised once, after the commit, and never again once acknowledged; nothing that nobody did or that is not due.
    pub(super) fn check_alarm(&mut self, index: usize, center: CenterId, notice: &AlarmNotice) {
        let day = self.at().day;
        let Some(seat) = self.seats.get_mut(index) else { return };
        if notice.key.kind == AlarmKind::Unproven {
            return;
        }
        let about = (center.clone(), notice.key);
        let mut wrong = None;
        let told = &mut seat.told;
        let misled = told.misled.contains(&center);
        let unwritten = told.unwritten.contains(&about) || seat.disk.told_unwritten.contains(&about);
        if notice.relisted {
            told.relisted.insert(about.clone());
        } else if notice.yours {
            // Told quietly, and aloud when it turns out to be another's.
            told.quiet.insert(about.clone());
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
        let Some(truth) = self.truths.get(&center) else { return };
        if notice.key.kind == AlarmKind::Cancelled {
            if !truth.cancelled.contains(&notice.key) {
                wrong = Some("nobody cancelled it".to_owned());
            }
        } else if !truth.coming.contains(&notice.key) || day < notice.key.raised_at {
            wrong = Some("it is not due".to_owned());
        }
        if let Some(wrong) = wrong {
            self.violate('K', format!("seat {index}, {center}: the alarm of {:?}: {wrong}", notice.key));
        }
    }

    /// W: a command settles once, and as the hub recorded it.
    pub(super) fn check_settled(&mut self, index: usize, command: &CommandId, outcome: &CommandOutcome) {
        let code = match outcome {
            CommandOutcome::Refused(problem) => Some(problem.code),
            CommandOutcome::Done(_)
            | CommandOutcome::Each(_)
            | CommandOutcome::NotSent(_)
            | CommandOutcome::Void
            | CommandOutcome::Unknowable(_) => None,
        };
        let told = (outcome.outcome(), code);
        let life = self.seats.get(index).map_or(0, |seat| seat.life);
        let Some(clicked) = self.clicks.get_mut(&command.0) else {
            return self.violate('W', format!("{command:?} is settled, nobody clicked it"));
        };
        // A life that was killed before it had written that it told may be followed by one that tells the same again, or
        // that knows more.
        if let CommandOutcome::Done(Some(row)) = outcome {
            clicked.made = Some((row.id(), row.rev()));
        }
        if let CommandOutcome::Each(results) = outcome {
            clicked.done = results.iter().filter(|result| result.is_done()).count();
        } else {
            clicked.done = usize::from(matches!(outcome, CommandOutcome::Done(_)));
        }
        let before = clicked.settled.replace(told);
        let again = std::mem::replace(&mut clicked.settled_in, life) < life
            && before.is_some_and(|before| before == told || before.0.is_none());
        let twice = before.is_some() && !again;
        let recorded = clicked.recorded;
        let right = match outcome {
            CommandOutcome::Done(_)
            | CommandOutcome::Each(_)
            | CommandOutcome::Refused(_)
            | CommandOutcome::Void => false,
            // Not the hub's decision, and none that it could take.
            CommandOutcome::NotSent(_) => clicked.sent_ms.is_none(),
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

    /// W: only what the hub has lost is told as lost, once, and to whom it was told as done.
    pub(super) fn check_lost(&mut self, index: usize, lost: &LostCommand) {
        let Some(account) = self.seats.get(index).map(|seat| seat.account.clone()) else { return };
        let has = self.hub.outcome(&account, &lost.center, &lost.command.0);
        let Some(clicked) = self.clicks.get_mut(&lost.command.0) else {
            return self.violate('W', format!("{:?} is told as lost, nobody clicked it", lost.command));
        };
        let twice = std::mem::replace(&mut clicked.told_lost, true);
        let was_done = clicked.settled.is_some_and(|(outcome, _)| outcome == Some(Outcome::Done));
        if has.is_some_and(|reply| reply.outcome == Outcome::Done) {
            self.violate('W', format!("{:?} is told as lost, and the hub has it", lost.command));
        } else if twice {
            self.violate('W', format!("{:?} is told as lost twice", lost.command));
        } else if !was_done {
            self.violate('W', format!("{:?} is told as lost, and was never told as done", lost.command));
        }
    }
}
