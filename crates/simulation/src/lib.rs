//! A hub, a network, seats and their disks from one seed, in virtual time. It injects every fault that a board must
//! survive, and checks after every step what must hold whatever breaks.
//!
//! ```text
//! seed ─ draw → Plan (steps) ─ run → Report (steps, faults that came to pass, violations) ─ shrink → a small Plan, kept
//! World: the hub's ledger over a store in memory, an oracle beside it · nodes (emitters) · lines (delays, cuts, drops) · seats (the real core, a real cache file, a
//!        real board with a page) · ledger (the truth) · invariants
//! ```
//!
//! | letter | invariant |
//! | --- | --- |
//! | C | when quiet: rows on disk = in memory = in the window = at the hub, by content, same cursor; at any moment nothing lacks up to a cursor |
//! | M | cursor and each row's revision never go back within an epoch, nor an epoch to a smaller one |
//! | 1 | replaying a view's patches gives a fresh query's answer |
//! | L | `Live` only with a proof of the present |
//! | A | rows, cursor and alarms are one transaction |
//! | T | nothing deleted comes back |
//! | W | each command settles exactly once, as the hub recorded it, and is done at most once |
//! | B | one socket, a bounded rate of requests, nothing spins |
//! | K | each cancellation after the horizon, and each delivery late, unconfirmed or unaccepted while it is so, raises exactly one alarm, after its commit, none before it is due; an acknowledged one stays so |
//! | O | the ledger and the oracle, a naive hub's law beside it, made the same of each ask: outcome, rows, revisions, histories, alarms, keys, frames; digest and count recounted |
//! | R | no unequal digest, repair or snapshot without an injected cause; what is planted is found within two heads |

mod disk;
pub mod draw;
pub mod fault;
pub mod hub;
mod ledger;
mod network;
mod oracle;
pub mod plan;
pub mod run;
mod seat;
pub mod shrink;
mod tag;
mod trace;
mod violation;
mod window;
mod world;

pub use draw::draw;
pub use run::{Report, log_of, run, run_without_oracle};
pub use violation::Violation;
