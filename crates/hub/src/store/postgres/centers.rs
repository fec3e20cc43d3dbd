//! Centers and their riders: set up and listed.

use super::failure::Failure;
use super::rows::text_json;
use crate::store::CenterRecord;
use deadpool_postgres::Transaction;
use gwanje_model::{CenterId, Epoch, Rider};

/// Sets up a center, or changes its name, place and zone; a new one begins with that epoch.
pub(super) async fn ensure(
    tx: &Transaction<'_>,
    center: &CenterRecord,
    epoch: &Epoch,
) -> Result<(), Failure> {
    let sql = "INSERT INTO center (id, name, pos, time_zone, epoch) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, pos = excluded.pos, \
               time_zone = excluded.time_zone";
    let pos = center.pos.as_ref().map(text_json).transpose()?;
    let (id, name, zone) = (center.id.as_str(), center.name.as_str(), center.time_zone.as_str());
    tx.execute(sql, &[&id, &name, &pos, &zone, &epoch.as_str()]).await?;
    Ok(())
}

/// Lists riders to a center, in that order; what is not said of one stays as it was.
pub(super) async fn list_riders(
    tx: &Transaction<'_>,
    center: &CenterId,
    riders: &[Rider],
) -> Result<(), Failure> {
    let sql = "INSERT INTO rider (center, id, name, phone, home, status, pos, seen_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (center, id) DO UPDATE SET \
               name = excluded.name, phone = excluded.phone, home = excluded.home, \
               status = excluded.status, pos = coalesce(excluded.pos, rider.pos), \
               seen_at = coalesce(excluded.seen_at, rider.seen_at)";
    let statement = tx.prepare_cached(sql).await?;
    for rider in riders {
        let (status, pos) = (text_json(&rider.status)?, rider.pos.as_ref().map(text_json).transpose()?);
        let (id, name, phone) = (rider.id.as_str(), rider.name.as_str(), rider.phone.as_str());
        let (home, seen_at) = (rider.home.as_str(), rider.seen_at.map(|at| at.0));
        tx.execute(&statement, &[&center.as_str(), &id, &name, &phone, &home, &status, &pos, &seen_at])
            .await?;
    }
    Ok(())
}
