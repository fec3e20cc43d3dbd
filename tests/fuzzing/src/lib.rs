//! What is fuzzed. Each function takes any bytes; it returns, or it panics and has found something.
//!
//! `fuzz/` feeds them from libFuzzer; `tests/corpus.rs` feeds them the committed corpora in every `make test`.

mod cache_file;
mod dialect;
mod foreign;
mod rest;
mod socketio;
mod stomp;

pub use cache_file::cache_file;
pub use dialect::dialect;
pub use foreign::foreign;
pub use rest::rest;
pub use socketio::socketio;
pub use stomp::stomp;

/// Takes any bytes; panics when it has found something.
pub type Target = fn(&[u8]);

/// Every target: its name, which is its corpus' folder, and its function.
pub const TARGETS: [(&str, Target); 6] = [
    ("cachefile", cache_file),
    ("dialect", dialect),
    ("foreign", foreign),
    ("rest", rest),
    ("socketio", socketio),
    ("stomp", stomp),
];
