//! Loads what asks of a center look at, within the transaction that decides them.

use super::alarms::kind;
use super::outcomes;
use super::read::{json, live_row, person};
use super::writer::{Batch, signed};
use gwanje_ledger::{
    AlarmRef, Clocked, KeyNeed, LoadedCenter, LoadedChange, LoadedRow, Need, OutcomeKey, Recorded, RowNeed,
};
use gwanje_model::{AssignedRider, CenterId, Delivery, DeliveryId, Epoch, RiderId, Text, UtcMillis};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// Loads a center with what is needed of it, as the statements of this transaction have left it.
pub(super) fn load(batch: &mut Batch<'_>, center: &CenterId, need: &Need) -> rusqlite::Result<LoadedCenter> {
    let db = batch.db();
    let standing = batch.center(center)?.map(|staged| staged.standing.clone());
    let mut loaded = LoadedCenter::new(center.clone(), standing);
    for key in &need.keys {
        let found = outcome(db, center, key)?;
        loaded.outcomes.extend(found.map(|found| outcomes::with_rows(db, found)).transpose()?);
    }
    for account in &need.people {
        loaded.people.extend(name(db, account)?.map(|name| (account.clone(), name)));
    }
    if loaded.standing.is_none() {
        return Ok(loaded);
    }
    if need.orders > 0 {
        let last = batch.last_delivery()?;
        loaded.ids = (last + 1..).map(DeliveryId).take(need.orders).collect();
    }
    for (id, asked) in &need.rows {
        load_row(db, &mut loaded, *id, asked)?;
    }
    for rider in &need.riders {
        load_rider(db, &mut loaded, rider)?;
    }
    Ok(loaded)
}

fn load_row(
    db: &Connection,
    loaded: &mut LoadedCenter,
    id: DeliveryId,
    asked: &RowNeed,
) -> rusqlite::Result<()> {
    let Some(standing) = &loaded.standing else { return Ok(()) };
    let Some(row) = live_row(db, &loaded.center, id)? else { return Ok(()) };
    let latest = if asked.latest_of(&standing.epoch, row.rev) { latest(db, &row)? } else { None };
    let before = if asked.undo { before(db, &row)? } else { None };
    if asked.undo {
        for rider in [Some(&row), before.as_ref()].into_iter().flatten().filter_map(|row| row.rider.as_ref())
        {
            load_rider(db, loaded, &rider.id)?;
        }
    }
    let clocked = Clocked { waiting: waiting(db, id)?, written: written(db, &loaded.center, id)? };
    let (row, before) = (Arc::new(row), before.map(Arc::new));
    loaded.rows.insert(id, LoadedRow { row, latest, before, clocked });
    Ok(())
}

fn load_rider(db: &Connection, loaded: &mut LoadedCenter, rider: &RiderId) -> rusqlite::Result<()> {
    let listed = db
        .prepare_cached("SELECT name, home FROM rider WHERE center = ?1 AND id = ?2")?
        .query_row([loaded.center.as_str(), rider.as_str()], |row| {
            Ok(AssignedRider {
                id: rider.clone(),
                name: row.get::<_, String>(0)?.into(),
                home: CenterId::from(row.get::<_, String>(1)?),
                confirmed: false,
            })
        })
        .optional()?;
    loaded.riders.extend(listed.map(|listed| (rider.clone(), listed)));
    Ok(())
}

/// The change that made a row what it is.
fn latest(db: &Connection, row: &Delivery) -> rusqlite::Result<Option<LoadedChange>> {
    db.prepare_cached(
        "SELECT at, by, action, account.person, wall FROM history LEFT JOIN account ON account.name = by \
         WHERE delivery = ?1 AND rev = ?2",
    )?
    .query_row([signed(row.id.0), signed(row.rev.0)], |row| {
        Ok(LoadedChange {
            by: person(row, 1, 3)?,
            action: row.get::<_, String>(2)?.into(),
            at: UtcMillis(row.get(0)?),
            wall: UtcMillis(row.get(4)?),
        })
    })
    .optional()
}

/// The row before its latest change.
fn before(db: &Connection, row: &Delivery) -> rusqlite::Result<Option<Delivery>> {
    db.prepare_cached(
        "SELECT body FROM history WHERE delivery = ?1 AND rev < ?2 AND body IS NOT NULL ORDER BY rev DESC LIMIT 1",
    )?
    .query_row([signed(row.id.0), signed(row.rev.0)], |found| json(found, 0))
    .optional()
}

/// What of a delivery is not due yet.
fn waiting(db: &Connection, id: DeliveryId) -> rusqlite::Result<Vec<AlarmRef>> {
    db.prepare_cached("SELECT kind, at FROM due WHERE id = ?1")?
        .query_map([signed(id.0)], |row| {
            Ok(AlarmRef { id, kind: kind(row, 0)?, raised_at: UtcMillis(row.get(1)?) })
        })?
        .collect()
}

/// The clock's alarms of a delivery, and whether each is settled.
fn written(db: &Connection, center: &CenterId, id: DeliveryId) -> rusqlite::Result<Vec<(AlarmRef, bool)>> {
    db.prepare_cached(
        "SELECT kind, raised_at, settled_at IS NOT NULL FROM alarm \
         WHERE center = ?1 AND id = ?2 AND kind <> 'cancelled'",
    )?
    .query_map(params![center.as_str(), signed(id.0)], |row| {
        let alarm = AlarmRef { id, kind: kind(row, 0)?, raised_at: UtcMillis(row.get(1)?) };
        Ok((alarm, row.get(2)?))
    })?
    .collect()
}

/// What is recorded under a key.
fn outcome(
    db: &Connection,
    center: &CenterId,
    asked: &KeyNeed,
) -> rusqlite::Result<Option<(OutcomeKey, Recorded)>> {
    let KeyNeed { account, key, path } = asked;
    db.prepare_cached(
        "SELECT path, body_hash, status, epoch, body FROM outcome \
         WHERE account = ?1 AND center = ?2 AND key = ?3 AND (?4 IS NULL OR path IN (?4, '')) \
         ORDER BY path LIMIT 1",
    )?
    .query_row(params![account.as_str(), center.as_str(), key, path], |row| {
        let key = OutcomeKey { account: account.clone(), key: key.clone(), path: row.get(0)? };
        let recorded = Recorded {
            body_hash: row.get(1)?,
            status: row.get(2)?,
            epoch: row.get::<_, Option<String>>(3)?.map(Epoch::from),
            body: row.get::<_, String>(4)?.into(),
        };
        Ok((key, recorded))
    })
    .optional()
}

/// What people call whoever has an account.
fn name(db: &Connection, account: &Text) -> rusqlite::Result<Option<Text>> {
    db.prepare_cached("SELECT person FROM account WHERE name = ?1")?
        .query_row([account.as_str()], |row| Ok(row.get::<_, String>(0)?.into()))
        .optional()
}
