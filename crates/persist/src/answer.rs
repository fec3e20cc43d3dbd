//! What is answered to a job, by how it ended at the machine.
//!
//! | | done | no cache | not now | set aside |
//! | --- | --- | --- | --- | --- |
//! | write | mended, committed | committed | unwritten, not now | lost |
//! | wipe | mended | – | not now | lost |
//! | restore | restored | restored: nothing | restored: nothing | lost, restored: nothing |
//! | audit | audited | – | – | lost |

use crate::gathered::Melted;
use crate::job::Job;
use crate::translate::restored;
use gwanje_cache::{Audit, CachedDraft, DraftKey, Loaded};
use gwanje_model::CenterId;
use gwanje_sync::Restored;

/// What whoever has the cache file answers; each job is answered with exactly one [`JobAnswer::Free`] at its end.
#[derive(Debug)]
pub enum JobAnswer<T> {
    /// Committed up to these numbers.
    Committed(Vec<(CenterId, u64)>),
    /// What ends with these numbers is not written yet, and will be tried again.
    Unwritten(Vec<(CenterId, u64)>),
    /// The file is open, and these are its drafts; what is answered from here on is of it.
    Opened(Vec<(DraftKey, CachedDraft)>),
    /// The machine refuses this job for now (disk full, file locked): to be handed over again.
    NotNow(Job<T>),
    /// The machine took a write or a wipe.
    Mended,
    /// The file was set aside: nothing is cached any more.
    Lost,
    /// A center as it was cached.
    Restored(CenterId, Box<Restored>),
    /// What an audit found.
    Audited(CenterId, Audit),
    /// Ready for the next job.
    Free,
}

/// How work on the cache file ended.
#[derive(Debug)]
pub enum Ending<R> {
    /// It is done.
    Done(R),
    /// There is no cache to do it with.
    NoCache,
    /// The machine refuses it for now.
    NotNow,
    /// The file is damaged, and was set aside.
    SetAside,
}

/// What is answered to a write.
#[must_use]
pub fn written<T>(melted: Melted, ending: Ending<()>) -> Vec<JobAnswer<T>> {
    let upto = melted.upto();
    match ending {
        Ending::Done(()) => vec![JobAnswer::Mended, JobAnswer::Committed(upto)],
        // Without a cache nothing is durable, and nothing is worth waiting for: all counts as committed.
        Ending::NoCache => vec![JobAnswer::Committed(upto)],
        // Alarms can't wait for the next try, so the core hears of it at once.
        Ending::NotNow => vec![JobAnswer::Unwritten(upto), JobAnswer::NotNow(Job::Write(melted))],
        Ending::SetAside => vec![JobAnswer::Lost],
    }
}

/// What is answered to the wiping of a center.
#[must_use]
pub fn wiped<T>(center: CenterId, ending: Ending<()>) -> Vec<JobAnswer<T>> {
    match ending {
        Ending::Done(()) => vec![JobAnswer::Mended],
        Ending::NoCache => Vec::new(),
        Ending::NotNow => vec![JobAnswer::NotNow(Job::Wipe(center))],
        Ending::SetAside => vec![JobAnswer::Lost],
    }
}

/// What is answered to the reading of a center. One that can't be read begins with nothing.
#[must_use]
pub fn loaded<T>(center: CenterId, ending: Ending<Option<Loaded>>) -> Vec<JobAnswer<T>> {
    let nothing = |center| JobAnswer::Restored(center, Box::default());
    match ending {
        Ending::Done(Some(loaded)) => {
            if loaded.damaged > 0 {
                tracing::warn!(
                    rows = loaded.damaged,
                    "cached rows don't fit their checksums and are fetched again"
                );
            }
            vec![JobAnswer::Restored(center, Box::new(restored(loaded)))]
        }
        Ending::Done(None) | Ending::NoCache | Ending::NotNow => vec![nothing(center)],
        Ending::SetAside => vec![JobAnswer::Lost, nothing(center)],
    }
}

/// What is answered to an audit. One that could not be made says nothing.
#[must_use]
pub fn audited<T>(center: CenterId, ending: Ending<Audit>) -> Vec<JobAnswer<T>> {
    match ending {
        Ending::Done(audit) => vec![JobAnswer::Audited(center, audit)],
        Ending::NoCache | Ending::NotNow => Vec::new(),
        Ending::SetAside => vec![JobAnswer::Lost],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(answers: &[JobAnswer<()>]) -> Vec<&'static str> {
        let name = |answer: &JobAnswer<()>| match answer {
            JobAnswer::Committed(_) => "committed",
            JobAnswer::Unwritten(_) => "unwritten",
            JobAnswer::Opened(_) => "opened",
            JobAnswer::NotNow(_) => "not now",
            JobAnswer::Mended => "mended",
            JobAnswer::Lost => "lost",
            JobAnswer::Restored(_, restored) if **restored == Restored::default() => "nothing",
            JobAnswer::Restored(..) => "restored",
            JobAnswer::Audited(..) => "audited",
            JobAnswer::Free => "free",
        };
        answers.iter().map(name).collect()
    }

    fn endings<R>(done: R) -> [Ending<R>; 4] {
        [Ending::Done(done), Ending::NoCache, Ending::NotNow, Ending::SetAside]
    }

    #[test]
    fn every_cell_of_the_table() {
        let center = || CenterId::from("gangnam");
        let on_disk = Loaded {
            rows: Vec::new(),
            damaged: 0,
            cursor: None,
            digest: gwanje_model::RowDigest::default(),
            alarms: Vec::new(),
            alarm_seq: Some(3),
            proven_at: None,
            alarms_skipped: None,
            commands: Vec::new(),
            own: Vec::new(),
            names: Vec::new(),
        };
        let write = endings(()).map(|ending| names(&written(Melted::default(), ending)));
        assert_eq!(
            write,
            [vec!["mended", "committed"], vec!["committed"], vec!["unwritten", "not now"], vec!["lost"]]
        );
        let wipe = endings(()).map(|ending| names(&wiped(center(), ending)));
        assert_eq!(wipe, [vec!["mended"], vec![], vec!["not now"], vec!["lost"]]);
        let restore = endings(Some(on_disk)).map(|ending| names(&loaded(center(), ending)));
        assert_eq!(restore, [vec!["restored"], vec!["nothing"], vec!["nothing"], vec!["lost", "nothing"]]);
        assert_eq!(names(&loaded(center(), Ending::Done(None))), ["nothing"]);
        let audit = endings(Audit::default()).map(|ending| names(&audited(center(), ending)));
        assert_eq!(audit, [vec!["audited"], vec![], vec![], vec!["lost"]]);
    }
}
