//! Admission: serves a herd in turn. Takes in only so much at once, and asks the rest to come back, at moments that lie
//! apart, before doing anything for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests that are being answered at once. Reads take a millisecond or two of a core, so this is a second's work of a
/// small machine; waiting longer helps nobody whose patience is eight seconds.
const REQUESTS_MAX: usize = 1_024;
/// Sockets that are open and have joined nothing yet. Each waits for one ticket and one read; all of them are through
/// within a second or two.
const UNJOINED_MAX: usize = 512;
/// Asks those beyond to come back after this many seconds, at the least and at the most. Clients add a random part of a
/// second or more.
const COME_BACK_S: (u64, u64) = (1, 5);

/// What is being taken in.
#[derive(Debug, Default)]
pub struct Admission {
    requests: Arc<AtomicUsize>,
    unjoined: Arc<AtomicUsize>,
}

/// One that was taken in; its end makes room.
#[derive(Debug)]
pub struct Admitted(Arc<AtomicUsize>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// Room for a request, while the answer is made.
    #[must_use]
    pub fn request(&self) -> Option<Admitted> {
        admit(&self.requests, REQUESTS_MAX)
    }

    /// Whether there is room for another socket that joins nothing yet.
    #[must_use]
    pub fn has_room_for_socket(&self) -> bool {
        self.unjoined.load(Ordering::Relaxed) < UNJOINED_MAX
    }

    /// Takes in a socket that has come, until it joins.
    #[must_use]
    pub fn socket(&self) -> Admitted {
        self.unjoined.fetch_add(1, Ordering::Relaxed);
        Admitted(self.unjoined.clone())
    }
}

fn admit(count: &Arc<AtomicUsize>, most: usize) -> Option<Admitted> {
    let admitted = Admitted(count.clone());
    // Beyond the limit, the end of `admitted` takes back what is counted here.
    (count.fetch_add(1, Ordering::Relaxed) < most).then_some(admitted)
}

/// Seconds until somebody who was turned away should come back: a different number for each.
#[must_use]
pub fn come_back_s() -> u64 {
    let (least, most) = COME_BACK_S;
    // Without the system's random numbers all come at once, which is what they would have done anyway.
    least + getrandom::u64().unwrap_or(0) % (most - least + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_is_turned_away_until_there_is_room() {
        let admission = Admission::default();
        let mut taken: Vec<_> = (0..REQUESTS_MAX).map(|_| admission.request().unwrap()).collect();
        assert!(admission.request().is_none());
        assert!(admission.request().is_none(), "those turned away take no room");
        taken.pop();
        let last = admission.request();
        assert!(last.is_some());
        assert!(admission.request().is_none());
        let sockets: Vec<_> = (0..UNJOINED_MAX).map(|_| admission.socket()).collect();
        assert!(!admission.has_room_for_socket());
        drop(sockets);
        assert!(admission.has_room_for_socket());
    }

    #[test]
    fn those_turned_away_are_told_moments_that_lie_apart() {
        let told: std::collections::BTreeSet<u64> = (0..500).map(|_| come_back_s()).collect();
        assert_eq!(told, (COME_BACK_S.0..=COME_BACK_S.1).collect());
    }
}
