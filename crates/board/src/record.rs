//! A row as the board keeps it: what it says, or that it can't be read.

use crate::key::KeyWriter;
use crate::search::Texts;
use gwanje_model::{CenterId, Delivery, Note, Rev, Status, UtcMillis};
use std::sync::Arc;

/// A row of the board.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// A row, and its texts for a search.
    Read { row: Arc<Delivery>, texts: Texts, facts: Facts },
    /// A row that this version can't read, for example with a status of a newer hub. It is counted and shown as
    /// unreadable.
    Unreadable { about: Arc<(CenterId, Rev)>, center: CenterNumber },
}

/// A center's number: its place in the order in which the board met the centers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CenterNumber(pub(crate) u32);

/// What most lists ask of a row, kept beside the pointer to it. So a new list reads rows one after the other in memory
/// instead of fetching each from wherever it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// [`KeyWriter::natural_word`] of the row's number.
    pub(crate) number: u64,
    pub(crate) received_at: UtcMillis,
    pub(crate) late_at: UtcMillis,
    pub(crate) center: CenterNumber,
    pub(crate) status: Status,
    pub(crate) unconfirmed: bool,
}

impl Record {
    /// A row in place of `old`. Keeps the folded texts of `old` when none changed.
    pub(crate) fn read(row: Arc<Delivery>, center: CenterNumber, old: Option<&Self>) -> Self {
        let texts = match old {
            Some(Self::Read { row: before, texts, .. }) => texts.after(before, &row),
            Some(Self::Unreadable { .. }) | None => Texts::default(),
        };
        let facts = Facts {
            number: KeyWriter::natural_word(&row.number),
            received_at: row.received_at,
            late_at: row.late_at(),
            center,
            status: row.status,
            unconfirmed: is_unconfirmed(&row),
        };
        Self::Read { row, texts, facts }
    }

    /// Whether this record already holds the row: the very copy, or an equal one.
    pub(crate) fn is_copy_of(&self, row: &Arc<Delivery>) -> bool {
        self.row().is_some_and(|own| Arc::ptr_eq(own, row) || own == row)
    }

    /// The row, when it can be read.
    pub(crate) fn row(&self) -> Option<&Arc<Delivery>> {
        match self {
            Self::Read { row, .. } => Some(row),
            Self::Unreadable { .. } => None,
        }
    }

    pub(crate) fn center(&self) -> &CenterId {
        match self {
            Self::Read { row, .. } => &row.center,
            Self::Unreadable { about, .. } => &about.0,
        }
    }
}

impl Facts {
    /// The instant from which it is late; `None`: it has ended and can't become late any more.
    pub(crate) fn due_at(&self) -> Option<UtcMillis> {
        (!self.status.is_final()).then_some(self.late_at)
    }
}

/// Not delivered and not cancelled.
pub(crate) fn is_under_way(row: &Delivery) -> bool {
    !row.status.is_final()
}

/// Under way, and the last word on it is a rider's or an integration's: someone waits for an answer.
pub(crate) fn is_noted(row: &Delivery) -> bool {
    is_under_way(row) && row.notes.last().is_some_and(Note::asks)
}

/// Under way with a rider who has not confirmed (미확인).
pub(crate) fn is_unconfirmed(row: &Delivery) -> bool {
    is_under_way(row) && row.rider.as_ref().is_some_and(|rider| !rider.confirmed)
}
