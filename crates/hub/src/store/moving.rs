//! Moving all that a store in a file keeps into an empty PostgreSQL database, in one transaction. Histories go on: the epochs,
//! revisions, outcomes and sign-ins are the same there.
//!
//! A store that went on in both places would give the same revisions to different rows, and boards would prove what is not
//! so. So the file is marked before the database has anything, and no hub serves a file with the mark. A move that was cut
//! short is run again: by the move's id the database says whether it has happened.

use super::Sqlite;
use super::StoreError;
use super::backend::Backend;
use super::lines::Lines;
use super::notes::{DEMO_DAY_KEY, OF_DEMO, PURPOSE_KEY};
use super::postgres::Postgres;
use super::transfer::{MOVED_KEY, Mark, MoveError, Moved, marked};
use crate::clock::Clock;
use gwanje_ledger::RecentBounds;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Nothing looks at what others commit meanwhile.
const NO_LOOK: Duration = Duration::from_secs(3_600);

/// Moves all that the file keeps into the database at `url`. Nobody may use the file meanwhile: hold its
/// [`Claim`](crate::claim::Claim). `to` is what the file will say of where it went.
///
/// # Errors
/// When either can't be used, the file is a demo's or was moved before, or the database is not empty. Nothing was moved
/// then; a move whose end is not known is to be run again.
pub async fn move_store(file: &Path, url: &str, to: &str) -> Result<Moved, MoveError> {
    let lines = || Arc::new(Lines::new(Clock::wall(), RecentBounds { entries: 1, bytes: 1 }));
    // Brings its tables to this version.
    let source = Sqlite::open(Some(file.to_owned()), &lines())?;
    let mark = begin(&source, to).await?;
    let moved = fill(&source, &mark, url, &lines()).await;
    match &moved {
        Ok(_) => keep(&source, &Mark { done: true, ..mark }).await?,
        Err(MoveError::Unsettled(_)) => {}
        // Nothing of it is there: the file may serve on.
        Err(_) => source.keep_note(MOVED_KEY.into(), String::new()).await?,
    }
    source.close().await;
    moved
}

async fn fill(source: &Sqlite, mark: &Mark, url: &str, lines: &Arc<Lines>) -> Result<Moved, MoveError> {
    let own = source.own().await?;
    let target = Postgres::open(url, None, NO_LOOK, lines).await?;
    let moved = target.fill(&mark.id, source.tables(), own).await;
    target.close().await;
    moved
}

/// Marks the file: from now on no hub serves it.
async fn begin(source: &Sqlite, to: &str) -> Result<Mark, MoveError> {
    let purpose = source.note(PURPOSE_KEY.into()).await?;
    if purpose.as_deref() == Some(OF_DEMO) || source.note(DEMO_DAY_KEY.into()).await?.is_some() {
        return Err(MoveError::IsDemo);
    }
    let mark = match marked(source.note(MOVED_KEY.into()).await?) {
        Some(Mark { to, done: true, .. }) => return Err(MoveError::Moved(to)),
        Some(mark) if mark.to == to => mark,
        Some(mark) => return Err(MoveError::Elsewhere(mark.to)),
        None => Mark { id: ulid::Ulid::generate().to_string(), to: to.to_owned(), done: false },
    };
    keep(source, &mark).await?;
    Ok(mark)
}

async fn keep(source: &Sqlite, mark: &Mark) -> Result<(), StoreError> {
    // Texts and a flag always have JSON.
    source.keep_note(MOVED_KEY.into(), serde_json::to_string(mark).unwrap_or_default()).await
}
