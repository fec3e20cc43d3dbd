//! What is read of a center beside what the ledger's store reads itself.

use super::Kept;
use crate::store::alarms::{PageBytes, page};
use crate::store::backend::Beside;
use crate::store::{After, Found, PAST_PAGE, PastSearch, Selection, at_work, finding};
use gwanje_ledger::memory::MemoryCenter;
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::search::Search;
use gwanje_model::{CenterId, Delivery, Rider, RiderId, RowDigest, Status, UtcMillis};
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::AlarmsReply;
use gwanje_wire::{Frame, ResyncReason};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Kept {
    /// A read of a center with its standing and the frame after `after`.
    pub(super) fn beside<T>(
        &self,
        center: &CenterId,
        after: &After,
        at: UtcMillis,
        read: impl FnOnce(&MemoryCenter) -> T,
    ) -> Beside<T> {
        let center = self.centers.center(center)?;
        let frame = match whole_frame(center, after, at) {
            Ok(frame) => frame,
            Err(reason) => return Some(Err(reason)),
        };
        Some(Ok((center.standing().clone(), frame, read(center))))
    }
}

/// The frame (after, head]; none without `after`, or when it would hold more than a frame does.
pub(super) fn whole_frame(
    center: &MemoryCenter,
    asked: &After,
    at: UtcMillis,
) -> Result<Option<Frame>, ResyncReason> {
    let standing = center.standing();
    // A revision of another history is neither ahead nor below the floor of this one.
    if asked.epoch.as_ref().is_some_and(|epoch| *epoch != standing.epoch) {
        return Err(ResyncReason::Epoch);
    }
    let Some(after) = asked.after else { return Ok(None) };
    standing.resumable(after)?;
    let frame = center.frame(after, FRAME_MAX_ENTRIES, at);
    Ok((frame.to == standing.rev).then_some(frame))
}

/// Count and digest of each bucket.
pub(super) fn buckets(center: &MemoryCenter) -> Vec<RowDigest> {
    BucketDigests::of(center.rows().values().map(|row| (row.id, row.rev))).as_slice().to_vec()
}

/// The selected live rows: those of buckets by revision, those with ids in the order asked.
pub(super) fn selected(center: &MemoryCenter, selection: &Selection) -> Vec<Arc<Delivery>> {
    match selection {
        Selection::Buckets(wanted) => {
            let mut rows = center.rows_by_rev();
            rows.retain(|row| wanted.contains(&bucket_of(row.id)));
            rows
        }
        Selection::Ids(ids) => ids.iter().filter_map(|id| center.rows().get(id)).cloned().collect(),
    }
}

/// A page of the alarms after `seq`.
pub(super) fn alarms(center: &MemoryCenter, seq: u64, limit: usize) -> AlarmsReply {
    let alarm_seq = center.standing().alarm_seq;
    let mut alarms = center.alarms_after(seq);
    alarms.truncate(limit);
    let mut bytes = PageBytes::default();
    let fit = alarms.iter().take_while(|alarm| bytes.take(alarm, &alarm.receipts)).count();
    let is_cut = fit < alarms.len();
    alarms.truncate(fit);
    page(alarm_seq, alarms, limit, is_cut)
}

/// The riders listed, by id, each with the deliveries under way.
pub(super) fn riders(center: &MemoryCenter) -> Vec<Rider> {
    let mut loads: BTreeMap<&RiderId, u32> = BTreeMap::new();
    for row in center.rows().values() {
        if let (Some(rider), Status::Assigned | Status::PickedUp) = (&row.rider, row.status) {
            *loads.entry(&rider.id).or_default() += 1;
        }
    }
    let loaded = |rider: &Rider| {
        let load = loads.get(&rider.id).copied().unwrap_or(0);
        Rider { load, status: at_work(rider.status, load), ..rider.clone() }
    };
    center.riders().values().map(loaded).collect()
}

/// One page of past and present deliveries, newest first.
pub(super) fn find(center: &MemoryCenter, search: &PastSearch) -> serde_json::Result<Found> {
    let typed = search.q.as_deref().map(str::trim).filter(|q| !q.is_empty()).map(Search::parse);
    let statuses: Vec<&str> = search.statuses().collect();
    let fits = |row: &Delivery| {
        let rider = row.rider.as_ref().map(|rider| rider.id.as_str());
        search.cursor.is_none_or(|before| row.id < before)
            && search.from.is_none_or(|from| row.received_at >= from)
            && search.to.is_none_or(|to| row.received_at < to)
            && (statuses.is_empty() || statuses.contains(&row.status.as_str()))
            && search.rider.as_deref().is_none_or(|wanted| rider == Some(wanted))
    };
    let all = center.rows().iter().chain(center.left());
    let by_id: BTreeMap<_, _> = all.filter(|(_, row)| fits(row)).collect();
    let mut rows: Vec<Delivery> = Vec::new();
    for row in by_id.into_values().rev() {
        let is_found = match &typed {
            Some(search) => finding::matches(search, &serde_json::to_string(&**row)?)?,
            None => true,
        };
        if is_found {
            rows.push(Delivery::clone(row));
        }
        if rows.len() > PAST_PAGE {
            rows.pop();
            let next = rows.last().map(|row| row.id);
            return Ok(Found { rows, next });
        }
    }
    Ok(Found { rows, next: None })
}
