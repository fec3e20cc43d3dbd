//! All that a file keeps, table by table, for a move; and all that comes by one.

use super::{Sqlite, connect, unusable};
use crate::store::StoreError;
use crate::store::notes::PURPOSE_KEY;
use crate::store::transfer::{
    Chunk, Coming, FILLED_KEY, Gathering, MOVED_KEY, MoveError, Moved, Own, TABLES, Table, Value, compare,
};
use gwanje_model::digest::DigestSum;
use gwanje_model::{DeliveryId, Rev, RowDigest};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params_from_iter};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::sync::mpsc;

impl Sqlite {
    /// What it says of itself.
    pub(in crate::store) async fn own(&self) -> Result<Own, StoreError> {
        self.read("reading what the store says of itself", |db| {
            let mut statement =
                db.prepare("SELECT substr(key, 6), value FROM meta WHERE key LIKE 'note:%'")?;
            let notes =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            let last = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'last_delivery'";
            let last_delivery = db.query_row(last, [], |row| row.get(0)).optional()?.unwrap_or(0);
            Ok(Own { notes, last_delivery })
        })
        .await
    }

    /// All rows of all tables, one table after the other.
    pub(in crate::store) fn tables(&self) -> Coming {
        let (chunks, coming) = mpsc::channel(2);
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_all(&path, &chunks) {
                // Whoever waited for it has gone.
                _ = chunks.blocking_send(Err(error));
            }
        });
        coming
    }

    /// Takes in everything, unless the move of that id filled this file before.
    pub(in crate::store) async fn fill(
        &self,
        id: &str,
        coming: Coming,
        own: Own,
    ) -> Result<Moved, MoveError> {
        let (path, id) = (self.path.clone(), id.to_owned());
        let filling = tokio::task::spawn_blocking(move || fill(&path, &id, coming, own));
        filling.await.unwrap_or(Err(MoveError::Store(StoreError::NotCommitted)))
    }
}

fn send_all(path: &Path, chunks: &mpsc::Sender<Result<Chunk, StoreError>>) -> Result<(), StoreError> {
    let db = connect(path)?;
    for (n, table) in TABLES.iter().enumerate() {
        send_table(&db, n, table, chunks)
            .map_err(unusable(format!("reading {} of the store", table.name)))?;
    }
    Ok(())
}

fn send_table(
    db: &Connection,
    n: usize,
    table: &Table,
    chunks: &mpsc::Sender<Result<Chunk, StoreError>>,
) -> rusqlite::Result<()> {
    // Whoever takes the rows in may have failed, and says so.
    let send = |rows| chunks.blocking_send(Ok(Chunk { table: n, rows })).is_ok();
    let mut statement = db.prepare(&format!("SELECT {} FROM {}", table.names(), table.name))?;
    let mut found = statement.query([])?;
    let mut gathering = Gathering::default();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(table.columns.len());
        for column in 0..table.columns.len() {
            values.push(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
                ValueRef::Real(_) => {
                    let kind = rusqlite::types::Type::Real;
                    return Err(rusqlite::Error::InvalidColumnType(column, table.name.into(), kind));
                }
            });
        }
        if let Some(rows) = gathering.add(values)
            && !send(rows)
        {
            return Ok(());
        }
    }
    send(gathering.rest());
    Ok(())
}

fn fill(path: &Path, id: &str, coming: Coming, own: Own) -> Result<Moved, MoveError> {
    let lost = |error: rusqlite::Error| MoveError::Store(unusable("moving into the file")(error));
    let mut db = connect(path)?;
    db.execute_batch("PRAGMA synchronous = FULL;").map_err(lost)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(lost)?;
    if super::notes::note(&tx, FILLED_KEY).map_err(lost)?.as_deref() == Some(id) {
        return Ok(Moved { before: true, ..Moved::default() });
    }
    if let Some(what) = kept(&tx).map_err(lost)? {
        return Err(MoveError::NotEmpty(what));
    }
    let moved = take_in(&tx, coming)?;
    finish(&tx, id, &own).map_err(lost)?;
    let (heads, found) = sums(&tx).map_err(lost)?;
    compare(heads, &found)?;
    tx.commit().map_err(|error| MoveError::Unsettled(error.to_string()))?;
    Ok(moved)
}

/// What a file has that is not empty.
fn kept(tx: &Transaction<'_>) -> rusqlite::Result<Option<String>> {
    for table in TABLES {
        let any = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
        if tx.query_row(&any, [], |row| row.get(0))? {
            return Ok(Some(format!("something in the table {:?}", table.name)));
        }
    }
    let purpose = super::notes::note(tx, PURPOSE_KEY)?;
    Ok(purpose.map(|purpose| format!("a store for {purpose}")))
}

fn take_in(tx: &Transaction<'_>, mut coming: Coming) -> Result<Moved, MoveError> {
    let lost = |error: rusqlite::Error| MoveError::Store(unusable("moving into the file")(error));
    let mut counts = vec![0_u64; TABLES.len()];
    while let Some(chunk) = coming.blocking_recv().transpose()? {
        let Some((table, count)) = TABLES.get(chunk.table).zip(counts.get_mut(chunk.table)) else { continue };
        let places = vec!["?"; table.columns.len()].join(", ");
        let insert = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.names());
        let mut statement = tx.prepare_cached(&insert).map_err(lost)?;
        for row in chunk.rows {
            let values: Vec<Box<dyn ToSql>> = row.into_iter().map(column).collect();
            statement.execute(params_from_iter(values)).map_err(lost)?;
            *count += 1;
        }
    }
    let rows = TABLES.iter().zip(counts).filter(|(_, count)| *count > 0);
    Ok(Moved { rows: rows.map(|(table, count)| (table.name, count)).collect(), ..Moved::default() })
}

fn column(value: Value) -> Box<dyn ToSql> {
    match value {
        Value::Null => Box::new(rusqlite::types::Null),
        Value::Integer(number) => Box::new(number),
        Value::Text(text) => Box::new(text),
        Value::Bytes(bytes) => Box::new(bytes),
    }
}

/// Writes what a store says of itself, and which move filled it.
fn finish(tx: &Transaction<'_>, id: &str, own: &Own) -> rusqlite::Result<()> {
    for (key, value) in own.notes.iter().filter(|(key, _)| key != MOVED_KEY && key != FILLED_KEY) {
        super::notes::keep(tx, key, value)?;
    }
    super::notes::keep(tx, FILLED_KEY, id)?;
    // What a store in use says of itself may be older than its rows.
    let last =
        "SELECT max(coalesce((SELECT max(id) FROM delivery), 0), coalesce((SELECT max(id) FROM archive), 0))";
    let last: i64 = tx.query_row(last, [], |row| row.get(0))?;
    tx.execute(
        "INSERT INTO meta (key, value) VALUES ('last_delivery', ?1) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [own.last_delivery.max(last).to_string()],
    )?;
    Ok(())
}

/// What heads say, and what the rows are.
type Sums = (Vec<(String, RowDigest)>, BTreeMap<String, RowDigest>);

fn sums(tx: &Transaction<'_>) -> rusqlite::Result<Sums> {
    let mut found: BTreeMap<String, RowDigest> = BTreeMap::new();
    let mut statement = tx.prepare("SELECT center, id, rev FROM delivery")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, rev) = (row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned());
        found.entry(row.get(0)?).or_default().add(DeliveryId(id), Rev(rev));
    }
    let mut statement = tx.prepare("SELECT id, count, digest FROM center")?;
    let heads = statement.query_map([], |row| {
        let (count, digest) = (row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned());
        Ok((row.get(0)?, RowDigest { count, digest: DigestSum(digest) }))
    })?;
    let heads = heads.collect::<Result<_, _>>()?;
    Ok((heads, found))
}
