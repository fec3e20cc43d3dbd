//! Where a value lies in JSON: `$.shop.name`, `list[0].id`, `["a key.with dots"]`. Exactly one value, never several.
//!
//! ```text
//! path  = [ "$" ] steps        "$" alone: the whole value
//! steps = step, then any of  .name   [number]   ["any key"]
//! name  = anything without . [ ] " and white space
//! ```

use serde_json::Value;
use std::fmt;

/// Nobody nests a row deeper than this.
const MAX_STEPS: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The place of one value in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads a path. The error is the reason.
    ///
    /// # Errors
    /// When it does not follow the grammar above, or is deeper than 32 steps.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("{text:?} is no path: {why}; write a.b[0].c");
        if text.is_empty() {
            return Err(bad("it is empty ($ is the whole value)"));
        }
        let is_anchored = text.starts_with('$');
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if steps.len() == MAX_STEPS {
                return Err(bad("it has too many steps"));
            }
            if let Some(inner) = rest.strip_prefix("[\"") {
                let (key, after) = inner.split_once("\"]").ok_or_else(|| bad("[\" without \"]"))?;
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            } else if let Some(inner) = rest.strip_prefix('[') {
                let (number, after) = inner.split_once(']').ok_or_else(|| bad("[ without ]"))?;
                let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                let index = number.parse().ok().filter(|_| is_number);
                steps.push(Step::Index(index.ok_or_else(|| bad("only a number may stand in [ ]"))?));
                rest = after;
            } else {
                let is_first = steps.is_empty() && !is_anchored;
                let name = match rest.strip_prefix('.') {
                    Some(_) if is_first => return Err(bad("it begins with a dot")),
                    Some(name) => name,
                    None if is_first => rest,
                    None => return Err(bad("a dot is missing")),
                };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (key, after) = name.split_at_checked(end).unwrap_or((name, ""));
                if key.is_empty() {
                    return Err(bad("a name is missing"));
                }
                if key.contains(|c: char| c.is_whitespace() || matches!(c, '"' | ']')) {
                    return Err(bad("white space, quotes and brackets need [\"…\"]"));
                }
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            }
        }
        Ok(Self(steps))
    }

    /// The whole value.
    #[must_use]
    pub fn whole() -> Self {
        Self::default()
    }

    /// The value there; none: nothing is there (`null` is something).
    #[must_use]
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }
}

impl JsonPath {
    /// The key that it begins with; none: it is the whole, or begins with an index.
    pub(crate) fn first_key(&self) -> Option<&str> {
        match self.0.first()? {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        }
    }

    /// How many steps it has.
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn find_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.as_object_mut()?.get_mut(key),
            Step::Index(index) => value.as_array_mut()?.get_mut(*index),
        })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) if key.contains(|c: char| c.is_whitespace() || matches!(c, '.' | '[' | ']')) => {
                write!(f, "[\"{key}\"]")
            }
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_one_value() {
        let value = json!({"배달": {"목록": [{"id": 7}, null]}, "a b.c": 1, "x": [[1, 2]]});
        for (path, found) in [
            ("$", Some(&value)),
            ("배달.목록[0].id", Some(&json!(7))),
            ("$.배달.목록[1]", Some(&json!(null))),
            ("[\"a b.c\"]", Some(&json!(1))),
            ("x[0][1]", Some(&json!(2))),
            ("$.x[1]", None),
            ("x.y", None),
            ("배달[0]", None),
        ] {
            assert_eq!(JsonPath::parse(path).unwrap().find(&value), found, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_reason() {
        for (path, why) in [
            ("", "empty"),
            (".a", "begins with a dot"),
            ("a..b", "name is missing"),
            ("a.", "name is missing"),
            ("a[", "without ]"),
            ("a[x]", "only a number"),
            ("a[+1]", "only a number"),
            ("a[99999999999999999999999]", "only a number"),
            ("a b", "white space"),
            ("a]b", "white space"),
            ("$a", "dot is missing"),
            ("a[0]b", "dot is missing"),
            ("[\"a", "without"),
        ] {
            let error = JsonPath::parse(path).unwrap_err();
            assert!(error.contains(why), "{path}: {error}");
        }
        assert!(JsonPath::parse(&"a".repeat(9).replace('a', "[0][0][0][0]")).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_a_path_reads_back_from_how_it_is_shown(text in "[$.a가\\[\\]0-9\" ]{0,24}") {
            if let Ok(path) = JsonPath::parse(&text) {
                prop_assert_eq!(JsonPath::parse(&path.to_string()).unwrap(), path);
            }
        }
    }
}
