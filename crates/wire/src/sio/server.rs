//! Socket.IO 5 packets as a server reads and writes them: text only, since the contract has no binary events.
//!
//! Written here rather than taken from a library because a refusal carries a code beside its message, and because
//! one encoded event is shared by every socket of a center.

use crate::socket::ConnectRefusal;
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// What a client sends.
#[derive(Debug)]
pub enum ClientPacket<'a> {
    /// It wants to join a namespace.
    Connect {
        /// Which.
        namespace: &'a str,
        /// Its credentials, as JSON.
        auth: Option<&'a str>,
    },
    /// It leaves a namespace.
    Disconnect {
        /// Which.
        namespace: &'a str,
    },
    /// It sends an event.
    Event {
        /// In which namespace.
        namespace: &'a str,
        /// Set when it waits for an acknowledgement.
        ack: Option<u64>,
        /// The event's name.
        name: String,
        /// Its first argument.
        data: Option<&'a RawValue>,
    },
    /// It acknowledges an event. The hub asks for none.
    Ack,
}

/// A packet that can't be understood.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PacketError {
    /// The type is none that a client may send.
    #[error("a Socket.IO packet of type {0:?} is not one that a client sends here")]
    Type(Option<char>),
    /// The payload is not what its type needs.
    #[error("the payload of a Socket.IO packet can't be read: {0}")]
    Payload(String),
}

impl<'a> ClientPacket<'a> {
    /// Reads one packet.
    ///
    /// # Errors
    /// When it is of another type, binary, or malformed.
    pub fn parse(text: &'a str) -> Result<Self, PacketError> {
        let mut chars = text.chars();
        let kind = chars.next();
        let (namespace, rest) = split_namespace(chars.as_str());
        match kind {
            Some('0') => Ok(Self::Connect { namespace, auth: (!rest.is_empty()).then_some(rest) }),
            Some('1') => Ok(Self::Disconnect { namespace }),
            Some('2') => {
                let (ack, payload) = split_ack(rest)?;
                let arguments: Vec<&RawValue> =
                    serde_json::from_str(payload).map_err(|e| PacketError::Payload(e.to_string()))?;
                let name = arguments.first().ok_or_else(|| PacketError::Payload("no event name".into()))?;
                let name = serde_json::from_str(name.get())
                    .map_err(|e| PacketError::Payload(format!("the event's name: {e}")))?;
                Ok(Self::Event { namespace, ack, name, data: arguments.get(1).copied() })
            }
            Some('3') => Ok(Self::Ack),
            other => Err(PacketError::Type(other)),
        }
    }
}

/// The namespace without its query, and what follows it.
fn split_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    (namespace.split_once('?').map_or(namespace, |(path, _)| path), rest)
}

fn split_ack(text: &str) -> Result<(Option<u64>, &str), PacketError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Ok((None, rest));
    }
    let ack = number.parse().map_err(|e| PacketError::Payload(format!("the id {number} of its ack: {e}")))?;
    Ok((Some(ack), rest))
}

/// `1/center/c,` or `1` for the default namespace.
fn head(kind: char, namespace: &str, out: &mut String) {
    out.push(kind);
    if namespace != "/" {
        out.push_str(namespace);
        out.push(',');
    }
}

/// The answer to a CONNECT: the id of the socket in that namespace.
#[must_use]
pub fn connected(namespace: &str, sid: &str) -> String {
    let mut out = String::new();
    head('0', namespace, &mut out);
    out.push_str(&serde_json::json!({ "sid": sid }).to_string());
    out
}

/// The refusal of a CONNECT. `data` repeats it for clients that show nothing but `message` and `data`.
#[must_use]
pub fn connect_error(namespace: &str, refusal: &ConnectRefusal) -> String {
    let mut out = String::new();
    head('4', namespace, &mut out);
    let body = serde_json::json!({
        "code": refusal.code,
        "message": refusal.message,
        "data": { "code": refusal.code, "message": refusal.message },
    });
    out.push_str(&body.to_string());
    out
}

/// An event with one argument.
///
/// # Errors
/// When the data can't be written as JSON.
pub fn event<T: Serialize + ?Sized>(namespace: &str, name: &str, data: &T) -> serde_json::Result<String> {
    let mut out = String::new();
    head('2', namespace, &mut out);
    with_json(out, &(name, data))
}

/// The acknowledgement of a client's event.
///
/// # Errors
/// When the data can't be written as JSON.
pub fn ack<T: Serialize + ?Sized>(namespace: &str, id: u64, data: &T) -> serde_json::Result<String> {
    let mut out = String::new();
    head('3', namespace, &mut out);
    out.push_str(&id.to_string());
    with_json(out, &[data])
}

fn with_json<T: Serialize + ?Sized>(mut out: String, data: &T) -> serde_json::Result<String> {
    out.push_str(&serde_json::to_string(data)?);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn what_clients_send() {
        let ClientPacket::Connect { namespace, auth } =
            ClientPacket::parse(r#"0/center/gangnam,{"ticket":"t"}"#).unwrap()
        else {
            panic!("a CONNECT");
        };
        assert_eq!((namespace, auth), ("/center/gangnam", Some(r#"{"ticket":"t"}"#)));
        let ClientPacket::Connect { namespace, auth } = ClientPacket::parse("0/center/mapo?a=1,").unwrap()
        else {
            panic!("a CONNECT");
        };
        assert_eq!((namespace, auth), ("/center/mapo", None));
        let ClientPacket::Connect { namespace, auth } = ClientPacket::parse("0").unwrap() else {
            panic!("a CONNECT");
        };
        assert_eq!((namespace, auth), ("/", None));
        let ClientPacket::Disconnect { namespace } = ClientPacket::parse("1/center/mapo,").unwrap() else {
            panic!("a DISCONNECT");
        };
        assert_eq!(namespace, "/center/mapo");
    }

    #[test]
    fn events_with_and_without_an_ack() {
        for (text, expected_ns, expected_ack, expected_data) in [
            (r#"2/center/mapo,17["seat",{"openId":3}]"#, "/center/mapo", Some(17), Some(r#"{"openId":3}"#)),
            (r#"2/center/mapo,["seat"]"#, "/center/mapo", None, None),
            (r#"20["seat",null]"#, "/", Some(0), Some("null")),
        ] {
            let ClientPacket::Event { namespace, ack, name, data } = ClientPacket::parse(text).unwrap()
            else {
                panic!("{text} is an event");
            };
            assert_eq!((namespace, ack, name.as_str()), (expected_ns, expected_ack, "seat"), "{text}");
            assert_eq!(data.map(RawValue::get), expected_data, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for text in ["", "5-[\"a\"]", "7", "x", "4{}"] {
            assert!(matches!(ClientPacket::parse(text), Err(PacketError::Type(_))), "{text:?}");
        }
        for text in
            ["2", "2[]", "2[1]", "2{\"a\":1}", "299999999999999999999[\"a\"]", "2/center/mapo", "2[\"a\","]
        {
            assert!(matches!(ClientPacket::parse(text), Err(PacketError::Payload(_))), "{text:?}");
        }
    }

    #[test]
    fn what_the_hub_sends() {
        assert_eq!(connected("/center/mapo", "abc"), r#"0/center/mapo,{"sid":"abc"}"#);
        assert_eq!(event("/center/mapo", "head", &1).unwrap(), r#"2/center/mapo,["head",1]"#);
        assert_eq!(event("/", "head", &1).unwrap(), r#"2["head",1]"#);
        assert_eq!(ack("/center/mapo", 7, &true).unwrap(), "3/center/mapo,7[true]");
        let refusal = ConnectRefusal { code: ErrorCode::Unauthorized, message: "sign in".into() };
        let text = connect_error("/center/mapo", &refusal);
        let body = text.strip_prefix("4/center/mapo,").unwrap();
        assert_eq!(serde_json::from_str::<ConnectRefusal>(body).unwrap(), refusal);
    }

    /// What the parser of the usual Rust server makes of the same texts.
    mod differential {
        use super::*;
        use proptest::prelude::*;
        use socketioxide_core::Value as Payload;
        use socketioxide_core::packet::{Packet, PacketData};
        use socketioxide_core::parser::{Parse, ParseConfig, ParserState};
        use socketioxide_parser_common::CommonParser;

        fn namespace() -> impl Strategy<Value = String> {
            prop_oneof![Just("/".to_owned()), "/center/[a-z]{1,12}(-[0-9]{1,3})?"]
        }

        fn text(payload: &Payload) -> String {
            payload.as_str().map(|text| text.to_string()).unwrap_or_default()
        }

        proptest! {
            #[test]
            fn written_alike(ns in namespace(), name in "[a-z:]{1,12}", data in ".{0,20}", id in 0..i64::MAX) {
                let value = CommonParser.encode_value(&data, Some(&name)).unwrap();
                let theirs = CommonParser.encode(Packet::event(ns.clone(), value));
                prop_assert_eq!(event(&ns, &name, &data).unwrap(), text(&theirs));
                let value = CommonParser.encode_value(&data, None).unwrap();
                let theirs = CommonParser.encode(Packet::ack(ns.clone(), value, id));
                prop_assert_eq!(ack(&ns, id.cast_unsigned(), &data).unwrap(), text(&theirs));
            }

            #[test]
            fn read_alike(ns in namespace(), name in "[a-z:]{1,12}", data in ".{0,20}", id in proptest::option::of(0..i64::MAX)) {
                let mut sent = String::new();
                head('2', &ns, &mut sent);
                sent.push_str(&id.map(|id| id.to_string()).unwrap_or_default());
                sent.push_str(&serde_json::to_string(&(&name, &data)).unwrap());
                let state = ParserState::default();
                let theirs = CommonParser.decode_str(&ParseConfig::default(), &state, sent.clone().into()).unwrap();
                let PacketData::Event(payload, their_ack) = theirs.inner else { panic!("{sent} is an event") };
                let ClientPacket::Event { namespace, ack, name: ours, data: ours_data } =
                    ClientPacket::parse(&sent).unwrap()
                else {
                    panic!("{sent} is an event")
                };
                prop_assert_eq!(namespace, &*theirs.ns);
                prop_assert_eq!(ack.map(u64::cast_signed), their_ack);
                prop_assert_eq!(&ours, CommonParser.read_event(&payload).unwrap());
                prop_assert_eq!(serde_json::from_str::<String>(ours_data.unwrap().get()).unwrap(), data);
            }

            #[test]
            fn nothing_panics(sent in ".{0,60}") {
                // Only whether it comes back matters.
                ClientPacket::parse(&sent).ok();
            }
        }
    }
}
