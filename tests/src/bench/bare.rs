//! The floor of telling many sockets: a thread that does nothing but write bytes that are ready to each of them.

use crate::process::processor_time;
use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use gwanje_wire::Frame;
use gwanje_wire::sio::server::{self as packet, ClientPacket};
use gwanje_wire::sio::{Handshake, Transport};
use gwanje_wire::socket::{PING_INTERVAL_MS, PING_TIMEOUT_MS, SimpleAck};
use std::io::Write as _;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// Frames that are made ready, again and again while they are written.
const READY: u64 = 16;

/// Waits for followers.
pub struct Waiting {
    /// Where they find it.
    pub url: String,
    accepting: JoinHandle<Result<Vec<std::net::TcpStream>>>,
}

impl Waiting {
    /// For that many.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(followers: u32) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let accepting = tokio::spawn(async move {
            let mut welcomed = Vec::new();
            for _ in 0..followers {
                let (stream, _) = listener.accept().await?;
                // Each in a task of its own: several join at once, and none waits for another.
                welcomed.push(tokio::spawn(welcome(stream)));
            }
            let mut sockets = Vec::new();
            for socket in welcomed {
                sockets.push(socket.await??);
            }
            Ok(sockets)
        });
        Ok(Self { url, accepting })
    }

    /// All have joined.
    ///
    /// # Errors
    /// When one did not.
    pub async fn joined(self) -> Result<Vec<std::net::TcpStream>> {
        self.accepting.await.context("the floor's listener")?
    }
}

/// Talks a follower in; then the socket is bare.
async fn welcome(stream: TcpStream) -> Result<std::net::TcpStream> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    let open = Handshake {
        sid: "floor".to_owned(),
        ping_interval: PING_INTERVAL_MS,
        ping_timeout: PING_TIMEOUT_MS,
        max_payload: 0,
    };
    socket.send(Message::text(Transport::Open(open).to_text())).await?;
    loop {
        let message = socket.next().await.context("a follower left")??;
        let Message::Text(text) = message else { continue };
        let Transport::Message(text) = Transport::parse(&text)? else { continue };
        match ClientPacket::parse(text)? {
            ClientPacket::Connect { namespace, .. } => {
                let text = packet::connected(namespace, "floor");
                socket.send(Message::text(format!("4{text}"))).await?;
            }
            ClientPacket::Event { namespace, ack: Some(id), .. } => {
                let text = packet::ack(namespace, id, &SimpleAck { ok: true, code: None, detail: None })?;
                socket.send(Message::text(format!("4{text}"))).await?;
                let stream = socket.into_inner().into_std()?;
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            ClientPacket::Event { .. } | ClientPacket::Ack | ClientPacket::Disconnect { .. } => {
                bail!("a follower says what it should not")
            }
        }
    }
}

/// Frames as bytes of a WebSocket, each beginning where the one before ends.
pub struct Ready {
    namespace: String,
    template: Frame,
}

impl Ready {
    /// Of frames like this one.
    #[must_use]
    pub fn new(namespace: &str, template: &Frame) -> Self {
        Self { namespace: namespace.to_owned(), template: template.clone() }
    }

    /// The next ones.
    fn next(&mut self) -> Result<Vec<Vec<u8>>> {
        (0..READY)
            .map(|_| {
                let frame = &mut self.template;
                frame.from = frame.to;
                frame.to.0 += 1;
                frame.as_of = frame.to;
                let text = format!("4{}", packet::event(&self.namespace, "deliveries", frame)?);
                framed(&text)
            })
            .collect()
    }

    /// Writes them to all sockets at that interval for so long, on a thread of its own; returns its processor time, without
    /// what making them ready took.
    ///
    /// # Errors
    /// When a socket takes no more.
    pub async fn write(
        mut self,
        sockets: Vec<std::net::TcpStream>,
        every: Duration,
        during: Duration,
    ) -> Result<(Self, Vec<std::net::TcpStream>, Duration)> {
        let (told, done) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("floor".into()).spawn(move || {
            let written = self.write_here(&sockets, every, during);
            // Whoever waits for it lives until then, or nobody needs it.
            drop(told.send(written.map(|took| (self, sockets, took))));
        })?;
        let written = done.await.context("the floor's thread")?;
        thread.join().ok().context("the floor's thread")?;
        written
    }

    fn write_here(
        &mut self,
        sockets: &[std::net::TcpStream],
        every: Duration,
        during: Duration,
    ) -> Result<Duration> {
        let begin = Instant::now();
        let (mut due, mut took) = (begin, Duration::ZERO);
        while begin.elapsed() < during {
            let ready = self.next()?;
            let before = processor_time("thread-self")?;
            for frame in ready {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                due += every;
                for mut socket in sockets {
                    socket.write_all(&frame)?;
                }
            }
            took += processor_time("thread-self")?.saturating_sub(before);
        }
        Ok(took)
    }
}

/// A text as a server's WebSocket frame.
fn framed(text: &str) -> Result<Vec<u8>> {
    const WHOLE_TEXT: u8 = 0x81;
    let mut bytes = vec![WHOLE_TEXT];
    match text.len() {
        length @ 0..126 => bytes.push(u8::try_from(length)?),
        length => match u16::try_from(length) {
            Ok(length) => {
                bytes.push(126);
                bytes.extend(length.to_be_bytes());
            }
            Err(_) => {
                bytes.push(127);
                bytes.extend((length as u64).to_be_bytes());
            }
        },
    }
    bytes.extend(text.as_bytes());
    Ok(bytes)
}
