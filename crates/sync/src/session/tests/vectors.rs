//! The published test vectors (`docs/vectors`): a session does with frames, heads and acks what they say.

use super::super::fetch::SessionConfig;
use super::super::snapshot::ADOPT_OLDER_MS;
use super::super::{Session, Socket};
use crate::io::{Mono, Now, Restored};
use gwanje_model::{DeliveryId, Rev, UtcMillis};
use gwanje_wire::socket::{Cursor, SubscribeAck};
use gwanje_wire::{ErrorCode, Frame, WireRow};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn cases(file: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn read<T: DeserializeOwned>(said: &Value) -> T {
    serde_json::from_str(&said.to_string()).unwrap()
}

fn now(ms: u64) -> Now {
    Now { mono: Mono(ms), wall: UtcMillis(1_772_413_200_000).plus_ms(i64::try_from(ms).unwrap()) }
}

/// A session at a cursor that holds rows of these ids and revisions, and has applied that `asOf`.
fn session(cursor: &Value, rows: &Value, whole_at: &Value) -> Session {
    let cursor: Option<Cursor> = read(cursor);
    let (rows, whole_at): (Vec<(DeliveryId, Rev)>, Rev) = (read(rows), read(whole_at));
    let rows = rows.into_iter().map(|(id, rev)| WireRow::Unreadable { id, rev }).collect();
    let config = SessionConfig { center: "gangnam".into(), seat: "seat-1".into(), seed: 1 };
    let mut session = Session::new(config, now(0));
    let beyond = cursor.clone().filter(|cursor| cursor.rev < whole_at);
    // The cache's cursor is always whole: a frame that was read later brings one that is not.
    let cached = cursor.map(|cursor| Cursor {
        rev: if beyond.is_some() { Rev(cursor.rev.0 - 1) } else { cursor.rev },
        ..cursor
    });
    session.restored(Restored { rows, cursor: cached.clone(), ..Restored::default() }, now(0));
    if let (Some(cursor), Some(cached)) = (beyond, cached) {
        let empty = Frame::empty(cursor.epoch, cached.rev, UtcMillis(0));
        session.frame(Frame { to: cursor.rev, as_of: whole_at, ..empty }, now(0));
    }
    session
}

/// Where a session is, as a case tells it.
fn place(session: &Session) -> Value {
    let rows: Vec<_> = session.rows().map(|row| json!([row.id(), row.rev()])).collect();
    json!({ "cursor": session.cursor(), "whole": session.order.is_whole(), "rows": rows })
}

#[test]
fn a_frame_is_applied_ignored_or_shows_what_is_missing() {
    for case in cases(include_str!("../../../../../docs/vectors/frames.json")) {
        let name = &case["name"];
        let mut session = session(&case["cursor"], &case["held"], &case["wholeAt"]);
        let before = session.stats;
        session.frame(read(&case["frame"]), now(1_000));
        let after = session.stats;
        let verdict = if session.snapshot.is_some() {
            "snapshot"
        } else if after.gaps > before.gaps {
            "gap"
        } else if after.frames > before.frames {
            "apply"
        } else {
            assert_eq!(after.duplicates, before.duplicates + 1, "{name}");
            "ignore"
        };
        assert_eq!(case["verdict"], verdict, "{name}");
        assert_eq!(place(&session), case["after"], "{name}");
    }
}

#[test]
fn a_head_proves_or_shows_what_differs_or_says_nothing() {
    for case in cases(include_str!("../../../../../docs/vectors/heads.json")) {
        let name = &case["name"];
        let mut session = session(&case["cursor"], &case["rows"], &case["wholeAt"]);
        let before = session.stats;
        session.head(read(&case["head"]), now(2_000));
        let after = session.stats;
        let verdict = if session.snapshot.is_some() {
            "snapshot"
        } else if after.gaps > before.gaps {
            "behind"
        } else if after.proofs > before.proofs {
            "equal"
        } else if after.mismatches > before.mismatches {
            "unequal"
        } else {
            "none"
        };
        assert_eq!(case["verdict"], verdict, "{name}");
        assert_eq!(place(&session)["cursor"], case["cursor"], "{name}: a head moves no cursor");
    }
}

/// Joins, subscribes with the session's cursor, and hears that ack.
fn subscribe(session: &mut Session, ack: &SubscribeAck, at: Now) {
    session.socket_joined(at);
    session.subscribed(ack.clone(), at);
}

#[test]
fn an_ack_is_gone_on_from_as_it_says() {
    for case in cases(include_str!("../../../../../docs/vectors/acks.json"))
        .iter()
        .filter(|case| case["event"] == "subscribe")
    {
        let name = &case["name"];
        let rev = case["cursor"].get("rev").unwrap_or(&Value::Null);
        let (held, whole_at) = if rev.is_null() {
            (json!([]), json!(0))
        } else {
            (json!([[1, 3], [2, 9], [3, 10]]), rev.clone())
        };
        let mut session = session(&case["cursor"], &held, &whole_at);
        let ack: SubscribeAck = read(&case["ack"]);
        subscribe(&mut session, &ack, now(1_000));
        if case["reason"] == "ahead" {
            assert!(session.snapshot.is_none(), "{name}: it may be a replica that lags");
            session.socket_lost("cut".into(), now(2_000));
            subscribe(&mut session, &ack, now(1_000 + ADOPT_OLDER_MS));
        }
        let then = if session.refused.is_some() || matches!(session.socket, Socket::Joined { .. }) {
            "refused"
        } else if session.snapshot.is_some() {
            "snapshot"
        } else if session.gap.is_some() {
            "page"
        } else {
            "apply"
        };
        assert_eq!(case["then"], then, "{name}");
        if then == "apply" {
            assert_eq!(
                json!(session.cursor().map(|cursor| cursor.rev)),
                case["ack"]["head"]["rev"],
                "{name}"
            );
            assert_eq!(session.stats.proofs, 1, "{name}: the head of the ack proves what `missed` made");
        }
        let gone = session.refused.as_ref().is_some_and(|refusal| refusal.code == ErrorCode::NotFound);
        assert_eq!(gone, case.get("code") == Some(&json!("not-found")), "{name}");
    }
}
