//! Accounts, keys and sign-ins as an admin changes them: written with their line of the audit, and in force here at once.

use super::account::{self, NewAccount};
use super::{Auth, key};
use crate::store::{
    Account, AccountEdit, ApiKey, By, KeptSignIn, PeopleChange, PeopleRefused, PeopleWrite, StoreError,
};
use gwanje_model::{CenterId, Text, UtcMillis};
use gwanje_wire::people::AuditLine;
use thiserror::Error;

/// The most characters of the name of an account or key.
const NAME_MAX: usize = 64;

/// Why an account or key was not changed.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It may not be so.
    #[error(transparent)]
    Refused(#[from] PeopleRefused),
}

/// Whether a new account or key may have that name: it stands in paths and in lists with commas, and is typed by people.
#[must_use]
pub fn is_good_name(name: &str) -> bool {
    let is_good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_good)
}

impl Auth {
    /// Makes an account or replaces the one of that name. A new password ends its sign-ins; [`Self::is_live`] and
    /// [`Self::may_see`] show what was taken away.
    ///
    /// # Errors
    /// When it would leave no admin, a key has that name, or nothing could be written.
    pub async fn put_account(&self, new: NewAccount) -> Result<(), PeopleError> {
        self.keep_account(new, None).await
    }

    /// The same, told to the audit.
    ///
    /// # Errors
    /// As [`Self::put_account`].
    pub async fn keep_account(&self, new: NewAccount, by: Option<&By>) -> Result<(), PeopleError> {
        let kept = self.accounts.reread(&self.store, &new.name).await?;
        let hashed = self.hashing(move || account::hashed(new, kept.as_deref())).await?;
        self.change(PeopleChange::Put(hashed), by).await
    }

    /// Makes an account; it may be disabled from the start.
    ///
    /// # Errors
    /// When the name is taken, or nothing could be written.
    pub async fn add_account(
        &self,
        new: NewAccount,
        disabled: bool,
        by: &By,
    ) -> Result<Account, PeopleError> {
        let hashed = self.hashing(move || account::hashed(new, None)).await?;
        let account = Account { disabled, ..hashed };
        self.change(PeopleChange::Add(account.clone()), Some(by)).await?;
        Ok(account)
    }

    /// Changes an account; gives what it is then.
    ///
    /// # Errors
    /// When there is none of that name, it would leave no admin, or nothing could be written.
    pub async fn edit_account(
        &self,
        name: &Text,
        edit: AccountEdit,
        by: Option<&By>,
    ) -> Result<Account, PeopleError> {
        let kept = self.store.account(name).await?.ok_or_else(|| PeopleRefused::NoAccount(name.clone()))?;
        let password = match edit.password {
            Some(password) => {
                let hashed = move || account::hashed_password(&password, Some(&kept.password));
                Some(self.hashing(hashed).await?)
            }
            None => None,
        };
        let edit = AccountEdit { password, ..edit };
        self.change(PeopleChange::Edit(name.clone(), edit), by).await?;
        let now = self.accounts.get(name).map(|account| Account::clone(&account));
        Ok(now.ok_or_else(|| PeopleRefused::NoAccount(name.clone()))?)
    }

    /// Takes an account away, with its sign-ins.
    ///
    /// # Errors
    /// When there is none of that name, it is the last admin, or nothing could be written.
    pub async fn remove_account(&self, name: &Text, by: &By) -> Result<(), PeopleError> {
        self.change(PeopleChange::Remove(name.clone()), Some(by)).await
    }

    /// Gives an account other centers; sockets in one that was taken away see it in [`Self::may_see`]. False: there is
    /// no account of that name.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn set_centers(&self, name: &str, centers: Vec<CenterId>) -> Result<bool, StoreError> {
        let edit = AccountEdit { centers: Some(centers), ..AccountEdit::default() };
        match self.edit_account(&name.into(), edit, None).await {
            Ok(_) => Ok(true),
            Err(PeopleError::Refused(_)) => Ok(false),
            Err(PeopleError::Store(error)) => Err(error),
        }
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list_accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut accounts = self.store.accounts().await?;
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    /// All keys, by name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys: Vec<ApiKey> = self.store.keys().await?.into_iter().map(|(_, key)| key).collect();
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    }

    /// Makes an API key or replaces the one of that name; the answer is shown once and kept nowhere.
    ///
    /// # Errors
    /// When an account has that name, or nothing could be written.
    pub async fn put_key(&self, key: ApiKey) -> Result<String, PeopleError> {
        self.keep_key(key, None).await
    }

    /// The same, told to the audit.
    ///
    /// # Errors
    /// As [`Self::put_key`].
    pub async fn keep_key(&self, key: ApiKey, by: Option<&By>) -> Result<String, PeopleError> {
        let (text, hash) = key::made()?;
        self.change(PeopleChange::PutKey(hash, key), by).await?;
        Ok(text)
    }

    /// Makes an API key; the answer is shown once and kept nowhere.
    ///
    /// # Errors
    /// When the name is taken, or nothing could be written.
    pub async fn add_key(&self, key: ApiKey, by: &By) -> Result<String, PeopleError> {
        let (text, hash) = key::made()?;
        self.change(PeopleChange::AddKey(hash, key), Some(by)).await?;
        Ok(text)
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// When there is none of that name, or nothing could be written.
    pub async fn remove_key(&self, name: &Text, by: &By) -> Result<(), PeopleError> {
        self.change(PeopleChange::RemoveKey(name.clone()), Some(by)).await
    }

    /// The sign-ins that live, of an account or of all, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn sessions(&self, account: Option<&Text>) -> Result<Vec<BegunSession>, StoreError> {
        let kept = self.store.sign_ins_of(account).await?;
        Ok(kept.into_iter().map(BegunSession::from).collect())
    }

    /// Ends a sign-in, of this account where one is named. False: there is no such sign-in.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn end_session(&self, id: &str, of: Option<&Text>, by: &By) -> Result<bool, StoreError> {
        let account = self.store.sign_in(id).await?;
        let Some(account) = account.filter(|account| of.is_none_or(|of| of == account)) else {
            return Ok(false);
        };
        let line = by.did(self.clock.wall_now(), "session.end", account);
        self.store.write_audit(vec![AuditLine { detail: Some(id.into()), ..line }]).await?;
        self.sign_ins.end(&self.store, id).await?;
        self.revocations.send_modify(|count| *count += 1);
        Ok(true)
    }

    /// Writes into the audit how often sign-ins were refused since the last time.
    pub async fn tell_refusals(&self) {
        let (counted, at) = (self.refusals.take(), self.clock.wall_now());
        let line = |(target, from, count): &(Text, Text, u64)| {
            let nobody = By { account: Text::default(), from: from.clone() };
            AuditLine { count: Some(*count), ..nobody.did(at, "session.refused", target.clone()) }
        };
        let lines = counted.iter().map(line).collect();
        if let Err(error) = self.store.write_audit(lines).await {
            tracing::warn!(%error, "refused sign-ins are told to the audit later");
            self.refusals.put_back(counted);
        }
    }

    async fn change(&self, change: PeopleChange, by: Option<&By>) -> Result<(), PeopleError> {
        match self.store.change_people(change, by).await?? {
            PeopleWrite::Account { account, .. } => {
                let before = self.accounts.get(&account.name);
                self.accounts.written(account);
                if let Some(before) = before {
                    self.changed(&before).await?;
                }
            }
            PeopleWrite::Removal(name) => {
                let before = self.accounts.get(&name);
                self.accounts.removed(&name);
                if let Some(before) = before {
                    self.changed(&before).await?;
                }
            }
            PeopleWrite::Key(hash, key) => self.keys.written(hash, key),
            PeopleWrite::KeyRemoval(name) => self.keys.removed(&name),
        }
        Ok(())
    }

    /// Does what takes a core for some ten milliseconds, a few at once. None of it: the system gives no salt.
    async fn hashing<T: Send + 'static>(
        &self,
        hashed: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The semaphore is never closed.
        let _permit = self.password_checks.acquire().await;
        let hashed = tokio::task::spawn_blocking(hashed).await.map_err(|_| StoreError::NotCommitted)?;
        hashed.ok_or(StoreError::NotCommitted)
    }
}

/// A sign-in that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunSession {
    /// Its id.
    pub id: String,
    /// Of which account.
    pub account: Text,
    /// When it began; 0: a version before did not note it.
    pub since: UtcMillis,
    /// When its tokens were last renewed.
    pub used_at: UtcMillis,
    /// The address that it began from.
    pub from: Text,
}

impl From<KeptSignIn> for BegunSession {
    fn from(kept: KeptSignIn) -> Self {
        let KeptSignIn { id, account, began_at, used_at, from } = kept;
        Self { id, account, since: began_at, used_at, from }
    }
}

#[cfg(test)]
mod tests {
    use super::is_good_name;

    #[test]
    fn names_are_plain() {
        for good in ["kim", "gangnam-r1", "a.b_c-9", &"x".repeat(64)] {
            assert!(is_good_name(good), "{good}");
        }
        for bad in ["", "Kim", "김", "a b", "a/b", "key:a", &"x".repeat(65)] {
            assert!(!is_good_name(bad), "{bad}");
        }
    }
}
