//! What each hub keeps of its own with the others, as long as its lease holds: entries by name, and how they are told.

use super::Topic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Who sits where.
    Seats,
    /// What the monitor shows: a hub, its clients, what went wrong.
    Roster,
}

impl Kept {
    /// By which changes of it are told.
    #[must_use]
    pub fn topic(self) -> Topic {
        match self {
            Self::Seats => Topic::Seats,
            Self::Roster => Topic::Roster,
        }
    }
}

/// An entry that came, is another now, or (without one) left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryChange {
    /// Its name.
    pub key: String,
    /// What it is now, as JSON.
    pub entry: Option<String>,
}

/// All entries of one hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeEntries {
    /// Which hub.
    pub node: String,
    /// How often they have changed.
    pub version: u64,
    /// They, as JSON.
    pub entries: BTreeMap<String, String>,
    /// For how many milliseconds they hold without another beat.
    pub lease_ms: u64,
}

/// What a hub tells of its entries.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EntriesTold {
    /// The version of this text.
    pub v: u32,
    pub node: String,
    /// How often they have changed, these changes counted.
    pub version: u64,
    /// What makes that version from the one before; none: it stands there, and lives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<EntryChange>,
    /// It ends, and takes them with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends: bool,
}

impl EntriesTold {
    /// The version of this text. Who tells another is read from what is kept.
    pub const VERSION: u32 = 2;

    pub fn of(node: &str, version: u64, changes: &[EntryChange]) -> Self {
        Self { v: Self::VERSION, node: node.to_owned(), version, changes: changes.to_vec(), ends: false }
    }

    pub fn end(node: &str) -> Self {
        Self { ends: true, ..Self::of(node, 0, &[]) }
    }

    pub fn json(&self) -> String {
        // Strings and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
