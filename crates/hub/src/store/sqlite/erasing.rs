//! Erases a customer from a center, and the file from what was overwritten.

use super::apply::apply;
use super::writer::{Batch, unsigned};
use crate::store::Erased;
use gwanje_ledger::Erasure;
use gwanje_model::{CenterId, Delivery, DeliveryId, Text};
use rusqlite::{Connection, ToSql, params};
use std::borrow::Cow;

/// Erases it from live rows under revisions of their own, from all that is past in place.
pub(super) fn erase(
    batch: &mut Batch<'_>,
    center: &CenterId,
    mut erasure: Erasure,
    by: &Text,
) -> rusqlite::Result<Erased> {
    let (db, day) = (batch.db(), batch.now.day);
    find_own(db, center, &mut erasure)?;
    let mut rows = Vec::new();
    each(db, "SELECT id, body FROM delivery WHERE center = ?1 ORDER BY rev", &[&center.as_str()], |row| {
        let (id, body) = (DeliveryId(unsigned(row.get(0)?)), row.get_ref(1)?.as_str()?);
        if erasure.deliveries().contains(&id) || erasure.may_be_in(body) {
            let live: Delivery = super::json(row, 1)?;
            rows.extend(erasure.row(&live).map(|erased| (Cow::<'static, Delivery>::Owned(live), erased)));
        }
        Ok(())
    })?;
    let Some(staged) = batch.center(center)? else { return Ok(Erased::default()) };
    let writes = gwanje_ledger::erase(&mut staged.standing, rows, by, day).map_err(super::unwritable)?;
    let told = writes.len();
    apply(batch, center, writes)?;
    let records = past(db, center, &erasure)?;
    Ok(Erased { deliveries: own_here(db, center, &erasure)?, told, records })
}

fn each(
    db: &Connection,
    sql: &str,
    params: &[&dyn ToSql],
    mut take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// Takes note of the deliveries that are the customer's in any of their states.
fn find_own(db: &Connection, center: &CenterId, erasure: &mut Erasure) -> rusqlite::Result<()> {
    for sql in [
        "SELECT id, body FROM delivery WHERE center = ?1",
        "SELECT id, body FROM archive WHERE center = ?1",
        "SELECT delivery, body FROM history WHERE center = ?1 AND body IS NOT NULL",
    ] {
        each(db, sql, &[&center.as_str()], |row| {
            if erasure.owns(row.get_ref(1)?.as_str()?) {
                erasure.add(DeliveryId(unsigned(row.get(0)?)));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// How many of the customer's deliveries are this center's.
fn own_here(db: &Connection, center: &CenterId, erasure: &Erasure) -> rusqlite::Result<usize> {
    let mut own = 0;
    for id in erasure.deliveries() {
        own += usize::from(super::read::any_row(db, center, *id)?.is_some());
    }
    Ok(own)
}

/// Erases it from history, rows that left the board, alarms, outcomes; from how many records.
fn past(db: &Connection, center: &CenterId, erasure: &Erasure) -> rusqlite::Result<usize> {
    let name = center.as_str();
    let mut history: Vec<(i64, i64, Option<String>, Option<String>)> = Vec::new();
    let sql = "SELECT delivery, rev, action, detail, body FROM history WHERE center = ?1";
    each(db, sql, &[&name], |row| {
        let (delivery, rev): (i64, i64) = (row.get(0)?, row.get(1)?);
        let id = DeliveryId(unsigned(delivery));
        let body = row.get_ref(4)?.as_str_or_null()?.and_then(|body| erasure.body(id, body));
        let detail = erasure.detail(id, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        if body.is_some() || detail.is_some() {
            history.push((delivery, rev, body, detail));
        }
        Ok(())
    })?;
    for (delivery, rev, body, detail) in &history {
        db.prepare_cached(
            "UPDATE history SET body = coalesce(?3, body), detail = coalesce(?4, detail) \
             WHERE delivery = ?1 AND rev = ?2",
        )?
        .execute(params![delivery, rev, body, detail])?;
    }
    let mut archive: Vec<(i64, String)> = Vec::new();
    each(db, "SELECT id, body FROM archive WHERE center = ?1", &[&name], |row| {
        let id: i64 = row.get(0)?;
        let body = erasure.body(DeliveryId(unsigned(id)), row.get_ref(1)?.as_str()?);
        archive.extend(body.map(|body| (id, body)));
        Ok(())
    })?;
    for (id, body) in &archive {
        db.prepare_cached("UPDATE archive SET body = ?2 WHERE id = ?1")?.execute(params![id, body])?;
    }
    let mut alarms: Vec<(i64, String)> = Vec::new();
    each(db, "SELECT seq, id, body FROM alarm WHERE center = ?1 AND body IS NOT NULL", &[&name], |row| {
        let body = erasure.body(DeliveryId(unsigned(row.get(1)?)), row.get_ref(2)?.as_str()?);
        alarms.extend(body.map(|body| row.get(0).map(|seq| (seq, body))).transpose()?);
        Ok(())
    })?;
    for (seq, body) in &alarms {
        db.prepare_cached("UPDATE alarm SET body = ?3 WHERE center = ?1 AND seq = ?2")?
            .execute(params![name, seq, body])?;
    }
    let mut outcomes: Vec<(String, String, String, String)> = Vec::new();
    each(db, "SELECT account, key, path, body FROM outcome WHERE center = ?1", &[&name], |row| {
        if let Some(body) = erasure.answer(row.get_ref(3)?.as_str()?) {
            outcomes.push((row.get(0)?, row.get(1)?, row.get(2)?, body));
        }
        Ok(())
    })?;
    for (account, key, path, body) in &outcomes {
        db.prepare_cached(
            "UPDATE outcome SET body = ?5 WHERE account = ?1 AND center = ?2 AND key = ?3 AND path = ?4",
        )?
        .execute(params![account, name, key, path, body])?;
    }
    Ok(history.len() + archive.len() + alarms.len() + outcomes.len())
}

/// Erases it from what accounts keep for themselves.
pub(super) fn beside(db: &Connection, erasure: &Erasure) -> rusqlite::Result<usize> {
    let mut kept: Vec<(String, String, String)> = Vec::new();
    each(db, "SELECT account, key, body FROM preference", &[], |row| {
        if let Some(body) = erasure.json(row.get_ref(2)?.as_str()?) {
            kept.push((row.get(0)?, row.get(1)?, body));
        }
        Ok(())
    })?;
    for (account, key, body) in &kept {
        db.prepare_cached("UPDATE preference SET body = ?3 WHERE account = ?1 AND key = ?2")?
            .execute(params![account, key, body])?;
    }
    Ok(kept.len())
}
