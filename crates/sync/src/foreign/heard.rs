//! What is heard on a foreign socket, of whichever kind it is.

use serde_json::Value;

/// What came of a text.
#[derive(Debug)]
pub(super) enum Heard {
    /// To be sent back.
    Send(String),
    /// From now on messages come.
    Joined,
    /// A message, with its name where it has one.
    Message(Option<String>, Value),
    /// Something that can't be read.
    Malformed,
    /// The server ends it, or nothing more can come of it.
    Ended(String),
}

/// A JSON message and its name.
pub(super) fn message(text: &str, name: Option<&gwanje_dialect::JsonPath>) -> Heard {
    let Ok(body) = serde_json::from_str::<Value>(text) else { return Heard::Malformed };
    let name = name.and_then(|path| match path.find(&body)? {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    Heard::Message(name, body)
}
