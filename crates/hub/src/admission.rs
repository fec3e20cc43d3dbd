//! Admission: serves a herd in turn. Takes in only so much at once, of one address and of one account only a share of it, and
//! asks the rest to come back, at moments that lie apart, before doing anything for it.

use crate::store::StoreError;
use gwanje_model::Text;
use rustc_hash::FxHashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Requests that are being answered at once. Reads take a millisecond or two of a core, so this is a second's work of a
/// small machine; waiting longer helps nobody whose patience is eight seconds.
const REQUESTS_MAX: usize = 1_024;
/// Sockets that are open and have joined nothing yet. Each waits for one ticket and one read; all of them are through
/// within a second or two.
const UNJOINED_MAX: usize = 1_024;
/// What one account reads at once of boards, past ones, parts of them and searches: a few of all places, however many wait.
const READS_OF_ACCOUNT: usize = 3;
/// How long such a read waits for others of its account before it is refused.
const READ_WAIT: Duration = Duration::from_secs(10);
/// Asks those beyond to come back after this many seconds, at the least and at the most. Clients add a random part of a
/// second or more.
const COME_BACK_S: (u64, u64) = (1, 5);

/// What is being taken in.
#[derive(Debug)]
pub struct Admission {
    requests: Arc<Places>,
    unjoined: Arc<Places>,
    readers: Mutex<FxHashMap<Text, Arc<Semaphore>>>,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            requests: Places::of(REQUESTS_MAX),
            unjoined: Places::of(UNJOINED_MAX),
            readers: Mutex::default(),
        }
    }
}

/// Places, of which one address has half at the most.
#[derive(Debug)]
struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: FxHashMap<Peer, usize>,
}

/// Who counts as one: an address, of the sixth version its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// One that was taken in; its end makes room.
#[derive(Debug)]
pub struct Admitted {
    _place: Place,
}

#[derive(Debug)]
enum Place {
    OfPeer(Arc<Places>, Peer),
    OfAccount { _permit: OwnedSemaphorePermit },
}

impl Places {
    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self, peer: Peer) -> bool {
        let taken = self.taken();
        taken.all < self.most && taken.by_peer.get(&peer).copied().unwrap_or(0) < self.most / 2
    }

    fn take(self: &Arc<Self>, peer: Peer) -> Admitted {
        let mut taken = self.taken();
        taken.all += 1;
        *taken.by_peer.entry(peer).or_default() += 1;
        Admitted { _place: Place::OfPeer(Arc::clone(self), peer) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::OfPeer(places, peer) = self else { return };
        let mut taken = places.taken();
        taken.all -= 1;
        if let Some(count) = taken.by_peer.get_mut(peer) {
            *count -= 1;
            if *count == 0 {
                taken.by_peer.remove(peer);
            }
        }
    }
}

impl Admission {
    /// Room for a request of that peer, until its answer was taken.
    #[must_use]
    pub fn request(&self, peer: Peer) -> Option<Admitted> {
        self.requests.has_room(peer).then(|| self.requests.take(peer))
    }

    /// Whether there is room for another socket of that peer that joins nothing yet.
    #[must_use]
    pub fn has_room_for_socket(&self, peer: Peer) -> bool {
        self.unjoined.has_room(peer)
    }

    /// Takes in a socket that has come, until it joins.
    #[must_use]
    pub fn socket(&self, peer: Peer) -> Admitted {
        self.unjoined.take(peer)
    }

    /// Room for a long read of an account, until its answer was taken: of others that wait no more than a few get through.
    ///
    /// # Errors
    /// `Busy`, when the account's others have not ended for ten seconds.
    pub async fn reader(&self, account: &Text) -> Result<Admitted, StoreError> {
        let places = {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody has an account's places or waits for them: it is forgotten.
            readers.retain(|of, places| of == account || Arc::strong_count(places) > 1);
            Arc::clone(
                readers.entry(account.clone()).or_insert_with(|| Arc::new(Semaphore::new(READS_OF_ACCOUNT))),
            )
        };
        match timeout(READ_WAIT, places.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Admitted { _place: Place::OfAccount { _permit: permit } }),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
    }
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

    fn peer(address: &str) -> Peer {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn one_address_takes_half_and_all_together_no_more_than_there_is() {
        let admission = Admission::default();
        let (one, other, third) = (peer("10.0.0.1"), peer("2001:db8::1"), peer("10.0.0.3"));
        let mut taken: Vec<_> = (0..REQUESTS_MAX / 2).map(|_| admission.request(one).unwrap()).collect();
        assert!(admission.request(one).is_none());
        assert!(admission.request(one).is_none(), "those turned away take no room");
        taken.extend((0..REQUESTS_MAX / 2).map(|_| admission.request(other).unwrap()));
        assert!(admission.request(peer("2001:db8::ffff")).is_none(), "the same network");
        assert!(admission.request(third).is_none(), "there is no more");
        taken.remove(0);
        let last = admission.request(third);
        assert!(last.is_some());
        drop((taken, last));
        assert!(admission.requests.taken().by_peer.is_empty(), "nothing is kept of who left");
        let sockets: Vec<_> = (0..UNJOINED_MAX / 2).map(|_| admission.socket(one)).collect();
        assert!(!admission.has_room_for_socket(peer("::ffff:10.0.0.1")), "the same address");
        assert!(admission.has_room_for_socket(other));
        drop(sockets);
        assert!(admission.has_room_for_socket(one));
    }

    #[tokio::test(start_paused = true)]
    async fn the_reads_of_one_account_leave_room_for_others() {
        let admission = Admission::default();
        let (kim, lee) = (Text::from("kim"), Text::from("lee"));
        let mut held = Vec::new();
        for _ in 0..READS_OF_ACCOUNT {
            held.push(admission.reader(&kim).await.unwrap());
        }
        assert!(matches!(admission.reader(&kim).await, Err(StoreError::Busy)));
        assert!(admission.reader(&lee).await.is_ok());
        held.pop();
        assert!(admission.reader(&kim).await.is_ok());
        drop(held);
        assert!(admission.reader(&lee).await.is_ok());
        assert_eq!(admission.readers.lock().unwrap().len(), 1, "nothing is kept of who left");
    }

    #[test]
    fn those_turned_away_are_told_moments_that_lie_apart() {
        let told: std::collections::BTreeSet<u64> = (0..500).map(|_| come_back_s()).collect();
        assert_eq!(told, (COME_BACK_S.0..=COME_BACK_S.1).collect());
    }
}
