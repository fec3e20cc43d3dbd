//! What was decided under each idempotency key, and keys that were closed before any decision.

use gwanje_model::{CenterId, Delivery, Epoch, Text, UtcMillis};
use gwanje_wire::batch::BatchReply;
use gwanje_wire::rest::{CloseReply, Outcome};
use gwanje_wire::{ErrorCode, Problem};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keeps an outcome this long, milliseconds of the wall clock: a day.
const KEPT_MS: i64 = 24 * 3_600_000;

/// What became of a command.
pub(crate) type Decision = Result<Done, Problem>;

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Done {
    Row {
        row: Arc<Delivery>,
        epoch: Epoch,
        created: bool,
    },
    /// The results of a batch.
    Each(BatchReply, Epoch),
}

/// The part of a request's body that matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meant {
    Json(Value),
    Garbage(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Kept {
    Decided { meant: Meant, decision: Box<Decision> },
    Closed,
}

/// Scoped to account, center and key; then to the path. A closed key has an entry of its own at the empty path.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Outcomes(BTreeMap<(Text, CenterId, String), ByPath>);

type ByPath = BTreeMap<String, (UtcMillis, Kept)>;

impl Outcomes {
    /// The answer to a twin.
    pub fn recorded(
        &self,
        (account, center, key): (&Text, &CenterId, &str),
        path: &str,
        meant: &Meant,
    ) -> Option<Decision> {
        let paths = self.0.get(&(account.clone(), center.clone(), key.to_owned()))?;
        if paths.contains_key("") {
            return Some(Err(Problem::new(ErrorCode::Void, "this idempotency key was closed")));
        }
        match paths.get(path)? {
            (_, Kept::Decided { meant: before, decision }) if before == meant => Some((**decision).clone()),
            (_, Kept::Decided { .. } | Kept::Closed) => {
                Some(Err(Problem::new(ErrorCode::Invalid, "this key was used with another body")))
            }
        }
    }

    pub fn record(
        &mut self,
        (account, center, key): (&Text, &CenterId, &str),
        path: &str,
        meant: Meant,
        decision: Decision,
        now: UtcMillis,
    ) {
        let kept = Kept::Decided { meant, decision: Box::new(decision) };
        self.insert((account.clone(), center.clone(), key.to_owned()), path, kept, now);
    }

    /// The outcome under a key. Without one the key is void from now on.
    pub fn close(&mut self, account: &Text, center: &CenterId, key: &str, now: UtcMillis) -> CloseReply {
        let void = CloseReply { outcome: Outcome::Void, status: None, body: None };
        let id = (account.clone(), center.clone(), key.to_owned());
        match self.0.get(&id).and_then(|paths| paths.first_key_value()) {
            None => {
                self.insert(id, "", Kept::Closed, now);
                void
            }
            Some((_, (_, Kept::Closed))) => void,
            Some((_, (_, Kept::Decided { decision, .. }))) => reply(decision),
        }
    }

    /// What is recorded under a key, as `close` would tell it. Closes nothing.
    pub fn under(&self, account: &Text, center: &CenterId, key: &str) -> Option<CloseReply> {
        let paths = self.0.get(&(account.clone(), center.clone(), key.to_owned()))?;
        paths.first_key_value().map(|(_, (_, kept))| match kept {
            Kept::Closed => CloseReply { outcome: Outcome::Void, status: None, body: None },
            Kept::Decided { decision, .. } => reply(decision),
        })
    }

    fn insert(&mut self, id: (Text, CenterId, String), path: &str, kept: Kept, now: UtcMillis) {
        self.0.entry(id).or_default().insert(path.to_owned(), (now, kept));
        self.0.retain(|_, paths| {
            paths.retain(|_, (at, _)| now.since(*at) <= KEPT_MS);
            !paths.is_empty()
        });
    }
}

fn reply(decision: &Decision) -> CloseReply {
    match decision {
        Ok(Done::Row { row, created, .. }) => CloseReply {
            outcome: Outcome::Done,
            status: Some(if *created { 201 } else { 200 }),
            body: serde_json::to_value(&**row).ok(),
        },
        Ok(Done::Each(reply, _)) => {
            CloseReply { outcome: Outcome::Done, status: Some(200), body: serde_json::to_value(reply).ok() }
        }
        Err(problem) => CloseReply {
            outcome: Outcome::Refused,
            status: Some(problem.status),
            body: serde_json::to_value(problem).ok(),
        },
    }
}
