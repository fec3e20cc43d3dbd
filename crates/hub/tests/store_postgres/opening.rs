//! Opens stores in a PostgreSQL of this process.

use crate::postgres::Cluster;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NAMES: AtomicU64 = AtomicU64::new(0);

/// The address of a database, which is made where there is none of that name yet.
pub async fn database(name: &str) -> String {
    let cluster = CLUSTER.get_or_init(Cluster::start);
    if administer(&format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).await == 0 {
        administer(&format!("CREATE DATABASE {name}")).await;
    }
    cluster.url(name)
}

/// Does something as the cluster's administrator; gives how many rows that shows.
pub async fn administer(sql: &str) -> usize {
    administer_in("postgres", sql).await
}

/// The same in a database of it.
pub async fn administer_in(database: &str, sql: &str) -> usize {
    administer_at(&CLUSTER.get_or_init(Cluster::start).url(database), sql).await
}

/// The same at an address.
pub async fn administer_at(url: &str, sql: &str) -> usize {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let shown = client.simple_query(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    shown.iter().filter(|message| matches!(message, tokio_postgres::SimpleQueryMessage::Row(_))).count()
}

/// A name that no other database of this process has.
pub fn fresh() -> String {
    format!("fresh_{}", NAMES.fetch_add(1, Ordering::Relaxed))
}
