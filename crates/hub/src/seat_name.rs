//! What seats are called by those who sit there: a label that others see.

use gwanje_model::{SeatId, Text, text};

/// The most bytes of a seat's name.
const SEAT_MAX_BYTES: usize = 128;

/// The name that a seat goes by: its own, clean, or that of its account where it has none.
///
/// # Errors
/// What a name takes, in words.
pub(crate) fn seat_named(said: Option<SeatId>, account: &Text) -> Result<SeatId, &'static str> {
    let Some(said) = said else { return Ok(SeatId(account.clone())) };
    let clean = text::cleaned_name(said.as_str());
    if clean.trim().is_empty() || clean.len() > SEAT_MAX_BYTES {
        return Err("a seat has a name of 1 to 128 bytes");
    }
    Ok(SeatId::from(clean))
}
