//! Deciding asks within the writer's transactions: what they look at is loaded, the ledger decides, what it leaves is
//! written.

use super::apply::apply;
use super::loading::load;
use super::writer::Batch;
use super::{Store, StoreError, archive};
use gwanje_ledger::{
    BatchCommand, BatchDecided, Command, Decided, Decision, LoadedCenter, Moment, Need, Undecided,
};
use gwanje_model::{CenterId, Text, UtcMillis};
use gwanje_wire::Problem;
use gwanje_wire::rest::CloseReply;

impl Store {
    /// Decides a command and answers when the decision is durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute(&self, command: Command) -> Result<Decided, StoreError> {
        self.write(move |batch| {
            let (center, need) = (command.center.clone(), Need::of_command(&command));
            one(batch, &center, &need, |loaded, now| gwanje_ledger::decide(loaded, command, now))
        })
        .await
    }

    /// Decides commands in order, in one transaction; each has its own revision and outcome.
    ///
    /// # Errors
    /// When nothing could be written: then none was decided.
    pub async fn execute_many(&self, commands: Vec<Command>) -> Result<Vec<Decided>, StoreError> {
        self.write(move |batch| many(batch, commands)).await
    }

    /// Decides a batch and answers when the decisions are durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute_batch(
        &self,
        command: BatchCommand,
    ) -> Result<Result<BatchDecided, Box<Problem>>, StoreError> {
        self.write(move |batch| {
            let (center, need) = (command.center.clone(), Need::of_batch(&command));
            one(batch, &center, &need, |loaded, now| gwanje_ledger::decide_batch(loaded, command, now))
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
        self.write(move |batch| {
            let need = Need::of_close(account.clone(), key.clone());
            one(batch, &center, &need, |loaded, _| Ok(gwanje_ledger::close(loaded, &account, &key)))
        })
        .await
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
            let (id, kept) = (center.clone(), self.shared.tombstones_kept);
            let some = self.write(move |batch| archive::ended_before(batch, &id, day_at, kept)).await?;
            archived += some;
            if i64::try_from(some).is_ok_and(|some| some < archive::ARCHIVED_AT_ONCE) {
                return Ok(archived);
            }
        }
    }
}

/// Decides one ask of a center.
fn one<T>(
    batch: &mut Batch<'_>,
    center: &CenterId,
    need: &Need,
    decide: impl FnOnce(&mut LoadedCenter, Moment) -> Result<Decision<T>, Undecided>,
) -> rusqlite::Result<T> {
    let mut loaded = load(batch, center, need)?;
    let Decision { outcome, writes } = decide(&mut loaded, batch.now).map_err(undecided)?;
    apply(batch, center, writes)?;
    stands(batch, loaded)?;
    Ok(outcome)
}

/// Decides commands in order; those of one center that follow one another see what was loaded for all of them.
fn many(batch: &mut Batch<'_>, commands: Vec<Command>) -> rusqlite::Result<Vec<Decided>> {
    let mut decided = Vec::with_capacity(commands.len());
    let mut commands = commands.into_iter().peekable();
    while let Some(first) = commands.next() {
        let (center, mut need, mut asked) = (first.center.clone(), Need::of_command(&first), vec![first]);
        while let Some(next) = commands.next_if(|next| next.center == center) {
            need.add_command(&next);
            asked.push(next);
        }
        let mut loaded = load(batch, &center, &need)?;
        for command in asked {
            let Decision { outcome, writes } =
                gwanje_ledger::decide(&mut loaded, command, batch.now).map_err(undecided)?;
            apply(batch, &center, writes)?;
            decided.push(outcome);
        }
        stands(batch, loaded)?;
    }
    Ok(decided)
}

/// Takes over where a center stands after decisions.
fn stands(batch: &mut Batch<'_>, loaded: LoadedCenter) -> rusqlite::Result<()> {
    if let (Some(staged), Some(standing)) = (batch.center(&loaded.center)?, loaded.standing) {
        staged.standing = standing;
    }
    Ok(())
}

/// Rolls the whole transaction back.
fn undecided(error: Undecided) -> rusqlite::Error {
    match error {
        Undecided::Unreadable(source) => {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(source))
        }
        Undecided::Unwritable(source) => rusqlite::Error::ToSqlConversionFailure(Box::new(source)),
        Undecided::NoId => rusqlite::Error::QueryReturnedNoRows,
    }
}
