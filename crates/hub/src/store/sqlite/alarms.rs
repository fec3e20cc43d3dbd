//! Alarms of a center, by page.

pub(super) mod due;
pub(super) mod receipts;

use super::read::{self, json, person};
use super::writer::{signed, unsigned};
use crate::store::alarms::PageBytes;
use gwanje_ledger::AlarmRef;
use gwanje_model::{CenterId, DeliveryId, SeatId, Status, UtcMillis};
use gwanje_wire::Person;
use gwanje_wire::rest::{Acknowledgement, AlarmEntry, AlarmKind, AlarmsReply, Receipt, ReceiptStage};
use rusqlite::{Connection, Row, params};

/// A page of the alarms after `seq` with the center's latest; none: there is no such center.
pub(super) fn page(
    db: &Connection,
    center: &CenterId,
    seq: u64,
    limit: usize,
) -> rusqlite::Result<Option<AlarmsReply>> {
    let Some(standing) = read::standing(db, center)? else { return Ok(None) };
    let (alarms, is_cut) = after(db, center, seq, limit)?;
    Ok(Some(crate::store::alarms::page(standing.alarm_seq, alarms, limit, is_cut)))
}

/// The alarms after `seq`, by seq, and whether more of them would have been more than a page.
fn after(
    db: &Connection,
    center: &CenterId,
    seq: u64,
    limit: usize,
) -> rusqlite::Result<(Vec<AlarmEntry>, bool)> {
    let mut bytes = PageBytes::default();
    let mut entries: Vec<AlarmEntry> = db
        .prepare_cached(
            "SELECT seq, id, kind, raised_at, body, escalated_at, at, was, by, more, acknowledged_by, \
             acknowledged_at, settled_at, (SELECT person FROM account WHERE name = alarm.by), \
             (SELECT person FROM account WHERE name = acknowledged_by) \
             FROM alarm WHERE center = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )?
        .query_map(
            params![
                center.as_str(),
                i64::try_from(seq).unwrap_or(i64::MAX),
                i64::try_from(limit).unwrap_or(i64::MAX)
            ],
            entry,
        )?
        .collect::<Result<_, _>>()?;
    let mut fit = 0;
    for entry in &mut entries {
        entry.receipts = receipts_of(db, center, entry)?;
        if !bytes.take(entry, &entry.receipts) {
            break;
        }
        fit += 1;
    }
    let is_cut = fit < entries.len();
    entries.truncate(fit);
    Ok((entries, is_cut))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AlarmEntry> {
    let instant = |index: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(UtcMillis));
    let delivery = match row.get_ref(4)?.as_str_or_null()? {
        Some(_) => json(row, 4).ok(),
        None => None,
    };
    let acknowledged = person_of(row, 10, 14)?.zip(instant(11)?);
    Ok(AlarmEntry {
        seq: unsigned(row.get(0)?),
        id: DeliveryId(unsigned(row.get(1)?)),
        kind: kind(row, 2)?,
        raised_at: UtcMillis(row.get(3)?),
        at: instant(6)?.filter(|at| at.0 > 0),
        delivery,
        was: row.get::<_, Option<String>>(7)?.and_then(|name| Status::parse(&name)),
        by: person_of(row, 8, 13)?,
        receipts: Vec::new(),
        more: unsigned(row.get(9)?),
        acknowledged: acknowledged.map(|(who, at)| Acknowledgement { who, at }),
        escalated_at: instant(5)?,
        settled_at: instant(12)?,
    })
}

/// Whoever has the account in one column, as the other calls them; none: it is nobody's.
fn person_of(row: &Row<'_>, account: usize, name: usize) -> rusqlite::Result<Option<Person>> {
    if row.get_ref(account)?.as_str_or_null()?.is_none() {
        return Ok(None);
    }
    person(row, account, name).map(Some)
}

/// What names an alarm, in the first three columns: delivery, kind, instant.
pub(super) fn alarm_ref(row: &Row<'_>) -> rusqlite::Result<AlarmRef> {
    Ok(AlarmRef {
        id: DeliveryId(unsigned(row.get(0)?)),
        kind: kind(row, 1)?,
        raised_at: UtcMillis(row.get(2)?),
    })
}

/// The kind in a column.
pub(super) fn kind(row: &Row<'_>, index: usize) -> rusqlite::Result<AlarmKind> {
    AlarmKind::parse(row.get_ref(index)?.as_str()?).ok_or(rusqlite::Error::InvalidQuery)
}

fn receipts_of(db: &Connection, center: &CenterId, alarm: &AlarmEntry) -> rusqlite::Result<Vec<Receipt>> {
    db.prepare_cached(
        "SELECT account, seat, stage, at FROM receipt \
         WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 ORDER BY account, seat",
    )?
    .query_map(params![center.as_str(), signed(alarm.id.0), alarm.kind.as_str(), alarm.raised_at.0], |row| {
        Ok(Receipt {
            account: row.get::<_, String>(0)?.into(),
            seat: SeatId::from(row.get::<_, String>(1)?),
            stage: stage(row, 2)?,
            at: UtcMillis(row.get(3)?),
        })
    })?
    .collect()
}

fn stage(row: &Row<'_>, index: usize) -> rusqlite::Result<ReceiptStage> {
    ReceiptStage::parse(row.get_ref(index)?.as_str()?).ok_or(rusqlite::Error::InvalidQuery)
}
