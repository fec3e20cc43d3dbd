//! The tokio shell around the sans-IO core: sockets, HTTP, timers, the cache thread; one handle for any user interface.
//!
//! ```text
//! Engine (handle) ──calls──▶ owner task ──actions──▶ socket tasks · request tasks · cache thread
//!        ▲                   sync::Client, Board            │
//!        └──events, patches────────┴◀────────inputs─────────┘
//! ```
//! The owner task alone holds the state; everything else sends it messages over bounded channels. *Invariant:* the owner
//! never waits for anything but its inbox and its next deadline, so that a slow disk, socket or page can't hold it up.
//!
//! An interface starts with [`Engine::start`], signs in, listens to [`Engine::events`] and opens views.

// A new variant of an enum must be looked at wherever one is taken apart (tests may look at one variant alone).
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants))]

mod candidates;
mod clock;
mod config;
mod core;
mod error;
mod event;
mod foreign;
mod handle;
mod http;
pub mod ipc;
mod links;
mod outbox;
mod owner;
mod profile;
mod retry_after;
mod socket;
mod subscribers;
mod views;
mod writer;

pub use candidates::{Candidate, candidates};
pub use config::EngineConfig;
pub use error::EngineError;
pub use event::{CommandReport, EngineEvent, Events};
pub use foreign::load_dialect;
#[cfg(feature = "faults")]
pub use handle::RowFault;
pub use handle::{CommandWish, Engine, PatchSink};
pub use profile::{KeptSession, kept_session};

pub use gwanje_board as board;
pub use gwanje_model as model;
pub use gwanje_sync as sync;
pub use gwanje_sync::dialect;
pub use gwanje_wire as wire;

pub use gwanje_board::{Patch, Row, ViewId, ViewSpec};
pub use gwanje_model::{CenterId, Delivery, DeliveryId, Rider};
pub use gwanje_sync::{AlarmKey, CommandId, Stats, What};
pub use gwanje_wire::command::HistoryEvent;
