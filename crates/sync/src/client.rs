//! The whole client side of one server: sign-in, socket, sessions, commands.

use crate::io::{Action, Input, Mono, Now, Stats};
use crate::session::Session;
use gwanje_model::{CenterId, SeatId};

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Base URLs of the server (`http://host:port`), in order of preference. At least one.
    pub servers: Vec<String>,
    /// This installation.
    pub seat: SeatId,
    /// Follow only these centers of the account's; empty: all.
    pub centers: Vec<CenterId>,
    /// For jitter.
    pub seed: u64,
}

/// The whole client side of one server.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
}

impl Client {
    /// A client that waits for a sign-in.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self { config }
    }
    /// Takes an input. Actions wait in the queue afterwards.
    pub fn handle(&mut self, _input: Input, _now: Now) {
        let _ = &self.config;
    }
    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        None
    }
    /// When to put [`Input::Tick`] in, at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        None
    }
    /// A center's session.
    #[must_use]
    pub fn session(&self, _center: &CenterId) -> Option<&Session> {
        None
    }
    /// Counts over all centers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
    /// The access token and base URL at present, for reads that the interface makes by itself (history, riders, search).
    #[must_use]
    pub fn access(&self) -> Option<(&str, &str)> {
        None
    }
}
