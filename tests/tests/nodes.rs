//! Several hubs as processes on one PostgreSQL and one Redis: seats on each show one board, whoever takes the commands and whichever
//! hub dies, and Redis too; behind a real HAProxy hubs are replaced one by one while orders go on.

use anyhow::{Result, ensure};
use gwanje_tests::api::Api;
use gwanje_tests::nodes::{Balancer, Shared, account, node, order, path};
use gwanje_tests::watcher::{CENTER, Watcher};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn seats_of_two_hubs_show_one_board_whichever_hub_dies() -> Result<()> {
    let mut shared = Shared::start();
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        account(&shared, name, role)?;
    }
    let (mut first, second) = (node(&shared, "127.0.0.1:0")?, node(&shared, "127.0.0.1:0")?);
    let folder = tempfile::tempdir()?;
    let mut seats = Vec::new();
    for (hub, name) in [(&first, "a"), (&second, "b")] {
        let mut seat = Watcher::start(&hub.url, &folder.path().join(name))?;
        seat.until_proof()?;
        seats.push(seat);
    }
    let clerks = [first.sign_in("supervisor").await?, second.sign_in("supervisor").await?];
    let mut orders = Vec::new();
    for n in 0..40 {
        orders.push(order(&clerks[n % 2]).await?);
    }
    // What one hub took in, the other changes at once.
    for (n, id) in orders.iter().enumerate() {
        let (action, body) = match n % 4 {
            0 => ("cancel", json!({"reason": "고객 변심", "by": "customer"})),
            _ => ("accept", json!({})),
        };
        clerks[(n + 1) % 2].post(&path(&format!("/{id}/{action}")), &body).await?;
    }
    for (seat, clerk) in seats.iter_mut().zip(&clerks) {
        seat.holds_the_board(clerk).await?;
        seat.told_each_cancellation_once(clerk).await?;
    }

    // A command whose hub dies before it answers is sent to the other, and is not done twice.
    let note = |clerk: &Api| {
        let asked = clerk.request(Method::POST, &path(&format!("/{}/note", orders[1])));
        asked.header("Idempotency-Key", "K1").json(&json!({"text": "문 앞"})).send()
    };
    ensure!(note(&clerks[0]).await?.status().is_success());
    first.process.kill()?;
    ensure!(note(&clerks[1]).await?.status().is_success());
    let row: Value = clerks[1].get(&path(&format!("/{}", orders[1]))).await?;
    ensure!(row["notes"].as_array().map(Vec::len) == Some(1), "{row}");

    // The other hub goes on alone; the one that comes back tells what happened meanwhile.
    for _ in 0..5 {
        orders.push(order(&clerks[1]).await?);
    }
    clerks[1]
        .post(&path(&format!("/{}/cancel", orders[44])), &json!({"reason": "품절", "by": "shop"}))
        .await?;
    seats[1].holds_the_board(&clerks[1]).await?;
    shared.redis.stop();
    first = node(&shared, first.address())?;
    let again = first.sign_in("supervisor").await?;
    orders.push(order(&again).await?);
    for (seat, clerk) in seats.iter_mut().zip([&again, &clerks[1]]) {
        seat.holds_the_board(clerk).await?;
        seat.told_each_cancellation_once(clerk).await?;
        seat.never_lied()?;
    }
    ensure!(seats[0].rows().len() == orders.len(), "{} rows of {}", seats[0].rows().len(), orders.len());
    Ok(())
}

/// The standby that takes over lacks the last commits: exactly these are gone, and no seat goes on from them.
#[tokio::test(flavor = "multi_thread")]
async fn seats_prove_what_is_left_after_a_promotion_that_lost_commits() -> Result<()> {
    let mut shared = Shared::start();
    shared.cluster.follow();
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        account(&shared, name, role)?;
    }
    let hubs = [node(&shared, "127.0.0.1:0")?, node(&shared, "127.0.0.1:0")?];
    let folder = tempfile::tempdir()?;
    let (mut seats, mut clerks) = (Vec::new(), Vec::new());
    for (hub, name) in hubs.iter().zip(["a", "b"]) {
        let mut seat = Watcher::start(&hub.url, &folder.path().join(name))?;
        seat.until_proof()?;
        seats.push(seat);
        clerks.push(hub.sign_in("supervisor").await?);
    }
    let mut kept = Vec::new();
    for n in 0..10 {
        kept.push(order(&clerks[n % 2]).await?);
    }
    shared.cluster.cut();
    for n in 0..6 {
        order(&clerks[n % 2]).await?;
    }
    clerks[0].post(&path(&format!("/{}/accept", kept[0])), &json!({})).await?;
    for (seat, clerk) in seats.iter_mut().zip(&clerks) {
        seat.holds_the_board(clerk).await?;
    }
    let lost = clerks[0].head(CENTER).await?;
    shared.cluster.stop();
    shared.cluster.promote();
    for (seat, clerk) in seats.iter_mut().zip(&clerks) {
        // Until the hub has found the server that takes writes.
        while clerk.head(CENTER).await.is_err() {}
        seat.holds_the_board(clerk).await?;
        ensure!(seat.rows().len() == kept.len(), "{} rows of {}", seat.rows().len(), kept.len());
    }
    let head = clerks[1].head(CENTER).await?;
    ensure!(head.epoch > lost.epoch && head.rev < lost.rev, "{head:?} after {lost:?}");
    for n in 0..6 {
        kept.push(order(&clerks[n % 2]).await?);
    }
    clerks[1].post(&path(&format!("/{}/accept", kept[0])), &json!({})).await?;
    for (seat, clerk) in seats.iter_mut().zip(&clerks) {
        seat.holds_the_board(clerk).await?;
        ensure!(seat.rows().len() == kept.len(), "{} rows of {}", seat.rows().len(), kept.len());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_are_replaced_one_by_one_behind_the_balancer_while_orders_go_on() -> Result<()> {
    let shared = Shared::start();
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        account(&shared, name, role)?;
    }
    let mut hubs = [node(&shared, "127.0.0.1:0")?, node(&shared, "127.0.0.1:0")?];
    let mut balancer = Balancer::before([("blue1", hubs[0].address()), ("blue2", hubs[1].address())])?;
    balancer.uses("blue").await?;
    let folder = tempfile::tempdir()?;
    let mut seats = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let mut seat = Watcher::start(&balancer.url, &folder.path().join(name))?;
        seat.until_proof()?;
        seats.push(seat);
    }
    let clerk = Api::sign_in(&balancer.url, "supervisor", "supervisor").await?;
    let mut orders = vec![order(&clerk).await?];
    for hub in &mut hubs {
        hub.process.signal("TERM")?;
        // No order is refused while it leaves.
        while !hub.process.has_ended()? {
            let id = order(&clerk).await?;
            if orders.len() % 5 == 0 {
                let why = json!({"reason": "고객 변심", "by": "customer"});
                clerk.post(&path(&format!("/{id}/cancel")), &why).await?;
            }
            orders.push(id);
        }
        *hub = node(&shared, hub.address())?;
        // The balancer has to see it before the other may go.
        let api = hub.sign_in("supervisor").await?;
        for seat in &mut seats {
            seat.holds_the_board(&api).await?;
        }
        balancer.uses("blue").await?;
    }
    for seat in &mut seats {
        seat.holds_the_board(&clerk).await?;
        seat.told_each_cancellation_once(&clerk).await?;
        seat.never_lied()?;
        let states = seat.states_since(0);
        ensure!(!states.contains("Offline"), "a seat was without a hub: {states}");
        ensure!(seat.rows().len() == orders.len(), "{} rows of {}", seat.rows().len(), orders.len());
    }
    println!("{} orders while two hubs were replaced", orders.len());
    Ok(())
}
