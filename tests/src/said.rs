//! What a watcher said: its lines taken in, one by one, over all its restarts.

use crate::truth::{AlarmKey, Claim};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `Live` holds for two heads and a second after a proof; a process that gets no processor at once may be that much
/// late.
const LIVE_MAX_MS: i64 = 5_000 + 2_000;

/// A stretch of `Live`: each instant of it must lie within five seconds after a proof.
#[derive(Debug)]
struct LiveSince {
    latest_proof: i64,
}

/// All that a watcher said.
#[derive(Debug, Default)]
pub struct Said {
    /// The rows as the lines of this run make them.
    pub(crate) rows: BTreeMap<u64, Value>,
    /// All states, in order, over all runs.
    pub states: Vec<String>,
    /// The counts told last.
    pub stats: Value,
    /// How often each cancellation was raised (not listed again), over all runs.
    pub(crate) raised: BTreeMap<AlarmKey, u32>,
    /// Those listed again at a start.
    pub(crate) relisted: BTreeSet<AlarmKey>,
    /// All proofs, over all runs.
    pub(crate) claims: Vec<Claim>,
    live: Option<LiveSince>,
    /// What was shown live without a proof.
    pub(crate) lies: Vec<String>,
    /// Whether wall clock or process were tampered with, so that instants can't be compared.
    pub(crate) untimed: bool,
}

impl Said {
    /// The rows as its lines make them.
    #[must_use]
    pub fn rows(&self) -> &BTreeMap<u64, Value> {
        &self.rows
    }

    /// All proofs so far.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// How many cancellations were told so far, raised or listed again.
    #[must_use]
    pub fn told(&self) -> usize {
        self.raised.keys().filter(|key| !self.relisted.contains(key)).count() + self.relisted.len()
    }

    /// Cancellations that were committed to the cache before a kill, and told for the first time after it.
    #[must_use]
    pub fn told_late(&self) -> usize {
        self.relisted.iter().filter(|key| !self.raised.contains_key(key)).count()
    }

    /// A count of the last stats.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.stats[name].as_u64()
    }

    /// The states since a moment, as one text.
    #[must_use]
    pub fn states_since(&self, mark: usize) -> String {
        self.states.get(mark..).unwrap_or_default().join(" ")
    }

    /// The process has ended: it no longer shows what it last showed.
    pub(crate) fn ends_here(&mut self) {
        self.live = None;
    }

    /// Takes a line in.
    pub(crate) fn take(&mut self, line: &str) -> Result<Value> {
        let line: Value = serde_json::from_str(line).with_context(|| format!("reading {line:.200}"))?;
        let number = |value: &Value| value.as_u64().with_context(|| format!("a number in {line}"));
        match line["type"].as_str() {
            Some("state") => self.take_state(&line)?,
            Some("proof") => {
                let claim = Claim::of(&line)?;
                if let Some(live) = &mut self.live {
                    self.lies.extend(too_long(live.latest_proof, claim.at));
                    live.latest_proof = live.latest_proof.max(claim.at);
                }
                self.claims.push(claim);
            }
            Some("row") => {
                self.rows.insert(number(&line["row"]["id"])?, line["row"].clone());
            }
            Some("gone") => {
                self.rows.remove(&number(&line["id"])?);
            }
            Some("stats") => self.stats = line.clone(),
            Some("alarm") => {
                if let Some(key) = AlarmKey::of(&line)? {
                    if line["relisted"] == true {
                        self.relisted.insert(key);
                    } else {
                        *self.raised.entry(key).or_default() += 1;
                    }
                }
            }
            _ => {}
        }
        Ok(line)
    }

    fn take_state(&mut self, line: &Value) -> Result<()> {
        let state = line["state"].as_str().context("a state")?;
        let since = line["since"].as_i64().context("since when")?;
        let before = self.live.take();
        if !self.untimed {
            self.lies.extend(before.and_then(|live| too_long(live.latest_proof, since)));
            if state == "Live" {
                let proven = line["provenAt"].as_i64().with_context(|| format!("a proof in {line}"))?;
                self.lies.extend(too_long(proven, since));
                self.live = Some(LiveSince { latest_proof: proven });
            }
        }
        self.states.push(state.to_owned());
        Ok(())
    }
}

/// Live from a proof to that instant: too long?
fn too_long(proof: i64, until: i64) -> Option<String> {
    (until - proof > LIVE_MAX_MS).then(|| format!("live {} ms after the proof of {proof}", until - proof))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Said {
        let mut said = Said::default();
        for line in lines {
            said.take(line).unwrap();
        }
        said
    }

    fn live(since: i64, proven_at: i64) -> String {
        format!(r#"{{"type":"state","state":"Live","since":{since},"provenAt":{proven_at}}}"#)
    }

    fn proof(at: i64) -> String {
        format!(r#"{{"type":"proof","epoch":"E","rev":1,"count":0,"digest":"0","at":{at}}}"#)
    }

    const POLLING: &str = r#"{"type":"state","state":"Polling","since":20000}"#;

    #[test]
    fn live_is_believed_only_with_fresh_proofs() {
        let fresh = said(&[&live(10_000, 9_000), &proof(13_000), &proof(16_000), POLLING]);
        assert_eq!(fresh.lies, Vec::<String>::new());
        for lies in [
            // Live by an old proof; a hole between two; the last one long before the end.
            said(&[&live(20_000, 9_000)]),
            said(&[&live(10_000, 10_000), &proof(18_000)]),
            said(&[&live(10_000, 10_000), &proof(12_000), POLLING]),
        ] {
            assert_eq!(lies.lies.len(), 1, "{lies:?}");
        }
    }

    #[test]
    fn an_alarm_that_is_raised_twice_is_counted_twice() {
        let line = |relisted| {
            format!(r#"{{"type":"alarm","id":7,"kind":"cancelled","raisedAt":5,"relisted":{relisted}}}"#)
        };
        let mut twice = said(&[&line(false), &line(true)]);
        assert_eq!((twice.raised.values().copied().max(), twice.told(), twice.told_late()), (Some(1), 1, 0));
        twice.take(&line(false)).unwrap();
        assert_eq!(twice.raised.values().copied().max(), Some(2));
        assert_eq!(said(&[&line(true)]).told_late(), 1);
    }
}
