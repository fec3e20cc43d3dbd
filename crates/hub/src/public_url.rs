//! Where clients find a hub.

use std::fmt;
use thiserror::Error;
use url::Url;

/// Where clients find a hub: `https://hub.example`, with a path where a proxy adds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// It is no address of a hub.
#[derive(Debug, Error)]
#[error("{0:?} is no address at which clients find this hub, such as https://hub.example")]
pub struct PublicUrlError(String);

impl PublicUrl {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no `http` or `https` address, or has a user, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let refused = || PublicUrlError(text.to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let says_more = url.query().is_some() || url.fragment().is_some();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || has_user || says_more {
            return Err(refused());
        }
        Ok(Self(url))
    }

    /// A path of the hub there.
    #[must_use]
    pub fn with(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// As browsers name the pages that come from there.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_where_clients_find_the_hub() {
        for (url, link) in [
            ("https://hub.example", "https://hub.example/track/T"),
            ("https://hub.example/", "https://hub.example/track/T"),
            ("http://hub.example:8443/gwanje/", "http://hub.example:8443/gwanje/track/T"),
        ] {
            assert_eq!(PublicUrl::parse(url).unwrap().with("/track/T"), link);
        }
        for text in
            ["", "hub.example", "ftp://hub.example", "https://a:b@hub.example", "https://hub.example?x"]
        {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
        assert_eq!(PublicUrl::parse("https://hub.example/x").unwrap().origin(), "https://hub.example");
    }
}
