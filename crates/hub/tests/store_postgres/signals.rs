//! Hubs that hear of each other's commits through a real Redis.

use crate::day::{act, config, create, done, gangnam, prepare};
use crate::opening::{database, fresh};
use crate::postgres::Cluster;
use crate::redis::Redis;
use gwanje_hub::store::{Ask, Store, StoreConfig};
use gwanje_model::Rev;
use std::time::Duration;

/// Two nodes that do not look at the store by themselves.
async fn two(url: &str, redis: &Redis) -> (Store, Store) {
    let config = StoreConfig { look: Duration::from_secs(86_400), ..config() };
    let first = Store::connect(url, Some(&redis.url()), config.clone()).await.unwrap();
    prepare(&first).await;
    let second = Store::connect(url, Some(&redis.url()), config).await.unwrap();
    for node in [&first, &second] {
        heard(node, true).await;
    }
    (first, second)
}

/// Waits until signals come through, or do not any more.
async fn heard(node: &Store, wanted: bool) {
    while node.without().is_empty() != wanted {
        tokio::task::yield_now().await;
    }
}

async fn until(node: &Store, rev: u64) {
    node.committed(&gangnam()).unwrap().wait_for(|seen| *seen >= Rev(rev)).await.unwrap();
}

#[tokio::test]
async fn what_one_commits_the_other_has_in_memory() {
    let (mut cluster, redis) = (Cluster::start(), Redis::start());
    let (first, second) = two(&cluster.url("postgres"), &redis).await;
    for _ in 0..3 {
        done(&first, create()).await;
    }
    done(&second, act(1, Ask::Accept)).await;
    done(&first, act(2, Ask::Accept)).await;
    for node in [&first, &second] {
        until(node, 5).await;
    }
    // What is not in memory can't be had any more.
    cluster.stop();
    for node in [&first, &second] {
        let frame = node.frame(&gangnam(), Rev(0), 10).await.unwrap();
        let revs: Vec<_> = frame.rows.iter().map(|row| row.rev().0).collect();
        assert_eq!((revs, frame.to), (vec![3, 4, 5], Rev(5)));
    }
}

#[tokio::test]
async fn rows_too_large_for_a_signal_are_read_from_the_store() {
    let redis = Redis::start();
    let (first, second) = two(&database(&fresh()).await, &redis).await;
    done(&first, create()).await;
    for _ in 0..10 {
        done(&first, act(1, Ask::Note { text: "가".repeat(2_000).into(), role: None })).await;
    }
    until(&second, 11).await;
    let frame = second.frame(&gangnam(), Rev(0), 10).await.unwrap();
    assert_eq!(frame.rows[0].delivery().unwrap().notes.len(), 10);
    assert_eq!(second.recent_head(&gangnam()).unwrap().rows(), first.recent_head(&gangnam()).unwrap().rows());
}

#[tokio::test]
async fn a_redis_that_was_away_is_heard_again_and_what_was_missed_is_read() {
    let mut redis = Redis::start();
    let (first, second) = two(&database(&fresh()).await, &redis).await;
    done(&first, create()).await;
    until(&second, 1).await;
    redis.stop();
    heard(&first, false).await;
    done(&first, act(1, Ask::Accept)).await;
    assert_eq!(second.head(&gangnam()).await.unwrap().rev, Rev(2), "a head is read from the store");
    done(&second, create()).await;
    redis.start_again();
    until(&first, 3).await;
    for node in [&first, &second] {
        heard(node, true).await;
    }
    done(&first, create()).await;
    until(&second, 4).await;
}

#[tokio::test]
async fn a_redis_that_refuses_keeps_nobody_from_working() {
    let url = database(&fresh()).await;
    let nobody = Store::connect(&url, Some("redis://:s3cret@127.0.0.1:1"), config()).await.unwrap();
    prepare(&nobody).await;
    done(&nobody, create()).await;
    assert_eq!(nobody.without(), ["redis"]);
    let Err(error) = Store::connect(&url, Some("redis://:s3cret@:x"), config()).await else {
        panic!("it was read")
    };
    let said = error.to_string();
    assert!(said.contains("reading the address of Redis") && !said.contains("s3cret"), "{said}");
}
