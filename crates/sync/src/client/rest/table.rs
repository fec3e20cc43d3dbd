//! Every cell of the table of `auth`: each state of the credentials × each thing that can happen.

use super::*;
use crate::testing::cells::{Every, Machine, compare, every};
use crate::testing::http::response;
use gwanje_model::UtcMillis;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::json;

every!(At { SignedOut, SigningIn, TurnedAway, Held, Renewing, Waiting });

every!(Happens {
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
});

/// Credentials at one server.
struct Credentials {
    rest: Rest,
    now: Now,
    rng: ChaCha8Rng,
    sent: Vec<(RequestId, HttpRequest)>,
    events: Vec<RestEvent>,
}

impl Machine for Credentials {
    type At = At;
    type Happens = Happens;

    fn new() -> Self {
        let rest = Rest::new(&["http://h".to_owned()]);
        let now = Now { mono: Mono(1_000), wall: UtcMillis(1_750_000_000_000) };
        let rng = ChaCha8Rng::seed_from_u64(1);
        Self { rest, now, rng, sent: Vec::new(), events: Vec::new() }
    }

    fn way(at: At) -> Vec<Happens> {
        match at {
            At::SignedOut => vec![],
            At::SigningIn => vec![Happens::SignIn],
            At::TurnedAway => vec![Happens::SignIn, Happens::Busy],
            At::Held => vec![Happens::SignIn, Happens::Pair],
            At::Renewing => vec![Happens::Resume],
            At::Waiting => vec![Happens::Resume, Happens::NoAnswer],
        }
    }

    fn happen(&mut self, what: Happens) {
        let told = |status, retry_after_s, body: serde_json::Value| {
            Ok(HttpResponse { retry_after_s, ..response(status, body) })
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

    fn forget(&mut self) {
        self.events.clear();
    }
}

impl Credentials {
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

    fn told(&self, wanted: fn(&RestEvent) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
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

/// What else a cell says.
#[derive(Debug, PartialEq)]
struct Cell {
    after: At,
    /// Questions under way: one at most.
    asked: usize,
    failed: usize,
    ended: usize,
    came: usize,
    due_in_the_past: bool,
}

#[test]
fn every_cell_of_the_table() {
    let asks = |at: At| matches!(at, At::SigningIn | At::Renewing);
    compare(
        <(At, Happens)>::every(),
        |(at, happens)| {
            let after = expected(*at, *happens);
            let told_no = after == At::SignedOut && *happens != Happens::SignOut;
            Cell {
                after,
                asked: usize::from(asks(after)),
                failed: usize::from(*at == At::SigningIn && told_no),
                ended: usize::from(*at == At::Renewing && told_no),
                came: usize::from(asks(*at) && after == At::Held),
                due_in_the_past: false,
            }
        },
        |(at, happens)| {
            let mut credentials = Credentials::at(*at);
            credentials.happen(*happens);
            Cell {
                after: credentials.place(),
                asked: credentials.sent.iter().filter(|(_, r)| r.url.contains("/login")).count(),
                failed: credentials.told(|event| matches!(event, RestEvent::SignInFailed(_))),
                ended: credentials.told(|event| matches!(event, RestEvent::SignedOut(_))),
                came: credentials.told(|event| matches!(event, RestEvent::SignedIn(..))),
                due_in_the_past: credentials.rest.deadline().is_some_and(|due| due <= credentials.now.mono),
            }
        },
    );
}

#[test]
fn a_sign_in_that_is_turned_away_again_and_again_ends_within_half_a_minute_or_so() {
    let mut credentials = Credentials::at(At::SigningIn);
    let begin = credentials.now.mono;
    let mut moments = Vec::new();
    while credentials.place() != At::SignedOut {
        credentials.happen(Happens::Busy);
        moments.push(credentials.now.mono.since(begin));
        credentials.happen(Happens::Time);
        assert!(credentials.now.mono.since(begin) < 40_000, "{moments:?}");
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
        let mut credentials = Credentials::at(At::Renewing);
        let busy = response(503, json!({ "code": "unavailable" }));
        credentials.answer(Ok(HttpResponse { retry_after_s: told, ..busy }));
        let wait = credentials.rest.deadline().unwrap().since(credentials.now.mono);
        assert!((least..=most).contains(&wait), "{told:?}: {wait}");
    }
}
