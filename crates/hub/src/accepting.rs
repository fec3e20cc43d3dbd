//! Accepting connections and serving what they ask: a bounded number of them, each with a bounded time to ask.

use crate::body::within_time;
use crate::listening::{Impatient, Listening};
use axum::extract::ConnectInfo;
use axum::middleware::{AddExtension, from_fn};
use axum::serve::Listener as _;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use tower_layer::Layer as _;

/// Connections served at once, sockets among them; more wait in the system's queue. A seat has a socket and now and
/// then a connection for requests beside it, so this is some eight thousand seats at a file descriptor each. So many
/// that only wait take some hundred megabytes of memory.
const CONNECTIONS_MAX: usize = 16_384;
/// Closes a connection on which no whole request, the first or the next, has come for this long. This is longer than
/// clients keep one for the next request (8 s), so that they close it first.
const ASK_WITHIN: Duration = Duration::from_secs(15);
/// How long a closing listener waits for requests under way.
pub const WIND_DOWN: Duration = Duration::from_secs(3);

/// A connection as hyper serves it.
type Serving = http1::UpgradeableConnection<TokioIo<Impatient>, Service>;
/// What answers: it knows who asks.
type Service = TowerToHyperService<AddExtension<Router, ConnectInfo<SocketAddr>>>;

/// Serves until the future ends; then refuses the port at once and gives requests under way a moment.
pub async fn serve_until(
    mut listening: Listening,
    router: Router,
    until: impl Future<Output = ()> + Send + 'static,
) {
    let router = router.layer(from_fn(within_time));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ASK_WITHIN);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let ending = watch::Sender::new(false);
    // Each connection holds a sender until it ends or becomes a socket; nothing is ever sent.
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    tokio::pin!(until);
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = room.clone().acquire_owned().await.ok();
            (listening.accept().await, place)
        };
        let ((stream, peer), place) = tokio::select! {
            biased;
            () = &mut until => break,
            next = next => next,
        };
        let service = TowerToHyperService::new(Extension(ConnectInfo(peer)).layer(router.clone()));
        let connection = http.serve_connection(TokioIo::new(stream.holding(place)), service).with_upgrades();
        let (alive, ended) = (alive.clone(), ending.subscribe());
        tokio::spawn(async move {
            if let Err(error) = served(connection, ended).await {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
            drop(alive);
        });
    }
    drop((listening, alive));
    ending.send_replace(true);
    if timeout(WIND_DOWN, all_ended.recv()).await.is_err() {
        tracing::debug!("some requests were cut off at the end");
    }
}

/// Serves a connection to its end; once told to end, finishes only the request under way.
async fn served(connection: Serving, mut ending: watch::Receiver<bool>) -> hyper::Result<()> {
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return served,
        // Losing the sender means ending, too.
        _ = ending.wait_for(|ending| *ending) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::{Notify, oneshot};

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.unwrap()
    }

    async fn all(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn who_asks_nothing_is_let_go_and_who_asks_again_in_time_is_not() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve_until(listening, router, std::future::pending()));
        let silent = connect(address).await;
        let mut half = connect(address).await;
        half.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
        let mut kept = connect(address).await;
        let mut buffer = [0; 1_024];
        // From here on only timers move the clock.
        tokio::time::pause();
        for _ in 0..3 {
            tokio::time::advance(ASK_WITHIN / 2).await;
            kept.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let length = kept.read(&mut buffer).await.unwrap();
            assert!(buffer[..length].ends_with(b"here"), "kept for the next request");
        }
        assert_eq!(all(silent).await, "", "closed without a word");
        assert!(!all(half).await.contains("200"), "half a request is none");
        assert_eq!(all(kept).await, "");
    }

    #[tokio::test]
    async fn a_body_that_never_comes_or_trickles_in_holds_no_connection() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let router = Router::new().route("/", axum::routing::post(|body: bytes::Bytes| async { body }));
        tokio::spawn(serve_until(listening, router, std::future::pending()));
        let head = "POST / HTTP/1.1\r\nhost: a\r\n";
        let mut whole = connect(address).await;
        whole.write_all(format!("{head}content-length: 3\r\n\r\nyes").as_bytes()).await.unwrap();
        let mut buffer = [0; 1_024];
        let length = whole.read(&mut buffer).await.unwrap();
        assert!(buffer[..length].ends_with(b"yes"));
        let mut never = connect(address).await;
        never.write_all(format!("{head}content-length: 9\r\n\r\nx").as_bytes()).await.unwrap();
        let mut chunked = connect(address).await;
        chunked.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
        // Both have been begun to be read.
        tokio::task::yield_now().await;
        tokio::time::pause();
        for _ in 0..5 {
            tokio::time::advance(crate::body::BODY_WITHIN / 4).await;
            chunked.write_all(b"1\r\nx\r\n").await.ok();
        }
        for stream in [never, chunked] {
            let said = all(stream).await;
            assert!(said.starts_with("HTTP/1.1 4"), "refused and closed: {said:?}");
        }
    }

    #[tokio::test]
    async fn the_end_refuses_the_port_and_lets_the_request_under_way_finish() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let router = Router::new().route(
            "/",
            get({
                let (begun, go_on) = (begun.clone(), go_on.clone());
                || async move {
                    begun.notify_one();
                    go_on.notified().await;
                    "done"
                }
            }),
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async {
            stopped.await.ok();
        };
        let serving = tokio::spawn(serve_until(listening, router, until));
        let idle = connect(address).await;
        let mut asking = connect(address).await;
        asking.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        begun.notified().await;
        stop.send(()).unwrap();
        assert_eq!(all(idle).await, "", "one that waits for nothing is closed");
        assert!(TcpStream::connect(address).await.is_err(), "the port is refused");
        go_on.notify_one();
        assert!(all(asking).await.ends_with("done"));
        serving.await.unwrap();
    }
}
