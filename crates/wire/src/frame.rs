//! Frames and heads: how changes of a center travel, and what proves that none is missing.

use gwanje_model::digest::DigestSum;
use gwanje_model::{Delivery, DeliveryId, Epoch, Rev, RowDigest, UtcMillis};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;
use std::sync::Arc;

/// The most entries (rows and gone together) of one frame, from the wire contract.
pub const FRAME_MAX_ENTRIES: usize = 1_000;
/// The most bytes of one frame as JSON, from the wire contract.
pub const FRAME_MAX_BYTES: usize = 1 << 20;

/// Where a center stands: everywhere the same shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The history that `rev` counts in.
    pub epoch: Epoch,
    /// The latest revision.
    pub rev: Rev,
    /// Live rows at `rev`.
    pub count: u64,
    /// Digest of the live rows at `rev`.
    pub digest: DigestSum,
    /// The hub's wall clock.
    pub at: UtcMillis,
    /// The clock of operations, which all row instants follow (the same in production, simulated in a drill).
    pub day_at: UtcMillis,
    /// The center's latest alarm.
    #[serde(default)]
    pub alarm_seq: u64,
}

impl Head {
    /// Count and digest together.
    #[must_use]
    pub fn rows(&self) -> RowDigest {
        RowDigest { count: self.count, digest: self.digest }
    }
}

/// A tombstone: a delivery that left the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Which delivery.
    pub id: DeliveryId,
    /// The revision of its leaving.
    pub rev: Rev,
}

/// A row as it came: readable, or of a newer hub and held by id and revision only, so that nothing vanishes.
#[derive(Debug, Clone, PartialEq)]
pub enum WireRow {
    /// A delivery.
    Row(Arc<Delivery>),
    /// A row whose contents can't be read (a status of a newer hub, say).
    Unreadable {
        /// Which delivery.
        id: DeliveryId,
        /// At which revision.
        rev: Rev,
    },
}

impl WireRow {
    /// Whether this version understands the same of both. What a newer hub says beside a row is not compared: while two
    /// versions serve, one of them says it and the other does not.
    #[must_use]
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Row(one), Self::Row(other)) if one.unknown != other.unknown => {
                Delivery { unknown: other.unknown.clone(), ..one.as_ref().clone() } == **other
            }
            (Self::Row(_) | Self::Unreadable { .. }, _) => self == other,
        }
    }

    /// The row's delivery id.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        match self {
            Self::Row(row) => row.id,
            Self::Unreadable { id, .. } => *id,
        }
    }

    /// The row's revision.
    #[must_use]
    pub fn rev(&self) -> Rev {
        match self {
            Self::Row(row) => row.rev,
            Self::Unreadable { rev, .. } => *rev,
        }
    }

    /// The delivery, where it could be read.
    #[must_use]
    pub fn delivery(&self) -> Option<&Arc<Delivery>> {
        match self {
            Self::Row(row) => Some(row),
            Self::Unreadable { .. } => None,
        }
    }
}

impl From<Delivery> for WireRow {
    fn from(row: Delivery) -> Self {
        Self::Row(Arc::new(row))
    }
}

impl Serialize for WireRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Row(row) => row.serialize(serializer),
            Self::Unreadable { id, rev } => Gone { id: *id, rev: *rev }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WireRow {
    /// Reads from JSON only (through [`RawValue`]).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        match serde_json::from_str::<Delivery>(raw.get()) {
            Ok(row) => Ok(row.into()),
            Err(unreadable) => match serde_json::from_str::<Gone>(raw.get()) {
                Ok(Gone { id, rev }) => Ok(Self::Unreadable { id, rev }),
                Err(_) => Err(D::Error::custom(format_args!("a row without id and rev: {unreadable}"))),
            },
        }
    }
}

/// Every row whose present revision, as read at `as_of >= to`, is in (from, to].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The history that the revisions count in.
    pub epoch: Epoch,
    /// The cursor it applies over (exclusive).
    pub from: Rev,
    /// The cursor after it (inclusive).
    pub to: Rev,
    /// The revision at which the rows were read.
    pub as_of: Rev,
    /// The hub's wall clock.
    pub at: UtcMillis,
    /// Changed rows, in rev order.
    pub rows: Vec<WireRow>,
    /// Rows that left the board, in rev order.
    #[serde(default)]
    pub gone: Vec<Gone>,
}

impl Frame {
    /// A frame that says that nothing happened after `rev`.
    #[must_use]
    pub fn empty(epoch: Epoch, rev: Rev, at: UtcMillis) -> Self {
        Self { epoch, from: rev, to: rev, as_of: rev, at, rows: Vec::new(), gone: Vec::new() }
    }

    /// Rows and gone together.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.rows.len() + self.gone.len()
    }
}
