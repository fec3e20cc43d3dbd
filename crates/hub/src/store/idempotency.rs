//! What was decided under an idempotency key, and keys that were closed before anything was.

use super::decided::{Accepted, Decision};
use super::text_json;
use super::writer::Batch;
use gwanje_model::{CenterId, Delivery, Epoch, Text, UtcMillis};
use gwanje_wire::rest::{CloseReply, Outcome};
use gwanje_wire::{ErrorCode, Problem};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// How long an outcome is kept, milliseconds of the wall clock: a day, far beyond any client's 30 s of retries.
const KEPT_MS: i64 = 24 * 3_600_000;
/// Forgets at most this many outcomes at once: bounds the transaction that does it.
const FORGOTTEN_AT_ONCE: i64 = 64;

/// The key under which an outcome is kept, scoped to account and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The path of the request.
    pub path: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_hash: [u8; 32],
}

/// The recorded outcome of a twin; `invalid` when it had another body, `void` when the key was closed.
pub(super) fn recorded(
    db: &Connection,
    account: &str,
    center: &CenterId,
    asked: &Idempotency,
) -> rusqlite::Result<Option<Decision>> {
    let found = db
        .prepare_cached(
            "SELECT path, body_hash, status, epoch, body FROM outcome \
             WHERE account = ?1 AND center = ?2 AND key = ?3 AND path IN (?4, '') ORDER BY path LIMIT 1",
        )?
        .query_row(params![account, center.as_str(), asked.key, asked.path], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                row.get::<_, u16>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, String>(4)?,
            ))
        })
        .optional()?;
    let Some((path, body_hash, status, epoch, body)) = found else { return Ok(None) };
    let refused = |code, detail: &str| Ok(Some(Err(Box::new(Problem::new(code, detail)))));
    if path.is_empty() {
        return refused(ErrorCode::Void, "this idempotency key was closed; ask anew with another key");
    }
    if body_hash != asked.body_hash {
        return refused(
            ErrorCode::Invalid,
            "this idempotency key was used with another body; use a new key for a new command",
        );
    }
    let unreadable = |error: serde_json::Error| {
        rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
    };
    let decision = match epoch {
        Some(epoch) => {
            let row: Delivery = serde_json::from_str(&body).map_err(unreadable)?;
            Ok(Accepted { row: Arc::new(row), epoch: Epoch::from(epoch), created: status == CREATED })
        }
        None => Err(Box::new(serde_json::from_str::<Problem>(&body).map_err(unreadable)?)),
    };
    Ok(Some(decision))
}

/// The HTTP status of a new row.
const CREATED: u16 = 201;

/// Records a decision.
pub(super) fn record(
    batch: &mut Batch<'_>,
    account: &str,
    center: &CenterId,
    asked: &Idempotency,
    decision: &Decision,
) -> rusqlite::Result<()> {
    let (status, epoch, body) = match decision {
        Ok(Accepted { row, epoch, created }) => {
            (if *created { CREATED } else { 200 }, Some(epoch.as_str()), text_json(row)?)
        }
        Err(problem) => (problem.status, None, text_json(problem)?),
    };
    let row = Record { account, center, key: &asked.key, path: &asked.path, hash: &asked.body_hash };
    insert(batch.db(), &row, status, epoch, &body, batch.wall)
}

/// The outcome under a key of this account in this center, whatever its path; when there is none yet, it is void from
/// now on.
pub(super) fn close(
    batch: &mut Batch<'_>,
    account: &Text,
    center: &CenterId,
    key: &str,
) -> rusqlite::Result<CloseReply> {
    let found = batch
        .db()
        .prepare_cached(
            "SELECT path, status, epoch, body FROM outcome \
             WHERE account = ?1 AND center = ?2 AND key = ?3 ORDER BY path LIMIT 1",
        )?
        .query_row([account.as_str(), center.as_str(), key], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, u16>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get::<_, String>(3)?,
            ))
        })
        .optional()?;
    let void = CloseReply { outcome: Outcome::Void, status: None, body: None };
    let Some((path, status, epoch, body)) = found else {
        let row = Record { account, center, key, path: "", hash: &[] };
        insert(batch.db(), &row, ErrorCode::Void.http_status(), None, "null", batch.wall)?;
        return Ok(void);
    };
    if path.is_empty() {
        return Ok(void);
    }
    let outcome = if epoch.is_some() { Outcome::Done } else { Outcome::Refused };
    Ok(CloseReply { outcome, status: Some(status), body: serde_json::from_str(&body).ok() })
}

struct Record<'a> {
    account: &'a str,
    center: &'a CenterId,
    key: &'a str,
    path: &'a str,
    hash: &'a [u8],
}

fn insert(
    db: &Connection,
    row: &Record<'_>,
    status: u16,
    epoch: Option<&str>,
    body: &str,
    at: UtcMillis,
) -> rusqlite::Result<()> {
    let Record { account, center, key, path, hash } = row;
    db.prepare_cached(
        "INSERT INTO outcome (account, center, key, path, body_hash, status, epoch, body, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![account, center.as_str(), key, path, hash, status, epoch, body, at.0])?;
    db.prepare_cached(
        "DELETE FROM outcome WHERE (account, center, key, path) IN \
         (SELECT account, center, key, path FROM outcome WHERE at < ?1 ORDER BY at LIMIT ?2)",
    )?
    .execute([at.0 - KEPT_MS, FORGOTTEN_AT_ONCE])?;
    Ok(())
}
