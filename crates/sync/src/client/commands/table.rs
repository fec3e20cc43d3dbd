//! Every cell of the table of commands: each step × each answer and each deadline.

use super::*;
use crate::io::HttpFailure;
use gwanje_model::UtcMillis;
use gwanje_model::lifecycle::Action;
use gwanje_wire::CommandBody;
use rand_chacha::rand_core::SeedableRng as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Keeping,
    Asking,
    Pausing,
    Closing,
    ClosePausing,
    Settled,
}

/// What can happen to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happens {
    /// An answer to the command itself.
    Answer(Told),
    /// An answer to the question what became of it.
    Closed(Told),
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    Conflict,
    Void,
    /// The center is not found.
    Hidden,
    TooMany,
    Unavailable,
    Nothing,
    Garbage,
}

const TOLD: [Told; 8] = [
    Told::Done,
    Told::Conflict,
    Told::Void,
    Told::Hidden,
    Told::TooMany,
    Told::Unavailable,
    Told::Nothing,
    Told::Garbage,
];
const START: Mono = Mono(1_000);

struct Desk {
    commands: Commands,
    now: Mono,
    rng: ChaCha8Rng,
    out: Vec<CommandAction>,
}

impl Desk {
    fn at(step: At) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut desk = Self { commands: Commands::default(), now: START, rng, out: Vec::new() };
        desk.click();
        if step != At::Keeping {
            desk.happen(Happens::Kept);
        }
        match step {
            At::Keeping | At::Asking => {}
            At::Pausing => desk.happen(Happens::Answer(Told::Nothing)),
            At::Closing => desk.happen(Happens::ThirtySeconds),
            At::ClosePausing => {
                desk.happen(Happens::ThirtySeconds);
                desk.happen(Happens::Closed(Told::Nothing));
            }
            At::Settled => desk.happen(Happens::Answer(Told::Done)),
        }
        assert_eq!(desk.step(), step);
        desk.out.clear();
        desk
    }

    fn click(&mut self) {
        let what = What::Act { id: DeliveryId(5), action: Action::Accept, body: CommandBody::default() };
        let request = CommandRequest { command: key(), center: "a".into(), what };
        self.commands.begin(request, None, Now { mono: self.now, wall: UtcMillis(0) });
        self.collect();
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

    fn collect(&mut self) {
        while let Some(action) = self.commands.poll_action() {
            self.out.push(action);
        }
    }

    fn step(&self) -> At {
        match self.commands.pending.get(&key()).map(|pending| &pending.step) {
            None => At::Settled,
            Some(Step::Keeping { .. }) => At::Keeping,
            Some(Step::Asking { .. }) => At::Asking,
            Some(Step::Pausing { .. }) => At::Pausing,
            Some(Step::Closing) => At::Closing,
            Some(Step::ClosePausing { .. }) => At::ClosePausing,
        }
    }

    fn outcomes(&self) -> Vec<&'static str> {
        let settled = |action: &CommandAction| match action {
            CommandAction::Settled(_, CommandOutcome::Done(_)) => Some("done"),
            CommandAction::Settled(_, CommandOutcome::Refused(_)) => Some("refused"),
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
    Ok(HttpResponse { status, retry_after_s: None, etag: None, body: body.as_bytes().to_vec() })
}

fn answer(told: Told) -> Result<HttpResponse, HttpFailure> {
    match told {
        Told::Done => http(200, "{}"),
        Told::Conflict => http(409, r#"{"code":"conflict"}"#),
        Told::Void => http(409, r#"{"code":"void"}"#),
        Told::Hidden => http(404, r#"{"code":"not-found"}"#),
        Told::TooMany => http(429, r#"{"code":"too-many-requests"}"#),
        Told::Unavailable => http(503, r#"{"code":"unavailable"}"#),
        Told::Nothing => Err(HttpFailure::TimedOut),
        Told::Garbage => http(404, "<html>"),
    }
}

fn closing(told: Told) -> Result<HttpResponse, HttpFailure> {
    match told {
        Told::Done => http(200, r#"{"outcome":"done","status":200,"body":null}"#),
        Told::Conflict => http(200, r#"{"outcome":"refused","status":409,"body":{"code":"conflict"}}"#),
        Told::Void => http(200, r#"{"outcome":"void","status":null,"body":null}"#),
        Told::Hidden | Told::TooMany | Told::Unavailable | Told::Nothing => answer(told),
        Told::Garbage => http(200, "<html>"),
    }
}

/// The table: where a command is afterwards, and how it has settled, if it has.
fn expected(at: At, happens: Happens) -> (At, Option<&'static str>) {
    let outcome = |told| match told {
        Told::Done => Some("done"),
        Told::Conflict | Told::Hidden => Some("refused"),
        Told::Void => Some("void"),
        Told::TooMany | Told::Unavailable | Told::Nothing | Told::Garbage => None,
    };
    match (at, happens) {
        // An answer that comes after all while it pauses settles it as well.
        (At::Asking | At::Pausing, Happens::Answer(told)) => match outcome(told) {
            Some(outcome) => (At::Settled, Some(outcome)),
            None => (At::Pausing, None),
        },
        // Nothing was sent that could be answered.
        (At::Keeping, Happens::Answer(_) | Happens::Closed(_)) => (at, None),
        (At::Keeping, Happens::Kept | Happens::Deadline) => (At::Asking, None),
        (At::Keeping, Happens::ThirtySeconds) => (At::Closing, None),
        (At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::Kept) => (at, None),
        // What became of it is asked when they have come back.
        (At::Keeping | At::Asking | At::Pausing | At::Closing | At::ClosePausing, Happens::Suspend) => {
            (At::ClosePausing, None)
        }
        // Only the closing's answer counts from then on.
        (At::Closing | At::ClosePausing, Happens::Answer(_)) => (at, None),
        // Whoever may not ask any more knows nothing of what it did.
        (At::Closing | At::ClosePausing, Happens::Closed(Told::Hidden)) => (At::Settled, Some("unknowable")),
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
        (At::Keeping, Happens::GiveUp) => (At::Settled, Some("refused")),
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
    let mut all = vec![
        Happens::Deadline,
        Happens::ThirtySeconds,
        Happens::ADay,
        Happens::Kept,
        Happens::Again,
        Happens::Suspend,
        Happens::GiveUp,
    ];
    all.extend(TOLD.map(Happens::Answer));
    all.extend(TOLD.map(Happens::Closed));
    for at in [At::Keeping, At::Asking, At::Pausing, At::Closing, At::ClosePausing, At::Settled] {
        for happens in &all {
            let mut desk = Desk::at(at);
            desk.happen(*happens);
            let (after, outcome) = expected(at, *happens);
            assert_eq!(desk.step(), after, "{at:?} × {happens:?}");
            assert_eq!(desk.outcomes(), outcome.into_iter().collect::<Vec<_>>(), "{at:?} × {happens:?}");
            let sends = after == At::Asking
                && (*happens == Happens::Deadline || at == At::Keeping && *happens == Happens::Kept);
            assert_eq!(desk.sent(), usize::from(sends), "{at:?} × {happens:?}");
            assert!(
                desk.commands.deadline().is_none_or(|due| due > desk.now),
                "{at:?} × {happens:?}: its next deadline lies ahead"
            );
        }
    }
}

#[test]
fn once_the_hub_may_have_forgotten_only_an_outcome_is_believed_and_nothing_asked_again() {
    for told in TOLD {
        let closed_after = |ms: u64| {
            let mut desk = Desk::at(At::Closing);
            desk.now = START.plus_ms(ms);
            desk.happen(Happens::Closed(told));
            (desk.step(), desk.outcomes().pop())
        };
        assert_eq!(closed_after(KNOWN_MS - 1), expected(At::Closing, Happens::Closed(told)), "{told:?}");
        let believed = match told {
            Told::Done => "done",
            Told::Conflict => "refused",
            Told::Void | Told::Hidden | Told::TooMany | Told::Unavailable | Told::Nothing | Told::Garbage => {
                "unknowable"
            }
        };
        assert_eq!(closed_after(KNOWN_MS), (At::Settled, Some(believed)), "{told:?}");
    }
}
