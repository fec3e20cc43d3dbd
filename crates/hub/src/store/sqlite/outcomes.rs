//! Outcomes with the rows that history has of them.

use super::unwritable;
use super::writer::signed;
use crate::store::outcomes::{self, PastRows};
use gwanje_ledger::{OutcomeKey, Recorded};
use rusqlite::{Connection, OptionalExtension};

/// Puts its rows into an outcome that was read.
pub(super) fn with_rows(
    db: &Connection,
    (key, mut recorded): (OutcomeKey, Recorded),
) -> rusqlite::Result<(OutcomeKey, Recorded)> {
    let lacking = outcomes::lacking(&recorded.body);
    if !lacking.is_empty() {
        let mut find = db.prepare_cached("SELECT body FROM history WHERE delivery = ?1 AND rev = ?2")?;
        let mut rows = PastRows::new();
        for (id, rev) in lacking {
            let found: Option<Option<String>> =
                find.query_row([signed(id.0), signed(rev.0)], |row| row.get(0)).optional()?;
            rows.extend(found.flatten().map(|row| ((id, rev), row)));
        }
        recorded.body = outcomes::with_rows(&recorded.body, &rows).map_err(unwritable)?.into();
    }
    Ok((key, recorded))
}
