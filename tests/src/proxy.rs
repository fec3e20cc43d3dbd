//! A TCP proxy on the loopback that can fall silent: nothing is closed, nothing is forwarded any more.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running proxy; ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    /// How often it was silenced: a connection forwards while this is what it was at its beginning.
    silenced: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy to `target` (`host:port`) on any free port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for a proxy")?;
        let address = listener.local_addr()?;
        let (silenced, times) = watch::channel(0);
        let task = tokio::spawn(accept(listener, target.to_owned(), times));
        Ok(Self { address, silenced, task })
    }

    /// Where it listens, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All present connections fall silent, for good; new ones work.
    pub fn silence(&self) {
        self.silenced.send_modify(|times| *times += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: String, times: watch::Receiver<u64>) {
    while let Ok((near, _)) = listener.accept().await {
        // A target that refuses is passed on as a closed connection.
        if let Ok(far) = TcpStream::connect(&target).await {
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::spawn(forward(near_in, far_out, times.clone()));
            tokio::spawn(forward(far_in, near_out, times.clone()));
        }
    }
}

async fn forward(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut times: watch::Receiver<u64>,
) {
    times.mark_unchanged();
    let mut buffer = vec![0; 64 << 10];
    loop {
        tokio::select! {
            biased;
            changed = times.changed() => match changed {
                // Silent: both halves stay open until the proxy goes.
                Ok(()) => {
                    while times.changed().await.is_ok() {}
                    return;
                }
                Err(_) => return,
            },
            read = from.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { return };
                let Some(bytes) = buffer.get(..length) else { return };
                if to.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}
