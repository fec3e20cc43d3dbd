//! Transactions on a database that can be believed: each begins with a look at the server, and where that shows another
//! history new epochs begin first.

use super::failure::Failure;
use super::identity::lacks;
use super::{Shared, connecting, identity, reads};
use crate::store::Now;
use deadpool_postgres::{Object, PoolError, Transaction};
use gwanje_ledger::Standing;
use gwanje_model::CenterId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_postgres::IsolationLevel;
use tokio_postgres::error::SqlState;

/// Between two looks for a connection while the database takes no more of them.
const TAKEN: Duration = Duration::from_millis(50);

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
            let mut client = $self.shared.client().await?;
            let $tx = &$self.shared.reading(&mut client).await?;
            Ok::<_, Failure>($read)
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

impl Shared {
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
