//! The three kinds of socket: what each says, how each is seen to live.

use crate::foreign::{Foreign, ForeignConfig};
use crate::io::{Action, Input, Mono, Now, SocketEvent, SocketId};
use gwanje_dialect::Dialect;
use gwanje_model::UtcMillis;
use gwanje_wire::stomp::{Command, Decoder, Frame, Incoming, Side};
use std::sync::Arc;

const STOMP: &str = include_str!("../../../../../docs/dialects/stomp.toml");
const PLAIN: &str = include_str!("../../../../../docs/dialects/websocket.toml");
const SOCKET: SocketId = SocketId(0);

struct Line {
    client: Foreign,
    now: u64,
}

impl Line {
    fn open(file: &str) -> (Self, String) {
        let dialect = Dialect::parse(file).unwrap().resolve(|name| Some(format!("{name} &"))).unwrap();
        let client = Foreign::new(ForeignConfig {
            dialect: Arc::new(dialect),
            servers: vec!["https://other/".to_owned()],
            seat: "seat".into(),
            seed: 1,
        });
        let mut line = Self { client, now: 1_000 };
        line.put(Input::Resume { refresh_token: String::new(), centers: Vec::new() });
        let said = line.put(Input::Restored("gangnam".into(), Box::default()));
        let url = said.iter().find_map(|action| match action {
            Action::OpenSocket(SOCKET, url) => Some(url.clone()),
            _ => None,
        });
        (line, url.unwrap())
    }

    fn put(&mut self, input: Input) -> Vec<Action> {
        let now = Now { mono: Mono(self.now), wall: UtcMillis(1_795_230_000_000 + self.now as i64) };
        self.client.handle(input, now);
        std::iter::from_fn(|| self.client.poll_action()).collect()
    }

    fn sent(&mut self, event: SocketEvent) -> Vec<String> {
        let actions = self.put(Input::Socket(SOCKET, event));
        texts(actions)
    }

    fn text(&mut self, text: &str) -> Vec<String> {
        self.sent(SocketEvent::Text(text.to_owned()))
    }

    fn tick(&mut self, at: u64) -> Vec<Action> {
        self.now = at;
        self.put(Input::Tick)
    }

    fn state(&self) -> &'static str {
        self.client.state().unwrap().name()
    }
}

fn texts(actions: Vec<Action>) -> Vec<String> {
    let text = |action| match action {
        Action::SendText(SOCKET, text) => Some(text),
        _ => None,
    };
    actions.into_iter().filter_map(text).collect()
}

fn frame(text: &str) -> Frame {
    match Decoder::new(Side::Client).read(&mut text.as_bytes()).unwrap() {
        Some(Incoming::Frame(frame)) => frame,
        other => panic!("{other:?}"),
    }
}

#[test]
fn stomp_connects_subscribes_beats_and_notices_silence() {
    let (mut line, url) = Line::open(STOMP);
    assert_eq!(url, "wss://other/ws");
    assert_eq!(line.client.socket_options().subprotocol, Some("v12.stomp"));
    let hello = line.sent(SocketEvent::Opened);
    let connect = frame(&hello[0]);
    assert_eq!((connect.command, connect.header("login")), (Command::Connect, Some("GWANJE_STOMP_LOGIN &")));
    assert_eq!(connect.header("heart-beat"), Some("5000,5000"));
    let connected = Frame::new(Command::Connected).with("version", "1.2").with("heart-beat", "4000,10000");
    let subscribed = line.text(&connected.to_text().unwrap());
    let subscribe = frame(&subscribed[0]);
    assert_eq!(subscribe.header("destination"), Some("/topic/center.gangnam.orders"));
    assert_eq!(line.state(), "Connecting", "not before the broker has taken the subscription");
    let receipt = Frame::new(Command::Receipt).with("receipt-id", subscribe.header("receipt").unwrap());
    line.text(&receipt.to_text().unwrap());
    assert_eq!(line.state(), "CatchingUp");
    // A heart-beat in good time for every ten seconds, and silence after twice the five that were agreed.
    assert!(texts(line.tick(8_000)).is_empty());
    assert_eq!(texts(line.tick(8_600)), ["\n"]);
    line.text("\n");
    assert_eq!(line.state(), "CatchingUp");
    line.tick(20_500);
    assert_eq!(line.state(), "CatchingUp");
    let said = line.tick(20_700);
    assert!(said.iter().any(|action| matches!(action, Action::CloseSocket(SOCKET))), "{said:?}");
}

#[test]
fn a_broker_s_refusal_and_garbage_end_the_socket() {
    for text in [
        Frame::new(Command::Error).with("message", "bad login").to_text().unwrap(),
        "NONSENSE\n\n\0".to_owned(),
    ] {
        let (mut line, _) = Line::open(STOMP);
        line.sent(SocketEvent::Opened);
        let said = line.put(Input::Socket(SOCKET, SocketEvent::Text(text)));
        assert!(said.iter().any(|action| matches!(action, Action::CloseSocket(SOCKET))), "{said:?}");
    }
}

#[test]
fn a_plain_socket_greets_pings_and_notices_silence() {
    let (mut line, url) = Line::open(PLAIN);
    assert_eq!(url, "wss://other/feed?token=GWANJE_FEED_TOKEN%20%26");
    let hello = line.sent(SocketEvent::Opened);
    assert_eq!(hello, [r#"{"op":"subscribe","topic":"deliveries"}"#]);
    assert_eq!(line.state(), "CatchingUp");
    assert_eq!(texts(line.tick(6_000)), [r#"{"op":"ping"}"#]);
    line.text(r#"{"op":"pong"}"#);
    assert_eq!(line.client.stats().unknown_events, 0);
    line.tick(18_000);
    let said = line.tick(19_100);
    assert!(said.iter().any(|action| matches!(action, Action::CloseSocket(SOCKET))), "{said:?}");
}

#[test]
fn pings_of_the_websocket_s_own_are_the_shell_s() {
    let file = PLAIN.replace("ping = '{\"op\":\"ping\"}'\n", "");
    let (line, _) = Line::open(&file);
    assert_eq!(line.client.socket_options().ping_ms, Some((5_000, 13_000)));
}
