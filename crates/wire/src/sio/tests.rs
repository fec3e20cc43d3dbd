//! Round trips, malformed texts, and a comparison with the codec of socketioxide, where both can read the same packets.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use socketioxide_core::Value as OracleValue;
use socketioxide_core::packet::{Packet as OraclePacket, PacketData};
use socketioxide_core::parser::{Parse as _, ParserState};
use socketioxide_parser_common::CommonParser;

fn boxed(value: &serde_json::Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn message(text: &str) -> &str {
    match Transport::parse(text).unwrap() {
        Transport::Message(payload) => payload,
        other => panic!("{other:?} is no MESSAGE"),
    }
}

#[test]
fn transport_packets_are_read() {
    let open = r#"0{"sid":"a","upgrades":[],"pingInterval":4000,"pingTimeout":3000,"maxPayload":100000}"#;
    let handshake =
        Handshake { sid: "a".to_owned(), ping_interval: 4_000, ping_timeout: 3_000, max_payload: 100_000 };
    assert_eq!(Transport::parse(open).unwrap(), Transport::Open(handshake));
    for (text, packet) in [
        ("1", Transport::Close),
        ("2", Transport::Ping("")),
        ("2probe", Transport::Ping("probe")),
        ("3", Transport::Pong("")),
        ("42[]", Transport::Message("2[]")),
        ("5", Transport::Upgrade),
        ("6", Transport::Noop),
    ] {
        assert_eq!(Transport::parse(text).unwrap(), packet);
        assert_eq!(packet.to_text(), text);
    }
}

#[test]
fn broken_transport_packets_are_errors() {
    for text in ["", "0", "0{}", "7", "x", "bAAAA", "\u{1F600}", "0{\"sid\":1}"] {
        Transport::parse(text).unwrap_err();
    }
}

#[test]
fn packets_are_read_without_copying_their_data() {
    let text = r#"2/center/gangnam,12["deliveries",{"from":1, "to":2}]"#;
    let Packet::Event { namespace, ack, name, data } = Packet::parse(text).unwrap() else {
        panic!("no event")
    };
    assert_eq!((namespace, ack, name.as_ref()), ("/center/gangnam", Some(12), "deliveries"));
    assert_eq!(data.get(), r#"{"from":1, "to":2}"#);
    assert!(matches!(name, Cow::Borrowed(_)));
    assert!(text.as_bytes().as_ptr_range().contains(&data.get().as_ptr()));
}

#[test]
fn every_kind_of_packet_is_read() {
    let shown = |text: &str| match Packet::parse(text) {
        Ok(packet) => packet.to_text(),
        Err(error) => error.to_string(),
    };
    for (text, written) in [
        ("0", "40"),
        ("0/center/a", "40/center/a,"),
        ("0/center/a?x=1,{\"sid\":\"s\"}", "40/center/a,{\"sid\":\"s\"}"),
        ("1/center/a,", "41/center/a,"),
        ("1", "41"),
        ("2[\"x\"]", "42[\"x\",null]"),
        ("2[\"\\u0041\",1,2]", "42[\"A\",1]"),
        ("3/n,7[]", "43/n,7[null]"),
        ("37[{\"ok\":true}]", "437[{\"ok\":true}]"),
        ("4/n,{\"message\":\"no\"}", "44/n,{\"message\":\"no\"}"),
        ("4/n,\"no\"", "44/n,\"no\""),
    ] {
        assert_eq!(shown(text), written, "{text}");
    }
}

#[test]
fn broken_packets_are_errors() {
    for text in [
        "",
        "0{",
        "0[]",
        "01",
        "1{}",
        "2",
        "2[]",
        "2[1]",
        "2{}",
        "2[\"a\"",
        "2[\"\\ud800\"]",
        "3[]",
        "3/n,[]",
        "3x[]",
        "399999999999999999999[]",
        "4",
        "4/n,",
        "51-[\"a\"]",
        "61-1[]",
        "7",
        "é",
    ] {
        Packet::parse(text).unwrap_err();
    }
}

#[test]
fn namespaces_that_cannot_be_written_are_refused() {
    for namespace in ["", "center", "/center/a,b", "/center/a?b"] {
        connect(namespace, &json!({})).unwrap_err();
    }
}

/// Any JSON whose keys need no escape: the oracle can't read others.
fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<u32>().prop_map(|value| json!(value)),
        ".{0,12}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| json!(values)),
            prop::collection::btree_map("[a-z가-힣]{0,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[a-z0-9/\\-_™가-힣]{1,16}"]
}

/// What the oracle sends, as text (it has no MESSAGE digit before it).
fn oracle_encode(packet: OraclePacket) -> String {
    match CommonParser.encode(packet) {
        OracleValue::Str(text, _) => text.into(),
        OracleValue::Bytes(_) => panic!("the common parser writes text"),
    }
}

fn oracle_decode(text: &str) -> OraclePacket {
    CommonParser.decode_str(&Default::default(), &ParserState::default(), text.to_owned().into()).unwrap()
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,64}") {
        let _ = Transport::parse(&text);
        let _ = Packet::parse(&text);
        let _ = Conversation::<()>::default().receive(&text);
    }

    #[test]
    fn almost_packets_never_panic(text in "[0-6][0-6]?(/[a-z]{0,3},?)?[0-9]{0,3}[\\[{\"a,:\\]}0-9]{0,12}") {
        let _ = Transport::parse(&text);
        let _ = Packet::parse(&text);
        let _ = Conversation::<()>::default().receive(&text);
    }

    #[test]
    fn packets_survive_the_way_there_and_back(
        namespace in namespace(), id in any::<Option<u64>>(), name in ".{0,16}", value in json_value(), kind in 0..5,
    ) {
        let data = boxed(&value);
        let auth = boxed(&json!({ "auth": value }));
        let namespace = namespace.as_str();
        let packet = match kind {
            0 => Packet::Connect { namespace, data: Some(&auth) },
            1 => Packet::Disconnect { namespace },
            2 => Packet::Event { namespace, ack: id, name: name.into(), data: &data },
            3 => Packet::Ack { namespace, id: id.unwrap_or(0), data: &data },
            _ => Packet::ConnectError { namespace, data: &data },
        };
        let text = packet.to_text();
        let read = Packet::parse(message(&text)).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{packet:?}"));
        prop_assert_eq!(read.to_text(), text);
    }

    /// The oracle reads our events, connects and disconnects as we mean them.
    #[test]
    fn the_oracle_reads_what_we_write(
        namespace in namespace(), id in any::<Option<u32>>(), name in "[a-z:]{1,12}", value in json_value(),
    ) {
        let text = event(&namespace, id.map(u64::from), &name, &value).unwrap();
        let read = oracle_decode(message(&text));
        prop_assert_eq!(read.ns.as_str(), namespace.as_str());
        let PacketData::Event(mut payload, ack) = read.inner else { panic!("no event") };
        prop_assert_eq!(ack, id.map(i64::from));
        prop_assert_eq!(CommonParser.read_event(&payload).unwrap(), name.as_str());
        let (read,): (serde_json::Value,) = CommonParser.decode_value(&mut payload, true).unwrap();
        prop_assert_eq!(read, value.clone());

        let auth = json!({ "ticket": value });
        let read = oracle_decode(message(&connect(&namespace, &auth).unwrap()));
        prop_assert_eq!(read.ns.as_str(), namespace.as_str());
        let PacketData::Connect(Some(payload)) = read.inner else { panic!("no connect") };
        let read: serde_json::Value = CommonParser.decode_default(Some(&payload)).unwrap();
        prop_assert_eq!(read, auth);

        let read = oracle_decode(message(&Packet::Disconnect { namespace: &namespace }.to_text()));
        prop_assert_eq!(read, OraclePacket::disconnect(namespace));
    }

    /// We read the oracle's events, acks, joins and refusals as it means them.
    #[test]
    fn we_read_what_the_oracle_writes(
        namespace in namespace(), id in 0..i64::MAX, name in "[a-z:]{1,12}", value in json_value(),
    ) {
        // The oracle spreads arrays over several arguments; ours are single objects.
        let object = json!({ "value": value });
        let payload = CommonParser.encode_value(&object, Some(&name)).unwrap();
        let text = oracle_encode(OraclePacket::event(namespace.clone(), payload));
        let Packet::Event { namespace: read, ack: None, name: read_name, data } = Packet::parse(&text).unwrap()
        else { panic!("{text} is no event") };
        prop_assert_eq!(read, namespace.as_str());
        prop_assert_eq!(read_name.as_ref(), name.as_str());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(data.get()).unwrap(), object.clone());

        let payload = CommonParser.encode_value(&object, None).unwrap();
        let text = oracle_encode(OraclePacket::ack(namespace.clone(), payload, id));
        let Packet::Ack { namespace: read, id: read_id, data } = Packet::parse(&text).unwrap()
        else { panic!("{text} is no ack") };
        prop_assert_eq!(read, namespace.as_str());
        prop_assert_eq!(read_id, u64::try_from(id).unwrap());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(data.get()).unwrap(), object.clone());

        let payload = CommonParser.encode_default(&object).unwrap();
        let text = oracle_encode(OraclePacket::connect(namespace.clone(), Some(payload)));
        let Packet::Connect { namespace: read, data: Some(_) } = Packet::parse(&text).unwrap() else {
            panic!("{text} is no connect")
        };
        prop_assert_eq!(read, namespace.as_str());

        let text = oracle_encode(OraclePacket::connect_error(namespace.clone(), name));
        let Packet::ConnectError { namespace: read, .. } = Packet::parse(&text).unwrap() else {
            panic!("{text} is no refusal")
        };
        prop_assert_eq!(read, namespace.as_str());
    }
}

#[test]
fn a_conversation_joins_emits_and_is_acknowledged() {
    let mut talk = Conversation::<u8>::default();
    talk.emit("/center/a", "subscribe", &json!({}), 10, 1).unwrap_err();
    let open = r#"0{"sid":"a","pingInterval":4000,"pingTimeout":3000}"#;
    assert!(matches!(talk.receive(open).unwrap(), Received::Opened(h) if h.ping_timeout == 3_000));
    assert_eq!(talk.join("/center/a", &json!({"ticket": "t"})).unwrap(), r#"40/center/a,{"ticket":"t"}"#);
    assert!(matches!(talk.receive(r#"42/center/a,["x",1]"#).unwrap(), Received::Nothing), "not joined yet");
    assert!(matches!(talk.receive(r#"40/center/a,{"sid":"s"}"#).unwrap(), Received::Joined("/center/a")));
    assert!(matches!(talk.receive(r#"40/center/b,{"sid":"s"}"#).unwrap(), Received::Nothing), "never asked");
    assert!(matches!(talk.receive("2").unwrap(), Received::Reply(text) if text == "3"));

    assert_eq!(talk.emit("/center/a", "seat", &json!({}), 10, 1).unwrap(), r#"42/center/a,0["seat",{}]"#);
    assert_eq!(talk.emit("/center/a", "seat", &json!({}), 30, 2).unwrap(), r#"42/center/a,1["seat",{}]"#);
    assert_eq!(talk.deadline_ms(), Some(10));
    assert!(matches!(talk.receive(r#"43/center/b,0[1]"#).unwrap(), Received::Nothing), "another namespace");
    assert!(matches!(talk.receive(r#"43/center/a,1[1]"#).unwrap(), Received::Acked("/center/a", 2, _)));
    assert!(matches!(talk.receive(r#"43/center/a,1[1]"#).unwrap(), Received::Nothing), "twice");
    assert_eq!(talk.expire(9), vec![]);
    assert_eq!(talk.expire(10), vec![("/center/a".to_owned(), 1)]);
    assert!(matches!(talk.receive(r#"43/center/a,0[1]"#).unwrap(), Received::Nothing), "late");
    assert_eq!(talk.deadline_ms(), None);

    assert!(matches!(talk.receive("41/center/a,").unwrap(), Received::Left("/center/a")));
    assert!(!talk.is_joined("/center/a"));
    talk.join("/center/a", &json!({})).unwrap();
    assert!(matches!(
        talk.receive(r#"44/center/a,{"code":"x"}"#).unwrap(),
        Received::Refused("/center/a", _)
    ));
    assert!(matches!(talk.receive("1").unwrap(), Received::Closed));
}

#[test]
fn acks_that_are_waited_for_are_bounded() {
    let mut talk = Conversation::<usize>::default();
    talk.join("/n", &json!({})).unwrap();
    talk.receive("40/n,{}").unwrap();
    for n in 0..conversation::MAX_WAITING_ACKS {
        talk.emit("/n", "x", &json!(n), 1, n).unwrap();
    }
    talk.emit("/n", "x", &json!(0), 1, 0).unwrap_err();
    assert_eq!(talk.expire(1).len(), conversation::MAX_WAITING_ACKS);
}
