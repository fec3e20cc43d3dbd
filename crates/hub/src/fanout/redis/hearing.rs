//! The connection by which a hub hears. It hears its own beats, too: where they do not come, the connection is made anew,
//! whatever its state seems to be.

use super::keys::Keys;
use super::link::PATIENCE;
use crate::fanout::trouble::{FanoutTrouble, Health};
use crate::fanout::{Heard, Topic};
use futures_util::StreamExt;
use redis::{Client, RedisError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// A connection that brings not even the own beats for so long is made anew.
const SILENCE: Duration = Duration::from_secs(4);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_secs(1);
/// All that is heard.
const TOPICS: [Topic; 4] = [Topic::Commits, Topic::Seats, Topic::Roster, Topic::Places];

pub(super) struct Hearing {
    pub client: Client,
    pub keys: Arc<Keys>,
    pub health: Arc<Health>,
    pub heard: broadcast::Sender<Heard>,
}

impl Hearing {
    pub async fn keep_hearing(self) {
        loop {
            let begun = Instant::now();
            let ended = self.listen().await;
            // Why a connection that was of use ended shows when the next one is made.
            if ended != FanoutTrouble::Unreachable || begun.elapsed() < RETRY {
                self.health.hearing(Some(ended));
                sleep(RETRY).await;
            }
        }
    }

    /// Hears until the connection ends; returns why.
    async fn listen(&self) -> FanoutTrouble {
        let channels = TOPICS.map(|topic| (topic, self.keys.channel(topic)));
        let beats = self.keys.beats();
        let subscribed = async {
            let mut subscription = self.client.get_async_pubsub().await?;
            for channel in channels.iter().map(|(_, channel)| channel).chain([&beats]) {
                subscription.subscribe(channel).await?;
            }
            Ok::<_, RedisError>(subscription)
        };
        let mut subscription = match timeout(PATIENCE, subscribed).await {
            Ok(Ok(subscription)) => subscription,
            Ok(Err(error)) => return FanoutTrouble::of(&error),
            Err(_) => return FanoutTrouble::Silent,
        };
        _ = self.heard.send(Heard::Missed);
        let mut messages = subscription.on_message();
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            let message = match timeout_at(silent_at, messages.next()).await {
                Ok(Some(message)) => message,
                Ok(None) => return FanoutTrouble::Unreachable,
                Err(_) => return FanoutTrouble::Silent,
            };
            let name = message.get_channel_name();
            if name == beats {
                silent_at = Instant::now() + SILENCE;
                self.health.hearing(None);
            } else if let Some((topic, _)) = channels.iter().find(|(_, channel)| channel == name) {
                let text = String::from_utf8_lossy(message.get_payload_bytes()).into();
                _ = self.heard.send(Heard::Text(*topic, text));
            }
        }
    }
}
