//! The rows of the board and its open views.

use crate::patch::Patch;
use crate::spec::ViewSpec;
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, UtcMillis};
use std::sync::Arc;
use thiserror::Error;

/// Names an open view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId(pub u64);

/// A command of this seat that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowMark {
    /// Sent, not answered.
    Pending,
    /// Not answered in time; nobody knows yet.
    Unknown,
}

/// What is wrong with a call on a view.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ViewError {
    /// No such view (any more).
    #[error("view {0:?} is not open")]
    NotOpen(ViewId),
}

/// Rows of one or more centers, and the views over them.
#[derive(Debug, Default)]
pub struct Board {}

impl Board {
    /// Puts a row in, in place of an older copy.
    pub fn upsert(&mut self, _row: Arc<Delivery>) {}
    /// Holds a row that can't be read.
    pub fn upsert_unreadable(&mut self, _center: &CenterId, _id: DeliveryId, _rev: Rev) {}
    /// Takes a row out.
    pub fn remove(&mut self, _id: DeliveryId) {}
    /// Replaces all rows of a center (a snapshot, or the cached board at the start).
    pub fn replace_center(&mut self, _center: &CenterId, _rows: Vec<Arc<Delivery>>) {}
    /// Forgets a center.
    pub fn remove_center(&mut self, _center: &CenterId) {}
    /// Marks a row's unsettled command, or clears the mark.
    pub fn set_mark(&mut self, _id: DeliveryId, _mark: Option<RowMark>) {}
    /// The revision up to which a center's rows have been put in.
    pub fn set_as_of(&mut self, _center: &CenterId, _rev: Rev) {}
    /// Moves operations time on: rows may become late.
    pub fn advance(&mut self, _day_at: UtcMillis) {}
    /// The row as the board has it.
    pub fn get(&self, _id: DeliveryId) -> Option<&Arc<Delivery>> {
        None
    }
    /// Opens a view; its first patch is a reset.
    pub fn open(&mut self, _spec: ViewSpec) -> ViewId {
        ViewId(0)
    }
    /// Changes what a view shows.
    pub fn change(&mut self, view: ViewId, _spec: ViewSpec) -> Result<(), ViewError> {
        Err(ViewError::NotOpen(view))
    }
    /// The next patch, if anything changed and fewer than two are unacknowledged.
    pub fn poll_patch(&mut self, view: ViewId) -> Result<Option<Patch>, ViewError> {
        Err(ViewError::NotOpen(view))
    }
    /// The page has shown everything up to `seq`.
    pub fn ack(&mut self, view: ViewId, _seq: u64) -> Result<(), ViewError> {
        Err(ViewError::NotOpen(view))
    }
    /// The page lost count: the next patch holds everything.
    pub fn reset(&mut self, view: ViewId) -> Result<(), ViewError> {
        Err(ViewError::NotOpen(view))
    }
    /// Closes a view.
    pub fn close(&mut self, _view: ViewId) {}
    /// The place of a row in a view, if it matches.
    pub fn place_of(&self, _view: ViewId, _id: DeliveryId) -> Option<u64> {
        None
    }
    /// The id at a place of a view.
    pub fn id_at(&self, _view: ViewId, _place: u64) -> Option<DeliveryId> {
        None
    }
}
