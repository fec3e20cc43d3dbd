//! A row as the board keeps it: what it says, or that it can't be read.

use crate::search::{haystack, same_texts};
use gwanje_model::{CenterId, Delivery, Rev, UtcMillis};
use std::sync::Arc;

/// A row of the board.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// A row, and its texts for a search.
    Read { row: Arc<Delivery>, haystack: Arc<str> },
    /// A row that this version can't read: a status of a newer hub, say. It counts and is shown as such.
    Unreadable(Arc<(CenterId, Rev)>),
}

impl Record {
    /// A row in place of `old`, whose haystack it keeps when no text changed.
    pub(crate) fn read(row: Arc<Delivery>, old: Option<&Self>) -> Self {
        let haystack = match old {
            Some(Self::Read { row: before, haystack }) if same_texts(before, &row) => Arc::clone(haystack),
            Some(Self::Read { .. } | Self::Unreadable(_)) | None => haystack(&row),
        };
        Self::Read { row, haystack }
    }

    /// Whether the row is this very copy.
    pub(crate) fn is_copy_of(&self, row: &Arc<Delivery>) -> bool {
        self.row().is_some_and(|own| Arc::ptr_eq(own, row) || own == row)
    }

    /// The row, when it can be read.
    pub(crate) fn row(&self) -> Option<&Arc<Delivery>> {
        match self {
            Self::Read { row, .. } => Some(row),
            Self::Unreadable(_) => None,
        }
    }

    pub(crate) fn center(&self) -> &CenterId {
        match self {
            Self::Read { row, .. } => &row.center,
            Self::Unreadable(about) => &about.0,
        }
    }

    /// From when it is late: `None` when it has ended or can't be read.
    pub(crate) fn late_at(&self) -> Option<UtcMillis> {
        self.row().filter(|row| is_under_way(row)).map(|row| row.late_at())
    }
}

/// Not delivered and not cancelled.
pub(crate) fn is_under_way(row: &Delivery) -> bool {
    !row.status.is_final()
}

/// Under way with a rider who has not confirmed (미확인).
pub(crate) fn is_unconfirmed(row: &Delivery) -> bool {
    is_under_way(row) && row.rider.as_ref().is_some_and(|rider| !rider.confirmed)
}
