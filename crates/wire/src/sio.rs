//! The Socket.IO 5 client codec over Engine.IO 4 text packets, as pure functions and one small state machine.
//!
//! Binary attachments are not part of the contract and are reported as [`SioError::Unsupported`].
