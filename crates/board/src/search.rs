//! Search as people type it: words that all occur, in any field, also by initial consonants (ㄱㄴ finds 강남).
//!
//! Each row has a *haystack*: its searchable texts with one ASCII byte a character, a Hangul syllable being its
//! initial consonant. A board of 100,000 rows is some 8 MB of it and is scanned with the standard library's
//! vectorised `contains`. Only where a byte says less than the character does (강 and 가 are the same byte) is a
//! hit looked at again in the row itself.

use crate::key::fold;
use gwanje_model::Delivery;
use gwanje_model::korean::{initial, is_initial};
use std::sync::Arc;

/// Between two fields: in no word, so that no word is found across them.
const FIELD_END: u8 = 0;

/// A searchable text.
#[derive(PartialEq)]
enum Field<'a> {
    Text(&'a str),
    /// Searched without the signs that people put between its digits, or don't.
    Phone(&'a str),
}

impl Field<'_> {
    /// Its characters as search sees them.
    fn chars(&self) -> impl Iterator<Item = char> + Clone + '_ {
        let (text, phone) = match *self {
            Self::Text(text) => (text, false),
            Self::Phone(text) => (text, true),
        };
        text.chars().filter(move |&c| !phone || !is_phone_sign(c)).map(fold)
    }
}

fn fields(row: &Delivery) -> [Field<'_>; 9] {
    [
        Field::Text(&row.number),
        Field::Text(&row.order_no),
        Field::Text(&row.shop.name),
        Field::Phone(&row.shop.phone),
        Field::Text(&row.dropoff.address),
        Field::Text(&row.dropoff.detail),
        Field::Phone(&row.dropoff.phone),
        Field::Phone(&row.dropoff.recipient_phone),
        Field::Text(row.rider.as_ref().map_or("", |rider| &rider.name)),
    ]
}

/// The texts of a row for a search.
pub(crate) fn haystack(row: &Delivery) -> Arc<str> {
    let mut bytes = String::with_capacity(128);
    for field in fields(row) {
        let start = bytes.len();
        bytes.extend(field.chars().map(|c| char::from(byte_of(c))));
        if bytes.len() > start {
            bytes.push(char::from(FIELD_END));
        }
    }
    bytes.into()
}

/// Whether two copies of a row have one haystack. Cheaper than making it: most changes change no text.
pub(crate) fn same_texts(a: &Delivery, b: &Delivery) -> bool {
    fields(a) == fields(b)
}

/// One word of a search.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    forms: Vec<Form>,
}

/// A word as it may stand in a row.
#[derive(Debug, Clone)]
struct Form {
    chars: Vec<char>,
    bytes: String,
    /// The bytes say everything: a hit in the haystack is a hit.
    exact: bool,
}

impl Word {
    /// Prepares a word that [`words`] gave.
    pub(crate) fn new(word: &str) -> Self {
        let bare: String = word.chars().filter(|&c| !is_phone_sign(c)).collect();
        let is_phone =
            bare.len() < word.len() && !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
        let forms = std::iter::once(word).chain(is_phone.then_some(bare.as_str()));
        Self { forms: forms.map(Form::new).collect() }
    }

    /// Whether it occurs in the row.
    pub(crate) fn occurs(&self, haystack: &str, row: &Delivery) -> bool {
        self.forms.iter().any(|form| {
            haystack.contains(&form.bytes)
                && (form.exact || fields(row).iter().any(|field| form.occurs_in(field)))
        })
    }
}

impl Form {
    fn new(word: &str) -> Self {
        let chars: Vec<char> = word.chars().collect();
        let bytes = chars.iter().map(|&c| char::from(byte_of(c))).collect();
        let exact = chars.iter().all(|&c| c.is_ascii() || is_initial(c));
        Self { chars, bytes, exact }
    }

    /// Looks at the characters themselves.
    fn occurs_in(&self, field: &Field<'_>) -> bool {
        let mut rest = field.chars();
        loop {
            let mut text = rest.clone();
            if self.chars.iter().all(|&wanted| text.next().is_some_and(|c| stands_for(wanted, c))) {
                return true;
            }
            if rest.next().is_none() {
                return false;
            }
        }
    }
}

/// A character of a word finds itself; an initial consonant also any syllable that begins with it.
fn stands_for(wanted: char, c: char) -> bool {
    wanted == c || (is_initial(wanted) && initial(c) == wanted)
}

/// The words of a search, each once: `강남  BHC` and `bhc 강남` are the same search.
pub(crate) fn words(search: &str) -> Vec<String> {
    let folded: String = search.chars().map(fold).collect();
    let mut words: Vec<String> = folded.split_whitespace().map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn is_phone_sign(c: char) -> bool {
    matches!(c, '-' | ' ' | '.' | '(' | ')' | '+' | '/')
}

/// One byte below 128 for a folded character. Folding left no capital letter and no control character, so these
/// bytes are free: the former for characters of other scripts, the latter for initial consonants.
fn byte_of(c: char) -> u8 {
    const FIRST_INITIAL: u32 = 'ㄱ' as u32;
    if c.is_ascii() {
        return c as u8;
    }
    let first = initial(c);
    if is_initial(first) {
        // ㄱ (U+3131) to ㅎ (U+314E): 1 to 30.
        (u32::from(first) - FIRST_INITIAL) as u8 + 1
    } else {
        b'A' + (u32::from(c) % 26) as u8
    }
}
