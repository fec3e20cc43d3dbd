//! Signing in, going on with a kept session, signing out: the session file, and who waits for an answer.

use super::Owner;
use crate::alarms::Alarms;
use crate::error::EngineError;
use crate::event::EngineEvent;
use crate::ipc::{CenterView, SignedIn};
use crate::message::ProfileJob;
use crate::profile::KeptSession;
use gwanje_model::CenterId;
use gwanje_sync::{Action, Input, Mono, Now};
use gwanje_wire::rest::{CenterInfo, LoginReply};
use gwanje_wire::{ErrorCode, Problem};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Waits this long for the names of the centers after a sign-in, milliseconds; without names, ids are shown.
const NAMES_WAIT_MS: u64 = 2_000;
/// The role of whoever looks at a foreign server: it may do nothing.
const FOREIGN_ROLE: &str = "viewer";

type Reply = oneshot::Sender<Result<SignedIn, EngineError>>;

/// Who waits for the answer to a sign-in.
#[derive(Default)]
pub(super) struct Signing {
    waiting: Option<Reply>,
    /// Signed in; waits for the names until this instant.
    names_due: Option<Mono>,
}

impl Signing {
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.names_due
    }
}

impl Owner {
    pub(super) fn sign_in(&mut self, account: String, password: String, reply: Reply, now: Now) {
        if let Some(signed_in) = self.follow_foreign(now) {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(signed_in));
            return;
        }
        self.answer_signing(Err(EngineError::Config("another sign-in began".to_owned())));
        self.open_cache(&account, now);
        self.signing.waiting = Some(reply);
        self.client.handle(Input::SignIn { account, password }, now);
        self.act(now);
    }

    /// Goes on with the kept session, if it is of this server.
    pub(super) fn resume(&mut self, now: Now) -> Option<SignedIn> {
        if let Some(signed_in) = self.follow_foreign(now) {
            return Some(signed_in);
        }
        let kept = self.profile.session.clone().filter(|kept| kept.server == self.server())?;
        self.open_cache(&kept.account, now);
        // Rows from the cache are at risk as they were, before the server answers.
        for center in &kept.centers {
            self.board.set_at_risk_min(&CenterId::from(center.id.as_str()), center.at_risk_min);
        }
        self.own_drafts(now);
        let centers = self.followed(kept.centers.iter().map(|center| CenterId::from(center.id.as_str())));
        self.client.handle(Input::Resume { refresh_token: kept.refresh_token, centers }, now);
        self.act(now);
        self.signed_in_view()
    }

    /// Begins to follow a foreign server, where the engine is for one: there is nobody to sign in.
    fn follow_foreign(&mut self, now: Now) -> Option<SignedIn> {
        let center = self.client.dialect()?.center.id.to_string();
        // Each center of each server has a cache of its own.
        self.open_cache(&center, now);
        self.client.handle(Input::Resume { refresh_token: String::new(), centers: Vec::new() }, now);
        self.act(now);
        self.is_following = true;
        self.signed_in_view()
    }

    /// The server took the account, at a sign-in or at a refresh.
    pub(super) fn signed_in(&mut self, reply: &LoginReply, now: Now) {
        let known = self.profile.session.take().map(|kept| kept.centers).unwrap_or_default();
        let centers = reply.centers.iter().map(|id| {
            let named = known.iter().find(|center| center.id == id.as_str()).cloned();
            named.unwrap_or_else(|| CenterView::unknown(id))
        });
        self.keep_session(KeptSession {
            server: self.server().to_owned(),
            account: reply.account.to_string(),
            name: reply.name.to_string(),
            role: reply.role.as_str().to_owned(),
            centers: centers.collect(),
            drill_speed: reply.drill.map(|drill| drill.speed),
            refresh_token: reply.refresh_token.clone(),
        });
        self.own_drafts(now);
        self.mark_drill(now);
        if self.signing.waiting.is_some() {
            self.signing.names_due = Some(now.mono.plus_ms(NAMES_WAIT_MS));
        }
    }

    /// The server told the centers' names.
    pub(super) fn named(&mut self, infos: Vec<CenterInfo>, now: Now) {
        for CenterInfo { id, name, at_risk_min, .. } in &infos {
            self.board.set_center_name(id, name);
            self.board.set_at_risk_min(id, *at_risk_min);
            self.names.insert(id.clone(), name.to_string());
        }
        self.views.touch();
        if let Some(mut session) = self.profile.session.take() {
            session.drill_speed = infos.iter().find_map(|info| info.drill).map(|drill| drill.speed);
            session.centers = infos.iter().map(CenterView::of).collect();
            self.keep_session(session);
        }
        self.mark_drill(now);
        self.finish_signing();
        self.tell(EngineEvent::Centers(Arc::new(infos)), now);
    }

    /// Marks what is shown as a drill's where the server's day is simulated, however one signed in to it.
    fn mark_drill(&mut self, now: Now) {
        let speed = self.profile.session.as_ref().and_then(|session| session.drill_speed);
        let marked = self
            .freshness
            .iter_mut()
            .filter_map(|(center, freshness)| freshness.set_drill(speed).then(|| center.clone()));
        for center in marked.collect::<Vec<_>>() {
            self.tell_freshness(&center, now);
        }
    }

    pub(super) fn sign_in_failed(&mut self, problem: Problem) {
        // The core says "not now" when no server could be reached.
        self.answer_signing(Err(match problem.code {
            ErrorCode::Unavailable => EngineError::Unreachable(problem.detail),
            ErrorCode::Unauthorized
            | ErrorCode::Forbidden
            | ErrorCode::NotFound
            | ErrorCode::Invalid
            | ErrorCode::InvalidTransition
            | ErrorCode::Conflict
            | ErrorCode::Void
            | ErrorCode::Resync
            | ErrorCode::TooManyRequests
            | ErrorCode::Other => EngineError::from_problem(problem),
        }));
    }

    pub(super) fn signed_out(&mut self, problem: Option<Problem>, now: Now) {
        self.answer_signing(Err(match &problem {
            Some(problem) => EngineError::from_problem(problem.clone()),
            None => EngineError::NotSignedIn,
        }));
        if self.profile.session.take().is_some() {
            self.outbox.push(ProfileJob::Forget(self.profile.session_path()));
        }
        // By the person, or with the account: nobody comes back to it.
        if problem.as_ref().is_none_or(|problem| problem.account_gone) {
            for center in std::mem::take(&mut self.freshness).into_keys() {
                self.board.remove_center(&center);
            }
            self.alarms = Alarms::default();
            self.wipe_drafts(now);
            self.commands.clear();
            self.unheard.clear();
            self.views.touch();
        }
        self.is_following = false;
        self.tell(EngineEvent::SignedOut(problem.map(Arc::new)), now);
    }

    /// Ends the wait for names when it is over.
    pub(super) fn signing_due(&mut self, now: Mono) {
        if self.signing.names_due.is_some_and(|due| now >= due) {
            self.finish_signing();
        }
    }

    fn finish_signing(&mut self) {
        if self.signing.names_due.take().is_some()
            && let Some(signed_in) = self.signed_in_view()
        {
            self.answer_signing(Ok(signed_in));
        }
    }

    fn answer_signing(&mut self, answer: Result<SignedIn, EngineError>) {
        self.signing.names_due = None;
        if let Some(waiting) = self.signing.waiting.take() {
            // Whoever asked may have gone.
            let _ = waiting.send(answer);
        }
    }

    pub(super) fn signed_in_view(&self) -> Option<SignedIn> {
        if let Some(dialect) = self.client.dialect() {
            let center = &dialect.center;
            return self.is_following.then(|| SignedIn {
                account: dialect.name.clone(),
                name: dialect.name.clone(),
                role: FOREIGN_ROLE.to_owned(),
                server: self.server().to_owned(),
                centers: vec![CenterView {
                    name: center.name.clone(),
                    time_zone: center.zone.name().to_owned(),
                    // It takes no changes.
                    undo_within_ms: 0,
                    ..CenterView::unknown(&center.id)
                }],
                foreign: Some(dialect.name.clone()),
                drill: false,
            });
        }
        let kept = self.profile.session.as_ref().filter(|kept| kept.server == self.server())?;
        let is_followed = |center: &&CenterView| {
            self.config.centers.is_empty() || self.config.centers.iter().any(|id| id.as_str() == center.id)
        };
        Some(SignedIn {
            account: kept.account.clone(),
            name: if kept.name.is_empty() { kept.account.clone() } else { kept.name.clone() },
            role: kept.role.clone(),
            server: kept.server.clone(),
            centers: kept.centers.iter().filter(is_followed).cloned().collect(),
            foreign: None,
            drill: kept.drill_speed.is_some(),
        })
    }

    fn followed(&self, centers: impl Iterator<Item = CenterId>) -> Vec<CenterId> {
        centers.filter(|id| self.config.centers.is_empty() || self.config.centers.contains(id)).collect()
    }

    fn keep_session(&mut self, session: KeptSession) {
        match serde_json::to_vec_pretty(&session) {
            Ok(bytes) => self.outbox.push(ProfileJob::Keep(self.profile.session_path(), bytes)),
            Err(error) => {
                tracing::error!(%error, "the session can't be kept; a password will be needed again")
            }
        }
        self.profile.session = Some(session);
    }

    fn open_cache(&mut self, account: &str, now: Now) {
        let path = self.profile.cache_path(self.server(), account);
        if self.cache_path.as_ref() == Some(&path) {
            return;
        }
        if self.cache_path.is_some() {
            self.leave_account(now);
        }
        self.outbox.open(path.clone());
        self.cache_path = Some(path);
    }

    /// Another account comes: takes everything of the former account out of view and memory. Its cache file stays for
    /// its return.
    fn leave_account(&mut self, now: Now) {
        self.leave_drafts();
        self.client.handle(Input::SignOut, now);
        while let Some(action) = self.client.poll_action() {
            if let Action::Wipe(center) = &action {
                self.drop_center(center);
            } else {
                self.act_on(action, now);
            }
        }
        // Signing out says that drafts go: none of the next account's.
        self.leave_drafts();
    }
}
