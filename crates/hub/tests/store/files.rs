//! The file: what was answered outlives the process, older versions are migrated, newer ones are left alone.

use crate::day::{START, act, cancel, create, done, gangnam, prepare};
use gwanje_hub::purpose::{Purpose, purpose_of, use_for};
use gwanje_hub::store::{After, Ask, Command, Idempotency, Store, StoreConfig, StoreError};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{DeliveryId, Rev, RowDigest, Status};
use gwanje_wire::rest::AlarmKind;

fn at(path: &std::path::Path) -> StoreConfig {
    StoreConfig::at(path.join("hub.sqlite"), Clock::drill(START, 0.0))
}

async fn open(config: StoreConfig) -> Store {
    let store = Store::open(config).unwrap();
    prepare(&store).await;
    store
}

#[tokio::test]
async fn what_was_answered_outlives_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(at(folder.path())).await;
    done(&store, create()).await;
    done(&store, act(1, cancel())).await;
    store.meta_set("day", "noon").await.unwrap();
    let before = store.head(&gangnam()).await.unwrap();
    // A copy of the files as they are, with the write-ahead log unfolded: what a killed process leaves.
    let killed = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), killed.path().join(entry.file_name())).unwrap();
    }
    store.close().await;
    assert!(matches!(store.execute(create()).await, Err(StoreError::NotCommitted)), "closed");
    for folder in [&folder, &killed] {
        let store = open(at(folder.path())).await;
        let head = store.head(&gangnam()).await.unwrap();
        assert_eq!((&head.epoch, head.rev, head.rows()), (&before.epoch, Rev(2), before.rows()));
        assert_eq!(head.alarm_seq, 1);
        assert_eq!(store.meta_get("day").await.unwrap().as_deref(), Some("noon"));
        let (_, row) = store.delivery(&gangnam(), DeliveryId(1)).await.unwrap().unwrap();
        assert_eq!(row.status, Status::Cancelled);
        let outcome = done(&store, create()).await;
        let row = &outcome.result.unwrap().row;
        assert_eq!((row.id, row.rev), (DeliveryId(2), Rev(3)), "ids and revisions go on");
        done(&store, act(2, Ask::Accept)).await;
        store.close().await;
    }
}

#[tokio::test]
async fn of_two_that_begin_with_an_empty_store_for_different_things_one_has_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let hub = async || {
        let store = Store::open(at(folder.path())).unwrap();
        Hub::open(store, HubConfig::default()).await.unwrap()
    };
    let (played, real) = (hub().await, hub().await);
    assert_eq!(purpose_of(&played).await.unwrap(), None, "nothing was ever kept in it");
    let (demo, production) =
        tokio::join!(use_for(&played, Purpose::Demo), use_for(&real, Purpose::Production));
    let kept = purpose_of(&real).await.unwrap().unwrap();
    assert_eq!((demo.is_ok(), production.is_ok()), (kept == Purpose::Demo, kept == Purpose::Production));
    assert!(use_for(&hub().await, kept).await.is_ok(), "again");
    real.store.meta_set("purpose", "museum").await.unwrap();
    let said = use_for(&real, Purpose::Production).await.unwrap_err();
    assert!(said.is_other_store() && said.to_string().contains("museum"), "{said}");
}

/// Commands that meet in one transaction with one that can't be decided are decided all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(at(folder.path())).await;
    let keyed = |key: &str| {
        let idempotency = Idempotency { path: "/x".into(), key: key.into(), body_hash: [7; 32] };
        Command { idempotency: Some(idempotency), ..create() }
    };
    store.execute(keyed("K")).await.unwrap();
    let other = rusqlite::Connection::open(folder.path().join("hub.sqlite")).unwrap();
    other.execute("UPDATE outcome SET body = 'damaged'", []).unwrap();
    let asked = (0..300).map(|n| store.execute(if n % 10 == 5 { keyed("K") } else { create() }));
    let outcomes = futures_util::future::join_all(asked).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), n % 10 != 5, "{n}: {outcome:?}");
    }
    let mut revs: Vec<u64> =
        outcomes.into_iter().flatten().map(|outcome| outcome.result.unwrap().row.rev.0).collect();
    revs.sort_unstable();
    assert_eq!(revs, (2..=271).collect::<Vec<_>>());
    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!((head.rev, head.count), (Rev(271), 271));
    assert_eq!(store.recent_head(&gangnam()).unwrap().rows(), head.rows());
    let frame = store.frame(&gangnam(), Rev(0), 1_000).await.unwrap();
    assert_eq!(RowDigest::of(frame.rows.iter().map(|row| (row.id(), row.rev()))), head.rows());
}

#[tokio::test]
async fn every_older_version_is_migrated_and_a_newer_one_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.sqlite");
    let fixture = rusqlite::Connection::open(&file).unwrap();
    fixture.execute_batch(include_str!("fixtures/v1.sql")).unwrap();
    drop(fixture);
    let clock = Clock::drill(START, 0.0);
    let store = Store::open(StoreConfig { clock: clock.clone(), ..at(folder.path()) }).unwrap();
    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!((head.epoch.as_str(), head.rev, head.count), ("01KJP4RKV0ZZZZZZZZZZZZZZZZ", Rev(2), 1));
    let reply = store.digest(&gangnam(), After::rev(Rev(0))).await.unwrap();
    assert_eq!(reply.frame.unwrap().rows.len(), 1);
    assert_eq!(reply.buckets.iter().map(|bucket| bucket.digest.0).fold(0, u64::wrapping_add), head.digest.0);
    assert_eq!(store.history(&gangnam(), DeliveryId(1)).await.unwrap().len(), 2);
    done(&store, act(1, Ask::Accept)).await;
    clock.set_day(START.plus_min(600));
    store.write_due_alarms(&gangnam()).await.unwrap();
    let alarms = store.alarms_after(&gangnam(), 0, 1_000).await.unwrap().alarms;
    let of: Vec<_> = alarms.iter().map(|alarm| (alarm.id.0, alarm.kind)).collect();
    assert_eq!(of, [(1, AlarmKind::Late)], "what an older version's rows will be is known");
    store.close().await;

    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let newer = Store::open(at(folder.path()));
    assert!(matches!(newer, Err(StoreError::Newer { found: 999, .. })));
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hub.sqlite"), vec![b'x'; 8_192]).unwrap();
    let Err(error) = Store::open(at(folder.path())) else { panic!("it was opened") };
    let text = error.to_string();
    assert!(text.contains("hub.sqlite") && text.contains("not a database"), "{text}");
    let missing = StoreConfig::at("/nowhere/at/all/hub.sqlite", Clock::wall());
    assert!(matches!(Store::open(missing), Err(StoreError::Unusable { .. })));
}

#[tokio::test]
async fn nobody_but_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let rights = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let named = |file: std::fs::DirEntry| {
            (file.file_name().into_string().unwrap(), file.metadata().unwrap().permissions().mode() & 0o777)
        };
        files.map(named).collect::<std::collections::BTreeMap<_, _>>()
    };
    let store = open(at(folder.path())).await;
    assert!(rights().len() >= 2 && rights().values().all(|mode| *mode == 0o600), "{:?}", rights());
    store.close().await;
    // One of an older version, which everybody could read.
    for name in rights().keys() {
        std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let store = open(at(folder.path())).await;
    assert!(rights().values().all(|mode| *mode == 0o600), "{:?}", rights());
    store.close().await;
}

/// The bytes of everything in a folder.
fn all_bytes(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// Nothing of an erased customer is left in the files of a hub that runs: neither in rows, nor between them, nor in the log.
#[tokio::test]
async fn of_an_erased_customer_nothing_is_left_in_the_files() {
    use gwanje_hub::store::{Erasure, Intent};
    let folder = tempfile::tempdir().unwrap();
    let store = open(at(folder.path())).await;
    let secrets: [&[u8]; 3] =
        ["010-8765-4321".as_bytes(), "가나다라 303".as_bytes(), "01087654321".as_bytes()];
    let found = || {
        let files = all_bytes(folder.path());
        let is_in = |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        let of = |secret: &[u8]| files.iter().filter(|(_, bytes)| is_in(bytes, secret)).count();
        secrets.map(of)
    };
    for n in 0..40 {
        let mut order = crate::day::order();
        order.dropoff.phone = "010-8765-4321".into();
        order.dropoff.address = "가나다라 303".into();
        // Some are longer than a page.
        order.request = "call 01087654321. ".repeat(1 + n * 7).as_str().into();
        done(&store, Command::new(gangnam(), Intent::Create(Box::new(order)), "callcenter", START)).await;
        done(&store, create()).await;
    }
    for n in 0..40 {
        done(&store, act(n * 2 + 1, cancel())).await;
    }
    store.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap();
    assert!(found().iter().all(|files| *files > 0), "{:?}", found());
    let erased = store.erase(&Erasure::of_phone("+82 10 8765 4321").unwrap()).await.unwrap();
    assert_eq!(found(), [0; 3], "{erased:?}");
    store.close().await;
    assert_eq!(found(), [0; 3], "nor afterwards");
}
