//! Deciding asks within the writer's transactions: what they look at is loaded, the ledger decides, what it leaves is
//! written.

use super::apply::apply;
use super::loading::load;
use super::writer::Batch;
use gwanje_ledger::{Command, Decided, Decision, LoadedCenter, Moment, Need, Undecided};
use gwanje_model::CenterId;

/// Decides one ask of a center.
pub(super) fn one<T>(
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
pub(super) fn many(batch: &mut Batch<'_>, commands: Vec<Command>) -> rusqlite::Result<Vec<Decided>> {
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
