//! What the page can ask for. Each command only translates: the engine decides. [`table`] has all of them; here is what
//! those do that need more than a call.

mod action;
mod argument;
pub mod table;

use crate::app::{App, error};
use crate::preferences::{Locale, Theme};
use action::{ActionRequest, BatchActionRequest, CommandStarted};
use gwanje_engine::ipc::{AppEvent, IpcError};
use gwanje_engine::model::search;
use gwanje_engine::{CenterId, Delivery, DeliveryId, Patch, ViewId, ViewSpec};
use std::sync::Arc;
use tauri::ipc::Channel;
use tauri::{Emitter, Webview};

type Answer<T> = Result<T, IpcError>;

/// The event that tells a page that a view's channel went silent: it opens the view anew, with a reset.
pub const VIEW_STALLED: &str = "view-stalled";

/// Who asks.
#[derive(Clone, Copy)]
struct Caller<'a> {
    app: &'a App,
    page: &'a Webview,
}

async fn set_preferences(caller: Caller<'_>, locale: Option<Locale>, theme: Option<Theme>) -> Answer<()> {
    caller.app.prefer(locale, theme).await;
    Ok(())
}

async fn set_text_size(caller: Caller<'_>, percent: u16) -> Answer<u16> {
    let percent = caller.app.prefer_text_size(percent).await;
    caller
        .page
        .set_zoom(f64::from(percent) / 100.0)
        .map_err(|cause| error("other", &cause.to_string(), false))?;
    Ok(percent)
}

async fn subscribe_events(caller: Caller<'_>, channel: Channel<AppEvent>) -> Answer<()> {
    let page = caller.page.clone();
    let events = caller.app.engine().await?.events().await?;
    caller.app.forward(events, channel, move |view| {
        // A page that is gone needs no word.
        let _ = page.emit_to(page.label(), VIEW_STALLED, view);
    });
    Ok(())
}

async fn open_view(caller: Caller<'_>, spec: ViewSpec, channel: Channel<Patch>) -> Answer<ViewId> {
    let sink = move |patch| {
        // When the page is gone nothing is acknowledged any more, which the engine notices by itself.
        let _ = channel.send(patch);
    };
    Ok(caller.app.engine().await?.open_view(spec, Arc::new(sink)).await?)
}

async fn delivery(caller: Caller<'_>, center: &CenterId, id: DeliveryId) -> Answer<Arc<Delivery>> {
    let found = caller.app.engine().await?.delivery(center, id).await?;
    found.ok_or_else(|| error("not-found", "this delivery is not on the board any more", false))
}

async fn matching(_: Caller<'_>, typed: &str, choices: &[String]) -> Answer<Vec<usize>> {
    Ok(search::matching(typed, choices))
}

async fn run_command(caller: Caller<'_>, request: ActionRequest) -> Answer<CommandStarted> {
    let command = caller.app.engine().await?.command(request.into()).await?;
    Ok(CommandStarted { command_id: command.0 })
}

async fn run_batch(caller: Caller<'_>, request: BatchActionRequest) -> Answer<Vec<CommandStarted>> {
    let commands = caller.app.engine().await?.batch(request.into()).await?;
    Ok(commands.into_iter().map(|command| CommandStarted { command_id: command.0 }).collect())
}
