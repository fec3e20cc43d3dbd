//! What a hub reports of itself: to the other hubs, for the monitor, and to its measurements.

use crate::hub::Hub;
use crate::meters::NodeGauges;
use crate::readiness::Readiness;
use crate::socket::SocketGate;
use gwanje_model::{Text, UtcMillis};
use gwanje_wire::monitor::{ErrorLevel, MonitorNode};
use std::sync::Arc;
use std::time::Duration;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Between two reports, while nothing else changes.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);
/// Between two tellings of what the log says.
const LOG_PACE: Duration = Duration::from_millis(250);

/// Reports until it is aborted.
pub(crate) async fn keep_reporting(hub: Arc<Hub>, gate: Arc<SocketGate>) {
    let mut process = Process::new(hub.clock.wall_now());
    let mut reports = interval(REPORT_INTERVAL);
    reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut draining = hub.draining();
    loop {
        tokio::select! {
            _ = reports.tick() => {
                process.look(&hub);
                hub.meters.upkeep();
            }
            changed = draining.changed() => if changed.is_err() { return },
        }
        process.report(&hub, &gate);
    }
}

/// Tells what the log says until it is aborted.
pub(crate) async fn keep_telling_log(hub: Arc<Hub>) {
    let mut touched = hub.config.log.touched();
    let mut told = 0;
    loop {
        let (lines, now) = hub.config.log.since(told);
        for line in lines.iter().rev() {
            hub.roster.log(line);
        }
        told = now;
        sleep(LOG_PACE).await;
        if touched.wait_for(|now| *now > told).await.is_err() {
            return;
        }
    }
}

/// Counts what the log says until it is aborted.
pub(crate) async fn keep_counting_log(hub: Arc<Hub>) {
    let mut news = hub.config.log.news();
    loop {
        match news.recv().await {
            Ok(line) => hub.meters.logged(level_name(line.level), 1),
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn level_name(level: ErrorLevel) -> &'static str {
    match level {
        ErrorLevel::Warn => "warn",
        ErrorLevel::Error => "error",
    }
}

/// This process, as it was last seen.
struct Process {
    /// None: the system does not say.
    system: Option<System>,
    pid: Option<Pid>,
    started_at: UtcMillis,
    cpu_percent: f64,
    rss_bytes: u64,
    seen: Instant,
    /// Frames and commands until then.
    counted: (u64, u64),
    frames_per_s: f64,
    commands_per_s: f64,
}

impl Process {
    fn new(started_at: UtcMillis) -> Self {
        Self {
            system: System::new().ok(),
            pid: sysinfo::get_current_pid().ok(),
            started_at,
            cpu_percent: 0.0,
            rss_bytes: 0,
            seen: Instant::now(),
            counted: (0, 0),
            frames_per_s: 0.0,
            commands_per_s: 0.0,
        }
    }

    fn look(&mut self, hub: &Hub) {
        if let Some((system, pid)) = self.system.as_mut().zip(self.pid) {
            let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
            _ = system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
            if let Some(process) = system.process(pid) {
                self.cpu_percent = f64::from(process.cpu_usage());
                self.rss_bytes = process.memory();
            }
        }
        let seconds = self.seen.elapsed().as_secs_f64();
        let counted = hub.meters.frames_and_commands();
        if seconds > 0.5 {
            let rate = |now: u64, before: u64| ((now - before) as f64 / seconds * 10.0).round() / 10.0;
            self.frames_per_s = rate(counted.0, self.counted.0);
            self.commands_per_s = rate(counted.1, self.counted.1);
            self.seen = Instant::now();
            self.counted = counted;
        }
    }

    fn report(&self, hub: &Hub, gate: &SocketGate) {
        let (ready, draining) = (hub.readiness() == Readiness::Ready, hub.is_draining());
        let sockets = gate.connections() as u64;
        let mut degraded: Vec<Text> = hub.store.without().into_iter().map(Text::from).collect();
        if !ready && !draining {
            degraded.push("store".into());
        }
        let node = MonitorNode {
            id: hub.roster.name(),
            url: hub.config.node_url.as_ref().map(|url| Text::from(url.to_string())),
            version: env!("CARGO_PKG_VERSION").into(),
            started_at: self.started_at,
            draining,
            degraded,
            cpu_percent: (self.cpu_percent * 10.0).round() / 10.0,
            rss_bytes: self.rss_bytes,
            open_sockets: sockets,
            frames_per_s: self.frames_per_s,
            commands_per_s: self.commands_per_s,
        };
        hub.roster.report(node, ready);
        hub.meters.set(NodeGauges {
            sockets,
            ready,
            draining,
            rss_bytes: self.rss_bytes,
            cpu_percent: self.cpu_percent,
            nodes: hub.roster.nodes() as u64,
        });
    }
}
