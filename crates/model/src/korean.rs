//! Hangul for search: initial consonants (초성), so that ㄱㄴ finds 강남.

/// The 19 initial consonants in the order of Unicode's syllable block.
const INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ',
    'ㅍ', 'ㅎ',
];

/// Syllables that share an initial consonant: 21 vowels × 28 finals.
const SYLLABLES_PER_INITIAL: u32 = 588;

/// The initial consonant of a Hangul syllable; any other character is itself.
#[must_use]
pub fn initial(c: char) -> char {
    let code = u32::from(c);
    if !(0xAC00..=0xD7A3).contains(&code) {
        return c;
    }
    INITIALS.get(((code - 0xAC00) / SYLLABLES_PER_INITIAL) as usize).copied().unwrap_or(c)
}

/// Whether the character is an initial consonant by itself, as typed in a search by initials.
#[must_use]
pub fn is_initial(c: char) -> bool {
    INITIALS.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_of_names() {
        for (text, initials) in
            [("강남", "ㄱㄴ"), ("떡볶이", "ㄸㅂㅇ"), ("힣", "ㅎ"), ("가", "ㄱ"), ("BHC 치킨 3", "BHC ㅊㅋ 3")]
        {
            assert_eq!(text.chars().map(initial).collect::<String>(), initials);
        }
    }
}
