//! A database that is reached encrypted, and whose certificate must prove what the address asks for.

use crate::day::{config, create, done, prepare};
use crate::opening::administer_at;
use crate::postgres::Cluster;
use gwanje_hub::store::Store;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_says_what_the_certificate_must_prove() {
    let mut cluster = Cluster::start();
    let port = cluster.encrypt();
    let [root, other, own] = ["root.pem", "other.pem", "server.pem"]
        .map(|name| format!("&sslrootcert={}", cluster.file(name).display().to_string().replace('/', "%2F")));
    let url =
        |host: &str, mode: &str| format!("postgres://postgres:s3cret@{host}:{port}/postgres?sslmode={mode}");
    let here = cluster.url("postgres");
    let local = format!("{}:{port}/postgres", here.rsplit_once('/').unwrap().0);
    for usable in [
        url("localhost", "require"),
        url("127.0.0.1", "require"),
        url("localhost", &format!("verify-full{root}")),
        url("localhost", &format!("verify-full{own}")),
        url("127.0.0.1", &format!("verify-ca{root}")),
        url("127.0.0.1", "prefer"),
        format!("postgres://postgres:s3cret@127.0.0.1:{port}/postgres"),
    ] {
        let store =
            Store::connect(&usable, None, config()).await.unwrap_or_else(|error| panic!("{usable}: {error}"));
        prepare(&store).await;
        done(&store, create()).await;
        let encrypted = "SELECT 1 FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
                         WHERE application_name = 'gwanje-hub' AND ssl";
        assert!(administer_at(&local, encrypted).await > 0, "{usable} is encrypted");
        store.close().await;
    }
    for (refused, why) in [
        (url("localhost", "disable"), "no encryption"),
        (url("127.0.0.1", &format!("verify-full{root}")), "not valid for name"),
        (url("localhost", &format!("verify-full{other}")), "UnknownIssuer"),
        (url("127.0.0.1", &format!("require{other}")), "UnknownIssuer"),
        // The system knows no such root, or none at all.
        (url("localhost", "verify-full"), "the database: "),
        (url("localhost", "verify-all"), "is none of disable, prefer, require, verify-ca or verify-full"),
        (url("localhost", "verify-full&sslrootcert=%2Fnowhere.pem"), "/nowhere.pem can't be read"),
        (url("localhost", "require").replace("s3cret", "wr0ng"), "check user and password in `database`"),
    ] {
        let Err(error) = Store::connect(&refused, None, config()).await else { panic!("{refused} was used") };
        let said = error.to_string();
        assert!(said.contains(why), "{refused}: {said}");
        assert!(!said.contains('\n') && !said.contains("s3cret") && !said.contains("wr0ng"), "{said}");
    }
}
