//! Several numbers at once, as pasted from a list: any of them matches, and the missing ones are told.

use super::fold::fold;
use super::haystack::{Haystack, Named, in_bytes};
use super::phone;
use rustc_hash::FxHashMap;

/// The most numbers in one search; it leaves out further ones. A page of a printed list has some fifty.
pub(super) const MOST: usize = 500;
/// A number between spaces with at least this many digits is one of several, not one word of a few.
const LISTED_DIGITS: usize = 4;
/// The end of a phone with at least this many digits stands for the phone: without its area's or network's code it has
/// seven or eight.
const PHONE_DIGITS: usize = 7;

/// Whether the character separates entries of a list.
fn parts_entries(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t' | ',' | ';' | '，' | '、' | '；')
}

/// Whether the character separates words: spaces do, and so does what separates entries of a list.
pub(super) fn parts_words(c: char) -> bool {
    c.is_whitespace() || parts_entries(c)
}

/// Distinct numbers, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    given: Vec<String>,
    left_out: usize,
    /// The place of each number by its characters, in the form of [`Named`].
    by_text: FxHashMap<Box<[u8]>, usize>,
    by_phone: FxHashMap<Box<[u8]>, usize>,
}

impl Numbers {
    /// The numbers, if there are several: the entries of a list, or words that all have four digits or more.
    pub(super) fn parse(typed: &str) -> Option<Self> {
        let entries: Vec<&str> =
            typed.split(parts_entries).map(str::trim).filter(|entry| !entry.is_empty()).collect();
        let mut several = Vec::new();
        match entries.as_slice() {
            [] => {}
            // One phone with spaces among its digits.
            [row] if phone::one(&folded(row)).is_some() => {}
            [row] => {
                let is_listed =
                    |word: &str| phone::digits(&folded(word)).is_some_and(|d| d.len() >= LISTED_DIGITS);
                let words = row.split_whitespace();
                several.extend(words.clone().all(is_listed).then_some(words).into_iter().flatten());
            }
            entries => {
                for entry in entries {
                    if phone::one(&folded(entry)).is_some() {
                        several.push(*entry);
                    } else {
                        let words = entry.split_whitespace();
                        several.extend(words.clone().all(is_number).then_some(words)?);
                    }
                }
            }
        }
        (several.len() > 1).then(|| Self::new(several))
    }

    fn new(several: Vec<&str>) -> Self {
        let mut numbers = Self {
            given: Vec::new(),
            left_out: 0,
            by_text: FxHashMap::default(),
            by_phone: FxHashMap::default(),
        };
        for number in several {
            let units = fold(number);
            let text = in_bytes(&units).into_boxed_slice();
            if text.is_empty() || numbers.by_text.contains_key(&text) {
                continue;
            }
            if numbers.given.len() == MOST {
                numbers.left_out += 1;
                continue;
            }
            let nth = numbers.given.len();
            let digits = phone::digits(&String::from_utf16_lossy(&units));
            if let Some(digits) = digits.filter(|digits| digits.len() >= PHONE_DIGITS) {
                let digits: Vec<u16> = digits.encode_utf16().collect();
                numbers.by_phone.entry(in_bytes(&digits).into()).or_insert(nth);
            }
            numbers.by_text.insert(text, nth);
            numbers.given.push(number.to_owned());
        }
        numbers
    }

    /// The numbers, as typed.
    pub(super) fn given(&self) -> &[String] {
        &self.given
    }

    /// How many further numbers were given.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Calls `each` for each number that a haystack holds, with the number of the matching text.
    pub(super) fn each_found(&self, haystack: &Haystack, mut each: impl FnMut(usize, usize)) {
        for (text, named) in haystack.numbers() {
            match named {
                Named::Number(number) => {
                    if let Some(&nth) = self.by_text.get(number) {
                        each(nth, text);
                    }
                }
                Named::Phone(_) if self.by_phone.is_empty() => {}
                Named::Phone(phone) => {
                    let mut end = phone;
                    while end.len() >= PHONE_DIGITS * size_of::<u16>() {
                        if let Some(&nth) = self.by_phone.get(end) {
                            each(nth, text);
                        }
                        end = end.get(size_of::<u16>()..).unwrap_or_default();
                    }
                }
            }
        }
    }
}

fn folded(text: &str) -> String {
    String::from_utf16_lossy(&fold(text))
}

/// Whether an entry of a list reads as a number of something (74829, B-12, 가1), and not as words with figures in them
/// (2층).
fn is_number(entry: &str) -> bool {
    let entry = folded(entry);
    entry.contains(|c: char| c.is_ascii_digit()) && entry.ends_with(|c: char| c.is_ascii_alphanumeric())
}
