//! Opening a cache file, and setting a damaged one aside.

use crate::error::{CacheError, sorted};
use crate::row::ID_BITS;
use crate::schema;
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// An open cache file.
#[derive(Debug)]
pub struct Cache {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
}

/// How opening went.
#[derive(Debug)]
pub struct Opened {
    /// The cache.
    pub cache: Cache,
    /// Where the former file is now, when it had to be set aside.
    pub set_aside: Option<PathBuf>,
}

/// Kept prepared statements: all that writing and reading use.
const STATEMENTS: usize = 32;
/// How long a write waits for another process that looks into the file, milliseconds.
const BUSY_TIMEOUT_MS: u32 = 5_000;
/// Keeps acknowledged alarms this long before their center's newest, milliseconds of its clock of operations: a week,
/// as long as anybody asks who saw what.
const KEEP_ACKNOWLEDGED_MS: i64 = 7 * 24 * 3_600_000;

impl Cache {
    /// Opens a file, or makes it. Sets aside one that won't open, is of a newer version or is none of ours, and names
    /// it in the log.
    ///
    /// # Errors
    /// When the folder can't be written, the disk is full, or the like.
    pub fn open(path: &Path) -> Result<Opened, CacheError> {
        match Self::open_as_is(path) {
            Ok(cache) => Ok(Opened { cache, set_aside: None }),
            Err(error) if error.is_damage() => {
                let aside = put_aside(path, &error)?;
                Ok(Opened { cache: Self::open_as_is(path)?, set_aside: Some(aside) })
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the file aside because of `error` and begins an empty one in its place.
    ///
    /// # Errors
    /// When the folder can't be written, the disk is full, or the like.
    pub fn rebuild(self, error: &CacheError) -> Result<Opened, CacheError> {
        let Self { db, path } = self;
        // A damaged file may refuse to be closed cleanly; it is moved away all the same.
        drop(db);
        let aside = put_aside(&path, error)?;
        Ok(Opened { cache: Self::open_as_is(&path)?, set_aside: Some(aside) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open_as_is(path: &Path) -> Result<Self, CacheError> {
        let doing = "the opening";
        let failed = |error: rusqlite::Error| sorted(doing, path, &error);
        let mut db = Connection::open(path).map_err(failed)?;
        let settings = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;"
        );
        db.execute_batch(&settings).map_err(failed)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        if refuses_writes(&db, path).map_err(failed)? {
            let why = "its header says that no version of today may write it".to_owned();
            return Err(CacheError::Damaged { doing, path: path.to_owned(), why });
        }
        schema::migrate(&mut db).map_err(failed)?.map_err(|why| CacheError::Damaged {
            doing,
            path: path.to_owned(),
            why,
        })?;
        let cache = Self { db, path: path.to_owned() };
        match cache.forget_old_alarms() {
            // A machine that takes no write now may still let the file be read.
            Err(error) if !error.is_damage() => {
                tracing::warn!(%error, "old alarms stay until the next start")
            }
            done => done?,
        }
        Ok(cache)
    }

    /// Forgets acknowledged alarms, which would pile up for ever. One whose row is still held stays, so that the row
    /// raises none anew.
    fn forget_old_alarms(&self) -> Result<(), CacheError> {
        let forgotten = self.db.execute(
            "DELETE FROM alarms WHERE stage = 'acknowledged'
                 AND raised_at < (SELECT max(newest.raised_at) FROM alarms AS newest
                     WHERE newest.center = alarms.center) - ?1
                 AND NOT EXISTS (SELECT 1 FROM rows WHERE key = (alarms.center << ?2) + alarms.id)",
            [KEEP_ACKNOWLEDGED_MS, i64::from(ID_BITS)],
        );
        forgotten.map(drop).map_err(|error| sorted("the tidying", &self.path, &error))
    }
}

/// Whether the file's own header, not the machine, makes SQLite refuse to write: that would stay so for ever.
fn refuses_writes(db: &Connection, path: &Path) -> rusqlite::Result<bool> {
    // SQLite looks at the header when it first reads.
    db.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
    Ok(db.is_readonly("main")? && OpenOptions::new().write(true).open(path).is_ok())
}

/// Renames the file with its journal, so that somebody can look at it. Nothing of it is used again.
fn put_aside(path: &Path, error: &CacheError) -> Result<PathBuf, CacheError> {
    let failed = |source: std::io::Error| CacheError::NotNow {
        doing: "the setting aside",
        path: path.to_owned(),
        why: source.to_string(),
    };
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let aside = with_suffix(path, &format!(".damaged-{at}"));
    std::fs::rename(path, &aside).map_err(failed)?;
    for journal in ["-wal", "-shm"] {
        let from = with_suffix(path, journal);
        if from.exists() {
            std::fs::rename(&from, with_suffix(&aside, journal)).map_err(failed)?;
        }
    }
    tracing::warn!(%error, aside = %aside.display(), "the cache was set aside and is rebuilt from the server");
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
