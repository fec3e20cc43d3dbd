//! Who may see how much of the monitor.

use crate::auth::Identity;
use gwanje_model::{CenterId, Role, Text};
use gwanje_wire::monitor::{MonitorClient, MonitorError};
use std::collections::BTreeSet;

/// How much of all somebody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// All.
    All,
    /// What happens in these centers.
    Centers(BTreeSet<CenterId>),
    /// The connections of this account.
    Own(Text),
}

impl Sight {
    /// What an account may see; none: nothing.
    #[must_use]
    pub fn of(identity: &Identity) -> Option<Self> {
        match identity.role {
            Role::Admin => Some(Self::All),
            Role::Supervisor => Some(Self::Centers(identity.centers.iter().cloned().collect())),
            Role::Dispatcher | Role::CallCenter => Some(Self::Own(identity.account.clone())),
            Role::Rider => None,
        }
    }

    /// Whether all of a namespace may be seen.
    #[must_use]
    pub fn namespace(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Centers(centers) => {
                namespace.strip_prefix("/center/").is_some_and(|center| centers.contains(&center.into()))
            }
            Self::Own(_) => false,
        }
    }

    /// Whether a client may be seen.
    #[must_use]
    pub fn client(&self, client: &MonitorClient) -> bool {
        match self {
            Self::All | Self::Centers(_) => self.namespace(&client.namespace),
            Self::Own(account) => client.account == *account,
        }
    }

    /// Whether an error may be seen: one that is of no center concerns all.
    #[must_use]
    pub fn error(&self, error: &MonitorError) -> bool {
        match self {
            Self::All => true,
            Self::Centers(centers) => error.center.as_ref().is_none_or(|center| centers.contains(center)),
            Self::Own(_) => false,
        }
    }
}
