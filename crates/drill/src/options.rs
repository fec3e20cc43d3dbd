//! What chance does to a day, in shares.

/// What chance does to a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrillOptions {
    /// The same seed and the same days give the same drill.
    pub seed: u64,
    /// The share of orders that somebody cancels (those that `system` gives up come on top).
    pub cancel_rate: f64,
    /// The share of orders that get another rider after the first.
    pub reassign_rate: f64,
    /// The share of orders that are given to a lent rider of another center when one is free and can make it.
    pub lend_rate: f64,
    /// The share of assignments that a rider leaves unconfirmed for more than three minutes.
    pub late_confirm_rate: f64,
}

impl Default for DrillOptions {
    /// Reassignments as in a public log of 450,000 orders (Shadowfax, 2022). Riders cancelled 1.16 % of that log;
    /// customers, shops and centers come on top.
    fn default() -> Self {
        Self { seed: 1, cancel_rate: 0.03, reassign_rate: 0.0306, lend_rate: 0.02, late_confirm_rate: 0.04 }
    }
}
