//! The tab-separated files of a day: lines and fields that are named when they are wrong.

use gwanje_model::Pos;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A day and the night after it, in minutes: times beyond it are a mistake.
const LONGEST_MIN: i64 = 2 * 24 * 60;

/// Metres from the origin beyond which a place is a mistake.
const FARTHEST_M: f64 = 10_000_000.0;

/// A day that can't be read from its files.
#[derive(Debug, Error)]
pub enum DayFileError {
    /// The file can't be read at all.
    #[error("reading the day file {file}: {source}; --day takes a folder with orders.txt, couriers.txt, restaurants.txt and instance_parameters.txt", file = file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its content is not a day.
    #[error("{file}, line {line}, column {column}: {what}", file = file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The character at which the field begins, counted from 1.
        column: usize,
        /// What is wrong, and what was expected.
        what: String,
    },
}

/// One file.
pub(crate) struct Table {
    file: PathBuf,
    text: String,
}

/// One line of it.
pub(crate) struct Row<'a> {
    table: &'a Table,
    line: usize,
    text: &'a str,
}

/// One field of a line.
pub(crate) struct Field<'a> {
    pub text: &'a str,
    column: usize,
}

impl Table {
    pub(crate) fn read(dir: &Path, name: &str, columns: &[&str]) -> Result<Self, DayFileError> {
        let file = dir.join(name);
        let bytes =
            std::fs::read(&file).map_err(|source| DayFileError::Read { file: file.clone(), source })?;
        // Spreadsheets put a byte order mark before it.
        let text = gwanje_reading::text(&bytes, None).text.into_owned();
        let table = Self { file, text };
        table.check_header(columns)?;
        Ok(table)
    }

    fn check_header(&self, columns: &[&str]) -> Result<(), DayFileError> {
        let header = self.text.lines().next().unwrap_or_default();
        let row = Row { table: self, line: 1, text: header };
        let mut fields = row.split();
        for name in columns {
            let Some(field) = fields.next() else {
                let what = format!("the column {name:?} is missing in the header");
                return Err(self.wrong(1, header.chars().count() + 1, what));
            };
            if !field.text.trim().starts_with(name) {
                return Err(
                    row.wrong(&field, format!("expected the column {name:?}, found {:?}", field.text))
                );
            }
        }
        Ok(())
    }

    /// The lines after the header; empty ones at the end don't count.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row<'_>, DayFileError>> {
        self.text.trim_end().lines().enumerate().skip(1).map(|(nth, text)| {
            if text.trim().is_empty() {
                return Err(self.wrong(nth + 1, 1, "an empty line amid the others".to_owned()));
            }
            Ok(Row { table: self, line: nth + 1, text })
        })
    }

    pub(crate) fn wrong(&self, line: usize, column: usize, what: String) -> DayFileError {
        DayFileError::Malformed { file: self.file.clone(), line, column, what }
    }
}

impl<'a> Row<'a> {
    fn split(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let mut column = 1;
        self.text.split('\t').map(move |text| {
            let field = Field { text, column };
            column += text.chars().count() + 1;
            field
        })
    }

    pub(crate) fn fields<const N: usize>(&self) -> Result<[Field<'a>; N], DayFileError> {
        let fields: Vec<_> = self.split().collect();
        let found = fields.len();
        let column = if found > N {
            fields.get(N).map_or(1, |field| field.column)
        } else {
            self.text.chars().count() + 1
        };
        fields.try_into().map_err(|_| {
            self.table.wrong(
                self.line,
                column,
                format!("expected {N} fields separated by tabs, found {found}"),
            )
        })
    }

    pub(crate) fn number(
        &self,
        field: &Field<'_>,
        unit: &str,
        low: f64,
        high: f64,
    ) -> Result<f64, DayFileError> {
        match field.text.trim().parse::<f64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(number),
            _ => {
                Err(self
                    .wrong(field, format!("expected {unit} from {low} to {high}, found {:?}", field.text)))
            }
        }
    }

    pub(crate) fn minute(&self, field: &Field<'_>) -> Result<i64, DayFileError> {
        match field.text.trim().parse::<i64>() {
            Ok(minute) if (0..=LONGEST_MIN).contains(&minute) => Ok(minute),
            _ => Err(self.wrong(
                field,
                format!("expected a whole minute of the day from 0 to {LONGEST_MIN}, found {:?}", field.text),
            )),
        }
    }

    pub(crate) fn place(&self, x: &Field<'_>, y: &Field<'_>) -> Result<Pos, DayFileError> {
        let metres = |field| self.number(field, "metres", -FARTHEST_M, FARTHEST_M);
        Ok(Pos::Plane { x: metres(x)?, y: metres(y)? })
    }

    pub(crate) fn wrong(&self, field: &Field<'_>, what: String) -> DayFileError {
        self.table.wrong(self.line, field.column, what)
    }
}
