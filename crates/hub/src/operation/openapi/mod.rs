//! GET `/openapi.json`: every path of the hub, its parameters, bodies, answers and errors. A test holds it against the router.

mod operations;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use gwanje_wire::ErrorCode;
use gwanje_wire::problem::PROBLEM_JSON;
use operations::{Body, CENTER, OPERATIONS, Operation, Query};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The shapes of bodies and answers.
const SCHEMAS: &str = include_str!("schemas.json");
/// What any request below the root of the interface may be refused with.
const ALWAYS: [ErrorCode; 2] = [ErrorCode::TooManyRequests, ErrorCode::Unavailable];

/// GET `/openapi.json`. Open to all: it says nothing that the program's own pages do not.
pub(super) async fn document() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| built().to_string());
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

fn built() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), described(operation));
        }
    }
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gwanje hub",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The REST interface of a hub. docs/protocol.md says what it means.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "account": {"type": "http", "scheme": "bearer", "description": "the access token of /login"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    })
}

fn reference(schema: &str) -> Value {
    match schema.strip_suffix("[]") {
        Some(one) => json!({"type": "array", "items": reference(one)}),
        None => json!({"$ref": format!("#/components/schemas/{schema}")}),
    }
}

fn described(operation: &Operation) -> Value {
    let security = if operation.open { json!([]) } else { json!([{"account": []}, {"key": []}]) };
    let mut said = Map::new();
    said.insert("operationId".to_owned(), operation_id(operation).into());
    said.insert("summary".to_owned(), operation.summary.into());
    said.insert("security".to_owned(), security);
    said.insert("parameters".to_owned(), parameters(operation).into());
    said.insert("responses".to_owned(), responses(operation));
    if let Body::Json(schema, required) = operation.body {
        let body =
            json!({"required": required, "content": {"application/json": {"schema": reference(schema)}}});
        said.insert("requestBody".to_owned(), body);
    }
    Value::Object(said)
}

fn operation_id(operation: &Operation) -> String {
    let words = operation.path.split(['/', '{', '}', '-', '.', '_']).filter(|word| !word.is_empty());
    let words = words.filter(|word| !matches!(*word, "api" | "v1"));
    std::iter::once(operation.method).chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let what = if name == CENTER { "the center's id" } else { "as the path names it" };
        json!({"name": name, "in": "path", "required": true, "description": what, "schema": {"type": "string"}})
    });
    let in_query = operation.query.iter().map(|Query { name, kind, required, what }| {
        json!({"name": name, "in": "query", "required": required, "description": what, "schema": {"type": kind}})
    });
    let in_head = operation.headers.iter().map(|(name, what)| {
        json!({"name": name, "in": "header", "required": false, "description": what, "schema": {"type": "string"}})
    });
    in_path.chain(in_query).chain(in_head).collect()
}

fn responses(operation: &Operation) -> Value {
    let mut all = Map::new();
    for (status, kind, schema) in operation.answers {
        let answer = if kind.is_empty() {
            json!({"description": operation.summary})
        } else {
            let shape = if schema.is_empty() { json!({"type": "string"}) } else { reference(schema) };
            json!({"description": operation.summary, "content": {*kind: {"schema": shape}}})
        };
        all.insert(status.to_string(), answer);
    }
    let always = ALWAYS.iter().filter(|_| !operation.always_answers);
    let mut codes: Vec<ErrorCode> = operation.refusals.iter().chain(always).copied().collect();
    codes.sort_by_key(|code| code.http_status());
    for same in codes.chunk_by(|a, b| a.http_status() == b.http_status()) {
        let names: Vec<&str> = same.iter().map(|code| code.as_str()).collect();
        let status = same.first().map_or(500, |code| code.http_status()).to_string();
        all.entry(status).or_insert_with(|| {
            let shape = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
            json!({"description": format!("code {}", names.join(" or ")), "content": {PROBLEM_JSON: shape}})
        });
    }
    if matches!(operation.body, Body::Json(..)) {
        for (status, what) in [("408", "the body did not come in time"), ("413", "the body is too large")] {
            let shape = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
            all.insert(status.to_owned(), json!({"description": what, "content": {PROBLEM_JSON: shape}}));
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Each string below a key, anywhere.
    fn below<'a>(value: &'a Value, key: &str, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get(key).and_then(Value::as_str));
                fields.values().for_each(|value| below(value, key, found));
            }
            Value::Array(all) => all.iter().for_each(|value| below(value, key, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The paths of a router, as it tells them for debugging: it has no other word for them.
    fn paths<S>(router: &axum::Router<S>, below: &str) -> BTreeSet<String> {
        let told = format!("{router:?}");
        // The fallback's own paths are none.
        let told = told.split('"').filter(|text| {
            text.starts_with('/') && text.len() > 1 && !text.contains("__private__axum_fallback")
        });
        told.map(|path| format!("{below}{path}")).collect()
    }

    #[test]
    fn every_route_of_the_router_is_here_and_nothing_else() {
        let mut routed = paths(&crate::api::routes(), gwanje_wire::rest::API_ROOT);
        assert!(routed.len() > 15, "the search finds what is there: {routed:?}");
        routed.extend(paths(&super::super::routes(), ""));
        routed.extend(["/healthz", "/readyz"].map(str::to_owned));
        let described: BTreeSet<String> = OPERATIONS.iter().map(|one| one.path.to_owned()).collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_shape_that_is_named_is_there_and_every_one_is_named() {
        let document = built();
        let mut named = BTreeSet::new();
        below(&document, "$ref", &mut named);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let there: BTreeSet<String> =
            schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(named, there.iter().map(String::as_str).collect());
        let mut ids = BTreeSet::new();
        below(&document["paths"], "operationId", &mut ids);
        assert_eq!(ids.len(), OPERATIONS.len(), "each has an id of its own");
    }
}
