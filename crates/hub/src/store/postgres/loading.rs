//! Loads what asks of a center look at, within the transaction that decides them.

use super::failure::Failure;
use super::identity::{self, Seen};
use super::outcomes;
use super::rows::{alarm_kind, json, latest_name, signed, standing, unsigned};
use deadpool_postgres::Transaction;
use futures_util::future::try_join;
use gwanje_ledger::{
    AlarmRef, Clocked, KeyNeed, LoadedCenter, LoadedChange, LoadedRow, Need, OutcomeKey, Recorded, Standing,
};
use gwanje_model::{AssignedRider, CenterId, Delivery, DeliveryId, Epoch, RiderId, Text, UtcMillis};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;
use tokio::try_join;
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

/// Loads a center, which is locked and stands there, with what is needed of it, as this transaction has left it: everything
/// in one trip, then what only the rows found there tell of.
pub(super) async fn load(
    tx: &Transaction<'_>,
    center: &CenterId,
    standing: Option<Standing>,
    need: &Need,
) -> Result<LoadedCenter, Failure> {
    let mut loaded = LoadedCenter::new(center.clone(), standing);
    let ids: Vec<i64> = need.rows.keys().map(|id| signed(id.0)).collect();
    let listed: Vec<&RiderId> = need.riders.iter().collect();
    let (outcomes, people, orders, rows, mut clocked, riders) = try_join!(
        recorded(tx, center, &need.keys),
        people(tx, &need.people),
        new_ids(tx, need.orders),
        rows(tx, center, &ids),
        clocked(tx, center, &ids),
        riders(tx, center, &listed),
    )?;
    loaded.outcomes = outcomes;
    loaded.people = people;
    let Some(standing) = &loaded.standing else { return Ok(loaded) };
    loaded.ids = orders;
    loaded.riders = riders;
    let asked = |row: &&Delivery| need.rows.get(&row.id);
    let told: Vec<&Delivery> = rows
        .iter()
        .filter(|row| asked(row).is_some_and(|asked| asked.latest_of(&standing.epoch, row.rev)))
        .collect();
    let undone: Vec<&Delivery> =
        rows.iter().filter(|row| asked(row).is_some_and(|asked| asked.undo)).collect();
    let (mut latest, mut before) = try_join!(latest(tx, &told), before(tx, &undone))?;
    let again: Vec<&RiderId> = undone
        .iter()
        .copied()
        .chain(before.values().map(|row| &**row))
        .filter_map(|row| row.rider.as_ref())
        .map(|rider| &rider.id)
        .collect();
    loaded.riders.extend(self::riders(tx, center, &again).await?);
    for row in rows {
        let id = row.id;
        let clocked = clocked.remove(&id).unwrap_or_default();
        let (latest, before) = (latest.remove(&id), before.remove(&id));
        loaded.rows.insert(id, LoadedRow { row: Arc::new(row), latest, before, clocked });
    }
    Ok(loaded)
}

async fn new_ids(tx: &Transaction<'_>, orders: usize) -> Result<VecDeque<DeliveryId>, Failure> {
    if orders == 0 {
        return Ok(VecDeque::new());
    }
    let orders = i64::try_from(orders).unwrap_or(i64::MAX);
    let statement =
        tx.prepare_cached("SELECT nextval('delivery_id') FROM generate_series(1, $1::bigint)").await?;
    let ids = tx.query(&statement, &[&orders]).await?;
    Ok(ids.iter().map(|row| DeliveryId(unsigned(row.get(0)))).collect())
}

async fn people(tx: &Transaction<'_>, accounts: &BTreeSet<Text>) -> Result<FxHashMap<Text, Text>, Failure> {
    if accounts.is_empty() {
        return Ok(FxHashMap::default());
    }
    let accounts: Vec<&str> = accounts.iter().map(|account| account.as_str()).collect();
    let statement = tx.prepare_cached("SELECT name, person FROM account WHERE name = ANY($1)").await?;
    let found = tx.query(&statement, &[&accounts]).await?;
    Ok(found.iter().map(|row| (row.get::<_, &str>(0).into(), row.get::<_, &str>(1).into())).collect())
}

async fn rows(tx: &Transaction<'_>, center: &CenterId, ids: &[i64]) -> Result<Vec<Delivery>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let statement = tx.prepare_cached("SELECT body FROM delivery WHERE id = ANY($1) AND center = $2").await?;
    let found = tx.query(&statement, &[&ids, &center.as_str()]).await?;
    found.iter().map(|row| json(row, 0)).collect()
}

async fn riders(
    tx: &Transaction<'_>,
    center: &CenterId,
    ids: &[&RiderId],
) -> Result<FxHashMap<RiderId, AssignedRider>, Failure> {
    if ids.is_empty() {
        return Ok(FxHashMap::default());
    }
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    let statement =
        tx.prepare_cached("SELECT id, name, home FROM rider WHERE center = $1 AND id = ANY($2)").await?;
    let found = tx.query(&statement, &[&center.as_str(), &ids]).await?;
    let listed = found.iter().map(|row| {
        let id = RiderId::from(row.get::<_, String>(0));
        let (name, home) = (row.get::<_, &str>(1).into(), CenterId::from(row.get::<_, String>(2)));
        (id.clone(), AssignedRider { id, name, home, confirmed: false })
    });
    Ok(listed.collect())
}

/// The change that made each row what it is.
async fn latest(
    tx: &Transaction<'_>,
    rows: &[&Delivery],
) -> Result<FxHashMap<DeliveryId, LoadedChange>, Failure> {
    if rows.is_empty() {
        return Ok(FxHashMap::default());
    }
    let (ids, revs) = at_revisions(rows);
    let statement = tx
        .prepare_cached(
            "SELECT at, by, action, account.person, wall, delivery \
             FROM unnest($1::bigint[], $2::bigint[]) AS asked (delivery, rev) \
             JOIN history USING (delivery, rev) LEFT JOIN account ON account.name = by",
        )
        .await?;
    let found = tx.query(&statement, &[&ids, &revs]).await?;
    let changes = found.iter().map(|row| {
        let change = LoadedChange {
            by: latest_name(row, 1, 3),
            action: row.get::<_, &str>(2).into(),
            at: UtcMillis(row.get(0)),
            wall: UtcMillis(row.get(4)),
        };
        (DeliveryId(unsigned(row.get(5))), change)
    });
    Ok(changes.collect())
}

/// Each row before its latest change.
async fn before(
    tx: &Transaction<'_>,
    rows: &[&Delivery],
) -> Result<FxHashMap<DeliveryId, Arc<Delivery>>, Failure> {
    if rows.is_empty() {
        return Ok(FxHashMap::default());
    }
    let (ids, revs) = at_revisions(rows);
    let statement = tx
        .prepare_cached(
            "SELECT earlier.body FROM unnest($1::bigint[], $2::bigint[]) AS asked (delivery, rev), LATERAL \
             (SELECT body FROM history WHERE history.delivery = asked.delivery AND history.rev < asked.rev \
             AND body IS NOT NULL ORDER BY history.rev DESC LIMIT 1) AS earlier",
        )
        .await?;
    let found = tx.query(&statement, &[&ids, &revs]).await?;
    let earlier = found.iter().map(|row| json::<Delivery>(row, 0).map(|row| (row.id, Arc::new(row))));
    earlier.collect()
}

fn at_revisions(rows: &[&Delivery]) -> (Vec<i64>, Vec<i64>) {
    rows.iter().map(|row| (signed(row.id.0), signed(row.rev.0))).unzip()
}

/// The clock's alarms of deliveries: what is not due yet, and those that were written, each with whether it is settled.
async fn clocked(
    tx: &Transaction<'_>,
    center: &CenterId,
    ids: &[i64],
) -> Result<FxHashMap<DeliveryId, Clocked>, Failure> {
    let mut clocked: FxHashMap<DeliveryId, Clocked> = FxHashMap::default();
    if ids.is_empty() {
        return Ok(clocked);
    }
    let waiting =
        tx.prepare_cached("SELECT id, kind, at FROM due WHERE id = ANY($1) ORDER BY id, kind").await?;
    let written = tx
        .prepare_cached(
            "SELECT id, kind, raised_at, settled_at IS NOT NULL FROM alarm \
             WHERE center = $1 AND id = ANY($2) AND kind <> 'cancelled' ORDER BY id, kind, raised_at",
        )
        .await?;
    let center = center.as_str();
    let of_deliveries: [&(dyn ToSql + Sync); 1] = [&ids];
    let of_center: [&(dyn ToSql + Sync); 2] = [&center, &ids];
    let (waiting, written) =
        try_join(tx.query(&waiting, &of_deliveries), tx.query(&written, &of_center)).await?;
    let alarm = |row: &tokio_postgres::Row| {
        let id = DeliveryId(unsigned(row.get(0)));
        Ok::<_, Failure>(AlarmRef { id, kind: alarm_kind(row, 1)?, raised_at: UtcMillis(row.get(2)) })
    };
    for row in &waiting {
        let alarm = alarm(row)?;
        clocked.entry(alarm.id).or_default().waiting.push(alarm);
    }
    for row in &written {
        let alarm = alarm(row)?;
        clocked.entry(alarm.id).or_default().written.push((alarm, row.get(3)));
    }
    Ok(clocked)
}

/// What is recorded under keys.
async fn recorded(
    tx: &Transaction<'_>,
    center: &CenterId,
    asked: &BTreeSet<KeyNeed>,
) -> Result<BTreeMap<OutcomeKey, Recorded>, Failure> {
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let accounts: Vec<&str> = asked.iter().map(|asked| asked.account.as_str()).collect();
    let keys: Vec<&str> = asked.iter().map(|asked| asked.key.as_str()).collect();
    let paths: Vec<Option<&str>> = asked.iter().map(|asked| asked.path.as_deref()).collect();
    let statement = tx
        .prepare_cached(
            "SELECT found.path, found.body_hash, found.status, found.epoch, found.body, asked.account, asked.key \
             FROM unnest($2::text[], $3::text[], $4::text[]) AS asked (account, key, path), LATERAL \
             (SELECT path, body_hash, status, epoch, body FROM outcome WHERE outcome.account = asked.account \
             AND outcome.center = $1 AND outcome.key = asked.key \
             AND (asked.path IS NULL OR outcome.path IN (asked.path, '')) \
             ORDER BY outcome.path COLLATE \"C\" LIMIT 1) AS found",
        )
        .await?;
    let found = tx.query(&statement, &[&center.as_str(), &accounts, &keys, &paths]).await?;
    let mut recorded = BTreeMap::new();
    for row in &found {
        let key: String = row.get(6);
        let hash: &[u8] = row.get(1);
        let found = Recorded {
            body_hash: hash.to_vec(),
            status: u16::try_from(row.get::<_, i32>(2))
                .map_err(|_| Failure::Damaged("outcome.status", key.clone()))?,
            epoch: row.get::<_, Option<String>>(3).map(Epoch::from),
            body: row.get::<_, String>(4).into(),
        };
        let key = OutcomeKey { account: row.get::<_, &str>(5).into(), key, path: row.get(0) };
        let (key, found) = outcomes::with_rows(tx, (key, found)).await?;
        recorded.insert(key, found);
    }
    Ok(recorded)
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
