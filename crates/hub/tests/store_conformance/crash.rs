//! What outlives a handle that goes without a word, and an answer that is lost.

use crate::day::{START, act, cancel, config, create, done, gangnam};
use crate::place::Place;
use futures_util::FutureExt;
use gwanje_hub::store::{Ask, Command, Decided, Idempotency, Intent, Store, StoreError};
use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::rest::Outcome;

fn keyed(key: &str, command: Command) -> Command {
    let idempotency = Idempotency { path: "/x".into(), key: key.into(), body_hash: [7; 32] };
    Command { idempotency: Some(idempotency), ..command }
}

async fn revs(store: &Store) -> Vec<(u64, u64)> {
    let frame = store.frame(&gangnam(), Rev(0), 1_000).await.unwrap();
    frame.rows.iter().map(|row| (row.id().0, row.rev().0)).collect()
}

/// Whatever was answered is there, and nothing twice, when a handle goes with asks under way.
pub async fn a_handle_that_goes_without_a_word_takes_nothing_with_it(place: Place) {
    let mut answered = 0;
    for round in 0..8 {
        let store = place.open(config()).await;
        done(&store, create()).await;
        answered += 1;
        // Some of these are asked and never waited for.
        let asked: Vec<_> = (0..round).map(|n| keyed(&format!("{round}-{n}"), create())).collect();
        for command in &asked {
            _ = store.execute(command.clone()).now_or_never();
        }
        drop(store);
        let store = place.open(config()).await;
        for command in asked {
            let Decided { result, .. } = store.execute(command.clone()).await.unwrap();
            let again = store.execute(command).await.unwrap();
            assert!(again.replayed && again.result == result, "{again:?}");
            answered += 1;
        }
        let head = store.head(&gangnam()).await.unwrap();
        assert_eq!((head.rev, head.count), (Rev(answered), answered));
        assert_eq!(store.recent_head(&gangnam()).unwrap().rows(), head.rows());
        assert_eq!(revs(&store).await.len() as u64, answered, "one each");
    }
}

pub async fn an_answer_that_is_lost_is_found_under_its_key(place: Place) {
    let store = place.open(config()).await;
    done(&store, create()).await;
    let accept = || keyed("A", act(1, Ask::Accept));
    let lost = place.without_answer(store.execute(accept())).await;
    assert!(matches!(lost, Err(StoreError::Unsettled)), "{lost:?}");
    // Asked again, at another handle too: it is decided already.
    let again = store.execute(accept()).await.unwrap();
    assert_eq!((again.replayed, again.result.unwrap().row.rev), (true, Rev(2)));
    let other = place.open(config()).await;
    assert!(other.execute(accept()).await.unwrap().replayed);
    let lost = place.without_answer(store.execute(keyed("B", act(1, cancel())))).await;
    assert!(matches!(lost, Err(StoreError::Unsettled)), "{lost:?}");
    let told = other.close_command("dispatcher".into(), &gangnam(), "B".into()).await.unwrap();
    assert_eq!((told.outcome, told.status), (Outcome::Done, Some(200)));
    // What nobody was told is told with the next change, and alarms with it.
    done(&store, Command::new(gangnam(), Intent::Create(Box::new(crate::day::order())), "till", START)).await;
    for store in [&store, &other] {
        assert_eq!(store.head(&gangnam()).await.unwrap().rev, Rev(4));
        assert_eq!(revs(store).await.iter().map(|(_, rev)| *rev).collect::<Vec<_>>(), [3, 4]);
        let alarms = store.alarms_after(&gangnam(), 0, 10).await.unwrap().alarms;
        assert_eq!(alarms.iter().map(|alarm| alarm.id).collect::<Vec<_>>(), [DeliveryId(1)]);
        assert_eq!(store.history(&gangnam(), DeliveryId(1)).await.unwrap().len(), 3);
    }
}
