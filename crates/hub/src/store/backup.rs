//! A backup: all that a store keeps, as of one instant, in one file, made while hubs go on; and a store that is made of it.
//!
//! What a backup lacks may have been told to boards. So a store that is made of one begins new epochs before it serves, and
//! until then it is marked as a backup, which no hub serves. A restore that was cut short is run again.

use super::moving::{Side, StorePlace};
use super::notes::PURPOSE_KEY;
use super::transfer::{MOVED_KEY, MoveError, Moved, marked};
use super::{Store, StoreConfig, StoreError};
use crate::clock::Clock;
use gwanje_model::UtcMillis;
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The note by which a store says that it is a backup, or is being made of one.
pub(crate) const BACKUP_KEY: &str = "backup";
/// Nobody else reads what customers say.
const OWNER_ONLY: u32 = 0o600;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    /// Of this backup.
    id: String,
    /// When it was made (the wall clock).
    at: UtcMillis,
}

/// Why there is no backup, or no store of it.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The store that it comes from or goes to.
    #[error(transparent)]
    Store(#[from] MoveError),
    /// There is a file of that name.
    #[error("{} is there already; name another file", .0.display())]
    Exists(PathBuf),
    /// There is no such store, or no such backup.
    #[error("{} is not there", .0.display())]
    NoFile(PathBuf),
    /// The file is something else.
    #[error("{} is no backup: {why}", path.display())]
    NoBackup {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// It can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Whether a note says that the store is a backup.
pub(crate) fn is_backup(note: Option<&str>) -> bool {
    note.is_some_and(|note| !note.is_empty())
}

/// Copies all that a store keeps into a new file. Hubs go on meanwhile. The file is there when all of it is.
///
/// # Errors
/// When the store can't be read or was moved, or the file is there or can't be written. No file is left then.
pub async fn back_up(from: &StorePlace, file: &Path) -> Result<(), BackupError> {
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let part = beside(file, "part");
    let written = write(from, &part).await;
    let written = match written {
        Ok(()) => put(&part, file),
        Err(error) => Err(error),
    };
    if written.is_err() {
        remove(&part);
    }
    written
}

async fn write(from: &StorePlace, part: &Path) -> Result<(), BackupError> {
    make(part)?;
    match from {
        StorePlace::File(store) if !store.exists() => return Err(BackupError::NoFile(store.clone())),
        StorePlace::File(store) => {
            let (store, part) = (store.clone(), part.to_owned());
            let copied = tokio::task::spawn_blocking(move || copy(&store, &part)).await;
            copied.unwrap_or(Err(rusqlite::Error::InvalidQuery)).map_err(|error| unread(from, &error))?;
        }
        StorePlace::Postgres(_) => {
            let source = Side::open(from).await?;
            let filled =
                fill(&source, &ulid::Ulid::generate().to_string(), &StorePlace::File(part.to_owned())).await;
            source.backend().close().await;
            filled?;
        }
    }
    let copy = Side::open(&StorePlace::File(part.to_owned())).await?;
    let labelled = label(&copy).await;
    copy.backend().close().await;
    labelled
}

/// One statement reads the file as of one instant; whoever writes it goes on.
fn copy(store: &Path, part: &Path) -> rusqlite::Result<()> {
    let db = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.busy_timeout(std::time::Duration::from_secs(30))?;
    db.execute("VACUUM INTO ?1", [part.to_string_lossy()])?;
    Ok(())
}

async fn label(copy: &Side) -> Result<(), BackupError> {
    let store = copy.backend();
    if let Some(mark) = marked(store.note(MOVED_KEY.into()).await?) {
        return Err(MoveError::Moved(mark.to).into());
    }
    let label = Label { id: ulid::Ulid::generate().to_string(), at: Clock::wall().wall_now() };
    // A text and a number always have JSON.
    store.keep_note(BACKUP_KEY.into(), serde_json::to_string(&label).unwrap_or_default()).await?;
    Ok(())
}

/// Makes a store of a backup, which stays as it is. New epochs begin in it: boards fetch anew. Nobody may use a target file
/// meanwhile: hold its [`Claim`](crate::claim::Claim). Gives when the backup was made, and what it held.
///
/// # Errors
/// When the file is no backup, or the target is not empty or can't be written. A restore that was cut short is to be run again.
pub async fn restore(file: &Path, to: &StorePlace) -> Result<(UtcMillis, Moved), BackupError> {
    let Label { id, at } = read_label(file)?;
    // It may be of an earlier version: the copy is brought to this one, the backup is not touched.
    let copy = beside(file, "restoring");
    remove(&copy);
    let restored = async {
        make(&copy)?;
        fs::copy(file, &copy).map_err(|source| BackupError::Io { path: copy.clone(), source })?;
        let source = Side::open(&StorePlace::File(copy.clone())).await?;
        let filled = fill(&source, &id, to).await;
        source.backend().close().await;
        filled
    };
    let restored = restored.await;
    remove(&copy);
    let moved = restored?;
    begin(to).await?;
    Ok((at, moved))
}

/// Puts all that one store keeps into another, empty one.
async fn fill(source: &Side, id: &str, to: &StorePlace) -> Result<Moved, BackupError> {
    let own = source.own().await?;
    let target = Side::open(to).await?;
    let filled = target.fill(id, source.tables(), own).await;
    target.backend().close().await;
    Ok(filled?)
}

/// Begins new epochs, and takes the mark off.
async fn begin(to: &StorePlace) -> Result<(), BackupError> {
    let store = match to {
        StorePlace::File(file) => Store::open(StoreConfig::at(file, Clock::wall()))?,
        StorePlace::Postgres(address) => {
            Store::connect(address, None, StoreConfig::temporary(Clock::wall())).await?
        }
    };
    let begun = async {
        // Restored before, and in use since.
        if is_backup(store.meta_get(BACKUP_KEY).await?.as_deref()) {
            for center in store.center_ids() {
                store.begin_epoch(&center).await?;
            }
            store.meta_set(BACKUP_KEY, String::new()).await?;
        }
        Ok(())
    };
    let begun = begun.await;
    store.close().await;
    begun
}

fn read_label(file: &Path) -> Result<Label, BackupError> {
    if !file.is_file() {
        return Err(BackupError::NoFile(file.to_owned()));
    }
    let no_backup = |why: String| BackupError::NoBackup { path: file.to_owned(), why };
    let read = || {
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let notes = "SELECT (SELECT value FROM meta WHERE key = 'note:' || ?1), \
                            (SELECT value FROM meta WHERE key = 'note:' || ?2)";
        db.query_row(notes, [BACKUP_KEY, PURPOSE_KEY], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?))
        })
    };
    let (label, purpose) = read().map_err(|error| no_backup(error.to_string()))?;
    match label.filter(|label| !label.is_empty()) {
        Some(label) => serde_json::from_str(&label).map_err(|error| no_backup(error.to_string())),
        None if purpose.is_some() => {
            Err(no_backup("it is a hub's own store; make one with `gwanje-hub backup`".into()))
        }
        None => Err(no_backup("it does not say that it is one".into())),
    }
}

fn unread(from: &StorePlace, error: &rusqlite::Error) -> BackupError {
    let path = PathBuf::from(from.to_string());
    BackupError::Io { path, source: io::Error::other(error.to_string()) }
}

/// The file's name with a word behind it: on the same disk, so that a name is all that changes at the end.
fn beside(file: &Path, word: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{word}"));
    file.with_file_name(name)
}

/// Makes an empty file that nobody else can read, before anything is in it.
fn make(path: &Path) -> Result<(), BackupError> {
    remove(path);
    let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
    made.map(drop).map_err(|source| BackupError::Io { path: path.to_owned(), source })
}

/// What was written is on the disk before the file has its name.
fn put(part: &Path, file: &Path) -> Result<(), BackupError> {
    let put = || {
        fs::set_permissions(part, Permissions::from_mode(OWNER_ONLY))?;
        File::open(part)?.sync_all()?;
        fs::rename(part, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    put().map_err(|source| BackupError::Io { path: file.to_owned(), source })
}

/// Takes a file away, with what SQLite writes beside it. One that is not there is away.
fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        _ = fs::remove_file(name);
    }
}
