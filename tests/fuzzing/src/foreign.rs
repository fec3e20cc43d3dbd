//! A foreign server that says anything.

use crate::dialect::documented;
use gwanje_model::{DeliveryId, Rev, UtcMillis};
use gwanje_sync::{
    Action, Foreign, ForeignConfig, HttpFailure, HttpResponse, Input, Mono, Now, RequestId, RowChange,
    SocketEvent, SocketId,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Between two things that happen.
const BETWEEN: &str = "\n%\n";
/// More of one input than this tell nothing new.
const MAX_STEPS: usize = 48;
/// What one thing that happens makes a client send at most: greetings, a list by its pages, a reconnect.
const MAX_SENT: usize = 24;
/// Due deadlines that follow each other without time passing: more is a loop.
const MAX_DEADLINES: usize = 16;

/// Things that happen to a client of one of the documented dialects (by the first byte), separated by a line `%`, the
/// first letter saying what: `o` the socket opens, `s` it says the rest, `c` it closes, `x` it says what can't be read;
/// `l` the list answers with the rest, `u` it has not changed, `f` it fails, `r` nothing listens; `t` as many milliseconds
/// pass. Between them the cache commits.
pub fn foreign(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(first) = data.first() else { return };
    let mut follower = Follower::open(usize::from(*first) % documented().len());
    for step in text.split(BETWEEN).skip(1).take(MAX_STEPS) {
        let mut chars = step.chars();
        let (kind, rest) = (chars.next(), chars.as_str());
        match kind {
            Some('o') => follower.socket(SocketEvent::Opened),
            Some('s') => follower.socket(SocketEvent::Text(rest.to_owned())),
            Some('c') => follower.socket(SocketEvent::Closed("cut".to_owned())),
            Some('x') => follower.socket(SocketEvent::Unreadable),
            Some('l') => follower.list(Ok(answer(200, rest))),
            Some('u') => follower.list(Ok(answer(304, ""))),
            Some('f') => follower.list(Ok(answer(500, rest))),
            Some('r') => follower.list(Err(HttpFailure::Refused("nobody listens".to_owned()))),
            Some('t') => follower.pass(rest.parse().unwrap_or(1_000)),
            Some(_) | None => {}
        }
    }
    follower.holds_what_it_told();
}

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        retry_after_s: None,
        etag: Some(format!("\"{}\"", body.len())),
        body: body.as_bytes().to_vec(),
        ..HttpResponse::default()
    }
}

struct Follower {
    client: Foreign,
    now_ms: u64,
    socket: Option<SocketId>,
    /// Requests without an answer; bounded, since each is due to an input.
    requests: VecDeque<RequestId>,
    /// The board, as the changes that were told make it.
    told: BTreeMap<DeliveryId, Rev>,
}

impl Follower {
    fn open(dialect: usize) -> Self {
        let dialect = Arc::new(documented()[dialect].clone());
        let center = dialect.center.id.clone();
        let config = ForeignConfig { dialect, servers: Vec::new(), seat: "seat".into(), seed: 7 };
        let mut follower = Self {
            client: Foreign::new(config),
            now_ms: 1_000,
            socket: None,
            requests: VecDeque::new(),
            told: BTreeMap::new(),
        };
        follower.put(Input::Resume { refresh_token: String::new(), centers: Vec::new() });
        follower.put(Input::Restored(center, Box::default()));
        follower
    }

    fn put(&mut self, input: Input) {
        let wall = UtcMillis(1_795_230_000_000 + i64::try_from(self.now_ms).unwrap_or(0));
        let now = Now { mono: Mono(self.now_ms), wall };
        self.client.handle(input, now);
        let (mut sent, mut committed) = (0, Vec::new());
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::OpenSocket(socket, _) => {
                    self.socket = Some(socket);
                    sent += 1;
                }
                Action::SendText(..) => sent += 1,
                Action::CloseSocket(socket) if self.socket == Some(socket) => self.socket = None,
                Action::Http(request, _) => {
                    self.requests.push_back(request);
                    sent += 1;
                }
                Action::DropHttp(request) => self.requests.retain(|known| *known != request),
                Action::Persist(batch) => committed.push(Input::Committed(batch.center.clone(), batch.seq)),
                Action::Changed(_, changes, _) => changes.into_iter().for_each(|change| self.change(change)),
                Action::CloseSocket(_)
                | Action::Restore(_)
                | Action::Wipe(_)
                | Action::Audit(_)
                | Action::KeepHorizon(..)
                | Action::SignedIn(_)
                | Action::SignedOut(_)
                | Action::SignInFailed(_)
                | Action::Centers(_)
                | Action::State(..)
                | Action::Proved(..)
                | Action::DayClock { .. }
                | Action::Alarm(..)
                | Action::AlarmSettled(..)
                | Action::AlarmTold(..)
                | Action::Acknowledged(..)
                | Action::CommandUnsettled(..)
                | Action::CommandSettled(..)
                | Action::CommandLost(_)
                | Action::Repaired(..)
                | Action::Checked(..)
                | Action::Riders(..)
                | Action::Notice(..) => {}
            }
        }
        assert!(sent <= MAX_SENT, "one thing that happened made the client send {sent} times");
        for commit in committed {
            self.put(commit);
        }
    }

    fn change(&mut self, change: RowChange) {
        match change {
            RowChange::Upsert(row) => drop(self.told.insert(row.id(), row.rev())),
            RowChange::Remove(id, _) => drop(self.told.remove(&id)),
            RowChange::Clear => self.told.clear(),
            RowChange::Mark(..) => {}
        }
    }

    fn socket(&mut self, event: SocketEvent) {
        let Some(socket) = self.socket else { return };
        if matches!(event, SocketEvent::Closed(_)) {
            self.socket = None;
        }
        self.put(Input::Socket(socket, event));
    }

    fn list(&mut self, result: Result<HttpResponse, HttpFailure>) {
        if let Some(request) = self.requests.pop_front() {
            self.put(Input::Http(request, result));
        }
    }

    /// Time passes up to `ms`, an hour at most, with a tick at every deadline.
    fn pass(&mut self, ms: u64) {
        let until = self.now_ms + ms.min(3_600_000);
        for _ in 0..MAX_STEPS {
            let due = self.client.deadline().map_or(until, |at| at.0.clamp(self.now_ms, until));
            self.now_ms = due;
            self.tick();
            if due == until {
                return;
            }
        }
        self.now_ms = until;
        self.tick();
    }

    fn tick(&mut self) {
        for _ in 0..MAX_DEADLINES {
            self.put(Input::Tick);
            if self.client.deadline().is_none_or(|at| at.0 > self.now_ms) {
                return;
            }
        }
        panic!("a deadline that is always due: {:?} at {}", self.client.deadline(), self.now_ms);
    }

    fn holds_what_it_told(&self) {
        let held: BTreeMap<DeliveryId, Rev> = self.client.rows().map(|row| (row.id(), row.rev())).collect();
        assert_eq!(held, self.told, "the changes that were told make another board than the one in memory");
    }
}
