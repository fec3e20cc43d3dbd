//! Alarms of a center: read by page, written when they are due, given word on by seats.

use super::{Lane, Store, StoreError};
use gwanje_ledger::{Signature, WordRefused};
use gwanje_model::CenterId;
use gwanje_wire::rest::{ALARMS_PAGE, AlarmEntry, AlarmsReply, Receipt};
use gwanje_wire::socket::AlarmReceipt;
use tokio::sync::watch;

/// About how many bytes a page of alarms has at the most, however many seats have given word on each.
const PAGE_BYTES: usize = 1 << 20;
/// Of an alarm without its receipts, and of a receipt without the names in it: what stands around texts in JSON, with room.
const ALARM_BYTES: usize = 600;
const RECEIPT_BYTES: usize = 80;

/// Counts what a page of alarms holds.
#[derive(Default)]
pub(super) struct PageBytes(usize);

impl PageBytes {
    /// Whether another alarm with these receipts fits on the page. The first always does.
    pub fn take(&mut self, entry: &AlarmEntry, receipts: &[Receipt]) -> bool {
        let is_first = self.0 == 0;
        let names = entry.delivery.as_ref().map_or(0, |row| row.number.len() + row.shop.name.len());
        let words = receipts.iter().map(|word| RECEIPT_BYTES + word.account.len() + word.seat.as_str().len());
        self.0 += ALARM_BYTES + names + words.sum::<usize>();
        is_first || self.0 <= PAGE_BYTES
    }
}

/// The page that a read of at most `limit` alarms filled; `is_cut`: its bytes left no room for all of them.
pub(super) fn page(alarm_seq: u64, alarms: Vec<AlarmEntry>, limit: usize, is_cut: bool) -> AlarmsReply {
    let last = alarms.last().map(|alarm| alarm.seq).filter(|_| is_cut || alarms.len() >= limit);
    AlarmsReply { alarm_seq, alarms, next: last.filter(|last| *last < alarm_seq) }
}

impl Store {
    /// A page of the alarms after `seq`, `limit` at most and no more than [`PAGE_BYTES`] of them, with the center's latest, of
    /// one read.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn alarms_after(
        &self,
        center: &CenterId,
        seq: u64,
        limit: usize,
    ) -> Result<AlarmsReply, StoreError> {
        self.alarms_by(center, seq, limit, Lane::Asked).await
    }

    /// The same, to tell them to all who follow: this waits for nothing that anybody asks.
    ///
    /// # Errors
    /// As [`Self::alarms_after`].
    pub async fn alarms_to_tell(
        &self,
        center: &CenterId,
        seq: u64,
        limit: usize,
    ) -> Result<AlarmsReply, StoreError> {
        self.alarms_by(center, seq, limit, Lane::Told).await
    }

    async fn alarms_by(
        &self,
        center: &CenterId,
        seq: u64,
        limit: usize,
        lane: Lane,
    ) -> Result<AlarmsReply, StoreError> {
        let read = self.shared.backend.alarms(center.clone(), seq, limit.clamp(1, ALARMS_PAGE), lane);
        read.await?.ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// The center's latest alarm sequence number; changes after each commit that wrote an alarm or a receipt.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn alarm_written(&self, center: &CenterId) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.line(center)?.alarm.subscribe())
    }

    /// Writes the alarms of a center that are due by now, and escalates those of which nobody has taken note. Returns how
    /// many. A center where nothing is due costs two looks at an index, and no lock.
    ///
    /// # Errors
    /// When there is no such center, or the store can't be used.
    pub async fn write_due_alarms(&self, center: &CenterId) -> Result<usize, StoreError> {
        let mut written = 0;
        while self.shared.backend.is_anything_due(center.clone(), self.now()).await? {
            let some = self.shared.backend.write_due(center.clone()).await?;
            written += some;
            if some == 0 {
                // What is due is of rows that only a newer hub can read.
                break;
            }
        }
        Ok(written)
    }

    /// Takes a seat's word on an alarm. A word on one that is due writes it, if nobody has yet; only a further stage
    /// changes anything.
    ///
    /// # Errors
    /// When there is no such delivery, its alarm is not due, or nothing could be written.
    pub async fn record_receipt(
        &self,
        center: &CenterId,
        receipt: AlarmReceipt,
        by: Signature,
    ) -> Result<(), StoreError> {
        let AlarmReceipt { id, kind, .. } = receipt;
        match self.shared.backend.give_word(center.clone(), receipt, by).await? {
            Ok(()) => Ok(()),
            Err(WordRefused::NoAlarm) => Err(StoreError::NoAlarm { center: center.clone(), id }),
            Err(WordRefused::NotDue) => Err(StoreError::NotDue { kind: kind.as_str(), id }),
        }
    }
}
