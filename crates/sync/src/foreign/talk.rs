//! What a kind of socket says and hears, as far as the link must know: three machines behind one face.

use super::heard::Heard;
use super::plain::PlainTalk;
use super::socket_io::SocketIoTalk;
use super::stomp::StompTalk;
use crate::io::Mono;
use gwanje_dialect::{Dialect, Socket};
use std::sync::Arc;

/// One connection.
#[derive(Debug)]
pub(super) enum Talk {
    SocketIo(SocketIoTalk),
    Stomp(StompTalk),
    Plain(PlainTalk),
}

impl Talk {
    /// A new connection; none: the dialect has no socket.
    pub(super) fn new(dialect: &Arc<Dialect>) -> Option<Self> {
        Some(match dialect.socket.as_ref()? {
            Socket::SocketIo(socket) => {
                Self::SocketIo(SocketIoTalk::new(socket.clone(), Arc::clone(dialect)))
            }
            Socket::Stomp(socket) => Self::Stomp(StompTalk::new(socket.clone(), dialect.event_name.clone())),
            Socket::WebSocket(socket) => {
                Self::Plain(PlainTalk::new(socket.clone(), dialect.event_name.clone()))
            }
        })
    }

    /// Path and query of its URL.
    pub(super) fn path(dialect: &Dialect) -> String {
        let path = match &dialect.socket {
            Some(Socket::SocketIo(socket)) => {
                format!("{}?EIO={}&transport=websocket", socket.path, socket.engine)
            }
            Some(Socket::Stomp(socket)) => socket.path.clone(),
            Some(Socket::WebSocket(socket)) => socket.path.clone(),
            None => "/".to_owned(),
        };
        dialect.with_query(path)
    }

    /// The WebSocket is open.
    pub(super) fn opened(&mut self, now: Mono) -> Vec<Heard> {
        match self {
            // The server speaks first.
            Self::SocketIo(_) => Vec::new(),
            Self::Stomp(talk) => talk.opened(now),
            Self::Plain(talk) => talk.opened(now),
        }
    }

    /// A text came.
    pub(super) fn text(&mut self, text: &str, now: Mono) -> Vec<Heard> {
        match self {
            Self::SocketIo(talk) => talk.text(text, now),
            Self::Stomp(talk) => talk.text(text, now),
            Self::Plain(talk) => talk.text(text),
        }
    }

    /// What is to be sent by now, unasked.
    pub(super) fn due(&mut self, now: Mono) -> Vec<Heard> {
        match self {
            Self::SocketIo(talk) => talk.due(now),
            Self::Stomp(talk) => talk.due(now),
            Self::Plain(talk) => talk.due(now),
        }
    }

    /// What an open socket waits for until it is joined.
    pub(super) fn step(&self) -> String {
        match self {
            Self::SocketIo(talk) => talk.step(),
            Self::Stomp(talk) => talk.step(),
            Self::Plain(_) => "the WebSocket to open".to_owned(),
        }
    }

    /// When [`Talk::due`] has something.
    pub(super) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::SocketIo(talk) => talk.deadline(),
            Self::Stomp(talk) => talk.deadline(),
            Self::Plain(talk) => talk.deadline(),
        }
    }

    /// After this many milliseconds without anything the socket is dead, whatever TCP says (rule 7); none: the shell sees
    /// to that by ping frames, or the server promised nothing.
    pub(super) fn silence_ms(&self) -> Option<u64> {
        match self {
            Self::SocketIo(talk) => talk.silence_ms(),
            Self::Stomp(talk) => talk.silence_ms(),
            Self::Plain(talk) => talk.silence_ms(),
        }
    }
}
