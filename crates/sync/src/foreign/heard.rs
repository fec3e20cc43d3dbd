//! What is heard on a foreign socket, of whichever kind it is.

use gwanje_dialect::JsonPath;
use gwanje_reading::Mended;
use serde_json::Value;

/// What came of a text.
#[derive(Debug)]
pub(super) enum Heard {
    /// To be sent back.
    Send(String),
    /// From now on messages come.
    Joined,
    /// A message, with its name where it has one, and what had to be mended to read it.
    Message(Option<String>, Value, Mended),
    /// Something that can't be read.
    Malformed,
    /// The server ends it, or nothing more can come of it.
    Ended(String),
}

/// What servers say to keep a connection alive, without anybody having told so.
const KEEP_ALIVES: [&str; 10] = ["", "{}", "[]", "null", "ping", "pong", "h", "o", "hb", "heartbeat"];

/// Whether a text says only that the connection lives. `known`: what the dialect says to be such a text.
pub(super) fn is_keep_alive(text: &str, known: &[String]) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let bare = text.trim_matches('"');
    KEEP_ALIVES.iter().any(|word| bare.eq_ignore_ascii_case(word))
        || known.iter().any(|word| word.trim() == text)
}

/// The messages of a text (one, or several one after the other), with their names.
pub(super) fn messages(text: &str, name: Option<&JsonPath>) -> Vec<Heard> {
    let one = gwanje_reading::values(text, false).map(|(value, mended)| (vec![value], mended));
    let Ok((bodies, mended)) = one.or_else(|_| gwanje_reading::several(text)) else {
        return vec![Heard::Malformed];
    };
    let mut mended = Some(mended);
    let message = |body: Value| {
        let name = name.and_then(|path| match path.find(&body)? {
            Value::String(name) => Some(name.clone()),
            Value::Number(number) => {
                let whole = gwanje_reading::whole_number(number);
                Some(whole.map_or_else(|| number.to_string(), |whole| whole.to_string()))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        Heard::Message(name, body, mended.take().unwrap_or_default())
    };
    bodies.into_iter().map(message).collect()
}
