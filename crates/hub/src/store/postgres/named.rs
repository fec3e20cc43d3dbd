//! Asks that name what they look at: those of one transaction are loaded for together, and decided in memory one after the
//! other.

use super::answer::{Answer, Settle, settle};
use crate::store::StoreError;
use crate::store::backend::BatchOutcome;
use gwanje_ledger::{BatchCommand, Command, Decided, Decision, LoadedCenter, Moment, Need, Undecided, Write};
use gwanje_model::Text;
use gwanje_wire::rest::CloseReply;

/// An ask that a [`Need`] can name. It can be decided more than once.
pub(super) enum NamedAsk {
    Command(Box<Command>, Answer<Decided>),
    Commands(Vec<Command>, Answer<Vec<Decided>>),
    Batch(Box<BatchCommand>, Answer<BatchOutcome>),
    Close { account: Text, key: String, answer: Answer<CloseReply> },
}

impl NamedAsk {
    /// Tells whoever waits that it was not decided.
    pub fn fail(&self, why: impl Fn() -> StoreError) {
        match self {
            Self::Command(_, answer) => answer.give(Err(why())),
            Self::Commands(_, answer) => answer.give(Err(why())),
            Self::Batch(_, answer) => answer.give(Err(why())),
            Self::Close { answer, .. } => answer.give(Err(why())),
        }
    }

    /// Adds what it looks at when it is decided after those added before.
    pub fn add_need(&self, need: &mut Need) {
        match self {
            Self::Command(command, _) => need.add_command(command),
            Self::Commands(commands, _) => commands.iter().for_each(|command| need.add_command(command)),
            Self::Batch(command, _) => need.add_batch(command),
            Self::Close { account, key, .. } => need.add_close(account.clone(), key.clone()),
        }
    }

    /// Decides it over what was loaded, as those before have left it; adds what that leaves to write.
    pub fn decide(
        &self,
        loaded: &mut LoadedCenter,
        now: Moment,
        writes: &mut Vec<Write>,
    ) -> Result<Settle, Undecided> {
        let mut take = |mut left| writes.append(&mut left);
        Ok(match self {
            Self::Command(command, answer) => {
                let Decision { outcome, writes } =
                    gwanje_ledger::decide(loaded, Command::clone(command), now)?;
                take(writes);
                settle(answer, outcome)
            }
            Self::Commands(commands, answer) => {
                let mut outcomes = Vec::with_capacity(commands.len());
                for command in commands {
                    let Decision { outcome, writes } = gwanje_ledger::decide(loaded, command.clone(), now)?;
                    take(writes);
                    outcomes.push(outcome);
                }
                settle(answer, outcomes)
            }
            Self::Batch(command, answer) => {
                let Decision { outcome, writes } =
                    gwanje_ledger::decide_batch(loaded, BatchCommand::clone(command), now)?;
                take(writes);
                settle(answer, outcome)
            }
            Self::Close { account, key, answer } => {
                let Decision { outcome, writes } = gwanje_ledger::close(loaded, account, key);
                take(writes);
                settle(answer, outcome)
            }
        })
    }
}
