//! What is kept of the past, until it is over.

use super::failure::Failure;
use deadpool_postgres::Transaction;
use gwanje_ledger::{Moment, Retention};
use gwanje_model::{CenterId, UtcMillis};

/// Forgets at most so many deliveries that left the board before `day_at` and that no alarm names, with their histories, and
/// outcomes that are over. Returns how many deliveries. What another node is forgetting just now is passed over.
pub(super) async fn forget_past(
    tx: &Transaction<'_>,
    center: &CenterId,
    day_at: UtcMillis,
    at_most: usize,
    now: Moment,
) -> Result<usize, Failure> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let statement = tx
        .prepare_cached(
            "SELECT id FROM archive WHERE center = $1 AND received_at < $2 AND NOT EXISTS \
             (SELECT 1 FROM history WHERE delivery = archive.id AND action = 'archive' AND at >= $2) \
             AND NOT EXISTS (SELECT 1 FROM alarm WHERE alarm.center = $1 AND alarm.id = archive.id) \
             ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let old = tx.query(&statement, &[&center.as_str(), &day_at.0, &at_most]).await?;
    let old: Vec<i64> = old.iter().map(|row| row.get(0)).collect();
    for forget in ["DELETE FROM history WHERE delivery = ANY($1)", "DELETE FROM archive WHERE id = ANY($1)"] {
        let statement = tx.prepare_cached(forget).await?;
        tx.execute(&statement, &[&old]).await?;
    }
    let statement = tx
        .prepare_cached(
            "DELETE FROM outcome WHERE ctid = ANY (ARRAY(SELECT ctid FROM outcome WHERE at < $1 ORDER BY at \
             LIMIT $2 FOR UPDATE SKIP LOCKED))",
        )
        .await?;
    tx.execute(&statement, &[&Retention::at(now).outcomes_from.0, &at_most]).await?;
    Ok(old.len())
}
