//! What seats say of alarms: signed by account and seat, bounded, never going back.

use crate::alarms::{is_due, raised};
use crate::ask::Signature;
use crate::standing::Standing;
use crate::write::{AlarmRef, Moment, Write};
use gwanje_model::{Delivery, SeatId};
use gwanje_wire::rest::{AlarmKind, RECEIPTS_OF_ACCOUNT, RECEIPTS_OF_ALARM, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;

/// What is looked at when a seat gives word on an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedAlarm {
    /// Whether somebody has taken note of it; none: it is not written.
    pub acknowledged: Option<bool>,
    /// Its delivery, looked at where it is not written.
    pub subject: AlarmSubject,
    /// How far this seat has come.
    pub given: Option<ReceiptStage>,
    /// Words of this account's seats on it, and words of all, looked at where this seat has given none.
    pub kept: (usize, usize),
    /// The seat of this account whose word is the oldest, looked at where the account's places are taken.
    pub oldest: Option<SeatId>,
}

/// The delivery that an alarm would be about.
#[derive(Debug, Clone, PartialEq)]
pub enum AlarmSubject {
    /// It is on the board.
    Live(Box<Delivery>),
    /// It has left the board.
    Left,
    /// There is none of that id.
    Unknown,
}

/// Why a seat's word is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordRefused {
    /// There is no such center, or no such delivery.
    NoAlarm,
    /// The alarm is not written, and not due.
    NotDue,
}

/// Takes a seat's word on an alarm. A word on one that is due writes it, if nobody has yet; only a further stage changes
/// anything.
///
/// # Errors
/// When it is not taken; then nothing is to be written.
pub fn receive(
    standing: &mut Standing,
    found: &LoadedAlarm,
    receipt: &AlarmReceipt,
    by: &Signature,
    now: Moment,
) -> Result<Vec<Write>, WordRefused> {
    let AlarmReceipt { id, kind, raised_at, stage } = *receipt;
    let alarm = AlarmRef { id, kind, raised_at };
    let mut writes = Vec::new();
    if found.acknowledged.is_none() {
        match &found.subject {
            _ if kind == AlarmKind::Unproven => return Err(WordRefused::NotDue),
            AlarmSubject::Live(row) if is_due(row, alarm, now.day) => {
                writes.push(raised(standing, row, alarm, Some(row.status), None));
            }
            AlarmSubject::Live(_) | AlarmSubject::Left => return Err(WordRefused::NotDue),
            AlarmSubject::Unknown => return Err(WordRefused::NoAlarm),
        }
    }
    if found.given.is_some_and(|before| before >= stage) {
        return Ok(writes);
    }
    let is_kept = found.given.is_some() || finds_room(found, alarm, by, &mut writes);
    if is_kept {
        writes.push(Write::Receipt { alarm, by: by.clone(), stage });
    }
    if stage == ReceiptStage::Acknowledged && found.acknowledged != Some(true) {
        writes.push(Write::Acknowledged { alarm, by: by.account.clone() });
    }
    writes.push(Write::Worded { alarm, seq: standing.next_alarm(), is_kept });
    Ok(writes)
}

/// Whether another seat's word is kept: in an account's last place it takes that of the oldest.
fn finds_room(found: &LoadedAlarm, alarm: AlarmRef, by: &Signature, writes: &mut Vec<Write>) -> bool {
    let (of_account, of_alarm) = found.kept;
    if of_account < RECEIPTS_OF_ACCOUNT {
        return of_alarm < RECEIPTS_OF_ALARM;
    }
    let oldest = found.oldest.clone().map(|seat| Signature { account: by.account.clone(), seat });
    let gone = oldest.map(|by| Write::ReceiptGone { alarm, by });
    let is_replaced = gone.is_some();
    writes.extend(gone);
    is_replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::{DeliveryId, UtcMillis};

    const NOW: Moment = Moment { wall: UtcMillis(9), day: UtcMillis(60_000) };

    fn word(kind: AlarmKind, raised_at: i64, stage: ReceiptStage) -> AlarmReceipt {
        AlarmReceipt { id: DeliveryId(1), kind, raised_at: UtcMillis(raised_at), stage }
    }

    fn of(found: &LoadedAlarm, word: &AlarmReceipt) -> Result<Vec<Write>, WordRefused> {
        let by = Signature { account: "kim".into(), seat: "s".into() };
        receive(&mut Standing::new("e".into()), found, word, &by, NOW)
    }

    fn unwritten(subject: AlarmSubject) -> LoadedAlarm {
        LoadedAlarm { acknowledged: None, subject, given: None, kept: (0, 0), oldest: None }
    }

    fn live() -> AlarmSubject {
        AlarmSubject::Live(Box::new(crate::recent::tests::delivery(1, 1)))
    }

    #[test]
    fn a_word_on_what_is_due_writes_it_and_one_on_anything_else_is_refused() {
        use AlarmKind::{Unaccepted, Unproven};
        use ReceiptStage::Acknowledged;
        let table = [
            (live(), word(Unaccepted, 60_000, Acknowledged), None),
            (live(), word(Unaccepted, 59_999, Acknowledged), Some(WordRefused::NotDue)),
            (live(), word(Unproven, 60_000, Acknowledged), Some(WordRefused::NotDue)),
            (AlarmSubject::Left, word(Unaccepted, 60_000, Acknowledged), Some(WordRefused::NotDue)),
            (AlarmSubject::Unknown, word(Unaccepted, 60_000, Acknowledged), Some(WordRefused::NoAlarm)),
            (AlarmSubject::Unknown, word(Unproven, 60_000, Acknowledged), Some(WordRefused::NotDue)),
        ];
        for (subject, word, refused) in table {
            let found = unwritten(subject);
            assert_eq!(of(&found, &word).err(), refused, "{found:?} {word:?}");
        }
        let writes = of(&unwritten(live()), &word(Unaccepted, 60_000, Acknowledged)).expect("it is due");
        let [
            Write::Alarm(alarm),
            Write::Receipt { .. },
            Write::Acknowledged { .. },
            Write::Worded { seq, .. },
        ] = &*writes
        else {
            panic!("{writes:?}")
        };
        assert_eq!((alarm.seq, *seq), (1, 2));
    }

    #[test]
    fn only_a_further_stage_changes_anything() {
        use ReceiptStage::{Acknowledged, Delivered, Displayed};
        for (given, stage, count) in [
            (None, Delivered, 2),
            (Some(Delivered), Delivered, 0),
            (Some(Delivered), Displayed, 2),
            (Some(Displayed), Acknowledged, 3),
            (Some(Acknowledged), Displayed, 0),
        ] {
            let found = LoadedAlarm { acknowledged: Some(false), given, ..unwritten(AlarmSubject::Left) };
            let writes = of(&found, &word(AlarmKind::Late, 0, stage)).expect("it is written");
            assert_eq!(writes.len(), count, "{given:?} {stage:?}");
        }
        let found = LoadedAlarm { acknowledged: Some(true), ..unwritten(AlarmSubject::Left) };
        let writes = of(&found, &word(AlarmKind::Late, 0, Acknowledged)).expect("it is written");
        assert_eq!(writes.len(), 2, "the first who took note stands");
    }

    #[test]
    fn words_are_bounded_by_account_and_by_alarm() {
        let full = (RECEIPTS_OF_ACCOUNT, RECEIPTS_OF_ALARM);
        for (kept, is_kept, is_replaced) in [
            ((0, RECEIPTS_OF_ALARM - 1), true, false),
            ((0, RECEIPTS_OF_ALARM), false, false),
            ((RECEIPTS_OF_ACCOUNT - 1, RECEIPTS_OF_ALARM - 1), true, false),
            (full, true, true),
        ] {
            let oldest = (kept.0 == RECEIPTS_OF_ACCOUNT).then(|| SeatId::from("old"));
            let found =
                LoadedAlarm { acknowledged: Some(true), kept, oldest, ..unwritten(AlarmSubject::Left) };
            let writes = of(&found, &word(AlarmKind::Late, 0, ReceiptStage::Delivered)).expect("written");
            let keeps = writes.iter().any(|write| matches!(write, Write::Receipt { .. }));
            let replaces = writes.iter().any(|write| matches!(write, Write::ReceiptGone { .. }));
            assert_eq!((keeps, replaces), (is_kept, is_replaced), "{kept:?}");
            let counted =
                matches!(writes.last(), Some(Write::Worded { is_kept: said, .. }) if *said == is_kept);
            assert!(counted, "{writes:?}");
        }
    }
}
