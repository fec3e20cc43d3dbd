//! What seats say of alarms: loaded with what it is measured by, and written as the ledger takes it.

use super::super::apply::apply;
use super::super::read;
use super::super::writer::{Batch, signed};
use super::stage;
use gwanje_ledger::{AlarmRef, AlarmSubject, LoadedAlarm, Signature, WordRefused, receive};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::rest::{RECEIPTS_OF_ACCOUNT, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use rusqlite::{Connection, OptionalExtension, params};

/// Takes a seat's word on an alarm.
pub(in crate::store::sqlite) fn record(
    batch: &mut Batch<'_>,
    center: &CenterId,
    receipt: &AlarmReceipt,
    by: &Signature,
) -> rusqlite::Result<Result<(), WordRefused>> {
    let AlarmReceipt { id, kind, raised_at, stage: _ } = *receipt;
    let (db, now) = (batch.db(), batch.now);
    let Some(staged) = batch.center(center)? else { return Ok(Err(WordRefused::NoAlarm)) };
    let found = load(db, center, AlarmRef { id, kind, raised_at }, by)?;
    match receive(&mut staged.standing, &found, receipt, by, now) {
        Ok(writes) => apply(batch, center, writes).map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

/// What is looked at when that seat gives word on that alarm.
fn load(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    by: &Signature,
) -> rusqlite::Result<LoadedAlarm> {
    let acknowledged: Option<bool> = db
        .prepare_cached(
            "SELECT acknowledged_at IS NOT NULL FROM alarm \
             WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        )?
        .query_row(
            params![center.as_str(), signed(alarm.id.0), alarm.kind.as_str(), alarm.raised_at.0],
            |row| row.get(0),
        )
        .optional()?;
    let subject = if acknowledged.is_some() { AlarmSubject::Unknown } else { subject(db, center, alarm)? };
    let given = given(db, center, alarm, by)?;
    let kept = if given.is_some() { (0, 0) } else { kept(db, center, alarm, by)? };
    let oldest = if kept.0 < RECEIPTS_OF_ACCOUNT { None } else { oldest(db, center, alarm, by)? };
    Ok(LoadedAlarm { acknowledged, subject, given, kept, oldest })
}

fn subject(db: &Connection, center: &CenterId, alarm: AlarmRef) -> rusqlite::Result<AlarmSubject> {
    if let Some(row) = read::live_row(db, center, alarm.id)? {
        return Ok(AlarmSubject::Live(Box::new(row)));
    }
    let is_known = read::any_row(db, center, alarm.id)?.is_some();
    Ok(if is_known { AlarmSubject::Left } else { AlarmSubject::Unknown })
}

/// How far that seat has come.
fn given(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    by: &Signature,
) -> rusqlite::Result<Option<ReceiptStage>> {
    db.prepare_cached(
        "SELECT stage FROM receipt \
         WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 AND account = ?5 AND seat = ?6",
    )?
    .query_row(
        params![
            center.as_str(),
            signed(alarm.id.0),
            alarm.kind.as_str(),
            alarm.raised_at.0,
            by.account.as_str(),
            by.seat.as_str()
        ],
        |row| stage(row, 0),
    )
    .optional()
}

/// How many words are kept: of this account's seats, and of all.
fn kept(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    by: &Signature,
) -> rusqlite::Result<(usize, usize)> {
    let (of_account, of_alarm): (i64, i64) = db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE account = ?5), count(*) FROM receipt \
             WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        )?
        .query_row(
            params![
                center.as_str(),
                signed(alarm.id.0),
                alarm.kind.as_str(),
                alarm.raised_at.0,
                by.account.as_str()
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    let count = |count: i64| usize::try_from(count).unwrap_or(usize::MAX);
    Ok((count(of_account), count(of_alarm)))
}

/// The seat of this account whose word is the oldest.
fn oldest(
    db: &Connection,
    center: &CenterId,
    alarm: AlarmRef,
    by: &Signature,
) -> rusqlite::Result<Option<SeatId>> {
    db.prepare_cached(
        "SELECT seat FROM receipt WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 \
         AND account = ?5 ORDER BY at, seat LIMIT 1",
    )?
    .query_row(
        params![
            center.as_str(),
            signed(alarm.id.0),
            alarm.kind.as_str(),
            alarm.raised_at.0,
            by.account.as_str()
        ],
        |row| Ok(SeatId::from(row.get::<_, String>(0)?)),
    )
    .optional()
}
