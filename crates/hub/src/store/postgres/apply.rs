//! Writes what was decided: the one place where decisions become statements.

use super::failure::Failure;
use super::rows::{signed, text_json};
use crate::store::backend::FORGOTTEN_AT_ONCE;
use crate::store::outcomes::without_rows;
use deadpool_postgres::Transaction;
use gwanje_ledger::{
    AlarmRef, AlarmWrite, Entry, LeftWrite, Moment, OutcomeWrite, Retention, RowWrite, Standing, Write,
};
use gwanje_model::{CenterId, Epoch, Status, Text, UtcMillis};
use gwanje_wire::Gone;
use std::sync::Arc;
use tokio_postgres::types::ToSql;

type Params<'a> = [&'a (dyn ToSql + Sync)];

async fn run(tx: &Transaction<'_>, sql: &str, params: &Params<'_>) -> Result<(), Failure> {
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, params).await?;
    Ok(())
}

/// Writes what a decision about a center leaves to write, in its order; adds what followers will be told to `changes`.
pub(super) async fn apply(
    tx: &Transaction<'_>,
    center: &CenterId,
    writes: Vec<Write>,
    now: Moment,
    changes: &mut Vec<Entry>,
) -> Result<(), Failure> {
    let wall = now.wall.0;
    let name = center.as_str();
    for write in writes {
        match write {
            Write::Row(write) => {
                row(tx, name, &write, now).await?;
                changes.push(Entry::Row(Arc::clone(&write.row), write.body.len()));
            }
            Write::Due(alarm) => {
                let AlarmRef { id, kind, raised_at } = alarm;
                let sql = "INSERT INTO due (id, kind, center, at) VALUES ($1, $2, $3, $4)";
                run(tx, sql, &[&signed(id.0), &kind.as_str(), &name, &raised_at.0]).await?;
            }
            Write::NotDue(alarm) => not_due(tx, alarm).await?,
            Write::Alarm(write) => raise(tx, name, &write, wall).await?,
            Write::Settled { alarm, seq } => {
                change(tx, name, alarm, "UPDATE alarm SET settled_at = $6, seq = $5", seq, wall).await?;
            }
            Write::Escalated { alarm, seq } => {
                change(tx, name, alarm, "UPDATE alarm SET escalated_at = $6, seq = $5", seq, wall).await?;
            }
            Write::Worded { alarm, seq, is_kept } => {
                let more = i64::from(!is_kept);
                change(tx, name, alarm, "UPDATE alarm SET more = more + $6, seq = $5", seq, more).await?;
            }
            Write::Receipt { alarm, by, stage } => {
                let sql = "INSERT INTO receipt (center, id, kind, raised_at, account, seat, stage, at) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                           ON CONFLICT (center, id, kind, raised_at, account, seat) \
                           DO UPDATE SET stage = excluded.stage, at = excluded.at";
                let AlarmRef { id, kind, raised_at } = alarm;
                let (account, seat) = (by.account.as_str(), by.seat.as_str());
                let params: &Params<'_> = &[
                    &name,
                    &signed(id.0),
                    &kind.as_str(),
                    &raised_at.0,
                    &account,
                    &seat,
                    &stage.as_str(),
                    &wall,
                ];
                run(tx, sql, params).await?;
            }
            Write::ReceiptGone { alarm, by } => {
                let sql = "DELETE FROM receipt WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4 \
                           AND account = $5 AND seat = $6";
                let AlarmRef { id, kind, raised_at } = alarm;
                let (account, seat) = (by.account.as_str(), by.seat.as_str());
                run(tx, sql, &[&name, &signed(id.0), &kind.as_str(), &raised_at.0, &account, &seat]).await?;
            }
            Write::Acknowledged { alarm, by } => {
                let sql = "UPDATE alarm SET acknowledged_by = $5, acknowledged_at = $6 \
                           WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4";
                let AlarmRef { id, kind, raised_at } = alarm;
                let by = by.as_str();
                run(tx, sql, &[&name, &signed(id.0), &kind.as_str(), &raised_at.0, &by, &wall]).await?;
            }
            Write::Left(write) => {
                left(tx, name, &write, now).await?;
                changes.push(Entry::Gone(Gone { id: write.row.id, rev: write.rev }));
            }
            Write::Floor(rev) => {
                let sql = "DELETE FROM tombstone WHERE center = $1 AND rev <= $2";
                run(tx, sql, &[&name, &signed(rev.0)]).await?;
            }
            Write::AlarmGone(alarm) => {
                let AlarmRef { id, kind, raised_at } = alarm;
                for sql in [
                    "DELETE FROM receipt WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4",
                    "DELETE FROM alarm WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4",
                ] {
                    run(tx, sql, &[&name, &signed(id.0), &kind.as_str(), &raised_at.0]).await?;
                }
            }
            Write::Outcome(write) => outcome(tx, name, &write, now).await?,
        }
    }
    Ok(())
}

/// Writes where a center stands after the decisions of a transaction at `wall`.
pub(super) async fn stand(
    tx: &Transaction<'_>,
    center: &CenterId,
    at: &Standing,
    wall: UtcMillis,
) -> Result<(), Failure> {
    let Standing { epoch, rev, rows, floor, alarm_seq, next_number } = at;
    let sql = "UPDATE center SET epoch = $2, rev = $3, count = $4, digest = $5, floor = $6, alarm_seq = $7, \
               next_number = $8, last_at = greatest(last_at, $9) WHERE id = $1";
    let params: &Params<'_> = &[
        &center.as_str(),
        &epoch.as_str(),
        &signed(rev.0),
        &signed(rows.count),
        &signed(rows.digest.0),
        &signed(floor.0),
        &signed(*alarm_seq),
        &signed(*next_number),
        &wall.0,
    ];
    run(tx, sql, params).await
}

async fn row(tx: &Transaction<'_>, center: &str, write: &RowWrite, now: Moment) -> Result<(), Failure> {
    let RowWrite { row, body, before: _, from, by, action, detail } = write;
    let (id, rev) = (signed(row.id.0), signed(row.rev.0));
    let body: &str = body;
    let sql = "INSERT INTO delivery (id, center, rev, status, rider, received_at, ended_at, body) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET \
               rev = excluded.rev, status = excluded.status, rider = excluded.rider, \
               ended_at = excluded.ended_at, body = excluded.body";
    let rider = row.rider.as_ref().map(|rider| rider.id.as_str());
    let ended_at = row.ended_at().map(|at| at.0);
    let status = row.status.as_str();
    run(tx, sql, &[&id, &center, &rev, &status, &rider, &row.received_at.0, &ended_at, &body]).await?;
    let sql = "INSERT INTO history (delivery, rev, center, at, by, action, from_status, to_status, detail, body, \
               wall) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let from = from.map(Status::as_str);
    let (by, detail, action): (&str, &str, &str) = (by.as_str(), detail.as_str(), action);
    let at = row.modified_at.0;
    let params: &Params<'_> =
        &[&id, &rev, &center, &at, &by, &action, &from, &status, &detail, &body, &now.wall.0];
    run(tx, sql, params).await
}

async fn not_due(tx: &Transaction<'_>, alarm: AlarmRef) -> Result<(), Failure> {
    let sql = "DELETE FROM due WHERE id = $1 AND kind = $2";
    run(tx, sql, &[&signed(alarm.id.0), &alarm.kind.as_str()]).await
}

async fn raise(tx: &Transaction<'_>, center: &str, write: &AlarmWrite, wall: i64) -> Result<(), Failure> {
    let AlarmWrite { alarm, seq, delivery, was, by } = write;
    not_due(tx, *alarm).await?;
    let sql = "INSERT INTO alarm (center, id, kind, raised_at, seq, body, at, was, by) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params: &Params<'_> = &[
        &center,
        &signed(alarm.id.0),
        &alarm.kind.as_str(),
        &alarm.raised_at.0,
        &signed(*seq),
        &text_json(delivery)?,
        &wall,
        &was.map(Status::as_str),
        &by.as_ref().map(Text::as_str),
    ];
    run(tx, sql, params).await
}

/// Changes an alarm under a new number: `$5` is the number, `$6` the value.
async fn change(
    tx: &Transaction<'_>,
    center: &str,
    alarm: AlarmRef,
    set: &str,
    seq: u64,
    value: i64,
) -> Result<(), Failure> {
    let AlarmRef { id, kind, raised_at } = alarm;
    let sql = format!("{set} WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4");
    run(tx, &sql, &[&center, &signed(id.0), &kind.as_str(), &raised_at.0, &signed(seq), &value]).await
}

async fn left(tx: &Transaction<'_>, center: &str, write: &LeftWrite, now: Moment) -> Result<(), Failure> {
    let LeftWrite { row, rev } = write;
    let (id, rev) = (signed(row.id.0), signed(rev.0));
    let status = row.status.as_str();
    let rider = row.rider.as_ref().map(|rider| rider.id.as_str());
    let sql =
        "INSERT INTO archive (id, center, status, rider, received_at, body) VALUES ($1, $2, $3, $4, $5, $6)";
    run(tx, sql, &[&id, &center, &status, &rider, &row.received_at.0, &text_json(&**row)?]).await?;
    run(tx, "DELETE FROM delivery WHERE id = $1", &[&id]).await?;
    let sql = "INSERT INTO tombstone (center, rev, id) VALUES ($1, $2, $3)";
    run(tx, sql, &[&center, &rev, &id]).await?;
    let sql = "INSERT INTO history (delivery, rev, center, at, by, action, from_status) \
               VALUES ($1, $2, $3, $4, 'system', 'archive', $5)";
    run(tx, sql, &[&id, &rev, &center, &now.day.0, &status]).await
}

async fn outcome(
    tx: &Transaction<'_>,
    center: &str,
    write: &OutcomeWrite,
    now: Moment,
) -> Result<(), Failure> {
    let OutcomeWrite { key, recorded } = write;
    let sql = "INSERT INTO outcome (account, center, key, path, body_hash, status, epoch, body, at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let hash: &[u8] = &recorded.body_hash;
    let body = without_rows(recorded);
    let body: &str = &body;
    let params: &Params<'_> = &[
        &key.account.as_str(),
        &center,
        &key.key.as_str(),
        &key.path.as_str(),
        &hash,
        &i32::from(recorded.status),
        &recorded.epoch.as_ref().map(Epoch::as_str),
        &body,
        &now.wall.0,
    ];
    run(tx, sql, params).await?;
    // Those that another node is forgetting just now are passed over.
    let sql = "DELETE FROM outcome WHERE ctid = ANY (ARRAY(SELECT ctid FROM outcome WHERE at < $1 ORDER BY at \
               LIMIT $2 FOR UPDATE SKIP LOCKED))";
    run(tx, sql, &[&Retention::at(now).outcomes_from.0, &FORGOTTEN_AT_ONCE]).await
}
