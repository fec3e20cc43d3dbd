//! The audit: who did what, when, from where, to whom. It grows by lines alone, and ends with its own retention.

use super::{Store, StoreError};
use gwanje_model::{Text, UtcMillis};
use gwanje_wire::people::{AuditLine, AuditReply};

/// Lines of a page.
const PAGE: usize = 500;
/// Lines forgotten in one transaction: bounds how long others wait for it.
pub(super) const AUDIT_FORGOTTEN_AT_ONCE: usize = 1_000;

/// Which lines are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditSearch {
    /// Not before this instant.
    pub from: Option<UtcMillis>,
    /// Before this instant.
    pub to: Option<UtcMillis>,
    /// Done by this account, or `key:NAME`.
    pub account: Option<Text>,
    /// After this line.
    pub after: Option<AuditPlace>,
    /// At most so many.
    pub limit: usize,
}

/// A line's place among all: lines of one instant are in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    pub(super) at: UtcMillis,
    pub(super) id: String,
}

impl AuditPlace {
    /// As a cursor travels.
    fn written(&self) -> String {
        format!("{}.{}", self.at.0, self.id)
    }

    /// The place that a cursor names.
    #[must_use]
    pub fn read(cursor: &str) -> Option<Self> {
        let (at, id) = cursor.split_once('.')?;
        let is_id = id.len() == ulid::ULID_LEN && id.bytes().all(|b| b.is_ascii_alphanumeric());
        Some(Self { at: UtcMillis(at.parse().ok()?), id: id.to_owned() }).filter(|_| is_id)
    }
}

/// A line with its place.
pub(super) type Placed = (AuditPlace, AuditLine);

/// Gives lines their places.
pub(super) fn placed(lines: Vec<AuditLine>) -> Vec<Placed> {
    let place = |line: AuditLine| (AuditPlace { at: line.at, id: ulid::Ulid::generate().to_string() }, line);
    lines.into_iter().map(place).collect()
}

/// An instant as people write it: milliseconds, RFC 3339, or a day (of UTC) for its beginning.
#[must_use]
pub fn read_instant(said: &str) -> Option<UtcMillis> {
    let number = said.parse().ok();
    let written = || said.parse().ok().map(|at: jiff::Timestamp| at.as_millisecond());
    let day = || {
        let day: jiff::civil::Date = said.parse().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
    };
    number.or_else(written).or_else(day).map(UtcMillis)
}

/// An instant as people read it.
#[must_use]
pub fn shown_instant(at: UtcMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

impl Store {
    /// Writes lines into the audit.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn write_audit(&self, lines: Vec<AuditLine>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.shared.backend.write_audit(placed(lines)).await
    }

    /// A page of the audit, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn audit(&self, search: AuditSearch) -> Result<AuditReply, StoreError> {
        let limit = PAGE;
        let mut found = self.shared.backend.audit(AuditSearch { limit: limit + 1, ..search }).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(place, _)| place.written());
        Ok(AuditReply { lines: found.into_iter().map(|(_, line)| line).collect(), next })
    }

    /// Forgets lines of before an instant; how many.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn forget_audit(&self, before: UtcMillis) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let forgotten = self.shared.backend.forget_audit(before, AUDIT_FORGOTTEN_AT_ONCE).await?;
            all += forgotten;
            if forgotten < AUDIT_FORGOTTEN_AT_ONCE {
                return Ok(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_write_them() {
        let noon = Some(UtcMillis(1_796_083_200_000));
        for said in ["1796083200000", "2026-12-01T00:00:00Z", "2026-12-01T09:00:00+09:00", "2026-12-01"] {
            assert_eq!(read_instant(said), noon, "{said}");
        }
        for said in ["", "yesterday", "2026-13-01"] {
            assert_eq!(read_instant(said), None, "{said}");
        }
        assert_eq!(shown_instant(UtcMillis(1_796_083_200_000)), "2026-12-01T00:00:00Z");
    }
}
