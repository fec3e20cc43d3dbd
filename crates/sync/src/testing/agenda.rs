//! What is to happen in a scripted world, and when.

use std::collections::BTreeMap;

/// Events by their moment, milliseconds; those of one moment in the order in which they were put in.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    events: BTreeMap<(u64, u64), E>,
    put: u64,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { events: BTreeMap::new(), put: 0 }
    }
}

impl<E> Agenda<E> {
    pub(crate) fn put(&mut self, at_ms: u64, event: E) {
        self.put += 1;
        self.events.insert((at_ms, self.put), event);
    }

    /// The moment of the first event.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the first event out.
    pub(crate) fn take_next(&mut self) -> Option<E> {
        self.events.pop_first().map(|(_, event)| event)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&E) -> bool) {
        self.events.retain(|_, event| keep(event));
    }

    /// The moment of the last of some events.
    pub(crate) fn last_at(&self, of: impl Fn(&E) -> bool) -> Option<u64> {
        self.events.iter().rev().find(|(_, event)| of(event)).map(|((at, _), _)| *at)
    }
}
