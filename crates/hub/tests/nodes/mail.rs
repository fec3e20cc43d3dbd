//! Errors are mailed by a real SMTP dialogue; a mail server that hangs harms nobody.

use crate::peer::PATIENCE;
use gwanje_hub::logged::LogKept;
use gwanje_hub::mail::{MailSettings, Mailing};
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tracing_subscriber::layer::SubscriberExt as _;

/// A mail server that takes whatever comes, as RFC 5321 has it.
pub struct MailServer {
    pub address: SocketAddr,
    mails: mpsc::UnboundedReceiver<String>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (taken, mails) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, taken.clone()));
            }
        });
        Self { address, mails }
    }

    /// The next one, its long lines whole again.
    pub async fn mail(&mut self) -> String {
        let mail = tokio::time::timeout(PATIENCE, self.mails.recv()).await.expect("a mail comes").unwrap();
        mail.replace("=\n", "")
    }
}

async fn serve(stream: TcpStream, taken: mpsc::UnboundedSender<String>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 here\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let answer = match line.split(' ').next()?.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => "250 here\r\n",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                let mut mail = String::new();
                loop {
                    let line = lines.next_line().await.ok()??;
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                taken.send(mail).ok()?;
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 good\r\n",
        };
        write.write_all(answer.as_bytes()).await.ok()?;
    }
    None
}

pub fn mailing(address: SocketAddr) -> Mailing {
    let settings = MailSettings {
        smtp: address.to_string(),
        from: "hub@example.com".into(),
        to: "ops@example.com, chief@example.com".into(),
        per: "1s".into(),
        ..MailSettings::default()
    };
    settings.mailing().unwrap().unwrap()
}

/// What this thread logs goes there, too.
pub fn logging() -> (LogKept, tracing::subscriber::DefaultGuard) {
    let kept = LogKept::default();
    let all = tracing_subscriber::registry().with(kept.layer());
    (kept, tracing::subscriber::set_default(all))
}

#[tokio::test]
async fn an_error_is_mailed_and_the_same_again_only_with_its_count() {
    let mut server = MailServer::start().await;
    let (log, _guard) = logging();
    let node = crate::harness::alone(log, Some(mailing(server.address)), None).await;
    let fails = || tracing::error!(error = "full", center = "gangnam", "the disk takes nothing");
    fails();
    let mail = server.mail().await;
    for part in [
        &format!("Subject: [gwanje {}] the disk takes nothing", node.name()),
        "To: ops@example.com, chief@example.com",
        "error, 1 times: the disk takes nothing (error: \"full\", center: \"gangnam\")",
    ] {
        assert!(mail.contains(part), "{part} in {mail}");
    }
    for _ in 0..5 {
        fails();
    }
    let mail = server.mail().await;
    assert!(mail.contains("error, 5 times: the disk"), "{mail}");
    node.stopped().await;
}

#[tokio::test]
async fn a_mail_server_that_hangs_holds_up_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (log, _guard) = logging();
    let node = crate::harness::alone(log.clone(), Some(mailing(listener.local_addr().unwrap())), None).await;
    tracing::error!("it fails");
    // It takes the connection, and says nothing.
    let (_held, _) = listener.accept().await.unwrap();
    for n in 0..2_000 {
        tracing::error!(error = n, "it fails, too");
    }
    let mut peer = node.joined("seat-1").await;
    let subscribed = peer.call("subscribe", serde_json::json!({"rooms": ["deliveries"]})).await;
    assert_eq!(subscribed["ok"], true);
    let rev = node.order().await;
    assert_eq!(peer.named("deliveries").await["to"], rev);
    let shown =
        node.shows(|shown| shown["errors"].as_array().is_some_and(|errors| errors.len() == 100)).await;
    assert!(shown["errors"][0]["text"].as_str().unwrap().contains("error: 1999"), "the latest first");
    assert_eq!(log.since(0).0.len(), 100);
    node.stopped().await;
}

/// Another address of a Redis, and what cuts it off.
async fn way_to(redis: String) -> (String, JoinHandle<()>) {
    let to = redis.split_once("unix://").unwrap().1.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = format!("redis://{}", listener.local_addr().unwrap());
    let cut = tokio::spawn(async move {
        let mut lines = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = UnixStream::connect(&to).await.unwrap();
            lines.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    (way, cut)
}

#[tokio::test]
async fn a_hub_that_dies_is_told_by_one_of_its_peers() {
    let shared = crate::harness::Shared::start();
    let mut server = MailServer::start().await;
    let (log, _guard) = logging();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let mail = Some(mailing(server.address));
        nodes.push(shared.node_with(&shared.redis.url(), log.clone(), mail).await);
    }
    let (way, cut) = way_to(shared.redis.url()).await;
    let dying = shared.node_with(&way, LogKept::default(), None).await;
    for node in &nodes {
        node.shows(|shown| shown["nodes"].as_array().unwrap().len() == 3).await;
    }
    let name = dying.name();
    let died = std::time::Instant::now();
    // Nobody hears of it any more.
    cut.abort();
    let told = loop {
        let mail = server.mail().await;
        if mail.contains("gone without a word") {
            break mail;
        }
    };
    assert!(told.contains(&name), "{told}");
    assert!(died.elapsed() < std::time::Duration::from_secs(20), "{:?}", died.elapsed());
    for node in &nodes {
        node.shows(|shown| shown["nodes"].as_array().unwrap().len() == 2).await;
    }
    // Both hubs here log in one place: had both told it, there would be two.
    let deaths = log.since(0).0.into_iter().filter(|line| line.text.contains("gone without a word"));
    assert_eq!(deaths.map(|line| line.count).sum::<u64>(), 1);
    for node in nodes {
        node.stopped().await;
    }
}
