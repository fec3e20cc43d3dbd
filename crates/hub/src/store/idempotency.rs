//! What was decided under an idempotency key, and keys that were closed before anything was.

use super::writer::Batch;
use gwanje_model::{CenterId, Epoch, Text, UtcMillis};
use gwanje_wire::rest::{self, CloseReply};
use gwanje_wire::{ErrorCode, Problem};
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

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

/// What was recorded of a command that was carried out.
pub(super) struct Recorded {
    /// The HTTP status.
    pub status: u16,
    /// The history that its revisions count in.
    pub epoch: Epoch,
    body: String,
}

impl Recorded {
    /// Its body.
    pub fn read<T: DeserializeOwned>(&self) -> rusqlite::Result<T> {
        serde_json::from_str(&self.body).map_err(unreadable)
    }
}

/// What is to be recorded of a command.
pub(super) struct Outcome<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The history that its revisions count in; none: it was refused.
    pub epoch: Option<&'a str>,
    /// The body, as JSON.
    pub body: String,
}

/// The recorded outcome of a twin, or the problem that it was or is refused with: `invalid` when it had another body,
/// `void` when the key was closed.
pub(super) fn recorded(
    db: &Connection,
    account: &str,
    center: &CenterId,
    asked: &Idempotency,
) -> rusqlite::Result<Option<Result<Recorded, Box<Problem>>>> {
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
    Ok(Some(match epoch {
        Some(epoch) => Ok(Recorded { status, epoch: Epoch::from(epoch), body }),
        None => Err(Box::new(serde_json::from_str::<Problem>(&body).map_err(unreadable)?)),
    }))
}

fn unreadable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
}

/// Records a decision.
pub(super) fn record(
    batch: &mut Batch<'_>,
    account: &str,
    center: &CenterId,
    asked: &Idempotency,
    decided: &Outcome<'_>,
) -> rusqlite::Result<()> {
    let row = Record { account, center, key: &asked.key, path: &asked.path, hash: &asked.body_hash };
    insert(batch.db(), &row, decided.status, decided.epoch, &decided.body, batch.wall)
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
    let void = CloseReply { outcome: rest::Outcome::Void, status: None, body: None };
    let Some((path, status, epoch, body)) = found else {
        let row = Record { account, center, key, path: "", hash: &[] };
        insert(batch.db(), &row, ErrorCode::Void.http_status(), None, "null", batch.wall)?;
        return Ok(void);
    };
    if path.is_empty() {
        return Ok(void);
    }
    let outcome = if epoch.is_some() { rest::Outcome::Done } else { rest::Outcome::Refused };
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
