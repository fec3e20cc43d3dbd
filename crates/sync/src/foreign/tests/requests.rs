//! The list's requests: what is asked for when, and what never becomes a loop.

use super::world::{DIALECT, answer, time};
use crate::foreign::{Foreign, ForeignConfig};
use crate::io::{Action, HttpRequest, HttpResponse, Input, Mono, Now, RequestId, SocketEvent, SocketId};
use gwanje_dialect::Dialect;
use gwanje_model::{Status, UtcMillis};
use serde_json::{Value, json};
use std::sync::Arc;

const SOCKET: SocketId = SocketId(0);
const WALL: i64 = super::world::WALL;

/// A line that was signed out, and what that wiped.
fn wiped(line: &mut Line) -> bool {
    let now = Now { mono: Mono(line.now), wall: UtcMillis(WALL + line.now as i64) };
    line.client.handle(Input::SignOut, now);
    let actions: Vec<Action> = std::iter::from_fn(|| line.client.poll_action()).collect();
    line.asked = None;
    assert!(actions.iter().any(|action| matches!(action, Action::SignedOut(None))));
    assert!(actions.iter().any(|action| matches!(action, Action::CloseSocket(SOCKET))));
    actions.iter().any(|action| matches!(action, Action::Wipe(center) if *center == "gangnam".into()))
}

struct Line {
    client: Foreign,
    now: u64,
    asked: Option<(u64, RequestId, HttpRequest)>,
    opened: bool,
}

impl Line {
    fn new(file: &str) -> Self {
        let client = Foreign::new(ForeignConfig {
            dialect: Arc::new(Dialect::parse(file).unwrap()),
            servers: Vec::new(),
            seat: "seat".into(),
            seed: 3,
        });
        let mut line = Self { client, now: 0, asked: None, opened: false };
        line.put(Input::Resume { refresh_token: String::new(), centers: Vec::new() });
        line.put(Input::Restored("gangnam".into(), Box::default()));
        line
    }

    fn put(&mut self, input: Input) {
        let now = Now { mono: Mono(self.now), wall: UtcMillis(WALL + self.now as i64) };
        self.client.handle(input, now);
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Http(id, request) => {
                    assert!(self.asked.replace((self.now, id, request)).is_none(), "one at a time");
                }
                Action::DropHttp(_) => self.asked = None,
                Action::OpenSocket(SOCKET, _) => self.opened = true,
                _ => {}
            }
        }
    }

    /// Lets time pass until then, or until the list is asked for.
    fn until_asked(&mut self, end: u64) -> bool {
        while self.asked.is_none() {
            let due = self.client.deadline().map_or(end, |at| at.0.max(self.now));
            if due >= end {
                self.now = end;
                return false;
            }
            self.now = due;
            self.put(Input::Tick);
        }
        true
    }

    fn answer(&mut self, response: HttpResponse) {
        let (_, id, _) = self.asked.take().unwrap();
        self.now += 20;
        self.put(Input::Http(id, Ok(response)));
    }

    fn list(&mut self, rows: &[Value], etag: Option<&str>) {
        let body = json!({"body": {"list": rows}}).to_string();
        self.answer(answer(200, &body, etag.map(str::to_owned)));
    }

    fn join(&mut self) {
        assert!(self.opened);
        let open = r#"0{"sid":"x","pingInterval":3000000,"pingTimeout":3000000,"maxPayload":0}"#;
        self.put(Input::Socket(SOCKET, SocketEvent::Opened));
        self.text(open);
        self.text(r#"40/orders,{"sid":"y"}"#);
    }

    fn text(&mut self, text: &str) {
        self.put(Input::Socket(SOCKET, SocketEvent::Text(text.to_owned())));
    }

    fn etag(&self) -> Option<&str> {
        let (_, _, request) = self.asked.as_ref()?;
        let (_, etag) = request.headers.iter().find(|(name, _)| *name == "if-none-match")?;
        Some(etag)
    }

    fn asked_at(&self) -> u64 {
        self.asked.as_ref().unwrap().0
    }

    fn state(&self) -> &'static str {
        self.client.state().unwrap().name()
    }

    fn shown(&self) -> Vec<String> {
        self.client.rows().map(|row| row.delivery().unwrap().order_no.to_string()).collect()
    }
}

fn row(no: &str) -> Value {
    json!({"no": no, "at": time(WALL / 1_000 - 3_600), "st": "W", "memo": "x"})
}

fn paged() -> Line {
    let (before, rest) = DIALECT.split_once("[socket]").unwrap();
    let (_, after) = rest.split_once("[times]").unwrap();
    let pages = "[snapshot.pages]\nparameter = \"page\"\nrows = 2\n";
    Line::new(&format!("{before}{pages}[times]{after}"))
}

#[test]
fn rows_that_cannot_be_read_are_in_view_as_such_and_one_without_an_id_lets_nothing_leave() {
    let mut line = Line::new(DIALECT);
    line.join();
    assert!(line.until_asked(60_000));
    line.list(&[row("A"), row("B")], None);
    let odd = json!({"no": "C", "at": time(WALL / 1_000 - 60), "st": "??"});
    let timeless = json!({"no": "D", "st": "W"});
    // B is not listed, and one of the rows might be it.
    assert!(line.until_asked(120_000));
    line.list(&[row("A"), odd.clone(), timeless.clone(), json!({"st": "W"})], None);
    let unreadable = |line: &Line| line.client.rows().filter(|row| row.delivery().is_none()).count();
    assert_eq!((line.client.rows().count(), unreadable(&line)), (4, 2));
    // Two of one id: the newer one counts, whichever comes first.
    let newer = json!({"no": "A", "at": time(WALL / 1_000 - 30), "st": "P"});
    for rows in [[newer.clone(), row("A")], [row("A"), newer]] {
        // Later than what was listed last counts as news to a list.
        line.now += 15_000;
        assert!(line.until_asked(180_000));
        line.list(&[&rows[..], &[odd.clone(), timeless.clone(), timeless.clone()]].concat(), None);
        let read = line.client.rows().filter_map(|row| row.delivery());
        let statuses: Vec<_> = read.map(|row| (row.order_no.to_string(), row.status)).collect();
        assert_eq!(statuses, [("A".to_owned(), Status::PickedUp)]);
        assert_eq!(unreadable(&line), 2);
    }
}

#[test]
fn whoever_leaves_takes_the_cached_board_along_and_a_refused_list_says_so() {
    let mut line = Line::new(DIALECT);
    line.join();
    assert!(line.until_asked(60_000));
    line.answer(answer(403, "", None));
    assert_eq!(line.state(), "Refused");
    assert!(wiped(&mut line));
    assert!(line.client.state().is_none());
    assert_eq!(line.client.deadline(), None, "nothing is asked for any more");
}

#[test]
fn pages_that_do_not_advance_are_a_failed_list() {
    let mut line = paged();
    let mut pages = 0;
    while line.until_asked(1_000) {
        pages += 1;
        assert!(pages <= 2, "the server does not know the parameter");
        line.list(&[row("A"), row("B")], None);
    }
    assert!(line.shown().is_empty());
    assert!(line.until_asked(60_000), "it is tried again after a pause");
}

#[test]
fn a_row_that_slips_from_one_page_to_the_page_before_is_not_lost() {
    let mut line = paged();
    for page in [vec![row("A"), row("B")], vec![row("C"), row("D")], vec![row("E")]] {
        assert!(line.until_asked(60_000));
        line.list(&page, None);
    }
    assert_eq!(line.shown().len(), 5);
    line.now += 30_000;
    // B leaves between the first page and the second: C is on neither.
    for page in [vec![row("A"), row("B")], vec![row("D"), row("E")], vec![]] {
        assert!(line.until_asked(line.now + 60_000));
        line.list(&page, None);
    }
    assert_eq!(line.shown().len(), 5, "once is not enough");
    for page in [vec![row("A"), row("C")], vec![row("D"), row("E")], vec![]] {
        assert!(line.until_asked(line.now + 2_500));
        line.list(&page, None);
    }
    assert_eq!(line.shown().len(), 5, "C was there, and B is missing for the first time");
    for page in [vec![row("A"), row("C")], vec![row("D"), row("E")], vec![]] {
        assert!(line.until_asked(line.now + 4_500));
        line.list(&page, None);
    }
    assert_eq!(line.shown(), ["A", "C", "D", "E"]);
}

#[test]
fn an_etag_is_of_the_day_that_it_came_with() {
    let mut line = Line::new(DIALECT);
    let midnight = 12 * 3_600_000;
    line.now = midnight - 60_000;
    let (mut days, mut first) = (std::collections::BTreeSet::new(), true);
    while line.until_asked(midnight + 60_000) {
        let (_, _, request) = line.asked.as_ref().unwrap();
        let is_new_day = days.insert(request.url.clone());
        assert_eq!(line.etag().is_none(), is_new_day, "{}", request.url);
        if std::mem::take(&mut first) || is_new_day {
            line.list(&[row("A")], Some("\"version 7\""));
        } else {
            line.answer(answer(304, "", None));
        }
    }
    assert_eq!(days.len(), 2);
}

#[test]
fn who_is_told_to_wait_waits_whatever_happens() {
    let mut line = Line::new(DIALECT);
    line.join();
    assert!(line.until_asked(1_000));
    line.answer(HttpResponse { retry_after_s: Some(60), ..answer(503, "", None) });
    let told = line.now;
    line.text("42/orders,[");
    assert!(!line.until_asked(told + 30_000));
    line.put(Input::Socket(SOCKET, SocketEvent::Closed("cut".to_owned())));
    line.put(Input::Check("gangnam".into()));
    assert!(!line.until_asked(told + 60_000));
    assert!(line.until_asked(told + 65_000));
}

#[test]
fn the_list_after_the_join_is_not_asked_for_before_the_rooms_can_be_joined() {
    for before_due in [1, 50, 150, 290] {
        let mut line = Line::new(DIALECT);
        assert!(line.until_asked(1_000));
        line.list(&[row("A")], None);
        assert!(line.until_asked(60_000));
        let due = line.asked_at();
        // The same again, with a join shortly before the list is due.
        let mut line = Line::new(DIALECT);
        assert!(line.until_asked(1_000));
        line.list(&[row("A")], None);
        assert!(!line.until_asked(due - before_due));
        line.join();
        let joined = line.now;
        assert!(line.until_asked(60_000));
        assert!(line.asked_at() >= joined + 300, "{before_due}: {}", line.asked_at() - joined);
        line.list(&[row("A")], None);
        assert_eq!(line.state(), "Live");
    }
}

#[test]
fn a_repair_reads_in_full_also_when_its_first_list_fails() {
    let mut line = Line::new(DIALECT);
    assert!(line.until_asked(1_000));
    line.list(&[row("A")], Some("\"1\""));
    assert!(line.until_asked(line.now + 60_000));
    assert_eq!(line.etag(), Some("\"1\""));
    line.answer(answer(304, "", None));
    line.put(Input::Audited {
        center: "gangnam".into(),
        damaged: vec![gwanje_model::DeliveryId(1)],
        digest_fits: true,
    });
    for _ in 0..2 {
        assert!(line.until_asked(line.now + 60_000));
        assert_eq!(line.etag(), None);
        line.answer(answer(503, "", None));
    }
    assert!(line.until_asked(line.now + 60_000));
    assert_eq!(line.etag(), None);
    line.list(&[row("A")], Some("\"1\""));
    assert!(line.until_asked(line.now + 60_000));
    assert_eq!(line.etag(), Some("\"1\""));
}

#[test]
fn messages_that_cannot_be_read_one_after_the_other_do_not_make_a_list_a_second() {
    let mut line = Line::new(DIALECT);
    line.join();
    let mut asked = Vec::new();
    for second in 0..600 {
        line.now = line.now.max(second * 1_000);
        line.text(r#"42/orders,["part",{"data":{"no":"elsewhere","at":"2026-11-21 12:00:00"}}]"#);
        while line.until_asked(second * 1_000 + 999) {
            asked.push(line.asked_at());
            line.list(&[row("A")], Some("\"1\""));
        }
    }
    assert!(asked.len() <= 150, "{} lists in ten minutes", asked.len());
    // One alone is looked into at once.
    while line.until_asked(700_000) {
        line.list(&[row("A")], Some("\"1\""));
    }
    assert_eq!(line.state(), "Live");
    line.text("42/orders,[");
    assert_eq!(line.state(), "CatchingUp");
    assert!(line.until_asked(line.now + 1_001));
}
