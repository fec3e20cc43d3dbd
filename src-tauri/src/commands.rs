//! What the page can ask for. Each command only translates: the engine decides.

use crate::app::{App, Boot, error};
use gwanje_engine::ipc::{AppEvent, Diagnostics, IpcError};
use gwanje_engine::model::lifecycle::Action;
use gwanje_engine::model::{CancelBy, UtcMillis};
use gwanje_engine::wire::CommandBody;
use gwanje_engine::wire::rest::AlarmKind;
use gwanje_engine::{
    AlarmKey, CenterId, CommandWish, Delivery, DeliveryId, HistoryEvent, Patch, Rider, ViewId, ViewSpec,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tauri::ipc::Channel;
use tauri::{Emitter, State, Webview};
use ts_rs::TS;

type Answer<T> = Result<T, IpcError>;

/// The event that tells a page that a view's channel went silent: it opens the view anew, with a reset.
pub const VIEW_STALLED: &str = "view-stalled";

/// How things stand; asked once by each page.
#[tauri::command]
pub async fn boot(app: State<'_, App>) -> Answer<Boot> {
    app.boot().await
}

/// Signs in to a server.
#[tauri::command]
pub async fn sign_in(app: State<'_, App>, server: String, account: String, password: String) -> Answer<Boot> {
    app.sign_in(&server, &account, &password).await
}

/// Starts a demo hub and signs in to it.
#[tauri::command]
pub async fn try_demo(app: State<'_, App>) -> Answer<Boot> {
    app.try_demo().await
}

/// Signs out.
#[tauri::command]
pub async fn sign_out(app: State<'_, App>) -> Answer<()> {
    app.sign_out().await
}

/// Keeps language and theme.
#[tauri::command]
pub async fn set_preferences(
    app: State<'_, App>,
    locale: Option<String>,
    theme: Option<String>,
) -> Answer<()> {
    app.prefer(locale, theme).await;
    Ok(())
}

/// Everything that happens from now on, beginning with all links and open alarms.
#[tauri::command]
pub async fn subscribe_events(app: State<'_, App>, page: Webview, channel: Channel<AppEvent>) -> Answer<()> {
    let events = app.engine().await?.events().await?;
    app.forward(events, channel, move |view| {
        // A page that is gone needs no word.
        let _ = page.emit_to(page.label(), VIEW_STALLED, view);
    });
    Ok(())
}

/// Opens a view; its first patch is a reset.
#[tauri::command]
pub async fn open_view(app: State<'_, App>, spec: ViewSpec, channel: Channel<Patch>) -> Answer<u64> {
    let sink = move |patch| {
        // When the page is gone nothing is acknowledged any more, which the engine notices by itself.
        let _ = channel.send(patch);
    };
    Ok(app.engine().await?.open_view(spec, Arc::new(sink)).await?.0)
}

/// Changes what a view shows.
#[tauri::command]
pub async fn change_view(app: State<'_, App>, view: u64, spec: ViewSpec) -> Answer<()> {
    Ok(app.engine().await?.change_view(ViewId(view), spec).await?)
}

/// The page has shown everything up to `seq`.
#[tauri::command]
pub async fn ack(app: State<'_, App>, view: u64, seq: u64) -> Answer<()> {
    Ok(app.engine().await?.ack(ViewId(view), seq).await?)
}

/// The page lost count.
#[tauri::command]
pub async fn reset_view(app: State<'_, App>, view: u64) -> Answer<()> {
    Ok(app.engine().await?.reset_view(ViewId(view)).await?)
}

/// Closes a view.
#[tauri::command]
pub async fn close_view(app: State<'_, App>, view: u64) -> Answer<()> {
    Ok(app.engine().await?.close_view(ViewId(view)).await?)
}

/// The place of a row in a view, if it matches.
#[tauri::command]
pub async fn place_of(app: State<'_, App>, view: u64, id: u64) -> Answer<Option<u64>> {
    Ok(app.engine().await?.place_of(ViewId(view), DeliveryId(id)).await?)
}

/// Everything about a delivery.
#[tauri::command]
pub async fn delivery(app: State<'_, App>, center: String, id: u64) -> Answer<Arc<Delivery>> {
    let found = app.engine().await?.delivery(&CenterId::from(center), DeliveryId(id)).await?;
    found.ok_or_else(|| error("not-found", "this delivery is not on the board any more", false))
}

/// What happened to a delivery, oldest first.
#[tauri::command]
pub async fn history(app: State<'_, App>, center: String, id: u64) -> Answer<Vec<HistoryEvent>> {
    Ok(app.engine().await?.history(&CenterId::from(center), DeliveryId(id)).await?)
}

/// The riders of a center.
#[tauri::command]
pub async fn riders(app: State<'_, App>, center: String) -> Answer<Vec<Rider>> {
    Ok(app.engine().await?.riders(&CenterId::from(center)).await?)
}

/// An action on a delivery, as a person asks for it.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ActionRequest {
    /// Which center.
    pub center: String,
    /// Which delivery.
    #[ts(type = "number")]
    pub id: u64,
    /// Wire name of the action.
    pub action: String,
    /// With `assign`.
    #[ts(optional)]
    pub rider_id: Option<String>,
    /// With `cancel`.
    #[ts(optional)]
    pub reason: Option<String>,
    /// With `cancel`: `customer`, `shop`, `center`, `rider`, `system`.
    #[ts(optional)]
    pub by: Option<String>,
    /// With `note`.
    #[ts(optional)]
    pub text: Option<String>,
}

/// A command that is on its way; its outcome comes as an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CommandStarted {
    /// Its id, as in the events.
    pub command_id: String,
}

/// Begins a command.
#[tauri::command]
pub async fn run_command(app: State<'_, App>, request: ActionRequest) -> Answer<CommandStarted> {
    let wish = wish(request)?;
    Ok(CommandStarted { command_id: app.engine().await?.command(wish).await?.0 })
}

fn wish(request: ActionRequest) -> Answer<CommandWish> {
    let unknown = |what: &str, name: &str| error("invalid", &format!("'{name}' is no {what}"), false);
    let action = Action::parse(&request.action).ok_or_else(|| unknown("action", &request.action))?;
    let by = request
        .by
        .map(|name| cancel_by(&name).ok_or_else(|| unknown("one who cancels", &name)))
        .transpose()?;
    let body = CommandBody {
        rider_id: request.rider_id.map(Into::into),
        reason: request.reason.map(Into::into),
        by,
        text: request.text.map(Into::into),
    };
    Ok(CommandWish::act(request.center.into(), DeliveryId(request.id), action, body))
}

fn cancel_by(name: &str) -> Option<CancelBy> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

/// A person took note of an alarm.
#[tauri::command]
pub async fn acknowledge_alarm(
    app: State<'_, App>,
    center: String,
    id: u64,
    kind: String,
    raised_at: i64,
) -> Answer<()> {
    let key = alarm_key(id, &kind, raised_at)?;
    Ok(app.engine().await?.acknowledge(&CenterId::from(center), key).await?)
}

/// A window shows an alarm.
#[tauri::command]
pub async fn alarm_displayed(
    app: State<'_, App>,
    center: String,
    id: u64,
    kind: String,
    raised_at: i64,
) -> Answer<()> {
    let key = alarm_key(id, &kind, raised_at)?;
    Ok(app.engine().await?.displayed(&CenterId::from(center), key).await?)
}

/// How true the boards are, and what it takes to keep them so.
#[tauri::command]
pub async fn diagnostics(app: State<'_, App>) -> Answer<Diagnostics> {
    Ok(app.engine().await?.diagnostics().await?)
}

/// Compares everything of a center; events tell how far it has come.
#[tauri::command]
pub async fn check_everything(app: State<'_, App>, center: String) -> Answer<()> {
    Ok(app.engine().await?.check(&CenterId::from(center)).await?)
}

fn alarm_key(id: u64, kind: &str, raised_at: i64) -> Answer<AlarmKey> {
    let kind =
        AlarmKind::parse(kind).ok_or_else(|| error("invalid", &format!("'{kind}' is no alarm"), false))?;
    Ok(AlarmKey { id: DeliveryId(id), kind, raised_at: UtcMillis(raised_at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(action: &str, by: Option<&str>) -> ActionRequest {
        ActionRequest {
            center: "gangnam".to_owned(),
            id: 7,
            action: action.to_owned(),
            rider_id: None,
            reason: None,
            by: by.map(str::to_owned),
            text: None,
        }
    }

    #[test]
    fn an_action_of_the_page_becomes_a_wish() {
        let expected = CommandBody { by: Some(CancelBy::Customer), ..CommandBody::default() };
        let expected = CommandWish::act("gangnam".into(), DeliveryId(7), Action::Cancel, expected);
        assert_eq!(wish(request("cancel", Some("customer"))).unwrap(), expected);
    }

    #[test]
    fn what_the_page_should_not_say_is_refused_by_name() {
        for (action, by, named) in [("explode", None, "explode"), ("cancel", Some("weather"), "weather")] {
            let refused = wish(request(action, by)).unwrap_err();
            assert_eq!(refused.code, "invalid");
            assert!(refused.message.contains(named), "{}", refused.message);
        }
    }
}
