//! The REST contract against a real hub on a real port with a real store.

mod commands;
mod following;
mod harness;
mod problems;
mod roles;
mod sign_in;
