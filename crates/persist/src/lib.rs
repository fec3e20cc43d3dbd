//! The write-behind queue between the core and its cache: what waits, what melts, what comes back, what goes past.
//!
//! ```text
//! core ──batches──▶ Outbox ──one job at a time──▶ whoever has the cache file
//!   ▲                 ▲ └─ melts what waits            │
//!   └────ForCore──────┴──────────JobAnswer─────────────┘
//! ```
//! It has no thread, no clock and no file of its own. The engine runs it before its cache thread, the simulation before a
//! disk that breaks; both let [`written`], [`wiped`], [`loaded`] and [`audited`] say what is answered to a job.

mod answer;
mod gathered;
mod job;
mod outbox;
mod translate;

pub use answer::{Ending, JobAnswer, audited, loaded, wiped, written};
pub use gathered::Melted;
pub use job::Job;
pub use outbox::{ForCore, Outbox};
pub use translate::{stored_alarm, wire_row};
