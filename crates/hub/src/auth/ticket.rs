//! Tickets for sockets: half a minute long, spent by one connection, good for all its namespaces.
//!
//! A ticket proves itself, so that any hub on the store takes it; that it was spent is kept in the store.

use super::token::{TokenSecret, hex, random_bytes};
use crate::store::{Store, StoreError};
use gwanje_model::UtcMillis;
use gwanje_wire::rest::TicketReply;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a ticket may be spent, milliseconds, from the wire contract.
pub const TICKET_LIFE_MS: i64 = 30_000;

/// The most tickets that a connection spends: one is good for all its namespaces.
const SPENT_MAX: usize = 16;

/// The tickets that connections of this hub have spent.
#[derive(Default)]
pub(super) struct Tickets {
    spent: Mutex<FxHashMap<String, Vec<Spent>>>,
}

/// A ticket that a connection has spent.
struct Spent {
    ticket: String,
    sign_in: Arc<str>,
}

/// A ticket of a sign-in.
pub(super) fn issue(secret: &TokenSecret, sign_in: &str, now: UtcMillis) -> TicketReply {
    let expires_at = now.plus_ms(TICKET_LIFE_MS);
    // Without randomness there is no ticket: it is refused when it is spent.
    let ticket = random_bytes().map(|nonce| secret.ticket(sign_in, &hex(&nonce), expires_at));
    TicketReply { ticket: ticket.unwrap_or_default(), expires_at }
}

impl Tickets {
    /// The sign-in of a ticket that this connection spends, or has spent before.
    pub async fn spend(
        &self,
        store: &Store,
        secret: &TokenSecret,
        ticket: &str,
        connection: &str,
        now: UtcMillis,
    ) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(sign_in) = self.spent_by(connection, ticket) {
            return Ok(Some(sign_in));
        }
        let Some((sign_in, nonce, expires_at)) = secret.read_ticket(ticket, now) else { return Ok(None) };
        // Looked at before anything is written.
        if self.has_spent(connection) >= SPENT_MAX {
            return Ok(None);
        }
        if !store.spend_ticket(&nonce, expires_at, now).await? {
            return Ok(None);
        }
        let sign_in: Arc<str> = sign_in.into();
        let spent = Spent { ticket: ticket.to_owned(), sign_in: Arc::clone(&sign_in) };
        let mut known = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(connection.to_owned()).or_default().push(spent);
        Ok(Some(sign_in))
    }

    fn spent_by(&self, connection: &str, ticket: &str) -> Option<Arc<str>> {
        let known = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = known.get(connection)?.iter().find(|spent| spent.ticket == ticket)?;
        Some(Arc::clone(&spent.sign_in))
    }

    fn has_spent(&self, connection: &str) -> usize {
        let known = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(connection).map_or(0, Vec::len)
    }

    /// The sign-in whose ticket a connection spent first.
    pub fn first_of(&self, connection: &str) -> Option<Arc<str>> {
        let known = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&known.get(connection)?.first()?.sign_in))
    }

    /// Forgets what was spent on a connection.
    pub fn forget(&self, connection: &str) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).remove(connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::StoreConfig;

    #[tokio::test]
    async fn one_connection_spends_it_for_all_its_namespaces_at_one_of_all_hubs() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let secret = TokenSecret::load(&store, None).await.unwrap();
        let (here, there) = (Tickets::default(), Tickets::default());
        let ticket = issue(&secret, "S", UtcMillis(0)).ticket;
        let spend = async |hub: &Tickets, connection, at| {
            hub.spend(&store, &secret, &ticket, connection, UtcMillis(at)).await.unwrap().is_some()
        };
        assert!(spend(&here, "one", TICKET_LIFE_MS - 1).await);
        assert!(spend(&here, "one", TICKET_LIFE_MS * 9).await, "another namespace, much later");
        assert!(!spend(&here, "two", TICKET_LIFE_MS - 1).await, "another connection");
        assert!(!spend(&there, "one", TICKET_LIFE_MS - 1).await, "another hub");
        here.forget("one");
        assert!(!spend(&here, "one", TICKET_LIFE_MS - 1).await, "the connection ended");
        let late = issue(&secret, "S", UtcMillis(0)).ticket;
        let late = there.spend(&store, &secret, &late, "three", UtcMillis(TICKET_LIFE_MS)).await;
        assert_eq!(late.unwrap(), None, "expired");
        let forged = ticket.replacen(".S.", ".T.", 1);
        assert_eq!(there.spend(&store, &secret, &forged, "four", UtcMillis(0)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_connection_spends_a_few() {
        let store = Store::open(StoreConfig::temporary(Clock::wall())).unwrap();
        let secret = TokenSecret::load(&store, None).await.unwrap();
        let tickets = Tickets::default();
        let mut count = 0;
        let refused = loop {
            let ticket = issue(&secret, "S", UtcMillis(0)).ticket;
            let spent = tickets.spend(&store, &secret, &ticket, "one", UtcMillis(1)).await.unwrap();
            if spent.is_none() {
                break ticket;
            }
            count += 1;
        };
        assert_eq!(count, SPENT_MAX);
        let elsewhere = tickets.spend(&store, &secret, &refused, "two", UtcMillis(1)).await.unwrap();
        assert!(elsewhere.is_some(), "what was refused was not spent");
    }
}
