//! Drafts of the account whose cache file is in use, as in memory: what is kept, what goes, what a command sends.

use crate::ipc::{DraftKind, DraftSubject};
use gwanje_cache::{CachedDraft, DraftKey, MAX_DRAFTS};
use gwanje_model::{CenterId, DeliveryId, Text, UtcMillis};
use std::collections::BTreeMap;

/// Drafts are kept this long, milliseconds of the wall clock: three days.
const KEPT_MS: i64 = 3 * 24 * 3_600_000;
/// Bytes of what names a subject; a room's name is far shorter.
pub(crate) const MAX_SUBJECT_BYTES: usize = 256;

/// See the module's doc. Whatever a call changes it names, for the file.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    held: BTreeMap<DraftKey, CachedDraft>,
}

impl Drafts {
    /// What the file held. What was written meanwhile is newer.
    pub(crate) fn read(&mut self, drafts: Vec<(DraftKey, CachedDraft)>) {
        for (key, draft) in drafts {
            self.held.entry(key).or_insert(draft);
        }
    }

    pub(crate) fn get(&self, key: &DraftKey) -> Option<&CachedDraft> {
        self.held.get(key)
    }

    pub(crate) fn keys(&self) -> Vec<DraftKey> {
        self.held.keys().cloned().collect()
    }

    /// The newest first.
    pub(crate) fn all(&self) -> Vec<(&DraftKey, &CachedDraft)> {
        let mut all: Vec<_> = self.held.iter().collect();
        all.sort_by_key(|(_, draft)| std::cmp::Reverse(draft.at));
        all
    }

    /// Keeps a text; returns the oldest drafts, which go for it.
    pub(crate) fn save(
        &mut self,
        key: DraftKey,
        text: String,
        at: UtcMillis,
    ) -> Vec<(DraftKey, CachedDraft)> {
        let mut gone = Vec::new();
        self.held.insert(key.clone(), CachedDraft { text, at, command: None });
        while self.held.len() > MAX_DRAFTS {
            let others = self.held.iter().filter(|(of, _)| **of != key);
            let Some(oldest) = others.min_by_key(|(_, draft)| draft.at).map(|(of, _)| of.clone()) else {
                break;
            };
            gone.extend(self.held.remove_entry(&oldest));
        }
        gone
    }

    pub(crate) fn discard(&mut self, key: &DraftKey) {
        self.held.remove(key);
    }

    /// A command sends what is kept for a subject. False: something else is kept there by now.
    pub(crate) fn send(&mut self, key: &DraftKey, text: &str, command: Text) -> bool {
        let Some(draft) = self.held.get_mut(key).filter(|draft| draft.text == text) else { return false };
        draft.command = Some(command);
        true
    }

    /// A command has ended: what it carried out is no draft any more, all else is one again.
    pub(crate) fn settle(&mut self, command: &str, is_done: bool) -> Vec<DraftKey> {
        let of_it = |draft: &CachedDraft| draft.command.as_deref() == Some(command);
        let keys: Vec<_> =
            self.held.iter().filter(|(_, draft)| of_it(draft)).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            if is_done {
                self.held.remove(key);
            } else if let Some(draft) = self.held.get_mut(key) {
                draft.command = None;
            }
        }
        keys
    }

    /// A center's commands that have no outcome are known: drafts of others that an earlier run sent were told of then.
    pub(crate) fn recall(&mut self, center: &CenterId, is_open: impl Fn(&str) -> bool) -> Vec<DraftKey> {
        let mut freed = Vec::new();
        for (key, draft) in self.held.iter_mut().filter(|(key, _)| key.center == *center) {
            if draft.command.as_deref().is_some_and(|command| !is_open(command)) {
                draft.command = None;
                freed.push(key.clone());
            }
        }
        freed
    }

    /// Lets go of what is too old.
    pub(crate) fn expire(&mut self, now: UtcMillis) -> Vec<DraftKey> {
        self.retain(|_, draft| now.since(draft.at) <= KEPT_MS)
    }

    /// Lets go of what is about centers that are not the account's.
    pub(crate) fn keep_centers(&mut self, is_kept: impl Fn(&CenterId) -> bool) -> Vec<DraftKey> {
        self.retain(|key, _| is_kept(&key.center))
    }

    fn retain(&mut self, is_kept: impl Fn(&DraftKey, &CachedDraft) -> bool) -> Vec<DraftKey> {
        self.held.extract_if(.., |key, draft| !is_kept(key, draft)).map(|(key, _)| key).collect()
    }
}

/// A subject as the cache names it.
pub(crate) fn key_of(subject: &DraftSubject) -> DraftKey {
    let (center, subject) = match subject {
        DraftSubject::Delivery { center, id, kind } => {
            let kind = match kind {
                DraftKind::Note => "note",
                DraftKind::Cancel => "cancel",
            };
            (center, format!("delivery/{id}/{kind}"))
        }
        DraftSubject::Room { center, room } => (center, format!("room/{room}")),
        DraftSubject::NewOrder { center } => (center, "order".to_owned()),
    };
    DraftKey { center: center.clone(), subject: subject.into() }
}

/// The subject of a key; none: of a kind that this version does not know.
pub(crate) fn subject_of(key: &DraftKey) -> Option<DraftSubject> {
    let center = key.center.clone();
    if key.subject == "order" {
        return Some(DraftSubject::NewOrder { center });
    }
    if let Some(room) = key.subject.strip_prefix("room/") {
        return Some(DraftSubject::Room { center, room: room.to_owned() });
    }
    let (id, kind) = key.subject.strip_prefix("delivery/")?.split_once('/')?;
    let kind = match kind {
        "note" => DraftKind::Note,
        "cancel" => DraftKind::Cancel,
        _ => return None,
    };
    Some(DraftSubject::Delivery { center, id: DeliveryId(id.parse().ok()?), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: u64) -> DraftKey {
        let (center, kind) = (CenterId::from("gangnam"), DraftKind::Note);
        key_of(&DraftSubject::Delivery { center, id: DeliveryId(id), kind })
    }

    fn saved(texts: &[(u64, &str)]) -> Drafts {
        let mut drafts = Drafts::default();
        for (id, text) in texts {
            drafts.save(note(*id), (*text).to_owned(), UtcMillis(*id as i64));
        }
        drafts
    }

    #[test]
    fn every_subject_has_a_key_of_its_own_and_comes_back_from_it() {
        let center = CenterId::from("gangnam");
        let of = |id, kind| DraftSubject::Delivery { center: center.clone(), id: DeliveryId(id), kind };
        let room = |room: &str| DraftSubject::Room { center: center.clone(), room: room.to_owned() };
        let order = DraftSubject::NewOrder { center: center.clone() };
        let all =
            [of(7, DraftKind::Note), of(7, DraftKind::Cancel), of(8, DraftKind::Note), room("a/b"), order];
        for (n, subject) in all.iter().enumerate() {
            assert_eq!(subject_of(&key_of(subject)).as_ref(), Some(subject));
            assert!(all[n + 1..].iter().all(|other| key_of(other) != key_of(subject)));
        }
        let newer = DraftKey { center, subject: "delivery/7/photo".into() };
        assert_eq!(subject_of(&newer), None);
    }

    #[test]
    fn beyond_the_limit_the_oldest_goes_and_is_named_but_never_the_one_that_is_written() {
        let mut drafts = Drafts::default();
        for id in 1..=MAX_DRAFTS as u64 {
            assert_eq!(drafts.save(note(id), "x".to_owned(), UtcMillis(id as i64)), []);
        }
        let gone = drafts.save(note(900), "x".to_owned(), UtcMillis(0));
        assert_eq!(gone.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), [note(1)]);
        assert_eq!(drafts.all().len(), MAX_DRAFTS);
        assert_eq!(
            drafts.save(note(2), "again".to_owned(), UtcMillis(1_000)),
            [],
            "one that is there already"
        );
    }

    #[test]
    fn a_draft_goes_with_the_command_that_carries_it_out_and_stays_with_any_other_end() {
        for is_done in [true, false] {
            let mut drafts = saved(&[(7, "비가 옵니다"), (8, "다른 것")]);
            assert!(drafts.send(&note(7), "비가 옵니다", "K".into()));
            assert_eq!(drafts.settle("another", true), []);
            assert_eq!(drafts.settle("K", is_done), [note(7)]);
            let left = drafts.get(&note(7)).map(|draft| draft.command.clone());
            assert_eq!(left, (!is_done).then_some(None));
            assert!(drafts.get(&note(8)).is_some());
        }
    }

    #[test]
    fn what_was_written_after_the_command_began_is_not_what_it_carried_out() {
        let mut drafts = saved(&[(7, "처음")]);
        assert!(drafts.send(&note(7), "처음", "K".into()));
        drafts.save(note(7), "다음".to_owned(), UtcMillis(9));
        assert_eq!(drafts.settle("K", true), []);
        assert!(!drafts.send(&note(7), "처음", "K2".into()), "a try again of the first");
        assert_eq!(drafts.get(&note(7)).map(|draft| draft.text.as_str()), Some("다음"));
    }

    #[test]
    fn a_draft_of_an_earlier_runs_command_is_under_way_only_while_that_is_open() {
        let mut drafts = saved(&[(7, "가"), (8, "나")]);
        drafts.send(&note(7), "가", "open".into());
        drafts.send(&note(8), "나", "told".into());
        let elsewhere = drafts.recall(&CenterId::from("songpa"), |_| false);
        assert_eq!(elsewhere, []);
        assert_eq!(drafts.recall(&CenterId::from("gangnam"), |command| command == "open"), [note(8)]);
        assert_eq!(drafts.settle("open", true), [note(7)]);
    }

    #[test]
    fn after_three_days_a_draft_goes_and_one_of_a_clock_that_was_set_back_stays() {
        let mut drafts = saved(&[(1, "가")]);
        drafts.save(note(2), "나".to_owned(), UtcMillis(KEPT_MS + 10));
        assert_eq!(drafts.expire(UtcMillis(KEPT_MS + 1)), []);
        assert_eq!(drafts.expire(UtcMillis(KEPT_MS + 2)), [note(1)]);
    }

    #[test]
    fn what_was_written_before_the_file_was_read_is_newer_than_the_file() {
        let mut drafts = saved(&[(7, "새 글")]);
        let old = CachedDraft { text: "옛 글".to_owned(), at: UtcMillis(1), command: None };
        drafts.read(vec![(note(7), old.clone()), (note(8), old)]);
        assert_eq!(drafts.get(&note(7)).map(|draft| draft.text.as_str()), Some("새 글"));
        assert_eq!(drafts.all().len(), 2);
    }
}
