//! Which rows a view has, and in which order: the part of a spec that views with an equal one share.

use crate::index::Entry;
use crate::key::{Key, KeyWriter};
use crate::record::{CenterNumber, Facts, Record, is_noted};
use crate::spec::{Filter, GroupBy, SortKey, SortOrder, ViewSpec};
use gwanje_model::search::Search;
use gwanje_model::{CenterId, Delivery, Status, UtcMillis};
use std::sync::Arc;

/// What makes two views the same list, in one form whatever the order in which it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListSpec {
    centers: Vec<CenterId>,
    filter: Filter,
    group: Option<GroupBy>,
    sort: Vec<SortOrder>,
    search: Search,
}

impl From<&ViewSpec> for ListSpec {
    fn from(spec: &ViewSpec) -> Self {
        let mut centers: Vec<_> = spec.centers.iter().map(|center| CenterId::from(center.as_str())).collect();
        centers.sort_unstable();
        centers.dedup();
        let mut filter = spec.filter.clone();
        filter.statuses.sort_unstable();
        filter.statuses.dedup();
        let mut sort = spec.sort.clone();
        if sort.is_empty() {
            sort.push(SortOrder { key: SortKey::Number, descending: true });
        }
        Self { centers, filter, group: spec.group, sort, search: Search::parse(&spec.search) }
    }
}

/// A list that can be asked about rows.
#[derive(Debug)]
pub(crate) struct Query {
    spec: ListSpec,
    /// Empty: all.
    centers: Vec<CenterNumber>,
    /// `None`: all. Names of no status that this version knows find nothing.
    statuses: Option<Vec<Status>>,
}

impl Query {
    /// `number` tells the numbers of centers.
    pub(crate) fn new(spec: ListSpec, number: impl FnMut(&CenterId) -> CenterNumber) -> Self {
        let names = &spec.filter.statuses;
        let statuses = names.iter().filter_map(|name| Status::parse(name)).collect();
        Self {
            centers: spec.centers.iter().map(number).collect(),
            statuses: (!names.is_empty()).then_some(statuses),
            spec,
        }
    }

    pub(crate) fn spec(&self) -> &ListSpec {
        &self.spec
    }

    pub(crate) fn search(&self) -> &Search {
        &self.spec.search
    }

    /// Whether rows come and go by time alone.
    pub(crate) fn follows_time(&self) -> bool {
        self.spec.filter.late
    }

    /// Whether it leaves out rows of its centers.
    pub(crate) fn is_narrow(&self) -> bool {
        self.spec.filter != Filter::default() || !self.spec.search.is_all()
    }

    /// The row's entry, if the list has it at operations time `day_at`.
    pub(crate) fn entry(
        &self,
        writer: &mut KeyWriter,
        id: u64,
        record: &Record,
        day_at: UtcMillis,
    ) -> Option<Entry> {
        self.has(record, day_at).then(|| Entry { key: self.key(writer, record), id })
    }

    /// Whether the list has rows of this center.
    pub(crate) fn covers(&self, center: &CenterId) -> bool {
        self.spec.centers.is_empty() || self.spec.centers.contains(center)
    }

    fn has(&self, record: &Record, day_at: UtcMillis) -> bool {
        if !self.centers.is_empty() && !self.centers.contains(&record.center_number()) {
            return false;
        }
        let Filter { statuses: _, late, unconfirmed, noted, rider, shop } = &self.spec.filter;
        let search = &self.spec.search;
        match record {
            // Nobody knows what it says: only a list that asks for nothing in particular has it.
            Record::Unreadable { .. } => !self.is_narrow(),
            Record::Read { row, texts, facts } => {
                self.statuses.as_ref().is_none_or(|statuses| statuses.contains(&facts.status))
                    && (!late || facts.due_at().is_some_and(|late_at| late_at <= day_at))
                    && (!unconfirmed || facts.unconfirmed)
                    && (!noted || is_noted(row))
                    && rider.as_ref().is_none_or(|id| row.rider.as_ref().is_some_and(|r| r.id.as_str() == id))
                    && shop.as_ref().is_none_or(|id| row.shop.id.as_str() == id)
                    && (search.is_all() || search.matches(texts.haystack(row)))
            }
        }
    }

    fn key(&self, writer: &mut KeyWriter, record: &Record) -> Key {
        /// Rows that can't be read have no values: they come last, whatever the columns.
        const READ: u8 = 0;
        const UNREADABLE: u8 = 1;
        writer.begin();
        let Record::Read { row, facts, .. } = record else {
            writer.raw(UNREADABLE);
            return writer.key();
        };
        writer.raw(READ);
        match self.spec.group {
            None => {}
            Some(GroupBy::Status) => write_column(writer, row, facts, SortKey::Status, false),
            // With the id: two riders, or shops, of one name are two groups.
            Some(GroupBy::Rider) => {
                write_column(writer, row, facts, SortKey::Rider, false);
                writer.text(row.rider.as_ref().map_or("", |rider| rider.id.as_str()), false);
            }
            Some(GroupBy::Shop) => {
                write_column(writer, row, facts, SortKey::Shop, false);
                writer.text(row.shop.id.as_str(), false);
            }
        }
        for &SortOrder { key, descending } in &self.spec.sort {
            write_column(writer, row, facts, key, descending);
        }
        writer.key()
    }
}

fn write_column(writer: &mut KeyWriter, row: &Arc<Delivery>, facts: &Facts, column: SortKey, down: bool) {
    match column {
        SortKey::Number => match facts.number {
            0 => writer.natural(&row.number, down),
            word => writer.word(word, down),
        },
        SortKey::Status => writer.byte(facts.status as u8, down),
        SortKey::Elapsed => writer.instant(facts.received_at.0, down),
        SortKey::Target => write_instant(writer, facts.due_at(), down),
        SortKey::Rider => match &row.rider {
            None => writer.raw(MISSING),
            Some(rider) => {
                writer.raw(PRESENT);
                writer.text(&rider.name, down);
            }
        },
        SortKey::Shop => writer.text(&row.shop.name, down),
        SortKey::Address => {
            writer.text(&row.dropoff.address, down);
            writer.text(&row.dropoff.detail, down);
        }
        SortKey::Distance => writer.number(row.distance_m, down),
        SortKey::WaitingAt => write_instant(writer, row.waiting_at, down),
        SortKey::AssignedAt => write_instant(writer, row.assigned_at, down),
        SortKey::PickedUpAt => write_instant(writer, row.picked_up_at, down),
        SortKey::DeliveredAt => write_instant(writer, row.delivered_at, down),
    }
}

/// Before a value that may be missing. Not turned by the direction: what is missing comes last either way.
const PRESENT: u8 = 0;
const MISSING: u8 = 1;

fn write_instant(writer: &mut KeyWriter, at: Option<UtcMillis>, down: bool) {
    match at {
        None => writer.raw(MISSING),
        Some(at) => {
            writer.raw(PRESENT);
            writer.instant(at.0, down);
        }
    }
}
