//! Who may do what: the table of the wire contract.

use crate::lifecycle::Action;
use crate::units::Text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The role of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// 관제: assigns riders.
    Dispatcher,
    /// 콜센터: takes orders in.
    #[serde(rename = "callcenter")]
    CallCenter,
    /// Supervises several centers.
    Supervisor,
    /// Operates the hub.
    Admin,
    /// Carries the deliveries.
    Rider,
}

/// What an account may be allowed to do in one of its centers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read rows, riders, chat and history.
    Read,
    /// Take in a new order.
    Create,
    /// Change a delivery.
    Act(Action),
    /// Create and edit riders.
    EditRiders,
    /// Publish events.
    Publish,
    /// See the monitor.
    Monitor,
    /// Begin a drain, change a drill.
    Operate,
}

impl Role {
    /// What a note says of its writer's role; none: an API key.
    #[must_use]
    pub fn of_writer(role: Option<Self>) -> Text {
        Text::from(role.map_or("key", Self::as_str))
    }

    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Dispatcher, Self::CallCenter, Self::Supervisor, Self::Admin, Self::Rider];

    /// The name on the wire and in commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatcher => "dispatcher",
            Self::CallCenter => "callcenter",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
            Self::Rider => "rider",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role has this permission, in a center that the account may see. A rider is further limited to own
    /// deliveries.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::Read => true,
            P::Create => matches!(self, Self::CallCenter | Self::Supervisor),
            P::Act(Action::Accept | Action::Cancel | Action::Note) => {
                matches!(self, Self::Dispatcher | Self::CallCenter | Self::Supervisor)
            }
            P::Act(Action::Assign | Action::Unassign) => matches!(self, Self::Dispatcher | Self::Supervisor),
            P::Act(Action::Confirm | Action::Pickup | Action::Deliver) => {
                matches!(self, Self::Dispatcher | Self::Supervisor | Self::Rider)
            }
            // Of what it takes back the role is asked again.
            P::Act(Action::Undo) => {
                matches!(self, Self::Dispatcher | Self::CallCenter | Self::Supervisor | Self::Rider)
            }
            P::EditRiders => matches!(self, Self::Supervisor | Self::Admin),
            P::Publish | P::Operate => self == Self::Admin,
            P::Monitor => matches!(self, Self::Supervisor | Self::Admin),
        }
    }

    /// Whether the role sees every center, not only those it was given.
    #[must_use]
    pub fn sees_all_centers(self) -> bool {
        self == Self::Admin
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_nothing_that_can_be_undone_may_undo_nothing() {
        for role in Role::ALL {
            let some = Action::ALL.into_iter().filter(|action| action.can_be_undone());
            let some = some.map(Permission::Act).any(|permission| role.may(permission));
            assert_eq!(role.may(Permission::Act(Action::Undo)), some, "{role}");
        }
    }

    #[test]
    fn a_rider_and_a_key_ask_for_an_answer_and_the_staff_gives_it() {
        for role in Role::ALL.map(Some).into_iter().chain([None]) {
            let (by, text) = (Text::default(), Text::default());
            let note = crate::Note { at: crate::UtcMillis(0), by, role: Role::of_writer(role), text };
            assert_eq!(note.asks(), matches!(role, Some(Role::Rider) | None), "{role:?}");
        }
    }

    /// The contract's table, row by row, in the order dispatcher, callcenter, supervisor, admin, rider.
    #[test]
    fn the_contract_table() {
        use Permission as P;
        let table = [
            (P::Create, [false, true, true, false, false]),
            (P::Act(Action::Accept), [true, true, true, false, false]),
            (P::Act(Action::Cancel), [true, true, true, false, false]),
            (P::Act(Action::Note), [true, true, true, false, false]),
            (P::Act(Action::Assign), [true, false, true, false, false]),
            (P::Act(Action::Unassign), [true, false, true, false, false]),
            (P::Act(Action::Confirm), [true, false, true, false, true]),
            (P::Act(Action::Pickup), [true, false, true, false, true]),
            (P::Act(Action::Deliver), [true, false, true, false, true]),
            (P::Act(Action::Undo), [true, true, true, false, true]),
            (P::EditRiders, [false, false, true, true, false]),
            (P::Publish, [false, false, false, true, false]),
            (P::Monitor, [false, false, true, true, false]),
            (P::Operate, [false, false, false, true, false]),
        ];
        for (permission, expected) in table {
            let got = Role::ALL.map(|role| role.may(permission));
            assert_eq!(got, expected, "{permission:?}");
        }
    }
}
