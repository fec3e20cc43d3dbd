//! The foreign servers themselves: what the tests that follow them rely on, and a real broker against our STOMP codec.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use gwanje_tests::peers::broker::Broker;
use gwanje_tests::peers::{Kind, Peer};
use gwanje_tests::process::PATIENCE;
use gwanje_wire::stomp::{Command, Decoder, Frame, HeartBeat, Incoming, SUBPROTOCOL, Side};
use serde_json::json;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A STOMP client of nothing but the codec.
struct Stomp {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    decoder: Decoder,
    read: VecDeque<Incoming>,
}

impl Stomp {
    async fn connect(broker: &Broker) -> Result<Self> {
        let mut request = format!("ws://{}/ws", broker.address()).into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
        let (socket, _) = tokio_tungstenite::connect_async(request).await.context("opening a WebSocket")?;
        Ok(Self { socket, decoder: Decoder::new(Side::Server), read: VecDeque::new() })
    }

    async fn send(&mut self, frame: &Frame) -> Result<()> {
        Ok(self.socket.send(Message::text(frame.to_text()?)).await?)
    }

    async fn next(&mut self) -> Result<Incoming> {
        loop {
            if let Some(incoming) = self.read.pop_front() {
                return Ok(incoming);
            }
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await?;
            let data = message.context("the broker closed the connection")??.into_data();
            let mut input = &data[..];
            while let Some(incoming) = self.decoder.read(&mut input)? {
                self.read.push_back(incoming);
            }
        }
    }

    /// The next frame, which must be of this kind.
    async fn expect(&mut self, command: Command) -> Result<Frame> {
        loop {
            match self.next().await? {
                Incoming::Frame(frame) if frame.command == command => return Ok(frame),
                Incoming::Frame(frame) => bail!("{command} was expected, not {frame:?}"),
                Incoming::HeartBeat => {}
            }
        }
    }
}

#[tokio::test]
async fn a_real_broker_and_our_stomp_codec_understand_each_other() -> Result<()> {
    let broker = Broker::start()?;
    let mut client = Stomp::connect(&broker).await?;
    let offered = HeartBeat { sends_every_ms: 0, wants_every_ms: 1_000 };
    client.send(&Frame::connect("/", offered).with("login", "guest").with("passcode", "guest")).await?;
    let connected = client.expect(Command::Connected).await?;
    assert_eq!(connected.header("version"), Some("1.2"));
    let promised = offered.expect_every(connected.heart_beat()?).context("it promises heart-beats")?;
    assert_eq!(promised.as_millis(), 1_000);

    let topic = "/topic/center.gangnam.orders";
    client.send(&Frame::subscribe("rows", topic).with("receipt", "subscribed")).await?;
    assert_eq!(client.expect(Command::Receipt).await?.header("receipt-id"), Some("subscribed"));

    // Every character that has an escape, in a name and in a value; a body with a NUL and with what looks like a frame.
    let odd = "a:b\\c\r\n\\n 배달";
    let body = "{\"메모\":\"문 앞\"}\n\0MESSAGE\n\n\0";
    client.send(&Frame::send_json(topic, body).with("x-odd:name", odd)).await?;
    let message = client.expect(Command::Message).await?;
    assert_eq!((message.text()?, message.header("x-odd:name")), (body, Some(odd)));
    assert_eq!((message.header("subscription"), message.header("destination")), (Some("rows"), Some(topic)));
    let whole = "가".repeat(200_000);
    client.send(&Frame::send_json(topic, &whole)).await?;
    assert!(client.expect(Command::Message).await?.text()? == whole, "a large body arrives whole");

    // A quiet while brings the promised heart-beat.
    ensure!(client.next().await? == Incoming::HeartBeat, "nothing but a heart-beat is due");

    client.send(&Frame::new(Command::Send).with("destination", "/nowhere/at/all")).await?;
    let error = client.expect(Command::Error).await?;
    assert!(error.header("message").is_some(), "{error:?}");
    Ok(())
}

/// How often a server is asked whether it has come far enough.
const POLL: Duration = Duration::from_millis(50);

/// What the tests that follow a server rely on: nothing is forgotten by a kill, and nothing goes back.
#[tokio::test]
async fn a_killed_server_goes_on_where_it_was() -> Result<()> {
    for kind in [Kind::Legacy, Kind::Stomp, Kind::Websocket] {
        let mut peer = Peer::start(kind, &["--speed", "600", "--seed", "7"])?;
        let begun = peer.truth().await?;
        let mut asked = Instant::now();
        let mut before = peer.truth().await?;
        while before.at < begun.at + 120_000 {
            tokio::time::sleep(POLL).await;
            asked = Instant::now();
            before = peer.truth().await?;
        }
        peer.kill()?;
        let until_killed = asked.elapsed();
        let restarted = Instant::now();
        peer.restart()?;
        let after = peer.control(&json!({"paused": true})).await?;
        let ran_ms = i64::try_from((until_killed + restarted.elapsed()).as_millis())?;
        assert!(after.at >= before.at, "{kind:?}: its clock went back from {} to {}", before.at, after.at);
        // Twice the day that it can have run for: its clock has a tick.
        assert!(after.at <= before.at + 2 * 600 * ran_ms, "{kind:?}: its clock ran while it was down");
        assert_eq!(after.cancellations[..before.cancellations.len()], before.cancellations[..], "{kind:?}");
        assert!(!after.orders.is_empty(), "{kind:?}: its list is there");
        let again = peer.truth().await?;
        assert_eq!(
            (again.at, again.orders),
            (after.at, after.orders),
            "{kind:?}: a paused server stands still"
        );
    }
    Ok(())
}
