//! Connections that only read, by how long their reads take: a long one never keeps a short one waiting.

use super::{connect, unusable};
use crate::store::StoreError;
use rusqlite::{Connection, Transaction};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Heads, frames, changes and accounts: an index's few entries each. Sockets and every request wait for them.
const PROMPT: usize = 4;
/// Lists and digests: more of them than cores only wait for each other.
const LISTS: usize = 4;
/// Boards streamed at once: each may wait for a slow client.
pub(super) const BOARDS: usize = 8;
/// Reads of the past, which go through a whole history: most of a core each.
const PAST: usize = 2;

/// The readers of a store.
pub(super) struct Readers {
    pub prompt: Arc<Pool>,
    pub lists: Arc<Pool>,
    pub boards: Arc<Pool>,
    pub past: Arc<Pool>,
}

impl Readers {
    pub fn of(path: &std::path::Path) -> Self {
        let pool = |size| {
            let permits = Arc::new(Semaphore::new(size));
            Arc::new(Pool { path: path.to_owned(), size, permits, idle: Mutex::default() })
        };
        Self { prompt: pool(PROMPT), lists: pool(LISTS), boards: pool(BOARDS), past: pool(PAST) }
    }

    /// Closes the connections that are not in use.
    pub fn close(&self) {
        for pool in [&self.prompt, &self.lists, &self.boards, &self.past] {
            pool.idle().clear();
        }
    }
}

/// Connections for reads of one kind, opened when first needed.
pub(super) struct Pool {
    path: PathBuf,
    size: usize,
    permits: Arc<Semaphore>,
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

    /// Runs within one read transaction, on a thread that may block.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        turn: Turn,
        doing: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn.0;
            let idle = pool.idle().pop();
            let mut db = match idle {
                Some(db) => db,
                None => connect(&pool.path)?,
            };
            let failed = |source| unusable(doing)(source);
            let tx = db.transaction().map_err(failed)?;
            let value = read(&tx).map_err(failed)?;
            tx.finish().map_err(failed)?;
            pool.idle().push(db);
            Ok(value)
        });
        done.await.unwrap_or(Err(StoreError::NotCommitted))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::backend::Backend as _;
    use crate::store::sqlite::tests::open;
    use crate::store::{CenterRecord, StoreError};
    use std::sync::mpsc;

    #[tokio::test]
    async fn long_reads_keep_no_head_waiting() {
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
        for (pool, size) in [(&readers.lists, super::LISTS), (&readers.past, super::PAST)] {
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
        let head = store.standing("gangnam".into(), crate::store::Now::of(&crate::clock::Clock::wall()));
        tokio::time::timeout(std::time::Duration::from_secs(30), head).await.expect("its own turn").unwrap();
        drop(ends);
        for read in under_way {
            read.await.unwrap().unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_board_that_gets_no_turn_is_refused() {
        let store = open();
        let mut turns = Vec::new();
        for _ in 0..super::BOARDS {
            turns.push(store.readers.boards.turn().await.unwrap());
        }
        let Err(error) = store.board("gangnam".into(), None).await else { panic!("it got a turn") };
        assert!(matches!(error, StoreError::Busy), "{error}");
        let refused = crate::auth::Refused::from(error);
        assert_eq!((refused.problem.status, refused.retry_after_s), (503, Some(1)));
    }
}
