//! The whole client side of one server: sign-in, socket, sessions, commands.
//!
//! [`Client`] only composes: each part is a small machine with a queue of what it wants done, and `pump` carries that
//! from one to the other until all are quiet.
//!
//! ```text
//! auth + rest  requests with the token at hand, renewal
//! link         ticket, socket, namespaces, reconnect, moving elsewhere
//! endpoints    of requests and of sockets: which is in use, when it is left and gone back to
//! centers      which centers are followed, their sessions, wiping
//! commands     rule 11          receipts  alarms' receipts
//! ```

mod auth;
mod backoff;
mod calls;
mod centers;
mod commands;
mod endpoints;
mod following;
mod link;
mod news;
mod receipts;
mod rest;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one variant alone")]
mod tests;

pub(crate) use backoff::Backoff;

use crate::io::{Action, CommandKind, CommandRequest, Input, Mono, Now, RowChange, State};
use crate::mutation::{Mutation, is_mutated};
use crate::session::{FetchFailure, Session, Spent};
use crate::stats::{Cost, SocketBy, Stats, Tally as _};
use calls::CallFailure;
use centers::Centers;
use commands::{CommandAction, Commands};
use gwanje_model::{CenterId, Epoch, Rev, SeatId, lifecycle};
use gwanje_wire::{ErrorCode, Problem};
use link::{Link, LinkAction};
use news::News;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use receipts::Receipts;
use rest::{Probed, Purpose, Rest, RestEvent};
use std::collections::{BTreeSet, VecDeque};

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Base URLs of the server (`http://host:port`), in order of preference. At least one.
    pub servers: Vec<String>,
    /// This installation.
    pub seat: SeatId,
    /// Follow only these centers of the account's; empty: all.
    pub centers: Vec<CenterId>,
    /// For jitter.
    pub seed: u64,
}

/// The whole client side of one server.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    rng: ChaCha8Rng,
    rest: Rest,
    link: Link,
    centers: Centers,
    commands: Commands,
    receipts: Receipts,
    unknown_events: u64,
    /// Of the socket's text that is being read.
    packet_bytes: u64,
    /// Of events, or entries of them, that are no part of a board.
    unreadable_events: u64,
    out: VecDeque<Action>,
}

impl Client {
    /// A client that waits for a sign-in.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            rest: Rest::new(&config.servers),
            link: Link::new(config.seat.clone()),
            centers: Centers::new(config.seat.clone(), config.centers.clone(), config.seed),
            commands: Commands::default(),
            receipts: Receipts::new(config.seat.clone()),
            unknown_events: 0,
            packet_bytes: 0,
            unreadable_events: 0,
            out: VecDeque::new(),
            config,
        }
    }

    /// Takes an input. Actions wait in the queue afterwards.
    pub fn handle(&mut self, input: Input, now: Now) {
        self.rest.now = now.mono;
        match input {
            Input::SignIn { account, password } => {
                self.credentials_go(now);
                self.rest.sign_in(account, password);
            }
            Input::Resume { refresh_token, centers } => {
                self.credentials_go(now);
                self.rest.resume(refresh_token);
                self.centers.follow(&centers, now, &mut self.out);
                self.authorise(now);
            }
            Input::SignOut => self.sign_out(now),
            Input::Restored(center, restored) => {
                let commands = restored.commands.clone();
                if self.centers.restored(&center, *restored, now) {
                    self.commands.recall(&center, commands, now);
                }
                self.authorise(now);
            }
            Input::Socket(socket, event) => self.link.socket(socket, event, now.mono, &mut self.rng),
            Input::Http(request, result) => self.rest.answer(request, result, now, &mut self.rng),
            Input::Committed(center, seq) => self.with(&center, |session| session.committed(seq, now)),
            Input::Unwritten(center, seq) => self.with(&center, |session| session.unwritten(seq, now)),
            Input::CacheLost(center) => self.with(&center, |session| session.cache_lost(now)),
            Input::Audited { center, damaged, digest_fits } => {
                self.with(&center, |session| session.audited(damaged, digest_fits, now));
            }
            Input::Check(center) => self.with(&center, |session| session.check(now)),
            Input::Command(request) => self.command(*request, now),
            Input::Receipt(center, key, stage) => {
                self.with(&center, |session| session.receipt(key, stage, now));
            }
            Input::Tick => {}
        }
        self.pump(now);
        self.due(now);
        self.pump(now);
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// When to put [`Input::Tick`] in, at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        [
            self.rest.deadline(),
            self.link.deadline(),
            self.commands.deadline(),
            self.receipts.deadline(),
            self.centers.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A center's session.
    #[must_use]
    pub fn session(&self, center: &CenterId) -> Option<&Session> {
        self.centers.session(center)
    }

    /// Counts over all centers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut sum = self.centers.stats();
        // What a session counts of these is its share; here is the whole.
        (sum.rest_bytes, sum.rest_bytes_out) = (0, 0);
        sum.add(&self.rest.stats);
        sum.unknown_events += self.unknown_events + self.link.foreign;
        sum.malformed += self.unreadable_events;
        sum.socket_by.other += self.link.bytes.saturating_sub(sum.socket_bytes);
        sum.socket_bytes = self.link.bytes;
        sum.socket_bytes_out = self.link.bytes_out;
        sum.connects = self.link.connects;
        sum.unsettled = self.commands.unsettled(|_| true);
        sum
    }

    /// Counts of one center.
    #[must_use]
    pub fn center_stats(&self, center: &CenterId) -> Option<Stats> {
        let stats = self.centers.session(center)?.stats();
        Some(Stats { unsettled: self.commands.unsettled(|of| of == center), ..stats })
    }

    /// The base URLs in use: of requests, and of the socket while there is one.
    #[must_use]
    pub fn endpoints(&self) -> (&str, Option<&str>) {
        (self.rest.endpoint(), self.link.endpoint())
    }

    /// The access token and base URL at present, for reads that the interface makes by itself (history, riders, search).
    #[must_use]
    pub fn access(&self) -> Option<(&str, &str)> {
        self.rest.access()
    }

    /// A fault, for tests: something happens to a session that it does not notice. False: nothing did.
    #[cfg(any(test, feature = "faults"))]
    pub fn fault(&mut self, center: &CenterId, fault: impl FnOnce(&mut Session) -> bool) -> bool {
        self.centers.session_mut(center).is_some_and(fault)
    }

    fn with(&mut self, center: &CenterId, call: impl FnOnce(&mut Session)) {
        if let Some(session) = self.centers.session_mut(center) {
            call(session);
        }
    }

    /// Does what is due; one round, so that nothing spins within one input.
    fn due(&mut self, now: Now) {
        let calm = self.centers.are_live();
        self.rest.due(calm, now);
        self.link.due(calm, now.mono, &mut self.rng);
        self.commands.due(now.mono);
        self.receipts.due(now.mono);
        self.centers.due(now);
    }

    /// Carries what the parts want from one to the other, until all are quiet.
    fn pump(&mut self, now: Now) {
        loop {
            let mut quiet = true;
            while let Some((center, action)) = self.centers.poll_session() {
                quiet = false;
                self.session_action(center, action, now);
            }
            while let Some(action) = self.link.poll_action() {
                quiet = false;
                self.link_action(action, now);
            }
            while let Some(event) = self.rest.poll_event() {
                quiet = false;
                self.rest_event(event, now);
            }
            while let Some(action) = self.commands.poll_action() {
                quiet = false;
                self.command_action(action, now);
            }
            while let Some(send) = self.receipts.poll() {
                quiet = false;
                self.rest.ask(Purpose::Receipt(send.center, send.key, send.stage), send.call, now);
            }
            if self.centers.take_question() {
                quiet = false;
                self.rest.ask(Purpose::Centers, calls::Call::centers(), now);
            }
            while let Some(action) = self.rest.poll_action() {
                self.out.push_back(action);
            }
            if quiet {
                return;
            }
        }
    }

    fn rest_event(&mut self, event: RestEvent, now: Now) {
        match event {
            RestEvent::SignedIn(reply, first) => {
                self.link.start(&reply.socket_urls, &self.config.servers, now.mono);
                self.centers.follow(&reply.centers, now, &mut self.out);
                // A center that was taken away goes by the list's word, and soon.
                if first || self.centers.ids().iter().any(|center| !reply.centers.contains(center)) {
                    self.centers.ask_now(now.mono);
                }
                self.commands.signed_in(&reply.account);
                self.out.push_back(Action::SignedIn(reply));
                self.authorise(now);
            }
            RestEvent::SignedOut(problem) => {
                self.credentials_go(now);
                self.pump_sessions(now);
                if problem.account_gone {
                    self.account_went();
                }
                self.out.push_back(Action::SignedOut(Some(problem)));
            }
            RestEvent::Unreachable(reason, asking) => self.centers.unreachable(&reason, &asking, now),
            RestEvent::RefusedAt(base) => self.link.refused_at(&base, now.mono),
            RestEvent::SignInFailed(problem) => self.out.push_back(Action::SignInFailed(problem)),
            RestEvent::Answered(purpose, result, cost) => {
                self.count(&purpose, cost);
                self.answered(purpose, result, now);
            }
        }
    }

    /// What a request cost goes to the center that it was for.
    fn count(&mut self, purpose: &Purpose, cost: Cost) {
        match purpose {
            Purpose::Login
            | Purpose::Renew
            | Purpose::Logout
            | Purpose::Ticket
            | Purpose::Centers
            | Purpose::Probe(..) => {}
            Purpose::Fetch(center, _, fetch) => {
                self.with(center, |session| session.spent(Spent::Fetch(fetch), cost));
            }
            Purpose::Receipt(center, ..) => {
                self.with(center, |session| session.spent(Spent::Receipt, cost));
            }
            Purpose::Command(command) | Purpose::Close(command) => {
                if let Some(center) = self.commands.center(command).cloned() {
                    self.with(&center, |session| session.spent(Spent::Command, cost));
                }
            }
        }
    }

    fn answered(
        &mut self,
        purpose: Purpose,
        result: Result<crate::HttpResponse, crate::HttpFailure>,
        now: Now,
    ) {
        match purpose {
            Purpose::Login | Purpose::Renew | Purpose::Logout => {}
            Purpose::Probe(Probed::Requests, base) => {
                let answers = result.is_ok_and(|response| response.status == 200);
                self.rest.probed(&base, answers, now.mono, &mut self.rng);
            }
            Purpose::Probe(Probed::Sockets, base) => {
                // What would serve refuses it as nonsense; what serves no sockets says 404, what can't now says 5xx.
                let answers = result.is_ok_and(|response| response.status < 500 && response.status != 404);
                self.link.probed(&base, answers, now.mono, &mut self.rng);
            }
            Purpose::Ticket => {
                let answer = calls::read(result);
                if let Err(CallFailure::Unreachable(reason)) = &answer {
                    self.centers.unreachable(reason, &BTreeSet::new(), now);
                }
                self.link.ticket(answer, now.mono, &mut self.rng);
            }
            Purpose::Centers => match calls::read(result) {
                Ok(list) => self.center_list(list, now),
                Err(failure) => self.centers.list_failed(&failure, now.mono, &mut self.rng),
            },
            Purpose::Fetch(center, id, fetch) => {
                let answer = calls::read_fetched(&fetch, result);
                if let Err(CallFailure::Problem { problem, .. }) = &answer
                    && matches!(problem.code, ErrorCode::NotFound | ErrorCode::Forbidden)
                {
                    self.centers.ask_soon(now.mono);
                }
                self.with(&center, |session| session.answer(id, answer.map_err(FetchFailure::from), now));
            }
            Purpose::Receipt(center, key, stage) => {
                let taken =
                    self.receipts.answered(center.clone(), key, stage, result, now.mono, &mut self.rng);
                if taken {
                    self.with(&center, |session| session.receipt_taken(key, stage, now));
                }
            }
            Purpose::Command(command) => {
                self.commands.answered(&command, result, now.mono, &mut self.rng);
            }
            Purpose::Close(command) => self.commands.closed(&command, result, now.mono, &mut self.rng),
        }
    }

    fn link_action(&mut self, action: LinkAction, now: Now) {
        match action {
            LinkAction::AskTicket => self.rest.ask(Purpose::Ticket, calls::Call::ticket(), now),
            LinkAction::DropTicket => self.rest.drop_where(|purpose| *purpose == Purpose::Ticket),
            LinkAction::RenewToken => self.rest.renew_now(),
            LinkAction::Probe(base) => self.rest.probe(Probed::Sockets, base),
            LinkAction::Open(socket, url) => self.out.push_back(Action::OpenSocket(socket, url)),
            LinkAction::Send(socket, text) => {
                self.link.bytes_out += u64::try_from(text.len()).unwrap_or(u64::MAX);
                self.out.push_back(Action::SendText(socket, text));
            }
            LinkAction::Close(socket) => self.out.push_back(Action::CloseSocket(socket)),
            LinkAction::Joined(center) => self.centers.joined(&center, now),
            LinkAction::Lost(reason) => self.centers.lost(&reason, now),
            LinkAction::Refused(center, code) => {
                self.centers.refused(&center, code, now);
                self.centers.ask_soon(now.mono);
            }
            LinkAction::Subscribed(center, ack) => {
                self.with(&center, |session| session.subscribed(*ack, now));
            }
            LinkAction::Packet(bytes) => {
                self.packet_bytes = bytes;
                self.centers.each_joined(|session| session.packet(now));
            }
            LinkAction::Malformed => self.centers.each_joined(|session| session.malformed(now)),
            LinkAction::News(center, news) => self.news(center, news, now),
        }
    }

    fn news(&mut self, center: CenterId, news: News, now: Now) {
        let bytes = std::mem::take(&mut self.packet_bytes);
        self.with(&center, |session| session.heard(bytes, |by| socket_kind(&news, by)));
        match news {
            News::Frame(frame) => {
                if is_mutated(Mutation::SettleByFrame) {
                    self.commands.settle_by_frame(&center, &frame.rows);
                }
                self.with(&center, |session| session.frame(*frame, now));
            }
            News::Head(head) => self.with(&center, |session| session.head(*head, now)),
            News::Alarm(entry) => self.with(&center, |session| session.alarm(*entry, now)),
            News::Malformed => self.with(&center, |session| session.malformed(now)),
            News::UnreadableAlarm => self.with(&center, |session| session.alarm_unreadable(now)),
            News::Unreadable => self.unreadable_events += 1,
            News::Riders(riders, unreadable) => {
                self.unreadable_events += unreadable;
                self.out.push_back(Action::Riders(center, riders));
            }
            News::Drain(..) | News::NotFollowed => {}
            News::Notice(name, data) => {
                if name != "notice" {
                    self.unknown_events += 1;
                }
                self.out.push_back(Action::Notice(center, name, data));
            }
        }
    }

    /// The revision of the delivery that the person saw, with its history, where the command is on one delivery. Of a
    /// batch each delivery names its own.
    fn seen(&self, request: &mut CommandRequest) -> Option<(Epoch, Rev)> {
        let session = self.centers.session(&request.center)?;
        let held = |id| session.row(id).map(|(epoch, row)| (epoch.clone(), row.rev()));
        match &mut request.what {
            // What is taken back is named by its revision; the frame that shows it may not have come yet.
            CommandKind::Create(_)
            | CommandKind::Act { seen: None, action: lifecycle::Action::Undo, .. }
            | CommandKind::Batch { action: lifecycle::Action::Undo, .. } => None,
            CommandKind::Act { id, seen: None, .. } => held(*id),
            CommandKind::Act { id, seen: Some(rev), .. } => {
                let epoch = held(*id).map(|(epoch, _)| epoch);
                let epoch = epoch.or_else(|| session.cursor().map(|cursor| cursor.epoch.clone()))?;
                Some((epoch, *rev))
            }
            CommandKind::Batch { rows, .. } => {
                for row in rows.iter_mut().filter(|row| row.rev.is_none()) {
                    row.rev = held(row.id).map(|(_, rev)| rev);
                }
                None
            }
        }
    }

    fn command(&mut self, mut request: CommandRequest, now: Now) {
        let state = self.centers.session(&request.center).map(Session::state);
        let refusal = match state {
            None => Some((ErrorCode::NotFound, "this center is not followed")),
            Some(_) if !self.rest.has_credentials() => {
                Some((ErrorCode::Unauthorized, "not signed in; sign in again"))
            }
            Some(State::Refused { code, .. }) => Some((code, "this center is refused; sign in again")),
            Some(State::Offline { .. }) => Some((ErrorCode::Unavailable, "no connection to the hub")),
            Some(State::Connecting { .. }) if self.rest.access().is_none() => {
                Some((ErrorCode::Unavailable, "no connection to the hub yet"))
            }
            Some(
                State::Connecting { .. }
                | State::CatchingUp { .. }
                | State::Live { .. }
                | State::Polling { .. },
            ) => None,
        };
        match refusal {
            Some((code, why)) => self.commands.keep_back(request.command, Problem::new(code, why)),
            None => {
                let seen = self.seen(&mut request);
                self.commands.begin(request, seen, now);
            }
        }
    }

    fn command_action(&mut self, action: CommandAction, now: Now) {
        match action {
            CommandAction::Send(command, call) => self.rest.ask(Purpose::Command(command), call, now),
            CommandAction::Close(command, call) => self.rest.ask(Purpose::Close(command), call, now),
            CommandAction::Drop(command) => self.rest.drop_where(|purpose| match purpose {
                Purpose::Command(of) | Purpose::Close(of) => *of == command,
                Purpose::Login
                | Purpose::Renew
                | Purpose::Logout
                | Purpose::Centers
                | Purpose::Ticket
                | Purpose::Fetch(..)
                | Purpose::Receipt(..)
                | Purpose::Probe(..) => false,
            }),
            CommandAction::Unsettled(command, unsettled) => {
                self.out.push_back(Action::CommandUnsettled(command, unsettled));
            }
            CommandAction::Mark(center, id, mark) => {
                let cursor = self.centers.session(&center).and_then(Session::cursor).cloned();
                self.out.push_back(Action::Changed(center, vec![RowChange::Mark(id, mark)], cursor));
            }
            CommandAction::Overlay(center, epoch, row) => {
                self.with(&center, |session| session.overlay(epoch, row, now));
                self.pump_sessions(now); // The row before the end of its mark.
            }
            CommandAction::Settled(command, outcome) => {
                self.centers.command_ended(&command, &outcome);
                self.out.push_back(Action::CommandSettled(command, outcome));
            }
            CommandAction::Lost(lost) => self.out.push_back(Action::CommandLost(lost)),
            CommandAction::Keep(center, command) => {
                self.with(&center, |session| session.keep_command(command, now));
            }
            CommandAction::Forget(center, command) => {
                self.with(&center, |session| session.forget_command(command, now));
            }
        }
    }
}

/// Where the bytes of an event are counted.
fn socket_kind<'a>(news: &News, by: &'a mut SocketBy) -> &'a mut u64 {
    match news {
        News::Frame(_) => &mut by.frames,
        News::Head(_) => &mut by.heads,
        News::Alarm(_) | News::UnreadableAlarm => &mut by.alarms,
        News::Riders(..) => &mut by.riders,
        News::Drain(..) | News::NotFollowed | News::Notice(..) | News::Malformed | News::Unreadable => {
            &mut by.other
        }
    }
}
