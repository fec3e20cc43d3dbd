//! What the person chose, kept per profile: language, theme, and the server signed in to last.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name within the profile's folder.
const FILE: &str = "preferences.json";

/// What is kept.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preferences {
    /// `ko` or `en`; none: as the system.
    pub locale: Option<String>,
    /// `dark`, `light` or `system`; none: as the system.
    pub theme: Option<String>,
    /// The server signed in to last.
    pub server: Option<String>,
    /// The account signed in last.
    pub account: Option<String>,
}

impl Preferences {
    /// Reads them. A file that is missing or damaged means the defaults: nothing here is worth refusing to start.
    #[must_use]
    pub fn load(profile: &Path) -> Self {
        let path = path(profile);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "preferences can't be read; going on with the defaults");
                Self::default()
            }),
            Err(_) => Self::default(),
        }
    }

    /// Writes them: whole or not at all, by renaming a finished file into place.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn save(&self, profile: &Path) -> std::io::Result<()> {
        let path = path(profile);
        let draft = path.with_extension("json.new");
        std::fs::create_dir_all(profile)?;
        std::fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(draft, path)
    }
}

/// The language that the desk speaks, as its environment says: the webview only knows installed locales. None: not said.
#[must_use]
pub fn desk_locale() -> Option<String> {
    let said = |name| std::env::var(name).ok();
    locale_of([said("LC_ALL"), said("LC_MESSAGES"), said("LANG")])
}

/// The first that is set decides (POSIX.1-2024, 8.2); `C` and `POSIX` are no language.
fn locale_of(said: [Option<String>; 3]) -> Option<String> {
    let name = said.into_iter().flatten().find(|name| !name.is_empty())?;
    let language = name.split(['_', '.', '@', '-']).next().unwrap_or_default();
    match language {
        "C" | "POSIX" => None,
        "ko" => Some("ko".to_owned()),
        _ => Some("en".to_owned()),
    }
}

fn path(profile: &Path) -> PathBuf {
    profile.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_speaks_the_first_language_that_is_set() {
        for (all, messages, lang, expected) in [
            ("", "", "ko_KR.UTF-8", Some("ko")),
            ("en_GB.UTF-8", "ko_KR", "ko_KR", Some("en")),
            ("", "ko", "en_US.UTF-8", Some("ko")),
            ("", "", "C.UTF-8", None),
            ("", "", "", None),
        ] {
            let said = [all, messages, lang].map(|name| Some(name.to_owned()));
            assert_eq!(locale_of(said).as_deref(), expected, "{all:?} {messages:?} {lang:?}");
        }
        assert_eq!(locale_of([None, None, None]), None);
    }

    #[test]
    fn what_was_saved_is_loaded_and_damage_means_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Preferences::load(folder.path()), Preferences::default());
        let chosen = Preferences { locale: Some("ko".to_owned()), ..Preferences::default() };
        chosen.save(folder.path()).unwrap();
        assert_eq!(Preferences::load(folder.path()), chosen);
        std::fs::write(path(folder.path()), "{").unwrap();
        assert_eq!(Preferences::load(folder.path()), Preferences::default());
    }
}
