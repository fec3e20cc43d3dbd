//! A list: the rows of one query in order, shared by all views that ask for it.

use crate::found::{self, Findings};
use crate::groups::{At, Groups};
use crate::index::{Entry, OrderedIndex};
use crate::key::KeyWriter;
use crate::outline::Collapsed;
use crate::patch::GroupHead;
use crate::query::Query;
use crate::record::Record;
use crate::rows::Rows;
use crate::spec::ViewId;
use crate::standing::{GroupId, Standing};
use crate::terms::Terms;
use std::collections::BTreeSet;

/// The rows of a query in order.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) query: Query,
    order: Order,
    /// Grows with every change of the order: so a view notices that places may have changed.
    version: u64,
    views: BTreeSet<ViewId>,
    writer: KeyWriter,
    found: found::Tally,
}

#[derive(Debug)]
enum Order {
    /// Rows alone.
    Plain(OrderedIndex),
    /// Rows below group heads.
    Grouped(Box<Groups>),
}

impl List {
    pub(crate) fn new(query: Query) -> Self {
        let order = if query.has_heads() {
            Order::Grouped(Box::default())
        } else {
            Order::Plain(OrderedIndex::default())
        };
        Self {
            query,
            order,
            version: 0,
            views: BTreeSet::new(),
            writer: KeyWriter::default(),
            found: found::Tally::default(),
        }
    }

    /// Builds the list anew from all rows.
    pub(crate) fn fill(&mut self, rows: &Rows, terms: &Terms) {
        let Self { query, writer, order, found, .. } = self;
        found.clear();
        match order {
            Order::Plain(index) => {
                let mut entries = Vec::with_capacity(if query.is_narrow() { 0 } else { rows.len() });
                entries.extend(rows.iter().filter_map(|(id, record)| {
                    let entry = query.entry(writer, id, record, terms)?;
                    found.count(query.search(), id, None, Some(record));
                    Some(entry)
                }));
                *index = OrderedIndex::build(entries);
            }
            Order::Grouped(groups) => {
                let mut keys = KeyWriter::default();
                let standing = |(id, record)| {
                    let standing = query.standing(&mut keys, id, record, terms)?;
                    found.count(query.search(), id, None, Some(record));
                    Some((id, standing))
                };
                groups.fill(rows.iter().filter_map(standing), writer);
            }
        }
        self.version += 1;
    }

    /// Counts a row of the list for the search, as it was and as it is now; `None`: not in the list.
    pub(crate) fn recount(&mut self, id: u64, before: Option<&Record>, after: Option<&Record>) {
        if self.found.count(self.query.search(), id, before, after) {
            self.version += 1;
        }
    }

    /// What the search has found.
    pub(crate) fn findings(&self) -> Findings {
        self.found.findings(self.query.search())
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Shows the list to a view that has collapsed these groups.
    pub(crate) fn show(&mut self, view: ViewId, collapsed: &Collapsed) {
        self.views.insert(view);
        if let Order::Grouped(groups) = &mut self.order {
            groups.show(view, collapsed);
        }
    }

    /// A view no longer shows this list; true: no view is left.
    pub(crate) fn hide(&mut self, view: ViewId) -> bool {
        self.views.remove(&view);
        if let Order::Grouped(groups) = &mut self.order {
            groups.hide(view);
        }
        self.views.is_empty()
    }

    /// How many rows match.
    pub(crate) fn matching(&self) -> usize {
        match &self.order {
            Order::Plain(index) => index.len(),
            Order::Grouped(groups) => groups.matching(),
        }
    }

    /// How many places a view has.
    pub(crate) fn len(&self, view: ViewId) -> usize {
        match &self.order {
            Order::Plain(index) => index.len(),
            Order::Grouped(groups) => groups.len(view),
        }
    }

    /// What stands in a part of the order.
    pub(crate) fn places(&mut self, view: ViewId, first: usize, len: usize) -> Vec<At> {
        match &mut self.order {
            Order::Plain(index) => index.ids(first, len).into_iter().map(At::Row).collect(),
            Order::Grouped(groups) => groups.places(view, first, len),
        }
    }

    /// What stands at a place.
    pub(crate) fn at(&self, view: ViewId, place: usize) -> Option<At> {
        match &self.order {
            Order::Plain(index) => index.id_at(place).map(At::Row),
            Order::Grouped(groups) => groups.at(view, place),
        }
    }

    /// Where the row is; `None`: not in the list, or in a group that the view has collapsed.
    pub(crate) fn place_of(&self, view: ViewId, id: u64, record: &Record, terms: &Terms) -> Option<usize> {
        let writer = &mut KeyWriter::default();
        match &self.order {
            Order::Plain(index) => index.rank(&self.query.entry(writer, id, record, terms)?),
            Order::Grouped(groups) => {
                groups.place_of(view, id, &self.query.standing(writer, id, record, terms)?)
            }
        }
    }

    /// The key of the group in which the row stands; `None`: not in the list, or the list has no groups.
    pub(crate) fn group_of(&self, id: u64, record: &Record, terms: &Terms) -> Option<String> {
        match &self.order {
            Order::Plain(_) => None,
            Order::Grouped(_) => {
                let standing = self.query.standing(&mut KeyWriter::default(), id, record, terms)?;
                Some(standing.spot.group.key().into_owned())
            }
        }
    }

    /// Where the head of a group is.
    pub(crate) fn head_place(&self, view: ViewId, key: &str) -> Option<usize> {
        match &self.order {
            Order::Plain(_) => None,
            Order::Grouped(groups) => groups.head_place(view, &groups.by_key(key)?),
        }
    }

    /// What the head of a group says; `None`: no row stands in the group or above it.
    pub(crate) fn head(&mut self, view: ViewId, group: &GroupId) -> Option<GroupHead> {
        match &mut self.order {
            Order::Plain(_) => None,
            Order::Grouped(groups) => groups.head(view, group),
        }
    }

    /// The rows of the pinned group in their order.
    pub(crate) fn act_rows(&mut self) -> Vec<u64> {
        match &mut self.order {
            Order::Plain(_) => Vec::new(),
            Order::Grouped(groups) => groups.rows_of(&GroupId::Act),
        }
    }

    /// How the row stands, or would stand, in the list.
    pub(crate) fn standing(&mut self, id: u64, record: &Record, terms: &Terms) -> Option<Standing> {
        self.query.standing(&mut self.writer, id, record, terms)
    }

    /// Moves a row from one standing to another; `None`: the row is not in the list.
    pub(crate) fn change(&mut self, id: u64, before: Option<Standing>, after: Option<Standing>) {
        match &mut self.order {
            Order::Plain(index) => {
                if let Some(Standing { spot, tally: _ }) = before {
                    index.remove(&Entry { key: spot.key, id });
                }
                if let Some(Standing { spot, tally: _ }) = after {
                    index.insert(Entry { key: spot.key, id });
                }
            }
            Order::Grouped(groups) => groups.change(id, before, after, &mut self.writer),
        }
        self.version += 1;
    }
}
