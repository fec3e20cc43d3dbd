//! What an engine needs to know before it starts.

use gwanje_model::{CenterId, SeatId};
use gwanje_sync::dialect::Dialect;
use std::path::PathBuf;
use std::sync::Arc;

/// What an engine needs to know before it starts.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Base URLs of one server (`https://host[:port]`), in order of preference. At least one.
    pub servers: Vec<String>,
    /// The folder where this installation keeps its seat, its session (the refresh token, readable by its owner only),
    /// the horizons of its centers, and the cache. Made when missing.
    pub profile_dir: PathBuf,
    /// Follow only these centers of the account's; empty: all.
    pub centers: Vec<CenterId>,
    /// This installation's id; none: the one kept in `profile_dir`, made at the first start.
    pub seat: Option<SeatId>,
    /// Follow a foreign server by this dialect; none: a hub. With a dialect, `servers` may be empty (the dialect names
    /// its own) and `centers` says nothing.
    pub dialect: Option<Arc<Dialect>>,
}

impl EngineConfig {
    /// Follows a foreign server by a dialect.
    #[must_use]
    pub fn foreign(dialect: Arc<Dialect>, profile_dir: impl Into<PathBuf>) -> Self {
        Self {
            servers: Vec::new(),
            profile_dir: profile_dir.into(),
            centers: Vec::new(),
            seat: None,
            dialect: Some(dialect),
        }
    }

    /// Follows all centers of an account of `server`. `server` may name several endpoints of the same server, separated
    /// by commas, in order of preference.
    #[must_use]
    pub fn new(server: impl Into<String>, profile_dir: impl Into<PathBuf>) -> Self {
        Self {
            servers: server.into().split(',').map(|url| url.trim().to_owned()).collect(),
            profile_dir: profile_dir.into(),
            centers: Vec::new(),
            seat: None,
            dialect: None,
        }
    }
}
