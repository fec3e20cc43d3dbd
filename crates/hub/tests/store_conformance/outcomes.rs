//! What is kept under idempotency keys.

use crate::day::{START, act, config, create, done, gangnam, order};
use crate::place::Place;
use gwanje_hub::store::{Ask, BatchAct, BatchCommand, Command, Idempotency, IfMatch, Intent, Store};
use gwanje_ledger::Seen;
use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::rest::Outcome;

fn key(key: &str) -> Option<Idempotency> {
    Some(Idempotency { path: "/x".into(), key: key.into(), body_hash: [7; 32] })
}

fn batch() -> BatchCommand {
    let act =
        |id, seen| BatchAct { id: DeliveryId(id), ask: Ok(Ask::Accept), seen: Some(Seen::At(Rev(seen))) };
    BatchCommand {
        center: gangnam(),
        // The first is carried out, the second has moved on, the third never was.
        acts: Ok(vec![act(2, 2), act(1, 7), act(9, 1)]),
        by: "dispatcher".into(),
        at: START,
        idempotency: key("batch"),
        only_rider: None,
    }
}

/// An order, a batch, and a change that meets another revision.
async fn asked(store: &Store, epoch: &str) -> (Command, Command) {
    let mut long = order();
    long.request = "문 앞에 두세요. ".repeat(2_000).as_str().into();
    let create = Command::new(gangnam(), Intent::Create(Box::new(long)), "till", START);
    let create = Command { idempotency: key("create"), ..create };
    done(store, create.clone()).await;
    let if_match = Some(IfMatch { seen: vec![(epoch.into(), Rev(9))] });
    (create, Command { idempotency: key("note"), if_match, ..act(1, Ask::Accept) })
}

/// Whoever asks again gets the row as it was then, whatever has become of it; `current` too.
pub async fn an_outcome_tells_the_row_as_it_was_then(place: Place) {
    let store = place.open(config()).await;
    let epoch = store.epoch(&gangnam()).unwrap().to_string();
    let (order, conflict) = asked(&store, &epoch).await;
    done(&store, create()).await;
    let first = store.execute(conflict.clone()).await.unwrap().result.unwrap_err();
    assert_eq!(first.current.as_ref().unwrap().rev, Rev(1));
    let all = store.execute_batch(batch()).await.unwrap().unwrap();
    assert_eq!(all.reply.results.iter().map(|result| result.status).collect::<Vec<_>>(), [200, 409, 404]);
    done(&store, act(1, Ask::Note { text: "later".into(), role: None })).await;
    done(&store, act(2, Ask::Note { text: "later".into(), role: None })).await;
    let again = store.execute(order).await.unwrap();
    let row = again.result.unwrap().row;
    assert!(again.replayed && row.rev == Rev(1) && row.notes.is_empty() && row.request.len() > 40_000);
    assert_eq!(store.execute(conflict).await.unwrap().result.unwrap_err(), first);
    assert_eq!(store.execute_batch(batch()).await.unwrap().unwrap(), all);
    let told = store.close_command("till".into(), &gangnam(), "create".into()).await.unwrap();
    assert_eq!((told.outcome, told.status), (Outcome::Done, Some(201)));
    assert_eq!(told.body.unwrap(), serde_json::to_value(&*row).unwrap());
}

/// What is kept of an outcome is small, however large its rows are.
pub async fn an_outcome_holds_no_rows(place: Place) {
    let store = place.open(config()).await;
    let epoch = store.epoch(&gangnam()).unwrap().to_string();
    let (_, conflict) = asked(&store, &epoch).await;
    done(&store, create()).await;
    store.execute(conflict).await.unwrap().result.unwrap_err();
    store.execute_batch(batch()).await.unwrap().unwrap();
    assert_eq!(place.count("SELECT 1 FROM outcome").await, 3);
    assert_eq!(place.count("SELECT 1 FROM outcome WHERE length(body) > 2000").await, 0);
    assert_eq!(place.count("SELECT 1 FROM history WHERE length(body) > 20000").await, 1);
}
