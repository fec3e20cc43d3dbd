//! Accepting connections and serving what they ask: a bounded number of them, each with a bounded time to ask.

use crate::body::within_bounds;
use crate::connections::{Connection, Connections};
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
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tower_layer::Layer as _;

/// Closes a connection on which no whole request, the first or the next, has come for this long. This is longer than
/// clients keep one for the next request (8 s), so that they close it first.
const ASK_WITHIN: Duration = Duration::from_secs(15);
/// The most bytes of a request's head, and of what is read or written ahead on one connection.
const BUFFER_MAX_BYTES: usize = 64 * 1024;
/// How long a closing listener waits for requests under way.
pub const WIND_DOWN: Duration = Duration::from_secs(3);

/// A connection as hyper serves it.
type Serving = http1::UpgradeableConnection<TokioIo<Impatient>, Service>;
/// What answers: it knows who asks, and on which connection.
type Service =
    TowerToHyperService<AddExtension<AddExtension<Router, ConnectInfo<SocketAddr>>, Arc<Connection>>>;

/// How far a listener has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It serves.
    Serving,
    /// Requests under way are answered.
    Ending,
    /// No longer.
    Over,
}

/// Serves until the future ends; then refuses the port at once and gives requests under way a moment. What is not answered
/// then is left, and what it reads is interrupted.
pub async fn serve_until(
    mut listening: Listening,
    router: Router,
    connections: Arc<Connections>,
    until: impl Future<Output = ()> + Send + 'static,
) {
    let router = router.layer(from_fn(within_bounds));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ASK_WITHIN).max_buf_size(BUFFER_MAX_BYTES);
    let phase = watch::Sender::new(Phase::Serving);
    // Each connection holds a sender until it ends or becomes a socket; nothing is ever sent.
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    tokio::pin!(until);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = &mut until => break,
            next = listening.accept() => next,
        };
        let Some(place) = connections.place(peer.ip().into()) else {
            tracing::debug!(%peer, "all connections are busy; one more is refused");
            stream.refuse();
            continue;
        };
        let connection = place.connection();
        let service = Extension(ConnectInfo(peer)).layer(router.clone());
        let service = TowerToHyperService::new(Extension(Arc::clone(&connection)).layer(service));
        let serving = http.serve_connection(TokioIo::new(stream.holding(place)), service).with_upgrades();
        let (alive, phase) = (alive.clone(), phase.subscribe());
        tokio::spawn(async move {
            if let Err(error) = served(serving, &connection, phase).await {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
            drop(alive);
        });
    }
    drop((listening, alive));
    phase.send_replace(Phase::Ending);
    if timeout(WIND_DOWN, all_ended.recv()).await.is_err() {
        tracing::debug!("some requests were cut off at the end");
        phase.send_replace(Phase::Over);
        all_ended.recv().await;
    }
}

/// Serves a connection to its end; once told to end, finishes only the request under way, while there is time.
async fn served(
    serving: Serving,
    connection: &Connection,
    mut phase: watch::Receiver<Phase>,
) -> hyper::Result<()> {
    tokio::pin!(serving);
    tokio::select! {
        served = serving.as_mut() => return served,
        // It waits for nothing, and others for its place.
        () = connection.put_out() => return Ok(()),
        // Losing the sender means ending, too.
        _ = phase.wait_for(|phase| *phase > Phase::Serving) => {}
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        served = serving => served,
        _ = phase.wait_for(|phase| *phase > Phase::Ending) => Ok(()),
    }
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
        tokio::spawn(serve_until(listening, router, Arc::default(), std::future::pending()));
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
        tokio::spawn(serve_until(listening, router, Arc::default(), std::future::pending()));
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
        let serving = tokio::spawn(serve_until(listening, router, Arc::default(), until));
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

    /// As a herd of strangers does that opens connections and says nothing.
    #[tokio::test]
    async fn who_says_nothing_makes_room_for_who_asks() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let router = Router::new().route("/", get(|| async { "here" }));
        let few = Arc::new(Connections::of(6));
        tokio::spawn(serve_until(listening, router, few, std::future::pending()));
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(connect(address).await);
        }
        let mut asking = connect(address).await;
        asking.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(all(asking).await.ends_with("here"));
        assert_eq!(all(silent.remove(0)).await, "", "the first is closed");
    }

    #[tokio::test]
    async fn where_all_are_answered_one_more_is_told_to_come_back() {
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
        let few = Arc::new(Connections::of(2));
        tokio::spawn(serve_until(listening, router, few, std::future::pending()));
        let mut first = connect(address).await;
        first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        begun.notified().await;
        let said = all(connect(address).await).await;
        assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after"), "{said:?}");
        go_on.notify_one();
        assert!(all(first).await.ends_with("done"));
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve_until(listening, router, Arc::default(), std::future::pending()));
        let mut flooding = connect(address).await;
        let flood = async {
            flooding.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx: ").await?;
            for _ in 0..64 {
                flooding.write_all(&[b'a'; 4_096]).await?;
            }
            Ok::<_, std::io::Error>(())
        };
        // It may be closed before it was said to the end.
        flood.await.ok();
        let mut said = Vec::new();
        flooding.read_to_end(&mut said).await.ok();
        assert!(!String::from_utf8_lossy(&said).contains("here"));
    }

    /// As a search through a year that is under way when the hub is stopped.
    #[tokio::test]
    async fn the_end_waits_a_moment_for_an_answer_and_then_leaves_it() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let begun = Arc::new(Notify::new());
        let (left, is_left) = mpsc::channel::<()>(1);
        let router = Router::new().route(
            "/",
            get({
                let begun = begun.clone();
                || async move {
                    let _left = left;
                    begun.notify_one();
                    std::future::pending::<()>().await;
                }
            }),
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async {
            stopped.await.ok();
        };
        let serving = tokio::spawn(serve_until(listening, router, Arc::default(), until));
        let mut asking = connect(address).await;
        asking.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        begun.notified().await;
        stop.send(()).unwrap();
        tokio::time::pause();
        serving.await.unwrap();
        assert!(is_left.is_closed() || all(asking).await.is_empty(), "nobody makes the answer any more");
    }

    /// What one server on the way takes for a body, and another for the next request.
    #[tokio::test]
    async fn a_request_of_two_lengths_brings_no_second_one() {
        let listening = Listening::at(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listening.address();
        let router = Router::new().route("/", axum::routing::post(|body: bytes::Bytes| async { body }));
        let router = router.route("/hidden", get(|| async { "found" }));
        tokio::spawn(serve_until(listening, router, Arc::default(), std::future::pending()));
        let hidden = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
        let length = hidden.len();
        for head in [
            format!("content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", length + 5),
            format!("content-length: {length}\r\ncontent-length: 0\r\n\r\n"),
            format!("transfer-encoding: chunked, identity\r\ncontent-length: {length}\r\n\r\n"),
            format!("transfer-encoding : chunked\r\ncontent-length: {length}\r\n\r\n"),
            format!("content-length: +{length}\r\n\r\n"),
        ] {
            let mut asking = connect(address).await;
            let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{head}{hidden}");
            asking.write_all(request.as_bytes()).await.unwrap();
            asking.shutdown().await.unwrap();
            let mut said = Vec::new();
            // It may be closed before all was read.
            asking.read_to_end(&mut said).await.ok();
            let said = String::from_utf8_lossy(&said);
            assert!(!said.contains("found"), "{head:?} {said}");
        }
    }
}
