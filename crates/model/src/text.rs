//! Texts of people as they are taken in: without characters that show nothing and mislead the eye.

use icu_normalizer::ComposingNormalizerBorrowed;
use std::borrow::Cow;

/// A text without NUL and without the controls that turn the direction of what stands around them (Unicode's
/// `Bidi_Control`): with these, a note may read otherwise than it was written, and run into what stands beside it.
#[must_use]
pub fn cleaned(text: &str) -> Cow<'_, str> {
    if text.contains(is_misleading) {
        Cow::Owned(text.chars().filter(|&c| !is_misleading(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A name: cleaned, and in NFC, so that one name is one text whatever keyboard or file system it came from.
#[must_use]
pub fn cleaned_name(name: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(&cleaned(name)).into_owned()
}

fn is_misleading(c: char) -> bool {
    matches!(c, '\0' | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misleads_the_eye_goes_and_all_else_stays() {
        for (said, taken) in [
            ("문 앞에 두세요", "문 앞에 두세요"),
            ("pay \u{202E}0001\u{202C} won", "pay 0001 won"),
            ("\u{2066}a\u{2067}b\u{2068}c\u{2069}", "abc"),
            ("\u{61C}\u{200E}\u{200F}\u{202A}\u{202B}\u{202D}", ""),
            ("nul\0nul", "nulnul"),
            // A joiner makes one picture of two; it turns nothing around.
            ("👩\u{200D}🍳\tתודה\nok", "👩\u{200D}🍳\tתודה\nok"),
        ] {
            assert_eq!(cleaned(said), taken, "{said:?}");
        }
        assert!(matches!(cleaned("한솥"), Cow::Borrowed(_)), "a text with nothing to clean costs no copy");
    }

    #[test]
    fn a_name_is_one_text_however_it_was_composed() {
        assert_eq!(cleaned_name("\u{1112}\u{1161}\u{11AB}\u{1109}\u{1169}\u{11C0}"), "한솥");
        assert_eq!(cleaned_name("한\u{202E}솥"), "한솥");
        // Removing a control may bring together what composes.
        assert_eq!(cleaned_name("\u{1112}\u{200E}\u{1161}"), "하");
        assert_eq!(cleaned("\u{1112}\u{1161}"), "\u{1112}\u{1161}", "a free text stays as it was typed");
    }
}
