//! Keys of integrations: a random text, of which only the hash is kept, scopes, and centers.

use super::token::{hex, random_bytes};
use crate::store::{Store, StoreError, text_json};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Permission, Text};
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Read its centers.
    Read,
    /// Take in new orders.
    Create,
    /// Cancel deliveries.
    Cancel,
    /// Publish events.
    Publish,
}

/// A key as it is kept, without the key.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// Its name.
    pub name: Text,
    /// The centers that it sees.
    pub centers: Vec<CenterId>,
    /// What it may do there.
    pub scopes: Vec<Scope>,
}

impl ApiKey {
    /// Whether a scope allows it.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        let scope = match permission {
            Permission::Read => Scope::Read,
            Permission::Create => Scope::Create,
            Permission::Act(Action::Cancel) => Scope::Cancel,
            Permission::Publish => Scope::Publish,
            Permission::Act(_) | Permission::EditRiders | Permission::Monitor | Permission::Operate => {
                return false;
            }
        };
        self.scopes.contains(&scope)
    }
}

type Hash = [u8; 32];

/// The keys that this process knows, by hash.
pub(super) struct Keys {
    known: RwLock<FxHashMap<Hash, Arc<ApiKey>>>,
}

const COLUMNS: &str = "SELECT hash, name, centers, scopes FROM api_key";

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

    pub async fn put(&self, store: &Store, key: ApiKey) -> Result<String, StoreError> {
        let text = format!("gwk_{}", hex(&random_bytes()?));
        let hash = hash_of(&text);
        let row = key.clone();
        store
            .write(move |batch| {
                batch
                    .db()
                    .prepare_cached(
                        "INSERT INTO api_key (hash, name, centers, scopes) VALUES (?1, ?2, ?3, ?4) \
                         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, centers = excluded.centers, \
                         scopes = excluded.scopes",
                    )?
                    .execute(params![
                        hash,
                        row.name.as_str(),
                        text_json(&row.centers)?,
                        text_json(&row.scopes)?
                    ])?;
                Ok(())
            })
            .await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, old| old.name != key.name);
        known.insert(hash, Arc::new(key));
        Ok(text)
    }

    /// Finds the key behind its text; looks in the store when this process does not know it yet.
    pub async fn find(&self, store: &Store, text: &str) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let hash = hash_of(text);
        if let Some(key) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Ok(Some(Arc::clone(key)));
        }
        let found = store.read("reading an API key", move |db| lookup(db, &hash)).await?;
        Ok(found.map(|key| {
            let key = Arc::new(key);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::clone(&key));
            key
        }))
    }
}

async fn all(store: &Store) -> Result<FxHashMap<Hash, Arc<ApiKey>>, StoreError> {
    let all = store.read("reading API keys", |db| {
        db.prepare(COLUMNS)?.query_map([], key)?.collect::<rusqlite::Result<_>>()
    });
    all.await
}

fn hash_of(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn lookup(db: &Connection, hash: &Hash) -> rusqlite::Result<Option<ApiKey>> {
    let found =
        db.prepare_cached(&format!("{COLUMNS} WHERE hash = ?1"))?.query_row([hash], key).optional()?;
    Ok(found.map(|(_, key)| Arc::unwrap_or_clone(key)))
}

fn key(row: &Row<'_>) -> rusqlite::Result<(Hash, Arc<ApiKey>)> {
    let key = ApiKey {
        name: row.get::<_, String>(1)?.into(),
        centers: crate::store::json(row, 2)?,
        scopes: crate::store::json(row, 3)?,
    };
    Ok((row.get(0)?, Arc::new(key)))
}
