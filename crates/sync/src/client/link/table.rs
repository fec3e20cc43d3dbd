//! Every cell of the tables of `link`, `connection` and `moving`: each phase and stage × each thing that can happen.

use super::moving::Why;
use super::*;
use gwanje_wire::Problem;
use rand_chacha::rand_core::SeedableRng as _;

/// Where a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Off,
    Ticket,
    Opening,
    Joining,
    Serving,
    Waiting,
}

const ATS: [At; 6] = [At::Off, At::Ticket, At::Opening, At::Joining, At::Serving, At::Waiting];

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happens {
    TicketCame,
    TicketFailed,
    /// The WebSocket is open.
    Opened,
    /// Engine.IO's OPEN.
    Open,
    Joined,
    JoinRefused(ErrorCode),
    Subscribed,
    SubscribeRefused,
    SubscribeGarbled,
    Left,
    HubCloses,
    Garbage,
    Unreadable,
    TurnedAway,
    Closed,
    /// A drain of no delay, and its moment.
    Drained,
    /// Nothing comes for eight seconds.
    Silence,
    /// Its deadlines pass, while packets come.
    Time,
    Stop,
    UnwantAll,
}

const ALL: [Happens; 24] = [
    Happens::TicketCame,
    Happens::TicketFailed,
    Happens::Opened,
    Happens::Open,
    Happens::Joined,
    Happens::JoinRefused(ErrorCode::NotFound),
    Happens::JoinRefused(ErrorCode::Forbidden),
    Happens::JoinRefused(ErrorCode::Unauthorized),
    Happens::JoinRefused(ErrorCode::Unavailable),
    Happens::JoinRefused(ErrorCode::Other),
    Happens::Subscribed,
    Happens::SubscribeRefused,
    Happens::SubscribeGarbled,
    Happens::Left,
    Happens::HubCloses,
    Happens::Garbage,
    Happens::Unreadable,
    Happens::TurnedAway,
    Happens::Closed,
    Happens::Drained,
    Happens::Silence,
    Happens::Time,
    Happens::Stop,
    Happens::UnwantAll,
];

const OPEN: &str = r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#;

struct Desk {
    link: Link,
    now: Mono,
    rng: ChaCha8Rng,
    out: Vec<LinkAction>,
    /// Acks that were asked for.
    acks: u64,
}

impl Desk {
    fn at(at: At, servers: &[&str]) -> Self {
        let mut desk = Self {
            link: Link::new("seat".into()),
            now: Mono(100_000),
            rng: ChaCha8Rng::seed_from_u64(3),
            out: Vec::new(),
            acks: 0,
        };
        let urls: Vec<String> = servers.iter().map(|url| (*url).to_owned()).collect();
        if at == At::Off {
            return desk;
        }
        desk.link.start(&[], &urls, desk.now);
        desk.link.want(&"a".into(), desk.now);
        desk.go(at);
        desk.look(at);
        desk
    }

    /// Goes on from `Ticket`.
    fn go(&mut self, at: At) {
        let way: &[Happens] = match at {
            At::Off | At::Ticket => &[],
            At::Opening => &[Happens::TicketCame],
            At::Joining => &[Happens::TicketCame, Happens::Opened, Happens::Open],
            At::Serving => &[Happens::TicketCame, Happens::Opened, Happens::Open, Happens::Joined],
            At::Waiting => &[Happens::TicketFailed],
        };
        for step in way {
            self.happen(*step);
        }
        if at == At::Serving {
            self.link.subscribe(&"a".into(), None, self.now);
            self.collect();
        }
    }

    fn look(&mut self, at: At) {
        assert_eq!(self.place(), at);
        self.out.clear();
    }

    /// Serving, and moving elsewhere; the new attempt is at `at`.
    fn moving(why: Why, at: At) -> Self {
        let mut desk = Self::at(At::Serving, &["http://a", "http://b"]);
        desk.happen(Happens::Subscribed);
        match why {
            Why::Drained => desk.happen(Happens::Drained),
            Why::Better => {
                // `a` failed before, and its moment to come back has come.
                desk.link.endpoints.failed("http://a", desk.now);
                let Phase::Connected(connection) = &mut desk.link.phase else { panic!("not connected") };
                connection.base = "http://b".to_owned();
                desk.link.endpoints.worked("http://b");
                for _ in 0..1_000 {
                    if desk.link.old.is_some() {
                        break;
                    }
                    desk.now = desk.link.deadline().unwrap();
                    desk.alive();
                    desk.due(true);
                    for probe in desk.probes() {
                        desk.link.probed(&probe, true, desk.now, &mut desk.rng);
                    }
                }
            }
        }
        assert_eq!(desk.link.old.as_ref().map(|old| old.why), Some(why));
        assert_eq!(desk.place(), At::Ticket);
        desk.alive();
        desk.go(at);
        assert!(desk.link.old.is_some(), "{why:?} at {at:?}");
        assert!(!desk.lost(), "{why:?} at {at:?}: nothing is lost while the old one serves");
        desk.look(at);
        desk
    }

    fn probes(&mut self) -> Vec<String> {
        let mut probes = Vec::new();
        for action in std::mem::take(&mut self.out) {
            if let LinkAction::Probe(url) = action {
                probes.push(url);
            }
        }
        probes
    }

    fn socket(&self) -> SocketId {
        match &self.link.phase {
            Phase::Connected(connection) => connection.socket,
            _ => SocketId(99),
        }
    }

    fn old(&self) -> SocketId {
        self.link.old.as_ref().map_or(SocketId(98), |old| old.connection.socket)
    }

    fn hear(&mut self, socket: SocketId, event: SocketEvent) {
        self.link.socket(socket, event, self.now, &mut self.rng);
        self.collect();
    }

    fn text(&mut self, text: &str) {
        self.hear(self.socket(), SocketEvent::Text(text.to_owned()));
    }

    /// Both sockets are pinged.
    fn alive(&mut self) {
        for socket in [self.socket(), self.old()] {
            self.hear(socket, SocketEvent::Text("2".to_owned()));
        }
    }

    fn due(&mut self, calm: bool) {
        self.link.due(calm, self.now, &mut self.rng);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(action) = self.link.poll_action() {
            if let LinkAction::Send(_, text) = &action
                && text.contains("\"subscribe\"")
            {
                let id = text.split_once(',').unwrap().1.split_once('[').unwrap().0;
                self.acks = id.parse().unwrap();
            }
            self.out.push(action);
        }
    }

    fn happen(&mut self, what: Happens) {
        let ack = |body: &str, id: u64| format!("43/center/a,{id}[{body}]");
        match what {
            Happens::TicketCame => {
                let ticket = TicketReply { ticket: "T".to_owned(), expires_at: gwanje_model::UtcMillis(0) };
                self.link.ticket(Ok(ticket), self.now, &mut self.rng);
            }
            Happens::TicketFailed => {
                let problem = Problem::new(ErrorCode::Unavailable, "no");
                let failure = CallFailure::Problem { problem, retry_after_s: None };
                self.link.ticket(Err(failure), self.now, &mut self.rng);
            }
            Happens::Opened => self.hear(self.socket(), SocketEvent::Opened),
            Happens::Open => self.text(OPEN),
            Happens::Joined => self.text(r#"40/center/a,{"sid":"s"}"#),
            Happens::JoinRefused(code) => self.text(&format!(r#"44/center/a,{{"code":"{code}"}}"#)),
            Happens::Subscribed => {
                self.text(&ack(r#"{"ok":true,"head":null,"missed":null,"resync":null}"#, self.acks));
            }
            Happens::SubscribeRefused => self.text(&ack(r#"{"ok":false,"code":"unavailable"}"#, self.acks)),
            Happens::SubscribeGarbled => self.text(&ack("5", self.acks)),
            Happens::Left => self.text("41/center/a,"),
            Happens::HubCloses => self.text("1"),
            Happens::Garbage => self.text("%"),
            Happens::Unreadable => self.hear(self.socket(), SocketEvent::Unreadable),
            Happens::TurnedAway => self.hear(
                self.socket(),
                SocketEvent::TurnedAway { reason: "503".to_owned(), retry_after_s: Some(9) },
            ),
            Happens::Closed => self.hear(self.socket(), SocketEvent::Closed("cut".to_owned())),
            Happens::Drained => {
                self.text(r#"42/center/a,["drain",{"withinMs":0}]"#);
                self.due(false);
            }
            Happens::Silence => {
                self.now = self.now.plus_ms(8_000);
                self.due(false);
            }
            Happens::Time => {
                if let Some(at) = self.link.deadline() {
                    self.now = at.max(self.now);
                    self.alive();
                }
                self.due(false);
            }
            Happens::Stop => self.link.stop(),
            Happens::UnwantAll => self.link.unwant(&"a".into()),
        }
        self.collect();
    }

    fn place(&self) -> At {
        match &self.link.phase {
            Phase::Off => At::Off,
            Phase::Ticket { .. } => At::Ticket,
            Phase::Connected(connection) => match connection.stage {
                Stage::Opening { .. } => At::Opening,
                Stage::Joining { .. } => At::Joining,
                Stage::Serving { .. } => At::Serving,
            },
            Phase::Waiting { .. } => At::Waiting,
        }
    }

    fn lost(&self) -> bool {
        self.out.iter().any(|action| matches!(action, LinkAction::Lost(_)))
    }

    fn closed(&self) -> Vec<SocketId> {
        let mut closed = Vec::new();
        for action in &self.out {
            if let LinkAction::Close(socket) = action {
                closed.push(*socket);
            }
        }
        closed
    }
}

/// The table, for a link that moves nowhere: where it is afterwards.
fn expected(at: At, happens: Happens) -> At {
    let connected = match at {
        At::Opening | At::Joining | At::Serving => true,
        At::Off | At::Ticket | At::Waiting => false,
    };
    // Before OPEN no namespace is asked for, and an answer to none says nothing.
    let asked = matches!(at, At::Joining | At::Serving);
    match happens {
        Happens::TicketCame if at == At::Ticket => At::Opening,
        Happens::TicketFailed if at == At::Ticket => At::Waiting,
        Happens::TicketCame | Happens::TicketFailed => at,
        Happens::Opened | Happens::Garbage | Happens::Unreadable | Happens::UnwantAll => at,
        Happens::Open if at == At::Opening => At::Joining,
        Happens::Open => at,
        Happens::Joined if asked => At::Serving,
        Happens::Joined => at,
        // The last center is gone: the connection idles.
        Happens::JoinRefused(ErrorCode::NotFound | ErrorCode::Forbidden) => at,
        Happens::JoinRefused(_) if asked => At::Waiting,
        Happens::JoinRefused(_) => at,
        Happens::Subscribed | Happens::SubscribeRefused => at,
        Happens::SubscribeGarbled if at == At::Serving => At::Waiting,
        Happens::SubscribeGarbled => at,
        Happens::Left if asked => At::Waiting,
        Happens::Left => at,
        Happens::HubCloses | Happens::TurnedAway | Happens::Closed if connected => At::Waiting,
        Happens::HubCloses | Happens::TurnedAway | Happens::Closed => at,
        Happens::Drained if at == At::Serving => At::Ticket,
        Happens::Drained if at == At::Waiting => At::Waiting,
        Happens::Drained => at,
        Happens::Silence => match at {
            At::Off => At::Off,
            At::Ticket => At::Ticket,
            // The handshake has ten seconds where there is no other endpoint.
            At::Opening => At::Opening,
            At::Joining | At::Serving => At::Waiting,
            At::Waiting => At::Ticket,
        },
        // The first deadline: patience for attempts, the ack for one that serves, the pause for one that waits.
        Happens::Time => match at {
            At::Serving => At::Waiting,
            At::Waiting => At::Ticket,
            At::Off | At::Ticket | At::Opening | At::Joining => at,
        },
        Happens::Stop => At::Off,
    }
}

#[test]
fn every_cell_of_the_table() {
    for at in ATS {
        for happens in ALL {
            let mut desk = Desk::at(at, &["http://a"]);
            let socket = desk.socket();
            desk.happen(happens);
            let after = expected(at, happens);
            assert_eq!(desk.place(), after, "{at:?} × {happens:?}: {:?}", desk.out);
            let ended = matches!(at, At::Opening | At::Joining | At::Serving)
                && matches!(after, At::Waiting | At::Off);
            assert_eq!(desk.closed(), if ended { vec![socket] } else { vec![] }, "{at:?} × {happens:?}");
            assert!(
                desk.link.deadline().is_none_or(|due| due >= desk.now),
                "{at:?} × {happens:?}: a deadline in the past"
            );
        }
    }
}

#[test]
fn what_is_lost_is_told_once_and_only_when_it_is() {
    for at in ATS {
        for happens in ALL {
            let mut desk = Desk::at(at, &["http://a"]);
            let told_before = desk.link.down().is_some();
            desk.happen(happens);
            let ends = matches!(desk.place(), At::Waiting) && at != At::Waiting;
            let impatient = matches!(at, At::Ticket | At::Opening | At::Joining)
                && matches!(happens, Happens::Time | Happens::Silence);
            assert_eq!(desk.lost(), !told_before && (ends || impatient), "{at:?} × {happens:?}");
        }
    }
}

#[test]
fn a_move_never_loses_what_the_old_connection_serves() {
    for why in [Why::Drained, Why::Better] {
        for at in [At::Ticket, At::Opening, At::Joining, At::Waiting] {
            if why == Why::Better && at == At::Waiting {
                continue; // A better endpoint is not waited for: there is one that serves.
            }
            for happens in ALL {
                let mut desk = Desk::moving(why, at);
                let (old, new) = (desk.old(), desk.socket());
                desk.happen(happens);
                let cell = format!("{why:?} {at:?} × {happens:?}: {:?}", desk.out);
                match happens {
                    Happens::Stop => {
                        assert!(desk.closed().contains(&old), "{cell}");
                        assert!(desk.link.old.is_none(), "{cell}");
                    }
                    // The old one is silent, too.
                    Happens::Silence => assert!(desk.closed().contains(&old) && desk.lost(), "{cell}"),
                    // Nothing is wanted any more: whatever is there idles.
                    Happens::UnwantAll | Happens::JoinRefused(ErrorCode::NotFound | ErrorCode::Forbidden) => {
                        assert!(!desk.lost(), "{cell}");
                    }
                    _ => {
                        assert!(!desk.lost(), "{cell}");
                        assert!(!desk.closed().contains(&old), "{cell}");
                        // Where another endpoint is good, the handshake's time is the first to be over.
                        let mute = (why, at, happens) == (Why::Better, At::Opening, Happens::Time);
                        let failed = mute || expected(at, happens) == At::Waiting && at != At::Waiting;
                        if why == Why::Better && failed {
                            assert_eq!(desk.socket(), old, "{cell}: stays where it was");
                            assert_eq!(desk.place(), At::Serving, "{cell}");
                            assert_eq!(desk.link.endpoint(), Some("http://b"), "{cell}");
                        } else {
                            assert_eq!(desk.old(), old, "{cell}");
                        }
                        if failed && at != At::Ticket {
                            assert!(desk.closed().contains(&new), "{cell}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_old_connection_is_closed_when_the_new_one_has_subscribed_and_not_before() {
    for (why, base) in [(Why::Drained, "http://b"), (Why::Better, "http://a")] {
        let mut desk = Desk::moving(why, At::Serving);
        let old = desk.old();
        desk.happen(Happens::SubscribeRefused);
        assert_eq!(desk.closed(), [], "{why:?}: asked again, the old one goes on");
        desk.link.subscribe(&"a".into(), None, desk.now);
        desk.collect();
        desk.happen(Happens::Subscribed);
        assert_eq!(desk.closed(), [old], "{why:?}");
        assert!(!desk.lost(), "{why:?}");
        assert_eq!(desk.link.endpoint(), Some(base), "{why:?}");
        assert_eq!(desk.link.endpoints.current(), base, "{why:?}");
    }
}

#[test]
fn a_head_is_asked_for_at_no_risk_to_the_connection() {
    let mut desk = Desk::at(At::Serving, &["http://a"]);
    let asked = |desk: &mut Desk| {
        desk.out.clear();
        desk.link.ask_head(&"a".into(), desk.now);
        desk.collect();
        desk.out.iter().any(|action| matches!(action, LinkAction::Send(..)))
    };
    assert!(!asked(&mut desk), "what is not followed yet has no head");
    desk.happen(Happens::Subscribed);
    assert!(asked(&mut desk));
    desk.happen(Happens::Subscribed);
    assert!(desk.out.iter().any(|action| matches!(action, LinkAction::Subscribed(..))));
    for answer in [Happens::SubscribeGarbled, Happens::SubscribeRefused, Happens::Time] {
        assert!(asked(&mut desk), "{answer:?}");
        if answer == Happens::Time {
            desk.now = desk.now.plus_ms(ANSWER_MS);
            desk.alive();
            desk.due(false);
            // Too late to be an answer.
            desk.out.clear();
            desk.happen(Happens::Subscribed);
            assert!(!desk.out.iter().any(|action| matches!(action, LinkAction::Subscribed(..))));
        } else {
            desk.happen(answer);
        }
        assert_eq!((desk.place(), desk.lost()), (At::Serving, false), "{answer:?}");
    }
    for why in [Why::Drained, Why::Better] {
        let mut desk = Desk::moving(why, At::Serving);
        assert!(!asked(&mut desk), "{why:?}: either of the two might answer");
    }
}

#[test]
fn a_new_connection_that_ends_after_it_joined_ends_both() {
    for why in [Why::Drained, Why::Better] {
        let mut desk = Desk::moving(why, At::Serving);
        let (old, new) = (desk.old(), desk.socket());
        desk.happen(Happens::Closed);
        assert!(desk.lost(), "{why:?}: the centers have moved to it");
        let mut closed = desk.closed();
        closed.sort();
        assert_eq!(closed, [old, new], "{why:?}");
        assert_eq!(desk.place(), At::Waiting, "{why:?}");
    }
}

#[test]
fn the_end_of_the_old_connection_is_told_unless_the_new_one_serves() {
    for why in [Why::Drained, Why::Better] {
        for at in [At::Ticket, At::Opening, At::Joining, At::Serving] {
            let ends = [
                SocketEvent::Closed("cut".to_owned()),
                SocketEvent::Text("1".to_owned()),
                SocketEvent::Text("41/center/a,".to_owned()),
            ];
            for event in ends {
                let mut desk = Desk::moving(why, at);
                let old = desk.old();
                desk.hear(old, event.clone());
                let cell = format!("{why:?} {at:?} {event:?}");
                assert_eq!(desk.closed(), [old], "{cell}");
                assert_eq!(desk.lost(), at != At::Serving, "{cell}");
                assert_eq!(desk.place(), at, "{cell}: the attempt goes on");
            }
        }
    }
}

#[test]
fn both_bring_frames_but_only_one_brings_heads() {
    let head = json_event(
        "head",
        r#"{"epoch":"E","rev":1,"count":0,"digest":"0000000000000000","at":1,"dayAt":1,"alarmSeq":0}"#,
    );
    let frame =
        json_event("deliveries", r#"{"epoch":"E","from":0,"to":1,"asOf":1,"at":1,"rows":[],"gone":[]}"#);
    for (at, heads) in [(At::Ticket, 1), (At::Opening, 1), (At::Joining, 1), (At::Serving, 0)] {
        let mut desk = Desk::moving(Why::Drained, at);
        for text in [&head, &frame] {
            let old = desk.old();
            desk.hear(old, SocketEvent::Text(text.clone()));
        }
        let count = |wanted: fn(&News) -> bool| {
            desk.out
                .iter()
                .filter(|action| matches!(action, LinkAction::News(_, news) if wanted(news)))
                .count()
        };
        assert_eq!(count(|news| matches!(news, News::Head(_))), heads, "{at:?}");
        assert_eq!(count(|news| matches!(news, News::Frame(_))), 1, "{at:?}");
    }
}

#[test]
fn what_cannot_be_read_on_the_old_connection_is_told_and_its_answers_count_until_the_new_one_has_joined() {
    for (at, counts) in [(At::Ticket, true), (At::Joining, true), (At::Serving, false)] {
        let ack = r#"43/center/a,9[{"ok":true,"head":null,"missed":null,"resync":null}]"#;
        let mut desk = Desk::moving(Why::Drained, at);
        // A center that is wanted only now joins on the connection that serves, and a head was asked for before it moved.
        let old = &mut desk.link.old.as_mut().unwrap().connection.talk;
        let asked = old.emit("/center/a", "subscribe", &(), 900_000, Wants::Head).unwrap();
        let id = asked.split_once(',').unwrap().1.split_once('[').unwrap().0;
        let ack = ack.replace(",9[", &format!(",{id}["));
        old.join("/center/b", &()).unwrap();
        let socket = desk.old();
        for (event, malformed) in [
            (SocketEvent::Opened, 0),
            (SocketEvent::Unreadable, 1),
            (SocketEvent::Text("%".to_owned()), 1),
            (SocketEvent::Text("3".to_owned()), 0),
        ] {
            desk.out.clear();
            desk.hear(socket, event.clone());
            let told = desk.out.iter().filter(|action| matches!(action, LinkAction::Malformed)).count();
            assert_eq!((told, desk.lost()), (malformed, false), "{at:?} {event:?}");
            assert_eq!(desk.old(), socket, "{at:?} {event:?}: it goes on");
        }
        desk.out.clear();
        desk.hear(socket, SocketEvent::Text(ack));
        let subscribed = desk.out.iter().any(|action| matches!(action, LinkAction::Subscribed(..)));
        assert_eq!(subscribed, counts, "{at:?}");
        desk.hear(socket, SocketEvent::Text(r#"40/center/b,{"sid":"s"}"#.to_owned()));
        let joined =
            |action: &LinkAction| matches!(action, LinkAction::Joined(center) if *center == "b".into());
        assert!(desk.out.iter().any(joined), "{at:?}: the new one has not joined that one");
        desk.hear(socket, SocketEvent::TurnedAway { reason: "503".to_owned(), retry_after_s: None });
        assert_eq!(desk.closed(), [socket], "{at:?}");
    }
}

fn json_event(name: &str, data: &str) -> String {
    format!(r#"42/center/a,["{name}",{data}]"#)
}

#[test]
fn a_socket_that_is_turned_away_comes_back_when_it_was_told_or_elsewhere() {
    let mut alone = Desk::at(At::Opening, &["http://a"]);
    alone.happen(Happens::TurnedAway);
    let wait = alone.link.deadline().unwrap().since(alone.now);
    assert!((9_000..=10_500).contains(&wait), "{wait}");
    let mut two = Desk::at(At::Opening, &["http://a", "http://b"]);
    two.happen(Happens::TurnedAway);
    let wait = two.link.deadline().unwrap().since(two.now);
    assert!(wait <= FAILOVER_MS, "{wait}: the other one is good");
    let hour = SocketEvent::TurnedAway { reason: "503".to_owned(), retry_after_s: Some(u64::MAX) };
    let mut alone = Desk::at(At::Opening, &["http://a"]);
    alone.hear(alone.socket(), hour);
    let wait = alone.link.deadline().unwrap().since(alone.now);
    assert!(wait <= 602_000, "{wait}: obeyed within bounds");
}

#[test]
fn a_mute_endpoint_is_left_for_a_good_one_within_four_seconds() {
    let mut desk = Desk::at(At::Ticket, &["http://a", "http://b"]);
    let begin = desk.now;
    desk.happen(Happens::TicketCame);
    desk.happen(Happens::Opened);
    let mut opened = Vec::new();
    while opened.is_empty() {
        desk.now = desk.link.deadline().unwrap();
        assert!(desk.now.since(begin) < 4_000, "still mute after {} ms", desk.now.since(begin));
        desk.out.clear();
        desk.due(true);
        if desk.place() == At::Ticket {
            desk.happen(Happens::TicketCame);
        }
        opened.extend(desk.out.iter().filter_map(|action| match action {
            LinkAction::Open(_, url) => Some(url.clone()),
            _ => None,
        }));
    }
    assert!(opened[0].starts_with("ws://b/"), "{opened:?}");
}

#[test]
fn only_endpoints_of_the_settings_and_of_the_sign_in_are_used_and_strays_are_counted() {
    let servers = ["http://a".to_owned()];
    let mut link = Link::new("seat".into());
    link.start(&["ftp://x".to_owned(), "ws://s".to_owned(), "nonsense".to_owned()], &servers, Mono(1));
    assert_eq!((link.endpoints.current(), link.foreign), ("ws://s", 2));
    let mut link = Link::new("seat".into());
    link.start(&["nonsense".to_owned()], &servers, Mono(1));
    assert_eq!((link.endpoints.current(), link.foreign), ("http://a", 1));
    let mut desk = Desk::at(At::Serving, &["http://a"]);
    desk.text(r#"42/center/a,["drain",{"withinMs":0,"to":"http://evil","urls":["http://evil"]}]"#);
    desk.due(true);
    desk.happen(Happens::TicketCame);
    assert_eq!(desk.link.foreign, 2);
    let opened = desk.out.iter().any(|a| matches!(a, LinkAction::Open(_, url) if url.contains("evil")));
    assert!(!opened && desk.link.endpoints.len() == 1);
}

#[test]
fn a_center_that_comes_when_the_ticket_is_void_waits_for_no_refusal() {
    for (idle_ms, place) in [(29_000, At::Joining), (31_000, At::Ticket)] {
        let mut desk = Desk::at(At::Opening, &["http://a"]);
        for step in [Happens::UnwantAll, Happens::Opened, Happens::Open] {
            desk.happen(step);
        }
        for _ in 0..idle_ms / 1_000 {
            desk.now = desk.now.plus_ms(1_000);
            desk.alive();
            desk.due(false);
        }
        desk.look(At::Joining);
        let idle = desk.socket();
        desk.link.want(&"b".into(), desk.now);
        desk.collect();
        let joins = desk
            .out
            .iter()
            .any(|action| matches!(action, LinkAction::Send(_, text) if text.starts_with("40")));
        let renews = place == At::Ticket;
        assert_eq!((desk.place(), joins), (place, !renews), "after {idle_ms} ms");
        assert_eq!(desk.closed(), if renews { vec![idle] } else { Vec::new() }, "after {idle_ms} ms");
    }
}
