//! Phones: digits, with any signs people put between them, with the country's prefix or without.

/// The most digits that one phone has (E.164).
const MOST_DIGITS: usize = 15;
/// Whether people put the character into a phone or leave it out.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '-' | '.' | '(' | ')' | '/' | '+' | ' ' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The digits of a text that holds only digits and signs, and at least one digit. +82 becomes the 0 that it replaces.
pub(super) fn digits(text: &str) -> Option<String> {
    let holds_nothing_else = text.chars().all(|c| c.is_ascii_digit() || is_sign(c));
    let digits: String = if holds_nothing_else { bare(text).collect() } else { String::new() };
    (!digits.is_empty()).then_some(digits)
}

/// A phone's text without signs; what is neither digit nor sign stays.
pub(super) fn bare(text: &str) -> impl Iterator<Item = char> {
    let at_country = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let (country, rest) = match at_country.strip_prefix("+82") {
        Some(rest) => (Some('0'), rest),
        None => (None, text),
    };
    let digits = rest.chars().filter(|&c| !is_sign(c));
    country.into_iter().chain(digits.skip_while(move |&c| c == '0' && country.is_some()))
}

/// The digits of a text that reads as one phone, or as the beginning of one: it begins with 0 or +, and holds only
/// digits and signs.
pub(super) fn one(typed: &str) -> Option<String> {
    let digits = typed.starts_with(['0', '+']).then(|| digits(typed)).flatten()?;
    (digits.len() <= MOST_DIGITS).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_its_digits() {
        for (text, same) in [
            ("010-1234-5678", Some("01012345678")),
            ("+82 10 1234 5678", Some("01012345678")),
            ("+82(0)10.1234.5678", Some("01012345678")),
            ("(02) 555–1212", Some("025551212")),
            ("+1 650", Some("1650")),
            ("+82", Some("0")),
            ("+", None),
            ("", None),
            ("010-1234-5678 내선 3", None),
        ] {
            assert_eq!(digits(text).as_deref(), same, "{text}");
        }
        assert_eq!(bare("010-1234-5678 내선 3").collect::<String>(), "01012345678내선3");
        assert_eq!(one("555-1212"), None);
        assert_eq!(one("010-1234-5678 010-2222-3333"), None, "two");
    }
}
