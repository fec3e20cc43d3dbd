//! A batch: one action on several deliveries, each decided by itself.

use super::act::act;
use super::{Deciding, Guard, OrRefused, no_center, refuse};
use crate::ask::{BatchAct, BatchCommand};
use crate::decided::{BatchDecided, Undecided};
use gwanje_wire::batch::{BatchReply, BatchResult};
use gwanje_wire::{ErrorCode, WireRow};

/// Does to each what is asked; or says why to none.
pub(super) fn batch(
    deciding: &mut Deciding<'_>,
    command: BatchCommand,
) -> Result<OrRefused<BatchDecided>, Undecided> {
    let BatchCommand { center: _, acts, by, at, idempotency: _, only_rider } = command;
    let acts = match acts {
        Ok(acts) => acts,
        Err(problem) => return Ok(Err(problem)),
    };
    let Some(standing) = &deciding.loaded.standing else {
        return refuse(ErrorCode::NotFound, no_center(&deciding.loaded.center));
    };
    let epoch = standing.epoch.clone();
    let mut results = Vec::with_capacity(acts.len());
    for BatchAct { id, ask, seen } in acts {
        let decided = match ask {
            Ok(ask) => {
                let guard = Guard { seen, only_rider: only_rider.clone() };
                act(deciding, id, ask, &by, at, &guard)?
            }
            Err(problem) => Err(problem),
        };
        results.push(BatchResult::of(id, decided.map(|carried| WireRow::Row(carried.accepted.row))));
    }
    Ok(Ok(BatchDecided { reply: BatchReply { results }, epoch }))
}
