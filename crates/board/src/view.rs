//! One open view: what its page holds, and the least that turns it into what it should hold.

use crate::centers::Centers;
use crate::found::Findings;
use crate::hold::Held;
use crate::index::Entry;
use crate::list::List;
use crate::patch::{Counters, Patch};
use crate::row::Row;
use crate::rows::Rows;
use crate::spec::ViewSpec;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// Patches on their way to a page at once. Two: one that it applies, one that waits, so that neither side idles;
/// whatever happens meanwhile goes into the next together.
const MAX_UNACKNOWLEDGED: u64 = 2;

/// An open view.
#[derive(Debug)]
pub(crate) struct View {
    /// The list that it shows a part of.
    pub(crate) list: u64,
    first: u64,
    len: u64,
    held: Option<Held>,
    sent: u64,
    acknowledged: u64,
    /// `None`: the next patch is a reset.
    page: Option<Page>,
    /// Rows of the page that may differ from what it holds. Never more than it has rows.
    touched: FxHashSet<u64>,
    /// Versions of list and centers that the page has seen; `None`: look in any case.
    seen: Option<(u64, u64)>,
}

/// What the page holds after the latest patch.
#[derive(Debug, Default)]
struct Page {
    order: Vec<u64>,
    rows: FxHashMap<u64, Row>,
    total: u64,
    first: u64,
    moved: u64,
    as_of: BTreeMap<String, u64>,
    counters: Counters,
    found: Findings,
}

/// What a view shows a part of.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) list: &'a mut List,
    pub(crate) centers: &'a Centers,
}

impl View {
    /// A view whose first patch is a reset.
    pub(crate) fn new(spec: &ViewSpec, list_id: u64, list: &mut List) -> Self {
        Self {
            list: list_id,
            first: spec.first,
            len: spec.len.min(ViewSpec::MAX_LEN),
            held: spec.hold.then(|| Held::new(list)),
            sent: 0,
            acknowledged: 0,
            page: None,
            touched: FxHashSet::default(),
            seen: None,
        }
    }

    /// Shows another part, or another list. Places stay held only while both lists are the same.
    pub(crate) fn change(&mut self, spec: &ViewSpec, list_id: u64, list: &mut List) {
        if !spec.hold {
            self.held = None;
        } else if self.held.is_none() || list_id != self.list {
            self.held = Some(Held::new(list));
        }
        self.list = list_id;
        self.first = spec.first;
        self.len = spec.len.min(ViewSpec::MAX_LEN);
        self.seen = None;
    }

    /// The places, while they are held.
    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// A row, or its mark, changed.
    pub(crate) fn touch(&mut self, id: u64) {
        if self.page.as_ref().is_some_and(|page| page.rows.contains_key(&id)) {
            self.touched.insert(id);
        }
    }

    /// A row's entry in the view's list changed.
    pub(crate) fn note(&mut self, id: u64, before: Option<&Entry>, after: Option<&Entry>) {
        if let Some(held) = &mut self.held {
            held.note(id, before, after);
        }
    }

    /// The page has shown everything up to `seq`.
    pub(crate) fn acknowledge(&mut self, seq: u64) {
        self.acknowledged = self.acknowledged.max(seq.min(self.sent));
    }

    /// The page lost count. Acknowledgements of what it lost never come, so none are waited for.
    pub(crate) fn reset(&mut self) {
        self.page = None;
        self.touched.clear();
        self.seen = None;
        self.acknowledged = self.sent;
    }

    /// The next patch, if there is anything to say and the page keeps up.
    pub(crate) fn poll(&mut self, scene: Scene<'_>) -> Option<Patch> {
        let now = (scene.list.version(), scene.centers.version());
        let nothing_new = self.seen == Some(now) && self.touched.is_empty();
        if nothing_new || self.sent - self.acknowledged >= MAX_UNACKNOWLEDGED {
            return None;
        }
        self.seen = Some(now);

        let (total, ids) = self.sight(scene.list);
        let moved = self.held.as_ref().map_or(0, Held::moved);
        let as_of = scene.centers.as_of(&scene.list.query);
        let counters = scene.centers.counters(&scene.list.query);
        let found = scene.list.findings();
        let reset = self.page.is_none();
        let page = self.page.get_or_insert_default();

        let first = total.saturating_sub(self.len).min(self.first);
        let same_order = !reset && page.order == ids;
        let same_counters = !reset && page.counters == counters;
        let same_found = page.found == found;
        let same_frame =
            page.total == total && page.first == first && page.moved == moved && page.as_of == as_of;
        let rows = if same_order { Vec::new() } else { page.keep_only(&ids, scene.rows) };
        let mut cells = Vec::new();
        for id in self.touched.drain() {
            // Absent: it left the page just now.
            if let Some(shown) = page.rows.get_mut(&id)
                && let Some(new) = scene.rows.shown(id)
            {
                shown.cells_to(&new, &mut cells);
                *shown = new;
            }
        }
        if same_order && same_counters && same_found && same_frame && cells.is_empty() {
            return None;
        }

        page.total = total;
        page.first = first;
        page.moved = moved;
        page.as_of.clone_from(&as_of);
        let order = (!same_order).then(|| ids.clone());
        page.order = ids;
        page.counters.clone_from(&counters);
        page.found.clone_from(&found);
        self.sent += 1;
        Some(Patch {
            seq: self.sent,
            reset,
            as_of,
            total,
            first,
            moved,
            order,
            rows,
            cells,
            counters: (!same_counters).then_some(counters),
            found: (!same_found).then_some(found),
        })
    }

    /// How many rows there are, and the ids of those in sight. Past the end the last ones are in sight.
    fn sight(&self, list: &mut List) -> (u64, Vec<u64>) {
        let total = self.held.as_ref().map_or(list.len(), |held| held.ids().len());
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        let first = usize::try_from(self.first).unwrap_or(usize::MAX).min(total.saturating_sub(len));
        let ids = match &self.held {
            Some(held) => held.ids().iter().copied().skip(first).take(len).collect(),
            None => list.ids(first, len),
        };
        (total as u64, ids)
    }
}

impl Page {
    /// Forgets rows that are not among `ids` and takes in those that are new; gives the latter.
    fn keep_only(&mut self, ids: &[u64], rows: &Rows) -> Vec<Row> {
        let mut before = std::mem::take(&mut self.rows);
        let mut added = Vec::new();
        for &id in ids {
            let row = before.remove(&id).or_else(|| {
                let row = rows.shown(id)?;
                added.push(row.clone());
                Some(row)
            });
            if let Some(row) = row {
                self.rows.insert(id, row);
            }
        }
        added
    }
}
