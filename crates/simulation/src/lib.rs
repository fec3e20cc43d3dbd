//! A hub, a network, seats and their disks from one seed, in virtual time: every fault that a board must survive,
//! and what must hold whatever breaks, checked after every step.

pub mod hub;
