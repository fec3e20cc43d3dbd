//! Two steps of every change: what it needs is loaded once its center is locked, and decided by the ledger; then it is
//! committed, told to the nodes, and judged by the oracle.

use super::ModelHub;
use super::memories::Signal;
use super::reply::{Refusal, refuse};
use super::setup::Instants;
use crate::oracle::{
    Act, At, Decision, Done, Each, Meant, Order, Seen as Looked, Wanted, difference, unequal,
};
use gwanje_ledger::memory::MemoryTransaction;
use gwanje_ledger::{
    Accepted, Ask, BatchAct, BatchCommand, BatchDecided, Command, Decision as Decided, Idempotency, IfMatch,
    Intent, LoadedCenter, Moment, Need, Seen, Standing, Undecided, Undo, Write,
};
use gwanje_model::digest::mix;
use gwanje_model::lifecycle::Action;
use gwanje_model::{Cancel, CancelBy, CenterId, DeliveryId, Epoch, Rev, RiderId};
use gwanje_wire::{ErrorCode, Problem};

/// A change that is decided and not committed: its center is locked.
#[derive(Debug)]
pub(crate) struct Staged {
    transaction: MemoryTransaction,
    standing: Option<Standing>,
    writes: Vec<Write>,
    order: Order,
    decision: Decision,
    at: Instants,
}

/// The change under way. A copy of a hub has none.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// The next change is to wait for its commit.
    pub stages_next: bool,
    pub staged: Option<Box<Staged>>,
}

impl Clone for UnderWay {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl From<Instants> for At {
    fn from(Instants { wall, day }: Instants) -> Self {
        Self { wall, day }
    }
}

pub(super) fn moment(Instants { wall, day }: Instants) -> Moment {
    Moment { wall, day }
}

impl ModelHub {
    /// Whether a change of that center is under way, so that others have to wait.
    pub(crate) fn is_locked(&self, center: &CenterId) -> bool {
        self.store.is_locked(center)
    }

    /// The next change that is decided waits for its commit.
    pub(crate) fn stage_next(&mut self, stages: bool) {
        self.under_way.stages_next = stages;
    }

    /// What waits for its commit.
    pub(crate) fn take_staged(&mut self) -> Option<Box<Staged>> {
        self.under_way.staged.take()
    }

    /// Carries out what somebody asks, or says why not.
    pub(super) fn execute(&mut self, order: Order, at: Instants) -> Result<Decision, Refusal> {
        let Some(mut transaction) = self.store.lock(&order.center) else {
            return refuse(ErrorCode::Unavailable, "another change is under way");
        };
        let (loaded, decided) = self.decide(&mut transaction, &order, at);
        let Decided { outcome: decision, writes } = match decided {
            Ok(decided) => decided,
            Err(undecided) => {
                self.store.roll_back(transaction);
                self.differs(Some(format!("{order:?} can't be decided: {undecided}")));
                return refuse(ErrorCode::Unavailable, "it can't be decided");
            }
        };
        let standing = loaded.standing;
        let staged = Staged { transaction, standing, writes, order, decision: decision.clone(), at };
        if std::mem::take(&mut self.under_way.stages_next) {
            self.under_way.staged = Some(Box::new(staged));
        } else {
            self.commit_staged(staged);
        }
        Ok(decision)
    }

    fn decide(
        &mut self,
        transaction: &mut MemoryTransaction,
        order: &Order,
        at: Instants,
    ) -> (LoadedCenter, Result<Decided<Decision>, Undecided>) {
        let now = moment(at);
        if let Wanted::Batch(all) = &order.wanted {
            let command = batch(order, all);
            let mut loaded = self.store.load(transaction, &Need::of_batch(&command));
            let decided = gwanje_ledger::decide_batch(&mut loaded, command, now);
            let decided = decided.map(|Decided { outcome, writes }| {
                let outcome = outcome.map(|BatchDecided { reply, epoch }| Done::Each(reply, epoch));
                Decided { outcome: outcome.map_err(|problem| *problem), writes }
            });
            return (loaded, decided);
        }
        let command = command(order);
        let mut loaded = self.store.load(transaction, &Need::of_command(&command));
        let decided = gwanje_ledger::decide(&mut loaded, command, now);
        let decided = decided.map(|Decided { outcome, writes }| {
            let done = |Accepted { row, epoch, created }| Done::Row { row, epoch, created };
            Decided { outcome: outcome.result.map(done).map_err(|problem| *problem), writes }
        });
        (loaded, decided)
    }

    /// Commits what was decided, and judges it.
    pub(crate) fn commit_staged(&mut self, staged: Staged) {
        let Staged { transaction, standing, writes, order, decision, at } = staged;
        let stood = self.stood(&order.center);
        if !self.commit(transaction, standing, writes, at) {
            return;
        }
        let given = match &decision {
            Ok(Done::Row { row, created: true, .. }) => Some(row.id),
            Ok(Done::Row { .. } | Done::Each(..)) | Err(_) => None,
        };
        let expected = self.oracle.order(&order, given.filter(|id| self.is_new(*id, stood)));
        self.differs(difference(&format!("what became of {:?}", order.wanted), &decision, &expected));
        if let Some(keyed) = &order.key {
            let told = self.outcome(&order.by, &order.center, &keyed.key);
            let bare = |reply: gwanje_wire::rest::CloseReply| (reply.outcome, reply.status);
            let expected = self.oracle.under(&order.by, &order.center, &keyed.key);
            self.differs(unequal("what is recorded under the key", &told.map(bare), &expected.map(bare)));
        }
        self.judge(&order.center, stood);
    }

    /// Whether a delivery is of the change after that, and no twin's.
    fn is_new(&self, id: DeliveryId, (since, _): (Rev, u64)) -> bool {
        self.store_rows().any(|row| row.id == id && row.rev > since)
    }

    fn store_rows(&self) -> impl Iterator<Item = &std::sync::Arc<gwanje_model::Delivery>> {
        self.infos.keys().filter_map(|id| self.store.center(id)).flat_map(|center| center.rows().values())
    }

    /// Commits what was decided, and nobody is told: the node does not know that it was made.
    pub(crate) fn commit_untold(&mut self, staged: Staged) {
        let (nodes, told) = (self.nodes.clone(), self.signals.len());
        self.commit_staged(staged);
        self.nodes = nodes;
        self.signals.truncate(told);
    }

    /// Whether what was decided can still be committed.
    pub(crate) fn holds(&self, staged: &Staged) -> bool {
        self.store.holds(&staged.transaction)
    }

    /// Undoes what was decided: nobody will ever know of it.
    pub(crate) fn roll_back_staged(&mut self, staged: Staged) {
        self.store.roll_back(staged.transaction);
    }

    /// The revision and the alarm at which a center stands.
    pub(super) fn stood(&self, center: &CenterId) -> (Rev, u64) {
        let standing = self.store.center(center).map(|center| center.standing());
        standing.map_or((Rev::ZERO, 0), |standing| (standing.rev, standing.alarm_seq))
    }

    /// Does something to a locked center, whatever the oracle says of it. None: it is locked by another.
    pub(super) fn transact<T>(
        &mut self,
        center: &CenterId,
        at: Instants,
        decide: impl FnOnce(&mut Self, &mut Standing) -> (T, Vec<Write>),
    ) -> Option<T> {
        let transaction = self.store.lock(center)?;
        let Some(mut standing) = self.store.standing(&transaction) else {
            self.store.roll_back(transaction);
            return None;
        };
        let (outcome, writes) = decide(self, &mut standing);
        self.commit(transaction, Some(standing), writes, at);
        Some(outcome)
    }

    /// Commits, and tells the nodes. False: it was not decided from what is there.
    pub(super) fn commit(
        &mut self,
        transaction: MemoryTransaction,
        standing: Option<Standing>,
        writes: Vec<Write>,
        at: Instants,
    ) -> bool {
        match self.store.commit(transaction, standing, writes, moment(at)) {
            Ok(Some(commit)) if commit.standing != commit.before => {
                if let Some(node) = self.nodes.get_mut(self.node) {
                    node.publish(&commit);
                }
                if self.nodes.len() > 1 {
                    self.signals.push(Signal { from: self.node, commit });
                }
            }
            Ok(_) => {}
            Err(misfit) => {
                self.differs(Some(misfit.to_string()));
                return false;
            }
        }
        true
    }

    /// Judges what the store holds of a center, of what has happened since.
    pub(super) fn judge(&mut self, id: &CenterId, since: (Rev, u64)) {
        let Some(center) = self.store.center(id) else { return };
        let Standing { epoch, rev, rows: told, floor, alarm_seq, next_number } = center.standing();
        let seen = Looked {
            epoch,
            rev: *rev,
            floor: *floor,
            alarm_seq: *alarm_seq,
            told: *told,
            numbered: *next_number,
            rows: center.rows(),
            left: center.left(),
            tombstones: center.tombstones(),
            alarms: center.alarms().len(),
            alarms_after: &|seq| center.alarms_after(seq),
            history: &|id| center.history(id),
        };
        let wrong = self.oracle.judge(id, &seen, since);
        self.differs(wrong);
    }

    /// Judges everything there is.
    pub(crate) fn judge_all(&mut self) {
        for center in self.infos.keys().cloned().collect::<Vec<_>>() {
            self.judge(&center, (Rev::ZERO, 0));
        }
    }

    pub(super) fn differs(&mut self, wrong: Option<String>) {
        self.differences.extend(wrong);
    }
}

fn command(order: &Order) -> Command {
    let (mut if_match, mut only_rider) = (None, None);
    let intent = match &order.wanted {
        Wanted::Create(new) => Intent::Create(new.clone()),
        Wanted::Act(act) => {
            if_match = act.if_match.as_deref().map(seen_by_tags);
            only_rider.clone_from(&act.only_rider);
            Intent::Act(act.id, ask(act))
        }
        Wanted::Refused(problem) => Intent::Refuse(problem.clone()),
        Wanted::Batch(_) => {
            Intent::Refuse(Box::new(Problem::new(ErrorCode::Unavailable, "a batch is no command of its own")))
        }
    };
    Command {
        center: order.center.clone(),
        intent,
        by: order.by.clone(),
        at: order.at.day,
        idempotency: idempotency(order),
        if_match,
        only_rider,
    }
}

fn batch(order: &Order, all: &[Each]) -> BatchCommand {
    let act = |(id, act): &Each| BatchAct {
        id: *id,
        ask: act.as_ref().map(ask).map_err(|problem| Box::new(problem.clone())),
        seen: act.as_ref().ok().and_then(|act| act.if_rev).map(Seen::At),
    };
    BatchCommand {
        center: order.center.clone(),
        acts: Ok(all.iter().map(act).collect()),
        by: order.by.clone(),
        at: order.at.day,
        idempotency: idempotency(order),
        only_rider: all.iter().find_map(|(_, act)| act.as_ref().ok()?.only_rider.clone()),
    }
}

/// What is asked; a body has what its action needs.
fn ask(act: &Act) -> Ask {
    let body = act.body.clone();
    match act.action {
        Action::Accept => Ask::Accept,
        Action::Assign => Ask::Assign(body.rider_id.unwrap_or_else(|| RiderId::from(""))),
        Action::Unassign => Ask::Unassign,
        Action::Confirm => Ask::Confirm,
        Action::Pickup => Ask::Pickup,
        Action::Deliver => Ask::Deliver,
        Action::Cancel => Ask::Cancel(Cancel {
            reason: body.reason.unwrap_or_default(),
            by: body.by.unwrap_or(CancelBy::Center),
        }),
        Action::Note => Ask::Note { text: body.text.unwrap_or_default(), role: act.role },
        Action::Undo => Ask::Undo(Undo { rev: body.rev.unwrap_or(Rev::ZERO), role: act.role }),
    }
}

fn seen_by_tags(tags: &[String]) -> IfMatch {
    let seen = tags.iter().filter_map(|tag| {
        let (epoch, rev) = tag.rsplit_once('-')?;
        Some((Epoch::from(epoch), Rev(rev.parse().ok()?)))
    });
    IfMatch { seen: seen.collect() }
}

fn idempotency(order: &Order) -> Option<Idempotency> {
    let keyed = order.key.as_ref()?;
    Some(Idempotency { path: keyed.path.clone(), key: keyed.key.clone(), body_hash: hashed(&keyed.meant) })
}

/// Enough of a hash to tell bodies apart.
fn hashed(meant: &Meant) -> [u8; 32] {
    let text = match meant {
        Meant::Json(value) => value.to_string(),
        Meant::Garbage(text) => text.clone(),
    };
    let mut hash = [0; 32];
    let mut word = 1;
    for part in hash.chunks_exact_mut(8) {
        word = text.bytes().fold(mix(word), |word, byte| mix(word ^ u64::from(byte)));
        part.copy_from_slice(&word.to_be_bytes());
    }
    hash
}
