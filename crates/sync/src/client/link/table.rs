//! Every cell of the tables of `link`, `connection` and `moving`: each phase and stage × each thing that can happen.

use super::moving::Why;
use super::*;
use crate::testing::cells::{Every, Machine, compare, every, every_of, walk};
use gwanje_wire::Problem;
use rand_chacha::rand_core::SeedableRng as _;

every!(
    /// Where a link is.
    At {
        Off,
        Ticket,
        Opening,
        Joining,
        Serving,
        Waiting,
    }
);

every!(
    /// What can happen.
    Happens {
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
);

every_of!(Why { Drained, Better });

const OPEN: &str = r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#;

/// A link that wants one center.
struct OneLink {
    link: Link,
    now: Mono,
    rng: ChaCha8Rng,
    out: Vec<LinkAction>,
    /// Acks that were asked for.
    acks: u64,
}

impl Machine for OneLink {
    type At = At;
    type Happens = Happens;

    fn new() -> Self {
        Self::between(&["http://a"])
    }

    fn way(at: At) -> Vec<Happens> {
        match at {
            At::Off => vec![Happens::Stop],
            At::Ticket => vec![],
            At::Opening => vec![Happens::TicketCame],
            At::Joining => vec![Happens::TicketCame, Happens::Opened, Happens::Open],
            At::Serving => vec![Happens::TicketCame, Happens::Opened, Happens::Open, Happens::Joined],
            At::Waiting => vec![Happens::TicketFailed],
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

    /// What is joined is subscribed to.
    fn arrive(&mut self) {
        if self.place() == At::Serving {
            self.link.subscribe(&"a".into(), None, self.now);
            self.collect();
        }
    }

    fn forget(&mut self) {
        self.out.clear();
    }

    fn at(at: At) -> Self {
        if at == At::Off { Self::off() } else { Self::new().go(at) }
    }
}

impl OneLink {
    /// Never started.
    fn off() -> Self {
        let link = Link::new("seat".into());
        Self { link, now: Mono(100_000), rng: ChaCha8Rng::seed_from_u64(3), out: Vec::new(), acks: 0 }
    }

    /// Started, with these endpoints; a ticket is asked for.
    fn between(servers: &[&str]) -> Self {
        let mut link = Self::off();
        let urls: Vec<String> = servers.iter().map(|url| (*url).to_owned()).collect();
        link.link.start(&[], &urls, link.now);
        link.link.want(&"a".into(), link.now);
        link
    }

    /// Serving, and moving elsewhere; the new attempt is at `at`.
    fn moving(why: Why, at: At) -> Self {
        let mut link = Self::between(&["http://a", "http://b"]).go(At::Serving);
        link.happen(Happens::Subscribed);
        match why {
            Why::Drained => link.happen(Happens::Drained),
            Why::Better => {
                // `a` failed before, and its moment to come back has come.
                link.link.endpoints.failed("http://a", link.now);
                let Phase::Connected(connection) = &mut link.link.phase else { panic!("not connected") };
                connection.base = "http://b".to_owned();
                link.link.endpoints.worked("http://b");
                for _ in 0..1_000 {
                    if link.link.old.is_some() {
                        break;
                    }
                    link.now = link.link.deadline().unwrap();
                    link.alive();
                    link.due(true);
                    for probe in link.probes() {
                        link.link.probed(&probe, true, link.now, &mut link.rng);
                    }
                }
            }
        }
        assert_eq!(link.link.old.as_ref().map(|old| old.why), Some(why));
        assert_eq!(link.place(), At::Ticket);
        link.alive();
        for step in Self::way(at) {
            link.happen(step);
        }
        link.arrive();
        assert!(link.link.old.is_some(), "{why:?} at {at:?}");
        assert!(!link.lost(), "{why:?} at {at:?}: nothing is lost while the old one serves");
        link.look(at);
        link
    }

    fn look(&mut self, at: At) {
        assert_eq!(self.place(), at);
        self.forget();
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
    compare(
        <(At, Happens)>::every(),
        |(at, happens)| {
            let after = expected(*at, *happens);
            let ended = matches!(at, At::Opening | At::Joining | At::Serving)
                && matches!(after, At::Waiting | At::Off);
            let socket = OneLink::at(*at).socket();
            let due_in_the_past = false;
            (after, if ended { vec![socket] } else { vec![] }, due_in_the_past)
        },
        |(at, happens)| {
            let mut link = OneLink::at(*at);
            link.happen(*happens);
            let due_in_the_past = link.link.deadline().is_some_and(|due| due < link.now);
            (link.place(), link.closed(), due_in_the_past)
        },
    );
}

#[test]
fn what_is_lost_is_told_once_and_only_when_it_is() {
    compare(
        <(At, Happens)>::every(),
        |(at, happens)| {
            let told_before = OneLink::at(*at).link.down().is_some();
            let ends = expected(*at, *happens) == At::Waiting && *at != At::Waiting;
            let impatient = matches!(at, At::Ticket | At::Opening | At::Joining)
                && matches!(happens, Happens::Time | Happens::Silence);
            !told_before && (ends || impatient)
        },
        |(at, happens)| {
            let mut link = OneLink::at(*at);
            link.happen(*happens);
            link.lost()
        },
    );
}

#[test]
fn a_move_never_loses_what_the_old_connection_serves() {
    let moves = |(why, at, _): &(Why, At, Happens)| match at {
        At::Ticket | At::Opening | At::Joining => true,
        // A better endpoint is not waited for: there is one that serves.
        At::Waiting => *why == Why::Drained,
        At::Off | At::Serving => false,
    };
    let cells = <(Why, At, Happens)>::every();
    walk(cells.into_iter().filter(moves), |&(why, at, happens)| {
        let mut link = OneLink::moving(why, at);
        let (old, new) = (link.old(), link.socket());
        link.happen(happens);
        let out = format!("{:?}", link.out);
        match happens {
            Happens::Stop => {
                assert!(link.closed().contains(&old), "{out}");
                assert!(link.link.old.is_none(), "{out}");
            }
            // The old one is silent, too.
            Happens::Silence => assert!(link.closed().contains(&old) && link.lost(), "{out}"),
            // Nothing is wanted any more: whatever is there idles.
            Happens::UnwantAll | Happens::JoinRefused(ErrorCode::NotFound | ErrorCode::Forbidden) => {
                assert!(!link.lost(), "{out}");
            }
            _ => {
                assert!(!link.lost(), "{out}");
                assert!(!link.closed().contains(&old), "{out}");
                // Where another endpoint is good, the handshake's time is the first to be over.
                let mute = (why, at, happens) == (Why::Better, At::Opening, Happens::Time);
                let failed = mute || expected(at, happens) == At::Waiting && at != At::Waiting;
                if why == Why::Better && failed {
                    assert_eq!(link.socket(), old, "{out}: stays where it was");
                    assert_eq!(link.place(), At::Serving, "{out}");
                    assert_eq!(link.link.endpoint(), Some("http://b"), "{out}");
                } else {
                    assert_eq!(link.old(), old, "{out}");
                }
                if failed && at != At::Ticket {
                    assert!(link.closed().contains(&new), "{out}");
                }
            }
        }
    });
}

#[test]
fn the_old_connection_is_closed_when_the_new_one_has_subscribed_and_not_before() {
    for (why, base) in [(Why::Drained, "http://b"), (Why::Better, "http://a")] {
        let mut link = OneLink::moving(why, At::Serving);
        let old = link.old();
        link.happen(Happens::SubscribeRefused);
        assert_eq!(link.closed(), [], "{why:?}: asked again, the old one goes on");
        link.link.subscribe(&"a".into(), None, link.now);
        link.collect();
        link.happen(Happens::Subscribed);
        assert_eq!(link.closed(), [old], "{why:?}");
        assert!(!link.lost(), "{why:?}");
        assert_eq!(link.link.endpoint(), Some(base), "{why:?}");
        assert_eq!(link.link.endpoints.current(), base, "{why:?}");
    }
}

#[test]
fn a_head_is_asked_for_at_no_risk_to_the_connection() {
    let mut link = OneLink::at(At::Serving);
    let asked = |link: &mut OneLink| {
        link.out.clear();
        link.link.ask_head(&"a".into(), link.now);
        link.collect();
        link.out.iter().any(|action| matches!(action, LinkAction::Send(..)))
    };
    assert!(!asked(&mut link), "what is not followed yet has no head");
    link.happen(Happens::Subscribed);
    assert!(asked(&mut link));
    link.happen(Happens::Subscribed);
    assert!(link.out.iter().any(|action| matches!(action, LinkAction::Subscribed(..))));
    for answer in [Happens::SubscribeGarbled, Happens::SubscribeRefused, Happens::Time] {
        assert!(asked(&mut link), "{answer:?}");
        if answer == Happens::Time {
            link.now = link.now.plus_ms(ANSWER_MS);
            link.alive();
            link.due(false);
            // Too late to be an answer.
            link.out.clear();
            link.happen(Happens::Subscribed);
            assert!(!link.out.iter().any(|action| matches!(action, LinkAction::Subscribed(..))));
        } else {
            link.happen(answer);
        }
        assert_eq!((link.place(), link.lost()), (At::Serving, false), "{answer:?}");
    }
    for why in [Why::Drained, Why::Better] {
        let mut link = OneLink::moving(why, At::Serving);
        assert!(!asked(&mut link), "{why:?}: either of the two might answer");
    }
}

#[test]
fn a_new_connection_that_ends_after_it_joined_ends_both() {
    for why in [Why::Drained, Why::Better] {
        let mut link = OneLink::moving(why, At::Serving);
        let (old, new) = (link.old(), link.socket());
        link.happen(Happens::Closed);
        assert!(link.lost(), "{why:?}: the centers have moved to it");
        let mut closed = link.closed();
        closed.sort();
        assert_eq!(closed, [old, new], "{why:?}");
        assert_eq!(link.place(), At::Waiting, "{why:?}");
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
                let mut link = OneLink::moving(why, at);
                let old = link.old();
                link.hear(old, event.clone());
                let cell = format!("{why:?} {at:?} {event:?}");
                assert_eq!(link.closed(), [old], "{cell}");
                assert_eq!(link.lost(), at != At::Serving, "{cell}");
                assert_eq!(link.place(), at, "{cell}: the attempt goes on");
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
        let mut link = OneLink::moving(Why::Drained, at);
        for text in [&head, &frame] {
            let old = link.old();
            link.hear(old, SocketEvent::Text(text.clone()));
        }
        let count = |wanted: fn(&News) -> bool| {
            link.out
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
        let mut link = OneLink::moving(Why::Drained, at);
        // A center that is wanted only now joins on the connection that serves, and a head was asked for before it moved.
        let old = &mut link.link.old.as_mut().unwrap().connection.talk;
        let asked = old.emit("/center/a", "subscribe", &(), 900_000, Wants::Head).unwrap();
        let id = asked.split_once(',').unwrap().1.split_once('[').unwrap().0;
        let ack = ack.replace(",9[", &format!(",{id}["));
        old.join("/center/b", &()).unwrap();
        let socket = link.old();
        for (event, malformed) in [
            (SocketEvent::Opened, 0),
            (SocketEvent::Unreadable, 1),
            (SocketEvent::Text("%".to_owned()), 1),
            (SocketEvent::Text("3".to_owned()), 0),
        ] {
            link.out.clear();
            link.hear(socket, event.clone());
            let told = link.out.iter().filter(|action| matches!(action, LinkAction::Malformed)).count();
            assert_eq!((told, link.lost()), (malformed, false), "{at:?} {event:?}");
            assert_eq!(link.old(), socket, "{at:?} {event:?}: it goes on");
        }
        link.out.clear();
        link.hear(socket, SocketEvent::Text(ack));
        let subscribed = link.out.iter().any(|action| matches!(action, LinkAction::Subscribed(..)));
        assert_eq!(subscribed, counts, "{at:?}");
        link.hear(socket, SocketEvent::Text(r#"40/center/b,{"sid":"s"}"#.to_owned()));
        let joined =
            |action: &LinkAction| matches!(action, LinkAction::Joined(center) if *center == "b".into());
        assert!(link.out.iter().any(joined), "{at:?}: the new one has not joined that one");
        link.hear(socket, SocketEvent::TurnedAway { reason: "503".to_owned(), retry_after_s: None });
        assert_eq!(link.closed(), [socket], "{at:?}");
    }
}

fn json_event(name: &str, data: &str) -> String {
    format!(r#"42/center/a,["{name}",{data}]"#)
}

#[test]
fn a_socket_that_is_turned_away_comes_back_when_it_was_told_or_elsewhere() {
    let mut alone = OneLink::at(At::Opening);
    alone.happen(Happens::TurnedAway);
    let wait = alone.link.deadline().unwrap().since(alone.now);
    assert!((9_000..=10_500).contains(&wait), "{wait}");
    let mut two = OneLink::between(&["http://a", "http://b"]).go(At::Opening);
    two.happen(Happens::TurnedAway);
    let wait = two.link.deadline().unwrap().since(two.now);
    assert!(wait <= FAILOVER_MS, "{wait}: the other one is good");
    let hour = SocketEvent::TurnedAway { reason: "503".to_owned(), retry_after_s: Some(u64::MAX) };
    let mut alone = OneLink::at(At::Opening);
    alone.hear(alone.socket(), hour);
    let wait = alone.link.deadline().unwrap().since(alone.now);
    assert!(wait <= 602_000, "{wait}: obeyed within bounds");
}

#[test]
fn a_mute_endpoint_is_left_for_a_good_one_within_four_seconds() {
    let mut link = OneLink::between(&["http://a", "http://b"]).go(At::Ticket);
    let begin = link.now;
    link.happen(Happens::TicketCame);
    link.happen(Happens::Opened);
    let mut opened = Vec::new();
    while opened.is_empty() {
        link.now = link.link.deadline().unwrap();
        assert!(link.now.since(begin) < 4_000, "still mute after {} ms", link.now.since(begin));
        link.out.clear();
        link.due(true);
        if link.place() == At::Ticket {
            link.happen(Happens::TicketCame);
        }
        opened.extend(link.out.iter().filter_map(|action| match action {
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
    let mut link = OneLink::at(At::Serving);
    link.text(r#"42/center/a,["drain",{"withinMs":0,"to":"http://evil","urls":["http://evil"]}]"#);
    link.due(true);
    link.happen(Happens::TicketCame);
    assert_eq!(link.link.foreign, 2);
    let opened = link.out.iter().any(|a| matches!(a, LinkAction::Open(_, url) if url.contains("evil")));
    assert!(!opened && link.link.endpoints.len() == 1);
}

#[test]
fn a_center_that_comes_when_the_ticket_is_void_waits_for_no_refusal() {
    for (idle_ms, place) in [(29_000, At::Joining), (31_000, At::Ticket)] {
        let mut link = OneLink::at(At::Opening);
        for step in [Happens::UnwantAll, Happens::Opened, Happens::Open] {
            link.happen(step);
        }
        for _ in 0..idle_ms / 1_000 {
            link.now = link.now.plus_ms(1_000);
            link.alive();
            link.due(false);
        }
        link.look(At::Joining);
        let idle = link.socket();
        link.link.want(&"b".into(), link.now);
        link.collect();
        let joins = link
            .out
            .iter()
            .any(|action| matches!(action, LinkAction::Send(_, text) if text.starts_with("40")));
        let renews = place == At::Ticket;
        assert_eq!((link.place(), joins), (place, !renews), "after {idle_ms} ms");
        assert_eq!(link.closed(), if renews { vec![idle] } else { Vec::new() }, "after {idle_ms} ms");
    }
}
