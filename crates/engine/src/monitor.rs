//! What a person sees of the hubs: asked for while somebody looks, and kept nowhere. What an account may see of it the hub
//! decides.

use crate::error::EngineError;
use crate::handle::Engine;
use crate::ipc::{ClientsView, ClientsWish};
use crate::message::Access;
use gwanje_wire::monitor::{CLIENTS_PAGE_MAX, ClientsReply, MonitorReply};
use url::Url;

/// The most sockets that a list holds: two pages of a hub. Who looks for one of more narrows the list.
pub const CLIENTS_SHOWN_MAX: usize = 2 * CLIENTS_PAGE_MAX;

impl Engine {
    /// The hubs, how many are connected to what, and what went wrong; asks the server.
    ///
    /// # Errors
    /// When the server refuses or can't be reached; a foreign one has no monitor.
    pub async fn monitor(&self) -> Result<MonitorReply, EngineError> {
        let access = self.access().await?;
        self.http.read("the monitor", access.url(&["monitor"])?, &access.token).await
    }

    /// The first [`CLIENTS_SHOWN_MAX`] of the sockets that are wished for; asks the server, page by page.
    ///
    /// # Errors
    /// When the server refuses or can't be reached; a foreign one has no monitor.
    pub async fn monitor_clients(&self, wish: &ClientsWish) -> Result<ClientsView, EngineError> {
        let access = self.access().await?;
        let (mut clients, mut cursor) = (Vec::new(), None);
        loop {
            let url = clients_url(&access, wish, cursor.as_deref())?;
            let page: ClientsReply = self.http.read("the list of clients", url, &access.token).await?;
            // A page without anybody that names a further one would be asked for again and again.
            let is_last = page.next.is_none() || page.clients.is_empty();
            clients.extend(page.clients);
            if is_last || clients.len() >= CLIENTS_SHOWN_MAX {
                let more = page.next.is_some() || clients.len() > CLIENTS_SHOWN_MAX;
                clients.truncate(CLIENTS_SHOWN_MAX);
                return Ok(ClientsView { clients, more });
            }
            cursor = page.next;
        }
    }

    /// Closes a connection, at whichever hub it is. Its seat connects again by itself.
    ///
    /// # Errors
    /// When the server refuses or can't be reached, and when there is no such connection any more.
    pub async fn put_out(&self, connection: &str) -> Result<(), EngineError> {
        let access = self.access().await?;
        self.http.delete(access.url(&["monitor", "clients", connection])?, &access.token).await
    }
}

fn clients_url(access: &Access, wish: &ClientsWish, cursor: Option<&str>) -> Result<Url, EngineError> {
    let mut url = access.url(&["monitor", "clients"])?;
    let limit = CLIENTS_PAGE_MAX.to_string();
    let asked = [
        ("namespace", wish.namespace.as_deref()),
        ("room", wish.room.as_deref()),
        ("account", wish.account.as_deref()),
        ("cursor", cursor),
        ("limit", Some(limit.as_str())),
    ];
    for (name, value) in asked {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_typed_stays_a_value() {
        let access = Access { base: "http://127.0.0.1:7400".to_owned(), token: "t".to_owned() };
        let wish = ClientsWish {
            namespace: Some("/center/강남".to_owned()),
            room: None,
            account: Some("a&limit=1#b".to_owned()),
        };
        let url = clients_url(&access, &wish, Some("id@/center/강남")).unwrap();
        assert_eq!(url.path(), "/api/v1/monitor/clients");
        let pairs: Vec<(String, String)> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let expected = [
            ("namespace", "/center/강남"),
            ("account", "a&limit=1#b"),
            ("cursor", "id@/center/강남"),
            ("limit", "1000"),
        ];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
