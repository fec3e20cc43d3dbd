//! The secret that tokens are signed with: a file of its own, which only its owner reads.

use crate::exit_error::ExitError;
use gwanje_hub::auth::TokenSecret;
use gwanje_hub::config::ServeConfig;
use gwanje_hub::store::Store;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The secret of the configuration's file. A hub alone makes the file where there is none, with the secret that its store kept
/// until now, or a new one.
pub(crate) async fn secret(config: &ServeConfig, store: &Store) -> Result<TokenSecret, ExitError> {
    let file = config.secret_file().map_err(ExitError::input)?;
    let secret = match read(&file)? {
        Some(secret) => secret,
        None if config.database.is_empty() => {
            let made = TokenSecret::to_be_kept_apart(store).await.map_err(ExitError::running)?;
            keep(&file, &made)?
        }
        None => {
            return Err(wrong(
                &file,
                "is not there; make it with `(umask 077; openssl rand -hex 32 > FILE)`",
            ));
        }
    };
    Ok(secret)
}

/// None: there is no such file.
fn read(file: &Path) -> Result<Option<TokenSecret>, ExitError> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(file, format!("can't be read: {error}"))),
    };
    let is_open = file.metadata().is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    if is_open {
        return Err(wrong(file, "can be read by others than its owner; `chmod 600` it"));
    }
    let secret = TokenSecret::read(&bytes);
    secret.map(Some).ok_or_else(|| {
        wrong(
            file,
            "holds no secret of 32 bytes or more, raw or hexadecimal; make one with `openssl rand -hex 32`",
        )
    })
}

/// Keeps a secret where there is none yet; gives what is there then.
fn keep(file: &Path, secret: &TokenSecret) -> Result<TokenSecret, ExitError> {
    // Whole or not at all, whoever else makes one at the same time.
    let draft = file.with_extension(format!("{}", std::process::id()));
    let written = || {
        let mut opened =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        opened.write_all(secret.written().as_bytes())?;
        opened.sync_all()?;
        std::fs::hard_link(&draft, file)?;
        // The store forgets its own copy after this: the name must outlast a power cut as the bytes do.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    };
    let linked = written();
    _ = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => Ok(secret.clone()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(file)?.ok_or_else(|| wrong(file, "was there, and is gone"))
        }
        Err(error) => Err(wrong(file, format!("can't be written: {error}"))),
    }
}

fn wrong(file: &Path, what: impl std::fmt::Display) -> ExitError {
    ExitError::input(format!("the file of `token_secret_file`, {}, {what}", file.display()))
}
