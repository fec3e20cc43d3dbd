//! One hub on a data folder at a time: each keeps in memory where its centers stand, and two would disagree.

use crate::exit_error::ExitError;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;
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

impl Claim {
    /// Makes the folder if need be, and claims it.
    ///
    /// # Errors
    /// When the folder can't be made or written, or another hub runs on it.
    pub async fn on(folder: &Path) -> Result<Self, ExitError> {
        std::fs::create_dir_all(folder).map_err(|e| {
            ExitError::input(format!("the folder {} can't be made: {e}; choose another", folder.display()))
        })?;
        let path = folder.join(LOCK_FILE);
        let file = File::create(&path).map_err(|e| {
            ExitError::input(format!("{} can't be written: {e}; choose another folder", path.display()))
        })?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(LOOK_AGAIN).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(ExitError::running(format!(
                        "another hub runs on the folder {}; stop it, or choose another folder",
                        folder.display()
                    )));
                }
                Err(TryLockError::Error(e)) => {
                    return Err(ExitError::running(format!("{} can't be locked: {e}", path.display())));
                }
            }
        }
    }
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
        assert_eq!(second.status(), 1);
        assert!(second.to_string().contains("another hub runs"), "{second}");
        drop(first);
        Claim::on(&data).await.unwrap();
    }
}
