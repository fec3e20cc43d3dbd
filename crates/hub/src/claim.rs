//! One hub on a data folder at a time: each keeps in memory where its centers stand, and two would disagree.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use tokio::time::{Instant, sleep};

/// The file that is locked; it is empty.
const LOCK_FILE: &str = "hub.lock";

/// How long to wait for a hub that is ending: longer than its sockets are given.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two looks at whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A claim on a folder. It ends when it is dropped, and with the process however that ends.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Why a folder can't be claimed.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// It can't be made.
    #[error("the folder {} can't be made: {source}; choose another", folder.display())]
    NoFolder {
        /// Which.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its lock file can't be written.
    #[error("{} can't be written: {source}; choose another folder", path.display())]
    NotWritable {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another hub runs on it.
    #[error("another hub runs on the folder {}; stop it, or choose another folder", .0.display())]
    Taken(PathBuf),
    /// The system can't lock there.
    #[error("{} can't be locked: {source}", path.display())]
    NoLocks {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl ClaimError {
    /// Whether another folder would do.
    #[must_use]
    pub fn is_about_folder(&self) -> bool {
        matches!(self, Self::NoFolder { .. } | Self::NotWritable { .. })
    }
}

impl Claim {
    /// Makes the folder if need be, and claims it. Waits a moment for a hub that is ending.
    ///
    /// # Errors
    /// When the folder can't be made or written, or another hub runs on it.
    pub async fn on(folder: &Path) -> Result<Self, ClaimError> {
        make_folder(folder).map_err(|source| ClaimError::NoFolder { folder: folder.to_owned(), source })?;
        let path = folder.join(LOCK_FILE);
        let file =
            File::create(&path).map_err(|source| ClaimError::NotWritable { path: path.clone(), source })?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(LOOK_AGAIN).await,
                Err(TryLockError::WouldBlock) => return Err(ClaimError::Taken(folder.to_owned())),
                Err(TryLockError::Error(source)) => return Err(ClaimError::NoLocks { path, source }),
            }
        }
    }
}

/// Makes a folder that only its owner looks into, where there is none yet.
///
/// # Errors
/// When it can't be made.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_folder_takes_one_hub_and_is_free_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = Claim::on(&data).await.unwrap();
        let second = Claim::on(&data).await.unwrap_err();
        assert!(matches!(&second, ClaimError::Taken(folder) if *folder == data), "{second}");
        drop(first);
        Claim::on(&data).await.unwrap();
    }
}
