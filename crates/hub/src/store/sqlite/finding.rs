//! `finds(q, body)` in SQL: whether a delivery is found by what someone typed.

use crate::store::finding::matches;
use gwanje_model::search::Search;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error};
use std::convert::Infallible;

/// Lets a connection use `finds`.
pub(super) fn register(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY
        | FunctionFlags::SQLITE_INNOCUOUS;
    db.create_scalar_function(c"finds", 2, flags, finds)
}

fn finds(asked: &Context<'_>) -> rusqlite::Result<bool> {
    // Parsed once a statement: what was typed is the same for all its rows.
    let search =
        asked.get_or_create_aux(0, |q| Ok::<_, Infallible>(Search::parse(q.as_str().unwrap_or_default())))?;
    let body = asked.get_raw(1).as_str()?;
    matches(&search, body).map_err(|error| Error::UserFunctionError(Box::new(error)))
}
