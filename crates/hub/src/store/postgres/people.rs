//! Accounts, keys of integrations, sign-ins, preferences, notes.

use super::audit;
use super::failure::Failure;
use super::rows::{json, text_json};
use crate::store::audit::placed;
use crate::store::backend::FORGOTTEN_AT_ONCE;
use crate::store::changing::{By, PeopleChange, PeopleDecision, PeopleRefused, PeopleWrite, decide};
use crate::store::people::{Account, ApiKey, KeptSignIn, KeyHash, Rotated, Rotation, rotate};
use crate::store::{PREFERENCES_MAX, Preference, PreferenceKept, Replaces};
use deadpool_postgres::Transaction;
use gwanje_model::{RiderId, Role, Text, UtcMillis};
use tokio_postgres::Row;

const ACCOUNTS: &str =
    "SELECT name, role, centers, rider, coalesce(nullif(person, ''), name), password, rights FROM account";
const KEYS: &str = "SELECT hash, name, centers, scopes FROM api_key";

pub(super) async fn accounts(tx: &Transaction<'_>) -> Result<Vec<Account>, Failure> {
    let statement = tx.prepare_cached(ACCOUNTS).await?;
    tx.query(&statement, &[]).await?.iter().map(read_account).collect()
}

pub(super) async fn account(tx: &Transaction<'_>, name: &str) -> Result<Option<Account>, Failure> {
    let statement = tx.prepare_cached(&format!("{ACCOUNTS} WHERE name = $1")).await?;
    tx.query_opt(&statement, &[&name]).await?.as_ref().map(read_account).transpose()
}

fn read_account(row: &Row) -> Result<Account, Failure> {
    let role: &str = row.get(1);
    let (password, disabled) = Account::read_password(row.get(5));
    Ok(Account {
        name: row.get::<_, &str>(0).into(),
        role: Role::parse(role).ok_or_else(|| Failure::Damaged("account.role", role.to_owned()))?,
        centers: json(row, 2)?,
        rider: row.get::<_, Option<String>>(3).map(RiderId::from),
        person: row.get::<_, &str>(4).into(),
        password,
        disabled,
        rights: row.get(6),
    })
}

/// Tells every node that what it keeps of people in memory is old.
async fn people_written(tx: &Transaction<'_>) -> Result<(), Failure> {
    let statement = tx.prepare_cached("UPDATE people_version SET written = written + 1").await?;
    tx.execute(&statement, &[]).await?;
    // A node of a version before looks at this.
    let statement = tx.prepare_cached("SELECT nextval('people_written')").await?;
    tx.query_one(&statement, &[]).await?;
    Ok(())
}

/// Decides a change over all there are, and writes it.
pub(super) async fn change(
    tx: &Transaction<'_>,
    change: PeopleChange,
    by: Option<&By>,
    at: UtcMillis,
) -> Result<Result<PeopleWrite, PeopleRefused>, Failure> {
    // Others read on meanwhile, and sign in.
    tx.batch_execute("LOCK TABLE account, api_key IN SHARE ROW EXCLUSIVE MODE").await?;
    let PeopleDecision { write, line } = match decide(&accounts(tx).await?, &keys(tx).await?, change, by, at)
    {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(refused)),
    };
    match &write {
        PeopleWrite::Account { account, ends_sign_ins } => {
            put_account(tx, account).await?;
            if *ends_sign_ins {
                revoke_all_of(tx, &account.name).await?;
            }
        }
        PeopleWrite::Removal(name) => {
            // Whoever gets the name next begins with nothing of this one's.
            for gone in ["DELETE FROM account WHERE name = $1", "DELETE FROM preference WHERE account = $1"] {
                let statement = tx.prepare_cached(gone).await?;
                tx.execute(&statement, &[&name.as_str()]).await?;
            }
            revoke_all_of(tx, name).await?;
        }
        PeopleWrite::Key(hash, key) => put_key(tx, hash, key).await?,
        PeopleWrite::KeyRemoval(name) => {
            let statement = tx.prepare_cached("DELETE FROM api_key WHERE name = $1").await?;
            tx.execute(&statement, &[&name.as_str()]).await?;
        }
    }
    audit::write(tx, &placed(line.into_iter().collect())).await?;
    people_written(tx).await?;
    Ok(Ok(write))
}

async fn put_account(tx: &Transaction<'_>, account: &Account) -> Result<(), Failure> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO account (name, role, centers, rider, person, password, rights) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (name) DO UPDATE SET role = excluded.role, centers = excluded.centers, \
             rider = excluded.rider, person = excluded.person, password = excluded.password, \
             rights = excluded.rights",
        )
        .await?;
    let centers = text_json(&account.centers)?;
    let rider = account.rider.as_ref().map(RiderId::as_str);
    let (name, role, person) = (account.name.as_str(), account.role.as_str(), account.person.as_str());
    let (password, rights) = (account.kept_password(), account.rights);
    tx.execute(&statement, &[&name, &role, &centers, &rider, &person, &password, &rights]).await?;
    Ok(())
}

pub(super) async fn keys(tx: &Transaction<'_>) -> Result<Vec<(KeyHash, ApiKey)>, Failure> {
    let statement = tx.prepare_cached(KEYS).await?;
    tx.query(&statement, &[]).await?.iter().map(read_key).collect()
}

pub(super) async fn key(tx: &Transaction<'_>, hash: &KeyHash) -> Result<Option<ApiKey>, Failure> {
    let statement = tx.prepare_cached(&format!("{KEYS} WHERE hash = $1")).await?;
    let found = tx.query_opt(&statement, &[&hash.as_slice()]).await?;
    Ok(found.as_ref().map(read_key).transpose()?.map(|(_, key)| key))
}

fn read_key(row: &Row) -> Result<(KeyHash, ApiKey), Failure> {
    let hash: &[u8] = row.get(0);
    let hash = hash.try_into().map_err(|_| Failure::Damaged("api_key.hash", row.get(1)))?;
    Ok((hash, ApiKey { name: row.get::<_, &str>(1).into(), centers: json(row, 2)?, scopes: json(row, 3)? }))
}

/// One of that name is replaced.
async fn put_key(tx: &Transaction<'_>, hash: &KeyHash, key: &ApiKey) -> Result<(), Failure> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO api_key (hash, name, centers, scopes) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, centers = excluded.centers, \
             scopes = excluded.scopes",
        )
        .await?;
    let (centers, scopes) = (text_json(&key.centers)?, text_json(&key.scopes)?);
    tx.execute(&statement, &[&hash.as_slice(), &key.name.as_str(), &centers, &scopes]).await?;
    Ok(())
}

/// Forgets sign-ins that were not used since then; how many.
pub(super) async fn forget_sign_ins(tx: &Transaction<'_>, used_since: UtcMillis) -> Result<usize, Failure> {
    let statement = tx.prepare_cached("DELETE FROM sign_in WHERE used_at < $1").await?;
    let forgotten = tx.execute(&statement, &[&used_since.0]).await?;
    if forgotten > 0 {
        people_written(tx).await?;
    }
    Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
}

/// The account of a sign-in, whether or not that lives still.
pub(super) async fn sign_in_of_ever(tx: &Transaction<'_>, id: &str) -> Result<Option<Text>, Failure> {
    let statement = tx.prepare_cached("SELECT account FROM sign_in WHERE id = $1").await?;
    Ok(tx.query_opt(&statement, &[&id]).await?.map(|row| row.get::<_, &str>(0).into()))
}

/// Those that live, of an account or of all, oldest first.
pub(super) async fn sign_ins_of(
    tx: &Transaction<'_>,
    account: Option<&Text>,
) -> Result<Vec<KeptSignIn>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT id, account, began_at, used_at, origin FROM sign_in \
             WHERE NOT revoked AND ($1::text IS NULL OR account = $1) ORDER BY began_at, id",
        )
        .await?;
    let rows = tx.query(&statement, &[&account.map(Text::as_str)]).await?;
    let kept = |row: &Row| KeptSignIn {
        id: row.get(0),
        account: row.get::<_, &str>(1).into(),
        began_at: UtcMillis(row.get(2)),
        used_at: UtcMillis(row.get(3)),
        from: row.get::<_, &str>(4).into(),
    };
    Ok(rows.iter().map(kept).collect())
}

/// Id and account of each that lives.
pub(super) async fn live_sign_ins(tx: &Transaction<'_>) -> Result<Vec<(String, Text)>, Failure> {
    let statement = tx.prepare_cached("SELECT id, account FROM sign_in WHERE NOT revoked").await?;
    let rows = tx.query(&statement, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get::<_, &str>(1).into())).collect())
}

/// The account of a sign-in that lives.
pub(super) async fn sign_in(tx: &Transaction<'_>, id: &str) -> Result<Option<Text>, Failure> {
    let statement = tx.prepare_cached("SELECT account FROM sign_in WHERE id = $1 AND NOT revoked").await?;
    Ok(tx.query_opt(&statement, &[&id]).await?.map(|row| row.get::<_, &str>(0).into()))
}

/// False: the account is not any more as it is here. One that is changed meanwhile waits, and ends this sign-in, too.
pub(super) async fn begin_sign_in(
    tx: &Transaction<'_>,
    id: &str,
    account: &Account,
    first: Rotation,
    from: &Text,
) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM account WHERE name = $1 AND password = $2 AND rights = $3 FOR SHARE";
    let statement = tx.prepare_cached(sql).await?;
    let (name, password) = (account.name.as_str(), account.kept_password());
    if tx.query_opt(&statement, &[&name, &password, &account.rights]).await?.is_none() {
        return Ok(false);
    }
    let sql = "INSERT INTO sign_in (id, account, rotations, used_at, began_at, origin) \
               VALUES ($1, $2, $3, $4, $4, $5)";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&id, &name, &text_json(&[first])?, &first.at.0, &from.as_str()]).await?;
    let by = By { account: account.name.clone(), from: from.clone() };
    audit::write(tx, &placed(vec![by.did(first.at, "session.begin", id.into())])).await?;
    Ok(true)
}

/// Spends the refresh token of a generation; none: the sign-in is over. Twins wait for each other's row.
pub(super) async fn spend(
    tx: &Transaction<'_>,
    id: &str,
    spent: i64,
    now: UtcMillis,
) -> Result<Option<Rotation>, Failure> {
    let sql = "SELECT rotations FROM sign_in WHERE id = $1 AND NOT revoked FOR UPDATE";
    let statement = tx.prepare_cached(sql).await?;
    let Some(row) = tx.query_opt(&statement, &[&id]).await? else { return Ok(None) };
    match rotate(json(&row, 0)?, spent, now) {
        Rotated::Again(again) => Ok(Some(again)),
        Rotated::Over => {
            end_sign_in(tx, id).await?;
            Ok(None)
        }
        Rotated::Next(rotations, next) => {
            let sql = "UPDATE sign_in SET rotations = $2, used_at = $3 WHERE id = $1";
            let statement = tx.prepare_cached(sql).await?;
            tx.execute(&statement, &[&id, &text_json(&rotations)?, &now.0]).await?;
            Ok(Some(next))
        }
    }
}

/// Notes that a ticket is spent; false: it was before.
pub(super) async fn spend_ticket(
    tx: &Transaction<'_>,
    nonce: &str,
    expires_at: UtcMillis,
    now: UtcMillis,
) -> Result<bool, Failure> {
    // Those that another node is forgetting just now are passed over.
    let sql = "DELETE FROM ticket WHERE ctid = ANY (ARRAY(SELECT ctid FROM ticket WHERE expires_at <= $1 \
               LIMIT $2 FOR UPDATE SKIP LOCKED))";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&now.0, &FORGOTTEN_AT_ONCE]).await?;
    let sql = "INSERT INTO ticket (nonce, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let statement = tx.prepare_cached(sql).await?;
    Ok(tx.execute(&statement, &[&nonce, &expires_at.0]).await? > 0)
}

pub(super) async fn end_sign_in(tx: &Transaction<'_>, id: &str) -> Result<(), Failure> {
    let statement = tx.prepare_cached("UPDATE sign_in SET revoked = TRUE WHERE id = $1").await?;
    tx.execute(&statement, &[&id]).await?;
    people_written(tx).await
}

pub(super) async fn end_sign_ins_of(tx: &Transaction<'_>, account: &str) -> Result<(), Failure> {
    if revoke_all_of(tx, account).await? > 0 {
        people_written(tx).await?;
    }
    Ok(())
}

async fn revoke_all_of(tx: &Transaction<'_>, account: &str) -> Result<u64, Failure> {
    let sql = "UPDATE sign_in SET revoked = TRUE WHERE account = $1 AND NOT revoked";
    let statement = tx.prepare_cached(sql).await?;
    Ok(tx.execute(&statement, &[&account]).await?)
}

/// How often people were written.
pub(super) async fn version(tx: &Transaction<'_>) -> Result<i64, Failure> {
    // A node of a version before counts by the sequence alone.
    let sql = "SELECT v.written + s.last_value + s.is_called::int FROM people_version v, people_written s";
    let statement = tx.prepare_cached(sql).await?;
    Ok(tx.query_one(&statement, &[]).await?.get(0))
}

pub(super) async fn preference(
    tx: &Transaction<'_>,
    account: &Text,
    key: &str,
) -> Result<Option<Preference>, Failure> {
    let sql = "SELECT version, body FROM preference WHERE account = $1 AND key = $2";
    let statement = tx.prepare_cached(sql).await?;
    let found = tx.query_opt(&statement, &[&account.as_str(), &key]).await?;
    Ok(found.map(|row| Preference { version: row.get(0), body: row.get(1) }))
}

/// Keeps a preference where nobody has written in between. The writes of one account wait for each other.
pub(super) async fn keep_preference(
    tx: &Transaction<'_>,
    account: &Text,
    key: &str,
    body: &str,
    replaces: &Replaces,
) -> Result<PreferenceKept, Failure> {
    let account = account.as_str();
    let statement = tx.prepare_cached("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").await?;
    tx.query_one(&statement, &[&account]).await?;
    let statement = tx.prepare_cached("SELECT key, version FROM preference WHERE account = $1").await?;
    let kept = tx.query(&statement, &[&account]).await?;
    let present: Option<i64> = kept.iter().find(|row| row.get::<_, &str>(0) == key).map(|row| row.get(1));
    if !replaces.fits(present) {
        return Ok(PreferenceKept::Another(present));
    }
    if present.is_none() && i64::try_from(kept.len()).is_ok_and(|kept| kept >= PREFERENCES_MAX) {
        return Ok(PreferenceKept::TooMany);
    }
    let version = present.unwrap_or(0) + 1;
    let sql = "INSERT INTO preference (account, key, version, body) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (account, key) DO UPDATE SET version = excluded.version, body = excluded.body";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&account, &key, &version, &body]).await?;
    Ok(PreferenceKept::As(version))
}

/// How a note's name stands among what else the store keeps of itself.
fn named(key: &str) -> String {
    format!("note:{key}")
}

pub(super) async fn note(tx: &Transaction<'_>, key: &str) -> Result<Option<String>, Failure> {
    let statement = tx.prepare_cached("SELECT value FROM meta WHERE key = $1").await?;
    Ok(tx.query_opt(&statement, &[&named(key)]).await?.map(|row| row.get(0)))
}

/// Keeps a text where there is none yet; gives what is kept then.
pub(super) async fn keep_first_note(tx: &Transaction<'_>, key: &str, value: &str) -> Result<String, Failure> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&named(key), &value]).await?;
    Ok(note(tx, key).await?.unwrap_or_else(|| value.to_owned()))
}

pub(super) async fn keep_note(tx: &Transaction<'_>, key: &str, value: &str) -> Result<(), Failure> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&named(key), &value]).await?;
    Ok(())
}
