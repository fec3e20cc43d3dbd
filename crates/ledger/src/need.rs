//! What a store must load before asks are decided: the union of what each of them looks at.

use crate::ask::{Ask, BatchCommand, Command, Idempotency, Intent, Seen};
use gwanje_model::{DeliveryId, Epoch, Rev, RiderId, Text};
use std::collections::{BTreeMap, BTreeSet};

/// What asks of one center look at when they are decided. Nothing else counts for them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Need {
    /// Live rows, each with its clock's alarms.
    pub rows: BTreeMap<DeliveryId, RowNeed>,
    /// Riders who may be listed to the center.
    pub riders: BTreeSet<RiderId>,
    /// Outcomes that may be recorded.
    pub keys: BTreeSet<KeyNeed>,
    /// Accounts whose person's name may be told.
    pub people: BTreeSet<Text>,
    /// Orders that want an id each.
    pub orders: usize,
    /// The accounts that give those orders.
    pub ordering: BTreeSet<Text>,
}

/// What is looked at beside a row.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RowNeed {
    /// At which revisions the row must be: where one is not met, its latest change is told.
    pub seen: Vec<Seen>,
    /// Its latest change may be taken back: it is looked at, and so are the row before it and whether the riders of both
    /// are listed.
    pub undo: bool,
    /// The accounts that may change it.
    pub by: Vec<Text>,
}

impl RowNeed {
    /// Whether the latest change of the row is looked at when it is found at `rev` of `epoch`.
    #[must_use]
    pub fn latest_of(&self, epoch: &Epoch, rev: Rev) -> bool {
        self.undo || self.seen.iter().any(|seen| !seen.is_met(epoch, rev))
    }
}

/// An idempotency key of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyNeed {
    /// Whose.
    pub account: Text,
    /// The client's key.
    pub key: String,
    /// The path of the request, or the empty path of a closed key, which goes first; none: any path, the first of them.
    pub path: Option<String>,
}

impl Need {
    /// What a command looks at.
    #[must_use]
    pub fn of_command(command: &Command) -> Self {
        let mut need = Self::default();
        need.add_command(command);
        need
    }

    /// What a batch looks at.
    #[must_use]
    pub fn of_batch(command: &BatchCommand) -> Self {
        let mut need = Self::default();
        need.add_batch(command);
        need
    }

    /// What is looked at when a key is closed.
    #[must_use]
    pub fn of_close(account: Text, key: String) -> Self {
        let mut need = Self::default();
        need.add_close(account, key);
        need
    }

    /// Adds what is looked at when a key is closed.
    pub fn add_close(&mut self, account: Text, key: String) {
        self.keys.insert(KeyNeed { account, key, path: None });
    }

    /// Adds what a command looks at when it is decided after those added before.
    pub fn add_command(&mut self, command: &Command) {
        self.add_key(&command.by, command.idempotency.as_ref());
        match &command.intent {
            Intent::Refuse(_) => {}
            Intent::Create(_) => {
                self.orders += 1;
                self.ordering.insert(command.by.clone());
            }
            Intent::Act(id, ask) => {
                self.add_act(*id, ask, command.if_match.clone().map(Seen::Tagged), &command.by);
            }
        }
    }

    /// Adds what a batch looks at when it is decided after those added before.
    pub fn add_batch(&mut self, command: &BatchCommand) {
        self.add_key(&command.by, command.idempotency.as_ref());
        for act in command.acts.iter().flatten() {
            if let Ok(ask) = &act.ask {
                self.add_act(act.id, ask, act.seen.clone(), &command.by);
            }
        }
    }

    fn add_key(&mut self, account: &Text, idempotency: Option<&Idempotency>) {
        if let Some(Idempotency { path, key, body_hash: _ }) = idempotency {
            let (key, path) = (key.clone(), Some(path.clone()));
            self.keys.insert(KeyNeed { account: account.clone(), key, path });
        }
    }

    fn add_act(&mut self, id: DeliveryId, ask: &Ask, seen: Option<Seen>, by: &Text) {
        let row = self.rows.entry(id).or_default();
        // A later ask may be told of the change that an earlier one made, also of a row that is only now ordered.
        self.people.extend(row.by.iter().chain(&self.ordering).cloned());
        if !row.by.contains(by) {
            row.by.push(by.clone());
        }
        row.seen.extend(seen);
        match ask {
            Ask::Assign(rider) => _ = self.riders.insert(rider.clone()),
            Ask::Undo(_) => row.undo = true,
            Ask::Accept
            | Ask::Unassign
            | Ask::Confirm
            | Ask::Pickup
            | Ask::Deliver
            | Ask::Cancel(_)
            | Ask::Note { .. } => {}
        }
    }
}
