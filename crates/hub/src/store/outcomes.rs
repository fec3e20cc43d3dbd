//! Outcomes under idempotency keys, as they are stored: status, code, and of each row its id and revision. The rows themselves
//! are read from history, where they are once.

use gwanje_ledger::Recorded;
use gwanje_model::{DeliveryId, Rev};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// By this name a row's place holds its id and revision.
const PLACE: &str = "$row";

/// Rows by id and revision, as history has them.
pub(super) type PastRows = BTreeMap<(DeliveryId, Rev), String>;

/// What tells a row from every other answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowHead {
    id: u64,
    rev: u64,
    #[expect(dead_code, reason = "only rows have it")]
    received_at: i64,
}

/// An outcome's body without rows.
pub(super) fn without_rows(recorded: &Recorded) -> Cow<'_, str> {
    if let Ok(RowHead { id, rev, .. }) = serde_json::from_str(&recorded.body) {
        return place(id, rev).to_string().into();
    }
    let mut body: Value = serde_json::from_str(&recorded.body).unwrap_or_default();
    if take_rows(&mut body) { body.to_string().into() } else { Cow::Borrowed(&recorded.body) }
}

fn place(id: u64, rev: u64) -> Value {
    json!({ PLACE: [id, rev] })
}

/// Puts a place where each row was; false: there was none.
fn take_rows(answer: &mut Value) -> bool {
    let mut found = false;
    let Value::Object(fields) = answer else { return false };
    for name in ["row", "current"] {
        let row =
            fields.get(name).and_then(|row| Some((row.get("id")?.as_u64()?, row.get("rev")?.as_u64()?)));
        if let Some((id, rev)) = row {
            fields.insert(name.into(), place(id, rev));
            found = true;
        }
    }
    if let Some(problem) = fields.get_mut("problem") {
        found |= take_rows(problem);
    }
    if let Some(Value::Array(results)) = fields.get_mut("results") {
        for result in results {
            found |= take_rows(result);
        }
    }
    found
}

/// Which rows a stored body lacks.
pub(super) fn lacking(body: &str) -> Vec<(DeliveryId, Rev)> {
    let mut places = Vec::new();
    if body.contains(PLACE) {
        let mut body: Value = serde_json::from_str(body).unwrap_or_default();
        each_place(&mut body, &mut |id, rev| {
            places.push((id, rev));
            None
        });
    }
    places
}

/// A stored body with its rows. One that is nowhere any more leaves its place empty.
pub(super) fn with_rows(body: &str, rows: &PastRows) -> serde_json::Result<String> {
    let mut body: Value = serde_json::from_str(body)?;
    each_place(&mut body, &mut |id, rev| {
        let row = rows.get(&(id, rev)).and_then(|row| serde_json::from_str(row).ok());
        Some(row.unwrap_or_default())
    });
    Ok(body.to_string())
}

/// Goes through the places of rows; each may be filled.
fn each_place(value: &mut Value, fill: &mut impl FnMut(DeliveryId, Rev) -> Option<Value>) {
    match value {
        Value::Object(fields) => {
            if let Some((id, rev)) = place_in(fields) {
                if let Some(filled) = fill(id, rev) {
                    *value = filled;
                }
                return;
            }
            fields.values_mut().for_each(|field| each_place(field, fill));
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| each_place(entry, fill)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn place_in(fields: &Map<String, Value>) -> Option<(DeliveryId, Rev)> {
    let place = fields.get(PLACE).filter(|_| fields.len() == 1)?;
    Some((DeliveryId(place.get(0)?.as_u64()?), Rev(place.get(1)?.as_u64()?)))
}
