//! Decisions under an idempotency key: a twin gets the first one's outcome, and a closed key takes none any more.

use super::batch::batch as decide_batch;
use super::{Carried, Deciding, OrRefused, json};
use crate::ask::{BatchCommand, Command, Idempotency};
use crate::decided::{Accepted, BatchDecided, Decided, Decision, Undecided};
use crate::loaded::LoadedCenter;
use crate::write::{OutcomeKey, OutcomeWrite, Recorded, Write};
use gwanje_model::{Epoch, Text};
use gwanje_wire::rest::{CloseReply, Outcome};
use gwanje_wire::{ErrorCode, Problem};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The HTTP status of a new row.
const CREATED: u16 = 201;
/// The HTTP status of what was carried out otherwise.
const DONE: u16 = 200;

/// An outcome that was carried out, with the history of its revisions.
type Found<'a> = (&'a Recorded, &'a Epoch);

pub(super) fn command(deciding: &mut Deciding<'_>, command: Command) -> Result<Decided, Undecided> {
    let key = command.idempotency.clone().map(|idempotency| (command.by.clone(), idempotency));
    if let Some((account, idempotency)) = &key
        && let Some(found) = recorded(deciding.loaded, account, idempotency)?
    {
        let result = match found {
            Ok((recorded, epoch)) => {
                let (row, created) = (Arc::new(read(recorded)?), recorded.status == CREATED);
                Ok(Accepted { row, epoch: epoch.clone(), created })
            }
            Err(problem) => Err(problem),
        };
        return Ok(Decided { result, replayed: true });
    }
    let result = deciding.command(command)?;
    if let Some((account, idempotency)) = key {
        let (status, epoch, body) = match &result {
            Ok(Carried { accepted: Accepted { epoch, created, .. }, body }) => {
                (if *created { CREATED } else { DONE }, Some(epoch.clone()), Arc::clone(body))
            }
            Err(problem) => (problem.status, None, json(problem)?.into()),
        };
        record(deciding, account, idempotency, status, epoch, body);
    }
    Ok(Decided { result: result.map(|carried| carried.accepted), replayed: false })
}

pub(super) fn batch(
    deciding: &mut Deciding<'_>,
    command: BatchCommand,
) -> Result<OrRefused<BatchDecided>, Undecided> {
    let key = command.idempotency.clone().map(|idempotency| (command.by.clone(), idempotency));
    if let Some((account, idempotency)) = &key
        && let Some(found) = recorded(deciding.loaded, account, idempotency)?
    {
        return Ok(match found {
            Ok((recorded, epoch)) => Ok(BatchDecided { reply: read(recorded)?, epoch: epoch.clone() }),
            Err(problem) => Err(problem),
        });
    }
    let decided = decide_batch(deciding, command)?;
    if let Some((account, idempotency)) = key {
        let (status, epoch, body) = match &decided {
            Ok(BatchDecided { reply, epoch }) => (DONE, Some(epoch.clone()), json(reply)?),
            Err(problem) => (problem.status, None, json(problem)?),
        };
        record(deciding, account, idempotency, status, epoch, body.into());
    }
    Ok(decided)
}

pub(super) fn close(loaded: &mut LoadedCenter, account: &Text, key: &str) -> Decision<CloseReply> {
    let first = OutcomeKey { account: account.clone(), key: key.to_owned(), path: String::new() };
    let found = loaded.outcomes.range(&first..).next();
    let found = found.filter(|(found, _)| found.account == *account && found.key == key);
    let void = CloseReply { outcome: Outcome::Void, status: None, body: None };
    match found {
        Some((OutcomeKey { path, .. }, _)) if path.is_empty() => {
            Decision { outcome: void, writes: Vec::new() }
        }
        Some((_, Recorded { status, epoch, body, .. })) => {
            let outcome = if epoch.is_some() { Outcome::Done } else { Outcome::Refused };
            let body = serde_json::from_str(body).ok();
            Decision { outcome: CloseReply { outcome, status: Some(*status), body }, writes: Vec::new() }
        }
        None => {
            let recorded = Recorded {
                body_hash: Vec::new(),
                status: ErrorCode::Void.http_status(),
                epoch: None,
                body: "null".into(),
            };
            loaded.outcomes.insert(first.clone(), recorded.clone());
            let write = Write::Outcome(Box::new(OutcomeWrite { key: first, recorded }));
            Decision { outcome: void, writes: vec![write] }
        }
    }
}

/// The recorded outcome of a twin, or the problem that it was or is refused with: `invalid` when it had another body,
/// `void` when the key was closed.
fn recorded<'a>(
    loaded: &'a LoadedCenter,
    account: &Text,
    asked: &Idempotency,
) -> Result<Option<OrRefused<Found<'a>>>, Undecided> {
    let mut at = OutcomeKey { account: account.clone(), key: asked.key.clone(), path: String::new() };
    let refused = |code, detail: &str| Ok(Some(Err(Box::new(Problem::new(code, detail)))));
    if loaded.outcomes.contains_key(&at) {
        return refused(ErrorCode::Void, "this idempotency key was closed; ask anew with another key");
    }
    at.path.clone_from(&asked.path);
    let Some(recorded) = loaded.outcomes.get(&at) else { return Ok(None) };
    if recorded.body_hash != asked.body_hash {
        return refused(
            ErrorCode::Invalid,
            "this idempotency key was used with another body; use a new key for a new command",
        );
    }
    Ok(Some(match &recorded.epoch {
        Some(epoch) => Ok((recorded, epoch)),
        None => Err(Box::new(read::<Problem>(recorded)?)),
    }))
}

fn read<T: DeserializeOwned>(recorded: &Recorded) -> Result<T, Undecided> {
    serde_json::from_str(&recorded.body).map_err(Undecided::Unreadable)
}

/// Records a decision.
fn record(
    deciding: &mut Deciding<'_>,
    account: Text,
    Idempotency { path, key, body_hash }: Idempotency,
    status: u16,
    epoch: Option<Epoch>,
    body: Arc<str>,
) {
    let key = OutcomeKey { account, key, path };
    let recorded = Recorded { body_hash: body_hash.to_vec(), status, epoch, body };
    deciding.loaded.outcomes.insert(key.clone(), recorded.clone());
    deciding.writes.push(Write::Outcome(Box::new(OutcomeWrite { key, recorded })));
}
