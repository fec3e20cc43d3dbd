//! What a socket in the monitor's namespace is told: who joins and leaves, what goes wrong, and each two seconds the counts.

use super::followers::{BEHIND_MAX, Outlet, Sent};
use crate::hub::Hub;
use crate::roster::{RosterEvent, Sight};
use engineioxide::Str;
use gwanje_wire::monitor::{COUNTS_INTERVAL_MS, MONITOR_NAMESPACE};
use gwanje_wire::sio::server as packet;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Between two looks at whether a full buffer has room again.
const ROOM_LOOK: Duration = Duration::from_millis(50);

/// Tells one socket as long as it lives.
#[derive(Debug)]
pub struct MonitorFeed(JoinHandle<()>);

impl Drop for MonitorFeed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl MonitorFeed {
    /// Begins with the counts.
    pub(super) fn begin<O: Outlet + Send + Sync + 'static>(hub: Arc<Hub>, outlet: O, sight: Sight) -> Self {
        Self(tokio::spawn(feed(hub, outlet, sight)))
    }
}

/// Who reads too slowly to be told each event misses some, and sees it by the counts; who reads nothing is put out.
async fn feed<O: Outlet>(hub: Arc<Hub>, outlet: O, sight: Sight) {
    let mut events = hub.roster.events();
    let mut counts = interval(Duration::from_millis(COUNTS_INTERVAL_MS));
    counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let text = tokio::select! {
            _ = counts.tick() => event("counts", &hub.roster.counts(&sight, hub.clock.wall_now())),
            happened = events.recv() => match happened {
                Ok(RosterEvent::Joined(client)) if sight.client(&client) => event("joined", &client),
                Ok(RosterEvent::Left(client)) if sight.client(&client) => event("left", &client),
                Ok(RosterEvent::Error(error)) if sight.error(&error) => event("error", &error),
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
        };
        let Some(text) = text else { continue };
        if !handed_over(&outlet, text).await {
            return;
        }
    }
}

/// False: the socket is gone.
async fn handed_over<O: Outlet>(outlet: &O, text: Str) -> bool {
    let until = Instant::now() + BEHIND_MAX;
    loop {
        match outlet.send(text.clone()) {
            Sent::Yes => return true,
            Sent::Gone => return false,
            Sent::Full if Instant::now() >= until => {
                outlet.close();
                return false;
            }
            Sent::Full => sleep(ROOM_LOOK).await,
        }
    }
}

fn event<T: Serialize>(name: &str, data: &T) -> Option<Str> {
    packet::event(MONITOR_NAMESPACE, name, data)
        .inspect_err(|error| tracing::error!(name, %error, "an event can't be written as JSON"))
        .ok()
        .map(Into::into)
}
