//! A backup is made while hubs go on, holds all as of one instant, and becomes a store in which new epochs begin.

use crate::day::{START, create, done, gangnam};
use crate::moving::{file, lived};
use crate::opening::{database, fresh};
use gwanje_hub::purpose::{Purpose, PurposeError, use_for};
use gwanje_hub::store::{
    BackupError, MoveError, PastSearch, Store, StoreConfig, StorePlace, back_up, move_store, restore,
};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::{DeliveryId, Rev};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// All that a store tells, but for its history's name and what begins with it.
async fn told_of(store: &Store) -> String {
    let center = gangnam();
    let head = store.head(&center).await.unwrap();
    let mut deliveries = Vec::new();
    for id in (1..=9).map(DeliveryId) {
        let row = store.delivery(&center, id).await.unwrap();
        deliveries.push((row, store.history(&center, id).await.unwrap()));
    }
    let told = (
        (head.rev, head.count, head.digest, head.alarm_seq),
        deliveries,
        store.alarms_after(&center, 0, 100).await.unwrap(),
        store.riders(&center).await.unwrap(),
        store.search(&center, PastSearch::default()).await.unwrap(),
        store.preference("kim".into(), "views".into()).await.unwrap(),
    );
    format!("{told:#?}").replace(head.epoch.as_str(), "EPOCH")
}

fn opened(folder: &Path, clock: &Clock) -> Store {
    Store::open(StoreConfig::at(file(folder), clock.clone())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_held_while_it_was_in_use_goes_on_in_a_file_and_in_a_database() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::drill(START, 0.0));
    let store = lived(folder.path(), &clock).await;
    let (before, head) = (told_of(&store).await, store.head(&gangnam()).await.unwrap());
    let place = StorePlace::File(file(folder.path()));
    let backup = folder.path().join("today.backup");
    back_up(&place, &backup).await.unwrap();
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let again = back_up(&place, &backup).await;
    assert!(matches!(again, Err(BackupError::Exists(_))), "{again:?}");
    done(&store, create()).await;
    store.close().await;

    let target = tempfile::tempdir().unwrap();
    let places = [StorePlace::File(file(target.path())), StorePlace::Postgres(database(&fresh()).await)];
    for to in &places {
        let (_, moved) = restore(&backup, to).await.unwrap();
        assert!(!moved.before && moved.rows.contains(&("archive", 2)), "{moved:?}");
        let store = match to {
            StorePlace::File(_) => opened(target.path(), &clock),
            StorePlace::Postgres(url) => {
                Store::connect(url, None, StoreConfig::temporary(clock.clone())).await.unwrap()
            }
        };
        assert_eq!(told_of(&store).await, before, "{to}");
        let now = store.head(&gangnam()).await.unwrap();
        assert!(now.epoch > head.epoch, "boards fetch anew: {now:?} after {head:?}");
        let next = done(&store, create()).await.result.unwrap();
        assert_eq!((next.row.id.0, next.row.rev), (10, Rev(head.rev.0 + 1)), "{to}");
        let hub = Hub::open(store, HubConfig::default()).await.unwrap();
        use_for(&hub, Purpose::Production).await.unwrap();
        hub.store.close().await;
        drop(hub);

        // One that was cut short is run again; one that is in use stays as it is.
        let (_, moved) = restore(&backup, to).await.unwrap();
        assert!(moved.before, "{to}");
    }
    let store = opened(target.path(), &clock);
    assert_eq!(store.head(&gangnam()).await.unwrap().rev, Rev(head.rev.0 + 1), "nothing of it is gone");
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    let is_scrap = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.ends_with(".part") || name.contains("restoring")
    };
    assert!(!left.iter().any(is_scrap), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_store_that_is_written_meanwhile_is_of_one_instant() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::drill(START, 0.0));
    let url = database(&fresh()).await;
    let file_store = lived(folder.path(), &clock).await;
    let from = tempfile::tempdir().unwrap();
    let first = lived(from.path(), &clock).await;
    first.close().await;
    move_store(&StorePlace::File(file(from.path())), &StorePlace::Postgres(url.clone())).await.unwrap();
    let shared = Store::connect(&url, None, StoreConfig::temporary(clock.clone())).await.unwrap();
    for (store, place) in
        [(file_store, StorePlace::File(file(folder.path()))), (shared, StorePlace::Postgres(url))]
    {
        let (target, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let backup = kept.path().join("b");
        let orders = async {
            let mut made = 0;
            while made < 20 || !backup.exists() {
                done(&store, create()).await;
                made += 1;
            }
        };
        let (backed_up, ()) = tokio::join!(back_up(&place, &backup), orders);
        backed_up.unwrap();
        store.close().await;
        // Holds each center's rows against its head.
        restore(&backup, &StorePlace::File(file(target.path()))).await.unwrap();
        let restored = opened(target.path(), &clock);
        let last = restored.head(&gangnam()).await.unwrap();
        let next = done(&restored, create()).await.result.unwrap();
        assert_eq!(next.row.rev, Rev(last.rev.0 + 1));
        assert!(restored.history(&gangnam(), next.row.id).await.unwrap().len() == 1, "an id of its own");
    }
}

#[tokio::test]
async fn what_is_no_backup_or_no_empty_store_is_left_as_it_is() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::drill(START, 0.0));
    let store = lived(folder.path(), &clock).await;
    let hub = Hub::open(store, HubConfig::default()).await.unwrap();
    use_for(&hub, Purpose::Production).await.unwrap();
    let place = StorePlace::File(file(folder.path()));
    let empty = tempfile::tempdir().unwrap();
    let to = StorePlace::File(file(empty.path()));
    for (what, file) in [
        ("a store in use", file(folder.path())),
        ("a text", {
            let text = folder.path().join("text");
            std::fs::write(&text, "not a database").unwrap();
            text
        }),
    ] {
        let refused = restore(&file, &to).await;
        assert!(matches!(refused, Err(BackupError::NoBackup { .. })), "{what}: {refused:?}");
    }
    let missing = restore(&folder.path().join("none"), &to).await;
    assert!(matches!(missing, Err(BackupError::NoFile(_))), "{missing:?}");
    let nowhere = back_up(&place, &folder.path().join("no/folder/b")).await;
    assert!(matches!(nowhere, Err(BackupError::Io { .. })), "{nowhere:?}");
    assert!(!file(empty.path()).exists(), "nothing was made");

    let backup = folder.path().join("b");
    back_up(&place, &backup).await.unwrap();
    let refused = restore(&backup, &place).await;
    assert!(matches!(refused, Err(BackupError::Store(MoveError::NotEmpty(_)))), "{refused:?}");
    assert!(use_for(&hub, Purpose::Production).await.is_ok(), "it serves on");
    // Put where a store should be, it is served by no hub.
    std::fs::copy(&backup, file(empty.path())).unwrap();
    let hub = Hub::open(opened(empty.path(), &clock), HubConfig::default()).await.unwrap();
    let refused = use_for(&hub, Purpose::Production).await;
    assert!(matches!(refused, Err(PurposeError::Backup)), "{refused:?}");
}
