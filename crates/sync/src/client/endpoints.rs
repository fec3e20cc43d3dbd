//! Where the server is reached: base URLs in order of preference, tried in turn, kept to while they work.

use gwanje_wire::socket::SOCKET_PATH;

/// Base URLs, and the one in use.
#[derive(Debug)]
pub(crate) struct Endpoints {
    urls: Vec<String>,
    current: usize,
}

impl Endpoints {
    /// These, beginning with the first. Trailing slashes go.
    pub(crate) fn new(urls: &[String]) -> Self {
        Self { urls: urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(), current: 0 }
    }

    /// The one in use.
    pub(crate) fn current(&self) -> &str {
        self.urls.get(self.current).map_or("", String::as_str)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.urls.len()
    }

    /// `url` failed: the next one is in use. The failure of one that is not in use changes nothing, so that several
    /// requests that fail together move on by one.
    pub(crate) fn failed(&mut self, url: &str) {
        if self.current() == url && !self.urls.is_empty() {
            self.current = (self.current + 1) % self.urls.len();
        }
    }

    /// These from now on; the one in use stays in use where it is among them.
    pub(crate) fn replace(&mut self, urls: &[String]) {
        let fresh = Self::new(urls);
        let current = fresh.urls.iter().position(|url| url == self.current()).unwrap_or(0);
        *self = Self { current, ..fresh };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_tried_in_turn_and_kept_while_they_work() {
        let urls = ["http://a/".to_owned(), "http://b".to_owned()];
        let mut endpoints = Endpoints::new(&urls);
        assert_eq!(endpoints.current(), "http://a");
        endpoints.failed("http://a");
        endpoints.failed("http://a");
        assert_eq!(endpoints.current(), "http://b");
        endpoints.replace(&urls);
        assert_eq!(endpoints.current(), "http://b", "affinity");
        endpoints.failed("http://b");
        assert_eq!(endpoints.current(), "http://a");
        endpoints.replace(&[]);
        endpoints.failed("");
        assert_eq!(endpoints.current(), "");
    }

    #[test]
    fn socket_urls_follow_the_scheme() {
        for (base, url) in [
            ("http://h:1", "ws://h:1/socket.io/?EIO=4&transport=websocket"),
            ("https://h", "wss://h/socket.io/?EIO=4&transport=websocket"),
            ("ws://h:2", "ws://h:2/socket.io/?EIO=4&transport=websocket"),
        ] {
            assert_eq!(socket_url(base), url);
        }
    }
}
