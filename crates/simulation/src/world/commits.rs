//! Between a node's lock and its commit: others wait for the center, the node dies, the answer is lost.

use super::{Event, World};
use crate::fault::Fault;
use crate::hub::{Operation, Staged};
use crate::plan::{Break, Work};
use crate::tag::Tag;
use gwanje_model::CenterId;
use gwanje_sync::{HttpRequest, HttpResponse, RequestId};

/// Milliseconds between lock and commit where the commit's answer is lost.
const COMMIT_MS: u64 = 8;

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is made, and the node is told.
    Told,
    /// The node is not told; whether it is made.
    Untold(bool),
}

/// The next command of a seat in a center stays between lock and commit.
#[derive(Debug, Clone)]
pub(crate) struct SlowCommit {
    seat: usize,
    center: CenterId,
    for_ms: u64,
    fate: Fate,
}

/// A request on its way at a node.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) seat: usize,
    pub(super) life: u32,
    pub(super) id: RequestId,
    pub(super) request: HttpRequest,
    pub(super) back: bool,
    pub(super) node: usize,
}

/// A command between lock and commit.
#[derive(Debug)]
pub(crate) struct Committing {
    center: CenterId,
    staged: Staged,
    asked: Asked,
    fate: Fate,
    answer: HttpResponse,
    tags: Vec<Tag>,
}

/// What waits until a center is free again.
#[derive(Debug)]
pub(crate) enum Waiting {
    Asked(Asked),
    Operation(Operation),
}

impl World {
    /// Lets the next command of a seat stay between lock and commit, and lets others come to the center.
    pub(super) fn slow_commit(&mut self, broken: Break) {
        let (seat, center, work, pick, for_ms, fate) =
            if let Break::CommitUnknown { seat, center, work, pick, made } = broken {
                (seat, center, work, pick, COMMIT_MS, Fate::Untold(made))
            } else if let Break::Interleaved { seat, center, work, pick, for_ms } = broken {
                (seat, center, work, pick, for_ms, Fate::Told)
            } else {
                return;
            };
        let (index, of) = (self.seat_index(seat), self.center(center));
        self.slow = Some(SlowCommit { seat: index, center: of.clone(), for_ms, fate });
        self.click(index, center, work, pick);
        if fate == Fate::Told {
            for nth in 1..6 {
                let event = Event::Works { center: of.clone(), work: Work::Note, pick: pick + nth };
                self.after(nth * (for_ms / 4).max(20), event);
            }
        }
    }

    /// What the next command is to suffer, if that is this one.
    pub(super) fn suffers(&mut self, index: usize, center: Option<&CenterId>) -> Option<SlowCommit> {
        self.slow.take_if(|slow| slow.seat == index && Some(&slow.center) == center)
    }

    /// A command is decided, and its commit takes a while.
    pub(super) fn committing(
        &mut self,
        slow: SlowCommit,
        staged: Staged,
        asked: Asked,
        answer: HttpResponse,
        tags: Vec<Tag>,
    ) {
        let SlowCommit { center, for_ms, fate, .. } = slow;
        let committing = Committing { center, staged, asked, fate, answer, tags };
        self.after(for_ms, Event::Commits(Box::new(committing)));
    }

    /// The commit is made, or not; and told, or not.
    pub(super) fn commits(&mut self, committing: Committing) {
        let Committing { center, staged, asked, fate, answer, tags } = committing;
        let is_down = self.nodes.get(asked.node).is_none_or(|node| node.down_until > self.now);
        let away = self.is_store_away(asked.node) || !self.hub.holds(&staged);
        let is_awaited = asked.back && self.awaits(asked.seat, asked.life, asked.id);
        self.hub.use_node(asked.node);
        let told = match fate {
            Fate::Told if !is_down && !away => {
                self.hub.commit_staged(staged);
                Ok(answer)
            }
            Fate::Untold(true) if !away => {
                self.hub.commit_untold(staged);
                Err(true)
            }
            Fate::Told | Fate::Untold(_) => {
                self.hub.roll_back_staged(staged);
                Err(!is_down)
            }
        };
        self.note_recorded(&asked.request, &told.clone().unwrap_or_else(|_| self.unsettled()));
        self.committed();
        let is_lost = matches!(fate, Fate::Untold(_)) && !is_down && is_awaited;
        if is_lost {
            self.inject(Fault::CommitUnknown);
        }
        if fate == Fate::Told && self.waiting.iter().any(|(of, _)| *of == center) {
            self.inject(Fault::Interleaved);
        }
        let answer = match told {
            Ok(answer) => Some(answer),
            Err(says) => says.then(|| self.unsettled()),
        };
        if let (Some(answer), true) = (answer, asked.back) {
            self.answer_back(asked.seat, asked.life, asked.id, &asked.request, Ok(answer), tags);
        }
        self.go_on(&center);
    }

    /// Those who waited for a center go on, in the order in which they came.
    fn go_on(&mut self, center: &CenterId) {
        let (of_center, others) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(of, _)| of == center);
        self.waiting = others;
        let of_center: Vec<(CenterId, Waiting)> = of_center;
        for (_, waiting) in of_center {
            match waiting {
                Waiting::Asked(Asked { seat, life, id, request, back, .. }) => {
                    self.asked(seat, life, id, request, back);
                }
                Waiting::Operation(operation) => self.operate_elsewhere(&operation),
            }
        }
    }

    fn awaits(&self, index: usize, life: u32, id: RequestId) -> bool {
        let seat = self.seats.get(index).filter(|seat| seat.life == life);
        seat.and_then(|seat| seat.app.as_ref()).is_some_and(|app| app.requests.contains(&id))
    }
}
