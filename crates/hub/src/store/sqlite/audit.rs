//! The audit, in a file.

use super::writer::{signed, unsigned};
use crate::store::audit::{AuditPlace, AuditSearch, Placed};
use gwanje_model::{Text, UtcMillis};
use gwanje_wire::people::AuditLine;
use rusqlite::{Connection, Row, params};

pub(super) fn write(db: &Connection, lines: &[Placed]) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT INTO audit (id, at, account, origin, action, target, event, size, count, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (place, line) in lines {
        statement.execute(params![
            place.id,
            place.at.0,
            line.account.as_str(),
            line.from.as_str(),
            line.action.as_str(),
            line.target.as_str(),
            line.event.as_deref(),
            line.size.map(signed),
            line.count.map(signed),
            line.detail.as_deref(),
        ])?;
    }
    Ok(())
}

pub(super) fn read(db: &Connection, search: &AuditSearch) -> rusqlite::Result<Vec<Placed>> {
    let (from, id) = match &search.after {
        Some(place) if search.from.is_none_or(|from| from <= place.at) => (place.at.0, place.id.as_str()),
        Some(_) | None => (search.from.map_or(i64::MIN, |from| from.0), ""),
    };
    let to = search.to.map_or(i64::MAX, |to| to.0);
    let limit = i64::try_from(search.limit).unwrap_or(i64::MAX);
    db.prepare_cached(
        "SELECT id, at, account, origin, action, target, event, size, count, detail FROM audit \
         WHERE (at, id) > (?1, ?2) AND at < ?3 AND (?4 IS NULL OR account = ?4) ORDER BY at, id LIMIT ?5",
    )?
    .query_map(params![from, id, to, search.account.as_deref(), limit], line)?
    .collect()
}

fn line(row: &Row<'_>) -> rusqlite::Result<Placed> {
    let at = UtcMillis(row.get(1)?);
    let text = |column| row.get::<_, String>(column).map(Text::from);
    let number = |column| row.get::<_, Option<i64>>(column).map(|number| number.map(unsigned));
    let line = AuditLine {
        at,
        account: text(2)?,
        from: text(3)?,
        action: text(4)?,
        target: text(5)?,
        event: row.get::<_, Option<String>>(6)?.map(Text::from),
        size: number(7)?,
        count: number(8)?,
        detail: row.get::<_, Option<String>>(9)?.map(Text::from),
    };
    Ok((AuditPlace { at, id: row.get(0)? }, line))
}

pub(super) fn forget(db: &Connection, before: UtcMillis, at_most: usize) -> rusqlite::Result<usize> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    db.prepare_cached(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)",
    )?
    .execute([before.0, at_most])
}
