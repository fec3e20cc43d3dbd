//! The handle: what an interface can ask of the engine. Each call is a message to the owner task.

use crate::candidates::{Candidate, candidates};
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::event::Events;
use crate::http::HttpClient;
use crate::ipc::{
    CenterFreshness, Diagnostics, DraftSubject, DraftView, PreferenceSaved, PreferenceView, SignedIn,
};
#[cfg(feature = "faults")]
use crate::message::RowFault;
use crate::message::{Access, Call, PatchSink};
use crate::owner;
use crate::subscribers::Listener;
use gwanje_board::{ViewId, ViewSpec};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, Rider};
use gwanje_sync::{AlarmKey, CommandId, CommandKind, CommandRequest, Stats};
use gwanje_wire::batch::{BATCH_MAX, BatchRow};
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::ReceiptStage;
use gwanje_wire::{CommandBody, ErrorCode};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A change that a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandWish {
    /// Which center.
    pub center: CenterId,
    /// What.
    pub what: CommandKind,
    /// The draft that it sends: where this is what is kept for its subject, it goes when the command is done.
    pub draft: Option<String>,
}

impl CommandWish {
    /// An action on a delivery.
    #[must_use]
    pub fn act(center: CenterId, id: DeliveryId, action: Action, body: CommandBody) -> Self {
        Self { center, what: CommandKind::Act { id, seen: None, action, body }, draft: None }
    }

    /// The same, of a draft.
    #[must_use]
    pub fn of_draft(self, draft: Option<String>) -> Self {
        Self { draft, ..self }
    }

    /// The same, of a person who saw the delivery at that revision; none: as the board has it when the wish comes in.
    #[must_use]
    pub fn seen_at(mut self, rev: Option<Rev>) -> Self {
        if let CommandKind::Act { seen, .. } = &mut self.what {
            *seen = rev;
        }
        self
    }
}

/// The same change of several deliveries of a center.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchWish {
    /// Which center.
    pub center: CenterId,
    /// What.
    pub action: Action,
    /// What it needs.
    pub body: CommandBody,
    /// Of which, and which revision of each the person saw; with `undo`, the one that the change made.
    pub rows: Vec<BatchRow>,
    /// The draft that it sends, kept for the first of them.
    pub draft: Option<String>,
}

/// A running engine. Clones share it; it ends with [`Engine::stop`] or with its last handle.
#[derive(Debug, Clone)]
pub struct Engine {
    calls: mpsc::Sender<Call>,
    pub(crate) http: HttpClient,
    task: Arc<std::sync::Mutex<Option<JoinHandle<()>>>>,
}

/// The most calls that wait for the owner: a person and a few windows make a handful at once. Further callers wait
/// themselves.
const CALL_CAPACITY: usize = 256;

impl Engine {
    /// Starts the engine on the current tokio runtime. Sends nothing over the network before a sign-in.
    ///
    /// # Errors
    /// When the settings can't be used or the profile can't be read or written.
    pub async fn start(config: EngineConfig) -> Result<Self, EngineError> {
        let (calls, inbox) = mpsc::channel(CALL_CAPACITY);
        let headers = config.dialect.as_ref().map_or(&[][..], |dialect| &dialect.auth.headers);
        let http = HttpClient::new(headers)?;
        let task = owner::start(config, inbox, http.clone())?;
        Ok(Self { calls, http, task: Arc::new(std::sync::Mutex::new(Some(task))) })
    }

    /// Signs in with a password. Keeps the session (not the password) for [`Engine::resume`].
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn sign_in(&self, account: &str, password: &str) -> Result<SignedIn, EngineError> {
        let (account, password) = (account.to_owned(), password.to_owned());
        self.ask(|reply| Call::SignIn { account, password, reply }).await?
    }

    /// Goes on with the kept session, if there is one for this server. Cached boards show at once, before the server
    /// answers. When the server refuses the session, [`crate::EngineEvent::SignedOut`] says so.
    ///
    /// # Errors
    /// When the cache can't be opened.
    pub async fn resume(&self) -> Result<Option<SignedIn>, EngineError> {
        self.ask(Call::Resume).await?
    }

    /// Who is signed in at present; none after the server has ended the session.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, EngineError> {
        self.ask(Call::SignedIn).await
    }

    /// Forgets the session and the cached data.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn sign_out(&self) -> Result<(), EngineError> {
        self.ask(Call::SignOut).await
    }

    /// Listens to what happens from now on. Begins with the present: all states and freshness, all open alarms, all
    /// unsettled commands; then outcomes that nobody has heard yet.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn events(&self) -> Result<Events, EngineError> {
        self.ask(|reply| Call::Subscribe { listener: Listener::Page, reply }).await
    }

    /// Listens as [`Engine::events`] does, for what is no page: outcomes that nobody has heard yet are left to one.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn overhear(&self) -> Result<Events, EngineError> {
        self.ask(|reply| Call::Subscribe { listener: Listener::Beside, reply }).await
    }

    /// Listens as [`Engine::events`] does, and to rows: first those there are, then each change.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn follow_rows(&self) -> Result<Events, EngineError> {
        self.ask(|reply| Call::Subscribe { listener: Listener::Rows, reply }).await
    }

    /// Opens a view; its first patch is a reset. At most one patch a frame (16 ms), at most two unacknowledged.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn open_view(&self, spec: ViewSpec, sink: PatchSink) -> Result<ViewId, EngineError> {
        self.ask(|reply| Call::OpenView { spec, sink, reply }).await
    }

    /// Changes what a view shows.
    ///
    /// # Errors
    /// When the view is not open.
    pub async fn change_view(&self, view: ViewId, spec: ViewSpec) -> Result<(), EngineError> {
        Ok(self.ask(|reply| Call::ChangeView { view, spec, reply }).await??)
    }

    /// The page has shown everything up to `seq`.
    ///
    /// # Errors
    /// When the view is not open.
    pub async fn ack(&self, view: ViewId, seq: u64) -> Result<(), EngineError> {
        Ok(self.ask(|reply| Call::Ack { view, seq, reply }).await??)
    }

    /// The page lost count: makes the next patch hold everything.
    ///
    /// # Errors
    /// When the view is not open.
    pub async fn reset_view(&self, view: ViewId) -> Result<(), EngineError> {
        Ok(self.ask(|reply| Call::ResetView { view, reply }).await??)
    }

    /// Closes a view.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn close_view(&self, view: ViewId) -> Result<(), EngineError> {
        self.ask(|reply| Call::CloseView { view, reply }).await
    }

    /// The place of a row in a view, if it matches.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn place_of(&self, view: ViewId, id: DeliveryId) -> Result<Option<u64>, EngineError> {
        self.ask(|reply| Call::PlaceOf { view, id, reply }).await
    }

    /// The key of the group in which a row stands, if the row matches and the view has groups.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn group_of(&self, view: ViewId, id: DeliveryId) -> Result<Option<String>, EngineError> {
        self.ask(|reply| Call::GroupOf { view, id, reply }).await
    }

    /// Rows of *Act now* that wait behind a view's hold come in at the head of its list.
    ///
    /// # Errors
    /// When the view is not open.
    pub async fn admit_act(&self, view: ViewId) -> Result<(), EngineError> {
        Ok(self.ask(|reply| Call::AdmitAct { view, reply }).await??)
    }

    /// A delivery as the board has it.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn delivery(
        &self,
        center: &CenterId,
        id: DeliveryId,
    ) -> Result<Option<Arc<Delivery>>, EngineError> {
        let found = self.ask(|reply| Call::Delivery { id, reply }).await?;
        Ok(found.filter(|row| row.center == *center))
    }

    /// What happened to a delivery, oldest first; asks the server.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn history(&self, center: &CenterId, id: DeliveryId) -> Result<Vec<HistoryEvent>, EngineError> {
        let access = self.access().await?;
        let url = access.url(&["centers", center.as_str(), "deliveries", &id.to_string(), "history"])?;
        self.http.read("a delivery's history", url, &access.token).await
    }

    /// The riders of a center; asks the server.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn riders(&self, center: &CenterId) -> Result<Vec<Rider>, EngineError> {
        let access = self.access().await?;
        let url = access.url(&["centers", center.as_str(), "riders"])?;
        self.http.read("a center's riders", url, &access.token).await
    }

    /// The riders of a center as they are offered for a delivery; asks the server.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn candidates(&self, center: &CenterId, id: DeliveryId) -> Result<Vec<Candidate>, EngineError> {
        let riders = self.riders(center).await?;
        // Without the shop's place (the delivery may have left the board) the list is just not sorted by distance.
        let shop = self.delivery(center, id).await?.and_then(|row| row.shop.pos);
        Ok(candidates(riders, shop))
    }

    /// What the account keeps for itself at the server under a name; none: nothing.
    ///
    /// # Errors
    /// When the server refuses or can't be reached; a foreign one keeps nothing.
    pub async fn preference(&self, key: &str) -> Result<Option<PreferenceView>, EngineError> {
        let access = self.access().await?;
        let answer = self.http.fetch(access.url(&["preferences", key])?, &access.token).await;
        let kept = match answer {
            Ok(kept) => kept,
            Err(EngineError::Refused(problem)) if problem.code == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let unreadable = || EngineError::Unreadable { what: "what the account keeps" };
        let json = String::from_utf8(kept.body).map_err(|_| unreadable())?;
        Ok(Some(PreferenceView { json, version: kept.etag.ok_or_else(unreadable)? }))
    }

    /// Keeps JSON for the account under a name. `version` is that of what it replaces, as it was read; none: nothing was
    /// kept there. Where another window or seat was quicker, nothing is kept, and the answer is what is there now.
    ///
    /// # Errors
    /// When the server refuses or can't be reached; a foreign one keeps nothing.
    pub async fn save_preference(
        &self,
        key: &str,
        json: String,
        version: Option<String>,
    ) -> Result<PreferenceSaved, EngineError> {
        let access = self.access().await?;
        let condition = match version {
            Some(version) => ("if-match", version),
            None => ("if-none-match", "*".to_owned()),
        };
        let url = access.url(&["preferences", key])?;
        match self.http.put(url, &access.token, condition, json).await {
            Ok(kept) => {
                let version = kept.etag.ok_or(EngineError::Unreadable { what: "what was kept" })?;
                Ok(PreferenceSaved::Saved { version })
            }
            Err(EngineError::Refused(problem)) if problem.code == ErrorCode::Conflict => {
                Ok(PreferenceSaved::Conflict { latest: self.preference(key).await? })
            }
            Err(error) => Err(error),
        }
    }

    /// Begins a command. Its outcome comes as [`crate::EngineEvent::Command`], settled exactly once.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn command(&self, wish: CommandWish) -> Result<CommandId, EngineError> {
        self.begin(wish.center, wish.what, wish.draft).await
    }

    /// Begins the same action on several deliveries: one command, or as few as hold them all. The outcome of each comes
    /// as [`crate::EngineEvent::Command`], settled exactly once, with a result for each delivery.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn batch(&self, wish: BatchWish) -> Result<Vec<CommandId>, EngineError> {
        let BatchWish { center, action, body, rows, mut draft } = wish;
        let mut commands = Vec::new();
        for rows in rows.chunks(BATCH_MAX) {
            let what = CommandKind::Batch { action, body: body.clone(), rows: rows.to_vec() };
            commands.push(self.begin(center.clone(), what, draft.take()).await?);
        }
        Ok(commands)
    }

    async fn begin(
        &self,
        center: CenterId,
        what: CommandKind,
        draft: Option<String>,
    ) -> Result<CommandId, EngineError> {
        let command = CommandId(ulid::Ulid::generate().to_string());
        let request = CommandRequest { command: command.clone(), center, what };
        self.ask(|reply| Call::Command { request: Box::new(request), draft, reply }).await?;
        Ok(command)
    }

    /// What was written and not sent by whoever is signed in, the newest first.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn drafts(&self) -> Result<Vec<DraftView>, EngineError> {
        self.ask(Call::Drafts).await?
    }

    /// Keeps what is written for a subject. Answers with the oldest drafts, where there were too many and they went for it.
    ///
    /// # Errors
    /// When the text is too long, or about a center that is not followed here.
    pub async fn save_draft(
        &self,
        subject: &DraftSubject,
        text: String,
    ) -> Result<Vec<DraftView>, EngineError> {
        let subject = subject.clone();
        self.ask(|reply| Call::SaveDraft { subject, text, reply }).await?
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn discard_draft(&self, subject: &DraftSubject) -> Result<(), EngineError> {
        let subject = subject.clone();
        self.ask(|reply| Call::DiscardDraft { subject, reply }).await
    }

    /// A person took note of an alarm.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn acknowledge(&self, center: &CenterId, key: AlarmKey) -> Result<(), EngineError> {
        self.receipt(center, key, ReceiptStage::Acknowledged).await
    }

    /// A window shows an alarm.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn displayed(&self, center: &CenterId, key: AlarmKey) -> Result<(), EngineError> {
        self.receipt(center, key, ReceiptStage::Displayed).await
    }

    /// The details of a delivery are open in a window; none: of no delivery. Its cancellation is critical, and stays until
    /// this seat takes note itself.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn set_opened(&self, opened: Option<(CenterId, DeliveryId)>) -> Result<(), EngineError> {
        self.ask(|reply| Call::Opened(opened, reply)).await
    }

    /// How fresh each center is.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn freshness(&self) -> Result<Vec<CenterFreshness>, EngineError> {
        self.ask(Call::Freshness).await
    }

    /// The base URL followed at present: the socket's, or the one of requests while there is no socket.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn endpoint(&self) -> Result<String, EngineError> {
        self.ask(Call::Endpoint).await
    }

    /// Counts since the start.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn stats(&self) -> Result<Stats, EngineError> {
        self.ask(Call::Stats).await
    }

    /// How true the boards are, and what it takes to keep them so.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn diagnostics(&self) -> Result<Diagnostics, EngineError> {
        self.ask(Call::Diagnostics).await
    }

    /// Compares everything of a center with the hub, all 256 buckets by content, and reads its cache from disk. Repairs
    /// what differs. [`crate::EngineEvent::Checked`] tells how far the comparison has come. Real work goes first.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn check(&self, center: &CenterId) -> Result<(), EngineError> {
        let center = center.clone();
        self.ask(|reply| Call::Check { center, reply }).await
    }

    /// Injects a fault, for tests: loses or damages a row in memory, and nobody notices. False: there is no such row.
    ///
    /// # Errors
    /// When the engine has stopped.
    #[cfg(feature = "faults")]
    pub async fn fault(
        &self,
        center: &CenterId,
        id: DeliveryId,
        fault: RowFault,
    ) -> Result<bool, EngineError> {
        let center = center.clone();
        self.ask(|reply| Call::Fault { center, id, fault, reply }).await
    }

    /// Writes what the cache does not have yet, and ends the engine. Further calls fail.
    pub async fn stop(&self) {
        let task = match self.task.lock() {
            Ok(mut task) => task.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        // An owner that has already ended does not answer, and has nothing left to write.
        let _ = self.calls.send(Call::Stop).await;
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the engine did not end cleanly");
        }
    }

    async fn receipt(
        &self,
        center: &CenterId,
        key: AlarmKey,
        stage: ReceiptStage,
    ) -> Result<(), EngineError> {
        let center = center.clone();
        self.ask(|reply| Call::Receipt { center, key, stage, reply }).await
    }

    pub(crate) async fn access(&self) -> Result<Access, EngineError> {
        self.ask(Call::Access).await?
    }

    async fn ask<T>(&self, call: impl FnOnce(oneshot::Sender<T>) -> Call) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(call(reply)).await.map_err(|_| EngineError::Stopped)?;
        answer.await.map_err(|_| EngineError::Stopped)
    }
}
