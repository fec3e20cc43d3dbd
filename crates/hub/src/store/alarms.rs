//! Alarms of a center: read by page, written when they are due, given word on by seats.

use super::{Store, StoreError};
use gwanje_ledger::{Signature, WordRefused};
use gwanje_model::CenterId;
use gwanje_wire::rest::{ALARMS_PAGE, AlarmsReply};
use gwanje_wire::socket::AlarmReceipt;
use tokio::sync::watch;

impl Store {
    /// A page of the alarms after `seq`, `limit` at most, with the center's latest, of one read.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn alarms_after(
        &self,
        center: &CenterId,
        seq: u64,
        limit: usize,
    ) -> Result<AlarmsReply, StoreError> {
        let read = self.shared.backend.alarms(center.clone(), seq, limit.clamp(1, ALARMS_PAGE));
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
