//! What happens to a center, drawn at random; revisions are named by how far they lie from the present ones.

use gwanje_ledger::Signature;
use gwanje_ledger::memory::MemoryCenter;
use gwanje_ledger::{Ask, BatchAct, BatchCommand, Command, Idempotency, IfMatch, Intent, Seen, Undo};
use gwanje_model::{Cancel, CancelBy, CenterId, DeliveryId, Rev, Rider, RiderStatus, Role, Text, UtcMillis};
use gwanje_wire::rest::ReceiptStage;
use gwanje_wire::{ErrorCode, NewOrder, Problem};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Deliveries that are acted on; the last ones often do not exist.
const IDS: u64 = 7;

#[derive(Debug, Clone)]
pub enum Step {
    /// Commands of one transaction.
    Many(Vec<Asked>),
    /// One action on several, under a key or none.
    Batch(Vec<Asked>, Option<Keyed>),
    /// Nothing more under this key.
    Close { by: u8, key: u8 },
    /// Time goes by: milliseconds of the wall, minutes of the day.
    Pass(i64, i64),
    /// A look at the clock.
    Look,
    /// A seat's word on one of the alarms.
    Word { alarm: usize, by: u8, seat: u8, stage: ReceiptStage },
    /// What has ended leaves the board.
    Archive,
    /// Fewer tombstones are kept.
    Keep(u64),
    /// A new history begins.
    Epoch,
    /// What left the board so many minutes ago is forgotten.
    Forget(i64),
    /// A rider is listed, or called otherwise.
    List(u8),
    /// The customer of one of the deliveries is erased.
    Erase(u64),
}

#[derive(Debug, Clone, Copy)]
pub struct Keyed {
    key: u8,
    path: u8,
    body: u8,
}

#[derive(Debug, Clone)]
pub struct Asked {
    id: u64,
    doing: Doing,
    by: u8,
    keyed: Option<Keyed>,
    seen: Option<At>,
    only_rider: Option<u8>,
}

#[derive(Debug, Clone)]
enum Doing {
    Create,
    Refuse,
    Ask(Ask),
    Undo(At, Option<Role>),
}

/// A revision beside the row's, or beside the center's.
#[derive(Debug, Clone, Copy)]
enum At {
    Row(i64),
    Center(i64),
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![6 => Just(At::Row(0)), 1 => Just(At::Row(-1)), 2 => (1..4i64).prop_map(At::Center)]
}

fn doing() -> impl Strategy<Value = Doing> {
    let role = prop_oneof![
        2 => Just(None),
        1 => Just(Some(Role::Dispatcher)),
        1 => Just(Some(Role::CallCenter)),
        1 => Just(Some(Role::Rider)),
    ];
    let ask = prop_oneof![
        3 => Just(Ask::Accept),
        4 => (0..4u32).prop_map(|n| Ask::Assign(format!("r{n}").as_str().into())),
        1 => Just(Ask::Unassign),
        1 => Just(Ask::Confirm),
        2 => Just(Ask::Pickup),
        2 => Just(Ask::Deliver),
        1 => Just(Ask::Cancel(Cancel { reason: "고객 변심".into(), by: CancelBy::Customer })),
        1 => Just(Ask::Note { text: "문 앞".into(), role: Some(Role::Dispatcher) }),
    ];
    prop_oneof![
        4 => Just(Doing::Create),
        1 => Just(Doing::Refuse),
        16 => ask.prop_map(Doing::Ask),
        4 => (at(), role).prop_map(|(at, role)| Doing::Undo(at, role)),
    ]
}

fn keyed() -> impl Strategy<Value = Keyed> {
    let body = prop_oneof![5 => Just(0), 1 => Just(1)];
    (0..3u8, 0..2u8, body).prop_map(|(key, path, body)| Keyed { key, path, body })
}

fn asked() -> impl Strategy<Value = Asked> {
    let seen = prop::option::weighted(0.3, at());
    let only_rider = prop::option::weighted(0.1, 0..3u8);
    (1..=IDS, doing(), 0..2u8, prop::option::weighted(0.2, keyed()), seen, only_rider)
        .prop_map(|(id, doing, by, keyed, seen, only_rider)| Asked { id, doing, by, keyed, seen, only_rider })
}

pub fn step() -> impl Strategy<Value = Step> {
    let stage = prop::sample::select(ReceiptStage::ALL.to_vec());
    prop_oneof![
        8 => prop::collection::vec(asked(), 1..5).prop_map(Step::Many),
        3 => (prop::collection::vec(asked(), 1..5), prop::option::weighted(0.3, keyed()))
            .prop_map(|(acts, keyed)| Step::Batch(acts, keyed)),
        1 => (0..2u8, 0..3u8).prop_map(|(by, key)| Step::Close { by, key }),
        3 => (0..20_000i64, 0..4i64).prop_map(|(ms, min)| Step::Pass(ms, min)),
        1 => Just(Step::Pass(70_000, 35)),
        3 => Just(Step::Look),
        3 => (0..8usize, 0..2u8, 0..12u8, stage)
            .prop_map(|(alarm, by, seat, stage)| Step::Word { alarm, by, seat, stage }),
        1 => Just(Step::Archive),
        1 => (0..2u64).prop_map(Step::Keep),
        1 => Just(Step::Epoch),
        1 => (2..4u8).prop_map(Step::List),
        2 => (-1..60i64).prop_map(Step::Forget),
        1 => (1..=IDS).prop_map(Step::Erase),
    ]
}

pub fn account(by: u8) -> &'static str {
    ["kim", "lee"][usize::from(by)]
}

pub fn key(key: u8) -> String {
    format!("key-{key}")
}

impl Keyed {
    fn idempotency(self, kind: &str) -> Idempotency {
        let path = format!("/{kind}/{}", self.path);
        Idempotency { path, key: key(self.key), body_hash: [self.body; 32] }
    }
}

/// What an ask is drawn over: the center as it is now, and when.
pub struct Here<'a> {
    pub center: &'a CenterId,
    pub memory: &'a MemoryCenter,
    /// The id before those that are given to its deliveries.
    pub base: u64,
    pub at: UtcMillis,
}

impl Here<'_> {
    fn id(&self, nth: u64) -> DeliveryId {
        DeliveryId(self.base + nth)
    }
}

impl At {
    fn rev(self, here: &Here<'_>, id: DeliveryId) -> Rev {
        let row = here.memory.rows().get(&id).map_or(Rev::ZERO, |row| row.rev);
        let (from, by) = match self {
            Self::Row(by) => (row, by),
            Self::Center(by) => (here.memory.standing().rev, by),
        };
        Rev(from.0.saturating_add_signed(by))
    }
}

impl Asked {
    fn ask(&self, here: &Here<'_>) -> Result<Ask, Box<Problem>> {
        match &self.doing {
            Doing::Ask(ask) => Ok(ask.clone()),
            Doing::Undo(at, role) => Ok(Ask::Undo(Undo { rev: at.rev(here, here.id(self.id)), role: *role })),
            Doing::Create | Doing::Refuse => {
                Err(Box::new(Problem::new(ErrorCode::Forbidden, "this account may not")))
            }
        }
    }

    /// As a command of its own.
    pub fn command(&self, here: &Here<'_>) -> Command {
        let id = here.id(self.id);
        let intent = match (&self.doing, self.ask(here)) {
            (Doing::Create, _) => Intent::Create(Box::new(order())),
            (_, Ok(ask)) => Intent::Act(id, ask),
            (_, Err(problem)) => Intent::Refuse(problem),
        };
        let epoch = here.memory.standing().epoch.clone();
        let seen = self.seen.map(|at| IfMatch { seen: vec![(epoch, at.rev(here, id))] });
        Command {
            idempotency: self.keyed.map(|keyed| keyed.idempotency("command")),
            if_match: seen,
            only_rider: self.only_rider.map(|n| format!("r{n}").as_str().into()),
            ..Command::new(here.center.clone(), intent, account(self.by), here.at)
        }
    }
}

/// Several as a batch, asked by the first one's account.
pub fn batch(acts: &[Asked], keyed: Option<Keyed>, here: &Here<'_>) -> BatchCommand {
    let act = |asked: &Asked| {
        let id = here.id(asked.id);
        let seen = asked.seen.map(|at| Seen::At(at.rev(here, id)));
        BatchAct { id, ask: asked.ask(here), seen }
    };
    BatchCommand {
        center: here.center.clone(),
        acts: Ok(acts.iter().map(act).collect()),
        by: account(acts[0].by).into(),
        at: here.at,
        idempotency: keyed.map(|keyed| keyed.idempotency("batch")),
        only_rider: None,
    }
}

pub fn signature(by: u8, seat: u8) -> Signature {
    Signature { account: account(by).into(), seat: format!("seat-{seat}").as_str().into() }
}

/// The riders who are listed from the beginning.
pub fn riders(home: &CenterId) -> Vec<Rider> {
    (0..3).map(|n| rider(home, n, "라이더")).collect()
}

pub fn rider(home: &CenterId, n: u8, name: &str) -> Rider {
    Rider {
        id: format!("r{n}").as_str().into(),
        name: format!("{name} {n}").into(),
        phone: "".into(),
        home: home.clone(),
        status: RiderStatus::Idle,
        pos: None,
        seen_at: None,
        load: 0,
    }
}

/// One of the two who ask has a name.
pub fn people() -> BTreeMap<Text, Text> {
    BTreeMap::from([(account(0).into(), "김관제".into())])
}

pub fn order() -> NewOrder {
    let order = serde_json::json!({"shop": {"id": "s", "name": "한솥"}, "dropoff": {"address": "역삼동 1"}});
    serde_json::from_value(order).unwrap()
}
