//! Pure views over rows: filter, sort, search and window, as compact patches; counters.
//!
//! A [`Board`] holds shared rows of one or more centers and any number of open views. Changes go in by id;
//! patches come out, each view's at the pace its reader acknowledges.

mod board;
mod patch;
mod row;
mod spec;

pub use board::{Board, RowMark, ViewError, ViewId};
pub use patch::{Cell, Counters, Patch};
pub use row::{Row, RowRider};
pub use spec::{Filter, GroupBy, SortKey, SortOrder, ViewSpec};
