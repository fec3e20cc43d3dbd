//! The address at which the other hubs of a store reach one.

use std::fmt;
use thiserror::Error;
use url::{Position, Url};

/// `http://host:port`: hubs speak plain HTTP with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeUrl(Url);

/// It is no address of a hub.
#[derive(Debug, Error)]
#[error("{0:?} is no address at which other hubs reach this one, such as http://10.0.0.1:7400")]
pub struct NodeUrlError(String);

impl NodeUrl {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no `http` address, or says more than host and port.
    pub fn parse(text: &str) -> Result<Self, NodeUrlError> {
        let refused = || NodeUrlError(text.to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let says_more = !matches!(&url[Position::BeforePath..], "" | "/");
        let has_user = !url.username().is_empty() || url.password().is_some();
        if url.scheme() != "http" || url.host().is_none() || url.port() == Some(0) || says_more || has_user {
            return Err(refused());
        }
        Ok(Self(url))
    }

    /// Host and port, to connect to.
    #[must_use]
    pub fn address(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        format!("{host}:{}", self.0.port_or_known_default().unwrap_or(80))
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_port_by_http_are_taken() {
        for (text, address) in [
            ("http://10.0.0.1:7400", "10.0.0.1:7400"),
            ("http://hub-1.example/", "hub-1.example:80"),
            ("http://[::1]:7400", "[::1]:7400"),
        ] {
            let url = NodeUrl::parse(text).unwrap();
            assert_eq!(url.address(), address);
            assert_eq!(url, NodeUrl::parse(&url.to_string()).unwrap());
        }
        for text in [
            "",
            "10.0.0.1:7400",
            "https://10.0.0.1:7400",
            "http://",
            "http://10.0.0.1:0",
            "http://10.0.0.1:99999",
            "http://hub/path",
            "http://hub?x",
            "http://a:b@hub:1",
        ] {
            let said = NodeUrl::parse(text).unwrap_err().to_string();
            assert!(said.contains("no address at which other hubs reach this one"), "{said}");
        }
    }
}
