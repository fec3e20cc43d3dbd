//! Reads: each within one read transaction, so that a row, a frame and a head of one answer agree.

use super::writer::{read_standing, signed, unsigned};
use crate::store::{After, Selection};
use gwanje_ledger::{Entry, Standing, cut_frame};
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, RowDigest, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::{Frame, Gone, Person, ResyncReason, WireRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Reads a JSON column.
pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(index, error))
}

fn unreadable(index: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error))
}

/// A live row.
pub(super) fn live_row(
    db: &Connection,
    center: &CenterId,
    id: DeliveryId,
) -> rusqlite::Result<Option<Delivery>> {
    db.prepare_cached("SELECT body FROM delivery WHERE id = ?1 AND center = ?2")?
        .query_row(params![signed(id.0), center.as_str()], |row| json(row, 0))
        .optional()
}

/// A live row, or as it was when it left the board.
pub(super) fn any_row(
    db: &Connection,
    center: &CenterId,
    id: DeliveryId,
) -> rusqlite::Result<Option<Delivery>> {
    if let Some(row) = live_row(db, center, id)? {
        return Ok(Some(row));
    }
    db.prepare_cached("SELECT body FROM archive WHERE id = ?1 AND center = ?2")?
        .query_row(params![signed(id.0), center.as_str()], |row| json(row, 0))
        .optional()
}

/// The frame after `from`, read from the tables at `standing` (of the same transaction).
pub(super) fn frame(
    db: &Connection,
    center: &CenterId,
    standing: &Standing,
    from: Rev,
    limit: usize,
    at: UtcMillis,
) -> rusqlite::Result<Frame> {
    let limit = limit.clamp(1, FRAME_MAX_ENTRIES);
    // Asks for one more than fits, which shows whether the frame is cut.
    let asked = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut entries: Vec<Entry> = db
        .prepare_cached("SELECT body FROM delivery WHERE center = ?1 AND rev > ?2 ORDER BY rev LIMIT ?3")?
        .query_map(params![center.as_str(), signed(from.0), asked], |row| {
            Entry::of_stored(row.get_ref(0)?.as_str()?).map_err(|error| unreadable(0, error))
        })?
        .collect::<Result<_, _>>()?;
    let gone = db
        .prepare_cached("SELECT id, rev FROM tombstone WHERE center = ?1 AND rev > ?2 ORDER BY rev LIMIT ?3")?
        .query_map(params![center.as_str(), signed(from.0), asked], |row| {
            let (id, rev) = (DeliveryId(unsigned(row.get(0)?)), Rev(unsigned(row.get(1)?)));
            Ok(Entry::Gone(Gone { id, rev }))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    entries.extend(gone);
    entries.sort_unstable_by_key(Entry::rev);
    Ok(cut_frame(standing, from, limit, at, entries.into_iter()))
}

/// The frame (after, head] of this read; none without `after`, or when it would hold more than a frame does.
pub(super) fn whole_frame(
    db: &Connection,
    center: &CenterId,
    standing: &Standing,
    asked: &After,
    at: UtcMillis,
) -> rusqlite::Result<Result<Option<Frame>, ResyncReason>> {
    // A revision of another history is neither ahead nor below the floor of this one.
    if asked.epoch.as_ref().is_some_and(|epoch| *epoch != standing.epoch) {
        return Ok(Err(ResyncReason::Epoch));
    }
    let Some(after) = asked.after else { return Ok(Ok(None)) };
    if let Err(reason) = standing.resumable(after) {
        return Ok(Err(reason));
    }
    let frame = frame(db, center, standing, after, FRAME_MAX_ENTRIES, at)?;
    Ok(Ok((frame.to == standing.rev).then_some(frame)))
}

/// (id, rev) of all live rows, in rev order; from the index alone.
pub(super) fn revisions(db: &Connection, center: &CenterId) -> rusqlite::Result<Vec<(DeliveryId, Rev)>> {
    db.prepare_cached("SELECT id, rev FROM delivery WHERE center = ?1 ORDER BY rev")?
        .query_map([center.as_str()], |row| {
            Ok((DeliveryId(unsigned(row.get(0)?)), Rev(unsigned(row.get(1)?))))
        })?
        .collect()
}

/// Count and digest of each bucket.
pub(super) fn buckets(db: &Connection, center: &CenterId) -> rusqlite::Result<Vec<RowDigest>> {
    Ok(BucketDigests::of(revisions(db, center)?).as_slice().to_vec())
}

/// (id, rev) of the selected live rows.
pub(super) fn selected(
    db: &Connection,
    center: &CenterId,
    selection: &Selection,
) -> rusqlite::Result<Vec<(DeliveryId, Rev)>> {
    match selection {
        Selection::Buckets(wanted) => {
            let mut rows = revisions(db, center)?;
            rows.retain(|&(id, _)| wanted.contains(&bucket_of(id)));
            Ok(rows)
        }
        Selection::Ids(ids) => {
            let mut find = db.prepare_cached("SELECT rev FROM delivery WHERE id = ?1 AND center = ?2")?;
            let mut rows = Vec::with_capacity(ids.len());
            for &id in ids {
                let rev: Option<i64> =
                    find.query_row(params![signed(id.0), center.as_str()], |row| row.get(0)).optional()?;
                rows.extend(rev.map(|rev| (id, Rev(unsigned(rev)))));
            }
            Ok(rows)
        }
    }
}

/// The bodies of live rows.
pub(super) fn bodies(
    db: &Connection,
    center: &CenterId,
    ids: &[(DeliveryId, Rev)],
) -> rusqlite::Result<Vec<WireRow>> {
    let mut find = db.prepare_cached("SELECT body FROM delivery WHERE id = ?1 AND center = ?2")?;
    let mut bodies = Vec::with_capacity(ids.len());
    for (id, _) in ids {
        bodies.extend(find.query_row(params![signed(id.0), center.as_str()], |row| json(row, 0)).optional()?);
    }
    Ok(bodies)
}

/// The events of a delivery, oldest first.
pub(super) fn history(
    db: &Connection,
    center: &CenterId,
    id: DeliveryId,
) -> rusqlite::Result<Vec<HistoryEvent>> {
    db.prepare_cached(
        "SELECT rev, at, by, action, from_status, to_status, detail, account.person FROM history \
         LEFT JOIN account ON account.name = by WHERE delivery = ?1 AND center = ?2 ORDER BY rev",
    )?
    .query_map(params![signed(id.0), center.as_str()], |row| {
        Ok(HistoryEvent {
            rev: Rev(unsigned(row.get(0)?)),
            at: UtcMillis(row.get(1)?),
            by: person(row, 2, 7)?,
            action: row.get::<_, String>(3)?.into(),
            from: row.get::<_, Option<String>>(4)?.map(Into::into),
            to: row.get::<_, Option<String>>(5)?.map(Into::into),
            detail: row.get::<_, String>(6)?.into(),
        })
    })?
    .collect()
}

/// Whoever has the account in one column, as the other calls them, where that is known.
pub(super) fn person(row: &Row<'_>, account: usize, name: usize) -> rusqlite::Result<Person> {
    let account: String = row.get(account)?;
    let name: Option<String> = row.get(name)?;
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| account.clone());
    Ok(Person { account: account.into(), name: name.into() })
}

/// The standing of a center, as this read sees it.
pub(super) fn standing(db: &Connection, center: &CenterId) -> rusqlite::Result<Option<Standing>> {
    read_standing(db, center)
}
