//! Failed sign-ins of the last minute, and from where accounts signed in before.

use super::failure::Failure;
use crate::store::throttle::{
    Attempt, Counted, DEVICE_KEPT_MS, FORGOTTEN, Failures, KEPT_MAX, ThrottleKey, Verdict,
};
use deadpool_postgres::Transaction;
use gwanje_model::UtcMillis;
use tokio_postgres::Row;

/// What is known of a sign-in.
pub(super) async fn look(tx: &Transaction<'_>, attempt: &Attempt) -> Result<Counted, Failure> {
    let statement = tx.prepare_cached("SELECT who, since, count FROM failure WHERE who = ANY ($1)").await?;
    let keys = attempt.keys().map(|key| key.to_vec());
    let found = tx.query(&statement, &[&keys.as_slice()]).await?;
    let found = found.iter().map(failures).collect::<Result<Vec<_>, _>>()?;
    Ok(attempt.count(&found, is_known(tx, attempt).await?))
}

async fn is_known(tx: &Transaction<'_>, attempt: &Attempt) -> Result<bool, Failure> {
    let statement = tx.prepare_cached("SELECT 1 FROM device WHERE who = $1 AND used_at > $2").await?;
    let from = attempt.now.plus_ms(-DEVICE_KEPT_MS).0;
    Ok(tx.query_opt(&statement, &[&attempt.pair.as_slice(), &from]).await?.is_some())
}

fn failures(row: &Row) -> Result<(ThrottleKey, Failures), Failure> {
    let who: &[u8] = row.get(0);
    let who = who.try_into().map_err(|_| Failure::Damaged("failure.who", format!("{} bytes", who.len())))?;
    Ok((who, Failures { since: UtcMillis(row.get(1)), count: row.get(2) }))
}

/// Counts it as failed, unless it has to wait. Those of one account or address wait for each other's rows, so that none is
/// judged by a count that is old.
pub(super) async fn begin(tx: &Transaction<'_>, attempt: &Attempt) -> Result<Verdict, Failure> {
    let sql = "INSERT INTO failure (who, since, count) VALUES ($1, $2, 0) ON CONFLICT (who) DO UPDATE \
               SET since = CASE WHEN failure.since > $3 AND failure.since <= $2 THEN failure.since ELSE $2 END, \
               count = CASE WHEN failure.since > $3 AND failure.since <= $2 THEN failure.count ELSE 0 END \
               RETURNING who, since, count";
    let statement = tx.prepare_cached(sql).await?;
    let mut found = Vec::new();
    for key in attempt.keys() {
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&key.as_slice(), &attempt.now.0, &attempt.forgotten_until().0];
        found.push(failures(&tx.query_one(&statement, &params).await?)?);
    }
    let verdict = attempt.count(&found, is_known(tx, attempt).await?).verdict(attempt.now);
    if !matches!(verdict, Verdict::Waits(_)) {
        let statement =
            tx.prepare_cached("UPDATE failure SET count = count + 1 WHERE who = ANY ($1)").await?;
        tx.execute(&statement, &[&attempt.keys().map(|key| key.to_vec()).as_slice()]).await?;
    }
    // Last, so that nobody waits for what is held here while this waits for somebody.
    forget(tx, "failure", "since", attempt.forgotten_until()).await?;
    Ok(verdict)
}

/// Takes back that it failed, and remembers from where the account signed in.
pub(super) async fn succeeded(tx: &Transaction<'_>, attempt: &Attempt) -> Result<(), Failure> {
    // In the same order as when they were counted.
    let statement = tx
        .prepare_cached(
            "UPDATE failure SET count = CASE WHEN who = $2 THEN 0 ELSE greatest(count - 1, 0) END WHERE who = $1",
        )
        .await?;
    for key in attempt.keys() {
        tx.execute(&statement, &[&key.as_slice(), &attempt.pair.as_slice()]).await?;
    }
    let sql =
        "INSERT INTO device (who, used_at) VALUES ($1, $2) ON CONFLICT (who) DO UPDATE SET used_at = $2";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&attempt.pair.as_slice(), &attempt.now.0]).await?;
    forget(tx, "device", "used_at", attempt.now.plus_ms(-DEVICE_KEPT_MS)).await
}

/// Forgets some of what is over; where there is too much, some of the oldest. Those that another node holds just now are
/// passed over.
async fn forget(tx: &Transaction<'_>, table: &str, age: &str, until: UtcMillis) -> Result<(), Failure> {
    let statement = tx.prepare_cached(&format!("SELECT count(*) >= $1 FROM {table}")).await?;
    let is_full: bool = tx.query_one(&statement, &[&KEPT_MAX]).await?.get(0);
    let until = if is_full { i64::MAX } else { until.0 };
    let statement = tx
        .prepare_cached(&format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {age} <= $1 \
             ORDER BY {age} LIMIT $2 FOR UPDATE SKIP LOCKED))"
        ))
        .await?;
    tx.execute(&statement, &[&until, &FORGOTTEN]).await?;
    Ok(())
}
