//! The audit: checksums, count and digest recomputed from the disk in one read.
//!
//! It reads through a connection of its own. The writing one would answer from its page cache, where a page that has
//! since decayed on the disk is still sound.

use crate::error::{CacheError, sorted};
use crate::open::Cache;
use crate::read::{center_line, each_row};
use crate::row::{checksum, id_of};
use crate::write::find_center;
use gwanje_model::{CenterId, DeliveryId, RowDigest};
use rusqlite::{Connection, OpenFlags};

/// What an audit found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Rows whose content does not fit their checksum.
    pub damaged: Vec<DeliveryId>,
    /// Whether count and digest of the rows are those written with the cursor.
    pub digest_fits: bool,
    /// Rows that were read.
    pub rows: u64,
}

impl Cache {
    /// Audits a center. Nothing known of it: nothing is wrong with it.
    ///
    /// # Errors
    /// When the file is damaged or can't be read.
    pub fn audit(&self, center: &CenterId) -> Result<Audit, CacheError> {
        let run = || {
            // Read-only, so that looking can't do harm; the journal lies beside the file as for every reader.
            let mut fresh = Connection::open_with_flags(
                &self.path,
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?;
            let read = fresh.transaction()?;
            let Some(no) = find_center(&read, center)? else {
                return Ok(Audit { digest_fits: true, ..Audit::default() });
            };
            // The small tables carry no checksums; at least their pages must be sound.
            for table in ["centers", "alarms", "commands", "names", "drafts", "own", "settings"] {
                check_pages(&read, table)?;
            }
            let expected = center_line(&read, no)?.digest;
            let mut found = RowDigest::default();
            let mut audit = Audit::default();
            each_row(&read, no, |key, rev, sum, body| {
                found.add(id_of(key), rev);
                if checksum(key, rev, body) != sum {
                    audit.damaged.push(id_of(key));
                }
                Ok(())
            })?;
            audit.digest_fits = found == expected;
            audit.rows = found.count;
            if !audit.damaged.is_empty() {
                // SQLite writes no row that is equal to what its page cache holds, and the page there may still be sound:
                // the repair must see what the disk has.
                self.db.release_memory()?;
            }
            Ok(audit)
        };
        run().map_err(|error: rusqlite::Error| sorted("the audit", &self.path, &error))
    }
}

/// Fails as damaged when a table's tree is not sound.
fn check_pages(read: &Connection, table: &str) -> rusqlite::Result<()> {
    let found: String = read.query_row(&format!("PRAGMA quick_check('{table}')"), [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    let damage = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(damage, Some(format!("{table}: {found}"))))
}
