//! Reads a dialect from its file, with the secrets from the environment.

use crate::error::EngineError;
use gwanje_sync::dialect::Dialect;
use std::path::Path;
use std::sync::Arc;

/// Reads a dialect file and puts in the environment's secrets.
///
/// # Errors
/// When the file can't be read, is no dialect (with line, column and reason), or wants a variable that is not set.
pub fn load_dialect(path: &Path) -> Result<Arc<Dialect>, EngineError> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| EngineError::Config(format!("reading the dialect {name}: {error}")))?;
    let dialect = Dialect::parse(&text).map_err(|error| EngineError::Config(format!("{name}: {error}")))?;
    let resolved = dialect
        .resolve(|variable| std::env::var(variable).ok())
        .map_err(|error| EngineError::Config(format!("{name}: {error}")))?;
    Ok(Arc::new(resolved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.toml");
        let refusal = |text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let error = load_dialect(&path).unwrap_err();
            assert_eq!(error.code(), "config");
            error.to_string()
        };
        assert!(refusal(None).contains("reading the dialect"));
        assert!(
            refusal(Some("version = 1\nname = 3"))
                .contains("bad.toml: line 2, column 8: `name` must be a text")
        );
        let stomp =
            include_str!("../../../docs/dialects/stomp.toml").replace("GWANJE_STOMP_LOGIN", "GWANJE_UNSET");
        assert!(refusal(Some(&stomp)).contains("GWANJE_UNSET, which is not set"));
    }
}
