//! The foreign client against a scripted, unkind server: single stories, and storms from a seed.

mod field;
mod kinds;
mod requests;
mod several;
mod stories;
mod storm;
mod world;
