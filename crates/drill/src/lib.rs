//! A day of operations that runs by itself: synthetic or from a file, seeded and reproducible. All of it is simulated.
//!
//! The core holds no socket, clock or task. [`Day`] says what happens in one center: its shops, its riders' shifts and
//! its orders, with the instants at which they are placed. [`Drill`] plays several days on one hub: it says which
//! [`Act`]s fall due, is told how the hub answered and what the hub committed, and moves the riders.
//!
//! # How to run it
//! ```text
//! let mut drill = Drill::new(days, DrillOptions::default());
//! drill.resume(&rows_on_the_boards, done_until);        // only after a restart
//! loop {
//!     loop {
//!         let acts = drill.advance(day_now);            // every act due by now whose ground is known
//!         if acts.is_empty() { break }
//!         // commit them in the order given (one transaction will do), each at its own `at`
//!         for (act, outcome) in … { drill.answered(act.token, outcome.as_ref()); }
//!     }
//!     // `day_now` is done: keep it for `resume`. Wait until `drill.next_due()` or until a row is committed.
//!     drill.observe(&row);                              // for every row that anybody commits, own ones too
//! }
//! ```
//! - Acts of one delivery come in the order of time, and in the order of the returned list. Each is answered once,
//!   before the next `advance`.
//! - A far `day_now` is fine: what lies before is played in rounds of [`LOOK_AHEAD_MS`] of the day.
//! - Commands carry the id that the hub gave, so a delivery's first command comes a round after its creation.
//! - The drill follows what people change: a delivery that somebody assigned, unassigned, picked up or cancelled by
//!   hand goes on from there. Deliveries that people created are left to people; a rider who carries one is busy.
//! - Only the instant that was done needs to be kept: days, chances and order numbers follow from the seeds.

mod act;
mod agenda;
mod courier;
mod day;
mod dice;
mod district;
mod drill;
mod fate;
mod korean;
mod mdrp;
mod options;
pub mod solve;
mod synthetic;
mod track;

pub use act::{Act, ActKind, Token};
pub use day::{Day, Order, Pace, Shift};
pub use district::{District, district};
pub use drill::{Drill, LOOK_AHEAD_MS};
pub use mdrp::{DayFileError, Instance, InstanceCourier, InstanceOrder, MdrpSpec, Restaurant};
pub use options::DrillOptions;
pub use synthetic::SyntheticSpec;
