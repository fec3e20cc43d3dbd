//! The connections that a hub serves at once: as many as there are descriptors for, of one address half of them at the most. One
//! that waits for nothing makes room for who comes.

use crate::admission::Peer;
use rustc_hash::FxHashMap;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Connections served at once, sockets among them; more are refused. A seat has a socket and now and then a connection for
/// requests beside it, so this is some eight thousand seats. So many that only wait take some hundred megabytes of memory.
const CONNECTIONS_MAX: usize = 16_384;
/// Descriptors that are left for all else: the store's files, the way to the other hubs, the log.
const DESCRIPTORS_KEPT: usize = 96;
/// Bytes of bodies that are on their way at once, and of one address: five hundred of the largest.
const BODIES_MAX: usize = 64 << 20;
const BODIES_OF_PEER_MAX: usize = BODIES_MAX / 4;

/// All of them.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    /// Proxies: those whom they pass on are many, so no share bounds them.
    trusted: Vec<Peer>,
    open: Mutex<Open>,
    bodies: Mutex<Bodies>,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    by_peer: FxHashMap<Peer, usize>,
    /// Those that wait for nothing, by how long they do.
    idle: BTreeMap<u64, Arc<Connection>>,
    /// Numbers given so far.
    given: u64,
}

#[derive(Debug, Default)]
struct Bodies {
    all: usize,
    by_peer: FxHashMap<Peer, usize>,
}

/// One of them.
#[derive(Debug)]
pub struct Connection {
    all: Arc<Connections>,
    peer: Peer,
    state: Mutex<State>,
    put_out: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It waits for a request, since that number was given.
    Idle(u64),
    /// A request is answered on it, or it has become a socket.
    Busy,
    /// It made room for another, or has ended.
    Out,
}

/// A place among the connections; its end makes room.
#[derive(Debug)]
pub struct ConnectionPlace(Arc<Connection>);

impl Default for Connections {
    /// As many as this process has descriptors for. It takes as many as it may have first.
    fn default() -> Self {
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let wanted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, wanted) {
                tracing::debug!(%error, "no more descriptors can be had");
            }
        }
        let descriptors = getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok());
        Self::of(most(descriptors))
    }
}

/// How many connections so many descriptors are enough for; none: there is no limit.
fn most(descriptors: Option<usize>) -> usize {
    let most = descriptors.map_or(CONNECTIONS_MAX, |all| all.saturating_sub(DESCRIPTORS_KEPT).max(all / 4));
    most.clamp(2, CONNECTIONS_MAX)
}

impl Connections {
    /// So many at the most.
    pub(crate) fn of(most: usize) -> Self {
        Self { most, trusted: Vec::new(), open: Mutex::default(), bodies: Mutex::default() }
    }

    /// The same before these proxies, which may have all of them.
    #[must_use]
    pub fn behind(self, proxies: &[IpAddr]) -> Self {
        Self { trusted: proxies.iter().copied().map(Peer::from).collect(), ..self }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bodies(&self) -> MutexGuard<'_, Bodies> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for who has come; where there is none, that of whoever has waited for nothing for the longest. None: all are busy.
    #[must_use]
    pub fn place(self: &Arc<Self>, peer: Peer) -> Option<ConnectionPlace> {
        let mut open = self.open();
        let share = if self.trusted.contains(&peer) { self.most } else { self.most.div_ceil(2) };
        let is_share_full = open.by_peer.get(&peer).copied().unwrap_or(0) >= share;
        if is_share_full || open.count >= self.most {
            // Somebody of the same address goes first, and else of the one that has most.
            let most = open.by_peer.values().copied().max().unwrap_or(0);
            let goes = |held: &Arc<Connection>| {
                held.peer == peer || (!is_share_full && open.by_peer.get(&held.peer) == Some(&most))
            };
            let first = open.idle.iter().find(|(_, held)| goes(held)).map(|(at, _)| *at);
            let put_out = open.idle.remove(&first?)?;
            *put_out.state() = State::Out;
            open.leave(put_out.peer);
            put_out.put_out.notify_one();
        }
        open.count += 1;
        *open.by_peer.entry(peer).or_default() += 1;
        open.given += 1;
        let at = open.given;
        let (state, put_out) = (Mutex::new(State::Idle(at)), Notify::new());
        let held = Arc::new(Connection { all: Arc::clone(self), peer, state, put_out });
        open.idle.insert(at, Arc::clone(&held));
        Some(ConnectionPlace(held))
    }
}

impl Open {
    fn leave(&mut self, peer: Peer) {
        self.count -= 1;
        if let Some(count) = self.by_peer.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
    }
}

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when it has to make room for another.
    pub async fn put_out(&self) {
        self.put_out.notified().await;
    }

    /// A request is answered on it until what this gives ends.
    #[must_use]
    pub fn busy(self: &Arc<Self>) -> Answering {
        let mut open = self.all.open();
        let mut state = self.state();
        if let State::Idle(at) = *state {
            open.idle.remove(&at);
            *state = State::Busy;
        }
        Answering { connection: Arc::clone(self), is_kept: false, bytes: 0 }
    }
}

impl ConnectionPlace {
    /// Which connection has it.
    #[must_use]
    pub fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.0)
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut open = self.0.all.open();
        let mut state = self.0.state();
        match *state {
            State::Out => return,
            State::Idle(at) => _ = open.idle.remove(&at),
            State::Busy => {}
        }
        *state = State::Out;
        open.leave(self.0.peer);
    }
}

/// A request that is being answered, and the bytes of its body.
#[derive(Debug)]
pub struct Answering {
    connection: Arc<Connection>,
    is_kept: bool,
    bytes: usize,
}

impl Answering {
    /// The connection becomes a socket: it waits for no request any more.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Room for more bytes of its body; false: there is none.
    #[must_use]
    pub fn take(&mut self, bytes: usize) -> bool {
        let mut bodies = self.connection.all.bodies();
        let of_peer = bodies.by_peer.get(&self.connection.peer).copied().unwrap_or(0);
        let is_trusted = self.connection.all.trusted.contains(&self.connection.peer);
        if bodies.all + bytes > BODIES_MAX || !is_trusted && of_peer + bytes > BODIES_OF_PEER_MAX {
            return false;
        }
        bodies.all += bytes;
        *bodies.by_peer.entry(self.connection.peer).or_default() += bytes;
        self.bytes += bytes;
        true
    }

    /// Its body is nowhere any more.
    pub fn forget_body(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes == 0 {
            return;
        }
        let mut bodies = self.connection.all.bodies();
        bodies.all -= bytes;
        if let Some(of_peer) = bodies.by_peer.get_mut(&self.connection.peer) {
            *of_peer -= bytes;
            if *of_peer == 0 {
                bodies.by_peer.remove(&self.connection.peer);
            }
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.forget_body();
        if self.is_kept {
            return;
        }
        let mut open = self.connection.all.open();
        let mut state = self.connection.state();
        if *state == State::Busy {
            open.given += 1;
            let at = open.given;
            open.idle.insert(at, Arc::clone(&self.connection));
            *state = State::Idle(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        IpAddr::from([10, 0, 0, last]).into()
    }

    fn is_out(place: &ConnectionPlace) -> bool {
        *place.0.state() == State::Out
    }

    #[test]
    fn a_trusted_proxy_may_have_all_places_and_others_half() {
        let proxy = IpAddr::from([10, 0, 0, 9]);
        let all = Arc::new(Connections::of(4).behind(&[proxy]));
        let held: Vec<_> = (0..4).map(|_| all.place(proxy.into()).unwrap()).collect();
        assert_eq!((held.len(), all.open().by_peer.get(&proxy.into())), (4, Some(&4)));
    }

    #[test]
    fn as_many_as_there_are_descriptors_for() {
        assert_eq!(most(Some(300)), 204);
        assert_eq!(most(Some(1_048_576)), CONNECTIONS_MAX);
        assert_eq!(most(None), CONNECTIONS_MAX);
        assert_eq!(most(Some(64)), 16);
    }

    #[test]
    fn who_waits_for_nothing_makes_room_and_who_is_answered_does_not() {
        let all = Arc::new(Connections::of(4));
        let busy = all.place(peer(1)).unwrap();
        let answering = busy.connection().busy();
        let idle = all.place(peer(1)).unwrap();
        let next = all.place(peer(1)).unwrap();
        assert_eq!(
            (is_out(&busy), is_out(&idle), is_out(&next)),
            (false, true, false),
            "half is one's share"
        );
        let others = [all.place(peer(2)).unwrap(), all.place(peer(2)).unwrap()];
        let third = all.place(peer(3)).unwrap();
        assert!(is_out(&next), "of those that have most, whoever has waited for the longest");
        assert!(others.iter().all(|other| !is_out(other)));
        assert_eq!(all.open().count, 4);
        drop(answering);
        let again = all.place(peer(1)).unwrap();
        assert_eq!(all.open().count, 4);
        drop((busy, idle, next, others, third, again));
        let open = all.open();
        assert_eq!(
            (open.count, open.by_peer.len(), open.idle.len()),
            (0, 0, 0),
            "nothing is kept of who left"
        );
    }

    #[test]
    fn where_all_are_busy_who_comes_is_refused() {
        let all = Arc::new(Connections::of(2));
        let held = [all.place(peer(1)).unwrap(), all.place(peer(2)).unwrap()];
        let mut answering: Vec<_> = held.iter().map(|place| place.connection().busy()).collect();
        assert!(all.place(peer(3)).is_none());
        // A socket waits for no request.
        let mut socket = answering.pop().unwrap();
        socket.keep();
        drop(socket);
        assert!(all.place(peer(3)).is_none());
        drop(answering);
        assert!(all.place(peer(3)).is_some());
    }

    #[test]
    fn bodies_on_their_way_are_bounded_by_address_and_in_all() {
        let all = Arc::new(Connections::of(64));
        let places: Vec<_> = (0..5).map(|nth| all.place(peer(nth)).unwrap()).collect();
        let mut answering: Vec<_> = places.iter().map(|place| place.connection().busy()).collect();
        let share = BODIES_OF_PEER_MAX;
        assert!(answering[0].take(share));
        assert!(!answering[0].take(1), "its address has no more");
        assert!(answering[1..4].iter_mut().all(|other| other.take(share)));
        assert!(!answering[4].take(1), "there is no more");
        answering.remove(0);
        assert!(answering[3].take(1));
        drop(answering);
        let bodies = all.bodies();
        assert_eq!((bodies.all, bodies.by_peer.len()), (0, 0), "nothing is kept of who left");
    }
}
