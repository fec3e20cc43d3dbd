//! Asking for changes of a center: each is decided by the ledger within a transaction of the store.

use super::{Store, StoreError};
use gwanje_ledger::{BatchCommand, BatchDecided, Command, Decided};
use gwanje_model::{CenterId, Text, UtcMillis};
use gwanje_wire::Problem;
use gwanje_wire::rest::CloseReply;

/// Archives at most this many deliveries in one transaction: bounds how long commands wait for it.
const ARCHIVED_AT_ONCE: usize = 500;
/// Forgets at most this many deliveries in one transaction, each with some ten changes, for the same reason.
const FORGOTTEN_PAST_AT_ONCE: usize = 200;

impl Store {
    /// Decides a command and answers when the decision is durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        let decided = self.shared.backend.execute(command).await?;
        self.shared.lines.meters.decided(1);
        Ok(decided)
    }

    /// Decides commands in order, in one transaction; each has its own revision and outcome.
    ///
    /// # Errors
    /// When nothing could be written: then none was decided.
    pub async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        let count = commands.len();
        let decided = self.shared.backend.execute_many(commands).await?;
        self.shared.lines.meters.decided(count);
        Ok(decided)
    }

    /// Decides a batch and answers when the decisions are durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute_batch(
        &self,
        command: BatchCommand,
    ) -> Result<Result<BatchDecided, Box<Problem>>, StoreError> {
        let count = command.acts.as_ref().map_or(0, Vec::len);
        let decided = self.shared.backend.execute_batch(command).await?;
        self.shared.lines.meters.decided(count);
        Ok(decided)
    }

    /// The outcome under an idempotency key of this account and center; when there is none yet, it is `void` from now
    /// on.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn close_command(
        &self,
        account: Text,
        center: &CenterId,
        key: String,
    ) -> Result<CloseReply, StoreError> {
        self.shared.backend.close_command(account, center.clone(), key).await
    }

    /// Forgets every delivery that left the board before `day_at` and that no alarm names any more, with its history; returns
    /// how many. Past boards and searches do not have them any more.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn forget_past(&self, center: &CenterId, day_at: UtcMillis) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        loop {
            let some = self.shared.backend.forget_past(center.clone(), day_at, FORGOTTEN_PAST_AT_ONCE);
            let some = some.await?;
            forgotten += some;
            if some < FORGOTTEN_PAST_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }

    /// Archives every delivery that ended before `day_at`; returns how many left the board.
    ///
    /// # Errors
    /// When nothing could be written.
    pub async fn archive_ended_before(
        &self,
        center: &CenterId,
        day_at: UtcMillis,
    ) -> Result<usize, StoreError> {
        let mut archived = 0;
        loop {
            let kept = self.shared.tombstones_kept;
            let some = self.shared.backend.archive(center.clone(), day_at, ARCHIVED_AT_ONCE, kept).await?;
            archived += some;
            if some < ARCHIVED_AT_ONCE {
                return Ok(archived);
            }
        }
    }
}
