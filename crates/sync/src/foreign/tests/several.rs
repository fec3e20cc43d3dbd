//! Several servers of one center: which one is followed, and that socket and list are always of the same one.

use super::world::{DIALECT, answer};
use crate::foreign::{Foreign, ForeignConfig};
use crate::io::{
    Action, HttpFailure, HttpResponse, Input, Mono, Now, RequestId, RowChange, SocketEvent, SocketId,
};
use crate::testing::agenda::Agenda;
use gwanje_dialect::Dialect;
use gwanje_model::UtcMillis;
use gwanje_wire::WireRow;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const WALL: i64 = 1_795_230_000_000;

/// How a server answers for its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Rows,
    Status(u16),
    /// Busy, for so many seconds.
    Away(u64),
    Text(&'static str),
    Nobody,
}

#[derive(Debug, Clone)]
struct Site {
    listing: Listing,
    rows: Vec<&'static str>,
    takes_sockets: bool,
    list_ms: u64,
}

const GOOD: Site = Site { listing: Listing::Rows, rows: Vec::new(), takes_sockets: true, list_ms: 20 };

impl Site {
    fn listing(listing: Listing) -> Self {
        Self { listing, ..GOOD }
    }

    fn dead() -> Self {
        Self { listing: Listing::Nobody, takes_sockets: false, ..GOOD }
    }

    fn without_socket(self) -> Self {
        Self { takes_sockets: false, ..self }
    }

    fn with(self, rows: &[&'static str]) -> Self {
        Self { rows: rows.to_vec(), ..self }
    }
}

enum Event {
    Socket(SocketId, SocketEvent),
    Answer(RequestId, Result<HttpResponse, HttpFailure>),
    Ping(SocketId),
}

/// A seat that follows servers `a`, `b`, `c`.
struct Follower {
    client: Foreign,
    sites: BTreeMap<String, Site>,
    now: u64,
    agenda: Agenda<Event>,
    /// The socket that is open, or being opened, and where.
    socket: Option<(SocketId, String)>,
    /// The list's request under way, and where.
    request: Option<(RequestId, String)>,
    /// Where the list, and where a socket, was asked for; when, with which ETag.
    lists: Vec<(u64, String, Option<String>)>,
    sockets: Vec<(u64, String)>,
    board: BTreeSet<String>,
    states: Vec<(u64, &'static str)>,
}

impl Follower {
    fn new(sites: &[(&str, Site)]) -> Self {
        Self::of(DIALECT, sites)
    }

    /// The list alone.
    fn without_socket(sites: &[(&str, Site)]) -> Self {
        let (before, rest) = DIALECT.split_once("[socket]").unwrap();
        let (_, after) = rest.split_once("[times]").unwrap();
        Self::of(&format!("{before}[times]{after}"), sites)
    }

    fn of(file: &str, sites: &[(&str, Site)]) -> Self {
        let client = Foreign::new(ForeignConfig {
            dialect: Arc::new(Dialect::parse(file).unwrap()),
            servers: sites.iter().map(|(name, _)| format!("http://{name}")).collect(),
            seat: "seat".into(),
            seed: 7,
        });
        let mut follower = Self {
            client,
            sites: sites.iter().map(|(name, site)| ((*name).to_owned(), site.clone())).collect(),
            now: 0,
            agenda: Agenda::default(),
            socket: None,
            request: None,
            lists: Vec::new(),
            sockets: Vec::new(),
            board: BTreeSet::new(),
            states: Vec::new(),
        };
        follower.put(Input::Resume { refresh_token: String::new(), centers: Vec::new() });
        follower.put(Input::Restored("gangnam".into(), Box::default()));
        follower
    }

    fn site(&mut self, name: &str) -> &mut Site {
        self.sites.get_mut(name).unwrap()
    }

    fn at(&mut self, in_ms: u64, event: Event) {
        self.agenda.put(self.now + in_ms, event);
    }

    fn put(&mut self, input: Input) {
        let now = Now { mono: Mono(1_000_000 + self.now), wall: UtcMillis(WALL + self.now as i64) };
        self.client.handle(input, now);
        while let Some(action) = self.client.poll_action() {
            self.carry_out(action);
        }
        if let (Some((_, socket)), Some((_, list))) = (&self.socket, &self.request) {
            assert_eq!(socket, list, "the socket of one server and the list of another");
        }
        let state = self.client.state().map_or("none", |state| state.name());
        if self.states.last().is_none_or(|(_, last)| *last != state) {
            self.states.push((self.now, state));
        }
    }

    fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let due = self.client.deadline().map_or(u64::MAX, |at| (at.0 - 1_000_000).max(self.now));
            let queued = self.agenda.next_at().unwrap_or(u64::MAX);
            if due.min(queued) > end {
                self.now = end;
                return;
            }
            self.now = due.min(queued);
            if queued > due {
                self.put(Input::Tick);
                continue;
            }
            let event = self.agenda.take_next().unwrap();
            match event {
                Event::Socket(socket, event) => {
                    if matches!(event, SocketEvent::Opened) {
                        let open = r#"0{"sid":"x","pingInterval":4000,"pingTimeout":3000,"maxPayload":0}"#;
                        self.at(1, Event::Socket(socket, SocketEvent::Text(open.to_owned())));
                        self.at(4_000, Event::Ping(socket));
                    }
                    self.put(Input::Socket(socket, event));
                }
                Event::Ping(socket) => {
                    if self.socket.as_ref().is_some_and(|(open, _)| *open == socket) {
                        self.at(4_000, Event::Ping(socket));
                        self.put(Input::Socket(socket, SocketEvent::Text("2".to_owned())));
                    }
                }
                Event::Answer(request, result) => {
                    if self.request.as_ref().is_some_and(|(asked, _)| *asked == request) {
                        self.request = None;
                    }
                    self.put(Input::Http(request, result));
                }
            }
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::OpenSocket(socket, url) => {
                let name = host(&url);
                self.sockets.push((self.now, name.clone()));
                let takes = self.sites[&name].takes_sockets;
                self.socket = Some((socket, name));
                let event = if takes {
                    SocketEvent::Opened
                } else {
                    SocketEvent::Closed("connection refused".to_owned())
                };
                self.at(2, Event::Socket(socket, event));
            }
            Action::SendText(socket, text) if text.starts_with("40/orders,") => {
                self.at(2, Event::Socket(socket, SocketEvent::Text(r#"40/orders,{"sid":"y"}"#.to_owned())));
            }
            Action::CloseSocket(socket) if self.socket.as_ref().is_some_and(|(open, _)| *open == socket) => {
                self.socket = None;
            }
            Action::Http(request, asked) => {
                let name = host(&asked.url);
                let etag = asked.headers.iter().find(|(name, _)| *name == "if-none-match");
                self.lists.push((self.now, name.clone(), etag.map(|(_, etag)| etag.clone())));
                let site = self.sites[&name].clone();
                let result = match site.listing {
                    Listing::Rows => {
                        let rows: Vec<Value> = site.rows.iter().map(|no| row(no)).collect();
                        let body = json!({"body": {"list": rows}}).to_string();
                        Ok(answer(200, &body, Some(format!("\"of {name}\""))))
                    }
                    Listing::Status(status) => Ok(answer(status, "", None)),
                    Listing::Away(for_s) => {
                        Ok(HttpResponse { retry_after_s: Some(for_s), ..answer(503, "", None) })
                    }
                    Listing::Text(body) => Ok(answer(200, body, None)),
                    Listing::Nobody => Err(HttpFailure::Refused("connection refused".to_owned())),
                };
                let after = if site.listing == Listing::Nobody { 2 } else { site.list_ms };
                self.request = Some((request, name));
                // An answer that is on its way when the request is dropped comes all the same.
                self.at(after, Event::Answer(request, result));
            }
            Action::DropHttp(request)
                if self.request.as_ref().is_some_and(|(asked, _)| *asked == request) =>
            {
                self.request = None;
            }
            Action::Changed(_, changes, _) => {
                for change in changes {
                    let no = |row: &WireRow| row.delivery().unwrap().order_no.to_string();
                    match change {
                        RowChange::Clear => self.board.clear(),
                        RowChange::Upsert(row) => {
                            self.board.insert(no(&row));
                        }
                        RowChange::Remove(..) | RowChange::Mark(..) => {
                            self.board = self.client.rows().map(no).collect();
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn lists_of(&self, name: &str) -> usize {
        self.lists.iter().filter(|(_, at, _)| at == name).count()
    }

    fn sockets_of(&self, name: &str) -> usize {
        self.sockets.iter().filter(|(_, at)| at == name).count()
    }

    fn state(&self) -> &'static str {
        self.client.state().unwrap().name()
    }

    fn endpoint(&self) -> &str {
        self.client.endpoint().trim_start_matches("http://")
    }

    /// How often the list's server changed.
    fn moves(&self) -> usize {
        self.lists.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
    }
}

fn host(url: &str) -> String {
    url.split("://").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

fn row(no: &str) -> Value {
    json!({"no": no, "at": "2026-11-21 11:00:00", "st": "W", "memo": "x", "rider": "R1"})
}

#[test]
fn a_server_whose_list_is_an_error_is_left_although_its_socket_works() {
    for listing in [
        Listing::Status(503),
        Listing::Status(404),
        Listing::Status(401),
        Listing::Text("<html>"),
        Listing::Text("{}"),
    ] {
        let mut follower =
            Follower::new(&[("a", Site::listing(listing)), ("b", GOOD.with(&["B1"])), ("c", GOOD.clone())]);
        follower.run(120_000);
        assert_eq!((follower.state(), follower.endpoint()), ("Live", "b"), "{listing:?}");
        assert_eq!(follower.board, ["B1".to_owned()].into());
        assert_eq!(follower.lists_of("a"), 3, "{listing:?}: one or two may pass");
        follower.run(1_800_000);
        assert_eq!(
            (follower.lists_of("a"), follower.lists_of("c"), follower.sockets_of("a")),
            (3, 0, 1),
            "{listing:?}"
        );
    }
}

#[test]
fn a_server_whose_list_is_an_error_is_left_where_there_is_no_socket() {
    let sites = [("a", Site::listing(Listing::Status(500))), ("b", GOOD.with(&["B1"]))];
    let mut follower = Follower::without_socket(&sites);
    follower.run(20_000);
    assert_eq!((follower.state(), follower.endpoint(), follower.lists_of("a")), ("Polling", "b", 3));
    follower.run(1_800_000);
    assert_eq!(follower.lists_of("a"), 3, "kept to while it works");
    follower.site("b").listing = Listing::Status(500);
    follower.site("a").listing = Listing::Rows;
    follower.run(20_000);
    assert_eq!((follower.state(), follower.endpoint()), ("Polling", "a"));
}

#[test]
fn one_failure_leaves_no_server_that_answers() {
    let mut follower = Follower::new(&[("a", GOOD.clone()), ("b", GOOD.clone())]);
    follower.run(5_000);
    for _ in 0..5 {
        follower.site("a").listing = Listing::Status(503);
        let lists = follower.lists.len();
        while follower.lists.len() < lists + 2 {
            follower.run(1_000);
        }
        follower.site("a").listing = Listing::Rows;
        follower.run(60_000);
    }
    assert_eq!((follower.state(), follower.endpoint(), follower.lists_of("b")), ("Live", "a", 0));
}

#[test]
fn the_only_server_is_asked_again_with_pauses_that_grow() {
    let mut follower = Follower::new(&[("a", Site::listing(Listing::Status(503)))]);
    follower.run(300_000);
    assert!((8..=13).contains(&follower.lists_of("a")), "{}", follower.lists_of("a"));
    assert_eq!((follower.state(), follower.sockets_of("a")), ("CatchingUp", 1), "its socket is kept");
}

#[test]
fn socket_and_list_that_fail_together_move_on_by_one() {
    let mut follower = Follower::new(&[("a", Site::dead()), ("b", GOOD.clone()), ("c", GOOD.clone())]);
    follower.run(60_000);
    assert_eq!((follower.state(), follower.endpoint()), ("Live", "b"));
    assert_eq!((follower.lists_of("c"), follower.sockets_of("c")), (0, 0));
    // The same from a server that worked: its socket is tried once more, its list is not there.
    *follower.site("b") = Site::dead();
    let (socket, _) = follower.socket.take().unwrap();
    follower.put(Input::Socket(socket, SocketEvent::Closed("cut".to_owned())));
    follower.run(60_000);
    assert_eq!((follower.state(), follower.endpoint()), ("Live", "c"));
}

#[test]
fn what_a_server_that_was_left_still_answers_is_no_list_of_the_next() {
    let slow = Site { list_ms: 900, ..GOOD.with(&["A1"]) };
    let mut follower = Follower::new(&[("a", slow.without_socket()), ("b", GOOD.with(&["B1"]))]);
    follower.run(800);
    assert_eq!((follower.endpoint(), follower.lists_of("b")), ("b", 0), "its socket was refused");
    follower.run(60_000);
    assert_eq!(follower.board, ["B1".to_owned()].into());
    assert_eq!((follower.state(), follower.lists_of("a")), ("Live", 1));
    assert_eq!(follower.client.stats().mismatches, 0, "compared with one server's lists alone");
    let known: BTreeSet<_> = follower.lists.iter().filter_map(|(_, _, etag)| etag.clone()).collect();
    assert_eq!(known, ["\"of b\"".to_owned()].into());
}

#[test]
fn an_etag_is_sent_to_the_server_that_gave_it_alone() {
    let mut follower = Follower::without_socket(&[("a", GOOD.with(&["X1"])), ("b", GOOD.with(&["X1"]))]);
    follower.run(20_000);
    follower.site("a").listing = Listing::Nobody;
    follower.run(20_000);
    assert_eq!(follower.endpoint(), "b");
    for (at, name, etag) in &follower.lists {
        let of = etag.as_ref().map(|etag| etag.trim_matches('"').trim_start_matches("of "));
        assert!(of.is_none_or(|of| of == name), "{etag:?} was sent to {name} at {at}");
    }
    assert!(follower.lists.iter().any(|(_, name, etag)| name == "b" && etag.is_some()));
}

#[test]
fn the_socket_goes_where_the_list_goes() {
    let mut follower = Follower::new(&[("a", GOOD.with(&["A1"])), ("b", GOOD.with(&["A1"]))]);
    follower.run(90_000);
    assert_eq!((follower.state(), follower.endpoint()), ("Live", "a"));
    follower.site("a").listing = Listing::Status(502);
    follower.run(60_000);
    assert_eq!((follower.state(), follower.endpoint()), ("Live", "b"));
    assert_eq!(follower.socket.as_ref().unwrap().1, "b");
}

#[test]
fn servers_that_work_by_halves_are_not_gone_to_and_fro_between() {
    let by_list = GOOD.with(&["B1"]).without_socket();
    let by_socket = Site::listing(Listing::Status(500));
    for sites in [[("a", by_socket.clone()), ("b", by_list.clone())], [("a", by_list), ("b", by_socket)]] {
        let mut follower = Follower::new(&sites);
        let (mut listed, minutes) = (0, 60);
        for _ in 0..minutes * 60 {
            follower.run(1_000);
            listed += u32::from(follower.state() == "Polling");
        }
        assert!(follower.moves() <= 24, "{} moves in an hour", follower.moves());
        assert!(listed >= minutes * 60 * 9 / 10, "followed by its list for {listed} s of an hour");
        assert_eq!(follower.board, ["B1".to_owned()].into());
    }
}

#[test]
fn sockets_that_all_refuse_leave_the_list_in_peace() {
    let slow = Site { list_ms: 2_500, ..GOOD.with(&["A1"]).without_socket() };
    let mut follower = Follower::new(&[("a", slow.clone()), ("b", slow)]);
    follower.run(20_000);
    assert_eq!(follower.state(), "Polling");
    follower.run(3_600_000);
    assert!(follower.moves() <= 14, "{} moves", follower.moves());
}

#[test]
fn dead_servers_are_tried_in_turn_at_the_pauses_of_always() {
    let mut follower = Follower::new(&[("a", Site::dead()), ("b", Site::dead()), ("c", Site::dead())]);
    follower.run(300_000);
    assert_eq!(follower.state(), "Offline");
    assert!((80..=130).contains(&follower.lists.len()), "{} lists", follower.lists.len());
    assert!(follower.sockets.len() <= 60, "{} sockets", follower.sockets.len());
    for name in ["a", "b", "c"] {
        assert!(follower.lists_of(name) >= 15, "{name}: {}", follower.lists_of(name));
    }
    *follower.site("b") = GOOD.clone();
    follower.run(60_000);
    assert_eq!((follower.state(), follower.endpoint()), ("Live", "b"));
}

#[test]
fn the_next_server_s_first_list_is_not_the_last_one_s_second() {
    let rows: Vec<String> = (0..30).map(|n| format!("R{n}")).collect();
    let rows: Vec<&'static str> = rows.iter().map(|row| &*row.clone().leak()).collect();
    let mut follower = Follower::without_socket(&[("a", GOOD.with(&rows)), ("b", GOOD.clone())]);
    follower.run(20_000);
    // It starts anew, and then nobody is there: the next one has only just started, too.
    follower.site("a").rows.clear();
    let lists = follower.lists_of("a");
    while follower.lists_of("a") == lists {
        follower.run(100);
    }
    follower.run(100);
    follower.site("a").listing = Listing::Nobody;
    while follower.lists_of("b") == 0 {
        follower.run(100);
    }
    follower.run(100);
    assert_eq!((follower.endpoint(), follower.board.len()), ("b", 30), "not at its first word");
    follower.run(30_000);
    assert!(follower.board.is_empty());
}

#[test]
fn a_server_that_says_that_it_is_away_is_left_at_once_and_not_asked_before() {
    let away = Site::listing(Listing::Away(300));
    let mut follower = Follower::new(&[("a", away.clone()), ("b", GOOD.with(&["B1"]))]);
    follower.run(15_000);
    assert_eq!((follower.state(), follower.endpoint(), follower.lists_of("a")), ("Live", "b", 1));
    // Where all are away, each is asked when it said.
    for site in [away.clone(), away.without_socket()] {
        let mut follower = Follower::new(&[("a", site.clone()), ("b", site)]);
        follower.run(3_000_000);
        for name in ["a", "b"] {
            // What was asked first is not waited for where the socket is refused meanwhile.
            let asked = follower.lists.iter().skip(1).filter(|(_, of, _)| of == name);
            let at: Vec<u64> = asked.map(|(at, ..)| *at).collect();
            assert!(at.windows(2).all(|pair| pair[1] >= pair[0] + 300_000), "{name}: {at:?}");
            assert!(at.len() >= 4, "{name}: {at:?}");
        }
        assert!(follower.lists.len() >= 10, "{:?}", follower.lists);
    }
}
