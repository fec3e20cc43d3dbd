//! Accounts, keys, sign-ins and the audit, for whoever administers the hub; and for everybody the own sign-ins.

use super::asking::{Asking, json, query};
use super::refusal::Refusal;
use crate::auth::{
    Account, AccountEdit, ApiKey, BegunSession, By, NewAccount, PeopleError, Scope, is_good_name,
};
use crate::hub::Hub;
use crate::store::{AuditPlace, AuditSearch, read_instant};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use gwanje_model::text::cleaned_name;
use gwanje_model::{CenterId, Permission, RiderId, Role, Text, UtcMillis};
use gwanje_wire::ErrorCode;
use gwanje_wire::people::{
    AccountEntry, AccountPatch, AuditReply, KeyAdded, KeyEntry, NewAccountRequest, NewKeyRequest,
    SessionEntry,
};
use serde::{Deserialize, Deserializer};
use std::sync::Arc;

/// The most characters of what people call somebody, and of a rider's id.
const NAME_MAX: usize = 100;
/// The most bytes of a password.
const PASSWORD_MAX: usize = 1_024;

/// An admin who asks, and from where.
pub(super) struct Admin(By);

impl FromRequestParts<Arc<Hub>> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Refusal> {
        let Asking(caller) = Asking::from_request_parts(parts, hub).await?;
        if caller.may(Permission::Operate) {
            return Ok(Self(By {
                account: caller.name(),
                from: hub.origin_of(&parts.headers, &parts.extensions).name(),
            }));
        }
        Err(Refusal::new(ErrorCode::Forbidden, "only an admin may look after accounts, keys and the audit"))
    }
}

impl From<PeopleError> for Refusal {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Store(error) => error.into(),
            PeopleError::Refused(refused) => refused.problem().into(),
        }
    }
}

fn entry(account: &Account) -> AccountEntry {
    AccountEntry {
        account: account.name.clone(),
        name: account.person.clone(),
        role: account.role,
        centers: account.centers.clone(),
        rider: account.rider.clone(),
        disabled: account.disabled,
    }
}

/// GET `/accounts`.
pub(super) async fn accounts(
    State(hub): State<Arc<Hub>>,
    _: Admin,
) -> Result<Json<Vec<AccountEntry>>, Refusal> {
    Ok(Json(hub.auth.list_accounts().await?.iter().map(entry).collect()))
}

/// POST `/accounts`.
pub(super) async fn add_account(
    State(hub): State<Arc<Hub>>,
    Admin(by): Admin,
    body: Bytes,
) -> Result<(StatusCode, Json<AccountEntry>), Refusal> {
    let new: NewAccountRequest = json(&body)?;
    let name = new
        .account
        .or_else(|| new.name.clone())
        .ok_or_else(|| invalid("an account needs `account`, the name that it signs in by"))?;
    good_name(&name)?;
    known_centers(&hub, &new.centers)?;
    if new.centers.is_empty() && !new.role.sees_all_centers() {
        return Err(invalid(format!(
            "a {} needs `centers`: without any, the account sees nothing",
            new.role
        )));
    }
    let person = new.name.map(|person| person_name(&person)).transpose()?;
    let rider = rider_of(Some(new.role), new.rider)?;
    let password = good_password(new.password)?;
    let account = NewAccount { name, role: new.role, centers: new.centers, rider, person, password };
    let added = hub.auth.add_account(account, new.disabled, &by).await?;
    Ok((StatusCode::CREATED, Json(entry(&added))))
}

/// PATCH `/accounts/{name}`.
pub(super) async fn edit_account(
    State(hub): State<Arc<Hub>>,
    Admin(by): Admin,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<AccountEntry>, Refusal> {
    let AccountPatch { name: person, role, centers, rider, disabled, password } = json(&body)?;
    if let Some(centers) = &centers {
        known_centers(&hub, centers)?;
    }
    let edit = AccountEdit {
        person: person.map(|person| person_name(&person)).transpose()?,
        role,
        centers,
        rider: rider_of(role, rider)?,
        disabled,
        password: password.map(good_password).transpose()?,
    };
    if edit.is_nothing() {
        let said = "say what is to change: `name`, `role`, `centers`, `rider`, `disabled` or `password`";
        return Err(invalid(said));
    }
    Ok(Json(entry(&hub.auth.edit_account(&Text::from(name), edit, Some(&by)).await?)))
}

/// DELETE `/accounts/{name}`.
pub(super) async fn remove_account(
    State(hub): State<Arc<Hub>>,
    Admin(by): Admin,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    hub.auth.remove_account(&Text::from(name), &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn key_entry(key: &ApiKey) -> KeyEntry {
    let scopes = key.scopes.iter().map(|scope| scope.as_str().into()).collect();
    KeyEntry { name: key.name.clone(), scopes, centers: key.centers.clone() }
}

/// GET `/keys`.
pub(super) async fn keys(State(hub): State<Arc<Hub>>, _: Admin) -> Result<Json<Vec<KeyEntry>>, Refusal> {
    Ok(Json(hub.auth.list_keys().await?.iter().map(key_entry).collect()))
}

/// POST `/keys`.
pub(super) async fn add_key(
    State(hub): State<Arc<Hub>>,
    Admin(by): Admin,
    body: Bytes,
) -> Result<(StatusCode, Json<KeyAdded>), Refusal> {
    let NewKeyRequest { name, scopes, centers } = json(&body)?;
    good_name(&name)?;
    let scope = |name: &Text| {
        Scope::parse(name).ok_or_else(|| invalid(format!("the scope {name:?} is none of {}", Scope::names())))
    };
    let scopes: Vec<Scope> = scopes.iter().map(scope).collect::<Result<_, _>>()?;
    if scopes.is_empty() {
        return Err(invalid(format!("a key needs `scopes`: some of {}", Scope::names())));
    }
    let centers = match centers {
        Some(centers) => {
            known_centers(&hub, &centers)?;
            centers
        }
        None => hub.store.center_ids(),
    };
    let key = ApiKey { name, centers, scopes };
    let listed = key_entry(&key);
    let secret = hub.auth.add_key(key, &by).await?;
    Ok((StatusCode::CREATED, Json(KeyAdded { key: listed, secret })))
}

/// DELETE `/keys/{name}`.
pub(super) async fn remove_key(
    State(hub): State<Arc<Hub>>,
    Admin(by): Admin,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    hub.auth.remove_key(&Text::from(name), &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct SessionsQuery {
    account: Option<Text>,
}

/// GET `/sessions?account=`.
pub(super) async fn sessions(
    State(hub): State<Arc<Hub>>,
    asking: Asking,
    uri: Uri,
) -> Result<Json<Vec<SessionEntry>>, Refusal> {
    let identity = asking.account()?;
    let SessionsQuery { account } = query(&uri)?;
    let account = account.filter(|account| !account.is_empty()).unwrap_or_else(|| identity.account.clone());
    if account != identity.account && !identity.role.may(Permission::Operate) {
        return Err(Refusal::new(ErrorCode::Forbidden, "only an admin may look at others' sign-ins"));
    }
    let own = identity.session();
    let shown = |session: BegunSession| {
        let BegunSession { id, account, since, used_at, from } = session;
        SessionEntry { current: id == own, id, account, since, used_at, from }
    };
    Ok(Json(hub.auth.sessions(Some(&account)).await?.into_iter().map(shown).collect()))
}

/// An account that asks, and from where.
pub(super) struct Person(crate::auth::Identity, By);

impl FromRequestParts<Arc<Hub>> for Person {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Refusal> {
        let identity = Asking::from_request_parts(parts, hub).await?.account()?;
        let by = By {
            account: identity.account.clone(),
            from: hub.origin_of(&parts.headers, &parts.extensions).name(),
        };
        Ok(Self(identity, by))
    }
}

/// DELETE `/sessions/{id}`.
pub(super) async fn end_session(
    State(hub): State<Arc<Hub>>,
    Person(identity, by): Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let only_of = (!identity.role.may(Permission::Operate)).then_some(&identity.account);
    if hub.auth.end_session(&id, only_of, &by).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::new(ErrorCode::NotFound, "there is no such sign-in"))
}

#[derive(Deserialize)]
struct AuditQuery {
    #[serde(default, deserialize_with = "instant")]
    from: Option<UtcMillis>,
    #[serde(default, deserialize_with = "instant")]
    to: Option<UtcMillis>,
    account: Option<Text>,
    cursor: Option<String>,
}

fn instant<'de, D: Deserializer<'de>>(said: D) -> Result<Option<UtcMillis>, D::Error> {
    let Some(said) = Option::<String>::deserialize(said)?.filter(|said| !said.is_empty()) else {
        return Ok(None);
    };
    let wrong =
        || serde::de::Error::custom(format!("{said:?} is no instant: milliseconds, or 2026-01-31T10:00:00Z"));
    read_instant(&said).map(Some).ok_or_else(wrong)
}

/// GET `/audit?from=&to=&account=&cursor=`.
pub(super) async fn audit(
    State(hub): State<Arc<Hub>>,
    _: Admin,
    uri: Uri,
) -> Result<Json<AuditReply>, Refusal> {
    let AuditQuery { from, to, account, cursor } = query(&uri)?;
    let cursor = cursor.filter(|cursor| !cursor.is_empty());
    let after = match cursor {
        Some(cursor) => Some(
            AuditPlace::read(&cursor)
                .ok_or_else(|| invalid("the cursor is none of the audit's; begin without one"))?,
        ),
        None => None,
    };
    let account = account.filter(|account| !account.is_empty());
    Ok(Json(hub.store.audit(AuditSearch { from, to, account, after, ..AuditSearch::default() }).await?))
}

fn invalid(said: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::Invalid, said)
}

fn good_name(name: &str) -> Result<(), Refusal> {
    if is_good_name(name) {
        return Ok(());
    }
    Err(invalid("the name of an account or key has 1 to 64 of a-z, 0-9, dot, underscore and hyphen"))
}

fn person_name(name: &str) -> Result<Text, Refusal> {
    let name = cleaned_name(name);
    let name = name.trim();
    if (1..=NAME_MAX).contains(&name.chars().count()) {
        return Ok(name.into());
    }
    Err(invalid(format!("a name has 1 to {NAME_MAX} characters")))
}

fn good_password(password: String) -> Result<String, Refusal> {
    if (1..=PASSWORD_MAX).contains(&password.len()) {
        return Ok(password);
    }
    Err(invalid(format!("a password has 1 to {PASSWORD_MAX} bytes")))
}

fn rider_of(role: Option<Role>, rider: Option<RiderId>) -> Result<Option<RiderId>, Refusal> {
    let Some(rider) = rider else { return Ok(None) };
    if role.is_some_and(|role| role != Role::Rider) {
        return Err(invalid("`rider` goes with the role rider"));
    }
    if rider.as_str().is_empty() || rider.as_str().chars().count() > NAME_MAX {
        return Err(invalid(format!("a rider's id has 1 to {NAME_MAX} characters")));
    }
    Ok(Some(rider))
}

fn known_centers(hub: &Hub, centers: &[CenterId]) -> Result<(), Refusal> {
    match centers.iter().find(|center| !hub.store.has_center(center)) {
        Some(unknown) => Err(invalid(format!("there is no center {unknown}"))),
        None => Ok(()),
    }
}
