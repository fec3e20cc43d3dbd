//! What of a row is told to whom: all of it to those who may read the center; to others what names what they did themselves.

use crate::auth::Caller;
use gwanje_model::{Delivery, Permission};
use gwanje_wire::WireRow;
use gwanje_wire::batch::{BatchReply, BatchResult};
use gwanje_wire::rest::{CloseReply, Outcome};
use serde_json::{Map, Value, json};

/// The fields of a row that name it and say where it stands.
const NAMING: [&str; 4] = ["id", "rev", "number", "status"];

/// Whether rows are told whole.
pub(super) fn reads(caller: &Caller) -> bool {
    caller.may(Permission::Read)
}

/// A row without what only readers see.
pub(super) fn named(row: &Delivery) -> Value {
    json!({"id": row.id, "rev": row.rev, "number": row.number, "status": row.status})
}

/// A batch's answer without what only readers see.
pub(super) fn batch_named(reply: BatchReply) -> Value {
    let result = |BatchResult { id, status, row, problem }: BatchResult| {
        let row = row.map(|row| match row {
            WireRow::Row(row) => named(&row),
            WireRow::Unreadable { id, rev } => json!({"id": id, "rev": rev}),
        });
        let problem = problem.map(|problem| json!(problem.without_rows()));
        let mut told = Map::from_iter([("id".to_owned(), json!(id)), ("status".to_owned(), json!(status))]);
        told.extend(
            [("row", row), ("problem", problem)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        Value::Object(told)
    };
    json!({"results": reply.results.into_iter().map(result).collect::<Vec<_>>()})
}

/// A recorded outcome without what only readers see.
pub(super) fn closed_named(mut reply: CloseReply) -> CloseReply {
    let Some(body) = &mut reply.body else { return reply };
    match reply.outcome {
        Outcome::Done => match body.get_mut("results").and_then(Value::as_array_mut) {
            Some(results) => results.iter_mut().for_each(strip_result),
            None => strip_row(body),
        },
        Outcome::Refused => strip_problem(body),
        Outcome::Void => {}
    }
    reply
}

fn strip_row(row: &mut Value) {
    if let Value::Object(fields) = row {
        fields.retain(|name, _| NAMING.contains(&name.as_str()));
    }
}

fn strip_problem(problem: &mut Value) {
    if let Value::Object(problem) = problem {
        problem.remove("current");
        problem.remove("latest");
    }
}

fn strip_result(result: &mut Value) {
    if let Some(row) = result.get_mut("row") {
        strip_row(row);
    }
    if let Some(problem) = result.get_mut("problem") {
        strip_problem(problem);
    }
}
