//! Writes what was decided: the one place where decisions become statements.

use super::failure::Failure;
use super::rows::{signed, text_json};
use crate::store::backend::FORGOTTEN_AT_ONCE;
use crate::store::outcomes::without_rows;
use deadpool_postgres::Transaction;
use futures_util::future::try_join;
use gwanje_ledger::{
    AlarmRef, AlarmWrite, Entry, LeftWrite, Moment, OutcomeWrite, Retention, RowWrite, Standing, Write,
};
use gwanje_model::{CenterId, DeliveryId, Epoch, Status, Text, UtcMillis};
use gwanje_wire::Gone;
use gwanje_wire::rest::AlarmKind;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::try_join;
use tokio_postgres::types::ToSql;

type Params<'a> = [&'a (dyn ToSql + Sync)];

async fn run(tx: &Transaction<'_>, sql: &str, params: &Params<'_>) -> Result<(), Failure> {
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, params).await?;
    Ok(())
}

/// Writes what decisions about a center leave to write, in their order; adds what followers will be told to `changes`. What
/// every command writes goes in one statement a table, for all of them: rows, then what else there is, then outcomes.
pub(super) async fn apply(
    tx: &Transaction<'_>,
    center: &CenterId,
    writes: Vec<Write>,
    now: Moment,
    changes: &mut Vec<Entry>,
) -> Result<(), Failure> {
    let name = center.as_str();
    let mut rows = Vec::new();
    let mut due = BTreeMap::new();
    let mut outcomes = Vec::new();
    let mut others = Vec::new();
    for write in writes {
        match write {
            Write::Row(write) => {
                changes.push(Entry::Row(Arc::clone(&write.row), write.body.len()));
                rows.push(write);
            }
            Write::Due(AlarmRef { id, kind, raised_at }) => _ = due.insert((id, kind), Some(raised_at)),
            Write::NotDue(AlarmRef { id, kind, .. }) => _ = due.insert((id, kind), None),
            Write::Alarm(write) => {
                due.insert((write.alarm.id, write.alarm.kind), None);
                others.push(Write::Alarm(write));
            }
            Write::Outcome(write) => outcomes.push(write),
            Write::Left(write) => {
                changes.push(Entry::Gone(Gone { id: write.row.id, rev: write.rev }));
                others.push(Write::Left(write));
            }
            other @ (Write::Settled { .. }
            | Write::Escalated { .. }
            | Write::Worded { .. }
            | Write::Receipt { .. }
            | Write::ReceiptGone { .. }
            | Write::Acknowledged { .. }
            | Write::Floor(_)
            | Write::AlarmGone(_)) => others.push(other),
        }
    }
    // None of them reads what another writes, so they go out in one trip.
    let others = async {
        for write in others {
            apply_one(tx, name, write, now).await?;
        }
        Ok(())
    };
    try_join!(
        write_rows(tx, name, &rows, now.wall),
        write_due(tx, name, &due),
        write_outcomes(tx, name, &outcomes, now),
        others
    )?;
    Ok(())
}

/// Writes what comes seldom, a statement or two each.
async fn apply_one(tx: &Transaction<'_>, name: &str, write: Write, now: Moment) -> Result<(), Failure> {
    let wall = now.wall.0;
    match write {
        // Gathered by the caller.
        Write::Row(_) | Write::Due(_) | Write::NotDue(_) | Write::Outcome(_) => Ok(()),
        Write::Alarm(write) => raise(tx, name, &write, wall).await,
        Write::Settled { alarm, seq } => {
            change(tx, name, alarm, "UPDATE alarm SET settled_at = $6, seq = $5", seq, wall).await
        }
        Write::Escalated { alarm, seq } => {
            change(tx, name, alarm, "UPDATE alarm SET escalated_at = $6, seq = $5", seq, wall).await
        }
        Write::Worded { alarm, seq, is_kept } => {
            let more = i64::from(!is_kept);
            change(tx, name, alarm, "UPDATE alarm SET more = more + $6, seq = $5", seq, more).await
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
            run(tx, sql, params).await
        }
        Write::ReceiptGone { alarm, by } => {
            let sql = "DELETE FROM receipt WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4 \
                       AND account = $5 AND seat = $6";
            let AlarmRef { id, kind, raised_at } = alarm;
            let (account, seat) = (by.account.as_str(), by.seat.as_str());
            run(tx, sql, &[&name, &signed(id.0), &kind.as_str(), &raised_at.0, &account, &seat]).await
        }
        Write::Acknowledged { alarm, by } => {
            let sql = "UPDATE alarm SET acknowledged_by = $5, acknowledged_at = $6 \
                       WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4";
            let AlarmRef { id, kind, raised_at } = alarm;
            let by = by.as_str();
            run(tx, sql, &[&name, &signed(id.0), &kind.as_str(), &raised_at.0, &by, &wall]).await
        }
        Write::Left(write) => left(tx, name, &write, now).await,
        Write::Floor(rev) => {
            let sql = "DELETE FROM tombstone WHERE center = $1 AND rev <= $2";
            run(tx, sql, &[&name, &signed(rev.0)]).await
        }
        Write::AlarmGone(alarm) => {
            let AlarmRef { id, kind, raised_at } = alarm;
            for sql in [
                "DELETE FROM receipt WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4",
                "DELETE FROM alarm WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4",
            ] {
                run(tx, sql, &[&name, &signed(id.0), &kind.as_str(), &raised_at.0]).await?;
            }
            Ok(())
        }
    }
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

/// A column of a statement that writes many rows.
fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Writes rows and their history. A statement writes a row once, as the last change leaves it.
async fn write_rows(
    tx: &Transaction<'_>,
    center: &str,
    writes: &[Box<RowWrite>],
    wall: UtcMillis,
) -> Result<(), Failure> {
    if writes.is_empty() {
        return Ok(());
    }
    let last: BTreeMap<i64, &RowWrite> =
        writes.iter().map(|write| (signed(write.row.id.0), &**write)).collect();
    let last: Vec<&RowWrite> = last.into_values().collect();
    let upsert = tx
        .prepare_cached(
            "INSERT INTO delivery (id, center, rev, status, rider, received_at, ended_at, body) \
             SELECT id, $1, rev, status, rider, received_at, ended_at, body FROM unnest($2::bigint[], \
             $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]) \
             AS rows (id, rev, status, rider, received_at, ended_at, body) ON CONFLICT (id) DO UPDATE SET \
             rev = excluded.rev, status = excluded.status, rider = excluded.rider, \
             ended_at = excluded.ended_at, body = excluded.body",
        )
        .await?;
    let insert = tx
        .prepare_cached(
            "INSERT INTO history (delivery, rev, center, at, by, action, from_status, to_status, detail, body, \
             wall) SELECT delivery, rev, $1, at, by, action, was, status, detail, body, $2 FROM \
             unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], \
             $10::text[], $11::text[]) AS rows (delivery, rev, at, by, action, was, status, detail, body)",
        )
        .await?;
    let rows: [&(dyn ToSql + Sync); 8] = [
        &center,
        &column(&last, |write| signed(write.row.id.0)),
        &column(&last, |write| signed(write.row.rev.0)),
        &column(&last, |write| write.row.status.as_str()),
        &column(&last, |write| write.row.rider.as_ref().map(|rider| rider.id.as_str())),
        &column(&last, |write| write.row.received_at.0),
        &column(&last, |write| write.row.ended_at().map(|at| at.0)),
        &column(&last, |write| &*write.body),
    ];
    let history: [&(dyn ToSql + Sync); 11] = [
        &center,
        &wall.0,
        &column(writes, |write| signed(write.row.id.0)),
        &column(writes, |write| signed(write.row.rev.0)),
        &column(writes, |write| write.row.modified_at.0),
        &column(writes, |write| write.by.as_str()),
        &column(writes, |write| write.action),
        &column(writes, |write| write.from.map(Status::as_str)),
        &column(writes, |write| write.row.status.as_str()),
        &column(writes, |write| write.detail.as_str()),
        &column(writes, |write| &*write.body),
    ];
    try_join(tx.execute(&upsert, &rows), tx.execute(&insert, &history)).await?;
    Ok(())
}

/// Writes what becomes an alarm, and when; none: it does no more.
async fn write_due(
    tx: &Transaction<'_>,
    center: &str,
    due: &BTreeMap<(DeliveryId, AlarmKind), Option<UtcMillis>>,
) -> Result<(), Failure> {
    if due.is_empty() {
        return Ok(());
    }
    let all: Vec<(i64, &str)> = due.keys().map(|(id, kind)| (signed(id.0), kind.as_str())).collect();
    let waiting: Vec<(i64, &str, i64)> =
        due.iter().filter_map(|((id, kind), at)| at.map(|at| (signed(id.0), kind.as_str(), at.0))).collect();
    let forget = tx
        .prepare_cached(
            "DELETE FROM due USING unnest($1::bigint[], $2::text[]) AS gone (id, kind) \
             WHERE due.id = gone.id AND due.kind = gone.kind",
        )
        .await?;
    let insert = tx
        .prepare_cached(
            "INSERT INTO due (id, kind, center, at) \
             SELECT id, kind, $1, at FROM unnest($2::bigint[], $3::text[], $4::bigint[]) AS rows (id, kind, at)",
        )
        .await?;
    let gone: [&(dyn ToSql + Sync); 2] = [&column(&all, |due| due.0), &column(&all, |due| due.1)];
    let rows: [&(dyn ToSql + Sync); 4] = [
        &center,
        &column(&waiting, |due| due.0),
        &column(&waiting, |due| due.1),
        &column(&waiting, |due| due.2),
    ];
    try_join(tx.execute(&forget, &gone), tx.execute(&insert, &rows)).await?;
    Ok(())
}

async fn raise(tx: &Transaction<'_>, center: &str, write: &AlarmWrite, wall: i64) -> Result<(), Failure> {
    let AlarmWrite { alarm, seq, delivery, was, by } = write;
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

/// Writes outcomes, and forgets some that nobody asks for any more.
async fn write_outcomes(
    tx: &Transaction<'_>,
    center: &str,
    writes: &[Box<OutcomeWrite>],
    now: Moment,
) -> Result<(), Failure> {
    if writes.is_empty() {
        return Ok(());
    }
    let insert = tx
        .prepare_cached(
            "INSERT INTO outcome (account, center, key, path, body_hash, status, epoch, body, at) \
             SELECT account, $1, key, path, body_hash, status, epoch, body, $2 FROM unnest($3::text[], \
             $4::text[], $5::text[], $6::bytea[], $7::integer[], $8::text[], $9::text[]) \
             AS rows (account, key, path, body_hash, status, epoch, body)",
        )
        .await?;
    // Those that another node is forgetting just now are passed over.
    let forget = tx
        .prepare_cached(
            "DELETE FROM outcome WHERE ctid = ANY (ARRAY(SELECT ctid FROM outcome WHERE at < $1 ORDER BY at \
             LIMIT $2 FOR UPDATE SKIP LOCKED))",
        )
        .await?;
    let bodies = column(writes, |write| without_rows(&write.recorded));
    let rows: [&(dyn ToSql + Sync); 9] = [
        &center,
        &now.wall.0,
        &column(writes, |write| write.key.account.as_str()),
        &column(writes, |write| write.key.key.as_str()),
        &column(writes, |write| write.key.path.as_str()),
        &column(writes, |write| write.recorded.body_hash.as_slice()),
        &column(writes, |write| i32::from(write.recorded.status)),
        &column(writes, |write| write.recorded.epoch.as_ref().map(Epoch::as_str)),
        &column(&bodies, |body| &**body),
    ];
    let old: [&(dyn ToSql + Sync); 2] = [&Retention::at(now).outcomes_from.0, &FORGOTTEN_AT_ONCE];
    try_join(tx.execute(&insert, &rows), tx.execute(&forget, &old)).await?;
    Ok(())
}
