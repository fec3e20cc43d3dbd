//! The published test vectors (`docs/vectors`): what this crate reads of them, and that it writes what it read.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

use gwanje_model::{DeliveryId, Rev, RowDigest};
use gwanje_wire::rest::{AlarmEntry, AlarmsRead, AlarmsReply};
use gwanje_wire::socket::{AlarmReceipt, SimpleAck, SubscribeAck};
use gwanje_wire::{Frame, Head, Problem, WireRow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

fn cases(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors").join(name);
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// Reads as from the wire: rows are read from their text.
fn read<T: DeserializeOwned>(said: &Value) -> T {
    serde_json::from_str(&said.to_string()).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Reads a member of a case. Writing it gives what was said, or the part of it that is understood.
fn understood<T: DeserializeOwned + Serialize>(case: &Value, member: &str) -> T {
    understood_as(case, member, |read: T| read)
}

/// The same of what `known` leaves of it.
fn understood_as<T: DeserializeOwned + Serialize>(case: &Value, member: &str, known: impl Fn(T) -> T) -> T {
    let read = known(read(&case[member]));
    let expected = case.get("understood").unwrap_or(&case[member]);
    assert_eq!(serde_json::to_value(&read).unwrap(), *expected, "{}", case["name"]);
    read
}

/// A frame without what only a newer hub knows of its rows: that is kept for others, and not understood.
fn known(mut frame: Frame) -> Frame {
    for row in &mut frame.rows {
        if let WireRow::Row(row) = row {
            Arc::make_mut(row).unknown.clear();
        }
    }
    frame
}

#[test]
fn frames_are_read_and_written() {
    for case in cases("frames.json") {
        let frame: Frame = understood_as(&case, "frame", known);
        let entries =
            case["frame"]["rows"].as_array().unwrap().len() + case["frame"]["gone"].as_array().unwrap().len();
        assert_eq!(frame.entries(), entries, "{}: no row vanishes", case["name"]);
    }
}

#[test]
fn heads_are_compared_by_count_and_digest() {
    for case in cases("heads.json") {
        let name = &case["name"];
        let rows: Vec<(DeliveryId, Rev)> = read(&case["rows"]);
        let sum = RowDigest::of(rows);
        assert_eq!(json!(sum.count), case["count"], "{name}");
        assert_eq!(json!(sum.digest.to_string()), case["digest"], "{name}");
        let head: Head = read(&case["head"]);
        match case["verdict"].as_str().unwrap() {
            "equal" => assert_eq!(head.rows(), sum, "{name}"),
            "unequal" => assert_ne!(head.rows(), sum, "{name}"),
            "behind" | "none" | "snapshot" => {}
            other => panic!("{name}: no verdict {other}"),
        }
    }
}

#[test]
fn acks_are_read_and_written() {
    for case in cases("acks.json") {
        let name = &case["name"];
        let (ok, code) = if case["event"] == "subscribe" {
            let ack: SubscribeAck = read(&case["ack"]);
            let reason = ack.resync.map(|reason| json!(reason));
            assert_eq!(reason.as_ref(), case.get("reason"), "{name}");
            let ack: SubscribeAck = understood(&case, "ack");
            (ack.ok, ack.code)
        } else {
            let ack: SimpleAck = understood(&case, "ack");
            (ack.ok, ack.code)
        };
        assert_eq!(ok, case["then"] != "refused", "{name}");
        assert_eq!(code.map(|code| json!(code)).as_ref(), case.get("code"), "{name}");
    }
}

#[test]
fn problems_are_read_and_written() {
    for case in cases("problems.json") {
        let name = &case["name"];
        let problem: Problem = understood(&case, "body");
        assert_eq!(
            (json!(problem.code), json!(problem.status)),
            (case["code"].clone(), case["status"].clone()),
            "{name}"
        );
        let current = problem.current.map(|row| json!([row.id, row.rev]));
        assert_eq!(current.as_ref(), case.get("current"), "{name}");
        assert_eq!(problem.reason.map(|reason| json!(reason)).as_ref(), case.get("reason"), "{name}");
    }
}

/// What a case of alarms says of an entry: `[seq, id, kind, [[seat, stage]…]]`.
fn told(entry: &AlarmEntry) -> Value {
    let receipts: Vec<_> =
        entry.receipts.iter().map(|receipt| json!([receipt.seat, receipt.stage])).collect();
    json!([entry.seq, entry.id, entry.kind, receipts])
}

#[test]
fn alarms_are_read_entry_by_entry() {
    let cases = cases("alarms.json");
    for case in cases.iter().filter(|case| case.get("answer").is_some()) {
        let AlarmsRead { alarm_seq, alarms, next, unreadable } = read(&case["answer"]);
        assert_eq!(json!(alarms.iter().map(told).collect::<Vec<_>>()), case["readable"], "{}", case["name"]);
        assert_eq!(json!(unreadable), case["unreadable"], "{}", case["name"]);
        let written = serde_json::to_value(AlarmsReply { alarm_seq, alarms, next }).unwrap();
        assert_eq!(&written, case.get("understood").unwrap_or(&case["answer"]), "{}", case["name"]);
    }
}

#[test]
fn receipts_are_read_and_written_or_refused() {
    for case in cases("alarms.json").iter().filter(|case| case.get("receipt").is_some()) {
        let read = serde_json::from_str::<AlarmReceipt>(&case["receipt"].to_string());
        let written = read.ok().map(|receipt| serde_json::to_value(receipt).unwrap());
        let expected = Some(&case["receipt"]).filter(|_| case["valid"] == true);
        assert_eq!(written.as_ref(), expected, "{}", case["name"]);
    }
}
