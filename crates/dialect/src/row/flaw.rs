//! Why a row can't be used, for whoever writes the dialect: the place and the shape of a value, never the value.

use super::{RowReader, StatusRead};
use crate::field::{Field, Origin};
use crate::path::JsonPath;
use serde_json::Value;

/// No example is longer.
const EXAMPLE_CHARS: usize = 48;

/// Why a row or a field can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFlaw {
    /// What is wrong.
    pub what: &'static str,
    /// Where it should be.
    pub place: String,
    /// The shape of what is there, in the place of digits and letters.
    pub example: String,
}

impl RowReader {
    /// What is wrong with a row as a whole; none: nothing.
    #[must_use]
    pub fn flaw(&self, row: &Value) -> Option<RowFlaw> {
        let flaw = |what, path: &JsonPath| {
            let example = path.find(row).map_or_else(|| keys(row), shape);
            Some(RowFlaw { what, place: path.to_string(), example })
        };
        if self.id.find(row).and_then(|id| self.read_id(id)).is_none() {
            return flaw("a row without an id", &self.id);
        }
        let (path, format) = &self.modified_at;
        let format = format.as_ref().unwrap_or(&self.time_format);
        if path.find(row).and_then(|at| format.read(at, &self.zone)).is_none() {
            return flaw("a row without a modification time", path);
        }
        let path = self.status.as_ref()?;
        match self.read_status(row) {
            StatusRead::Unknown => flaw("a row of a status that the dialect does not know", path),
            StatusRead::Absent => flaw("a row without a status", path),
            StatusRead::Known(_) | StatusRead::Gone => None,
        }
    }

    /// What is wrong with a field of a row.
    #[must_use]
    pub fn field_flaw(&self, row: &Value, field: &'static str) -> RowFlaw {
        let filling = Field::parse(field).and_then(|field| self.fields.get(&field));
        let found = filling.and_then(|filling| match &filling.origin {
            Origin::Path(path) => path.find(row),
            Origin::Constant(_) => None,
        });
        let example = found.map_or_else(String::new, shape);
        RowFlaw { what: "a field that can't be read", place: field.to_owned(), example }
    }
}

fn keys(row: &Value) -> String {
    match row {
        Value::Object(members) => {
            let names: Vec<&str> = members.keys().take(8).map(String::as_str).collect();
            cut(&format!("{{{}}}", names.join(", ")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => shape(row),
    }
}

/// A value with 9 for every digit and x for every letter.
fn shape(value: &Value) -> String {
    let plain = match value {
        Value::Object(_) => return keys(value),
        Value::Null | Value::Bool(_) => return value.to_string(),
        Value::Number(_) | Value::String(_) | Value::Array(_) => value.to_string(),
    };
    let masked: String = plain
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            c if c.is_alphanumeric() => 'x',
            c => c,
        })
        .collect();
    cut(&masked)
}

fn cut(text: &str) -> String {
    text.chars().take(EXAMPLE_CHARS).collect()
}
