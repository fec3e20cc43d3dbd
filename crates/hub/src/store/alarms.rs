//! Alarms of a center and each seat's word on them.

use super::read::json;
use super::writer::{Batch, signed, unsigned};
use super::{Store, StoreError, read, text_json};
use gwanje_model::{CenterId, Delivery, DeliveryId, SeatId, UtcMillis};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmEntry, AlarmKind, AlarmsReply, Receipt, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::watch;

impl Store {
    /// The alarms after `seq` with the center's latest, of one read.
    ///
    /// # Errors
    /// When there is no such center or the store can't be read.
    pub async fn alarms_after(&self, center: &CenterId, seq: u64) -> Result<AlarmsReply, StoreError> {
        let id = center.clone();
        let read = self.read_list("reading alarms", move |db| {
            let Some(standing) = read::standing(db, &id)? else { return Ok(None) };
            let alarms: Vec<AlarmEntry> = after(db, &id, seq)?;
            Ok(Some(AlarmsReply { alarm_seq: standing.alarm_seq, alarms }))
        });
        read.await?.ok_or_else(|| StoreError::UnknownCenter(center.clone()))
    }

    /// The center's latest alarm sequence number; changes after each commit that wrote an alarm or a receipt.
    ///
    /// # Errors
    /// When there is no such center.
    pub fn alarm_written(&self, center: &CenterId) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.line(center)?.alarm.subscribe())
    }

    /// Takes a seat's word on an alarm; only a further stage changes anything.
    ///
    /// # Errors
    /// When there is no such alarm or nothing could be written.
    pub async fn record_receipt(
        &self,
        center: &CenterId,
        receipt: AlarmReceipt,
        seat: SeatId,
    ) -> Result<(), StoreError> {
        let center = center.clone();
        self.write(move |batch| record_receipt(batch, &center, &receipt, &seat)).await?
    }
}

/// The alarms after `seq`, by seq.
fn after(db: &Connection, center: &CenterId, seq: u64) -> rusqlite::Result<Vec<AlarmEntry>> {
    let mut entries: Vec<AlarmEntry> = db
        .prepare_cached(
            "SELECT seq, id, kind, raised_at, body, escalated_at FROM alarm WHERE center = ?1 AND seq > ?2 \
             ORDER BY seq",
        )?
        .query_map(params![center.as_str(), i64::try_from(seq).unwrap_or(i64::MAX)], entry)?
        .collect::<Result<_, _>>()?;
    for entry in &mut entries {
        entry.receipts = receipts(db, center, entry)?;
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AlarmEntry> {
    let kind: String = row.get(2)?;
    let delivery = match row.get_ref(4)?.as_str_or_null()? {
        Some(_) => json::<Delivery>(row, 4).ok().map(WireRow::from),
        None => None,
    };
    Ok(AlarmEntry {
        seq: unsigned(row.get(0)?),
        id: DeliveryId(unsigned(row.get(1)?)),
        kind: AlarmKind::parse(&kind).ok_or(rusqlite::Error::InvalidQuery)?,
        raised_at: UtcMillis(row.get(3)?),
        delivery,
        receipts: Vec::new(),
        escalated_at: row.get::<_, Option<i64>>(5)?.map(UtcMillis),
    })
}

fn receipts(db: &Connection, center: &CenterId, alarm: &AlarmEntry) -> rusqlite::Result<Vec<Receipt>> {
    db.prepare_cached(
        "SELECT seat, stage, at FROM receipt WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 \
         ORDER BY seat",
    )?
    .query_map(params![center.as_str(), signed(alarm.id.0), alarm.kind.as_str(), alarm.raised_at.0], |row| {
        let stage: String = row.get(1)?;
        Ok(Receipt {
            seat: SeatId::from(row.get::<_, String>(0)?),
            stage: parse_stage(&stage).ok_or(rusqlite::Error::InvalidQuery)?,
            at: UtcMillis(row.get(2)?),
        })
    })?
    .collect()
}

const STAGES: [(ReceiptStage, &str); 3] = [
    (ReceiptStage::Delivered, "delivered"),
    (ReceiptStage::Displayed, "displayed"),
    (ReceiptStage::Acknowledged, "acknowledged"),
];

fn parse_stage(name: &str) -> Option<ReceiptStage> {
    STAGES.iter().find(|(_, known)| *known == name).map(|(stage, _)| *stage)
}

fn stage_name(stage: ReceiptStage) -> &'static str {
    STAGES.iter().find(|(known, _)| *known == stage).map_or("delivered", |(_, name)| name)
}

/// Takes a seat's word on an alarm; only a further stage changes anything, and gives the alarm a new seq.
///
/// A cancellation's alarm is the hub's own and must exist; of the other kinds the first word creates the entry.
fn record_receipt(
    batch: &mut Batch<'_>,
    center: &CenterId,
    receipt: &AlarmReceipt,
    seat: &SeatId,
) -> rusqlite::Result<Result<(), StoreError>> {
    let AlarmReceipt { stage, .. } = *receipt;
    let key = receipt;
    let db = batch.db();
    let wall = batch.wall;
    let ids = params![center.as_str(), signed(key.id.0), key.kind.as_str(), key.raised_at.0];
    let not_found = Ok(Err(StoreError::NoAlarm { center: center.clone(), id: key.id }));
    let known = db
        .prepare_cached("SELECT 1 FROM alarm WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4")?
        .exists(ids)?;
    let Some(staged) = batch.center(center)? else { return not_found };
    if !known {
        if key.kind == AlarmKind::Cancelled {
            return not_found;
        }
        let Some(row) = read::any_row(db, center, key.id)? else { return not_found };
        let seq = signed(staged.next_alarm());
        db.prepare_cached(
            "INSERT INTO alarm (center, id, kind, raised_at, seq, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            center.as_str(),
            signed(key.id.0),
            key.kind.as_str(),
            key.raised_at.0,
            seq,
            text_json(&row)?
        ])?;
    }
    let before: Option<String> = db
        .prepare_cached(
            "SELECT stage FROM receipt WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4 AND seat = ?5",
        )?
        .query_row(
            params![center.as_str(), signed(key.id.0), key.kind.as_str(), key.raised_at.0, seat.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    if before.as_deref().and_then(parse_stage).is_some_and(|before| before >= stage) {
        return Ok(Ok(()));
    }
    db.prepare_cached(
        "INSERT INTO receipt (center, id, kind, raised_at, seat, stage, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (center, id, kind, raised_at, seat) DO UPDATE SET stage = excluded.stage, at = excluded.at",
    )?
    .execute(params![
        center.as_str(),
        signed(key.id.0),
        key.kind.as_str(),
        key.raised_at.0,
        seat.as_str(),
        stage_name(stage),
        wall.0
    ])?;
    let seq = signed(staged.next_alarm());
    db.prepare_cached(
        "UPDATE alarm SET seq = ?5 WHERE center = ?1 AND id = ?2 AND kind = ?3 AND raised_at = ?4",
    )?
    .execute(params![center.as_str(), signed(key.id.0), key.kind.as_str(), key.raised_at.0, seq])?;
    Ok(Ok(()))
}
