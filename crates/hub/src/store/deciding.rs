//! Deciding commands, and what else changes a center's rows: all of it within the writer's transactions.

use super::command::{self, Command};
use super::decided::Decided;
use super::{Store, StoreError, archive, idempotency};
use gwanje_model::{CenterId, Text, UtcMillis};
use gwanje_wire::rest::CloseReply;

impl Store {
    /// Decides a command and answers when the decision is durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        self.write(move |batch| command::execute(batch, command)).await
    }

    /// Decides commands in order, in one transaction; each has its own revision and outcome.
    ///
    /// # Errors
    /// When nothing could be written: then none was decided.
    pub async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        self.write(move |batch| {
            commands.into_iter().map(|command| command::execute(batch, command)).collect()
        })
        .await
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
        let center = center.clone();
        self.write(move |batch| idempotency::close(batch, &account, &center, &key)).await
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
            let (id, kept, now) = (center.clone(), self.shared.tombstones_kept, self.clock().day_now());
            let some = self.write(move |batch| archive::ended_before(batch, &id, day_at, now, kept)).await?;
            archived += some;
            if i64::try_from(some).is_ok_and(|some| some < archive::ARCHIVED_AT_ONCE) {
                return Ok(archived);
            }
        }
    }
}
