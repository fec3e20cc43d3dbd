//! The seats and everything around them: one queue of events in virtual time, one source of chance.
//!
//! | file | one idea |
//! | --- | --- |
//! | `steps` · `breaks` | carries out the plan: work and clicks · faults |
//! | `seats` | apps start, end, and what their cores want is done |
//! | `arrivals` · `disks` | what comes to an app from outside · from its disk |
//! | `sockets` | texts between a seat and a node |
//! | `nodes` · `signals` | emitters: frames, heads, alarms, who is behind · how nodes learn of each other's commits |
//! | `rest` · `commits` | requests · what happens between a lock and its commit |
//! | `checks` · `told` · `planted` | the invariants · what people were told · what must be found |
//! | `effects` | which faults have come to pass |
//! | `excuses` | what excuses a seat, and for how long |

mod arrivals;
mod breaks;
mod calm;
mod checks;
mod commits;
mod disks;
mod effects;
mod excuses;
mod nodes;
mod planted;
mod rest;
mod seats;
mod signals;
mod sockets;
mod steps;
mod told;
mod truths;

use crate::disk::Disk;
use crate::fault::Fault;
use crate::hub::{AccountSetup, CenterSetup, Instants, ModelHub, Operation, Setup, Signal};
use crate::ledger::{Clicked, Truth};
use crate::network::{Conn, Line};
use crate::plan::{Break, Plan, Post};
use crate::seat::{Arrival, Seat, SeatHistory};
use crate::trace::Trace;
use crate::violation::Violation;
use commits::{Committing, SlowCommit, Waiting};
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, Role, SeatId, UtcMillis};
use gwanje_sync::{HttpRequest, Mono, Now, RequestId};
use gwanje_wire::socket::center_namespace;
use nodes::Node;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// The hub's wall clock at the beginning.
pub(crate) const BEGINNING: i64 = 1_790_000_000_000;
/// Milliseconds between two looks of the hub at the clock, from the wire contract.
const LOOK_MS: u64 = 1_000;
/// The most events within one millisecond: more than this is a loop without progress.
const SPIN_MAX: u32 = 20_000;

/// What will happen.
#[derive(Debug)]
pub(crate) enum Event {
    Step(usize),
    /// Something reaches an app, if the app is still in this life.
    Arrives {
        seat: usize,
        life: u32,
        arrival: Arrival,
    },
    /// A node commits what it has decided.
    Commits(Box<Committing>),
    /// A signal that was late, doubled or held back reaches a node.
    Signalled {
        node: usize,
        signal: Box<Signal>,
        by: Fault,
    },
    /// A connection is dialled at its node.
    Dialled(u64),
    /// A client's text reaches its node.
    Says(u64, String),
    /// A client's end of a connection is gone.
    HungUp(u64),
    /// A request reaches a node; `back` tells whether its answer finds its way back.
    Asks {
        seat: usize,
        life: u32,
        id: RequestId,
        request: Box<HttpRequest>,
        back: bool,
    },
    Ping(u64),
    PongDue(u64),
    Flush(usize, CenterId),
    Beat(usize, CenterId),
    /// The hub looks at the clock for alarms.
    LooksAtClock,
    Behind(usize, CenterId),
    ReleaseHeld(usize, CenterId),
    /// The thread that owns an app's cache file does its job, or answers.
    ThreadGoesOn {
        seat: usize,
        life: u32,
    },
    LooksAt {
        seat: usize,
        life: u32,
    },
    Starts(usize),
    SignsIn {
        seat: usize,
        life: u32,
    },
    Thaws(usize),
    Kills {
        seat: usize,
        life: u32,
        down_ms: u64,
    },
    /// Somebody elsewhere works, whatever the plan says.
    Works {
        center: CenterId,
        work: crate::plan::Work,
        pick: u64,
    },
    /// Somebody elsewhere edits this delivery, while a command on it is on its way.
    Edits(DeliveryId, String),
    /// A flood has run out: counts it if somebody who followed it from its start got all of it.
    Flooded {
        center: CenterId,
        epoch: Epoch,
        to: Rev,
        followers: Vec<(usize, u32)>,
    },
    /// The second part of a fault.
    Then(Box<Break>, u32),
    /// A look at whether a seat still needs to be excused.
    Heals(usize),
    /// By now a client knows that a connection is dead.
    KnownDead(u64),
    /// A look at whether a planted divergence was found in time.
    Found(Box<planted::Planted>),
}

/// See the module's doc.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) now: u64,
    pub(crate) rng: ChaCha8Rng,
    queue: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    pub(crate) hub: ModelHub,
    pub(crate) nodes: Vec<Node>,
    pub(crate) conns: BTreeMap<u64, Conn>,
    pub(crate) next_conn: u64,
    pub(crate) seats: Vec<Seat>,
    pub(crate) centers: Vec<CenterId>,
    pub(crate) truths: BTreeMap<CenterId, Truth>,
    pub(crate) clicks: BTreeMap<String, Clicked>,
    /// Until then nobody elsewhere changes anything in a center.
    pub(crate) hushed: BTreeMap<CenterId, u64>,
    /// The hub was restored from a backup, and is read-only until every seat has seen it.
    pub(crate) frozen: bool,
    /// The hub as it was before a center's present epoch.
    pub(crate) before_epoch: Option<(CenterId, Box<ModelHub>)>,
    pub(crate) backup: Option<(CenterId, Box<ModelHub>)>,
    pub(crate) store_down_until: u64,
    /// The next command that stays between lock and commit, and what waits for centers that are locked.
    slow: Option<SlowCommit>,
    waiting: Vec<(CenterId, Waiting)>,
    /// `Authorization` headers that have expired, which the hub does not know yet.
    pub(crate) void_tokens: BTreeSet<String>,
    pub(crate) sockets_refused: (u64, u64),
    pub(crate) storm: (u64, u16),
    /// How often each fault came to pass; a fault that is only armed does not count.
    pub(crate) injected: [u64; Fault::COUNT],
    pub(crate) two_versions: bool,
    pub(crate) epochs: u32,
    pub(crate) violations: Vec<Violation>,
    pub(crate) trace: Trace,
    pub(crate) steps: u64,
    /// The longest that it took to find a planted divergence, milliseconds.
    pub(crate) found_after_ms: u64,
    /// The most that a seat read of one center within five seconds.
    pub(crate) most_asked: usize,
    pub(crate) ended: bool,
    /// What the oracle says counts.
    pub(crate) has_oracle: bool,
}

impl World {
    /// A world before its first moment; seats keep their caches in `folder`.
    pub(crate) fn new(plan: &Plan, folder: &Path) -> Self {
        let centers: Vec<CenterId> =
            ["a", "b", "c"].into_iter().take(plan.centers.clamp(1, 3)).map(CenterId::from).collect();
        let mut hub = ModelHub::new(&setup(plan, &centers));
        hub.keep_log();
        // Whoever works elsewhere does so at a node of their own.
        let elsewhere = plan.nodes.clamp(1, 3);
        hub.set_nodes(elsewhere + 1, plan.hears_at_once());
        hub.use_node(elsewhere);
        let seats = plan.desks.iter().enumerate().map(|(at, _)| Seat {
            name: SeatId::from(format!("seat-{at}").as_str()),
            account: account(at),
            app: None,
            life: 0,
            disk: Disk::new(folder, &format!("seat-{at}")),
            token: None,
            centers: Vec::new(),
            horizons: BTreeMap::new(),
            clock_ms: 0,
            frozen_until: 0,
            frozen_by: None,
            deferred: VecDeque::new(),
            line: Line::default(),
            told: SeatHistory::default(),
        });
        let mut world = Self {
            now: 0,
            rng: ChaCha8Rng::seed_from_u64(plan.seed),
            queue: BTreeMap::new(),
            scheduled: 0,
            nodes: (0..plan.nodes.clamp(1, 3)).map(|_| Node::default()).collect(),
            conns: BTreeMap::new(),
            next_conn: 0,
            seats: seats.collect(),
            truths: centers.iter().map(|center| (center.clone(), Truth::default())).collect(),
            clicks: BTreeMap::new(),
            hushed: BTreeMap::new(),
            frozen: false,
            before_epoch: None,
            backup: None,
            store_down_until: 0,
            slow: None,
            waiting: Vec::new(),
            void_tokens: BTreeSet::new(),
            sockets_refused: (0, 0),
            storm: (0, 0),
            injected: [0; Fault::COUNT],
            two_versions: false,
            epochs: 0,
            violations: Vec::new(),
            trace: Trace::default(),
            steps: 0,
            found_after_ms: 0,
            most_asked: 0,
            ended: false,
            has_oracle: true,
            hub,
            centers,
            plan: plan.clone(),
        };
        world.begin();
        world
    }

    /// The moment, by the hub's clocks.
    pub(crate) fn at(&self) -> Instants {
        let at = UtcMillis(BEGINNING).plus_ms(self.now.cast_signed());
        Instants { wall: at, day: at }
    }

    /// The moment, by a desk's clocks.
    pub(crate) fn now_at(&self, seat: usize) -> Now {
        let off = self.seats.get(seat).map_or(0, |seat| seat.clock_ms);
        Now { mono: Mono(1_000_000 + self.now), wall: self.at().wall.plus_ms(off) }
    }

    pub(crate) fn at_ms(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.queue.insert((at.max(self.now), self.scheduled), event);
    }

    pub(crate) fn after(&mut self, ms: u64, event: Event) {
        self.at_ms(self.now + ms, event);
    }

    pub(crate) fn draw(&mut self, from: u64, to: u64) -> u64 {
        self.rng.random_range(from..=to)
    }

    /// Counts a fault that came to pass.
    pub(crate) fn inject(&mut self, fault: Fault) {
        if let Some(count) = self.injected.get_mut(fault.number() - 1) {
            *count += 1;
        }
    }

    /// Notes something that does not hold.
    pub(crate) fn violate(&mut self, letter: char, what: impl Into<String>) {
        self.violations.push(Violation { letter, at_ms: self.now, what: what.into() });
    }

    pub(crate) fn center(&self, index: usize) -> CenterId {
        self.centers.get(index % self.centers.len().max(1)).cloned().unwrap_or_else(|| CenterId::from("a"))
    }

    /// The centers that a desk's account is given.
    pub(crate) fn centers_of(&self, seat: usize) -> Vec<CenterId> {
        match self.plan.desks.get(seat) {
            Some(Post::Dispatcher) => self.centers.iter().take(1).cloned().collect(),
            Some(Post::Supervisor | Post::CallCenter) | None => self.centers.clone(),
        }
    }

    pub(crate) fn seat_index(&self, seat: usize) -> usize {
        seat % self.seats.len().max(1)
    }

    /// Lets time pass until then, from event to event. Stops at the first violation.
    pub(crate) fn run_until(&mut self, until: u64) {
        let mut still = 0;
        while self.violations.is_empty() {
            let event = self.queue.first_key_value().map(|((at, _), _)| *at);
            let ticks = self.next_tick();
            let next = event.into_iter().chain(ticks.map(|(at, _)| at)).min().unwrap_or(u64::MAX);
            if next > until {
                self.now = until;
                return;
            }
            if next > self.now {
                self.check_stale(next);
            }
            still = if next > self.now { 0 } else { still + 1 };
            if still > SPIN_MAX {
                return self.violate('B', "something spins: too many events in one millisecond");
            }
            self.now = next.max(self.now);
            self.steps += 1;
            match ticks {
                Some((at, seat)) if event.is_none_or(|event| at < event) => self.wake(seat),
                Some(_) | None => {
                    if let Some((_, event)) = self.queue.pop_first() {
                        self.happen(event);
                        self.note_differences();
                    }
                }
            }
        }
    }

    /// The first app that wants to be woken, by its core or its queue, and the moment.
    fn next_tick(&self) -> Option<(u64, usize)> {
        let due = self.seats.iter().enumerate().filter_map(|(index, seat)| {
            let app = seat.app.as_ref().filter(|_| seat.frozen_until <= self.now)?;
            let first = app.client.deadline().into_iter().chain(app.outbox.deadline()).min()?;
            let at = first.0.saturating_sub(1_000_000);
            Some((at.max(self.now), index))
        });
        due.min()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Step(step) => self.step(step),
            Event::Arrives { seat, life, arrival } => self.arrives(seat, life, arrival),
            Event::Commits(committing) => self.commits(*committing),
            Event::Signalled { node, signal, by } => self.signalled(node, &signal, by),
            Event::Dialled(conn) => self.dialled(conn),
            Event::Says(conn, text) => self.hears(conn, &text),
            Event::HungUp(conn) => self.hub_end_gone(conn),
            Event::Asks { seat, life, id, request, back } => self.asked(seat, life, id, *request, back),
            Event::Ping(conn) => self.ping(conn),
            Event::PongDue(conn) => self.pong_due(conn),
            Event::Flush(node, center) => self.flush(node, &center),
            Event::Beat(node, center) => self.beat(node, &center),
            Event::LooksAtClock => self.look_at_clock(),
            Event::Behind(node, center) => self.look_behind(node, &center),
            Event::ReleaseHeld(node, center) => self.release_held(node, &center),
            Event::ThreadGoesOn { seat, life } => self.thread_goes_on(seat, life),
            Event::LooksAt { seat, life } => self.looks_at(seat, life),
            Event::Starts(seat) => self.start(seat),
            Event::SignsIn { seat, life } => {
                if self.is_life(seat, life) {
                    self.sign_in(seat);
                }
            }
            Event::Thaws(seat) => self.thaw(seat),
            Event::Kills { seat, life, down_ms } => self.kill_when_unwritten(seat, life, down_ms),
            Event::Works { center, work, pick } => self.work(&center, work, pick),
            Event::Edits(id, command) => self.edit(id, &command),
            Event::Flooded { center, epoch, to, followers } => self.flooded(&center, &epoch, to, &followers),
            Event::Then(broken, part) => self.break_on(*broken, part),
            Event::Heals(seat) => self.heals(seat),
            Event::KnownDead(conn) => self.known_dead(conn),
            Event::Found(planted) => self.found(&planted),
        }
    }

    pub(crate) fn is_life(&self, seat: usize, life: u32) -> bool {
        self.seats.get(seat).is_some_and(|seat| seat.life == life && seat.app.is_some())
    }

    /// Each second the hub writes the alarms that are due, unless its store is away.
    fn look_at_clock(&mut self) {
        self.after(LOOK_MS, Event::LooksAtClock);
        if (self.now / LOOK_MS).is_multiple_of(2) {
            self.nodes_look();
        }
        if self.store_down_until > self.now {
            return;
        }
        let at = self.at();
        self.work_elsewhere();
        let mut changed = 0;
        for center in self.centers.clone() {
            changed += self.hub.look_at_alarms(&center, at);
        }
        if changed > 0 {
            self.committed();
        }
    }

    /// What the hub does from now on it does at a node that serves no seat.
    pub(crate) fn work_elsewhere(&mut self) {
        self.hub.use_node(self.nodes.len());
    }

    /// Somebody elsewhere makes a change.
    pub(crate) fn operate_elsewhere(&mut self, operation: &Operation) {
        let at = self.at();
        if let Some(center) = operation.center().filter(|center| self.hub.is_locked(center)).cloned() {
            return self.waiting.push((center, Waiting::Operation(operation.clone())));
        }
        self.work_elsewhere();
        self.hub.operate(operation, at);
        self.committed();
    }

    /// Whether a node can't reach the store.
    pub(crate) fn is_store_away(&self, node: usize) -> bool {
        let is_cut = self.nodes.get(node).is_some_and(|node| node.cut_store_until > self.now);
        is_cut || self.store_down_until > self.now
    }

    /// Notes the changes that were just made, and tells the nodes that hear of them.
    pub(crate) fn committed(&mut self) {
        let now = self.now;
        for (center, truth) in &mut self.truths {
            if let Some(board) = self.hub.board(center) {
                truth.note(board, now);
            }
        }
        self.signal_nodes();
        self.note_differences();
    }

    /// O: the ledger and the oracle made the same of everything.
    pub(crate) fn note_differences(&mut self) {
        let differences = self.hub.take_differences();
        if self.has_oracle {
            differences.into_iter().for_each(|what| self.violate('O', what));
        }
    }
}

/// The password of an account is its name.
pub(crate) fn account(seat: usize) -> String {
    format!("desk{seat}")
}

/// How the namespace's packets begin.
pub(crate) fn namespace(center: &CenterId) -> String {
    center_namespace(center)
}

fn setup(plan: &Plan, centers: &[CenterId]) -> Setup {
    let names: Vec<&str> = centers.iter().map(CenterId::as_str).collect();
    let first = names.get(..1).unwrap_or_default();
    let accounts = plan.desks.iter().enumerate().map(|(at, desk)| match desk {
        Post::Dispatcher => AccountSetup::new(&account(at), Role::Dispatcher, first),
        Post::Supervisor => AccountSetup::new(&account(at), Role::Supervisor, &names),
        Post::CallCenter => AccountSetup::new(&account(at), Role::CallCenter, &names),
    });
    Setup {
        centers: names
            .iter()
            .map(|name| CenterSetup::new(*name, "01A").with_rider("r1").with_rider("r2").with_rider("r3"))
            .collect(),
        accounts: accounts.collect(),
        // The floor rises only when a fault says so.
        tombstones_kept: 100_000,
        socket_urls: Vec::new(),
    }
}
