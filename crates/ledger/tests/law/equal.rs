//! Laws of any mixture of asks, looks at the clock, words of seats and archivings.

use crate::steps::{Step, account, batch, key, step};
use gwanje_hub::auth::NewAccount;
use gwanje_hub::store::{After, CenterRecord, Selection, Store, StoreConfig, StoreError};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_ledger::memory::MemoryCenter;
use gwanje_ledger::{
    AlarmRef, BatchDecided, Decided, Decision, LoadedCenter, Moment, Need, Signature, Standing, Undecided,
    WordRefused, Write,
};
use gwanje_model::{CenterId, Delivery, DeliveryId, Rider, RiderStatus, Role, Text, UtcMillis};
use gwanje_wire::Problem;
use gwanje_wire::rest::{CloseReply, ReceiptStage};
use gwanje_wire::socket::AlarmReceipt;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const WALL: UtcMillis = UtcMillis(1_800_000_000_000);
const DAY: UtcMillis = UtcMillis(1_772_413_200_000);
/// Tombstones that are kept: few, so that the floor rises.
const KEPT: u64 = 2;

fn gangnam() -> CenterId {
    "gangnam".into()
}

fn riders() -> Vec<Rider> {
    let rider = |n: u32| Rider {
        id: format!("r{n}").as_str().into(),
        name: format!("라이더 {n}").into(),
        phone: "".into(),
        home: gangnam(),
        status: RiderStatus::Idle,
        pos: None,
        seen_at: None,
        load: 0,
    };
    (0..3).map(rider).collect()
}

/// One of the two who ask has a name.
fn people() -> BTreeMap<Text, Text> {
    BTreeMap::from([(account(0).into(), "김관제".into())])
}

fn memory(standing: Standing) -> MemoryCenter {
    MemoryCenter::new(gangnam(), standing, riders(), Arc::new(people()))
}

/// What was answered to a step.
#[derive(Debug, PartialEq)]
enum Answer {
    Many(Vec<Decided>),
    Batch(Result<BatchDecided, Box<Problem>>),
    Close(CloseReply),
    Look(usize),
    Word(Option<WordRefused>),
    Archive(usize),
    Nothing,
}

/// The clocks, the store in memory, and what is asked of both stores.
struct Center {
    memory: MemoryCenter,
    now: Moment,
}

impl Center {
    fn new(standing: Standing) -> Self {
        Self { memory: memory(standing), now: Moment { wall: WALL, day: DAY } }
    }

    /// Decides over what is needed, and over all that there is: it is the same.
    fn decide<T: PartialEq + std::fmt::Debug>(
        &mut self,
        need: &Need,
        mut decide: impl FnMut(&mut LoadedCenter) -> Result<Vec<Decision<T>>, Undecided>,
    ) -> Vec<T> {
        let last = self.memory.histories().map(|(id, _)| id.0).max().unwrap_or(0);
        let ids = (last + 1..).map(DeliveryId).take(need.orders);
        let (mut loaded, mut all) = (self.memory.load(need, ids.clone()), self.memory.load_all(ids));
        let decisions = decide(&mut loaded).unwrap();
        assert_eq!(decisions, decide(&mut all).unwrap(), "a need names all that is looked at");
        assert_eq!(loaded.standing, all.standing);
        let (outcomes, writes): (Vec<T>, Vec<_>) =
            decisions.into_iter().map(|decision| (decision.outcome, decision.writes)).unzip();
        self.apply(loaded.standing.unwrap(), writes.concat());
        outcomes
    }

    fn apply(&mut self, standing: Standing, writes: Vec<Write>) {
        for write in &writes {
            if let Write::Row(write) = write {
                assert_eq!(serde_json::from_str::<Delivery>(&write.body).unwrap(), *write.row);
            }
        }
        self.memory.apply(standing, writes, self.now).unwrap();
        assert_eq!(
            self.memory.standing().rows,
            self.memory.recounted(),
            "the digest is kept as the rows are"
        );
    }

    /// The alarm that a word is about: one that was raised, or one that never is.
    fn alarm(&self, nth: usize) -> AlarmRef {
        let alarms = self.memory.alarms_after(0);
        let waiting = self.memory.rows().values().map(|row| AlarmRef {
            id: row.id,
            kind: gwanje_wire::rest::AlarmKind::Unaccepted,
            raised_at: row.received_at.plus_min(1),
        });
        let known = alarms.iter().map(|entry| AlarmRef {
            id: entry.id,
            kind: entry.kind,
            raised_at: entry.raised_at,
        });
        let unknown =
            AlarmRef { id: DeliveryId(99), kind: gwanje_wire::rest::AlarmKind::Late, raised_at: DAY };
        known.chain(waiting).nth(nth).unwrap_or(unknown)
    }

    fn play(&mut self, step: &Step) -> Answer {
        let now = self.now;
        match step {
            Step::Many(asked) => {
                let commands: Vec<_> =
                    asked.iter().map(|asked| asked.command(&self.memory, &gangnam(), now.day)).collect();
                let mut need = Need::default();
                commands.iter().for_each(|command| need.add_command(command));
                Answer::Many(self.decide(&need, |loaded| {
                    commands
                        .iter()
                        .map(|command| gwanje_ledger::decide(loaded, command.clone(), now))
                        .collect()
                }))
            }
            Step::Batch(acts, keyed) => {
                let command = batch(acts, *keyed, &self.memory, &gangnam(), now.day);
                let mut outcomes = self.decide(&Need::of_batch(&command), |loaded| {
                    Ok(vec![gwanje_ledger::decide_batch(loaded, command.clone(), now)?])
                });
                Answer::Batch(outcomes.remove(0))
            }
            Step::Close { by, key: nth } => {
                let (account, key) = (account(*by).into(), key(*nth));
                let mut outcomes = self.decide(&Need::of_close(account, key.clone()), |loaded| {
                    Ok(vec![gwanje_ledger::close(loaded, &crate::steps::account(*by).into(), &key)])
                });
                Answer::Close(outcomes.remove(0))
            }
            Step::Pass(ms, min) => {
                self.now = Moment { wall: now.wall.plus_ms(*ms), day: now.day.plus_min(*min) };
                Answer::Nothing
            }
            Step::Look => {
                let mut standing = self.memory.standing().clone();
                let (due, unheard) = self.memory.due(now, 200);
                let count = due.len() + unheard.len();
                let writes = gwanje_ledger::look_at_clock(&mut standing, due, unheard);
                self.apply(standing, writes);
                Answer::Look(count)
            }
            Step::Word { alarm, by, seat, stage } => {
                let (alarm, by) = (self.alarm(*alarm), signature(*by, *seat));
                let found = self.memory.load_alarm(alarm, &by);
                let mut standing = self.memory.standing().clone();
                let word = word(alarm, *stage);
                match gwanje_ledger::receive(&mut standing, &found, &word, &by, now) {
                    Ok(writes) => {
                        self.apply(standing, writes);
                        Answer::Word(None)
                    }
                    Err(refused) => Answer::Word(Some(refused)),
                }
            }
            Step::Archive => {
                let mut standing = self.memory.standing().clone();
                let ended = self.memory.ended_before(now.day);
                let count = ended.len();
                let writes = gwanje_ledger::archive(&mut standing, ended);
                self.apply(standing, writes);
                let mut standing = self.memory.standing().clone();
                let too_many = self.memory.newest_too_many(KEPT);
                let mut writes = gwanje_ledger::forget_tombstones(&mut standing, too_many);
                writes.extend(self.memory.old_alarms(now, 500).into_iter().map(Write::AlarmGone));
                self.apply(standing, writes);
                Answer::Archive(count)
            }
        }
    }
}

fn signature(by: u8, seat: u8) -> Signature {
    Signature { account: account(by).into(), seat: format!("seat-{seat}").as_str().into() }
}

fn word(AlarmRef { id, kind, raised_at }: AlarmRef, stage: ReceiptStage) -> AlarmReceipt {
    AlarmReceipt { id, kind, raised_at, stage }
}

async fn open(clock: &Clock) -> Store {
    let config = StoreConfig { tombstones_kept: KEPT, ..StoreConfig::temporary(clock.clone()) };
    let store = Store::open(config).unwrap();
    let center =
        CenterRecord { id: gangnam(), name: "강남".into(), pos: None, time_zone: "Asia/Seoul".into() };
    store.ensure_center(center).await.unwrap();
    store.upsert_riders(&gangnam(), riders()).await.unwrap();
    let hub = Hub::open(store.clone(), HubConfig::default()).await.unwrap();
    for (name, person) in people() {
        let (role, centers, person) = (Role::Dispatcher, vec![gangnam()], Some(person));
        let account = NewAccount { name, role, centers, rider: None, person, password: "kim".into() };
        hub.auth.put_account(account).await.unwrap();
    }
    store
}

/// The same step on the other store, which is where `center` is before it.
async fn play(store: &Store, center: &Center, step: &Step) -> Answer {
    let (memory, day, id) = (&center.memory, center.now.day, gangnam());
    match step {
        Step::Many(asked) => {
            let commands = asked.iter().map(|asked| asked.command(memory, &id, day)).collect();
            Answer::Many(store.execute_many(commands).await.unwrap())
        }
        Step::Batch(acts, keyed) => {
            Answer::Batch(store.execute_batch(batch(acts, *keyed, memory, &id, day)).await.unwrap())
        }
        Step::Close { by, key: nth } => {
            Answer::Close(store.close_command(account(*by).into(), &id, key(*nth)).await.unwrap())
        }
        Step::Pass(..) => Answer::Nothing,
        Step::Look => Answer::Look(store.write_due_alarms(&id).await.unwrap()),
        Step::Word { alarm, by, seat, stage } => {
            let word = word(center.alarm(*alarm), *stage);
            let error = store.record_receipt(&id, word, signature(*by, *seat)).await.err();
            let refused = |error| {
                let is_due = !matches!(error, StoreError::NotDue { .. });
                assert!(!is_due || matches!(error, StoreError::NoAlarm { .. }), "{error}");
                if is_due { WordRefused::NoAlarm } else { WordRefused::NotDue }
            };
            Answer::Word(error.map(refused))
        }
        Step::Archive => Answer::Archive(store.archive_ended_before(&id, day).await.unwrap()),
    }
}

/// Rows, histories, alarms and head are the same.
async fn compare(store: &Store, center: &Center) {
    let (memory, id) = (&center.memory, gangnam());
    let head = memory.standing().head(center.now.wall, center.now.day);
    assert_eq!(store.head(&id).await.unwrap(), head);
    let ids = memory.rows().keys().copied().collect();
    let rows = store.rows(&id, Selection::Ids(ids), After::default()).await.unwrap().rows;
    let rows: Vec<_> = rows.iter().map(|row| row.delivery().unwrap()).collect();
    assert_eq!(rows, memory.rows().values().collect::<Vec<_>>());
    for (delivery, events) in memory.histories() {
        assert_eq!(store.history(&id, delivery).await.unwrap(), events);
    }
    assert_eq!(store.alarms_after(&id, 0, 1_000).await.unwrap().alarms, memory.alarms_after(0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A decision over what its needs name is the decision over everything, and each change has a revision of its own.
    #[test]
    fn needs_name_all_that_decisions_look_at(steps in prop::collection::vec(step(), 1..60)) {
        let mut center = Center::new(Standing::new("01".into()));
        for step in &steps {
            center.play(step);
        }
        let mut revs: Vec<u64> =
            center.memory.histories().flat_map(|(_, events)| events).map(|event| event.rev.0).collect();
        revs.sort_unstable();
        prop_assert_eq!(revs, (1..=center.memory.standing().rev.0).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// The hub's store and one in memory answer the same, and hold the same afterwards.
    #[test]
    fn two_stores_of_one_law_are_equal(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = Clock::still(WALL, DAY);
            let store = open(&clock).await;
            let epoch = store.head(&gangnam()).await.unwrap().epoch;
            let mut center = Center::new(Standing::new(epoch));
            for step in &steps {
                let there = play(&store, &center, step).await;
                assert_eq!(there, center.play(step), "{step:?}");
                clock.set_still(center.now.wall, center.now.day);
            }
            compare(&store, &center).await;
            store.close().await;
        });
    }
}
