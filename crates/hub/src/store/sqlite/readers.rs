//! Connections that only read, by how long their reads take: a long one never keeps a short one waiting.

use super::{connect, unusable};
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode, Transaction};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Heads, frames, changes and accounts: an index's few entries each. Sockets and every request wait for them.
const PROMPT: usize = 4;
/// Heads, frames and alarms that are told to sockets: whatever others ask for, and however much, these wait for each other only.
const TOLD: usize = 2;
/// Lists and digests: more of them than cores only wait for each other.
const LISTS: usize = 4;
/// Boards streamed at once: each may wait for a slow client.
pub(super) const BOARDS: usize = 8;
/// Reads of the past, which go through a whole history: most of a core each.
const PAST: usize = 2;

/// How long a read may take; longer ones are interrupted. Those that wait for their client have a time of their own, which is
/// shorter (`store/board.rs`).
const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(90);
/// A search, or what is read of the past at once: whoever asked waits no longer.
const SEARCHED: Duration = Duration::from_secs(20);
/// Steps of SQLite's machine between two looks at whether a read is still wanted: some ten microseconds.
const STEPS: std::ffi::c_int = 2_000;

/// The readers of a store.
pub(super) struct Readers {
    pub prompt: Arc<Pool>,
    pub told: Arc<Pool>,
    pub lists: Arc<Pool>,
    pub boards: Arc<Pool>,
    pub past: Arc<Pool>,
}

impl Readers {
    pub fn of(path: &std::path::Path) -> Self {
        let pool = |size, within| {
            let permits = Arc::new(Semaphore::new(size));
            Arc::new(Pool { path: path.to_owned(), size, permits, within, idle: Mutex::default() })
        };
        Self {
            prompt: pool(PROMPT, SHORT),
            told: pool(TOLD, SHORT),
            lists: pool(LISTS, LONG),
            boards: pool(BOARDS, LONG),
            past: pool(PAST, SEARCHED),
        }
    }

    /// Closes the connections that are not in use.
    pub fn close(&self) {
        for pool in [&self.prompt, &self.told, &self.lists, &self.boards, &self.past] {
            pool.idle().clear();
        }
    }
}

/// Connections for reads of one kind, opened when first needed.
pub(super) struct Pool {
    path: PathBuf,
    size: usize,
    permits: Arc<Semaphore>,
    /// How long a read may take.
    within: Duration,
    idle: Mutex<Vec<Connection>>,
}

/// Leave to read, for as long as it is held.
pub(super) struct Turn(OwnedSemaphorePermit);

impl Pool {
    /// Waits for a turn.
    pub async fn turn(self: &Arc<Self>) -> Result<Turn, StoreError> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map(Turn).map_err(|_| StoreError::NotCommitted)
    }

    /// Waits for a turn, but no longer than that.
    pub async fn turn_within(self: &Arc<Self>, wait: Duration) -> Result<Turn, StoreError> {
        timeout(wait, self.turn()).await.unwrap_or(Err(StoreError::Busy))
    }

    /// Waits until nobody reads here: those who come after wait until the turns go back.
    pub async fn all_turns(self: &Arc<Self>) -> Option<OwnedSemaphorePermit> {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        Arc::clone(&self.permits).acquire_many_owned(all).await.ok()
    }

    /// Runs within one read transaction, on a thread that may block. It is interrupted when it takes too long, and when
    /// nobody waits for it any more.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        turn: Turn,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(self);
        let waited_for = Arc::new(());
        let waits = Arc::downgrade(&waited_for);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn.0;
            let idle = pool.idle().pop();
            let mut db = match idle {
                Some(db) => db,
                None => connect(&pool.path)?,
            };
            let until = Instant::now() + pool.within;
            let is_unwanted = move || waits.strong_count() == 0 || Instant::now() >= until;
            db.progress_handler(STEPS, Some(is_unwanted)).map_err(unusable(doing))?;
            let value = db.transaction().and_then(|tx| {
                let value = read(&tx)?;
                tx.finish()?;
                Ok(value)
            });
            db.progress_handler(0, None::<fn() -> bool>).map_err(unusable(doing))?;
            pool.idle().push(db);
            value.map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::OperationInterrupted) => StoreError::TooLong { doing: doing.into() },
                Some(_) | None => unusable(doing)(error),
            })
        });
        let done = done.await.unwrap_or(Err(StoreError::NotCommitted));
        drop(waited_for);
        done
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::backend::Backend as _;
    use crate::store::board::Wanted;
    use crate::store::sqlite::tests::open;
    use crate::store::{CenterRecord, Lane, StoreError};
    use std::sync::mpsc;

    #[tokio::test]
    async fn whatever_others_read_keeps_no_head_waiting_that_is_told() {
        let store = open();
        let center = CenterRecord {
            id: "gangnam".into(),
            name: "강남".into(),
            pos: None,
            time_zone: "Asia/Seoul".into(),
        };
        store.ensure_center(center, "e".into()).await.unwrap();
        let readers = &store.readers;
        let mut ends = Vec::new();
        let mut under_way = Vec::new();
        for (pool, size) in [
            (&readers.prompt, super::PROMPT),
            (&readers.lists, super::LISTS),
            (&readers.past, super::PAST),
            (&readers.boards, super::BOARDS),
        ] {
            for _ in 0..size {
                let (end, ended) = mpsc::channel::<()>();
                ends.push(end);
                let (pool, turn) = (pool.clone(), pool.turn().await.unwrap());
                // Ends when `end` goes.
                under_way.push(tokio::spawn(async move {
                    pool.read(turn, "waiting", move |_| Ok(ended.recv().is_err())).await
                }));
            }
            assert_eq!(pool.permits.available_permits(), 0);
        }
        let head =
            store.standing("gangnam".into(), crate::store::Now::of(&crate::clock::Clock::wall()), Lane::Told);
        tokio::time::timeout(std::time::Duration::from_secs(30), head).await.expect("its own turn").unwrap();
        drop(ends);
        for read in under_way {
            read.await.unwrap().unwrap();
        }
    }

    /// Counts to a number that takes minutes.
    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) \
         SELECT count(*) FROM n";

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_ends_and_its_place_is_free() {
        let store = open();
        let past = store.readers.past.clone();
        for _ in 0..super::PAST * 2 {
            let turn = tokio::time::timeout(std::time::Duration::from_secs(30), past.turn());
            let turn = turn.await.expect("the reads before have ended").unwrap();
            let (begun, begins) = tokio::sync::oneshot::channel();
            let endless = past.read(turn, "counting", move |db| {
                begun.send(()).unwrap();
                db.query_row(ENDLESS, [], |row| row.get::<_, i64>(0))
            });
            tokio::select! {
                _ = endless => panic!("it has counted"),
                _ = begins => {}
            }
        }
        let all = past.permits.acquire_many(u32::try_from(super::PAST).unwrap());
        _ = tokio::time::timeout(std::time::Duration::from_secs(30), all)
            .await
            .expect("all have ended")
            .unwrap();
    }

    #[tokio::test]
    async fn a_read_that_takes_too_long_is_refused_and_the_next_is_not() {
        let store = open();
        let pool = super::Pool {
            path: store.path.clone(),
            size: 1,
            permits: std::sync::Arc::new(tokio::sync::Semaphore::new(1)),
            within: std::time::Duration::from_millis(50),
            idle: std::sync::Mutex::default(),
        };
        let pool = std::sync::Arc::new(pool);
        let turn = pool.turn().await.unwrap();
        let long = pool.read(turn, "counting", |db| db.query_row(ENDLESS, [], |row| row.get::<_, i64>(0)));
        let refused = crate::auth::Refused::from(long.await.unwrap_err());
        assert_eq!(refused.problem.status, 503, "{refused:?}");
        let turn = pool.turn().await.unwrap();
        let next = pool.read(turn, "counting", |db| db.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)));
        assert_eq!(next.await.unwrap(), 1, "on the same connection");
    }

    #[tokio::test(start_paused = true)]
    async fn a_board_that_gets_no_turn_is_refused() {
        let store = open();
        let mut turns = Vec::new();
        for _ in 0..super::BOARDS {
            turns.push(store.readers.boards.turn().await.unwrap());
        }
        let Err(error) = store.stream("gangnam".into(), Wanted::Board(None)).await else {
            panic!("it got a turn")
        };
        assert!(matches!(error, StoreError::Busy), "{error}");
        let refused = crate::auth::Refused::from(error);
        assert_eq!((refused.problem.status, refused.retry_after_s), (503, Some(1)));
    }
}
