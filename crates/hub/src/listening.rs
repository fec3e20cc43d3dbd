//! The listener: small packets leave at once, and a peer that takes nothing for too long is let go.

use crate::connections::ConnectionPlace;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Sleep, sleep};

/// Connections that wait to be accepted: a herd of seats after a restart, at most what the system allows
/// (`net.core.somaxconn`, 4096 on Linux).
const BACKLOG: u32 = 4_096;
/// A peer that lets what waits for it wait for this long has stopped reading, or sips: twice the time in which a dead socket is
/// noticed.
const STALL_MAX: Duration = Duration::from_secs(14);
/// Bytes that it takes in that time at the least: four kilobytes a second.
const TAKEN_MIN: usize = 56 * 1024;
/// What a connection is told that there is no room for.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// Waits this long after a failed accept (out of file descriptors, say) before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// An address that can't be listened at.
#[derive(Debug, Error)]
#[error("can't listen at {address}: {}", why(source))]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors, not ours")]
fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use; end what uses it, or choose another (port 0 takes any free one)".into()
        }
        io::ErrorKind::PermissionDenied => "not allowed; choose a port above 1023".into(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".into(),
        _ => error.to_string(),
    }
}

/// A listener for `axum::serve`.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Listens at an address; port 0 takes any free one.
    ///
    /// # Errors
    /// When the address can't be listened at.
    pub async fn at(address: SocketAddr) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the last connections' ends.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl axum::serve::Listener for Listening {
    type Io = Impatient;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Impatient, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%peer, %error, "small packets may wait: TCP_NODELAY can't be set");
                    }
                    return (Impatient { stream, stalled: None, _place: None }, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A stream that fails a write after a while without progress worth the name. So nothing waits for ever on a peer that keeps
/// its connection and reads nothing, or next to nothing.
#[derive(Debug)]
pub struct Impatient {
    stream: TcpStream,
    stalled: Option<Stall>,
    /// Its place among the connections that are served.
    _place: Option<ConnectionPlace>,
}

/// A peer is waited for.
#[derive(Debug)]
struct Stall {
    until: Pin<Box<Sleep>>,
    taken: usize,
}

impl Impatient {
    /// The same, holding that place to its end.
    #[must_use]
    pub(crate) fn holding(self, place: ConnectionPlace) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// Closes it, with a word where there is room for one.
    pub(crate) fn refuse(self) {
        _ = self.stream.try_write(REFUSAL);
    }

    fn judge(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match (&outcome, &mut self.stalled) {
            (Poll::Ready(Ok(bytes)), Some(stall)) => {
                stall.taken += bytes;
                if stall.taken >= TAKEN_MIN || stall.until.is_elapsed() {
                    self.stalled = None;
                }
                outcome
            }
            (Poll::Ready(_), _) => outcome,
            (Poll::Pending, stalled) => {
                let stall =
                    stalled.get_or_insert_with(|| Stall { until: Box::pin(sleep(STALL_MAX)), taken: 0 });
                match stall.until.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
