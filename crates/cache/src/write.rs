//! Writing: batches of any centers in one transaction.

use crate::batch::{CacheBatch, CachedAlarm, CachedOwn, CachedRow};
use crate::drafts::{self, DraftChanges};
use crate::error::{CacheError, sorted};
use crate::open::Cache;
use crate::row::{MAX_CENTER_NO, checksum, key, keys};
use gwanje_model::{CenterId, DeliveryId, Rev};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

/// Why a batch could not be written.
enum Failed {
    Sql(rusqlite::Error),
    Body(serde_json::Error),
    TooManyCenters,
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Failed {
    fn from(error: serde_json::Error) -> Self {
        Self::Body(error)
    }
}

impl Cache {
    /// Writes batches, all of them or none.
    ///
    /// # Errors
    /// When the disk is full, the file is damaged, or the like; nothing of them is written then.
    pub fn write(&mut self, batches: &[CacheBatch]) -> Result<(), CacheError> {
        self.write_with_drafts(batches, &DraftChanges::new())
    }

    /// Writes batches and drafts, all of them or none. A draft that is too long is left out; beyond [`crate::MAX_DRAFTS`]
    /// the oldest go.
    ///
    /// # Errors
    /// When the disk is full, the file is damaged, or the like; nothing of them is written then.
    pub fn write_with_drafts(
        &mut self,
        batches: &[CacheBatch],
        drafts: &DraftChanges,
    ) -> Result<(), CacheError> {
        self.transaction("the writing", |transaction| {
            // One buffer for all bodies of the transaction.
            let mut body = Vec::with_capacity(2_048);
            batches.iter().try_for_each(|batch| write_batch(transaction, batch, &mut body))?;
            Ok(drafts::write(transaction, drafts)?)
        })
    }

    /// Removes all that is known of a center.
    ///
    /// # Errors
    /// When the disk is full, the file is damaged, or the like.
    pub fn wipe(&mut self, center: &CenterId) -> Result<(), CacheError> {
        self.transaction("the wiping", |transaction| {
            drafts::wipe(transaction, center)?;
            let Some(no) = find_center(transaction, center)? else { return Ok(()) };
            remove_rows(transaction, no)?;
            for table in ["alarms", "commands", "names", "own"] {
                transaction.execute(&format!("DELETE FROM {table} WHERE center = ?1"), [no])?;
            }
            transaction.execute("DELETE FROM centers WHERE no = ?1", [no])?;
            Ok(())
        })
    }

    /// Keeps a setting.
    ///
    /// # Errors
    /// When the disk is full, the file is damaged, or the like.
    pub fn set_setting(&mut self, key: &str, value: &str) -> Result<(), CacheError> {
        self.transaction("the writing", |transaction| {
            transaction.execute(
                "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
                [key, value],
            )?;
            Ok(())
        })
    }

    fn transaction(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<(), Failed>,
    ) -> Result<(), CacheError> {
        let run = || {
            // Immediate: one that began by reading would be refused at once, without waiting, where another process has
            // just moved the journal into the file.
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        };
        run().map_err(|failed: Failed| match failed {
            Failed::Sql(error) => sorted(doing, &self.path, &error),
            Failed::Body(error) => {
                CacheError::NotNow { doing, path: self.path.clone(), why: error.to_string() }
            }
            Failed::TooManyCenters => CacheError::NotNow {
                doing,
                path: self.path.clone(),
                why: format!("more than {MAX_CENTER_NO} centers"),
            },
        })
    }
}

fn write_batch(transaction: &Transaction<'_>, batch: &CacheBatch, body: &mut Vec<u8>) -> Result<(), Failed> {
    let no = match find_center(transaction, &batch.center)? {
        Some(no) => no,
        None => add_center(transaction, &batch.center)?,
    };
    if batch.replace {
        remove_rows(transaction, no)?;
    } else {
        let mut remove = transaction.prepare_cached("DELETE FROM rows WHERE key = ?1")?;
        for key in batch.removes.iter().filter_map(|id| key(no, *id)) {
            remove.execute([key])?;
        }
    }
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO rows (key, rev, checksum, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET rev = excluded.rev, checksum = excluded.checksum, body = excluded.body",
    )?;
    for row in &batch.upserts {
        let Some(key) = key(no, row.id) else { continue };
        let text = body_of(row, body)?;
        upsert.execute(params![key, sql(row.rev), checksum(key, row.rev, text.map(str::as_bytes)), text])?;
    }
    for alarm in &batch.alarms {
        write_alarm(transaction, no, alarm, body)?;
    }
    write_commands(transaction, no, batch)?;
    write_own(transaction, no, batch)?;
    write_names(transaction, no, batch)?;
    let mut center = transaction.prepare_cached(
        "UPDATE centers SET count = ?2, digest = ?3, epoch = coalesce(?4, epoch), rev = coalesce(?5, rev),
             alarm_seq = coalesce(?6, alarm_seq), proven_at = coalesce(?7, proven_at),
             skipped_after = coalesce(?8, skipped_after), skipped_by = coalesce(?9, skipped_by) WHERE no = ?1",
    )?;
    center.execute(params![
        no,
        batch.rows.count.cast_signed(),
        batch.rows.digest.0.cast_signed(),
        batch.cursor.as_ref().map(|cursor| cursor.epoch.as_str()),
        batch.cursor.as_ref().map(|cursor| sql(cursor.rev)),
        batch.alarm_seq.map(u64::cast_signed),
        batch.proven_at.map(|at| at.0),
        batch.alarms_skipped.as_ref().map(|skip| skip.after.cast_signed()),
        batch.alarms_skipped.as_ref().map(|skip| skip.reader.as_str()),
    ])?;
    Ok(())
}

fn write_alarm(
    transaction: &Transaction<'_>,
    no: i64,
    alarm: &CachedAlarm,
    body: &mut Vec<u8>,
) -> Result<(), Failed> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO alarms (center, id, kind, raised_at, stage, row_rev, body, at_hub, lost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT DO UPDATE SET stage = excluded.stage, row_rev = excluded.row_rev, body = excluded.body,
             at_hub = excluded.at_hub, lost = excluded.lost",
    )?;
    let text = alarm.row.as_ref().map(|row| body_of(row, body)).transpose()?.flatten();
    upsert.execute(params![
        no,
        alarm.id.0.cast_signed(),
        alarm.kind.as_str(),
        alarm.raised_at.0,
        alarm.stage.as_str(),
        alarm.row.as_ref().map_or(-1, |row| sql(row.rev)),
        text,
        alarm.at_hub.as_str(),
        alarm.lost,
    ])?;
    Ok(())
}

fn write_commands(transaction: &Transaction<'_>, no: i64, batch: &CacheBatch) -> rusqlite::Result<()> {
    let mut begin = transaction.prepare_cached(
        "INSERT INTO commands (center, key, delivery, action, clicked_at, batch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
    )?;
    for command in &batch.commands {
        begin.execute(params![
            no,
            command.key.as_str(),
            command.delivery.map_or(-1, |id| id.0.cast_signed()),
            command.action.as_str(),
            command.clicked_at.0,
            ids_text(&command.batch),
        ])?;
    }
    let mut settle = transaction.prepare_cached("DELETE FROM commands WHERE center = ?1 AND key = ?2")?;
    for key in &batch.settled {
        settle.execute(params![no, key.as_str()])?;
    }
    Ok(())
}

fn ids_text(ids: &[DeliveryId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn write_own(transaction: &Transaction<'_>, no: i64, batch: &CacheBatch) -> rusqlite::Result<()> {
    let mut keep = transaction.prepare_cached(
        "INSERT INTO own (center, delivery, raised_at, done) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET raised_at = excluded.raised_at, done = excluded.done",
    )?;
    let mut forget = transaction.prepare_cached("DELETE FROM own WHERE center = ?1 AND delivery = ?2")?;
    for CachedOwn { id, done, alarm } in &batch.own {
        let id = id.0.cast_signed();
        if *done || alarm.is_some() {
            keep.execute(params![no, id, alarm.map(|at| at.0), i64::from(*done)])?;
        } else {
            forget.execute([no, id])?;
        }
    }
    Ok(())
}

fn write_names(transaction: &Transaction<'_>, no: i64, batch: &CacheBatch) -> rusqlite::Result<()> {
    let mut name = transaction.prepare_cached(
        "INSERT INTO names (center, id, name, left_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET name = excluded.name, left_at = excluded.left_at",
    )?;
    for named in &batch.names {
        let left_at = named.left_at.map(|at| at.0);
        name.execute(params![no, named.id.0.cast_signed(), named.name.as_str(), left_at])?;
    }
    let mut forget = transaction.prepare_cached("DELETE FROM names WHERE center = ?1 AND id = ?2")?;
    for id in &batch.unnamed {
        forget.execute(params![no, id.0.cast_signed()])?;
    }
    Ok(())
}

fn remove_rows(transaction: &Transaction<'_>, no: i64) -> rusqlite::Result<()> {
    let keys = keys(no);
    transaction
        .prepare_cached("DELETE FROM rows WHERE key BETWEEN ?1 AND ?2")?
        .execute([keys.start(), keys.end()])?;
    Ok(())
}

pub(crate) fn find_center(db: &rusqlite::Connection, center: &CenterId) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT no FROM centers WHERE center = ?1")?
        .query_row([center.as_str()], |row| row.get(0))
        .optional()
}

/// The lowest free number, so that a thousand comings and goings don't use numbers up.
fn add_center(transaction: &Transaction<'_>, center: &CenterId) -> Result<i64, Failed> {
    let no: i64 = transaction.query_row(
        "SELECT coalesce(min(free), 1) FROM (
             SELECT no + 1 AS free FROM centers UNION SELECT 1) WHERE free NOT IN (SELECT no FROM centers)",
        [],
        |row| row.get(0),
    )?;
    if no > MAX_CENTER_NO {
        return Err(Failed::TooManyCenters);
    }
    transaction
        .prepare_cached("INSERT INTO centers (no, center) VALUES (?1, ?2)")?
        .execute(params![no, center.as_str()])?;
    Ok(no)
}

/// A row's body as JSON text, written into `buffer`.
fn body_of<'a>(row: &CachedRow, buffer: &'a mut Vec<u8>) -> Result<Option<&'a str>, serde_json::Error> {
    let Some(delivery) = &row.delivery else { return Ok(None) };
    buffer.clear();
    serde_json::to_writer(&mut *buffer, delivery)?;
    std::str::from_utf8(buffer).map(Some).map_err(serde::ser::Error::custom)
}

fn sql(rev: Rev) -> i64 {
    rev.0.cast_signed()
}
