//! The client's SQLite cache: rows, cursors, alarms, unsettled commands, drafts and settings of one account on one server.
//!
//! *Invariant:* rows, cursor and alarms of a batch are one transaction, so that what is read back is always a board that
//! once was. *Invariant:* each row carries a checksum of its content, and each center the count and digest at its cursor;
//! [`Cache::audit`] recomputes both from the disk in one read.
//!
//! Blocking, and for one thread: the engine gives it one of its own.

mod audit;
mod batch;
mod drafts;
mod error;
mod open;
mod read;
mod row;
mod schema;
mod write;

pub use audit::Audit;
pub use batch::{
    CacheBatch, CacheCursor, CachedAlarm, CachedCommand, CachedName, CachedOwn, CachedRow, CachedSkip,
};
pub use drafts::{CachedDraft, DraftChanges, DraftKey, MAX_DRAFT_BYTES, MAX_DRAFTS};
pub use error::CacheError;
pub use open::{Cache, Opened};
pub use read::Loaded;
