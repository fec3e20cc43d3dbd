//! Watches: signs in, writes what happens, and ends on a signal, at the first proof, or when nobody reads any more.

use crate::args::Args;
use crate::lines::{Line, Lines};
use crate::rows::WrittenRows;
use gwanje_engine::model::CenterId;
use gwanje_engine::sync::CheckPhase;
use gwanje_engine::{Engine, EngineConfig, EngineError, EngineEvent, kept_session, load_dialect};
use std::collections::BTreeSet;
use std::io::{self, BufWriter, StdoutLock};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Counts are written this often.
const STATS_EVERY: Duration = Duration::from_secs(10);
/// The variable with the password: everybody on the machine sees a command line.
const PASSWORD_VARIABLE: &str = "GWANJE_PASSWORD";
/// The size of the buffer that gathers lines until they are flushed.
const BUFFER_BYTES: usize = 256 << 10;

/// Why the watch ended early.
#[derive(Debug)]
pub enum Failure {
    /// Wrong arguments or configuration.
    Usage(String),
    /// Any failure while running.
    Running(String),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let said = error.to_string();
        if let EngineError::Config(_) = error { Self::Usage(said) } else { Self::Running(said) }
    }
}

/// Whether to go on after an event.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// Watches until the end.
pub async fn run(args: Args) -> Result<(), Failure> {
    let entrance = Entrance::of(&args)?;
    let folder = Folder::of(args.cache.clone())?;
    let config = EngineConfig {
        servers: args.servers.clone(),
        profile_dir: folder.path.clone(),
        centers: args.centers.iter().map(|center| CenterId::from(center.as_str())).collect(),
        seat: None,
        dialect: args.dialect.as_deref().map(load_dialect).transpose()?,
    };
    let engine = Engine::start(config).await?;
    let ended = tokio::select! {
        ended = watch(&engine, &args, &entrance, &folder) => ended,
        signal = signalled() => signal,
    };
    engine.stop().await;
    ended
}

/// How the engine begins.
enum Entrance {
    /// At a hub, with a password.
    Account { name: String, password: String },
    /// At a foreign server there is nothing to sign in to.
    Foreign,
}

impl Entrance {
    fn of(args: &Args) -> Result<Self, Failure> {
        // The command line lets no hub through without an account.
        let Some(name) = args.account.clone().filter(|_| args.dialect.is_none()) else {
            return Ok(Self::Foreign);
        };
        let password = std::env::var(PASSWORD_VARIABLE).map_err(|_| {
            Failure::Usage(format!("no password: set {PASSWORD_VARIABLE} to the password of {name}"))
        })?;
        Ok(Self::Account { name, password })
    }
}

async fn watch(engine: &Engine, args: &Args, entrance: &Entrance, folder: &Folder) -> Result<(), Failure> {
    let mut events = if args.rows { engine.follow_rows().await? } else { engine.events().await? };
    let signing_in = sign_in(engine, args, entrance, folder);
    tokio::pin!(signing_in);
    let mut followed: Option<usize> = None;
    let mut stats = every(STATS_EVERY);
    let mut checks = Checks::listen()?;
    let mut printer = Printer::new(matches!(entrance, Entrance::Foreign));
    loop {
        let next = tokio::select! {
            biased;
            // Comes first, so that a refused sign-in ends the watch at once. Not polled again once it has answered.
            signed_in = &mut signing_in, if followed.is_none() => {
                followed = Some(signed_in?);
                Ok(Next::GoOn)
            }
            // Comes before the events: a flood of them must not delay the counts.
            _ = stats.tick() => {
                printer.lines.write(&Line::stats(&engine.diagnostics().await?)).map(|()| Next::GoOn)
            }
            () = checks.wanted() => {
                for fresh in engine.freshness().await? {
                    engine.check(&CenterId::from(fresh.center)).await?;
                }
                Ok(Next::GoOn)
            }
            event = events.next() => match event {
                Some(EngineEvent::State(center, state)) => {
                    let endpoint = engine.endpoint().await?;
                    printer.lines.write(&Line::state(center.as_str(), &state, &endpoint)).map(|()| Next::GoOn)
                }
                Some(event) => printer.write(&event),
                None => return Err(Failure::Running(EngineError::Stopped.to_string())),
            },
        };
        match next {
            Ok(Next::End) => {
                let Entrance::Account { name, password } = entrance else { return Ok(()) };
                if !printer.signed_out_by_server {
                    return Ok(());
                }
                // The server no longer takes the kept session: the password may still work.
                printer.signed_out_by_server = false;
                engine.sign_in(name, password).await?;
            }
            Ok(Next::GoOn) => {}
            // Nobody reads any more: `| head` ends us this way.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::Running(format!("writing to standard output: {error}"))),
        }
        if args.once && followed.is_some_and(|followed| printer.proven.len() >= followed.max(1)) {
            return Ok(());
        }
    }
}

/// Goes on with the kept session of the same account, or signs in. Returns how many centers are followed.
async fn sign_in(
    engine: &Engine,
    args: &Args,
    entrance: &Entrance,
    folder: &Folder,
) -> Result<usize, Failure> {
    let Entrance::Account { name, password } = entrance else {
        let followed = engine.resume().await?;
        return Ok(followed.map_or(0, |signed_in| signed_in.centers.len()));
    };
    let server = args.servers.first().map_or("", |server| server.trim_end_matches('/'));
    let is_kept =
        kept_session(&folder.path).is_some_and(|kept| kept.account == *name && kept.server == server);
    let signed_in = match if is_kept { engine.resume().await? } else { None } {
        Some(signed_in) => signed_in,
        None => engine.sign_in(name, password).await?,
    };
    if let Some(missing) =
        args.centers.iter().find(|id| signed_in.centers.iter().all(|center| center.id != **id))
    {
        return Err(Failure::Running(format!(
            "{name} may not see the center {missing:?}, or there is none of that name; check --center"
        )));
    }
    Ok(signed_in.centers.len())
}

/// Turns events into lines.
struct Printer {
    lines: Lines<BufWriter<StdoutLock<'static>>>,
    rows: WrittenRows,
    proven: BTreeSet<CenterId>,
    signed_out_by_server: bool,
    /// Proofs compare lists.
    is_foreign: bool,
}

impl Printer {
    fn new(is_foreign: bool) -> Self {
        Self {
            is_foreign,
            lines: Lines::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())),
            rows: WrittenRows::default(),
            proven: BTreeSet::new(),
            signed_out_by_server: false,
        }
    }

    fn write(&mut self, event: &EngineEvent) -> io::Result<Next> {
        match event {
            EngineEvent::Proved(center, proof) => {
                self.lines.write(&Line::proof(center.as_str(), proof, self.is_foreign))?;
                self.proven.insert(center.clone());
            }
            EngineEvent::Alarm(center, notice) => self.lines.write(&Line::alarm(center.as_str(), notice))?,
            EngineEvent::AlarmSettled(center, key) => self.lines.write(&Line::AlarmSettled {
                center: center.as_str(),
                id: key.id.0,
                kind: key.kind.as_str(),
                raised_at: key.raised_at.0,
            })?,
            EngineEvent::Rows(center, changes, cursor) => {
                self.rows.write(&mut self.lines, center, changes, cursor.as_ref())?;
            }
            EngineEvent::Repaired(center, report) => {
                self.lines.write(&Line::Repair { center: center.as_str(), report })?;
            }
            EngineEvent::Checked(center, report) => match report.phase {
                CheckPhase::Running => {}
                CheckPhase::Done | CheckPhase::Stopped => {
                    self.lines.write(&Line::Check { center: center.as_str(), report })?;
                }
            },
            EngineEvent::SignedOut(problem) => {
                let code = problem.as_ref().map(|problem| problem.code.as_str());
                self.lines.write(&Line::SignedOut { code })?;
                self.signed_out_by_server = problem.is_some();
                return Ok(Next::End);
            }
            EngineEvent::Resync => {
                tracing::warn!("the reader of the lines is slow; going on with the present")
            }
            // Written elsewhere with the endpoint, which only the engine knows.
            EngineEvent::State(..)
            | EngineEvent::Freshness(_)
            | EngineEvent::Alarms(..)
            | EngineEvent::Command(_)
            | EngineEvent::Centers(_)
            | EngineEvent::Riders(..)
            | EngineEvent::Notice(..)
            | EngineEvent::ViewStalled(_) => {}
        }
        Ok(Next::GoOn)
    }
}

/// The folder of the profile; a temporary one goes at the end.
struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    fn of(kept: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = kept {
            return Ok(Self { path, is_temporary: false });
        }
        let name = format!("gwanje-watch-{}", ulid::Ulid::generate());
        let path = std::env::temp_dir().join(name);
        // The engine makes the folder.
        Ok(Self { path, is_temporary: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary {
            // It lies in the system's temporary folder, which the system empties anyway.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first tick of an interval comes at once; there is nothing to count then.
    ticks.reset();
    ticks
}

/// SIGUSR1: somebody wants everything compared.
#[cfg(unix)]
struct Checks(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Checks {
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error| Failure::Running(format!("listening to signals: {error}"));
        signal(SignalKind::user_defined1()).map(Self).map_err(failed)
    }

    /// Cancel-safe.
    async fn wanted(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// There is no such signal here.
#[cfg(not(unix))]
struct Checks;

#[cfg(not(unix))]
impl Checks {
    fn listen() -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn wanted(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Ends on SIGTERM, SIGINT or Ctrl-C.
#[cfg(unix)]
async fn signalled() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let listening =
        |kind| signal(kind).map_err(|error| Failure::Running(format!("listening to signals: {error}")));
    let (mut term, mut int) = (listening(SignalKind::terminate())?, listening(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// Ends on Ctrl-C.
#[cfg(not(unix))]
async fn signalled() -> Result<(), Failure> {
    tokio::signal::ctrl_c().await.map_err(|error| Failure::Running(format!("listening to signals: {error}")))
}
