//! Where the server is reached: base URLs in order of preference. One is kept while it works, left when it fails, and
//! gone back to slowly, so that nothing flaps.
//!
//! What is known of each (a test walks every cell):
//!
//! | standing | it fails | it works while in use | a probe is answered | a probe is not | its moment comes |
//! | --- | --- | --- | --- | --- | --- |
//! | `Good` | `Failed` | – | – | `Failed` | – |
//! | `Failed` | again, held longer if it had hardly been used | `Good` | `Holding` | – | – |
//! | `Holding` | `Failed` | `Good` | `Returning`, once it has held | `Failed` | – |
//! | `Returning` | `Failed` | `Good` | – | `Failed` | may be gone back to, when all is calm |
//!
//! When the one in use fails, the first good one is used. If none is good, it is the one that answers probes, else the
//! one that failed longest ago, so that all are tried in turn. Only what is preferred to the one in use is probed.

#[cfg(test)]
mod tests;

use crate::io::Mono;
use gwanje_wire::socket::SOCKET_PATH;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Milliseconds between probes of an endpoint that is preferred to the one in use, a fifth more or less. Three in a row
/// come within [`HOLD_MS`]. A thousand seats make a hundred small requests a second.
const PROBE_EVERY_MS: u64 = 10_000;
/// Milliseconds for which an endpoint must have answered before it is gone back to: longer than a service stays up that
/// its supervisor restarts again and again.
const HOLD_MS: u64 = 30_000;
/// The longest that one is held off, milliseconds.
const HOLD_MAX_MS: u64 = 600_000;
/// One that fails within this many milliseconds of being used again is held off twice as long the next time.
const STEADY_MS: u64 = 300_000;
/// Milliseconds over which seats that saw the same endpoint recover go back to it.
const RETURN_SPREAD_MS: u64 = 30_000;
/// Milliseconds until it is looked at again when all was not calm at its moment.
const RETURN_RETRY_MS: u64 = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing speaks against it.
    Good,
    /// It failed, and has not answered since.
    Failed,
    /// It has answered since then.
    Holding { since: Mono },
    /// It has held; may be gone back to from then on.
    Returning { at: Mono },
}

#[derive(Debug)]
struct Endpoint {
    url: String,
    standing: Standing,
    failed_at: Mono,
    used_at: Mono,
    /// For how long it must hold.
    hold_ms: u64,
    probe_at: Mono,
}

/// Base URLs, and the one in use.
#[derive(Debug)]
pub(crate) struct Endpoints {
    all: Vec<Endpoint>,
    current: usize,
    /// A probe is under way.
    probing: bool,
}

impl Endpoints {
    /// These, beginning with the first. Trailing slashes go.
    pub(crate) fn new(urls: &[String]) -> Self {
        let fresh = |url: &String| Endpoint {
            url: url.trim_end_matches('/').to_owned(),
            standing: Standing::Good,
            failed_at: Mono(0),
            used_at: Mono(0),
            hold_ms: 0,
            probe_at: Mono(0),
        };
        Self { all: urls.iter().map(fresh).collect(), current: 0, probing: false }
    }

    /// The one in use.
    pub(crate) fn current(&self) -> &str {
        self.all.get(self.current).map_or("", |endpoint| &endpoint.url)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing speaks against the one in use.
    pub(crate) fn is_good(&self) -> bool {
        self.all.get(self.current).is_some_and(|one| one.standing != Standing::Failed)
    }

    /// Whether there is another one that nothing speaks against.
    pub(crate) fn has_another(&self) -> bool {
        self.all.iter().enumerate().any(|(at, one)| at != self.current && one.standing != Standing::Failed)
    }

    /// `url` failed. True: another one that nothing speaks against is in use now. The failure of one that is not in use
    /// moves nothing on: several requests that fail together move on by one.
    pub(crate) fn failed(&mut self, url: &str, now: Mono) -> bool {
        let Some(at) = self.place(url) else { return false };
        if self.all.len() < 2 {
            return false;
        }
        if let Some(endpoint) = self.all.get_mut(at) {
            endpoint.fail(now);
        }
        if at != self.current {
            return false;
        }
        let next = self.next_best();
        let good = self.all.get(next).is_some_and(|next| next.standing != Standing::Failed);
        self.take(next, now);
        good
    }

    /// `url` did its work.
    pub(crate) fn worked(&mut self, url: &str) {
        if self.current() == url
            && let Some(endpoint) = self.all.get_mut(self.current)
        {
            endpoint.standing = Standing::Good;
        }
    }

    /// Uses these from now on. The one in use stays in use if it is among them, and what is known of others stays
    /// known.
    pub(crate) fn replace(&mut self, urls: &[String], now: Mono) {
        let mut fresh = Self::new(urls);
        let current = fresh.place(self.current());
        fresh.current = current.unwrap_or(0);
        for (at, endpoint) in fresh.all.iter_mut().enumerate() {
            if let Some(known) = self.place(&endpoint.url).and_then(|known| self.all.get(known)) {
                endpoint.standing = known.standing;
                endpoint.failed_at = known.failed_at;
                endpoint.used_at = known.used_at;
                endpoint.hold_ms = known.hold_ms;
                endpoint.probe_at = known.probe_at;
            } else if at < fresh.current {
                // New, and preferred to one that works: it must show that it does, too.
                endpoint.standing = Standing::Failed;
                endpoint.hold_ms = HOLD_MS;
                endpoint.probe_at = now;
            } else if at == fresh.current {
                endpoint.used_at = now;
            }
        }
        *self = fresh;
    }

    /// The next one to be probed, if one is due; answered with [`Endpoints::probed`].
    pub(crate) fn probe(&mut self, now: Mono) -> Option<String> {
        if self.probing {
            return None;
        }
        let due = self.all.iter().take(self.current).find(|one| one.is_probed() && one.probe_at <= now)?;
        self.probing = true;
        Some(due.url.clone())
    }

    /// A probe came back.
    pub(crate) fn probed(&mut self, url: &str, answers: bool, now: Mono, rng: &mut ChaCha8Rng) {
        self.probing = false;
        let Some(endpoint) = self.place(url).and_then(|at| self.all.get_mut(at)) else { return };
        let fifth = PROBE_EVERY_MS / 5;
        endpoint.probe_at = now.plus_ms(PROBE_EVERY_MS - fifth).plus_ms(rng.random_range(0..=2 * fifth));
        endpoint.standing = match (endpoint.standing, answers) {
            (Standing::Failed, true) => Standing::Holding { since: now },
            (Standing::Holding { since }, true) if now.since(since) >= endpoint.hold_ms => {
                Standing::Returning { at: now.plus_ms(rng.random_range(0..=RETURN_SPREAD_MS)) }
            }
            (standing @ (Standing::Good | Standing::Holding { .. } | Standing::Returning { .. }), true) => {
                standing
            }
            (
                Standing::Good | Standing::Failed | Standing::Holding { .. } | Standing::Returning { .. },
                false,
            ) => Standing::Failed,
        };
    }

    /// No answer to a probe is awaited any more.
    pub(crate) fn forget_probe(&mut self) {
        self.probing = false;
    }

    /// A preferred one whose moment has come, if it is calm enough to move; else its moment is put off.
    pub(crate) fn returning(&mut self, calm: bool, now: Mono) -> Option<String> {
        let due = self.all.iter_mut().take(self.current).find_map(|one| match one.standing {
            Standing::Returning { at } if at <= now => Some(one),
            Standing::Returning { .. } | Standing::Good | Standing::Failed | Standing::Holding { .. } => None,
        })?;
        if calm {
            return Some(due.url.clone());
        }
        due.standing = Standing::Returning { at: now.plus_ms(RETURN_RETRY_MS) };
        None
    }

    /// `url` is in use from now on.
    pub(crate) fn go_to(&mut self, url: &str, now: Mono) {
        if let Some(at) = self.place(url) {
            self.take(at, now);
        }
    }

    /// When something is to be done by itself.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let of = |one: &Endpoint| {
            let probe = (one.is_probed() && !self.probing).then_some(one.probe_at);
            let back = match one.standing {
                Standing::Returning { at } => Some(at),
                Standing::Good | Standing::Failed | Standing::Holding { .. } => None,
            };
            probe.into_iter().chain(back).min()
        };
        self.all.iter().take(self.current).filter_map(of).min()
    }

    fn place(&self, url: &str) -> Option<usize> {
        self.all.iter().position(|endpoint| endpoint.url == url)
    }

    fn take(&mut self, at: usize, now: Mono) {
        self.current = at;
        if let Some(endpoint) = self.all.get_mut(at) {
            endpoint.used_at = now;
        }
    }

    /// The one to use when the present one has failed.
    fn next_best(&self) -> usize {
        let by = |wanted: fn(&Standing) -> bool| self.all.iter().position(|one| wanted(&one.standing));
        by(|standing| *standing == Standing::Good)
            .or_else(|| by(|standing| *standing != Standing::Failed))
            .or_else(|| (0..self.all.len()).min_by_key(|at| self.all.get(*at).map(|one| one.failed_at)))
            .unwrap_or(0)
    }
}

impl Endpoint {
    fn fail(&mut self, now: Mono) {
        let tried = matches!(self.standing, Standing::Returning { .. });
        let hardly_used = tried || now.since(self.used_at) < STEADY_MS;
        self.hold_ms = match self.hold_ms {
            known @ 1.. if self.standing == Standing::Failed => known,
            known @ 1.. if hardly_used => known.saturating_mul(2).min(HOLD_MAX_MS),
            _ => HOLD_MS,
        };
        self.standing = Standing::Failed;
        self.failed_at = now;
        self.probe_at = now.plus_ms(PROBE_EVERY_MS);
    }

    fn is_probed(&self) -> bool {
        match self.standing {
            Standing::Good => false,
            Standing::Failed | Standing::Holding { .. } | Standing::Returning { .. } => true,
        }
    }
}

/// The WebSocket URL of a base URL.
pub(crate) fn socket_url(base: &str) -> String {
    let base = match base.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        Some(_) | None => base.to_owned(),
    };
    format!("{base}{SOCKET_PATH}?EIO=4&transport=websocket")
}

/// What is asked of a base URL to see whether sockets are served there. It names a transport that nobody has: every
/// Engine.IO server refuses it with 400, without opening anything.
pub(crate) fn socket_probe_url(base: &str) -> String {
    let base = match base.split_once("://") {
        Some(("ws", rest)) => format!("http://{rest}"),
        Some(("wss", rest)) => format!("https://{rest}"),
        Some(_) | None => base.to_owned(),
    };
    format!("{base}{SOCKET_PATH}?EIO=4&transport=probe")
}

/// Whether sockets can be served at that base URL: `socketUrls` of a sign-in may hold anything.
pub(crate) fn is_socket_base(url: &str) -> bool {
    let host = ["http://", "https://", "ws://", "wss://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    host.is_some_and(|host| !host.trim_end_matches('/').is_empty() && !host.contains(char::is_whitespace))
}
