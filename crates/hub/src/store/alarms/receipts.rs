//! What seats say of alarms: signed by account and seat, bounded, never going back.

use super::super::writer::{Batch, signed};
use super::super::{Store, StoreError, read};
use super::{Key, Signature, due, stage};
use gwanje_model::{CenterId, UtcMillis};
use gwanje_wire::rest::{AlarmKind, RECEIPTS_OF_ACCOUNT, RECEIPTS_OF_ALARM, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use rusqlite::{Connection, OptionalExtension, params};

impl Store {
    /// Takes a seat's word on an alarm. A word on one that is due writes it, if nobody has yet; only a further stage
    /// changes anything.
    ///
    /// # Errors
    /// When there is no such delivery, its alarm is not due, or nothing could be written.
    pub async fn record_receipt(
        &self,
        center: &CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<(), StoreError> {
        let center = center.clone();
        self.write(move |batch| record(batch, &center, &receipt, &by)).await?
    }
}

fn record(
    batch: &mut Batch<'_>,
    center: &CenterId,
    receipt: &AlarmReceipt,
    by: &Signature,
) -> rusqlite::Result<Result<(), StoreError>> {
    let AlarmReceipt { id, kind, raised_at, stage } = *receipt;
    let key = Key { id, kind, raised_at };
    let db = batch.db();
    if batch.center(center)?.is_none() {
        return Ok(Err(StoreError::NoAlarm { center: center.clone(), id }));
    }
    let acknowledged: Option<bool> = db
        .prepare_cached(
            "SELECT acknowledged_at IS NOT NULL FROM alarm \
             WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        )?
        .query_row(params![center.as_str(), signed(id.0), kind.as_str(), raised_at.0], |row| row.get(0))
        .optional()?;
    if acknowledged.is_none()
        && let Err(refused) = write_early(batch, center, key)?
    {
        return Ok(Err(refused));
    }
    let before = given(db, center, key, by)?;
    if before.is_some_and(|before| before >= stage) {
        return Ok(Ok(()));
    }
    let is_kept = before.is_some() || has_room(db, center, key, by)?;
    if is_kept {
        keep(db, center, key, by, stage, batch.wall)?;
    }
    let first = stage == ReceiptStage::Acknowledged && acknowledged != Some(true);
    if first {
        db.prepare_cached(
            "UPDATE alarm SET acknowledged_by = ?5, acknowledged_at = ?6 \
             WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        )?
        .execute(params![
            center.as_str(),
            signed(id.0),
            kind.as_str(),
            raised_at.0,
            by.account.as_str(),
            batch.wall.0
        ])?;
    }
    let more = i64::from(!is_kept);
    due::change(batch, center, key, "UPDATE alarm SET more = more + ?6, seq = ?5", more)?;
    Ok(Ok(()))
}

/// A word on an alarm that is not written: it is, if it is due.
fn write_early(
    batch: &mut Batch<'_>,
    center: &CenterId,
    key: Key,
) -> rusqlite::Result<Result<(), StoreError>> {
    let not_due = StoreError::NotDue { kind: key.kind.as_str(), id: key.id };
    if key.kind == AlarmKind::Unproven {
        return Ok(Err(not_due));
    }
    let Some(row) = read::live_row(batch.db(), center, key.id)? else {
        let known = read::any_row(batch.db(), center, key.id)?.is_some();
        let no_alarm = StoreError::NoAlarm { center: center.clone(), id: key.id };
        return Ok(Err(if known { not_due } else { no_alarm }));
    };
    if !due::is_due(&row, key, batch.day) {
        return Ok(Err(not_due));
    }
    due::write(batch, center, &row, key, Some(row.status), None)?;
    Ok(Ok(()))
}

/// How far that seat has come.
fn given(
    db: &Connection,
    center: &CenterId,
    key: Key,
    by: &Signature,
) -> rusqlite::Result<Option<ReceiptStage>> {
    db.prepare_cached(
        "SELECT stage FROM receipt \
         WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 AND account = ?5 AND seat = ?6",
    )?
    .query_row(
        params![
            center.as_str(),
            signed(key.id.0),
            key.kind.as_str(),
            key.raised_at.0,
            by.account.as_str(),
            by.seat.as_str()
        ],
        |row| stage(row, 0),
    )
    .optional()
}

/// Whether another seat's word is kept: in an account's last place it takes that of the oldest.
fn has_room(db: &Connection, center: &CenterId, key: Key, by: &Signature) -> rusqlite::Result<bool> {
    let (of_account, of_alarm): (i64, i64) = db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE account = ?5), count(*) FROM receipt \
             WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
        )?
        .query_row(
            params![
                center.as_str(),
                signed(key.id.0),
                key.kind.as_str(),
                key.raised_at.0,
                by.account.as_str()
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    let full = |count: i64, most: usize| usize::try_from(count).is_ok_and(|count| count >= most);
    if !full(of_account, RECEIPTS_OF_ACCOUNT) {
        return Ok(!full(of_alarm, RECEIPTS_OF_ALARM));
    }
    let oldest: String = db
        .prepare_cached(
            "SELECT seat FROM receipt WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 \
             AND account = ?5 ORDER BY at, seat LIMIT 1",
        )?
        .query_row(
            params![
                center.as_str(),
                signed(key.id.0),
                key.kind.as_str(),
                key.raised_at.0,
                by.account.as_str()
            ],
            |row| row.get(0),
        )?;
    db.prepare_cached(
        "DELETE FROM receipt \
         WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 AND account = ?5 AND seat = ?6",
    )?
    .execute(params![
        center.as_str(),
        signed(key.id.0),
        key.kind.as_str(),
        key.raised_at.0,
        by.account.as_str(),
        oldest
    ])?;
    Ok(true)
}

fn keep(
    db: &Connection,
    center: &CenterId,
    key: Key,
    by: &Signature,
    stage: ReceiptStage,
    at: UtcMillis,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO receipt (center, id, kind, raised_at, account, seat, stage, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (center, id, kind, raised_at, account, seat) \
         DO UPDATE SET stage = excluded.stage, at = excluded.at",
    )?
    .execute(params![
        center.as_str(),
        signed(key.id.0),
        key.kind.as_str(),
        key.raised_at.0,
        by.account.as_str(),
        by.seat.as_str(),
        stage.as_str(),
        at.0
    ])?;
    Ok(())
}
