//! Which rider should take which delivery. No IO, no clock: the caller says what time it is.
//!
//! - [`Ground`] lays places on a plane, [`RiderPace`] says how long ways and stops take.
//! - [`Suggestions`] keeps for each waiting delivery the best riders, with the reasons as values: what people see.
//! - [`Horizon`] plans the trips of a center's riders ahead and says who must leave now: what dispatches a day by itself.

mod ground;
mod horizon;
mod suggest;

pub use ground::{Ground, MINUTE_MS, Point, RiderPace};
pub use horizon::{Horizon, Instruction, Meal, MealId, RiderNo, Weights};
pub use suggest::{FULL, OFFERS, Offer, Suggestions};
