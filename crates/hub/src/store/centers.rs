//! Centers: set up, listed, and begun anew.

use super::{CenterRecord, Store, StoreError, archive, json, read, text_json};
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Epoch};
use rusqlite::{Connection, params};
use ulid::Ulid;

impl Store {
    /// Sets up a center, or changes its name, place and zone; a new one begins its first epoch.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn ensure_center(&self, center: CenterRecord) -> Result<(), StoreError> {
        self.write(move |batch| {
            batch
                .db()
                .prepare_cached(
                    "INSERT INTO center (id, name, pos, time_zone, epoch) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT (id) DO UPDATE SET name = excluded.name, pos = excluded.pos, \
                     time_zone = excluded.time_zone",
                )?
                .execute(params![
                    center.id.as_str(),
                    center.name.as_str(),
                    center.pos.as_ref().map(text_json).transpose()?,
                    center.time_zone.as_str(),
                    Ulid::generate().to_string(),
                ])?;
            batch.center_created(center.id);
            Ok(())
        })
        .await
    }

    /// All centers, by id.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn centers(&self) -> Result<Vec<CenterRecord>, StoreError> {
        let read = self.read("reading the centers", |db| standings(db)).await?;
        Ok(read.into_iter().map(|(center, _)| center).collect())
    }

    /// Whether there is a center of that id (from memory).
    #[must_use]
    pub fn has_center(&self, center: &CenterId) -> bool {
        self.shared.lines.get(center).is_some()
    }

    /// The ids of all centers (from memory).
    #[must_use]
    pub fn center_ids(&self) -> Vec<CenterId> {
        self.shared.lines.ids()
    }

    /// Begins a new epoch: every cursor must resync. For restores and for drills of that fault.
    ///
    /// # Errors
    /// When there is no such center or nothing could be written.
    pub async fn begin_epoch(&self, center: &CenterId) -> Result<Epoch, StoreError> {
        let present = self.line(center)?.recent().standing().epoch.clone();
        let epoch = after(&present, Ulid::generate());
        self.begin_epoch_as(center, epoch.clone()).await?;
        Ok(epoch)
    }

    /// The same with an epoch of the caller's, which must sort after the present one.
    ///
    /// # Errors
    /// When it does not, when there is no such center or nothing could be written.
    pub async fn begin_epoch_as(&self, center: &CenterId, epoch: Epoch) -> Result<(), StoreError> {
        let id = center.clone();
        self.write(move |batch| {
            let Some(staged) = batch.center(&id)? else { return Ok(Err(StoreError::UnknownCenter(id))) };
            if epoch <= staged.standing.epoch {
                return Ok(Err(StoreError::OldEpoch { center: id, epoch }));
            }
            staged.begin_epoch(epoch);
            Ok(Ok(()))
        })
        .await?
    }

    /// Forgets all but the newest `kept` tombstones of a center: older cursors must resync.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn keep_tombstones(&self, center: &CenterId, kept: u64) -> Result<(), StoreError> {
        let id = center.clone();
        self.write(move |batch| archive::keep_tombstones(batch, &id, kept)).await
    }
}

/// An epoch that sorts after the present one: a fresh one does, unless the machine's clock was set back meanwhile.
fn after(present: &Epoch, fresh: Ulid) -> Epoch {
    let next = Ulid::from_string(present.as_str()).ok().and_then(|present| present.increment().ok());
    Epoch::from(next.map_or(fresh, |next| next.max(fresh)).to_string())
}

/// Every center with where it stands, by id.
pub(super) fn standings(db: &Connection) -> rusqlite::Result<Vec<(CenterRecord, Standing)>> {
    let centers = db
        .prepare("SELECT id, name, pos, time_zone FROM center ORDER BY id")?
        .query_map([], |row| {
            let pos = match row.get_ref(2)?.as_str_or_null()? {
                Some(_) => Some(json(row, 2)?),
                None => None,
            };
            Ok(CenterRecord {
                id: CenterId::from(row.get::<_, String>(0)?),
                name: row.get::<_, String>(1)?.into(),
                pos,
                time_zone: row.get::<_, String>(3)?.into(),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut standings = Vec::with_capacity(centers.len());
    for center in centers {
        if let Some(standing) = read::standing(db, &center.id)? {
            standings.push((center, standing));
        }
    }
    Ok(standings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sorts_after_the_one_before_whatever_the_clock_says() {
        let (early, late) = (Ulid::from_parts(1_000, 7), Ulid::from_parts(2_000, 7));
        assert_eq!(after(&Epoch::from(early.to_string()), late), Epoch::from(late.to_string()));
        let present = Epoch::from(late.to_string());
        assert!(after(&present, early) > present, "the clock was set back");
    }
}
