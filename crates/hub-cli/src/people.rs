//! `gwanje-hub user`, `key` and `audit`: who may come in, and who did what. Beside a running hub too, which knows within a second.

use crate::args::{AuditArgs, ConfigArgs, KeyAction, Named, UserAction};
use crate::commands::{coming, load, open_to_use, say};
use crate::exit_error::ExitError;
use gwanje_hub::Hub;
use gwanje_hub::auth::{AccountEdit, ApiKey, BegunSession, By, NewAccount, PeopleError, Scope, is_good_name};
use gwanje_hub::config::ServeConfig;
use gwanje_hub::logged::LogKept;
use gwanje_hub::store::{AuditPlace, AuditSearch, read_instant, shown_instant};
use gwanje_model::text::cleaned_name;
use gwanje_model::{CenterId, RiderId, Role, Text, UtcMillis};
use gwanje_wire::people::AuditLine;
use std::io::BufRead as _;

/// Takes a password shorter than this many characters with a warning: the operator decides who may use which
/// (NIST SP 800-63B asks for 8).
const PASSWORD_ADVISED: usize = 8;

/// The most characters of what people call somebody.
const NAME_MAX: usize = 100;

impl From<PeopleError> for ExitError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Store(error) => Self::running(error),
            PeopleError::Refused(refused) => Self::input(refused),
        }
    }
}

/// Who the audit says did it.
pub(crate) fn by() -> By {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    By { account: Text::from(format!("cli:{user}")), from: "local".into() }
}

/// `gwanje-hub user list|add|edit|disable|enable|remove|sessions`.
///
/// # Errors
/// When what is asked can't be used, or the database can't be read or written.
pub async fn user(action: UserAction) -> Result<(), ExitError> {
    match action {
        UserAction::List { config } => list_users(&config).await,
        UserAction::Add { name, person, role, centers, rider, config } => {
            let role = role_of(&role)?;
            let person = person.as_deref().map(person_of).transpose()?;
            add_user(Text::from(name), role, person, centers, rider.map(RiderId::from), &config).await
        }
        UserAction::Edit { name, person, role, centers, rider, password, config } => {
            let edit = AccountEdit {
                person: person.as_deref().map(person_of).transpose()?,
                role: role.as_deref().map(role_of).transpose()?,
                rider: rider.map(RiderId::from),
                ..AccountEdit::default()
            };
            edit_user(Text::from(name), edit, centers, password, &config).await
        }
        UserAction::Disable(named) => set_disabled(named, true).await,
        UserAction::Enable(named) => set_disabled(named, false).await,
        UserAction::Remove(Named { name, config }) => {
            let (_, hub) = opened(&config).await?;
            hub.auth.remove_account(&Text::from(name.as_str()), &by()).await?;
            hub.store.close().await;
            say(&format!("{name} is removed"))
        }
        UserAction::Sessions { name, end, config } => sessions(name.map(Text::from), end, &config).await,
    }
}

async fn opened(config: &ConfigArgs) -> Result<(ServeConfig, Hub), ExitError> {
    let config = load(config)?;
    let hub = open_to_use(&config, LogKept::default()).await?;
    Ok((config, hub))
}

async fn list_users(config: &ConfigArgs) -> Result<(), ExitError> {
    let (_, hub) = opened(config).await?;
    let accounts = hub.auth.list_accounts().await.map_err(ExitError::running)?;
    hub.store.close().await;
    for account in accounts {
        let centers = if account.role.sees_all_centers() { "*".to_owned() } else { listed(&account.centers) };
        let state = if account.disabled { "disabled" } else { "enabled" };
        say(&format!("{}\t{}\t{state}\t{centers}\t{}", account.name, account.role, account.person))?;
    }
    Ok(())
}

async fn add_user(
    name: Text,
    role: Role,
    person: Option<Text>,
    centers: Vec<String>,
    rider: Option<RiderId>,
    config: &ConfigArgs,
) -> Result<(), ExitError> {
    let (config, hub) = opened(config).await?;
    if hub.auth.account(&name).is_none() {
        good_name(&name)?;
    }
    let centers = known_centers(&hub, &config, centers)?;
    if centers.is_empty() && !role.sees_all_centers() {
        return Err(ExitError::input(format!(
            "a {role} needs --centers: without any, the account sees nothing"
        )));
    }
    let password = read_password()?;
    let new = NewAccount { name: name.clone(), role, centers, rider, person, password };
    hub.auth.keep_account(new, Some(&by())).await?;
    hub.store.close().await;
    say(&format!("{name} may sign in as {role}"))
}

async fn edit_user(
    name: Text,
    edit: AccountEdit,
    centers: Option<Vec<String>>,
    password: bool,
    config: &ConfigArgs,
) -> Result<(), ExitError> {
    let (config, hub) = opened(config).await?;
    let centers = centers.map(|centers| known_centers(&hub, &config, centers)).transpose()?;
    let password = password.then(read_password).transpose()?;
    let edit = AccountEdit { centers, password, ..edit };
    if edit.is_nothing() {
        return Err(ExitError::input(
            "say what is to change: --name, --role, --centers, --rider or --password",
        ));
    }
    let account = hub.auth.edit_account(&name, edit, Some(&by())).await?;
    hub.store.close().await;
    say(&format!("{name} is changed: {} in {}", account.role, listed(&account.centers)))
}

async fn set_disabled(Named { name, config }: Named, disabled: bool) -> Result<(), ExitError> {
    let (_, hub) = opened(&config).await?;
    let edit = AccountEdit { disabled: Some(disabled), ..AccountEdit::default() };
    hub.auth.edit_account(&Text::from(name.as_str()), edit, Some(&by())).await?;
    hub.store.close().await;
    say(&if disabled {
        format!("{name} may not sign in any more; its sign-ins are ended")
    } else {
        format!("{name} may sign in")
    })
}

async fn sessions(account: Option<Text>, end: Option<String>, config: &ConfigArgs) -> Result<(), ExitError> {
    let (_, hub) = opened(config).await?;
    let mut found = hub.auth.sessions(account.as_ref()).await.map_err(ExitError::running)?;
    match end.as_deref() {
        None => {
            for BegunSession { id, account, since, used_at, from } in found {
                let at = |at: UtcMillis| if at.0 == 0 { "-".to_owned() } else { shown_instant(at) };
                let from = if from.is_empty() { "-" } else { from.as_str() };
                say(&format!("{id}\t{account}\t{}\t{}\t{from}", at(since), at(used_at)))?;
            }
        }
        Some("all") if account.is_none() => {
            return Err(ExitError::input("name the account whose sign-ins are all to end"));
        }
        Some(end) => {
            found.retain(|session| end == "all" || session.id == end);
            if found.is_empty() && end != "all" {
                return Err(ExitError::input(format!("there is no sign-in {end}")));
            }
            for session in &found {
                let ended = hub.auth.end_session(&session.id, account.as_ref(), &by()).await;
                ended.map_err(ExitError::running)?;
            }
            say(&format!("sign-ins ended: {}", found.len()))?;
        }
    }
    hub.store.close().await;
    Ok(())
}

/// `gwanje-hub key list|add|remove`.
///
/// # Errors
/// When what is asked can't be used, or the database can't be read or written.
pub async fn key(action: KeyAction) -> Result<(), ExitError> {
    match action {
        KeyAction::List { config } => {
            let (_, hub) = opened(&config).await?;
            let keys = hub.auth.list_keys().await.map_err(ExitError::running)?;
            hub.store.close().await;
            for key in keys {
                let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
                say(&format!("{}\t{}\t{}", key.name, scopes.join(","), listed(&key.centers)))?;
            }
            Ok(())
        }
        KeyAction::Add { name, scopes, centers, config } => {
            add_key(Text::from(name), &scopes, centers, &config).await
        }
        KeyAction::Remove(Named { name, config }) => {
            let (_, hub) = opened(&config).await?;
            hub.auth.remove_key(&Text::from(name.as_str()), &by()).await?;
            hub.store.close().await;
            say(&format!("the key {name} is removed"))
        }
    }
}

async fn add_key(
    name: Text,
    scopes: &[String],
    centers: Vec<String>,
    config: &ConfigArgs,
) -> Result<(), ExitError> {
    let scope = |name: &String| {
        Scope::parse(name)
            .ok_or_else(|| ExitError::input(format!("the scope {name:?} is none of {}", Scope::names())))
    };
    let scopes = scopes.iter().map(scope).collect::<Result<Vec<_>, _>>()?;
    let (config, hub) = opened(config).await?;
    let known = hub.auth.list_keys().await.map_err(ExitError::running)?;
    if !known.iter().any(|key| key.name == name) {
        good_name(&name)?;
    }
    let mut centers = known_centers(&hub, &config, centers)?;
    if centers.is_empty() {
        centers = hub.store.center_ids();
        centers.extend(coming(&hub, &config));
    }
    let shown = hub.auth.keep_key(ApiKey { name, centers, scopes }, Some(&by())).await?;
    hub.store.close().await;
    say(&shown)
}

/// `gwanje-hub audit`: every line that is asked for, oldest first.
///
/// # Errors
/// When what is asked can't be used, or the database can't be read.
pub async fn audit(args: &AuditArgs) -> Result<(), ExitError> {
    let instant = |said: &Option<String>| {
        let read = |said: &String| {
            let wrong =
                || format!("{said:?} is no day or instant such as 2026-01-31 or 2026-01-31T10:00:00Z");
            read_instant(said).ok_or_else(|| ExitError::input(wrong()))
        };
        said.as_ref().map(read).transpose()
    };
    let (from, to) = (instant(&args.from)?, instant(&args.to)?);
    let account = args.account.as_deref().map(Text::from);
    let (_, hub) = opened(&args.config).await?;
    let mut after = None;
    loop {
        let search = AuditSearch { from, to, account: account.clone(), after, ..AuditSearch::default() };
        let page = hub.store.audit(search).await.map_err(ExitError::running)?;
        for line in &page.lines {
            say(&if args.json { serde_json::to_string(line).unwrap_or_default() } else { written(line) })?;
        }
        after = page.next.as_deref().and_then(AuditPlace::read);
        if after.is_none() {
            break;
        }
    }
    hub.store.close().await;
    Ok(())
}

/// When, who, from where, what, to whom, and what else is known.
fn written(line: &AuditLine) -> String {
    let known = |text: &Text| if text.is_empty() { "-".to_owned() } else { text.to_string() };
    let mut parts = vec![
        shown_instant(line.at),
        known(&line.account),
        known(&line.from),
        line.action.to_string(),
        known(&line.target),
    ];
    parts.extend(line.event.as_ref().map(ToString::to_string));
    parts.extend(line.size.map(|size| format!("{size} bytes")));
    parts.extend(line.count.map(|count| format!("{count} times")));
    parts.extend(line.detail.as_ref().filter(|detail| !detail.is_empty()).map(ToString::to_string));
    parts.join("\t")
}

fn listed(centers: &[CenterId]) -> String {
    let ids: Vec<&str> = centers.iter().map(CenterId::as_str).collect();
    ids.join(",")
}

fn role_of(name: &str) -> Result<Role, ExitError> {
    Role::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        ExitError::input(format!("the role {name:?} is none of {}", known.join(", ")))
    })
}

fn good_name(name: &str) -> Result<(), ExitError> {
    if is_good_name(name) {
        return Ok(());
    }
    Err(ExitError::input(format!(
        "{name:?} is no name of an account or key: 1 to 64 of a-z, 0-9, dot, underscore and hyphen"
    )))
}

fn person_of(person: &str) -> Result<Text, ExitError> {
    let person = Text::from(cleaned_name(person).trim());
    if person.is_empty() || person.chars().count() > NAME_MAX {
        return Err(ExitError::input(format!("a name has 1 to {NAME_MAX} characters")));
    }
    Ok(person)
}

fn known_centers(hub: &Hub, config: &ServeConfig, names: Vec<String>) -> Result<Vec<CenterId>, ExitError> {
    names
        .into_iter()
        .map(|name| CenterId::from(name.trim()))
        .map(|center| {
            if hub.store.has_center(&center) || config.centers.iter().any(|coming| coming.id == center) {
                return Ok(center);
            }
            Err(ExitError::input(format!(
                "there is no center {center}; add it to [[centers]] of the configuration"
            )))
        })
        .collect()
}

/// One line of stdin: a password on the command line would show in process lists.
fn read_password() -> Result<String, ExitError> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| ExitError::running(format!("the password can't be read from stdin: {e}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(ExitError::input("there is no password: write it as one line on stdin".to_owned()));
    }
    if password.chars().count() < PASSWORD_ADVISED {
        tracing::warn!(
            "the password is shorter than {PASSWORD_ADVISED} characters; a longer one is harder to guess"
        );
    }
    Ok(password.to_owned())
}
