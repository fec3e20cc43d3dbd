//! What the end-to-end, interop, fault and benchmark suites share: real binaries as processes, and a plain REST client.

pub mod api;
pub mod bench;
pub mod display;
pub mod hub;
pub mod nodes;
pub mod peers;
pub mod process;
pub mod proxy;
pub mod rounds;
pub mod said;
pub mod seat;
pub mod stage;
pub mod storm;
pub mod truth;
pub mod watcher;
pub mod window;
