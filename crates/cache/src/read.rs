//! Reading a center back.

use crate::batch::{CacheCursor, CachedAlarm, CachedCommand, CachedName, CachedOwn, CachedRow, CachedSkip};
use crate::error::{CacheError, sorted};
use crate::open::Cache;
use crate::row::{checksum, id_of, keys};
use crate::write::find_center;
use gwanje_model::digest::DigestSum;
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, RowDigest, Text, UtcMillis};
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;

/// What is known of a center.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Its rows whose content fits their checksum. One that doesn't is left out: the digest then lacks it, and the next
    /// proof fetches it again.
    pub rows: Vec<CachedRow>,
    /// How many were left out.
    pub damaged: usize,
    /// Its cursor; none: there never was one.
    pub cursor: Option<CacheCursor>,
    /// Count and digest at that cursor, as they were written.
    pub digest: RowDigest,
    /// Its alarms.
    pub alarms: Vec<CachedAlarm>,
    /// The alarm sequence read so far; none: never.
    pub alarm_seq: Option<u64>,
    /// The last proof (wall clock).
    pub proven_at: Option<UtcMillis>,
    /// Alarms that some version could not read.
    pub alarms_skipped: Option<CachedSkip>,
    /// Commands whose outcome was not known, oldest first.
    pub commands: Vec<CachedCommand>,
    /// Cancellations of its own.
    pub own: Vec<CachedOwn>,
    /// What a foreign server calls its deliveries.
    pub names: Vec<CachedName>,
}

/// A center's line.
pub(crate) struct CenterLine {
    epoch: String,
    rev: i64,
    pub(crate) digest: RowDigest,
    alarm_seq: i64,
    proven_at: i64,
    skipped_after: i64,
    skipped_by: String,
}

impl Cache {
    /// Reads a center; none: nothing is known of it. One consistent read.
    ///
    /// # Errors
    /// When the file is damaged or can't be read.
    pub fn load(&mut self, center: &CenterId) -> Result<Option<Loaded>, CacheError> {
        load(&mut self.db, center).map_err(|error| sorted("the reading", &self.path, &error))
    }

    /// The centers that something is known of.
    ///
    /// # Errors
    /// When the file is damaged or can't be read.
    pub fn centers(&self) -> Result<Vec<CenterId>, CacheError> {
        let read = || {
            let mut query = self.db.prepare_cached("SELECT center FROM centers ORDER BY center")?;
            query.query_map([], |row| Ok(CenterId::from(row.get::<_, String>(0)?)))?.collect::<Result<_, _>>()
        };
        read().map_err(|error: rusqlite::Error| sorted("the reading", &self.path, &error))
    }

    /// A setting.
    ///
    /// # Errors
    /// When the file is damaged or can't be read.
    pub fn setting(&self, key: &str) -> Result<Option<String>, CacheError> {
        self.db
            .query_row("SELECT value FROM settings WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|error| sorted("the reading", &self.path, &error))
    }
}

fn load(db: &mut Connection, center: &CenterId) -> rusqlite::Result<Option<Loaded>> {
    let read = db.transaction()?;
    let Some(no) = find_center(&read, center)? else { return Ok(None) };
    let line = center_line(&read, no)?;
    let mut loaded = Loaded {
        rows: Vec::with_capacity(usize::try_from(line.digest.count).unwrap_or(0).min(1 << 20)),
        damaged: 0,
        cursor: (!line.epoch.is_empty())
            .then(|| CacheCursor { epoch: Epoch::from(line.epoch), rev: Rev(line.rev.cast_unsigned()) }),
        digest: line.digest,
        alarms: alarms(&read, no)?,
        alarm_seq: u64::try_from(line.alarm_seq).ok(),
        proven_at: (line.proven_at != 0).then_some(UtcMillis(line.proven_at)),
        alarms_skipped: u64::try_from(line.skipped_after)
            .ok()
            .map(|after| CachedSkip { after, reader: Text::from(line.skipped_by) }),
        commands: commands(&read, no)?,
        own: own(&read, no)?,
        names: names(&read, no)?,
    };
    each_row(&read, no, |key, rev, sum, body| {
        match intact(key, rev, sum, body) {
            Some(row) => loaded.rows.push(row),
            None => loaded.damaged += 1,
        }
        Ok(())
    })?;
    Ok(Some(loaded))
}

pub(crate) fn center_line(db: &Connection, no: i64) -> rusqlite::Result<CenterLine> {
    let query =
        "SELECT epoch, rev, count, digest, alarm_seq, proven_at, skipped_after, skipped_by FROM centers
         WHERE no = ?1";
    db.prepare_cached(query)?.query_row([no], |row| {
        Ok(CenterLine {
            epoch: row.get(0)?,
            rev: row.get(1)?,
            digest: RowDigest {
                count: row.get::<_, i64>(2)?.cast_unsigned(),
                digest: DigestSum(row.get::<_, i64>(3)?.cast_unsigned()),
            },
            alarm_seq: row.get(4)?,
            proven_at: row.get(5)?,
            skipped_after: row.get(6)?,
            skipped_by: row.get(7)?,
        })
    })
}

/// Calls `take` with key, revision, checksum and body of each row of a center, by id.
pub(crate) fn each_row(
    db: &Connection,
    no: i64,
    mut take: impl FnMut(i64, Rev, i64, Option<&[u8]>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let keys = keys(no);
    let mut query = db.prepare_cached(
        "SELECT key, rev, checksum, body FROM rows WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
    )?;
    let mut rows = query.query([keys.start(), keys.end()])?;
    while let Some(row) = rows.next()? {
        // As bytes: a flipped bit may have made it no text any more.
        let body = match row.get_ref(3)? {
            rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => Some(bytes),
            // Numbers and nothing: no body of ours.
            rusqlite::types::ValueRef::Null
            | rusqlite::types::ValueRef::Integer(_)
            | rusqlite::types::ValueRef::Real(_) => None,
        };
        take(row.get(0)?, Rev(row.get::<_, i64>(1)?.cast_unsigned()), row.get(2)?, body)?;
    }
    Ok(())
}

/// The row, if its content fits its checksum.
fn intact(key: i64, rev: Rev, sum: i64, body: Option<&[u8]>) -> Option<CachedRow> {
    if checksum(key, rev, body) != sum {
        return None;
    }
    // Holds by id and revision a body that fits its checksum but is no delivery to this version (written by another).
    let delivery = body.and_then(|body| serde_json::from_slice::<Delivery>(body).ok()).map(Arc::new);
    Some(CachedRow { id: id_of(key), rev, delivery })
}

fn alarms(db: &Connection, no: i64) -> rusqlite::Result<Vec<CachedAlarm>> {
    let mut query = db.prepare_cached(
        "SELECT id, kind, raised_at, stage, row_rev, body, at_hub, lost FROM alarms WHERE center = ?1
             ORDER BY raised_at, id",
    )?;
    query
        .query_map([no], |row| {
            let id = DeliveryId(row.get::<_, i64>(0)?.cast_unsigned());
            let body: Option<String> = row.get(5)?;
            let row_rev: i64 = row.get(4)?;
            Ok(CachedAlarm {
                id,
                kind: Text::from(row.get::<_, String>(1)?),
                raised_at: UtcMillis(row.get(2)?),
                stage: Text::from(row.get::<_, String>(3)?),
                at_hub: Text::from(row.get::<_, String>(6)?),
                lost: row.get(7)?,
                row: u64::try_from(row_rev).ok().map(|rev| CachedRow {
                    id,
                    rev: Rev(rev),
                    delivery: body.and_then(|body| serde_json::from_str(&body).ok()).map(Arc::new),
                }),
            })
        })?
        .collect()
}

fn commands(db: &Connection, no: i64) -> rusqlite::Result<Vec<CachedCommand>> {
    let mut query = db.prepare_cached(
        "SELECT key, delivery, action, clicked_at, batch FROM commands WHERE center = ?1 ORDER BY clicked_at, key",
    )?;
    query
        .query_map([no], |row| {
            Ok(CachedCommand {
                key: Text::from(row.get::<_, String>(0)?),
                delivery: u64::try_from(row.get::<_, i64>(1)?).ok().map(DeliveryId),
                action: Text::from(row.get::<_, String>(2)?),
                clicked_at: UtcMillis(row.get(3)?),
                batch: ids_of(&row.get::<_, String>(4)?),
            })
        })?
        .collect()
}

/// The ids of a batch, as they were written.
fn ids_of(text: &str) -> Vec<DeliveryId> {
    text.split(' ').filter_map(|id| id.parse().ok()).map(DeliveryId).collect()
}

fn own(db: &Connection, no: i64) -> rusqlite::Result<Vec<CachedOwn>> {
    let mut query =
        db.prepare_cached("SELECT delivery, done, raised_at FROM own WHERE center = ?1 ORDER BY delivery")?;
    query
        .query_map([no], |row| {
            Ok(CachedOwn {
                id: DeliveryId(row.get::<_, i64>(0)?.cast_unsigned()),
                done: row.get::<_, i64>(1)? != 0,
                alarm: row.get::<_, Option<i64>>(2)?.map(UtcMillis),
            })
        })?
        .collect()
}

fn names(db: &Connection, no: i64) -> rusqlite::Result<Vec<CachedName>> {
    let mut query = db.prepare_cached("SELECT id, name, left_at FROM names WHERE center = ?1 ORDER BY id")?;
    query
        .query_map([no], |row| {
            Ok(CachedName {
                id: DeliveryId(row.get::<_, i64>(0)?.cast_unsigned()),
                name: Text::from(row.get::<_, String>(1)?),
                left_at: row.get::<_, Option<i64>>(2)?.map(UtcMillis),
            })
        })?
        .collect()
}
