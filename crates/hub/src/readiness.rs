//! Whether a hub should be sent requests: a state that is kept, so that asking costs nothing.

use crate::store::Store;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::time::timeout;

/// A store that answers nothing for so long serves nobody.
const STORE_PATIENCE: Duration = Duration::from_secs(3);

/// Whether a hub should be sent requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It serves.
    Ready,
    /// It is being emptied.
    Draining,
    /// It can't serve; in words, what is wrong and what to do.
    Unavailable(String),
}

/// What was seen of the store at the last look: nothing wrong, or what is.
#[derive(Debug, Default)]
pub struct StoreHealth(RwLock<Option<String>>);

impl StoreHealth {
    /// What is wrong with it.
    #[must_use]
    pub fn wrong(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the store and keeps what is seen.
    pub async fn look(&self, store: &Store) {
        let wrong = match timeout(STORE_PATIENCE, store.answers()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("the store can't be used: {error}")),
            Err(_) => Some(format!("the store has not answered for {} s", STORE_PATIENCE.as_secs())),
        };
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if *kept != wrong {
            match &wrong {
                Some(wrong) => tracing::error!(%wrong, "this hub is not ready"),
                None => tracing::info!("this hub is ready again"),
            }
            *kept = wrong;
        }
    }
}
