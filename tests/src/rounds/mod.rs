//! `kill -9` in rounds, at moments that a seed decides, in a running day with cancellations: nothing is lost, nothing told twice.
//! And storms of changes.

mod app;
mod clerk;
mod flood;
mod hub;
mod storm;

pub use app::{AppFigures, app};
pub use flood::{FloodFigures, flood};
pub use hub::{HubFigures, hub};
pub use storm::{StormFigures, storm};

use gwanje_model::digest::mix;

/// A day with many orders, of which many are cancelled, so that there is something to lose at any moment.
const DAY: [&str; 8] = ["--centers", "1", "--orders", "3000", "--cancel-rate", "0.4", "--start", "11:40"];

/// The moments of a run: the same seed gives the same ones.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // Weyl's step keeps the states apart; the mix makes them numbers.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0) % end.max(1)
    }
}
