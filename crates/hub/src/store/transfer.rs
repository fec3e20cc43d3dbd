//! What a move hands from one store to another, and what both sides say of it.

use super::StoreError;
use gwanje_model::RowDigest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;
use tokio::sync::mpsc;

/// The note by which a file says that it was moved, or is being moved.
pub(crate) const MOVED_KEY: &str = "moved";
/// The note by which a database says which move filled it.
pub(super) const FILLED_KEY: &str = "filled-by-move";

/// What a file says of its move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Of this move.
    pub id: String,
    /// Where to, without a password.
    pub to: String,
    /// Whether the database has it all.
    pub done: bool,
}

/// What the note says. One that can't be read is a mark all the same.
pub(crate) fn marked(note: Option<String>) -> Option<Mark> {
    let note = note.filter(|note| !note.is_empty())?;
    let unread = || Mark { id: String::new(), to: "a place that it does not name".into(), done: true };
    Some(serde_json::from_str(&note).unwrap_or_else(|_| unread()))
}

/// What was moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Rows of each table that has any.
    pub rows: Vec<(&'static str, u64)>,
    /// Texts that held a NUL, which PostgreSQL does not keep: it was taken out.
    pub cleaned: u64,
    /// Whether it had happened before, and only the file did not know.
    pub before: bool,
}

/// Why nothing was moved.
#[derive(Debug, Error)]
pub enum MoveError {
    /// A store can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database was lost while it committed.
    #[error("the target did not say whether it has everything ({0}); run the move again, which finds out")]
    Unsettled(String),
    /// Hubs run on it.
    #[error("{0} connections of hubs are open to it; stop the hubs first")]
    InUse(i64),
    /// Only real days are moved.
    #[error("it holds a demo's day, and everybody knows a demo's accounts; only real days are moved")]
    IsDemo,
    /// It is somewhere else already.
    #[error("it was moved to {0} already; start the hub there")]
    Moved(String),
    /// An earlier move goes elsewhere.
    #[error("it is half moved to {0}; finish that move, or look there first whether it is complete")]
    Elsewhere(String),
    /// There is something already.
    #[error("what it should move to is not empty: there is {0}; a move needs an empty store")]
    NotEmpty(String),
    /// What was written is not what the file says of itself.
    #[error("center {center} says it has {told} and has {found}; the store is damaged, nothing was moved")]
    Damaged {
        /// Which.
        center: String,
        /// Rows by its head.
        told: String,
        /// Rows by counting.
        found: String,
    },
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    /// 32 bits in PostgreSQL.
    Small,
    Bytes,
    /// 0 or 1 in SQLite.
    Flag,
}

/// A table that both stores have, with the columns that both have.
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
}

impl Table {
    /// The names of its columns, as both stores read them.
    pub fn names(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        names.join(", ")
    }
}

/// A value on its way.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Rows of a table on their way.
pub(super) struct Chunk {
    /// Its index in [`TABLES`].
    pub table: usize,
    pub rows: Vec<Vec<Value>>,
}

/// Rows as they come; the last thing that comes is the failure, if there is one.
pub(super) type Coming = mpsc::Receiver<Result<Chunk, StoreError>>;

/// Bytes of texts that travel at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Rows that travel at once.
const CHUNK_ROWS: usize = 2_000;

/// Rows that are gathered for the way.
#[derive(Default)]
pub(super) struct Gathering {
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Gathering {
    /// Takes a row in; gives those that are to go now.
    pub fn add(&mut self, row: Vec<Value>) -> Option<Vec<Vec<Value>>> {
        self.bytes += row.iter().map(Value::bytes).sum::<usize>();
        self.rows.push(row);
        (self.rows.len() >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES).then(|| self.rest())
    }

    /// Those that are there.
    pub fn rest(&mut self) -> Vec<Vec<Value>> {
        self.bytes = 0;
        std::mem::take(&mut self.rows)
    }
}

impl Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Integer(_) => 8,
        }
    }
}

/// Holds the rows of each center against its head, as a client would.
pub(super) fn compare(
    heads: impl IntoIterator<Item = (String, RowDigest)>,
    found: &BTreeMap<String, RowDigest>,
) -> Result<(), MoveError> {
    for (center, told) in heads {
        let found = found.get(&center).copied().unwrap_or_default();
        if told != found {
            let shown = |sum: RowDigest| format!("{} rows of digest {:016x}", sum.count, sum.digest.0);
            return Err(MoveError::Damaged { center, told: shown(told), found: shown(found) });
        }
    }
    Ok(())
}

/// Everything but what a store says of itself.
#[rustfmt::skip]
pub(super) const TABLES: &[Table] = {
    use Kind::{Bytes, Flag, Integer, Small, Text};
    &[
        Table { name: "center", columns: &[
            ("id", Text), ("name", Text), ("pos", Text), ("time_zone", Text), ("epoch", Text), ("rev", Integer),
            ("count", Integer), ("digest", Integer), ("floor", Integer), ("alarm_seq", Integer),
            ("next_number", Integer),
        ] },
        Table { name: "delivery", columns: &[
            ("id", Integer), ("center", Text), ("rev", Integer), ("status", Text), ("rider", Text),
            ("received_at", Integer), ("ended_at", Integer), ("body", Text),
        ] },
        Table { name: "tombstone", columns: &[("center", Text), ("rev", Integer), ("id", Integer)] },
        Table { name: "archive", columns: &[
            ("id", Integer), ("center", Text), ("status", Text), ("rider", Text), ("received_at", Integer),
            ("body", Text),
        ] },
        Table { name: "history", columns: &[
            ("delivery", Integer), ("rev", Integer), ("center", Text), ("at", Integer), ("by", Text),
            ("action", Text), ("from_status", Text), ("to_status", Text), ("detail", Text), ("body", Text),
            ("wall", Integer),
        ] },
        Table { name: "outcome", columns: &[
            ("account", Text), ("center", Text), ("key", Text), ("path", Text), ("body_hash", Bytes),
            ("status", Small), ("epoch", Text), ("body", Text), ("at", Integer),
        ] },
        Table { name: "due", columns: &[("id", Integer), ("kind", Text), ("center", Text), ("at", Integer)] },
        Table { name: "alarm", columns: &[
            ("center", Text), ("id", Integer), ("kind", Text), ("raised_at", Integer), ("seq", Integer),
            ("body", Text), ("at", Integer), ("was", Text), ("by", Text), ("more", Integer),
            ("acknowledged_by", Text), ("acknowledged_at", Integer), ("settled_at", Integer),
            ("escalated_at", Integer),
        ] },
        Table { name: "receipt", columns: &[
            ("center", Text), ("id", Integer), ("kind", Text), ("raised_at", Integer), ("account", Text),
            ("seat", Text), ("stage", Text), ("at", Integer),
        ] },
        Table { name: "rider", columns: &[
            ("center", Text), ("id", Text), ("name", Text), ("phone", Text), ("home", Text), ("status", Text),
            ("pos", Text), ("seen_at", Integer),
        ] },
        Table { name: "account", columns: &[
            ("name", Text), ("role", Text), ("centers", Text), ("rider", Text), ("person", Text), ("password", Text),
            ("rights", Integer),
        ] },
        Table { name: "api_key", columns: &[("hash", Bytes), ("name", Text), ("centers", Text), ("scopes", Text)] },
        Table { name: "sign_in", columns: &[
            ("id", Text), ("account", Text), ("rotations", Text), ("used_at", Integer), ("revoked", Flag),
            ("began_at", Integer), ("origin", Text),
        ] },
        Table { name: "ticket", columns: &[("nonce", Text), ("expires_at", Integer)] },
        Table { name: "audit", columns: &[
            ("id", Text), ("at", Integer), ("account", Text), ("origin", Text), ("action", Text), ("target", Text),
            ("event", Text), ("size", Integer), ("count", Integer), ("detail", Text),
        ] },
        Table { name: "preference", columns: &[("account", Text), ("key", Text), ("version", Integer), ("body", Text)] },
    ]
};

/// What a store says of itself, which goes along beside [`TABLES`].
pub(super) struct Own {
    /// Names and texts.
    pub notes: Vec<(String, String)>,
    /// The last id that was given to a delivery; 0: none was.
    pub last_delivery: i64,
}
