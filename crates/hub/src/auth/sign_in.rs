//! Sign-ins: each is a family of refresh tokens. One is the present one; a few were spent lately.

use crate::store::{Rotation, Store, StoreError};
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

    /// Begins a sign-in of an account.
    pub async fn begin(
        &self,
        store: &Store,
        account: &Text,
        now: UtcMillis,
    ) -> Result<(String, Rotation), StoreError> {
        let (id, rotation) = (Ulid::generate().to_string(), Rotation::new(1, now));
        store.begin_sign_in(&id, account, rotation).await?;
        self.live.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), account.clone());
        Ok((id, rotation))
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
        self.live.write().unwrap_or_else(PoisonError::into_inner).retain(|_, of| of.as_str() != account);
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
    use crate::store::StoreConfig;

    #[tokio::test]
    async fn a_spent_token_gives_the_same_pair_for_a_minute_then_ends_the_sign_in() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let start = Clock::wall().wall_now();
        let sign_ins = SignIns::load(&store, start).await.unwrap();
        let (id, first) = sign_ins.begin(&store, &"dispatcher".into(), start).await.unwrap();
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
        let (ends, _) = here.begin(&store, &"kim".into(), now).await.unwrap();
        let (lives, _) = here.begin(&store, &"lee".into(), now).await.unwrap();
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
        let (id, _) = sign_ins.begin(&store, &"dispatcher".into(), now).await.unwrap();
        let (ended, _) = sign_ins.begin(&store, &"dispatcher".into(), now).await.unwrap();
        sign_ins.end(&store, &ended).await.unwrap();
        store.close().await;
        let sign_ins = SignIns::load(&open(), now).await.unwrap();
        assert_eq!(sign_ins.account_of(&id).as_deref(), Some("dispatcher"));
        assert_eq!(sign_ins.account_of(&ended), None);
    }
}
