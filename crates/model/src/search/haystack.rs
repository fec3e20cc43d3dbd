//! The texts that a search looks through. They are folded once, so that each search costs only a scan.
//!
//! A haystack holds its characters twice. For the scan, each has one byte; a syllable's byte is its initial consonant.
//! For a second look each is kept in full (UTF-16), since a byte may say less than the character (강 and 가 are one
//! byte). A place in one form is the same place in the other.

use super::fold::{fold, fold_into};
use super::hangul::{FIRST_LETTER, initial, is_initial};
use super::phone;
use memchr::memmem::Finder;

/// A text as a search sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchText<'a> {
    /// What something is called. A list of numbers finds it. It may begin with 0 without being a phone.
    Number(&'a str),
    /// A name, an address.
    Plain(&'a str),
    /// A phone, searched without the signs that people put between its digits or leave out.
    Phone(&'a str),
}

/// Folded texts, each with its end mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Haystack {
    /// One byte for each character, then two for each, in one piece of memory: a search of many haystacks jumps from
    /// one to the next, and each jump costs more than the scan.
    bytes: Box<[u8]>,
}

/// End marks of texts, by kind. No word holds one, so no word is found across texts. The values are free: folding
/// leaves no control character, and initials take the bytes from 1 to 30.
const PLAIN_END: u8 = 0;
const PHONE_END: u8 = 31;
const NUMBER_END: u8 = 127;

const BYTES_A_CHARACTER: usize = 3;
/// The number of characters that nearly every delivery's texts fit into.
const ROOM: usize = 192;

/// A set of texts of a haystack, by their numbers from 0. Each has a bit; the sixteenth bit stands for all texts from
/// there on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct TextSet(u16);

impl TextSet {
    /// The set of this one text.
    #[must_use]
    pub fn of(nth: usize) -> Self {
        Self(1 << nth.min(15))
    }

    /// The union of both sets.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The numbers of the texts, the least first.
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

    /// The characters with one byte each.
    fn scanned(&self) -> &[u8] {
        self.bytes.get(..self.bytes.len() / BYTES_A_CHARACTER).unwrap_or_default()
    }

    /// The number of the text at a place.
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

    /// The first place from `from` on where these bytes stand.
    pub(super) fn find(&self, bytes: &Finder<'_>, from: usize) -> Option<usize> {
        Some(from + bytes.find(self.scanned().get(from..)?)?)
    }

    /// Its texts, each with the end mark of its kind.
    fn texts(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let (_, mut rest) = self.bytes.split_at(self.bytes.len() / BYTES_A_CHARACTER);
        self.scanned().split_inclusive(|&byte| is_end(byte)).filter_map(move |text| {
            let (text_in_bytes, after) = rest.split_at_checked(text.len() * size_of::<u16>())?;
            rest = after;
            let text = text_in_bytes.len().checked_sub(size_of::<u16>())?;
            Some((*text_in_bytes.get(text)?, text_in_bytes.get(..text)?))
        })
    }

    /// The numbers and phones, each with the number of its text.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (usize, Named<'_>)> {
        self.texts().enumerate().filter_map(|(nth, (end, text))| match end {
            NUMBER_END => Some((nth, Named::Number(text))),
            PHONE_END => Some((nth, Named::Phone(text))),
            _ => None,
        })
    }

    /// Whether its first text equals this one.
    pub(super) fn begins_with_text(&self, text: &[u16]) -> bool {
        self.scanned().get(text.len()).is_some_and(|&byte| is_end(byte))
            && self.units_at(0).take(text.len()).eq(text.iter().copied())
    }
}

/// A text that a searched number may equal, [`in_bytes`].
pub(super) enum Named<'a> {
    Number(&'a [u8]),
    Phone(&'a [u8]),
}

/// Characters with two bytes each.
pub(super) fn in_bytes(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn is_end(byte: u8) -> bool {
    matches!(byte, PLAIN_END | PHONE_END | NUMBER_END)
}

/// One byte below 128 for a folded character. Folding leaves no capital letter and no control character, so their bytes
/// are free: those of capitals for characters of other scripts, those of controls for initial consonants.
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
