//! What the tests of this crate share.

pub(crate) mod agenda;
pub(crate) mod cells;
pub(crate) mod http;
