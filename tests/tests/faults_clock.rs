//! Wall clocks that jump: a proof stays as old as it is, tokens end and are renewed, nothing is told twice.

use anyhow::{Context, Result, ensure};
use gwanje_tests::hub::Hub;
use gwanje_tests::process::binary;
use gwanje_tests::proxy::{Kind, Line, Proxy, Way};
use gwanje_tests::stage::{alone, side_by_side};
use gwanje_tests::watcher::{CENTER, Watcher};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const DAY: [&str; 9] =
    ["demo", "--speed", "60", "--centers", "1", "--start", "18:00", "--cancel-rate", "0.3"];

#[test]
fn whatever_the_clocks_say_the_board_ends_true() {
    if library().is_none() {
        eprintln!("not run: libfaketime is not installed (scripts/deps.sh test installs it)");
        return;
    }
    side_by_side(vec![
        (
            "the desk an hour ahead, and back",
            Box::new(|| alone(jumps(Whose::Desk, ["+3600", "-3600", "+0"]))),
        ),
        ("the hub an hour ahead, and back", Box::new(|| alone(jumps(Whose::Hub, ["+3600", "-3600", "+0"])))),
        ("a silent cut under a clock that stands still", Box::new(|| alone(silence_under_a_jump()))),
    ]);
}

/// Debian's place for it.
fn library() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let named = folders.iter().map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    named.into_iter().find(|path| path.is_file())
}

/// A file that says how wrong a process's wall clock is; the process looks into it all the time.
struct WallClock {
    file: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl WallClock {
    fn at(file: PathBuf) -> Result<Self> {
        let library = library().context("libfaketime")?.display().to_string();
        let environment = vec![
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Only the wall: clocks that never go back do not jump either.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let clock = Self { file, environment };
        clock.set("+0")?;
        Ok(clock)
    }

    /// As libfaketime reads it: seconds ahead or behind.
    fn set(&self, offset: &str) -> Result<()> {
        // Whole at any moment: a half-written file would be another jump.
        let draft = self.file.with_extension("draft");
        std::fs::write(&draft, format!("{offset}\n"))?;
        Ok(std::fs::rename(draft, &self.file)?)
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Desk,
    Hub,
}

/// A hub and a watcher, each on a clock of its own.
struct Clocks {
    watcher: Watcher,
    proxy: Proxy,
    hub: Hub,
    desk_clock: WallClock,
    hub_clock: WallClock,
    database: PathBuf,
    _folder: TempDir,
}

impl Clocks {
    async fn live() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let hub_clock = WallClock::at(folder.path().join("hub-clock"))?;
        let desk_clock = WallClock::at(folder.path().join("desk-clock"))?;
        let data = folder.path().join("hub");
        let mut command = Command::new(binary("gwanje-hub")?);
        command.args(DAY).args(["--listen", "127.0.0.1:0", "--data"]).arg(&data).envs(hub_clock.variables());
        let hub = Hub::started(&mut command)?;
        let proxy = Proxy::to(hub.address()).await?;
        let profile = folder.path().join("watch");
        let mut watcher = Watcher::start_through(&proxy.url(), &profile, &[], &desk_clock.variables())?;
        watcher.untimed();
        watcher.until_state("Live")?;
        let database = data.join("hub.sqlite");
        Ok(Self { watcher, proxy, hub, desk_clock, hub_clock, database, _folder: folder })
    }

    /// The jump is real: the process tells another time than this one.
    async fn is_off(&self, whose: Whose, offset: &str) -> Result<()> {
        let told = match whose {
            Whose::Desk => self.watcher.claims().last().context("a proof")?.at,
            Whose::Hub => {
                let admin = self.hub.sign_in("admin").await?;
                let digest: Value = admin.get(&format!("/centers/{CENTER}/digest?after=0")).await?;
                digest["head"]["at"].as_i64().context("the head's instant")?
            }
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().cast_signed();
        let (off, wanted) = (told / 1_000 - now, offset.parse::<i64>()?);
        ensure!((off - wanted).abs() < 600, "its clock is off by {off} s, not {wanted}");
        Ok(())
    }

    async fn ends_true(&mut self) -> Result<()> {
        // The hub's clock is right again by now, or a token for it could not be had for long.
        let admin = self.hub.sign_in("admin").await?;
        self.watcher.until("a cancellation", |watcher, _| watcher.told() > 0)?;
        self.watcher.ends_true(&admin, Some(&self.database)).await
    }
}

/// With the hub's clock an hour ahead its access tokens have expired: they are renewed, nobody signs in again.
async fn jumps(whose: Whose, offsets: [&str; 3]) -> Result<()> {
    let mut clocks = Clocks::live().await?;
    for offset in offsets {
        match whose {
            Whose::Desk => clocks.desk_clock.set(offset)?,
            Whose::Hub => clocks.hub_clock.set(offset)?,
        }
        let told = clocks.watcher.told();
        let proofs = clocks.watcher.claims().len();
        clocks.watcher.until("proofs and a cancellation", |watcher, _| {
            watcher.claims().len() >= proofs + 3 && watcher.told() > told
        })?;
        clocks.is_off(whose, offset).await?;
        // A connection of its own asks for a new ticket, with whatever the token is worth by now.
        clocks.proxy.cut(Kind::Socket, gwanje_tests::proxy::Ending::Fin);
        clocks
            .watcher
            .until("another state", |watcher, _| watcher.states.last().is_some_and(|s| s != "Live"))?;
        clocks.watcher.until_state("Live")?;
    }
    let signed_out = clocks.watcher.states.iter().any(|state| state == "Refused");
    ensure!(!signed_out, "refused: {:?}", clocks.watcher.states);
    clocks.ends_true().await
}

/// The desk's wall clock goes back an hour just when the socket falls silent: the proof must grow old nevertheless.
async fn silence_under_a_jump() -> Result<()> {
    let mut clocks = Clocks::live().await?;
    for way in [Way::Up, Way::Down] {
        clocks.proxy.set(Kind::Socket, way, Line::Stuck);
        clocks.proxy.set(Kind::Rest, way, Line::Stuck);
    }
    clocks.desk_clock.set("-3600")?;
    clocks.watcher.until_state("Offline")?;
    clocks.watcher.for_a_while(Duration::from_secs(1))?;
    for way in [Way::Up, Way::Down] {
        clocks.proxy.set(Kind::Socket, way, Line::Pass);
        clocks.proxy.set(Kind::Rest, way, Line::Pass);
    }
    clocks.watcher.until_state("Live")?;
    clocks.ends_true().await
}
