//! Tells the other hubs, in order, what waits to be told.

use super::keys::Keys;
use super::link::Link;
use crate::fanout::Topic;
use redis::{RedisError, cmd};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A text that waits.
pub(super) struct Tell {
    pub topic: Topic,
    pub text: String,
}

/// What can't be told is dropped: whoever misses it reads the store.
pub(super) async fn keep_telling(link: Arc<Link>, keys: Arc<Keys>, mut telling: mpsc::Receiver<Tell>) {
    while let Some(Tell { topic, text }) = telling.recv().await {
        let Some(mut connection) = link.telling() else { continue };
        let told: Result<(), RedisError> =
            cmd("PUBLISH").arg(keys.channel(topic)).arg(text).query_async(&mut connection).await;
        if let Err(error) = told {
            tracing::debug!(%error, "a text could not be told to other hubs");
        }
    }
}
