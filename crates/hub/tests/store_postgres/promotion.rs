//! Databases that lack what was told: standbys that are promoted, and older copies put back.

use crate::day::{act, cancel, config, create, done, gangnam, prepare};
use crate::followed::{followed, names};
use crate::opening::{administer, database, fresh};
use crate::postgres::Cluster;
use gwanje_hub::store::{Ask, Replication, Store, StoreConfig, StoreError};
use gwanje_hub::{Hub, HubConfig};
use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::ResyncReason;
use gwanje_wire::socket::Cursor;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A node that does not look by itself.
fn blind() -> StoreConfig {
    StoreConfig { look: Duration::from_secs(86_400), ..config() }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_promotion_exactly_the_lost_commits_are_gone_and_every_board_begins_anew() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let url = cluster.url_of_both("postgres");
    let (first, second) = (
        Store::connect(&url, None, config()).await.unwrap(),
        Store::connect(&url, None, blind()).await.unwrap(),
    );
    prepare(&first).await;
    for _ in 0..3 {
        done(&first, create()).await;
    }
    cluster.cut();
    done(&first, create()).await;
    done(&first, act(1, cancel())).await;
    let lost = first.head(&gangnam()).await.unwrap();
    assert_eq!(lost.rev, Rev(5));
    cluster.stop();
    cluster.promote();

    let hub = Arc::new(Hub::open(second, HubConfig::default()).await.unwrap());
    let kept = done(&first, act(2, Ask::Accept)).await;
    assert_eq!(kept.result.unwrap().row.rev, Rev(4), "revisions go on where the standby stood");
    for node in [&first, &hub.store] {
        let head = node.head(&gangnam()).await.unwrap();
        assert!(head.epoch > lost.epoch && head.rev == Rev(4) && head.count == 3, "{head:?} after {lost:?}");
        let cursor = Cursor { epoch: lost.epoch.clone(), rev: Rev(3) };
        let refused = node.changes(&gangnam(), Some(&cursor), 10).await;
        assert!(matches!(refused, Err(StoreError::Resync(ResyncReason::Epoch))), "{refused:?}");
        let (epoch, row) = node.delivery(&gangnam(), DeliveryId(1)).await.unwrap().unwrap();
        assert_eq!((epoch, row.rev), (head.epoch.clone(), Rev(1)), "its cancellation is lost");
        let alarms = node.alarms_after(&gangnam(), 0, 10).await.unwrap();
        assert_eq!((alarms.alarms.len(), alarms.alarm_seq), (0, 0));
    }
    assert_eq!(hub.store.epoch(&gangnam()).unwrap(), first.epoch(&gangnam()).unwrap(), "it begins once");
}

/// A standby that has all that was told goes on where it stood: nobody fetches anything anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_follows_synchronously_goes_on_from_every_cursor() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let url = cluster.url_of_both("postgres");
    let synchronous = || StoreConfig { replication: Replication::Synchronous, ..blind() };
    let (first, second) = (
        Store::connect(&url, None, synchronous()).await.unwrap(),
        Store::connect(&url, None, synchronous()).await.unwrap(),
    );
    prepare(&first).await;
    for _ in 0..3 {
        done(&first, create()).await;
    }
    let before = second.head(&gangnam()).await.unwrap();
    cluster.cut();
    cluster.stop();
    cluster.promote();
    assert_eq!(done(&second, act(2, Ask::Accept)).await.result.unwrap().row.rev, Rev(4));
    for node in [&first, &second] {
        let head = node.head(&gangnam()).await.unwrap();
        assert_eq!((&head.epoch, head.rev), (&before.epoch, Rev(4)));
        let cursor = Cursor { epoch: before.epoch.clone(), rev: Rev(3) };
        assert_eq!(node.changes(&gangnam(), Some(&cursor), 10).await.unwrap().frame.rows.len(), 1);
    }
}

/// Whatever was said of the standby: a node that has told more than it has begins an epoch.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_told_more_than_a_synchronous_standby_has_begins_an_epoch() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let synchronous = StoreConfig { replication: Replication::Synchronous, ..blind() };
    let store = Store::connect(&cluster.url_of_both("postgres"), None, synchronous).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    cluster.cut();
    done(&store, create()).await;
    let lost = store.head(&gangnam()).await.unwrap();
    cluster.stop();
    cluster.promote();
    assert_eq!(done(&store, act(1, Ask::Accept)).await.result.unwrap().row.rev, Rev(2));
    let head = store.head(&gangnam()).await.unwrap();
    assert!(head.epoch > lost.epoch && head.count == 1, "{head:?} after {lost:?}");
}

/// Sockets stay: whoever follows is told the new head, though it is behind what was told before.
#[tokio::test(flavor = "multi_thread")]
async fn followers_are_told_the_head_of_the_promoted_standby() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let store = Store::connect(&cluster.url_of_both("postgres"), None, blind()).await.unwrap();
    prepare(&store).await;
    let hub = Arc::new(Hub::open(store, HubConfig::default()).await.unwrap());
    done(&hub.store, create()).await;
    cluster.cut();
    let start = Instant::now();
    let (mut emission, tape) = followed(&hub, start);
    done(&hub.store, act(1, cancel())).await;
    emission.act(start).await.unwrap();
    assert_eq!(names(&tape.taken()), ["deliveries", "alarm"]);
    let lost = hub.store.epoch(&gangnam()).unwrap();
    cluster.stop();
    cluster.promote();
    let mut now = start + Duration::from_secs(2);
    // The first attempt meets a connection that is gone, perhaps.
    while hub.store.epoch(&gangnam()).unwrap() == lost {
        _ = emission.act(now).await;
        now = emission.wakes_at().unwrap();
    }
    emission.act(now).await.unwrap();
    let taken = tape.taken();
    assert_eq!(names(&taken), ["head"]);
    assert_eq!((taken[0].1["rev"].as_u64(), taken[0].1["alarmSeq"].as_u64()), (Some(1), Some(0)));
    done(&hub.store, act(1, cancel())).await;
    emission.act(now + Duration::from_millis(200)).await.unwrap();
    assert_eq!(names(&tape.taken()), ["deliveries", "alarm"], "it goes on from there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_left_is_not_gone_back_to() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let store = Store::connect(&cluster.url_of_both("postgres"), None, blind()).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    cluster.cut();
    done(&store, create()).await;
    cluster.stop();
    cluster.promote();
    done(&store, create()).await;
    let head = store.head(&gangnam()).await.unwrap();
    cluster.stop_replica();
    cluster.start_again();
    let refused = store.head(&gangnam()).await.unwrap_err().to_string();
    assert!(refused.contains("timeline 1") && refused.contains("timeline 2"), "{refused}");
    let refused = store.execute(create()).await;
    assert!(matches!(refused, Err(StoreError::NotCommitted)), "{refused:?}");
    assert_eq!(store.recent_head(&gangnam()).unwrap().epoch, head.epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_that_take_writes_the_promoted_one_is_used() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let url = cluster.url_of_both("postgres");
    let before = Store::connect(&url, None, blind()).await.unwrap();
    prepare(&before).await;
    done(&before, create()).await;
    cluster.cut();
    cluster.promote();
    let after = Store::connect(&url, None, blind()).await.unwrap();
    let (old, new) = (before.recent_head(&gangnam()).unwrap(), after.head(&gangnam()).await.unwrap());
    assert!(new.epoch > old.epoch && new.rev == Rev(1), "{new:?} after {old:?}");
}

/// The same server and timeline, and an older state of the database: only what was told shows it.
#[tokio::test]
async fn an_older_copy_put_back_below_a_running_node_begins_an_epoch() {
    let name = fresh();
    let url = database(&name).await;
    let store = Store::connect(&url, None, blind()).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    let alone = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS FALSE; \
         SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    administer(&alone).await;
    administer(&format!("CREATE DATABASE {name}_copy TEMPLATE {name}")).await;
    administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS TRUE")).await;
    done(&store, create()).await;
    let told = store.head(&gangnam()).await.unwrap();
    administer(&alone).await;
    administer(&format!("DROP DATABASE {name}")).await;
    administer(&format!("ALTER DATABASE {name}_copy RENAME TO {name}")).await;
    let head = store.head(&gangnam()).await.unwrap();
    assert!(head.epoch > told.epoch && head.rev == Rev(1) && told.rev == Rev(2), "{head:?} after {told:?}");
    let row = done(&store, create()).await.result.unwrap().row;
    assert_eq!(row.rev, Rev(2));
    // One that is opened now believes what it finds.
    let other = Store::connect(&url, None, blind()).await.unwrap();
    assert_eq!(other.epoch(&gangnam()).unwrap(), head.epoch);
}
