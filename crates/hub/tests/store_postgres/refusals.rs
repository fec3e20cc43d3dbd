//! Databases that refuse for a while, or for good: one clear sentence each, nothing half done, and used again by themselves.

use crate::day::{config, create, done, gangnam, prepare};
use crate::opening::{administer, administer_at, database, fresh};
use crate::postgres::Cluster;
use gwanje_hub::readiness::StoreHealth;
use gwanje_hub::store::{Store, StoreConfig, StoreError};
use gwanje_model::Rev;

/// Why an address can't be used, in one sentence.
async fn refused(url: &str) -> String {
    let Err(error) = Store::connect(url, None, config()).await else { panic!("{url} was used") };
    let said = error.to_string();
    assert!(!said.contains('\n'), "{said}");
    said
}

/// What `/readyz` would say.
async fn wrong(store: &Store) -> Option<String> {
    let health = StoreHealth::default();
    health.look(store).await;
    health.wrong()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_no_more_connections() {
    let name = fresh();
    let limit = async |most: i32| {
        administer(&format!("ALTER ROLE owner_{name} CONNECTION LIMIT {most}")).await;
    };
    administer(&format!("CREATE ROLE owner_{name} LOGIN CONNECTION LIMIT 0")).await;
    administer(&format!("CREATE DATABASE {name} OWNER owner_{name}")).await;
    let url = database(&name).await.replace("postgres@", &format!("owner_{name}@"));
    let said = refused(&url).await;
    assert!(said.contains("too many connections") && said.contains("up to `database_pool`"), "{said}");

    // With two connections all goes on, only slower.
    limit(2).await;
    let store = Store::connect(&url, None, config()).await.unwrap();
    prepare(&store).await;
    let asked = (0..20).map(|_| store.execute(create()));
    let center = gangnam();
    let read = (0..20).map(|_| store.head(&center));
    let (asked, read) = futures_util::future::join(
        futures_util::future::join_all(asked),
        futures_util::future::join_all(read),
    )
    .await;
    assert!(asked.iter().all(Result::is_ok) && read.iter().all(Result::is_ok), "{asked:?} {read:?}");

    limit(0).await;
    administer(&format!(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    let nothing = store.execute(create()).await;
    assert!(matches!(nothing, Err(StoreError::NotCommitted)), "{nothing:?}");
    let said = wrong(&store).await.unwrap();
    assert!(said.contains("too many connections"), "{said}");
    limit(-1).await;
    assert_eq!(wrong(&store).await, None);
    done(&store, create()).await;
    assert_eq!(store.head(&gangnam()).await.unwrap().rev, Rev(21), "nothing is half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_no_writes() {
    let mut cluster = Cluster::start();
    cluster.follow();
    let said = refused(&cluster.url_of_replica("postgres")).await;
    assert!(said.contains("does not allow writes"), "{said}");

    let url = cluster.url("postgres");
    // One connection is enough all the way: none is made to a server that takes no writes.
    let unwatched = StoreConfig { look: std::time::Duration::from_secs(86_400), ..config() };
    let store = Store::connect(&url, None, unwatched).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    let read_only = async |is: &str| {
        administer_at(&url, &format!("ALTER SYSTEM SET default_transaction_read_only = {is}")).await;
        administer_at(&url, "SELECT pg_reload_conf()").await;
        // The server's processes take it when they next may.
        loop {
            let said = wrong(&store).await;
            if said.is_some() == (is == "on") {
                return said;
            }
        }
    };
    let said = read_only("on").await.unwrap();
    assert!(said.contains("takes no writes"), "{said}");
    let nothing = store.execute(create()).await;
    assert!(matches!(nothing, Err(StoreError::NotCommitted)), "{nothing:?}");
    assert_eq!(store.head(&gangnam()).await.unwrap().rev, Rev(1), "it is read all the same");
    let mut board = store.board(&gangnam(), None).await.unwrap();
    while let Some(chunk) = board.chunks.recv().await {
        assert!(chunk.is_ok());
    }
    read_only("off").await;
    done(&store, create()).await;
    assert_eq!(store.head(&gangnam()).await.unwrap().rev, Rev(2));
}

/// A server that takes connections and says nothing, as one that froze: the other host is used at once.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_silent_keeps_nobody_from_the_other() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let alone = refused(&format!("postgres://me@{silent}/postgres")).await;
    assert!(alone.contains("has not answered for 4 s"), "{alone}");
    let url = database(&fresh()).await.replace("postgres@", &format!("postgres@{silent},"));
    let store = Store::connect(&url, None, config()).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
}
