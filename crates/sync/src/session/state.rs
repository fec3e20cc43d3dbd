//! Which of the six states holds, as a function of (socket, REST, age of the proof).
//!
//! | refused | socket | proof | REST | anything answered yet | state |
//! | --- | --- | --- | --- | --- | --- |
//! | yes | – | – | – | – | `Refused` |
//! | no | joined | fresh | – | – | `Live` |
//! | no | joined | none or stale | – | – | `CatchingUp` |
//! | no | absent | – | failed twice in a row | – | `Offline` |
//! | no | absent | – | answers | yes | `Polling` |
//! | no | absent | – | answers | no | `Connecting` |
//!
//! *Fresh* means: subscribed, no gap, cursor whole, the last comparison equal and younger than two heads and a second.
//! Every state can follow every other; `since` stays while the state does, and a change of reason alone is no change.

use crate::io::{LinkReason, State};
use gwanje_model::UtcMillis;
use gwanje_wire::ErrorCode;

/// What the state is a function of.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) refused: Option<ErrorCode>,
    pub(super) socket: SocketFact,
    pub(super) rest_failing: Option<LinkReason>,
    pub(super) answered: bool,
}

/// The socket's part in it.
#[derive(Debug, Clone)]
pub(super) enum SocketFact {
    /// No namespace is joined; why.
    Absent(LinkReason),
    /// Joined; the proof while it is fresh, or why there is none.
    Joined(Result<Comparison, LinkReason>),
}

/// What a comparison proved, and of how many rows it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) at: UtcMillis,
    pub(super) unread: u64,
}

impl Facts {
    /// The state that holds, going on from `old`.
    pub(super) fn state(self, old: &State, now: UtcMillis) -> State {
        let since = |same: bool| if same { since(old) } else { now };
        if let Some(code) = self.refused {
            let same = matches!(old, State::Refused { code: old, .. } if *old == code);
            return State::Refused { since: since(same), code };
        }
        match (self.socket, self.rest_failing, self.answered) {
            (SocketFact::Joined(Ok(Comparison { at: proven_at, unread })), _, _) => {
                State::Live { since: since(matches!(old, State::Live { .. })), proven_at, unread }
            }
            (SocketFact::Joined(Err(reason)), _, _) => {
                State::CatchingUp { since: since(matches!(old, State::CatchingUp { .. })), reason }
            }
            (SocketFact::Absent(_), Some(reason), _) => {
                State::Offline { since: since(matches!(old, State::Offline { .. })), reason }
            }
            (SocketFact::Absent(reason), None, true) => {
                State::Polling { since: since(matches!(old, State::Polling { .. })), reason }
            }
            (SocketFact::Absent(reason), None, false) => {
                State::Connecting { since: since(matches!(old, State::Connecting { .. })), reason }
            }
        }
    }
}

/// Whether a person would call it another state: not when only an instant or a reason moved.
pub(super) fn is_change(old: &State, new: &State) -> bool {
    old.name() != new.name() || since(old) != since(new)
}

/// Whether it is told in other words, or of other rows.
pub(super) fn is_told_otherwise(old: &State, new: &State) -> bool {
    let words = |state: &State| match state {
        State::Connecting { reason, .. }
        | State::CatchingUp { reason, .. }
        | State::Polling { reason, .. }
        | State::Offline { reason, .. } => (Some(LinkReason::clone(reason)), 0),
        State::Live { unread, .. } => (None, *unread),
        State::Refused { .. } => (None, 0),
    };
    is_change(old, new) || words(old) != words(new)
}

fn since(state: &State) -> UtcMillis {
    match state {
        State::Connecting { since, .. }
        | State::CatchingUp { since, .. }
        | State::Live { since, .. }
        | State::Polling { since, .. }
        | State::Offline { since, .. }
        | State::Refused { since, .. } => *since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cells::{Every, compare, every};

    every!(Name { Connecting, CatchingUp, Live, Polling, Offline, Refused });

    fn name(state: &State) -> Name {
        match state {
            State::Connecting { .. } => Name::Connecting,
            State::CatchingUp { .. } => Name::CatchingUp,
            State::Live { .. } => Name::Live,
            State::Polling { .. } => Name::Polling,
            State::Offline { .. } => Name::Offline,
            State::Refused { .. } => Name::Refused,
        }
    }

    fn state(name: Name) -> State {
        let since = UtcMillis(1);
        match name {
            Name::Connecting => State::Connecting { since, reason: "old".into() },
            Name::CatchingUp => State::CatchingUp { since, reason: "old".into() },
            Name::Live => State::Live { since, proven_at: since, unread: 0 },
            Name::Polling => State::Polling { since, reason: "old".into() },
            Name::Offline => State::Offline { since, reason: "old".into() },
            Name::Refused => State::Refused { since, code: ErrorCode::NotFound },
        }
    }

    every!(Joins { Absent, Unproven, Proven });

    /// Whether it is refused, what the socket does, whether REST is failing, whether anything was answered.
    type Row = ((bool, Joins), (bool, bool));

    fn facts(((refused, socket), (failing, answered)): Row) -> Facts {
        Facts {
            refused: refused.then_some(ErrorCode::NotFound),
            socket: match socket {
                Joins::Absent => SocketFact::Absent("cut".into()),
                Joins::Unproven => SocketFact::Joined(Err("a gap".into())),
                Joins::Proven => SocketFact::Joined(Ok(Comparison { at: UtcMillis(7), unread: 0 })),
            },
            rest_failing: failing.then(|| "down".into()),
            answered,
        }
    }

    fn expected(row: Row) -> Name {
        match row {
            ((true, _), _) => Name::Refused,
            ((false, Joins::Proven), _) => Name::Live,
            ((false, Joins::Unproven), _) => Name::CatchingUp,
            ((false, Joins::Absent), (true, _)) => Name::Offline,
            ((false, Joins::Absent), (false, true)) => Name::Polling,
            ((false, Joins::Absent), (false, false)) => Name::Connecting,
        }
    }

    /// Every row of the table from every state: the name follows from the facts alone, `since` from whether it changed.
    #[test]
    fn every_cell_of_the_table() {
        compare(
            <(Name, Row)>::every(),
            |(old, row)| {
                let new = expected(*row);
                let changed = new != *old;
                (new, UtcMillis(if changed { 9 } else { 1 }), changed)
            },
            |(old, row)| {
                let old = state(*old);
                let new = facts(*row).state(&old, UtcMillis(9));
                (name(&new), since(&new), is_change(&old, &new))
            },
        );
    }
}
