//! All that a file keeps moves into an empty database, and goes on there.

use crate::day::{START, act, by, cancel, config, create, done, gangnam, prepare};
use crate::opening::{database, fresh};
use gwanje_hub::auth::{ApiKey, NewAccount, Scope};
use gwanje_hub::origin::Origin;
use gwanje_hub::purpose::{Purpose, PurposeError, use_for};
use gwanje_hub::store::{
    After, Ask, Command, Idempotency, Intent, MoveError, Moved, PastSearch, Replaces, Store, StoreConfig,
    StorePlace, move_store,
};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{DeliveryId, Rev, Role, UtcMillis};
use gwanje_wire::rest::{LoginRequest, ReceiptStage};
use gwanje_wire::socket::{AlarmReceipt, Cursor};
use std::path::{Path, PathBuf};

pub fn file(folder: &Path) -> PathBuf {
    folder.join("hub.sqlite")
}

async fn moved(file: &Path, url: &str) -> Result<Moved, MoveError> {
    move_store(&StorePlace::File(file.to_owned()), &StorePlace::Postgres(url.to_owned())).await
}

fn keyed() -> Command {
    let key = Idempotency { path: "/accept".into(), key: "K1".into(), body_hash: [7; 32] };
    let command = Command::new(gangnam(), Intent::Act(DeliveryId(1), Ask::Accept), "kim", START);
    Command { idempotency: Some(key), ..command }
}

/// A store with something in every table; the clock stands.
pub async fn lived(folder: &Path, clock: &Clock) -> Store {
    let store = Store::open(StoreConfig::at(file(folder), clock.clone())).unwrap();
    prepare(&store).await;
    for _ in 0..9 {
        done(&store, create()).await;
    }
    store.execute(keyed()).await.unwrap();
    done(&store, act(1, Ask::Assign("r1".into()))).await;
    done(&store, act(2, cancel())).await;
    done(&store, act(3, cancel())).await;
    let alarm = store.alarms_after(&gangnam(), 0, 10).await.unwrap().alarms.remove(0);
    let receipt = AlarmReceipt {
        id: alarm.id,
        kind: alarm.kind,
        raised_at: alarm.raised_at,
        stage: ReceiptStage::Acknowledged,
    };
    store.record_receipt(&gangnam(), receipt, by("kim", "seat")).await.unwrap();
    store.archive_ended_before(&gangnam(), UtcMillis(START.0 + 1)).await.unwrap();
    store.keep_preference("kim".into(), "views".into(), "{\"a\":1}".into(), Replaces::Nothing).await.unwrap();
    store
}

/// All that a store tells of the center.
async fn told(store: &Store) -> String {
    let center = gangnam();
    let head = store.head(&center).await.unwrap();
    let rows = store.digest(&center, After::rev(Rev(0))).await.unwrap();
    let mut histories = Vec::new();
    for id in 1..=9 {
        histories.push(store.history(&center, DeliveryId(id)).await.unwrap());
    }
    let told = (
        (head.epoch, head.rev, head.count, head.digest, head.alarm_seq),
        (rows.buckets, rows.frame.map(|frame| frame.rows)),
        histories,
        store.alarms_after(&center, 0, 100).await.unwrap(),
        store.riders(&center).await.unwrap(),
        store.search(&center, PastSearch::default()).await.unwrap(),
        store.preference("kim".into(), "views".into()).await.unwrap(),
    );
    format!("{told:#?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_histories_alarms_outcomes_and_sign_ins_go_on_in_the_database() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::drill(START, 0.0));
    let hub = Hub::open(lived(folder.path(), &clock).await, HubConfig::default()).await.unwrap();
    use_for(&hub, Purpose::Production).await.unwrap();
    let account = NewAccount {
        name: "kim".into(),
        role: Role::Dispatcher,
        centers: vec![gangnam()],
        rider: None,
        person: Some("김".into()),
        password: "kim".into(),
    };
    hub.auth.put_account(account).await.unwrap();
    let key = ApiKey { name: "till".into(), centers: vec![gangnam()], scopes: vec![Scope::Create] };
    let key = hub.auth.put_key(key).await.unwrap();
    let (_, tokens) = hub
        .auth
        .login(LoginRequest { account: "kim".into(), password: "kim".into() }, &Origin::default())
        .await
        .unwrap();
    let before = told(&hub.store).await;
    let head = hub.store.head(&gangnam()).await.unwrap();
    let cursor = Cursor { epoch: head.epoch.clone(), rev: Rev(9) };
    hub.store.close().await;

    let url = database(&fresh()).await;
    let what = moved(&file(folder.path()), &url).await.unwrap();
    assert!(!what.before && what.rows.contains(&("archive", 2)), "{what:?}");
    let store = Store::connect(&url, None, StoreConfig::temporary(clock.clone())).await.unwrap();
    assert_eq!(told(&store).await, before);
    assert_eq!(
        store.changes(&gangnam(), Some(&cursor), 100).await.unwrap().frame.from,
        Rev(9),
        "no snapshot"
    );
    assert!(store.execute(keyed()).await.unwrap().replayed, "answered as recorded");
    let next = done(&store, create()).await.result.unwrap();
    assert_eq!((next.row.id, next.row.rev), (DeliveryId(10), Rev(head.rev.0 + 1)), "ids and revisions go on");
    let hub = Hub::open(store, HubConfig::default()).await.unwrap();
    use_for(&hub, Purpose::Production).await.unwrap();
    let headers = |name: &'static str, value: &str| {
        axum::http::HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            value.parse().unwrap(),
        )])
    };
    let bearer = headers("authorization", &format!("Bearer {}", tokens.access_token));
    assert!(hub.auth.identify(&bearer).await.is_ok(), "who signed in before is signed in still");
    assert!(hub.auth.identify(&headers("x-api-key", &key)).await.is_ok());

    // And back into a file, once no hub runs on the database.
    let (from, folder) = (StorePlace::Postgres(url), tempfile::tempdir().unwrap());
    let to = StorePlace::File(file(folder.path()));
    let refused = move_store(&from, &to).await;
    assert!(matches!(refused, Err(MoveError::InUse(_))), "{refused:?}");
    assert!(use_for(&hub, Purpose::Production).await.is_ok(), "it serves on");
    let before = told(&hub.store).await;
    hub.store.close().await;
    drop(hub);
    move_store(&from, &to).await.unwrap();
    let store = Store::open(StoreConfig::at(file(folder.path()), clock)).unwrap();
    assert_eq!(told(&store).await, before);
    let next = done(&store, create()).await.result.unwrap();
    assert_eq!((next.row.id, next.row.rev), (DeliveryId(11), Rev(head.rev.0 + 2)));
    let hub = Hub::open(store, HubConfig::default()).await.unwrap();
    use_for(&hub, Purpose::Production).await.unwrap();
    assert!(hub.auth.identify(&bearer).await.is_ok());
}

#[tokio::test]
async fn a_file_that_was_moved_serves_no_more_and_a_move_that_was_cut_short_is_finished() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::drill(START, 0.0));
    lived(folder.path(), &clock).await.close().await;
    let path = file(folder.path());
    let at_file = async || {
        let store = Store::open(StoreConfig::at(&path, clock.clone())).unwrap();
        let hub = Hub::open(store, HubConfig::default()).await.unwrap();
        use_for(&hub, Purpose::Production).await
    };
    let away = moved(&path, "postgres://127.0.0.1:1/x").await;
    assert!(matches!(away, Err(MoveError::Store(_))), "{away:?}");
    assert!(at_file().await.is_ok(), "nothing happened");
    let url = database(&fresh()).await;
    let to = StorePlace::Postgres(url.clone()).to_string();
    // Killed before the commit: the file can't know whether it came to that.
    let mark = |done| {
        let file = rusqlite::Connection::open(&path).unwrap();
        let mark = format!("{{\"id\":\"M1\",\"to\":\"{to}\",\"done\":{done}}}");
        file.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('note:moved', ?1)", [mark]).unwrap();
    };
    mark(false);
    assert!(matches!(at_file().await, Err(PurposeError::Moving(place)) if place == to));
    let elsewhere = moved(&path, "postgres://127.0.0.1:1/y").await;
    assert!(matches!(elsewhere, Err(MoveError::Elsewhere(place)) if place == to));

    assert!(!moved(&path, &url).await.unwrap().before);
    assert!(matches!(at_file().await, Err(PurposeError::Moved(place)) if place == to));
    assert!(matches!(moved(&path, &url).await, Err(MoveError::Moved(_))));

    // Killed after the commit, before the file knew.
    mark(false);
    assert!(moved(&path, &url).await.unwrap().before);
    assert!(matches!(at_file().await, Err(PurposeError::Moved(_))));
}

#[tokio::test]
async fn what_can_t_be_moved_is_left_as_it_is() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::drill(START, 0.0));
    let store = lived(folder.path(), &clock).await;
    let path = file(folder.path());
    store.close().await;
    // Another's database.
    let url = database(&fresh()).await;
    let used = Store::connect(&url, None, config()).await.unwrap();
    prepare(&used).await;
    done(&used, create()).await;
    let refused = moved(&path, &url).await;
    assert!(matches!(refused, Err(MoveError::NotEmpty(_))), "{refused:?}");
    assert_eq!(used.head(&gangnam()).await.unwrap().rev, Rev(1));

    // Damage is found, and nothing of it is in the database.
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("DELETE FROM delivery WHERE id = 5", []).unwrap();
    let url = database(&fresh()).await;
    let refused = moved(&path, &url).await;
    assert!(matches!(refused, Err(MoveError::Damaged { .. })), "{refused:?}");
    let empty = Store::connect(&url, None, config()).await.unwrap();
    assert!(empty.center_ids().is_empty());

    // Everybody knows a demo's accounts.
    let folder = tempfile::tempdir().unwrap();
    let store = lived(folder.path(), &clock).await;
    store.meta_set("purpose", "demo").await.unwrap();
    store.close().await;
    let refused = moved(&folder.path().join("hub.sqlite"), &url).await;
    assert!(matches!(refused, Err(MoveError::IsDemo)), "{refused:?}");
}
