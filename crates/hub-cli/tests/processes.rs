//! The binary as people and scripts run it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

#[path = "../../hub/tests/live/peer.rs"]
#[expect(dead_code, reason = "the hub's own tests speak to several namespaces")]
mod peer;

use gwanje_model::{DeliveryId, Rev};
use gwanje_wire::rest::{CenterInfo, LoginReply, Snapshot, TicketReply};
use peer::{PATIENCE, Peer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

fn hub(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gwanje-hub"));
    // Settings of whoever runs the tests are not the test's.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GWANJE_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn output(mut command: Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap()
}

/// What a failing command says: its status and its one line.
async fn failure(args: &[&str]) -> (Option<i32>, String) {
    let done = output(hub(args)).await;
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said:?}");
    (done.status.code(), said)
}

/// A running demo.
struct Demo {
    child: Child,
    /// Kept, so that the demo never writes into a closed pipe.
    said: Lines<BufReader<ChildStdout>>,
    base: String,
    client: reqwest::Client,
}

impl Demo {
    async fn start(args: &[&str]) -> Self {
        let all: Vec<&str> =
            ["demo", "--listen", "127.0.0.1:0", "--orders", "120"].iter().chain(args).copied().collect();
        let mut child = hub(&all).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(PATIENCE, said.next_line()).await.expect("it starts").unwrap();
        let base = first.as_deref().and_then(|line| line.strip_prefix("listening on ")).unwrap().to_owned();
        Self { child, said, base, client: reqwest::Client::new() }
    }

    async fn login(&self, account: &str) -> LoginReply {
        let body = json!({ "account": account, "password": account });
        self.client.post(self.url("/login")).json(&body).send().await.unwrap().json().await.unwrap()
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, token: &str, path: &str) -> T {
        let text =
            self.client.get(self.url(path)).bearer_auth(token).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"))
    }

    async fn drill(&self, token: &str, change: Value) -> (u16, Value) {
        let reply =
            self.client.post(self.url("/drill")).bearer_auth(token).json(&change).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Ends it cleanly.
    async fn stop(mut self) {
        self.signal("-TERM");
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("a clean stop").unwrap();
        assert_eq!(ended.code(), Some(0));
        while self.said.next_line().await.unwrap().is_some() {}
    }
}

#[tokio::test]
async fn a_day_goes_on_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let args = ["--data", data, "--centers", "2", "--start", "12:00"];
    let mut demo = Demo::start(&args).await;
    let token = demo.login("dispatcher").await.access_token;
    let before: Vec<CenterInfo> = demo.get(&token, "/centers").await;
    let board: Snapshot = demo.get(&token, "/centers/gangnam/deliveries").await;
    demo.signal("-KILL");
    demo.child.wait().await.unwrap();
    let demo = Demo::start(&["--data", data]).await;
    let after: Vec<CenterInfo> = demo.get(&token, "/centers").await;
    assert_eq!(after.len(), 2, "the kept day, not the arguments, says how many");
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&after.id, &after.head.epoch), (&before.id, &before.head.epoch));
        assert!(after.head.rev >= before.head.rev, "{}: nothing is lost", after.id);
        assert!(after.head.day_at >= before.head.day_at, "{}: time does not go back", after.id);
    }
    let now: Snapshot = demo.get(&token, "/centers/gangnam/deliveries").await;
    let revs: BTreeMap<DeliveryId, Rev> = now.rows.iter().map(|row| (row.id(), row.rev())).collect();
    for row in &board.rows {
        assert!(revs.get(&row.id()).is_some_and(|rev| *rev >= row.rev()), "delivery {} is kept", row.id());
    }
    let mut order_numbers: Vec<&str> =
        now.rows.iter().filter_map(|row| row.delivery()).map(|row| row.order_no.as_str()).collect();
    order_numbers.sort_unstable();
    let all = order_numbers.len();
    order_numbers.dedup();
    assert_eq!(order_numbers.len(), all, "no order is placed twice");
    demo.stop().await;
}

#[tokio::test]
async fn sockets_on_a_port_of_their_own_can_be_cut_and_a_term_is_told() {
    let demo = Demo::start(&["--socket-listen", "127.0.0.1:0", "--centers", "1"]).await;
    let login = demo.login("dispatcher").await;
    let [sockets] = &login.socket_urls[..] else { panic!("one address: {:?}", login.socket_urls) };
    assert_ne!(*sockets, demo.base);
    let (status, _) = demo.drill(&login.access_token, json!({ "sockets": "off" })).await;
    assert_eq!(status, 403, "only an admin");
    let admin = demo.login("admin").await.access_token;
    assert_eq!(demo.drill(&admin, json!({ "sockets": "sideways" })).await.0, 400);
    assert_eq!(demo.drill(&admin, json!({ "rush": true, "ofALaterHub": 1 })).await.0, 200);
    assert_eq!(demo.drill(&admin, json!({ "sockets": "off" })).await.1["sockets"], "off");
    let port = sockets.trim_start_matches("http://");
    assert!(tokio::net::TcpStream::connect(port).await.is_err(), "the port is refused");
    assert_eq!(demo.drill(&admin, json!({ "sockets": "on", "speed": 600 })).await.1["speed"], 600.0);
    let ticket: TicketReply = demo
        .client
        .post(demo.url("/socket-tickets"))
        .bearer_auth(&login.access_token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let (mut peer, _) = Peer::open(sockets, "/center/gangnam").await;
    peer.join(&ticket.ticket, "s").await.unwrap();
    let ack = peer.call("subscribe", json!({ "rooms": ["deliveries"], "cursor": null })).await;
    let head = ack["head"]["rev"].as_u64().unwrap();
    let first = peer.named("deliveries").await;
    // The rooms are joined before the head is read: what was committed in between is in both.
    assert!(first["from"].as_u64().unwrap() <= head, "no hole after the head: {head}, {first}");
    let mut cursor = first["to"].as_u64().unwrap();
    for _ in 0..4 {
        let frame = peer.named("deliveries").await;
        assert_eq!(frame["from"], json!(cursor), "the day's frames are contiguous");
        cursor = frame["to"].as_u64().unwrap();
    }
    let drain =
        demo.client.post(demo.url("/drain")).bearer_auth(&admin).json(&json!({})).send().await.unwrap();
    assert_eq!(drain.status().as_u16(), 200, "an empty body asks for the usual");
    peer.named("drain").await;
    demo.signal("-TERM");
    peer.named("drain").await;
    peer.ended().await;
    demo.stop().await;
}

#[tokio::test]
async fn a_production_hub_is_set_up_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    let data = folder.path().join("data");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata = {:?}\n[[centers]]\nid = \"gangnam\"\nname = \"강남\"\n",
        data.to_str().unwrap()
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let said = output(hub(&["check", "--config", config])).await;
    assert!(said.status.success());
    assert!(String::from_utf8(said.stdout).unwrap().contains("is not there yet"));
    // A mail server that is not there is said, with a status of its own.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut checked = hub(&["check", "--config", config]);
    checked.env("GWANJE_MAIL_SMTP", nobody).env("GWANJE_MAIL_FROM", "hub@example.com");
    checked.env("GWANJE_MAIL_TO", "ops@example.com");
    let said = output(checked).await;
    let wrong = String::from_utf8(said.stderr).unwrap();
    assert!(said.status.code() == Some(1) && wrong.starts_with("gwanje-hub: mail: "), "{wrong}");
    let add = [
        &["user", "add", "kim", "--name", "김\u{202E}관제", "--role", "dispatcher"][..],
        &["--centers", "gangnam", "--config", config],
    ]
    .concat();
    assert_eq!(with_stdin(&add, "\n").await.status.code(), Some(2));
    assert!(with_stdin(&add, "long enough\n").await.status.success());
    let key = output(hub(&["key", "add", "pos", "--scopes", "read,create", "--config", config])).await;
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let mut child =
        hub(&["serve", "--config", config]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = said.next_line().await.unwrap().unwrap();
    let base = first.strip_prefix("listening on ").unwrap();
    let client = reqwest::Client::new();
    let body = json!({ "account": "kim", "password": "long enough" });
    let login = client.post(format!("{base}/api/v1/login")).json(&body).send().await.unwrap();
    let signed = login.json::<LoginReply>().await.unwrap();
    assert_eq!((signed.centers, signed.name.as_str()), (vec!["gangnam".into()], "김관제"));
    let centers =
        client.get(format!("{base}/api/v1/centers")).header("x-api-key", &key).send().await.unwrap();
    assert_eq!(centers.json::<Vec<CenterInfo>>().await.unwrap()[0].name, "강남");
    let (status, said) = failure(&["serve", "--config", config]).await;
    assert_eq!(status, Some(1));
    assert!(said.contains("another hub runs on the folder"), "{said}");
    let epoch = async |base: &str| {
        let asked = client.get(format!("{base}/api/v1/centers")).header("x-api-key", &key);
        asked.send().await.unwrap().json::<Vec<CenterInfo>>().await.unwrap()[0].head.epoch.clone()
    };
    let before = epoch(base).await;
    child.kill().await.unwrap();
    child.wait().await.unwrap();
    for (args, same) in
        [(&["serve", "--config", config][..], true), (&["serve", "--config", config, "--new-epoch"], false)]
    {
        let mut child = hub(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = said.next_line().await.unwrap().unwrap();
        let now = epoch(first.strip_prefix("listening on ").unwrap()).await;
        assert!(if same { now == before } else { now > before }, "{args:?}: {before:?} {now:?}");
        child.kill().await.unwrap();
        child.wait().await.unwrap();
    }
}

/// What a command that does its work says.
async fn done(args: &[&str]) -> Vec<String> {
    let done = output(hub(args)).await;
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{args:?}: {said}");
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn accounts_and_keys_of_a_running_hub_are_looked_after_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    let data = folder.path().join("data");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata = {data:?}\n[[centers]]\nid = \"gangnam\"\nname = \"강남\"\n",
    );
    std::fs::write(&config, text).unwrap();
    let on = ["--config", config.to_str().unwrap()];
    let with = |args: &[&'static str]| [args, &["--config", on[1]]].concat();
    let mut child = hub(&with(&["serve"])).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = said.next_line().await.unwrap().unwrap();
    let base = first.strip_prefix("listening on ").unwrap();
    for add in [
        with(&["user", "add", "boss", "--role", "admin"]),
        with(&["user", "add", "kim", "--role", "dispatcher", "--centers", "gangnam"]),
    ] {
        assert!(with_stdin(&add, "long enough\n").await.status.success());
    }
    let client = reqwest::Client::new();
    let login = async |account: &str, password: &str| {
        let body = json!({ "account": account, "password": password });
        client.post(format!("{base}/api/v1/login")).json(&body).send().await.unwrap()
    };
    let signed = login("kim", "long enough").await.json::<LoginReply>().await.unwrap();
    let tickets = client.post(format!("{base}/api/v1/socket-tickets")).bearer_auth(&signed.access_token);
    let ticket = tickets.send().await.unwrap().json::<TicketReply>().await.unwrap();
    let (mut peer, _) = Peer::open(base, "/center/gangnam").await;
    peer.join(&ticket.ticket, "s").await.unwrap();
    let listed = done(&with(&["user", "list"])).await;
    assert_eq!(listed, ["boss\tadmin\tenabled\t*\tboss", "kim\tdispatcher\tenabled\tgangnam\tkim"]);
    let sessions = done(&with(&["user", "sessions", "kim"])).await;
    assert!(sessions.len() == 1 && sessions[0].ends_with("\t127.0.0.1"), "{sessions:?}");
    done(&with(&["user", "disable", "kim"])).await;
    peer.ended().await;
    assert_eq!(login("kim", "long enough").await.status().as_u16(), 401);
    assert!(done(&with(&["user", "sessions"])).await.is_empty());
    done(&with(&["user", "enable", "kim"])).await;
    assert_eq!(login("kim", "long enough").await.status().as_u16(), 200);
    done(&with(&["user", "edit", "kim", "--role", "supervisor", "--name", "김은지"])).await;
    let edit = with(&["user", "edit", "kim", "--password"]);
    assert!(with_stdin(&edit, "another one\n").await.status.success());
    let signed = login("kim", "another one").await.json::<LoginReply>().await.unwrap();
    assert_eq!((signed.role.as_str(), signed.name.as_str()), ("supervisor", "김은지"));
    let ended = done(&with(&["user", "sessions", "kim", "--end", "all"])).await;
    assert_eq!(ended, ["sign-ins ended: 1"]);
    let key = done(&with(&["key", "add", "till", "--scopes", "read,create"])).await;
    assert!(key.len() == 1 && key[0].starts_with("gwk_"), "{key:?}");
    assert_eq!(done(&with(&["key", "list"])).await, ["till\tread,create\tgangnam"]);
    done(&with(&["key", "remove", "till"])).await;
    assert!(done(&with(&["key", "list"])).await.is_empty());
    for (args, expected) in [
        (&["user", "remove", "boss"][..], "the last admin"),
        (&["user", "disable", "boss"], "the last admin"),
        (&["user", "remove", "nobody"], "there is no account nobody"),
        (&["user", "edit", "kim"], "say what is to change"),
        (&["key", "remove", "till"], "there is no key till"),
        (&["key", "add", "kim"], "kim is taken"),
        (&["key", "add", "Till"], "1 to 64 of a-z"),
        (&["audit", "--from", "yesterday"], "no day or instant"),
    ] {
        let (status, said) = failure(&with(args)).await;
        assert_eq!(status, Some(2), "{args:?}: {said}");
        assert!(said.contains(expected), "{said:?} should contain {expected:?}");
    }
    done(&with(&["user", "remove", "kim"])).await;
    let audit = done(&with(&["audit", "--json"])).await;
    let actions: Vec<String> = audit
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["from"] == "local")
        .map(|line| format!("{} {}", line["action"].as_str().unwrap(), line["target"].as_str().unwrap()))
        .collect();
    let expected = [
        "account.add boss",
        "account.add kim",
        "account.edit kim",
        "account.edit kim",
        "account.edit kim",
        "account.edit kim",
        "session.end kim",
        "key.add till",
        "key.remove till",
        "account.remove kim",
    ];
    assert_eq!(actions, expected);
    let of_kim = done(&with(&["audit", "--account", "kim"])).await;
    assert_eq!(of_kim.len(), 3, "kim signed in three times: {of_kim:?}");
    child.kill().await.unwrap();
    child.wait().await.unwrap();
}

#[tokio::test]
async fn a_demo_takes_no_store_of_real_days_and_no_real_hub_a_demos() {
    let folder = tempfile::tempdir().unwrap();
    let (real, played) = (folder.path().join("real"), folder.path().join("played"));
    let config = |data: &Path| {
        let file = data.with_extension("toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata = {data:?}\n[[centers]]\nid = \"gangnam\"\nname = \"강남\"\n"
        );
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (real_config, played_config) = (config(&real), config(&played));
    // An account alone makes it a store of real days: none of its centers has been served yet.
    let add = ["user", "add", "kim", "--role", "admin", "--config", &real_config];
    assert!(with_stdin(&add, "long enough\n").await.status.success());
    let demo = ["demo", "--listen", "127.0.0.1:0", "--data", real.to_str().unwrap()];
    let (status, said) = failure(&demo).await;
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("holds real days"), "{said}");
    Demo::start(&["--data", played.to_str().unwrap(), "--centers", "1"]).await.stop().await;
    let on_played = ["--config", &played_config];
    for args in [
        [&["serve"][..], &on_played].concat(),
        [&["check"][..], &on_played].concat(),
        [&["key", "add", "pos"][..], &on_played].concat(),
    ] {
        let (status, said) = failure(&args).await;
        assert_eq!(status, Some(2), "{args:?}: {said}");
        assert!(said.contains("holds a demo's day"), "{said}");
    }
}

/// Whether a file of that folder holds a text.
fn is_in_files(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

/// A customer is erased while the hub runs, which tells its boards, and when none does.
#[tokio::test]
async fn a_customer_is_erased_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("hub.toml"), folder.path().join("data"));
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata = {data:?}\n[[centers]]\nid = \"gangnam\"\nname = \"강남\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let key = ["key", "add", "pos", "--scopes", "read,create", "--config", config];
    let key = String::from_utf8(output(hub(&key)).await.stdout).unwrap().trim().to_owned();
    let mut child =
        hub(&["serve", "--config", config]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = said.next_line().await.unwrap().unwrap();
    let url = format!("{}/api/v1/centers/gangnam/deliveries", first.strip_prefix("listening on ").unwrap());
    let client = reqwest::Client::new();
    let order = |phone: &str| {
        let order = json!({
            "shop": {"id": "s1", "name": "한솥"},
            "dropoff": {"address": "가나다라 303", "phone": phone},
        });
        client.post(&url).header("x-api-key", &key).json(&order).send()
    };
    assert_eq!(order("010-8765-4321").await.unwrap().status(), 201);
    assert_eq!(order("010-8765-0000").await.unwrap().status(), 201);
    assert!(is_in_files(&data, "010-8765-4321"));
    let erasing = ["erase", "--phone", "-", "--config", config];
    let erase = |phone: &'static str| with_stdin(&erasing, phone);
    let done = erase("+82 10 8765 4321\n").await;
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && told.starts_with("erased: 1 deliveries"), "{told}");
    let board = client.get(&url).header("x-api-key", &key).send().await.unwrap();
    let board: Value = board.json().await.unwrap();
    let phones: Vec<_> =
        board["rows"].as_array().unwrap().iter().map(|row| &row["dropoff"]["phone"]).collect();
    assert_eq!((&board["rev"], json!(phones)), (&json!(3), json!(["010-8765-0000", ""])));
    assert!(!is_in_files(&data, "010-8765-4321"), "nothing is left while it runs");
    assert!(is_in_files(&data, "010-8765-0000"), "others stay");
    child.kill().await.unwrap();
    child.wait().await.unwrap();
    let done = erase("01087650000\n").await;
    assert!(String::from_utf8(done.stdout).unwrap().starts_with("erased: 1 deliveries"));
    assert!(!is_in_files(&data, "010-8765-0000") && !is_in_files(&data, "가나다라 303"));
    let again = erase("01087650000\n").await;
    assert_eq!(String::from_utf8(again.stdout).unwrap().trim(), "nothing of that customer is kept");
    assert_eq!(failure(&["erase", "--phone", "0101", "--config", config]).await.0, Some(2));
    assert_eq!(failure(&["erase", "--config", config]).await.0, Some(2));
}

/// Resident bytes of a process.
fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

/// Each check takes 19 MiB, two at a time: all of it goes back.
#[tokio::test]
async fn a_crowd_that_signs_in_leaves_no_memory_behind() {
    let demo = Demo::start(&["--centers", "1", "--speed", "0"]).await;
    demo.login("dispatcher").await;
    let before = resident(&demo.child);
    let crowd = (0..80).map(|_| demo.login("dispatcher"));
    assert_eq!(futures_util::future::join_all(crowd).await.len(), 80);
    let after = resident(&demo.child);
    assert!(after < before + (10 << 20), "{before} bytes before, {after} after");
    demo.stop().await;
}

/// Nobody holds a connection by a body that never comes; who would be refused anyway is not waited for at all.
#[tokio::test]
async fn a_stranger_is_refused_before_a_body_is_waited_for() {
    let demo = Demo::start(&["--centers", "1"]).await;
    let address = demo.base.strip_prefix("http://").unwrap();
    for path in
        ["/drain", "/drill", "/logout", "/socket-tickets", "/centers/gangnam/deliveries", "/preferences/x"]
    {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let method = if path.starts_with("/preferences") { "PUT" } else { "POST" };
        let head = format!("{method} /api/v1{path} HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut said = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut said)).await.expect("closed").unwrap();
        assert!(said.starts_with("HTTP/1.1 401"), "{path}: {said}");
        assert!(said.contains("cache-control: no-store"), "{said}");
    }
    demo.stop().await;
}

async fn with_stdin(args: &[&str], text: &str) -> Output {
    let mut child =
        hub(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap()
}

#[tokio::test]
async fn what_can_not_be_used_is_said_in_one_line() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (status, said) = failure(&["demo", "--listen", &taken]).await;
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&taken) && said.contains("in use"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let day = folder.path().to_str().unwrap();
    write_day(folder.path(), "0\t1\tten\t0\t0\t15");
    for (args, expected) in [
        (&["demo", "--frob"][..], "'--frob'"),
        (&["demo", "--listen", "127.0.0.1:0", "--day", day], "orders.txt, line 2, column 5"),
        (&["demo", "--listen", "127.0.0.1:0", "--day", "/nonexistent"], "/nonexistent/"),
        (&["serve", "--config", "/nonexistent.toml"], "/nonexistent.toml can't be read"),
        (&["user", "add", "kim", "--role", "boss"], "\"boss\" is none of dispatcher"),
    ] {
        let (status, said) = failure(args).await;
        assert_eq!(status, Some(2), "{args:?}: {said}");
        assert!(said.contains(expected), "{said:?} should contain {expected:?}");
    }
    for (args, expected) in [(["--version"], "gwanje-hub "), (["--help"], "Usage:")] {
        let done = output(hub(&args)).await;
        assert!(done.status.success());
        assert!(String::from_utf8(done.stdout).unwrap().contains(expected), "{args:?}");
    }
}

/// A tiny day of one order line.
fn write_day(folder: &Path, order: &str) {
    let files = [
        ("orders.txt", format!("order\tx\ty\tplacement_time\trestaurant\tready_time\n{order}\n")),
        ("couriers.txt", "courier\tx\ty\ton_time\toff_time\n0\t0\t0\t0\t600\n".to_owned()),
        ("restaurants.txt", "restaurant\tx\ty\n0\t0\t0\n".to_owned()),
        (
            "instance_parameters.txt",
            "meters_per_minute\tpickup service minutes\tdropoff service minutes\ttarget click-to-door\t\
             maximum click-to-door\tpay per order\tguaranteed pay per hour\n300\t4\t4\t40\t90\t10\t15\n"
                .to_owned(),
        ),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}
