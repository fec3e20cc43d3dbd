//! REST as the client sees it: requests go to the server in use with the token at hand, wait while it is renewed, and
//! come back with what they were for.
//!
//! Rules: one renewal in flight at a time, all other requests wait for it; a 401 renews the token once for each
//! request; a refused renewal signs out. A renewal whose answer was lost is sent again with the same refresh token (the
//! hub gives the same pair again for 60 s).
//!
//! A request that an endpoint refuses or drops, or that a gateway there has no server for, goes to the next good
//! endpoint at once; all have a key or change nothing when they come twice.

mod pairs;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]
mod table;

use super::auth::Auth;
use super::backoff::Backoff;
use super::calls::Call;
use super::endpoints::{Endpoints, socket_probe_url};
use crate::io::{
    Action, AlarmKey, CommandId, HttpFailure, HttpRequest, HttpResponse, LinkReason, Method, Mono, Now,
    RequestId,
};
use crate::session::{Fetch, FetchId};
use crate::stats::{Cost, Stats};
use gwanje_model::CenterId;
use gwanje_wire::Problem;
use gwanje_wire::rest::{API_ROOT, LoginReply, ReceiptStage};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Milliseconds between tries to renew the token. Short at the longest, since nothing else can be asked meanwhile;
/// sessions that poll come as often.
const RENEW_PAUSE_MS: (u64, u64) = (500, 5_000);
/// Milliseconds after which a request that can't be made, for want of credentials, is answered: a caller that asks
/// again at once must not spin.
const REFUSE_AFTER_MS: u64 = 1_000;

/// Says at the root of a hub whether it takes new clients.
const READY_PATH: &str = "/readyz";

/// What a request was for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Purpose {
    Login,
    Renew,
    Logout,
    Centers,
    Ticket,
    Fetch(CenterId, FetchId, Fetch),
    Receipt(CenterId, AlarmKey, ReceiptStage),
    Command(CommandId),
    Close(CommandId),
    Probe(Probed, String),
}

/// What is probed at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probed {
    Requests,
    Sockets,
}

impl Purpose {
    /// The center whose session asks by it.
    pub(crate) fn fetches_for(&self) -> Option<&CenterId> {
        match self {
            Self::Fetch(center, ..) => Some(center),
            Self::Login
            | Self::Renew
            | Self::Logout
            | Self::Centers
            | Self::Ticket
            | Self::Receipt(..)
            | Self::Command(_)
            | Self::Close(_)
            | Self::Probe(..) => None,
        }
    }

    /// Whether it goes on to the next endpoint by itself.
    fn moves_on(&self) -> bool {
        match self {
            Self::Renew
            | Self::Centers
            | Self::Ticket
            | Self::Fetch(..)
            | Self::Receipt(..)
            | Self::Command(_)
            | Self::Close(_) => true,
            // A sign-in tries all of them, a sign-out nobody waits for, and a probe is of that endpoint.
            Self::Login | Self::Logout | Self::Probe(..) => false,
        }
    }
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum RestEvent {
    /// A request of the caller's came back, or could not be made.
    Answered(Purpose, Result<HttpResponse, HttpFailure>, Cost),
    /// There are credentials, or new ones; true: by a password or a kept token, false: renewed in passing.
    SignedIn(Box<LoginReply>, bool),
    /// The server refused to renew them.
    SignedOut(Problem),
    /// The sign-in did not come through.
    SignInFailed(Problem),
    /// No server answered to a renewal; the sessions of these centers see it by requests of their own.
    Unreachable(LinkReason, BTreeSet<CenterId>),
    /// Nothing listens at that base URL.
    RefusedAt(String),
}

#[derive(Debug)]
struct Waiting {
    purpose: Purpose,
    call: Call,
    /// Where it went and with which token; none: it waits for a token.
    sent: Option<Sent>,
    /// A 401 has renewed the token for it already.
    renewed: bool,
    /// Endpoints that it was sent to, one after the other without a pause.
    sends: usize,
}

#[derive(Debug)]
struct Sent {
    at: Mono,
    base: String,
    token: Option<String>,
}

/// What a request cost that was never sent.
const UNSENT: Cost = Cost { bytes_out: 0, bytes_in: 0, ms: None, failed: true };

fn cost(call: &Call, sent: &Sent, result: &Result<HttpResponse, HttpFailure>, now: Mono) -> Cost {
    let written =
        sent.base.len() + API_ROOT.len() + call.path.len() + call.body.as_ref().map_or(0, String::len);
    let (read, failed) = match result {
        Ok(response) => (response.body.len(), response.status >= 400),
        Err(HttpFailure::Refused(_) | HttpFailure::TimedOut | HttpFailure::Broken(_)) => (0, true),
    };
    let bytes = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Cost { bytes_out: bytes(written), bytes_in: bytes(read), ms: Some(now.since(sent.at)), failed }
}

/// See the module's doc. The number of requests at once is bounded by the callers: each session, command and receipt
/// has a fixed number under way.
#[derive(Debug)]
pub(crate) struct Rest {
    servers: Endpoints,
    auth: Auth,
    /// By number, which is the order in which they were made.
    waiting: BTreeMap<RequestId, Waiting>,
    next_id: u64,
    renew_pause: Backoff,
    /// A renewal since the last sign-in or resume has succeeded.
    established: bool,
    /// Requests that can't be made: answered then.
    refused: VecDeque<(Mono, Purpose)>,
    /// Of requests that concern no center; of all others only what is read and written in sum.
    pub(crate) stats: Stats,
    /// The moment of the input under way.
    pub(crate) now: Mono,
    actions: VecDeque<Action>,
    events: VecDeque<RestEvent>,
}

impl Rest {
    pub(crate) fn new(servers: &[String]) -> Self {
        Self {
            servers: Endpoints::new(servers),
            auth: Auth::SignedOut,
            waiting: BTreeMap::new(),
            next_id: 0,
            renew_pause: Backoff::new(RENEW_PAUSE_MS.0, RENEW_PAUSE_MS.1),
            established: false,
            refused: VecDeque::new(),
            stats: Stats::default(),
            now: Mono::default(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The access token and the server in use.
    /// The server in use.
    pub(crate) fn endpoint(&self) -> &str {
        self.servers.current()
    }

    pub(crate) fn access(&self) -> Option<(&str, &str)> {
        self.auth.access().map(|access| (access.token.as_str(), self.servers.current()))
    }

    /// There are credentials, though they may be under renewal.
    pub(crate) fn has_credentials(&self) -> bool {
        self.auth.refresh_token().is_some()
    }

    pub(crate) fn sign_in(&mut self, account: String, password: String) {
        self.drop_all();
        self.established = false;
        let request = self.send_bare(Purpose::Login, Call::login(account, password));
        let servers_left = self.servers.len().saturating_sub(1);
        self.auth = Auth::SigningIn { request, servers_left, turned_away: 0 };
    }

    pub(crate) fn resume(&mut self, refresh_token: String) {
        self.drop_all();
        self.established = false;
        self.renew(refresh_token);
    }

    /// Forgets the credentials and tells the server so, without waiting for its answer.
    pub(crate) fn sign_out(&mut self) {
        self.drop_all();
        if let Auth::Held { access, refresh_token } = &self.auth {
            let (token, call) = (access.token.clone(), Call::logout(refresh_token));
            let id = self.keep(Purpose::Logout, call);
            self.send(id, Some(token));
        }
        self.auth = Auth::SignedOut;
    }

    /// Makes a request with the token, now or when there is one again.
    pub(crate) fn ask(&mut self, purpose: Purpose, call: Call, now: Now) {
        match &self.auth {
            Auth::Held { access, .. } => {
                let token = access.token.clone();
                let id = self.keep(purpose, call);
                self.send(id, Some(token));
            }
            Auth::Renewing { .. } | Auth::Waiting { .. } => {
                self.keep(purpose, call);
            }
            Auth::SignedOut | Auth::SigningIn { .. } | Auth::TurnedAway { .. } => {
                self.refused.push_back((now.mono.plus_ms(REFUSE_AFTER_MS), purpose));
            }
        }
    }

    /// Forgets the requests for which `unwanted` holds; they are not answered any more.
    pub(crate) fn drop_where(&mut self, unwanted: impl Fn(&Purpose) -> bool) {
        self.refused.retain(|(_, purpose)| !unwanted(purpose));
        for (id, waiting) in self.waiting.extract_if(.., |_, waiting| unwanted(&waiting.purpose)) {
            if waiting.sent.is_some() {
                self.actions.push_back(Action::DropHttp(id));
            }
        }
    }

    /// The token is no good any more, by what was seen elsewhere.
    pub(crate) fn renew_now(&mut self) {
        if let Auth::Held { refresh_token, .. } = &self.auth {
            let refresh_token = refresh_token.clone();
            self.renew(refresh_token);
        }
    }

    /// A request came back.
    pub(crate) fn answer(
        &mut self,
        id: RequestId,
        result: Result<HttpResponse, HttpFailure>,
        now: Now,
        rng: &mut ChaCha8Rng,
    ) {
        let Some(waiting) = self.waiting.remove(&id) else { return };
        let Some(sent) = &waiting.sent else {
            self.waiting.insert(id, waiting); // An answer to a request that never went out: not ours.
            return;
        };
        let cost = cost(&waiting.call, sent, &result, now.mono);
        self.stats.rest_bytes += cost.bytes_in;
        self.stats.rest_bytes_out += cost.bytes_out;
        self.count(&waiting.purpose, cost);
        let (base, token) = (sent.base.clone(), sent.token.clone());
        if self.judge_endpoint(&waiting, &base, &result, now) {
            self.waiting.insert(id, waiting);
            return self.send(id, token);
        }
        match waiting.purpose {
            Purpose::Login => self.login_answered(id, waiting.call, result, now, rng),
            Purpose::Probe(..) => self.events.push_back(RestEvent::Answered(waiting.purpose, result, cost)),
            Purpose::Renew => self.renew_answered(id, result, now, rng),
            Purpose::Logout => {}
            Purpose::Centers
            | Purpose::Ticket
            | Purpose::Fetch(..)
            | Purpose::Receipt(..)
            | Purpose::Command(_)
            | Purpose::Close(_) => {
                let unauthorized = result.as_ref().is_ok_and(|response| response.status == 401);
                if unauthorized && !waiting.renewed {
                    self.unauthorized(id, waiting);
                } else if unauthorized {
                    let why = "the server refuses a token that it has just given".to_owned();
                    let failure = Err(HttpFailure::Broken(why));
                    self.events.push_back(RestEvent::Answered(waiting.purpose, failure, cost));
                } else {
                    self.events.push_back(RestEvent::Answered(waiting.purpose, result, cost));
                }
            }
        }
    }

    /// Counts what concerns no center.
    fn count(&mut self, purpose: &Purpose, cost: Cost) {
        let by = &mut self.stats.rest_by;
        let calls = match purpose {
            Purpose::Login | Purpose::Renew | Purpose::Logout => &mut by.sign_in,
            Purpose::Ticket => &mut by.tickets,
            Purpose::Centers => &mut by.centers,
            Purpose::Probe(..) => &mut by.probes,
            Purpose::Fetch(..) | Purpose::Receipt(..) | Purpose::Command(_) | Purpose::Close(_) => return,
        };
        calls.take(cost);
        if let Some(ms) = cost.ms {
            self.stats.latency.rest.take(ms);
        }
    }

    /// Asks an endpoint whether it is well, without a credential.
    pub(crate) fn probe(&mut self, of: Probed, base: String) {
        let url = match of {
            Probed::Requests => format!("{base}{READY_PATH}"),
            Probed::Sockets => socket_probe_url(&base),
        };
        let call = Call::probe();
        let id = self.keep(Purpose::Probe(of, base.clone()), call.clone());
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.sent = Some(Sent { at: self.now, base, token: None });
        }
        let Call { method, body, headers, timeout_ms, .. } = call;
        self.actions.push_back(Action::Http(id, HttpRequest { method, url, headers, body, timeout_ms }));
    }

    /// What a probe of the server's endpoints found.
    pub(crate) fn probed(&mut self, base: &str, answers: bool, now: Mono, rng: &mut ChaCha8Rng) {
        self.servers.probed(base, answers, now, rng);
    }

    /// What an answer says of its endpoint. True: it is to be asked of the next one at once.
    fn judge_endpoint(
        &mut self,
        waiting: &Waiting,
        base: &str,
        result: &Result<HttpResponse, HttpFailure>,
        now: Now,
    ) -> bool {
        if let Purpose::Probe(..) = waiting.purpose {
            return false;
        }
        let (failed, unserved) = match result {
            Err(HttpFailure::Refused(_)) => {
                self.events.push_back(RestEvent::RefusedAt(base.to_owned()));
                (true, true)
            }
            Err(HttpFailure::Broken(_)) => (true, true),
            // It may be at work on it: the same again only by whoever asked.
            Err(HttpFailure::TimedOut) => (true, false),
            Ok(response) => (response.status >= 500, matches!(response.status, 502..=504)),
        };
        if !failed {
            self.servers.worked(base);
            return false;
        }
        let moved = self.servers.failed(base, now.mono);
        // Others that failed with it have moved on already.
        let elsewhere = moved || (self.servers.current() != base && self.servers.is_good());
        unserved && elsewhere && waiting.purpose.moves_on() && waiting.sends < self.servers.len()
    }

    /// Does what is due; `calm`: all boards are proven.
    pub(crate) fn due(&mut self, calm: bool, now: Now) {
        while let Some((at, _)) = self.refused.front()
            && *at <= now.mono
            && let Some((_, purpose)) = self.refused.pop_front()
        {
            let failure = HttpFailure::Broken("not signed in".to_owned());
            self.events.push_back(RestEvent::Answered(purpose, Err(failure), UNSENT));
        }
        if self.auth.deadline().is_some_and(|at| at <= now.mono) {
            if let Some(refresh_token) = self.auth.refresh_token() {
                let refresh_token = refresh_token.to_owned();
                self.renew(refresh_token);
            } else {
                self.sign_in_again();
            }
        }
        if self.has_credentials() {
            if let Some(url) = self.servers.returning(calm, now.mono) {
                self.servers.go_to(&url, now.mono);
            }
            if let Some(url) = self.servers.probe(now.mono) {
                self.probe(Probed::Requests, url);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let refused = self.refused.front().map(|(at, _)| *at);
        let servers = self.servers.deadline().filter(|_| self.has_credentials());
        [refused, self.auth.deadline(), servers].into_iter().flatten().min()
    }

    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<RestEvent> {
        self.events.pop_front()
    }

    /// A request met a 401 with its token: it waits for the next one, or goes out with the one that has come since.
    fn unauthorized(&mut self, id: RequestId, waiting: Waiting) {
        let stale = waiting.sent.and_then(|sent| sent.token);
        self.waiting.insert(id, Waiting { sent: None, renewed: true, sends: 0, ..waiting });
        match &self.auth {
            Auth::Held { access, refresh_token } if stale.as_ref() == Some(&access.token) => {
                let refresh_token = refresh_token.clone();
                self.renew(refresh_token);
            }
            Auth::Held { access, .. } => {
                let token = access.token.clone();
                self.send(id, Some(token));
            }
            Auth::Renewing { .. } | Auth::Waiting { .. } => {}
            Auth::SignedOut | Auth::SigningIn { .. } | Auth::TurnedAway { .. } => {
                self.fail_waiting("signed out");
            }
        }
    }

    fn send_bare(&mut self, purpose: Purpose, call: Call) -> RequestId {
        let id = self.keep(purpose, call);
        self.send(id, None);
        id
    }

    fn keep(&mut self, purpose: Purpose, call: Call) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.waiting.insert(id, Waiting { purpose, call, sent: None, renewed: false, sends: 0 });
        id
    }

    fn send(&mut self, id: RequestId, token: Option<String>) {
        let base = self.servers.current().to_owned();
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        let Call { method, path, body, headers, timeout_ms } = waiting.call.clone();
        let mut all = vec![("accept", "application/json".to_owned())];
        if body.is_some() && method == Method::Post {
            all.push(("content-type", "application/json".to_owned()));
        }
        if let Some(token) = &token {
            all.push(("authorization", format!("Bearer {token}")));
        }
        all.extend(headers);
        let url = format!("{base}{API_ROOT}{path}");
        waiting.sent = Some(Sent { at: self.now, base, token });
        waiting.sends += 1;
        let request = HttpRequest { method, url, headers: all, body, timeout_ms };
        self.actions.push_back(Action::Http(id, request));
    }

    /// Answers the requests that wait for a token.
    fn fail_waiting(&mut self, why: &str) {
        for (_, waiting) in self.waiting.extract_if(.., |_, waiting| waiting.sent.is_none()) {
            let failure = Err(HttpFailure::Broken(why.to_owned()));
            self.events.push_back(RestEvent::Answered(waiting.purpose, failure, UNSENT));
        }
    }

    fn drop_all(&mut self) {
        // Whoever waits to hear that it can't be asked must hear so, or it waits for ever.
        for (_, purpose) in std::mem::take(&mut self.refused) {
            let failure = Err(HttpFailure::Broken("signed out".to_owned()));
            self.events.push_back(RestEvent::Answered(purpose, failure, UNSENT));
        }
        for (id, waiting) in std::mem::take(&mut self.waiting) {
            if waiting.sent.is_some() {
                self.actions.push_back(Action::DropHttp(id));
            }
            self.events.push_back(RestEvent::Answered(
                waiting.purpose,
                Err(HttpFailure::Broken("signed out".to_owned())),
                UNSENT,
            ));
        }
    }
}
