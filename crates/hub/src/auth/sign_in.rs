//! Sign-ins: each is a family of refresh tokens. One is the present one; a few were spent lately.

use crate::store::{Account, Rotation, Store, StoreError};
use gwanje_model::{Text, UtcMillis};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{PoisonError, RwLock};
use ulid::Ulid;

/// Ends a sign-in that was not refreshed for this long, milliseconds: thirty days.
const UNUSED_LIFE_MS: i64 = 30 * 86_400_000;

/// Which account each living sign-in belongs to.
pub(super) struct SignIns {
    live: RwLock<FxHashMap<String, Text>>,
}

impl SignIns {
    pub async fn load(store: &Store, now: UtcMillis) -> Result<Self, StoreError> {
        store.forget_sign_ins(now.plus_ms(-UNUSED_LIFE_MS)).await?;
        Ok(Self { live: RwLock::new(all(store).await?) })
    }

    /// Forgets those that ended at another hub; whether there are any. One that begins meanwhile stays, and one that ends
    /// meanwhile does not come back.
    pub async fn reload(&self, store: &Store) -> Result<bool, StoreError> {
        let before: FxHashSet<String> =
            self.live.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        let now = all(store).await?;
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let known = live.len();
        live.retain(|id, _| now.contains_key(id) || !before.contains(id));
        Ok(live.len() < known)
    }

    /// Whether a sign-in lives; looks in the store when this process does not know it yet.
    pub async fn find(&self, store: &Store, id: &str) -> Result<Option<Text>, StoreError> {
        if let Some(account) = self.account_of(id) {
            return Ok(Some(account));
        }
        let found = store.sign_in(id).await?;
        if let Some(account) = &found {
            self.live.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), account.clone());
        }
        Ok(found)
    }

    pub fn account_of(&self, id: &str) -> Option<Text> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Begins a sign-in of an account, as it was when its password was looked at; none: it was changed since.
    pub async fn begin(
        &self,
        store: &Store,
        account: &Account,
        from: &Text,
        now: UtcMillis,
    ) -> Result<Option<(String, Rotation)>, StoreError> {
        let (id, rotation) = (Ulid::generate().to_string(), Rotation::new(1, now));
        if !store.begin_sign_in(&id, account, rotation, from).await? {
            return Ok(None);
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.insert(id.clone(), account.name.clone());
        drop(live);
        Ok(Some((id, rotation)))
    }

    /// Forgets those in the store that were not used for too long; how many.
    pub async fn end_unused(&self, store: &Store, now: UtcMillis) -> Result<usize, StoreError> {
        store.forget_sign_ins(now.plus_ms(-UNUSED_LIFE_MS)).await
    }

    /// All of an account have ended in the store.
    pub fn ended_all_of(&self, account: &str) {
        self.live.write().unwrap_or_else(PoisonError::into_inner).retain(|_, of| of.as_str() != account);
    }

    /// Spends the refresh token of a generation. None: it was spent too long ago, or the sign-in is over; it is over
    /// then. Twins get one answer.
    pub async fn rotate(
        &self,
        store: &Store,
        id: &str,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        let rotation = store.rotate(id, generation, now).await?;
        if rotation.is_none() {
            self.live.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
        Ok(rotation)
    }

    /// Ends one.
    pub async fn end(&self, store: &Store, id: &str) -> Result<(), StoreError> {
        store.end_sign_in(id).await?;
        self.live.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    /// Ends all of an account.
    pub async fn end_all_of(&self, store: &Store, account: &str) -> Result<(), StoreError> {
        store.end_sign_ins_of(account).await?;
        self.ended_all_of(account);
        Ok(())
    }
}

async fn all(store: &Store) -> Result<FxHashMap<String, Text>, StoreError> {
    Ok(store.live_sign_ins().await?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::{AccountEdit, PeopleChange, StoreConfig};
    use gwanje_model::Role;

    /// An account that is kept.
    async fn kept(store: &Store, name: &str) -> Account {
        let account = Account {
            name: name.into(),
            role: Role::Dispatcher,
            centers: Vec::new(),
            rider: None,
            person: name.into(),
            password: "hash".into(),
            disabled: false,
            rights: 0,
        };
        store.change_people(PeopleChange::Put(account.clone()), None).await.unwrap().unwrap();
        account
    }

    async fn begun(sign_ins: &SignIns, store: &Store, name: &str, now: UtcMillis) -> (String, Rotation) {
        let account = kept(store, name).await;
        sign_ins.begin(store, &account, &"::1".into(), now).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn an_account_that_was_changed_since_its_password_was_looked_at_is_not_let_in() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let now = Clock::wall().wall_now();
        let sign_ins = SignIns::load(&store, now).await.unwrap();
        let before = kept(&store, "kim").await;
        let edit = AccountEdit { disabled: Some(true), ..AccountEdit::default() };
        store.change_people(PeopleChange::Edit("kim".into(), edit), None).await.unwrap().unwrap();
        assert!(sign_ins.begin(&store, &before, &"::1".into(), now).await.unwrap().is_none());
        assert!(store.live_sign_ins().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_spent_token_gives_the_same_pair_for_a_minute_then_ends_the_sign_in() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let start = Clock::wall().wall_now();
        let sign_ins = SignIns::load(&store, start).await.unwrap();
        let (id, first) = begun(&sign_ins, &store, "dispatcher", start).await;
        assert_eq!(first.generation, 1);
        let rotate = async |generation, after_ms| {
            sign_ins.rotate(&store, &id, generation, start.plus_ms(after_ms)).await.unwrap()
        };
        let second = rotate(1, 1_000).await.unwrap();
        assert_eq!(second.generation, 2);
        assert_eq!(rotate(1, 2_000).await, Some(second), "the twin gets the same pair");
        let third = rotate(2, 30_000).await.unwrap();
        assert_eq!(rotate(1, 61_000).await, Some(second), "an older one too, within its own minute");
        assert_eq!(rotate(2, 61_000).await, Some(third));
        assert_eq!(rotate(1, 61_001).await, None, "its minute is over");
        assert_eq!(sign_ins.account_of(&id), None);
        assert_eq!(rotate(3, 61_002).await, None, "the whole family is void");
    }

    #[tokio::test]
    async fn what_ended_at_another_hub_is_forgotten_and_nothing_else() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let now = Clock::wall().wall_now();
        let here = SignIns::load(&store, now).await.unwrap();
        let (ends, _) = begun(&here, &store, "kim", now).await;
        let (lives, _) = begun(&here, &store, "lee", now).await;
        assert!(!here.reload(&store).await.unwrap());
        SignIns::load(&store, now).await.unwrap().end(&store, &ends).await.unwrap();
        assert!(here.reload(&store).await.unwrap());
        assert_eq!((here.account_of(&ends), here.account_of(&lives).as_deref()), (None, Some("lee")));
        assert_eq!(here.find(&store, &ends).await.unwrap(), None);
    }

    #[tokio::test]
    async fn sign_ins_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(StoreConfig::at(folder.path().join("hub.sqlite"), Clock::wall())).unwrap();
        let now = Clock::wall().wall_now();
        let store = open();
        let sign_ins = SignIns::load(&store, now).await.unwrap();
        let (id, _) = begun(&sign_ins, &store, "dispatcher", now).await;
        let (ended, _) = begun(&sign_ins, &store, "dispatcher", now).await;
        sign_ins.end(&store, &ended).await.unwrap();
        store.close().await;
        let sign_ins = SignIns::load(&open(), now).await.unwrap();
        assert_eq!(sign_ins.account_of(&id).as_deref(), Some("dispatcher"));
        assert_eq!(sign_ins.account_of(&ended), None);
    }
}
