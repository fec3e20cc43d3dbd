//! Scripts: inputs in, actions out, with a clock that goes from deadline to deadline.

mod batches;
mod centers;
mod commanding;
mod failing_over;
mod linking;
mod signing;
mod storm;
mod world;

use super::{Client, ClientConfig};
use crate::io::{
    Action, Batch, HttpFailure, HttpRequest, HttpResponse, Input, Mono, Now, RequestId, Restored,
    SocketEvent, SocketId,
};
use crate::testing::http::response;
use gwanje_model::{CenterId, UtcMillis};
use serde_json::{Value, json};

/// The wall clock at the script's start.
const EPOCH_MS: i64 = 1_750_000_000_000;

/// A client, a clock, and what came out and was not looked at yet.
struct Script {
    client: Client,
    now: Now,
    log: Vec<Action>,
    /// What the cache holds of each center.
    cached: Restored,
    /// The cache commits at once.
    commits: bool,
}

impl Script {
    fn new(servers: &[&str], centers: &[&str]) -> Self {
        let client = Client::new(ClientConfig {
            servers: servers.iter().map(|url| (*url).to_owned()).collect(),
            seat: "seat-1".into(),
            centers: centers.iter().map(|id| CenterId::from(*id)).collect(),
            seed: 7,
        });
        Self {
            client,
            now: Now { mono: Mono(5_000), wall: UtcMillis(EPOCH_MS) },
            log: Vec::new(),
            cached: Restored::default(),
            commits: true,
        }
    }

    /// Signed in to center `a`, its socket joined and subscribed.
    fn joined() -> (Self, SocketId) {
        let mut script = Self::new(&["http://h"], &[]);
        script.sign_in();
        script.accept_sign_in("/login", "A1", "R1");
        let socket = script.open_socket();
        (script, socket)
    }

    /// Puts an input in and plays the cache.
    fn put(&mut self, input: Input) {
        self.client.handle(input, self.now);
        loop {
            let mut answers = Vec::new();
            while let Some(action) = self.client.poll_action() {
                match &action {
                    Action::Restore(center) => {
                        answers.push(Input::Restored(center.clone(), Box::new(self.cached.clone())));
                    }
                    Action::Persist(batch) if self.commits => {
                        answers.push(Input::Committed(batch.center.clone(), batch.seq));
                    }
                    _ => {}
                }
                self.log.push(action);
            }
            if answers.is_empty() {
                return;
            }
            for answer in answers {
                self.client.handle(answer, self.now);
            }
        }
    }

    /// Lets time pass, from deadline to deadline.
    fn pass(&mut self, ms: u64) {
        let end = self.now.mono.plus_ms(ms);
        for _ in 0..100_000 {
            let next = self.client.deadline().map_or(end, |at| at.min(end)).max(self.now.mono);
            let step = next.since(self.now.mono);
            self.now = Now { mono: next, wall: self.now.wall.plus_ms(i64::try_from(step).unwrap()) };
            self.put(Input::Tick);
            let more = self.client.deadline().is_some_and(|at| at <= end);
            if next == end && !more {
                return;
            }
        }
        panic!("the client spins: its deadline stays at {:?}", self.client.deadline());
    }

    fn sign_in(&mut self) {
        self.put(Input::SignIn { account: "kim".to_owned(), password: "pw".to_owned() });
    }

    /// Takes out the oldest request whose URL ends with `part`.
    fn request(&mut self, part: &str) -> (RequestId, HttpRequest) {
        self.maybe_request(part).unwrap_or_else(|| panic!("no request for {part} in {:#?}", self.log))
    }

    fn maybe_request(&mut self, part: &str) -> Option<(RequestId, HttpRequest)> {
        let at = self
            .log
            .iter()
            .position(|action| matches!(action, Action::Http(_, request) if request.url.ends_with(part)))?;
        match self.log.remove(at) {
            Action::Http(id, request) => Some((id, request)),
            _ => None,
        }
    }

    fn answer(&mut self, id: RequestId, status: u16, body: &Value) {
        self.put(Input::Http(id, Ok(response(status, body))));
    }

    fn fail(&mut self, id: RequestId) {
        self.put(Input::Http(id, Err(HttpFailure::Refused("nobody listens".to_owned()))));
    }

    fn accept_sign_in(&mut self, path: &str, access: &str, refresh: &str) {
        let (id, _) = self.request(path);
        let reply = self.pair(access, refresh);
        self.answer(id, 200, &reply);
    }

    fn pair(&self, access: &str, refresh: &str) -> Value {
        json!({
            "accessToken": access, "refreshToken": refresh, "expiresAt": self.now.wall.0 + 900_000,
            "account": "kim", "role": "dispatcher", "centers": ["a"], "socketUrls": [],
        })
    }

    /// Answers the ticket, opens the socket, joins `/center/a`.
    fn open_socket(&mut self) -> SocketId {
        let socket = self.ticketed();
        self.put(Input::Socket(socket, SocketEvent::Opened));
        self.text(socket, r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#);
        assert!(self.sent(socket).iter().any(|text| text.starts_with("40/center/a,")), "no join");
        self.text(socket, r#"40/center/a,{"sid":"s"}"#);
        self.accept_subscribe(socket);
        socket
    }

    /// Answers `subscribe` in `/center/a` with an empty board.
    fn accept_subscribe(&mut self, socket: SocketId) {
        let sent = self.sent(socket);
        let text = sent.iter().find(|text| text.contains("[\"subscribe\",")).expect("no subscribe");
        let (head, _) = text.split_once('[').unwrap();
        let ack = json!([{ "ok": true, "head": head_at(self.now.wall.0), "missed": null, "resync": null }]);
        self.text(socket, &format!("{}{ack}", head.replacen("42", "43", 1)));
    }

    /// Lets time pass on a socket that lives.
    fn pass_live(&mut self, socket: SocketId, ms: u64) {
        let end = self.now.mono.plus_ms(ms);
        while self.now.mono < end {
            self.pass(end.since(self.now.mono).min(3_000));
            self.text(socket, "2");
        }
    }

    /// Answers the ticket; the socket is to be opened.
    fn ticketed(&mut self) -> SocketId {
        let (id, _) = self.request("/socket-tickets");
        self.answer(id, 200, &json!({ "ticket": "T", "expiresAt": self.now.wall.0 + 30_000 }));
        self.opened().unwrap_or_else(|| panic!("no socket in {:#?}", self.log)).0
    }

    /// Takes out the oldest socket that is to be opened.
    fn opened(&mut self) -> Option<(SocketId, String)> {
        let at = self.log.iter().position(|action| matches!(action, Action::OpenSocket(..)))?;
        match self.log.remove(at) {
            Action::OpenSocket(socket, url) => Some((socket, url)),
            _ => None,
        }
    }

    fn text(&mut self, socket: SocketId, text: &str) {
        self.put(Input::Socket(socket, SocketEvent::Text(text.to_owned())));
    }

    /// An event in `/center/a`.
    fn hear(&mut self, socket: SocketId, name: &str, data: &Value) {
        self.text(socket, &format!("42/center/a,{}", json!([name, data])));
    }

    /// What was sent on a socket and not looked at yet.
    fn sent(&mut self, socket: SocketId) -> Vec<String> {
        self.log
            .extract_if(.., |action| matches!(action, Action::SendText(to, _) if *to == socket))
            .filter_map(|action| match action {
                Action::SendText(_, text) => Some(text),
                _ => None,
            })
            .collect()
    }

    /// The batches with commands in them.
    fn kept(&self) -> Vec<Batch> {
        let kept = |action: &Action| match action {
            Action::Persist(batch) if !batch.commands.is_empty() => Some(batch.as_ref().clone()),
            _ => None,
        };
        self.log.iter().filter_map(kept).collect()
    }

    fn saw(&self, wanted: impl Fn(&Action) -> bool) -> bool {
        self.log.iter().any(wanted)
    }

    fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.log.iter().filter(|action| wanted(action)).count()
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str())
}

fn problem(code: &str) -> Value {
    json!({ "code": code, "detail": "told so" })
}

fn center(id: &str) -> Value {
    json!({
        "id": id, "name": id, "pos": null, "timeZone": "Asia/Seoul", "unread": 0,
        "head": head_at(EPOCH_MS),
    })
}

/// The head of an empty board.
fn head_at(at: i64) -> Value {
    json!({
        "epoch": "E1", "rev": 0, "count": 0, "digest": "0000000000000000", "at": at, "dayAt": at, "alarmSeq": 0,
    })
}
