//! What the commands share: the signed-in engine, the demo hub if one runs, and what the person chose.

#[cfg(test)]
mod tests;

use crate::args::Args;
use crate::demo::{self, DemoHub};
use crate::preferences::{self, Locale, Preferences, Theme};
use crate::sound::{self, Sounds};
use crate::sounding::{SoundView, Sounding};
use gwanje_engine::dialect::Dialect;
use gwanje_engine::ipc::{AppEvent, CenterView, IpcError, SignedIn};
use gwanje_engine::wire::rest::AlarmKind;
use gwanje_engine::{Engine, EngineConfig, EngineEvent, Events};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tauri::ipc::Channel;
use tokio::sync::{Mutex, RwLock};
use ts_rs::TS;

/// What the page needs to know before it shows anything.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Boot {
    /// Whether there is a board to show.
    pub signed_in: bool,
    /// Who is signed in, or was last.
    pub account: Option<String>,
    /// What people call whoever is signed in.
    pub name: Option<String>,
    /// With which role.
    pub role: Option<String>,
    /// To which server, or the one to propose.
    pub server: Option<String>,
    /// What the account may see.
    pub centers: Vec<CenterView>,
    /// The name of a foreign server, which is proven by its list and takes no commands; null: a hub.
    pub foreign: Option<String>,
    /// Whether the server is a demo hub of this app.
    pub demo: bool,
    /// Whether the server's day is simulated, whatever way one came to it.
    pub drill: bool,
    /// Simulated seconds a second.
    pub demo_speed: Option<f64>,
    /// As chosen, else as the desk speaks; null: ask the page.
    pub locale: Option<Locale>,
    /// As chosen.
    pub theme: Theme,
    /// How large everything is drawn, in per cent.
    pub text_size: u16,
    /// What the page keeps for this seat: JSON by name.
    pub kept: BTreeMap<String, String>,
    /// The alarms that sound at this seat, and those that are muted.
    pub sounds: Vec<SoundView>,
}

/// A signed-in engine.
#[derive(Clone)]
struct Session {
    engine: Engine,
    signed_in: SignedIn,
    demo: bool,
}

impl Session {
    /// Whether the server has not ended it since.
    async fn stands(&self) -> bool {
        matches!(self.engine.signed_in().await, Ok(Some(_)))
    }
}

/// What the commands share.
pub struct App {
    args: Args,
    /// Of the foreign server that is followed; none: a hub.
    dialect: Option<Arc<Dialect>>,
    profile: PathBuf,
    session: RwLock<Option<Session>>,
    /// Signing in, signing out and starting a demo exclude each other.
    entrance: Mutex<Option<DemoHub>>,
    preferences: Mutex<Preferences>,
    sounds: Sounds,
    sounding: Arc<std::sync::Mutex<Sounding>>,
}

impl App {
    /// An app that nobody is signed in to yet.
    #[must_use]
    pub fn new(args: Args, dialect: Option<Arc<Dialect>>, profile: PathBuf, sounds: Sounds) -> Self {
        let preferences = Mutex::new(Preferences::load(&profile));
        Self {
            args,
            dialect,
            profile,
            session: RwLock::default(),
            entrance: Mutex::default(),
            preferences,
            sounds,
            sounding: Arc::default(),
        }
    }

    /// The signed-in engine.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn engine(&self) -> Result<Engine, IpcError> {
        let session = self.session.read().await;
        let engine = session.as_ref().map(|session| session.engine.clone());
        engine.ok_or_else(|| error("not-signed-in", "nobody is signed in; sign in first", false))
    }

    /// How things stand. The first call after the start goes on with the kept session, or starts the demo that was asked for.
    ///
    /// # Errors
    /// When the profile or the demo can't be used.
    pub async fn boot(&self) -> Result<Boot, IpcError> {
        let mut running = self.entrance.lock().await;
        if let Some(session) = self.present().await {
            // The server may have ended it since; the page then begins with a sign-in.
            if !session.stands().await {
                self.leave().await;
            }
            return Ok(self.describe().await);
        }
        if self.dialect.is_some() {
            self.follow_foreign().await?;
            return Ok(self.describe().await);
        }
        if self.args.demo {
            return self.start_demo(&mut running).await;
        }
        let kept = self.preferences.lock().await.server.clone();
        if let Some(server) = self.args.server.clone().or(kept) {
            let engine = self.engine_for(&server).await?;
            match engine.resume().await? {
                Some(signed_in) => self.enter(Session { engine, signed_in, demo: false }).await,
                None => engine.stop().await,
            }
        }
        Ok(self.describe().await)
    }

    /// Signs in to a server.
    ///
    /// # Errors
    /// When the address is no server's, the server refuses, or nobody answers.
    pub async fn sign_in(&self, server: &str, account: &str, password: &str) -> Result<Boot, IpcError> {
        let server = crate::args::server(server).map_err(|message| error("config", &message, false))?;
        let mut running = self.entrance.lock().await;
        self.sign_in_to(&server, account, password, false).await?;
        *running = None;
        let mut preferences = self.preferences.lock().await;
        preferences.server = Some(server);
        preferences.account = Some(account.to_owned());
        self.keep(&preferences);
        drop(preferences);
        Ok(self.describe().await)
    }

    /// Starts a demo hub and signs in to it.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn try_demo(&self) -> Result<Boot, IpcError> {
        let mut running = self.entrance.lock().await;
        self.start_demo(&mut running).await
    }

    /// Signs out; cached data goes too, and so does the demo.
    ///
    /// # Errors
    /// When the engine has stopped already.
    pub async fn sign_out(&self) -> Result<(), IpcError> {
        let mut running = self.entrance.lock().await;
        if let Some(session) = self.session.write().await.take() {
            session.engine.sign_out().await?;
            session.engine.stop().await;
        }
        *running = None;
        Ok(())
    }

    /// Keeps language and theme.
    pub async fn prefer(&self, locale: Option<Locale>, theme: Option<Theme>) {
        let mut preferences = self.preferences.lock().await;
        preferences.locale = locale.or(preferences.locale.take());
        preferences.theme = theme.or(preferences.theme.take());
        self.keep(&preferences);
    }

    /// Keeps the text size; gives what it is now, in per cent.
    pub async fn prefer_text_size(&self, percent: u16) -> u16 {
        let percent = percent.clamp(preferences::TEXT_SIZE.0, preferences::TEXT_SIZE.1);
        let mut preferences = self.preferences.lock().await;
        preferences.text_size = Some(percent);
        self.keep(&preferences);
        percent
    }

    /// Mutes alarms of a kind for 5, 15 or 60 minutes; 0: they sound again. Gives what sounds now.
    ///
    /// # Errors
    /// When this kind can't be muted for so long.
    pub async fn mute_alarms(&self, kind: AlarmKind, minutes: u8) -> Result<Vec<SoundView>, IpcError> {
        let (mut sounding, now) = (sound::held(&self.sounding), sound::wall());
        if !sounding.mute(kind, minutes, now) {
            return Err(error("invalid", "alarms that sound are muted for 5, 15 or 60 minutes", false));
        }
        Ok(sounding.kinds(now))
    }

    /// Keeps JSON for the page at this seat; none: no longer.
    ///
    /// # Errors
    /// When it is too large, no JSON, or one too many.
    pub async fn keep_at_seat(&self, key: &str, json: Option<String>) -> Result<(), IpcError> {
        let mut preferences = self.preferences.lock().await;
        preferences.keep(key, json).map_err(|cause| error("invalid", &cause.to_string(), false))?;
        self.keep(&preferences);
        Ok(())
    }

    /// Ends the engine cleanly (the cache has everything then), and the demo with it. The process ends without dropping
    /// this.
    pub async fn stop(&self) {
        let mut running = self.entrance.lock().await;
        self.leave().await;
        *running = None;
    }

    /// Tells a page what happens, until it goes away or the engine stops.
    pub fn forward(
        &self,
        mut events: Events,
        page: Channel<AppEvent>,
        stalled: impl Fn(u64) + Send + 'static,
    ) {
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let EngineEvent::ViewStalled(view) = &event {
                    stalled(view.0);
                }
                if let Some(news) = event.for_page()
                    && page.send(news).is_err()
                {
                    return;
                }
            }
        });
    }

    async fn start_demo(&self, running: &mut Option<DemoHub>) -> Result<Boot, IpcError> {
        let hub = DemoHub::start().await.map_err(|cause| error("demo", &cause.to_string(), true))?;
        self.sign_in_to(&hub.url, demo::ACCOUNT, demo::ACCOUNT, true).await?;
        *running = Some(hub);
        Ok(self.describe().await)
    }

    /// At a foreign server there is nobody to sign in.
    async fn follow_foreign(&self) -> Result<(), IpcError> {
        let engine = self.engine_for("").await?;
        match engine.resume().await? {
            Some(signed_in) => self.enter(Session { engine, signed_in, demo: false }).await,
            None => engine.stop().await,
        }
        Ok(())
    }

    /// One engine has the profile at a time: the former one ends first, and goes on if this sign-in fails.
    async fn sign_in_to(
        &self,
        server: &str,
        account: &str,
        password: &str,
        demo: bool,
    ) -> Result<(), IpcError> {
        let standing = match self.present().await {
            Some(session) if session.stands().await => Some(session),
            Some(_) | None => None,
        };
        self.leave().await;
        match self.open_session(server, account, password, demo).await {
            Ok(session) => {
                self.enter(session).await;
                Ok(())
            }
            Err(cause) => {
                if let Some(before) = standing
                    && let Err(error) = self.go_on(&before).await
                {
                    tracing::warn!(error = error.message, "the former session can't be gone on with");
                }
                Err(cause)
            }
        }
    }

    async fn open_session(
        &self,
        server: &str,
        account: &str,
        password: &str,
        demo: bool,
    ) -> Result<Session, IpcError> {
        let engine = self.engine_for(server).await?;
        match engine.sign_in(account, password).await {
            Ok(signed_in) => Ok(Session { engine, signed_in, demo }),
            Err(cause) => {
                engine.stop().await;
                Err(cause.into())
            }
        }
    }

    /// Goes on with a session whose engine was stopped.
    async fn go_on(&self, before: &Session) -> Result<(), IpcError> {
        // With its further endpoints, where they are known.
        let first = before.signed_in.server.as_str();
        let kept = self.preferences.lock().await.server.clone();
        let known = [self.args.server.clone(), kept].into_iter().flatten();
        let server = known.into_iter().find(|urls| urls.split(',').next() == Some(first));
        let engine = self.engine_for(server.as_deref().unwrap_or(first)).await?;
        match engine.resume().await? {
            Some(signed_in) => self.enter(Session { engine, signed_in, demo: before.demo }).await,
            None => engine.stop().await,
        }
        Ok(())
    }

    /// The session at present, without holding its lock.
    async fn present(&self) -> Option<Session> {
        self.session.read().await.clone()
    }

    /// From now on its alarms sound, with a page or without.
    async fn enter(&self, session: Session) {
        match session.engine.overhear().await {
            Ok(events) => {
                let (sounding, sounds) = (Arc::clone(&self.sounding), self.sounds.clone());
                tokio::spawn(sound::listen(events, sounding, sounds));
            }
            Err(cause) => tracing::error!(%cause, "alarms will not sound"),
        }
        *self.session.write().await = Some(session);
    }

    /// Stops the engine, if there is one: the profile is free then.
    async fn leave(&self) {
        let before = self.session.write().await.take();
        if let Some(before) = before {
            before.engine.stop().await;
        }
    }

    async fn engine_for(&self, server: &str) -> Result<Engine, IpcError> {
        let config = match &self.dialect {
            Some(dialect) => EngineConfig {
                servers: self.args.server.iter().cloned().collect(),
                ..EngineConfig::foreign(Arc::clone(dialect), &self.profile)
            },
            None => EngineConfig::new(server, &self.profile),
        };
        Ok(Engine::start(config).await?)
    }

    async fn describe(&self) -> Boot {
        let session = self.session.read().await.clone();
        let kept = self.preferences.lock().await.clone();
        let demo = session.as_ref().is_some_and(|session| session.demo);
        let signed_in = session.map(|session| session.signed_in);
        Boot {
            signed_in: signed_in.is_some(),
            name: signed_in.as_ref().map(|who| who.name.clone()),
            role: signed_in.as_ref().map(|who| who.role.clone()),
            account: signed_in.as_ref().map(|who| who.account.clone()).or(kept.account),
            server: signed_in
                .as_ref()
                .map(|who| who.server.clone())
                .or(self.args.server.clone())
                .or(kept.server),
            foreign: signed_in.as_ref().and_then(|who| who.foreign.clone()),
            drill: demo || signed_in.as_ref().is_some_and(|who| who.drill),
            centers: signed_in.map(|who| who.centers).unwrap_or_default(),
            demo,
            demo_speed: demo.then_some(demo::SPEED),
            locale: kept.locale.or_else(preferences::desk_locale),
            theme: kept.theme.unwrap_or(Theme::System),
            text_size: kept
                .text_size
                .unwrap_or(100)
                .clamp(preferences::TEXT_SIZE.0, preferences::TEXT_SIZE.1),
            kept: kept.kept,
            sounds: sound::held(&self.sounding).kinds(sound::wall()),
        }
    }

    /// Preferences are a comfort: when they can't be kept the log says so, and the work goes on.
    fn keep(&self, preferences: &Preferences) {
        if let Err(cause) = preferences.save(&self.profile) {
            tracing::warn!(profile = %self.profile.display(), error = %cause, "preferences can't be kept");
        }
    }
}

/// An error of the app itself, for the page.
#[must_use]
pub fn error(code: &str, message: &str, retryable: bool) -> IpcError {
    IpcError { code: code.to_owned(), message: message.to_owned(), retryable }
}
