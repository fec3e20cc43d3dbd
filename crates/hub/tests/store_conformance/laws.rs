//! Laws that hold after any mixture of commands, archivings and restarts.

use crate::day::{START, act, cancel, config, create, gangnam};
use crate::place::Place;
use gwanje_hub::Clock;
use gwanje_hub::store::{After, Ask, Store, StoreConfig};
use gwanje_model::{Delivery, DeliveryId, Rev, RowDigest};
use gwanje_wire::frame::Frame;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    Create,
    Act(u64, Ask),
    Archive,
    Restart,
    /// The handle goes without a word.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let ask = prop_oneof![
        Just(Ask::Accept),
        (0..4u32).prop_map(|n| Ask::Assign(format!("r{n}").into())),
        Just(Ask::Unassign),
        Just(Ask::Confirm),
        Just(Ask::Pickup),
        Just(Ask::Deliver),
        Just(cancel()),
        Just(Ask::Note { text: "문 앞".into(), role: None }),
    ];
    prop_oneof![
        4 => Just(Step::Create),
        16 => (1..12u64, ask).prop_map(|(id, ask)| Step::Act(id, ask)),
        1 => Just(Step::Archive),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

/// What a client holds: rows by id, and a cursor.
#[derive(Default)]
struct Board {
    rows: BTreeMap<DeliveryId, Delivery>,
    at: Rev,
}

impl Board {
    fn apply(&mut self, frame: &Frame) {
        assert_eq!(frame.from, self.at, "frames join without a gap");
        let mut last = frame.from;
        for row in &frame.rows {
            let row = row.delivery().unwrap();
            assert!(row.rev > last && row.rev <= frame.to, "rows come in rev order, within the frame");
            last = row.rev;
            self.rows.insert(row.id, Delivery::clone(row));
        }
        for gone in &frame.gone {
            assert!(gone.rev > frame.from && gone.rev <= frame.to);
            self.rows.remove(&gone.id);
        }
        self.at = frame.to;
    }

    async fn follow(&mut self, store: &Store, limit: usize) {
        loop {
            let frame = store.frame(&gangnam(), self.at, limit).await.unwrap();
            let whole = frame.to == frame.as_of;
            self.apply(&frame);
            if whole {
                return;
            }
        }
    }

    fn digest(&self) -> RowDigest {
        RowDigest::of(self.rows.values().map(|row| (row.id, row.rev)))
    }
}

/// The digest kept incrementally is the digest of the rows; every revision is one change; a follower of frames holds the
/// board, whatever the pages, from memory and from the tables; history tells every change.
pub fn a_followed_board_is_the_board(empty: impl AsyncFn() -> Place) {
    let config = ProptestConfig { cases: 24, ..ProptestConfig::default() };
    let recent = prop_oneof![Just(1usize), Just(8), Just(16_384)];
    let steps = proptest::collection::vec(step(), 1..60);
    proptest!(config, |(steps in steps, limit in 1..5usize, recent_changes in recent)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = empty().await;
            let clock = Clock::drill(START.plus_min(600), 0.0);
            let config = StoreConfig { recent_changes, ..StoreConfig::temporary(clock.clone()) };
            let mut store = place.open(config.clone()).await;
            let (mut near, mut far, mut changes) = (Board::default(), Board::default(), 0);
            for step in steps {
                match step {
                    Step::Create => changes += u64::from(store.execute(create()).await.unwrap().result.is_ok()),
                    Step::Act(id, ask) => {
                        changes += u64::from(store.execute(act(id, ask)).await.unwrap().result.is_ok());
                    }
                    Step::Archive => {
                        changes += store.archive_ended_before(&gangnam(), clock.day_now()).await.unwrap() as u64;
                    }
                    Step::Restart => {
                        store.close().await;
                        store = place.open(config.clone()).await;
                    }
                    Step::Crash => {
                        drop(store);
                        store = place.open(config.clone()).await;
                    }
                }
                near.follow(&store, 1_000).await;
                let head = store.head(&gangnam()).await.unwrap();
                assert_eq!((head.rev, head.rows()), (Rev(changes), near.digest()));
            }
            far.follow(&store, limit).await;
            assert_eq!(far.rows, near.rows);
            let reply = store.digest(&gangnam(), After::default()).await.unwrap();
            let (count, digest) = reply.buckets.iter().fold((0, 0u64), |(count, digest), bucket| {
                (count + bucket.count, digest.wrapping_add(bucket.digest.0))
            });
            assert_eq!((count, digest), (near.digest().count, near.digest().digest.0));
            let mut told = 0;
            for id in 1..=changes {
                told += store.history(&gangnam(), DeliveryId(id)).await.unwrap().len() as u64;
            }
            assert_eq!(told, changes, "one event a revision");
            let alarms = store.alarms_after(&gangnam(), 0, 1_000).await.unwrap();
            let mut cancelled = 0;
            for id in 1..=changes {
                let row = store.delivery(&gangnam(), DeliveryId(id)).await.unwrap();
                cancelled += u64::from(row.is_some_and(|(_, row)| row.cancel.is_some()));
            }
            assert_eq!((alarms.alarm_seq, alarms.alarms.len() as u64), (cancelled, cancelled));
            store.close().await;
        });
    });
}

/// Commands that meet in the writer's queue share a transaction, and still each have a revision and an outcome.
pub async fn many_at_once_have_a_revision_each(place: Place) {
    let store = place.open(config()).await;
    let mut committed = store.committed(&gangnam()).unwrap();
    let outcomes = futures_util::future::join_all((0..300).map(|_| store.execute(create()))).await;
    let mut revs: Vec<u64> =
        outcomes.iter().map(|o| o.as_ref().unwrap().result.as_ref().unwrap().row.rev.0).collect();
    revs.sort_unstable();
    assert_eq!(revs, (1..=300).collect::<Vec<_>>());
    assert_eq!(*committed.borrow_and_update(), Rev(300));
    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!(head.count, 300);
    assert_eq!(store.recent_head(&gangnam()).unwrap().rows(), head.rows());
}
