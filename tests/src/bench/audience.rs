//! Audience for benchmarks: many sockets in this process that do as little as a client can, and count what comes.

use crate::api::Api;
use anyhow::{Context, Result, bail, ensure};
use futures_util::stream::{self, StreamExt};
use futures_util::{SinkExt, TryFutureExt};
use gwanje_wire::rest::TicketReply;
use gwanje_wire::sio::{Conversation, Received};
use gwanje_wire::socket::{ConnectAuth, SOCKET_PATH, SimpleAck, Stream, Subscribe};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Sockets that join at once: far below what a hub takes in.
const JOINING: usize = 64;
/// For a socket to join.
const PATIENCE: Duration = Duration::from_secs(30);
/// Frames begin with their cursors; this is more than these take.
const CURSORS_WITHIN: usize = 256;

/// What all followers together were sent so far.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// Frames.
    pub frames: u64,
    /// Changes in them.
    pub changes: u64,
    /// Their bytes as text.
    pub bytes: u64,
}

impl Counted {
    /// What came since then.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            frames: self.frames - before.frames,
            changes: self.changes - before.changes,
            bytes: self.bytes - before.bytes,
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    frames: AtomicU64,
    changes: AtomicU64,
    bytes: AtomicU64,
    /// Frames that did not begin where the one before ended.
    gaps: AtomicU64,
    /// Sockets that ended.
    ended: AtomicU64,
}

/// Sockets that follow. They end with this handle, which has to end before the server does.
pub struct Audience {
    counts: Arc<Counts>,
    following: JoinSet<()>,
}

impl Audience {
    /// That many sockets at `http://HOST:PORT`, each subscribed to the deliveries of these namespaces. Tickets come from the
    /// hub that is signed in to; where there is none, the server asks for none.
    ///
    /// # Errors
    /// When one can't join.
    pub async fn join(server: &str, hub: Option<&Api>, namespaces: &[String], sockets: u32) -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let joining = stream::iter(0..sockets).map(|n| {
            let joined = async move {
                let ticket = match hub {
                    Some(api) => {
                        let reply = api.post("/socket-tickets", &json!({})).await?;
                        serde_json::from_value::<TicketReply>(reply)?.ticket
                    }
                    None => String::new(),
                };
                let auth = ConnectAuth { ticket, seat: Some(format!("seat-{n}").as_str().into()) };
                let joined = timeout(PATIENCE, Follower::join(server, namespaces, auth));
                joined.await.context("joining takes too long")?
            };
            joined.map_err(move |error: anyhow::Error| error.context(format!("socket {n}")))
        });
        let mut joining = joining.buffer_unordered(JOINING);
        let mut following = JoinSet::new();
        // Each answers pings from the moment it has joined, however long the others take.
        while let Some(joined) = joining.next().await {
            let (follower, counts): (Follower, _) = (joined?, Arc::clone(&counts));
            following.spawn(async move {
                if let Err(error) = follower.follow(&counts).await {
                    // The first is enough to know why.
                    if counts.ended.fetch_add(1, Ordering::Relaxed) == 0 {
                        eprintln!("a follower's socket ended: {error:#}");
                    }
                }
            });
        }
        Ok(Self { counts, following })
    }

    /// What came so far.
    ///
    /// # Errors
    /// When a socket has ended, or lacked a frame.
    pub fn counted(&self) -> Result<Counted> {
        let Counts { frames, changes, bytes, gaps, ended } = &*self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ensure!(read(ended) == 0, "{} of {} sockets ended", read(ended), self.following.len());
        ensure!(read(gaps) == 0, "{} frames did not follow on the one before", read(gaps));
        Ok(Counted { frames: read(frames), changes: read(changes), bytes: read(bytes) })
    }
}

/// One socket that has joined.
struct Follower {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// How each frame begins, and where the last one of that namespace ended.
    places: Vec<(String, Option<u64>)>,
}

impl Follower {
    async fn join(server: &str, namespaces: &[String], auth: ConnectAuth) -> Result<Self> {
        let address = server.strip_prefix("http://").context("an address without TLS")?;
        let url = format!("ws://{address}{SOCKET_PATH}?EIO=4&transport=websocket");
        // The usual buffers of thousands of sockets would fill the machine.
        let small = WebSocketConfig::default().read_buffer_size(16 << 10).write_buffer_size(0);
        let (mut socket, _) = connect_async_with_config(url, Some(small), true).await?;
        let (mut conversation, mut waiting) = (Conversation::default(), namespaces.len());
        while waiting > 0 {
            let message = socket.next().await.context("the socket ended before all was joined")??;
            let Message::Text(text) = message else { continue };
            let replies = match conversation.receive(&text)? {
                Received::Opened(_) => {
                    let joins = namespaces.iter().map(|namespace| conversation.join(namespace, &auth));
                    joins.collect::<Result<Vec<_>, _>>()?
                }
                Received::Reply(text) => vec![text],
                Received::Joined(namespace) => {
                    let namespace = namespace.to_owned();
                    let wish = Subscribe { streams: vec![Stream::Deliveries], cursor: None };
                    vec![conversation.emit(&namespace, "subscribe", &wish, u64::MAX, ())?]
                }
                Received::Acked(_, (), ack) => {
                    ensure!(serde_json::from_str::<SimpleAck>(ack.get())?.ok, "not subscribed: {ack}");
                    waiting -= 1;
                    Vec::new()
                }
                Received::Refused(namespace, why) => bail!("{namespace} is refused: {why}"),
                Received::Left(namespace) => bail!("the server left {namespace}"),
                Received::Closed => bail!("the server closed"),
                Received::Event { .. } | Received::Nothing => Vec::new(),
            };
            for text in replies {
                socket.send(Message::text(text)).await?;
            }
        }
        let begins = |namespace: &String| (format!(r#"42{namespace},["deliveries",{{"#), None);
        Ok(Self { socket, places: namespaces.iter().map(begins).collect() })
    }

    /// Answers pings and counts frames until the socket ends.
    async fn follow(mut self, counts: &Counts) -> Result<()> {
        while let Some(message) = self.socket.next().await {
            let Message::Text(text) = message? else { continue };
            if text.as_str() == "2" {
                self.socket.send(Message::text("3")).await?;
                continue;
            }
            let place = self.places.iter_mut().find(|(begins, _)| text.starts_with(begins.as_str()));
            let Some((_, last)) = place else { continue };
            let (from, to) = cursors(&text)?;
            if last.is_some_and(|last| last != from) {
                counts.gaps.fetch_add(1, Ordering::Relaxed);
            }
            *last = Some(to);
            counts.frames.fetch_add(1, Ordering::Relaxed);
            counts.changes.fetch_add(to.saturating_sub(from), Ordering::Relaxed);
            counts.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        }
        bail!("the server closed")
    }
}

/// From where to where a frame leads, without reading all of it.
fn cursors(text: &str) -> Result<(u64, u64)> {
    let head = text.get(..text.floor_char_boundary(CURSORS_WITHIN)).unwrap_or_default();
    let number = |field: &str| {
        let digits = head.split_once(field)?.1;
        digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    let both = number(r#""from":"#).zip(number(r#""to":"#));
    both.with_context(|| format!("a frame without cursors: {head}"))
}
