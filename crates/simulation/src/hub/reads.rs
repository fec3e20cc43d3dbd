//! Reading a center by REST: the board, parts of it, changes, digests, one delivery, riders.

use super::ModelHub;
use super::accounts::Caller;
use super::commands::delivery_id;
use super::reply::{Refusal, empty, etag, ok, refuse, resync, tagged};
use super::request::Asked;
use super::setup::Instants;
use gwanje_ledger::Standing;
use gwanje_ledger::memory::MemoryCenter;
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::undo::UNDO_WITHIN_MS;
use gwanje_model::{
    AT_RISK_MIN, CenterId, Delivery, DeliveryId, Epoch, Rev, Rider, RiderId, RowDigest, Status, UtcMillis,
};
use gwanje_sync::HttpResponse;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::{
    ALARMS_PAGE, AlarmsReply, CenterInfo, ChangesReply, DigestReply, RevsReply, RowsReply, Snapshot,
};
use gwanje_wire::{ErrorCode, Frame, Head, ResyncReason, WireRow};
use std::sync::Arc;

impl ModelHub {
    /// GET `/centers`: the centers given to the account in their order, then others by id.
    pub(super) fn centers_seen(&self, caller: &Caller, at: Instants) -> HttpResponse {
        let mut seen: Vec<_> = self.infos.iter().filter(|(id, _)| caller.sees(id)).collect();
        let place = |id: &CenterId| caller.centers.iter().position(|given| given == id).unwrap_or(usize::MAX);
        seen.sort_by_key(|(id, _)| place(id));
        let infos = seen.into_iter().filter_map(|(id, info)| {
            Some(CenterInfo {
                id: id.clone(),
                name: info.name.clone(),
                pos: info.pos,
                time_zone: info.time_zone.clone(),
                head: head(self.board(id)?, at),
                unread: 0,
                undo_within_ms: UNDO_WITHIN_MS.unsigned_abs(),
                at_risk_min: AT_RISK_MIN,
                drill: None,
            })
        });
        ok(&infos.collect::<Vec<_>>())
    }

    /// GET below `/centers/{c}`.
    pub(super) fn read(
        &self,
        caller: &Caller,
        id: &CenterId,
        what: &[&str],
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        self.visible(caller, id)?;
        let center = self.center(id)?;
        match what {
            ["deliveries"] => deliveries(center, caller, asked, at),
            ["deliveries", id] => {
                let row = own_row(center, caller, id)?;
                let tag = etag(&center.standing().epoch, row.rev);
                Ok(if is_known(asked, &tag) { empty(304, Some(tag)) } else { tagged(200, tag, &**row) })
            }
            ["deliveries", id, "history"] => {
                let row = own_row(center, caller, id)?;
                Ok(ok(&center.history(row.id)))
            }
            ["changes"] => self.changes(id, caller, asked, at),
            ["digest"] => digest(center, caller, asked, at),
            ["riders"] => staff(caller).map(|()| ok(&riders_at_work(center))),
            ["alarms"] => {
                staff(caller)?;
                let after = asked.number("after")?.unwrap_or(0);
                let limit = asked.number("limit")?.unwrap_or(ALARMS_PAGE);
                if !(1..=ALARMS_PAGE).contains(&limit) {
                    return refuse(ErrorCode::Invalid, "limit is 1 to 1000");
                }
                Ok(ok(&alarms_page(center, after, limit)))
            }
            _ => refuse(ErrorCode::NotFound, "there is nothing here"),
        }
    }
}

impl ModelHub {
    fn changes(
        &self,
        center: &CenterId,
        caller: &Caller,
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        staff(caller)?;
        let (after, limit) = (asked.number("after")?.map(Rev), asked.number("limit")?);
        let Some(after) = after else { return refuse(ErrorCode::Invalid, "changes needs after") };
        let limit = limit.unwrap_or(FRAME_MAX_ENTRIES);
        if !(1..=FRAME_MAX_ENTRIES).contains(&limit) {
            return refuse(ErrorCode::Invalid, "limit is 1 to 1000");
        }
        let epoch = asked.text("epoch").map(Epoch::from);
        Ok(ok(&self.missed(center, epoch.as_ref(), after, limit, at).or_else(resync)?))
    }

    /// What a cursor lacks, and the head.
    pub(super) fn missed(
        &self,
        center: &CenterId,
        epoch: Option<&Epoch>,
        after: Rev,
        limit: usize,
        at: Instants,
    ) -> Result<ChangesReply, ResyncReason> {
        let epoch = epoch.ok_or(ResyncReason::Epoch)?;
        self.changes_in(center, Some(epoch), after, limit, at)
    }

    /// What changed after a revision, from the node's memory where that reaches back to it; of any history, or of that
    /// one. What memory does not know may have happened at another node: that is read from the store.
    pub(super) fn changes_in(
        &self,
        id: &CenterId,
        epoch: Option<&Epoch>,
        from: Rev,
        limit: usize,
        at: Instants,
    ) -> Result<ChangesReply, ResyncReason> {
        let resumable = |standing: &Standing| {
            if epoch.is_some_and(|epoch| *epoch != standing.epoch) {
                return Err(ResyncReason::Epoch);
            }
            standing.resumable(from)
        };
        let is_emitted = epoch.is_none();
        let memory = self.nodes.get(self.node).filter(|_| is_emitted || self.hears_at_once);
        if let Some(recent) = memory.and_then(|memory| memory.of(id)) {
            let standing = recent.standing();
            let frame = resumable(standing).ok().and_then(|()| recent.cut(from, limit, at.wall));
            if let Some(frame) = frame {
                return Ok(ChangesReply { frame, head: standing.head(at.wall, at.day) });
            }
        }
        let center = self.board(id).ok_or(ResyncReason::Epoch)?;
        resumable(center.standing())?;
        Ok(ChangesReply { frame: center.frame(from, limit, at.wall), head: head(center, at) })
    }
}

/// Refuses riders: they see only their own deliveries.
pub(super) fn staff(caller: &Caller) -> Result<(), Refusal> {
    match caller.only_rider() {
        None => Ok(()),
        Some(_) => refuse(ErrorCode::Forbidden, "a rider may ask for own deliveries only"),
    }
}

fn own_row<'a>(center: &'a MemoryCenter, caller: &Caller, id: &str) -> Result<&'a Arc<Delivery>, Refusal> {
    let id = delivery_id(id)?;
    match center.rows().get(&id).or_else(|| center.left().get(&id)).filter(|row| is_own(caller, row)) {
        Some(row) => Ok(row),
        None => refuse(ErrorCode::NotFound, "there is no such delivery"),
    }
}

fn is_own(caller: &Caller, row: &Delivery) -> bool {
    caller.only_rider().is_none_or(|rider| row.rider.as_ref().is_some_and(|on| on.id == rider))
}

fn is_known(asked: &Asked<'_>, tag: &str) -> bool {
    let known = asked.header("if-none-match").unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn deliveries(
    center: &MemoryCenter,
    caller: &Caller,
    asked: &Asked<'_>,
    at: Instants,
) -> Result<HttpResponse, Refusal> {
    let selected = match (asked.text("buckets"), asked.text("ids")) {
        (None, None) if asked.text("fields").is_none() => return Ok(snapshot(center, caller, asked)),
        (Some(_), None) => {
            let wanted: Vec<u8> = asked.numbers("buckets")?.unwrap_or_default();
            let rows = center.rows_by_rev().into_iter();
            rows.filter(|row| wanted.contains(&bucket_of(row.id))).collect()
        }
        (None, Some(_)) => {
            let wanted: Vec<u64> = asked.numbers("ids")?.unwrap_or_default();
            if wanted.len() > FRAME_MAX_ENTRIES {
                return refuse(ErrorCode::Invalid, "at most 1000 ids at once");
            }
            let rows = wanted.into_iter().filter_map(|id| center.rows().get(&DeliveryId(id)).cloned());
            rows.collect::<Vec<_>>()
        }
        (None, None) | (Some(_), Some(_)) => {
            return refuse(
                ErrorCode::Invalid,
                "either buckets or ids, not both; fields goes with one of them",
            );
        }
    };
    staff(caller)?;
    let frame = frame_beside(center, asked, at)?;
    let (epoch, rev) = (center.standing().epoch.clone(), center.standing().rev);
    match asked.text("fields") {
        None => {
            let rows = selected.into_iter().map(WireRow::Row).collect();
            Ok(ok(&RowsReply { epoch, rev, frame, rows }))
        }
        Some("rev") => {
            let rows = selected.iter().map(|row| (row.id, row.rev)).collect();
            Ok(ok(&RevsReply { epoch, rev, frame, rows }))
        }
        Some(_) => refuse(ErrorCode::Invalid, "fields may be rev"),
    }
}

fn snapshot(center: &MemoryCenter, caller: &Caller, asked: &Asked<'_>) -> HttpResponse {
    let tag = etag(&center.standing().epoch, center.standing().rev);
    if is_known(asked, &tag) {
        return empty(304, Some(tag));
    }
    let mut rows = center.rows_by_rev();
    rows.retain(|row| is_own(caller, row));
    let RowDigest { count, digest } = RowDigest::of(rows.iter().map(|row| (row.id, row.rev)));
    let rows = rows.into_iter().map(WireRow::Row).collect();
    let board =
        Snapshot { epoch: center.standing().epoch.clone(), rev: center.standing().rev, count, digest, rows };
    tagged(200, tag, &board)
}

/// The frame (after, rev] of the same read, when the caller asks for it and one frame holds everything.
fn frame_beside(center: &MemoryCenter, asked: &Asked<'_>, at: Instants) -> Result<Option<Frame>, Refusal> {
    let after = asked.number("after")?.map(Rev);
    if asked.text("epoch").is_some_and(|epoch| epoch != center.standing().epoch.as_str()) {
        return resync(ResyncReason::Epoch);
    }
    whole_frame(center, after, at.wall).or_else(resync)
}

fn digest(
    center: &MemoryCenter,
    caller: &Caller,
    asked: &Asked<'_>,
    at: Instants,
) -> Result<HttpResponse, Refusal> {
    staff(caller)?;
    let frame = frame_beside(center, asked, at)?;
    let buckets = BucketDigests::of(center.rows().values().map(|row| (row.id, row.rev)));
    Ok(ok(&DigestReply { head: head(center, at), frame, buckets: buckets.as_slice().to_vec() }))
}

fn head(center: &MemoryCenter, at: Instants) -> Head {
    center.standing().head(at.wall, at.day)
}

/// What changed after `after`, if one frame holds everything.
fn whole_frame(
    center: &MemoryCenter,
    after: Option<Rev>,
    at: UtcMillis,
) -> Result<Option<Frame>, ResyncReason> {
    let Some(after) = after else { return Ok(None) };
    center.standing().resumable(after)?;
    let frame = center.frame(after, FRAME_MAX_ENTRIES, at);
    Ok((frame.to == center.standing().rev).then_some(frame))
}

/// A page of the alarms after `seq`, by seq.
fn alarms_page(center: &MemoryCenter, seq: u64, limit: usize) -> AlarmsReply {
    let mut alarms = center.alarms_after(seq);
    let cut = alarms.len() > limit;
    alarms.truncate(limit);
    let next = alarms.last().filter(|_| cut).map(|last| last.seq);
    AlarmsReply { alarm_seq: center.standing().alarm_seq, alarms, next }
}

/// The riders by id, each with the deliveries under way.
fn riders_at_work(center: &MemoryCenter) -> Vec<Rider> {
    use gwanje_model::RiderStatus as S;
    let carries = |row: &&Arc<Delivery>, rider: &RiderId| {
        matches!(row.status, Status::Assigned | Status::PickedUp)
            && row.rider.as_ref().is_some_and(|on| on.id == *rider)
    };
    let at_work = center.riders().values().map(|rider| {
        let load = center.rows().values().filter(|row| carries(row, &rider.id)).count();
        let status = match rider.status {
            S::Off => S::Off,
            S::Idle | S::Busy if load > 0 => S::Busy,
            S::Idle | S::Busy => S::Idle,
        };
        Rider { status, load: u32::try_from(load).unwrap_or(u32::MAX), ..rider.clone() }
    });
    at_work.collect()
}
