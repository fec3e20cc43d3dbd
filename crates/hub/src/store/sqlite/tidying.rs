//! Keeps the write-ahead log short.
//!
//! SQLite begins its log anew only at a moment when nobody reads an older state of it. Boards that slow clients read one
//! after the other leave no such moment, and the log would grow for as long as they do. So once it is long, new boards and
//! lists wait until those under way have ended, which they do within a minute; then the log is folded in and cut. Commits,
//! heads, frames and changes go on meanwhile.

use super::readers::{Pool, Readers};
use super::{connect, unusable};
use crate::store::StoreError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// What is kept of the log when it begins anew, bytes.
pub(super) const LOG_KEPT: u64 = 16 << 20;
/// From this many bytes on it is cut.
const LOG_LONG: u64 = 64 << 20;
/// Between two looks at it, commits.
const LOOK_EVERY: u64 = 64;

/// See the module's doc.
pub(super) struct Tidying {
    path: PathBuf,
    /// Those whose reads may be long.
    pools: [Arc<Pool>; 3],
    commits: AtomicU64,
    under_way: Arc<AtomicBool>,
    long: u64,
    /// Who waits until the file is written anew.
    rewriting: Mutex<Option<oneshot::Sender<Result<(), StoreError>>>>,
}

impl Tidying {
    pub fn of(path: &Path, readers: &Readers) -> Self {
        Self {
            path: path.to_owned(),
            pools: [&readers.boards, &readers.past, &readers.lists].map(Arc::clone),
            commits: AtomicU64::new(0),
            under_way: Arc::default(),
            long: LOG_LONG,
            rewriting: Mutex::default(),
        }
    }

    /// Looks at the log now and then, after a commit; where it is long, has it cut beside what goes on.
    pub fn committed(&self) {
        if self.commits.fetch_add(1, Ordering::Relaxed) % LOOK_EVERY != LOOK_EVERY - 1 {
            return;
        }
        if log_bytes(&self.path) < self.long || self.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let (path, pools, under_way) = (self.path.clone(), self.pools.clone(), Arc::clone(&self.under_way));
        let cutting = std::thread::Builder::new().name("store-log".into()).spawn(move || {
            match cut(&path, &pools) {
                Ok(()) => tracing::info!(bytes = log_bytes(&path), "the store's log had grown and was cut"),
                Err(error) => tracing::warn!(%error, "the store's log grows and can't be cut"),
            }
            under_way.store(false, Ordering::Release);
        });
        if cutting.is_err() {
            self.under_way.store(false, Ordering::Release);
        }
    }

    /// Asks the writer to write the file anew, after its next transaction. Nobody may read meanwhile.
    pub fn ask_rewrite(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (tell, told) = oneshot::channel();
        *self.rewriting.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        told
    }

    /// Writes the file anew where that was asked: then nothing is left in it of what was overwritten or deleted, nor in the
    /// log.
    pub fn rewrite_if_asked(&self, db: &Connection) {
        let Some(tell) = self.rewriting.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let rewritten = db
            .execute_batch("VACUUM")
            .and_then(|()| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)));
        let rewritten = match rewritten {
            Ok(false) => Ok(()),
            Ok(true) => Err(StoreError::Busy),
            Err(error) => Err(unusable("writing the store anew")(error)),
        };
        // Whoever asked may have gone.
        _ = tell.send(rewritten);
    }
}

/// Waits until nobody reads an older state, and folds the log in.
fn cut(path: &Path, pools: &[Arc<Pool>]) -> Result<(), StoreError> {
    let waiting = |source| StoreError::System { doing: "waiting for readers".into(), source };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(waiting)?;
    let _turns = runtime.block_on(async {
        let mut turns = Vec::new();
        for pool in pools {
            turns.push(pool.all_turns().await);
        }
        turns
    });
    fold_in(path)
}

/// Folds the log into the file and cuts it to nothing. Waits for commits and short reads.
pub(super) fn fold_in(path: &Path) -> Result<(), StoreError> {
    let db = connect(path)?;
    let busy: bool = db
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(unusable("cutting the store's log"))?;
    if busy { Err(StoreError::Busy) } else { Ok(()) }
}

/// How long the log is.
pub(super) fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).map_or(0, |log| log.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::backend::Backend as _;
    use crate::store::sqlite::tests::open;
    use std::sync::mpsc;

    /// Sixteen readers, each of which goes on until others have begun: there is never a moment without one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_log_is_cut_though_slow_readers_follow_one_another() {
        let store = open();
        let tidying = Tidying { long: 4 << 20, ..Tidying::of(&store.path, &store.readers) };
        // What is equal is not written.
        let text = |n: u8| char::from(b'a' + n % 26).to_string().repeat(16_000);
        let mut readers = std::collections::VecDeque::new();
        let begin = async || {
            let (end, ended) = mpsc::channel::<()>();
            let pool = store.readers.boards.clone();
            let (begun, begins) = oneshot::channel();
            tokio::spawn(async move {
                let Ok(turn) = pool.turn().await else { return };
                _ = pool
                    .read(turn, "waiting", move |db| {
                        db.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
                        _ = begun.send(());
                        Ok(ended.recv().is_err())
                    })
                    .await;
            });
            (end, begins)
        };
        let mut longest = 0;
        for n in 0..1_024_u32 {
            store.keep_note(format!("n{}", n % 8), text(u8::try_from(n % 251).unwrap())).await.unwrap();
            longest = longest.max(log_bytes(&store.path));
            tidying.committed();
            if n % 64 == 0 {
                let (end, mut begins) = begin().await;
                let mut end = Some(end);
                // While the log is being cut, the new one waits, and the old ones end one after the other. (It may have come
                // just before, and is one of them then.)
                while tidying.under_way.load(Ordering::Acquire) {
                    if readers.pop_front().is_none() && begins.try_recv().is_ok() {
                        end = None;
                    }
                    tokio::task::yield_now().await;
                }
                if let Some(end) = end {
                    begins.await.unwrap();
                    readers.push_back(end);
                }
                if readers.len() > super::super::readers::BOARDS / 2 {
                    readers.pop_front();
                }
            }
        }
        readers.clear();
        while tidying.under_way.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        assert!(longest > 4 << 20, "it grew to {longest}");
        assert!(longest < 16 << 20, "it grew to {longest}");
        store.keep_note("last".into(), String::new()).await.unwrap();
        assert!(log_bytes(&store.path) < 8 << 20, "{} are left", log_bytes(&store.path));
    }
}
