//! Pure views over rows: filter, sort, search and window, as compact patches; counters.
//!
//! A [`Board`] holds shared rows of one or more centers and any number of open views. Changes go in by id. Patches come
//! out, for each view at the pace its reader acknowledges.
//!
//! Views with an equal query share one list: an order-statistic index, which a change touches only where its row
//! stands. A list may stand below group heads, with *Act now* pinned above all groups. A view holds what its page
//! holds, no more than what is in sight; a patch is the difference.

mod board;
mod centers;
mod counters;
mod fenwick;
mod found;
mod group;
mod groups;
mod hold;
mod index;
mod key;
mod list;
mod mark;
mod oldest;
mod outline;
mod patch;
mod query;
mod record;
mod row;
mod rows;
mod search;
mod spec;
mod standing;
mod terms;
mod turns;
mod view;

pub use board::{Board, ViewError};
pub use found::{Findings, SearchedFor};
pub use mark::RowMark;
pub use patch::{Counters, GroupHead, HeldCounts, Patch, Place};
pub use row::{Cell, Row, RowRider};
pub use spec::{Filter, GroupBy, Pinned, SortKey, SortOrder, ViewId, ViewSpec};
