//! One open view: what its page holds, and the smallest change that turns it into what it should hold.

use crate::centers::Centers;
use crate::found::Findings;
use crate::groups::At;
use crate::hold::Held;
use crate::list::List;
use crate::outline::Collapsed;
use crate::patch::{Counters, GroupHead, HeldCounts, Patch, Place};
use crate::record::Record;
use crate::row::Row;
use crate::rows::Rows;
use crate::spec::{ViewId, ViewSpec};
use crate::standing::{GroupId, Spot};
use crate::terms::Terms;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most patches on their way to a page at once. The page applies one while the other waits, so that neither side
/// idles. Whatever happens meanwhile goes into the next patch together.
const MAX_UNACKNOWLEDGED: u64 = 2;

/// An open view.
#[derive(Debug)]
pub(crate) struct View {
    id: ViewId,
    /// The list; the view shows a part of it.
    pub(crate) list: u64,
    collapsed: Collapsed,
    first: u64,
    len: u64,
    held: Option<Held>,
    /// The page has not asked for the hold (yet).
    unasked: bool,
    sent: u64,
    acknowledged: u64,
    /// `None`: the next patch is a reset.
    page: Option<Page>,
    /// Rows of the page that may differ from what it holds; never more than the page has rows.
    touched: FxHashSet<u64>,
    /// The versions of list and centers that the page has seen; `None`: looks in any case.
    seen: Option<(u64, u64)>,
}

/// What the page holds after the latest patch.
#[derive(Debug, Default)]
struct Page {
    order: Vec<At>,
    rows: FxHashMap<u64, Row>,
    heads: FxHashMap<GroupId, GroupHead>,
    left: Vec<u64>,
    frame: Frame,
    counters: Counters,
    found: Findings,
}

/// What every patch tells.
#[derive(Debug, Default, Clone, PartialEq)]
struct Frame {
    total: u64,
    matching: u64,
    first: u64,
    held: Option<HeldCounts>,
    as_of: BTreeMap<String, u64>,
}

/// What the view shows a part of.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) list: &'a mut List,
    pub(crate) centers: &'a Centers,
    pub(crate) terms: &'a Terms,
}

impl View {
    /// A view whose first patch is a reset.
    pub(crate) fn new(id: ViewId, spec: &ViewSpec, list_id: u64, list: &mut List) -> Self {
        let collapsed = collapsed(spec);
        list.show(id, &collapsed);
        Self {
            id,
            list: list_id,
            first: spec.first,
            len: spec.len.min(ViewSpec::MAX_LEN),
            held: spec.hold.then(|| Held::new(list, id, Arc::clone(&collapsed))),
            unasked: false,
            collapsed,
            sent: 0,
            acknowledged: 0,
            page: None,
            touched: FxHashSet::default(),
            seen: None,
        }
    }

    /// Shows another part, or another list. Places stay held only while the list and the collapsed groups stay the
    /// same.
    pub(crate) fn change(&mut self, spec: &ViewSpec, list_id: u64, list: &mut List) {
        let collapsed = collapsed(spec);
        let is_another = list_id != self.list || collapsed != self.collapsed;
        if is_another {
            self.collapsed = collapsed;
        }
        list.show(self.id, &self.collapsed);
        self.unasked = false;
        if !spec.hold {
            self.held = None;
        } else if self.held.is_none() || is_another {
            self.held = Some(Held::new(list, self.id, Arc::clone(&self.collapsed)));
        }
        self.list = list_id;
        self.first = spec.first;
        self.len = spec.len.min(ViewSpec::MAX_LEN);
        self.seen = None;
    }

    /// Holds the places of a list that has any. An empty one that were held would hide what comes first.
    pub(crate) fn hold(&mut self, list: &mut List) {
        if self.held.is_none() && list.matching() > 0 {
            self.held = Some(Held::new(list, self.id, Arc::clone(&self.collapsed)));
            self.unasked = true;
            self.seen = None;
        }
    }

    /// Ends a hold that the page has not asked for.
    pub(crate) fn release_unasked(&mut self) {
        if std::mem::take(&mut self.unasked) {
            self.held = None;
            self.seen = None;
        }
    }

    /// The places, while they are held.
    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Whether a row that has left the board was in the list when the view was held.
    pub(crate) fn keeps_gone(&self, id: u64) -> bool {
        self.held.as_ref().is_some_and(|held| held.has_left(id))
    }

    /// A row, or its mark, changed.
    pub(crate) fn touch(&mut self, id: u64) {
        if self.page.as_ref().is_some_and(|page| page.rows.contains_key(&id)) {
            self.touched.insert(id);
        }
    }

    /// Any row of the page may look different.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.page.iter().flat_map(|page| page.rows.keys()));
    }

    /// Notes that a row stands differently in the view's list.
    pub(crate) fn note(&mut self, id: u64, before: Option<&Spot>, after: Option<&Spot>) {
        if let Some(held) = &mut self.held {
            held.note(id, before, after);
        }
    }

    /// Lets rows of the pinned group come in at the head of a held list.
    pub(crate) fn admit_act(&mut self, list: &mut List) {
        if let Some(held) = &mut self.held {
            held.admit(&list.act_rows());
            self.seen = None;
        }
    }

    /// The place of a row.
    pub(crate) fn place_of(
        &self,
        id: u64,
        list: &List,
        record: Option<&Record>,
        terms: &Terms,
    ) -> Option<usize> {
        match &self.held {
            Some(held) => held.places().iter().position(|at| *at == At::Row(id)),
            None => list.place_of(self.id, id, record?, terms),
        }
    }

    /// The place of a group's head.
    pub(crate) fn head_place(&self, key: &str, list: &List) -> Option<usize> {
        let is_it = |at: &At| match at {
            At::Head(group) => group.key() == key,
            At::Row(_) => false,
        };
        match &self.held {
            Some(held) => held.places().iter().position(is_it),
            None => list.head_place(self.id, key),
        }
    }

    /// What stands at a place.
    pub(crate) fn at(&self, place: usize, list: &List) -> Option<At> {
        match &self.held {
            Some(held) => held.places().get(place).cloned(),
            None => list.at(self.id, place),
        }
    }

    /// The page has shown everything up to `seq`.
    pub(crate) fn acknowledge(&mut self, seq: u64) {
        self.acknowledged = self.acknowledged.max(seq.min(self.sent));
    }

    /// The page lost count. It will never acknowledge the patches it lost, so the view stops waiting for them.
    pub(crate) fn reset(&mut self) {
        self.release_unasked();
        self.page = None;
        self.touched.clear();
        self.seen = None;
        self.acknowledged = self.sent;
    }

    /// The next patch, if there is anything to tell and the page keeps up.
    pub(crate) fn poll(&mut self, scene: Scene<'_>) -> Option<Patch> {
        let now = (scene.list.version(), scene.centers.version());
        let nothing_new = self.seen == Some(now) && self.touched.is_empty();
        if nothing_new || self.sent - self.acknowledged >= MAX_UNACKNOWLEDGED {
            return None;
        }
        self.seen = Some(now);

        let (total, sight) = self.sight(scene.list);
        let frame = Frame {
            total,
            matching: scene.list.matching() as u64,
            first: total.saturating_sub(self.len).min(self.first),
            held: self.held.as_ref().map(Held::counts),
            as_of: scene.centers.as_of(&scene.list.query),
        };
        let heads = self.heads(&sight, scene.list);
        let left = self.left(&sight);
        let counters = scene.centers.counters(&scene.list.query);
        let found = scene.list.findings();
        let reset = self.page.is_none();
        let page = self.page.get_or_insert_default();

        let same_order = !reset && page.order == sight;
        let same_counters = !reset && page.counters == counters;
        let same_found = page.found == found;
        let same_rest = page.frame == frame && page.left == left;
        let rows = if same_order { Vec::new() } else { page.keep_only(&sight, scene.rows, scene.terms) };
        let groups = page.take_heads(heads);
        let mut cells = Vec::new();
        for id in self.touched.drain() {
            // No row: it has just left the page.
            if let Some(shown) = page.rows.get_mut(&id)
                && let Some(new) = scene.rows.shown(id, scene.terms)
            {
                shown.cells_to(&new, &mut cells);
                *shown = new;
            }
        }
        if same_order && same_counters && same_found && same_rest && cells.is_empty() && groups.is_empty() {
            return None;
        }

        let order = (!same_order).then(|| sight.iter().map(place).collect());
        let new_left = (page.left != left).then(|| left.clone());
        page.order = sight;
        page.left = left;
        page.frame.clone_from(&frame);
        page.counters.clone_from(&counters);
        page.found.clone_from(&found);
        self.sent += 1;
        let Frame { total, matching, first, held, as_of } = frame;
        Some(Patch {
            seq: self.sent,
            reset,
            as_of,
            total,
            matching,
            first,
            held,
            order,
            left: new_left,
            groups,
            rows,
            cells,
            counters: (!same_counters).then_some(counters),
            found: (!same_found).then_some(found),
        })
    }

    /// How many places there are, and what stands at those in sight. Past the end, the last places are in sight.
    fn sight(&self, list: &mut List) -> (u64, Vec<At>) {
        let total = self.held.as_ref().map_or_else(|| list.len(self.id), |held| held.places().len());
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        let first = usize::try_from(self.first).unwrap_or(usize::MAX).min(total.saturating_sub(len));
        let sight = match &self.held {
            Some(held) => held.places().iter().skip(first).take(len).cloned().collect(),
            None => list.places(self.id, first, len),
        };
        (total as u64, sight)
    }

    /// What the heads in sight say.
    fn heads(&self, sight: &[At], list: &mut List) -> Vec<(GroupId, GroupHead)> {
        let heads = sight.iter().filter_map(|at| match at {
            At::Row(_) => None,
            At::Head(group) => {
                let mut head = list.head(self.id, group).unwrap_or_else(|| {
                    let key = group.key().into_owned();
                    let collapsed = self.collapsed.contains(&key);
                    GroupHead { key, collapsed, ..GroupHead::default() }
                });
                // A group without rows keeps the name it had when it was held.
                if head.count == 0
                    && let Some(name) = self.held.as_ref().and_then(|held| held.name(group))
                {
                    head.value.clone_from(name);
                    head.collapsed = self.collapsed.contains(&head.key);
                }
                Some((group.clone(), head))
            }
        });
        heads.collect()
    }

    /// Rows in sight that only a hold keeps there.
    fn left(&self, sight: &[At]) -> Vec<u64> {
        let Some(held) = &self.held else { return Vec::new() };
        let rows = sight.iter().filter_map(|at| match at {
            At::Row(id) => Some(*id),
            At::Head(_) => None,
        });
        rows.filter(|&id| held.has_left(id)).collect()
    }
}

impl Page {
    /// Forgets rows that are not in sight and takes in new ones; returns the new ones.
    fn keep_only(&mut self, sight: &[At], rows: &Rows, terms: &Terms) -> Vec<Row> {
        let mut before = std::mem::take(&mut self.rows);
        let mut added = Vec::new();
        for at in sight {
            let At::Row(id) = at else { continue };
            let row = before.remove(id).or_else(|| {
                let row = rows.shown(*id, terms)?;
                added.push(row.clone());
                Some(row)
            });
            if let Some(row) = row {
                self.rows.insert(*id, row);
            }
        }
        added
    }

    /// Takes these heads in place of the old ones; returns those that are new or differ.
    fn take_heads(&mut self, heads: Vec<(GroupId, GroupHead)>) -> Vec<GroupHead> {
        let before = std::mem::take(&mut self.heads);
        let news = heads.iter().filter(|(group, head)| before.get(group) != Some(head));
        let news = news.map(|(_, head)| head.clone()).collect();
        self.heads = heads.into_iter().collect();
        news
    }
}

fn collapsed(spec: &ViewSpec) -> Collapsed {
    Arc::new(spec.collapsed.iter().cloned().collect())
}

/// A place as a page is told it.
pub(crate) fn place(at: &At) -> Place {
    match at {
        At::Row(id) => Place::Row(*id),
        At::Head(group) => Place::Head { group: group.key().into_owned() },
    }
}
