//! Tests of the session: a model hub, a world that breaks things between it and a session, and what must hold.

mod answering;
mod diverging;
mod hub;
mod overdue;
mod restarts;
mod scripted;
mod storms;
mod vectors;
mod world;
