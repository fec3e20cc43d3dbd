//! `gwanje-hub backup` and `restore`.

use crate::args::BackupArgs;
use crate::commands::{folder_of, load, say};
use crate::exit_error::ExitError;
use gwanje_hub::claim::{Claim, make_folder};
use gwanje_hub::store::{BackupError, MoveError, StorePlace, back_up, restore, shown_instant};

/// `gwanje-hub backup FILE`: copies all that the store keeps, while hubs run.
///
/// # Errors
/// When the store can't be read, or the file is there or can't be written.
pub async fn back_up_to(args: &BackupArgs) -> Result<(), ExitError> {
    let config = load(&args.config)?;
    let place = config.kept();
    back_up(&place, &args.file)
        .await
        .map_err(|error| refused(&format!("{place} is not backed up"), &error))?;
    say(&format!(
        "{place} is backed up in {}; keep the file of token_secret_file beside it",
        args.file.display()
    ))
}

/// `gwanje-hub restore FILE`: makes a store of a backup.
///
/// # Errors
/// When the file is no backup, a hub runs on the store, or there is something in it.
pub async fn restore_from(args: &BackupArgs) -> Result<(), ExitError> {
    let config = load(&args.config)?;
    let place = config.kept();
    let _claim = match &place {
        StorePlace::File(file) => {
            let folder = folder_of(file);
            make_folder(folder).map_err(|error| crate::commands::no_folder(&config, &error))?;
            Some(Claim::on(folder).await?)
        }
        StorePlace::Postgres(_) => None,
    };
    let (at, moved) = restore(&args.file, &place)
        .await
        .map_err(|error| refused(&format!("{place} is not restored"), &error))?;
    if moved.before {
        return say(&format!("{place} had it all already, and goes on as it is"));
    }
    for (table, count) in moved.rows {
        say(&format!("{table}: {count}"))?;
    }
    let made = shown_instant(at);
    say(&format!(
        "{place} goes on from the backup of {made}; a new epoch begins in every center, and clients fetch anew"
    ))
}

fn refused(what: &str, error: &BackupError) -> ExitError {
    let said = format!("{what}: {error}");
    match error {
        BackupError::Store(MoveError::Store(_) | MoveError::Unsettled(_)) | BackupError::Io { .. } => {
            ExitError::running(said)
        }
        BackupError::Store(_)
        | BackupError::Exists(_)
        | BackupError::NoFile(_)
        | BackupError::NoBackup { .. } => ExitError::input(said),
    }
}
