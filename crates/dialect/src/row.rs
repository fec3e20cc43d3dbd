//! A foreign server's rows: read from its JSON, then completed to deliveries over what is known of them.

mod complete;
#[cfg(test)]
mod tests;

use crate::event::EventRule;
use crate::field::{Field, Filling, Origin, Read, text};
use crate::path::JsonPath;
use crate::time::{TimeFormat, Zone};
use gwanje_model::{MAX_SAFE_INTEGER, Status, UtcMillis};
use serde_json::Value;
use std::collections::BTreeMap;
use thiserror::Error;

pub use complete::{Incomplete, RowIdentity};

/// A longer text is no id.
const MAX_ID_CHARS: usize = 200;

/// What a foreign server calls a delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForeignId {
    /// An integer within ours: it is the delivery's id.
    Number(u64),
    /// A text: it gets a number of its own, kept in the cache.
    Name(String),
}

/// What a row says of its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusRead {
    /// One of ours.
    Known(Status),
    /// A word that means that the row is no part of the board.
    Gone,
    /// A word that the dialect does not know.
    Unknown,
    /// Nothing.
    Absent,
}

/// A row as read.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignRow {
    /// Which delivery.
    pub id: ForeignId,
    /// When it was changed last; none only where it is not needed (a row that left).
    pub modified_at: Option<UtcMillis>,
    /// Where it stands.
    pub status: StatusRead,
    /// Fields that are absent stay as they are known.
    pub partial: bool,
    /// Values that were not of their kind: read as if they were absent, and counted.
    pub unreadable_fields: u32,
    /// What the dialect fills: none where the row says `null`, nothing where it is silent.
    values: BTreeMap<Field, Option<Read>>,
}

/// Why a row can't be used at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowError {
    /// Nobody can say which delivery it is about.
    #[error("a row without an id; check the path of `id` in the dialect")]
    NoId,
    /// Nobody can say whether it is news.
    #[error(
        "a row without a modification time; check the path and the format of `modifiedAt` in the dialect"
    )]
    NoTime(ForeignId),
}

/// How rows are read.
#[derive(Debug, Clone, PartialEq)]
pub struct RowReader {
    pub(crate) id: JsonPath,
    pub(crate) ids_are_numbers: bool,
    pub(crate) modified_at: (JsonPath, Option<TimeFormat>),
    pub(crate) status: Option<JsonPath>,
    pub(crate) words: BTreeMap<String, StatusRead>,
    pub(crate) time_format: TimeFormat,
    pub(crate) zone: Zone,
    pub(crate) fields: BTreeMap<Field, Filling>,
}

impl RowReader {
    /// Reads a row of the list.
    ///
    /// # Errors
    /// When it can't be told which delivery it is about, or whether it is news.
    pub fn read(&self, row: &Value) -> Result<ForeignRow, RowError> {
        self.read_as(row, None, false, true)
    }

    /// Reads the row of a message.
    ///
    /// # Errors
    /// When it can't be told which delivery it is about, or whether it is news.
    pub fn read_event(&self, row: &Value, rule: &EventRule) -> Result<ForeignRow, RowError> {
        let must_have_time = match rule.means {
            crate::Means::Row | crate::Means::Rows => true,
            crate::Means::Gone | crate::Means::Nothing => false,
        };
        self.read_as(row, rule.status, rule.partial, must_have_time)
    }

    /// Whether rows tell an instant of their own for this field.
    pub(crate) fn tells(&self, field: Field) -> bool {
        self.fields.contains_key(&field)
    }

    fn read_as(
        &self,
        row: &Value,
        status: Option<Status>,
        partial: bool,
        must_have_time: bool,
    ) -> Result<ForeignRow, RowError> {
        let id = self.id.find(row).and_then(|id| self.read_id(id)).ok_or(RowError::NoId)?;
        let (path, format) = &self.modified_at;
        let format = format.as_ref().unwrap_or(&self.time_format);
        let modified_at = path.find(row).and_then(|at| format.read(at, &self.zone));
        if modified_at.is_none() && must_have_time {
            return Err(RowError::NoTime(id));
        }
        let (mut values, mut unreadable_fields) = (BTreeMap::new(), 0);
        for (field, filling) in &self.fields {
            let (value, unreadable) = self.fill(filling, row, partial);
            unreadable_fields += u32::from(unreadable);
            if let Some(value) = value {
                values.insert(*field, value);
            }
        }
        let status = status.map_or_else(|| self.read_status(row), StatusRead::Known);
        Ok(ForeignRow { id, modified_at, status, partial, unreadable_fields, values })
    }

    fn read_id(&self, value: &Value) -> Option<ForeignId> {
        let name = text(value).filter(|name| !name.is_empty() && name.chars().count() <= MAX_ID_CHARS)?;
        if !self.ids_are_numbers {
            return Some(ForeignId::Name(name.into()));
        }
        let number = name.parse().ok().filter(|number| (1..=MAX_SAFE_INTEGER).contains(number))?;
        Some(ForeignId::Number(number))
    }

    fn read_status(&self, row: &Value) -> StatusRead {
        match self.status.as_ref().and_then(|path| path.find(row)) {
            None | Some(Value::Null) => StatusRead::Absent,
            Some(value) => text(value)
                .and_then(|word| self.words.get(word.as_str()).copied())
                .unwrap_or(StatusRead::Unknown),
        }
    }

    /// The value, none where the row says `null`, nothing where it is silent; and whether something unreadable was there.
    fn fill(&self, filling: &Filling, row: &Value, partial: bool) -> (Option<Option<Read>>, bool) {
        let path = match &filling.origin {
            Origin::Constant(constant) => return (Some(Some(constant.clone())), false),
            Origin::Path(path) => path,
        };
        let found = path.find(row);
        let read = found
            .filter(|value| !value.is_null())
            .and_then(|value| filling.reading.read(value, &self.time_format, &self.zone));
        // Many servers write null as an empty text where an instant or a number could be.
        let is_blank = found.is_some_and(|value| {
            value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
        });
        let unreadable = found.is_some() && read.is_none() && !is_blank;
        let value = match (read, &filling.default) {
            (Some(read), _) => Some(Some(read)),
            // What a part leaves out is known already, or the list tells it.
            (None, Some(_)) if partial && found.is_none() => None,
            (None, Some(default)) => Some(Some(default.clone())),
            (None, None) => found.map(|_| None),
        };
        (value, unreadable)
    }
}
