//! A real Redis that is of no use: said once, waited for by nobody, and used again once it is mended.

use crate::bad_redis::{
    Bad, FROZEN, FULL, KILLED, LOADING, NO_PERMISSION, PERMISSIONS, REPLICA, UNSAVED, WRONG_PASSWORD,
};
use crate::laws::seat;
use crate::presence::names;
use crate::{PATIENCE, until};
use gwanje_hub::fanout::{Fanout, FanoutAway, Presence, RedisFanout, Routed};
use gwanje_model::CenterId;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What was logged of this thread's tasks.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Logged {
    fn lines_with(&self, words: &str) -> usize {
        let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| line.contains(words)).count()
    }
}

async fn said_once_and_used_again(bad: Bad) {
    let logged = Logged::default();
    let writer = {
        let logged = logged.clone();
        move || logged.clone()
    };
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false);
    let _guard = tracing::subscriber::set_default(lines.with_writer(writer).finish());
    let (mut redis, url) = bad.start();
    let hubs = [(); 2].map(|()| Arc::new(RedisFanout::join(&url, "store").unwrap()));
    let seats = hubs.clone().map(|hub| Presence::new(hub));
    let gangnam = CenterId::from("gangnam");
    seats[0].enter(&gangnam, "1", seat("one"));
    until(|| hubs.iter().all(|hub| hub.trouble().is_none()) && names(&seats[1]) == ["one"]).await;
    assert_eq!(logged.lines_with(" WARN "), 0, "nothing was wrong");

    (bad.spoil)(&mut redis);
    until(|| hubs.iter().all(|hub| hub.trouble() == Some(bad.trouble))).await;
    // Nobody waits for what is known to be away.
    let asked = Instant::now();
    for _ in 0..100 {
        assert_eq!(hubs[0].route(Routed::Socket("s")).await, Err(FanoutAway));
    }
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    seats[0].enter(&gangnam, "2", seat("two"));
    // What others said is held for a lease, and no longer.
    until(|| names(&seats[1]).is_empty()).await;
    // Twice as long as between two trials: it is not said again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sentence = bad.trouble.to_string();
    assert_eq!(logged.lines_with(&sentence), hubs.len(), "{sentence:?} once by each");
    let said = logged.lines_with(" WARN ");
    assert!(said <= hubs.len() * (1 + bad.others), "and nothing else");
    assert_eq!(logged.lines_with("s3cret"), 0);

    (bad.mend)(&mut redis);
    until(|| hubs.iter().all(|hub| hub.trouble().is_none())).await;
    until(|| names(&seats[1]) == ["one", "two"]).await;
    hubs[1].take_route(Routed::Socket("s"), "b", PATIENCE).await.unwrap();
    assert_eq!(hubs[0].route(Routed::Socket("s")).await.unwrap().as_deref(), Some("b"));
    assert_eq!(logged.lines_with("Redis serves"), 2 * hubs.len());
}

macro_rules! said_once_and_used_again {
    ($($name:ident: $bad:expr,)*) => {
        $(#[tokio::test]
        async fn $name() {
            said_once_and_used_again($bad).await;
        })*
    };
}

said_once_and_used_again! {
    a_wrong_password: WRONG_PASSWORD,
    a_missing_permission: NO_PERMISSION,
    one_that_is_full: FULL,
    one_that_is_loading: LOADING,
    a_replica: REPLICA,
    one_that_can_not_save: UNSAVED,
    one_that_is_frozen: FROZEN,
    one_that_is_killed: KILLED,
}

/// Before it is known to be away, too.
#[tokio::test]
async fn nobody_waits_for_one_that_froze_a_moment_ago() {
    let (redis, url) = FROZEN.start();
    let hub = RedisFanout::join(&url, "store").unwrap();
    until(|| hub.trouble().is_none()).await;
    redis.signal("STOP");
    let asked = async {
        for _ in 0..20 {
            assert_eq!(hub.route(Routed::Socket("s")).await, Err(FanoutAway));
        }
    };
    timeout(Duration::from_secs(1), asked).await.expect("one waits fifty milliseconds, the next not at all");
    redis.signal("CONT");
    let used_again = async {
        while hub.route(Routed::Socket("s")).await != Ok(None) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, used_again).await.expect("it is used again");
}

#[test]
fn the_documents_give_the_permissions_that_are_needed() {
    let documents = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md");
    let documents = std::fs::read_to_string(documents).unwrap();
    let given =
        documents.lines().find(|line| line.starts_with("ACL SETUSER gwanje")).expect("the user of hubs");
    for word in PERMISSIONS.split_whitespace() {
        assert!(given.split_whitespace().any(|given| given == word), "{word} is not in {given}");
    }
}
