//! Commands of this seat that the cache keeps, from before they are sent until they are settled (rule 11).

use super::fetch::SessionAction;
use crate::io::{CommandId, StoredCommand};
use std::collections::{BTreeMap, VecDeque};

/// See the module's doc. Bounded by the commands that may be under way at once.
#[derive(Debug, Default)]
pub(super) struct Kept {
    unsettled: BTreeMap<CommandId, StoredCommand>,
    /// To be written with the next batch.
    begun: Vec<CommandId>,
    /// To be removed with the next batch.
    settled: Vec<CommandId>,
    /// Written with that batch, which is not committed yet.
    written: VecDeque<(u64, CommandId)>,
}

impl Kept {
    /// What the cache held.
    pub(super) fn restore(&mut self, commands: Vec<StoredCommand>) {
        self.unsettled.extend(commands.into_iter().map(|command| (command.command.clone(), command)));
    }

    pub(super) fn begin(&mut self, command: StoredCommand) {
        self.begun.push(command.command.clone());
        self.unsettled.insert(command.command.clone(), command);
    }

    pub(super) fn settle(&mut self, command: CommandId) {
        if self.unsettled.remove(&command).is_some() {
            self.settled.push(command);
        }
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.begun.is_empty() || !self.settled.is_empty()
    }

    /// What the batch with that number holds: those that begin, and those that are settled.
    pub(super) fn store(&mut self, batch: u64) -> (Vec<StoredCommand>, Vec<CommandId>) {
        let mut begun = Vec::with_capacity(self.begun.len());
        for command in std::mem::take(&mut self.begun) {
            begun.extend(self.unsettled.get(&command).cloned());
            self.written.push_back((batch, command));
        }
        (begun, std::mem::take(&mut self.settled))
    }

    /// The cache is new and empty: everything goes into the next batch.
    pub(super) fn store_all(&mut self) {
        self.written.clear();
        self.settled.clear();
        self.begun = self.unsettled.keys().cloned().collect();
    }

    /// The cache committed up to that batch.
    pub(super) fn committed(&mut self, batch: u64, out: &mut VecDeque<SessionAction>) {
        while let Some((_, command)) = self.written.pop_front_if(|(written, _)| *written <= batch) {
            out.push_back(SessionAction::CommandKept(command));
        }
    }
}
