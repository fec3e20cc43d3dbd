//! Hangul as people type it. A syllable consists of letters; its initial consonant (초성) may stand for it; half of it is
//! typed before the rest.
//!
//! Characters are UTF-16 units: every Hangul character is one unit.

/// The 19 initial consonants in the order of Unicode's syllable block.
const INITIALS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
/// The 21 vowels in Unicode's order, each by its keys.
const VOWELS: [&str; 21] = [
    "ㅏ", "ㅐ", "ㅑ", "ㅒ", "ㅓ", "ㅔ", "ㅕ", "ㅖ", "ㅗ", "ㅗㅏ", "ㅗㅐ", "ㅗㅣ", "ㅛ", "ㅜ", "ㅜㅓ", "ㅜㅔ",
    "ㅜㅣ", "ㅠ", "ㅡ", "ㅡㅣ", "ㅣ",
];
/// No final, then the 27 finals in Unicode's order, each by its keys.
const FINALS: [&str; 28] = [
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ",
    "ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
];

const FIRST_SYLLABLE: u16 = 0xAC00;
const LAST_SYLLABLE: u16 = 0xD7A3;
/// Syllables that share initial and vowel.
const PER_VOWEL: u16 = 28;
/// Syllables that share an initial: 21 vowels × 28 finals.
const PER_INITIAL: u16 = 588;

/// ㄱ, the first of the letters that stand alone (Hangul Compatibility Jamo); the last consonant; the last letter.
pub(super) const FIRST_LETTER: u16 = 0x3131;
const LAST_CONSONANT: u16 = 0x314E;
const LAST_LETTER: u16 = 0x318E;

/// One bit for each consonant from ㄱ to ㅎ: whether it begins syllables.
const IS_INITIAL: u32 = {
    let mut bits = 0;
    let mut at = 0;
    while at < BY_ORDER.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
        let initial = BY_ORDER[at];
        bits |= 1 << (initial - FIRST_LETTER);
        at += 1;
    }
    bits
};

/// [`INITIALS`] as units.
const BY_ORDER: [u16; 19] = {
    let (mut units, mut at) = ([0; 19], 0);
    let bytes = INITIALS.as_bytes();
    while at < units.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
        {
            // Three bytes of UTF-8 each, the first of them 0xE3.
            let (second, third) = (bytes[at * 3 + 1] as u16, bytes[at * 3 + 2] as u16);
            units[at] = 0x3000 | ((second & 0x3F) << 6) | (third & 0x3F);
        }
        at += 1;
    }
    units
};

/// Whether it is a whole syllable.
pub(super) fn is_syllable(unit: u16) -> bool {
    (FIRST_SYLLABLE..=LAST_SYLLABLE).contains(&unit)
}

/// Whether it is a syllable or a letter alone.
pub(super) fn is_hangul(unit: u16) -> bool {
    is_syllable(unit) || (FIRST_LETTER..=LAST_LETTER).contains(&unit)
}

/// Whether the character is a consonant that begins syllables, as typed in a search by initials.
pub(super) fn is_initial(unit: u16) -> bool {
    (FIRST_LETTER..=LAST_CONSONANT).contains(&unit) && (IS_INITIAL >> (unit - FIRST_LETTER)) & 1 == 1
}

/// The initial consonant of a syllable; any other character stays as it is.
pub(super) fn initial(unit: u16) -> u16 {
    if !is_syllable(unit) {
        return unit;
    }
    let nth = usize::from((unit - FIRST_SYLLABLE) / PER_INITIAL);
    BY_ORDER.get(nth).copied().unwrap_or(unit)
}

/// The keys of a consonant cluster that begins no syllable: keyboards join what is typed in a row (ㄳ from ㄱ, ㅅ). Any
/// other letter: none.
pub(super) fn keys_of_pair(letter: char) -> Option<&'static str> {
    const PAIRS: [(char, &str); 11] = [
        ('ㄳ', "ㄱㅅ"),
        ('ㄵ', "ㄴㅈ"),
        ('ㄶ', "ㄴㅎ"),
        ('ㄺ', "ㄹㄱ"),
        ('ㄻ', "ㄹㅁ"),
        ('ㄼ', "ㄹㅂ"),
        ('ㄽ', "ㄹㅅ"),
        ('ㄾ', "ㄹㅌ"),
        ('ㄿ', "ㄹㅍ"),
        ('ㅀ', "ㄹㅎ"),
        ('ㅄ', "ㅂㅅ"),
    ];
    PAIRS.iter().find(|(pair, _)| *pair == letter).map(|(_, keys)| *keys)
}

/// The standalone letter for a conjoining initial without a vowel; any other character stays as it is.
pub(super) fn letter_of_conjoining(c: char) -> char {
    match u32::from(c).checked_sub(0x1100).and_then(|nth| INITIALS.chars().nth(nth as usize)) {
        Some(letter) => letter,
        None => c,
    }
}

/// The letters of a character by the keys that type it; none for what is not Hangul.
pub(super) fn letters(unit: u16) -> impl Iterator<Item = u16> {
    let (initial, vowel, last) = if is_syllable(unit) {
        let nth = unit - FIRST_SYLLABLE;
        let vowel = VOWELS.get(usize::from(nth % PER_INITIAL / PER_VOWEL)).copied();
        (Some(initial(unit)), vowel, FINALS.get(usize::from(nth % PER_VOWEL)).copied())
    } else {
        (is_initial(unit).then_some(unit), None, None)
    };
    let rest = vowel.unwrap_or_default().encode_utf16().chain(last.unwrap_or_default().encode_utf16());
    initial.into_iter().chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, each: impl Fn(u16) -> Vec<u16>) -> String {
        String::from_utf16(&text.encode_utf16().flat_map(each).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn initials_of_names() {
        for (text, initials) in
            [("강남", "ㄱㄴ"), ("떡볶이", "ㄸㅂㅇ"), ("힣", "ㅎ"), ("가", "ㄱ"), ("BHC 치킨 3", "BHC ㅊㅋ 3")]
        {
            assert_eq!(of(text, |unit| vec![initial(unit)]), initials);
        }
    }

    #[test]
    fn every_letter_is_an_initial_or_not() {
        let initials: Vec<u16> = (0..=u16::MAX).filter(|&unit| is_initial(unit)).collect();
        assert_eq!(String::from_utf16(&initials).unwrap(), INITIALS);
    }

    #[test]
    fn syllables_by_their_keys() {
        for (text, keys) in [
            ("가", "ㄱㅏ"),
            ("갑", "ㄱㅏㅂ"),
            ("값", "ㄱㅏㅂㅅ"),
            ("쌈", "ㅆㅏㅁ"),
            ("괴", "ㄱㅗㅣ"),
            ("뷁", "ㅂㅜㅔㄹㄱ"),
            ("힣", "ㅎㅣㅎ"),
            ("ㅋa", "ㅋ"),
        ] {
            assert_eq!(of(text, |unit| letters(unit).collect()), keys);
        }
    }
}
