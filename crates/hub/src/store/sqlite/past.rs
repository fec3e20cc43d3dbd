//! Past boards, from history, and past and present deliveries, by page.

use super::read::json;
use crate::store::{Found, PAST_PAGE, PastSearch};
use gwanje_model::{CenterId, Delivery};
use rusqlite::{Connection, params};

/// The latest event of each delivery until then; an archived one has left the board.
pub(super) const BOARD_AT: &str = "SELECT h.body FROM history h JOIN (SELECT delivery, max(rev) AS rev FROM history \
         WHERE center = ?1 AND at <= ?2 GROUP BY delivery) latest USING (delivery, rev) \
         WHERE h.body IS NOT NULL ORDER BY delivery";

pub(super) fn find(db: &Connection, center: &CenterId, search: &PastSearch) -> rusqlite::Result<Found> {
    let q = search.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    let statuses = search.statuses().collect::<Vec<_>>().join(",");
    let mut rows: Vec<Delivery> = db
        .prepare_cached(
            "SELECT body FROM ( \
               SELECT id, center, status, rider, received_at, body FROM delivery \
               UNION ALL SELECT id, center, status, rider, received_at, body FROM archive) \
             WHERE center = ?1 AND id < ?2 AND received_at >= ?3 AND received_at < ?4 \
             AND (?5 = '' OR instr(',' || ?5 || ',', ',' || status || ',')) AND (?6 IS NULL OR rider = ?6) \
             AND (?7 IS NULL OR finds(?7, body)) \
             ORDER BY id DESC LIMIT ?8",
        )?
        .query_map(
            params![
                center.as_str(),
                search.cursor.map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX)),
                search.from.map_or(i64::MIN, |at| at.0),
                search.to.map_or(i64::MAX, |at| at.0),
                statuses,
                search.rider,
                q,
                i64::try_from(PAST_PAGE + 1).unwrap_or(i64::MAX),
            ],
            |row| json(row, 0),
        )?
        .collect::<Result<_, _>>()?;
    let more = rows.len() > PAST_PAGE;
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|row| row.id);
    Ok(Found { rows, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::tests::open;

    #[tokio::test]
    async fn a_past_board_is_found_from_an_index_without_reading_every_body() {
        let store = open();
        let plan = store.read("explaining", |db| {
            let steps = db
                .prepare(&format!("EXPLAIN QUERY PLAN {BOARD_AT}"))?
                .query_map(params!["gangnam", 0], |row| row.get::<_, String>(3))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(steps.join("; "))
        });
        let plan = plan.await.unwrap();
        assert!(plan.contains("COVERING INDEX history_by_center (center=?)"), "{plan}");
    }
}
