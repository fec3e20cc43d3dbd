//! Transactions on a database that can be believed: each begins with a look at the server, and where that shows another
//! history new epochs begin first.

use super::failure::Failure;
use super::identity::lacks;
use super::{Shared, connecting, identity, reads};
use crate::store::{Lane, Now, StoreError};
use deadpool_postgres::{Object, PoolError, Transaction};
use gwanje_ledger::Standing;
use gwanje_model::CenterId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::IsolationLevel;
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Between two looks for a connection while the database takes no more of them.
const TAKEN: Duration = Duration::from_millis(50);

/// How long a read may take; a longer one is cancelled at the database.
const READ_WITHIN: Duration = Duration::from_secs(20);
/// How long a read waits for others to end before it is refused.
const TURN_WAIT: Duration = Duration::from_secs(10);

/// A connection that reads. Left before its end, the read is cancelled at the database and its connection closed.
pub(super) struct UnderWay {
    /// None once it has ended.
    client: Option<Object>,
    tls: MakeRustlsConnect,
}

impl UnderWay {
    /// What reads.
    pub fn client(&mut self) -> Result<&mut Object, Failure> {
        self.client.as_mut().ok_or(Failure::TooLong)
    }

    /// It has come to its end: others may have the connection.
    pub fn end(mut self) {
        self.client = None;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let tls = self.tls.clone();
        // Out of the pool: nobody else's query is to be cancelled.
        let client = Object::take(client);
        tokio::spawn(async move {
            if let Err(error) = client.cancel_token().cancel_query(tls).await {
                tracing::debug!(%error, "a read that nobody waits for could not be cancelled");
            }
        });
    }
}

/// Does `$done`, and once more when it finds that new epochs must begin first.
macro_rules! believed {
    ($self:ident, $doing:literal, $done:expr) => {{
        let believed = async {
            match $done.await {
                Err(Failure::OtherHistory) => {
                    $self.shared.look().await?;
                    $done.await
                }
                done => done,
            }
        };
        believed.await.map_err(|failure: Failure| failure.while_doing($doing))
    }};
}

/// Runs `$read` with a transaction `$tx` that only reads.
macro_rules! read {
    ($self:ident, $doing:literal, |$tx:ident| $read:expr) => {
        believed!($self, $doing, async {
            let mut under_way = $self.shared.begin_read().await?;
            let read = async {
                let $tx = &$self.shared.reading(under_way.client()?).await?;
                Ok::<_, Failure>($read)
            };
            let read = Shared::in_time(read).await?;
            under_way.end();
            read
        })
    };
}

/// Runs `$write` with a transaction `$tx`, and commits.
macro_rules! write {
    ($self:ident, $doing:literal, |$tx:ident| $write:expr) => {
        believed!($self, $doing, async {
            let mut client = $self.shared.client().await?;
            let transaction = $self.shared.writing(&mut client).await?;
            let $tx = &transaction;
            let value = $write;
            transaction.commit().await?;
            Ok::<_, Failure>(value)
        })
    };
}

/// Runs `$read` with a transaction that only reads, beside the standing of a center and the frame after a revision.
macro_rules! beside {
    ($self:ident, $center:ident, $after:ident, $at:ident, |$tx:ident| $read:expr) => {
        read!($self, "reading a board", |$tx| match reads::standing($tx, &$center).await? {
            None => None,
            Some(standing) => match reads::whole_frame($tx, &$center, &standing, &$after, $at).await? {
                Err(reason) => Some(Err(reason)),
                Ok(frame) => Some(Ok((standing, frame, $read))),
            },
        })
    };
}

async fn one_of(places: &Semaphore) -> Result<SemaphorePermit<'_>, StoreError> {
    match timeout(TURN_WAIT, places.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        // The semaphore is never closed.
        Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
    }
}

impl Shared {
    /// Leave to read what is asked for; what is told needs none.
    pub(super) async fn turn(&self, lane: Lane) -> Result<Option<SemaphorePermit<'_>>, StoreError> {
        match lane {
            Lane::Told => Ok(None),
            Lane::Asked => one_of(&self.asked).await.map(Some),
        }
    }

    /// Leave to read many rows.
    pub(super) async fn list_turn(&self) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), StoreError> {
        // First its own kind's: those that wait for it take no place of shorter reads.
        let list = one_of(&self.lists).await?;
        Ok((list, one_of(&self.asked).await?))
    }

    /// What is read in time, or why not.
    pub(super) async fn in_time<T>(
        read: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<Result<T, Failure>, Failure> {
        timeout(READ_WITHIN, read).await.map_err(|_| Failure::TooLong)
    }

    /// A connection for one read.
    pub(super) async fn begin_read(&self) -> Result<UnderWay, Failure> {
        Ok(UnderWay { client: Some(self.client().await?), tls: self.tls.clone() })
    }

    /// A connection. Where the database takes no more of them, one that this node has is waited for.
    pub(super) async fn client(&self) -> Result<Object, Failure> {
        let until = Instant::now() + connecting::CONNECT_TIMEOUT;
        loop {
            match self.pool.get().await {
                Err(PoolError::Backend(error))
                    if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS)
                        && self.pool.status().size > 0
                        && Instant::now() < until =>
                {
                    sleep(TAKEN).await;
                }
                got => return Ok(got?),
            }
        }
    }

    /// A transaction that only reads, and sees one instant of a database that can be believed.
    pub(super) async fn reading<'a>(&self, client: &'a mut Object) -> Result<Transaction<'a>, Failure> {
        let begun =
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let tx = begun.start().await?;
        self.believe(&identity::look(&tx).await?)?;
        Ok(tx)
    }

    /// A transaction that writes to a database that can be believed.
    pub(super) async fn writing<'a>(&self, client: &'a mut Object) -> Result<Transaction<'a>, Failure> {
        let tx = client.transaction().await?;
        self.believe(&identity::look(&tx).await?)?;
        Ok(tx)
    }

    /// Sees what other nodes committed; where the database lacks what was told, new epochs begin.
    pub(super) async fn look(&self) -> Result<(), Failure> {
        match self.look_once().await {
            Err(Failure::OtherHistory) => {
                self.begin_epochs().await?;
                self.look_once().await
            }
            looked => looked,
        }
    }

    async fn look_once(&self) -> Result<(), Failure> {
        let mut client = self.client().await?;
        let at = Now::of(&self.lines.clock);
        let told: BTreeMap<CenterId, Standing> =
            self.lines.ids().into_iter().filter_map(|id| Some((id.clone(), self.told(&id)?))).collect();
        let tx = self.reading(&mut client).await?;
        let centers = reads::centers(&tx).await?;
        if centers
            .iter()
            .any(|(center, standing)| told.get(&center.id).is_some_and(|told| lacks(standing, told)))
        {
            return Err(Failure::OtherHistory);
        }
        for (center, standing) in centers {
            match self.lines.get(&center.id) {
                Some(line) => line.catch_up(standing, at),
                None => self.lines.add(center.id, standing, Some(at)),
            }
        }
        Ok(())
    }

    /// Where a center stands; never before what was told of it.
    pub(super) async fn standing(&self, center: &CenterId) -> Result<Option<Standing>, Failure> {
        let mut client = self.client().await?;
        let told = self.told(center);
        let tx = self.reading(&mut client).await?;
        let standing = reads::standing(&tx, center).await?;
        match (&standing, told) {
            (Some(standing), Some(told)) if lacks(standing, &told) => Err(Failure::OtherHistory),
            _ => Ok(standing),
        }
    }
}
