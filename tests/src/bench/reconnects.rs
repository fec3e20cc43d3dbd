//! P12: how long it takes until thousands of seats are live again after their hub was killed.

use super::report::Measured;
use super::{descriptors, sized};
use crate::storm::{Plan, run};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// A seat's file with its journal, its socket, and connections for requests.
const DESCRIPTORS_OF_SEAT: u32 = 7;
/// Descriptors of this process beside those.
const OTHER_DESCRIPTORS: u32 = 500;
/// For how long the hub is away.
const AWAY: Duration = Duration::from_secs(3);
/// Until then all have to be live.
const GOAL_S: f64 = 45.0;

/// P12, once: it signs thousands in before, which takes minutes.
///
/// # Errors
/// When a seat can't sign in, or not all come back.
pub async fn reconnects() -> Result<Measured> {
    let allowed = descriptors()?.saturating_sub(OTHER_DESCRIPTORS) / DESCRIPTORS_OF_SEAT;
    let sessions = sized("P12_SESSIONS", 5_000)?.min(allowed);
    eprintln!("P12: {sessions} seats sign in");
    let folder = tempfile::tempdir()?;
    let plan = Plan { sessions: usize::try_from(sessions)?, away: AWAY };
    let outcome = run(plan, folder.path()).await?;
    eprintln!("{outcome}");
    let (took, refused) = (outcome.back_live().as_secs_f64(), outcome.most_refused() as f64);
    Ok(Measured {
        row: "P12",
        what: "5,000 seats, or as many as the limit of descriptors allows, whose hub was killed: from its listening again until all are proven",
        goal: "≤ 45 s; no request refused twice",
        ours: took,
        peers: BTreeMap::from([
            ("goal", GOAL_S),
            ("seats", f64::from(sessions)),
            ("refused requests of one seat, at most", refused),
            ("cores of the hub, at most", outcome.hub_peak()),
        ]),
        unit: "s",
        ratio: took / GOAL_S,
        met: took <= GOAL_S && refused <= 1.0,
    })
}
