//! The owner task: it alone holds the state. Calls, arrivals and deadlines go in; the core's actions are carried out.

mod actions;
mod calls;
mod diagnosis;
mod signing;

use crate::clock;
use crate::config::EngineConfig;
use crate::core::Core;
use crate::error::EngineError;
use crate::event::{CommandReport, EngineEvent, Events};
use crate::freshness::Freshness;
use crate::handle::{PatchSink, ViewReply};
use crate::http::HttpClient;
use crate::ipc::{Diagnostics, LinkView, SignedIn};
use crate::outbox::Outbox;
use crate::profile::Profile;
use crate::socket::SocketLine;
use crate::subscribers::Subscribers;
use crate::views::Views;
use crate::writer::{Writer, Written};
use diagnosis::Findings;
use gwanje_board::{Board, ViewId, ViewSpec};
use gwanje_model::{CenterId, Delivery, DeliveryId, Text, UtcMillis};
use gwanje_sync::{
    AlarmKey, AlarmNotice, Client, ClientConfig, CommandId, CommandRequest, Foreign, ForeignConfig,
    HttpFailure, HttpResponse, Input, Mono, Now, RequestId, SocketEvent, SocketId, Stats,
};
use gwanje_wire::WireRow;
use gwanje_wire::rest::ReceiptStage;
use signing::Signing;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
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

/// What the handle asks.
pub(crate) enum Call {
    SignIn {
        account: String,
        password: String,
        reply: oneshot::Sender<Result<SignedIn, EngineError>>,
    },
    Resume(oneshot::Sender<Result<Option<SignedIn>, EngineError>>),
    SignedIn(oneshot::Sender<Option<SignedIn>>),
    SignOut(oneshot::Sender<()>),
    Subscribe {
        rows: bool,
        reply: oneshot::Sender<Events>,
    },
    OpenView {
        spec: ViewSpec,
        sink: PatchSink,
        reply: oneshot::Sender<ViewId>,
    },
    ChangeView {
        view: ViewId,
        spec: ViewSpec,
        reply: ViewReply,
    },
    Ack {
        view: ViewId,
        seq: u64,
        reply: ViewReply,
    },
    ResetView {
        view: ViewId,
        reply: ViewReply,
    },
    CloseView {
        view: ViewId,
        reply: oneshot::Sender<()>,
    },
    PlaceOf {
        view: ViewId,
        id: DeliveryId,
        reply: oneshot::Sender<Option<u64>>,
    },
    Delivery {
        id: DeliveryId,
        reply: oneshot::Sender<Option<Arc<Delivery>>>,
    },
    Command {
        request: Box<CommandRequest>,
        reply: oneshot::Sender<()>,
    },
    Receipt {
        center: CenterId,
        key: AlarmKey,
        stage: ReceiptStage,
        reply: oneshot::Sender<()>,
    },
    Links(oneshot::Sender<Vec<LinkView>>),
    Stats(oneshot::Sender<Stats>),
    Endpoint(oneshot::Sender<String>),
    Diagnostics(oneshot::Sender<Diagnostics>),
    Check {
        center: CenterId,
        reply: oneshot::Sender<()>,
    },
    #[cfg(feature = "faults")]
    Fault {
        center: CenterId,
        id: DeliveryId,
        fault: crate::handle::RowFault,
        reply: oneshot::Sender<bool>,
    },
    Access(oneshot::Sender<Result<Access, EngineError>>),
    Stop,
}

/// What comes back from sockets, requests and the cache.
#[derive(Debug)]
pub(crate) enum Arrival {
    Socket(SocketId, SocketEvent),
    Http(RequestId, Result<HttpResponse, HttpFailure>),
    Cache(Written),
}

/// What reads by REST need.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Access {
    /// The URL of a path below the interface's root.
    pub(crate) fn url(&self, path: &[&str]) -> Result<Url, EngineError> {
        let unusable = || EngineError::Config(format!("{} is no usable address of a server", self.base));
        let mut url = Url::parse(&self.base).map_err(|_| unusable())?;
        url.path_segments_mut().map_err(|()| unusable())?.pop_if_empty().extend(["api", "v1"]).extend(path);
        Ok(url)
    }
}

struct Owner {
    config: EngineConfig,
    client: Core,
    board: Board,
    views: Views,
    subscribers: Subscribers,
    freshness: BTreeMap<CenterId, Freshness>,
    open_alarms: BTreeMap<(CenterId, AlarmKey), Arc<AlarmNotice>>,
    /// Unsettled commands of this seat.
    commands: HashMap<CommandId, Commanded>,
    /// Outcomes that nobody listened to: the first listener hears them. Bounded by the commands under way at once.
    unheard: Vec<EngineEvent>,
    signing: Signing,
    sockets: HashMap<SocketId, SocketLine>,
    requests: HashMap<RequestId, AbortHandle>,
    http: HttpClient,
    outbox: Outbox,
    writer: Writer,
    profile: Profile,
    cache_path: Option<PathBuf>,
    /// Files to be opened yet: until then the cache answers for the former account, whose answers concern nobody.
    opening: usize,
    arrivals: mpsc::Sender<Arrival>,
    day_due: Mono,
    findings: Findings,
    started: UtcMillis,
    /// A foreign server is followed.
    is_following: bool,
}

/// What an unsettled command is about.
struct Commanded {
    center: CenterId,
    id: Option<DeliveryId>,
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
        open_alarms: BTreeMap::new(),
        commands: HashMap::new(),
        unheard: Vec::new(),
        signing: Signing::default(),
        sockets: HashMap::new(),
        requests: HashMap::new(),
        http,
        outbox: Outbox::default(),
        writer,
        profile,
        cache_path: None,
        opening: 0,
        arrivals,
        day_due: Mono::default(),
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
        let (freshness, alarms, commands) = (&self.freshness, &self.open_alarms, &self.commands);
        self.subscribers.catch_up(now.mono, || present(freshness, alarms, commands));
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
            Arrival::Cache(written) => self.written(written, now),
        }
        self.act(now);
    }

    fn written(&mut self, written: Written, now: Now) {
        match written {
            Written::Opened => self.opening = self.opening.saturating_sub(1),
            Written::Lost if self.opening > 0 => self.outbox.forget_writes(),
            Written::Committed(_) | Written::Restored(..) | Written::Audited(..) if self.opening > 0 => {}
            Written::Committed(upto) => {
                for (center, seq) in upto {
                    self.client.handle(Input::Committed(center, seq), now);
                }
            }
            Written::NotNow(job) => self.outbox.put_back(job, now.mono),
            Written::Mended => self.outbox.mended(),
            Written::Lost => {
                self.outbox.mended();
                self.outbox.forget_writes();
                for center in self.freshness.keys() {
                    self.client.handle(Input::CacheLost(center.clone()), now);
                }
            }
            Written::Restored(center, mut restored) => {
                restored.horizon = self.profile.horizon(self.server(), &center);
                // Commands that an earlier run left without an outcome: what becomes of them is told under these names.
                for command in &restored.commands {
                    let (id, action) = (command.delivery, command.action.clone());
                    self.commands.insert(
                        command.command.clone(),
                        Commanded { center: center.clone(), id, action, told: None },
                    );
                }
                let (proven_at, latest) = (restored.proven_at, latest_instant(&restored.rows));
                self.client.handle(Input::Restored(center.clone(), restored), now);
                // What is shown from disk has the age of its last proof, not none.
                if let (Some(at), Some(freshness)) = (proven_at, self.freshness.get_mut(&center)) {
                    freshness.recall_proof(at, latest);
                    self.tell_freshness(&center, now);
                }
            }
            Written::Audited(center, audit) => {
                self.findings.audited(&center, &audit, now);
                let (damaged, digest_fits) = (audit.damaged, audit.digest_fits);
                self.client.handle(Input::Audited { center, damaged, digest_fits }, now);
            }
            Written::Free => self.outbox.freed(),
        }
    }

    /// The board's clock of operations: rows become late although nothing happens to them.
    fn step_day(&mut self, now: Now) {
        if now.mono < self.day_due {
            return;
        }
        self.day_due = now.mono.plus_ms(DAY_STEP_MS);
        if let Some(day_at) = self.freshness.values().filter_map(|freshness| freshness.day_at(now.wall)).max()
        {
            self.board.advance(day_at);
            self.views.touch();
        }
    }

    fn sleep_for(&self, now: Mono) -> Duration {
        let deadlines = [
            self.client.deadline(),
            self.views.deadline(),
            self.outbox.deadline(),
            self.subscribers.deadline(),
            self.signing.deadline(),
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
    alarms: &BTreeMap<(CenterId, AlarmKey), Arc<AlarmNotice>>,
    commands: &HashMap<CommandId, Commanded>,
) -> Vec<EngineEvent> {
    let states = freshness.iter().flat_map(|(center, of)| {
        [EngineEvent::State(center.clone(), of.state().clone()), EngineEvent::Link(Arc::new(of.view(center)))]
    });
    let alarms = alarms.iter().map(|((center, _), notice)| {
        let again = AlarmNotice { relisted: true, ..notice.as_ref().clone() };
        EngineEvent::Alarm(center.clone(), Arc::new(again))
    });
    let mut unsettled: Vec<_> = commands.values().filter_map(|command| command.told.clone()).collect();
    unsettled.sort_by(|a, b| a.command.cmp(&b.command));
    states.chain(alarms).chain(unsettled.into_iter().map(EngineEvent::Command)).collect()
}
