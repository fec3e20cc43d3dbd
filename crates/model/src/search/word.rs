//! One word of a search. It occurs in a text by its characters, by its initials, or as far as it has been typed.

use super::fold::fold;
use super::hangul::{initial, is_initial, is_syllable, letters};
use super::haystack::{Haystack, byte_of};
use super::phone;
use memchr::memmem::Finder;

/// A word.
#[derive(Debug, Clone)]
pub(super) struct Word {
    as_typed: Form,
    /// Its digits, when it has signs among them: the form that phones hold.
    as_phone: Option<Form>,
}

/// A word as it may stand in a haystack.
#[derive(Debug, Clone)]
pub(super) struct Form {
    units: Vec<u16>,
    bytes: Finder<'static>,
    /// The bytes tell everything: a match among them is a match.
    exact: bool,
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.as_typed == other.as_typed
    }
}

impl Eq for Word {}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.units == other.units
    }
}

impl Eq for Form {}

impl Word {
    /// None when folding leaves nothing of the word.
    pub(super) fn new(word: &str) -> Option<Self> {
        let units = fold(word);
        let folded = String::from_utf16_lossy(&units);
        let digits = phone::digits(&folded).filter(|digits| *digits != folded);
        let as_phone = digits.map(|digits| Form::new(fold(&digits)));
        (!units.is_empty()).then(|| Self { as_typed: Form::new(units), as_phone })
    }

    pub(super) fn units(&self) -> &[u16] {
        self.as_typed.units()
    }

    /// The first place where it stands.
    pub(super) fn find(&self, haystack: &Haystack) -> Option<usize> {
        let in_phone = || self.as_phone.as_ref()?.find_where(haystack, |at| haystack.is_phone_at(at));
        self.as_typed.find(haystack).or_else(in_phone)
    }
}

impl Form {
    pub(super) fn new(units: Vec<u16>) -> Self {
        let bytes: Vec<u8> = units.iter().map(|&unit| byte_of(unit)).collect();
        let exact = units.iter().all(|&unit| unit < 128 || is_initial(unit));
        Self { bytes: Finder::new(&bytes).into_owned(), units, exact }
    }

    pub(super) fn units(&self) -> &[u16] {
        &self.units
    }

    /// The first place where it stands.
    pub(super) fn find(&self, haystack: &Haystack) -> Option<usize> {
        self.find_where(haystack, |_| true)
    }

    /// The first place where it stands among the places that `wanted` accepts.
    pub(super) fn find_where(&self, haystack: &Haystack, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let mut from = 0;
        loop {
            let at = haystack.find(&self.bytes, from)?;
            if (self.exact || self.stands_in(haystack.units_at(at))) && wanted(at) {
                return Some(at);
            }
            from = at + 1;
        }
    }

    /// Whether the characters begin with the word; their bytes already match the word's.
    fn stands_in(&self, mut text: impl Iterator<Item = u16>) -> bool {
        let Some((&last, before)) = self.units.split_last() else { return true };
        let stands_for =
            |wanted: u16, unit: u16| wanted == unit || (is_initial(wanted) && initial(unit) == wanted);
        before.iter().all(|&wanted| text.next().is_some_and(|unit| stands_for(wanted, unit)))
            && is_begun(last, text)
    }
}

/// Whether a text begins with the letters of the last character typed. A syllable may be half of what is meant, and its
/// final may be the next syllable's initial: 가 begins 강, 갑 begins 값 and 가방.
fn is_begun(last: u16, mut text: impl Iterator<Item = u16>) -> bool {
    match text.next() {
        Some(unit) if unit == last => true,
        Some(unit) if is_initial(last) => initial(unit) == last,
        Some(unit) if is_syllable(last) => {
            let hangul = std::iter::once(unit).chain(text).take_while(|&c| is_syllable(c) || is_initial(c));
            let mut theirs = hangul.flat_map(letters);
            letters(last).all(|letter| theirs.next() == Some(letter))
        }
        Some(_) | None => false,
    }
}
