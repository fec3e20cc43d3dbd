//! A table of the file: each key is asked for once, by type; what is left over is refused where it stands.

use crate::error::DialectError;
use crate::path::JsonPath;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Parsed<T> = Result<T, DialectError>;

/// A table of the file.
pub(super) struct Table<'a> {
    text: &'a str,
    /// As in `[snapshot.pages]`; empty: the file itself.
    name: String,
    span: Range<usize>,
    left: BTreeMap<String, Entry<'a>>,
    asked: Vec<&'static str>,
}

#[derive(Clone)]
struct Entry<'a> {
    key: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    pub(super) fn root(text: &'a str, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self::of(text, String::new(), 0..0, table.get_ref())
    }

    fn of(text: &'a str, name: String, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            (name.to_string(), Entry { key: key.span(), value })
        };
        Self { text, name, span, left: table.iter().map(entry).collect(), asked: Vec::new() }
    }

    /// What is wrong with the table as a whole.
    pub(super) fn error(&self, reason: impl Display) -> DialectError {
        let reason = match self.name.as_str() {
            "" => reason.to_string(),
            name => format!("{reason} (in [{name}])"),
        };
        DialectError::at(self.text, &self.span, reason)
    }

    pub(super) fn error_at(&self, span: &Range<usize>, reason: impl Display) -> DialectError {
        DialectError::at(self.text, span, reason.to_string())
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(super) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.left.get(key).map(|entry| entry.key.clone())
    }

    /// Nothing may be left that nobody asked for.
    pub(super) fn finish(self) -> Parsed<()> {
        let Some((key, entry)) = self.left.iter().min_by_key(|(_, entry)| entry.key.start) else {
            return Ok(());
        };
        let known = self.asked.join(", ");
        let place =
            if self.name.is_empty() { "at the top".to_owned() } else { format!("in [{}]", self.name) };
        let reason = format!("`{key}` means nothing {place}; known are {known}");
        Err(self.error_at(&entry.key, reason))
    }

    fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.left.remove(key)
    }

    fn wrong(&self, key: &str, entry: &Entry<'_>, wanted: &str) -> DialectError {
        let found = entry.value.get_ref().type_str();
        self.error_at(
            &entry.value.span(),
            format!("`{key}` must be {wanted}, this is a value of type {found}"),
        )
    }

    /// The keys that nobody has asked for yet, in the order of the file.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.left.iter().map(|(key, entry)| (entry.key.start, key.clone())).collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    pub(super) fn text(&mut self, key: &'static str) -> Parsed<Option<(String, Range<usize>)>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        match entry.value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                Err(self.error_at(&entry.value.span(), format!("`{key}` is empty")))
            }
            DeValue::String(text) => Ok(Some((text.to_string(), entry.value.span()))),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => Err(self.wrong(key, &entry, "a text")),
        }
    }

    pub(super) fn required(&mut self, key: &'static str) -> Parsed<(String, Range<usize>)> {
        self.text(key)?.ok_or_else(|| self.error(format!("`{key}` is missing")))
    }

    pub(super) fn required_text(&mut self, key: &'static str) -> Parsed<String> {
        self.required(key).map(|(text, _)| text)
    }

    pub(super) fn path(&mut self, key: &'static str) -> Parsed<Option<JsonPath>> {
        let Some((text, span)) = self.text(key)? else { return Ok(None) };
        JsonPath::parse(&text).map(Some).map_err(|why| self.error_at(&span, why))
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Parsed<Option<T>> {
        let Some((word, span)) = self.text(key)? else { return Ok(None) };
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice);
        found.map(Some).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.error_at(&span, format!("`{key}` can't be {word:?}; it is one of {}", names.join(", ")))
        })
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Parsed<Option<(bool, Range<usize>)>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        let flag = entry.value.get_ref().as_bool();
        let flag = flag.ok_or_else(|| self.wrong(key, &entry, "true or false"))?;
        Ok(Some((flag, entry.value.span())))
    }

    pub(super) fn integer_at(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Parsed<Option<(u64, Range<usize>)>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        let DeValue::Integer(number) = entry.value.get_ref() else {
            return Err(self.wrong(key, &entry, "a whole number"));
        };
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| range.contains(n));
        let number = number.ok_or_else(|| {
            let (from, to) = (range.start(), range.end());
            let wanted = if from == to { format!("{from}") } else { format!("from {from} to {to}") };
            self.error_at(&entry.value.span(), format!("`{key}` must be {wanted}"))
        })?;
        Ok(Some((number, entry.value.span())))
    }

    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Parsed<Option<u64>> {
        Ok(self.integer_at(key, range)?.map(|(number, _)| number))
    }

    pub(super) fn decimal(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Parsed<Option<f64>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        let number = match entry.value.get_ref() {
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64)
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => return Err(self.wrong(key, &entry, "a number")),
        };
        number.filter(|number: &f64| range.contains(number)).map(Some).ok_or_else(|| {
            let reason = format!("`{key}` must be from {} to {}", range.start(), range.end());
            self.error_at(&entry.value.span(), reason)
        })
    }

    /// Seconds, as milliseconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Parsed<u64> {
        Ok((self.decimal(key, range)?.unwrap_or(default) * 1_000.0).round() as u64)
    }

    /// A text, or a list of texts (numbers too: some servers' words are numbers).
    pub(super) fn words(&mut self, key: &'static str) -> Parsed<Option<(Vec<String>, Range<usize>)>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        self.words_of(key, &entry).map(Some)
    }

    /// The same, of a key that is known only by the file.
    pub(super) fn any_words(&mut self, key: &str) -> Parsed<(Vec<String>, Range<usize>)> {
        let entry = self.left.remove(key).ok_or_else(|| self.error(format!("`{key}` is missing")))?;
        self.words_of(key, &entry)
    }

    fn words_of(&self, key: &str, entry: &Entry<'a>) -> Parsed<(Vec<String>, Range<usize>)> {
        let word = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        };
        let words = match entry.value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| word(item.get_ref())).collect(),
            single @ (DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_)) => word(single).map(|word| vec![word]),
        };
        let words: Vec<String> = words.ok_or_else(|| self.wrong(key, entry, "a text or a list of texts"))?;
        if words.is_empty() {
            return Err(self.error_at(&entry.value.span(), format!("`{key}` holds no word; remove it")));
        }
        Ok((words, entry.value.span()))
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Parsed<Option<(Vec<String>, Range<usize>)>> {
        let Some(entry) = self.left.get(key) else {
            self.take(key);
            return Ok(None);
        };
        let are_texts = entry.value.get_ref().as_array().is_some_and(|items| {
            items.iter().all(|item| item.get_ref().as_str().is_some_and(|text| !text.trim().is_empty()))
        });
        if !are_texts {
            return Err(self.wrong(key, &entry.clone(), "a list of texts"));
        }
        let is_empty = entry.value.get_ref().as_array().is_none_or(|items| items.is_empty());
        let span = entry.value.span();
        if is_empty {
            self.take(key);
            return Ok(Some((Vec::new(), span)));
        }
        self.words(key)
    }

    /// Key and text of a table of texts.
    pub(super) fn text_map(&mut self, key: &'static str) -> Parsed<Vec<(String, String, Range<usize>)>> {
        let Some(entry) = self.take(key) else { return Ok(Vec::new()) };
        let table =
            entry.value.get_ref().as_table().ok_or_else(|| self.wrong(key, &entry, "a table of texts"))?;
        let text = |(name, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let text = value.get_ref().as_str().ok_or_else(|| {
                self.error_at(&value.span(), format!("`{key}.{}` must be a text", name.get_ref()))
            })?;
            Ok((name.get_ref().to_string(), text.to_owned(), value.span()))
        };
        table.iter().map(text).collect()
    }

    /// Any value, as JSON.
    pub(super) fn json(&mut self, key: &'static str) -> Parsed<Option<(Value, Range<usize>)>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        Ok(Some((self.to_json(entry.value)?, entry.value.span())))
    }

    fn to_json(&self, value: &Spanned<DeValue<'_>>) -> Parsed<Value> {
        let no_json =
            |what: &str| self.error_at(&value.span(), format!("{what} has no form in JSON; write a text"));
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                Value::from(parsed.map_err(|_| no_json("an integer beyond 64 bits"))?)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                Value::Number(parsed.ok_or_else(|| no_json("this number"))?)
            }
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(_) => return Err(no_json("a date")),
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.to_json(item)).collect::<Parsed<_>>()?)
            }
            DeValue::Table(table) => {
                let member = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                    Ok((key.get_ref().to_string(), self.to_json(value)?))
                };
                Value::Object(table.iter().map(member).collect::<Parsed<_>>()?)
            }
        })
    }

    pub(super) fn table(&mut self, key: &'static str) -> Parsed<Option<Table<'a>>> {
        let Some(entry) = self.take(key) else { return Ok(None) };
        self.sub_table(key, &entry).map(Some)
    }

    pub(super) fn required_table(&mut self, key: &'static str) -> Parsed<Table<'a>> {
        let missing = self.error(format!("the table [{key}] is missing"));
        self.table(key)?.ok_or(missing)
    }

    /// A key that is known only by the file, as a table; none: it is no table.
    pub(super) fn any_table(&mut self, key: &str) -> Option<Table<'a>> {
        let entry = self.left.get(key)?.clone();
        let table = entry.value.get_ref().as_table()?;
        self.left.remove(key);
        Some(Table::of(self.text, self.name_of(key), entry.key, table))
    }

    /// A key that is known only by the file, as a text; none: it is no text.
    pub(super) fn any_text(&mut self, key: &str) -> Option<(String, Range<usize>)> {
        let entry = self.left.get(key)?.clone();
        let text = entry.value.get_ref().as_str()?.to_owned();
        self.left.remove(key);
        Some((text, entry.value.span()))
    }

    /// An array of tables.
    pub(super) fn tables(&mut self, key: &'static str) -> Parsed<Vec<Table<'a>>> {
        let Some(entry) = self.take(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(key, &entry, &format!("a list of tables; write [[{key}]]"));
        let items = entry.value.get_ref().as_array().ok_or_else(wrong)?;
        items
            .iter()
            .map(|item| {
                let table = item.get_ref().as_table().ok_or_else(wrong)?;
                Ok(Table::of(self.text, self.name_of(key), item.span(), table))
            })
            .collect()
    }

    fn sub_table(&self, key: &str, entry: &Entry<'a>) -> Parsed<Table<'a>> {
        let table = entry.value.get_ref().as_table().ok_or_else(|| self.wrong(key, entry, "a table"))?;
        Ok(Table::of(self.text, self.name_of(key), entry.key.clone(), table))
    }

    fn name_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}
