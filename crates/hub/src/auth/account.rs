//! Accounts: name, role, centers and a password, of which only the hash is kept.

use super::password::{hash, verify};
use crate::store::{Account, Store, StoreError};
use gwanje_model::{CenterId, RiderId, Role, Text};
use rustc_hash::FxHashMap;
use std::sync::{Arc, PoisonError, RwLock};

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

/// Hashes the password (some ten milliseconds of a core). A password that fits the hash kept until now keeps that hash,
/// which shows that it is not new. None when the system gives no salt.
pub(super) fn hashed(new: NewAccount, kept: Option<&Account>) -> Option<Account> {
    let NewAccount { name, role, centers, rider, person, password } = new;
    let rider = (role == Role::Rider).then(|| rider.unwrap_or_else(|| RiderId(name.clone())));
    let person = person.or_else(|| kept.map(|kept| kept.person.clone())).unwrap_or_else(|| name.clone());
    let password = hashed_password(&password, kept.map(|kept| kept.password.as_str()))?;
    Some(Account { name, role, centers, rider, person, password, disabled: false, rights: 0 })
}

/// What is kept of a password; of one that fits what is kept until now, that. None when the system gives no salt.
pub(super) fn hashed_password(password: &str, kept: Option<&str>) -> Option<String> {
    let same = kept.filter(|kept| verify(password, Some(kept)));
    same.map_or_else(|| hash(password), |kept| Some(kept.to_owned()))
}

/// The accounts that this process knows.
pub(super) struct Accounts {
    known: RwLock<FxHashMap<Text, Arc<Account>>>,
}

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
        let found = store.account(name).await?.map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(account) => known.insert(account.name.clone(), Arc::clone(account)),
            None => known.remove(name),
        };
        Ok(found)
    }

    /// It was written, as this.
    pub fn written(&self, account: Account) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(account.name.clone(), Arc::new(account));
    }

    /// It is no more.
    pub fn removed(&self, name: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

async fn all(store: &Store) -> Result<FxHashMap<Text, Arc<Account>>, StoreError> {
    let all = store.accounts().await?;
    Ok(all.into_iter().map(|account| (account.name.clone(), Arc::new(account))).collect())
}
