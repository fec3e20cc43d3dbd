//! What people type to start the app.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Gwanje (관제): a control room for food-delivery operations.
#[derive(Debug, Clone, Parser)]
#[command(name = "gwanje", version)]
pub struct Args {
    /// The hub to follow, `http://HOST:PORT`, further endpoints of it after commas; otherwise the one signed in to last.
    #[arg(long, value_name = "URL", value_parser = server)]
    pub server: Option<String>,
    /// A profile has its own cache and settings.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = profile)]
    profile: String,
    /// Starts a demo hub beside the app and signs in to it.
    #[arg(long, conflicts_with = "server")]
    pub demo: bool,
    /// Follows a foreign server by this dialect file (docs/dialects.md); with --server, that one instead of the file's.
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    pub dialect: Option<PathBuf>,
    /// How the log on stderr is written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl Args {
    /// The name of the profile's folder. A foreign server has one of its own, so that it never takes the place of a
    /// hub's session and preferences.
    #[must_use]
    pub fn profile(&self) -> String {
        match &self.dialect {
            Some(_) => format!("{}.foreign", self.profile),
            None => self.profile.clone(),
        }
    }
}

/// Formats of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// A profile is a folder's name.
fn profile(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err("a profile's name is 1 to 64 letters, digits, - or _".to_owned());
    }
    Ok(name.to_owned())
}

/// A server's base URLs in order of preference, separated by commas, without slashes at their ends.
pub fn server(urls: &str) -> Result<String, String> {
    let urls: Result<Vec<String>, String> = urls.split(',').map(base_url).collect();
    Ok(urls?.join(","))
}

fn base_url(url: &str) -> Result<String, String> {
    let url = url.trim().trim_end_matches('/');
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    if host.is_empty() || host.contains(char::is_whitespace) || host.contains('/') {
        return Err(format!("'{url}' is not a server's address: http://HOST:PORT or https://HOST"));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_base_url() {
        for (given, expected) in [
            ("http://127.0.0.1:7400/", Some("http://127.0.0.1:7400")),
            (" https://hub.example ", Some("https://hub.example")),
            ("http://a:1/, https://b", Some("http://a:1,https://b")),
            ("http://a,", None),
            ("http://a,b", None),
            ("hub.example", None),
            ("http://", None),
            ("ftp://hub.example", None),
            ("http://hub.example/path", None),
        ] {
            assert_eq!(server(given).ok().as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_profile_is_no_path() {
        assert!(profile("dinner-2").is_ok());
        for bad in ["", "../other", "a/b", "a b"] {
            assert!(profile(bad).is_err(), "{bad:?}");
        }
    }
}
