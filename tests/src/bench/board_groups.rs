//! P6 with everything on: what a view below group heads costs, in the core.

use super::board_rows::{CHANGES, drain, screen, timed_upsert};
use super::report::Measured;
use super::sample::{CENTER, DAY_START, delivery, scramble};
use super::{in_turn, median, timed};
use gwanje_board::{Board, GroupBy, Pinned, SortKey, ViewId, ViewSpec};
use gwanje_model::{CenterId, Delivery};
use std::collections::BTreeMap;
use std::sync::Arc;

const ROWS: u64 = 100_000;
/// Five deliveries each.
const SHOPS: u64 = 20_000;

/// P6 below 20,000 group heads: 100,000 rows, *Act now* pinned, places held.
#[must_use]
pub fn grouped_view_change() -> Measured {
    let mut board = Board::default();
    let rows = (1..=ROWS).map(|id| Arc::new(of_many_shops(id, id))).collect();
    board.replace_center(&CenterId::from(CENTER), rows);
    board.advance(DAY_START.plus_min(300));
    let plain = screen(SortKey::Target);
    let grouped = ViewSpec { group: Some(GroupBy::Shop), pinned: Some(Pinned::Act), ..plain.clone() };
    let held = ViewSpec { hold: true, ..grouped.clone() };
    let view = board.open(plain.clone());
    drain(&mut board, view);

    let names: Vec<_> = (1..=ROWS).map(|id| of_many_shops(id, id)).collect();
    let full_sort = || {
        let mut keys: Vec<_> = names.iter().map(|row| (row.shop.name.clone(), row.id)).collect();
        timed(|| keys.sort()).1.as_secs_f64()
    };
    let group = || {
        change(&mut board, view, &plain);
        change(&mut board, view, &grouped)
    };
    let (ours, peer) = in_turn(group, full_sort);
    let one = median((0..CHANGES).map(|n| one_change(&mut board, view, n)).collect());
    let hold = change(&mut board, view, &held);
    let one_held = median((CHANGES..2 * CHANGES).map(|n| one_change(&mut board, view, n)).collect());
    let ratio = ours / peer;
    Measured {
        row: "P6g",
        what: "a view of 100,000 rows grouped anew by 20,000 shops with Act now pinned, against a full sort of a Vec of its keys",
        goal: "≤ 1 × a full sort; one change ≤ 5 µs",
        ours: ours * 1e3,
        peers: BTreeMap::from([
            ("full sort", peer * 1e3),
            ("hold", hold * 1e3),
            ("one change", one * 1e3),
            ("one change, held", one_held * 1e3),
        ]),
        unit: "ms",
        ratio,
        met: ratio <= 1.0 && one.max(one_held) <= 5e-6,
    }
}

fn of_many_shops(id: u64, rev: u64) -> Delivery {
    let mut row = delivery(id, rev);
    let shop = scramble(id) % SHOPS;
    row.shop.id = format!("shop-{shop}").as_str().into();
    row.shop.name = format!("{} {shop}", row.shop.name).into();
    row
}

/// Seconds until the view shows what it is asked for.
fn change(board: &mut Board, view: ViewId, spec: &ViewSpec) -> f64 {
    timed(|| {
        let _ = board.change(view, spec.clone());
        drain(board, view)
    })
    .1
    .as_secs_f64()
}

fn one_change(board: &mut Board, view: ViewId, n: u64) -> f64 {
    timed_upsert(board, view, of_many_shops(1 + scramble(n) % ROWS, ROWS + n + 1))
}
