//! GET, PUT `/preferences/{key}`: what an account keeps for itself, any JSON.

use super::asking::{Asking, json};
use super::board::is_known;
use super::refusal::Refusal;
use crate::hub::Hub;
use crate::store::{PREFERENCES_MAX, PreferenceKept, Replaces};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gwanje_wire::ErrorCode;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The most bytes of a preference.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// The most characters of its name.
const KEY_MAX: usize = 64;

#[derive(Deserialize)]
pub(super) struct PreferencePath {
    key: String,
}

/// GET `/preferences/{key}`.
pub(super) async fn read(
    State(hub): State<Arc<Hub>>,
    asking: Asking,
    path: Path<PreferencePath>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (identity, key) = (asking.account()?, named(&path.key)?);
    let Some(kept) = hub.store.preference(identity.account, key.clone()).await? else {
        return Err(Refusal::new(ErrorCode::NotFound, format!("nothing is kept under {key}")));
    };
    let tag = tag(kept.version);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let kind = HeaderValue::from_static("application/json");
    Ok(([(ETAG, tag)], [(CONTENT_TYPE, kind)], kept.body).into_response())
}

/// PUT `/preferences/{key}`.
pub(super) async fn keep(
    State(hub): State<Arc<Hub>>,
    asking: Asking,
    path: Path<PreferencePath>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (identity, key) = (asking.account()?, named(&path.key)?);
    if body.len() > BODY_MAX_BYTES {
        let mut problem = Refusal::new(ErrorCode::Invalid, "a preference has at most 64 KiB").into_problem();
        problem.status = StatusCode::PAYLOAD_TOO_LARGE.as_u16();
        return Err(problem.into());
    }
    let said: Value = json(&body)?;
    let replaces = replaces(&headers)?;
    match hub.store.keep_preference(identity.account, key, said.to_string(), replaces).await? {
        PreferenceKept::As(version) => Ok((StatusCode::NO_CONTENT, [(ETAG, tag(version))]).into_response()),
        PreferenceKept::Another(present) => {
            let detail = "another was kept meanwhile; read it, and write again what is to stay";
            let conflict = Refusal::new(ErrorCode::Conflict, detail);
            Ok((present.map(|version| [(ETAG, tag(version))]), conflict).into_response())
        }
        PreferenceKept::TooMany => {
            let detail = format!("an account keeps at most {PREFERENCES_MAX} preferences");
            Err(Refusal::new(ErrorCode::Invalid, detail))
        }
    }
}

fn named(key: &str) -> Result<String, Refusal> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=KEY_MAX).contains(&key.len()) && key.chars().all(is_good) {
        return Ok(key.to_owned());
    }
    let detail = "a preference's name has 1 to 64 letters, digits, dots, underscores and hyphens";
    Err(Refusal::new(ErrorCode::Invalid, detail))
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// What a write is to replace. One that does not say so might undo what another window has written.
fn replaces(headers: &HeaderMap) -> Result<Replaces, Refusal> {
    let said = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    if said(IF_NONE_MATCH).any(|value| value.trim() == "*") {
        return Ok(Replaces::Nothing);
    }
    let mut tags = said(IF_MATCH).flat_map(|value| value.split(',')).peekable();
    if tags.peek().is_none() {
        let detail =
            "the first write takes If-None-Match: *, a later one If-Match with the ETag that it replaces";
        return Err(Refusal::new(ErrorCode::Invalid, detail));
    }
    let version = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok();
    Ok(Replaces::Versions(tags.filter_map(version).collect()))
}
