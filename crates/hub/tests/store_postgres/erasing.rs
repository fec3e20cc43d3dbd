//! What is left of an erased customer in a database.

use crate::day::{START, act, cancel, config, create, done, gangnam, order, prepare};
use crate::opening::{administer_in, database, fresh};
use gwanje_hub::store::{Ask, Command, Erasure, Idempotency, Intent, Store};

/// No query of any table finds the customer, and a hub that runs beside goes on from its cursor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_table_holds_an_erased_customer() {
    let name = fresh();
    let url = database(&name).await;
    let (erasing, beside) = (
        Store::connect(&url, None, config()).await.unwrap(),
        Store::connect(&url, None, config()).await.unwrap(),
    );
    prepare(&erasing).await;
    let found = async || {
        let text = "query_to_xml(format('SELECT t::text AS x FROM %I t', table_name), true, false, '')::text";
        let sql = format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND \
             (regexp_replace({text}, '[^0-9]', '', 'g') LIKE '%1087654321%' OR {text} LIKE '%가나다라%')"
        );
        administer_in(&name, &sql).await
    };
    for n in 0..3 {
        let mut order = order();
        order.dropoff.phone = "010-8765-4321".into();
        order.dropoff.address = "가나다라 303".into();
        let key = Idempotency { path: "/x".into(), key: format!("K{n}"), body_hash: [7; 32] };
        let command = Command::new(gangnam(), Intent::Create(Box::new(order)), "callcenter", START);
        done(&beside, Command { idempotency: Some(key), ..command }).await;
    }
    done(&beside, create()).await;
    done(&beside, act(4, Ask::Note { text: "or +82 10 8765 4321".into(), role: None })).await;
    done(&beside, act(1, cancel())).await;
    done(&beside, act(2, cancel())).await;
    assert_eq!(beside.archive_ended_before(&gangnam(), START.plus_min(1)).await.unwrap(), 2);
    assert!(found().await >= 3, "live, past and history hold it");
    let erased = erasing.erase(&Erasure::of_phone("01087654321").unwrap()).await.unwrap();
    assert_eq!(found().await, 0, "{erased:?}");
    assert_eq!((erased.deliveries, erased.told), (3, 2), "{erased:?}");
    let head = beside.head(&gangnam()).await.unwrap();
    done(&beside, act(3, Ask::Accept)).await;
    assert_eq!(beside.head(&gangnam()).await.unwrap().rev.0, head.rev.0 + 1);
}
