//! A connection to a name of several addresses: they are raced, as RFC 8305 has it, so that a dead one costs a quarter of
//! a second and not the whole time-out.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// The next address is tried when the one before has not answered for this long.
const STAGGER: Duration = Duration::from_millis(250);
/// No more addresses are tried.
const ADDRESSES_MAX: usize = 16;

/// The first connection that comes about.
pub(crate) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let found: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
    race(&alternated(found)).await
}

/// Families take turns, the first one's first: often one of them is dead as a whole.
fn alternated(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_six_first = found.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = found.into_iter().partition(|at| at.is_ipv6() == is_six_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        match (first.next(), second.next()) {
            (None, None) => break,
            (one, other) => all.extend(one.into_iter().chain(other)),
        }
    }
    all.truncate(ADDRESSES_MAX);
    all
}

async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut left = addresses.iter();
    let mut running = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    if let Some(address) = left.next() {
        running.push(TcpStream::connect(*address));
    }
    while !running.is_empty() {
        let connected = tokio::select! {
            connected = running.next() => connected,
            () = tokio::time::sleep(STAGGER), if left.len() > 0 => None,
        };
        match connected {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = error,
            None => {}
        }
        if let Some(address) = left.next() {
            running.push(TcpStream::connect(*address));
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_keep_the_others_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // Its queue is full, so that it says nothing to whoever comes next.
        let full = TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(0).unwrap();
        let dead = full.local_addr().unwrap();
        let _first = TcpStream::connect(dead).await.unwrap();
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        for first in [vec![dead], vec![dead, dead], vec![closed], vec![closed, dead]] {
            let all: Vec<_> = first.into_iter().chain([good]).collect();
            assert_eq!(race(&all).await.unwrap().peer_addr().unwrap(), good);
        }
        assert_eq!(race(&[closed]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(race(&[]).await.is_err());
    }

    #[test]
    fn families_take_turns() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "[::3]:1"].map(at).to_vec();
        assert_eq!(alternated(found), ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(at));
    }
}
