//! One group of a list: its rows in order, and what its head says of them.

use crate::index::{Entry, OrderedIndex};
use crate::key::{Key, KeyWriter};
use crate::oldest::Oldest;
use crate::patch::GroupHead;
use crate::standing::{GroupId, Tally};
use gwanje_model::{Text, UtcMillis};
use std::cmp::Ordering;

/// Rows below one head.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    /// Its rows.
    pub(crate) index: OrderedIndex,
    /// How many rows the outline counts for it; 0: it has no place among the heads.
    pub(crate) listed: usize,
    /// Its name; decides its place among the groups.
    name: Text,
    order: Key,
    /// The names its rows give it, each with the number of rows. Nearly always one name.
    names: Vec<(Text, usize)>,
    /// Its rows under way, by the instant of receipt.
    open: Oldest,
    above: u64,
    outside: u64,
    late: u64,
    at_risk: u64,
    unconfirmed: u64,
    cancelled: u64,
}

impl Group {
    pub(crate) fn new(id: GroupId, writer: &mut KeyWriter) -> Self {
        let name = Text::from(id.key());
        let order = order(&id, &name, writer);
        Self {
            id,
            index: OrderedIndex::default(),
            listed: 0,
            name,
            order,
            names: Vec::new(),
            open: Oldest::default(),
            above: 0,
            outside: 0,
            late: 0,
            at_risk: 0,
            unconfirmed: 0,
            cancelled: 0,
        }
    }

    /// No row stands in it or above it.
    pub(crate) fn is_empty(&self) -> bool {
        self.index.len() == 0 && self.above == 0
    }

    /// Where it comes in the order, as far as one number can tell.
    pub(crate) fn rough_order(&self) -> u128 {
        self.order.wide()
    }

    /// Which of two groups comes first.
    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        self.order.cmp(&other.order).then_with(|| self.id.key().cmp(&other.id.key()))
    }

    /// Rows in the pinned group that come from outside the filter.
    pub(crate) fn outside(&self) -> u64 {
        self.outside
    }

    /// A row of this group now stands in the pinned group above, or no longer does.
    pub(crate) fn count_above(&mut self, is_in: bool) {
        count(&mut self.above, true, is_in);
    }

    /// Counts a row that comes or goes. The caller changes the index.
    pub(crate) fn count(&mut self, id: u64, tally: &Tally, is_in: bool) {
        match (tally.open_since, is_in) {
            (None, _) => {}
            (Some(since), true) => self.open.insert(since, id),
            (Some(since), false) => self.open.remove(since, id),
        }
        self.tally(tally, is_in);
    }

    /// Takes the rows of a new list, already counted by [`Self::tally`].
    pub(crate) fn fill(&mut self, rows: Vec<Entry>, open: Vec<(UtcMillis, u64)>) {
        self.index = OrderedIndex::build(rows);
        self.open = Oldest::build(open);
    }

    /// Counts everything about a row but its instant of receipt.
    pub(crate) fn tally(&mut self, tally: &Tally, is_in: bool) {
        let Tally {
            name,
            above: _,
            is_outside,
            is_late,
            is_at_risk,
            is_unconfirmed,
            is_cancelled,
            open_since: _,
        } = tally;
        count(&mut self.outside, *is_outside, is_in);
        count(&mut self.late, *is_late, is_in);
        count(&mut self.at_risk, *is_at_risk, is_in);
        count(&mut self.unconfirmed, *is_unconfirmed, is_in);
        count(&mut self.cancelled, *is_cancelled, is_in);
        match (self.names.iter().position(|(held, _)| held == name), is_in) {
            (Some(at), true) => self.names.iter_mut().skip(at).take(1).for_each(|(_, rows)| *rows += 1),
            (None, true) => self.names.push((name.clone(), 1)),
            (Some(at), false) => {
                self.names.iter_mut().skip(at).take(1).for_each(|(_, rows)| *rows -= 1);
                self.names.retain(|(_, rows)| *rows > 0);
            }
            (None, false) => {}
        }
    }

    /// The name that most of its rows give it, the lesser of two equals; `None`: it already has that name.
    pub(crate) fn new_name(&self) -> Option<Text> {
        let (name, _) = match self.names.as_slice() {
            [only] => only,
            names => names.iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))?,
        };
        (*name != self.name).then(|| name.clone())
    }

    /// Gives it a new name. It must have no place among the heads meanwhile.
    pub(crate) fn rename(&mut self, name: Text, writer: &mut KeyWriter) {
        self.order = order(&self.id, &name, writer);
        self.name = name;
    }

    /// What its head says.
    pub(crate) fn head(&mut self, is_collapsed: bool) -> GroupHead {
        GroupHead {
            key: self.id.key().into_owned(),
            value: self.name.to_string(),
            count: self.index.len() as u64,
            above: self.above,
            outside: self.outside,
            late: self.late,
            at_risk: self.at_risk,
            unconfirmed: self.unconfirmed,
            cancelled: self.cancelled,
            oldest_at: self.open.least().map(|at| at.0),
            collapsed: is_collapsed,
        }
    }
}

fn order(id: &GroupId, name: &str, writer: &mut KeyWriter) -> Key {
    writer.begin();
    writer.raw(id.rank());
    match id {
        GroupId::Status(status) => writer.byte(*status as u8, false),
        GroupId::Rider(_) | GroupId::Shop(_) | GroupId::Center(_) => writer.text(name, false),
        GroupId::Act | GroupId::NoRider | GroupId::Rest | GroupId::Unreadable => {}
    }
    writer.key()
}

fn count(total: &mut u64, counts: bool, is_in: bool) {
    if counts {
        *total = if is_in { total.saturating_add(1) } else { total.saturating_sub(1) };
    }
}
