//! Judges a center: what the store holds of it must be what should be there.

use super::Oracle;
use super::center::Naive;
use super::outcomes::{Decision, Done};
use gwanje_model::{CenterId, Delivery, DeliveryId, Epoch, Rev, RowDigest};
use gwanje_wire::batch::{BatchReply, BatchResult};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::AlarmEntry;
use gwanje_wire::{Frame, Problem};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// What is seen of a center in the store.
pub(crate) struct Seen<'a> {
    pub(crate) epoch: &'a Epoch,
    pub(crate) rev: Rev,
    pub(crate) floor: Rev,
    pub(crate) alarm_seq: u64,
    /// Count and digest as they are told.
    pub(crate) told: RowDigest,
    /// How many orders were given a number.
    pub(crate) numbered: u64,
    pub(crate) rows: &'a BTreeMap<DeliveryId, Arc<Delivery>>,
    pub(crate) left: &'a BTreeMap<DeliveryId, Arc<Delivery>>,
    pub(crate) tombstones: &'a BTreeMap<Rev, DeliveryId>,
    /// How many alarms are kept.
    pub(crate) alarms: usize,
    /// The alarms after a number.
    pub(crate) alarms_after: &'a dyn Fn(u64) -> Vec<AlarmEntry>,
    pub(crate) history: &'a dyn Fn(DeliveryId) -> Vec<HistoryEvent>,
}

impl Oracle {
    /// What is wrong with a center; of what was there at that revision and that alarm, only numbers are looked at.
    pub(crate) fn judge(&self, id: &CenterId, seen: &Seen<'_>, (rev, alarm): (Rev, u64)) -> Option<String> {
        let naive = self.center(id)?;
        stands(naive, seen)
            .or_else(|| self.rows(naive, seen, rev))
            .or_else(|| self.alarms(naive, seen, alarm))
            .map(|wrong| format!("center {id}: {wrong}"))
    }

    fn rows(&self, naive: &Naive, seen: &Seen<'_>, since: Rev) -> Option<String> {
        let changed = naive.rows.values().filter(|row| row.rev > since);
        for row in changed {
            let found = seen.rows.get(&row.id);
            let wrong = unequal(&format!("delivery {}", row.id), &found, &Some(row));
            if wrong.is_some() {
                return wrong.or_else(|| self.history(naive, seen, row.id));
            }
            let wrong = self.history(naive, seen, row.id);
            if wrong.is_some() {
                return wrong;
            }
        }
        for (rev, id) in naive.gone.range(since.next()..) {
            let wrong = unequal("a tombstone", &seen.tombstones.get(rev), &Some(id))
                .or_else(|| {
                    unequal(&format!("delivery {id}, which left"), &seen.left.get(id), &naive.archive.get(id))
                })
                .or_else(|| self.history(naive, seen, *id));
            if wrong.is_some() {
                return wrong;
            }
        }
        None
    }

    fn history(&self, naive: &Naive, seen: &Seen<'_>, id: DeliveryId) -> Option<String> {
        let mut events = naive.history.get(&id).cloned().unwrap_or_default();
        events.iter_mut().for_each(|event| event.by = self.person(&event.by.account));
        unequal(&format!("the history of delivery {id}"), &(seen.history)(id), &events)
    }

    fn alarms(&self, naive: &Naive, seen: &Seen<'_>, after: u64) -> Option<String> {
        let mut expected = naive.alarms_after(after);
        for entry in &mut expected {
            entry.by.iter_mut().for_each(|who| *who = self.person(&who.account));
            if let Some(acknowledged) = &mut entry.acknowledged {
                acknowledged.who = self.person(&acknowledged.who.account);
            }
        }
        unequal("the alarms", &(seen.alarms_after)(after), &expected)
    }

    /// What is wrong with a frame that tells of the present.
    pub(crate) fn judge_frame(&self, id: &CenterId, frame: &Frame, limit: usize) -> Option<String> {
        let naive = self.center(id)?;
        let expected = naive.frame(frame.from, limit, frame.at);
        unequal(&format!("center {id}: the frame after {}", frame.from), frame, &expected)
    }
}

/// Everything that can be counted, counted from nothing.
fn stands(naive: &Naive, seen: &Seen<'_>) -> Option<String> {
    let rows = RowDigest::of(seen.rows.values().map(|row| (row.id, row.rev)));
    unequal("the epoch", seen.epoch, &naive.epoch)
        .or_else(|| unequal("the revision", &seen.rev, &naive.rev))
        .or_else(|| unequal("the floor", &seen.floor, &naive.floor))
        .or_else(|| unequal("the number of the last alarm", &seen.alarm_seq, &naive.alarm_seq))
        .or_else(|| unequal("how many orders have a number", &seen.numbered, &naive.orders_taken))
        .or_else(|| unequal("count and digest as they are told", &seen.told, &rows))
        .or_else(|| unequal("count and digest of the rows", &rows, &naive.digest()))
        .or_else(|| unequal("how many tombstones are kept", &seen.tombstones.len(), &naive.gone.len()))
        .or_else(|| unequal("how many alarms are kept", &seen.alarms, &naive.alarms.len()))
}

/// What differs between an outcome and what it should be; words for people don't count.
pub(crate) fn difference(what: &str, told: &Decision, expected: &Decision) -> Option<String> {
    unequal(what, &without_words(told.clone()), &without_words(expected.clone()))
}

fn without_words(decision: Decision) -> Decision {
    let bare = |problem: Problem| Problem { detail: String::new(), ..problem };
    match decision {
        Ok(Done::Each(BatchReply { results }, epoch)) => {
            let results = results.into_iter().map(|result| BatchResult {
                problem: result.problem.map(|problem| Box::new(bare(*problem))),
                ..result
            });
            Ok(Done::Each(BatchReply { results: results.collect() }, epoch))
        }
        Ok(done @ Done::Row { .. }) => Ok(done),
        Err(problem) => Err(bare(problem)),
    }
}

/// Says what differs.
pub(crate) fn unequal<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Option<String> {
    (found != expected).then(|| format!("{what}: the ledger has {found:?}, it should be {expected:?}"))
}
