//! The texts that a search looks through, folded once, so that each search costs a scan.
//!
//! A haystack has its characters twice: with one byte each, a syllable being its initial consonant, for the scan; and as they
//! are (UTF-16), for a second look where a byte says less than the character does (강 and 가 are one byte).
//! A place in the one is the same place in the other.

use super::fold::{fold, fold_into};
use super::hangul::{FIRST_LETTER, initial, is_initial};
use super::phone;
use memchr::memmem::Finder;

/// A text as a search sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchText<'a> {
    /// What something is called: a list of numbers finds it, and it may begin with 0 and be no phone.
    Number(&'a str),
    /// A name, an address.
    Plain(&'a str),
    /// Searched without the signs that people put between its digits, or don't.
    Phone(&'a str),
}

/// Texts, folded, each with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Haystack {
    /// A byte for each character, then two for each: in one piece of memory, since a search of many jumps from one to the
    /// next, and each jump costs more than the scan.
    bytes: Box<[u8]>,
}

/// Ends of texts by their kind: in no word, so that no word is found across them. Folding leaves no control character, and
/// initials take the bytes from 1 to 30.
const PLAIN_END: u8 = 0;
const PHONE_END: u8 = 31;
const NUMBER_END: u8 = 127;

const BYTES_A_CHARACTER: usize = 3;
/// Characters that nearly every delivery's texts fit into.
const ROOM: usize = 192;

/// Which texts of a haystack, by their numbers from 0: a bit each, the sixteenth for all from there on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct TextSet(u16);

impl TextSet {
    /// That one.
    #[must_use]
    pub fn of(nth: usize) -> Self {
        Self(1 << nth.min(15))
    }

    /// All of either.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Their numbers, the least first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |nth| (self.0 >> nth) & 1 == 1)
    }
}

impl Haystack {
    /// Folds texts.
    #[must_use]
    pub fn of<'a>(texts: impl IntoIterator<Item = SearchText<'a>>) -> Self {
        let mut units = Vec::with_capacity(ROOM);
        for text in texts {
            let end = match text {
                SearchText::Number(text) => {
                    fold_into(text, &mut units);
                    NUMBER_END
                }
                SearchText::Plain(text) => {
                    fold_into(text, &mut units);
                    PLAIN_END
                }
                SearchText::Phone(text) if text.is_ascii() => {
                    units.extend(phone::bare(text).map(|c| c.to_ascii_lowercase() as u16));
                    PHONE_END
                }
                SearchText::Phone(text) => {
                    let folded = String::from_utf16_lossy(&fold(text));
                    fold_into(&phone::bare(&folded).collect::<String>(), &mut units);
                    PHONE_END
                }
            };
            units.push(end.into());
        }
        let mut bytes = vec![0; units.len() * BYTES_A_CHARACTER].into_boxed_slice();
        let (scanned, pairs) = bytes.split_at_mut(units.len());
        scanned.iter_mut().zip(&units).for_each(|(byte, &unit)| *byte = byte_of(unit));
        let (pairs, _) = pairs.as_chunks_mut();
        pairs.iter_mut().zip(&units).for_each(|(pair, unit)| *pair = unit.to_le_bytes());
        Self { bytes }
    }

    /// The characters by one byte each.
    fn scanned(&self) -> &[u8] {
        self.bytes.get(..self.bytes.len() / BYTES_A_CHARACTER).unwrap_or_default()
    }

    /// The number of the text that a place is in.
    pub(super) fn text_at(&self, place: usize) -> usize {
        self.scanned().iter().take(place).filter(|&&byte| is_end(byte)).count()
    }

    /// Whether a place is in a phone.
    pub(super) fn is_phone_at(&self, place: usize) -> bool {
        self.end_after(place) == Some(PHONE_END)
    }

    /// Whether a place is in a number.
    pub(super) fn is_number_at(&self, place: usize) -> bool {
        self.end_after(place) == Some(NUMBER_END)
    }

    fn end_after(&self, place: usize) -> Option<u8> {
        self.scanned().get(place..)?.iter().copied().find(|&byte| is_end(byte))
    }

    /// The characters from a place on.
    pub(super) fn units_at(&self, place: usize) -> impl Iterator<Item = u16> + Clone {
        let from = self.bytes.len() / BYTES_A_CHARACTER + place * size_of::<u16>();
        let (pairs, _) = self.bytes.get(from..).unwrap_or_default().as_chunks();
        pairs.iter().map(|&pair| u16::from_le_bytes(pair))
    }

    /// The first place from `from` on where the bytes are.
    pub(super) fn find(&self, bytes: &Finder<'_>, from: usize) -> Option<usize> {
        Some(from + bytes.find(self.scanned().get(from..)?)?)
    }

    /// Its texts, each with its kind's end.
    fn texts(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let (_, mut rest) = self.bytes.split_at(self.bytes.len() / BYTES_A_CHARACTER);
        self.scanned().split_inclusive(|&byte| is_end(byte)).filter_map(move |text| {
            let (text_in_bytes, after) = rest.split_at_checked(text.len() * size_of::<u16>())?;
            rest = after;
            let text = text_in_bytes.len().checked_sub(size_of::<u16>())?;
            Some((*text_in_bytes.get(text)?, text_in_bytes.get(..text)?))
        })
    }

    /// The numbers and phones, each by the number of its text.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (usize, Named<'_>)> {
        self.texts().enumerate().filter_map(|(nth, (end, text))| match end {
            NUMBER_END => Some((nth, Named::Number(text))),
            PHONE_END => Some((nth, Named::Phone(text))),
            _ => None,
        })
    }

    /// Whether its first text is this.
    pub(super) fn begins_with_text(&self, text: &[u16]) -> bool {
        self.scanned().get(text.len()).is_some_and(|&byte| is_end(byte))
            && self.units_at(0).take(text.len()).eq(text.iter().copied())
    }
}

/// A text that a given number may be, [`in_bytes`].
pub(super) enum Named<'a> {
    Number(&'a [u8]),
    Phone(&'a [u8]),
}

/// Characters by two bytes each.
pub(super) fn in_bytes(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn is_end(byte: u8) -> bool {
    matches!(byte, PLAIN_END | PHONE_END | NUMBER_END)
}

/// One byte below 128 for a folded character. Folding left no capital letter and no control character, so these
/// bytes are free: the former for characters of other scripts, the latter for initial consonants.
pub(super) fn byte_of(unit: u16) -> u8 {
    match u8::try_from(unit) {
        Ok(ascii) if ascii.is_ascii() => return ascii,
        Ok(_) | Err(_) => {}
    }
    let first = initial(unit);
    if is_initial(first) {
        // ㄱ (U+3131) to ㅎ (U+314E): 1 to 30.
        (first - FIRST_LETTER) as u8 + 1
    } else {
        b'A' + (unit % 26) as u8
    }
}
