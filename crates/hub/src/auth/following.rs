//! Follows the store: knows within a second which accounts and keys another process (the command line) replaced.

use super::Auth;
use crate::store::{Account, StoreError};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks at whether anything was written.
const INTERVAL: Duration = Duration::from_secs(1);

impl Auth {
    /// Looks about once a second whether the file was written to, and then takes accounts and keys anew. Never ends.
    pub async fn follow_store(&self) -> Infallible {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        loop {
            tick.tick().await;
            // Asks before the read: what is written meanwhile shows in the next one.
            let version = self.store.version_of_others().await;
            let version = version.inspect_err(|error| {
                tracing::warn!(%error, "changed accounts and keys are not seen");
            });
            let version = version.ok();
            if version.is_none() || version == known {
                continue;
            }
            match self.reload().await {
                Ok(()) => known = version,
                Err(error) => tracing::warn!(%error, "accounts and keys could not be read anew"),
            }
        }
    }

    /// Takes accounts and keys as the store has them.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.keys.reload(&self.store).await?;
        // A hub alone ends its sign-ins itself.
        if self.store.is_shared() && self.sign_ins.reload(&self.store).await? {
            self.revocations.send_modify(|count| *count += 1);
        }
        for before in self.accounts.reload(&self.store).await? {
            self.changed(&before).await?;
        }
        Ok(())
    }

    /// Tells whoever holds what the account was before; a new password ends its sign-ins.
    pub(super) async fn changed(&self, before: &Account) -> Result<(), StoreError> {
        let now = self.accounts.get(&before.name);
        if now.is_none_or(|now| now.password != before.password) {
            self.sign_ins.end_all_of(&self.store, &before.name).await?;
        }
        self.revocations.send_modify(|count| *count += 1);
        Ok(())
    }
}
