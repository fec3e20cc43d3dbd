//! Erases a customer from a center, and the tables from what was overwritten.

use super::failure::Failure;
use super::locked::Locked;
use super::rows::{json, signed, unsigned};
use super::{Shared, reads};
use crate::store::Erased;
use deadpool_postgres::Transaction;
use gwanje_ledger::Erasure;
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, Text};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

/// The tables that may hold something of a customer.
const TABLES: [&str; 6] = ["delivery", "archive", "history", "alarm", "outcome", "preference"];
/// How often a table is asked for that others hold, and how long after one try the next follows.
const TRIES: (u32, Duration) = (20, Duration::from_millis(500));

/// Where to look, found without a lock: what changes after `rev` is looked at under it.
pub(super) struct Suspects {
    ids: BTreeSet<i64>,
    rev: Rev,
}

/// The SQL by which a column may hold one of the phones: more may be found, nothing is left out.
fn may_hold(column: &str) -> String {
    format!(
        "regexp_replace(translate({column}, '\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}\u{ff19}', '0123456789'), '[^0-9]', '', 'g') LIKE ANY ($2)"
    )
}

fn patterns(erasure: &Erasure) -> Vec<String> {
    erasure.phones().iter().map(|phone| format!("%{phone}%")).collect()
}

/// Looks for deliveries that may hold something.
pub(super) async fn suspects(
    tx: &Transaction<'_>,
    center: &CenterId,
    erasure: &Erasure,
) -> Result<Suspects, Failure> {
    let rev = reads::standing(tx, center).await?.map_or(Rev::ZERO, |standing| standing.rev);
    let mut ids: BTreeSet<i64> = erasure.deliveries().iter().map(|id| signed(id.0)).collect();
    if !erasure.phones().is_empty() {
        let (body, detail) = (may_hold("body"), may_hold("detail"));
        let sql = format!(
            "SELECT id FROM delivery WHERE center = $1 AND {body} \
             UNION SELECT id FROM archive WHERE center = $1 AND {body} \
             UNION SELECT delivery FROM history WHERE center = $1 AND ({body} OR {detail}) \
             UNION SELECT id FROM alarm WHERE center = $1 AND {body}"
        );
        let statement = tx.prepare_cached(&sql).await?;
        let found = tx.query(&statement, &[&center.as_str(), &patterns(erasure)]).await?;
        ids.extend(found.iter().map(|row| row.get::<_, i64>(0)));
    }
    Ok(Suspects { ids, rev })
}

/// Erases it from live rows under revisions of their own, from all that is past in place.
pub(super) async fn erase(
    at: &mut Locked<'_>,
    mut erasure: Erasure,
    suspects: &Suspects,
    by: &Text,
) -> Result<Erased, Failure> {
    let (tx, center, day) = (at.tx, at.center.as_str(), at.now.day);
    if at.standing.is_none() {
        return Ok(Erased::default());
    }
    let mut ids = suspects.ids.clone();
    let sql = "SELECT DISTINCT delivery FROM history WHERE center = $1 AND rev > $2";
    let statement = tx.prepare_cached(sql).await?;
    let since = tx.query(&statement, &[&center, &signed(suspects.rev.0)]).await?;
    ids.extend(since.iter().map(|row| row.get::<_, i64>(0)));
    let ids: Vec<i64> = ids.into_iter().collect();
    let of = |sql: &'static str| {
        let ids = &ids;
        async move {
            let statement = tx.prepare_cached(sql).await?;
            Ok::<_, Failure>(tx.query(&statement, &[&center, ids]).await?)
        }
    };
    let id_of = |row: &tokio_postgres::Row| DeliveryId(unsigned(row.get(0)));
    let live = of("SELECT id, body FROM delivery WHERE center = $1 AND id = ANY ($2) ORDER BY rev").await?;
    let left = of("SELECT id, body FROM archive WHERE center = $1 AND id = ANY ($2)").await?;
    let history =
        of("SELECT delivery, coalesce(body, ''), rev, action, detail FROM history WHERE center = $1 AND delivery = ANY ($2)")
            .await?;
    let alarms =
        of("SELECT id, body, seq FROM alarm WHERE center = $1 AND id = ANY ($2) AND body IS NOT NULL")
            .await?;
    for row in live.iter().chain(&left).chain(&history) {
        if erasure.owns(row.get(1)) {
            erasure.add(id_of(row));
        }
    }
    let own = live.iter().chain(&left).filter(|row| erasure.deliveries().contains(&id_of(row))).count();
    let mut rows = Vec::new();
    for row in &live {
        let live: Delivery = json(row, 1)?;
        rows.extend(erasure.row(&live).map(|erased| (Cow::<'static, Delivery>::Owned(live), erased)));
    }
    let Some(standing) = &mut at.standing else { return Ok(Erased::default()) };
    let writes = gwanje_ledger::erase(standing, rows, by, day)?;
    let told = writes.len();
    at.write(writes).await?;
    let mut records = 0;
    let statement = tx.prepare_cached("UPDATE archive SET body = $2 WHERE id = $1").await?;
    for row in &left {
        if let Some(body) = erasure.body(id_of(row), row.get(1)) {
            tx.execute(&statement, &[&row.get::<_, i64>(0), &body]).await?;
            records += 1;
        }
    }
    let sql = "UPDATE history SET body = coalesce($3, body), detail = coalesce($4, detail) \
               WHERE delivery = $1 AND rev = $2";
    let statement = tx.prepare_cached(sql).await?;
    for row in &history {
        let body = erasure.body(id_of(row), row.get(1));
        let detail = erasure.detail(id_of(row), row.get(3), row.get(4));
        if body.is_some() || detail.is_some() {
            let (delivery, rev): (i64, i64) = (row.get(0), row.get(2));
            tx.execute(&statement, &[&delivery, &rev, &body, &detail]).await?;
            records += 1;
        }
    }
    let statement = tx.prepare_cached("UPDATE alarm SET body = $3 WHERE center = $1 AND seq = $2").await?;
    for row in &alarms {
        if let Some(body) = erasure.body(id_of(row), row.get(1)) {
            tx.execute(&statement, &[&center, &row.get::<_, i64>(2), &body]).await?;
            records += 1;
        }
    }
    records += outcomes(tx, center, &erasure).await?;
    Ok(Erased { deliveries: own, told, records })
}

async fn outcomes(tx: &Transaction<'_>, center: &str, erasure: &Erasure) -> Result<usize, Failure> {
    let sql = "SELECT account, key, path, body FROM outcome WHERE center = $1";
    let statement = tx.prepare_cached(sql).await?;
    let found = tx.query(&statement, &[&center]).await?;
    let sql = "UPDATE outcome SET body = $5 WHERE account = $1 AND center = $2 AND key = $3 AND path = $4";
    let statement = tx.prepare_cached(sql).await?;
    let mut erased = 0;
    for row in &found {
        if let Some(body) = erasure.answer(row.get(3)) {
            let (account, key, path): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            tx.execute(&statement, &[&account, &center, &key, &path, &body]).await?;
            erased += 1;
        }
    }
    Ok(erased)
}

/// Erases it from what accounts keep for themselves.
pub(super) async fn beside(tx: &Transaction<'_>, erasure: &Erasure) -> Result<usize, Failure> {
    let statement = tx.prepare_cached("SELECT account, key, body FROM preference FOR UPDATE").await?;
    let found = tx.query(&statement, &[]).await?;
    let sql = "UPDATE preference SET body = $3 WHERE account = $1 AND key = $2";
    let statement = tx.prepare_cached(sql).await?;
    let mut erased = 0;
    for row in &found {
        if let Some(body) = erasure.json(row.get(2)) {
            let (account, key): (&str, &str) = (row.get(0), row.get(1));
            tx.execute(&statement, &[&account, &key, &body]).await?;
            erased += 1;
        }
    }
    Ok(erased)
}

impl Shared {
    /// Writes the tables anew, one after the other: each is locked while it is written.
    pub(super) async fn rewrite(&self) -> Result<(), Failure> {
        let client = self.client().await?;
        for table in TABLES {
            let mut tries = TRIES.0;
            loop {
                match client
                    .batch_execute(&format!("VACUUM (FULL, ANALYZE) {table}"))
                    .await
                    .map_err(Failure::from)
                {
                    Ok(()) => break,
                    Err(failure) if failure.is_lock_timeout() && tries > 0 => {
                        tries -= 1;
                        tokio::time::sleep(TRIES.1).await;
                    }
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(())
    }
}
