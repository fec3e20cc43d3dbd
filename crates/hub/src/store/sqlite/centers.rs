//! Centers: set up, begun anew, listed with where they stand.

use super::writer::Batch;
use super::{json, read, text_json};
use crate::store::{CenterRecord, StoreError};
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Epoch};
use rusqlite::{Connection, params};

/// Sets up a center, or changes its name, place and zone; a new one begins with that epoch.
pub(super) fn ensure(batch: &mut Batch<'_>, center: CenterRecord, epoch: &Epoch) -> rusqlite::Result<()> {
    batch
        .db()
        .prepare_cached(
            "INSERT INTO center (id, name, pos, time_zone, epoch) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, pos = excluded.pos, \
             time_zone = excluded.time_zone",
        )?
        .execute(params![
            center.id.as_str(),
            center.name.as_str(),
            center.pos.as_ref().map(text_json).transpose()?,
            center.time_zone.as_str(),
            epoch.as_str(),
        ])?;
    batch.center_created(center.id);
    Ok(())
}

/// Begins a new epoch of a center, which must sort after the present one.
pub(super) fn begin_epoch(
    batch: &mut Batch<'_>,
    center: CenterId,
    epoch: Epoch,
) -> rusqlite::Result<Result<(), StoreError>> {
    let Some(staged) = batch.center(&center)? else { return Ok(Err(StoreError::UnknownCenter(center))) };
    if epoch <= staged.standing.epoch {
        return Ok(Err(StoreError::OldEpoch { center, epoch }));
    }
    staged.begin_epoch(epoch);
    Ok(Ok(()))
}

/// Every center with where it stands, by id.
pub(super) fn standings(db: &Connection) -> rusqlite::Result<Vec<(CenterRecord, Standing)>> {
    let centers = db
        .prepare("SELECT id, name, pos, time_zone FROM center ORDER BY id")?
        .query_map([], |row| {
            let pos = match row.get_ref(2)?.as_str_or_null()? {
                Some(_) => Some(json(row, 2)?),
                None => None,
            };
            Ok(CenterRecord {
                id: CenterId::from(row.get::<_, String>(0)?),
                name: row.get::<_, String>(1)?.into(),
                pos,
                time_zone: row.get::<_, String>(3)?.into(),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut standings = Vec::with_capacity(centers.len());
    for center in centers {
        if let Some(standing) = read::standing(db, &center.id)? {
            standings.push((center, standing));
        }
    }
    Ok(standings)
}
