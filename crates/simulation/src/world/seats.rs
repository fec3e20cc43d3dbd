//! Apps start and end; what their cores want is done.

use super::{Event, World};
use crate::fault::Fault;
use crate::ledger::alarm_of;
use crate::network::Conn;
use crate::seat::{App, Arrival, Reach, Thread};
use crate::window::Window;
use gwanje_model::CenterId;
use gwanje_persist::Outbox;
use gwanje_sync::{
    Action, Client, ClientConfig, CommandId, HttpFailure, HttpRequest, Input, RequestId, SocketEvent,
    SocketId,
};
use gwanje_wire::rest::{Receipt, ReceiptStage};
use std::collections::{BTreeMap, BTreeSet};

/// The page draws at most once in so many milliseconds.
const FRAME_MS: u64 = 16;
/// A command waits so long for the disk at most before it is sent, milliseconds, from rule 11.
const KEPT_WITHIN_MS: u64 = 500;

impl World {
    /// The app of a seat starts, unless it runs.
    pub(super) fn start(&mut self, index: usize) {
        let servers = (0..self.nodes.len()).map(|node| format!("http://n{node}")).collect();
        let seed = self.plan.seed.wrapping_mul(31).wrapping_add(u64::try_from(index).unwrap_or(0) + 7);
        let Some(seat) = self.seats.get_mut(index).filter(|seat| seat.app.is_none()) else { return };
        seat.life += 1;
        // What this seat acknowledged and the hub knows is known again, whatever became of the disk.
        for (center, key) in seat.told.acknowledged.keys() {
            let entry = self.hub.board(center).and_then(|b| b.alarms().get(&alarm_of(key)));
            let at_hub = |receipt: &Receipt| receipt.stage == ReceiptStage::Acknowledged;
            if entry.is_some_and(|entry| entry.receipts.iter().any(at_hub)) {
                seat.told.heard.insert((center.clone(), *key));
            }
        }
        let mut outbox = Outbox::default();
        outbox.open(seat.disk.path());
        let config = ClientConfig {
            servers,
            seat: seat.name.clone(),
            centers: Vec::new(),
            seed: seed.wrapping_add(u64::from(seat.life) << 32),
        };
        seat.app = Some(App {
            client: Client::new(config),
            window: Window::new(),
            sockets: BTreeMap::new(),
            requests: BTreeSet::new(),
            asked: BTreeMap::new(),
            reach: Reach::Untried,
            states: BTreeMap::new(),
            cursors: BTreeMap::new(),
            malformed: 0,
            sessions: BTreeMap::new(),
            pending: BTreeSet::new(),
            open_alarms: BTreeSet::new(),
            proven: BTreeMap::new(),
            spoken: BTreeMap::new(),
            outbox,
            thread: Thread::Free,
            thread_due: false,
            horizons: seat.horizons.clone(),
            look_due: false,
            day_ms: 0,
            changes: 0,
        });
        let (token, centers) = (seat.token.clone(), seat.centers.clone());
        match token {
            Some(refresh_token) => self.put(index, Input::Resume { refresh_token, centers }),
            None => self.sign_in(index),
        }
    }

    /// The person at a seat types a password.
    pub(super) fn sign_in(&mut self, index: usize) {
        let Some(account) = self.seats.get(index).map(|seat| seat.account.clone()) else { return };
        self.put(index, Input::SignIn { password: account.clone(), account });
    }

    /// The app of a seat is killed: sockets go, what was not written goes.
    pub(super) fn kill(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        if seat.app.take().is_none() {
            return;
        }
        let on_disk: BTreeSet<CommandId> =
            self.centers.iter().flat_map(|center| seat.disk.commands(center)).collect();
        for (key, clicked) in &mut self.clicks {
            // Sent because the disk took too long: that is better than an order that waits, and the next life can't ask.
            let too_slow = clicked.sent_ms.is_some_and(|at| at - clicked.at_ms >= KEPT_WITHIN_MS);
            if clicked.seat == index && too_slow && !on_disk.contains(&CommandId(key.clone())) {
                clicked.forgotten |= clicked.settled.is_none();
            }
        }
        seat.told.unwritten.append(&mut seat.disk.kill());
        seat.deferred.clear();
        (seat.frozen_until, seat.frozen_by) = (0, None);
        let open: Vec<u64> = self
            .conns
            .iter_mut()
            .filter(|(_, conn)| conn.seat == index && conn.client_open)
            .map(|(id, conn)| {
                conn.client_open = false;
                *id
            })
            .collect();
        for conn in open {
            self.after(5, Event::HungUp(conn));
        }
    }

    /// Kills it while there is something that is not written yet: soon after it has come, or while it is being written. Waits
    /// for that some seconds.
    pub(super) fn kill_when_unwritten(&mut self, index: usize, life: u32, down_ms: u64) {
        if !self.is_life(index, life) {
            return;
        }
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        let waits = app.is_some_and(App::has_unwritten);
        let is_writing = app.is_some_and(|app| !matches!(app.thread, Thread::Free));
        if waits && self.draw(1, if is_writing { 2 } else { 8 }) == 1 {
            self.inject(Fault::AppKilled);
            self.kill(index);
            self.after(down_ms, Event::Starts(index));
        } else {
            let ms = self.draw(1, 7);
            self.after(ms, Event::Kills { seat: index, life, down_ms });
        }
    }

    /// Puts an input into a core and does what it wants.
    pub(super) fn put(&mut self, index: usize, input: Input) {
        let now = self.now_at(index);
        self.trace.input(self.now, index, &input);
        let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
        app.client.handle(input, now);
        let mut actions = Vec::new();
        while let Some(action) = app.client.poll_action() {
            actions.push(action);
        }
        for action in actions {
            self.act(index, action);
        }
        self.check(index);
        self.hand_over(index);
    }

    /// An app's time has come: its core's, or its queue's.
    pub(super) fn wake(&mut self, index: usize) {
        let now = self.now_at(index).mono;
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        if app.and_then(|app| app.client.deadline()).is_some_and(|at| at <= now) {
            self.put(index, Input::Tick);
        } else {
            self.hand_over(index);
        }
    }

    fn act(&mut self, index: usize, action: Action) {
        let now = self.now_at(index).mono;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let life = seat.life;
        let Some(app) = seat.app.as_mut() else { return };
        match action {
            Action::OpenSocket(socket, url) => self.dial(index, socket, &url),
            Action::SendText(socket, text) => self.say(index, socket, text),
            Action::CloseSocket(socket) => self.close(index, socket),
            Action::Http(id, request) => self.ask(index, id, request),
            Action::DropHttp(id) => {
                app.requests.remove(&id);
            }
            Action::Restore(center) => app.outbox.restore(center),
            Action::Persist(batch) => app.outbox.write(*batch, now),
            Action::Wipe(center) => {
                app.window.drop_center(&center);
                let was_followed = app.cursors.remove(&center).is_some();
                app.states.remove(&center);
                app.sessions.remove(&center);
                app.proven.remove(&center);
                app.open_alarms.retain(|(of, _)| *of != center);
                app.outbox.wipe(center.clone());
                self.forget_center(index, &center);
                if was_followed {
                    self.inject(Fault::Credentials);
                }
            }
            Action::Audit(center) => app.outbox.audit(center),
            Action::KeepHorizon(center, at) => {
                app.horizons.insert(center.clone(), at);
                app.outbox.push((center, at));
            }
            Action::SignedIn(reply) => {
                seat.token = Some(reply.refresh_token.clone());
                seat.centers.clone_from(&reply.centers);
            }
            Action::SignedOut(problem) => {
                seat.token = None;
                if problem.is_some() {
                    let ms = self.draw(500, 4_000);
                    self.after(ms, Event::SignsIn { seat: index, life });
                }
            }
            Action::SignInFailed(_) => {
                let ms = self.draw(1_000, 4_000);
                self.after(ms, Event::SignsIn { seat: index, life });
            }
            Action::Centers(infos) => seat.centers = infos.into_iter().map(|info| info.id).collect(),
            Action::Changed(center, changes, cursor) => {
                self.check_changes(index, &center, &changes, cursor.as_ref());
                let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
                app.window.change(&center, &changes, cursor.as_ref());
                app.changes += 1;
                if let Some(cursor) = cursor {
                    app.cursors.insert(center, cursor);
                }
                self.look_soon(index);
            }
            Action::State(center, state) => {
                self.trace.word(index, state.name());
                app.states.insert(center, state);
            }
            Action::Proved(center, proof) => self.check_proof(index, &center, &proof),
            Action::DayClock { day_at, .. } => {
                if self.now >= app.day_ms {
                    app.day_ms = self.now + 1_000;
                    app.window.advance(day_at);
                    self.look_soon(index);
                }
            }
            Action::Alarm(center, notice) => self.check_alarm(index, center, &notice),
            Action::AlarmSettled(center, key) => {
                app.open_alarms.remove(&(center, key));
            }
            Action::CommandUnsettled(command, _) => {
                app.pending.insert(command);
            }
            Action::CommandSettled(command, outcome) => {
                app.pending.remove(&command);
                self.check_settled(index, &command, &outcome);
            }
            Action::CommandLost(lost) => self.check_lost(index, &lost),
            Action::AlarmTold(..)
            | Action::Acknowledged(..)
            | Action::Riders(..)
            | Action::Notice(..)
            | Action::Repaired(..)
            | Action::Checked(..) => {}
        }
    }

    pub(super) fn look_soon(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        let life = seat.life;
        if let Some(app) = seat.app.as_mut()
            && !std::mem::replace(&mut app.look_due, true)
        {
            self.after(FRAME_MS, Event::LooksAt { seat: index, life });
        }
    }

    pub(super) fn looks_at(&mut self, index: usize, life: u32) {
        if !self.is_life(index, life) {
            return;
        }
        let now = self.now;
        let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) else { return };
        app.look_due = false;
        if !app.window.dirty && app.window.lags_until <= now {
            return;
        }
        let looked = app.window.frame(now, false);
        if std::mem::take(&mut app.window.held_back) {
            self.inject(Fault::Page);
        }
        match looked {
            Ok(None) => {}
            Ok(Some(why)) => self.violate('1', format!("seat {index}: {why}")),
            Err(error) => self.violate('1', format!("seat {index}: {error}")),
        }
    }

    fn dial(&mut self, index: usize, socket: SocketId, url: &str) {
        let node = node_of(url);
        let id = self.next_conn;
        self.next_conn += 1;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let (life, offline) = (seat.life, seat.line.offline_until > self.now);
        let blocked = seat.line.cut_up_until.max(seat.line.cut_down_until);
        if let Some(app) = seat.app.as_mut() {
            app.sockets.insert(socket, id);
            // A new one is made while the old one still serves; a third is too much.
            if app.sockets.len() > 2 {
                self.violate('B', format!("seat {index} holds several sockets"));
            }
        }
        self.conns.insert(
            id,
            Conn {
                seat: index,
                life,
                socket,
                node,
                hub_open: false,
                client_open: true,
                forgotten: false,
                centers: BTreeMap::new(),
                in_flight: 0,
                full: false,
                sent: 0,
                taken: 0,
                last_down_ms: self.now,
                last_up_ms: self.now,
                ponged: true,
            },
        );
        if offline {
            let closed = SocketEvent::Closed("the network is unreachable".to_owned());
            self.after(
                1,
                Event::Arrives { seat: index, life, arrival: Arrival::Socket(id, closed, Vec::new()) },
            );
        } else {
            let ms = self.draw(2, 30);
            let at = (self.now + ms).max(blocked);
            self.at_ms(at, Event::Dialled(id));
        }
    }

    fn ask(&mut self, index: usize, id: RequestId, request: HttpRequest) {
        self.check_rate(index, &request);
        self.note_sent(&request);
        let ms = self.draw(1, 40);
        let Some(seat) = self.seats.get_mut(index) else { return };
        let life = seat.life;
        if let Some(app) = seat.app.as_mut() {
            app.requests.insert(id);
        }
        let failed = |failure| Arrival::Http(id, Err(failure), Vec::new());
        if seat.line.offline_until > self.now {
            let failure = HttpFailure::Broken("the network is unreachable".to_owned());
            let first = seat.app.as_mut().filter(|app| app.reach == Reach::Untried);
            if first.map(|app| app.reach = Reach::Nothing).is_some() {
                self.inject(Fault::ColdStart);
            }
            return self.after(2, Event::Arrives { seat: index, life, arrival: failed(failure) });
        }
        let slow = if seat.line.slow.0 > self.now { seat.line.slow.1 } else { 0 };
        let arrives = (self.now + ms + slow).max(seat.line.cut_up_until);
        let lost = arrives - self.now >= request.timeout_ms;
        self.after(
            request.timeout_ms,
            Event::Arrives { seat: index, life, arrival: failed(HttpFailure::TimedOut) },
        );
        // What comes too late for an answer is carried out all the same.
        let request = Box::new(request);
        self.at_ms(arrives, Event::Asks { seat: index, life, id, request, back: !lost });
    }
}

/// Which node a URL names.
pub(super) fn node_of(url: &str) -> usize {
    let host = url.split_once("://n").map_or("0", |(_, rest)| rest);
    let digits: String = host.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The center that a session's request is about.
pub(super) fn center_of(path: &str) -> Option<CenterId> {
    let (_, below) = path.split_once("/centers/")?;
    below.split(['/', '?']).next().map(CenterId::from)
}
