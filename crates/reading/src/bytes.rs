//! Bytes to text.

use encoding_rs::{Encoding, UTF_8};
use std::borrow::Cow;

/// How bytes are to be read where nothing else tells.
pub type Charset = &'static Encoding;

/// A text as decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text, without a byte order mark. What is no character is U+FFFD.
    pub text: Cow<'a, str>,
    /// The charset that it was in.
    pub charset: &'static str,
    /// Something in it was no character.
    pub is_cut: bool,
}

/// Names that the Encoding Standard does not know, and that servers write all the same.
const ALIASES: [(&str, &str); 7] = [
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("x-windows-949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("cp932", "shift_jis"),
    ("cp936", "gbk"),
    ("utf8mb4", "utf-8"),
];

/// The charset of that name; none: nobody knows it.
#[must_use]
pub fn charset(name: &str) -> Option<Charset> {
    let name = name.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let known = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, known)| known);
    Encoding::for_label(known.as_bytes())
}

/// Reads bytes as text: by a byte order mark, else by the charset of `Content-Type`, else as UTF-8.
#[must_use]
pub fn text<'a>(bytes: &'a [u8], content_type: Option<&str>) -> Decoded<'a> {
    let told = content_type.and_then(told_charset).and_then(charset).unwrap_or(UTF_8);
    let (text, used, is_cut) = told.decode(bytes);
    Decoded { text, charset: used.name(), is_cut }
}

/// The bytes without a byte order mark of UTF-8.
#[must_use]
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn told_charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    })
}
