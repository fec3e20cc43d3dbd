//! The store itself: laws over random days, frames against the tables, durability, older files.

mod day;
mod files;
mod frames;
mod laws;
