//! Loads what asks of a center look at, within the transaction that decides them.

use super::failure::Failure;
use super::identity::{self, Seen};
use super::outcomes;
use super::rows::{alarm_kind, json, latest_name, signed, standing, unsigned};
use deadpool_postgres::Transaction;
use futures_util::future::try_join;
use gwanje_ledger::{
    AlarmRef, Clocked, KeyNeed, LoadedCenter, LoadedChange, LoadedRow, Need, OutcomeKey, Recorded, RowNeed,
    Standing,
};
use gwanje_model::{AssignedRider, CenterId, Delivery, DeliveryId, Epoch, RiderId, UtcMillis};
use std::sync::Arc;
use tokio::time::Instant;
use tokio_postgres::types::ToSql;

/// A center as it was found when its lock was had.
pub(super) struct Found {
    /// Where it stands; none: there is no such center.
    pub standing: Option<Standing>,
    /// The wall's instant of its latest change.
    pub last_at: UtcMillis,
    /// The server, looked at under the lock.
    pub seen: Seen,
}

/// Takes the lock of a center and tells where it stands; nobody else changes it until the transaction ends. The server is
/// looked at once the lock is held, on the same way.
pub(super) async fn lock(tx: &Transaction<'_>, center: &CenterId) -> Result<Found, Failure> {
    let locking = tx
        .prepare_cached(
            "SELECT epoch, rev, count, digest, floor, alarm_seq, next_number, last_at FROM center WHERE id = $1 \
             FOR UPDATE",
        )
        .await?;
    let looking = tx.prepare_cached(identity::LOOK).await?;
    let params: [&(dyn ToSql + Sync); 1] = [&center.as_str()];
    let asked = Instant::now();
    // What is asked first is done first.
    let (locked, seen) = try_join(tx.query_opt(&locking, &params), tx.query_one(&looking, &[])).await?;
    Ok(Found {
        standing: locked.as_ref().map(standing),
        last_at: locked.map_or(UtcMillis(0), |row| UtcMillis(row.get(7))),
        seen: Seen::read(&seen, asked)?,
    })
}

/// Loads a center, which is locked and stands there, with what is needed of it, as this transaction has left it.
pub(super) async fn load(
    tx: &Transaction<'_>,
    center: &CenterId,
    standing: Option<Standing>,
    need: &Need,
) -> Result<LoadedCenter, Failure> {
    let mut loaded = LoadedCenter::new(center.clone(), standing);
    for key in &need.keys {
        if let Some(found) = outcome(tx, center, key).await? {
            let (key, recorded) = outcomes::with_rows(tx, found).await?;
            loaded.outcomes.insert(key, recorded);
        }
    }
    if !need.people.is_empty() {
        let accounts: Vec<&str> = need.people.iter().map(|account| account.as_str()).collect();
        let statement = tx.prepare_cached("SELECT name, person FROM account WHERE name = ANY($1)").await?;
        for row in tx.query(&statement, &[&accounts]).await? {
            loaded.people.insert(row.get::<_, &str>(0).into(), row.get::<_, &str>(1).into());
        }
    }
    if loaded.standing.is_none() {
        return Ok(loaded);
    }
    if need.orders > 0 {
        let orders = i64::try_from(need.orders).unwrap_or(i64::MAX);
        let statement =
            tx.prepare_cached("SELECT nextval('delivery_id') FROM generate_series(1, $1::bigint)").await?;
        let ids = tx.query(&statement, &[&orders]).await?;
        loaded.ids = ids.iter().map(|row| DeliveryId(unsigned(row.get(0)))).collect();
    }
    for (id, asked) in &need.rows {
        load_row(tx, &mut loaded, *id, asked).await?;
    }
    for rider in &need.riders {
        load_rider(tx, &mut loaded, rider).await?;
    }
    Ok(loaded)
}

async fn load_row(
    tx: &Transaction<'_>,
    loaded: &mut LoadedCenter,
    id: DeliveryId,
    asked: &RowNeed,
) -> Result<(), Failure> {
    let Some(standing) = &loaded.standing else { return Ok(()) };
    let Some(row) = live_row(tx, &loaded.center, id).await? else { return Ok(()) };
    let latest = if asked.latest_of(&standing.epoch, row.rev) { latest(tx, &row).await? } else { None };
    let before = if asked.undo { before(tx, &row).await? } else { None };
    if asked.undo {
        let riders = [Some(&row), before.as_ref()].into_iter().flatten();
        let riders: Vec<RiderId> =
            riders.filter_map(|row| row.rider.as_ref()).map(|rider| rider.id.clone()).collect();
        for rider in riders {
            load_rider(tx, loaded, &rider).await?;
        }
    }
    let clocked =
        Clocked { waiting: waiting(tx, id).await?, written: written(tx, &loaded.center, id).await? };
    let (row, before) = (Arc::new(row), before.map(Arc::new));
    loaded.rows.insert(id, LoadedRow { row, latest, before, clocked });
    Ok(())
}

pub(super) async fn live_row(
    tx: &Transaction<'_>,
    center: &CenterId,
    id: DeliveryId,
) -> Result<Option<Delivery>, Failure> {
    let statement = tx.prepare_cached("SELECT body FROM delivery WHERE id = $1 AND center = $2").await?;
    let found = tx.query_opt(&statement, &[&signed(id.0), &center.as_str()]).await?;
    found.map(|row| json(&row, 0)).transpose()
}

/// A live row, or as it was when it left the board.
pub(super) async fn any_row(
    tx: &Transaction<'_>,
    center: &CenterId,
    id: DeliveryId,
) -> Result<Option<Delivery>, Failure> {
    if let Some(row) = live_row(tx, center, id).await? {
        return Ok(Some(row));
    }
    let statement = tx.prepare_cached("SELECT body FROM archive WHERE id = $1 AND center = $2").await?;
    let found = tx.query_opt(&statement, &[&signed(id.0), &center.as_str()]).await?;
    found.map(|row| json(&row, 0)).transpose()
}

async fn load_rider(tx: &Transaction<'_>, loaded: &mut LoadedCenter, rider: &RiderId) -> Result<(), Failure> {
    let statement = tx.prepare_cached("SELECT name, home FROM rider WHERE center = $1 AND id = $2").await?;
    let found = tx.query_opt(&statement, &[&loaded.center.as_str(), &rider.as_str()]).await?;
    let listed = found.map(|row| AssignedRider {
        id: rider.clone(),
        name: row.get::<_, &str>(0).into(),
        home: CenterId::from(row.get::<_, String>(1)),
        confirmed: false,
    });
    loaded.riders.extend(listed.map(|listed| (rider.clone(), listed)));
    Ok(())
}

/// The change that made a row what it is.
async fn latest(tx: &Transaction<'_>, row: &Delivery) -> Result<Option<LoadedChange>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT at, by, action, account.person, wall FROM history \
             LEFT JOIN account ON account.name = by WHERE delivery = $1 AND rev = $2",
        )
        .await?;
    let found = tx.query_opt(&statement, &[&signed(row.id.0), &signed(row.rev.0)]).await?;
    Ok(found.map(|row| LoadedChange {
        by: latest_name(&row, 1, 3),
        action: row.get::<_, &str>(2).into(),
        at: UtcMillis(row.get(0)),
        wall: UtcMillis(row.get(4)),
    }))
}

/// The row before its latest change.
async fn before(tx: &Transaction<'_>, row: &Delivery) -> Result<Option<Delivery>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT body FROM history WHERE delivery = $1 AND rev < $2 AND body IS NOT NULL \
             ORDER BY rev DESC LIMIT 1",
        )
        .await?;
    let found = tx.query_opt(&statement, &[&signed(row.id.0), &signed(row.rev.0)]).await?;
    found.map(|row| json(&row, 0)).transpose()
}

/// What of a delivery is not due yet.
async fn waiting(tx: &Transaction<'_>, id: DeliveryId) -> Result<Vec<AlarmRef>, Failure> {
    let statement = tx.prepare_cached("SELECT kind, at FROM due WHERE id = $1 ORDER BY kind").await?;
    let found = tx.query(&statement, &[&signed(id.0)]).await?;
    let alarm = |row: &tokio_postgres::Row| {
        Ok(AlarmRef { id, kind: alarm_kind(row, 0)?, raised_at: UtcMillis(row.get(1)) })
    };
    found.iter().map(alarm).collect()
}

/// The clock's alarms of a delivery, and whether each is settled.
async fn written(
    tx: &Transaction<'_>,
    center: &CenterId,
    id: DeliveryId,
) -> Result<Vec<(AlarmRef, bool)>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT kind, raised_at, settled_at IS NOT NULL FROM alarm \
             WHERE center = $1 AND id = $2 AND kind <> 'cancelled' ORDER BY kind, raised_at",
        )
        .await?;
    let found = tx.query(&statement, &[&center.as_str(), &signed(id.0)]).await?;
    let alarm = |row: &tokio_postgres::Row| {
        let alarm = AlarmRef { id, kind: alarm_kind(row, 0)?, raised_at: UtcMillis(row.get(1)) };
        Ok((alarm, row.get(2)))
    };
    found.iter().map(alarm).collect()
}

/// What is recorded under a key.
async fn outcome(
    tx: &Transaction<'_>,
    center: &CenterId,
    asked: &KeyNeed,
) -> Result<Option<(OutcomeKey, Recorded)>, Failure> {
    let KeyNeed { account, key, path } = asked;
    let statement = tx
        .prepare_cached(
            "SELECT path, body_hash, status, epoch, body FROM outcome WHERE account = $1 AND center = $2 \
             AND key = $3 AND ($4::text IS NULL OR path IN ($4, '')) ORDER BY path COLLATE \"C\" LIMIT 1",
        )
        .await?;
    let found = tx.query_opt(&statement, &[&account.as_str(), &center.as_str(), &key.as_str(), path]).await?;
    let Some(row) = found else { return Ok(None) };
    let hash: &[u8] = row.get(1);
    let recorded = Recorded {
        body_hash: hash.to_vec(),
        status: u16::try_from(row.get::<_, i32>(2))
            .map_err(|_| Failure::Damaged("outcome.status", key.clone()))?,
        epoch: row.get::<_, Option<String>>(3).map(Epoch::from),
        body: row.get::<_, String>(4).into(),
    };
    Ok(Some((OutcomeKey { account: account.clone(), key: key.clone(), path: row.get(0) }, recorded)))
}
