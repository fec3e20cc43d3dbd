//! What real servers send: each kind with several inputs, through the whole core.

use crate::foreign::{Foreign, ForeignConfig};
use crate::io::{Action, HttpResponse, Input, Mono, Now, RequestId, SocketEvent, SocketId, State};
use crate::testing::http::response;
use gwanje_dialect::Dialect;
use gwanje_model::{Status, UtcMillis};
use gwanje_wire::WireRow;
use std::collections::BTreeMap;
use std::sync::Arc;

const FILE: &str = r#"
version = 1
name = "field"
[center]
id = "gangnam"
[server]
url = "http://legacy:7000"
[snapshot]
path = "/rows?date={date}"
pollSeconds = 60
[socket]
kind = "websocket"
eventName = "type"
pong = "pong"
keepAlive = ["beat"]
[[event]]
name = "deleted"
means = "gone"
at = "data"
[[event]]
[times]
format = "unix-ms"
[statuses]
received = 0
waiting = 1
assigned = 2
pickedUp = 3
cancelled = 9
[fields]
id = { path = "id", as = "number" }
modifiedAt = "at"
status = "state"
number = "no"
shop.name = "shop"
shop.lat = "lat"
shop.lon = "lon"
request = "memo"
pickedUpAt = { path = "picked", format = "%Y-%m-%d %H:%M:%S" }
"#;

const WALL: i64 = 1_795_996_115_099;

struct Line {
    client: Foreign,
    now: u64,
    socket: Option<SocketId>,
    asked: Option<RequestId>,
    sent: Vec<String>,
    alarms: usize,
}

impl Line {
    fn open(file: &str) -> Self {
        let dialect = Dialect::parse(file).unwrap();
        let client = Foreign::new(ForeignConfig {
            dialect: Arc::new(dialect),
            servers: Vec::new(),
            seat: "seat".into(),
            seed: 1,
        });
        let mut line = Self { client, now: 1_000, socket: None, asked: None, sent: Vec::new(), alarms: 0 };
        line.put(Input::Resume { refresh_token: String::new(), centers: Vec::new() });
        line.put(Input::Restored("gangnam".into(), Box::default()));
        line.event(SocketEvent::Opened);
        line
    }

    /// Joined, and that list compared.
    fn live(file: &str, list: &[u8]) -> Self {
        let mut line = Self::open(file);
        line.list(list);
        // What was asked for before the join says nothing of what happened since.
        line.list(list);
        line
    }

    fn put(&mut self, input: Input) {
        let now = Now { mono: Mono(self.now), wall: UtcMillis(WALL + self.now as i64) };
        self.client.handle(input, now);
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::OpenSocket(socket, _) => self.socket = Some(socket),
                Action::CloseSocket(_) => self.socket = None,
                Action::SendText(_, text) => self.sent.push(text),
                Action::Http(request, _) => self.asked = Some(request),
                Action::DropHttp(_) => self.asked = None,
                Action::Alarm(..) => self.alarms += 1,
                Action::Persist(batch) => self.client.handle(Input::Committed(batch.center, batch.seq), now),
                _ => {}
            }
        }
    }

    fn event(&mut self, event: SocketEvent) {
        let socket = self.socket.expect("a socket");
        self.put(Input::Socket(socket, event));
    }

    fn text(&mut self, text: &str) {
        self.event(SocketEvent::Text(text.to_owned()));
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = self.client.deadline().map(|at| at.0.max(self.now)).filter(|at| *at <= end) {
            self.now = due;
            self.put(Input::Tick);
            if self.client.deadline().is_some_and(|at| at.0 <= self.now) {
                self.now += 1;
            }
        }
        self.now = self.now.max(end);
    }

    /// The next list that is asked for is answered so; how long that took, milliseconds.
    fn answer(&mut self, answer: HttpResponse) -> u64 {
        let began = self.now;
        for _ in 0..200_000 {
            if self.asked.is_some() {
                break;
            }
            self.pass(10);
        }
        let request = self.asked.take().expect("a question");
        self.put(Input::Http(request, Ok(answer)));
        self.now - began
    }

    fn list(&mut self, body: &[u8]) -> u64 {
        self.answer(HttpResponse { body: body.to_vec(), ..response(200, "") })
    }

    fn board(&self) -> BTreeMap<u64, (Option<Status>, String)> {
        let row = |row: &WireRow| {
            let delivery = row.delivery();
            let shop = delivery.map_or_else(String::new, |row| format!("{}{}", row.shop.name, row.request));
            (row.id().0, (delivery.map(|row| row.status), shop))
        };
        self.client.rows().map(row).collect()
    }

    fn statuses(&self) -> Vec<(u64, Status)> {
        self.board().into_iter().filter_map(|(id, (status, _))| Some((id, status?))).collect()
    }

    /// Of `Live`: how many rows are unread.
    fn unread(&self) -> Option<u64> {
        match self.client.state()? {
            State::Live { unread, .. } => Some(*unread),
            _ => None,
        }
    }

    fn reason(&self) -> String {
        match self.client.state().unwrap() {
            State::Connecting { reason, .. }
            | State::CatchingUp { reason, .. }
            | State::Polling { reason, .. }
            | State::Offline { reason, .. } => reason.to_string(),
            State::Live { .. } | State::Refused { .. } => String::new(),
        }
    }

    fn kinds(&self) -> Vec<(String, String, u64)> {
        self.client.unread().into_iter().map(|kind| (kind.what, kind.place, kind.count)).collect()
    }
}

const ONE: &str = r#"{"id":1,"state":1,"at":1795996115099,"no":"1"}"#;
const TWO: &str = r#"{"id":2,"state":1,"at":1795996115099,"no":"2"}"#;

#[test]
fn one_value_that_can_t_be_read_costs_itself_alone() {
    for (bytes, content_type, one, what) in [
        (&br#"[{"id":1,"state":1,"at":1795996115099,"memo":"\ud83c"},{"id":2,"state":1,"at":1795996115099}]"#[..], None, "\u{fffd}", Some("half a character")),
        (b"[{\"id\":1,\"state\":1,\"at\":1795996115099,\"memo\":\"\xec\x86\"},{\"id\":2,\"state\":1,\"at\":1795996115099}]", None, "\u{fffd}", Some("half a character")),
        (br#"[{"id":1,"state":1,"at":1795996115099,"lat":NaN,"lon":127.0},{"id":2,"state":1,"at":1795996115099}]"#, None, "", Some("no number")),
        (br#"[{"id":1,"state":1,"at":1795996115099,"lat":0,"lon":0},{"id":2,"state":1,"at":1795996115099}]"#, None, "", Some("a field that can't be read")),
        (b"\xef\xbb\xbf[{\"id\":1,\"state\":1,\"at\":1795996115099},{\"id\":2,\"state\":1,\"at\":1795996115099}]", None, "", None),
        (b"[{\"id\":1,\"state\":1,\"at\":1795996115099,\"shop\":\"\xc7\xd1\"},{\"id\":2,\"state\":1,\"at\":1795996115099}]", Some("application/json; charset=EUC-KR"), "한", None),
        (br#"[{"id":1.0,"state":1.0,"at":1795996115099.0},{"id":"2","state":"1","at":"1795996115099"}]"#, None, "", None),
        (br#"{"5":{"id":1,"state":1,"at":1795996115099},"6":{"id":2,"state":1,"at":1795996115099}}"#, None, "", None),
        (br#"[{"id":1,"state":1,"at":1795996115099,"picked":"0000-00-00 00:00:00"},{"id":2,"state":1,"at":1795996115099}]"#, None, "", None),
    ] {
        let mut line = Line::open(FILE);
        let content_type = content_type.map(str::to_owned);
        line.answer(HttpResponse { body: bytes.to_vec(), content_type, ..response(200, "") });
        assert_eq!((line.unread(), line.statuses()), (Some(0), vec![(1, Status::Waiting), (2, Status::Waiting)]), "{bytes:?}");
        assert_eq!(line.board()[&1].1, one);
        let kinds = line.kinds();
        let told = kinds.first().map(|(what, _, count)| (what.as_str(), *count));
        assert_eq!(told, what.map(|what| (what, 1)), "{kinds:?}");
    }
}

#[test]
fn live_says_of_how_many_rows_it_says_nothing() {
    let line = Line::live(
        FILE,
        format!(r#"[{ONE},{{"id":2,"state":77,"at":5}},{{"id":3,"state":1,"at":"soon"}},{{"nr":4}}]"#)
            .as_bytes(),
    );
    assert_eq!((line.unread(), line.statuses()), (Some(3), vec![(1, Status::Waiting)]));
    assert_eq!(line.kinds().len(), 3, "{:?}", line.kinds());
    assert!(line.client.unread().iter().all(|kind| !kind.example.contains("soon")), "no data");
}

#[test]
fn without_a_row_that_can_be_used_it_is_never_live_and_says_why() {
    for (list, why) in [
        (
            r#"[{"nr":1,"state":1,"at":1795996115099},{"nr":2}]"#,
            "of 2 rows of the list none can be used: a row without an id at $.id",
        ),
        (
            r#"[{"id":1,"state":1,"at":"2026-11-30 18:03:07"}]"#,
            "a row without a modification time at $.at, such as \"9999-99-99 99:99:99\"",
        ),
        (r#"[[],[]]"#, "of 2 rows"),
    ] {
        let mut line = Line::live(FILE, list.as_bytes());
        assert_eq!(line.unread(), None);
        assert!(line.reason().contains(why), "{}", line.reason());
        line.list(list.as_bytes());
        assert!(line.reason().ends_with("3 times in a row"), "{}", line.reason());
        line.list(format!("[{ONE}]").as_bytes());
        assert_eq!((line.unread(), line.board().len()), (Some(0), 1), "it is not for good");
        // Nor does one that worked before hide it.
        line.pass(61_000);
        line.list(list.as_bytes());
        assert_eq!((line.unread(), line.board().len()), (None, 1), "nothing vanishes");
    }
}

#[test]
fn a_list_that_does_not_come_says_where_and_why_and_is_asked_for_less_and_less() {
    for (answer, why) in [
        (response(429, ""), "the list at http://legacy:7000/rows was answered with status 429"),
        (
            HttpResponse { location: Some("https://new/rows?token=1".to_owned()), ..response(307, "") },
            "307, which points to https://new/rows; write",
        ),
        (response(200, "[1,\n {\"id\" 2}]"), "can't be read as JSON (line 2, column 8"),
        (response(200, "<html>"), "it is a page, or XML"),
        (response(200, ""), "it is empty"),
        (response(200, r#"{"code":500,"message":"no"}"#), "holds no list where the dialect says it lies ($)"),
    ] {
        let mut line = Line::open(FILE);
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(line.answer(answer.clone()) / 100);
            assert!(line.reason().contains(why), "{}", line.reason());
        }
        assert!(line.reason().ends_with("8 times in a row"), "{}", line.reason());
        for (wait, least) in waits.iter().skip(1).zip([24, 48, 96, 192, 384, 480, 480]) {
            assert!(*wait >= least && *wait <= 721, "{waits:?}");
        }
    }
}

#[test]
fn an_empty_list_spelled_null_clears_the_board() {
    let file = FILE.replace("pollSeconds = 60", "pollSeconds = 60\nrows = \"data.orders\"");
    for empty in [r#"{"data":{"orders":null}}"#, r#"{"data":{"orders":{}}}"#, r#"{"data":{"orders":[]}}"#] {
        let mut line = Line::live(&file, format!(r#"{{"data":{{"orders":[{ONE},{TWO}]}}}}"#).as_bytes());
        assert_eq!(line.board().len(), 2);
        line.pass(20_000);
        line.list(empty.as_bytes());
        assert_eq!((line.board().len(), line.unread()), (0, Some(0)), "{empty}");
    }
}

#[test]
fn rows_come_packed_in_many_ways_and_keep_alives_are_none() {
    let later = |id: u64| format!(r#"{{"id":{id},"state":2,"at":1795996116000}}"#);
    let (one, two) = (later(1), later(2));
    for text in [
        format!("{one}\n{two}"),
        format!("{one}{two}"),
        format!("[{one},{two}]"),
        serde_json::to_string(&format!("[{one},{two}]")).unwrap(),
        format!("{one}\u{1e}{two}\u{1e}"),
        one.replace("\"id\":1", "\"id\":1.0") + "\n" + &two.replace("}", ",\"lat\":NaN,\"lon\":1}"),
    ] {
        let mut line = Line::live(FILE, format!("[{ONE},{TWO}]").as_bytes());
        line.text(&text);
        assert_eq!(line.statuses(), [(1, Status::Assigned), (2, Status::Assigned)], "{text}");
        assert!(line.unread().is_some(), "{}", line.reason());
    }
    let mut line = Line::live(FILE, format!("[{ONE},{TWO}]").as_bytes());
    for text in ["\n", "", "{}", "beat", " \r\n", "ping", "\"h\""] {
        line.text(text);
        assert_eq!((line.unread(), line.sent.pop().as_deref()), (Some(0), Some("pong")), "{text:?}");
    }
    assert_eq!(line.client.stats().malformed, 0);
    for gone in [
        r#"{"type":"deleted","data":1}"#,
        r#"{"type":"deleted","data":{"id":1}}"#,
        r#"{"type":"deleted","data":["1"]}"#,
    ] {
        let mut line = Line::live(FILE, format!("[{ONE},{TWO}]").as_bytes());
        line.text(gone);
        assert_eq!((line.statuses(), line.unread()), (vec![(2, Status::Waiting)], Some(0)), "{gone}");
    }
    let file = FILE.replace("at = \"data\"", "id = \"data.nr\"");
    let mut line = Line::live(&file, format!("[{ONE},{TWO}]").as_bytes());
    line.text(r#"{"type":"deleted","data":{"nr":1}}"#);
    assert_eq!(line.statuses(), [(2, Status::Waiting)]);
}

fn socket_io(more: &str) -> String {
    let socket = format!("kind = \"socket.io\"\nnamespace = \"/ops\"\n{more}");
    let plain = "kind = \"websocket\"\neventName = \"type\"\npong = \"pong\"\nkeepAlive = [\"beat\"]";
    FILE.replace(plain, &socket)
}

#[test]
fn socket_io_brings_rows_in_other_arguments_and_in_texts() {
    let open = r#"0{"sid":"a","pingInterval":300000,"pingTimeout":5000,"maxPayload":1}"#;
    for (text, argument) in [
        (r#"42/ops,["delivery",1,{"id":1,"state":2,"at":1795996116000}]"#, 2),
        (r#"42/ops,["delivery",{"id":1,"state":2,"at":1795996116000,"lat":NaN}]"#, 1),
        (r#"42/ops,["delivery","{\"id\":1,\"state\":2,\"at\":1795996116000}"]"#, 1),
        (r#"42/ops,7["delivery",null,"a","[{\"id\":1,\"state\":2,\"at\":1795996116000}]"]"#, 3),
    ] {
        let file = socket_io("")
            .replace("[[event]]\n[times]", &format!("[[event]]\nargument = {argument}\n[times]"));
        let mut line = Line::open(&file);
        line.text(open);
        line.text(r#"40/ops,{"sid":"b"}"#);
        line.list(format!("[{ONE}]").as_bytes());
        line.text(text);
        assert_eq!((line.statuses(), line.unread()), (vec![(1, Status::Assigned)], Some(0)), "{text}");
        // It is as silent as it promised to be.
        let socket = line.socket;
        line.pass(50_000);
        line.list(format!("[{ONE}]").as_bytes());
        line.pass(200_000);
        assert_eq!(line.socket, socket);
    }
}

#[test]
fn servers_of_socket_io_2_are_followed_where_the_dialect_says_so_and_named_where_not() {
    let open = r#"0{"sid":"a","pingInterval":25000,"pingTimeout":5000}"#;
    let mut line = Line::open(&socket_io(""));
    line.text(open);
    line.text("40");
    assert!(line.socket.is_none());
    assert!(line.reason().contains("`engine = 3`"), "{}", line.reason());
    for namespace in ["/ops", "/"] {
        let file =
            socket_io("engine = 3").replace("namespace = \"/ops\"", &format!("namespace = \"{namespace}\""));
        let mut line = Line::open(&file);
        line.text(open);
        line.text("40");
        if namespace == "/ops" {
            assert_eq!(line.sent, ["40/ops,"]);
            line.text("40/ops");
        }
        line.list(format!("[{ONE}]").as_bytes());
        assert_eq!(line.unread(), Some(0), "{}", line.reason());
        for _ in 0..4 {
            line.sent.clear();
            line.pass(25_000);
            assert_eq!(line.sent, ["2"], "the client pings");
            line.text("3");
            if line.asked.is_some() {
                line.list(format!("[{ONE}]").as_bytes());
            }
        }
        assert_eq!(line.unread(), Some(0));
        let socket = line.socket;
        line.pass(31_000);
        assert_ne!(line.socket, socket, "and hears silence");
    }
}

#[test]
fn a_list_older_than_an_event_does_not_take_it_back() {
    let at = |state: u8, at: i64| format!(r#"{{"id":1,"state":{state},"at":{at}}}"#);
    let mut line = Line::live(FILE, format!("[{}]", at(1, WALL)).as_bytes());
    line.text(&at(9, WALL + 1_000));
    assert_eq!(line.statuses(), [(1, Status::Cancelled)]);
    // A comparison of before the event proved what was so then.
    line.put(Input::Check("gangnam".into()));
    line.list(format!("[{}]", at(1, WALL - 100_000)).as_bytes());
    assert_eq!(line.statuses(), [(1, Status::Cancelled)]);
    let proofs = line.client.stats().proofs;
    for least in [1_900, 3_900, 7_900] {
        let waited = line.list(format!("[{}]", at(1, WALL - 100_000)).as_bytes());
        assert!((least..=least + 200).contains(&waited), "{waited}");
    }
    assert_eq!(
        (line.statuses(), line.client.stats().proofs),
        (vec![(1, Status::Cancelled)], proofs),
        "not proven"
    );
    line.pass(30_000);
    line.list(format!("[{}]", at(1, WALL - 100_000)).as_bytes());
    assert_eq!(line.statuses(), [(1, Status::Waiting)], "the bound");
    // An end that was not known is taken, whatever its time.
    line.text(&at(2, WALL + 90_000));
    line.put(Input::Check("gangnam".into()));
    line.list(format!("[{}]", at(9, WALL + 50_000)).as_bytes());
    assert_eq!(line.statuses(), [(1, Status::Cancelled)]);
}

#[test]
fn an_event_that_is_passed_over_asks_for_a_list() {
    let at = |state: u8, at: i64| format!(r#"{{"id":1,"state":{state},"at":{at}}}"#);
    let mut line = Line::live(FILE, format!("[{}]", at(1, WALL)).as_bytes());
    line.pass(10_000);
    line.text(&at(2, WALL + 300_000));
    line.text(&at(9, WALL + 8_000));
    assert_eq!((line.statuses(), line.unread()), (vec![(1, Status::Assigned)], Some(0)));
    let waited = line.list(format!("[{}]", at(9, WALL + 8_000)).as_bytes());
    assert!(waited <= 2_100, "{waited}");
    assert_eq!((line.statuses(), line.alarms), (vec![(1, Status::Cancelled)], 1));
}

#[test]
fn deliveries_under_way_stay_when_the_day_turns() {
    let row = |id: u64, state: u8| format!(r#"{{"id":{id},"state":{state},"at":{}}}"#, WALL);
    let mut line = Line::live(FILE, format!("[{},{}]", row(1, 3), row(2, 9)).as_bytes());
    // WALL is 2026-11-30 08:48 in Seoul.
    line.now += 16 * 3_600_000;
    line.put(Input::Tick);
    line.list(b"[]");
    line.list(b"[]");
    assert_eq!(line.statuses(), [(1, Status::PickedUp)], "what has ended goes");
    assert_eq!(line.unread(), Some(0));
    line.text(&format!(r#"{{"type":"deleted","data":{{"id":1,"at":{}}}}}"#, WALL + 1));
    assert!(line.statuses().is_empty());
}

#[test]
fn an_id_that_begins_anew_is_a_new_delivery_at_once() {
    let row = |state: u8, at: i64, memo: &str| format!(r#"{{"id":1,"state":{state},"at":{at}{memo}}}"#);
    let empty = || {
        let mut line = Line::live(FILE, format!("[{}]", row(1, WALL, r#","memo":"old""#)).as_bytes());
        line.pass(20_000);
        line.list(b"[]");
        assert!(line.board().is_empty());
        line.pass(45_000);
        line
    };
    let new = row(0, WALL + 60_000, "");
    let mut line = empty();
    line.text(&new);
    assert_eq!(line.board()[&1], (Some(Status::Received), String::new()));
    let mut line = empty();
    line.list(format!("[{new}]").as_bytes());
    assert_eq!(line.board()[&1], (Some(Status::Received), String::new()));
    // What is not dated later, or has ended, is the old one.
    for old in [row(1, WALL, ""), row(0, WALL - 5, ""), row(9, WALL + 60_000, "")] {
        let mut line = empty();
        line.text(&old);
        line.list(format!("[{old}]").as_bytes());
        assert!(line.board().is_empty(), "{old}");
    }
}

#[test]
fn rows_of_another_board_are_neither_shown_nor_alarmed() {
    let file = FILE.replace("[fields]", "[filter]\ncenter = \"gangnam\"\nday = \"{date}\"\n[fields]");
    let row = |id: u64, state: u8, center: &str, day: &str| {
        format!(r#"{{"id":{id},"state":{state},"at":{},"center":"{center}","day":"{day}"}}"#, WALL + 2_000)
    };
    let today = "2026-11-30";
    let list = [row(1, 1, "gangnam", today), row(2, 1, "songpa", today), row(3, 1, "gangnam", "2026-11-29")];
    let mut line = Line::live(&file, format!("[{}]", list.join(",")).as_bytes());
    assert_eq!((line.statuses(), line.unread()), (vec![(1, Status::Waiting)], Some(0)));
    line.text(&row(4, 9, "songpa", today));
    line.text(&row(5, 9, "gangnam", "2026-11-29"));
    assert_eq!((line.board().len(), line.alarms, line.unread()), (1, 0, Some(0)));
    line.text(&row(1, 1, "songpa", today));
    assert_eq!((line.board().len(), line.alarms), (0, 0), "it moved");
}

#[test]
fn stomp_is_joined_at_the_first_message_or_after_a_grace() {
    use gwanje_wire::stomp::{Command, Frame};
    let plain = "kind = \"websocket\"\neventName = \"type\"\npong = \"pong\"\nkeepAlive = [\"beat\"]";
    let file = FILE.replace(plain, "kind = \"stomp\"\ndestinations = \"/topic/x\"");
    let connected =
        Frame::new(Command::Connected).with("version", "1.2").with("heart-beat", "0,0").to_text().unwrap();
    let begin = || {
        let mut line = Line::open(&file);
        line.list(format!("[{ONE}]").as_bytes());
        line.pass(1_500);
        assert!(line.reason().contains("waiting for the broker's CONNECTED"), "{}", line.reason());
        line.text(&connected);
        line
    };
    let mut line = begin();
    let mut row = Frame::new(Command::Message)
        .with("destination", "/topic/x")
        .with("subscription", "0")
        .with("message-id", "1");
    row.body = br#"{"id":1,"state":2,"at":1795996116000}"#.to_vec();
    line.text(&row.to_text().unwrap());
    assert_eq!(
        (line.client.state().unwrap().name(), line.statuses()),
        ("CatchingUp", vec![(1, Status::Assigned)])
    );
    let mut line = begin();
    line.asked = None;
    line.pass(2_500);
    assert_eq!(line.client.state().unwrap().name(), "CatchingUp");
    assert_eq!(line.client.socket_options().ping_ms, Some((5_000, 13_000)), "without heart-beats");
}

#[test]
fn the_reason_names_the_step_the_address_and_how_often() {
    let mut line = Line::open(&socket_io(""));
    line.list(format!("[{ONE}]").as_bytes());
    line.pass(1_200);
    assert!(line.reason().contains("waiting for the server's greeting"), "{}", line.reason());
    assert!(line.reason().contains("ws://legacy:7000"), "{}", line.reason());
    line.text(r#"0{"sid":"a","pingInterval":25000,"pingTimeout":5000,"maxPayload":1}"#);
    line.pass(9_000);
    assert!(
        line.reason().contains("waited 10 s in vain for the namespace /ops to be joined"),
        "{}",
        line.reason()
    );
    for times in 2..4 {
        while line.socket.is_none() {
            line.asked = None;
            line.pass(100);
        }
        line.event(SocketEvent::Closed("connection refused".to_owned()));
        assert!(
            line.reason().contains(&format!("connection refused, {times} times in a row")),
            "{}",
            line.reason()
        );
    }
}
