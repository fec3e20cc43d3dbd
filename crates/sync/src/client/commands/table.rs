//! Every cell of the table of commands: each step × each answer and each deadline.

use super::*;
use crate::io::HttpFailure;
use crate::testing::cells::{Every, Machine, compare, every};
use crate::testing::http::response;
use gwanje_model::UtcMillis;
use gwanje_model::lifecycle::Action;
use gwanje_wire::CommandBody;
use rand_chacha::rand_core::SeedableRng as _;

every!(At { Keeping, Asking, Pausing, Closing, ClosePausing, Settled });

every!(
    /// What can happen to a command.
    Happens {
        /// An answer to the command itself.
        Answer(Reply),
        /// An answer to the question what became of it.
        Closed(Reply),
        /// Its next deadline comes.
        Deadline,
        /// Thirty seconds after the click are over.
        ThirtySeconds,
        /// The hub may have forgotten it.
        ADay,
        /// The cache holds it.
        Kept,
        /// The same click again.
        Again,
        /// The credentials go.
        Suspend,
        /// The person leaves.
        GiveUp,
    }
);

every!(Reply {
    Done,
    Conflict,
    Void,
    /// The center is not found.
    Hidden,
    TooMany,
    Unavailable,
    Nothing,
    Garbage,
});

const START: Mono = Mono(1_000);

/// A command that was clicked at [`START`].
struct Clicked {
    commands: Commands,
    now: Mono,
    rng: ChaCha8Rng,
    out: Vec<CommandAction>,
}

impl Machine for Clicked {
    type At = At;
    type Happens = Happens;

    fn new() -> Self {
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut clicked = Self { commands: Commands::default(), now: START, rng, out: Vec::new() };
        clicked.click();
        clicked
    }

    fn way(at: At) -> Vec<Happens> {
        let nothing = Reply::Nothing;
        match at {
            At::Keeping => vec![],
            At::Asking => vec![Happens::Kept],
            At::Pausing => vec![Happens::Kept, Happens::Answer(nothing)],
            At::Closing => vec![Happens::Kept, Happens::ThirtySeconds],
            At::ClosePausing => vec![Happens::Kept, Happens::ThirtySeconds, Happens::Closed(nothing)],
            At::Settled => vec![Happens::Kept, Happens::Answer(Reply::Done)],
        }
    }

    fn happen(&mut self, what: Happens) {
        match what {
            Happens::Answer(told) => {
                self.commands.answered(&key(), answer(told), self.now, &mut self.rng);
            }
            Happens::Closed(told) => self.commands.closed(&key(), closing(told), self.now, &mut self.rng),
            Happens::Deadline => {
                self.now = self.commands.deadline().unwrap_or(self.now);
                self.commands.due(self.now);
            }
            Happens::ThirtySeconds => {
                self.now = START.plus_ms(CLOSE_MS);
                self.commands.due(self.now);
            }
            Happens::ADay => {
                self.now = START.plus_ms(KNOWN_MS);
                self.commands.due(self.now);
            }
            Happens::Kept => self.commands.kept(&key(), self.now),
            Happens::Again => self.click(),
            Happens::Suspend => self.commands.suspend(self.now.plus_ms(1)),
            Happens::GiveUp => self.commands.give_up("left"),
        }
        self.collect();
    }

    fn place(&self) -> At {
        match self.commands.pending.get(&key()).map(|pending| &pending.step) {
            None => At::Settled,
            Some(Step::Keeping { .. }) => At::Keeping,
            Some(Step::Asking { .. }) => At::Asking,
            Some(Step::Pausing { .. }) => At::Pausing,
            Some(Step::Closing) => At::Closing,
            Some(Step::ClosePausing { .. }) => At::ClosePausing,
        }
    }

    fn forget(&mut self) {
        self.out.clear();
    }
}

impl Clicked {
    fn click(&mut self) {
        let body = CommandBody::default();
        let what = CommandKind::Act { id: DeliveryId(5), seen: None, action: Action::Accept, body };
        let request = CommandRequest { command: key(), center: "a".into(), what };
        self.commands.begin(request, None, Now { mono: self.now, wall: UtcMillis(0) });
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(action) = self.commands.poll_action() {
            self.out.push(action);
        }
    }

    fn outcomes(&self) -> Vec<&'static str> {
        let settled = |action: &CommandAction| match action {
            CommandAction::Settled(_, CommandOutcome::Done(_)) => Some("done"),
            CommandAction::Settled(_, CommandOutcome::Refused(_)) => Some("refused"),
            CommandAction::Settled(_, CommandOutcome::NotSent(_)) => Some("not sent"),
            CommandAction::Settled(_, CommandOutcome::Void) => Some("void"),
            CommandAction::Settled(_, CommandOutcome::Unknowable(_)) => Some("unknowable"),
            _ => None,
        };
        self.out.iter().filter_map(settled).collect()
    }

    fn sent(&self) -> usize {
        self.out.iter().filter(|action| matches!(action, CommandAction::Send(..))).count()
    }
}

fn key() -> CommandId {
    CommandId("K1".to_owned())
}

fn http(status: u16, body: &str) -> Result<HttpResponse, HttpFailure> {
    Ok(response(status, body))
}

fn answer(told: Reply) -> Result<HttpResponse, HttpFailure> {
    match told {
        Reply::Done => http(200, "{}"),
        Reply::Conflict => http(409, r#"{"code":"conflict"}"#),
        Reply::Void => http(409, r#"{"code":"void"}"#),
        Reply::Hidden => http(404, r#"{"code":"not-found"}"#),
        Reply::TooMany => http(429, r#"{"code":"too-many-requests"}"#),
        Reply::Unavailable => http(503, r#"{"code":"unavailable"}"#),
        Reply::Nothing => Err(HttpFailure::TimedOut),
        Reply::Garbage => http(404, "<html>"),
    }
}

fn closing(told: Reply) -> Result<HttpResponse, HttpFailure> {
    match told {
        Reply::Done => http(200, r#"{"outcome":"done","status":200,"body":null}"#),
        Reply::Conflict => http(200, r#"{"outcome":"refused","status":409,"body":{"code":"conflict"}}"#),
        Reply::Void => http(200, r#"{"outcome":"void","status":null,"body":null}"#),
        Reply::Hidden | Reply::TooMany | Reply::Unavailable | Reply::Nothing => answer(told),
        Reply::Garbage => http(200, "<html>"),
    }
}

/// The table: where a command is afterwards, and how it has settled, if it has.
fn expected(at: At, happens: Happens) -> (At, Option<&'static str>) {
    let outcome = |told| match told {
        Reply::Done => Some("done"),
        Reply::Conflict | Reply::Hidden => Some("refused"),
        Reply::Void => Some("void"),
        Reply::TooMany | Reply::Unavailable | Reply::Nothing | Reply::Garbage => None,
    };
    match (at, happens) {
        // An answer that comes late, while it pauses, settles it as well.
        (At::Asking | At::Pausing, Happens::Answer(told)) => match outcome(told) {
            Some(outcome) => (At::Settled, Some(outcome)),
            None => (At::Pausing, None),
        },
        // Nothing was sent that could be answered.
        (At::Keeping, Happens::Answer(_) | Happens::Closed(_)) => (at, None),
        (At::Keeping, Happens::Kept | Happens::Deadline) => (At::Asking, None),
        (At::Keeping, Happens::ThirtySeconds) => (At::Closing, None),
        (At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::Kept) => (at, None),
        // It asks what became of it when they have come back.
        (At::Keeping | At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::Suspend) => {
            (At::ClosePausing, None)
        }
        // Only the closing's answer counts from then on.
        (At::Closing | At::ClosePausing, Happens::Answer(_)) => (at, None),
        // A seat that may not ask any more can't know what it did.
        (At::Closing | At::ClosePausing, Happens::Closed(Reply::Hidden)) => (At::Settled, Some("unknowable")),
        (At::Closing | At::ClosePausing, Happens::Closed(told)) => match outcome(told) {
            Some(outcome) => (At::Settled, Some(outcome)),
            None => (At::ClosePausing, None),
        },
        // Nothing was asked that could be answered.
        (At::Asking | At::Pausing, Happens::Closed(_)) => (at, None),
        (At::Asking | At::Pausing, Happens::Deadline) => (At::Asking, None),
        (At::ClosePausing, Happens::Deadline) => (At::Closing, None),
        (At::Closing, Happens::Deadline) => (At::Closing, None),
        (At::Asking | At::Pausing, Happens::ThirtySeconds) => (At::Closing, None),
        (At::Closing | At::ClosePausing, Happens::ThirtySeconds) => (at, None),
        // Asleep since the click: it is asked about all the same.
        (At::Keeping | At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::ADay) => {
            (At::Closing, None)
        }
        (At::Keeping | At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::Again) => {
            (at, None)
        }
        // Nothing was sent.
        (At::Keeping, Happens::GiveUp) => (At::Settled, Some("not sent")),
        (At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::GiveUp) => {
            (At::Settled, Some("unknowable"))
        }
        // A key is used once; the same one again is a new command here and its twin at the hub.
        (At::Settled, Happens::Again) => (At::Keeping, None),
        (
            At::Settled,
            Happens::Answer(_)
            | Happens::Closed(_)
            | Happens::Deadline
            | Happens::ThirtySeconds
            | Happens::ADay
            | Happens::Kept
            | Happens::Suspend
            | Happens::GiveUp,
        ) => (At::Settled, None),
    }
}

#[test]
fn every_cell_of_the_table() {
    compare(
        <(At, Happens)>::every(),
        |(at, happens)| {
            let (after, outcome) = expected(*at, *happens);
            let sends = after == At::Asking
                && (*happens == Happens::Deadline || *at == At::Keeping && *happens == Happens::Kept);
            let due_in_the_past = false;
            (after, Vec::from_iter(outcome), usize::from(sends), due_in_the_past)
        },
        |(at, happens)| {
            let mut clicked = Clicked::at(*at);
            clicked.happen(*happens);
            let due_in_the_past = clicked.commands.deadline().is_some_and(|due| due <= clicked.now);
            (clicked.place(), clicked.outcomes(), clicked.sent(), due_in_the_past)
        },
    );
}

#[test]
fn once_the_hub_may_have_forgotten_only_an_outcome_is_believed_and_nothing_asked_again() {
    for told in Reply::every() {
        let closed_after = |ms: u64| {
            let mut clicked = Clicked::at(At::Closing);
            clicked.now = START.plus_ms(ms);
            clicked.happen(Happens::Closed(told));
            (clicked.place(), clicked.outcomes().pop())
        };
        assert_eq!(closed_after(KNOWN_MS - 1), expected(At::Closing, Happens::Closed(told)), "{told:?}");
        let believed = match told {
            Reply::Done => "done",
            Reply::Conflict => "refused",
            Reply::Void
            | Reply::Hidden
            | Reply::TooMany
            | Reply::Unavailable
            | Reply::Nothing
            | Reply::Garbage => "unknowable",
        };
        assert_eq!(closed_after(KNOWN_MS), (At::Settled, Some(believed)), "{told:?}");
    }
}
