//! The core that an owner drives: of a hub, or of a foreign server. Both take the same inputs and ask for the same
//! actions.

#[cfg(feature = "faults")]
use crate::message::RowFault;
#[cfg(feature = "faults")]
use gwanje_model::DeliveryId;
use gwanje_model::{CenterId, UtcMillis};
use gwanje_sync::dialect::Dialect;
use gwanje_sync::{Action, Client, Foreign, Input, Mono, Now, SocketOptions, Stats, UnreadKind};

/// See the module's doc.
#[derive(Debug)]
pub(crate) enum Core {
    Hub(Box<Client>),
    Foreign(Box<Foreign>),
}

impl Core {
    pub(crate) fn handle(&mut self, input: Input, now: Now) {
        match self {
            Self::Hub(client) => client.handle(input, now),
            Self::Foreign(foreign) => foreign.handle(input, now),
        }
    }

    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        match self {
            Self::Hub(client) => client.poll_action(),
            Self::Foreign(foreign) => foreign.poll_action(),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Hub(client) => client.deadline(),
            Self::Foreign(foreign) => foreign.deadline(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        match self {
            Self::Hub(client) => client.stats(),
            Self::Foreign(foreign) => foreign.stats(),
        }
    }

    pub(crate) fn center_stats(&self, center: &CenterId) -> Option<Stats> {
        match self {
            Self::Hub(client) => client.center_stats(center),
            Self::Foreign(foreign) => (foreign.dialect().center.id == *center).then(|| foreign.stats()),
        }
    }

    /// Rows of a center, and when each of its buckets was compared last.
    pub(crate) fn rows_of(&self, center: &CenterId) -> Option<(usize, &[Option<UtcMillis>])> {
        match self {
            Self::Hub(client) => {
                let session = client.session(center)?;
                Some((session.rows().count(), session.compared_at()))
            }
            // Its list is compared whole, never by bucket.
            Self::Foreign(foreign) => Some((foreign.rows().count(), &[])),
        }
    }

    /// What of a foreign server's words could not be read.
    pub(crate) fn unread(&self) -> Vec<UnreadKind> {
        match self {
            Self::Hub(_) => Vec::new(),
            Self::Foreign(foreign) => foreign.unread(),
        }
    }

    /// Access token and base URL, for reads that an interface makes by itself. None for a foreign server, which gives
    /// only its list.
    pub(crate) fn access(&self) -> Option<(&str, &str)> {
        match self {
            Self::Hub(client) => client.access(),
            Self::Foreign(_) => None,
        }
    }

    /// The base URL followed at present: the socket's, or the one of requests while there is no socket.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Hub(client) => {
                let (requests, socket) = client.endpoints();
                Some(socket.unwrap_or(requests))
            }
            Self::Foreign(foreign) => Some(foreign.endpoint()),
        }
    }

    pub(crate) fn socket_options(&self) -> SocketOptions {
        match self {
            Self::Hub(_) => SocketOptions::default(),
            Self::Foreign(foreign) => foreign.socket_options(),
        }
    }

    /// The dialect of a foreign server.
    pub(crate) fn dialect(&self) -> Option<&Dialect> {
        match self {
            Self::Hub(_) => None,
            Self::Foreign(foreign) => Some(foreign.dialect()),
        }
    }

    /// Injects a fault, for tests.
    #[cfg(feature = "faults")]
    pub(crate) fn fault(&mut self, center: &CenterId, id: DeliveryId, fault: RowFault) -> bool {
        match self {
            Self::Hub(client) => client.fault(center, |session| match fault {
                RowFault::Lose => session.lose_row(id),
                RowFault::Flip => session.flip_row(id),
            }),
            Self::Foreign(_) => false,
        }
    }
}
