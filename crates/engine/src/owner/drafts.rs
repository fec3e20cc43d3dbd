//! Drafts: answers the calls about them, and hands each change to the queue of the cache.

use super::Owner;
use crate::drafts::{Drafts, MAX_SUBJECT_BYTES, key_of, subject_of};
use crate::error::EngineError;
use crate::ipc::{DraftKind, DraftSubject, DraftView};
use gwanje_cache::{CachedDraft, DraftKey, MAX_DRAFT_BYTES};
use gwanje_model::CenterId;
use gwanje_model::lifecycle::Action;
use gwanje_sync::{CommandId, CommandKind, CommandOutcome, CommandRequest, Now};
use tokio::sync::oneshot;

type Reply = oneshot::Sender<Result<Vec<DraftView>, EngineError>>;

/// The drafts of the account whose file is in use.
#[derive(Default)]
pub(super) struct Written {
    drafts: Drafts,
    /// The file has been read.
    is_read: bool,
    /// It is of whoever is signed in.
    is_own: bool,
    /// The person left before it had been.
    is_left: bool,
    /// Who asked before it had been. Bounded by the calls under way at once.
    waiting: Vec<Reply>,
}

impl Owner {
    pub(super) fn tell_drafts(&mut self, reply: Reply, now: Now) {
        if !self.is_at_own_file() {
            let _ = reply.send(Err(EngineError::NotSignedIn));
        } else if self.written.is_read {
            self.expire_drafts(now);
            let _ = reply.send(Ok(self.draft_views()));
        } else {
            self.written.waiting.push(reply);
        }
    }

    /// Keeps a text; answers with the oldest drafts, where some went for it.
    pub(super) fn save_draft(
        &mut self,
        subject: &DraftSubject,
        text: String,
        now: Now,
    ) -> Result<Vec<DraftView>, EngineError> {
        let key = key_of(subject);
        if text.len() > MAX_DRAFT_BYTES {
            return Err(EngineError::DraftTooLong { bytes: text.len(), most: MAX_DRAFT_BYTES });
        }
        if key.subject.len() > MAX_SUBJECT_BYTES || !self.freshness.contains_key(&key.center) {
            return Err(EngineError::DraftOfNothing);
        }
        self.expire_drafts(now);
        let gone = self.written.drafts.save(key.clone(), text, now.wall);
        let changed = gone.iter().map(|(key, _)| key.clone()).chain([key]).collect();
        self.write_drafts(changed, now);
        Ok(gone.iter().filter_map(|(key, draft)| self.draft_view(key, draft)).collect())
    }

    pub(super) fn discard_draft(&mut self, subject: &DraftSubject, now: Now) {
        let key = key_of(subject);
        self.written.drafts.discard(&key);
        self.write_drafts(vec![key], now);
    }

    /// A command begins that sends this text: while it is what is kept, it goes with the command.
    pub(super) fn send_draft(&mut self, request: &CommandRequest, text: &str, now: Now) {
        let (id, action) = match &request.what {
            CommandKind::Act { id, action, .. } => (Some(*id), *action),
            CommandKind::Batch { rows, action, .. } => (rows.first().map(|row| row.id), *action),
            CommandKind::Create(_) => return,
        };
        let kind = match action {
            Action::Note => DraftKind::Note,
            Action::Cancel => DraftKind::Cancel,
            Action::Accept
            | Action::Assign
            | Action::Unassign
            | Action::Confirm
            | Action::Pickup
            | Action::Deliver
            | Action::Undo => return,
        };
        let Some(id) = id else { return };
        let key = key_of(&DraftSubject::Delivery { center: request.center.clone(), id, kind });
        if self.written.drafts.send(&key, text, request.command.0.as_str().into()) {
            self.write_drafts(vec![key], now);
        }
    }

    /// A command has ended.
    pub(super) fn settle_drafts(&mut self, command: &CommandId, outcome: &CommandOutcome, now: Now) {
        let is_done = match outcome {
            CommandOutcome::Done(_) => true,
            CommandOutcome::Each(results) => results.iter().all(|result| result.is_done()),
            CommandOutcome::Refused(_)
            | CommandOutcome::NotSent(_)
            | CommandOutcome::Void
            | CommandOutcome::Unknowable(_) => false,
        };
        let changed = self.written.drafts.settle(&command.0, is_done);
        self.write_drafts(changed, now);
    }

    /// The file in use has been read.
    pub(super) fn drafts_read(&mut self, drafts: Vec<(DraftKey, CachedDraft)>, now: Now) {
        self.written.drafts.read(drafts);
        self.written.is_read = true;
        if std::mem::take(&mut self.written.is_left) {
            return self.wipe_drafts(now);
        }
        self.expire_drafts(now);
        self.keep_drafts_of_centers(now);
        for reply in std::mem::take(&mut self.written.waiting) {
            let _ = reply.send(Ok(self.draft_views()));
        }
    }

    /// The file in use was set aside: all is written anew.
    pub(super) fn drafts_lost(&mut self, now: Now) {
        let keys = self.written.drafts.keys();
        self.write_drafts(keys, now);
    }

    /// The commands of a center that have no outcome are known.
    pub(super) fn recall_drafts(&mut self, center: &CenterId, now: Now) {
        let commands = &self.commands;
        let freed = self
            .written
            .drafts
            .recall(center, |command| commands.contains_key(&CommandId(command.to_owned())));
        self.write_drafts(freed, now);
    }

    /// The person leaves: their drafts go, from the file, too.
    pub(super) fn wipe_drafts(&mut self, now: Now) {
        let keys = self.written.drafts.keep_centers(|_| false);
        self.write_drafts(keys, now);
        self.written.is_left = !self.written.is_read;
    }

    /// Another account's file is about to be used. What is on this one stays there.
    pub(super) fn leave_drafts(&mut self) {
        for reply in std::mem::take(&mut self.written).waiting {
            let _ = reply.send(Err(EngineError::NotSignedIn));
        }
    }

    /// A center is taken out of the file.
    pub(super) fn drop_drafts(&mut self, center: &CenterId) {
        self.written.drafts.keep_centers(|of| of != center);
    }

    /// Drafts of centers that the account has no more go.
    fn keep_drafts_of_centers(&mut self, now: Now) {
        let Some(session) = self.profile.session.as_ref().filter(|_| self.is_at_own_file()) else { return };
        let is_kept = |center: &CenterId| session.centers.iter().any(|kept| kept.id == center.as_str());
        let gone = self.written.drafts.keep_centers(is_kept);
        self.write_drafts(gone, now);
    }

    /// Whoever is signed in is whom the file in use is of.
    pub(super) fn own_drafts(&mut self, now: Now) {
        self.written.is_own = true;
        self.keep_drafts_of_centers(now);
    }

    /// Whether the file in use is that of whoever is signed in: it is opened before a password is checked.
    fn is_at_own_file(&self) -> bool {
        self.is_following || self.written.is_own && self.profile.session.is_some()
    }

    fn expire_drafts(&mut self, now: Now) {
        let gone = self.written.drafts.expire(now.wall);
        self.write_drafts(gone, now);
    }

    fn write_drafts(&mut self, keys: Vec<DraftKey>, now: Now) {
        for key in keys {
            let draft = self.written.drafts.get(&key).cloned();
            self.outbox.write_draft(key, draft, now.mono);
        }
    }

    fn draft_views(&self) -> Vec<DraftView> {
        self.written.drafts.all().into_iter().filter_map(|(key, draft)| self.draft_view(key, draft)).collect()
    }

    fn draft_view(&self, key: &DraftKey, draft: &CachedDraft) -> Option<DraftView> {
        let subject = subject_of(key)?;
        let number = match &subject {
            DraftSubject::Delivery { id, .. } => self.board.get(*id).map(|row| row.number.to_string()),
            DraftSubject::Room { .. } | DraftSubject::NewOrder { .. } => None,
        };
        let CachedDraft { text, at, command } = draft;
        Some(DraftView { subject, text: text.clone(), at: at.0, number, sending: command.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineConfig;
    use crate::event::{EngineEvent, Events};
    use crate::handle::{CommandWish, Engine};
    use crate::ipc::{CenterView, CommandPhase};
    use crate::profile::{KeptSession, Profile};
    use gwanje_cache::{Cache, CacheBatch, CachedCommand, DraftChanges};
    use gwanje_model::DeliveryId;
    use gwanje_wire::CommandBody;
    use std::path::Path;

    /// Nobody answers there: all that is needed lies in the profile.
    const SERVER: &str = "http://127.0.0.1:9";

    /// An engine that goes on with the session of that account.
    async fn resumed(profile: &Path, account: &str, centers: &[&str]) -> Engine {
        let named =
            |id: &&str| CenterView { name: (*id).to_owned(), ..CenterView::unknown(&CenterId::from(*id)) };
        let session = KeptSession {
            server: SERVER.to_owned(),
            account: account.to_owned(),
            name: String::new(),
            role: "dispatcher".to_owned(),
            centers: centers.iter().map(named).collect(),
            drill_speed: None,
            refresh_token: "kept".to_owned(),
        };
        std::fs::write(profile.join("session.json"), serde_json::to_vec(&session).unwrap()).unwrap();
        let engine = Engine::start(EngineConfig::new(SERVER, profile)).await.unwrap();
        assert!(engine.resume().await.unwrap().is_some());
        engine
    }

    fn note(center: &str, id: u64) -> DraftSubject {
        DraftSubject::Delivery { center: center.into(), id: DeliveryId(id), kind: DraftKind::Note }
    }

    async fn texts(engine: &Engine) -> Vec<String> {
        engine.drafts().await.unwrap().into_iter().map(|draft| draft.text).collect()
    }

    #[tokio::test]
    async fn drafts_outlive_a_restart_and_are_their_accounts_alone() {
        let folder = tempfile::tempdir().unwrap();
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        assert_eq!(engine.save_draft(&note("gangnam", 7), "한글 초".to_owned()).await.unwrap(), []);
        engine.save_draft(&note("gangnam", 7), "한글 초안".to_owned()).await.unwrap();
        engine.save_draft(&note("gangnam", 8), "버림".to_owned()).await.unwrap();
        engine.discard_draft(&note("gangnam", 8)).await.unwrap();
        engine.stop().await;
        let other = resumed(folder.path(), "lee", &["gangnam"]).await;
        assert_eq!(texts(&other).await, [""; 0]);
        other.save_draft(&note("gangnam", 7), "다른 사람의 글".to_owned()).await.unwrap();
        other.stop().await;
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        let drafts = engine.drafts().await.unwrap();
        assert_eq!((drafts[0].subject.clone(), drafts[0].sending), (note("gangnam", 7), false));
        assert_eq!(texts(&engine).await, ["한글 초안"]);
        engine.stop().await;
    }

    #[tokio::test]
    async fn signing_out_takes_them_away_even_if_nobody_had_looked_at_them() {
        let folder = tempfile::tempdir().unwrap();
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        engine.save_draft(&note("gangnam", 7), "가".to_owned()).await.unwrap();
        engine.stop().await;
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        engine.sign_out().await.unwrap();
        assert_eq!(engine.drafts().await.unwrap_err().code(), "not-signed-in");
        engine.stop().await;
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        assert_eq!(texts(&engine).await, [""; 0]);
        engine.stop().await;
    }

    #[tokio::test]
    async fn drafts_of_a_center_that_was_taken_from_the_account_go() {
        let folder = tempfile::tempdir().unwrap();
        let engine = resumed(folder.path(), "kim", &["gangnam", "songpa"]).await;
        engine.save_draft(&note("gangnam", 7), "남음".to_owned()).await.unwrap();
        engine.save_draft(&note("songpa", 9), "감".to_owned()).await.unwrap();
        engine.stop().await;
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        assert_eq!(texts(&engine).await, ["남음"]);
        engine.stop().await;
        let engine = resumed(folder.path(), "kim", &["gangnam", "songpa"]).await;
        assert_eq!(texts(&engine).await, ["남음"]);
        engine.stop().await;
    }

    #[tokio::test]
    async fn what_is_too_long_or_about_nothing_here_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        let longest = "x".repeat(MAX_DRAFT_BYTES);
        engine.save_draft(&note("gangnam", 7), longest.clone()).await.unwrap();
        let refused = engine.save_draft(&note("gangnam", 7), longest + "x").await.unwrap_err();
        assert_eq!(refused.code(), "draft-too-long");
        assert_eq!(texts(&engine).await[0].len(), MAX_DRAFT_BYTES, "what was kept before stays");
        let room = |room: String| DraftSubject::Room { center: "gangnam".into(), room };
        for subject in [note("songpa", 7), room("x".repeat(MAX_SUBJECT_BYTES))] {
            let refused = engine.save_draft(&subject, "x".to_owned()).await.unwrap_err();
            assert_eq!(refused.code(), "draft-of-nothing");
        }
        engine.stop().await;
    }

    #[tokio::test]
    async fn a_command_that_is_not_sent_leaves_its_draft() {
        let folder = tempfile::tempdir().unwrap();
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        engine.save_draft(&note("gangnam", 7), "못 보냄".to_owned()).await.unwrap();
        let mut events = engine.events().await.unwrap();
        let body = CommandBody { text: Some("못 보냄".into()), ..CommandBody::default() };
        let wish = CommandWish::act("gangnam".into(), DeliveryId(7), Action::Note, body);
        engine.command(wish.of_draft(Some("못 보냄".to_owned()))).await.unwrap();
        // Nobody is there to send it to.
        until_phase(&mut events, CommandPhase::NotSent).await;
        let drafts = engine.drafts().await.unwrap();
        assert_eq!((drafts[0].text.as_str(), drafts[0].sending), ("못 보냄", false));
        engine.stop().await;
    }

    #[tokio::test]
    async fn a_draft_of_an_earlier_run_is_under_way_while_the_outcome_of_its_command_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::open(folder.path(), None).unwrap();
        let path = profile.cache_path(SERVER, "kim");
        drop(profile);
        let now = crate::clock::now().wall;
        let draft = |text: &str, command: &str| {
            Some(CachedDraft { text: text.to_owned(), at: now, command: Some(command.into()) })
        };
        let drafts = DraftChanges::from([
            (key_of(&note("gangnam", 7)), draft("가는 중", "OPEN")),
            (key_of(&note("gangnam", 8)), draft("끝난 것", "TOLD")),
        ]);
        let open = CachedCommand {
            key: "OPEN".into(),
            delivery: Some(DeliveryId(7)),
            batch: Vec::new(),
            action: "note".into(),
            clicked_at: now,
        };
        let batch = CacheBatch { commands: vec![open], ..CacheBatch::empty("gangnam".into()) };
        Cache::open(&path).unwrap().cache.write_with_drafts(&[batch], &drafts).unwrap();
        let engine = resumed(folder.path(), "kim", &["gangnam"]).await;
        until_phase(&mut engine.events().await.unwrap(), CommandPhase::Unknown).await;
        let mut drafts: Vec<_> =
            engine.drafts().await.unwrap().into_iter().map(|draft| (draft.text, draft.sending)).collect();
        drafts.sort();
        assert_eq!(drafts, [("가는 중".to_owned(), true), ("끝난 것".to_owned(), false)]);
        engine.stop().await;
    }

    async fn until_phase(events: &mut Events, phase: CommandPhase) {
        while let Some(event) = events.next().await {
            if matches!(event, EngineEvent::Command(report) if report.phase == phase) {
                return;
            }
        }
        panic!("the engine ended without telling {phase:?}");
    }
}
