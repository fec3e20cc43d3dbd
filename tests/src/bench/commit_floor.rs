//! The floor of P11: the rows that a hub has written, written again by a loop that does nothing else.

use super::sample::CENTER;
use anyhow::{Context, Result};
use gwanje_model::Delivery;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use tokio_postgres::{Client, NoTls};

const HISTORY: &str = "SELECT delivery, rev, at, by, action, from_status, to_status, detail, body, wall \
                       FROM history ORDER BY rev";

/// A change as the hub wrote it: the row, and its line of history.
pub struct WrittenRow {
    delivery: i64,
    rev: i64,
    at: i64,
    by: String,
    action: String,
    from_status: Option<String>,
    to_status: String,
    detail: String,
    body: String,
    wall: i64,
    rider: Option<String>,
    received_at: i64,
    ended_at: Option<i64>,
}

impl WrittenRow {
    /// With what stands beside the body in the row itself.
    fn completed(mut self) -> Result<Self> {
        let row: Delivery = serde_json::from_str(&self.body).context("a body of the history")?;
        self.rider = row.rider.as_ref().map(|rider| rider.id.as_str().to_owned());
        self.received_at = row.received_at.0;
        self.ended_at = row.ended_at().map(|at| at.0);
        Ok(self)
    }
}

/// What a hub wrote into its file.
///
/// # Errors
/// When it can't be read.
pub fn rows_of_file(file: &Path) -> Result<Vec<WrittenRow>> {
    let db = Connection::open(file)?;
    let mut statement = db.prepare(HISTORY)?;
    let rows = statement.query_map([], |row| {
        Ok(WrittenRow {
            delivery: row.get(0)?,
            rev: row.get(1)?,
            at: row.get(2)?,
            by: row.get(3)?,
            action: row.get(4)?,
            from_status: row.get(5)?,
            to_status: row.get(6)?,
            detail: row.get(7)?,
            body: row.get(8)?,
            wall: row.get(9)?,
            rider: None,
            received_at: 0,
            ended_at: None,
        })
    })?;
    rows.map(|row| row?.completed()).collect()
}

/// Writes them into a file that has the hub's tables, so many a transaction, as durably as the hub does; rows a second.
///
/// # Errors
/// When SQLite refuses.
pub fn sqlite(file: &Path, rows: &[WrittenRow], at_once: u64) -> Result<f64> {
    let mut db = Connection::open(file)?;
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    let begin = Instant::now();
    for rows in rows.chunks(usize::try_from(at_once)?) {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for row in rows {
            tx.prepare_cached(
                "INSERT INTO delivery (id, center, rev, status, rider, received_at, ended_at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, \
                 status = excluded.status, rider = excluded.rider, ended_at = excluded.ended_at, \
                 body = excluded.body",
            )?
            .execute(params![
                row.delivery,
                CENTER,
                row.rev,
                row.to_status,
                row.rider,
                row.received_at,
                row.ended_at,
                row.body
            ])?;
            tx.prepare_cached(
                "INSERT INTO history (delivery, rev, center, at, by, action, from_status, to_status, detail, \
                 body, wall) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                row.delivery,
                row.rev,
                CENTER,
                row.at,
                row.by,
                row.action,
                row.from_status,
                row.to_status,
                row.detail,
                row.body,
                row.wall
            ])?;
        }
        let last = rows.last().map_or(0, |row| row.rev);
        tx.prepare_cached("UPDATE center SET rev = ?2, count = ?2, digest = ?2 WHERE id = ?1")?
            .execute(params![CENTER, last])?;
        tx.commit()?;
    }
    Ok(rows.len() as f64 / begin.elapsed().as_secs_f64())
}

async fn client(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

/// Makes an empty database.
///
/// # Errors
/// When the server refuses.
pub async fn make_database(url: &str, name: &str) -> Result<()> {
    Ok(client(url).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?)
}

/// What a hub wrote into its database.
///
/// # Errors
/// When it can't be read.
pub async fn rows_of_database(url: &str) -> Result<Vec<WrittenRow>> {
    let rows = client(url).await?.query(HISTORY, &[]).await?;
    let rows = rows.iter().map(|row| {
        let written = WrittenRow {
            delivery: row.get(0),
            rev: row.get(1),
            at: row.get(2),
            by: row.get(3),
            action: row.get(4),
            from_status: row.get(5),
            to_status: row.get(6),
            detail: row.get(7),
            body: row.get(8),
            wall: row.get(9),
            rider: None,
            received_at: 0,
            ended_at: None,
        };
        written.completed()
    });
    rows.collect()
}

/// Writes them into a database that has the hub's tables, so many a transaction, each table's rows in one statement; rows
/// a second.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn postgres(url: &str, rows: &[WrittenRow], at_once: u64) -> Result<f64> {
    let mut client = client(url).await?;
    let upsert = client
        .prepare(
            "INSERT INTO delivery (id, center, rev, status, rider, received_at, ended_at, body) \
             SELECT id, $1, rev, status, rider, received_at, ended_at, body FROM unnest($2::bigint[], \
             $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]) \
             AS rows (id, rev, status, rider, received_at, ended_at, body) ON CONFLICT (id) DO UPDATE SET \
             rev = excluded.rev, status = excluded.status, rider = excluded.rider, \
             ended_at = excluded.ended_at, body = excluded.body",
        )
        .await?;
    let insert = client
        .prepare(
            "INSERT INTO history (delivery, rev, center, at, by, action, from_status, to_status, detail, body, \
             wall) SELECT delivery, rev, $1, at, by, action, was, status, detail, body, wall FROM \
             unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], \
             $9::text[], $10::text[], $11::bigint[]) \
             AS rows (delivery, rev, at, by, action, was, status, detail, body, wall)",
        )
        .await?;
    let head = client.prepare("UPDATE center SET rev = $2, count = $2, digest = $2 WHERE id = $1").await?;
    let begin = Instant::now();
    for rows in rows.chunks(usize::try_from(at_once)?) {
        let tx = client.transaction().await?;
        // A statement writes a row once: as it is at the end of the transaction.
        let latest: BTreeMap<i64, &WrittenRow> = rows.iter().map(|row| (row.delivery, row)).collect();
        let latest: Vec<&WrittenRow> = latest.into_values().collect();
        let all: Vec<&WrittenRow> = rows.iter().collect();
        let last = rows.last().map_or(0, |row| row.rev);
        tx.execute(
            &upsert,
            &[
                &CENTER,
                &column(&latest, |row| row.delivery),
                &column(&latest, |row| row.rev),
                &column(&latest, |row| row.to_status.as_str()),
                &column(&latest, |row| row.rider.as_deref()),
                &column(&latest, |row| row.received_at),
                &column(&latest, |row| row.ended_at),
                &column(&latest, |row| row.body.as_str()),
            ],
        )
        .await?;
        tx.execute(
            &insert,
            &[
                &CENTER,
                &column(&all, |row| row.delivery),
                &column(&all, |row| row.rev),
                &column(&all, |row| row.at),
                &column(&all, |row| row.by.as_str()),
                &column(&all, |row| row.action.as_str()),
                &column(&all, |row| row.from_status.as_deref()),
                &column(&all, |row| row.to_status.as_str()),
                &column(&all, |row| row.detail.as_str()),
                &column(&all, |row| row.body.as_str()),
                &column(&all, |row| row.wall),
            ],
        )
        .await?;
        tx.execute(&head, &[&CENTER, &last]).await?;
        tx.commit().await?;
    }
    Ok(rows.len() as f64 / begin.elapsed().as_secs_f64())
}

fn column<'a, T>(rows: &[&'a WrittenRow], value: impl Fn(&'a WrittenRow) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}
