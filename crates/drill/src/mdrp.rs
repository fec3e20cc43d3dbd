//! A real day of orders: a public Meal Delivery Routing Problem instance (four tab-separated files with a header line).
//!
//! Times are whole minutes from the start of the day, places are metres on a plane. The files hold no names, meals or
//! addresses: those are invented here.

use crate::day::{Day, Order, Pace, Shift, at_clock, order_prefix};
use crate::dice::Dice;
use crate::district::district;
use crate::korean;
use crate::synthetic::{number, rider_id};
use gwanje_model::{Pos, Text, UtcMillis};
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Which instance, and whose day it becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct MdrpSpec {
    /// The folder of the four files.
    pub dir: PathBuf,
    /// Which center: see [`district`]; its places are those of the files.
    pub center_index: usize,
    /// The seed of what is made up.
    pub seed: u64,
    /// The calendar date; minute 0 is 10:00 on it.
    pub date: Date,
}

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

/// The hour of minute 0.
const MINUTE_ZERO_HOUR: i64 = 10;

/// A day and the night after it, in minutes: times beyond it are a mistake.
const LONGEST_MIN: i64 = 2 * 24 * 60;

/// Metres from the origin beyond which a place is a mistake.
const FARTHEST_M: f64 = 10_000_000.0;

impl Day {
    /// Reads an instance.
    ///
    /// # Errors
    /// When a file can't be read, or holds something else; the error names file, line and column.
    pub fn from_mdrp(spec: &MdrpSpec) -> Result<Self, DayFileError> {
        let district = district(spec.center_index);
        let opens_at = at_clock(spec.date, MINUTE_ZERO_HOUR, 0);
        let dice = |what: u64, nth: usize| Dice::of(&[spec.seed, spec.center_index as u64, what, nth as u64]);
        let pace = pace(&spec.dir)?;

        let mut shops = Vec::new();
        let mut shop_ids: FxHashMap<String, usize> = FxHashMap::default();
        let file = Table::read(&spec.dir, "restaurants.txt", &["restaurant", "x", "y"])?;
        for row in file.rows() {
            let row = row?;
            let [id, x, y] = row.fields()?;
            let nth = shops.len();
            if shop_ids.insert(id.text.to_owned(), nth).is_some() {
                return Err(row.wrong(&id, format!("the restaurant {:?} is listed twice", id.text)));
            }
            shops.push(korean::shop(&mut dice(1, nth), &district, nth, row.place(&x, &y)?));
        }

        let mut orders = Vec::new();
        let mut order_ids: FxHashMap<String, ()> = FxHashMap::default();
        let columns = ["order", "x", "y", "placement_time", "restaurant", "ready_time"];
        let file = Table::read(&spec.dir, "orders.txt", &columns)?;
        for row in file.rows() {
            let row = row?;
            let [id, x, y, placed, restaurant, ready] = row.fields()?;
            if order_ids.insert(id.text.to_owned(), ()).is_some() {
                return Err(row.wrong(&id, format!("the order {:?} is listed twice", id.text)));
            }
            let pos = row.place(&x, &y)?;
            let Some(&shop) = shop_ids.get(restaurant.text) else {
                let what = format!("no restaurant {:?} in restaurants.txt", restaurant.text);
                return Err(row.wrong(&restaurant, what));
            };
            let (placed_min, ready_min) = (row.minute(&placed)?, row.minute(&ready)?);
            if ready_min < placed_min {
                let what = format!("ready at minute {ready_min}, before it is placed at minute {placed_min}");
                return Err(row.wrong(&ready, what));
            }
            let mut dice = dice(2, orders.len());
            let (items, price_won) = korean::meal(&mut dice, shop);
            let from = shops.get(shop).and_then(|shop| shop.pos).unwrap_or(pos);
            let ride_min = pace.travel_min(from, pos).unwrap_or_default();
            let after_pickup_min = ride_min + pace.dropoff_service_min.ceil() as i64;
            let target = pace.target_click_to_door_min;
            orders.push(Order {
                order_no: Text::default(),
                placed_at: opens_at.plus_min(placed_min),
                shop,
                dropoff: korean::door(&mut dice, &district, pos),
                ready_at: opens_at.plus_min(ready_min),
                distance_m: from.distance_m(pos).unwrap_or_default().round() as u32,
                pickup_target_min: target
                    .saturating_sub(u32::try_from(after_pickup_min).unwrap_or(target))
                    .max(5),
                delivery_target_min: target,
                items,
                price_won,
                request: korean::request(&mut dice),
            });
        }
        // A stable sort: orders of one minute stay in the order of the file.
        orders.sort_by_key(|order| order.placed_at);
        let order_prefix = order_prefix(spec.seed, spec.center_index, spec.date);
        number(&mut orders, &order_prefix);

        let riders = riders(spec, opens_at)?;
        Ok(Self {
            center: district.id,
            name: district.name,
            pos: middle(shops.iter().filter_map(|shop| shop.pos)),
            time_zone: Text::from("Asia/Seoul"),
            date: spec.date,
            order_prefix,
            pace,
            shops,
            riders,
            orders,
        })
    }
}

fn riders(spec: &MdrpSpec, opens_at: UtcMillis) -> Result<Vec<Shift>, DayFileError> {
    let center = district(spec.center_index).id;
    let mut riders = Vec::new();
    let mut ids: FxHashMap<String, ()> = FxHashMap::default();
    let file = Table::read(&spec.dir, "couriers.txt", &["courier", "x", "y", "on_time", "off_time"])?;
    for row in file.rows() {
        let row = row?;
        let [id, x, y, on, off] = row.fields()?;
        if ids.insert(id.text.to_owned(), ()).is_some() {
            return Err(row.wrong(&id, format!("the courier {:?} is listed twice", id.text)));
        }
        let pos = row.place(&x, &y)?;
        let (on_min, off_min) = (row.minute(&on)?, row.minute(&off)?);
        if off_min < on_min {
            return Err(row.wrong(&off, format!("off at minute {off_min}, before on at minute {on_min}")));
        }
        let nth = riders.len();
        let mut dice = Dice::of(&[spec.seed, spec.center_index as u64, 3, nth as u64]);
        riders.push(Shift {
            id: rider_id(&center, nth),
            name: korean::person(&mut dice),
            phone: korean::mobile(&mut dice),
            pos,
            on_at: opens_at.plus_min(on_min),
            off_at: opens_at.plus_min(off_min),
        });
    }
    Ok(riders)
}

fn pace(dir: &Path) -> Result<Pace, DayFileError> {
    let columns = [
        "meters_per_minute",
        "pickup service minutes",
        "dropoff service minutes",
        "target click-to-door",
        "maximum click-to-door",
        "pay per order",
        "guaranteed pay per hour",
    ];
    let file = Table::read(dir, "instance_parameters.txt", &columns)?;
    let Some(row) = file.rows().next() else {
        return Err(file.wrong(2, 1, "a line with the parameters is missing".to_owned()));
    };
    let row = row?;
    let [speed, pickup, dropoff, target, longest, _, _] = row.fields()?;
    let metres_per_minute = row.number(&speed, "metres per minute", 1.0, 100_000.0)?;
    let pickup_service_min = row.number(&pickup, "minutes", 0.0, 600.0)?;
    let dropoff_service_min = row.number(&dropoff, "minutes", 0.0, 600.0)?;
    let target_min = row.number(&target, "minutes", 1.0, 1_440.0)?;
    let longest_min = row.number(&longest, "minutes", target_min, 1_440.0)?;
    Ok(Pace {
        metres_per_minute,
        pickup_service_min,
        dropoff_service_min,
        target_click_to_door_min: target_min.round() as u32,
        max_click_to_door_min: longest_min.round() as u32,
    })
}

fn middle(places: impl Iterator<Item = Pos>) -> Pos {
    let (mut sum_x, mut sum_y, mut count) = (0.0, 0.0, 0.0);
    for place in places {
        if let Pos::Plane { x, y } = place {
            sum_x += x;
            sum_y += y;
            count += 1.0;
        }
    }
    let count = f64::max(count, 1.0);
    Pos::Plane { x: (sum_x / count).round(), y: (sum_y / count).round() }
}

/// One file.
struct Table {
    file: PathBuf,
    text: String,
}

/// One line of it.
struct Row<'a> {
    table: &'a Table,
    line: usize,
    text: &'a str,
}

/// One field of a line.
struct Field<'a> {
    text: &'a str,
    column: usize,
}

impl Table {
    fn read(dir: &Path, name: &str, columns: &[&str]) -> Result<Self, DayFileError> {
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
    fn rows(&self) -> impl Iterator<Item = Result<Row<'_>, DayFileError>> {
        self.text.trim_end().lines().enumerate().skip(1).map(|(nth, text)| {
            if text.trim().is_empty() {
                return Err(self.wrong(nth + 1, 1, "an empty line amid the others".to_owned()));
            }
            Ok(Row { table: self, line: nth + 1, text })
        })
    }

    fn wrong(&self, line: usize, column: usize, what: String) -> DayFileError {
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

    fn fields<const N: usize>(&self) -> Result<[Field<'a>; N], DayFileError> {
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

    fn number(&self, field: &Field<'_>, unit: &str, low: f64, high: f64) -> Result<f64, DayFileError> {
        match field.text.trim().parse::<f64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(number),
            _ => {
                Err(self
                    .wrong(field, format!("expected {unit} from {low} to {high}, found {:?}", field.text)))
            }
        }
    }

    fn minute(&self, field: &Field<'_>) -> Result<i64, DayFileError> {
        match field.text.trim().parse::<i64>() {
            Ok(minute) if (0..=LONGEST_MIN).contains(&minute) => Ok(minute),
            _ => Err(self.wrong(
                field,
                format!("expected a whole minute of the day from 0 to {LONGEST_MIN}, found {:?}", field.text),
            )),
        }
    }

    fn place(&self, x: &Field<'_>, y: &Field<'_>) -> Result<Pos, DayFileError> {
        let metres = |field| self.number(field, "metres", -FARTHEST_M, FARTHEST_M);
        Ok(Pos::Plane { x: metres(x)?, y: metres(y)? })
    }

    fn wrong(&self, field: &Field<'_>, what: String) -> DayFileError {
        self.table.wrong(self.line, field.column, what)
    }
}
