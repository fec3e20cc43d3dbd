//! Several hubs on one database, of which one knows what another did only when it looks.

use crate::day::{config, create, done, gangnam, prepare};
use crate::opening::{database, fresh};
use gwanje_hub::store::{Store, StoreConfig};
use gwanje_model::Rev;
use gwanje_wire::socket::Cursor;

#[tokio::test]
async fn a_head_from_memory_says_when_it_was_true() {
    let url = database(&fresh()).await;
    let config = StoreConfig { look: std::time::Duration::from_secs(86_400), ..config() };
    let first = Store::connect(&url, None, config.clone()).await.unwrap();
    prepare(&first).await;
    let second = Store::connect(&url, None, config).await.unwrap();
    done(&first, create()).await;
    let committed = first.recent_head(&gangnam()).unwrap();
    let cursor = Cursor { epoch: committed.epoch.clone(), rev: Rev(0) };
    let polled = second.changes(&gangnam(), Some(&cursor), 10).await.unwrap().head;
    assert!(polled.rev == Rev(0) && polled.at <= committed.at, "{polled:?}, {committed:?}");
    let read = second.head(&gangnam()).await.unwrap();
    assert!(read.rev == Rev(1) && read.at >= committed.at, "{read:?}, {committed:?}");
    let polled = second.recent_head(&gangnam()).unwrap();
    assert_eq!((polled.rev, polled.at), (Rev(1), read.at));
    let frame = second.changes(&gangnam(), Some(&cursor), 10).await.unwrap().frame;
    assert_eq!((frame.rows.len(), frame.to), (1, Rev(1)));
}
