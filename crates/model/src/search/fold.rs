//! One form for texts that people take to be the same: NFC, lower case, plain width, no space beside a syllable.

use super::hangul::{is_hangul, is_syllable, keys_of_pair, letter_of_conjoining};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::borrow::Cow;

/// Appends the folded characters of a text, as UTF-16 units.
///
/// A space stays where it parts two words that are not Hangul; a run of spaces becomes one. Beside Hangul people set
/// spaces or don't, so none stays there. None stays at either end.
pub(super) fn fold_into(text: &str, folded: &mut Vec<u16>) {
    let from = folded.len();
    let mut writer = Writer { folded, from, space: false };
    // Nearly every text is ASCII and syllables: composition and width leave these unchanged.
    for c in text.chars() {
        match u16::try_from(u32::from(c)) {
            Ok(unit) if c.is_ascii() || is_syllable(unit) => writer.unit(unit_of_ascii(unit)),
            Ok(_) | Err(_) => {
                folded.truncate(from);
                return compose_into(text, folded);
            }
        }
    }
}

fn compose_into(text: &str, folded: &mut Vec<u16>) {
    let from = folded.len();
    let mut writer = Writer { folded, from, space: false };
    let mut put =
        |c: char| c.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| writer.unit(unit_of_ascii(unit)));
    for c in composed(text).chars().filter(|&c| !is_ignorable(c)) {
        match keys_of_pair(c) {
            Some(keys) => keys.chars().for_each(&mut put),
            None => put(fold_char(c)),
        }
    }
}

/// Leaves out spaces that part no words.
struct Writer<'a> {
    folded: &'a mut Vec<u16>,
    from: usize,
    space: bool,
}

const SPACE: u16 = b' ' as u16;

impl Writer<'_> {
    fn unit(&mut self, unit: u16) {
        if unit == SPACE {
            self.space = self.folded.len() > self.from;
            return;
        }
        if self.space {
            self.space = false;
            if !is_hangul(unit) && self.folded.last().is_some_and(|&last| !is_hangul(last)) {
                self.folded.push(SPACE);
            }
        }
        self.folded.push(unit);
    }
}

/// The folded units of one text.
pub(super) fn fold(text: &str) -> Vec<u16> {
    let mut folded = Vec::with_capacity(text.len());
    fold_into(text, &mut folded);
    folded
}

/// NFC, after replacing full-width and half-width forms by the characters they stand for.
fn composed(text: &str) -> Cow<'_, str> {
    const NFC: ComposingNormalizerBorrowed<'_> = ComposingNormalizerBorrowed::new_nfc();
    const NFKC: ComposingNormalizerBorrowed<'_> = ComposingNormalizerBorrowed::new_nfkc();
    let is_form = |c: char| ('\u{FF00}'..='\u{FFEF}').contains(&c);
    if !text.contains(is_form) {
        return NFC.normalize(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match is_form(c) {
            true => plain.extend(NFKC.normalize_iter(std::iter::once(c))),
            false => plain.push(c),
        }
    }
    Cow::Owned(NFC.normalize(&plain).into_owned())
}

/// The character in lower case; white space becomes a space.
fn fold_char(c: char) -> char {
    if c.is_whitespace() { ' ' } else { letter_of_conjoining(c.to_lowercase().next().unwrap_or(c)) }
}

/// Folds an ASCII character, control characters to spaces; any other unit stays as it is.
fn unit_of_ascii(unit: u16) -> u16 {
    match u8::try_from(unit) {
        Ok(ascii) if ascii.is_ascii_control() => SPACE,
        Ok(ascii) => ascii.to_ascii_lowercase().into(),
        Err(_) => unit,
    }
}

/// What shows as nothing: joiners, direction marks (address books put them around phones), variation selectors.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        String::from_utf16(&fold(text)).unwrap()
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        for (text, same) in [
            ("BHC  치킨", "bhc치킨"),
            ("강 남\t역", "강남역"),
            (" 12  3 ", "12 3"),
            ("101호 2층", "101호2층"),
            ("Main\nSt 5", "main st 5"),
            // NFD, as macOS names files.
            ("\u{1100}\u{1161}\u{11BC}\u{1102}\u{1161}\u{11B7}", "강남"),
            ("Cafe\u{301}", "café"),
            ("ＡＢ　１２", "ab 12"),
            ("ﾊﾞ", "バ"),
            ("ﾡ", "ㄱ"),
            ("\u{1100}", "ㄱ"),
            ("ㄳ", "ㄱㅅ"),
            ("❤\u{FE0F}", "❤"),
            ("\u{202A}010\u{202C}", "010"),
            ("👩\u{200D}🍳", "👩🍳"),
        ] {
            assert_eq!(folded(text), same);
            assert_eq!(folded(same), same);
        }
    }
}
