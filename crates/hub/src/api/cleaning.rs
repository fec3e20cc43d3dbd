//! The door for texts: what people write is cleaned here, before anything else looks at it.

use super::asking::json;
use super::refusal::Refusal;
use axum::body::Bytes;
use gwanje_model::text;
use serde_json::Value;

/// The body of a request that brings texts of people in, cleaned; names in NFC.
pub(super) fn cleaned_json(body: &Bytes) -> Result<Value, Refusal> {
    json(body).map(cleaned)
}

/// The same value with every text in it cleaned; those under `name`, and items that are given by name alone, are names.
pub(super) fn cleaned(said: Value) -> Value {
    clean(said, false)
}

fn clean(said: Value, is_name: bool) -> Value {
    match said {
        Value::String(said) if is_name => Value::String(text::cleaned_name(&said)),
        Value::String(said) => Value::String(text::cleaned(&said).into_owned()),
        Value::Array(said) => Value::Array(said.into_iter().map(|one| clean(one, is_name)).collect()),
        Value::Object(said) => {
            let names = |key: &str| matches!(key, "name" | "items");
            let cleaned = said.into_iter().map(|(key, value)| {
                let is_name = names(&key);
                (key, clean(value, is_name))
            });
            Value::Object(cleaned.collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_cleaned_at_every_depth_and_names_composed() {
        let (apart, hostile) = ("\u{1112}\u{1161}\u{11AB}", "a\u{202E}b\0c");
        let said = json!({
            "shop": {"name": apart, "remark": apart, "address": hostile, "pos": {"lat": 1.5}},
            "items": [apart, {"name": apart, "quantity": 2}], "request": hostile, "orderNo": 7, "readyAt": null,
        });
        let taken = json!({
            "shop": {"name": "한", "remark": apart, "address": "abc", "pos": {"lat": 1.5}},
            "items": ["한", {"name": "한", "quantity": 2}], "request": "abc", "orderNo": 7, "readyAt": null,
        });
        assert_eq!(cleaned(said), taken);
    }
}
