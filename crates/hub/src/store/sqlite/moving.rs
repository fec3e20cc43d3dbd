//! All that a file keeps, table by table, for a move.

use super::{Sqlite, connect, unusable};
use crate::store::StoreError;
use crate::store::transfer::{Chunk, Own, TABLES, Table, Value};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use tokio::sync::mpsc;

/// Bytes of texts that travel at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Rows that travel at once.
const CHUNK_ROWS: usize = 2_000;

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

    /// All rows of all tables, one table after the other. The last thing that comes is the failure, if there is one.
    pub(in crate::store) fn tables(&self) -> mpsc::Receiver<Result<Chunk, StoreError>> {
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
    let names: Vec<String> = table.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let mut statement = db.prepare(&format!("SELECT {} FROM {}", names.join(", "), table.name))?;
    let mut found = statement.query([])?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    loop {
        let row = found.next()?;
        if row.is_none() || rows.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
            let chunk = Chunk { table: n, rows: std::mem::take(&mut rows) };
            bytes = 0;
            if chunks.blocking_send(Ok(chunk)).is_err() {
                return Ok(());
            }
        }
        let Some(row) = row else { return Ok(()) };
        let mut values = Vec::with_capacity(names.len());
        for column in 0..names.len() {
            let value = match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
                ValueRef::Real(_) => {
                    let kind = rusqlite::types::Type::Real;
                    return Err(rusqlite::Error::InvalidColumnType(column, table.name.into(), kind));
                }
            };
            bytes += match &value {
                Value::Text(text) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
                Value::Null | Value::Integer(_) => 8,
            };
            values.push(value);
        }
        rows.push(values);
    }
}
