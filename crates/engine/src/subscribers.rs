//! The listeners. Each has a bounded channel. One that lags is brought up to date, never left with a hole.

use crate::event::{EngineEvent, Events, Parcel};
use gwanje_model::{CenterId, DeliveryId};
use gwanje_sync::{Mono, RowChange};
use gwanje_wire::socket::Cursor;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The most events that wait for a listener: some seconds of a busy evening. A listener further behind wants the
/// present, not the past.
const EVENT_CAPACITY: usize = 1_024;
/// Milliseconds between two looks at a lagging listener.
const LAG_LOOK_MS: u64 = 50;

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// A page: a person may see what it hears.
    Page,
    /// One that follows rows, too.
    Rows,
    /// One beside the pages: no person sees what it hears.
    Beside,
}

/// All listeners.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    all: Vec<Subscriber>,
    look_at: Option<Mono>,
}

#[derive(Debug)]
struct Subscriber {
    sender: mpsc::Sender<Parcel>,
    listener: Listener,
    lagging: bool,
    pending: Vec<(CenterId, Pending)>,
}

impl Subscribers {
    /// Adds a listener, who hears `present` first.
    pub(crate) fn add(
        &mut self,
        listener: Listener,
        present: impl IntoIterator<Item = EngineEvent>,
    ) -> Events {
        let (sender, receiver) = mpsc::channel(EVENT_CAPACITY);
        let mut subscriber = Subscriber { sender, listener, lagging: false, pending: Vec::new() };
        subscriber.hand(present.into_iter().collect());
        self.all.push(subscriber);
        Events::new(receiver)
    }

    /// Tells everybody.
    pub(crate) fn tell(&mut self, event: &EngineEvent, now: Mono) {
        self.all.retain_mut(|subscriber| subscriber.tell(event));
        if self.look_at.is_none() && self.all.iter().any(|subscriber| subscriber.lagging) {
            self.look_at = Some(now.plus_ms(LAG_LOOK_MS));
        }
    }

    /// Whether somebody follows rows.
    pub(crate) fn want_rows(&self) -> bool {
        self.all.iter().any(|subscriber| subscriber.listener == Listener::Rows)
    }

    /// Listeners that a person may see, and all those that have fallen behind.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let seen = self.all.iter().filter(|subscriber| subscriber.listener != Listener::Beside);
        (seen.count(), self.all.iter().filter(|subscriber| subscriber.lagging).count())
    }

    /// When to call [`Subscribers::catch_up`].
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.look_at
    }

    /// Brings lagging listeners up to date, as soon as they have read what they had.
    pub(crate) fn catch_up(&mut self, now: Mono, present: impl Fn() -> Vec<EngineEvent>) {
        if self.look_at.is_none_or(|at| now < at) {
            return;
        }
        self.look_at = None;
        for subscriber in &mut self.all {
            subscriber.catch_up(&present);
            if subscriber.lagging {
                self.look_at = Some(now.plus_ms(LAG_LOOK_MS));
            }
        }
    }
}

impl Subscriber {
    /// Tells one listener; false: it no longer listens.
    fn tell(&mut self, event: &EngineEvent) -> bool {
        let rows = if let EngineEvent::Rows(center, changes, cursor) = event {
            Some((center, changes, cursor))
        } else {
            None
        };
        if rows.is_some() && self.listener != Listener::Rows {
            return !self.sender.is_closed();
        }
        if !self.lagging {
            match self.sender.try_send(Parcel::One(event.clone())) {
                Ok(()) => return true,
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
                Err(mpsc::error::TrySendError::Full(_)) => self.lagging = true,
            }
        }
        if let Some((center, changes, cursor)) = rows {
            self.put_by(center, changes, cursor.as_ref());
        }
        !self.sender.is_closed()
    }

    fn put_by(&mut self, center: &CenterId, changes: &[RowChange], cursor: Option<&Cursor>) {
        let at = self.pending.iter().position(|(of, _)| of == center).unwrap_or_else(|| {
            self.pending.push((center.clone(), Pending::default()));
            self.pending.len() - 1
        });
        if let Some((_, pending)) = self.pending.get_mut(at) {
            pending.add(changes, cursor);
        }
    }

    fn catch_up(&mut self, present: impl Fn() -> Vec<EngineEvent>) {
        if !self.lagging || self.sender.capacity() < EVENT_CAPACITY / 2 {
            return;
        }
        self.lagging = false;
        let mut missed = vec![EngineEvent::Resync];
        missed.extend(self.pending.drain(..).map(|(center, pending)| pending.into_event(center)));
        missed.extend(present());
        self.hand(missed);
    }

    /// Hands over what belongs together. Rows are there for their followers alone.
    fn hand(&mut self, mut events: Vec<EngineEvent>) {
        if self.listener != Listener::Rows {
            events.retain(|event| !matches!(event, EngineEvent::Rows(..)));
        }
        // There is room: nobody is handed more before half of the channel was read.
        if !events.is_empty() && self.sender.try_send(Parcel::Present(events)).is_err() {
            self.lagging = !self.sender.is_closed();
        }
    }
}

/// Row changes that melt together while nobody reads them. Keeps only the latest change of each row, so the rows of the
/// board bound it.
#[derive(Debug, Default)]
struct Pending {
    cleared: bool,
    rows: FxHashMap<DeliveryId, RowChange>,
    cursor: Option<Cursor>,
}

impl Pending {
    fn add(&mut self, changes: &[RowChange], cursor: Option<&Cursor>) {
        for change in changes {
            match change {
                RowChange::Clear => {
                    self.cleared = true;
                    self.rows.clear();
                }
                RowChange::Upsert(row) => {
                    self.rows.insert(row.id(), change.clone());
                }
                RowChange::Remove(id, _) => {
                    self.rows.insert(*id, change.clone());
                }
                RowChange::Mark(..) => {}
            }
        }
        self.cursor = cursor.cloned().or(self.cursor.take());
    }

    fn into_event(self, center: CenterId) -> EngineEvent {
        let mut changes = Vec::with_capacity(self.rows.len() + 1);
        if self.cleared {
            changes.push(RowChange::Clear);
        }
        changes.extend(self.rows.into_values());
        EngineEvent::Rows(center, Arc::new(changes), self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::Rev;
    use gwanje_wire::WireRow;
    use std::collections::BTreeMap;

    fn rows(changes: Vec<RowChange>) -> EngineEvent {
        EngineEvent::Rows(CenterId::from("gangnam"), Arc::new(changes), None)
    }

    fn upsert(id: u64, rev: u64) -> RowChange {
        RowChange::Upsert(WireRow::Unreadable { id: DeliveryId(id), rev: Rev(rev) })
    }

    fn apply(board: &mut BTreeMap<u64, u64>, event: &EngineEvent) {
        let EngineEvent::Rows(_, changes, _) = event else { return };
        for change in changes.iter() {
            match change {
                RowChange::Clear => board.clear(),
                RowChange::Upsert(row) => {
                    board.insert(row.id().0, row.rev().0);
                }
                RowChange::Remove(id, _) => {
                    board.remove(&id.0);
                }
                RowChange::Mark(..) => {}
            }
        }
    }

    #[test]
    fn a_listener_that_falls_behind_ends_with_the_same_board() {
        let mut subscribers = Subscribers::default();
        let mut events = subscribers.add(Listener::Rows, []);
        let mut expected = BTreeMap::new();
        let total = EVENT_CAPACITY as u64 * 3;
        for rev in 0..total {
            let change = match rev % 7 {
                5 => RowChange::Remove(DeliveryId(rev % 40), Rev(rev)),
                6 if rev == total / 2 => RowChange::Clear,
                _ => upsert(rev % 50, rev),
            };
            let event = rows(vec![change]);
            apply(&mut expected, &event);
            subscribers.tell(&event, Mono(0));
        }
        let mut board = BTreeMap::new();
        while let Some(event) = events.try_next() {
            apply(&mut board, &event);
        }
        assert_ne!(board, expected, "the listener must have fallen behind for this to say anything");
        subscribers.catch_up(Mono(LAG_LOOK_MS), || vec![EngineEvent::SignedOut(None)]);
        let mut heard = Vec::new();
        while let Some(event) = events.try_next() {
            apply(&mut board, &event);
            heard.push(event);
        }
        assert!(matches!(
            heard.as_slice(),
            [EngineEvent::Resync, EngineEvent::Rows(..), EngineEvent::SignedOut(_)]
        ));
        assert_eq!(board, expected);
        assert_eq!(subscribers.deadline(), None);
    }

    #[test]
    fn a_present_longer_than_the_channel_arrives_whole_and_ends_the_lag() {
        let mut subscribers = Subscribers::default();
        let present = || vec![EngineEvent::SignedOut(None); EVENT_CAPACITY * 2];
        let mut events = subscribers.add(Listener::Page, present());
        let mut all = |count: usize| {
            let heard = std::iter::from_fn(|| events.try_next()).count();
            assert_eq!(heard, count);
        };
        all(EVENT_CAPACITY * 2);
        for _ in 0..=EVENT_CAPACITY {
            subscribers.tell(&EngineEvent::Resync, Mono(0));
        }
        all(EVENT_CAPACITY);
        subscribers.catch_up(Mono(LAG_LOOK_MS), present);
        assert_eq!((subscribers.deadline(), subscribers.depth()), (None, (1, 0)), "it is behind no more");
        all(EVENT_CAPACITY * 2 + 1);
    }

    #[test]
    fn rows_go_to_their_followers_only_and_who_has_gone_is_forgotten() {
        let mut subscribers = Subscribers::default();
        let mut page = subscribers.add(Listener::Page, [EngineEvent::Resync]);
        let follower = subscribers.add(Listener::Rows, []);
        assert!(subscribers.want_rows());
        subscribers.tell(&rows(vec![upsert(1, 1)]), Mono(0));
        assert!(matches!(page.try_next(), Some(EngineEvent::Resync)));
        assert!(page.try_next().is_none());
        drop(follower);
        subscribers.tell(&EngineEvent::Resync, Mono(0));
        assert!(!subscribers.want_rows());
    }
    #[test]
    fn who_listens_beside_the_pages_hears_as_they_do_but_is_no_audience() {
        let mut subscribers = Subscribers::default();
        let mut beside = subscribers.add(Listener::Beside, []);
        assert_eq!(subscribers.depth(), (0, 0), "no person sees what it hears");
        subscribers.tell(&EngineEvent::SignedOut(None), Mono::default());
        assert!(matches!(beside.try_next(), Some(EngineEvent::SignedOut(None))));
        let _page = subscribers.add(Listener::Page, []);
        assert_eq!(subscribers.depth(), (1, 0));
    }
}
