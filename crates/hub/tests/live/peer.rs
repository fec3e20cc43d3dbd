//! A Socket.IO client written by hand: what a peer that shares no code with the hub sees.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Far longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, joined to one namespace.
pub struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    namespace: String,
    next_ack: u64,
    /// Events that came while waiting for an answer.
    events: VecDeque<(String, Value)>,
}

impl Peer {
    /// Opens a WebSocket and reads the handshake; joins nothing yet.
    pub async fn open(base: &str, namespace: &str) -> (Self, Value) {
        let url = format!("{}/socket.io/?EIO=4&transport=websocket", base.replacen("http", "ws", 1));
        let (socket, _) = connect_async(url).await.expect("the hub accepts a WebSocket");
        let mut peer = Self { socket, namespace: namespace.to_owned(), next_ack: 0, events: VecDeque::new() };
        let open = peer.text().await.expect("a handshake");
        let open = serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
        (peer, open)
    }

    /// Speaks to another namespace of the same connection from now on.
    pub fn to(&mut self, namespace: &str) {
        namespace.clone_into(&mut self.namespace);
    }

    /// Joins with a ticket: the sid, or the refusal.
    pub async fn join(&mut self, ticket: &str, seat: &str) -> Result<Value, Value> {
        let auth = json!({ "ticket": ticket, "seat": seat });
        self.send(format!("{}{auth}", self.prefix("40"))).await;
        let (ok, no) = (self.prefix("40"), self.prefix("44"));
        loop {
            let text = self.text().await.expect("an answer to CONNECT");
            if let Some(body) = text.strip_prefix(&ok) {
                return Ok(serde_json::from_str(body).unwrap());
            }
            if let Some(body) = text.strip_prefix(&no) {
                return Err(serde_json::from_str(body).unwrap());
            }
        }
    }

    /// Emits an event and waits for its ack.
    pub async fn call(&mut self, event: &str, data: Value) -> Value {
        let id = self.next_ack;
        self.next_ack += 1;
        self.send(format!("{}{id}{}", self.prefix("42"), json!([event, data]))).await;
        let prefix = format!("{}{id}", self.prefix("43"));
        loop {
            let text = self.text().await.expect("an ack");
            if let Some(body) = text.strip_prefix(&prefix).filter(|rest| rest.starts_with('[')) {
                let mut arguments: Vec<Value> = serde_json::from_str(body).unwrap();
                return arguments.remove(0);
            }
            self.keep(&text);
        }
    }

    /// The next event of any name; `None` when the connection ends.
    pub async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let text = self.text().await?;
            self.keep(&text);
        }
    }

    /// The next event of that name; passes over others.
    pub async fn named(&mut self, name: &str) -> Value {
        loop {
            let (got, data) =
                self.event().await.unwrap_or_else(|| panic!("the connection ended before {name}"));
            if got == name {
                return data;
            }
        }
    }

    /// Reads until the connection ends.
    pub async fn ended(&mut self) {
        while self.event().await.is_some() {}
    }

    /// The default namespace is not written out.
    fn prefix(&self, kind: &str) -> String {
        if self.namespace == "/" { kind.to_owned() } else { format!("{kind}{},", self.namespace) }
    }

    fn keep(&mut self, text: &str) {
        if let Some(body) = text.strip_prefix(&self.prefix("42")) {
            let mut arguments: Vec<Value> = serde_json::from_str(body).unwrap();
            let data = if arguments.len() > 1 { arguments.remove(1) } else { Value::Null };
            self.events.push_back((arguments[0].as_str().unwrap().to_owned(), data));
        }
    }

    async fn send(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("the hub reads");
    }

    /// The next text that is no ping; pings are answered.
    async fn text(&mut self) -> Option<String> {
        loop {
            let next =
                tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the hub sends something");
            match next {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3".into()).await,
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}
