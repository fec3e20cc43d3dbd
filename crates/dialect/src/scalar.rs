//! Texts out of whatever scalar a server writes.

use gwanje_model::Text;
use serde_json::Value;

/// No text, number or instant of a delivery is longer than this.
const MAX_TEXT_CHARS: usize = 2_000;

/// A text, or a number or flag as one.
pub(crate) fn text(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(text.trim().chars().take(MAX_TEXT_CHARS).collect()),
        // 1.0 is 1, whoever spells it so.
        Value::Number(number) => Some(
            gwanje_reading::whole_number(number)
                .map_or_else(|| number.to_string(), |whole| whole.to_string())
                .into(),
        ),
        Value::Bool(flag) => Some(if *flag { "true" } else { "false" }.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
