//! A foreign server's rows: read from its JSON, then completed to deliveries over what is known of them.

mod complete;
mod flaw;
#[cfg(test)]
mod tests;

use crate::event::EventRule;
use crate::field::{Field, Filling, Kind, Origin, Read};
use crate::path::JsonPath;
use crate::scalar::text;
use crate::time::{TimeFormat, Zone};
use gwanje_model::{MAX_SAFE_INTEGER, Status, Text, UtcMillis};
use serde_json::Value;
use std::collections::BTreeMap;
use thiserror::Error;

pub use complete::{Incomplete, RowIdentity};
pub use flaw::RowFlaw;

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
    /// Which fields those were.
    pub unreadable: Vec<&'static str>,
    /// The dialect's filter says that it belongs to another board.
    pub elsewhere: bool,
    /// What the filter wants to be of the days of the list.
    pub days: Vec<Text>,
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
    pub(crate) filter: Vec<Filter>,
}

/// Which rows belong to the board.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    pub(crate) path: JsonPath,
    pub(crate) words: Vec<String>,
    /// It is the day of the list.
    pub(crate) is_day: bool,
}

impl RowReader {
    /// Reads a row of the list.
    ///
    /// # Errors
    /// When it can't be told which delivery it is about, or whether it is news.
    pub fn read(&self, row: &Value) -> Result<ForeignRow, RowError> {
        self.read_as(row, None, None, false, true)
    }

    /// Reads the row of a message. `id`: what the message names beside the row.
    ///
    /// # Errors
    /// When it can't be told which delivery it is about, or whether it is news.
    pub fn read_event(
        &self,
        row: &Value,
        id: Option<&Value>,
        rule: &EventRule,
    ) -> Result<ForeignRow, RowError> {
        let must_have_time = match rule.means {
            crate::Means::Row | crate::Means::Rows => true,
            crate::Means::Gone | crate::Means::Nothing => false,
        };
        self.read_as(row, id, rule.status, rule.partial, must_have_time)
    }

    /// Whether rows are arrays, their values known by their place.
    #[must_use]
    pub fn is_positional(&self) -> bool {
        self.id.depth() > 0 && self.id.first_key().is_none()
    }

    /// Whether an object is a row: it says which delivery it is.
    pub(crate) fn names(&self, object: &serde_json::Map<String, Value>) -> bool {
        // A list keyed by ids of which one is called as the field is no row.
        self.id
            .first_key()
            .and_then(|key| object.get(key))
            .is_some_and(|id| !id.is_object() || self.id.depth() > 1)
    }

    /// Whether rows tell an instant of their own for this field.
    pub(crate) fn tells(&self, field: Field) -> bool {
        self.fields.contains_key(&field)
    }

    fn read_as(
        &self,
        row: &Value,
        id: Option<&Value>,
        status: Option<Status>,
        partial: bool,
        must_have_time: bool,
    ) -> Result<ForeignRow, RowError> {
        // What is no object and no array is the id itself.
        let bare = Some(row).filter(|row| !row.is_object() && !row.is_array());
        let id = id.or_else(|| self.id.find(row)).or(bare);
        let id = id.and_then(|id| self.read_id(id)).ok_or(RowError::NoId)?;
        let (path, format) = &self.modified_at;
        let format = format.as_ref().unwrap_or(&self.time_format);
        let modified_at = path.find(row).and_then(|at| format.read(at, &self.zone));
        if modified_at.is_none() && must_have_time {
            return Err(RowError::NoTime(id));
        }
        let (mut values, mut flaws) = (BTreeMap::new(), Vec::new());
        for (field, filling) in &self.fields {
            let (value, unreadable) = self.fill(filling, row, partial);
            if unreadable {
                flaws.push(field.name());
            }
            if let Some(value) = value {
                values.insert(*field, value);
            }
        }
        flaws.extend(no_places(&mut values));
        let status = status.map_or_else(|| self.read_status(row), StatusRead::Known);
        let (mut elsewhere, mut days) = (false, Vec::new());
        for filter in &self.filter {
            let Some(word) = filter.path.find(row).and_then(text) else { continue };
            if filter.is_day {
                days.push(word);
            } else {
                elsewhere |= !filter.words.iter().any(|known| *known == word);
            }
        }
        let unreadable_fields = u32::try_from(flaws.len()).unwrap_or(u32::MAX);
        Ok(ForeignRow {
            id,
            modified_at,
            status,
            partial,
            unreadable_fields,
            unreadable: flaws,
            elsewhere,
            days,
            values,
        })
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
            let format = filling.reading.format.as_ref().unwrap_or(&self.time_format);
            value.is_null()
                || (filling.reading.kind == Kind::Time && format.is_nothing(value))
                || value.as_str().is_some_and(|text| text.trim().is_empty())
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

/// Takes out places that are none: the middle of the ocean, where programs put what they do not know, and what lies beyond
/// the poles, as latitude and longitude do that have changed places. Their fields are returned.
fn no_places(values: &mut BTreeMap<Field, Option<Read>>) -> Vec<&'static str> {
    let mut taken = Vec::new();
    for (lat, lon) in [(Field::ShopLat, Field::ShopLon), (Field::DropoffLat, Field::DropoffLon)] {
        let degrees = |field| match values.get(&field) {
            Some(Some(Read::Decimal(degrees))) => Some(*degrees),
            Some(_) | None => None,
        };
        let (at_lat, at_lon) = (degrees(lat), degrees(lon));
        let is_null_island = at_lat == Some(0.0) && at_lon == Some(0.0);
        let is_beyond =
            at_lat.is_some_and(|lat| lat.abs() > 90.0) || at_lon.is_some_and(|lon| lon.abs() > 180.0);
        if is_null_island || is_beyond {
            for field in [lat, lon] {
                if let Some(value) = values.get_mut(&field) {
                    *value = None;
                }
            }
            taken.push(lat.name());
        }
    }
    taken
}
