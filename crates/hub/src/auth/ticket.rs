//! Tickets for sockets: half a minute long, spent by one connection, good for all its namespaces.

use super::token::{hex, random_bytes};
use gwanje_model::UtcMillis;
use gwanje_wire::rest::TicketReply;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a ticket may be spent, milliseconds, from the wire contract.
pub const TICKET_LIFE_MS: i64 = 30_000;
/// Looks for expired tickets once this many are kept: several times the connections of a large hub.
const SWEEP_AT: usize = 20_000;

/// Tickets that are neither expired nor forgotten.
#[derive(Default)]
pub(super) struct Tickets {
    known: Mutex<FxHashMap<String, Ticket>>,
}

struct Ticket {
    sign_in: Arc<str>,
    expires_at: UtcMillis,
    spent_by: Option<String>,
}

impl Tickets {
    /// A ticket of a sign-in.
    pub fn issue(&self, sign_in: Arc<str>, now: UtcMillis) -> TicketReply {
        let expires_at = now.plus_ms(TICKET_LIFE_MS);
        // Without randomness the ticket stays unknown: it is refused when it is spent.
        let Ok(bytes) = random_bytes() else { return TicketReply { ticket: String::new(), expires_at } };
        let ticket = hex(&bytes);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SWEEP_AT {
            known.retain(|_, ticket| ticket.spent_by.is_some() || ticket.expires_at > now);
        }
        known.insert(ticket.clone(), Ticket { sign_in, expires_at, spent_by: None });
        TicketReply { ticket, expires_at }
    }

    /// The sign-in of a ticket that this connection spends, or has spent before.
    pub fn spend(&self, ticket: &str, connection: &str, now: UtcMillis) -> Option<Arc<str>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get_mut(ticket)?;
        let allowed = match &found.spent_by {
            Some(by) => by == connection,
            None => found.expires_at > now,
        };
        allowed.then(|| {
            found.spent_by.get_or_insert_with(|| connection.to_owned());
            Arc::clone(&found.sign_in)
        })
    }

    /// Forgets what was spent on a connection.
    pub fn forget(&self, connection: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, ticket| ticket.spent_by.as_deref() != Some(connection));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_spends_it_for_all_its_namespaces() {
        let tickets = Tickets::default();
        let ticket = tickets.issue("S".into(), UtcMillis(0)).ticket;
        let spend = |connection, at| tickets.spend(&ticket, connection, UtcMillis(at)).is_some();
        assert!(spend("one", TICKET_LIFE_MS - 1));
        assert!(spend("one", TICKET_LIFE_MS * 9), "another namespace, much later");
        assert!(!spend("two", TICKET_LIFE_MS - 1), "another connection");
        tickets.forget("one");
        assert!(!spend("one", TICKET_LIFE_MS - 1), "the connection ended");
        let late = tickets.issue("S".into(), UtcMillis(0)).ticket;
        assert!(tickets.spend(&late, "three", UtcMillis(TICKET_LIFE_MS)).is_none(), "expired");
    }
}
