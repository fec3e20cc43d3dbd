//! What a hub's events say, read into their types.

use gwanje_wire::rest::{AlarmEntry, read_each};
use gwanje_wire::socket::{Drain, RiderPos};
use gwanje_wire::{ErrorCode, Frame, Head};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// An event in a center's namespace.
#[derive(Debug)]
pub(crate) enum News {
    Frame(Box<Frame>),
    Head(Box<Head>),
    Alarm(Box<AlarmEntry>),
    /// Those that can be read, and how many can't.
    Riders(Vec<RiderPos>, u64),
    /// And how many further words it held that are not the contract's.
    Drain(Drain, u64),
    /// The contract's, but of a stream that this client does not follow.
    NotFollowed,
    /// Any other published event: name and data.
    Notice(String, String),
    /// A frame or head that can't be read: a gap.
    Malformed,
    /// An alarm that can't be read: what it says is read by REST.
    UnreadableAlarm,
    /// One of the contract's that can't be read and is no part of the board.
    Unreadable,
}

/// Reads an event.
pub(crate) fn read_news(name: &str, data: &RawValue) -> News {
    fn typed<'a, T: Deserialize<'a>>(
        data: &'a RawValue,
        otherwise: News,
        news: impl FnOnce(T) -> News,
    ) -> News {
        serde_json::from_str(data.get()).map_or(otherwise, news)
    }
    match name {
        "deliveries" => typed(data, News::Malformed, |frame| News::Frame(Box::new(frame))),
        "head" => typed(data, News::Malformed, |head| News::Head(Box::new(head))),
        "alarm" => typed(data, News::UnreadableAlarm, |entry| News::Alarm(Box::new(entry))),
        "riders" => typed(data, News::Unreadable, |entries: Vec<&RawValue>| {
            let (riders, unreadable) = read_each(&entries);
            News::Riders(riders, unreadable)
        }),
        "drain" => typed(data, News::Unreadable, |words: BTreeMap<String, &RawValue>| {
            let further = words.keys().filter(|name| *name != "withinMs").count();
            typed(data, News::Unreadable, |drain| News::Drain(drain, u64::try_from(further).unwrap_or(0)))
        }),
        "seats" | "seats:changed" | "chat" | "chat:read" | "chat:head" => News::NotFollowed,
        _ => News::Notice(name.to_owned(), data.get().to_owned()),
    }
}

/// Why a namespace refused the join. The contract's form is `{code}`; Socket.IO's own is `{message, data: {code}}`. A
/// namespace that nobody serves is refused with a fixed text.
pub(crate) fn read_refusal(data: &RawValue) -> ErrorCode {
    #[derive(Deserialize)]
    struct Coded {
        code: ErrorCode,
    }
    #[derive(Deserialize)]
    struct Framed {
        #[serde(default)]
        message: String,
        #[serde(default)]
        data: Option<Coded>,
    }
    let text = data.get();
    if let Ok(Coded { code }) = serde_json::from_str(text) {
        return code;
    }
    match serde_json::from_str(text) {
        Ok(Framed { data: Some(Coded { code }), .. }) => code,
        Ok(Framed { message, data: None }) if message == "Invalid namespace" => ErrorCode::NotFound,
        Ok(Framed { message, data: None }) => {
            // Servers that can send only a text put the contract's object, or its code, into it.
            serde_json::from_str(&message)
                .map(|Coded { code }| code)
                .or_else(|_| serde_json::from_value(serde_json::Value::String(message)))
                .unwrap_or(ErrorCode::Other)
        }
        Err(_) => ErrorCode::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn refusals_are_read_in_all_their_forms() {
        for (text, code) in [
            (r#"{"code":"unauthorized"}"#, ErrorCode::Unauthorized),
            (r#"{"code":"not-found","message":"no such center"}"#, ErrorCode::NotFound),
            (r#"{"message":"no","data":{"code":"forbidden"}}"#, ErrorCode::Forbidden),
            (r#"{"message":"unauthorized"}"#, ErrorCode::Unauthorized),
            (r#"{"message":"{\"code\":\"unavailable\"}"}"#, ErrorCode::Unavailable),
            (r#"{"message":"Invalid namespace"}"#, ErrorCode::NotFound),
            (r#"{"message":"whatever"}"#, ErrorCode::Other),
            (r#""no""#, ErrorCode::Other),
            ("null", ErrorCode::Other),
        ] {
            assert_eq!(read_refusal(raw(text)), code, "{text}");
        }
    }

    #[test]
    fn events_are_read_or_told_to_be_malformed() {
        assert!(matches!(
            read_news("drain", raw(r#"{"withinMs":5}"#)),
            News::Drain(Drain { within_ms: 5 }, 0)
        ));
        let named = r#"{"withinMs":5,"to":"http://elsewhere","url":"http://there"}"#;
        assert!(matches!(read_news("drain", raw(named)), News::Drain(Drain { within_ms: 5 }, 2)));
        assert!(matches!(read_news("riders", raw("[]")), News::Riders(riders, 0) if riders.is_empty()));
        for name in ["deliveries", "head"] {
            assert!(matches!(read_news(name, raw(r#"{"x":1}"#)), News::Malformed), "{name}");
        }
        for name in ["drain", "riders"] {
            assert!(matches!(read_news(name, raw(r#"{"x":1}"#)), News::Unreadable), "{name}");
        }
        assert!(matches!(read_news("alarm", raw(r#"{"x":1}"#)), News::UnreadableAlarm));
        assert!(matches!(read_news("chat", raw("{}")), News::NotFollowed));
        assert!(
            matches!(read_news("notice", raw("[1]")), News::Notice(name, data) if name == "notice" && data == "[1]")
        );
    }
}
