//! The messages between the handle, the owner task, and the tasks and the thread around it.

use crate::error::EngineError;
use crate::event::Events;
use crate::ipc::{CenterFreshness, Diagnostics, DraftSubject, DraftView, SignedIn};
use crate::subscribers::Listener;
use gwanje_board::{Patch, ViewError, ViewId, ViewSpec};
use gwanje_model::{CenterId, Delivery, DeliveryId};
use gwanje_sync::{
    AlarmKey, CommandRequest, HttpFailure, HttpResponse, RequestId, SocketEvent, SocketId, Stats,
};
use gwanje_wire::rest::ReceiptStage;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;
use url::Url;

/// Takes a view's patches. Runs on the owner task: it must hand the patch on and return at once.
pub type PatchSink = Arc<dyn Fn(Patch) + Send + Sync>;

/// What may happen to a row in memory.
#[cfg(feature = "faults")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFault {
    /// It is gone.
    Lose,
    /// A byte of its content flips.
    Flip,
}

/// Takes the answer to a call on a view.
pub(crate) type ViewReply = oneshot::Sender<Result<(), ViewError>>;

/// What the handle asks.
pub(crate) enum Call {
    SignIn {
        account: String,
        password: String,
        reply: oneshot::Sender<Result<SignedIn, EngineError>>,
    },
    Resume(oneshot::Sender<Result<Option<SignedIn>, EngineError>>),
    SignedIn(oneshot::Sender<Option<SignedIn>>),
    SignOut(oneshot::Sender<()>),
    Subscribe {
        listener: Listener,
        reply: oneshot::Sender<Events>,
    },
    OpenView {
        spec: ViewSpec,
        sink: PatchSink,
        reply: oneshot::Sender<ViewId>,
    },
    ChangeView {
        view: ViewId,
        spec: ViewSpec,
        reply: ViewReply,
    },
    Ack {
        view: ViewId,
        seq: u64,
        reply: ViewReply,
    },
    ResetView {
        view: ViewId,
        reply: ViewReply,
    },
    CloseView {
        view: ViewId,
        reply: oneshot::Sender<()>,
    },
    PlaceOf {
        view: ViewId,
        id: DeliveryId,
        reply: oneshot::Sender<Option<u64>>,
    },
    GroupOf {
        view: ViewId,
        id: DeliveryId,
        reply: oneshot::Sender<Option<String>>,
    },
    AdmitAct {
        view: ViewId,
        reply: ViewReply,
    },
    Delivery {
        id: DeliveryId,
        reply: oneshot::Sender<Option<Arc<Delivery>>>,
    },
    Command {
        request: Box<CommandRequest>,
        /// The draft that it sends.
        draft: Option<String>,
        reply: oneshot::Sender<()>,
    },
    Drafts(oneshot::Sender<Result<Vec<DraftView>, EngineError>>),
    SaveDraft {
        subject: DraftSubject,
        text: String,
        reply: oneshot::Sender<Result<Vec<DraftView>, EngineError>>,
    },
    DiscardDraft {
        subject: DraftSubject,
        reply: oneshot::Sender<()>,
    },
    Receipt {
        center: CenterId,
        key: AlarmKey,
        stage: ReceiptStage,
        reply: oneshot::Sender<()>,
    },
    Freshness(oneshot::Sender<Vec<CenterFreshness>>),
    /// The details of a delivery are open; none: of no delivery.
    Opened(Option<(CenterId, DeliveryId)>, oneshot::Sender<()>),
    Stats(oneshot::Sender<Stats>),
    Endpoint(oneshot::Sender<String>),
    Diagnostics(oneshot::Sender<Diagnostics>),
    Check {
        center: CenterId,
        reply: oneshot::Sender<()>,
    },
    #[cfg(feature = "faults")]
    Fault {
        center: CenterId,
        id: DeliveryId,
        fault: RowFault,
        reply: oneshot::Sender<bool>,
    },
    Access(oneshot::Sender<Result<Access, EngineError>>),
    Stop,
}

/// What comes back from sockets, requests and the cache.
#[derive(Debug)]
pub(crate) enum Arrival {
    Socket(SocketId, SocketEvent),
    Http(RequestId, Result<HttpResponse, HttpFailure>),
    Cache(JobAnswer),
}

/// What a read by REST needs.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Access {
    /// The URL of a path below the API's root.
    pub(crate) fn url(&self, path: &[&str]) -> Result<Url, EngineError> {
        let unusable = || EngineError::Config(format!("{} is no usable address of a server", self.base));
        let mut url = Url::parse(&self.base).map_err(|_| unusable())?;
        url.path_segments_mut().map_err(|()| unusable())?.pop_if_empty().extend(["api", "v1"]).extend(path);
        Ok(url)
    }
}

/// What the cache thread is asked.
pub(crate) type Job = gwanje_persist::Job<ProfileJob>;

/// What the cache thread answers.
pub(crate) type JobAnswer = gwanje_persist::JobAnswer<ProfileJob>;

/// What the cache thread does beside the cache: writes and removes small files of the profile, in order with the
/// cache's changes.
#[derive(Debug)]
pub(crate) enum ProfileJob {
    /// Writes such a file.
    Keep(PathBuf, Vec<u8>),
    /// Removes such a file.
    Forget(PathBuf),
}
