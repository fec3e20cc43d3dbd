//! Sign-ins: each is a family of refresh tokens. One is the present one; a few were spent lately.

use super::access_expiry;
use crate::store::{Store, StoreError, text_json};
use gwanje_model::{Text, UtcMillis};
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::{PoisonError, RwLock};
use ulid::Ulid;

/// A spent token gives the same pair again for this long, milliseconds, from the wire contract: an answer may get lost.
const SPENT_GRACE_MS: i64 = 60_000;
/// Ends a sign-in that was not refreshed for this long, milliseconds: thirty days.
const UNUSED_LIFE_MS: i64 = 30 * 86_400_000;

/// One refresh: the token of `generation` is the present one from `at` on, with an access token until `expires_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub generation: i64,
    at: UtcMillis,
    pub expires_at: UtcMillis,
}

impl Rotation {
    fn new(generation: i64, now: UtcMillis) -> Self {
        Self { generation, at: now, expires_at: access_expiry(now) }
    }
}

/// Which account each living sign-in belongs to.
pub(super) struct SignIns {
    live: RwLock<FxHashMap<String, Text>>,
}

impl SignIns {
    pub async fn load(store: &Store, now: UtcMillis) -> Result<Self, StoreError> {
        let live = store.write(move |batch| {
            let db = batch.db();
            db.execute("DELETE FROM sign_in WHERE used_at < ?1", [now.0 - UNUSED_LIFE_MS])?;
            db.prepare("SELECT id, account FROM sign_in WHERE revoked = 0")?
                .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into())))?
                .collect()
        });
        Ok(Self { live: RwLock::new(live.await?) })
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
        let row = (id.clone(), account.clone());
        store
            .write(move |batch| {
                batch
                    .db()
                    .prepare_cached(
                        "INSERT INTO sign_in (id, account, rotations, used_at) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![row.0, row.1.as_str(), text_json(&[rotation])?, now.0])?;
                Ok(())
            })
            .await?;
        self.live.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), account.clone());
        Ok((id, rotation))
    }

    /// Spends the refresh token of a generation. None: it was spent too long ago, or the sign-in is over; it is over
    /// then. The store's one writer decides, so that twins get one answer.
    pub async fn rotate(
        &self,
        store: &Store,
        id: &str,
        generation: i64,
        now: UtcMillis,
    ) -> Result<Option<Rotation>, StoreError> {
        let key = id.to_owned();
        let rotation = store.write(move |batch| rotate(batch.db(), &key, generation, now)).await?;
        if rotation.is_none() {
            self.live.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
        Ok(rotation)
    }

    /// Ends one.
    pub async fn end(&self, store: &Store, id: &str) -> Result<(), StoreError> {
        let key = id.to_owned();
        store.write(move |batch| revoke(batch.db(), &key)).await?;
        self.live.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    /// Ends all of an account.
    pub async fn end_all_of(&self, store: &Store, account: &str) -> Result<(), StoreError> {
        let name = account.to_owned();
        store
            .write(move |batch| {
                batch.db().execute("UPDATE sign_in SET revoked = 1 WHERE account = ?1", [name]).map(drop)
            })
            .await?;
        self.live.write().unwrap_or_else(PoisonError::into_inner).retain(|_, of| of.as_str() != account);
        Ok(())
    }
}

fn revoke(db: &Connection, id: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sign_in SET revoked = 1 WHERE id = ?1")?.execute([id]).map(drop)
}

fn rotate(db: &Connection, id: &str, spent: i64, now: UtcMillis) -> rusqlite::Result<Option<Rotation>> {
    let kept: Option<String> = db
        .prepare_cached("SELECT rotations FROM sign_in WHERE id = ?1 AND revoked = 0")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(kept) = kept else { return Ok(None) };
    let mut rotations: Vec<Rotation> = serde_json::from_str(&kept).unwrap_or_default();
    let again = rotations.iter().find(|rotation| rotation.generation == spent + 1);
    if let Some(again) = again.filter(|again| now.since(again.at) <= SPENT_GRACE_MS) {
        return Ok(Some(*again));
    }
    if rotations.last().map(|present| present.generation) != Some(spent) {
        revoke(db, id)?;
        return Ok(None);
    }
    let next = Rotation::new(spent + 1, now);
    rotations.retain(|rotation| now.since(rotation.at) <= SPENT_GRACE_MS);
    rotations.push(next);
    db.prepare_cached("UPDATE sign_in SET rotations = ?2, used_at = ?3 WHERE id = ?1")?.execute(params![
        id,
        text_json(&rotations)?,
        now.0
    ])?;
    Ok(Some(next))
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
