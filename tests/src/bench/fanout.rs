//! P10, P10b: what it costs the hub to tell many sockets of a center's changes, against Node's Socket.IO and against a bare
//! thread that writes the bytes.

use super::audience::{Audience, Counted};
use super::bare::{Ready, Waiting};
use super::report::Measured;
use super::served::{Circle, Orders, Served};
use super::stream::wall_now;
use super::{descriptors, median, runs, sized, window};
use crate::peers::start_script;
use crate::process::{Process, processor_time, size_of};
use crate::watcher::CENTER;
use anyhow::{Context, Result, ensure};
use gwanje_wire::Frame;
use gwanje_wire::socket::center_namespace;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long each run counts.
const WINDOW: Duration = Duration::from_secs(6);
/// What was told is on its way no longer than this, and each side tells pings and heads meanwhile as before.
const ON_ITS_WAY: Duration = Duration::from_millis(200);
/// The least that processor time is told in.
const TICK_S: f64 = 0.01;
/// Descriptors of this process beside the followers' and the floor's sockets.
const OTHER_DESCRIPTORS: u32 = 500;

/// How P10 is measured with some number of sockets.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    row: &'static str,
    what: &'static str,
    sockets: u32,
    /// Between two changes, each a frame of its own: longer than the hub gathers changes for.
    every: Duration,
}

/// 200 sockets, 40 frames a second.
pub const SMALL: Size = Size {
    row: "P10-200",
    what: "one center, 200 sockets, 40 changes a second: frames delivered a second of a core",
    sockets: 200,
    every: Duration::from_millis(25),
};
/// 1,000 sockets, 40 frames a second.
pub const MIDDLE: Size = Size {
    row: "P10-1000",
    what: "the same with 1,000 sockets",
    sockets: 1_000,
    every: Duration::from_millis(25),
};
/// 5,000 sockets, 10 frames a second: more would fill two cores with those that read.
pub const LARGE: Size = Size {
    row: "P10-5000",
    what: "the same with 5,000 sockets, or as many as the limit of descriptors allows; 10 changes a second",
    sockets: 5_000,
    every: Duration::from_millis(100),
};

/// P10 with so many sockets: the hub, Node and the floor in turn.
///
/// # Errors
/// When a side fails, or a socket lacks a frame.
pub async fn fan_out(size: Size) -> Result<Measured> {
    let sockets = sized("P10_SOCKETS", size.sockets)?.min(size.sockets).min(sockets_allowed()?);
    let orders = Orders { each: 200, at_once: 1 };
    let pace = Pace { every: size.every, a_second: (1.0 / size.every.as_secs_f64()) as u32 };
    let ours = Ours::start(orders, sockets, pace).await?;
    let circles = ours.circles();
    let node = Node::start(&ours.template, sockets, pace).await?;
    let namespace = center_namespace(&CENTER.into());
    let waiting = Waiting::start(sockets).await?;
    let at_floor = Audience::join(&waiting.url, None, std::slice::from_ref(&namespace), sockets).await?;
    let mut bare = Some((Ready::new(&namespace, &ours.template), waiting.joined().await?));
    let (mut hub, mut whole, mut peer, mut floor) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut memory = (0.0, 0.0);
    for run in 0..=runs()? {
        let (told, net) = ours.tell(&circles).await?;
        let by_node = node.tell().await?;
        let (ready, streams) = bare.take().context("the floor")?;
        let before = at_floor.counted()?;
        let (ready, streams, took) = ready.write(streams, size.every, pace.window()?).await?;
        sleep(ON_ITS_WAY).await;
        let by_floor = Delivered { counted: at_floor.counted()?.since(before), took };
        bare = Some((ready, streams));
        eprintln!(
            "{}: run {run}: frames/s of a core: hub {:.0} ({:.0} with commits), Node {:.0}, floor {:.0}",
            size.row,
            net.frames_a_core(),
            told.frames_a_core(),
            by_node.frames_a_core(),
            by_floor.frames_a_core()
        );
        // The first run warms all and does not count; memory is that of sockets that have been told something.
        if run == 0 {
            memory = (ours.kib_a_socket()?, node.kib_a_socket()?);
        } else {
            hub.push(net.frames_a_core());
            whole.push(told.frames_a_core());
            peer.push(by_node.frames_a_core());
            floor.push(by_floor.frames_a_core());
        }
    }
    drop((at_floor, bare));
    let (hub, whole, peer, floor) = (median(hub), median(whole), median(peer), median(floor));
    let ratio = hub / floor;
    Ok(Measured {
        row: size.row,
        what: size.what,
        goal: "≥ 0.9 of the bare thread, ≥ 1.25 × Node; memory a socket ≤ Node's",
        ours: hub,
        peers: BTreeMap::from([
            ("bare thread", floor),
            ("Node socket.io", peer),
            ("ours with its commits", whole),
            ("ours against Node", hub / peer),
            ("sockets", f64::from(sockets)),
            ("KiB a socket", memory.0),
            ("KiB a socket, Node", memory.1),
        ]),
        unit: "frames/s",
        ratio,
        met: ratio >= 0.9 && hub >= 1.25 * peer && memory.0 <= memory.1,
    })
}

/// P10b: 2,000 changes a second to 200 sockets, which the hub gathers into frames, against an event a change.
///
/// # Errors
/// When a side fails, or a socket lacks a frame.
pub async fn gathered() -> Result<Measured> {
    let sockets = sized("P10_SOCKETS", 200)?.min(200);
    let a_second = sized("P10B_CHANGES", 2_000)?;
    let at_once = usize::try_from(a_second)?.div_ceil(20);
    let orders = Orders { each: at_once * 10, at_once };
    let pace = Pace { every: Duration::from_millis(50), a_second };
    let ours = Ours::start(orders, sockets, pace).await?;
    let circles = ours.circles();
    let node = Node::start(&ours.template, sockets, pace).await?;
    let (mut hub, mut whole, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rate, mut peers_rate, seconds) = (Vec::new(), Vec::new(), pace.window()?.as_secs_f64());
    for run in 0..=runs()? {
        let ((told, net), by_node) = (ours.tell(&circles).await?, node.tell().await?);
        eprintln!(
            "P10b: run {run}: changes/s of a core: hub {:.0} ({:.0} with commits), Node {:.0}",
            net.changes_a_core(),
            told.changes_a_core(),
            by_node.changes_a_core()
        );
        if run > 0 {
            hub.push(net.changes_a_core());
            whole.push(told.changes_a_core());
            peer.push(by_node.changes_a_core());
            let a_second = |told: &Delivered| told.counted.changes as f64 / f64::from(sockets) / seconds;
            rate.push(a_second(&told));
            peers_rate.push(a_second(&by_node));
        }
    }
    let (hub, whole, peer) = (median(hub), median(whole), median(peer));
    let ratio = hub / peer;
    Ok(Measured {
        row: "P10b",
        what: "200 sockets, 2,000 changes a second: changes delivered a second of a core",
        goal: "≥ 10 × Node with an event a change",
        ours: hub,
        peers: BTreeMap::from([
            ("Node socket.io", peer),
            ("ours with its commits", whole),
            ("sockets", f64::from(sockets)),
            ("changes a second, ours", median(rate)),
            ("changes a second, Node", median(peers_rate)),
        ]),
        unit: "changes/s",
        ratio,
        met: ratio >= 10.0,
    })
}

/// Changes at even intervals.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between two requests to the hub.
    every: Duration,
    /// Changes.
    a_second: u32,
}

impl Pace {
    fn window(self) -> Result<Duration> {
        window(WINDOW)
    }
}

/// What was told, and what that took.
struct Delivered {
    counted: Counted,
    took: Duration,
}

impl Delivered {
    fn frames_a_core(&self) -> f64 {
        self.counted.frames as f64 / self.took.as_secs_f64().max(TICK_S)
    }

    fn changes_a_core(&self) -> f64 {
        self.counted.changes as f64 / self.took.as_secs_f64().max(TICK_S)
    }
}

/// The center that is followed, and one that nobody follows.
const FOLLOWED: std::ops::Range<usize> = 0..1;
const OTHER: std::ops::Range<usize> = 1..2;

struct Circles<'a> {
    followed: Circle<'a>,
    other: Circle<'a>,
}

/// The hub as a process, with its followers.
struct Ours {
    followers: Audience,
    served: Served,
    pace: Pace,
    /// A frame of one change, as the hub tells it.
    template: Frame,
    sockets: u32,
    kib_before: u64,
}

impl Ours {
    async fn start(orders: Orders, sockets: u32, pace: Pace) -> Result<Self> {
        let served = Served::on_file(2, orders).await?;
        let snapshot = served.api.snapshot(CENTER).await?;
        let row = snapshot.rows.into_iter().max_by_key(gwanje_wire::WireRow::rev).context("an order")?;
        let template = Frame { rows: vec![row], ..Frame::empty(snapshot.epoch, snapshot.rev, wall_now()) };
        let kib_before = served.resident_kib()?;
        let namespaces = [center_namespace(&CENTER.into())];
        let followers = Audience::join(&served.hub.url, Some(&served.api), &namespaces, sockets).await?;
        Ok(Self { followers, served, pace, template, sockets, kib_before })
    }

    /// Changes of the center that is followed; with them the time that as many changes take of which nobody is told.
    async fn tell(&self, circles: &Circles<'_>) -> Result<(Delivered, Delivered)> {
        let (before, counted) = (self.served.processor_time()?, self.followers.counted()?);
        let changes = self.change(&circles.followed).await?;
        let took = self.served.processor_time()? - before;
        let counted = self.followers.counted()?.since(counted);
        ensure!(counted.frames > 0, "the hub told nothing");
        let before = self.served.processor_time()?;
        let untold = self.change(&circles.other).await?;
        // A request more or less fits into a run.
        let untold = (self.served.processor_time()? - before).mul_f64(changes as f64 / untold.max(1) as f64);
        Ok((Delivered { counted, took }, Delivered { counted, took: took.saturating_sub(untold) }))
    }

    async fn change(&self, circle: &Circle<'_>) -> Result<u64> {
        let changes = circle.change(self.pace.every, Instant::now() + self.pace.window()?).await?;
        sleep(ON_ITS_WAY).await;
        Ok(changes)
    }

    fn circles(&self) -> Circles<'_> {
        Circles { followed: self.served.circle(FOLLOWED), other: self.served.circle(OTHER) }
    }

    fn kib_a_socket(&self) -> Result<f64> {
        Ok(self.served.resident_kib()?.saturating_sub(self.kib_before) as f64 / f64::from(self.sockets))
    }
}

/// Node's Socket.IO as a process, with its followers.
struct Node {
    followers: Audience,
    process: Process,
    url: String,
    pace: Pace,
    sockets: u32,
    kib_before: u64,
    _frame: tempfile::NamedTempFile,
}

impl Node {
    async fn start(template: &Frame, sockets: u32, pace: Pace) -> Result<Self> {
        let frame = tempfile::NamedTempFile::new()?;
        std::fs::write(frame.path(), serde_json::to_vec(template)?)?;
        let namespace = center_namespace(&CENTER.into());
        let file = frame.path().to_str().context("a file whose name is text")?;
        let arguments = ["--namespace", &namespace, "--frame", file].map(str::to_owned);
        let (process, url) = start_script("fanout", &arguments)?;
        paced(&url, pace).await?;
        let kib_before = size_of(process.id(), "VmRSS")?;
        let followers = Audience::join(&url, None, &[namespace], sockets).await?;
        Ok(Self { process, url, followers, pace, sockets, kib_before, _frame: frame })
    }

    async fn tell(&self) -> Result<Delivered> {
        let id = self.process.id().to_string();
        let (before, counted) = (processor_time(&id)?, self.followers.counted()?);
        paced(&self.url, self.pace).await?;
        sleep(ON_ITS_WAY).await;
        let took = processor_time(&id)? - before;
        let counted = self.followers.counted()?.since(counted);
        ensure!(counted.frames > 0, "Node told nothing");
        Ok(Delivered { counted, took })
    }

    fn kib_a_socket(&self) -> Result<f64> {
        let kib = size_of(self.process.id(), "VmRSS")?;
        Ok(kib.saturating_sub(self.kib_before) as f64 / f64::from(self.sockets))
    }
}

/// Lets Node's server tell for as long as a run.
async fn paced(url: &str, pace: Pace) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (a_second, during) = (pace.a_second, pace.window()?);
    let asked = client.post(format!("{url}/pace/{a_second}/{}", during.as_millis()));
    asked.send().await?.error_for_status()?;
    sleep(during).await;
    Ok(())
}

/// How many sockets each of the three may have: this process holds all followers, and the floor's end.
fn sockets_allowed() -> Result<u32> {
    Ok(descriptors()?.saturating_sub(OTHER_DESCRIPTORS) / 4)
}
