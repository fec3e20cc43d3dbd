//! Every cell of the table of remembered commands, and its bounds.

use super::*;
use crate::testing::cells::{Every, Machine, compare, every};
use crate::testing::http::response;
use gwanje_model::DeliveryId;
use rand_chacha::rand_core::SeedableRng as _;

every!(At { Sure, Doubted, Asking, Gone });

every!(
    /// What can happen to a command that was done.
    Happens {
        /// The center goes on from another history.
        OtherHistory,
        /// It goes on from the history in which the command was decided.
        SameHistory,
        /// Its turn to be asked about comes.
        Turn,
        Answer(Reply),
        Suspend,
        Leave,
        ADay,
    }
);

every!(Reply { Done, Void, Refused, Hidden, Nothing, Garbage });

const START: Mono = Mono(1_000);
const A_DAY: Mono = Mono(100_000_000);

struct Kept {
    remembered: Remembered,
    now: Mono,
    rng: ChaCha8Rng,
    out: VecDeque<CommandAction>,
}

impl Machine for Kept {
    type At = At;
    type Happens = Happens;

    fn new() -> Self {
        let mut remembered = Remembered::default();
        remembered.keep(done("K1", &[5]), Some("E1".into()), A_DAY);
        Self { remembered, now: START, rng: ChaCha8Rng::seed_from_u64(1), out: VecDeque::new() }
    }

    fn way(at: At) -> Vec<Happens> {
        match at {
            At::Sure => vec![],
            At::Doubted => vec![Happens::OtherHistory],
            At::Asking => vec![Happens::OtherHistory, Happens::Turn],
            At::Gone => vec![Happens::Leave],
        }
    }

    fn happen(&mut self, what: Happens) {
        let (now, out) = (self.now, &mut self.out);
        let epoch = Epoch::from("E2");
        match what {
            Happens::OtherHistory => {
                self.remembered.history_changed(&"a".into(), &epoch, Some(&epoch), now, out);
            }
            Happens::SameHistory => {
                let same = Epoch::from("E1");
                self.remembered.history_changed(&"a".into(), &same, Some(&same), now, out);
            }
            Happens::Turn => {
                self.now = self.remembered.deadline().unwrap_or(now);
                self.remembered.due(self.now, out);
            }
            Happens::Answer(reply) => {
                self.remembered.closed(&key("K1"), &answer(reply), now, &mut self.rng, out);
            }
            Happens::Suspend => self.remembered.suspend(now, out),
            Happens::Leave => self.remembered.leave(out),
            Happens::ADay => {
                self.now = A_DAY;
                self.remembered.due(A_DAY, out);
            }
        }
    }

    fn place(&self) -> At {
        match self.remembered.done.get(&key("K1")).map(|done| &done.doubt) {
            Some(Doubt::Sure) => At::Sure,
            Some(Doubt::Doubted { .. }) => At::Doubted,
            Some(Doubt::Asking) => At::Asking,
            None => At::Gone,
        }
    }

    fn forget(&mut self) {
        self.out.clear();
    }
}

fn key(key: &str) -> CommandId {
    CommandId(key.to_owned())
}

fn done(command: &str, ids: &[u64]) -> LostCommand {
    LostCommand {
        command: key(command),
        center: "a".into(),
        action: "accept".into(),
        deliveries: ids.iter().copied().map(DeliveryId).collect(),
        number: None,
    }
}

fn answer(reply: Reply) -> Result<HttpResponse, HttpFailure> {
    match reply {
        Reply::Done => Ok(response(200, r#"{"outcome":"done","status":200,"body":null}"#)),
        Reply::Void => Ok(response(200, r#"{"outcome":"void","status":null,"body":null}"#)),
        Reply::Refused => {
            Ok(response(200, r#"{"outcome":"refused","status":409,"body":{"code":"conflict"}}"#))
        }
        Reply::Hidden => Ok(response(404, r#"{"code":"not-found"}"#)),
        Reply::Nothing => Err(HttpFailure::TimedOut),
        Reply::Garbage => Ok(response(200, "<html>")),
    }
}

/// The table: where a command is afterwards, and what comes out.
fn expected(at: At, happens: Happens) -> (At, Vec<&'static str>) {
    match (at, happens) {
        (At::Gone, _) => (At::Gone, vec![]),
        (At::Sure, Happens::OtherHistory) => (At::Doubted, vec![]),
        (At::Doubted, Happens::OtherHistory | Happens::Suspend) => (At::Doubted, vec![]),
        // Its answer may be of the history before.
        (At::Asking, Happens::OtherHistory | Happens::Suspend) => (At::Doubted, vec!["drop"]),
        (At::Sure | At::Doubted | At::Asking, Happens::SameHistory) => (at, vec![]),
        (At::Doubted, Happens::Turn) => (At::Asking, vec!["close"]),
        (At::Sure | At::Asking, Happens::Turn) => (at, vec![]),
        (At::Asking, Happens::Answer(Reply::Done)) => (At::Sure, vec![]),
        (At::Asking, Happens::Answer(Reply::Void | Reply::Refused)) => (At::Gone, vec!["lost"]),
        (At::Asking, Happens::Answer(Reply::Hidden)) => (At::Gone, vec![]),
        (At::Asking, Happens::Answer(Reply::Nothing | Reply::Garbage)) => (At::Doubted, vec![]),
        (At::Sure | At::Doubted, Happens::Answer(_)) | (At::Sure, Happens::Suspend) => (at, vec![]),
        (At::Asking, Happens::Leave | Happens::ADay) => (At::Gone, vec!["drop"]),
        (At::Sure | At::Doubted, Happens::Leave | Happens::ADay) => (At::Gone, vec![]),
    }
}

#[test]
fn every_cell_of_the_table() {
    compare(
        <(At, Happens)>::every(),
        |(at, happens)| (expected(*at, *happens), false),
        |(at, happens)| {
            let mut kept = Kept::at(*at);
            kept.happen(*happens);
            let out = kept.out.iter().map(|action| match action {
                CommandAction::Drop(_) => "drop",
                CommandAction::Close(..) => "close",
                CommandAction::Lost(_) => "lost",
                CommandAction::Keep(..)
                | CommandAction::Forget(..)
                | CommandAction::Send(..)
                | CommandAction::Unsettled(..)
                | CommandAction::Mark(..)
                | CommandAction::Overlay(..)
                | CommandAction::Settled(..) => "another",
            });
            // What is asked again is asked after a pause.
            let at_once = matches!(happens, Happens::Answer(_))
                && kept.remembered.deadline().is_some_and(|due| due <= kept.now)
                && *at == At::Asking;
            ((kept.place(), out.collect()), at_once)
        },
    );
}

#[test]
fn the_newest_are_asked_about_first_and_few_at_once() {
    let (mut remembered, mut out) = (Remembered::default(), VecDeque::new());
    for n in 0..MAX_REMEMBERED + 50 {
        remembered.keep(done(&format!("K{n}"), &[5]), Some("E1".into()), A_DAY);
    }
    remembered.history_changed(&"a".into(), &"E2".into(), Some(&"E2".into()), START, &mut out);
    let mut asked = Vec::new();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    while remembered.deadline().is_some() {
        remembered.due(START, &mut out);
        let batch: Vec<CommandId> = out
            .drain(..)
            .filter_map(
                |action| if let CommandAction::Close(command, _) = action { Some(command) } else { None },
            )
            .collect();
        assert!((1..=MAX_ASKED).contains(&batch.len()));
        for command in batch {
            assert!(remembered.closed(&command, &answer(Reply::Done), START, &mut rng, &mut out));
            asked.push(command.0);
        }
    }
    assert_eq!(asked.first().map(String::as_str), Some("K1049"));
    assert_eq!(asked.last().map(String::as_str), Some("K50"), "the oldest fifty were forgotten");
    assert_eq!(asked.len(), MAX_REMEMBERED);
}

#[test]
fn large_batches_make_room_for_each_other() {
    let mut remembered = Remembered::default();
    let ids: Vec<u64> = (0..200).collect();
    for n in 0..150 {
        remembered.keep(done(&format!("K{n}"), &ids), None, A_DAY);
    }
    assert_eq!((remembered.done.len(), remembered.deliveries), (100, MAX_DELIVERIES));
    assert!(remembered.center(&key("K149")).is_some());
}

#[test]
fn an_answer_of_the_history_before_that_comes_late_is_asked_about_at_once() {
    let (mut remembered, mut out) = (Remembered::default(), VecDeque::new());
    remembered.history_changed(&"a".into(), &"E2".into(), Some(&"E2".into()), START, &mut out);
    remembered.keep(done("old", &[5]), Some("E1".into()), A_DAY);
    remembered.keep(done("new", &[5]), Some("E2".into()), A_DAY);
    remembered.due(START, &mut out);
    assert!(
        matches!(out.make_contiguous(), [CommandAction::Close(command, _)] if command.0 == "old"),
        "{out:?}"
    );
}
