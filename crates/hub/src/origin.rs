//! Where a request comes from: the address of whoever sent it, through the proxies that this hub trusts and through no others.

use axum::http::HeaderMap;
use gwanje_model::Text;
use std::net::{IpAddr, Ipv6Addr};

/// A header by which proxies say whom they pass on, each adding an address at the right.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The same, as RFC 7239 has it. It is not read: it only shows that a request was passed on.
const FORWARDED: &str = "forwarded";
/// The most addresses of a request that are looked at, from the right: more proxies than that nobody has in a row.
const HOPS_MAX: usize = 32;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The client's address; none: the transport does not tell.
    pub address: Option<IpAddr>,
    /// Whether it comes from a process of this machine, and nobody passed it on.
    pub is_loopback: bool,
    /// Whether it says that it was passed on, by nobody who is trusted: the address is whoever passed it on.
    pub is_unsure: bool,
}

impl Origin {
    /// The address as the audit has it; empty: nobody knows.
    #[must_use]
    pub fn name(&self) -> Text {
        self.address.map(|address| Text::from(address.to_string())).unwrap_or_default()
    }

    /// What counts as one client: an IPv4 address, or the 64 bits of an IPv6 network, within which a client may have any
    /// address it likes.
    #[must_use]
    pub fn network(&self) -> Option<IpAddr> {
        self.address.map(|address| match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }

    /// Whether it is one of these addresses.
    #[must_use]
    pub fn is_among(&self, addresses: &[IpAddr]) -> bool {
        self.address.is_some_and(|own| addresses.iter().any(|one| one.to_canonical() == own))
    }
}

/// Where a request comes from that `peer` sent. Of `X-Forwarded-For` the rightmost address counts that is no trusted proxy
/// (where there is none, the leftmost), and only where the peer itself is trusted: everybody else can write there what they
/// like. A request that says it was passed on, by nobody who is trusted, comes from wherever it comes, not from this machine.
#[must_use]
pub fn origin_of(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> Origin {
    let Some(peer) = peer.map(|peer| peer.to_canonical()) else { return Origin::default() };
    let is_trusted = |address: IpAddr| trusted.iter().any(|one| one.to_canonical() == address);
    let is_passed_on = headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED);
    if !is_trusted(peer) {
        let is_loopback = peer.is_loopback() && !is_passed_on;
        return Origin { address: Some(peer), is_loopback, is_unsure: is_passed_on };
    }
    let mut address = peer;
    let mut is_loopback = peer.is_loopback() && !is_passed_on;
    for hop in hops(headers).take(HOPS_MAX) {
        // What can't be read was written by somebody whom the last proxy that could be read did not name: it counts itself.
        let Some(hop) = hop else { break };
        address = hop;
        if !is_trusted(hop) {
            is_loopback = hop.is_loopback();
            break;
        }
    }
    Origin { address: Some(address), is_loopback, is_unsure: false }
}

/// The addresses of `X-Forwarded-For`, from the right; none for what is no address.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>();
    lines.into_iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).filter_map(|hop| {
        let hop = hop.trim_ascii();
        (!hop.is_empty()).then(|| std::str::from_utf8(hop).ok().and_then(read))
    })
}

/// An address as proxies write it: bare, or with a port.
fn read(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let found = bare.unwrap_or(hop).parse().ok();
    found.or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|at| at.ip())).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn origin(peer: &str, headers: &[(&'static str, &'static str)], trusted: &[&str]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|one| ip(one)).collect();
        let Origin { address, is_loopback, .. } = origin_of(Some(ip(peer)), &map, &trusted);
        (address.unwrap().to_string(), is_loopback)
    }

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        let xff = "x-forwarded-for";
        for (peer, headers, trusted, expected) in [
            ("127.0.0.1", &[][..], &[][..], ("127.0.0.1", true)),
            ("::ffff:127.0.0.1", &[], &[], ("127.0.0.1", true)),
            ("127.0.0.1", &[(xff, "9.9.9.9")], &[], ("127.0.0.1", false)),
            ("127.0.0.1", &[(xff, "127.0.0.1")], &[], ("127.0.0.1", false)),
            ("127.0.0.1", &[("forwarded", "for=127.0.0.1")], &[], ("127.0.0.1", false)),
            ("127.0.0.1", &[("forwarded", "for=127.0.0.1")], &["127.0.0.1"], ("127.0.0.1", false)),
            ("127.0.0.1", &[], &["127.0.0.1"], ("127.0.0.1", true)),
            ("8.8.8.8", &[(xff, "127.0.0.1")], &["127.0.0.1"], ("8.8.8.8", false)),
            ("127.0.0.1", &[(xff, "127.0.0.1, 9.9.9.9")], &["127.0.0.1"], ("9.9.9.9", false)),
            (
                "127.0.0.1",
                &[(xff, "1.1.1.1, 9.9.9.9, 10.0.0.2")],
                &["127.0.0.1", "10.0.0.2"],
                ("9.9.9.9", false),
            ),
            (
                "127.0.0.1",
                &[(xff, "1.1.1.1"), (xff, "9.9.9.9, 10.0.0.2")],
                &["127.0.0.1", "10.0.0.2"],
                ("9.9.9.9", false),
            ),
            (
                "10.0.0.1",
                &[(xff, "10.0.0.3, 10.0.0.2")],
                &["10.0.0.1", "10.0.0.2", "10.0.0.3"],
                ("10.0.0.3", false),
            ),
            ("10.0.0.1", &[(xff, "9.9.9.9:4711")], &["10.0.0.1"], ("9.9.9.9", false)),
            ("10.0.0.1", &[(xff, "[2001:db8::1]:4711")], &["10.0.0.1"], ("2001:db8::1", false)),
            ("10.0.0.1", &[(xff, "9.9.9.9, unknown")], &["10.0.0.1"], ("10.0.0.1", false)),
            ("10.0.0.1", &[(xff, "")], &["10.0.0.1"], ("10.0.0.1", false)),
        ] {
            let (address, is_loopback) = origin(peer, headers, trusted);
            assert_eq!((address.as_str(), is_loopback), expected, "{peer} {headers:?} {trusted:?}");
        }
        assert_eq!(origin_of(None, &HeaderMap::new(), &[]), Origin::default());
    }

    #[test]
    fn a_client_is_an_address_or_a_network_of_64_bits() {
        let network = |text: &str| Origin { address: Some(ip(text)), ..Origin::default() }.network().unwrap();
        assert_eq!(network("2001:db8:1:2::7"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::7"), network("2001:db8:1:3::7"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
