//! Dialect files, and what a dialect makes of any JSON.

use gwanje_dialect::{Dialect, RowIdentity};
use gwanje_model::{DeliveryId, MAX_SAFE_INTEGER, Rev, UtcMillis};
use serde_json::Value;
use std::sync::OnceLock;

/// Between the file and the JSON.
const BETWEEN: &str = "\n=====\n";

/// A dialect file, and behind `=====` any JSON that it is applied to. A first line `@1` (2, 3) stands for one of the
/// documented dialects, so that an input can be about the JSON alone.
pub fn dialect(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (file, json) = text.split_once(BETWEEN).unwrap_or((text, ""));
    let json = serde_json::from_str(json).unwrap_or(Value::Null);
    let documented =
        file.strip_prefix('@').and_then(|n| documented().get(n.parse::<usize>().ok()?.checked_sub(1)?));
    if let Some(dialect) = documented {
        apply(dialect, &json);
        return;
    }
    match Dialect::parse(file) {
        Ok(dialect) => {
            assert_eq!(Dialect::parse(file).as_ref(), Ok(&dialect), "a file means the same twice");
            let count = dialect.variables().len();
            assert!(dialect.clone().resolve(|_| None).is_err() == (count > 0), "each variable is missed");
            let resolved = dialect.resolve(|name| Some(format!("of {name}")));
            apply(&resolved.expect("every variable is set"), &json);
        }
        Err(error) => {
            let lines = file.lines().count().max(1);
            assert!((1..=lines + 1).contains(&error.line), "{error}: there are {lines} lines");
            assert!(!error.reason.is_empty(), "an error says why");
        }
    }
}

/// The dialects of docs/dialects, their secrets set.
pub(crate) fn documented() -> &'static [Dialect] {
    static DOCUMENTED: OnceLock<Vec<Dialect>> = OnceLock::new();
    DOCUMENTED.get_or_init(|| {
        [
            include_str!("../../../docs/dialects/legacy.toml"),
            include_str!("../../../docs/dialects/stomp.toml"),
            include_str!("../../../docs/dialects/websocket.toml"),
        ]
        .map(|file| {
            let dialect = Dialect::parse(file).expect("a documented dialect is one");
            dialect.resolve(|_| Some(String::new())).expect("every variable is set")
        })
        .to_vec()
    })
}

fn apply(dialect: &Dialect, json: &Value) {
    for at in [UtcMillis(0), UtcMillis(1_795_230_224_373), UtcMillis(i64::MAX), UtcMillis(i64::MIN)] {
        for days in [0, 1, u32::MAX] {
            let path = dialect.list_path(at, days, Some(u64::MAX));
            assert!(path.starts_with('/') && !path.contains(char::is_whitespace), "{path:?} is no path");
        }
    }
    for row in dialect.take_listed(&mut json.clone()).unwrap_or_default().iter().chain([json]) {
        let read = dialect.rows.read(row);
        assert_eq!(read, dialect.rows.read(row), "a row means the same twice");
        let Ok(read) = read else { continue };
        let place = RowIdentity { id: DeliveryId(MAX_SAFE_INTEGER), center: &dialect.center.id, rev: Rev(1) };
        let Ok(whole) = read.complete(&dialect.rows, place, None) else { continue };
        // The delivery travels and is cached as any of ours.
        let text = serde_json::to_string(&whole).expect("a delivery can be written");
        assert_eq!(serde_json::from_str(&text).ok(), Some(whole.clone()), "{text}");
        for rule in &dialect.events {
            let Some(Ok(event)) = rule.at.find(row).map(|row| dialect.rows.read_event(row, None, rule))
            else {
                continue;
            };
            let _ = event.complete(&dialect.rows, RowIdentity { rev: Rev(2), ..place }, Some(&whole));
        }
    }
    for name in [None, Some(""), Some("delivery:create")] {
        let rule = dialect.event(name);
        assert!(rule.is_none_or(|rule| rule.name.is_none() || rule.name.as_deref() == name));
    }
}
