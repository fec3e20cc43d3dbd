//! What an installation keeps beside its cache: its seat, its session, the horizons of its centers. A profile has one
//! engine.

use crate::error::EngineError;
use crate::ipc::CenterView;
use gwanje_model::{CenterId, SeatId, UtcMillis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const SEAT_FILE: &str = "seat";
const SESSION_FILE: &str = "session.json";
const HORIZONS_FILE: &str = "horizons.json";
const LOCK_FILE: &str = "lock";

/// A session that can be resumed. Its refresh token is kept in a file that only its owner may read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptSession {
    /// Base URL of the server.
    pub server: String,
    /// The account's name.
    pub account: String,
    /// What people call whoever has it; empty: not told yet.
    #[serde(default)]
    pub name: String,
    /// Wire name of its role.
    pub role: String,
    /// The centers it may see.
    pub centers: Vec<CenterView>,
    /// The day there is simulated, and so many seconds of it pass in one; none: it is a real day.
    #[serde(default)]
    pub drill_speed: Option<f64>,
    pub(crate) refresh_token: String,
}

impl fmt::Debug for KeptSession {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSession")
            .field("server", &self.server)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// The session kept in a profile, if there is a readable one.
#[must_use]
pub fn kept_session(profile_dir: &Path) -> Option<KeptSession> {
    let text = std::fs::read(profile_dir.join(SESSION_FILE)).ok()?;
    serde_json::from_slice(&text)
        .inspect_err(
            |error| tracing::warn!(%error, "the kept session can't be read; a password is needed again"),
        )
        .ok()
}

/// A profile's folder, held by this process until dropped.
#[derive(Debug)]
pub(crate) struct Profile {
    dir: PathBuf,
    _lock: File,
    pub(crate) seat: SeatId,
    pub(crate) session: Option<KeptSession>,
    /// Horizons by server and center.
    horizons: BTreeMap<String, i64>,
}

impl Profile {
    /// Opens a profile, or makes it.
    pub(crate) fn open(dir: &Path, seat: Option<SeatId>) -> Result<Self, EngineError> {
        make_private_folder(dir).map_err(|error| failed("making the folder", dir, error))?;
        let lock = lock(dir)?;
        let seat = match seat {
            Some(seat) => seat,
            None => kept_seat(dir)?,
        };
        let horizons = std::fs::read(dir.join(HORIZONS_FILE))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        Ok(Self { dir: dir.to_owned(), _lock: lock, seat, session: kept_session(dir), horizons })
    }

    /// The cache file of an account on a server. Each account has its own, so that no board ever shows another
    /// account's rows.
    pub(crate) fn cache_path(&self, server: &str, account: &str) -> PathBuf {
        let readable: String = account.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        self.dir.join(format!("cache-{readable}-{:016x}.sqlite", name_hash(&format!("{server}\n{account}"))))
    }

    /// The file of the session.
    pub(crate) fn session_path(&self) -> PathBuf {
        self.dir.join(SESSION_FILE)
    }

    /// Operations time of a center's first use here.
    pub(crate) fn horizon(&self, server: &str, center: &CenterId) -> Option<UtcMillis> {
        self.horizons.get(&horizon_key(server, center)).copied().map(UtcMillis)
    }

    /// Keeps a horizon; returns the file to write.
    pub(crate) fn keep_horizon(
        &mut self,
        server: &str,
        center: &CenterId,
        at: UtcMillis,
    ) -> (PathBuf, Vec<u8>) {
        self.horizons.insert(horizon_key(server, center), at.0);
        (self.dir.join(HORIZONS_FILE), serde_json::to_vec_pretty(&self.horizons).unwrap_or_default())
    }
}

/// Makes a folder that only its owner may look into: the cache holds customers' addresses.
fn make_private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

fn horizon_key(server: &str, center: &CenterId) -> String {
    format!("{server} {center}")
}

/// FNV-1a, 64 bits: file names must stay the same over all versions.
fn name_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn lock(dir: &Path) -> Result<File, EngineError> {
    let path = dir.join(LOCK_FILE);
    let doing = "locking";
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| failed(doing, &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(EngineError::Config(format!(
            "the profile {} is in use by another running Gwanje; close it or choose another profile",
            dir.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(doing, &path, error)),
    }
}

fn kept_seat(dir: &Path) -> Result<SeatId, EngineError> {
    let path = dir.join(SEAT_FILE);
    if let Ok(kept) = std::fs::read_to_string(&path)
        && ulid::Ulid::from_string(kept.trim()).is_ok()
    {
        return Ok(SeatId::from(kept.trim()));
    }
    let seat = ulid::Ulid::generate().to_string();
    write_private(&path, seat.as_bytes()).map_err(|error| failed("writing", &path, error))?;
    Ok(SeatId::from(seat))
}

/// Writes a file that only its owner may read: whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

fn failed(doing: &'static str, path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Profile { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_made_once_and_a_profile_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("profile");
        let profile = Profile::open(&dir, None).unwrap();
        let seat = profile.seat.clone();
        let second = Profile::open(&dir, None).unwrap_err();
        assert_eq!(second.code(), "config");
        drop(profile);
        assert_eq!(Profile::open(&dir, None).unwrap().seat, seat);
    }

    #[test]
    fn horizons_are_kept_by_server_and_center() {
        let folder = tempfile::tempdir().unwrap();
        let mut profile = Profile::open(folder.path(), None).unwrap();
        let (path, bytes) = profile.keep_horizon("http://a", &CenterId::from("gangnam"), UtcMillis(5));
        write_private(&path, &bytes).unwrap();
        drop(profile);
        let profile = Profile::open(folder.path(), None).unwrap();
        assert_eq!(profile.horizon("http://a", &CenterId::from("gangnam")), Some(UtcMillis(5)));
        assert_eq!(profile.horizon("http://b", &CenterId::from("gangnam")), None);
        assert_ne!(profile.cache_path("http://a", "x"), profile.cache_path("http://b", "x"));
    }

    #[cfg(unix)]
    #[test]
    fn a_session_is_for_its_owner_only_and_its_token_is_not_logged() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let session = KeptSession {
            server: "http://a".to_owned(),
            account: "dispatcher".to_owned(),
            name: "김관제".to_owned(),
            role: "dispatcher".to_owned(),
            centers: Vec::new(),
            drill_speed: None,
            refresh_token: "very-secret".to_owned(),
        };
        let path = folder.path().join(SESSION_FILE);
        write_private(&path, &serde_json::to_vec(&session).unwrap()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(kept_session(folder.path()), Some(session.clone()));
        assert!(!format!("{session:?}").contains("very-secret"));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(kept_session(folder.path()), None);
    }
}
