//! Socket messages: a WebSocket on either side, and a rule between them that drops, doubles, delays, rewrites, invents.

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{accept_hdr_async, connect_async};

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the client to the hub.
    Up,
    /// From the hub to the client.
    Down,
}

/// A Socket.IO event out of a message: `42/center/gangnam,["head",{…}]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Packet type, namespace and what else comes before the list.
    before: String,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

impl Event {
    /// The event in a message, if it is one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let list = text.starts_with("42").then(|| text.find('[')).flatten()?;
        let (before, list) = text.split_at(list);
        match serde_json::from_str::<(String, Value)>(list) {
            Ok((name, data)) => Some(Self { before: before.to_owned(), name, data }),
            Err(_) => None,
        }
    }

    /// Whether it tells of changed deliveries.
    #[must_use]
    pub fn is_deliveries(text: &str) -> bool {
        text.starts_with("42") && text.contains("[\"deliveries\",")
    }

    /// As a message again.
    #[must_use]
    pub fn text(&self) -> String {
        self.with(&self.name, &self.data)
    }

    /// The message of another event in the same namespace.
    #[must_use]
    pub fn with(&self, name: &str, data: &Value) -> String {
        format!("{}{}", self.before, Value::from(vec![Value::from(name), data.clone()]))
    }

    /// A message in the same namespace whose list is that text, whatever it is.
    #[must_use]
    pub fn raw(&self, list: &str) -> String {
        format!("{}{list}", self.before)
    }
}

type Rule = Box<dyn FnMut(Way, &str) -> Vec<String> + Send>;

/// What all sockets through a proxy share.
#[derive(Default)]
pub(super) struct Relay {
    rule: Mutex<Option<Rule>>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Relay {
    pub fn set_rule(&self, rule: Option<Rule>) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    fn judge(&self, way: Way, text: &str) -> Vec<String> {
        match self.rule.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(rule) => rule(way, text),
            None => vec![text.to_owned()],
        }
    }
}

/// Relays sockets to `target` on any free port.
pub(super) async fn serve(relay: Arc<Relay>, target: String) -> Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for sockets")?;
    let at = listener.local_addr()?.to_string();
    let task = tokio::spawn(async move {
        let mut sockets = tokio::task::JoinSet::new();
        while let Ok((near, _)) = listener.accept().await {
            let (relay, target) = (relay.clone(), target.clone());
            sockets.spawn(async move {
                // One that breaks is closed on both sides; that is all there is to do about it.
                let _ = carry(near, &relay, &target).await;
            });
            while sockets.try_join_next().is_some() {}
        }
    });
    Ok((at, task))
}

async fn carry(near: TcpStream, relay: &Relay, target: &str) -> Result<()> {
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the type of the library's callback")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        path = request.uri().to_string();
        Ok(response)
    };
    let mut near = accept_hdr_async(near, look).await?;
    let (mut far, _) = connect_async(format!("ws://{target}{path}")).await?;
    loop {
        let (way, message) = tokio::select! {
            message = near.next() => (Way::Up, message),
            message = far.next() => (Way::Down, message),
        };
        let Some(message) = message else { return Ok(()) };
        let onward = match message? {
            Message::Text(text) => relay.judge(way, &text).into_iter().map(Message::text).collect(),
            Message::Close(_) => return Ok(()),
            other @ (Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                vec![other]
            }
        };
        for message in onward {
            match way {
                Way::Up => far.send(message).await?,
                Way::Down => near.send(message).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_and_written() {
        let text = r#"42/center/gangnam,["head",{"rev":7}]"#;
        let event = Event::read(text).unwrap();
        assert_eq!((event.name.as_str(), event.data["rev"].as_u64()), ("head", Some(7)));
        assert_eq!(event.text(), text);
        assert_eq!(event.raw("[oops"), "42/center/gangnam,[oops");
        for other in ["2", "40/center/gangnam,{}", "43/center/gangnam,1[{}]", "42[", "42/c,[1]"] {
            assert_eq!(Event::read(other), None, "{other}");
        }
    }
}
