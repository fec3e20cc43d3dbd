//! Takes a request apart: the path below the API's root, the query, headers and body.

use super::reply::{Refusal, refuse};
use gwanje_sync::HttpRequest;
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::API_ROOT;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::str::FromStr;

/// A request taken apart.
pub(super) struct Asked<'a> {
    /// The path below [`API_ROOT`], by segment, decoded.
    pub segments: Vec<String>,
    /// The whole path as it came, without the query.
    pub path: String,
    query: BTreeMap<String, String>,
    request: &'a HttpRequest,
}

impl<'a> Asked<'a> {
    /// Refuses a path that is not below the API's root.
    pub fn of(request: &'a HttpRequest) -> Result<Self, Refusal> {
        let (_, path) = request.url.split_once("://").unwrap_or(("", &request.url));
        let path = path.find('/').and_then(|at| path.get(at..)).unwrap_or("/");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let Some(below) = path.strip_prefix(API_ROOT) else {
            return refuse(ErrorCode::NotFound, "the interface lives elsewhere");
        };
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Ok(Self {
            segments: below.split('/').skip(1).map(decoded).collect(),
            path: path.to_owned(),
            query: query.collect(),
            request,
        })
    }

    /// A header; header names are lower-case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// A part of the query as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A part of the query as a number, where the query has it.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parsed = self.text(name).map(str::parse).transpose();
        parsed.or_else(|_| refuse(ErrorCode::Invalid, "a number is expected in the query"))
    }

    /// A part of the query as a list of numbers with commas between them, where the query has it.
    pub fn numbers<T: FromStr>(&self, name: &str) -> Result<Option<Vec<T>>, Refusal> {
        let Some(list) = self.text(name) else { return Ok(None) };
        let numbers: Result<Vec<T>, _> = list.split(',').map(|number| number.trim().parse()).collect();
        numbers
            .map(Some)
            .or_else(|_| refuse(ErrorCode::Invalid, "a list of numbers is expected in the query"))
    }

    /// The body as it came.
    pub fn body(&self) -> &'a str {
        self.request.body.as_deref().unwrap_or_default()
    }

    /// The body, read.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_str(self.body())
            .or_else(|_| refuse(ErrorCode::Invalid, "the body is not what is expected here"))
    }

    /// What the body of a command says; an absent body and null say nothing. None: the body is not JSON.
    pub fn said(&self) -> Option<Value> {
        if self.body().trim().is_empty() {
            return Some(Value::Object(Map::new()));
        }
        match serde_json::from_str(self.body()) {
            Ok(Value::Null) => Some(Value::Object(Map::new())),
            Ok(said) => Some(said),
            Err(_) => None,
        }
    }
}

/// The text without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
                (_, _) => bytes.push(b'%'),
            },
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
