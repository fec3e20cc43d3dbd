//! Reads of centers: each within one read transaction.

use super::failure::Failure;
use super::rows::{
    alarm_kind, json, latest_name, receipt_stage, signed, standing as read_standing, unsigned,
};
use crate::store::alarms::{PageBytes, page};
use crate::store::{After, CenterRecord, Found, PAST_PAGE, PastSearch, Selection, at_work, finding};
use deadpool_postgres::Transaction;
use futures_util::TryStreamExt;
use gwanje_ledger::{Entry, Standing, cut_frame};
use gwanje_model::digest::{BucketDigests, bucket_of};
use gwanje_model::search::Search;
use gwanje_model::{
    CenterId, Delivery, DeliveryId, Pos, Rev, Rider, RiderId, RowDigest, SeatId, Status, UtcMillis,
};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::frame::{FRAME_MAX_ENTRIES, Frame, Gone};
use gwanje_wire::rest::{Acknowledgement, AlarmEntry, AlarmsReply, Receipt};
use gwanje_wire::{ResyncReason, WireRow};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Row;

const STANDINGS: &str =
    "SELECT epoch, rev, count, digest, floor, alarm_seq, next_number, id, name, pos, time_zone FROM center";

/// Every center with where it stands, by id.
pub(super) async fn centers(tx: &Transaction<'_>) -> Result<Vec<(CenterRecord, Standing)>, Failure> {
    let statement = tx.prepare_cached(&format!("{STANDINGS} ORDER BY id COLLATE \"C\"")).await?;
    let center = |row: &Row| {
        let pos: Option<&str> = row.get(9);
        let record = CenterRecord {
            id: CenterId::from(row.get::<_, String>(7)),
            name: row.get::<_, &str>(8).into(),
            pos: pos.map(serde_json::from_str).transpose()?,
            time_zone: row.get::<_, &str>(10).into(),
        };
        Ok((record, read_standing(row)))
    };
    tx.query(&statement, &[]).await?.iter().map(center).collect()
}

pub(super) async fn standing(tx: &Transaction<'_>, center: &CenterId) -> Result<Option<Standing>, Failure> {
    let statement = tx.prepare_cached(&format!("{STANDINGS} WHERE id = $1")).await?;
    Ok(tx.query_opt(&statement, &[&center.as_str()]).await?.as_ref().map(read_standing))
}

/// The frame after `from`, read from the tables at `standing` (of the same transaction).
pub(super) async fn frame(
    tx: &Transaction<'_>,
    center: &CenterId,
    standing: &Standing,
    from: Rev,
    limit: usize,
    at: UtcMillis,
) -> Result<Frame, Failure> {
    let limit = limit.clamp(1, FRAME_MAX_ENTRIES);
    // Asks for one more than fits, which shows whether the frame is cut.
    let asked = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let statement = tx
        .prepare_cached("SELECT body FROM delivery WHERE center = $1 AND rev > $2 ORDER BY rev LIMIT $3")
        .await?;
    let rows = tx.query(&statement, &[&center.as_str(), &signed(from.0), &asked]).await?;
    let row = |row: &Row| Ok::<_, Failure>(Entry::of_stored(row.get(0))?);
    let mut entries = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let statement = tx
        .prepare_cached("SELECT id, rev FROM tombstone WHERE center = $1 AND rev > $2 ORDER BY rev LIMIT $3")
        .await?;
    let gone = tx.query(&statement, &[&center.as_str(), &signed(from.0), &asked]).await?;
    entries.extend(gone.iter().map(|row| {
        Entry::Gone(Gone { id: DeliveryId(unsigned(row.get(0))), rev: Rev(unsigned(row.get(1))) })
    }));
    entries.sort_unstable_by_key(Entry::rev);
    Ok(cut_frame(standing, from, limit, at, entries.into_iter()))
}

/// The frame (after, head] of this read; none without `after`, or when it would hold more than a frame does.
pub(super) async fn whole_frame(
    tx: &Transaction<'_>,
    center: &CenterId,
    standing: &Standing,
    asked: &After,
    at: UtcMillis,
) -> Result<Result<Option<Frame>, ResyncReason>, Failure> {
    // A revision of another history is neither ahead nor below the floor of this one.
    if asked.epoch.as_ref().is_some_and(|epoch| *epoch != standing.epoch) {
        return Ok(Err(ResyncReason::Epoch));
    }
    let Some(after) = asked.after else { return Ok(Ok(None)) };
    if let Err(reason) = standing.resumable(after) {
        return Ok(Err(reason));
    }
    let frame = frame(tx, center, standing, after, FRAME_MAX_ENTRIES, at).await?;
    Ok(Ok((frame.to == standing.rev).then_some(frame)))
}

/// (id, rev) of all live rows, in rev order; from the index alone.
async fn revisions(tx: &Transaction<'_>, center: &CenterId) -> Result<Vec<(DeliveryId, Rev)>, Failure> {
    let statement = tx.prepare_cached("SELECT id, rev FROM delivery WHERE center = $1 ORDER BY rev").await?;
    let rows = tx.query(&statement, &[&center.as_str()]).await?;
    Ok(rows.iter().map(id_and_rev).collect())
}

fn id_and_rev(row: &Row) -> (DeliveryId, Rev) {
    (DeliveryId(unsigned(row.get(0))), Rev(unsigned(row.get(1))))
}

/// Count and digest of each bucket.
pub(super) async fn buckets(tx: &Transaction<'_>, center: &CenterId) -> Result<Vec<RowDigest>, Failure> {
    Ok(BucketDigests::of(revisions(tx, center).await?).as_slice().to_vec())
}

/// (id, rev) of the selected live rows.
pub(super) async fn selected(
    tx: &Transaction<'_>,
    center: &CenterId,
    selection: &Selection,
) -> Result<Vec<(DeliveryId, Rev)>, Failure> {
    match selection {
        Selection::Buckets(wanted) => {
            let mut rows = revisions(tx, center).await?;
            rows.retain(|&(id, _)| wanted.contains(&bucket_of(id)));
            Ok(rows)
        }
        Selection::Ids(ids) => {
            let asked: Vec<i64> = ids.iter().map(|id| signed(id.0)).collect();
            let statement =
                tx.prepare_cached("SELECT id, rev FROM delivery WHERE id = ANY($1) AND center = $2").await?;
            let rows = tx.query(&statement, &[&asked, &center.as_str()]).await?;
            let found: HashMap<DeliveryId, Rev> = rows.iter().map(id_and_rev).collect();
            // In the order asked.
            Ok(ids.iter().filter_map(|id| found.get(id).map(|rev| (*id, *rev))).collect())
        }
    }
}

/// The selected live rows.
pub(super) async fn rows(
    tx: &Transaction<'_>,
    center: &CenterId,
    selection: &Selection,
) -> Result<Vec<WireRow>, Failure> {
    let ids = selected(tx, center, selection).await?;
    let asked: Vec<i64> = ids.iter().map(|(id, _)| signed(id.0)).collect();
    let statement =
        tx.prepare_cached("SELECT id, body FROM delivery WHERE id = ANY($1) AND center = $2").await?;
    let found = tx.query(&statement, &[&asked, &center.as_str()]).await?;
    let mut found = found
        .iter()
        .map(|row| Ok((DeliveryId(unsigned(row.get(0))), json::<WireRow>(row, 1)?)))
        .collect::<Result<HashMap<_, _>, Failure>>()?;
    Ok(ids.iter().filter_map(|(id, _)| found.remove(id)).collect())
}

/// The events of a delivery, oldest first.
pub(super) async fn history(
    tx: &Transaction<'_>,
    center: &CenterId,
    id: DeliveryId,
) -> Result<Vec<HistoryEvent>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT rev, at, by, action, from_status, to_status, detail, account.person FROM history \
             LEFT JOIN account ON account.name = by WHERE delivery = $1 AND center = $2 ORDER BY rev",
        )
        .await?;
    let rows = tx.query(&statement, &[&signed(id.0), &center.as_str()]).await?;
    let event = |row: &Row| HistoryEvent {
        rev: Rev(unsigned(row.get(0))),
        at: UtcMillis(row.get(1)),
        by: latest_name(row, 2, 7),
        action: row.get::<_, &str>(3).into(),
        from: row.get::<_, Option<&str>>(4).map(Into::into),
        to: row.get::<_, Option<&str>>(5).map(Into::into),
        detail: row.get::<_, &str>(6).into(),
    };
    Ok(rows.iter().map(event).collect())
}

/// A page of the alarms after `seq` with the center's latest; none: there is no such center.
pub(super) async fn alarms(
    tx: &Transaction<'_>,
    center: &CenterId,
    seq: u64,
    limit: usize,
) -> Result<Option<AlarmsReply>, Failure> {
    let Some(standing) = standing(tx, center).await? else { return Ok(None) };
    let statement = tx
        .prepare_cached(
            "SELECT seq, id, kind, raised_at, body, escalated_at, alarm.at, was, by, more, acknowledged_by, \
             acknowledged_at, settled_at, raiser.person, taker.person FROM alarm \
             LEFT JOIN account raiser ON raiser.name = by LEFT JOIN account taker ON taker.name = acknowledged_by \
             WHERE center = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .await?;
    let (after, most) = (i64::try_from(seq).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = tx.query(&statement, &[&center.as_str(), &after, &most]).await?;
    let mut entries = rows.iter().map(alarm).collect::<Result<Vec<_>, _>>()?;
    let statement = tx
        .prepare_cached(
            "SELECT receipt.id, receipt.kind, receipt.raised_at, account, seat, stage, receipt.at FROM receipt \
             JOIN (SELECT center, id, kind, raised_at FROM alarm WHERE center = $1 AND seq > $2 ORDER BY seq \
             LIMIT $3) page USING (center, id, kind, raised_at) ORDER BY account, seat",
        )
        .await?;
    let mut words: HashMap<(u64, String, i64), Vec<Receipt>> = HashMap::new();
    for row in tx.query(&statement, &[&center.as_str(), &after, &most]).await? {
        words.entry((unsigned(row.get(0)), row.get(1), row.get(2))).or_default().push(Receipt {
            account: row.get::<_, &str>(3).into(),
            seat: SeatId::from(row.get::<_, String>(4)),
            stage: receipt_stage(&row, 5)?,
            at: UtcMillis(row.get(6)),
        });
    }
    let mut bytes = PageBytes::default();
    let mut fit = 0;
    for entry in &mut entries {
        let key = (entry.id.0, entry.kind.as_str().to_owned(), entry.raised_at.0);
        entry.receipts = words.remove(&key).unwrap_or_default();
        if !bytes.take(entry, &entry.receipts) {
            break;
        }
        fit += 1;
    }
    let is_cut = fit < entries.len();
    entries.truncate(fit);
    Ok(Some(page(standing.alarm_seq, entries, limit, is_cut)))
}

fn alarm(row: &Row) -> Result<AlarmEntry, Failure> {
    let instant = |column: usize| row.get::<_, Option<i64>>(column).map(UtcMillis);
    let person = |account: usize, name: usize| {
        row.get::<_, Option<&str>>(account).is_some().then(|| latest_name(row, account, name))
    };
    let body: Option<&str> = row.get(4);
    Ok(AlarmEntry {
        seq: unsigned(row.get(0)),
        id: DeliveryId(unsigned(row.get(1))),
        kind: alarm_kind(row, 2)?,
        raised_at: UtcMillis(row.get(3)),
        at: instant(6),
        delivery: body.and_then(|body| serde_json::from_str(body).ok()),
        was: row.get::<_, Option<&str>>(7).and_then(Status::parse),
        by: person(8, 13),
        receipts: Vec::new(),
        more: unsigned(row.get(9)),
        acknowledged: person(10, 14).zip(instant(11)).map(|(who, at)| Acknowledgement { who, at }),
        escalated_at: instant(5),
        settled_at: instant(12),
    })
}

/// The riders listed to a center, by id, each with the deliveries under way.
pub(super) async fn riders(tx: &Transaction<'_>, center: &CenterId) -> Result<Vec<Rider>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT rider, count(*) FROM delivery WHERE center = $1 AND rider IS NOT NULL \
             AND status IN ('assigned', 'pickedUp') GROUP BY rider",
        )
        .await?;
    let rows = tx.query(&statement, &[&center.as_str()]).await?;
    let load = |row: &Row| (row.get(0), u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX));
    let loads: BTreeMap<String, u32> = rows.iter().map(load).collect();
    let statement = tx
        .prepare_cached(
            "SELECT id, name, phone, home, status, pos, seen_at FROM rider WHERE center = $1 ORDER BY id",
        )
        .await?;
    let rows = tx.query(&statement, &[&center.as_str()]).await?;
    let rider = |row: &Row| {
        let id: String = row.get(0);
        let pos: Option<&str> = row.get(5);
        let load = loads.get(&id).copied().unwrap_or(0);
        Ok(Rider {
            id: RiderId::from(id),
            name: row.get::<_, &str>(1).into(),
            phone: row.get::<_, &str>(2).into(),
            home: CenterId::from(row.get::<_, String>(3)),
            status: at_work(json(row, 4)?, load),
            pos: pos.map(serde_json::from_str::<Pos>).transpose()?,
            seen_at: row.get::<_, Option<i64>>(6).map(UtcMillis),
            load,
        })
    };
    rows.iter().map(rider).collect()
}

/// One page of past and present deliveries, newest first. What was typed is compared here, row by row as they come.
pub(super) async fn find(
    tx: &Transaction<'_>,
    center: &CenterId,
    search: &PastSearch,
) -> Result<Found, Failure> {
    let typed = search.q.as_deref().map(str::trim).filter(|q| !q.is_empty()).map(Search::parse);
    let statuses: Vec<&str> = search.statuses().collect();
    let statement = tx
        .prepare_cached(
            "SELECT body FROM ( \
               SELECT id, center, status, rider, received_at, body FROM delivery WHERE center = $1 \
               UNION ALL \
               SELECT id, center, status, rider, received_at, body FROM archive WHERE center = $1) found \
             WHERE id < $2 AND received_at >= $3 AND received_at < $4 \
             AND (cardinality($5::text[]) = 0 OR status = ANY($5)) AND ($6::text IS NULL OR rider = $6) \
             ORDER BY id DESC",
        )
        .await?;
    let before = search.cursor.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
    let from = search.from.map_or(i64::MIN, |at| at.0);
    let to = search.to.map_or(i64::MAX, |at| at.0);
    let name = center.as_str();
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&name, &before, &from, &to, &statuses, &search.rider];
    let portal = tx.bind(&statement, &params).await?;
    let mut rows: Vec<Delivery> = Vec::new();
    loop {
        let found: Vec<Row> = tx.query_portal_raw(&portal, 200).await?.try_collect().await?;
        for row in &found {
            let body: &str = row.get(0);
            let is_found = match &typed {
                Some(search) => finding::matches(search, body)?,
                None => true,
            };
            if is_found {
                rows.push(serde_json::from_str(body)?);
            }
            if rows.len() > PAST_PAGE {
                rows.pop();
                let next = rows.last().map(|row| row.id);
                return Ok(Found { rows, next });
            }
        }
        if found.len() < 200 {
            return Ok(Found { rows, next: None });
        }
    }
}

/// What one rider carries, by revision.
pub(super) async fn carried(
    tx: &Transaction<'_>,
    center: &CenterId,
    rider: &RiderId,
) -> Result<Vec<Delivery>, Failure> {
    let statement =
        tx.prepare_cached("SELECT body FROM delivery WHERE center = $1 AND rider = $2 ORDER BY rev").await?;
    let rows = tx.query(&statement, &[&center.as_str(), &rider.as_str()]).await?;
    rows.iter().map(|row| json(row, 0)).collect()
}
