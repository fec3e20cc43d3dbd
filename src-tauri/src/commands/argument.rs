//! An argument as it came from the page: read by the command, so that a malformed one is refused like anything else.

use crate::app::error;
use gwanje_engine::ipc::IpcError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What the page sent for an argument.
pub struct Argument<T>(Result<T, String>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Argument<T> {
    /// Never fails on JSON: Tauri would answer with a bare text, without a code.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sent = Value::deserialize(deserializer)?;
        Ok(Self(serde_json::from_value(sent).map_err(|malformed| malformed.to_string())))
    }
}

impl<T> Argument<T> {
    /// The value.
    ///
    /// # Errors
    /// When what was sent is none; the error names command and argument.
    pub fn read(self, command: &str, argument: &str) -> Result<T, IpcError> {
        self.0.map_err(|malformed| {
            error("invalid", &format!("{command} can't take this {argument}: {malformed}"), false)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_engine::AlarmKey;

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, IpcError> {
        serde_json::from_str::<Argument<T>>(text).unwrap().read("acknowledge_alarm", "key")
    }

    #[test]
    fn what_fits_is_read() {
        let key = read::<AlarmKey>(r#"{"id":7,"kind":"cancelled","raisedAt":5}"#).unwrap();
        assert_eq!(serde_json::to_value(key).unwrap()["kind"], "cancelled");
        assert_eq!(read::<Option<u64>>("null"), Ok(None));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let refused = read::<AlarmKey>(r#"{"id":7,"kind":"weather","raisedAt":5}"#).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.retryable), ("invalid", false));
        for named in ["acknowledge_alarm", "key", "weather", "cancelled"] {
            assert!(refused.message.contains(named), "{}", refused.message);
        }
    }
}
