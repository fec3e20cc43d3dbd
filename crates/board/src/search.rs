//! Search as people type it: words that all occur, in any field, also by initial consonants (ㄱㄴ finds 강남).
//!
//! Each row has a *haystack*: its searchable texts with one ASCII byte a character, a Hangul syllable being its
//! initial consonant. A board of 100,000 rows is some 8 MB of it and is scanned with the standard library's
//! vectorised `contains`. Only where a byte says less than the character does (강 and 가 are the same byte) is a
//! hit looked at again in the row itself.

use crate::key::{fold, is_syllable};
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

/// The searchable texts of a row by number: only the one asked for is looked at.
fn field(row: &Delivery, number: usize) -> Option<Field<'_>> {
    Some(match number {
        0 => Field::Text(&row.number),
        1 => Field::Text(&row.order_no),
        2 => Field::Text(&row.shop.name),
        3 => Field::Phone(&row.shop.phone),
        4 => Field::Text(&row.dropoff.address),
        5 => Field::Text(&row.dropoff.detail),
        6 => Field::Phone(&row.dropoff.phone),
        7 => Field::Phone(&row.dropoff.recipient_phone),
        8 => Field::Text(row.rider.as_ref().map_or("", |rider| &rider.name)),
        _ => return None,
    })
}

fn fields(row: &Delivery) -> impl Iterator<Item = Field<'_>> {
    (0..).map_while(|number| field(row, number))
}

/// The texts of a row for a search, each with its end.
pub(crate) fn haystack(row: &Delivery) -> Arc<str> {
    let mut bytes = String::with_capacity(128);
    for field in fields(row) {
        bytes.extend(field.chars().map(|c| char::from(byte_of(c))));
        bytes.push(char::from(FIELD_END));
    }
    bytes.into()
}

/// Whether two copies of a row have one haystack. Cheaper than making it: most changes change no text.
pub(crate) fn same_texts(a: &Delivery, b: &Delivery) -> bool {
    fields(a).eq(fields(b))
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
    /// The word, when folding leaves all its characters alone and makes none of them from others: it can be looked
    /// for in a text as it stands, which is many times faster.
    plain: Option<String>,
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
        self.forms.iter().any(|form| form.occurs(haystack, row))
    }
}

impl Form {
    fn new(word: &str) -> Self {
        let chars: Vec<char> = word.chars().collect();
        let bytes = chars.iter().map(|&c| char::from(byte_of(c))).collect();
        let exact = chars.iter().all(|&c| c.is_ascii() || is_initial(c));
        let is_plain = |c: &char| is_syllable(*c) || (c.is_ascii() && !c.is_ascii_alphabetic());
        let plain = chars.iter().all(is_plain).then(|| word.to_owned());
        Self { chars, bytes, exact, plain }
    }

    fn occurs(&self, haystack: &str, row: &Delivery) -> bool {
        haystack.contains(&self.bytes) && (self.exact || self.occurs_in_row(haystack, row))
    }

    /// Looks again at the fields in which the haystack has the word.
    ///
    /// Not inlined: the optimiser would load the row's fields ahead of the search in the haystack, one cache miss for
    /// each of the many rows that end there (77 % of a search's time, by perf).
    #[inline(never)]
    fn occurs_in_row(&self, haystack: &str, row: &Delivery) -> bool {
        haystack.match_indices(&self.bytes).any(|(at, _)| {
            let ends = haystack.bytes().take(at).filter(|&byte| byte == FIELD_END).count();
            field(row, ends).is_some_and(|field| self.occurs_in(&field))
        })
    }

    /// Looks at the characters themselves.
    fn occurs_in(&self, field: &Field<'_>) -> bool {
        if let (Some(plain), Field::Text(text)) = (&self.plain, field) {
            return text.contains(plain.as_str());
        }
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
