//! Outcomes with the rows that history has of them.

use super::failure::Failure;
use super::rows::{signed, unsigned};
use crate::store::outcomes::{self, PastRows};
use deadpool_postgres::Transaction;
use gwanje_ledger::{OutcomeKey, Recorded};
use gwanje_model::{DeliveryId, Rev};

/// Puts its rows into an outcome that was read.
pub(super) async fn with_rows(
    tx: &Transaction<'_>,
    (key, mut recorded): (OutcomeKey, Recorded),
) -> Result<(OutcomeKey, Recorded), Failure> {
    let lacking = outcomes::lacking(&recorded.body);
    if !lacking.is_empty() {
        let (ids, revs): (Vec<i64>, Vec<i64>) =
            lacking.iter().map(|(id, rev)| (signed(id.0), signed(rev.0))).unzip();
        let statement = tx
            .prepare_cached(
                "SELECT delivery, rev, body FROM history \
                 JOIN unnest($1::bigint[], $2::bigint[]) AS lacking (delivery, rev) USING (delivery, rev) \
                 WHERE body IS NOT NULL",
            )
            .await?;
        let rows = tx.query(&statement, &[&ids, &revs]).await?;
        let rows: PastRows = rows
            .iter()
            .map(|row| ((DeliveryId(unsigned(row.get(0))), Rev(unsigned(row.get(1)))), row.get(2)))
            .collect();
        recorded.body = outcomes::with_rows(&recorded.body, &rows)?.into();
    }
    Ok((key, recorded))
}
