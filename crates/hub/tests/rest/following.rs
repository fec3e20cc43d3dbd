//! Following a center: snapshots, changes by pages, resync reasons, digests and repair reads.

use crate::harness::{World, order, send};
use gwanje_hub::Clock;
use gwanje_hub::store::{Command, Intent, StoreConfig};
use gwanje_model::{CenterId, DeliveryId, Rev, RowDigest};
use gwanje_wire::NewOrder;
use reqwest::Method;
use serde_json::{Value, json};

fn center() -> CenterId {
    "gangnam".into()
}

async fn fill(world: &World, orders: usize) {
    let order: NewOrder = serde_json::from_value(order()).unwrap();
    let at = world.hub.clock.day_now();
    let commands = (0..orders)
        .map(|_| Command::new(center(), Intent::Create(Box::new(order.clone())), "drill", at))
        .collect();
    let outcomes = world.hub.store.execute_many(commands).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
}

fn digest_of(rows: &Value) -> RowDigest {
    let rows = rows.as_array().unwrap().iter();
    RowDigest::of(
        rows.map(|row| (DeliveryId(row["id"].as_u64().unwrap()), Rev(row["rev"].as_u64().unwrap()))),
    )
}

#[tokio::test]
async fn a_snapshot_is_one_read_with_its_own_proof() {
    let world = World::new().await;
    fill(&world, 700).await;
    let snapshot = world.get("dispatcher", "/centers/gangnam/deliveries").await;
    let digest = digest_of(&snapshot.body["rows"]);
    assert_eq!((digest.count, snapshot.body["count"].as_u64()), (700, Some(700)));
    assert_eq!(snapshot.body["digest"], digest.digest.to_string());
    assert_eq!(snapshot.body["rev"], 700);
    let epoch = snapshot.body["epoch"].as_str().unwrap();
    assert_eq!(snapshot.etag(), format!("\"{epoch}-700\""));
    let again = world.request("dispatcher", Method::GET, "/centers/gangnam/deliveries");
    assert_eq!(send(again.header("if-none-match", snapshot.etag())).await.status, 304);
    let raw = world.request("dispatcher", Method::GET, "/centers/gangnam/deliveries");
    let raw = reqwest::Client::builder()
        .no_gzip()
        .build()
        .unwrap()
        .execute(raw.header("accept-encoding", "gzip").build().unwrap());
    assert_eq!(raw.await.unwrap().headers()["content-encoding"], "gzip");
    let empty = world.get("admin", "/centers/songpa/deliveries").await.body;
    assert_eq!((&empty["count"], &empty["rows"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn changes_go_by_pages_until_the_head() {
    // From memory, and from the tables alone.
    for recent_changes in [16_384, 1] {
        let clock = Clock::drill(crate::harness::DAY_START, 0.0);
        let world = World::on(StoreConfig { recent_changes, ..StoreConfig::temporary(clock) }).await;
        fill(&world, 25).await;
        for id in [3, 7, 3] {
            let path = format!("/centers/gangnam/deliveries/{id}/note");
            assert_eq!(world.post("dispatcher", &path, &json!({"text": "x"})).await.status, 200);
        }
        let epoch = world.hub.store.head(&center()).await.unwrap().epoch;
        let (mut after, mut revs) = (0, Vec::new());
        loop {
            let path = format!("/centers/gangnam/changes?epoch={epoch}&after={after}&limit=10");
            let reply = world.get("dispatcher", &path).await.body;
            let frame = &reply["frame"];
            assert_eq!((&frame["from"], &frame["asOf"]), (&json!(after), &json!(28)));
            revs.extend(frame["rows"].as_array().unwrap().iter().map(|row| row["rev"].as_u64().unwrap()));
            after = frame["to"].as_u64().unwrap();
            if after == 28 {
                assert_eq!(reply["head"]["rev"], 28);
                break;
            }
        }
        // 3 and 7 have moved on from revisions 3 and 7; only the latest of 3 is told.
        let expected: Vec<u64> = (1..=25).filter(|rev| ![3, 7].contains(rev)).chain([27, 28]).collect();
        assert_eq!(revs, expected, "with {recent_changes} changes in memory");
        let quiet = format!("/centers/gangnam/changes?epoch={epoch}&after=28");
        let frame = world.get("dispatcher", &quiet).await.body["frame"].clone();
        assert_eq!((&frame["from"], &frame["to"], &frame["asOf"]), (&json!(28), &json!(28), &json!(28)));
        assert_eq!((&frame["rows"], &frame["gone"]), (&json!([]), &json!([])));
    }
}

#[tokio::test]
async fn a_cursor_that_can_not_go_on_is_told_why() {
    let clock = Clock::drill(crate::harness::DAY_START, 0.0);
    let world = World::on(StoreConfig { tombstones_kept: 2, ..StoreConfig::temporary(clock.clone()) }).await;
    for _ in 0..4 {
        world.delivery("delivered").await;
    }
    clock.set_day(crate::harness::DAY_START.plus_min(60));
    let archived = world.hub.store.archive_ended_before(&center(), clock.day_now()).await.unwrap();
    assert_eq!(archived, 4);
    let head = world.hub.store.head(&center()).await.unwrap();
    assert_eq!((head.rev, head.count, head.digest.0), (Rev(24), 0, 0));
    let ask = async |epoch: &str, after: u64| {
        let path = format!("/centers/gangnam/changes?epoch={epoch}&after={after}");
        let answer = world.get("dispatcher", &path).await;
        (answer.status.as_u16(), answer.body["reason"].as_str().map(str::to_owned), answer.body)
    };
    let reason = |text: &str| Some(text.to_owned());
    let epoch = head.epoch.as_str();
    for (asked, after, expected) in [
        ("01OTHER", 24, reason("epoch")),
        (epoch, 25, reason("ahead")),
        (epoch, 21, reason("floor")),
        (epoch, 0, reason("floor")),
    ] {
        let (status, reason, body) = ask(asked, after).await;
        assert_eq!((status, reason), (410, expected), "{asked} {after}: {body}");
        assert_eq!(body["code"], "resync");
    }
    let (status, _, body) = ask(epoch, 22).await;
    assert_eq!(status, 200, "{body}");
    let gone = body["frame"]["gone"].as_array().unwrap();
    assert_eq!(gone.iter().map(|gone| gone["rev"].as_u64().unwrap()).collect::<Vec<_>>(), [23, 24]);
    for path in ["digest?after=21", "deliveries?buckets=1&after=21", "deliveries?ids=1&after=99"] {
        let answer = world.get("dispatcher", &format!("/centers/gangnam/{path}")).await;
        assert_eq!(answer.code(), "resync", "{path}");
    }
    for path in ["digest?after=99", "digest?after=24", "deliveries?buckets=1&after=99", "deliveries?ids=1"] {
        let answer = world.get("dispatcher", &format!("/centers/gangnam/{path}&epoch=01OTHER")).await;
        assert_eq!(answer.body["reason"], "epoch", "{path} of another history is neither ahead nor behind");
    }
    let next = world.hub.store.begin_epoch(&center()).await.unwrap();
    assert!(next.as_str() > epoch, "epochs sort");
    assert_eq!(ask(epoch, 24).await.1, reason("epoch"));
    let history = world.get("dispatcher", "/centers/gangnam/deliveries/1/history").await.body;
    assert_eq!(history.as_array().unwrap().last().unwrap()["action"], "archive");
    let found = world.get("dispatcher", "/centers/gangnam/search?status=delivered").await.body;
    assert_eq!(found["rows"].as_array().unwrap().len(), 4, "archived deliveries are found");
}

#[tokio::test]
async fn digest_and_repair_reads_agree_with_the_board() {
    let world = World::new().await;
    fill(&world, 40).await;
    let reply = world.get("dispatcher", "/centers/gangnam/digest?after=38").await.body;
    assert_eq!((&reply["frame"]["from"], &reply["frame"]["to"]), (&json!(38), &json!(40)));
    let buckets = reply["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 256);
    assert_eq!(buckets.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum::<u64>(), 40);
    let (number, bucket) =
        buckets.iter().enumerate().find(|(_, bucket)| bucket["count"].as_u64() > Some(0)).unwrap();
    let rows =
        world.get("dispatcher", &format!("/centers/gangnam/deliveries?buckets={number}&after=40")).await.body;
    let digest = digest_of(&rows["rows"]);
    assert_eq!(
        (json!(digest.count), json!(digest.digest.to_string())),
        (bucket["count"].clone(), bucket["digest"].clone())
    );
    assert_eq!(rows["frame"]["rows"], json!([]));
    let revs =
        world.get("dispatcher", "/centers/gangnam/deliveries?ids=5,9,999&after=40&fields=rev").await.body;
    assert_eq!(revs["rows"], json!([[5, 5], [9, 9]]));
    assert_eq!(world.get("dispatcher", "/centers/gangnam/digest").await.body["frame"], Value::Null);
    fill(&world, 1_200).await;
    let wide = world.get("dispatcher", "/centers/gangnam/digest?after=40").await.body;
    assert_eq!(wide["frame"], Value::Null, "more than a frame holds");
}

#[tokio::test]
async fn a_past_board_comes_from_history() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    let noon = world.hub.clock.day_now();
    world.hub.clock.set_day(noon.plus_min(10));
    world.post("dispatcher", &format!("{path}/assign"), &json!({"riderId": "gangnam-r1"})).await;
    world.ordered().await;
    for (minutes, statuses) in [(-1, vec![]), (0, vec!["waiting"]), (10, vec!["assigned", "received"])] {
        let at = noon.plus_min(minutes).0;
        let board = world.get("supervisor", &format!("/centers/gangnam/at?time={at}")).await.body;
        let seen: Vec<_> =
            board["rows"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
        assert_eq!(seen, statuses, "at {minutes} min");
    }
}

#[tokio::test]
async fn a_trace_is_where_the_rider_was_for_it() {
    let world = World::new().await;
    let path = world.delivery("assigned").await;
    let start = world.hub.clock.day_now();
    let seen = |seconds: i64| gwanje_wire::socket::RiderPos {
        id: "gangnam-r1".into(),
        pos: gwanje_model::Pos::Geo { lat: 37.5, lon: 127.0 },
        heading_deg: 0.0,
        status: gwanje_model::RiderStatus::Busy,
        seen_at: start.plus_ms(seconds * 1_000),
    };
    for seconds in [-60, 0, 1, 20, 90] {
        world.hub.positions.update(&center(), vec![seen(seconds)]);
    }
    world.hub.clock.set_day(start.plus_min(1));
    assert_eq!(world.post("dispatcher", &format!("{path}/pickup"), &json!({})).await.status, 200);
    assert_eq!(world.post("dispatcher", &format!("{path}/deliver"), &json!({})).await.status, 200);
    let trace = world.get("dispatcher", &format!("{path}/trace")).await.body;
    let at: Vec<_> =
        trace.as_array().unwrap().iter().map(|place| place["seenAt"].as_i64().unwrap() - start.0).collect();
    assert_eq!(at, [0, 20_000], "from the assignment to the door");
    let listed = world.get("dispatcher", "/centers/gangnam/riders").await.body;
    assert_eq!((&listed[0]["id"], &listed[0]["seenAt"]), (&json!("gangnam-r1"), &json!(seen(90).seen_at)));
    assert_eq!((&listed[0]["status"], &listed[0]["load"]), (&json!("idle"), &json!(0)));
}

#[tokio::test]
async fn a_number_that_no_alarm_reaches_lists_none() {
    let world = World::new().await;
    let path = world.delivery("waiting").await;
    world.post("dispatcher", &format!("{path}/cancel"), &json!({"reason": "x", "by": "customer"})).await;
    for (after, alarms) in [("0", 1), ("1", 0), ("9223372036854775808", 0), ("18446744073709551615", 0)] {
        let answer = world.get("dispatcher", &format!("/centers/gangnam/alarms?after={after}")).await;
        assert_eq!(answer.body["alarms"].as_array().unwrap().len(), alarms, "{after}: {answer:?}");
    }
}
