//! All hubs and clients, listed by what they are asked for: namespaces, rooms, accounts, connections. Counts are ready.

use super::sight::Sight;
use gwanje_model::{Text, UtcMillis};
use gwanje_wire::monitor::{
    CLIENTS_PAGE, CLIENTS_PAGE_MAX, ClientsReply, MONITOR_LAST_MAX, MonitorClient, MonitorCounts,
    MonitorError, MonitorNode, MonitorTotals, NamespaceCount, RoomCount,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

/// Which clients are asked for.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// In this namespace.
    pub namespace: Option<Text>,
    /// In a room of this name.
    pub room: Option<Text>,
    /// With this account.
    pub account: Option<Text>,
    /// After the end of this page.
    pub cursor: Option<String>,
    /// So many at most.
    pub limit: Option<usize>,
}

/// Of a client: its namespace and its connection.
type ClientKey = (Text, Text);

#[derive(Debug, Default)]
pub(super) struct Listing {
    nodes: BTreeMap<String, (MonitorNode, bool)>,
    clients: BTreeMap<ClientKey, (String, Arc<MonitorClient>)>,
    namespaces: BTreeMap<Text, Members>,
    accounts: BTreeMap<Text, BTreeSet<ClientKey>>,
    connections: BTreeMap<Text, BTreeSet<Text>>,
    errors: BTreeMap<(String, String), Arc<MonitorError>>,
}

/// Who is in a namespace.
#[derive(Debug, Default)]
struct Members {
    clients: u64,
    /// How many clients each account has.
    accounts: BTreeMap<Text, u64>,
    /// The connections in each room.
    rooms: BTreeMap<Text, BTreeSet<Text>>,
}

impl Listing {
    pub fn put_node(&mut self, hub: &str, node: MonitorNode, ready: bool) {
        self.nodes.insert(hub.to_owned(), (node, ready));
    }

    pub fn remove_node(&mut self, hub: &str) {
        // Its name stays until it is forgotten.
        if let Some((_, ready)) = self.nodes.get_mut(hub) {
            *ready = false;
        }
    }

    /// Forgets a hub; the name that it had.
    pub fn forget(&mut self, hub: &str) -> Option<Text> {
        self.nodes.remove(hub).map(|(node, _)| node.id)
    }

    pub fn knows(&self, hub: &str) -> bool {
        self.nodes.contains_key(hub)
    }

    /// True: it was not there before.
    pub fn put_client(&mut self, hub: &str, client: Arc<MonitorClient>) -> bool {
        let key = (client.namespace.clone(), client.connection_id.clone());
        let before = self.clients.insert(key.clone(), (hub.to_owned(), Arc::clone(&client)));
        if let Some((_, before)) = &before {
            self.take_out(before);
        }
        let members = self.namespaces.entry(client.namespace.clone()).or_default();
        members.clients += 1;
        *members.accounts.entry(client.account.clone()).or_default() += 1;
        for room in &client.rooms {
            members.rooms.entry(room.clone()).or_default().insert(client.connection_id.clone());
        }
        self.connections.entry(client.connection_id.clone()).or_default().insert(client.namespace.clone());
        self.accounts.entry(client.account.clone()).or_default().insert(key);
        before.is_none()
    }

    /// True: it was there.
    pub fn remove_client(&mut self, client: &MonitorClient) -> bool {
        let key = (client.namespace.clone(), client.connection_id.clone());
        let Some((_, kept)) = self.clients.remove(&key) else { return false };
        self.take_out(&kept);
        true
    }

    /// Takes a client out of all counts.
    fn take_out(&mut self, client: &MonitorClient) {
        if let Some(members) = self.namespaces.get_mut(&client.namespace) {
            members.clients -= 1;
            if let Some(count) = members.accounts.get_mut(&client.account) {
                *count -= 1;
                if *count == 0 {
                    members.accounts.remove(&client.account);
                }
            }
            for room in &client.rooms {
                remove_from(&mut members.rooms, room, &client.connection_id);
            }
            if members.clients == 0 {
                self.namespaces.remove(&client.namespace);
            }
        }
        remove_from(&mut self.connections, &client.connection_id, &client.namespace);
        let key = (client.namespace.clone(), client.connection_id.clone());
        remove_from(&mut self.accounts, &client.account, &key);
    }

    pub fn put_error(&mut self, hub: &str, key: &str, error: Arc<MonitorError>) {
        self.errors.insert((hub.to_owned(), key.to_owned()), error);
    }

    pub fn remove_error(&mut self, hub: &str, key: &str) {
        self.errors.remove(&(hub.to_owned(), key.to_owned()));
    }

    /// The client of a hub's entry.
    pub fn entry_of(&self, key: &str) -> Option<Arc<MonitorClient>> {
        let (connection, namespace) = key.strip_prefix("client ")?.split_once(' ')?;
        self.client(namespace, connection)
    }

    pub fn client(&self, namespace: &str, connection: &str) -> Option<Arc<MonitorClient>> {
        let key = (namespace.into(), connection.into());
        self.clients.get(&key).map(|(_, client)| Arc::clone(client))
    }

    pub fn holder(&self, connection: &str) -> Option<MonitorNode> {
        let namespace = self.connections.get(connection)?.first()?;
        let (hub, _) = self.clients.get(&(namespace.clone(), connection.into()))?;
        self.nodes.get(hub).map(|(node, _)| node.clone())
    }

    pub fn node(&self, name: &str) -> Option<MonitorNode> {
        let named = self.nodes.values().map(|(node, _)| node).filter(|node| node.id == name);
        named.max_by_key(|node| node.started_at).cloned()
    }

    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_another_ready(&self, hub: &str) -> bool {
        self.nodes.iter().any(|(other, (_, ready))| other != hub && *ready)
    }

    /// The last errors, the latest first.
    pub fn errors(&self, sight: &Sight) -> Vec<MonitorError> {
        let mut errors: Vec<&Arc<MonitorError>> =
            self.errors.values().filter(|error| sight.error(error)).collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.at));
        errors.into_iter().take(MONITOR_LAST_MAX).map(|error| MonitorError::clone(error)).collect()
    }

    pub fn counts(&self, sight: &Sight, at: UtcMillis) -> MonitorCounts {
        if let Sight::Own(account) = sight {
            return self.own_counts(account, at);
        }
        let seen = || self.namespaces.iter().filter(|(name, _)| sight.namespace(name));
        let namespaces: Vec<NamespaceCount> = seen().map(|(name, members)| members.counted(name)).collect();
        let accounts = if *sight == Sight::All {
            self.accounts.len()
        } else {
            seen().flat_map(|(_, members)| members.accounts.keys()).collect::<BTreeSet<_>>().len()
        };
        let nodes = self.nodes.values().map(|(node, _)| node.clone()).collect();
        MonitorCounts { at, nodes: by_name(nodes), totals: totals(&namespaces, accounts), namespaces }
    }

    /// Of an account's own connections, and the hubs that hold them.
    fn own_counts(&self, account: &str, at: UtcMillis) -> MonitorCounts {
        let mut own = Self::default();
        let held = self.accounts.get(account).into_iter().flatten().filter_map(|key| self.clients.get(key));
        for (hub, client) in held {
            own.put_client(hub, Arc::clone(client));
            if let Some((node, ready)) = self.nodes.get(hub) {
                own.put_node(hub, node.clone(), *ready);
            }
        }
        own.counts(&Sight::All, at)
    }

    pub fn page(&self, sight: &Sight, filter: &ClientFilter) -> ClientsReply {
        let limit = filter.limit.unwrap_or(CLIENTS_PAGE).min(CLIENTS_PAGE_MAX);
        let after = filter.cursor.as_deref().and_then(read_cursor);
        let own = if let Sight::Own(account) = sight { Some(account) } else { None };
        let is_wanted = |client: &MonitorClient| {
            sight.client(client)
                && filter.namespace.as_ref().is_none_or(|namespace| client.namespace == *namespace)
                && filter.room.as_ref().is_none_or(|room| client.rooms.contains(room))
                && filter.account.as_ref().is_none_or(|account| client.account == *account)
        };
        let keys: Box<dyn Iterator<Item = ClientKey>> = match (own.or(filter.account.as_ref()), &after) {
            (Some(account), Some(after)) => {
                let of = self.accounts.get(account).into_iter();
                Box::new(of.flat_map(move |keys| keys.range((Excluded(after), Unbounded))).cloned())
            }
            (Some(account), None) => Box::new(self.accounts.get(account).into_iter().flatten().cloned()),
            (None, _) => Box::new(self.keys(sight, filter, after.clone())),
        };
        let wanted = keys.filter_map(|key| self.clients.get(&key)).map(|(_, client)| client);
        let mut clients: Vec<MonitorClient> = wanted
            .filter(|client| is_wanted(client))
            .take(limit + 1)
            .map(|client| MonitorClient::clone(client))
            .collect();
        let more = clients.len() > limit;
        clients.truncate(limit);
        let last = clients.last().filter(|_| more);
        let next = last.map(|last| format!("{}@{}", last.connection_id, last.namespace));
        ClientsReply { clients, next }
    }

    /// The clients of the namespaces and the room that are asked for, in order: those that are passed over cost nothing.
    fn keys<'a>(
        &'a self,
        sight: &'a Sight,
        filter: &'a ClientFilter,
        after: Option<ClientKey>,
    ) -> impl Iterator<Item = ClientKey> + 'a {
        let from = after.clone().map_or(Unbounded, |(namespace, _)| Included(namespace));
        let namespaces = self.namespaces.range((from, Unbounded)).filter(|(name, _)| {
            sight.namespace(name) && filter.namespace.as_ref().is_none_or(|wanted| *name == wanted)
        });
        namespaces.flat_map(move |(name, members)| {
            let after = after.as_ref().filter(|(namespace, _)| namespace == name).map(|(_, id)| id.clone());
            let connections: Box<dyn Iterator<Item = Text> + 'a> = match &filter.room {
                Some(room) => {
                    let from = after.map_or(Unbounded, Excluded);
                    let of = members.rooms.get(room).into_iter();
                    Box::new(of.flat_map(move |ids| ids.range((from.clone(), Unbounded))).cloned())
                }
                None => {
                    let first = (name.clone(), after.clone().unwrap_or_default());
                    let from = if after.is_some() { Excluded(first) } else { Included(first) };
                    let of = self.clients.range((from, Unbounded));
                    let of = of.take_while(move |((namespace, _), _)| namespace == name);
                    Box::new(of.map(|((_, connection), _)| connection.clone()))
                }
            };
            connections.map(|connection| (name.clone(), connection))
        })
    }
}

impl Members {
    fn counted(&self, name: &Text) -> NamespaceCount {
        let room = |(name, ids): (&Text, &BTreeSet<Text>)| RoomCount {
            name: name.clone(),
            clients: ids.len() as u64,
        };
        NamespaceCount {
            name: name.clone(),
            clients: self.clients,
            rooms: self.rooms.iter().map(room).collect(),
        }
    }
}

fn totals(namespaces: &[NamespaceCount], accounts: usize) -> MonitorTotals {
    MonitorTotals {
        clients: namespaces.iter().map(|namespace| namespace.clients).sum(),
        accounts: accounts as u64,
        namespaces: namespaces.len() as u64,
        rooms: namespaces.iter().map(|namespace| namespace.rooms.len() as u64).sum(),
    }
}

fn by_name(mut nodes: Vec<MonitorNode>) -> Vec<MonitorNode> {
    nodes.sort_by(|a, b| (&a.id, a.started_at).cmp(&(&b.id, b.started_at)));
    nodes
}

fn read_cursor(cursor: &str) -> Option<ClientKey> {
    let (connection, namespace) = cursor.split_once('@')?;
    Some((namespace.into(), connection.into()))
}

fn remove_from<K: Ord, V: Ord>(sets: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_model::Role;
    use gwanje_wire::monitor::Behind;

    fn client(n: usize, namespace: &str, account: &str, rooms: &[&str]) -> Arc<MonitorClient> {
        let id = Text::from(format!("{n:06}"));
        Arc::new(MonitorClient {
            socket_id: id.clone(),
            connection_id: id,
            account: account.into(),
            name: account.into(),
            role: Role::Dispatcher,
            seat: account.into(),
            namespace: namespace.into(),
            rooms: rooms.iter().map(|room| Text::from(*room)).collect(),
            since: UtcMillis(0),
            node: "a".into(),
            transport: "websocket".into(),
            behind: Behind::default(),
        })
    }

    fn listing() -> Listing {
        let mut listing = Listing::default();
        for n in 0..250 {
            let rooms: &[&str] = if n % 2 == 0 { &["deliveries", "seats"] } else { &["deliveries"] };
            assert!(listing.put_client("a", client(n, "/center/gangnam", &format!("u{}", n % 10), rooms)));
        }
        listing.put_client("b", client(900, "/center/songpa", "u1", &["seats"]));
        listing.put_client("b", client(900, "/monitor", "u1", &[]));
        listing
    }

    fn ids(listing: &Listing, sight: &Sight, filter: &ClientFilter) -> Vec<String> {
        let mut ids = Vec::new();
        let mut filter = filter.clone();
        loop {
            let page = listing.page(sight, &filter);
            let of =
                page.clients.iter().map(|client| format!("{}{}", client.connection_id, client.namespace));
            ids.extend(of);
            match page.next {
                Some(next) => filter.cursor = Some(next),
                None => return ids,
            }
        }
    }

    #[test]
    fn pages_together_are_all_that_was_asked_for_once_each() {
        let listing = listing();
        let of = |namespace: Option<&str>, room: Option<&str>, account: Option<&str>| ClientFilter {
            namespace: namespace.map(Text::from),
            room: room.map(Text::from),
            account: account.map(Text::from),
            cursor: None,
            limit: Some(7),
        };
        let songpa = Sight::Centers(std::iter::once("songpa".into()).collect());
        for (sight, filter, expected) in [
            (&Sight::All, of(None, None, None), 252),
            (&Sight::All, of(Some("/center/gangnam"), None, None), 250),
            (&Sight::All, of(None, Some("seats"), None), 126),
            (&Sight::All, of(Some("/center/gangnam"), Some("seats"), None), 125),
            (&Sight::All, of(None, None, Some("u1")), 27),
            (&Sight::All, of(None, Some("seats"), Some("u1")), 1),
            (&Sight::All, of(Some("/center/mapo"), None, None), 0),
            (&songpa, of(None, None, None), 1),
            (&songpa, of(Some("/center/gangnam"), None, None), 0),
            (&songpa, of(None, None, Some("u2")), 0),
            (&Sight::Own("u1".into()), of(None, None, None), 27),
            (&Sight::Own("u1".into()), of(None, None, Some("u2")), 0),
        ] {
            let mut found = ids(&listing, sight, &filter);
            assert_eq!(found.len(), expected, "{filter:?}");
            found.sort();
            found.dedup();
            assert_eq!(found.len(), expected, "once each: {filter:?}");
        }
    }

    #[test]
    fn counts_follow_every_change_and_end_with_nothing() {
        let mut listing = listing();
        let counts = listing.counts(&Sight::All, UtcMillis(0));
        let expected = MonitorTotals { clients: 252, accounts: 10, namespaces: 3, rooms: 3 };
        assert_eq!(counts.totals, expected);
        assert_eq!(counts.namespaces[0].rooms[1], RoomCount { name: "seats".into(), clients: 125 });
        let own = listing.counts(&Sight::Own("u1".into()), UtcMillis(0));
        assert_eq!(own.totals, MonitorTotals { clients: 27, accounts: 1, namespaces: 3, rooms: 2 });
        let songpa = Sight::Centers(std::iter::once("songpa".into()).collect());
        let one = listing.counts(&songpa, UtcMillis(0));
        assert_eq!(one.totals, MonitorTotals { clients: 1, accounts: 1, namespaces: 1, rooms: 1 });
        // Another subscription changes the rooms alone.
        assert!(!listing.put_client("b", client(900, "/center/songpa", "u1", &["riders"])));
        let one = listing.counts(&songpa, UtcMillis(0));
        assert_eq!(one.namespaces[0].rooms, [RoomCount { name: "riders".into(), clients: 1 }]);
        let all: Vec<_> = listing.clients.values().map(|(_, client)| Arc::clone(client)).collect();
        assert!(all.iter().all(|client| listing.remove_client(client)));
        assert_eq!(listing.counts(&Sight::All, UtcMillis(0)).totals, MonitorTotals::default());
        assert!(listing.accounts.is_empty() && listing.connections.is_empty());
    }
}
