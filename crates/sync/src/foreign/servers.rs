//! Which of several servers is followed. They are tried in turn; one is kept while it works, and not soon used again
//! once it was left.
//!
//! Socket and list are of one server at a time, so that rows of two never mix. A server is left
//!
//! - when a socket never came up,
//! - when nobody answers for the list while no socket is joined,
//! - at the third list in a row that did not come, whatever the reason, or the first whose answer says that it is away.
//!
//! It is left for the next one in turn that was not left lately. If all of them were left lately, it is left for the
//! one that worked best then, if that is more than what works here. Where nothing works here, it is left for that one
//! in any case.

use crate::io::Mono;

/// Failed lists in a row: one fails now and then, two when a server restarts. At the third a dead socket would have
/// been left, too.
const LISTS_FAILED_MAX: u32 = 3;
/// A server that was left is not used again for this long, milliseconds, while the one in use works by half. That
/// doubles each time that it is left without having worked wholly, up to the second value.
const AVOIDED_MS: (u64, u64) = (60_000, 600_000);
/// A server that wants to be asked for no list for this long, milliseconds, is away. A server that was left is avoided
/// as long, at first.
const AWAY_MS: u64 = AVOIDED_MS.0;

/// How a list failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    /// Nobody answered at all.
    pub(super) nobody: bool,
    /// The server wants to be asked then, at the earliest.
    pub(super) not_before: Mono,
}

/// One stay at a server; the next one, also at the same server, is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit(u64);

/// What works of a server. A list every few seconds is worth more than events that nothing proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Nothing,
    Socket,
    List,
}

#[derive(Debug)]
struct Server {
    url: String,
    avoided_until: Mono,
    /// For how long it is avoided when it is left next.
    avoid_ms: u64,
    left_with: Worth,
    not_before: Mono,
}

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<Server>,
    current: usize,
    visit: Visit,
    /// A list came in this visit.
    came: bool,
    /// Lists in a row that did not come.
    failures: u32,
}

impl Servers {
    /// These, beginning with the first.
    pub(super) fn new(urls: &[String]) -> Self {
        let server = |url: &String| Server {
            url: url.trim_end_matches('/').to_owned(),
            avoided_until: Mono(0),
            avoid_ms: AVOIDED_MS.0,
            left_with: Worth::Nothing,
            not_before: Mono(0),
        };
        let all = urls.iter().map(server).collect();
        Self { all, current: 0, visit: Visit(0), came: false, failures: 0 }
    }

    /// The base URL in use.
    pub(super) fn current(&self) -> &str {
        self.all.get(self.current).map_or("", |server| &server.url)
    }

    pub(super) fn visit(&self) -> Visit {
        self.visit
    }

    /// The one in use wants to be asked for its list then, at the earliest.
    pub(super) fn not_before(&self) -> Mono {
        self.all.get(self.current).map_or(Mono(0), |server| server.not_before)
    }

    /// A list came; `wholly`: and the socket is joined, where there is one.
    pub(super) fn list_came(&mut self, visit: Visit, wholly: bool) {
        if visit != self.visit {
            return;
        }
        self.came = true;
        self.failures = 0;
        if let Some(server) = self.all.get_mut(self.current).filter(|_| wholly) {
            server.avoid_ms = AVOIDED_MS.0;
        }
    }

    /// A list did not come. True: another server is in use now.
    pub(super) fn list_failed(&mut self, visit: Visit, trouble: Trouble, is_joined: bool, now: Mono) -> bool {
        if visit != self.visit {
            return false;
        }
        let Trouble { nobody, not_before } = trouble;
        if let Some(server) = self.all.get_mut(self.current) {
            server.not_before = not_before;
        }
        let is_away = not_before.since(now) >= AWAY_MS;
        self.failures = if is_away { LISTS_FAILED_MAX } else { self.failures.saturating_add(1) };
        if self.failures < LISTS_FAILED_MAX && (is_joined || !nobody) {
            return false;
        }
        let without_list = if is_joined { Worth::Socket } else { Worth::Nothing };
        let worth = if self.gives_lists() { Worth::List } else { without_list };
        self.leave(worth, now)
    }

    /// A socket never came up. True: another server is in use now.
    pub(super) fn socket_failed(&mut self, visit: Visit, now: Mono) -> bool {
        if visit != self.visit {
            return false;
        }
        let is_unknown = !self.came && self.failures == 0;
        let worth = if is_unknown || self.gives_lists() { Worth::List } else { Worth::Nothing };
        self.leave(worth, now)
    }

    fn gives_lists(&self) -> bool {
        self.came && self.failures < LISTS_FAILED_MAX
    }

    /// Leaves for the next one that was not left lately, else for one that is worth more than this one.
    fn leave(&mut self, worth: Worth, now: Mono) -> bool {
        let count = self.all.len();
        let turn = (1..count).map(|step| (self.current + step) % count);
        let others = turn.filter_map(|at| Some((at, self.all.get(at)?)));
        let fresh = others.clone().find(|(_, server)| now >= server.avoided_until);
        // The first in turn of the best.
        let best = || others.rev().max_by_key(|(_, server)| server.left_with);
        let best = || best().filter(|(_, server)| worth == Worth::Nothing || server.left_with > worth);
        let Some((next, _)) = fresh.or_else(best) else { return false };
        if let Some(server) = self.all.get_mut(self.current) {
            server.avoided_until = now.plus_ms(server.avoid_ms);
            server.avoid_ms = server.avoid_ms.saturating_mul(2).min(AVOIDED_MS.1);
            server.left_with = worth;
        }
        self.current = next;
        self.visit = Visit(self.visit.0 + 1);
        self.came = false;
        self.failures = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Trouble = Trouble { nobody: true, not_before: Mono(0) };
    const ERROR: Trouble = Trouble { nobody: false, not_before: Mono(0) };

    fn servers(count: usize) -> Servers {
        Servers::new(&(0..count).map(|n| format!("http://{n}/")).collect::<Vec<_>>())
    }

    #[test]
    fn a_failure_of_an_earlier_visit_moves_nothing() {
        let mut servers = servers(3);
        let first = servers.visit();
        assert!(servers.socket_failed(first, Mono(1)));
        assert!(!servers.list_failed(first, NOBODY, false, Mono(1)));
        assert!(!servers.socket_failed(first, Mono(1)));
        assert_eq!(servers.current(), "http://1");
    }

    #[test]
    fn one_server_alone_is_never_left() {
        let mut servers = servers(1);
        for _ in 0..10 {
            assert!(!servers.list_failed(servers.visit(), NOBODY, false, Mono(1)));
            assert!(!servers.socket_failed(servers.visit(), Mono(1)));
        }
    }

    #[test]
    fn what_was_left_is_avoided_longer_each_time_until_it_has_worked() {
        let mut servers = servers(2);
        let mut now = Mono(0);
        // The second gives its list only; the first is tried again when its time is over, and is worth nothing.
        for avoided in [60_000, 120_000, 240_000, 480_000, 600_000, 600_000] {
            assert!(servers.list_failed(servers.visit(), NOBODY, false, now));
            servers.list_came(servers.visit(), false);
            assert!(!servers.socket_failed(servers.visit(), Mono(now.0 + avoided - 1)));
            now = Mono(now.0 + avoided);
            assert!(servers.socket_failed(servers.visit(), now));
            assert_eq!(servers.current(), "http://0");
        }
        servers.list_came(servers.visit(), true);
        for _ in 0..LISTS_FAILED_MAX {
            servers.list_failed(servers.visit(), ERROR, false, now);
        }
        servers.list_came(servers.visit(), false);
        assert!(servers.socket_failed(servers.visit(), now.plus_ms(60_000)));
    }

    #[test]
    fn a_list_is_worth_more_than_a_socket_and_a_socket_more_than_nothing() {
        let mut servers = servers(3);
        let fail = |servers: &mut Servers, is_joined| {
            (0..LISTS_FAILED_MAX).any(|_| servers.list_failed(servers.visit(), ERROR, is_joined, Mono(1)))
        };
        assert!(fail(&mut servers, true), "a socket");
        assert!(fail(&mut servers, false), "nothing");
        servers.list_came(servers.visit(), false);
        assert!(!servers.socket_failed(servers.visit(), Mono(1)), "a list");
        assert!(fail(&mut servers, false));
        assert_eq!(servers.current(), "http://0", "the best of those that were left");
        assert!(!fail(&mut servers, true), "nowhere is more");
    }
}
