//! Accounts: name, role, centers and a password, of which only the hash is kept.

use crate::store::{Store, StoreError, text_json};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use gwanje_model::{CenterId, RiderId, Role, Text};
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// Its name.
    pub name: Text,
    /// Its role.
    pub role: Role,
    /// The centers that it may see (an admin sees all).
    pub centers: Vec<CenterId>,
    /// With the role rider: which rider; absent: the one whose id is the account's name.
    pub rider: Option<RiderId>,
    /// What people call whoever has it; none: as before, or by the account's name.
    pub person: Option<Text>,
    /// Its password.
    pub password: String,
}

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: Text,
    /// Its role.
    pub role: Role,
    /// The centers that it may see (an admin sees all).
    pub centers: Vec<CenterId>,
    /// With the role rider: which rider.
    pub rider: Option<RiderId>,
    /// What people call whoever has it.
    pub person: Text,
    pub(super) password: String,
}

/// Hashes the password (some ten milliseconds of a core). A password that fits the hash kept until now keeps that hash,
/// which shows that it is not new. None when the system gives no salt.
pub(super) fn hashed(new: NewAccount, kept: Option<&Account>) -> Option<Account> {
    let NewAccount { name, role, centers, rider, person, password } = new;
    let rider = (role == Role::Rider).then(|| rider.unwrap_or_else(|| RiderId(name.clone())));
    let person = person.or_else(|| kept.map(|kept| kept.person.clone())).unwrap_or_else(|| name.clone());
    let same = kept.map(|kept| &kept.password).filter(|kept| verify(&password, Some(kept)));
    let password = same.map_or_else(|| hash(&password), |kept| Some(kept.clone()))?;
    Some(Account { name, role, centers, rider, person, password })
}

fn hash(password: &str) -> Option<String> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).ok()?;
    Some(hash.to_string())
}

/// Whether a password fits a hash. Without one (no such account) it takes the same time and never fits.
pub(super) fn verify(password: &str, kept: Option<&str>) -> bool {
    static NOBODY: OnceLock<Option<String>> = OnceLock::new();
    let against = kept.or_else(|| NOBODY.get_or_init(|| hash("nobody")).as_deref());
    let parsed = against.and_then(|hash| PasswordHash::new(hash).ok());
    let fits =
        parsed.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    fits && kept.is_some()
}

/// The accounts that this process knows.
pub(super) struct Accounts {
    known: RwLock<FxHashMap<Text, Arc<Account>>>,
}

const COLUMNS: &str =
    "SELECT name, role, centers, rider, coalesce(nullif(person, ''), name), password FROM account";

impl Accounts {
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { known: RwLock::new(all(store).await?) })
    }

    /// Takes all from the store. Returns those that were known differently before, as they were known.
    pub async fn reload(&self, store: &Store) -> Result<Vec<Arc<Account>>, StoreError> {
        let now = all(store).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let changed =
            known.values().filter(|before| now.get(&before.name) != Some(before)).cloned().collect();
        *known = now;
        Ok(changed)
    }

    pub fn get(&self, name: &str) -> Option<Arc<Account>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub fn is_empty(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The account as the store has it now.
    pub async fn reread(&self, store: &Store, name: &str) -> Result<Option<Arc<Account>>, StoreError> {
        let wanted = name.to_owned();
        let found = store.read("reading an account", move |db| find(db, &wanted)).await?.map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(account) => known.insert(account.name.clone(), Arc::clone(account)),
            None => known.remove(name),
        };
        Ok(found)
    }

    pub async fn put(&self, store: &Store, account: Account) -> Result<(), StoreError> {
        let row = account.clone();
        store
            .write(move |batch| {
                batch
                    .db()
                    .prepare_cached(
                        "INSERT INTO account (name, role, centers, rider, person, password) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                         ON CONFLICT (name) DO UPDATE SET role = excluded.role, centers = excluded.centers, \
                         rider = excluded.rider, person = excluded.person, password = excluded.password",
                    )?
                    .execute(params![
                        row.name.as_str(),
                        row.role.as_str(),
                        text_json(&row.centers)?,
                        row.rider.as_ref().map(RiderId::as_str),
                        row.person.as_str(),
                        row.password,
                    ])?;
                Ok(())
            })
            .await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(account.name.clone(), Arc::new(account));
        Ok(())
    }
}

async fn all(store: &Store) -> Result<FxHashMap<Text, Arc<Account>>, StoreError> {
    let all = store.read("reading accounts", |db| {
        db.prepare(COLUMNS)?.query_map([], account)?.collect::<Result<Vec<_>, _>>()
    });
    Ok(all.await?.into_iter().map(|account| (account.name.clone(), Arc::new(account))).collect())
}

fn find(db: &Connection, name: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached(&format!("{COLUMNS} WHERE name = ?1"))?.query_row([name], account).optional()
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(1)?;
    Ok(Account {
        name: row.get::<_, String>(0)?.into(),
        role: Role::parse(&role).ok_or(rusqlite::Error::InvalidQuery)?,
        centers: crate::store::json(row, 2)?,
        rider: row.get::<_, Option<String>>(3)?.map(RiderId::from),
        person: row.get::<_, String>(4)?.into(),
        password: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_fits() {
        let kept = hash("dispatcher").unwrap();
        assert!(verify("dispatcher", Some(&kept)));
        assert!(!verify("Dispatcher", Some(&kept)));
        assert!(!verify("nobody", None));
        assert!(!verify("dispatcher", Some("not a hash")));
    }
}
