//! What others send, read leniently at one door. No IO, no clock.
//!
//! Servers of the field send texts with a byte order mark or in their country's charset, halves of characters, numbers
//! that are none. One such value costs itself: the rest of the row, the message and the list is read. What was mended
//! is counted by field.
//!
//! 1. [`text`]: bytes to text, by byte order mark, then by the charset of `Content-Type`, then as UTF-8.
//! 2. [`values`]: text to JSON values. A text that is sound costs nothing more than reading it.

mod bytes;
mod mend;

pub use bytes::{Charset, Decoded, charset, text, unmarked};
pub use mend::{Flaw, Mended};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a text as JSON, and tells what had to be mended for that. `is_cut`: see [`Decoded::is_cut`].
///
/// # Errors
/// When it is no JSON, mended or not: with line and column, and without any of its words.
pub fn values(text: &str, is_cut: bool) -> Result<(Value, Mended), serde_json::Error> {
    let strict = match serde_json::from_str(text) {
        Ok(value) if !is_cut => return Ok((value, Mended::default())),
        strict => strict,
    };
    let (mended, flaws) = mend::mend(text, is_cut);
    if flaws.is_empty() {
        return strict.map(|value| (value, flaws));
    }
    serde_json::from_str(&mended).map(|value| (value, flaws))
}

/// A text as JSON would have it, and what had to be mended for that: for texts of which JSON is a part.
#[must_use]
pub fn mended(text: &str) -> (String, Mended) {
    mend::mend(text, false)
}

/// The JSON values of a text that holds several, one after the other (by line, or without anything between them). An
/// empty text holds none.
///
/// # Errors
/// When something in it is no JSON.
pub fn several(text: &str) -> Result<(Vec<Value>, Mended), serde_json::Error> {
    let each =
        |text: &str| serde_json::Deserializer::from_str(text).into_iter().collect::<Result<Vec<Value>, _>>();
    // Some set messages off by control characters.
    let text = text.replace(['\u{1e}', '\0'], "\n");
    match each(&text) {
        Ok(all) => Ok((all, Mended::default())),
        Err(error) => {
            let (mended, flaws) = mend::mend(&text, false);
            if flaws.is_empty() {
                return Err(error);
            }
            each(&mended).map(|all| (all, flaws))
        }
    }
}

/// Reads bytes as a value of ours: leniently, where they are not read as they are.
///
/// # Errors
/// When they are no such value, mended or not.
pub fn typed<T: DeserializeOwned>(bytes: &[u8], content_type: Option<&str>) -> Result<T, serde_json::Error> {
    let strict = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let decoded = text(bytes, content_type);
    match values(&decoded.text, decoded.is_cut) {
        // What is wrong with it stands where it stands in the bytes, unless there were none of these.
        Ok((value, mended)) => serde_json::from_value(whole(value)).map_err(|error| {
            if mended.is_empty() && unmarked(bytes).len() == bytes.len() { strict } else { error }
        }),
        Err(error) => Err(error),
    }
}

/// A whole number that is spelled with a point, as an integer; everything else as it is.
#[must_use]
pub fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => whole_number(&number).map_or(Value::Number(number), Value::from),
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, whole(value))).collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

/// The integer that a number spelled with a point is; none: it is spelled as one, or is none.
#[must_use]
pub fn whole_number(number: &serde_json::Number) -> Option<i64> {
    /// Up to here every integer has a double of its own.
    const MAX: f64 = 9_007_199_254_740_991.0;
    let value = number.as_f64().filter(|_| number.is_f64())?;
    (value.fract() == 0.0 && value.abs() <= MAX).then_some(value as i64)
}

#[cfg(test)]
mod tests;
