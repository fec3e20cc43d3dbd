//! What the board knows of each center beside its rows: the revision they are at, and their counts.

use crate::counters::{CenterCounts, sum};
use crate::patch::Counters;
use crate::query::Query;
use crate::record::CenterNumber;
use gwanje_model::{CenterId, Rev};
use std::collections::BTreeMap;

/// Centers by id, in the order in which they are shown.
#[derive(Debug, Default)]
pub(crate) struct Centers {
    known: BTreeMap<CenterId, Center>,
    /// Every center ever met; its place is its number.
    met: Vec<CenterId>,
    /// Grows with every change here: only then does a view need to look.
    version: u64,
}

#[derive(Debug, Default)]
struct Center {
    as_of: Option<Rev>,
    counts: CenterCounts,
}

impl Centers {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The number of a center, known here or not. Searches the few dozen centers one by one.
    pub(crate) fn number(&mut self, center: &CenterId) -> CenterNumber {
        let place = self.met.iter().position(|met| met == center).unwrap_or_else(|| {
            self.met.push(center.clone());
            self.met.len() - 1
        });
        CenterNumber(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The counts of a center, to be changed.
    pub(crate) fn counts_mut(&mut self, center: &CenterId) -> &mut CenterCounts {
        self.version += 1;
        &mut self.center_mut(center).counts
    }

    pub(crate) fn set_as_of(&mut self, center: &CenterId, rev: Rev) {
        let center = self.center_mut(center);
        if center.as_of != Some(rev) {
            center.as_of = Some(rev);
            self.version += 1;
        }
    }

    pub(crate) fn remove(&mut self, center: &CenterId) {
        if self.known.remove(center).is_some() {
            self.version += 1;
        }
    }

    /// The revision that the rows are at, for each center of the query.
    pub(crate) fn as_of(&self, query: &Query) -> BTreeMap<String, u64> {
        let seen = self.known.iter().filter(|(id, _)| query.covers(id));
        seen.filter_map(|(id, center)| Some((id.to_string(), center.as_of?.0))).collect()
    }

    /// The sum of the counters over the query's centers.
    pub(crate) fn counters(&self, query: &Query) -> Counters {
        sum(self.known.iter().filter(|(id, _)| query.covers(id)).map(|(_, center)| &center.counts))
    }

    fn center_mut(&mut self, center: &CenterId) -> &mut Center {
        self.known.entry(center.clone()).or_default()
    }
}
