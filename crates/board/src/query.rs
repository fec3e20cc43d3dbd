//! Which rows a view has, and in which order: the part of a spec that views share when it is equal.

use crate::index::Entry;
use crate::key::{Key, KeyWriter};
use crate::record::{CenterNumber, Facts, Record, is_noted};
use crate::search::Texts;
use crate::spec::{Filter, GroupBy, Pinned, SortKey, SortOrder, ViewSpec};
use crate::standing::{GroupId, Spot, Standing, Tally};
use crate::terms::Terms;
use crate::turns::Turns;
use gwanje_model::search::Search;
use gwanje_model::{CenterId, Delivery, Status, Text, UtcMillis};
use std::sync::Arc;

/// What makes two views show the same list. Its form does not depend on the order in which the spec gave things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListSpec {
    centers: Vec<CenterId>,
    filter: Filter,
    group: Option<GroupBy>,
    pinned: Option<Pinned>,
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
        Self {
            centers,
            filter,
            group: spec.group,
            pinned: spec.pinned,
            sort,
            search: Search::parse(&spec.search),
        }
    }
}

/// A list that can be asked about rows.
///
/// Functions take a row as `&Arc<Delivery>`. Given a plain reference, the optimiser may read the row before the check
/// that decides whether the row is needed: one cache miss for each row of the board.
#[derive(Debug)]
pub(crate) struct Query {
    spec: ListSpec,
    /// Centers of the list; empty: all.
    centers: Vec<CenterNumber>,
    /// `None`: all. Names of statuses that this version does not know find nothing.
    statuses: Option<Vec<Status>>,
}

impl Query {
    /// `number` gives the number of a center.
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

    /// Whether its rows stand below group heads.
    pub(crate) fn has_heads(&self) -> bool {
        self.spec.group.is_some() || self.spec.pinned.is_some()
    }

    /// Whether rows come and go, or heads change, as time passes.
    pub(crate) fn follows_time(&self) -> bool {
        self.spec.filter.late || self.has_heads()
    }

    /// Whether rows come and go by acknowledgements.
    pub(crate) fn follows_acknowledgements(&self) -> bool {
        self.spec.pinned.is_some()
    }

    /// Whether the name of a center decides where its rows are.
    pub(crate) fn follows_center_names(&self) -> bool {
        self.spec.group == Some(GroupBy::Center)
            || self.spec.sort.iter().any(|order| order.key == SortKey::Center)
    }

    /// Whether the list leaves out rows of its centers.
    pub(crate) fn is_narrow(&self) -> bool {
        self.spec.filter != Filter::default() || !self.spec.search.is_all()
    }

    /// Whether the list has rows of this center.
    pub(crate) fn covers(&self, center: &CenterId) -> bool {
        self.spec.centers.is_empty() || self.spec.centers.contains(center)
    }

    /// The row's entry in a list without heads, if the list has the row.
    pub(crate) fn entry(
        &self,
        writer: &mut KeyWriter,
        id: u64,
        record: &Record,
        terms: &Terms,
    ) -> Option<Entry> {
        let has = match record {
            // Nobody knows what it says: only a list without conditions has it.
            Record::Unreadable { center, .. } => self.covers_number(*center) && !self.is_narrow(),
            Record::Read { row, texts, facts } => {
                self.covers_number(facts.center)
                    && self.matches(row, facts, terms.day_at)
                    && self.concerns(row, texts)
            }
        };
        has.then(|| Entry { key: self.key(writer, record, terms), id })
    }

    /// Where the row stands in the list, if the list has the row.
    pub(crate) fn standing(
        &self,
        writer: &mut KeyWriter,
        id: u64,
        record: &Record,
        terms: &Terms,
    ) -> Option<Standing> {
        if !self.has_heads() {
            let Entry { key, id: _ } = self.entry(writer, id, record, terms)?;
            return Some(Standing { spot: Spot { group: GroupId::Rest, key }, tally: None });
        }
        let Record::Read { row, texts, facts } = record else {
            let Entry { key, id: _ } = self.entry(writer, id, record, terms)?;
            let group = GroupId::Unreadable;
            let tally = Tally::of_unreadable(Text::from(group.key()));
            return Some(Standing { spot: Spot { group, key }, tally: Some(tally) });
        };
        if !self.covers_number(facts.center) {
            return None;
        }
        let matches = self.matches(row, facts, terms.day_at);
        if !matches && self.spec.pinned.is_none() {
            return None;
        }
        // Delivered rows, most rows of a day, have no turns: this saves fetching them.
        let turns = if facts.status == Status::Delivered { Turns::default() } else { terms.turns(record) };
        let is_act = self.spec.pinned.is_some() && terms.is_act_now(row, turns);
        if !(matches || is_act) || !self.concerns(row, texts) {
            return None;
        }
        let home = self.group_of(row, facts);
        let (group, above) = if is_act { (GroupId::Act, matches.then_some(home)) } else { (home, None) };
        let tally = Tally {
            name: name_of(&group, row, facts, terms),
            is_outside: !matches,
            is_late: turns.is_late(terms.day_at),
            is_at_risk: turns.is_at_risk(terms.day_at),
            is_unconfirmed: facts.unconfirmed,
            is_cancelled: facts.status == Status::Cancelled,
            open_since: (!facts.status.is_final()).then_some(facts.received_at),
            above,
        };
        Some(Standing { spot: Spot { group, key: self.key(writer, record, terms) }, tally: Some(tally) })
    }

    fn covers_number(&self, center: CenterNumber) -> bool {
        self.centers.is_empty() || self.centers.contains(&center)
    }

    /// The part of the filter that *Act now* does not obey.
    fn matches(&self, row: &Arc<Delivery>, facts: &Facts, day_at: UtcMillis) -> bool {
        let Filter { statuses: _, late, unconfirmed, noted, rider: _, shop: _ } = &self.spec.filter;
        self.statuses.as_ref().is_none_or(|statuses| statuses.contains(&facts.status))
            && (!late || facts.due_at().is_some_and(|late_at| late_at <= day_at))
            && (!unconfirmed || facts.unconfirmed)
            && (!noted || is_noted(row))
    }

    /// The part of the filter that *Act now* obeys, beside the centers.
    fn concerns(&self, row: &Arc<Delivery>, texts: &Texts) -> bool {
        let search = &self.spec.search;
        let Filter { statuses: _, late: _, unconfirmed: _, noted: _, rider, shop } = &self.spec.filter;
        rider.as_ref().is_none_or(|id| row.rider.as_ref().is_some_and(|r| r.id.as_str() == id))
            && shop.as_ref().is_none_or(|id| row.shop.id.as_str() == id)
            && (search.is_all() || search.matches(texts.haystack(row)))
    }

    /// The group of a row, when the row is not pinned.
    fn group_of(&self, row: &Delivery, facts: &Facts) -> GroupId {
        match self.spec.group {
            None => GroupId::Rest,
            Some(GroupBy::Status) => GroupId::Status(facts.status),
            Some(GroupBy::Rider) => {
                row.rider.as_ref().map_or(GroupId::NoRider, |rider| GroupId::Rider(rider.id.clone()))
            }
            Some(GroupBy::Shop) => GroupId::Shop(row.shop.id.clone()),
            Some(GroupBy::Center) => GroupId::Center(row.center.clone()),
        }
    }

    // Inlined: a list that is made anew asks this of every row.
    #[inline]
    fn key(&self, writer: &mut KeyWriter, record: &Record, terms: &Terms) -> Key {
        /// Rows that can't be read have no values: they come last, whatever the columns.
        const READ: u8 = 0;
        const UNREADABLE: u8 = 1;
        writer.begin();
        let Record::Read { row, facts, .. } = record else {
            writer.raw(UNREADABLE);
            return writer.key();
        };
        writer.raw(READ);
        for &SortOrder { key, descending } in &self.spec.sort {
            write_column(writer, row, facts, terms, key, descending);
        }
        writer.key()
    }
}

/// What a group is called, as far as this one row tells.
fn name_of(group: &GroupId, row: &Delivery, facts: &Facts, terms: &Terms) -> Text {
    match group {
        GroupId::Rider(_) => row.rider.as_ref().map_or_else(Text::default, |rider| rider.name.clone()),
        GroupId::Shop(_) => row.shop.name.clone(),
        GroupId::Center(_) => terms.center_name(facts.center, row).clone(),
        GroupId::Act | GroupId::Status(_) | GroupId::NoRider | GroupId::Rest | GroupId::Unreadable => {
            Text::from(group.key())
        }
    }
}

#[inline]
fn write_column(
    writer: &mut KeyWriter,
    row: &Arc<Delivery>,
    facts: &Facts,
    terms: &Terms,
    column: SortKey,
    down: bool,
) {
    match column {
        SortKey::Number => match facts.number {
            0 => writer.natural(&row.number, down),
            word => writer.word(word, down),
        },
        SortKey::Status => writer.byte(facts.status as u8, down),
        SortKey::Elapsed => write_elapsed(writer, row, facts, down),
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
        SortKey::Center => {
            writer.text(terms.center_name(facts.center, row), down);
            writer.text(row.center.as_str(), down);
        }
    }
}

/// First rows under way by the instant of receipt, then ended rows by how long they took, then rows that ended nobody
/// knows when; the longest first.
fn write_elapsed(writer: &mut KeyWriter, row: &Arc<Delivery>, facts: &Facts, down: bool) {
    const UNDER_WAY: u8 = 0;
    const ENDED: u8 = 1;
    const UNKNOWN: u8 = 2;
    if !facts.status.is_final() {
        writer.raw(UNDER_WAY);
        writer.instant(facts.received_at.0, down);
    } else if let Some(at) = row.ended_at() {
        writer.raw(ENDED);
        writer.instant(at.since(facts.received_at), !down);
    } else {
        writer.raw(UNKNOWN);
    }
}

/// Comes before a value that may be missing. The direction does not invert it: missing values come last either way.
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
