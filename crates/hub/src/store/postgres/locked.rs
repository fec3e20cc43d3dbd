//! A center whose lock a transaction holds.

use super::apply::apply;
use super::failure::Failure;
use deadpool_postgres::Transaction;
use gwanje_ledger::{Entry, Moment, Standing, Write};
use gwanje_model::CenterId;

/// A center within a transaction that holds its lock.
pub(super) struct Locked<'a> {
    pub tx: &'a Transaction<'a>,
    pub center: &'a CenterId,
    pub now: Moment,
    /// None: there is no such center.
    pub standing: Option<Standing>,
    /// What followers will be told, by revision.
    pub changes: Vec<Entry>,
}

impl Locked<'_> {
    pub async fn write(&mut self, writes: Vec<Write>) -> Result<(), Failure> {
        apply(self.tx, self.center, writes, self.now, &mut self.changes).await
    }
}
