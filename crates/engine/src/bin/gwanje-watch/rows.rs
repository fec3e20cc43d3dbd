//! Knows which rows the reader of the lines holds. So it can write a replacement as the lines that turn one board into
//! the other.

use crate::lines::{Line, Lines};
use gwanje_engine::model::{CenterId, DeliveryId, Rev};
use gwanje_engine::sync::RowChange;
use gwanje_engine::wire::socket::Cursor;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// The rows that were written and not taken back, by center.
#[derive(Debug, Default)]
pub struct WrittenRows {
    held: BTreeMap<CenterId, BTreeSet<DeliveryId>>,
}

impl WrittenRows {
    /// Writes changes. A row that a replacement lacks goes, with the revision of the replacement.
    ///
    /// # Errors
    /// When the other end is closed.
    pub fn write<W: Write>(
        &mut self,
        lines: &mut Lines<W>,
        center: &CenterId,
        changes: &[RowChange],
        cursor: Option<&Cursor>,
    ) -> io::Result<()> {
        let held = self.held.entry(center.clone()).or_default();
        // After a `Clear`: the rows held before that have not come again yet.
        let mut absent: Option<BTreeSet<DeliveryId>> = None;
        let name = center.as_str();
        for change in changes {
            match change {
                RowChange::Upsert(row) => {
                    held.insert(row.id());
                    if let Some(absent) = &mut absent {
                        absent.remove(&row.id());
                    }
                    lines.put(&Line::Row { center: name, row })?;
                }
                RowChange::Remove(id, rev) => {
                    if let Some(absent) = &mut absent {
                        absent.remove(id);
                    }
                    if held.remove(id) {
                        lines.put(&Line::Gone { center: name, id: *id, rev: *rev })?;
                    }
                }
                RowChange::Clear => absent = Some(held.clone()),
                RowChange::Mark(..) => {}
            }
        }
        let rev = cursor.map_or(Rev::ZERO, |cursor| cursor.rev);
        for id in absent.into_iter().flatten() {
            held.remove(&id);
            lines.put(&Line::Gone { center: name, id, rev })?;
        }
        lines.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_engine::model::Epoch;
    use gwanje_engine::wire::WireRow;

    fn row(id: u64, rev: u64) -> RowChange {
        RowChange::Upsert(WireRow::Unreadable { id: DeliveryId(id), rev: Rev(rev) })
    }

    fn written(steps: &[&[RowChange]], rev: u64) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out);
        let mut rows = WrittenRows::default();
        let cursor = Cursor { epoch: Epoch::from("E"), rev: Rev(rev) };
        for changes in steps {
            rows.write(&mut lines, &CenterId::from("gangnam"), changes, Some(&cursor)).unwrap();
        }
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_replacement_takes_back_what_it_lacks() {
        let lines = written(&[&[row(1, 1), row(2, 2)], &[RowChange::Clear, row(2, 5)]], 7);
        let expected = [
            r#"{"type":"row","center":"gangnam","row":{"id":1,"rev":1}}"#,
            r#"{"type":"row","center":"gangnam","row":{"id":2,"rev":2}}"#,
            r#"{"type":"row","center":"gangnam","row":{"id":2,"rev":5}}"#,
            r#"{"type":"gone","center":"gangnam","id":1,"rev":7}"#,
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_was_never_written_is_not_taken_back() {
        let gone = RowChange::Remove(DeliveryId(9), Rev(3));
        assert_eq!(written(&[&[gone]], 3), Vec::<String>::new());
    }
}
