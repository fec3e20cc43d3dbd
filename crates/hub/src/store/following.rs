//! Following a center: heads, frames, changes, digests and rows. From memory where that reaches back far enough.

use super::read::{self, After, Selection};
use super::{Store, StoreError};
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{ChangesReply, DigestReply, RevsReply, RowsReply};
use gwanje_wire::socket::Cursor;
use gwanje_wire::{Frame, Head, ResyncReason};
use rusqlite::Connection;
use tokio::sync::watch;

impl Store {
    /// The head: a true read of the store, not of memory.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn head(&self, center: &CenterId) -> Result<Head, StoreError> {
        let (id, now) = (center.clone(), self.now());
        let standing = self.read("reading a head", move |db| read::standing(db, &id)).await?;
        standing.map(|standing| now.head(&standing)).ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// The head as of the last commit, from memory.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn recent_head(&self, center: &CenterId) -> Result<Head, StoreError> {
        let (line, now) = (self.line(center)?, self.now());
        let recent = line.recent();
        Ok(now.head(recent.standing()))
    }

    /// The last committed revision of a center; changes after each commit is durable and readable.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn committed(&self, center: &CenterId) -> Result<watch::Receiver<Rev>, StoreError> {
        Ok(self.line(center)?.rev.subscribe())
    }

    /// The frame after `from`: conflated, at most `limit` (1 to 1,000) entries and 1 MiB; `as_of` is the head's rev.
    /// `to < as_of` shows that it was cut: ask again from `to`. From memory where that reaches back far enough.
    ///
    /// # Errors
    /// `Resync` when no frame may start at `from`; when there is no such center or the store can't be read.
    pub async fn frame(&self, center: &CenterId, from: Rev, limit: usize) -> Result<Frame, StoreError> {
        Ok(self.changes_in(center, None, from, limit).await?.frame)
    }

    /// What a cursor lacks, with the head of the same read; without a cursor it must resync (`Epoch`).
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn changes(
        &self,
        center: &CenterId,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<ChangesReply, StoreError> {
        self.line(center)?;
        let Some(Cursor { epoch, rev }) = cursor else {
            return Err(StoreError::Resync(ResyncReason::Epoch));
        };
        self.changes_in(center, Some(epoch), *rev, limit).await
    }

    async fn changes_in(
        &self,
        center: &CenterId,
        epoch: Option<&Epoch>,
        from: Rev,
        limit: usize,
    ) -> Result<ChangesReply, StoreError> {
        let resumable = |standing: &Standing| {
            if epoch.is_some_and(|epoch| *epoch != standing.epoch) {
                return Err(StoreError::Resync(ResyncReason::Epoch));
            }
            standing.resumable(from).map_err(StoreError::Resync)
        };
        let now = self.now();
        let at = now.wall;
        {
            let line = self.line(center)?;
            let recent = line.recent();
            resumable(recent.standing())?;
            if let Some(frame) = recent.cut(from, limit, at) {
                return Ok(ChangesReply { frame, head: now.head(recent.standing()) });
            }
        }
        let id = center.clone();
        let read = self.read("reading changes", move |db| {
            let Some(standing) = read::standing(db, &id)? else { return Ok(None) };
            if standing.resumable(from).is_err() {
                return Ok(Some((standing, None)));
            }
            let frame = read::frame(db, &id, &standing, from, limit, at)?;
            Ok(Some((standing, Some(frame))))
        });
        let (standing, frame) = read.await?.ok_or_else(|| StoreError::UnknownCenter(center.clone()))?;
        resumable(&standing)?;
        let frame = frame.ok_or(StoreError::Resync(ResyncReason::Floor))?;
        Ok(ChangesReply { frame, head: now.head(&standing) })
    }

    /// Head, frame after `after` and the 256 buckets, of one read.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn digest(&self, center: &CenterId, after: After) -> Result<DigestReply, StoreError> {
        let now = self.now();
        let (standing, frame, buckets) = self.read_beside(center, after, read::buckets).await?;
        Ok(DigestReply { head: now.head(&standing), frame, buckets })
    }

    /// Selected rows in full, with the frame after `after` of the same read.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn rows(
        &self,
        center: &CenterId,
        selection: Selection,
        after: After,
    ) -> Result<RowsReply, StoreError> {
        let read = self.read_beside(center, after, move |db, center| {
            let ids = read::selected(db, center, &selection)?;
            read::bodies(db, center, &ids)
        });
        let (standing, frame, rows) = read.await?;
        Ok(RowsReply { epoch: standing.epoch, rev: standing.rev, frame, rows })
    }

    /// Revisions of selected rows, with the frame after `after` of the same read.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub async fn revs(
        &self,
        center: &CenterId,
        selection: Selection,
        after: After,
    ) -> Result<RevsReply, StoreError> {
        let read = self.read_beside(center, after, move |db, center| read::selected(db, center, &selection));
        let (standing, frame, rows) = read.await?;
        Ok(RevsReply { epoch: standing.epoch, rev: standing.rev, frame, rows })
    }

    /// A delivery, live or archived, with its center's epoch.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn delivery(
        &self,
        center: &CenterId,
        id: DeliveryId,
    ) -> Result<Option<(Epoch, Delivery)>, StoreError> {
        let epoch = self.line(center)?.recent().standing().epoch.clone();
        let center = center.clone();
        let row = self.read("reading a delivery", move |db| read::any_row(db, &center, id)).await?;
        Ok(row.map(|row| (epoch, row)))
    }

    /// A delivery's events, oldest first; empty: there is none of that id.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn history(&self, center: &CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        let center = center.clone();
        self.read_list("reading a history", move |db| read::history(db, &center, id)).await
    }

    /// A read of a center with its standing and the frame after `after`, all of one transaction.
    async fn read_beside<T: Send + 'static>(
        &self,
        center: &CenterId,
        after: After,
        read: impl FnOnce(&Connection, &CenterId) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<(Standing, Option<Frame>, T), StoreError> {
        let id = center.clone();
        let at = self.clock().wall_now();
        let done = self.read_list("reading a board", move |db| {
            let Some(standing) = read::standing(db, &id)? else { return Ok(None) };
            let frame = match read::whole_frame(db, &id, &standing, &after, at)? {
                Ok(frame) => frame,
                Err(reason) => return Ok(Some(Err(reason))),
            };
            let value = read(db, &id)?;
            Ok(Some(Ok((standing, frame, value))))
        });
        match done.await? {
            Some(Ok(done)) => Ok(done),
            Some(Err(reason)) => Err(StoreError::Resync(reason)),
            None => Err(StoreError::UnknownCenter(center.clone())),
        }
    }
}
