//! Cancellations that commands of this installation ask for: their alarms are its person's own.

use crate::io::{CommandId, StoredCommand};
use gwanje_model::DeliveryId;
use gwanje_model::lifecycle::Action;
use std::collections::{BTreeMap, BTreeSet};

/// Cancellations of this seat that are remembered: more than a shift makes. Beyond it the oldest deliveries are forgotten.
const DONE_MAX: usize = 1_024;

/// See the module's doc.
#[derive(Debug, Default)]
pub(super) struct OwnCancellations {
    /// Without an outcome. Bounded by the commands that may be under way at once.
    asked: BTreeMap<CommandId, DeliveryId>,
    /// Carried out, or nobody will ever know. A delivery is cancelled once.
    done: BTreeSet<DeliveryId>,
}

impl OwnCancellations {
    /// What an earlier run left without an outcome.
    pub(super) fn restore(&mut self, commands: &[StoredCommand]) {
        commands.iter().for_each(|command| self.begin(command));
    }

    /// A command is about to be sent.
    pub(super) fn begin(&mut self, command: &StoredCommand) {
        if let Some(id) = command.delivery.filter(|_| command.action == Action::Cancel.as_str()) {
            self.asked.insert(command.command.clone(), id);
        }
    }

    /// A command has ended. Returns the delivery, when its cancellation turns out to be another's.
    pub(super) fn end(&mut self, command: &CommandId, done: bool) -> Option<DeliveryId> {
        let id = self.asked.remove(command)?;
        if done {
            self.done.insert(id);
            if self.done.len() > DONE_MAX {
                self.done.pop_first();
            }
        }
        (!self.has(id)).then_some(id)
    }

    /// Whether the cancellation of a delivery is this seat's, or may be.
    pub(super) fn has(&self, id: DeliveryId) -> bool {
        self.done.contains(&id) || self.asked.values().any(|asked| *asked == id)
    }
}
