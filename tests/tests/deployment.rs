//! What operators do with hubs while seats look on: a file moves to PostgreSQL, requests and sockets are served apart.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use gwanje_engine::Engine;
use gwanje_tests::api::Api;
use gwanje_tests::hub::Hub;
use gwanje_tests::nodes::{
    Balancer, Shared, account, free_address, gwanje_hub, node, order, path, put_account,
};
use gwanje_tests::process::{Process, binary};
use gwanje_tests::storm::{all_live, sign_in_all};
use gwanje_tests::watcher::{CENTER, Watcher};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// The command line of a hub that keeps its day in a folder.
fn alone(data: &Path) -> Result<Command> {
    let mut command = Command::new(binary("gwanje-hub")?);
    command.env("GWANJE_DATA", data).env("GWANJE_CENTERS", format!("{CENTER}=강남"));
    Ok(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_moves_to_postgres_under_the_eyes_of_a_seat() -> Result<()> {
    let shared = Shared::start();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        put_account(alone(&data)?, name, role)?;
    }
    let mut hub = Hub::started(alone(&data)?.arg("serve").env("GWANJE_LISTEN", "127.0.0.1:0"))?;
    let clerk = hub.sign_in("supervisor").await?;
    let mut orders = Vec::new();
    for _ in 0..60 {
        orders.push(order(&clerk).await?);
    }
    let cancel = json!({"reason": "고객 변심", "by": "customer"});
    clerk.post(&path(&format!("/{}/cancel", orders[3])), &cancel).await?;
    let mut seat = Watcher::start(&hub.url, &folder.path().join("seat"))?;
    seat.holds_the_board(&clerk).await?;
    seat.until_stats()?;
    let epoch = clerk.head(CENTER).await?.epoch;

    let mut moving = gwanje_hub(&shared)?;
    let moving = moving.arg("move").env("GWANJE_DATA", &data);
    let refused = moving.output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(said.contains("another hub runs on the folder"), "moved below a running hub: {said}");
    hub.process.signal("TERM")?;
    hub.process.wait()?;
    let moved = moving.output()?;
    ensure!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let refused = alone(&data)?.arg("serve").env("GWANJE_LISTEN", "127.0.0.1:0").output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(refused.status.code() == Some(2) && said.contains("it was moved to postgres://"), "{said}");
    // With the secret that it had, which stayed in its folder.
    let mut again = gwanje_hub(&shared)?;
    again.env("GWANJE_LISTEN", hub.address()).env("GWANJE_TOKEN_SECRET_FILE", data.join("token-secret"));
    let hub = Hub::started(again.arg("serve"))?;

    // Who signed in before is signed in still; ids go on.
    clerk.post(&path(&format!("/{}/cancel", orders[7])), &cancel).await?;
    orders.push(order(&clerk).await?);
    ensure!(orders.is_sorted() && orders.len() == 61, "{orders:?}");
    let api = hub.sign_in("supervisor").await?;
    seat.holds_the_board(&api).await?;
    seat.told_each_cancellation_once(&api).await?;
    seat.never_lied()?;
    ensure!(api.head(CENTER).await?.epoch == epoch, "another epoch");
    seat.until_stats()?;
    let snapshots = seat.stats["restBy"]["snapshots"]["calls"].as_u64().context("counted")?;
    ensure!(snapshots <= 1, "{snapshots} snapshots: {}", seat.stats);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_sockets_are_served_by_nodes_of_their_own() -> Result<()> {
    let shared = Shared::start();
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        account(&shared, name, role)?;
    }
    let part = |part: &str, urls: &str| {
        let mut command = gwanje_hub(&shared)?;
        command.arg("serve").env("GWANJE_LISTEN", "127.0.0.1:0").env("GWANJE_PARTS", part);
        Hub::started(command.env("GWANJE_SOCKET_URLS", urls))
    };
    let sockets = part("sockets", "")?;
    let rest = part("rest", &sockets.url)?;
    let status = async |base: &str, path: &str| {
        anyhow::Ok(reqwest::get(format!("{base}{path}")).await?.status().as_u16())
    };
    let socket = "/socket.io/?EIO=4&transport=polling";
    for (node, path, expected) in [
        (&rest, "/readyz", 200),
        (&rest, "/api/v1/centers", 401),
        (&rest, socket, 404),
        (&sockets, "/readyz", 200),
        (&sockets, "/api/v1/centers", 404),
        (&sockets, socket, 200),
    ] {
        ensure!(status(&node.url, path).await? == expected, "{path} of {}", node.url);
    }
    let folder = tempfile::tempdir()?;
    let mut seat = Watcher::start(&rest.url, &folder.path().join("seat"))?;
    seat.until_proof()?;
    let clerk = rest.sign_in("supervisor").await?;
    let mut orders = Vec::new();
    for _ in 0..20 {
        orders.push(order(&clerk).await?);
    }
    let cancel = json!({"reason": "고객 변심", "by": "customer"});
    clerk.post(&path(&format!("/{}/cancel", orders[3])), &cancel).await?;
    seat.holds_the_board(&clerk).await?;
    seat.told_each_cancellation_once(&clerk).await?;
    seat.until_stats()?;
    ensure!(seat.stats["connects"].as_u64() >= Some(1), "{}", seat.stats);
    Ok(())
}

/// Seats that follow through the balancer.
const SEATS: usize = 40;

/// Ends processes as their supervisor does, and waits until they have.
const STOP: &str = r#"#!/bin/bash
cd "$(dirname "$0")"
pids=(); for name; do pids+=("$(cat "$name")"); done
kill -TERM "${pids[@]}"
runs() { [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo Z)" != Z ]; }
for pid in "${pids[@]}"; do while runs "$pid"; do sleep 0.1; done; done
"#;

#[tokio::test(flavor = "multi_thread")]
async fn seats_go_from_blue_to_green_with_one_reconnect_each_while_orders_go_on() -> Result<()> {
    let shared = Shared::start();
    for (name, role) in [("dispatcher", "dispatcher"), ("supervisor", "supervisor")] {
        account(&shared, name, role)?;
    }
    let names = ["blue1", "blue2", "green1", "green2"];
    let addresses = [free_address()?, free_address()?, free_address()?, free_address()?];
    let mut balancer = Balancer::before(names.into_iter().zip(addresses.iter().map(String::as_str)))?;
    let mut blue = [node(&shared, &addresses[0])?, node(&shared, &addresses[1])?];
    balancer.uses("blue").await?;
    let clerk = Api::sign_in(&balancer.url, "supervisor", "supervisor").await?;
    order(&clerk).await?;
    let folder = tempfile::tempdir()?;
    let engines = sign_in_all(SEATS, &balancer.url, folder.path()).await?;
    let mut watcher = Watcher::start(&balancer.url, &folder.path().join("watcher"))?;
    watcher.until_proof()?;
    all_live(&engines, &clerk).await?;
    let connects = async |engines: &[Engine]| {
        let stats = try_join_all(engines.iter().map(Engine::stats)).await?;
        anyhow::Ok(stats.iter().map(|stats| stats.connects).collect::<Vec<_>>())
    };
    let before = connects(&engines).await?;

    // What starts and stops hubs here, in place of a supervisor of services.
    let mut green = [node(&shared, &addresses[2])?, node(&shared, &addresses[3])?];
    let stop = folder.path().join("stop");
    std::fs::write(&stop, STOP)?;
    std::fs::set_permissions(&stop, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    for (name, hub) in names.into_iter().zip(blue.iter().chain(&green)) {
        std::fs::write(folder.path().join(name), hub.process.id().to_string())?;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/switch.sh");
    let mut switch = Command::new(script);
    switch.args(["blue", "green"]).env("GWANJE_BALANCER", &balancer.socket);
    let mut switching = Process::start(switch.env("GWANJE_START", "true").env("GWANJE_STOP", &stop))?;
    let mut taken = 1;
    while !switching.has_ended()? {
        let id = order(&clerk).await?;
        if taken % 5 == 0 {
            let cancel = json!({"reason": "고객 변심", "by": "customer"});
            clerk.post(&path(&format!("/{id}/cancel")), &cancel).await?;
        }
        taken += 1;
    }
    ensure!(switching.wait()?.success(), "{}", switching.whole_log());
    for hub in &mut blue {
        ensure!(hub.process.has_ended()?, "a blue hub runs still");
    }
    let api = green[0].sign_in("supervisor").await?;
    all_live(&engines, &api).await?;
    watcher.holds_the_board(&api).await?;
    watcher.told_each_cancellation_once(&api).await?;
    watcher.never_lied()?;
    let states = watcher.states_since(0);
    ensure!(!states.contains("Offline"), "a seat was without a hub: {states}");
    ensure!(watcher.rows().len() == taken, "{} rows of {taken}", watcher.rows().len());
    let after = connects(&engines).await?;
    let each: Vec<u64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    ensure!(each.iter().all(|times| *times == 1), "reconnects of each seat: {each:?}");
    println!("{taken} orders while {SEATS} seats went from blue to green");
    for engine in engines {
        engine.stop().await;
    }

    // Hubs that do not come up leave everything as it is.
    for hub in &mut blue {
        hub.process.wait()?;
    }
    let mut back = Command::new(script);
    back.args(["green", "blue"]).env("GWANJE_BALANCER", &balancer.socket);
    let back =
        back.env("GWANJE_START", "true").env("GWANJE_STOP", "true").env("GWANJE_PATIENCE", "0").output()?;
    let said = String::from_utf8_lossy(&back.stderr);
    ensure!(back.status.code() == Some(1) && said.contains("green goes on"), "{said}");
    balancer.uses("green").await?;
    order(&clerk).await?;
    for hub in &mut green {
        ensure!(!hub.process.has_ended()?, "a green hub was stopped");
    }
    Ok(())
}

/// The commands of a section of the manual, block by block.
fn commands(section: &str) -> Result<Vec<String>> {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md"))?;
    let (_, after) = manual.split_once(&format!("\n## {section}\n")).context("the section")?;
    let section = after.split("\n## ").next().unwrap_or_default();
    let section = section.split("\n### ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    Ok(blocks.map(str::to_owned).collect())
}

/// In place of `sudo`: whoever runs the tests may do here what an administrator does.
const SUDO: &str = "#!/bin/sh\nshift 2\nexec \"$@\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_leads_from_nothing_to_two_hubs_behind_a_balancer() -> Result<()> {
    let mut blocks = commands("Several hubs on one database")?;
    ensure!(blocks.len() == 6 && blocks[0].contains("apt-get install"), "{blocks:?}");
    // Installed before; and its own servers and free ports in place of the machine's.
    let shared = Shared::start();
    let [one, two, address] = [free_address()?, free_address()?, free_address()?];
    let database = shared.cluster.url("gwanje").replace("postgres@", "gwanje:$DB_PASSWORD@");
    blocks[0] = "set -euo pipefail".into();
    blocks[1] += &format!(
        "BLUE_1={one} BLUE_2={two} ADDRESS={address} REDIS={}\nDATABASE={database}\n",
        shared.redis.url()
    );
    blocks.push("echo \"$PASSWORD\" > password; echo followed; wait".into());
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    std::fs::write(path.join("sudo"), SUDO)?;
    std::fs::set_permissions(path.join("sudo"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
    std::os::unix::fs::symlink(checkout, path.join("deploy"))?;
    let built = binary("gwanje-hub")?.parent().context("its folder")?.to_owned();
    let found = format!("{}:{}:{}", path.display(), built.display(), std::env::var("PATH")?);
    let mut newcomer = Command::new("bash");
    newcomer.arg("-c").arg(blocks.join("\n")).current_dir(path).env("PATH", found);
    newcomer.env("PGHOST", shared.cluster.folder()).env("PGUSER", "postgres");
    let newcomer = Process::start(&mut newcomer)?;
    newcomer.find("the end of the manual", |line| (line == "followed").then_some(()))?;
    // Both hubs know who was made, and show what the other takes in.
    let password = std::fs::read_to_string(path.join("password"))?;
    for hub in [&one, &two, &address] {
        let kim = Api::sign_in(&format!("http://{hub}"), "kim", password.trim()).await?;
        ensure!(kim.head(CENTER).await?.count == 0, "an empty board at {hub}");
    }
    Ok(())
}
