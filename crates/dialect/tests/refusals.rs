//! A bad dialect file is refused with line, column and reason; whatever the file, nothing panics.
#![cfg(test)] // so that clippy takes the helpers for tests too

use gwanje_dialect::Dialect;
use proptest::prelude::*;
use serde_json::Value;

const GOOD: &str = include_str!("../../../docs/dialects/legacy.toml");
const STOMP: &str = include_str!("../../../docs/dialects/stomp.toml");
const WEBSOCKET: &str = include_str!("../../../docs/dialects/websocket.toml");

/// The good file with a text in it replaced.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

/// Line and column of a text in a file.
fn place(file: &str, text: &str) -> (usize, usize) {
    let at = file.find(text).unwrap();
    let line = file[..at].matches('\n').count() + 1;
    (line, file[..at].rsplit('\n').next().unwrap().chars().count() + 1)
}

#[test]
fn a_bad_file_is_refused_where_it_is_bad() {
    for (old, new, at, reason) in [
        ("version = 1", "version = 2", "2\nname", "must be 1"),
        ("version = 1\n", "", "", "`version = 1` is missing"),
        ("name = \"레거시 배차\"", "name = 7", "7\n", "must be a text"),
        ("name = \"레거시 배차\"", "nmae = \"레거시 배차\"", "", "`name` is missing"),
        ("id = \"gangnam\"", "id = \"gangnam\"\ncity = \"서울\"", "city", "`city` means nothing in [center]"),
        ("Asia/Seoul", "Asia/Seul", "\"Asia/Seul\"", "no time zone"),
        ("http://127.0.0.1:7500", "ftp://x", "\"ftp://x\"", "http://HOST:PORT"),
        ("/deliveries?date={date}", "/deliveries?date={day}", "\"/deliveries", "{day} can't be put in"),
        ("rows = \"body.dlvryList\"", "rows = \"body[*]\"", "\"body[*]", "only a number"),
        ("pollSeconds = 120", "pollSeconds = 0", "0\n\n[socket]", "from 1 to 3600"),
        ("pollSeconds = 120", "etag = true\ndays = 2", "true\ndays", "can't vouch"),
        ("pollSeconds = 120", "pollSeconds = \"120\"", "\"120\"", "must be a number"),
        ("kind = \"socket.io\"", "kind = \"sse\"", "\"sse\"", "socket.io, stomp, websocket"),
        ("kind = \"socket.io\"", "kind = \"stomp\"", "socket]", "`destinations`"),
        ("namespace = \"/ridersorda\"", "namespace = \"ridersorda\"", "\"ridersorda\"", "begins with /"),
        ("status = \"received\"", "status = \"new\"", "\"new\"", "no status of ours"),
        (
            "means = \"rows\"",
            "means = \"rows\"\nstatus = \"waiting\"",
            "[[event]]\nname = \"delivery:list\"",
            "many statuses",
        ),
        (
            "name = \"delivery:waiting\"",
            "name = \"delivery:create\"",
            "[[event]]\nname = \"delivery:create\"\nat = \"data\"\nstatus = \"waiting\"",
            "another [[event]]",
        ),
        ("%Y-%m-%d %H:%M:%S", "%H:%M:%S", "\"%H:%M:%S\"", "no usable format"),
        ("waiting = \"WAIT\"", "waiting = \"RCPT\"", "\"RCPT\"\nassigned", "already means another"),
        ("id = \"ordrNo\"", "id = { path = \"ordrNo\", as = \"uuid\" }", "\"uuid\"", "text, number"),
        ("modifiedAt = \"dt.updtDt\"\n", "", "fields]", "no order can be kept"),
        ("status = \"sttsCd\"\n", "", "fields]", "`status` is missing"),
        ("shop.name = ", "shop.nmae = ", "nmae", "no field of a delivery"),
        ("priceWon = \"ordrInfo.amt\"", "priceWon = 3", "priceWon", "must be a path"),
        ("priceWon = \"ordrInfo.amt\"", "priceWon = { constant = \"x\" }", "\"x\"", "no value of this field"),
        (
            "priceWon = \"ordrInfo.amt\"",
            "priceWon = { path = \"a\", constant = 1 }",
            "priceWon",
            "contradict",
        ),
        ("shop.lon = \"storInfo.loc.lng\"\n", "", "", "need each other"),
        (
            "[cancelBy]\ncustomer = \"CUST\"\nshop = \"STOR\"\ncenter = \"CNTR\"\n",
            "",
            "by = \"cnclInfo.by\"",
            "needs the table [cancelBy]",
        ),
        ("[center]", "[auth]\nheaders = { Host = \"x\" }\n[center]", "\"x\"", "set by the client"),
        ("[center]", "[auth]\nquery = { token = \"${\" }\n[center]", "\"${\"", "without its"),
        ("[center]", "[center", "", ""),
    ] {
        let file = with(old, new);
        let error = Dialect::parse(&file).unwrap_err();
        assert!(error.reason.contains(reason), "{new}: {error}");
        if !at.is_empty() {
            let (line, column) = (error.line, error.column);
            let (wanted_line, wanted_column) = place(&file, at);
            assert_eq!(line, wanted_line, "{new}: {error}");
            // The error points at the name in a table's header.
            assert!(column.abs_diff(wanted_column) <= 2, "{new}: {error}, wanted column {wanted_column}");
        }
    }
}

#[test]
fn events_without_a_socket_and_a_socket_without_events_contradict() {
    let start = GOOD.find("[socket]").unwrap();
    let (first_event, times) = (GOOD.find("[[event]]").unwrap(), GOOD.find("[times]").unwrap());
    let no_socket = format!("{}{}", &GOOD[..start], &GOOD[first_event..]);
    assert!(Dialect::parse(&no_socket).unwrap_err().reason.contains("without a [socket]"));
    let no_events = format!("{}{}", &GOOD[..first_event], &GOOD[times..]);
    assert!(Dialect::parse(&no_events).unwrap_err().reason.contains("at least one [[event]]"));
    let polling = format!("{}{}", &GOOD[..start], &GOOD[times..]);
    assert_eq!(Dialect::parse(&polling).unwrap().socket, None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("2026-11-21 18:03:22")),
        Just(Value::from("CNCL")),
    ];
    let key = prop_oneof![
        Just("ordrNo".to_owned()),
        Just("sttsCd".to_owned()),
        Just("dt".to_owned()),
        Just("updtDt".to_owned()),
        Just("riderInfo".to_owned()),
        Just("ordrInfo".to_owned()),
        Just("menuList".to_owned()),
        "[a-z]{0,4}"
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// A good file with a piece cut out, doubled or garbled is a dialect or is refused, at a place that is in it.
    #[test]
    fn a_garbled_file_never_panics(
        which in 0_usize..3, from in 0_usize..4_000, len in 0_usize..60, noise in "[\\[\\]{}\"'=.,$%\n a-z0-9가]{0,8}",
    ) {
        let file = [GOOD, STOMP, WEBSOCKET][which];
        let from = file.ceil_char_boundary(from.min(file.len()));
        let to = file.ceil_char_boundary((from + len).min(file.len()));
        let garbled = format!("{}{noise}{}", &file[..from], &file[to..]);
        if let Err(error) = Dialect::parse(&garbled) {
            prop_assert!(error.line >= 1 && error.line <= garbled.matches('\n').count() + 1, "{}", error);
            prop_assert!(!error.reason.is_empty());
        }
    }

    #[test]
    fn whatever_a_server_sends_is_read_or_refused(row in any_json(), known in any_json()) {
        use gwanje_dialect::RowIdentity;
        use gwanje_model::{DeliveryId, Rev};
        let dialect = Dialect::parse(GOOD).unwrap();
        let _ = dialect.take_listed(&mut row.clone());
        let place = RowIdentity { id: DeliveryId(1), center: &dialect.center.id, rev: Rev(1) };
        let known = dialect.rows.read(&known).ok().and_then(|row| row.complete(&dialect.rows, place, None).ok());
        for rule in &dialect.events {
            if let Ok(row) = dialect.rows.read_event(&row, None, rule) {
                let _ = row.complete(&dialect.rows, place, known.as_ref());
            }
        }
    }
}
