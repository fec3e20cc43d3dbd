//! A batch: one action on several deliveries, each decided by itself, in one transaction and under one idempotency key.

use super::command::{Ask, Guard, Seen, act};
use super::idempotency::{self, Idempotency, Outcome};
use super::writer::Batch;
use super::{Store, StoreError, text_json};
use gwanje_model::{CenterId, DeliveryId, Epoch, RiderId, Text, UtcMillis};
use gwanje_wire::batch::{BatchReply, BatchResult};
use gwanje_wire::{ErrorCode, Problem, WireRow};

/// What is to be done to several deliveries, by whom, when.
#[derive(Debug, Clone)]
pub struct BatchCommand {
    /// In which center.
    pub center: CenterId,
    /// To each in order; or why to none: recorded under the key like any other outcome.
    pub acts: Result<Vec<BatchAct>, Box<Problem>>,
    /// The account that asks.
    pub by: Text,
    /// Operations time.
    pub at: UtcMillis,
    /// Recorded under this key, when there is one.
    pub idempotency: Option<Idempotency>,
    /// Only on deliveries that this rider carries (others are not found).
    pub only_rider: Option<RiderId>,
}

/// What is to be done to one delivery of a batch.
#[derive(Debug, Clone)]
pub struct BatchAct {
    /// Which.
    pub id: DeliveryId,
    /// What; or why not.
    pub ask: Result<Ask, Box<Problem>>,
    /// Only while the row is at a revision that was seen.
    pub seen: Option<Seen>,
}

/// A batch that was decided, with the history that its revisions count in.
#[derive(Debug, Clone)]
pub struct BatchDecided {
    /// A result for each delivery.
    pub reply: BatchReply,
    /// Of the center.
    pub epoch: Epoch,
}

impl Store {
    /// Decides a batch and answers when the decisions are durable and published.
    ///
    /// # Errors
    /// When nothing could be written: then nothing was decided either.
    pub async fn execute_batch(
        &self,
        command: BatchCommand,
    ) -> Result<Result<BatchDecided, Box<Problem>>, StoreError> {
        self.write(move |batch| execute(batch, command)).await
    }
}

fn execute(
    batch: &mut Batch<'_>,
    command: BatchCommand,
) -> rusqlite::Result<Result<BatchDecided, Box<Problem>>> {
    if let Some(idempotency) = &command.idempotency
        && let Some(found) = idempotency::recorded(batch.db(), &command.by, &command.center, idempotency)?
    {
        return found
            .map(|recorded| Ok(BatchDecided { reply: recorded.read()?, epoch: recorded.epoch }))
            .map_or_else(|problem| Ok(Err(problem)), |decided| decided.map(Ok));
    }
    let recorded = command.idempotency.clone().map(|key| (key, command.by.clone(), command.center.clone()));
    let decided = decide(batch, command)?;
    if let Some((key, by, center)) = recorded {
        let outcome = match &decided {
            Ok(BatchDecided { reply, epoch }) => {
                Outcome { status: 200, epoch: Some(epoch.as_str()), body: text_json(reply)? }
            }
            Err(problem) => Outcome { status: problem.status, epoch: None, body: text_json(problem)? },
        };
        idempotency::record(batch, &by, &center, &key, &outcome)?;
    }
    Ok(decided)
}

fn decide(
    batch: &mut Batch<'_>,
    command: BatchCommand,
) -> rusqlite::Result<Result<BatchDecided, Box<Problem>>> {
    let BatchCommand { center, acts, by, at, idempotency: _, only_rider } = command;
    let acts = match acts {
        Ok(acts) => acts,
        Err(problem) => return Ok(Err(problem)),
    };
    let Some(staged) = batch.center(&center)? else {
        let detail = format!("there is no center {center}");
        return Ok(Err(Box::new(Problem::new(ErrorCode::NotFound, detail))));
    };
    let epoch = staged.standing.epoch.clone();
    let mut results = Vec::with_capacity(acts.len());
    for BatchAct { id, ask, seen } in acts {
        let decided = match ask {
            Ok(ask) => {
                let guard = Guard { seen, only_rider: only_rider.clone() };
                act(batch, &center, id, ask, &by, at, &guard)?
            }
            Err(problem) => Err(problem),
        };
        results.push(BatchResult::of(id, decided.map(|accepted| WireRow::Row(accepted.row))));
    }
    Ok(Ok(BatchDecided { reply: BatchReply { results }, epoch }))
}
