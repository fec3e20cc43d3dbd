//! A dialect: everything about a foreign server that is not in its messages.

use crate::error::MissingVariable;
use crate::event::EventRule;
use crate::path::JsonPath;
use crate::row::{ForeignRow, RowReader};
use crate::secret::{Secret, SecretJson};
use crate::time::Zone;
use gwanje_model::{CenterId, UtcMillis};
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything about a foreign server that is not in its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialect {
    /// What the server is called on screen.
    pub name: String,
    /// The one center that is followed.
    pub center: FollowedCenter,
    /// Where the server is.
    pub server: Server,
    /// What every request carries.
    pub auth: RequestAuth,
    /// The list of rows.
    pub snapshot: SnapshotRule,
    /// The socket; none: the list is polled.
    pub socket: Option<Socket>,
    /// What its messages mean.
    pub events: Vec<EventRule>,
    /// Where a message's name lies (STOMP and plain WebSocket); none: they have none.
    pub event_name: Option<JsonPath>,
    /// What its rows mean.
    pub rows: RowReader,
    /// Which clock the center's day goes by.
    pub clock: ClockSource,
}

/// The center that the server's rows belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedCenter {
    /// Its id.
    pub id: CenterId,
    /// Its name.
    pub name: String,
    /// Its zone: of the list's date, of clock times without one, and of the screen.
    pub zone: Zone,
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Base URLs (`http://…` or `https://…`, without a slash at the end), in order of preference.
    pub urls: Vec<String>,
    /// A request fails when its whole answer has not come after this long, milliseconds.
    pub timeout_ms: u64,
    /// The charset of what comes, where the server does not say; none: UTF-8.
    pub charset: Option<String>,
}

/// What every request and the socket's handshake carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestAuth {
    /// Headers: lower-case name and value.
    pub headers: Vec<(String, Secret)>,
    /// Query parameters.
    pub query: Vec<(String, Secret)>,
}

/// How the list of rows is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRule {
    /// Path and query; `{date}` and `{center}` are put in.
    pub path: String,
    /// `strftime` pattern of `{date}`.
    pub date_format: String,
    /// How many days are read, today and those before: each with its own request.
    pub days: u32,
    /// Where the rows lie in the answer.
    pub rows: JsonPath,
    /// Whether the server honours `If-None-Match`.
    pub etag: bool,
    /// Milliseconds between lists while the socket is joined.
    pub poll_ms: u64,
    /// Milliseconds between lists while it is not.
    pub fallback_poll_ms: u64,
    /// The list comes by pages.
    pub pages: Option<Pages>,
}

/// A list that comes by pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// Query parameter of the page's number.
    pub parameter: String,
    /// The first page's number.
    pub first: u64,
    /// A page with fewer rows is the last.
    pub rows: u64,
}

/// How messages come.
#[derive(Debug, Clone, PartialEq)]
pub enum Socket {
    /// Socket.IO 5 over Engine.IO 4.
    SocketIo(SocketIo),
    /// STOMP 1.2 over WebSocket.
    Stomp(Stomp),
    /// JSON texts.
    WebSocket(WebSocket),
}

/// Socket.IO 5 over Engine.IO 4, by WebSocket.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketIo {
    /// Path of the handshake.
    pub path: String,
    /// Version of Engine.IO: 4, or 3 for servers of Socket.IO 2.
    pub engine: u8,
    /// Which namespace.
    pub namespace: String,
    /// With the CONNECT packet: an object.
    pub auth: SecretJson,
    /// Emitted once the namespace is joined.
    pub emit: Vec<SocketIoEmit>,
}

/// An event to emit.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketIoEmit {
    /// Its name.
    pub event: String,
    /// Its argument.
    pub data: SecretJson,
}

/// STOMP 1.2 over WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stomp {
    /// Path of the WebSocket.
    pub path: String,
    /// The virtual host.
    pub host: String,
    /// With CONNECT, where the server wants it.
    pub login: Option<Secret>,
    /// With CONNECT, where the server wants it.
    pub passcode: Option<Secret>,
    /// Milliseconds between heart-beats, asked for in both directions; 0: none.
    pub heart_beat_ms: u64,
    /// What is subscribed to.
    pub destinations: Vec<String>,
}

/// A WebSocket of JSON texts.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocket {
    /// Path of the WebSocket.
    pub path: String,
    /// Sent, in this order, once it is open.
    pub hello: Vec<SecretJson>,
    /// Which text is sent to see whether it lives; none: WebSocket pings.
    pub ping: PlainPing,
    /// It is dead after this many milliseconds without any message or pong.
    pub silence_ms: u64,
    /// Texts of the server's that say that it lives, and nothing else.
    pub keep_alives: Vec<String>,
    /// Sent in answer to each of them; none: nothing.
    pub pong: Option<String>,
}

/// How a plain WebSocket is seen to live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainPing {
    /// Milliseconds between pings.
    pub every_ms: u64,
    /// The text to send; none: a ping frame, which every server answers.
    pub text: Option<String>,
}

/// Which clock the center's day goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSource {
    /// The desk's.
    Wall,
    /// The newest change that rows tell of: for replayed or simulated days.
    Rows,
}

impl Dialect {
    /// The environment variables that it takes secrets from.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (_, secret) in self.auth.headers.iter().chain(&self.auth.query) {
            secret.variables(&mut names);
        }
        match &self.socket {
            Some(Socket::SocketIo(socket)) => {
                socket.auth.variables(&mut names);
                socket.emit.iter().for_each(|emit| emit.data.variables(&mut names));
            }
            Some(Socket::Stomp(socket)) => {
                let secrets = socket.login.iter().chain(&socket.passcode);
                secrets.for_each(|secret| secret.variables(&mut names));
            }
            Some(Socket::WebSocket(socket)) => {
                socket.hello.iter().for_each(|hello| hello.variables(&mut names));
            }
            None => {}
        }
        names
    }

    /// Puts in the variables' values.
    ///
    /// # Errors
    /// When one is not set.
    pub fn resolve(mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVariable> {
        for (_, secret) in self.auth.headers.iter_mut().chain(&mut self.auth.query) {
            secret.resolve(&lookup)?;
        }
        match &mut self.socket {
            Some(Socket::SocketIo(socket)) => {
                socket.auth.resolve(&lookup)?;
                socket.emit.iter_mut().try_for_each(|emit| emit.data.resolve(&lookup))?;
            }
            Some(Socket::Stomp(socket)) => {
                let mut secrets = socket.login.iter_mut().chain(&mut socket.passcode);
                secrets.try_for_each(|secret| secret.resolve(&lookup))?;
            }
            Some(Socket::WebSocket(socket)) => {
                socket.hello.iter_mut().try_for_each(|hello| hello.resolve(&lookup))?;
            }
            None => {}
        }
        Ok(self)
    }

    /// The rule of a message; none: nobody knows it.
    #[must_use]
    pub fn event(&self, name: Option<&str>) -> Option<&EventRule> {
        let named = self.events.iter().find(|rule| rule.name.is_some() && rule.name.as_deref() == name);
        named.or_else(|| self.events.iter().find(|rule| rule.name.is_none()))
    }

    /// The rows in an answer to the list's request, taken out of it: an array, or the values of an object. `null` and an
    /// object without anything are an empty list; none: there is no list where it should be.
    #[must_use]
    pub fn take_listed(&self, answer: &mut Value) -> Option<Vec<Value>> {
        self.rows_of(self.snapshot.rows.find_mut(answer)?.take())
    }

    /// The rows of a list, however it is spelled.
    #[must_use]
    pub fn rows_of(&self, list: Value) -> Option<Vec<Value>> {
        match list {
            Value::Array(rows) => Some(rows),
            Value::Null => Some(Vec::new()),
            // A list of one is spelled as its row by some.
            Value::Object(members) if self.rows.names(&members) => Some(vec![Value::Object(members)]),
            Value::Object(members) => {
                let are_rows = members.values().all(|row| row.is_object() || row.is_array());
                are_rows.then(|| members.into_iter().map(|(_, row)| row).collect())
            }
            Value::String(text) => match gwanje_reading::several(&text).ok()?.0.as_mut_slice() {
                [list] if list.is_array() || list.is_object() => self.rows_of(list.take()),
                _ => None,
            },
            Value::Bool(_) | Value::Number(_) => None,
        }
    }

    /// Whether what a row says of its day is of the days that the list is read for.
    #[must_use]
    pub fn is_of_days(&self, row: &ForeignRow, at: UtcMillis) -> bool {
        let dates: Vec<String> = (0..self.snapshot.days)
            .filter_map(|days| self.center.zone.write(&self.snapshot.date_format, at, days))
            .collect();
        row.days.iter().all(|day| dates.iter().any(|date| day.starts_with(date.as_str())))
    }

    /// Whether the list's address says of which day it is.
    #[must_use]
    pub fn list_has_date(&self) -> bool {
        self.snapshot.path.contains("{date}")
    }

    /// What the list's path says of the day at a wall instant.
    #[must_use]
    pub fn list_date(&self, at: UtcMillis) -> String {
        self.center.zone.write(&self.snapshot.date_format, at, 0).unwrap_or_default()
    }

    /// Path and query of the list `days` before, at a wall instant, with the query parameters of `auth` and a page.
    #[must_use]
    pub fn list_path(&self, at: UtcMillis, days: u32, page: Option<u64>) -> String {
        let date = self.center.zone.write(&self.snapshot.date_format, at, days).unwrap_or_default();
        let path = self.snapshot.path.replace("{date}", &encoded(&date));
        let mut path = path.replace("{center}", &encoded(self.center.id.as_str()));
        if let (Some(pages), Some(page)) = (&self.snapshot.pages, page) {
            add_query(&mut path, &pages.parameter, &page.to_string());
        }
        self.with_query(path)
    }

    /// A path with the query parameters of `auth`.
    #[must_use]
    pub fn with_query(&self, mut path: String) -> String {
        for (name, value) in &self.auth.query {
            add_query(&mut path, name, value.expose());
        }
        path
    }
}

fn add_query(path: &mut String, name: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(&encoded(name));
    path.push('=');
    path.push_str(&encoded(value));
}

/// Percent-encoded but for what RFC 3986 leaves unreserved.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
