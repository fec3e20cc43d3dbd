//! Following a center: heads, frames, changes, digests and rows. From memory where that reaches back far enough.

use super::backend::{Beside, Lane};
use super::{After, Selection, Store, StoreError};
use gwanje_ledger::Standing;
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{ChangesReply, DigestReply, RevsReply, RowsReply};
use gwanje_wire::socket::Cursor;
use gwanje_wire::{Frame, Head, ResyncReason};
use tokio::sync::watch;
use tokio::time::Instant;

impl Store {
    /// The head: a true read of the store, not of memory.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn head(&self, center: &CenterId) -> Result<Head, StoreError> {
        self.head_by(center, Lane::Asked).await
    }

    /// The same, to tell it to all who follow: this waits for nothing that anybody asks.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub async fn head_to_tell(&self, center: &CenterId) -> Result<Head, StoreError> {
        self.head_by(center, Lane::Told).await
    }

    async fn head_by(&self, center: &CenterId, lane: Lane) -> Result<Head, StoreError> {
        let now = self.now();
        let standing = self.shared.backend.standing(center.clone(), now, lane).await?;
        standing.map(|standing| now.head(&standing)).ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// The head as of the last commit, from memory.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn recent_head(&self, center: &CenterId) -> Result<Head, StoreError> {
        let line = self.line(center)?;
        // Before what is known: a head must not claim to be newer than that.
        let now = self.known(&line);
        let recent = line.recent();
        Ok(now.head(recent.standing()))
    }

    /// The history that a center's revisions count in, from memory.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn epoch(&self, center: &CenterId) -> Result<Epoch, StoreError> {
        Ok(self.line(center)?.recent().standing().epoch.clone())
    }

    /// The last committed revision of a center; changes after each commit is durable and readable, and with each epoch.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn committed(&self, center: &CenterId) -> Result<watch::Receiver<Rev>, StoreError> {
        Ok(self.line(center)?.rev.subscribe())
    }

    /// Followers are about to be told of all that was committed. Since when they were not; none: there is nothing to tell.
    #[must_use]
    pub fn told(&self, center: &CenterId) -> Option<Instant> {
        self.shared.lines.get(center)?.told()
    }

    /// The frame after `from`: conflated, at most `limit` (1 to 1,000) entries and 1 MiB; `as_of` is the head's rev.
    /// `to < as_of` shows that it was cut: ask again from `to`. From memory where that reaches back far enough. Where the store is
    /// read, that waits for nothing that anybody asks.
    ///
    /// # Errors
    /// `Resync` when no frame may start at `from`; when there is no such center or the store can't be read.
    pub async fn frame(&self, center: &CenterId, from: Rev, limit: usize) -> Result<Frame, StoreError> {
        Ok(self.changes_in(center, None, from, limit, Lane::Told).await?.frame)
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
        self.changes_in(center, Some(epoch), *rev, limit, Lane::Asked).await
    }

    async fn changes_in(
        &self,
        center: &CenterId,
        epoch: Option<&Epoch>,
        from: Rev,
        limit: usize,
        lane: Lane,
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
            let known = self.known(&line);
            let recent = line.recent();
            // What memory does not know may have happened at another node: that is asked of the store.
            let frame = resumable(recent.standing()).ok().and_then(|()| recent.cut(from, limit, at));
            if let Some(frame) = frame {
                return Ok(ChangesReply { frame, head: known.head(recent.standing()) });
            }
        }
        let read = self.shared.backend.frame(center.clone(), from, limit, at, lane);
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
        let read = self.shared.backend.buckets(center.clone(), after, now.wall).await?;
        let (standing, frame, buckets) = found(center, read)?;
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
        let at = self.clock().wall_now();
        let read = self.shared.backend.rows(center.clone(), selection, after, at).await?;
        let (standing, frame, rows) = found(center, read)?;
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
        let at = self.clock().wall_now();
        let read = self.shared.backend.revs(center.clone(), selection, after, at).await?;
        let (standing, frame, rows) = found(center, read)?;
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
        let epoch = self.epoch(center)?;
        let row = self.shared.backend.delivery(center.clone(), id).await?;
        Ok(row.map(|row| (epoch, row)))
    }

    /// A delivery's events, oldest first; empty: there is none of that id.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn history(&self, center: &CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, StoreError> {
        self.shared.backend.history(center.clone(), id).await
    }
}

/// What was read of a center beside its standing.
fn found<T>(center: &CenterId, read: Beside<T>) -> Result<(Standing, Option<Frame>, T), StoreError> {
    read.ok_or_else(|| StoreError::UnknownCenter(center.clone()))?.map_err(StoreError::Resync)
}
