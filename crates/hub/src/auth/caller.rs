//! Whoever sends a request, and what they may.

use super::ApiKey;
use gwanje_model::{CenterId, Permission, RiderId, Role, Text};
use std::sync::Arc;

/// A signed-in account, as it was when it asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The account's name.
    pub account: Text,
    /// What people call whoever has it.
    pub person: Text,
    /// Its role.
    pub role: Role,
    /// The centers given to it (an admin sees all).
    pub centers: Vec<CenterId>,
    /// With the role rider: which rider.
    pub rider: Option<RiderId>,
    /// The sign-in that this identity comes from.
    pub(super) sign_in: Arc<str>,
    /// How often what the account may had been changed then.
    pub(super) rights: i64,
}

impl Identity {
    /// The id of its sign-in.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.sign_in
    }

    /// Whether the account may see that center.
    #[must_use]
    pub fn sees(&self, center: &CenterId) -> bool {
        self.role.sees_all_centers() || self.centers.contains(center)
    }
}

/// Whoever sent a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// A person, or a rider's app.
    Account(Identity),
    /// An integration.
    Key(Arc<ApiKey>),
}

impl Caller {
    /// The name that history and idempotency keys know it by.
    #[must_use]
    pub fn name(&self) -> Text {
        match self {
            Self::Account(identity) => identity.account.clone(),
            Self::Key(key) => Text::from(format!("key:{}", key.name)),
        }
    }

    /// Whether it may see that center.
    #[must_use]
    pub fn sees(&self, center: &CenterId) -> bool {
        match self {
            Self::Account(identity) => identity.sees(center),
            Self::Key(key) => key.centers.contains(center),
        }
    }

    /// A center's place among those that it was given, for lists in that order; others come after.
    #[must_use]
    pub fn place_of(&self, center: &CenterId) -> usize {
        let mut given = match self {
            Self::Account(identity) => identity.centers.iter(),
            Self::Key(key) => key.centers.iter(),
        };
        given.position(|one| one == center).unwrap_or(usize::MAX)
    }

    /// Whether it may do that, in a center that it sees. A rider is further limited to own deliveries.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Account(identity) => identity.role.may(permission),
            Self::Key(key) => key.may(permission),
        }
    }

    /// The role of an account; none: an integration, whose scopes say what it may.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Account(identity) => Some(identity.role),
            Self::Key(_) => None,
        }
    }

    /// With the role rider: which rider it is limited to.
    #[must_use]
    pub fn only_rider(&self) -> Option<&RiderId> {
        match self {
            Self::Account(identity) => identity.rider.as_ref(),
            Self::Key(_) => None,
        }
    }
}
