//! A seat's window: its board, one view, and a page that knows only what patches told it.

use gwanje_board::{
    Board, Cell, Filter, Patch, Place, RowMark, SortKey, SortOrder, ViewError, ViewId, ViewSpec,
};
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, UtcMillis};
use gwanje_sync::{RowChange, Unsettled};
use gwanje_wire::WireRow;
use gwanje_wire::socket::Cursor;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Compares the page with a fresh query once in this many patches: a comparison costs a board.
const COMPARE_EVERY: u32 = 12;

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct Window {
    board: Board,
    view: ViewId,
    spec: ViewSpec,
    page: Page,
    /// What the seat's core told it to show.
    pub(crate) shown: BTreeMap<CenterId, BTreeMap<DeliveryId, WireRow>>,
    marks: BTreeMap<DeliveryId, RowMark>,
    as_of: BTreeMap<CenterId, Rev>,
    day_at: UtcMillis,
    patches: u32,
    /// Until when the page acknowledges nothing.
    pub(crate) lags_until: u64,
    lagged: bool,
    /// A patch came only after a lagging page had acknowledged; the world takes note of this.
    pub(crate) held_back: bool,
    pub(crate) dirty: bool,
}

impl Window {
    pub(crate) fn new() -> Self {
        let mut board = Board::default();
        let spec = spec(0, 0, false);
        let view = board.open(spec.clone());
        Self {
            board,
            view,
            spec,
            page: Page::default(),
            shown: BTreeMap::new(),
            marks: BTreeMap::new(),
            as_of: BTreeMap::new(),
            day_at: UtcMillis(0),
            patches: 0,
            lags_until: 0,
            lagged: false,
            held_back: false,
            dirty: true,
        }
    }

    /// Takes what the core says has changed, and hands it to the board as the engine does.
    pub(crate) fn change(&mut self, center: &CenterId, changes: &[RowChange], cursor: Option<&Cursor>) {
        self.dirty = true;
        if let Some(cursor) = cursor {
            self.board.set_as_of(center, cursor.rev);
            self.as_of.insert(center.clone(), cursor.rev);
        }
        let cleared = changes.iter().rposition(|change| matches!(change, RowChange::Clear));
        let changes = changes.get(cleared.map_or(0, |at| at + 1)..).unwrap_or_default();
        if cleared.is_some() {
            let rows = changes.iter().filter_map(|change| match change {
                RowChange::Upsert(WireRow::Row(row)) => Some(Arc::clone(row)),
                RowChange::Upsert(WireRow::Unreadable { .. })
                | RowChange::Remove(..)
                | RowChange::Clear
                | RowChange::Mark(..) => None,
            });
            self.board.replace_center(center, rows.collect());
            self.shown.remove(center);
        }
        let shown = self.shown.entry(center.clone()).or_default();
        for change in changes {
            match change {
                RowChange::Upsert(row) => {
                    put(&mut self.board, center, row);
                    shown.insert(row.id(), row.clone());
                }
                RowChange::Remove(id, _) => {
                    self.board.remove(*id);
                    shown.remove(id);
                }
                RowChange::Mark(id, mark) => {
                    let mark = mark.map(|unsettled| match unsettled {
                        Unsettled::Pending => RowMark::Pending,
                        Unsettled::Unknown => RowMark::Unknown,
                    });
                    self.board.set_mark(*id, mark);
                    match mark {
                        Some(mark) => self.marks.insert(*id, mark),
                        None => self.marks.remove(id),
                    };
                }
                RowChange::Clear => {}
            }
        }
    }

    /// Takes a center out of view.
    pub(crate) fn drop_center(&mut self, center: &CenterId) {
        self.board.remove_center(center);
        self.shown.remove(center);
        self.as_of.remove(center);
        self.dirty = true;
    }

    pub(crate) fn advance(&mut self, day_at: UtcMillis) {
        self.day_at = day_at;
        self.board.advance(day_at);
        self.dirty = true;
    }

    /// The person looks at something else.
    pub(crate) fn look(&mut self, first: u64, pick: u64, hold: bool) -> Result<(), ViewError> {
        self.spec = spec(first, pick, hold);
        self.dirty = true;
        self.board.change(self.view, self.spec.clone())
    }

    /// Loads the page anew. True: it had something to show.
    pub(crate) fn reload(&mut self) -> Result<bool, ViewError> {
        let showed = !self.page.rows.is_empty();
        self.page = Page { seq: self.page.seq, lost: true, ..Page::default() };
        self.dirty = true;
        self.board.reset(self.view)?;
        Ok(showed)
    }

    /// One frame of the page: takes what is new, acknowledges unless it lags, and now and then compares itself with a
    /// fresh query. Returns what is wrong.
    pub(crate) fn frame(&mut self, now_ms: u64, compare: bool) -> Result<Option<String>, ViewError> {
        self.dirty = false;
        while let Some(patch) = self.board.poll_patch(self.view)? {
            self.patches += 1;
            if let Err(why) = self.page.apply(patch) {
                return Ok(Some(why));
            }
            if self.lags_until <= now_ms {
                self.board.ack(self.view, self.page.seq)?;
            }
        }
        if self.lags_until > now_ms {
            self.lagged = true;
            return Ok(None);
        }
        self.board.ack(self.view, self.page.seq)?;
        let lagged = std::mem::take(&mut self.lagged);
        if let Some(patch) = self.board.poll_patch(self.view)? {
            self.held_back |= lagged;
            if let Err(why) = self.page.apply(patch) {
                return Ok(Some(why));
            }
            self.board.ack(self.view, self.page.seq)?;
        }
        if !self.spec.hold && (compare || self.patches >= COMPARE_EVERY) {
            self.patches = 0;
            return self.compare();
        }
        Ok(None)
    }

    /// Compares what the page holds with a fresh query of the same view.
    fn compare(&self) -> Result<Option<String>, ViewError> {
        let mut fresh = Board::default();
        for (center, rows) in &self.shown {
            rows.values().for_each(|row| put(&mut fresh, center, row));
        }
        self.as_of.iter().for_each(|(center, rev)| fresh.set_as_of(center, *rev));
        self.marks.iter().for_each(|(id, mark)| fresh.set_mark(*id, Some(*mark)));
        fresh.advance(self.day_at);
        let view = fresh.open(self.spec.clone());
        let mut page = Page::default();
        if let Some(patch) = fresh.poll_patch(view)?
            && let Err(why) = page.apply(patch)
        {
            return Ok(Some(why));
        }
        let (seen, expected) = (self.page.seen(), page.seen());
        Ok((seen != expected).then(|| format!("the page shows {seen}, a fresh query gives {expected}")))
    }
}

fn put(board: &mut Board, center: &CenterId, row: &WireRow) {
    match row {
        WireRow::Row(row) => board.upsert(Arc::<Delivery>::clone(row)),
        WireRow::Unreadable { id, rev } => board.upsert_unreadable(center, *id, *rev),
    }
}

/// Some of the orders and filters that people use.
fn spec(first: u64, pick: u64, hold: bool) -> ViewSpec {
    let keys = [SortKey::Number, SortKey::Elapsed, SortKey::Status, SortKey::Target, SortKey::Rider];
    let key = keys.get(usize::try_from(pick % 5).unwrap_or(0)).copied().unwrap_or(SortKey::Number);
    let statuses = match pick / 5 % 3 {
        0 => Vec::new(),
        1 => vec!["waiting".to_owned(), "assigned".to_owned()],
        _ => vec!["received".to_owned()],
    };
    ViewSpec {
        filter: Filter { statuses, ..Filter::default() },
        sort: vec![SortOrder { key, descending: pick.is_multiple_of(2) }],
        first: first % 30,
        len: 12,
        hold,
        ..ViewSpec::default()
    }
}

/// What a page holds.
#[derive(Debug, Default)]
struct Page {
    seq: u64,
    lost: bool,
    order: Vec<Place>,
    rows: BTreeMap<u64, Value>,
    rest: Value,
    counters: Value,
}

impl Page {
    fn apply(&mut self, patch: Patch) -> Result<(), String> {
        if patch.seq != self.seq + 1 {
            return Err(format!("patch {} came after {}", patch.seq, self.seq));
        }
        if patch.reset != (self.seq == 0 || self.lost) {
            return Err(format!("patch {}: reset is {}", patch.seq, patch.reset));
        }
        self.seq = patch.seq;
        if patch.reset {
            *self = Self { seq: self.seq, ..Self::default() };
        }
        if let Some(order) = patch.order {
            self.rows.retain(|&id, _| order.contains(&Place::Row(id)));
            self.order = order;
        }
        for row in patch.rows {
            let id = row.id;
            if self.rows.insert(id, serde_json::to_value(row).unwrap_or_default()).is_some() {
                return Err(format!("row {id} came although the page holds it"));
            }
        }
        for Cell(id, column, value) in patch.cells {
            match self.rows.get_mut(&id).and_then(|row| row.get_mut(&column)) {
                Some(cell) => *cell = value,
                None => return Err(format!("a cell {column} of row {id}, which the page does not hold")),
            }
        }
        if let Some(counters) = patch.counters {
            self.counters = serde_json::to_value(counters).unwrap_or_default();
        }
        self.rest = json!({
            "total": patch.total, "matching": patch.matching, "first": patch.first, "held": patch.held,
            "asOf": patch.as_of,
        });
        Ok(())
    }

    fn seen(&self) -> Value {
        let shown = |place: &Place| match place {
            Place::Row(id) => self.rows.get(id).cloned().unwrap_or_default(),
            Place::Head { group } => json!(group),
        };
        let rows: Vec<_> = self.order.iter().map(shown).collect();
        json!({ "rest": self.rest, "rows": rows, "counters": self.counters })
    }
}
