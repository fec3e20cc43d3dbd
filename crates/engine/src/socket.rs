//! One WebSocket: a task that hands texts over in both directions until either side ends.

use crate::addresses;
use crate::http::{CONNECT_TIMEOUT, io_reason};
use crate::message::Arrival;
use crate::retry_after;
use futures_util::{SinkExt, StreamExt};
use gwanje_sync::{SocketEvent, SocketId, SocketOptions};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// A longer message is not read (rule 12): twice the largest frame of the wire contract.
const MAX_TEXT_BYTES: usize = 2 << 20;
/// A longer message ends the connection: no hub sends one. This is the most memory that one socket can take.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// The same of a foreign server's: a bulk event of half a million rows. A longer one ends the connection, with its size
/// in the reason.
const MAX_FOREIGN_BYTES: usize = 128 << 20;
/// The most texts that wait to be sent. A seat sends a handful at once; a socket that does not take this many is stuck.
const OUT_CAPACITY: usize = 256;
/// The time for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The owner's end of a socket. When dropped, it says goodbye and closes.
#[derive(Debug)]
pub(crate) struct SocketLine {
    out: mpsc::Sender<String>,
}

impl SocketLine {
    /// Opens a socket; what happens on it arrives at `arrivals`.
    pub(crate) fn open(
        id: SocketId,
        url: String,
        options: SocketOptions,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Self {
        let (out, texts) = mpsc::channel(OUT_CAPACITY);
        tokio::spawn(run(id, url, options, arrivals, texts));
        Self { out }
    }

    /// Sends a text; false: the socket takes no more.
    pub(crate) fn send(&self, text: String) -> bool {
        self.out.try_send(text).is_ok()
    }
}

async fn run(
    id: SocketId,
    url: String,
    options: SocketOptions,
    arrivals: mpsc::Sender<Arrival>,
    mut texts: mpsc::Receiver<String>,
) {
    let told = |event| arrivals.send(Arrival::Socket(id, event));
    let (message_max, text_max) = match options.lenient {
        true => (MAX_FOREIGN_BYTES, MAX_FOREIGN_BYTES),
        false => (MAX_MESSAGE_BYTES, MAX_TEXT_BYTES),
    };
    let config =
        WebSocketConfig::default().max_message_size(Some(message_max)).max_frame_size(Some(message_max));
    let mut opened = tokio::time::timeout(CONNECT_TIMEOUT, open(&url, &options, config)).await;
    if let Ok(Err(WsError::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)))) = &opened {
        // Many brokers take the subprotocol and do not say so.
        let plain = SocketOptions { subprotocol: None, ..options.clone() };
        opened = tokio::time::timeout(CONNECT_TIMEOUT, open(&url, &plain, config)).await;
    }
    let mut stream = match opened {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            // When this fails, the owner is gone and nobody is left to tell; so below.
            let _ = told(not_opened(&error)).await;
            return;
        }
        Err(_) => {
            let _ = told(SocketEvent::Closed("no answer to the connection".to_owned())).await;
            return;
        }
    };
    if told(SocketEvent::Opened).await.is_err() {
        return;
    }
    let mut pulse = Pulse::new(options.ping_ms);
    let ended = loop {
        tokio::select! {
            beat = pulse.beat() => match beat {
                Beat::Ping => if let Err(error) = stream.send(Message::Ping(Bytes::new())).await {
                    break Some(reason(&error));
                },
                Beat::Silent => break Some("the socket is silent".to_owned()),
            },
            text = texts.recv() => match text {
                Some(text) => if let Err(error) = stream.send(Message::text(text)).await {
                    break Some(reason(&error));
                },
                None => break None,
            },
            message = stream.next() => {
                pulse.heard();
                let event = match message {
                    Some(Ok(Message::Text(text))) if text.len() <= text_max => SocketEvent::Text(text.to_string()),
                    Some(Ok(Message::Binary(bytes))) if options.lenient && bytes.len() <= text_max => {
                        let text = gwanje_sync::read_text(&bytes);
                        text.map_or(SocketEvent::Unreadable, SocketEvent::Text)
                    }
                    Some(Ok(Message::Text(_) | Message::Binary(_))) => SocketEvent::Unreadable,
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(_))) | None => break Some("closed by the server".to_owned()),
                    Some(Err(error)) => break Some(reason(&error)),
                };
                if told(event).await.is_err() {
                    break None;
                }
            }
        }
    };
    match ended {
        Some(reason) => {
            let _ = told(SocketEvent::Closed(reason)).await;
        }
        None => {
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, stream.close(None)).await;
        }
    }
}

/// A connection to the first address of the name that takes one, and the handshake over it.
async fn open(
    url: &str,
    options: &SocketOptions,
    config: WebSocketConfig,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, WsError> {
    let request = request(url, options).map_err(|why| WsError::Io(std::io::Error::other(why)))?;
    let uri = request.uri();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    let stream = addresses::connect(&host, port).await.map_err(WsError::Io)?;
    stream.set_nodelay(true).map_err(WsError::Io)?;
    Ok(client_async_tls_with_config(request, stream, Some(config), None).await?.0)
}

/// The handshake.
fn request(url: &str, options: &SocketOptions) -> Result<Request, String> {
    let mut request = url.into_client_request().map_err(|error| reason(&error))?;
    let headers = options.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
    let subprotocol = options.subprotocol.map(|name| ("sec-websocket-protocol", name));
    for (name, value) in headers.chain(subprotocol) {
        let unusable = || format!("the header {name} can't be sent");
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?, value);
    }
    Ok(request)
}

/// Sends pings, and notices silence. Without an order it never beats: then the core keeps watch by its own
/// messages.
struct Pulse {
    order: Option<(Duration, Duration)>,
    next: Instant,
    heard: Instant,
}

enum Beat {
    Ping,
    Silent,
}

impl Pulse {
    fn new(ping_ms: Option<(u64, u64)>) -> Self {
        let now = Instant::now();
        let order =
            ping_ms.map(|(every, silent)| (Duration::from_millis(every), Duration::from_millis(silent)));
        Self { order, next: order.map_or(now, |(every, _)| now + every), heard: now }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Cancel-safe: nothing has happened before its last await.
    async fn beat(&mut self) -> Beat {
        let Some((every, silent)) = self.order else { return std::future::pending().await };
        tokio::time::sleep_until(self.next.min(self.heard + silent)).await;
        let now = Instant::now();
        if now >= self.heard + silent {
            return Beat::Silent;
        }
        self.next = now + every;
        Beat::Ping
    }
}

/// What a failed handshake means: refused with an HTTP answer, or nobody there.
fn not_opened(error: &WsError) -> SocketEvent {
    let WsError::Http(response) = error else { return SocketEvent::Closed(reason(error)) };
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after_s = header("retry-after")
        .and_then(|text| retry_after::seconds(text, header("date"), std::time::SystemTime::now()));
    SocketEvent::TurnedAway { reason: reason(error), retry_after_s }
}

/// The reason, in words without addresses or data.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors, not ours")]
fn reason(error: &WsError) -> String {
    match error {
        WsError::Io(error) => io_reason(error),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => "connection reset".to_owned(),
        WsError::Http(response) => format!("the server answered with status {}", response.status().as_u16()),
        WsError::ConnectionClosed | WsError::AlreadyClosed => "closed by the server".to_owned(),
        WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            format!("a message of {size} bytes, of which at most {max_size} are read")
        }
        WsError::Capacity(_) => "a message beyond every bound".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;

    const ID: SocketId = SocketId(7);

    async fn next(arrivals: &mut mpsc::Receiver<Arrival>) -> SocketEvent {
        match arrivals.recv().await {
            Some(Arrival::Socket(ID, event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn texts_go_both_ways_and_what_is_too_long_is_told_and_survived() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/socket.io/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut server = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            let asked = server.next().await.unwrap().unwrap();
            server.send(Message::text("x".repeat(MAX_TEXT_BYTES + 1))).await.unwrap();
            server.send(Message::binary(vec![1_u8])).await.unwrap();
            server.send(asked).await.unwrap();
            server.close(None).await.unwrap();
        });
        let (sender, mut arrivals) = mpsc::channel(4);
        let line = SocketLine::open(ID, url, SocketOptions::default(), sender);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Opened);
        assert!(line.send("2".to_owned()));
        assert_eq!(next(&mut arrivals).await, SocketEvent::Unreadable);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Unreadable);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Text("2".to_owned()));
        assert!(matches!(next(&mut arrivals).await, SocketEvent::Closed(_)));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_foreign_server_s_binary_and_long_messages_are_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let long = "x".repeat(17 << 20);
        let said = long.clone();
        let server = tokio::spawn(async move {
            let mut server = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            for message in [
                Message::text(said),
                Message::binary("{\"id\":1}".as_bytes()),
                Message::binary("\u{feff}한".as_bytes()),
                Message::binary(vec![0xff_u8, 0xfe, 0xfd]),
            ] {
                server.send(message).await.unwrap();
            }
            server.close(None).await.unwrap();
        });
        let (sender, mut arrivals) = mpsc::channel(4);
        let options = SocketOptions { lenient: true, ..SocketOptions::default() };
        let _line = SocketLine::open(ID, url, options, sender);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Opened);
        assert!(next(&mut arrivals).await == SocketEvent::Text(long));
        assert_eq!(next(&mut arrivals).await, SocketEvent::Text("{\"id\":1}".to_owned()));
        assert_eq!(next(&mut arrivals).await, SocketEvent::Text("한".to_owned()));
        assert_eq!(next(&mut arrivals).await, SocketEvent::Unreadable);
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_broker_that_does_not_echo_the_subprotocol_is_joined() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                if let Ok(mut server) = accept_async(stream).await
                    && let Some(Ok(asked)) = server.next().await
                {
                    break asked;
                }
            }
        });
        let (sender, mut arrivals) = mpsc::channel(4);
        let options =
            SocketOptions { subprotocol: Some("v12.stomp"), lenient: true, ..SocketOptions::default() };
        let line = SocketLine::open(ID, url, options, sender);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Opened);
        assert!(line.send("CONNECT".to_owned()));
        assert_eq!(server.await.unwrap(), Message::text("CONNECT"));
    }

    #[tokio::test]
    async fn a_refused_port_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        drop(listener);
        let (sender, mut arrivals) = mpsc::channel(4);
        let _line = SocketLine::open(ID, url, SocketOptions::default(), sender);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Closed("connection refused".to_owned()));
    }

    #[tokio::test]
    async fn a_dropped_line_says_goodbye() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let (sender, mut arrivals) = mpsc::channel(4);
        let line = SocketLine::open(ID, url, SocketOptions::default(), sender);
        let mut server = accept_async(listener.accept().await.unwrap().0).await.unwrap();
        assert_eq!(next(&mut arrivals).await, SocketEvent::Opened);
        drop(line);
        assert!(matches!(server.next().await, Some(Ok(Message::Close(_)))));
    }

    #[tokio::test]
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    async fn headers_and_subprotocol_go_with_the_handshake_and_pings_notice_silence() {
        use gwanje_sync::dialect::Dialect;
        use tokio_tungstenite::accept_hdr_async;
        use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
        let file = include_str!("../../../docs/dialects/websocket.toml")
            .replace("query = { token", "headers = { X-Token");
        let dialect = Dialect::parse(&file).unwrap().resolve(|_| Some("secret".to_owned())).unwrap();
        let options = SocketOptions {
            lenient: true,
            subprotocol: Some("v12.stomp"),
            headers: dialect.auth.headers,
            ping_ms: Some((20, 300)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/feed", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let check = |request: &Request, mut response: Response| {
                assert_eq!(request.headers()["x-token"], "secret");
                let asked = request.headers()["sec-websocket-protocol"].clone();
                response.headers_mut().insert("sec-websocket-protocol", asked);
                Ok(response)
            };
            let stream = listener.accept().await.unwrap().0;
            let mut server = accept_hdr_async(stream, check).await.unwrap();
            // Reading answers pings; from here on nobody reads any more.
            let ping = server.next().await.unwrap().unwrap();
            assert!(matches!(ping, Message::Ping(_)), "{ping:?}");
            server
        });
        let (sender, mut arrivals) = mpsc::channel(4);
        let _line = SocketLine::open(ID, url, options, sender);
        assert_eq!(next(&mut arrivals).await, SocketEvent::Opened);
        let _unread = server.await.unwrap();
        assert_eq!(next(&mut arrivals).await, SocketEvent::Closed("the socket is silent".to_owned()));
    }
}
