//! Reading a center by REST: the board, parts of it, changes, digests, one delivery, riders.

use super::ModelHub;
use super::accounts::Caller;
use super::center::Center;
use super::commands::delivery_id;
use super::reply::{Refusal, empty, etag, ok, refuse, resync, tagged};
use super::request::Asked;
use super::setup::Instants;
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::undo::UNDO_WITHIN_MS;
use gwanje_model::{AT_RISK_MIN, CenterId, Delivery, DeliveryId, Epoch, Rev, RowDigest};
use gwanje_sync::HttpResponse;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::rest::{ALARMS_PAGE, CenterInfo, ChangesReply, DigestReply, RevsReply, RowsReply, Snapshot};
use gwanje_wire::{ErrorCode, Frame, ResyncReason, WireRow};
use std::sync::Arc;

impl ModelHub {
    /// GET `/centers`: the centers given to the account in their order, then others by id.
    pub(super) fn centers_seen(&self, caller: &Caller, at: Instants) -> HttpResponse {
        let mut seen: Vec<&Center> = self.centers.values().filter(|center| caller.sees(&center.id)).collect();
        let place = |id: &CenterId| caller.centers.iter().position(|given| given == id).unwrap_or(usize::MAX);
        seen.sort_by_key(|center| place(&center.id));
        let infos = seen.into_iter().map(|center| CenterInfo {
            id: center.id.clone(),
            name: center.name.clone(),
            pos: center.pos,
            time_zone: center.time_zone.clone(),
            head: center.head(at),
            unread: 0,
            undo_within_ms: UNDO_WITHIN_MS.unsigned_abs(),
            at_risk_min: AT_RISK_MIN,
            drill: None,
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
                let tag = etag(&center.epoch, row.rev);
                Ok(if is_known(asked, &tag) { empty(304, Some(tag)) } else { tagged(200, tag, &**row) })
            }
            ["deliveries", id, "history"] => {
                let row = own_row(center, caller, id)?;
                let mut events = center.history.get(&row.id).cloned().unwrap_or_default();
                events.iter_mut().for_each(|event| event.by = self.accounts.person(&event.by.account));
                Ok(ok(&events))
            }
            ["changes"] => changes(center, caller, asked, at),
            ["digest"] => digest(center, caller, asked, at),
            ["riders"] => staff(caller).map(|()| ok(&center.riders_at_work())),
            ["alarms"] => {
                staff(caller)?;
                let after = asked.number("after")?.unwrap_or(0);
                let limit = asked.number("limit")?.unwrap_or(ALARMS_PAGE);
                if !(1..=ALARMS_PAGE).contains(&limit) {
                    return refuse(ErrorCode::Invalid, "limit is 1 to 1000");
                }
                Ok(ok(&center.alarms_page(after, limit, &self.accounts)))
            }
            _ => refuse(ErrorCode::NotFound, "there is nothing here"),
        }
    }
}

/// Refuses riders: they see only their own deliveries.
pub(super) fn staff(caller: &Caller) -> Result<(), Refusal> {
    match caller.only_rider() {
        None => Ok(()),
        Some(_) => refuse(ErrorCode::Forbidden, "a rider may ask for own deliveries only"),
    }
}

fn own_row<'a>(center: &'a Center, caller: &Caller, id: &str) -> Result<&'a Arc<Delivery>, Refusal> {
    let id = delivery_id(id)?;
    match center.any_row(id).filter(|row| is_own(caller, row)) {
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
    center: &Center,
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
            let rows = wanted.into_iter().filter_map(|id| center.rows.get(&DeliveryId(id)).cloned());
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
    let (epoch, rev) = (center.epoch.clone(), center.rev);
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

fn snapshot(center: &Center, caller: &Caller, asked: &Asked<'_>) -> HttpResponse {
    let tag = etag(&center.epoch, center.rev);
    if is_known(asked, &tag) {
        return empty(304, Some(tag));
    }
    let mut rows = center.rows_by_rev();
    rows.retain(|row| is_own(caller, row));
    let RowDigest { count, digest } = RowDigest::of(rows.iter().map(|row| (row.id, row.rev)));
    let rows = rows.into_iter().map(WireRow::Row).collect();
    let board = Snapshot { epoch: center.epoch.clone(), rev: center.rev, count, digest, rows };
    tagged(200, tag, &board)
}

/// The frame (after, rev] of the same read, when the caller asks for it and one frame holds everything.
fn frame_beside(center: &Center, asked: &Asked<'_>, at: Instants) -> Result<Option<Frame>, Refusal> {
    let after = asked.number("after")?.map(Rev);
    if asked.text("epoch").is_some_and(|epoch| epoch != center.epoch.as_str()) {
        return resync(ResyncReason::Epoch);
    }
    center.whole_frame(after, at.wall).or_else(resync)
}

fn digest(
    center: &Center,
    caller: &Caller,
    asked: &Asked<'_>,
    at: Instants,
) -> Result<HttpResponse, Refusal> {
    staff(caller)?;
    let frame = frame_beside(center, asked, at)?;
    let buckets = BucketDigests::of(center.rows.values().map(|row| (row.id, row.rev)));
    Ok(ok(&DigestReply { head: center.head(at), frame, buckets: buckets.as_slice().to_vec() }))
}

fn changes(
    center: &Center,
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
    Ok(ok(&missed(center, epoch.as_ref(), after, limit, at).or_else(resync)?))
}

/// What a cursor lacks, and the head.
pub(super) fn missed(
    center: &Center,
    epoch: Option<&Epoch>,
    after: Rev,
    limit: usize,
    at: Instants,
) -> Result<ChangesReply, ResyncReason> {
    if epoch != Some(&center.epoch) {
        return Err(ResyncReason::Epoch);
    }
    center.resumable(after)?;
    Ok(ChangesReply { frame: center.frame(after, limit, at.wall), head: center.head(at) })
}
