//! By which names a hub is asked.
//!
//! A page in a browser can give its own name any address, this hub's too (DNS rebinding), and then counts for the browser as
//! a page of the hub's. What gives it away is the name that it asks by.

use crate::hub::Hub;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN, USER_AGENT};
use gwanje_wire::{ErrorCode, Problem};
use std::net::IpAddr;
use url::Url;

/// Whether it is a name or an address, and nothing beside.
pub(crate) fn is_host_name(name: &str) -> bool {
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    is_address || (!name.is_empty() && name.len() <= 253 && name.chars().all(plain))
}

/// Refuses whoever asks by a name that is none of this hub's. Where no names are set, only browsers are: nobody else can be
/// led astray by a name. An address is no name that anybody could turn.
///
/// # Errors
/// `forbidden`.
pub(crate) fn check(hub: &Hub, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(host) = headers.get(HOST) else { return Ok(()) };
    let host = host.to_str().unwrap_or_default();
    let name = bare(host);
    let address = name.parse::<IpAddr>().ok();
    let is_of_this_machine = name == "localhost"
        || name.ends_with(".localhost")
        || address.is_some_and(|address| address.to_canonical().is_loopback());
    let config = &hub.config;
    if is_of_this_machine || config.hosts.iter().any(|one| bare(one) == name) {
        return Ok(());
    }
    let of_url =
        |url: &str| Url::parse(url).ok().and_then(|url| url.host_str().map(bare)) == Some(name.clone());
    let public = config.public_url.as_ref().is_some_and(|url| of_url(&url.to_string()));
    let by_nodes = config.node_url.as_ref().is_some_and(|url| of_url(&url.to_string()));
    if public || by_nodes || hub.socket_urls().iter().any(|url| of_url(url)) {
        return Ok(());
    }
    if config.hosts.is_empty() && (address.is_some() || !is_of_browser(headers)) {
        return Ok(());
    }
    Err(Problem::new(
        ErrorCode::Forbidden,
        format!("{name:?} is no name of this hub; list it in the hub's `hosts`, or ask by one that is"),
    ))
}

/// Browsers say where a page comes from only now and then; what they are they always say.
fn is_of_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") || agent.starts_with(b"Mozilla/")
}

/// A name without port, brackets, last dot and capitals.
fn bare(host: &str) -> String {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        // An address of version 6 without brackets has several colons, and no port.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_whatever_its_port_and_capitals() {
        for host in ["hub.example", "HUB.example.", "hub.example:7400"] {
            assert_eq!(bare(host), "hub.example");
        }
        assert_eq!((bare("[::1]:7400").as_str(), bare("::1").as_str()), ("::1", "::1"));
        assert!(is_host_name("hub.example") && is_host_name("10.0.0.1") && is_host_name("::1"));
        assert!(!is_host_name("http://hub.example") && !is_host_name("hub.example:1") && !is_host_name(""));
    }
}
