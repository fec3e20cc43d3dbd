//! Commits: one transaction, one center. Asks of a center that come while a commit is under way are gathered for the next.

use super::Shared;
use super::apply::stand;
use super::asks::CenterAsk;
use super::failure::Failure;
use super::identity::lacks;
use super::loading::{Found, lock};
use super::locked::Locked;
use crate::store::gathering::Gathering;
use crate::store::{Now, StoreError};
use gwanje_ledger::{Entry, Moment, Standing};
use gwanje_model::CenterId;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Asks that wait for a center: two seconds of work at least. Whoever finds it full waits, which slows the source.
const QUEUE_ASKS: usize = 1_024;
/// The most asks that one transaction takes: bounds how long the first waits for the last.
const BATCH_ASKS: usize = 256;

/// The asks of a center on their way.
pub(super) struct Queue {
    pub asks: mpsc::Sender<CenterAsk>,
    /// Ends when every sender is gone and what they sent is committed.
    pub committing: JoinHandle<()>,
}

/// Begins to commit what is asked of a center, until every sender is gone.
pub(super) fn begin(shared: Arc<Shared>, center: CenterId) -> Queue {
    let (asks, mut inbox) = mpsc::channel(QUEUE_ASKS);
    let committing = tokio::spawn(async move {
        let mut gathered = Vec::new();
        let mut gathering = Gathering::default();
        while inbox.recv_many(&mut gathered, BATCH_ASKS).await > 0 {
            // Waits for its turn first: what comes meanwhile goes along. The semaphore is never closed.
            let _turn = shared.writing.acquire().await;
            gather(&mut gathered, &mut inbox, &gathering).await;
            let begun = Instant::now();
            shared.commit(&center, &gathered).await;
            gathering.committed(gathered.len(), begun.elapsed());
            gathered.clear();
        }
    });
    Queue { asks, committing }
}

/// Adds what is there, and under load what comes in a moment.
async fn gather(gathered: &mut Vec<CenterAsk>, inbox: &mut mpsc::Receiver<CenterAsk>, gathering: &Gathering) {
    let mut until = None;
    while gathered.len() < BATCH_ASKS {
        if let Ok(ask) = inbox.try_recv() {
            gathered.push(ask);
            continue;
        }
        if gathered.len() >= gathering.expected(BATCH_ASKS) {
            break;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + gathering.patience(gathered.len()));
        match timeout_at(until, inbox.recv()).await {
            Ok(Some(ask)) => gathered.push(ask),
            Ok(None) | Err(_) => break,
        }
    }
}

/// How a transaction ended that did not commit.
enum Ended {
    /// Nothing was written.
    RolledBack(Failure),
    /// The database did not say whether it committed.
    Unknown(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::RolledBack(failure)
    }
}

impl Shared {
    /// Commits asks together; where that fails, each by itself, so that one takes no other with it.
    async fn commit(&self, center: &CenterId, asks: &[CenterAsk]) {
        let mut ended = self.transact(center, asks).await;
        // The server ended between the look at the connection and its use.
        if matches!(&ended, Err(Ended::RolledBack(failure)) if failure.is_lost_connection()) {
            ended = self.transact(center, asks).await;
        }
        if matches!(&ended, Err(Ended::RolledBack(Failure::OtherHistory))) {
            ended = match self.look().await {
                Ok(()) => self.transact(center, asks).await,
                Err(failure) => Err(failure.into()),
            };
        }
        match ended {
            Ok(()) => {}
            Err(Ended::RolledBack(failure)) if asks.len() > 1 && failure.may_be_of_one_ask() => {
                tracing::warn!(error = %failure, %center, "a transaction was rolled back; its asks are tried one by one");
                for ask in asks {
                    let one = std::slice::from_ref(ask);
                    if let Err(ended) = self.transact(center, one).await {
                        ended.tell(center, one);
                    }
                }
            }
            Err(ended) => ended.tell(center, asks),
        }
    }

    async fn transact(&self, center: &CenterId, asks: &[CenterAsk]) -> Result<(), Ended> {
        let mut client = self.client().await?;
        let begun = Instant::now();
        let told = self.told(center);
        let tx = client.transaction().await.map_err(Failure::from)?;
        let Found { standing: before, last_at, seen } = lock(&tx, center).await?;
        self.believe(&seen)?;
        if before.as_ref().zip(told).is_some_and(|(before, told)| lacks(before, &told)) {
            return Err(Failure::OtherHistory.into());
        }
        // Never behind the center's last, though the server's clock be set back.
        let (wall, day) = self.lines.clock.both_at(seen.now.max(last_at));
        let now = Moment { wall, day };
        let mut locked = Locked { tx: &tx, center, now, standing: before.clone(), changes: Vec::new() };
        let settles = locked.decide(asks).await?;
        let Locked { standing, changes, .. } = locked;
        if let Some(standing) = standing.as_ref().filter(|standing| Some(*standing) != before.as_ref()) {
            stand(&tx, center, standing, now.wall).await?;
        }
        tx.commit().await.map_err(|error| Ended::Unknown(error.into()))?;
        self.lines.meters.committed(begun.elapsed());
        self.publish(center, before, standing, changes, Now { wall: now.wall, day: now.day });
        settles.into_iter().for_each(|settle| settle());
        Ok(())
    }

    fn publish(
        &self,
        center: &CenterId,
        before: Option<Standing>,
        standing: Option<Standing>,
        changes: Vec<Entry>,
        at: Now,
    ) {
        let Some(standing) = standing else { return };
        if let Some(signals) = self.signals.as_ref().filter(|_| Some(&standing) != before.as_ref()) {
            signals.committed(center, &standing, &changes);
        }
        match self.lines.get(center) {
            Some(line) if Some(&standing) != before.as_ref() => {
                line.publish(standing, changes);
                line.see(at);
            }
            Some(line) => line.catch_up(standing, at),
            None => self.lines.add(center.clone(), standing, Some(at)),
        }
    }
}

impl Ended {
    fn tell(self, center: &CenterId, asks: &[CenterAsk]) {
        match self {
            Self::RolledBack(error) if error.is_lock_timeout() => {
                tracing::warn!(%center, "others held the lock for too long; its asks are refused");
                asks.iter().for_each(|ask| ask.fail(|| StoreError::Busy));
            }
            Self::RolledBack(error) => {
                tracing::error!(%error, %center, "a transaction was rolled back; its asks are refused");
                asks.iter().for_each(|ask| ask.fail(|| StoreError::NotCommitted));
            }
            Self::Unknown(error) => {
                tracing::error!(%error, %center, "the database did not say whether it has committed");
                asks.iter().for_each(|ask| ask.fail(|| StoreError::Unsettled));
            }
        }
    }
}
