//! A database that goes away, and one that can't be used.

use crate::day::{act, config, create, done, gangnam, prepare};
use crate::opening::{administer, administer_in, database, fresh};
use crate::postgres::Cluster;
use gwanje_hub::store::{Ask, Store, StoreError};
use gwanje_model::Rev;

#[tokio::test]
async fn a_database_that_was_away_is_used_again_and_nothing_answered_is_lost() {
    let mut cluster = Cluster::start();
    let store = Store::connect(&cluster.url("postgres"), None, config()).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    cluster.stop();
    let refused = store.execute(create()).await;
    assert!(matches!(refused, Err(StoreError::NotCommitted)), "{refused:?}");
    assert!(matches!(store.head(&gangnam()).await, Err(StoreError::Unusable { .. })));
    let board = store.board(&gangnam(), None).await.err().unwrap();
    assert!(matches!(board, StoreError::Unusable { .. }), "the center is still there: {board:?}");
    assert_eq!(store.recent_head(&gangnam()).unwrap().rev, Rev(1), "followers keep what they have");
    cluster.start_again();
    done(&store, act(1, Ask::Accept)).await;
    let head = store.head(&gangnam()).await.unwrap();
    assert_eq!((head.rev, head.count), (Rev(2), 1));
    let frame = store.frame(&gangnam(), Rev(0), 10).await.unwrap();
    assert_eq!((frame.rows.len(), frame.to), (1, Rev(2)));
}

/// Connections that the server ended meanwhile are no reason to refuse anything.
#[tokio::test]
async fn a_restart_that_nobody_noticed_refuses_nothing() {
    let mut cluster = Cluster::start();
    let store = Store::connect(&cluster.url("postgres"), None, config()).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    cluster.stop();
    cluster.start_again();
    done(&store, create()).await;
    assert_eq!(store.head(&gangnam()).await.unwrap().rev, Rev(2));
}

/// The database ends transactions that are idle for two seconds; one that waits for the client of a board is meant to.
#[tokio::test]
async fn a_board_that_is_read_slowly_is_not_cut() {
    let url = database(&fresh()).await;
    let store = Store::connect(&url, None, config()).await.unwrap();
    prepare(&store).await;
    store.execute_many((0..1_500).map(|_| create()).collect()).await.unwrap();
    let mut board = store.board(&gangnam(), None).await.unwrap();
    let mut read = board.chunks.recv().await.unwrap().unwrap().to_vec();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute("SELECT pg_sleep(3)").await.unwrap();
    while let Some(chunk) = board.chunks.recv().await {
        read.extend_from_slice(&chunk.unwrap());
    }
    let whole: serde_json::Value = serde_json::from_slice(&read).unwrap();
    assert_eq!(whole["rows"].as_array().unwrap().len(), 1_500);
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_database_that_cant_be_used_is_refused_in_words() {
    let said = async |url: &str| {
        let Err(error) = Store::connect(url, None, config()).await else { panic!("{url} was used") };
        let said = error.to_string();
        assert!(!said.contains('\n') && !said.contains("s3cret"), "{said}");
        said
    };
    let url = database(&fresh()).await;
    let server = url.rsplit_once('/').unwrap().0;
    assert!(said(&format!("{server}/nowhere")).await.contains("database \"nowhere\" does not exist"));
    let stranger = server.replace("postgres@", "stranger:s3cret@");
    assert!(said(&format!("{stranger}/postgres")).await.contains("role \"stranger\" does not exist"));
    assert!(said("postgres://hub:s3cret@127.0.0.1:1/x").await.contains("refused"));
    assert!(
        said("postgres://hub:s3cret@:not-a-port/x").await.contains("reading the address of the database")
    );

    let store = Store::connect(&url, None, config()).await.unwrap();
    store.close().await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute("UPDATE meta SET value = '999'").await.unwrap();
    let newer = Store::connect(&url, None, config()).await;
    assert!(matches!(newer, Err(StoreError::Newer { found: 999, .. })));
    // A newer hub that says so has written what this one can read.
    client.batch_execute("UPDATE meta SET value = '1' WHERE key = 'readable_from'").await.unwrap();
    assert!(Store::connect(&url, None, config()).await.is_ok());
    drop(client);
    connection.await.unwrap().unwrap();
}

/// A hub's role owns its database, and nothing else.
#[tokio::test]
async fn an_ordinary_role_will_do_and_one_that_was_denied_a_look_is_told() {
    let name = fresh();
    administer(&format!("CREATE ROLE owner_{name} LOGIN")).await;
    administer(&format!("CREATE DATABASE {name} OWNER owner_{name}")).await;
    let url = database(&name).await.replace("postgres@", &format!("owner_{name}@"));
    let store = Store::connect(&url, None, config()).await.unwrap();
    prepare(&store).await;
    done(&store, create()).await;
    store.close().await;
    let denied = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC";
    administer_in(&name, denied).await;
    let Err(error) = Store::connect(&url, None, config()).await else { panic!("it was used") };
    let said = error.to_string();
    assert!(said.contains("pg_control_system") && said.contains("GRANT EXECUTE"), "{said}");
}
