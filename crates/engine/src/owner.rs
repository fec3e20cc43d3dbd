//! The owner task: it alone holds the state. Calls, arrivals and deadlines go in; the core's actions are carried out.

mod actions;
mod calls;
mod diagnosis;
mod drafts;
mod signing;

use crate::alarms::Alarms;
use crate::clock;
use crate::config::EngineConfig;
use crate::core::Core;
use crate::error::EngineError;
use crate::event::{CommandReport, EngineEvent};
use crate::freshness::Freshness;
use crate::http::HttpClient;
use crate::message::{Arrival, Call, JobAnswer, ProfileJob};
use crate::profile::Profile;
use crate::socket::SocketLine;
use crate::subscribers::Subscribers;
use crate::views::Views;
use crate::writer::Writer;
use diagnosis::Findings;
use drafts::Written;
use gwanje_board::Board;
use gwanje_model::{CenterId, DeliveryId, Text, UtcMillis};
use gwanje_persist::{ForCore, Outbox};
use gwanje_sync::{
    AlarmNotice, Client, ClientConfig, CommandId, Foreign, ForeignConfig, Input, Mono, Now, RequestId,
    SocketEvent, SocketId,
};
use gwanje_wire::WireRow;
use signing::Signing;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};
use url::Url;

/// What comes back from sockets, requests and the cache: it holds their senders back when the owner is busy, which the
/// hub sees as a slow reader. Some frames of a burst.
const ARRIVAL_CAPACITY: usize = 256;
/// Arrivals taken in before the actions, so that a burst costs one round of views and cache.
const ARRIVALS_A_ROUND: usize = 64;
/// The longest sleep, milliseconds: tokio's timers don't count the machine's sleep, the core's deadlines do.
const MAX_SLEEP_MS: u64 = 1_000;
/// The board's clock of operations moves on this often, milliseconds: pages count in seconds.
const DAY_STEP_MS: u64 = 1_000;
/// A hold for an alarm's row that no page takes over ends after this, milliseconds: as long as a page's own.
const HOLD_MS: u64 = 10_000;

struct Owner {
    config: EngineConfig,
    client: Core,
    board: Board,
    views: Views,
    subscribers: Subscribers,
    freshness: BTreeMap<CenterId, Freshness>,
    alarms: Alarms,
    /// What the centers are called.
    names: BTreeMap<CenterId, String>,
    /// Unsettled commands of this seat.
    commands: HashMap<CommandId, Commanded>,
    /// Outcomes that nobody listened to: the first listener hears them. Bounded by the commands under way at once.
    unheard: Vec<EngineEvent>,
    written: Written,
    signing: Signing,
    sockets: HashMap<SocketId, SocketLine>,
    requests: HashMap<RequestId, AbortHandle>,
    http: HttpClient,
    outbox: Outbox<ProfileJob>,
    writer: Writer,
    profile: Profile,
    cache_path: Option<PathBuf>,
    arrivals: mpsc::Sender<Arrival>,
    day_due: Mono,
    /// When places were held for an alarm last; none: or released since.
    held_at: Option<Mono>,
    findings: Findings,
    started: UtcMillis,
    /// A foreign server is followed.
    is_following: bool,
}

/// What an unsettled command is about.
struct Commanded {
    center: CenterId,
    id: Option<DeliveryId>,
    /// Of a batch: its deliveries.
    batch: Vec<DeliveryId>,
    action: Text,
    /// What was told last.
    told: Option<Arc<CommandReport>>,
}

/// Starts the owner.
pub(crate) fn start(
    config: EngineConfig,
    calls: mpsc::Receiver<Call>,
    http: HttpClient,
) -> Result<JoinHandle<()>, EngineError> {
    let config = checked(config)?;
    let profile = Profile::open(&config.profile_dir, config.seat.clone())?;
    let (arrivals, inbox) = mpsc::channel(ARRIVAL_CAPACITY);
    let writer = Writer::start(arrivals.clone()).map_err(|source| EngineError::Profile {
        doing: "starting the cache thread for",
        path: config.profile_dir.clone(),
        source,
    })?;
    let (servers, seat, seed) = (config.servers.clone(), profile.seat.clone(), seed()?);
    let client = match &config.dialect {
        Some(dialect) => {
            let dialect = Arc::clone(dialect);
            Core::Foreign(Box::new(Foreign::new(ForeignConfig { dialect, servers, seat, seed })))
        }
        None => {
            let centers = config.centers.clone();
            Core::Hub(Box::new(Client::new(ClientConfig { servers, seat, centers, seed })))
        }
    };
    let owner = Owner {
        config,
        client,
        board: Board::default(),
        views: Views::default(),
        subscribers: Subscribers::default(),
        freshness: BTreeMap::new(),
        alarms: Alarms::default(),
        names: BTreeMap::new(),
        commands: HashMap::new(),
        unheard: Vec::new(),
        written: Written::default(),
        signing: Signing::default(),
        sockets: HashMap::new(),
        requests: HashMap::new(),
        http,
        outbox: Outbox::default(),
        writer,
        profile,
        cache_path: None,
        arrivals,
        day_due: Mono::default(),
        held_at: None,
        findings: Findings::default(),
        started: clock::now().wall,
        is_following: false,
    };
    Ok(tokio::spawn(owner.run(calls, inbox)))
}

fn checked(mut config: EngineConfig) -> Result<EngineConfig, EngineError> {
    if let Some(dialect) = config.dialect.as_ref().filter(|_| config.servers.is_empty()) {
        config.servers.clone_from(&dialect.server.urls);
    }
    if config.servers.is_empty() {
        return Err(EngineError::Config("no server is given; name at least one by its URL".to_owned()));
    }
    for server in &mut config.servers {
        let usable =
            Url::parse(server).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !usable {
            let text =
                format!("{server:?} is no address of a server; write it as http://host:port or https://host");
            return Err(EngineError::Config(text));
        }
        server.truncate(server.trim_end_matches('/').len());
    }
    Ok(config)
}

fn seed() -> Result<u64, EngineError> {
    getrandom::u64()
        .map_err(|error| EngineError::Config(format!("asking the system for a random number: {error}")))
}

impl Owner {
    async fn run(mut self, mut calls: mpsc::Receiver<Call>, mut inbox: mpsc::Receiver<Arrival>) {
        loop {
            let sleep = self.sleep_for(clock::now().mono);
            tokio::select! {
                call = calls.recv() => match call {
                    None | Some(Call::Stop) => break,
                    Some(call) => self.call(call),
                },
                arrival = inbox.recv() => {
                    // The owner holds a sender itself, so that there always is one.
                    if let Some(arrival) = arrival {
                        self.arrived(arrival);
                    }
                    for _ in 1..ARRIVALS_A_ROUND {
                        match inbox.try_recv() {
                            Ok(arrival) => self.arrived(arrival),
                            Err(_) => break,
                        }
                    }
                }
                () = tokio::time::sleep(sleep) => {}
            }
            self.round();
        }
        // From here on nobody hears the cache thread, which must not wait for that.
        drop(inbox);
        self.end().await;
    }

    /// Everything whose time has come.
    fn round(&mut self) {
        let now = clock::now();
        if self.client.deadline().is_some_and(|at| at <= now.mono) {
            self.client.handle(Input::Tick, now);
        }
        self.act(now);
        self.signing_due(now.mono);
        self.step_day(now);
        for view in self.views.look(&mut self.board, now.mono) {
            tracing::warn!(view = view.0, "a page acknowledges nothing");
            self.tell(EngineEvent::ViewStalled(view), now);
        }
        if let Some(job) = self.outbox.take(now.mono) {
            self.writer.hand(job);
        }
        if let Some((alarms, count)) = self.alarms.due(&self.board, &self.names, now.mono) {
            self.tell(EngineEvent::Alarms(Arc::new(alarms), count), now);
        }
        let (freshness, alarms, commands) = (&self.freshness, &self.alarms, &self.commands);
        let (board, names) = (&self.board, &self.names);
        self.subscribers.catch_up(now.mono, || present(freshness, (alarms, board, names), commands));
    }

    fn arrived(&mut self, arrival: Arrival) {
        let now = clock::now();
        match arrival {
            Arrival::Socket(id, event) => {
                if matches!(event, SocketEvent::Closed(_) | SocketEvent::TurnedAway { .. }) {
                    self.sockets.remove(&id);
                }
                self.client.handle(Input::Socket(id, event), now);
            }
            Arrival::Http(id, result) => {
                self.requests.remove(&id);
                self.client.handle(Input::Http(id, result), now);
            }
            Arrival::Cache(answer) => self.answered(answer, now),
        }
        self.act(now);
    }

    /// The cache thread answered.
    fn answered(&mut self, answer: JobAnswer, now: Now) {
        match self.outbox.answered(answer, now.mono) {
            None => {}
            Some(ForCore::Committed(upto)) => {
                for (center, seq) in upto {
                    self.client.handle(Input::Committed(center, seq), now);
                }
            }
            Some(ForCore::Unwritten(upto)) => {
                for (center, seq) in upto {
                    self.client.handle(Input::Unwritten(center, seq), now);
                }
            }
            Some(ForCore::Lost) => {
                for center in self.freshness.keys() {
                    self.client.handle(Input::CacheLost(center.clone()), now);
                }
                self.drafts_lost(now);
            }
            Some(ForCore::Drafts(drafts)) => self.drafts_read(drafts, now),
            Some(ForCore::Restored(center, mut restored)) => {
                restored.horizon = self.profile.horizon(self.server(), &center);
                // Commands that an earlier run left without an outcome: what becomes of them is told under these names.
                for command in &restored.commands {
                    let (id, action, batch) =
                        (command.delivery, command.action.clone(), command.batch.clone());
                    self.commands.insert(
                        command.command.clone(),
                        Commanded { center: center.clone(), id, batch, action, told: None },
                    );
                }
                self.recall_drafts(&center, now);
                let (proven_at, latest) = (restored.proven_at, latest_instant(&restored.rows));
                self.client.handle(Input::Restored(center.clone(), restored), now);
                // What is shown from disk has the age of its last proof, not none.
                if let (Some(at), Some(freshness)) = (proven_at, self.freshness.get_mut(&center)) {
                    freshness.recall_proof(at, latest);
                    self.day_due = now.mono;
                    self.tell_freshness(&center, now);
                }
            }
            Some(ForCore::Audited(center, audit)) => {
                self.findings.audited(&center, &audit, now);
                let (damaged, digest_fits) = (audit.damaged, audit.digest_fits);
                self.client.handle(Input::Audited { center, damaged, digest_fits }, now);
            }
        }
    }

    /// The board's clock of operations: rows become late although nothing happens to them.
    fn step_day(&mut self, now: Now) {
        if now.mono < self.day_due {
            return;
        }
        self.day_due = now.mono.plus_ms(DAY_STEP_MS);
        self.alarms.forget_heard(now.mono);
        if let Some(day_at) = self.freshness.values().filter_map(|freshness| freshness.day_at(now.wall)).max()
        {
            let is_live = self.freshness.keys().any(|center| self.is_live(center));
            if is_live && self.board.alarms_by(day_at) {
                self.hold_places(now);
            }
            if self.held_at.take_if(|at| now.mono.since(*at) >= HOLD_MS).is_some() {
                self.board.release_places();
            }
            self.board.advance(day_at);
            self.views.touch();
        }
    }

    /// An alarm is about a row that may be in sight: it changes where it stands.
    fn hold_places(&mut self, now: Now) {
        self.board.hold_places();
        self.held_at = Some(now.mono);
    }

    fn sleep_for(&self, now: Mono) -> Duration {
        let deadlines = [
            self.client.deadline(),
            self.views.deadline(),
            self.outbox.deadline(),
            self.subscribers.deadline(),
            self.signing.deadline(),
            self.alarms.deadline(),
            Some(self.day_due),
        ];
        let first = deadlines.into_iter().flatten().min().unwrap_or(now.plus_ms(MAX_SLEEP_MS));
        // At least a millisecond: a deadline that stays in the past must not become a spinning loop.
        Duration::from_millis(first.since(now).clamp(1, MAX_SLEEP_MS))
    }

    fn tell(&mut self, event: EngineEvent, now: Now) {
        self.subscribers.tell(&event, now.mono);
    }

    /// The server that caches and sessions belong to, whichever endpoint answers.
    fn server(&self) -> &str {
        self.config.servers.first().map_or("", String::as_str)
    }

    async fn end(mut self) {
        self.sockets.clear();
        // Requests under way (a command, a sign-out) are not called back: each ends by itself at its time-out.
        let last = std::iter::from_fn(|| self.outbox.take_now()).collect();
        let writer = self.writer;
        if let Err(error) = tokio::task::spawn_blocking(move || writer.end(last)).await {
            tracing::error!(%error, "the cache was not closed cleanly");
        }
    }
}

/// When the last thing happened to any of these rows.
fn latest_instant(rows: &[WireRow]) -> Option<UtcMillis> {
    let instants = rows.iter().filter_map(WireRow::delivery).flat_map(|row| {
        let later = [row.waiting_at, row.assigned_at, row.picked_up_at, row.delivered_at, row.cancelled_at];
        later.into_iter().flatten().chain([row.received_at])
    });
    instants.max()
}

/// The freshness of all centers, all open alarms and all unsettled commands: what a listener must know to go on from here.
fn present(
    freshness: &BTreeMap<CenterId, Freshness>,
    (alarms, board, names): (&Alarms, &Board, &BTreeMap<CenterId, String>),
    commands: &HashMap<CommandId, Commanded>,
) -> Vec<EngineEvent> {
    let states = freshness.iter().flat_map(|(center, of)| {
        [
            EngineEvent::State(center.clone(), of.state().clone()),
            EngineEvent::Freshness(Arc::new(of.view(center))),
        ]
    });
    let (list, count) = alarms.list(board, names);
    let list = EngineEvent::Alarms(Arc::new(list), count);
    let alarms = alarms.open().map(|(center, notice)| {
        let again = AlarmNotice { relisted: true, ..notice.as_ref().clone() };
        EngineEvent::Alarm(center.clone(), Arc::new(again))
    });
    let mut unsettled: Vec<_> = commands.values().filter_map(|command| command.told.clone()).collect();
    unsettled.sort_by(|a, b| a.command.cmp(&b.command));
    states.chain(alarms).chain([list]).chain(unsettled.into_iter().map(EngineEvent::Command)).collect()
}
