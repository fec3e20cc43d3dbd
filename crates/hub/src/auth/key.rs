//! Keys of integrations: a random text, of which only the hash is kept, scopes, and centers.

use super::token::{hex, random_bytes};
use crate::store::{ApiKey, KeyHash, Store, StoreError};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};

/// The keys that this process knows, by hash.
pub(super) struct Keys {
    known: RwLock<FxHashMap<KeyHash, Arc<ApiKey>>>,
}

impl Keys {
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { known: RwLock::new(all(store).await?) })
    }

    /// Takes all from the store.
    pub async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let now = all(store).await?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// A key was written; one of that name is replaced.
    pub fn written(&self, hash: KeyHash, key: ApiKey) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, old| old.name != key.name);
        known.insert(hash, Arc::new(key));
    }

    /// It is no more.
    pub fn removed(&self, name: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).retain(|_, key| key.name != name);
    }

    /// Finds the key behind its text; looks in the store when this process does not know it yet.
    pub async fn find(&self, store: &Store, text: &str) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let hash = hash_of(text);
        if let Some(key) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Ok(Some(Arc::clone(key)));
        }
        let found = store.key(hash).await?;
        Ok(found.map(|key| {
            let key = Arc::new(key);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::clone(&key));
            key
        }))
    }
}

async fn all(store: &Store) -> Result<FxHashMap<KeyHash, Arc<ApiKey>>, StoreError> {
    let all = store.keys().await?;
    Ok(all.into_iter().map(|(hash, key)| (hash, Arc::new(key))).collect())
}

/// A new key, and what is kept of it.
pub(super) fn made() -> Result<(String, KeyHash), StoreError> {
    let text = format!("gwk_{}", hex(&random_bytes()?));
    let hash = hash_of(&text);
    Ok((text, hash))
}

fn hash_of(text: &str) -> KeyHash {
    Sha256::digest(text.as_bytes()).into()
}
