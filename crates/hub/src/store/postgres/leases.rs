//! Leases of chores, by the server's clock.

use super::failure::Failure;
use crate::store::leases::LEASE;
use crate::store::{Chore, Lease};
use deadpool_postgres::Transaction;
use gwanje_model::CenterId;
use std::time::Duration;

/// What the server's clock shows, in milliseconds.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Takes a lease, or goes on with it, where no other has it.
pub(super) async fn take(
    tx: &Transaction<'_>,
    chore: Chore,
    center: &CenterId,
    holder: &str,
) -> Result<Lease, Failure> {
    let (kind, center) = (chore.as_str(), center.as_str());
    let held_ms = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
    let take = format!(
        "INSERT INTO lease (kind, center, holder, fence, until) VALUES ($1, $2, $3, 1, {NOW} + $4) \
         ON CONFLICT (kind, center) DO UPDATE SET holder = excluded.holder, until = excluded.until, \
         fence = lease.fence + (lease.holder <> excluded.holder)::int \
         WHERE lease.holder = excluded.holder OR lease.until <= {NOW} RETURNING fence"
    );
    let statement = tx.prepare_cached(&take).await?;
    let taken = tx.query_opt(&statement, &[&kind, &center, &holder, &held_ms]).await?;
    if let Some(taken) = taken {
        return Ok(Lease { is_ours: true, fence: taken.get::<_, i64>(0).cast_unsigned(), left: LEASE });
    }
    let look = format!("SELECT fence, until - {NOW} FROM lease WHERE kind = $1 AND center = $2");
    let statement = tx.prepare_cached(&look).await?;
    let held = tx.query_one(&statement, &[&kind, &center]).await?;
    let left = Duration::from_millis(u64::try_from(held.get::<_, i64>(1)).unwrap_or(0));
    Ok(Lease { is_ours: false, fence: held.get::<_, i64>(0).cast_unsigned(), left })
}

/// Gives up all leases of a hub that ends.
pub(super) async fn give_up(tx: &Transaction<'_>, holder: &str) -> Result<(), Failure> {
    let statement = tx.prepare_cached("UPDATE lease SET until = 0 WHERE holder = $1").await?;
    tx.execute(&statement, &[&holder]).await?;
    Ok(())
}
