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

fn path(profile: &Path) -> PathBuf {
    profile.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

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
