//! The same steps on all stores, and on the ledger alone: they answer the same, and hold and tell the same afterwards.

use crate::center::{Answer, Center, DAY, KEPT, WALL, epoch, word};
use crate::opening::{database, fresh};
use crate::place::Place;
use crate::steps::{Step, account, batch, key, people, rider, riders, signature, step};
use gwanje_hub::auth::NewAccount;
use gwanje_hub::store::{After, CenterRecord, Found, PastSearch, Selection, Store, StoreConfig, StoreError};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_ledger::WordRefused;
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, Rider, Role, UtcMillis};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{AlarmsReply, CloseReply, DigestReply, RevsReply, RowsReply};
use gwanje_wire::{Frame, Head};
use proptest::prelude::*;
use std::cell::RefCell;

/// A store, whose clock is everybody's.
struct Witness {
    store: Store,
    /// Of a database: where ids come from a sequence, which leaves holes.
    ids: Option<tokio_postgres::Client>,
}

/// One of each kind.
struct Witnesses {
    all: Vec<Witness>,
    clock: Clock,
    /// How many centers were played in, and the last id that was given to a delivery.
    centers: u32,
    last: u64,
    _places: Vec<Place>,
}

impl Witnesses {
    async fn open() -> Self {
        let clock = Clock::still(WALL, DAY);
        // Some frames come from memory, and most from the tables.
        let config =
            StoreConfig { tombstones_kept: KEPT, recent_changes: 4, ..StoreConfig::temporary(clock.clone()) };
        let name = fresh();
        let url = database(&name).await;
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let places = vec![Place::memory().await, Place::file().await, Place::Database { name, url }];
        let mut all = Vec::new();
        for place in &places {
            let store = place.open(config.clone()).await;
            let hub = Hub::open(store.clone(), HubConfig::default()).await.unwrap();
            for (name, person) in people() {
                let (role, centers, person) = (Role::Dispatcher, Vec::new(), Some(person));
                let password = "kim".into();
                let account = NewAccount { name, role, centers, rider: None, person, password };
                hub.auth.put_account(account).await.unwrap();
            }
            all.push(Witness { store, ids: None });
        }
        all[2].ids = Some(client);
        Self { all, clock, centers: 0, last: 0, _places: places }
    }

    /// Plays steps in a center of their own.
    async fn play(&mut self, steps: &[Step]) {
        self.centers += 1;
        let id: CenterId = format!("center-{}", self.centers).as_str().into();
        self.clock.set_still(WALL, DAY);
        for Witness { store, .. } in &self.all {
            let (name, pos, time_zone) = ("강남".into(), None, "Asia/Seoul".into());
            store.ensure_center(CenterRecord { id: id.clone(), name, pos, time_zone }).await.unwrap();
            store.begin_epoch_as(&id, epoch(0)).await.unwrap();
            store.upsert_riders(&id, riders(&id)).await.unwrap();
        }
        let mut center = Center::new(id, self.last);
        for step in steps {
            let mut answers = Vec::new();
            for witness in &self.all {
                answers.push(witness.play(&center, step).await);
            }
            let answer = center.play(step);
            for (witness, there) in self.all.iter().zip(answers) {
                assert_eq!(there, answer, "{step:?}");
                witness.give_back_ids(center.last()).await;
            }
            self.clock.set_still(center.now.wall, center.now.day);
        }
        let mut told = Vec::new();
        for Witness { store, .. } in &self.all {
            compare(store, &center).await;
            told.push(Read::of(store, &center).await);
        }
        for other in &told[1..] {
            assert_eq!(*other, told[0]);
        }
        self.last = center.last();
    }
}

impl Witness {
    /// The next delivery gets the id after that one.
    async fn give_back_ids(&self, last: u64) {
        if let Some(client) = &self.ids {
            let set = format!("SELECT setval('delivery_id', {}, {})", last.max(1), last > 0);
            client.simple_query(&set).await.unwrap();
        }
    }

    /// What it answers to a step, before which it is where `center` is.
    async fn play(&self, center: &Center, step: &Step) -> Answer {
        let (store, id, day) = (&self.store, &center.id, center.now.day);
        match step {
            Step::Many(asked) => {
                let commands = asked.iter().map(|asked| asked.command(&center.here())).collect();
                Answer::Many(store.execute_many(commands).await.unwrap())
            }
            Step::Batch(acts, keyed) => {
                Answer::Batch(store.execute_batch(batch(acts, *keyed, &center.here())).await.unwrap())
            }
            Step::Close { by, key: nth } => {
                Answer::Close(store.close_command(account(*by).into(), id, key(*nth)).await.unwrap())
            }
            Step::Pass(..) => Answer::Nothing,
            Step::Look => Answer::Look(store.write_due_alarms(id).await.unwrap()),
            Step::Word { alarm, by, seat, stage } => {
                let word = word(center.alarm(*alarm), *stage);
                let error = store.record_receipt(id, word, signature(*by, *seat)).await.err();
                Answer::Word(error.map(|error| {
                    let is_due = !matches!(error, StoreError::NotDue { .. });
                    assert!(!is_due || matches!(error, StoreError::NoAlarm { .. }), "{error}");
                    if is_due { WordRefused::NoAlarm } else { WordRefused::NotDue }
                }))
            }
            Step::Archive => Answer::Archive(store.archive_ended_before(id, day).await.unwrap()),
            Step::Keep(kept) => {
                store.keep_tombstones(id, *kept).await.unwrap();
                Answer::Nothing
            }
            Step::Epoch => {
                store.begin_epoch_as(id, center.next_epoch()).await.unwrap();
                Answer::Nothing
            }
            Step::Forget(min) => Answer::Forgotten(store.forget_past(id, day.plus_min(-min)).await.unwrap()),
            Step::Erase(nth) => Answer::Erased(store.erase_rows(&center.erasure(*nth)).await.unwrap().told),
            Step::List(n) => {
                store.upsert_riders(id, vec![rider(id, *n, "새 라이더")]).await.unwrap();
                Answer::Nothing
            }
        }
    }
}

/// Rows, histories, alarms and head are those of the ledger alone.
async fn compare(store: &Store, center: &Center) {
    let Center { memory, id, now, .. } = center;
    let head = memory.standing().head(now.wall, now.day);
    assert_eq!(store.head(id).await.unwrap(), head);
    assert_eq!(store.recent_head(id).unwrap(), head);
    let ids = memory.rows().keys().copied().collect();
    let rows = store.rows(id, Selection::Ids(ids), After::default()).await.unwrap().rows;
    let rows: Vec<_> = rows.iter().map(|row| row.delivery().unwrap()).collect();
    assert_eq!(rows, memory.rows().values().collect::<Vec<_>>());
    for (delivery, events) in memory.histories() {
        assert_eq!(store.history(id, delivery).await.unwrap(), events);
        let row = store.delivery(id, delivery).await.unwrap().unwrap().1;
        assert_eq!(Some(&row), memory.delivery(delivery).map(|row| &**row));
    }
    assert_eq!(store.alarms_after(id, 0, 1_000).await.unwrap().alarms, memory.alarms_after(0));
    for from in memory.standing().floor.0..=memory.standing().rev.0 {
        for limit in [2, 1_000] {
            let frame = store.frame(id, Rev(from), limit).await.unwrap();
            assert_eq!(frame, memory.frame(Rev(from), limit, now.wall), "{from} {limit}");
        }
    }
}

/// What else can be read of a center.
#[derive(Debug, PartialEq)]
struct Read {
    head: Head,
    digest: DigestReply,
    frames: Vec<Option<Frame>>,
    rows: RowsReply,
    revs: RevsReply,
    streamed: RowsReply,
    board: Vec<u8>,
    carried: Vec<u8>,
    past: Vec<Vec<Delivery>>,
    found: Vec<Found>,
    history: Vec<HistoryEvent>,
    alarms: Vec<AlarmsReply>,
    riders: Vec<Rider>,
    outcomes: Vec<CloseReply>,
}

impl Read {
    async fn of(store: &Store, center: &Center) -> Self {
        let id = &center.id;
        let head = store.head(id).await.unwrap();
        let after = |rev| After { after: Some(rev), epoch: Some(head.epoch.clone()) };
        let mut read = Self {
            digest: store.digest(id, after(head.rev)).await.unwrap(),
            frames: Vec::new(),
            rows: store
                .rows(id, Selection::Buckets((0..=127).collect()), After::rev(head.rev))
                .await
                .unwrap(),
            revs: store.revs(id, Selection::Buckets((64..=255).collect()), After::default()).await.unwrap(),
            streamed: crate::selected(
                store,
                id,
                Selection::Buckets((0..=127).collect()),
                After::rev(head.rev),
            )
            .await,
            board: board(store, id, None).await,
            carried: board(store, id, Some("r1")).await,
            past: Vec::new(),
            found: Vec::new(),
            history: store.history(id, DeliveryId(center.base + 1)).await.unwrap(),
            alarms: Vec::new(),
            riders: store.riders(id).await.unwrap(),
            outcomes: Vec::new(),
            head,
        };
        for rev in 0..=read.head.rev.0 + 1 {
            // Of one that can't be resumed it says why.
            read.frames.push(store.frame(id, Rev(rev), 3).await.ok());
        }
        for min in [-1, 0, 1, 5, 40, 10_000] {
            read.past.push(crate::past_board(store, id, DAY.plus_min(min)).await);
        }
        for search in searches(center.base) {
            read.found.push(store.search(id, search).await.unwrap());
        }
        for seq in 0..=read.head.alarm_seq {
            read.alarms.push(store.alarms_after(id, seq, 2).await.unwrap());
        }
        for (by, nth) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            read.outcomes.push(store.close_command(account(by).into(), id, key(nth)).await.unwrap());
        }
        assert_eq!(read.streamed, read.rows, "piece by piece or at once");
        read
    }
}

async fn board(store: &Store, id: &CenterId, rider: Option<&str>) -> Vec<u8> {
    crate::streamed(store.board(id, rider.map(Into::into).as_ref()).await.unwrap()).await
}

fn searches(base: u64) -> Vec<PastSearch> {
    let text = |text: &str| Some(text.to_owned());
    vec![
        PastSearch::default(),
        PastSearch { q: text("역삼"), status: text("received, cancelled"), ..PastSearch::default() },
        PastSearch { q: text("10001"), ..PastSearch::default() },
        PastSearch { rider: text("r1"), from: Some(DAY.plus_min(1)), ..PastSearch::default() },
        PastSearch {
            cursor: Some(DeliveryId(base + 3)),
            to: Some(UtcMillis(DAY.0 + 1)),
            ..PastSearch::default()
        },
    ]
}

/// The ledger alone, a store in memory, one in a file and one in a PostgreSQL: the same steps have the same outcomes, and
/// leave the same rows, revisions, digests, frames, histories, alarms and records.
#[test]
fn all_stores_are_equal() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let kept = RefCell::new(None);
    let config = ProptestConfig { cases: 48, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..40))| {
        // After a case that failed all begins anew.
        let witnesses = kept.borrow_mut().take();
        runtime.block_on(async {
            let mut witnesses = match witnesses {
                Some(witnesses) => witnesses,
                None => Witnesses::open().await,
            };
            witnesses.play(&steps).await;
            kept.replace(Some(witnesses));
        });
    });
}
