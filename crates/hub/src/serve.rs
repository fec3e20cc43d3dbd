//! Serving a hub: REST and sockets on their listeners, from the first request to a clean stop.

use crate::accepting::serve_until;
use crate::api;
use crate::config::Part;
use crate::due_alarms;
use crate::erasing;
use crate::hub::Hub;
use crate::listening::Listening;
use crate::mail::keep_mailing;
use crate::operation;
use crate::reports;
use crate::socket::SocketGate;
use axum::Router;
use gwanje_wire::socket::Drain;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks at whether the store answers.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What is served, and where.
pub struct Serving {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Its sockets.
    pub gate: Arc<SocketGate>,
    /// Where REST is served.
    pub listening: Listening,
    /// Where sockets are served, when on a port of their own.
    pub sockets_apart: Option<Listening>,
    /// What is served of both.
    pub parts: Vec<Part>,
    /// Routes beside those of every hub.
    pub routes: Router,
    /// The time within which clients are asked to reconnect at the end.
    pub drain: Drain,
    /// How long a balancer may take to see that this hub takes nothing new, before its sockets are told.
    pub drain_grace: Duration,
}

impl Serving {
    /// Serves until `stop` ends. Then it says that it is not ready, lets a balancer see that, asks its sockets to go elsewhere,
    /// closes those that stay, lets requests under way finish, and returns. A second signal to stop cuts that short.
    pub async fn until(self, stop: impl Future<Output = ()>) {
        let (told, stopped) = watch::channel(false);
        let address = self.listening.address();
        self.hub.roster.call(self.hub.config.node.as_deref().unwrap_or(&name_of(address)));
        let mail = self.hub.config.mail.clone().map(|mailing| {
            let name = self.hub.roster.name().to_string();
            tokio::spawn(keep_mailing(mailing, name, &self.hub.config.log, self.hub.meters.clone()))
        });
        let reports = [
            tokio::spawn(reports::keep_reporting(self.hub.clone(), self.gate.clone())),
            tokio::spawn(reports::keep_telling_log(self.hub.clone())),
            tokio::spawn(reports::keep_counting_log(self.hub.clone())),
        ];
        let people = tokio::spawn({
            let hub = self.hub.clone();
            async move { hub.auth.follow_store().await }
        });
        let erasing = tokio::spawn(erasing::watch(self.hub.clone()));
        let alarms = tokio::spawn(due_alarms::watch(self.hub.clone()));
        let readiness = tokio::spawn(watch_store(self.hub.clone()));
        let operation = operation::router(self.hub.clone(), self.gate.clone(), self.drain);
        let hub = self.hub.clone();
        let further = self.routes.merge(operation);
        let mut router = if self.parts.contains(&Part::Rest) {
            api::router_with(self.hub, further)
        } else {
            api::router_without_api(self.hub, further)
        };
        let apart = match self.sockets_apart {
            _ if !self.parts.contains(&Part::Sockets) => None,
            Some(listening) => Some(tokio::spawn(self.gate.clone().serve_apart(listening, stopped.clone()))),
            None => {
                router = router.merge(self.gate.router());
                None
            }
        };
        let until = wait(stopped);
        let rest = tokio::spawn(serve_until(self.listening, router, hub.connections.clone(), until));
        stop.await;
        tracing::info!(
            sockets = self.gate.connections(),
            "stopping: sockets are told, requests under way finish"
        );
        hub.begin_drain();
        let leaving = async {
            tokio::time::sleep(self.drain_grace).await;
            self.gate.admit_no_more();
            self.gate.empty(self.drain).await;
        };
        tokio::select! {
            () = leaving => {}
            _ = asked_to_stop() => {}
        }
        told.send_replace(true);
        alarms.abort();
        people.abort();
        hub.auth.tell_refusals().await;
        erasing.abort();
        readiness.abort();
        reports.iter().chain(&mail).for_each(JoinHandle::abort);
        self.gate.shut().await;
        // The others know at once, not by a lease.
        tokio::join!(hub.roster.end(), hub.presence.end());
        for task in [Some(rest), apart].into_iter().flatten() {
            if let Err(error) = task.await {
                tracing::error!(%error, "a server task failed");
            }
        }
    }
}

/// What a hub is called that was given no name: where it listens, by this machine's name where that is everywhere.
fn name_of(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let host = sysinfo::System::host_name().unwrap_or_else(|_| "hub".to_owned());
        return format!("{host}:{}", address.port());
    }
    address.to_string()
}

/// Keeps what is seen of the store, for whoever asks whether the hub is ready.
async fn watch_store(hub: Arc<Hub>) {
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        hub.store_health.look(&hub.store).await;
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // The sender lives until the end of `Serving::until`; losing it means stopping too.
    stopped.wait_for(|stopped| *stopped).await.ok();
}

/// Ends at SIGTERM or Ctrl-C.
///
/// # Errors
/// When signals can't be listened for.
pub async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
