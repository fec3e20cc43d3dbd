//! The audit, in a database.

use super::failure::Failure;
use super::rows::unsigned;
use crate::store::audit::{AuditPlace, AuditSearch, Placed};
use deadpool_postgres::Transaction;
use gwanje_model::{Text, UtcMillis};
use gwanje_wire::people::AuditLine;
use tokio_postgres::Row;

pub(super) async fn write(tx: &Transaction<'_>, lines: &[Placed]) -> Result<(), Failure> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO audit (id, at, account, origin, action, target, event, size, count, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .await?;
    for (place, line) in lines {
        let [account, from, action, target] =
            [&line.account, &line.from, &line.action, &line.target].map(Text::as_str);
        let (event, detail) = (line.event.as_deref(), line.detail.as_deref());
        let (size, count) = (line.size.map(u64::cast_signed), line.count.map(u64::cast_signed));
        tx.execute(
            &statement,
            &[&place.id, &place.at.0, &account, &from, &action, &target, &event, &size, &count, &detail],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn read(tx: &Transaction<'_>, search: &AuditSearch) -> Result<Vec<Placed>, Failure> {
    let (from, id) = match &search.after {
        Some(place) if search.from.is_none_or(|from| from <= place.at) => (place.at.0, place.id.as_str()),
        Some(_) | None => (search.from.map_or(i64::MIN, |from| from.0), ""),
    };
    let to = search.to.map_or(i64::MAX, |to| to.0);
    let limit = i64::try_from(search.limit).unwrap_or(i64::MAX);
    let statement = tx
        .prepare_cached(
            "SELECT id, at, account, origin, action, target, event, size, count, detail FROM audit \
             WHERE (at, id) > ($1, $2) AND at < $3 AND ($4::text IS NULL OR account = $4) \
             ORDER BY at, id LIMIT $5",
        )
        .await?;
    let account = search.account.as_deref();
    let rows = tx.query(&statement, &[&from, &id, &to, &account, &limit]).await?;
    Ok(rows.iter().map(line).collect())
}

fn line(row: &Row) -> Placed {
    let at = UtcMillis(row.get(1));
    let text = |column: usize| Text::from(row.get::<_, &str>(column));
    let perhaps = |column: usize| row.get::<_, Option<&str>>(column).map(Text::from);
    let number = |column: usize| row.get::<_, Option<i64>>(column).map(unsigned);
    let line = AuditLine {
        at,
        account: text(2),
        from: text(3),
        action: text(4),
        target: text(5),
        event: perhaps(6),
        size: number(7),
        count: number(8),
        detail: perhaps(9),
    };
    (AuditPlace { at, id: row.get(0) }, line)
}

/// What another node is forgetting just now is passed over.
pub(super) async fn forget(
    tx: &Transaction<'_>,
    before: UtcMillis,
    at_most: usize,
) -> Result<usize, Failure> {
    let statement = tx
        .prepare_cached(
            "DELETE FROM audit WHERE id = ANY (ARRAY(SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2 \
             FOR UPDATE SKIP LOCKED))",
        )
        .await?;
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let forgotten = tx.execute(&statement, &[&before.0, &at_most]).await?;
    Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
}
