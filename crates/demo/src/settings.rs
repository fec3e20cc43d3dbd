//! How a demo runs.

use std::net::SocketAddr;
use std::path::PathBuf;

/// How a demo runs.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// Where to serve; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where to serve sockets, when on a port of their own.
    pub socket_listen: Option<SocketAddr>,
    /// Folders of MDRP instances, one a center; none: a synthetic day.
    pub instances: Vec<PathBuf>,
    /// Begins so many minutes after midnight; what lies before is played at once.
    pub start_min: Option<u32>,
    /// Day seconds a second.
    pub speed: f64,
    /// Centers of a synthetic day.
    pub centers: u16,
    /// The same seed gives the same day.
    pub seed: u64,
    /// Orders a day and center.
    pub orders: Option<u32>,
    /// Keeps the day in this folder; absent: temporary.
    pub data: Option<PathBuf>,
    /// Share of orders that is cancelled, 0 to 1.
    pub cancel_rate: Option<f64>,
    /// Share of orders that is given to another rider, 0 to 1.
    pub reassign_rate: Option<f64>,
    /// Share of frames that is lost on purpose, 0 to 1.
    pub drop_rate: f64,
}
