//! What the person chose, kept per profile: language, theme, and the server signed in to last.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};
use ts_rs::TS;

/// The file's name within the profile's folder.
const FILE: &str = "preferences.json";

/// The least and the greatest text size, in per cent.
pub const TEXT_SIZE: (u16, u16) = (90, 200);

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Locale {
    /// Korean.
    Ko,
    /// English.
    En,
}

/// The colours of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// As the system says.
    System,
}

/// What is kept.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preferences {
    /// None: as the system.
    #[serde(deserialize_with = "if_known")]
    pub locale: Option<Locale>,
    /// None: as the system.
    #[serde(deserialize_with = "if_known")]
    pub theme: Option<Theme>,
    /// How large everything is drawn, in per cent; none: 100.
    #[serde(deserialize_with = "if_known")]
    pub text_size: Option<u16>,
    /// The server signed in to last.
    pub server: Option<String>,
    /// The account signed in last.
    pub account: Option<String>,
}

/// A choice that only another version knows is no choice, and costs none of the others.
fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let said = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(said).ok())
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
pub fn desk_locale() -> Option<Locale> {
    let said = |name| std::env::var(name).ok();
    locale_of([said("LC_ALL"), said("LC_MESSAGES"), said("LANG")])
}

/// The first that is set decides (POSIX.1-2024, 8.2); `C` and `POSIX` are no language.
fn locale_of(said: [Option<String>; 3]) -> Option<Locale> {
    let name = said.into_iter().flatten().find(|name| !name.is_empty())?;
    let language = name.split(['_', '.', '@', '-']).next().unwrap_or_default();
    match language {
        "C" | "POSIX" => None,
        "ko" => Some(Locale::Ko),
        _ => Some(Locale::En),
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
            ("", "", "ko_KR.UTF-8", Some(Locale::Ko)),
            ("en_GB.UTF-8", "ko_KR", "ko_KR", Some(Locale::En)),
            ("", "ko", "en_US.UTF-8", Some(Locale::Ko)),
            ("", "", "C.UTF-8", None),
            ("", "", "", None),
        ] {
            let said = [all, messages, lang].map(|name| Some(name.to_owned()));
            assert_eq!(locale_of(said), expected, "{all:?} {messages:?} {lang:?}");
        }
        assert_eq!(locale_of([None, None, None]), None);
    }

    #[test]
    fn what_was_saved_is_loaded_and_damage_means_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Preferences::load(folder.path()), Preferences::default());
        let chosen = Preferences { locale: Some(Locale::Ko), ..Preferences::default() };
        chosen.save(folder.path()).unwrap();
        assert_eq!(Preferences::load(folder.path()), chosen);
        std::fs::write(path(folder.path()), "{").unwrap();
        assert_eq!(Preferences::load(folder.path()), Preferences::default());
    }

    #[test]
    fn a_choice_of_another_version_costs_none_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"locale":"ko","theme":"sepia","account":"minji"}"#;
        std::fs::write(path(folder.path()), text).unwrap();
        let expected = Preferences {
            locale: Some(Locale::Ko),
            account: Some("minji".to_owned()),
            ..Preferences::default()
        };
        assert_eq!(Preferences::load(folder.path()), expected);
    }
}
