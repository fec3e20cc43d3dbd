//! What chance holds for one order: how long people take, and whether it is cancelled or changes riders.

use crate::dice::Dice;
use crate::options::DrillOptions;
use gwanje_model::{CancelBy, Status};

/// The center accepts an order after 10 to 90 s.
const ACCEPT_MS: (i64, i64) = (10_000, 90_000);
/// The dispatcher looks at an accepted order after 5 to 40 s.
const OFFER_MS: (i64, i64) = (5_000, 40_000);
/// A rider confirms an assignment after 5 to 120 s …
const CONFIRM_MS: (i64, i64) = (5_000, 120_000);
/// … or, now and then, only after more than the three minutes from which a control room worries.
const LATE_CONFIRM_MS: (i64, i64) = (181_000, 420_000);

/// Who cancels, where the delivery stands then, why, and how often of a thousand cancellations. Riders make 1.16 of 3 of
/// them, as in a public log of 450,000 orders (Shadowfax, 2022).
const CANCELS: [(CancelBy, Status, &str, i64); 11] = [
    (CancelBy::Customer, Status::Received, "고객 변심", 110),
    (CancelBy::Customer, Status::Waiting, "주문 실수", 70),
    (CancelBy::Customer, Status::Waiting, "주소 오입력", 50),
    (CancelBy::Customer, Status::Assigned, "배달 지연으로 고객 취소", 90),
    (CancelBy::Shop, Status::Received, "재료 소진", 90),
    (CancelBy::Shop, Status::Waiting, "조리 불가", 70),
    (CancelBy::Shop, Status::Received, "영업 종료", 34),
    (CancelBy::Center, Status::Waiting, "배달 불가 지역", 50),
    (CancelBy::Center, Status::Assigned, "중복 접수", 50),
    (CancelBy::Rider, Status::Assigned, "라이더 사고", 306),
    (CancelBy::Rider, Status::PickedUp, "음식 파손", 80),
];

/// A cancellation to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CancelPlan {
    /// While the delivery stands here,
    pub during: Status,
    /// after this share of the time that it stands there,
    pub share: f64,
    /// by whom,
    pub by: CancelBy,
    /// and why.
    pub reason: &'static str,
}

/// What chance holds for one order.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    keys: [u64; 3],
    late_confirm_rate: f64,
    /// From receipt to acceptance.
    pub accept_ms: i64,
    /// From acceptance until the dispatcher looks at it.
    pub offer_ms: i64,
    /// Whether somebody cancels it.
    pub cancel: Option<CancelPlan>,
    /// Whether it changes riders, and after which share of the way to the pickup.
    pub reassign: Option<f64>,
    /// The second rider takes over from the first at once; else the first gives it back.
    pub reassign_at_once: bool,
    /// Given to a lent rider when one is near.
    pub lent: bool,
}

impl Fate {
    /// The fate of the `order`-th order of the center `center` (a number of its own).
    pub fn of(options: &DrillOptions, center: u64, order: u64) -> Self {
        let keys = [options.seed, center, order];
        let mut dice = Dice::of(&[options.seed, center, order, 0]);
        let accept_ms = dice.between(ACCEPT_MS.0, ACCEPT_MS.1);
        let offer_ms = dice.between(OFFER_MS.0, OFFER_MS.1);
        let cancelled = dice.chance(options.cancel_rate);
        let plan = cancel_plan(&mut dice);
        let reassigned = dice.chance(options.reassign_rate);
        let share = dice.share(0.15, 0.8);
        Self {
            keys,
            late_confirm_rate: options.late_confirm_rate,
            accept_ms,
            offer_ms,
            cancel: plan.filter(|_| cancelled),
            reassign: reassigned.then_some(share),
            reassign_at_once: dice.chance(0.7),
            lent: dice.chance(options.lend_rate),
        }
    }

    /// How long the rider of the `attempt`-th assignment takes to confirm it.
    pub fn confirm_ms(&self, attempt: u32) -> i64 {
        let [seed, center, order] = self.keys;
        let mut dice = Dice::of(&[seed, center, order, 1 + u64::from(attempt)]);
        let late = dice.chance(self.late_confirm_rate);
        let (low, high) = if late { LATE_CONFIRM_MS } else { CONFIRM_MS };
        dice.between(low, high)
    }

    /// People have taken this delivery in hand: chance leaves it alone.
    pub fn leave_alone(&mut self) {
        self.cancel = None;
        self.reassign = None;
    }
}

fn cancel_plan(dice: &mut Dice) -> Option<CancelPlan> {
    let share = dice.share(0.2, 0.9);
    let mut left = dice.between(0, CANCELS.iter().map(|(.., weight)| weight).sum::<i64>() - 1);
    CANCELS.iter().find_map(|&(by, during, reason, weight)| {
        left -= weight;
        (left < 0).then_some(CancelPlan { during, share, by, reason })
    })
}
