//! Which alarm sounds when: each once as it comes, a critical one again and again until somebody takes note, and none of a
//! kind that a person has muted. No device and no clock: what is due is asked for.

use gwanje_engine::ipc::AlarmView;
use gwanje_engine::model::UtcMillis;
use gwanje_engine::sync::AlarmPriority;
use gwanje_engine::wire::rest::AlarmKind;
use gwanje_engine::{AlarmKey, CenterId, DeliveryId, EngineEvent};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use ts_rs::TS;

/// The kinds that sound. Late deliveries and unconfirmed riders come by the dozen in a rush: soon nobody would hear a sound
/// for each, so they are seen on the board only. A cancellation and a board that can't be relied on are for now.
const HEARD: [AlarmKind; 2] = [AlarmKind::Cancelled, AlarmKind::Unproven];
/// For so many minutes a kind can be muted: a call, a talk, a meeting.
const MUTED_MIN: [u8; 3] = [5, 15, 60];
/// Critical alarms of a muted kind sound again after so many minutes, whatever was asked for.
const CRITICAL_MUTED_MIN: i64 = 5;
/// A critical alarm of which nobody takes note sounds again after this long: three times before it becomes the supervisors'.
const AGAIN: Duration = Duration::from_secs(20);

/// A kind of alarm that sounds, for a page. Instants are UTC milliseconds of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SoundView {
    /// Which.
    pub kind: AlarmKind,
    /// Some of them are critical: these can't be muted for longer than five minutes.
    pub may_be_critical: bool,
    /// Until when it is muted; null: it is not.
    #[ts(type = "number | null")]
    pub muted_until: Option<i64>,
    /// Until when its critical ones are muted; null: they are not.
    #[ts(type = "number | null")]
    pub critical_muted_until: Option<i64>,
}

/// A kind is muted, by the wall clock.
#[derive(Debug, Clone, Copy)]
struct Mute {
    since: UtcMillis,
    until: UtcMillis,
}

impl Mute {
    /// Until when alarms of this urgency are muted; none: they are not now. A clock that was set back ends it: silence never
    /// lasts longer than somebody asked for.
    fn holds_until(self, is_critical: bool, now: UtcMillis) -> Option<UtcMillis> {
        let bound = self.since.plus_min(CRITICAL_MUTED_MIN);
        let until = if is_critical { self.until.min(bound) } else { self.until };
        (self.since <= now && now < until).then_some(until)
    }
}

/// See the module's doc.
#[derive(Debug, Default)]
pub struct Sounding {
    mutes: BTreeMap<AlarmKind, Mute>,
    /// Critical ones of which nobody has taken note.
    standing: BTreeSet<(CenterId, AlarmKey)>,
    again: Option<Instant>,
}

impl Sounding {
    /// Mutes a kind for some minutes from now on; 0: it sounds again. False: it can't be muted for so long, and nothing
    /// changed.
    pub fn mute(&mut self, kind: AlarmKind, minutes: u8, now: UtcMillis) -> bool {
        if minutes == 0 {
            self.mutes.remove(&kind);
            return true;
        }
        let is_offered = MUTED_MIN.contains(&minutes) && HEARD.contains(&kind);
        if is_offered {
            self.mutes.insert(kind, Mute { since: now, until: now.plus_min(minutes.into()) });
        }
        is_offered
    }

    /// All kinds that sound, and until when they don't.
    #[must_use]
    pub fn kinds(&self, now: UtcMillis) -> Vec<SoundView> {
        let view = |kind| {
            let holds = |is_critical| {
                self.mutes.get(&kind).and_then(|mute| mute.holds_until(is_critical, now)).map(|until| until.0)
            };
            let may_be_critical = kind == AlarmKind::Cancelled;
            SoundView {
                kind,
                may_be_critical,
                muted_until: holds(false),
                critical_muted_until: holds(true).filter(|_| may_be_critical),
            }
        };
        HEARD.into_iter().map(view).collect()
    }

    /// Something happened; gives the kind that sounds now.
    pub fn hear(&mut self, event: &EngineEvent, now: Instant, wall: UtcMillis) -> Option<AlarmKind> {
        match event {
            EngineEvent::Alarm(_, notice) => {
                let sounds = !notice.relisted && !notice.yours;
                let kind = Some(notice.key.kind).filter(|_| sounds)?;
                self.sounding(kind, notice.priority() == AlarmPriority::Critical, wall).inspect(|_| {
                    // What has just sounded is not repeated at once.
                    self.again = self.again.map(|at| at.max(now + AGAIN));
                })
            }
            EngineEvent::Alarms(alarms, _) => {
                // Any seat's word ends the sound, also where this one has to give its own.
                let is_heard = |alarm: &AlarmView| alarm.acknowledged || alarm.acknowledged_at.is_some();
                let open = alarms.iter().filter(|alarm| {
                    alarm.priority == AlarmPriority::Critical && !alarm.yours && !is_heard(alarm)
                });
                self.standing = open
                    .map(|alarm| {
                        let (id, kind) = (DeliveryId(alarm.id), alarm.kind);
                        let key = AlarmKey { id, kind, raised_at: UtcMillis(alarm.raised_at) };
                        (CenterId::from(alarm.center.as_str()), key)
                    })
                    .collect();
                self.wait(now);
                None
            }
            EngineEvent::AlarmSettled(center, key) => {
                self.standing.remove(&(center.clone(), *key));
                self.wait(now);
                None
            }
            EngineEvent::SignedOut(_) => {
                self.standing.clear();
                self.wait(now);
                None
            }
            EngineEvent::Resync
            | EngineEvent::Freshness(_)
            | EngineEvent::State(..)
            | EngineEvent::Proved(..)
            | EngineEvent::Command(_)
            | EngineEvent::Repaired(..)
            | EngineEvent::Checked(..)
            | EngineEvent::Centers(_)
            | EngineEvent::Rows(..)
            | EngineEvent::Riders(..)
            | EngineEvent::Notice(..)
            | EngineEvent::ViewStalled(_) => None,
        }
    }

    /// When to call [`Sounding::again`]; none: nothing waits for somebody.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.again
    }

    /// Gives the kind that sounds again, if it is time.
    pub fn again(&mut self, now: Instant, wall: UtcMillis) -> Option<AlarmKind> {
        self.again.filter(|at| *at <= now)?;
        self.again = Some(now + AGAIN);
        self.standing.iter().find_map(|(_, key)| self.sounding(key.kind, true, wall))
    }

    /// A session begins: nothing of another one stands open. What is muted stays so.
    pub fn begin(&mut self) {
        self.standing.clear();
        self.again = None;
    }

    fn sounding(&self, kind: AlarmKind, is_critical: bool, wall: UtcMillis) -> Option<AlarmKind> {
        let muted = self.mutes.get(&kind).and_then(|mute| mute.holds_until(is_critical, wall));
        (HEARD.contains(&kind) && muted.is_none()).then_some(kind)
    }

    fn wait(&mut self, now: Instant) {
        self.again = if self.standing.is_empty() { None } else { self.again.or(Some(now + AGAIN)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_engine::sync::AlarmNotice;
    use std::sync::Arc;

    const NOON: UtcMillis = UtcMillis(1_800_000_000_000);

    fn notice(kind: AlarmKind, was: &str) -> AlarmNotice {
        AlarmNotice {
            key: AlarmKey { id: DeliveryId(7), kind, raised_at: UtcMillis(5) },
            relisted: false,
            yours: false,
            lost: false,
            delivery: None,
            was: serde_json::from_value(was.into()).unwrap(),
        }
    }

    fn alarm(notice: AlarmNotice) -> EngineEvent {
        EngineEvent::Alarm(CenterId::from("gangnam"), Arc::new(notice))
    }

    /// A critical cancellation, as a list has it.
    fn listed(acknowledged: bool, yours: bool) -> AlarmView {
        AlarmView {
            center: "gangnam".to_owned(),
            center_name: String::new(),
            id: 7,
            kind: AlarmKind::Cancelled,
            raised_at: 5,
            at: None,
            priority: AlarmPriority::Critical,
            number: None,
            shop: None,
            rider: None,
            was: None,
            by: None,
            yours,
            lost: false,
            receipts: Vec::new(),
            more: 0,
            acknowledged,
            acknowledged_by: None,
            acknowledged_at: None,
            escalated_at: None,
            settled_at: None,
        }
    }

    fn list(acknowledged: bool, yours: bool) -> EngineEvent {
        EngineEvent::Alarms(Arc::new(vec![listed(acknowledged, yours)]), 1)
    }

    const CRITICAL: &str = "assigned";
    const HIGH: &str = "waiting";

    #[test]
    fn a_kind_is_muted_for_as_long_as_was_asked_and_its_critical_ones_for_five_minutes() {
        for (minutes, critical_ms, others_ms) in
            [(5, 300_000, 300_000), (15, 300_000, 900_000), (60, 300_000, 3_600_000)]
        {
            let mut sounding = Sounding::default();
            assert!(sounding.mute(AlarmKind::Cancelled, minutes, NOON));
            for (was, ms) in [(CRITICAL, critical_ms), (HIGH, others_ms)] {
                for (after, sounds) in [(0, false), (ms - 1, false), (ms, true)] {
                    let event = alarm(notice(AlarmKind::Cancelled, was));
                    let heard = sounding.hear(&event, Instant::now(), NOON.plus_ms(after));
                    assert_eq!(heard.is_some(), sounds, "{minutes} min, {was}, after {after} ms");
                }
            }
            assert_eq!(
                sounding.hear(&alarm(notice(AlarmKind::Unproven, HIGH)), Instant::now(), NOON),
                Some(AlarmKind::Unproven)
            );
        }
    }

    #[test]
    fn another_seats_word_ends_the_sound_of_what_this_seat_still_has_to_take_note_of() {
        let mut sounding = Sounding::default();
        sounding.hear(&list(false, false), Instant::now(), NOON);
        assert!(sounding.deadline().is_some());
        let owed = AlarmView { acknowledged_at: Some(9), ..listed(false, false) };
        sounding.hear(&EngineEvent::Alarms(Arc::new(vec![owed]), 1), Instant::now(), NOON);
        assert_eq!(sounding.deadline(), None);
    }

    #[test]
    fn no_clock_makes_a_silence_longer() {
        let mut sounding = Sounding::default();
        assert!(sounding.mute(AlarmKind::Cancelled, 60, NOON));
        let event = alarm(notice(AlarmKind::Cancelled, HIGH));
        for (ms, sounds) in [(-1, true), (-3_600_000, true), (1, false), (7_200_000, true)] {
            assert_eq!(sounding.hear(&event, Instant::now(), NOON.plus_ms(ms)).is_some(), sounds, "{ms} ms");
        }
    }

    #[test]
    fn only_what_sounds_can_be_muted_for_the_times_that_are_offered_and_be_heard_again() {
        let mut sounding = Sounding::default();
        for minutes in (1..=255).filter(|minutes| !MUTED_MIN.contains(minutes)) {
            assert!(!sounding.mute(AlarmKind::Cancelled, minutes, NOON), "{minutes}");
        }
        assert!(!sounding.mute(AlarmKind::Late, 5, NOON), "it never sounds");
        let untils = |sounding: &Sounding, ms| {
            let kinds = sounding.kinds(NOON.plus_ms(ms));
            (kinds[0].muted_until.map(|at| at - NOON.0), kinds[0].critical_muted_until.map(|at| at - NOON.0))
        };
        assert_eq!(untils(&sounding, 0), (None, None));
        assert!(sounding.mute(AlarmKind::Cancelled, 15, NOON));
        assert_eq!(untils(&sounding, 1), (Some(900_000), Some(300_000)));
        assert_eq!(untils(&sounding, 300_000), (Some(900_000), None));
        assert_eq!(untils(&sounding, 900_000), (None, None));
        assert!(sounding.mute(AlarmKind::Cancelled, 0, NOON));
        assert_eq!(untils(&sounding, 1), (None, None));
        let kinds = sounding.kinds(NOON);
        let critical: Vec<_> = kinds.iter().map(|view| (view.kind, view.may_be_critical)).collect();
        assert_eq!(critical, [(AlarmKind::Cancelled, true), (AlarmKind::Unproven, false)]);
    }

    #[test]
    fn what_is_known_already_or_ones_own_is_silent() {
        let mut sounding = Sounding::default();
        let known = AlarmNotice { relisted: true, ..notice(AlarmKind::Cancelled, CRITICAL) };
        let own = AlarmNotice { yours: true, ..notice(AlarmKind::Cancelled, CRITICAL) };
        for silent in [known, own, notice(AlarmKind::Late, HIGH), notice(AlarmKind::Unconfirmed, HIGH)] {
            assert_eq!(sounding.hear(&alarm(silent), Instant::now(), NOON), None);
        }
    }

    #[test]
    fn a_critical_one_sounds_again_until_somebody_takes_note() {
        let (mut sounding, start) = (Sounding::default(), Instant::now());
        let heard = sounding.hear(&alarm(notice(AlarmKind::Cancelled, CRITICAL)), start, NOON);
        assert_eq!((heard, sounding.deadline()), (Some(AlarmKind::Cancelled), None));
        assert_eq!(sounding.hear(&list(false, false), start, NOON), None);
        for round in 1..=3 {
            let due = start + AGAIN * round;
            assert_eq!(sounding.deadline(), Some(due));
            assert_eq!(sounding.again(due - Duration::from_millis(1), NOON), None);
            assert_eq!(sounding.again(due, NOON), Some(AlarmKind::Cancelled));
        }
        // Told again, it does not begin anew.
        let next = sounding.deadline();
        sounding.hear(&list(false, false), start, NOON);
        assert_eq!(sounding.deadline(), next);
        sounding.hear(&list(true, false), start, NOON);
        assert_eq!(sounding.deadline(), None);
    }

    #[test]
    fn repeats_end_with_the_alarm_the_session_and_begin_for_nobodys_own() {
        let key = AlarmKey { id: DeliveryId(7), kind: AlarmKind::Cancelled, raised_at: UtcMillis(5) };
        let settled = EngineEvent::AlarmSettled(CenterId::from("gangnam"), key);
        for end in [settled, EngineEvent::SignedOut(None), EngineEvent::Alarms(Arc::default(), 0)] {
            let mut sounding = Sounding::default();
            sounding.hear(&list(false, false), Instant::now(), NOON);
            assert!(sounding.deadline().is_some());
            sounding.hear(&end, Instant::now(), NOON);
            assert_eq!(sounding.deadline(), None, "{end:?}");
        }
        let mut sounding = Sounding::default();
        sounding.hear(&list(false, true), Instant::now(), NOON);
        assert_eq!(sounding.deadline(), None);
    }

    #[test]
    fn muted_it_goes_on_counting_and_is_heard_when_the_silence_is_over() {
        let (mut sounding, start) = (Sounding::default(), Instant::now());
        sounding.hear(&list(false, false), start, NOON);
        assert!(sounding.mute(AlarmKind::Cancelled, 60, NOON));
        assert_eq!(sounding.again(start + AGAIN, NOON.plus_ms(299_999)), None);
        assert_eq!(sounding.again(start + AGAIN * 2, NOON.plus_ms(300_000)), Some(AlarmKind::Cancelled));
    }
}
