//! Cancellations that commands of this installation ask for: their alarms are its person's own, in the next run, too.

use crate::io::{CommandId, CommandOutcome, OwnCancellation, StoredCommand};
use gwanje_model::lifecycle::Action;
use gwanje_model::{DeliveryId, UtcMillis};
use std::collections::{BTreeMap, BTreeSet};

/// Cancellations of this seat that are remembered: more than a shift makes. Beyond it the oldest deliveries are forgotten.
const KEPT_MAX: usize = 1_024;

/// What is known of a cancellation beside the commands that are under way.
#[derive(Debug, Default)]
struct Cancelled {
    /// Carried out, or nobody will ever know. A delivery is cancelled once.
    done: bool,
    /// The alarm that was told as this seat's own.
    alarm: Option<UtcMillis>,
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(super) struct OwnCancellations {
    /// Without an outcome. Bounded by the commands that may be under way at once.
    asked: BTreeMap<CommandId, Vec<DeliveryId>>,
    kept: BTreeMap<DeliveryId, Cancelled>,
    /// To be written with the next batch.
    changed: BTreeSet<DeliveryId>,
}

impl OwnCancellations {
    /// What an earlier run left: its cancellations, and its commands without an outcome.
    pub(super) fn restore(&mut self, kept: Vec<OwnCancellation>, commands: &[StoredCommand]) {
        for OwnCancellation { id, done, alarm } in kept {
            self.kept.insert(id, Cancelled { done, alarm });
        }
        commands.iter().for_each(|command| self.begin(command));
    }

    /// A command is about to be sent.
    pub(super) fn begin(&mut self, command: &StoredCommand) {
        if command.action == Action::Cancel.as_str() {
            self.asked.insert(command.command.clone(), command.deliveries().collect());
        }
    }

    /// A command has ended. Returns the deliveries whose cancellation turns out to be another's.
    pub(super) fn end(&mut self, command: &CommandId, outcome: &CommandOutcome) -> Vec<DeliveryId> {
        let Some(ids) = self.asked.remove(command) else { return Vec::new() };
        let mut others = Vec::new();
        for id in ids {
            if outcome.may_have_done(id) {
                self.keep(id).done = true;
            } else if !self.has(id) {
                self.forget(id);
                others.push(id);
            }
        }
        others
    }

    /// Whether the cancellation of a delivery is this seat's, or may be.
    fn has(&self, id: DeliveryId) -> bool {
        let is_done = self.kept.get(&id).is_some_and(|cancelled| cancelled.done);
        is_done || self.asked.values().any(|asked| asked.contains(&id))
    }

    /// An alarm is raised: whether it is of this seat's own doing. That is remembered with it.
    pub(super) fn claims(&mut self, id: DeliveryId, raised_at: UtcMillis) -> bool {
        let is_own = self.has(id);
        if is_own {
            self.keep(id).alarm = Some(raised_at);
        }
        is_own
    }

    /// Whether an alarm that the cache held was told as this seat's own.
    pub(super) fn claimed(&self, id: DeliveryId, raised_at: UtcMillis) -> bool {
        self.kept.get(&id).is_some_and(|cancelled| cancelled.alarm == Some(raised_at))
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What the next batch holds: each as it is now.
    pub(super) fn store(&mut self) -> Vec<OwnCancellation> {
        let changed = std::mem::take(&mut self.changed);
        let as_it_is = |id| {
            let Cancelled { done, alarm } = self.kept.get(&id).unwrap_or(&NOTHING);
            OwnCancellation { id, done: *done, alarm: *alarm }
        };
        changed.into_iter().map(as_it_is).collect()
    }

    /// The cache is new and empty: everything goes into the next batch.
    pub(super) fn store_all(&mut self) {
        self.changed = self.kept.keys().copied().collect();
    }

    fn keep(&mut self, id: DeliveryId) -> &mut Cancelled {
        self.changed.insert(id);
        if !self.kept.contains_key(&id)
            && self.kept.len() >= KEPT_MAX
            && let Some((oldest, _)) = self.kept.pop_first()
        {
            self.changed.insert(oldest);
        }
        self.kept.entry(id).or_default()
    }

    fn forget(&mut self, id: DeliveryId) {
        if self.kept.remove(&id).is_some() {
            self.changed.insert(id);
        }
    }
}

/// One that is forgotten.
const NOTHING: Cancelled = Cancelled { done: false, alarm: None };

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_wire::batch::BatchResult;
    use gwanje_wire::{ErrorCode, Problem};

    const AT: UtcMillis = UtcMillis(5);

    fn cancel(command: &str, ids: &[u64]) -> StoredCommand {
        let ids: Vec<_> = ids.iter().copied().map(DeliveryId).collect();
        let (delivery, batch) = if let [id] = ids[..] { (Some(id), Vec::new()) } else { (None, ids) };
        StoredCommand {
            command: CommandId(command.to_owned()),
            delivery,
            batch,
            action: "cancel".into(),
            clicked_at: UtcMillis(0),
        }
    }

    fn result(id: u64, is_done: bool) -> BatchResult {
        BatchResult { id: DeliveryId(id), status: if is_done { 200 } else { 409 }, row: None, problem: None }
    }

    fn refused() -> CommandOutcome {
        CommandOutcome::Refused(Problem::new(ErrorCode::Conflict, "no"))
    }

    #[test]
    fn of_a_batch_each_delivery_is_own_until_its_result_says_otherwise() {
        let mut own = OwnCancellations::default();
        own.begin(&cancel("B", &[5, 6]));
        assert!(own.claims(DeliveryId(5), AT) && own.claims(DeliveryId(6), AT));
        assert!(!own.claims(DeliveryId(7), AT));
        let outcome = CommandOutcome::Each(vec![result(5, true), result(6, false)]);
        assert_eq!(own.end(&CommandId("B".to_owned()), &outcome), [DeliveryId(6)]);
        assert!(own.claims(DeliveryId(5), AT));
        assert!(!own.claims(DeliveryId(6), AT));
        let stored = own.store();
        let forgotten = OwnCancellation { id: DeliveryId(6), done: false, alarm: None };
        assert_eq!(stored, [OwnCancellation { id: DeliveryId(5), done: true, alarm: Some(AT) }, forgotten]);
        assert!(!own.has_changes());
    }

    #[test]
    fn only_the_alarm_that_was_told_as_own_is_so_in_the_next_run() {
        let mut own = OwnCancellations::default();
        own.begin(&cancel("K", &[5]));
        own.claims(DeliveryId(5), AT);
        let (stored, open) = (own.store(), [cancel("K", &[5]), cancel("L", &[6])]);
        let mut own = OwnCancellations::default();
        own.restore(stored, &open);
        assert!(own.claimed(DeliveryId(5), AT));
        assert!(!own.claimed(DeliveryId(5), UtcMillis(6)));
        // One was told aloud before its command began: it is not told again when that is refused.
        assert!(!own.claimed(DeliveryId(6), AT));
        assert_eq!(own.end(&CommandId("K".to_owned()), &refused()), [DeliveryId(5)]);
        assert!(!own.claimed(DeliveryId(5), AT));
    }

    #[test]
    fn another_command_on_the_same_delivery_may_still_have_done_it() {
        let mut own = OwnCancellations::default();
        own.begin(&cancel("K", &[5]));
        own.begin(&cancel("B", &[5, 6]));
        assert_eq!(own.end(&CommandId("K".to_owned()), &refused()), []);
        assert_eq!(own.end(&CommandId("B".to_owned()), &refused()), [DeliveryId(5), DeliveryId(6)]);
    }

    #[test]
    fn no_more_are_kept_than_the_limit_and_what_goes_is_taken_from_the_cache() {
        let mut own = OwnCancellations::default();
        let ids: Vec<_> = (1..=KEPT_MAX as u64 + 1).collect();
        own.begin(&cancel("B", &ids));
        own.end(&CommandId("B".to_owned()), &CommandOutcome::Done(None));
        let stored = own.store();
        assert_eq!(stored.len(), KEPT_MAX + 1);
        assert_eq!(stored.iter().filter(|own| own.done).count(), KEPT_MAX);
        assert!(!stored[0].done);
    }
}
