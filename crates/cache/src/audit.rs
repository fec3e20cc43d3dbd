//! The audit: checksums, count and digest recomputed from the disk in one read.

use crate::error::{CacheError, sorted};
use crate::open::Cache;
use crate::read::{center_line, each_row};
use crate::row::{checksum, id_of};
use crate::write::find_center;
use gwanje_model::{CenterId, DeliveryId, RowDigest};

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
    pub fn audit(&mut self, center: &CenterId) -> Result<Audit, CacheError> {
        let mut run = || {
            let read = self.db.transaction()?;
            let Some(no) = find_center(&read, center)? else {
                return Ok(Audit { digest_fits: true, ..Audit::default() });
            };
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
            Ok(audit)
        };
        run().map_err(|error: rusqlite::Error| sorted("the audit", &self.path, &error))
    }
}
