//! Follows the store: knows within a second which accounts, keys and sign-ins another process (a hub, the command line) changed.

use super::Auth;
use crate::store::{Account, StoreError};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks at whether anything was written.
const INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks for sign-ins that were not used for too long.
const UNUSED_LOOK: Duration = Duration::from_secs(600);
/// Between two lines of the audit about the same refusals.
const REFUSALS_TOLD: Duration = Duration::from_secs(60);

impl Auth {
    /// Looks each second whether people were written to, and then takes them anew; ends sign-ins that nobody uses, and tells the
    /// audit of refused ones. Never ends.
    pub async fn follow_store(&self) -> Infallible {
        let ticking = |every| {
            let mut tick = interval(every);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            tick
        };
        let (mut look, mut unused, mut refusals) =
            (ticking(INTERVAL), ticking(UNUSED_LOOK), ticking(REFUSALS_TOLD));
        let mut known = None;
        loop {
            tokio::select! {
                _ = look.tick() => self.look(&mut known).await,
                _ = unused.tick() => {
                    if let Err(error) = self.end_unused().await {
                        tracing::warn!(%error, "sign-ins that nobody uses do not end");
                    }
                }
                _ = refusals.tick() => self.tell_refusals().await,
            }
        }
    }

    async fn look(&self, known: &mut Option<i64>) {
        // Asks before the read: what is written meanwhile shows in the next one.
        let version = self.store.people_version().await;
        let version = version.inspect_err(|error| {
            tracing::warn!(%error, "changed accounts, keys and sign-ins are not seen");
        });
        let Some(version) = version.ok().filter(|version| Some(*version) != *known) else { return };
        match self.reload().await {
            Ok(()) => *known = Some(version),
            Err(error) => tracing::warn!(%error, "accounts, keys and sign-ins could not be read anew"),
        }
    }

    /// Takes accounts, keys and sign-ins as the store has them.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.keys.reload(&self.store).await?;
        if self.sign_ins.reload(&self.store).await? {
            self.revocations.send_modify(|count| *count += 1);
        }
        for before in self.accounts.reload(&self.store).await? {
            self.changed(&before).await?;
        }
        Ok(())
    }

    /// Ends sign-ins that were not used for thirty days; how many.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn end_unused(&self) -> Result<usize, StoreError> {
        let ended = self.sign_ins.end_unused(&self.store, self.clock.wall_now()).await?;
        if ended > 0 && self.sign_ins.reload(&self.store).await? {
            self.revocations.send_modify(|count| *count += 1);
        }
        Ok(ended)
    }

    /// Tells whoever holds what the account was before; one that is gone or disabled, and a new password, ends its sign-ins.
    pub(super) async fn changed(&self, before: &Account) -> Result<(), StoreError> {
        let now = self.accounts.get(&before.name);
        if now.is_none_or(|now| now.disabled || now.password != before.password) {
            // Whoever wrote it has ended them in the store, unless it is of a version before.
            self.sign_ins.end_all_of(&self.store, &before.name).await?;
        }
        self.revocations.send_modify(|count| *count += 1);
        Ok(())
    }
}
