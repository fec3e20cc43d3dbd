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
    /// Joined; the instant of the proof while it is fresh.
    Joined(Option<UtcMillis>),
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
            (SocketFact::Joined(Some(proven_at)), _, _) => {
                State::Live { since: since(matches!(old, State::Live { .. })), proven_at }
            }
            (SocketFact::Joined(None), _, _) => {
                State::CatchingUp { since: since(matches!(old, State::CatchingUp { .. })) }
            }
            (SocketFact::Absent(_), Some(reason), _) => {
                State::Offline { since: since(matches!(old, State::Offline { .. })), reason }
            }
            (SocketFact::Absent(reason), None, true) => {
                State::Polling { since: since(matches!(old, State::Polling { .. })), reason }
            }
            (SocketFact::Absent(_), None, false) => {
                State::Connecting { since: since(matches!(old, State::Connecting { .. })) }
            }
        }
    }
}

/// Whether a person would call it another state: not when only an instant or a reason moved.
pub(super) fn is_change(old: &State, new: &State) -> bool {
    old.name() != new.name() || since(old) != since(new)
}

fn since(state: &State) -> UtcMillis {
    match state {
        State::Connecting { since }
        | State::CatchingUp { since }
        | State::Live { since, .. }
        | State::Polling { since, .. }
        | State::Offline { since, .. }
        | State::Refused { since, .. } => *since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> [State; 6] {
        let since = UtcMillis(1);
        [
            State::Connecting { since },
            State::CatchingUp { since },
            State::Live { since, proven_at: since },
            State::Polling { since, reason: "old".into() },
            State::Offline { since, reason: "old".into() },
            State::Refused { since, code: ErrorCode::NotFound },
        ]
    }

    /// Every row of the table from every state: the name follows from the facts alone, `since` from whether it changed.
    #[test]
    fn every_cell_of_the_table() {
        let refusals = [None, Some(ErrorCode::NotFound)];
        let sockets = [
            SocketFact::Absent("cut".into()),
            SocketFact::Joined(None),
            SocketFact::Joined(Some(UtcMillis(7))),
        ];
        for old in states() {
            for refused in refusals {
                for socket in &sockets {
                    for rest_failing in [None, Some("down".into())] {
                        for answered in [false, true] {
                            let expected = match (refused, socket, &rest_failing, answered) {
                                (Some(_), _, _, _) => "Refused",
                                (None, SocketFact::Joined(Some(_)), _, _) => "Live",
                                (None, SocketFact::Joined(None), _, _) => "CatchingUp",
                                (None, SocketFact::Absent(_), Some(_), _) => "Offline",
                                (None, SocketFact::Absent(_), None, true) => "Polling",
                                (None, SocketFact::Absent(_), None, false) => "Connecting",
                            };
                            let facts = Facts {
                                refused,
                                socket: socket.clone(),
                                rest_failing: rest_failing.clone(),
                                answered,
                            };
                            let new = facts.state(&old, UtcMillis(9));
                            assert_eq!(new.name(), expected, "from {}", old.name());
                            let same = old.name() == expected;
                            assert_eq!(since(&new), UtcMillis(if same { 1 } else { 9 }));
                            assert_eq!(is_change(&old, &new), !same);
                        }
                    }
                }
            }
        }
    }
}
