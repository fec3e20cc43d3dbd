//! Accounts, keys of integrations, sign-ins.

use super::read::json;
use super::text_json;
use crate::store::backend::FORGOTTEN_AT_ONCE;
use crate::store::people::{Account, ApiKey, KeyHash, Rotated, Rotation, rotate};
use gwanje_model::{RiderId, Role, Text, UtcMillis};
use rusqlite::{Connection, OptionalExtension, Row, params};

const ACCOUNTS: &str =
    "SELECT name, role, centers, rider, coalesce(nullif(person, ''), name), password FROM account";
const KEYS: &str = "SELECT hash, name, centers, scopes FROM api_key";

pub(super) fn accounts(db: &Connection) -> rusqlite::Result<Vec<Account>> {
    db.prepare(ACCOUNTS)?.query_map([], read_account)?.collect()
}

pub(super) fn account(db: &Connection, name: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached(&format!("{ACCOUNTS} WHERE name = ?1"))?.query_row([name], read_account).optional()
}

fn read_account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(1)?;
    Ok(Account {
        name: row.get::<_, String>(0)?.into(),
        role: Role::parse(&role).ok_or(rusqlite::Error::InvalidQuery)?,
        centers: json(row, 2)?,
        rider: row.get::<_, Option<String>>(3)?.map(RiderId::from),
        person: row.get::<_, String>(4)?.into(),
        password: row.get(5)?,
    })
}

pub(super) fn put_account(db: &Connection, account: &Account) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO account (name, role, centers, rider, person, password) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, centers = excluded.centers, \
         rider = excluded.rider, person = excluded.person, password = excluded.password",
    )?
    .execute(params![
        account.name.as_str(),
        account.role.as_str(),
        text_json(&account.centers)?,
        account.rider.as_ref().map(RiderId::as_str),
        account.person.as_str(),
        account.password,
    ])
    .map(drop)
}

pub(super) fn keys(db: &Connection) -> rusqlite::Result<Vec<(KeyHash, ApiKey)>> {
    db.prepare(KEYS)?.query_map([], read_key)?.collect()
}

pub(super) fn key(db: &Connection, hash: &KeyHash) -> rusqlite::Result<Option<ApiKey>> {
    let found =
        db.prepare_cached(&format!("{KEYS} WHERE hash = ?1"))?.query_row([hash], read_key).optional()?;
    Ok(found.map(|(_, key)| key))
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<(KeyHash, ApiKey)> {
    let key = ApiKey { name: row.get::<_, String>(1)?.into(), centers: json(row, 2)?, scopes: json(row, 3)? };
    Ok((row.get(0)?, key))
}

/// One of that name is replaced.
pub(super) fn put_key(db: &Connection, hash: &KeyHash, key: &ApiKey) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO api_key (hash, name, centers, scopes) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, centers = excluded.centers, \
         scopes = excluded.scopes",
    )?
    .execute(params![hash, key.name.as_str(), text_json(&key.centers)?, text_json(&key.scopes)?])
    .map(drop)
}

/// Forgets sign-ins that were not used since then.
pub(super) fn forget_sign_ins(db: &Connection, used_since: UtcMillis) -> rusqlite::Result<()> {
    db.execute("DELETE FROM sign_in WHERE used_at < ?1", [used_since.0]).map(drop)
}

/// Id and account of each that lives.
pub(super) fn live_sign_ins(db: &Connection) -> rusqlite::Result<Vec<(String, Text)>> {
    db.prepare("SELECT id, account FROM sign_in WHERE revoked = 0")?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into())))?
        .collect()
}

/// The account of a sign-in that lives.
pub(super) fn sign_in(db: &Connection, id: &str) -> rusqlite::Result<Option<Text>> {
    db.prepare_cached("SELECT account FROM sign_in WHERE id = ?1 AND revoked = 0")?
        .query_row([id], |row| row.get::<_, String>(0))
        .optional()
        .map(|account| account.map(Text::from))
}

pub(super) fn begin_sign_in(
    db: &Connection,
    id: &str,
    account: &Text,
    first: Rotation,
) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO sign_in (id, account, rotations, used_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, account.as_str(), text_json(&[first])?, first.at.0])
        .map(drop)
}

/// Spends the refresh token of a generation; none: the sign-in is over.
pub(super) fn spend(
    db: &Connection,
    id: &str,
    spent: i64,
    now: UtcMillis,
) -> rusqlite::Result<Option<Rotation>> {
    let kept: Option<String> = db
        .prepare_cached("SELECT rotations FROM sign_in WHERE id = ?1 AND revoked = 0")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(kept) = kept else { return Ok(None) };
    match rotate(serde_json::from_str(&kept).unwrap_or_default(), spent, now) {
        Rotated::Again(again) => Ok(Some(again)),
        Rotated::Over => {
            end_sign_in(db, id)?;
            Ok(None)
        }
        Rotated::Next(rotations, next) => {
            db.prepare_cached("UPDATE sign_in SET rotations = ?2, used_at = ?3 WHERE id = ?1")?
                .execute(params![id, text_json(&rotations)?, now.0])?;
            Ok(Some(next))
        }
    }
}

/// Notes that a ticket is spent; false: it was before.
pub(super) fn spend_ticket(
    db: &Connection,
    nonce: &str,
    expires_at: UtcMillis,
    now: UtcMillis,
) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "DELETE FROM ticket WHERE nonce IN (SELECT nonce FROM ticket WHERE expires_at <= ?1 LIMIT ?2)",
    )?
    .execute([now.0, FORGOTTEN_AT_ONCE])?;
    let spent = db
        .prepare_cached("INSERT INTO ticket (nonce, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![nonce, expires_at.0])?;
    Ok(spent > 0)
}

pub(super) fn end_sign_in(db: &Connection, id: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sign_in SET revoked = 1 WHERE id = ?1")?.execute([id]).map(drop)
}

pub(super) fn end_sign_ins_of(db: &Connection, account: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sign_in SET revoked = 1 WHERE account = ?1")?.execute([account]).map(drop)
}
