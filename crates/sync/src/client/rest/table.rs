//! Every cell of the table of `auth`: each state of the credentials × each thing that can happen.

use super::*;
use gwanje_model::UtcMillis;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::json;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    SignedOut,
    SigningIn,
    TurnedAway,
    Held,
    Renewing,
    Waiting,
}

const ATS: [At; 6] = [At::SignedOut, At::SigningIn, At::TurnedAway, At::Held, At::Renewing, At::Waiting];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happens {
    SignIn,
    Resume,
    SignOut,
    /// The request for a pair that is under way, if one is, is answered.
    Pair,
    Refused,
    NoAnswer,
    Garbage,
    /// 503 with a `Retry-After` of two seconds.
    Busy,
    /// 429 with a `Retry-After` of a minute.
    TooMany,
    /// A request of somebody's meets a 401.
    Unauthorized,
    /// Its own deadline comes.
    Time,
}

const ALL: [Happens; 11] = [
    Happens::SignIn,
    Happens::Resume,
    Happens::SignOut,
    Happens::Pair,
    Happens::Refused,
    Happens::NoAnswer,
    Happens::Garbage,
    Happens::Busy,
    Happens::TooMany,
    Happens::Unauthorized,
    Happens::Time,
];

struct Desk {
    rest: Rest,
    now: Now,
    rng: ChaCha8Rng,
    sent: Vec<(RequestId, HttpRequest)>,
    events: Vec<RestEvent>,
}

impl Desk {
    fn at(at: At) -> Self {
        let rest = Rest::new(&["http://h".to_owned()]);
        let now = Now { mono: Mono(1_000), wall: UtcMillis(1_750_000_000_000) };
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut desk = Self { rest, now, rng, sent: Vec::new(), events: Vec::new() };
        let way: &[Happens] = match at {
            At::SignedOut => &[],
            At::SigningIn => &[Happens::SignIn],
            At::TurnedAway => &[Happens::SignIn, Happens::Busy],
            At::Held => &[Happens::SignIn, Happens::Pair],
            At::Renewing => &[Happens::Resume],
            At::Waiting => &[Happens::Resume, Happens::NoAnswer],
        };
        for step in way {
            desk.happen(*step);
        }
        assert_eq!(desk.place(), at);
        desk.events.clear();
        desk
    }

    fn place(&self) -> At {
        match &self.rest.auth {
            Auth::SignedOut => At::SignedOut,
            Auth::SigningIn { .. } => At::SigningIn,
            Auth::TurnedAway { .. } => At::TurnedAway,
            Auth::Held { .. } => At::Held,
            Auth::Renewing { .. } => At::Renewing,
            Auth::Waiting { .. } => At::Waiting,
        }
    }

    fn collect(&mut self) {
        while let Some(action) = self.rest.poll_action() {
            match action {
                Action::Http(id, request) => self.sent.push((id, request)),
                Action::DropHttp(id) => self.sent.retain(|(of, _)| *of != id),
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = self.rest.poll_event() {
            self.events.push(event);
        }
    }

    /// Answers the sign-in or renewal under way.
    fn answer(&mut self, result: Result<HttpResponse, HttpFailure>) {
        let at = self.sent.iter().position(|(_, request)| request.url.contains("/login"));
        let Some(at) = at else { return };
        let (id, _) = self.sent.remove(at);
        self.rest.answer(id, result, self.now, &mut self.rng);
    }

    fn happen(&mut self, what: Happens) {
        let told = |status, retry_after_s, body: serde_json::Value| {
            Ok(HttpResponse { status, retry_after_s, etag: None, body: body.to_string().into_bytes() })
        };
        match what {
            Happens::SignIn => self.rest.sign_in("kim".to_owned(), "pw".to_owned()),
            Happens::Resume => self.rest.resume("R0".to_owned()),
            Happens::SignOut => self.rest.sign_out(),
            Happens::Pair => {
                let pair = json!({
                    "accessToken": "A", "refreshToken": "R", "expiresAt": self.now.wall.0 + 900_000,
                    "account": "kim", "role": "dispatcher", "centers": ["a"], "socketUrls": [],
                });
                self.answer(told(200, None, pair));
            }
            Happens::Refused => self.answer(told(401, None, json!({ "code": "unauthorized" }))),
            Happens::NoAnswer => self.answer(Err(HttpFailure::TimedOut)),
            Happens::Garbage => self.answer(told(200, None, json!("a page"))),
            Happens::Busy => self.answer(told(503, Some(2), json!({ "code": "unavailable" }))),
            Happens::TooMany => self.answer(told(429, Some(60), json!({ "code": "too-many-requests" }))),
            Happens::Unauthorized => {
                self.rest.ask(Purpose::Centers, Call::centers(), self.now);
                self.collect();
                if let Some(at) = self.sent.iter().position(|(_, r)| r.url.ends_with("/centers")) {
                    let (id, _) = self.sent.remove(at);
                    let answer = told(401, None, json!({ "code": "unauthorized" }));
                    self.rest.answer(id, answer, self.now, &mut self.rng);
                }
            }
            Happens::Time => {
                if let Some(at) = self.rest.deadline() {
                    let ms = at.since(self.now.mono);
                    self.now = Now { mono: at, wall: self.now.wall.plus_ms(ms.cast_signed()) };
                }
                self.rest.due(true, self.now);
            }
        }
        self.collect();
    }
}

/// The table.
fn expected(at: At, happens: Happens) -> At {
    let asks = matches!(at, At::SigningIn | At::Renewing);
    match happens {
        Happens::SignIn => At::SigningIn,
        Happens::Resume => At::Renewing,
        Happens::SignOut => At::SignedOut,
        Happens::Pair if asks => At::Held,
        Happens::Refused if asks => At::SignedOut,
        Happens::NoAnswer | Happens::Garbage | Happens::TooMany if at == At::SigningIn => At::SignedOut,
        Happens::Busy if at == At::SigningIn => At::TurnedAway,
        Happens::NoAnswer | Happens::Garbage | Happens::TooMany | Happens::Busy if at == At::Renewing => {
            At::Waiting
        }
        Happens::Pair
        | Happens::Refused
        | Happens::NoAnswer
        | Happens::Garbage
        | Happens::TooMany
        | Happens::Busy => at,
        Happens::Unauthorized if at == At::Held => At::Renewing,
        Happens::Unauthorized => at,
        Happens::Time => match at {
            At::TurnedAway => At::SigningIn,
            At::Held | At::Waiting => At::Renewing,
            At::SignedOut | At::SigningIn | At::Renewing => at,
        },
    }
}

#[test]
fn every_cell_of_the_table() {
    for at in ATS {
        for happens in ALL {
            let mut desk = Desk::at(at);
            desk.happen(happens);
            let after = expected(at, happens);
            assert_eq!(desk.place(), after, "{at:?} × {happens:?}");
            let under_way = desk.sent.iter().filter(|(_, r)| r.url.contains("/login")).count();
            let asks = matches!(after, At::SigningIn | At::Renewing);
            assert_eq!(under_way, usize::from(asks), "{at:?} × {happens:?}: one question at most");
            let told =
                |wanted: fn(&RestEvent) -> bool| desk.events.iter().filter(|event| wanted(event)).count();
            let failed = at == At::SigningIn && after == At::SignedOut && happens != Happens::SignOut;
            let ended = at == At::Renewing && after == At::SignedOut && happens != Happens::SignOut;
            let cell = format!("{at:?} × {happens:?}: {:?}", desk.events);
            assert_eq!(
                told(|event| matches!(event, RestEvent::SignInFailed(_))),
                usize::from(failed),
                "{cell}"
            );
            assert_eq!(told(|event| matches!(event, RestEvent::SignedOut(_))), usize::from(ended), "{cell}");
            let came = asks_before(at) && after == At::Held;
            assert_eq!(told(|event| matches!(event, RestEvent::SignedIn(..))), usize::from(came), "{cell}");
            assert!(desk.rest.deadline().is_none_or(|due| due > desk.now.mono), "{cell}: in the past");
        }
    }
}

fn asks_before(at: At) -> bool {
    matches!(at, At::SigningIn | At::Renewing)
}

#[test]
fn a_sign_in_that_is_turned_away_again_and_again_ends_within_half_a_minute_or_so() {
    let mut desk = Desk::at(At::SigningIn);
    let begin = desk.now.mono;
    let mut moments = Vec::new();
    while desk.place() != At::SignedOut {
        desk.happen(Happens::Busy);
        moments.push(desk.now.mono.since(begin));
        desk.happen(Happens::Time);
        assert!(desk.now.mono.since(begin) < 40_000, "{moments:?}");
    }
    assert!(moments.len() > 3, "{moments:?}");
    let pauses: Vec<u64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| (2_000..=3_000).contains(pause)), "{pauses:?}");
}

#[test]
fn a_renewal_waits_as_long_as_it_is_told_within_bounds() {
    for (told, least, most) in
        [(Some(7), 7_500, 12_000), (Some(u64::MAX), 600_500, 605_000), (None, 500, 5_000)]
    {
        let mut desk = Desk::at(At::Renewing);
        let body = json!({ "code": "unavailable" }).to_string().into_bytes();
        desk.answer(Ok(HttpResponse { status: 503, retry_after_s: told, etag: None, body }));
        let wait = desk.rest.deadline().unwrap().since(desk.now.mono);
        assert!((least..=most).contains(&wait), "{told:?}: {wait}");
    }
}
