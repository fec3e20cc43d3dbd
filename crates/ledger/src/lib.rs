//! The hub's law without a store: what is decided, which revision it has, what a frame holds, what may be forgotten.
//!
//! ```text
//! asks ──Need──▶ whoever has the store ──LoadedCenter, Moment──▶ decide ──Decision──▶ outcome
//!                        ▲                                          │
//!                        └───────────────── writes ─────────────────┘
//! ```
//! A store loads the union of what the asks of a commit look at once it has the center's lock; then each is decided in
//! memory, in order, over what those before have left. It has no SQL, no task and no clock: a store hands in what it read
//! and the moment, writes what comes back, and only then tells anybody.

mod alarms;
mod ask;
mod decide;
mod decided;
mod erasure;
mod loaded;
pub mod memory;
pub mod mutation;
mod need;
mod receipts;
mod recent;
mod retention;
mod standing;
mod write;

pub use alarms::{Clocked, look_at_clock, unheard_until};
pub use ask::{Ask, BatchAct, BatchCommand, Command, Idempotency, IfMatch, Intent, Seen, Signature, Undo};
pub use decide::{close, decide, decide_batch};
pub use decided::{Accepted, BatchDecided, Decided, Decision, Undecided};
pub use erasure::{Erasure, erase};
pub use loaded::{LoadedCenter, LoadedChange, LoadedRow};
pub use need::{KeyNeed, Need, RowNeed};
pub use receipts::{AlarmSubject, LoadedAlarm, WordRefused, receive};
pub use recent::{Entry, Recent, RecentBounds, cut_frame};
pub use retention::{Retention, archive, forget_tombstones};
pub use standing::Standing;
pub use write::{
    AlarmRef, AlarmWrite, LeftWrite, Moment, OutcomeKey, OutcomeWrite, Recorded, RowWrite, Write,
};
