//! Texts that are almost JSON: what is wrong in one value is put right, or made null, and counted by field.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// Half of a character, or bytes that are none: U+FFFD now.
    HalfCharacter,
    /// No number (NaN, Infinity, beyond every double): null now.
    NoNumber,
    /// A control character that was not escaped, or an escape that is none.
    Escape,
    /// A number or word in a spelling of another language.
    Spelling,
}

impl Flaw {
    /// As people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfCharacter => "half a character",
            Self::NoNumber => "no number",
            Self::Escape => "a character that must be escaped",
            Self::Spelling => "a spelling that is not JSON's",
        }
    }
}

/// What was mended, counted by kind and field: the name nearest to the value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mended {
    /// How often.
    pub by: BTreeMap<(Flaw, String), u64>,
}

/// More fields than this are counted together: keys may be data.
const FIELDS_MAX: usize = 64;
/// No field's name is longer.
const NAME_MAX: usize = 60;

impl Mended {
    /// Nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.by.values().sum()
    }

    /// Counts what another has counted.
    pub fn merge(&mut self, other: Self) {
        for ((flaw, field), count) in other.by {
            *self.by.entry((flaw, field)).or_default() += count;
        }
    }

    fn add(&mut self, flaw: Flaw, field: &str) {
        let field: String = field.chars().take(NAME_MAX).collect();
        let key = (flaw, field);
        if self.by.len() < FIELDS_MAX || self.by.contains_key(&key) {
            *self.by.entry(key).or_default() += 1;
        } else {
            *self.by.entry((flaw, "…".to_owned())).or_default() += 1;
        }
    }
}

/// Mends a text. `counts_replaced`: characters U+FFFD in it came of decoding.
pub(crate) fn mend(text: &str, counts_replaced: bool) -> (String, Mended) {
    let mut scan = Scan {
        rest: text,
        out: String::with_capacity(text.len() + 16),
        field: "",
        fields: Vec::new(),
        mended: Mended::default(),
        counts_replaced,
    };
    scan.run();
    (scan.out, scan.mended)
}

struct Scan<'a> {
    rest: &'a str,
    out: String,
    /// The name of the value that comes.
    field: &'a str,
    /// Those of the values around it.
    fields: Vec<&'a str>,
    mended: Mended,
    counts_replaced: bool,
}

/// Deeper than this nothing is read anyway.
const DEPTH_MAX: usize = 256;

impl<'a> Scan<'a> {
    fn run(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            match c {
                '"' => self.string(),
                '{' | '[' => {
                    if self.fields.len() < DEPTH_MAX {
                        self.fields.push(self.field);
                    }
                    self.copy(1);
                }
                '}' | ']' => {
                    self.field = self.fields.pop().unwrap_or_default();
                    self.copy(1);
                }
                '+' | '-' | '.' | '0'..='9' | 'A'..='Z' | 'a'..='z' => self.word(),
                _ => self.copy(c.len_utf8()),
            }
        }
    }

    fn copy(&mut self, bytes: usize) {
        let (head, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.out.push_str(head);
        self.rest = rest;
    }

    /// A number, `true`, `null`, or what stands in the place of one.
    fn word(&mut self) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        if serde_json::from_str::<Value>(word).is_ok() {
            self.out.push_str(word);
            return;
        }
        let bare = word.trim_start_matches(['+', '-']).to_ascii_lowercase();
        let (flaw, instead): (_, Cow<'_, str>) = match bare.as_str() {
            "nan" | "infinity" | "inf" => (Flaw::NoNumber, "null".into()),
            "undefined" | "none" | "null" | "nil" => (Flaw::Spelling, "null".into()),
            "true" | "false" => (Flaw::Spelling, bare.clone().into()),
            // Rust reads .5, 5., +5 and 007 as numbers.
            _ => match word.parse::<f64>() {
                Ok(number) if number.is_finite() => (
                    Flaw::Spelling,
                    serde_json::Number::from_f64(number).map_or("null".into(), |n| n.to_string().into()),
                ),
                Ok(_) => (Flaw::NoNumber, "null".into()),
                Err(_) => {
                    self.out.push_str(word);
                    return;
                }
            },
        };
        self.out.push_str(&instead);
        self.mended.add(flaw, self.field);
    }

    fn string(&mut self) {
        let begin = self.rest;
        self.copy(1);
        let mut flaws = Vec::new();
        loop {
            let Some(c) = self.rest.chars().next() else { return };
            match c {
                '"' => {
                    let length = begin.len() - self.rest.len();
                    self.copy(1);
                    let inner = begin.get(1..length).unwrap_or_default();
                    if self.rest.trim_start().starts_with(':') {
                        self.field = inner;
                    }
                    for flaw in flaws {
                        self.mended.add(flaw, self.field);
                    }
                    return;
                }
                '\\' => flaws.extend(self.escape()),
                '\u{fffd}' if self.counts_replaced => {
                    flaws.push(Flaw::HalfCharacter);
                    self.copy(c.len_utf8());
                }
                '\u{0}'..='\u{1f}' => {
                    self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    flaws.push(Flaw::Escape);
                }
                _ => self.copy(c.len_utf8()),
            }
        }
    }

    /// An escape; what was wrong with it.
    fn escape(&mut self) -> Option<Flaw> {
        let mut chars = self.rest.chars();
        chars.next();
        match chars.next() {
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                self.copy(2);
                None
            }
            Some('u') => self.unicode(),
            // `\'` and the like of other languages: the character itself.
            Some(_) => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                Some(Flaw::Escape)
            }
            None => {
                self.copy(1);
                None
            }
        }
    }

    fn unicode(&mut self) -> Option<Flaw> {
        match unit(self.rest) {
            Some(0xd800..=0xdbff) if matches!(self.rest.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) => {
                self.copy(12);
                return None;
            }
            Some(0xd800..=0xdfff) => self.rest = self.rest.get(6..).unwrap_or_default(),
            Some(_) => {
                self.copy(6);
                return None;
            }
            // Cut within its digits.
            None => {
                let digits = self.rest.bytes().skip(2).take(4).take_while(u8::is_ascii_hexdigit).count();
                self.rest = self.rest.get(2 + digits..).unwrap_or_default();
            }
        }
        self.out.push('\u{fffd}');
        Some(Flaw::HalfCharacter)
    }
}

/// The code unit of an escape at the beginning of the text.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}
