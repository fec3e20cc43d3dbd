//! `[fields]`, `[statuses]` and `[cancelBy]` of a dialect file: what a row means.

use super::table::Table;
use super::{Parsed, our_statuses};
use crate::event::{EventRule, Means};
use crate::field::{Field, Filling, Kind, Origin, Read, Reading};
use crate::path::JsonPath;
use crate::row::{Filter, RowReader, StatusRead};
use crate::time::{TimeFormat, Zone};
use gwanje_model::{CancelBy, Status};
use std::collections::BTreeMap;
use std::ops::Range;

const CANCELLERS: [(&str, CancelBy); 5] = [
    ("customer", CancelBy::Customer),
    ("shop", CancelBy::Shop),
    ("center", CancelBy::Center),
    ("rider", CancelBy::Rider),
    ("system", CancelBy::System),
];

pub(super) fn rows(
    root: &mut Table<'_>,
    time_format: TimeFormat,
    zone: Zone,
    events: &[EventRule],
) -> Parsed<RowReader> {
    let words = statuses(root)?;
    let by = cancellers(root)?;
    let filter = filter(root)?;
    let mut table = root.required_table("fields")?;
    let (id, ids_are_numbers) = id(&mut table)?;
    let modified_at = modified_at(&mut table)?;
    let status = table.path("status")?;
    let every_event_says =
        events.iter().filter(|rule| rule.means == Means::Row).all(|rule| rule.status.is_some());
    if status.is_none() && !every_event_says {
        return Err(table.error("`status` is missing, and not every [[event]] says one"));
    }
    if status.is_none() {
        return Err(table.error("`status` is missing: the rows of the list must say where they stand"));
    }
    let mut fillings = Fillings { by, zone: &zone, time_format: &time_format, found: BTreeMap::new() };
    fillings.of_table(&mut table, "")?;
    let fields = fillings.found;
    table.finish()?;
    for (one, other) in [
        (Field::ShopLat, Field::ShopLon),
        (Field::ShopX, Field::ShopY),
        (Field::DropoffLat, Field::DropoffLon),
        (Field::DropoffX, Field::DropoffY),
    ] {
        if fields.contains_key(&one) != fields.contains_key(&other) {
            let (one, other) = (one.name(), other.name());
            return Err(root.error(format!("[fields] `{one}` and `{other}` need each other")));
        }
    }
    Ok(RowReader { id, ids_are_numbers, modified_at, status, words, time_format, zone, fields, filter })
}

fn statuses(root: &mut Table<'_>) -> Parsed<BTreeMap<String, StatusRead>> {
    const KEYS: [(&str, StatusRead); 7] = [
        ("received", StatusRead::Known(Status::Received)),
        ("waiting", StatusRead::Known(Status::Waiting)),
        ("assigned", StatusRead::Known(Status::Assigned)),
        ("pickedUp", StatusRead::Known(Status::PickedUp)),
        ("delivered", StatusRead::Known(Status::Delivered)),
        ("cancelled", StatusRead::Known(Status::Cancelled)),
        ("gone", StatusRead::Gone),
    ];
    let mut table = root.required_table("statuses")?;
    let mut words = BTreeMap::new();
    for (key, status) in KEYS {
        let Some((theirs, span)) = table.words(key)? else { continue };
        for word in theirs {
            let word = word.trim().to_owned();
            if words.insert(word.clone(), status).is_some() {
                return Err(table.error_at(&span, format!("{word:?} already means another status")));
            }
        }
    }
    if words.is_empty() {
        return Err(table.error(format!("it translates no word; {}", our_statuses())));
    }
    table.finish()?;
    Ok(words)
}

fn filter(root: &mut Table<'_>) -> Parsed<Vec<Filter>> {
    let Some(mut table) = root.table("filter")? else { return Ok(Vec::new()) };
    let mut filters = Vec::new();
    for key in table.keys() {
        let span = table.span_of(&key).unwrap_or_default();
        let path = JsonPath::parse(&key).map_err(|why| table.error_at(&span, why))?;
        let (words, span) = table.any_words(&key)?;
        let is_day = words.iter().any(|word| word == "{date}");
        if is_day && words.len() > 1 {
            return Err(table.error_at(&span, "{date} stands alone"));
        }
        filters.push(Filter { path, words, is_day });
    }
    table.finish()?;
    Ok(filters)
}

fn cancellers(root: &mut Table<'_>) -> Parsed<Vec<(CancelBy, Vec<String>)>> {
    let Some(mut table) = root.table("cancelBy")? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (key, by) in CANCELLERS {
        if let Some((words, _)) = table.words(key)? {
            all.push((by, words));
        }
    }
    table.finish()?;
    Ok(all)
}

fn id(table: &mut Table<'_>) -> Parsed<(JsonPath, bool)> {
    let missing = || "`id`, where a row's id lies, is missing";
    let Some(mut own) = table.any_table("id") else {
        return Ok((table.path("id")?.ok_or_else(|| table.error(missing()))?, false));
    };
    let path = own.path("path")?.ok_or_else(|| own.error(missing()))?;
    let are_numbers = own.choice("as", &[("text", false), ("number", true)])?.unwrap_or(false);
    own.finish()?;
    Ok((path, are_numbers))
}

fn modified_at(table: &mut Table<'_>) -> Parsed<(JsonPath, Option<TimeFormat>)> {
    let missing = || "`modifiedAt`, when a row was changed last, is missing; without it no order can be kept";
    let Some(mut own) = table.any_table("modifiedAt") else {
        return Ok((table.path("modifiedAt")?.ok_or_else(|| table.error(missing()))?, None));
    };
    let path = own.path("path")?.ok_or_else(|| own.error(missing()))?;
    let format = format(&mut own)?;
    own.finish()?;
    Ok((path, format))
}

fn format(table: &mut Table<'_>) -> Parsed<Option<TimeFormat>> {
    let Some((text, span)) = table.text("format")? else { return Ok(None) };
    TimeFormat::parse(&text).map(Some).map_err(|why| table.error_at(&span, why))
}

struct Fillings<'a> {
    by: Vec<(CancelBy, Vec<String>)>,
    zone: &'a Zone,
    time_format: &'a TimeFormat,
    found: BTreeMap<Field, Filling>,
}

impl Fillings<'_> {
    /// The fields of a table, and of the tables in it.
    fn of_table(&mut self, table: &mut Table<'_>, prefix: &str) -> Parsed<()> {
        for key in table.keys() {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            let span = table.span_of(&key).unwrap_or_default();
            match Field::parse(&name) {
                Some(field) => {
                    let filling = if let Some((text, span)) = table.any_text(&key) {
                        let path = JsonPath::parse(&text).map_err(|why| table.error_at(&span, why))?;
                        self.plain(field, path)
                    } else if let Some(mut own) = table.any_table(&key) {
                        let filling = self.detailed(field, &mut own)?;
                        own.finish()?;
                        filling
                    } else {
                        let reason = format!("`{name}` must be a path, or a table with `path` or `constant`");
                        return Err(table.error_at(&span, reason));
                    };
                    self.check(table, field, &span)?;
                    self.found.insert(field, filling);
                }
                None if is_prefix(&name) => {
                    let Some(mut inner) = table.any_table(&key) else {
                        let reason = format!("`{name}` has fields of its own, such as {}", example(&name));
                        return Err(table.error_at(&span, reason));
                    };
                    self.of_table(&mut inner, &name)?;
                    inner.finish()?;
                }
                None => {
                    return Err(
                        table.error_at(&span, format!("`{name}` is no field of a delivery; {}", known()))
                    );
                }
            }
        }
        Ok(())
    }

    fn check(&self, table: &Table<'_>, field: Field, span: &Range<usize>) -> Parsed<()> {
        if field == Field::CancelBy && self.by.is_empty() {
            return Err(
                table.error_at(span, "`cancel.by` needs the table [cancelBy] with their word for each")
            );
        }
        Ok(())
    }

    fn reading(&self, field: Field) -> Reading {
        Reading { by: self.by.clone(), ..Reading::plain(field.kind()) }
    }

    fn plain(&self, field: Field, path: JsonPath) -> Filling {
        Filling { origin: Origin::Path(path), reading: self.reading(field), default: None }
    }

    fn detailed(&self, field: Field, table: &mut Table<'_>) -> Parsed<Filling> {
        let mut reading = self.reading(field);
        match field.kind() {
            Kind::Integer | Kind::Decimal => {
                reading.scale = table.decimal("scale", 1e-9..=1e9)?.unwrap_or(1.0);
            }
            Kind::Time => reading.format = format(table)?,
            Kind::Flag => reading.yes = table.words("yes")?.map(|(words, _)| words).unwrap_or_default(),
            Kind::Items => {
                reading.item_name = table.path("name")?.unwrap_or_else(JsonPath::whole);
                reading.item_quantity = table.path("quantity")?;
            }
            Kind::Text | Kind::By => {}
        }
        let path = table.path("path")?;
        let constant = self.literal(table, "constant", &reading)?;
        let default = self.literal(table, "default", &reading)?;
        let origin = match (path, constant) {
            (Some(path), None) => Origin::Path(path),
            (None, Some(constant)) if default.is_none() => Origin::Constant(constant),
            (None, Some(_)) => return Err(table.error("a `constant` needs no `default`; keep one")),
            (Some(_), Some(_)) => {
                return Err(table.error("`path` and `constant` contradict each other; keep one"));
            }
            (None, None) => return Err(table.error("`path` is missing (or `constant`)")),
        };
        Ok(Filling { origin, reading, default })
    }

    fn literal(&self, table: &mut Table<'_>, key: &'static str, reading: &Reading) -> Parsed<Option<Read>> {
        let Some((value, span)) = table.json(key)? else { return Ok(None) };
        // As it would be read from a row, but in our unit and our words.
        let plain = Reading { scale: 1.0, yes: Vec::new(), ..reading.clone() };
        let by =
            CANCELLERS.iter().find(|(name, _)| value.as_str() == Some(name)).map(|(_, by)| Read::By(*by));
        let read = match plain.kind {
            Kind::By => by,
            Kind::Text | Kind::Integer | Kind::Decimal | Kind::Time | Kind::Flag | Kind::Items => {
                plain.read(&value, self.time_format, self.zone)
            }
        };
        read.map(Some).ok_or_else(|| table.error_at(&span, format!("`{key}` is no value of this field")))
    }
}

fn is_prefix(name: &str) -> bool {
    Field::ALL.iter().any(|field| field.name().strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn example(prefix: &str) -> &'static str {
    let of = |field: &&Field| field.name().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    Field::ALL.iter().find(of).map_or("", |field| field.name())
}

fn known() -> String {
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    format!("known are id, modifiedAt, status, {}", names.join(", "))
}
