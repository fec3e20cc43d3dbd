//! Texts that may hold secrets from the environment: `${NAME}` in a dialect file. Never shown when they are logged.

use crate::error::MissingVariable;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// A text that may hold a secret. After [`Secret::resolve`] it holds the variables' values.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// JSON whose texts may hold secrets.
#[derive(Clone, PartialEq)]
pub struct SecretJson(Value);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Debug for SecretJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretJson(…)")
    }
}

impl Secret {
    /// As written in the file. The error is the reason.
    pub(crate) fn new(text: String) -> Result<Self, String> {
        check(&text)?;
        Ok(Self(text))
    }

    /// The text, to be sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn variables(&self, into: &mut BTreeSet<String>) {
        each_variable(&self.0, |name| {
            into.insert(name.to_owned());
        });
    }

    pub(crate) fn resolve(
        &mut self,
        lookup: &impl Fn(&str) -> Option<String>,
    ) -> Result<(), MissingVariable> {
        self.0 = resolved(&self.0, lookup)?;
        Ok(())
    }
}

impl SecretJson {
    /// As written in the file. The error is the reason.
    pub(crate) fn new(value: Value) -> Result<Self, String> {
        each_text(&value, &mut |text| check(text))?;
        Ok(Self(value))
    }

    /// The JSON, to be sent.
    #[must_use]
    pub fn expose(&self) -> &Value {
        &self.0
    }

    pub(crate) fn variables(&self, into: &mut BTreeSet<String>) {
        let mut collect = |text: &str| {
            each_variable(text, |name| {
                into.insert(name.to_owned());
            });
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = each_text(&self.0, &mut collect);
    }

    pub(crate) fn resolve(
        &mut self,
        lookup: &impl Fn(&str) -> Option<String>,
    ) -> Result<(), MissingVariable> {
        resolve_json(&mut self.0, lookup)
    }
}

fn resolve_json(value: &mut Value, lookup: &impl Fn(&str) -> Option<String>) -> Result<(), MissingVariable> {
    match value {
        Value::String(text) => {
            *text = resolved(text, lookup)?;
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| resolve_json(item, lookup)),
        Value::Object(members) => members.values_mut().try_for_each(|member| resolve_json(member, lookup)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn each_text<E>(value: &Value, call: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    match value {
        Value::String(text) => call(text),
        Value::Array(items) => items.iter().try_for_each(|item| each_text(item, call)),
        Value::Object(members) => members.values().try_for_each(|member| each_text(member, call)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Every `${` must be closed, and name what an environment variable may be called.
fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err("\"${\" without its \"}\"; write ${NAME} for an environment variable".to_owned());
        };
        let is_name = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !is_name {
            return Err(format!("{name:?} can't be the name of an environment variable"));
        }
        rest = after;
    }
    Ok(())
}

fn each_variable(text: &str, mut call: impl FnMut(&str)) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { return };
        call(name);
        rest = after;
    }
}

fn resolved(text: &str, lookup: &impl Fn(&str) -> Option<String>) -> Result<String, MissingVariable> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&lookup(name).ok_or_else(|| MissingVariable(name.to_owned()))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_checked_and_put_in() {
        let mut secret = Secret::new("Bearer ${A_1}-${B}$".to_owned()).unwrap();
        let mut names = BTreeSet::new();
        secret.variables(&mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["A_1", "B"]);
        let missing = secret.clone().resolve(&|name| (name == "B").then(String::new)).unwrap_err();
        assert_eq!(missing, MissingVariable("A_1".to_owned()));
        secret.resolve(&|name| Some(format!("<{name}${{C}}>"))).unwrap();
        assert_eq!(secret.expose(), "Bearer <A_1${C}>-<B${C}>$", "a value is not looked into");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for bad in ["${", "${}", "${1A}", "${a b}", "x ${A} ${B"] {
            assert!(Secret::new(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn json_is_looked_through() {
        let value = serde_json::json!({"token": "${T}", "list": ["a", "${U}"], "n": 1});
        let mut json = SecretJson::new(value).unwrap();
        let mut names = BTreeSet::new();
        json.variables(&mut names);
        assert_eq!(names.len(), 2);
        json.resolve(&|name| Some(name.to_lowercase())).unwrap();
        assert_eq!(json.expose(), &serde_json::json!({"token": "t", "list": ["a", "u"], "n": 1}));
        assert!(SecretJson::new(serde_json::json!([["${"]])).is_err());
    }
}
