//! An Engine.IO client that polls, each request at the next of several hubs, as behind a balancer that keeps nobody anywhere.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// Longer than any hub keeps a request that polls.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection by polling.
pub struct Poller {
    client: reqwest::Client,
    hubs: Vec<String>,
    /// How many requests were made.
    pub asked: usize,
    sid: String,
    packets: VecDeque<String>,
}

/// The session is gone, or the way to it: another is to be begun.
#[derive(Debug, PartialEq)]
pub struct Gone;

impl Poller {
    /// Begins a session at the first of these hubs; later requests go to each in turn.
    pub async fn open(hubs: &[&str]) -> Self {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let hubs: Vec<String> = hubs.iter().map(|&url| url.to_owned()).collect();
        let mut poller = Self { client, hubs, asked: 0, sid: String::new(), packets: VecDeque::new() };
        let url = poller.next_url();
        let answer = poller.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let open = answer.text().await.unwrap();
        let open: Value = serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
        poller.sid = format!("&sid={}", open["sid"].as_str().unwrap());
        poller
    }

    /// What follows after the address of a hub.
    pub fn path(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling{}", self.sid)
    }

    fn next_url(&mut self) -> String {
        let hub = &self.hubs[self.asked % self.hubs.len()];
        let url = format!("{hub}{}", self.path());
        self.asked += 1;
        url
    }

    /// Sends a packet.
    pub async fn send(&mut self, packet: String) -> Result<(), Gone> {
        let url = self.next_url();
        known(self.client.post(url).body(packet).send().await).await.map(|_| ())
    }

    /// Polls until a packet with that prefix comes; what follows the prefix. Answers pings.
    pub async fn packet(&mut self, prefix: &str) -> Result<String, Gone> {
        loop {
            while let Some(packet) = self.packets.pop_front() {
                if packet == "2" {
                    self.send("3".into()).await?;
                } else if let Some(rest) = packet.strip_prefix(prefix) {
                    return Ok(rest.to_owned());
                }
            }
            let url = self.next_url();
            let text = known(self.client.get(url).send().await).await?;
            self.packets.extend(text.split('\u{1e}').map(str::to_owned));
        }
    }

    /// Joins the center and follows its deliveries and seats.
    pub async fn follow(&mut self, ticket: &str, seat: &str) -> Result<(), Gone> {
        self.follow_from(ticket, seat, Value::Null).await.map(|_| ())
    }

    /// The same, from a cursor; what the hub says to it.
    pub async fn follow_from(&mut self, ticket: &str, seat: &str, cursor: Value) -> Result<Value, Gone> {
        let join = json!({ "ticket": ticket, "seat": seat });
        self.send(format!("40/center/gangnam,{join}")).await?;
        self.packet("40/center/gangnam,").await?;
        let wish = json!(["subscribe", { "rooms": ["deliveries", "seats"], "cursor": cursor }]);
        self.send(format!("42/center/gangnam,5{wish}")).await?;
        let ack = self.packet("43/center/gangnam,5").await?;
        assert!(ack.starts_with("[{\"ok\":true"), "{ack}");
        let [said]: [Value; 1] = serde_json::from_str(&ack).unwrap();
        Ok(said)
    }

    /// The next event, by name.
    pub async fn event(&mut self) -> Result<(String, Value), Gone> {
        let rest = self.packet("42/center/gangnam,").await?;
        Ok(serde_json::from_str(&rest).unwrap())
    }

    /// The next event of that name.
    pub async fn named(&mut self, name: &str) -> Result<Value, Gone> {
        let rest = self.packet(&format!("42/center/gangnam,[\"{name}\",")).await?;
        Ok(serde_json::from_str(rest.strip_suffix(']').unwrap()).unwrap())
    }
}

async fn known(answer: reqwest::Result<reqwest::Response>) -> Result<String, Gone> {
    let answer = answer.map_err(|_| Gone)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|_| Gone)?;
    // A balancer's word for a hub that left meanwhile.
    if status == 502 || status == 400 && text == r#"{"code":"1","message":"Session ID unknown"}"# {
        return Err(Gone);
    }
    assert_eq!(status, 200, "{text}");
    Ok(text)
}
