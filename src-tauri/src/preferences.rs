//! What the person chose, kept per profile: language, theme, the server signed in to last, and what the page keeps for this
//! seat.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use ts_rs::TS;

/// The file's name within the profile's folder.
const FILE: &str = "preferences.json";

/// The least and the greatest text size, in per cent.
pub const TEXT_SIZE: (u16, u16) = (90, 200);

/// The most bytes that the page keeps under one name: as many as the hub takes.
pub const KEPT_MAX_BYTES: usize = 64 * 1024;
/// The most names under which the page keeps something: a handful, and one an account that was signed in here.
pub const KEPT_MAX: usize = 64;
/// The most bytes of a name: room for a server's address and an account.
const KEY_MAX_BYTES: usize = 512;

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
    /// What the page keeps for this seat: JSON by name.
    #[serde(deserialize_with = "texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    /// What only another version knows: it is written back as it was read.
    #[serde(flatten)]
    pub others: BTreeMap<String, serde_json::Value>,
}

/// A choice that only another version knows is no choice, and costs none of the others.
fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let said = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(said).ok())
}

/// What is no text among them costs none of the others.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let said = serde_json::Value::deserialize(deserializer)?;
    let serde_json::Value::Object(said) = said else { return Ok(BTreeMap::new()) };
    let text = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    Ok(said.into_iter().filter_map(text).collect())
}

/// Why something can't be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// Its name is empty or too long, or it is larger than [`KEPT_MAX_BYTES`].
    #[error("this is too large to be kept at a seat")]
    TooLarge,
    /// It is no JSON.
    #[error("only JSON is kept at a seat")]
    NoJson,
    /// [`KEPT_MAX`] others are kept already.
    #[error("too much is kept at this seat already")]
    TooMany,
}

impl Preferences {
    /// Keeps JSON for the page; none: no longer.
    ///
    /// # Errors
    /// When it is too large, no JSON, or one too many; then everything stays as it was.
    pub fn keep(&mut self, key: &str, json: Option<String>) -> Result<(), NotKept> {
        let Some(json) = json else {
            self.kept.remove(key);
            return Ok(());
        };
        if key.is_empty() || key.len() > KEY_MAX_BYTES || json.len() > KEPT_MAX_BYTES {
            return Err(NotKept::TooLarge);
        }
        serde_json::from_str::<serde::de::IgnoredAny>(&json).map_err(|_| NotKept::NoJson)?;
        if self.kept.len() >= KEPT_MAX && !self.kept.contains_key(key) {
            return Err(NotKept::TooMany);
        }
        self.kept.insert(key.to_owned(), json);
        Ok(())
    }

    /// Reads them. A file that is missing or damaged means the defaults: nothing here is worth refusing to start. A damaged
    /// one is set aside, where whoever misses something finds it.
    #[must_use]
    pub fn load(profile: &Path) -> Self {
        let path = path(profile);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "preferences can't be read; going on with the defaults");
                let _ = std::fs::rename(&path, path.with_extension("json.damaged"));
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
        let aside = std::fs::read_to_string(path(folder.path()).with_extension("json.damaged"));
        assert_eq!(aside.unwrap(), "{");
    }

    #[test]
    fn what_the_page_keeps_comes_back_within_its_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let mut preferences = Preferences::default();
        assert_eq!(preferences.keep("widths", Some(r#"{"shop":90}"#.to_owned())), Ok(()));
        assert_eq!(preferences.keep("widths", Some("{".to_owned())), Err(NotKept::NoJson));
        let large = format!("\"{}\"", "x".repeat(KEPT_MAX_BYTES));
        assert_eq!(preferences.keep("widths", Some(large)), Err(NotKept::TooLarge));
        for n in 1..KEPT_MAX {
            assert_eq!(preferences.keep(&format!("k{n}"), Some("1".to_owned())), Ok(()));
        }
        assert_eq!(preferences.keep("more", Some("1".to_owned())), Err(NotKept::TooMany));
        assert_eq!(preferences.keep("k1", None), Ok(()));
        assert_eq!(preferences.keep("more", Some("1".to_owned())), Ok(()));
        preferences.save(folder.path()).unwrap();
        let loaded = Preferences::load(folder.path());
        assert_eq!(loaded, preferences);
        assert_eq!((loaded.kept.len(), loaded.kept["widths"].as_str()), (KEPT_MAX, r#"{"shop":90}"#));
    }

    #[test]
    fn what_only_another_version_knows_is_written_back() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"kept":{"widths":"{}","odd":7},"windows":[1,2]}"#;
        std::fs::write(path(folder.path()), text).unwrap();
        let preferences = Preferences::load(folder.path());
        assert_eq!(preferences.kept.keys().collect::<Vec<_>>(), ["widths"]);
        preferences.save(folder.path()).unwrap();
        assert_eq!(Preferences::load(folder.path()).others["windows"], serde_json::json!([1, 2]));
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
