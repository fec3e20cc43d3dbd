//! P5 and P6: what a view costs, in the core.

use super::report::Measured;
use super::sample::{CENTER, DAY_START, delivery, scramble};
use super::{in_turn, median, timed};
use gwanje_board::{Board, Filter, SortKey, SortOrder, ViewId, ViewSpec};
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A screen of compact rows.
const SCREEN: u64 = 40;
/// Changes that are measured one by one.
pub(super) const CHANGES: u64 = 2_000;

fn board(rows: u64) -> Board {
    let mut board = Board::default();
    board.replace_center(&CenterId::from(CENTER), (1..=rows).map(|id| Arc::new(delivery(id, id))).collect());
    board.advance(DAY_START.plus_min(600));
    board
}

pub(super) fn screen(sort: SortKey) -> ViewSpec {
    ViewSpec { sort: vec![SortOrder { key: sort, descending: true }], len: SCREEN, ..ViewSpec::default() }
}

/// Takes and acknowledges patches until the view is still; bytes and patches.
pub(super) fn drain(board: &mut Board, view: ViewId) -> (u64, u64) {
    let (mut bytes, mut patches) = (0, 0);
    while let Ok(Some(patch)) = board.poll_patch(view) {
        bytes += serde_json::to_vec(&patch).map_or(0, |json| json.len() as u64);
        patches += 1;
        // The view was just polled, so it is open.
        let _ = board.ack(view, patch.seq);
    }
    (bytes, patches)
}

/// P5: bytes to the page per change, for boards of three sizes; the changes fall on the rows in sight, so that each shows.
#[must_use]
pub fn bytes_per_change() -> Measured {
    let figures: Vec<f64> = [1_000, 10_000, 100_000].map(bytes_per_change_of).to_vec();
    let [small, middle, large] = figures.try_into().unwrap_or_default();
    let ratio = large / small;
    Measured {
        row: "P5",
        what: "bytes to the page per change in sight, 100,000 rows against 1,000",
        goal: "≤ 1.2 × of 1,000 rows",
        ours: large,
        peers: BTreeMap::from([("1,000 rows", small), ("10,000 rows", middle)]),
        unit: "bytes",
        ratio,
        met: ratio <= 1.2,
    }
}

fn bytes_per_change_of(rows: u64) -> f64 {
    let mut board = board(rows);
    let view = board.open(screen(SortKey::Number));
    drain(&mut board, view);
    let mut bytes = 0;
    for n in 0..CHANGES {
        let id = rows - scramble(n) % SCREEN;
        board.upsert(Arc::new(delivery(id, rows + n + 1)));
        board.set_as_of(&CenterId::from(CENTER), Rev(rows + n + 1));
        bytes += drain(&mut board, view).0;
    }
    bytes as f64 / CHANGES as f64
}

/// P6: a view's change of sort at 100,000 rows against sorting a Vec of the same keys; and one incremental change.
#[must_use]
pub fn view_change() -> Measured {
    const ROWS: u64 = 100_000;
    let mut board = board(ROWS);
    let view = board.open(screen(SortKey::Number));
    drain(&mut board, view);
    // A filter that no other view has, so that each change builds an index anew.
    let mut turn = 0;
    let mut change = |board: &mut Board| {
        turn += 1;
        let sort = if turn % 2 == 0 { SortKey::Shop } else { SortKey::Address };
        let spec = ViewSpec { filter: Filter::default(), ..screen(sort) };
        timed(|| {
            let _ = board.change(view, spec);
            drain(board, view)
        })
        .1
        .as_secs_f64()
    };
    let rows: Vec<_> = (1..=ROWS).map(|id| delivery(id, id)).collect();
    let full_sort = || {
        let mut keys: Vec<_> = rows.iter().map(|row| (row.shop.name.clone(), row.id)).collect();
        timed(|| keys.sort()).1.as_secs_f64()
    };
    let (ours, peer) = in_turn(|| change(&mut board), full_sort);
    let one = median((0..CHANGES).map(|n| one_change(&mut board, view, ROWS, n)).collect());
    let ratio = ours / peer;
    Measured {
        row: "P6",
        what: "new sort of a view of 100,000 rows, against a full sort of a Vec of its keys",
        goal: "≤ 1 × a full sort; one change ≤ 5 µs",
        ours: ours * 1e3,
        peers: BTreeMap::from([("full sort", peer * 1e3), ("one change", one * 1e3)]),
        unit: "ms",
        ratio,
        met: ratio <= 1.0 && one <= 5e-6,
    }
}

fn one_change(board: &mut Board, view: ViewId, rows: u64, n: u64) -> f64 {
    timed_upsert(board, view, delivery(1 + scramble(n) % rows, rows + n + 1))
}

/// Seconds that one changed row takes.
pub(super) fn timed_upsert(board: &mut Board, view: ViewId, row: Delivery) -> f64 {
    let row = Arc::new(row);
    let id: DeliveryId = row.id;
    let took = timed(|| board.upsert(row)).1.as_secs_f64();
    // Keeps the row (and with it the work) from being optimised away, and the view from piling up.
    assert!(board.get(id).is_some());
    drain(board, view);
    took
}
