//! Runs a drill on the hub: carries out what falls due through the store that people use, and shows it what they did.

use gwanje_drill::{Act, ActKind, Drill};
use gwanje_hub::Hub;
use gwanje_hub::store::{Ask, Command, Decided, Intent, StoreError, Undo};
use gwanje_model::lifecycle::Action;
use gwanje_model::{Cancel, CancelBy, CenterId, Rev, UtcMillis};
use gwanje_wire::command::CommandBody;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::{ErrorCode, Problem, WireRow};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// The account in whose name the drill acts.
pub const DRILL_ACCOUNT: &str = "drill";
/// Where the done instant is kept, in milliseconds of operations time.
pub const DONE_KEY: &str = "drill-done";

/// Between two looks at where the riders are. The contract allows five a second to leave.
const RIDERS_INTERVAL: Duration = Duration::from_millis(250);
/// The name under which the store keeps an instant that the clock of operations has not passed yet. A restart begins
/// there, so that time never goes back, whenever the hub was killed.
pub const AHEAD_KEY: &str = "drill-ahead";
/// How far ahead of the clock that instant is: some notes may be late.
const AHEAD: Duration = Duration::from_secs(3);
/// Between two notes of how far the day has come. A restart plays again what lies in between, which changes nothing.
const NOTE_INTERVAL: Duration = Duration::from_secs(1);
/// Commands of one transaction: bounds how long people's commands wait behind a stretch that is played at once.
const ACTS_AT_ONCE: usize = 500;
/// How long ended deliveries stay on the board, operations time.
const RETENTION_MS: i64 = 24 * 3_600_000;
/// Operations time between two looks for what has been there for longer.
const ARCHIVE_EVERY_MS: i64 = 600_000;
/// Wishes of people that wait for the runner: they come one by one from a form.
const WISHES_CAPACITY: usize = 16;

/// A burst of orders on top of the day's.
#[derive(Debug, Clone, Copy)]
pub struct Rush {
    /// How many in each center.
    pub orders: u32,
    /// Over how much of the day, milliseconds.
    pub within_ms: i64,
}

/// What people can ask of a running drill.
#[derive(Debug, Clone)]
pub struct DrillHandle {
    wishes: mpsc::Sender<(Rush, oneshot::Sender<()>)>,
}

impl DrillHandle {
    /// Adds a rush. False when the drill has ended.
    pub async fn rush(&self, rush: Rush) -> bool {
        let (done, answered) = oneshot::channel();
        self.wishes.send((rush, done)).await.is_ok() && answered.await.is_ok()
    }
}

/// A center as the runner follows it.
struct Followed {
    id: CenterId,
    committed: watch::Receiver<Rev>,
    seen: Rev,
}

/// A drill on a hub.
pub struct DrillRunner {
    hub: Arc<Hub>,
    drill: Drill,
    centers: Vec<Followed>,
    wishes: mpsc::Receiver<(Rush, oneshot::Sender<()>)>,
    archive_at: UtcMillis,
}

impl DrillRunner {
    /// A runner for a drill whose centers exist on the hub. The drill must already have been told what is on the
    /// boards.
    ///
    /// # Errors
    /// When a center does not exist.
    pub fn new(hub: Arc<Hub>, drill: Drill) -> Result<(Self, DrillHandle), StoreError> {
        let mut centers = Vec::new();
        for day in drill.days() {
            let committed = hub.store.committed(&day.center)?;
            let seen = *committed.borrow();
            centers.push(Followed { id: day.center.clone(), committed, seen });
        }
        let (wish, wishes) = mpsc::channel(WISHES_CAPACITY);
        let archive_at = hub.clock.day_now();
        Ok((Self { hub, drill, centers, wishes, archive_at }, DrillHandle { wishes: wish }))
    }

    /// Plays everything that is due by now.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        let until = self.hub.clock.day_now();
        loop {
            let acts = self.drill.advance(until);
            if acts.is_empty() {
                return Ok(());
            }
            for some in acts.chunks(ACTS_AT_ONCE) {
                let commands = some.iter().map(command).collect();
                let outcomes = self.hub.store.execute_many(commands).await?;
                for (act, outcome) in some.iter().zip(outcomes) {
                    self.answer(act, &outcome);
                }
            }
        }
    }

    /// Runs until `stop`, noting now and then how far the day has come.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
        let (mut next_note, mut next_riders) = (Instant::now(), Instant::now());
        loop {
            self.observe().await?;
            let until = self.hub.clock.day_now();
            self.catch_up().await?;
            let now = Instant::now();
            if now >= next_note {
                next_note = now + NOTE_INTERVAL;
                self.note(until).await?;
                self.archive(until).await?;
            }
            if now >= next_riders {
                next_riders = now + RIDERS_INTERVAL;
                self.place_riders();
            }
            let due = self.drill.next_due();
            let clock = self.hub.clock.clone();
            let falls_due = async move {
                match due {
                    Some(due) => clock.reached(due).await,
                    None => std::future::pending().await,
                }
            };
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                Some((rush, done)) = self.wishes.recv() => {
                    self.drill.rush(rush.orders, self.hub.clock.day_now(), rush.within_ms);
                    // Whoever asked may have gone; the rush comes all the same.
                    done.send(()).ok();
                    false
                }
                () = falls_due => false,
                () = tokio::time::sleep_until(next_riders) => false,
            };
            if ended {
                self.hub.store.meta_set(DONE_KEY, until.0.to_string()).await?;
                return self.hub.store.meta_set(AHEAD_KEY, self.hub.clock.day_now().0.to_string()).await;
            }
        }
    }

    /// Notes that everything until then is done, and what the clock will not pass before the next note.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn note(&self, done: UtcMillis) -> Result<(), StoreError> {
        let clock = &self.hub.clock;
        #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds of a few days at most")]
        let ahead_ms = (AHEAD.as_secs_f64() * 1_000.0 * clock.speed()) as i64;
        self.hub.store.meta_set(AHEAD_KEY, clock.day_now().plus_ms(ahead_ms).0.to_string()).await?;
        self.hub.store.meta_set(DONE_KEY, done.0.to_string()).await
    }

    /// Shows the drill every row that was committed since the last look.
    async fn observe(&mut self) -> Result<(), StoreError> {
        for center in &mut self.centers {
            while center.seen < *center.committed.borrow_and_update() {
                let frame = self.hub.store.frame(&center.id, center.seen, FRAME_MAX_ENTRIES).await?;
                for row in frame.rows.iter().filter_map(WireRow::delivery) {
                    self.drill.observe(row);
                }
                center.seen = frame.to;
            }
        }
        Ok(())
    }

    fn answer(&mut self, act: &Act, outcome: &Decided) {
        match &outcome.result {
            Ok(accepted) => self.drill.answered(act.token, Ok(&accepted.row)),
            Err(problem) => {
                tracing::debug!(center = %act.center, code = %problem.code, detail = problem.detail, "the drill is refused");
                self.drill.answered(act.token, Err(problem));
            }
        }
    }

    fn place_riders(&self) {
        let day_now = self.hub.clock.day_now();
        for center in &self.centers {
            let places = self.drill.riders_now(&center.id, day_now);
            if !places.is_empty() {
                self.hub.positions.update(&center.id, places);
            }
        }
    }

    async fn archive(&mut self, day_now: UtcMillis) -> Result<(), StoreError> {
        if day_now < self.archive_at {
            return Ok(());
        }
        self.archive_at = day_now.plus_ms(ARCHIVE_EVERY_MS);
        for center in &self.centers {
            let left =
                self.hub.store.archive_ended_before(&center.id, day_now.plus_ms(-RETENTION_MS)).await?;
            if left > 0 {
                tracing::info!(center = %center.id, left, "ended deliveries left the board");
            }
        }
        Ok(())
    }
}

fn command(act: &Act) -> Command {
    let intent = match &act.kind {
        ActKind::Create(order) => Intent::Create(order.clone()),
        ActKind::Command { id, action, body } => match ask(*action, body) {
            Ok(ask) => Intent::Act(*id, ask),
            Err(problem) => Intent::Refuse(Box::new(problem)),
        },
    };
    Command::new(act.center.clone(), intent, DRILL_ACCOUNT, act.at)
}

fn ask(action: Action, body: &CommandBody) -> Result<Ask, Problem> {
    let needs = |what| Problem::new(ErrorCode::Invalid, format!("{action} needs {what}"));
    Ok(match action {
        Action::Accept => Ask::Accept,
        Action::Assign => Ask::Assign(body.rider_id.clone().ok_or_else(|| needs("a rider"))?),
        Action::Unassign => Ask::Unassign,
        Action::Confirm => Ask::Confirm,
        Action::Pickup => Ask::Pickup,
        Action::Deliver => Ask::Deliver,
        Action::Cancel => Ask::Cancel(Cancel {
            reason: body.reason.clone().unwrap_or_default(),
            by: body.by.unwrap_or(CancelBy::Center),
        }),
        Action::Note => Ask::Note { text: body.text.clone().ok_or_else(|| needs("a text"))?, role: None },
        Action::Undo => Ask::Undo(Undo { rev: body.rev.ok_or_else(|| needs("a revision"))?, role: None }),
    })
}
