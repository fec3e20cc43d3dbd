//! Accounts, keys of integrations, sign-ins.

use super::read::json;
use super::{audit, text_json};
use crate::store::audit::placed;
use crate::store::backend::FORGOTTEN_AT_ONCE;
use crate::store::changing::{By, PeopleChange, PeopleDecision, PeopleRefused, PeopleWrite, decide};
use crate::store::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotated, Rotation, rotate};
use gwanje_model::{RiderId, Role, Text, UtcMillis};
use rusqlite::{Connection, OptionalExtension, Row, params};

const ACCOUNTS: &str =
    "SELECT name, role, centers, rider, coalesce(nullif(person, ''), name), password, rights FROM account";
const KEYS: &str = "SELECT hash, name, centers, scopes FROM api_key";

pub(super) fn accounts(db: &Connection) -> rusqlite::Result<Vec<Account>> {
    db.prepare(ACCOUNTS)?.query_map([], read_account)?.collect()
}

pub(super) fn account(db: &Connection, name: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached(&format!("{ACCOUNTS} WHERE name = ?1"))?.query_row([name], read_account).optional()
}

fn read_account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(1)?;
    let (password, disabled) = Account::read_password(row.get(5)?);
    Ok(Account {
        name: row.get::<_, String>(0)?.into(),
        role: Role::parse(&role).ok_or(rusqlite::Error::InvalidQuery)?,
        centers: json(row, 2)?,
        rider: row.get::<_, Option<String>>(3)?.map(RiderId::from),
        person: row.get::<_, String>(4)?.into(),
        password,
        disabled,
        rights: row.get(6)?,
    })
}

/// Tells whoever keeps people in memory that it is old.
fn people_written(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE people_version SET written = written + 1")?.execute([]).map(drop)
}

/// How often people were written.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT written FROM people_version")?.query_row([], |row| row.get(0))
}

/// Decides a change over all there are, and writes it.
pub(super) fn change(
    db: &Connection,
    change: PeopleChange,
    by: Option<&By>,
    at: UtcMillis,
) -> rusqlite::Result<Result<PeopleWrite, PeopleRefused>> {
    let PeopleDecision { write, line } = match decide(&accounts(db)?, &keys(db)?, change, by, at) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(refused)),
    };
    match &write {
        PeopleWrite::Account { account, ends_sign_ins } => {
            put_account(db, account)?;
            if *ends_sign_ins {
                end_sign_ins_of(db, &account.name)?;
            }
        }
        PeopleWrite::Removal(name) => {
            db.prepare_cached("DELETE FROM account WHERE name = ?1")?.execute([name.as_str()])?;
            // Whoever gets the name next begins with nothing of this one's.
            db.prepare_cached("DELETE FROM preference WHERE account = ?1")?.execute([name.as_str()])?;
            end_sign_ins_of(db, name)?;
        }
        PeopleWrite::Key(hash, key) => put_key(db, hash, key)?,
        PeopleWrite::KeyRemoval(name) => {
            db.prepare_cached("DELETE FROM api_key WHERE name = ?1")?.execute([name.as_str()])?;
        }
    }
    people_written(db)?;
    audit::write(db, &placed(line.into_iter().collect()))?;
    Ok(Ok(write))
}

fn put_account(db: &Connection, account: &Account) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO account (name, role, centers, rider, person, password, rights) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, centers = excluded.centers, \
         rider = excluded.rider, person = excluded.person, password = excluded.password, \
         rights = excluded.rights",
    )?
    .execute(params![
        account.name.as_str(),
        account.role.as_str(),
        text_json(&account.centers)?,
        account.rider.as_ref().map(RiderId::as_str),
        account.person.as_str(),
        account.kept_password(),
        account.rights,
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
fn put_key(db: &Connection, hash: &KeyHash, key: &ApiKey) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO api_key (hash, name, centers, scopes) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, centers = excluded.centers, \
         scopes = excluded.scopes",
    )?
    .execute(params![hash, key.name.as_str(), text_json(&key.centers)?, text_json(&key.scopes)?])
    .map(drop)
}

/// Forgets sign-ins that were not used since then; how many.
pub(super) fn forget_sign_ins(db: &Connection, used_since: UtcMillis) -> rusqlite::Result<usize> {
    let forgotten = db.execute("DELETE FROM sign_in WHERE used_at < ?1", [used_since.0])?;
    if forgotten > 0 {
        people_written(db)?;
    }
    Ok(forgotten)
}

/// The account of a sign-in, whether or not that lives still.
pub(super) fn sign_in_of_ever(db: &Connection, id: &str) -> rusqlite::Result<Option<Text>> {
    db.prepare_cached("SELECT account FROM sign_in WHERE id = ?1")?
        .query_row([id], |row| row.get::<_, String>(0))
        .optional()
        .map(|account| account.map(Text::from))
}

/// Those that live, of an account or of all, oldest first.
pub(super) fn sign_ins_of(db: &Connection, account: Option<&Text>) -> rusqlite::Result<Vec<KeptSignIn>> {
    db.prepare_cached(
        "SELECT id, account, began_at, used_at, origin FROM sign_in \
         WHERE revoked = 0 AND (?1 IS NULL OR account = ?1) ORDER BY began_at, id",
    )?
    .query_map([account.map(Text::as_str)], |row| {
        Ok(KeptSignIn {
            id: row.get(0)?,
            account: row.get::<_, String>(1)?.into(),
            began_at: UtcMillis(row.get(2)?),
            used_at: UtcMillis(row.get(3)?),
            from: row.get::<_, String>(4)?.into(),
        })
    })?
    .collect()
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

/// False: the account is not any more as it is here.
pub(super) fn begin_sign_in(
    db: &Connection,
    id: &str,
    account: &Account,
    first: Rotation,
    from: &Text,
) -> rusqlite::Result<bool> {
    let is_same: bool = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM account WHERE name = ?1 AND password = ?2 AND rights = ?3)",
        )?
        .query_row(params![account.name.as_str(), account.kept_password(), account.rights], |row| {
            row.get(0)
        })?;
    if !is_same {
        return Ok(false);
    }
    db.prepare_cached(
        "INSERT INTO sign_in (id, account, rotations, used_at, began_at, origin) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
    )?
    .execute(params![id, account.name.as_str(), text_json(&[first])?, first.at.0, from.as_str()])?;
    let by = By { account: account.name.clone(), from: from.clone() };
    audit::write(db, &placed(vec![by.did(first.at, "session.begin", id.into())]))?;
    Ok(true)
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
    db.prepare_cached("UPDATE sign_in SET revoked = 1 WHERE id = ?1")?.execute([id])?;
    people_written(db)
}

pub(super) fn end_sign_ins_of(db: &Connection, account: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sign_in SET revoked = 1 WHERE account = ?1 AND revoked = 0")?
        .execute([account])?;
    people_written(db)
}
