//! Receipts for alarms on their way to the hub: by REST, the furthest stage only, until the hub has them.

use super::backoff::Backoff;
use super::calls::{self, Call};
use crate::io::{AlarmKey, HttpFailure, HttpResponse, Mono};
use gwanje_model::{CenterId, SeatId};
use gwanje_wire::rest::ReceiptStage;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};

/// Receipts under way at once: few, since nobody waits for them.
const MAX_SENT: usize = 4;
/// Receipts that wait. A center has a few hundred cancellations a day; beyond this the hub has been away for weeks, and
/// an alarm without a receipt is only listed once more.
const MAX_WAITING: usize = 10_000;
/// Milliseconds between tries.
const RETRY_MS: (u64, u64) = (1_000, 60_000);

/// A receipt to send.
#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) center: CenterId,
    pub(crate) key: AlarmKey,
    pub(crate) stage: ReceiptStage,
    pub(crate) call: Call,
}

#[derive(Debug)]
struct Waiting {
    stage: ReceiptStage,
    sent: bool,
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct Receipts {
    seat: SeatId,
    waiting: BTreeMap<(CenterId, AlarmKey), Waiting>,
    pause: Backoff,
    paused_until: Option<Mono>,
    out: VecDeque<Send>,
}

impl Receipts {
    pub(crate) fn new(seat: SeatId) -> Self {
        Self {
            seat,
            waiting: BTreeMap::new(),
            pause: Backoff::new(RETRY_MS.0, RETRY_MS.1),
            paused_until: None,
            out: VecDeque::new(),
        }
    }

    /// A receipt to be sent, now or when its turn comes.
    pub(crate) fn add(&mut self, center: CenterId, key: AlarmKey, stage: ReceiptStage) {
        let full = self.waiting.len() >= MAX_WAITING;
        match self.waiting.get_mut(&(center.clone(), key)) {
            Some(waiting) => waiting.stage = waiting.stage.max(stage),
            None if full => {}
            None => {
                self.waiting.insert((center, key), Waiting { stage, sent: false });
            }
        }
        self.send_next();
    }

    /// The answer to a [`Send`]. True: the hub has it. One that is refused is not sent again before the hub's alarms are
    /// read again: the center may have been taken from the account for a while.
    pub(crate) fn answered(
        &mut self,
        center: CenterId,
        key: AlarmKey,
        stage: ReceiptStage,
        result: Result<HttpResponse, HttpFailure>,
        now: Mono,
        rng: &mut ChaCha8Rng,
    ) -> bool {
        let place = (center, key);
        let Some(waiting) = self.waiting.get_mut(&place) else { return false };
        waiting.sent = false;
        let further = waiting.stage > stage;
        let taken = match calls::success(result) {
            Ok(_) => {
                self.pause.reset();
                if !further {
                    self.waiting.remove(&place);
                }
                true
            }
            Err(failure) => {
                let retry_after_ms = failure.retry_after_ms().unwrap_or(0);
                match failure.decided() {
                    Ok(_) => {
                        self.waiting.remove(&place); // Asking again now changes nothing.
                        false
                    }
                    Err(_) => {
                        let pause = self.pause.next_ms(rng).max(retry_after_ms);
                        self.paused_until = Some(now.plus_ms(pause));
                        false
                    }
                }
            }
        };
        self.send_next();
        taken
    }

    /// A center is not followed any more.
    pub(crate) fn forget(&mut self, center: &CenterId) {
        self.waiting.retain(|(of, _), _| of != center);
        // What was under way of it made others wait, and its answers come to nothing.
        self.send_next();
    }

    pub(crate) fn due(&mut self, now: Mono) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.send_next();
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.paused_until
    }

    pub(crate) fn poll(&mut self) -> Option<Send> {
        self.out.pop_front()
    }

    fn send_next(&mut self) {
        if self.paused_until.is_some() {
            return;
        }
        let under_way = self.waiting.values().filter(|waiting| waiting.sent).count();
        let free = MAX_SENT.saturating_sub(under_way);
        for ((center, key), waiting) in self.waiting.iter_mut().filter(|(_, w)| !w.sent).take(free) {
            waiting.sent = true;
            self.out.push_back(Send {
                center: center.clone(),
                key: *key,
                stage: waiting.stage,
                call: Call::receipt(center, *key, waiting.stage, &self.seat),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::http::response;
    use gwanje_model::{DeliveryId, UtcMillis};
    use gwanje_wire::rest::AlarmKind;
    use rand_chacha::rand_core::SeedableRng as _;

    fn key(id: u64) -> AlarmKey {
        AlarmKey { id: DeliveryId(id), kind: AlarmKind::Cancelled, raised_at: UtcMillis(7) }
    }

    fn told(status: u16) -> Result<HttpResponse, HttpFailure> {
        Ok(response(status, r#"{"code":"not-found"}"#))
    }

    fn sent(receipts: &mut Receipts) -> Vec<(u64, ReceiptStage)> {
        std::iter::from_fn(|| receipts.poll()).map(|send| (send.key.id.0, send.stage)).collect()
    }

    #[test]
    fn only_the_furthest_stage_is_sent_until_the_hub_has_it() {
        use ReceiptStage::{Acknowledged, Delivered, Displayed};
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut receipts = Receipts::new("seat".into());
        let a = CenterId::from("a");
        receipts.add(a.clone(), key(1), Delivered);
        assert_eq!(sent(&mut receipts), [(1, Delivered)]);
        receipts.add(a.clone(), key(1), Displayed);
        receipts.add(a.clone(), key(1), Acknowledged);
        assert_eq!(sent(&mut receipts), [], "one at a time");
        receipts.answered(a.clone(), key(1), Delivered, told(200), Mono(0), &mut rng);
        assert_eq!(sent(&mut receipts), [(1, Acknowledged)]);
        receipts.answered(a.clone(), key(1), Acknowledged, Err(HttpFailure::TimedOut), Mono(0), &mut rng);
        assert_eq!(sent(&mut receipts), [], "not at once");
        let again = receipts.deadline().unwrap();
        receipts.due(again);
        assert_eq!(sent(&mut receipts), [(1, Acknowledged)]);
        receipts.answered(a, key(1), Acknowledged, told(200), again, &mut rng);
        assert_eq!(sent(&mut receipts), []);
        assert_eq!(receipts.deadline(), None);
    }

    #[test]
    fn few_are_under_way_and_refused_ones_are_dropped() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut receipts = Receipts::new("seat".into());
        let a = CenterId::from("a");
        for id in 1..=6 {
            receipts.add(a.clone(), key(id), ReceiptStage::Delivered);
        }
        assert_eq!(sent(&mut receipts).len(), MAX_SENT);
        receipts.answered(a.clone(), key(1), ReceiptStage::Delivered, told(404), Mono(0), &mut rng);
        assert_eq!(sent(&mut receipts), [(5, ReceiptStage::Delivered)]);
        let b = CenterId::from("b");
        receipts.add(b.clone(), key(9), ReceiptStage::Delivered);
        assert_eq!(sent(&mut receipts), [], "its turn has not come");
        receipts.forget(&a);
        assert_eq!(sent(&mut receipts), [(9, ReceiptStage::Delivered)], "another center's goes on");
        receipts.answered(a, key(2), ReceiptStage::Delivered, told(200), Mono(0), &mut rng);
        assert_eq!(sent(&mut receipts), []);
    }
}
