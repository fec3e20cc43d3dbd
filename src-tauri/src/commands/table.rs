//! The table of commands: what the page can ask of the app, each once. The handlers and their registration come from
//! it. So does the page's contract, which the tests of [`crate::contract`] write.
//!
//! ```text
//! /// What it does, in a line.
//! name(argument: Type, …) -> Answer = engine.method(argument, …);   // signed in: translates, and needs nothing more
//! name(argument: Type, …) -> Answer = app.method(argument, …);      // signed in or not
//! name(argument: Type, …) -> Answer = function(argument, …);        // a function of `super`, told who asks
//! name(argument: Type; channel: Channel<Message>) -> Answer = …     // the answer goes on
//! ```

use super::action::{ActionRequest, BatchActionRequest, CommandStarted};
use super::argument::Argument;
use super::{Answer, Caller};
use crate::app::{App, Boot};
use crate::preferences::{Locale, Theme};
use crate::sounding::SoundView;
use gwanje_engine::ipc::{
    AppEvent, ClientsView, ClientsWish, Diagnostics, DraftSubject, DraftView, PreferenceSaved, PreferenceView,
};
use gwanje_engine::wire::monitor::MonitorReply;
use gwanje_engine::wire::rest::AlarmKind;
use gwanje_engine::{
    AlarmKey, Candidate, CenterId, Delivery, DeliveryId, HistoryEvent, Patch, Rider, ViewId, ViewSpec,
};
use std::sync::Arc;
use tauri::ipc::{Channel, Invoke};
use tauri::{State, Webview};

macro_rules! commands {
    ($(
        #[doc = $doc:literal]
        $name:ident($($argument:ident: $type:ty),* $(; $channel:ident: Channel<$message:ty>)?) -> $answer:ty
            = $target:ident $(.$method:ident)? ($($given:expr),*);
    )*) => {
        $(
            #[doc = $doc]
            #[tauri::command]
            async fn $name(
                app: State<'_, App>,
                page: Webview,
                $($argument: Argument<$type>,)*
                $($channel: Channel<$message>,)?
            ) -> Answer<$answer> {
                let caller = Caller { app: &app, page: &page };
                $(let $argument = $argument.read(stringify!($name), stringify!($argument))?;)*
                answer!(caller, $target $(.$method)? ($($given),*))
            }
        )*

        /// What Tauri hands the page's calls to.
        pub fn handler() -> impl Fn(Invoke) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($name),*]
        }

        /// The table as the page's contract tells it, in the same order.
        #[cfg(test)]
        pub fn described() -> Vec<crate::contract::CommandEntry> {
            use crate::contract::{CommandEntry, Type};
            vec![$(
                CommandEntry {
                    name: stringify!($name),
                    doc: $doc.trim(),
                    arguments: vec![$((stringify!($argument), Type::of::<$type>())),*],
                    channel: [$((stringify!($channel), Type::of::<$message>()))?].into_iter().next(),
                    answer: Type::of::<$answer>(),
                }
            ),*]
        }
    };
}

/// Carries a command out, by what its line names.
macro_rules! answer {
    ($caller:ident, engine.$method:ident($($given:expr),*)) => {
        Ok($caller.app.engine().await?.$method($($given),*).await?)
    };
    ($caller:ident, app.$method:ident($($given:expr),*)) => {
        $caller.app.$method($($given),*).await
    };
    ($caller:ident, $function:ident($($given:expr),*)) => {
        super::$function($caller, $($given),*).await
    };
}

commands! {
    /// How things stand; asked once by each page.
    boot() -> Boot = app.boot();
    /// Signs in to a server.
    sign_in(server: String, account: String, password: String) -> Boot = app.sign_in(&server, &account, &password);
    /// Starts a demo hub and signs in to it.
    try_demo() -> Boot = app.try_demo();
    /// Signs out.
    sign_out() -> () = app.sign_out();
    /// Keeps language and theme; null: as it was.
    set_preferences(locale: Option<Locale>, theme: Option<Theme>) -> () = set_preferences(locale, theme);
    /// Sets how large everything is drawn, in per cent from 90 to 200, and keeps it; gives what was set.
    set_text_size(percent: u16) -> u16 = set_text_size(percent);
    /// Keeps JSON at this seat under a name, for whoever sits here; null: no longer.
    keep_at_seat(key: String, json: Option<String>) -> () = app.keep_at_seat(&key, json);
    /// What the account keeps for itself at the server under a name; null: nothing.
    preference(key: String) -> Option<PreferenceView> = engine.preference(&key);
    /// Keeps JSON for the account. `version`: of what it replaces, as it was read; null: nothing was kept there.
    save_preference(key: String, json: String, version: Option<String>) -> PreferenceSaved = engine.save_preference(&key, json, version);
    /// Everything that happens from now on, beginning with all freshness and open alarms.
    subscribe_events(; channel: Channel<AppEvent>) -> () = subscribe_events(channel);
    /// Opens a view; its first patch is a reset.
    open_view(spec: ViewSpec; channel: Channel<Patch>) -> ViewId = open_view(spec, channel);
    /// Changes what a view shows.
    change_view(view: ViewId, spec: ViewSpec) -> () = engine.change_view(view, spec);
    /// The page has shown everything up to `seq`.
    ack(view: ViewId, seq: u64) -> () = engine.ack(view, seq);
    /// The page lost count: the next patch is a reset.
    reset_view(view: ViewId) -> () = engine.reset_view(view);
    /// Closes a view.
    close_view(view: ViewId) -> () = engine.close_view(view);
    /// The place of a row in a view; null: it does not match.
    place_of(view: ViewId, id: DeliveryId) -> Option<u64> = engine.place_of(view, id);
    /// The key of the group in which a row stands; null: it does not match, or the view has no groups.
    group_of(view: ViewId, id: DeliveryId) -> Option<String> = engine.group_of(view, id);
    /// Rows of Act now that wait behind a view's hold come in at the head of its list.
    admit_act(view: ViewId) -> () = engine.admit_act(view);
    /// Everything about a delivery.
    delivery(center: CenterId, id: DeliveryId) -> Arc<Delivery> = delivery(&center, id);
    /// What happened to a delivery, oldest first.
    history(center: CenterId, id: DeliveryId) -> Vec<HistoryEvent> = engine.history(&center, id);
    /// The riders of a center.
    riders(center: CenterId) -> Vec<Rider> = engine.riders(&center);
    /// The riders of a center, in the order in which they are offered for a delivery.
    candidates(center: CenterId, id: DeliveryId) -> Vec<Candidate> = engine.candidates(&center, id);
    /// Which of a picker's choices hold the words that were typed, by their places. A choice is one text a line.
    matching(typed: String, choices: Vec<String>) -> Vec<usize> = matching(&typed, &choices);
    /// Begins an action; what becomes of it comes as an event.
    run_command(request: ActionRequest) -> CommandStarted = run_command(request);
    /// Begins the same action on several deliveries of a center; what becomes of each comes with one event a command.
    run_batch(request: BatchActionRequest) -> Vec<CommandStarted> = run_batch(request);
    /// The details of a delivery are open in the window; null: of no delivery.
    set_opened(center: Option<CenterId>, id: Option<DeliveryId>) -> () = engine.set_opened(center.zip(id));
    /// What was written and not sent by whoever is signed in, the newest first.
    drafts() -> Vec<DraftView> = engine.drafts();
    /// Keeps what is written for a subject; gives the oldest drafts, where there were too many and they went for it.
    save_draft(subject: DraftSubject, text: String) -> Vec<DraftView> = engine.save_draft(&subject, text);
    /// Throws a draft away.
    discard_draft(subject: DraftSubject) -> () = engine.discard_draft(&subject);
    /// A person took note of an alarm.
    acknowledge_alarm(center: CenterId, key: AlarmKey) -> () = engine.acknowledge(&center, key);
    /// A window shows an alarm.
    alarm_displayed(center: CenterId, key: AlarmKey) -> () = engine.displayed(&center, key);
    /// Mutes alarms of a kind for 5, 15 or 60 minutes; 0: they sound again. Gives what sounds now.
    mute_alarms(kind: AlarmKind, minutes: u8) -> Vec<SoundView> = app.mute_alarms(kind, minutes);
    /// How true the boards are, and what it takes to keep them so.
    diagnostics() -> Diagnostics = engine.diagnostics();
    /// Compares everything of a center; `check` events tell how far it has come.
    check_everything(center: CenterId) -> () = engine.check(&center);
    /// The hubs, how many are connected to what, and what went wrong, as far as the account may see it.
    monitor() -> MonitorReply = engine.monitor();
    /// Who is connected to the hubs: the first of those that are wished for.
    monitor_clients(wish: ClientsWish) -> ClientsView = engine.monitor_clients(&wish);
    /// Closes a connection at the hub; its seat connects again by itself.
    put_out(connection: String) -> () = engine.put_out(&connection);
}
