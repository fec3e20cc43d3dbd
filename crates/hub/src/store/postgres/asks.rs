//! What is asked of a center, each with whoever waits for its answer.

use super::answer::{Answer, Settle, settle};
use super::erasing::{self, Suspects};
use super::failure::Failure;
use super::loading::{any_row, live_row, load};
use super::locked::Locked;
use super::named::NamedAsk;
use super::rows::{alarm_kind, json, receipt_stage, signed, unsigned};
use crate::store::backend::{ALARMS_FORGOTTEN_AT_ONCE, DUE_AT_ONCE};
use crate::store::{Erased, StoreError};
use deadpool_postgres::Transaction;
use gwanje_ledger::{
    AlarmRef, AlarmSubject, Erasure, LoadedAlarm, Need, Retention, Signature, WordRefused, Write,
};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, SeatId, Text, UtcMillis};
use gwanje_wire::rest::RECEIPTS_OF_ACCOUNT;
use gwanje_wire::socket::AlarmReceipt;

/// An ask of a center. It can be decided more than once: only what is committed is answered.
pub(super) enum CenterAsk {
    Named(NamedAsk),
    Word { receipt: AlarmReceipt, by: Signature, answer: Answer<Result<(), WordRefused>> },
    Due(Answer<usize>),
    Archive { day_at: UtcMillis, at_most: usize, kept: u64, answer: Answer<usize> },
    Erase { erasure: Erasure, suspects: Suspects, by: Text, answer: Answer<Erased> },
    KeepTombstones(u64, Answer<()>),
    BeginEpoch(Epoch, Answer<Result<(), StoreError>>),
}

impl Locked<'_> {
    /// Decides asks, in order. Those that follow one another and name what they look at are loaded for, decided and written
    /// together.
    pub async fn decide(&mut self, asks: &[CenterAsk]) -> Result<Vec<Settle>, Failure> {
        let mut settles = Vec::with_capacity(asks.len());
        let mut named = Vec::new();
        for ask in asks {
            if let CenterAsk::Named(ask) = ask {
                named.push(ask);
                continue;
            }
            settles.extend(self.decide_named(&std::mem::take(&mut named)).await?);
            settles.push(ask.decide(self).await?);
        }
        settles.extend(self.decide_named(&named).await?);
        Ok(settles)
    }

    async fn decide_named(&mut self, asks: &[&NamedAsk]) -> Result<Vec<Settle>, Failure> {
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let mut need = Need::default();
        asks.iter().for_each(|ask| ask.add_need(&mut need));
        let mut loaded = load(self.tx, self.center, self.standing.clone(), &need).await?;
        let mut writes = Vec::new();
        let mut settles = Vec::with_capacity(asks.len());
        for ask in asks {
            settles.push(ask.decide(&mut loaded, self.now, &mut writes)?);
        }
        self.write(writes).await?;
        self.standing = loaded.standing;
        Ok(settles)
    }
}

impl CenterAsk {
    /// Tells whoever waits that it was not decided.
    pub fn fail(&self, why: impl Fn() -> StoreError) {
        match self {
            Self::Named(ask) => ask.fail(why),
            Self::Word { answer, .. } => answer.give(Err(why())),
            Self::Due(answer) | Self::Archive { answer, .. } => answer.give(Err(why())),
            Self::Erase { answer, .. } => answer.give(Err(why())),
            Self::KeepTombstones(_, answer) => answer.give(Err(why())),
            Self::BeginEpoch(_, answer) => answer.give(Err(why())),
        }
    }

    /// Decides it, and writes what that leaves to write.
    async fn decide(&self, at: &mut Locked<'_>) -> Result<Settle, Failure> {
        match self {
            Self::Named(ask) => at.decide_named(&[ask]).await.map(|settles| -> Settle {
                Box::new(move || settles.into_iter().for_each(|settle| settle()))
            }),
            Self::Word { receipt, by, answer } => Ok(settle(answer, give_word(at, receipt, by).await?)),
            Self::Due(answer) => Ok(settle(answer, write_due(at).await?)),
            Self::Archive { day_at, at_most, kept, answer } => {
                Ok(settle(answer, archive(at, *day_at, *at_most, *kept).await?))
            }
            Self::Erase { erasure, suspects, by, answer } => {
                Ok(settle(answer, erasing::erase(at, erasure.clone(), suspects, by).await?))
            }
            Self::KeepTombstones(kept, answer) => Ok(settle(answer, keep_tombstones(at, *kept).await?)),
            Self::BeginEpoch(epoch, answer) => {
                let (center, epoch) = (at.center.clone(), epoch.clone());
                let begun = match &mut at.standing {
                    None => Err(StoreError::UnknownCenter(center)),
                    Some(standing) if epoch <= standing.epoch => Err(StoreError::OldEpoch { center, epoch }),
                    Some(standing) => {
                        standing.begin_epoch(epoch);
                        at.changes.clear();
                        Ok(())
                    }
                };
                Ok(settle(answer, begun))
            }
        }
    }
}

/// A limit as the database takes it.
fn rows_at_most(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Alarms by what names them, in the first three columns: delivery, kind, instant.
fn alarm_refs(rows: &[tokio_postgres::Row]) -> Result<Vec<AlarmRef>, Failure> {
    let alarm = |row: &tokio_postgres::Row| {
        Ok(AlarmRef {
            id: DeliveryId(unsigned(row.get(0))),
            kind: alarm_kind(row, 1)?,
            raised_at: UtcMillis(row.get(2)),
        })
    };
    rows.iter().map(alarm).collect()
}

/// What is due by `day`, the oldest first.
pub(super) async fn due(
    tx: &Transaction<'_>,
    center: &CenterId,
    day: UtcMillis,
    limit: usize,
) -> Result<Vec<AlarmRef>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT id, kind, at FROM due WHERE center = $1 AND at <= $2 ORDER BY at, id, kind LIMIT $3",
        )
        .await?;
    alarm_refs(&tx.query(&statement, &[&center.as_str(), &day.0, &rows_at_most(limit)]).await?)
}

/// Alarms that stand unacknowledged for too long by `wall`, the oldest first.
pub(super) async fn unheard(
    tx: &Transaction<'_>,
    center: &CenterId,
    wall: UtcMillis,
    limit: usize,
) -> Result<Vec<AlarmRef>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT id, kind, raised_at FROM alarm WHERE center = $1 AND at <= $2 AND at > 0 \
             AND acknowledged_at IS NULL AND settled_at IS NULL AND escalated_at IS NULL ORDER BY at, id, kind, raised_at LIMIT $3",
        )
        .await?;
    let until = gwanje_ledger::unheard_until(wall).0;
    alarm_refs(&tx.query(&statement, &[&center.as_str(), &until, &rows_at_most(limit)]).await?)
}

async fn write_due(at: &mut Locked<'_>) -> Result<usize, Failure> {
    let mut raised = Vec::new();
    for alarm in due(at.tx, at.center, at.now.day, DUE_AT_ONCE).await? {
        match live_row(at.tx, at.center, alarm.id).await {
            Ok(row) => raised.push((alarm, row)),
            // A newer hub wrote it, and raises its alarms.
            Err(Failure::Json(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    let unheard = unheard(at.tx, at.center, at.now.wall, DUE_AT_ONCE).await?;
    let Some(standing) = &mut at.standing else { return Ok(0) };
    let count = raised.len() + unheard.len();
    let writes = gwanje_ledger::look_at_clock(standing, raised, unheard);
    at.write(writes).await?;
    Ok(count)
}

async fn archive(
    at: &mut Locked<'_>,
    day_at: UtcMillis,
    at_most: usize,
    kept: u64,
) -> Result<usize, Failure> {
    let Some(standing) = &mut at.standing else { return Ok(0) };
    let statement = at
        .tx
        .prepare_cached(
            "SELECT body FROM delivery WHERE center = $1 AND ended_at < $2 ORDER BY ended_at, id LIMIT $3",
        )
        .await?;
    let ended = at.tx.query(&statement, &[&at.center.as_str(), &day_at.0, &rows_at_most(at_most)]).await?;
    let ended = ended.iter().map(|row| json::<Delivery>(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let count = ended.len();
    let writes = gwanje_ledger::archive(standing, ended);
    at.write(writes).await?;
    keep_tombstones(at, kept).await?;
    let old = old_alarms(at).await?;
    at.write(old.into_iter().map(Write::AlarmGone).collect()).await?;
    Ok(count)
}

/// Alarms that were raised long ago about deliveries that left the board.
async fn old_alarms(at: &Locked<'_>) -> Result<Vec<AlarmRef>, Failure> {
    let statement = at
        .tx
        .prepare_cached(
            "SELECT id, kind, raised_at FROM alarm WHERE center = $1 AND raised_at < $2 \
             AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = alarm.id) ORDER BY seq LIMIT $3",
        )
        .await?;
    let until = Retention::at(at.now).alarms_from.0;
    let at_most = rows_at_most(ALARMS_FORGOTTEN_AT_ONCE);
    alarm_refs(&at.tx.query(&statement, &[&at.center.as_str(), &until, &at_most]).await?)
}

/// Drops all but the newest `kept` tombstones.
async fn keep_tombstones(at: &mut Locked<'_>, kept: u64) -> Result<(), Failure> {
    let Some(standing) = &mut at.standing else { return Ok(()) };
    // The newest tombstone that is one too many.
    let statement = at
        .tx
        .prepare_cached("SELECT rev FROM tombstone WHERE center = $1 ORDER BY rev DESC LIMIT 1 OFFSET $2")
        .await?;
    let kept = i64::try_from(kept).unwrap_or(i64::MAX);
    let floor = at.tx.query_opt(&statement, &[&at.center.as_str(), &kept]).await?;
    let floor = floor.map(|row| Rev(unsigned(row.get(0))));
    let writes = gwanje_ledger::forget_tombstones(standing, floor);
    at.write(writes).await
}

/// Takes a seat's word on an alarm.
async fn give_word(
    at: &mut Locked<'_>,
    receipt: &AlarmReceipt,
    by: &Signature,
) -> Result<Result<(), WordRefused>, Failure> {
    let AlarmReceipt { id, kind, raised_at, stage: _ } = *receipt;
    if at.standing.is_none() {
        return Ok(Err(WordRefused::NoAlarm));
    }
    let found = load_alarm(at, AlarmRef { id, kind, raised_at }, by).await?;
    let Some(standing) = &mut at.standing else { return Ok(Err(WordRefused::NoAlarm)) };
    match gwanje_ledger::receive(standing, &found, receipt, by, at.now) {
        Ok(writes) => at.write(writes).await.map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

/// What is looked at when that seat gives word on that alarm.
async fn load_alarm(at: &Locked<'_>, alarm: AlarmRef, by: &Signature) -> Result<LoadedAlarm, Failure> {
    let (tx, center) = (at.tx, at.center.as_str());
    let (id, kind, raised_at) = (signed(alarm.id.0), alarm.kind.as_str(), alarm.raised_at.0);
    let account = by.account.as_str();
    let statement = tx
        .prepare_cached(
            "SELECT acknowledged_at IS NOT NULL FROM alarm \
             WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4",
        )
        .await?;
    let written = tx.query_opt(&statement, &[&center, &id, &kind, &raised_at]).await?;
    let acknowledged: Option<bool> = written.map(|row| row.get(0));
    let subject = match live_row(tx, at.center, alarm.id).await? {
        _ if acknowledged.is_some() => AlarmSubject::Unknown,
        Some(row) => AlarmSubject::Live(Box::new(row)),
        None if any_row(tx, at.center, alarm.id).await?.is_some() => AlarmSubject::Left,
        None => AlarmSubject::Unknown,
    };
    let statement = tx
        .prepare_cached(
            "SELECT account = $5, seat, stage FROM receipt \
             WHERE center = $1 AND id = $2 AND kind = $3 AND raised_at = $4 ORDER BY at, seat",
        )
        .await?;
    let words = tx.query(&statement, &[&center, &id, &kind, &raised_at, &account]).await?;
    let mut found = LoadedAlarm { acknowledged, subject, given: None, kept: (0, words.len()), oldest: None };
    for word in &words {
        if !word.get::<_, bool>(0) {
            continue;
        }
        let seat: &str = word.get(1);
        if seat == by.seat.as_str() {
            found.given = Some(receipt_stage(word, 2)?);
        }
        found.kept.0 += 1;
        found.oldest.get_or_insert_with(|| SeatId::from(seat.to_owned()));
    }
    if found.given.is_some() {
        found.kept = (0, 0);
    }
    if found.kept.0 < RECEIPTS_OF_ACCOUNT {
        found.oldest = None;
    }
    Ok(found)
}
