//! What followers are told beside rows: alarms, and who sits where.

use super::{ALARMS_INTERVAL, Emission};
use crate::socket::followers::Outlet;
use crate::socket::seats::distinct;
use crate::store::StoreError;
use gwanje_wire::rest::{ALARMS_PAGE, AlarmEntry};
use gwanje_wire::sio::server as packet;
use gwanje_wire::socket::{SeatEntry, Stream};
use tokio::time::Instant;

impl<O: Outlet> Emission<O> {
    pub(super) async fn alarms(&mut self, now: Instant) -> Result<(), StoreError> {
        if *self.alarm_written.borrow_and_update() > self.alarms_told {
            let reply = self.hub.store.alarms_to_tell(&self.center, self.alarms_told, ALARMS_PAGE).await?;
            self.next_alarms = now + ALARMS_INTERVAL;
            // What is beyond a page comes with the next look.
            self.alarms_told = self.alarms_told.max(reply.next.unwrap_or(reply.alarm_seq));
            for alarm in &reply.alarms {
                if self.words.is_due(alarm, now) {
                    self.tell_alarm(alarm);
                }
            }
        }
        self.words_that_wait(now).await
    }

    /// Tells alarms of which seats have given word since they were told, as far as there are bytes left.
    async fn words_that_wait(&mut self, now: Instant) -> Result<(), StoreError> {
        while self.words.has_left(now)
            && let Some(number) = self.words.first_waiting()
        {
            self.next_alarms = now + ALARMS_INTERVAL;
            let reply = self.hub.store.alarms_to_tell(&self.center, number - 1, 1).await?;
            self.words.forget_waiting(number);
            // One that has changed since comes by its new number.
            for alarm in reply.alarms.iter().filter(|alarm| alarm.seq == number) {
                self.tell_alarm(alarm);
            }
        }
        Ok(())
    }

    fn tell_alarm(&mut self, alarm: &AlarmEntry) {
        if let Some(text) = self.event("alarm", alarm) {
            self.words.told(text.len());
            self.followers.tell(Stream::Deliveries, &text);
        }
    }

    pub(super) fn are_seats_due(&self) -> bool {
        (self.seats_due && self.followers.any_in(Stream::Seats)) || self.followers.any_lacks_seats()
    }

    pub(super) fn tell_seats(&mut self) {
        let present = self.seats();
        let change =
            if std::mem::take(&mut self.seats_due) { self.seats_told.change(present.clone()) } else { None };
        let change = change.and_then(|change| self.event("seats:changed", &change));
        let namespace = &self.namespace;
        self.followers
            .tell_seats(change.as_ref(), || packet::event(namespace, "seats", &present).ok().map(Into::into));
    }

    /// Everybody's seat, of this hub and of the others, in a steady order.
    pub(super) fn seats(&self) -> Vec<SeatEntry> {
        let mut seats = self.followers.seats();
        seats.extend(self.hub.presence.of_others(&self.center));
        distinct(seats)
    }
}
