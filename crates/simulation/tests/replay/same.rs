//! What must be equal in two answers: everything but the words for people, and the names that each hub makes up itself.

use crate::names::without_names;
use serde_json::Value;

/// An answer as far as the contract fixes it. Of a problem's words for people, only their presence counts.
pub fn fixed(answer: Value) -> Value {
    without_names(without_words(answer))
}

fn without_words(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            let refuses = members.contains_key("code");
            for words in ["detail", "message"] {
                if refuses
                    && members.get(words).and_then(Value::as_str).is_some_and(|words| !words.is_empty())
                {
                    members.insert(words.to_owned(), "…".into());
                }
            }
            Value::Object(members.into_iter().map(|(key, value)| (key, without_words(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_words).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// The first place where two values differ, for people.
pub fn difference(model: &Value, real: &Value) -> Option<String> {
    if model == real {
        return None;
    }
    let inner = match (model, real) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            let found = difference(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
            found.map(|inner| format!(".{key}{inner}"))
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(nth, (a, b))| difference(a, b).map(|inner| format!("[{nth}]{inner}"))),
        (_, _) => None,
    };
    Some(inner.unwrap_or_else(|| format!(": model {model}, real {real}")))
}

#[test]
fn only_words_and_names_may_differ() {
    let problem = |detail: &str, status: u16| {
        fixed(serde_json::json!({"body": {"code": "void", "detail": detail, "status": status}}))
    };
    assert_eq!(difference(&problem("a", 409), &problem("b", 409)), None);
    assert!(difference(&problem("a", 409), &problem("", 409)).is_some());
    assert!(difference(&problem("a", 409), &problem("a", 410)).is_some());
    let rows = |rev: u64| serde_json::json!({"rows": [{"detail": "x"}, {"rev": rev}]});
    assert_eq!(difference(&rows(1), &rows(2)).unwrap(), ".rows[1].rev: model 1, real 2");
}
