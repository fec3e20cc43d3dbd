//! Translates tokens and tickets that the model gave out into those of the real hub.

use serde_json::Value;
use std::collections::HashMap;

/// The real hub's names by the model's.
#[derive(Default)]
pub struct Names(HashMap<String, String>);

/// Members whose values each hub makes up itself.
const NAMED: [&str; 3] = ["accessToken", "refreshToken", "ticket"];

impl Names {
    /// Learns the names in two answers to one request.
    pub fn learn(&mut self, model: &Value, real: &Value) {
        for member in NAMED {
            if let (Some(model), Some(real)) = (model[member].as_str(), real[member].as_str()) {
                self.0.insert(model.to_owned(), real.to_owned());
            }
        }
    }

    /// The real hub's name. A name that nobody gave out stays as it is.
    pub fn real(&self, name: &str) -> String {
        match name.strip_prefix("Bearer ") {
            Some(token) => format!("Bearer {}", self.real(token)),
            None => self.0.get(name).map_or_else(|| name.to_owned(), Clone::clone),
        }
    }

    /// A body with the real hub's names.
    pub fn real_body(&self, body: &str) -> String {
        let Ok(mut said) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
        let mut named = false;
        for member in NAMED {
            if let Some(name) = said.get(member).and_then(Value::as_str) {
                said[member] = self.real(name).into();
                named = true;
            }
        }
        if named { said.to_string() } else { body.to_owned() }
    }
}

/// An answer without the names in it.
pub fn without_names(mut answer: Value) -> Value {
    for member in NAMED {
        if let Some(name) = answer.get_mut(member) {
            *name = Value::from("…");
        }
    }
    answer
}
