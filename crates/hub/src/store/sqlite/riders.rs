//! Riders listed to a center.

use super::read::json;
use super::text_json;
use super::writer::Batch;
use crate::store::at_work;
use gwanje_model::{CenterId, Pos, Rider, RiderId, UtcMillis};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Lists riders to a center, or changes them.
pub(super) fn upsert(batch: &Batch<'_>, center: &CenterId, riders: &[Rider]) -> rusqlite::Result<()> {
    let mut upsert = batch.db().prepare_cached(
        "INSERT INTO rider (center, id, name, phone, home, status, pos, seen_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (center, id) DO UPDATE SET name = excluded.name, \
         phone = excluded.phone, home = excluded.home, status = excluded.status, \
         pos = coalesce(excluded.pos, pos), seen_at = coalesce(excluded.seen_at, seen_at)",
    )?;
    for rider in riders {
        upsert.execute(params![
            center.as_str(),
            rider.id.as_str(),
            rider.name.as_str(),
            rider.phone.as_str(),
            rider.home.as_str(),
            text_json(&rider.status)?,
            rider.pos.as_ref().map(text_json).transpose()?,
            rider.seen_at.map(|at| at.0),
        ])?;
    }
    Ok(())
}

/// The riders listed to a center, by id, each with the deliveries under way.
pub(super) fn listed(db: &Connection, center: &CenterId) -> rusqlite::Result<Vec<Rider>> {
    let loads: BTreeMap<String, u32> = db
        .prepare_cached(
            "SELECT rider, count(*) FROM delivery WHERE center = ?1 AND rider IS NOT NULL \
             AND status IN ('assigned', 'pickedUp') GROUP BY rider",
        )?
        .query_map([center.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    db.prepare_cached(
        "SELECT id, name, phone, home, status, pos, seen_at FROM rider WHERE center = ?1 ORDER BY id",
    )?
    .query_map([center.as_str()], |row| {
        let id: String = row.get(0)?;
        let pos = match row.get_ref(5)?.as_str_or_null()? {
            Some(_) => Some(json::<Pos>(row, 5)?),
            None => None,
        };
        let load = loads.get(&id).copied().unwrap_or(0);
        Ok(Rider {
            id: RiderId::from(id),
            name: row.get::<_, String>(1)?.into(),
            phone: row.get::<_, String>(2)?.into(),
            home: CenterId::from(row.get::<_, String>(3)?),
            status: at_work(json(row, 4)?, load),
            pos,
            seen_at: row.get::<_, Option<i64>>(6)?.map(UtcMillis),
            load,
        })
    })?
    .collect()
}
