//! The tokio shell around the sans-IO core: sockets, HTTP, timers, the cache thread; one handle for any user interface.
//!
//! ```text
//! Engine (handle) ──calls──▶ owner task ──actions──▶ socket tasks · request tasks · cache thread
//!        ▲                   sync::Client, Board            │
//!        └──events, patches────────┴◀────────inputs─────────┘
//! ```
//! The owner task alone holds the state; everything else sends it messages over bounded channels. *Invariant:* the
//! owner waits only for its inbox and its next deadline. So no slow disk, socket or page holds it up.
//!
//! An interface starts with [`Engine::start`], signs in, listens to [`Engine::events`] and opens views.

mod addresses;
mod alarms;
mod candidates;
mod clock;
mod config;
mod core;
mod drafts;
mod error;
mod event;
mod foreign;
mod freshness;
mod handle;
mod http;
pub mod ipc;
mod message;
mod monitor;
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
pub use handle::{BatchWish, CommandWish, Engine};
pub use message::PatchSink;
#[cfg(feature = "faults")]
pub use message::RowFault;
pub use monitor::CLIENTS_SHOWN_MAX;
pub use profile::{KeptSession, kept_session};

pub use gwanje_board as board;
pub use gwanje_model as model;
pub use gwanje_sync as sync;
pub use gwanje_sync::dialect;
pub use gwanje_wire as wire;

pub use gwanje_board::{Patch, Row, ViewId, ViewSpec};
pub use gwanje_model::{CenterId, Delivery, DeliveryId, Rider};
pub use gwanje_sync::{AlarmKey, CommandId, CommandKind, Stats};
pub use gwanje_wire::command::HistoryEvent;
