//! A sort key as bytes whose plain order is the order of rows: built once a row, compared without looking at it.

/// Bytes that lie inside the key itself; nearly every key by number, status or instant fits.
const HEAD_BYTES: usize = 16;

/// The bytes of a [`KeyWriter`], the first 16 as two integers so that most comparisons touch no other memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    head: [u64; 2],
    tail: Option<Box<[u8]>>,
}

/// Writes components, the most significant first. Components are prefix-free, so one never runs into the next.
#[derive(Debug, Default)]
pub(crate) struct KeyWriter {
    bytes: Vec<u8>,
}

impl KeyWriter {
    /// Begins a key, forgetting the one before.
    pub(crate) fn begin(&mut self) {
        self.bytes.clear();
    }

    /// One byte that no direction turns: values before 0 come first, whatever the direction of the column.
    pub(crate) fn raw(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// A small number.
    pub(crate) fn byte(&mut self, value: u8, descending: bool) {
        self.turned(descending, |bytes| bytes.push(value));
    }

    /// A 32-bit number.
    pub(crate) fn number(&mut self, value: u32, descending: bool) {
        self.turned(descending, |bytes| bytes.extend(value.to_be_bytes()));
    }

    /// An instant, in 7 bytes: the contract's integers stay below 2^53.
    pub(crate) fn instant(&mut self, ms: i64, descending: bool) {
        const BIAS: i64 = 1 << 55;
        let biased = ms.clamp(-BIAS, BIAS - 1).wrapping_add(BIAS);
        let [_, bytes @ ..] = biased.to_be_bytes();
        self.turned(descending, |out| out.extend(bytes));
    }

    /// A text by code points, upper and lower case alike.
    pub(crate) fn text(&mut self, text: &str, descending: bool) {
        self.turned(descending, |bytes| {
            text.chars().for_each(|c| push_char(bytes, fold(c)));
            bytes.push(END);
        });
    }

    /// A text in which runs of digits count as numbers: 2 before 10, A2 before A10.
    pub(crate) fn natural(&mut self, text: &str, descending: bool) {
        self.turned(descending, |bytes| {
            let mut rest = text;
            while let Some(c) = rest.chars().next() {
                let run = rest.bytes().take_while(u8::is_ascii_digit).count();
                if run == 0 {
                    push_char(bytes, fold(c));
                    rest = rest.get(c.len_utf8()..).unwrap_or_default();
                } else {
                    let (digits, after) = rest.split_at(run);
                    let digits = digits.trim_start_matches('0');
                    bytes.push(b'0');
                    bytes.push(u8::try_from(digits.len()).unwrap_or(u8::MAX));
                    bytes.extend(digits.bytes().take(usize::from(u8::MAX)));
                    rest = after;
                }
            }
            bytes.push(END);
        });
    }

    /// The key.
    pub(crate) fn key(&self) -> Key {
        let (first, rest) = self.bytes.split_at(self.bytes.len().min(HEAD_BYTES));
        let mut head = [0; HEAD_BYTES];
        head.iter_mut().zip(first).for_each(|(to, from)| *to = *from);
        let wide = u128::from_be_bytes(head);
        // The two halves, not a u128: its alignment of 16 would cost 8 bytes a row.
        Key { head: [(wide >> 64) as u64, wide as u64], tail: (!rest.is_empty()).then(|| rest.into()) }
    }

    /// Writes a component and, when the greatest comes first, turns its bytes.
    fn turned(&mut self, descending: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if descending {
            self.bytes.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
        }
    }
}

/// Ends a text: below every character, so that a text comes before its continuations.
const END: u8 = 0;

/// The character that search and sort see: lower case, any control character a space.
pub(crate) fn fold(c: char) -> char {
    if c.is_ascii() {
        if c.is_ascii_control() { ' ' } else { c.to_ascii_lowercase() }
    } else if ('\u{AC00}'..='\u{D7A3}').contains(&c) {
        c
    } else {
        c.to_lowercase().next().unwrap_or(c)
    }
}

/// A character in the order of code points: ASCII in one byte, a Hangul syllable in two, any other in four.
fn push_char(bytes: &mut Vec<u8>, c: char) {
    const HANGUL_FIRST: u32 = 0xAC00;
    const HANGUL_LAST: u32 = 0xD7A3;
    const BELOW_HANGUL: u8 = 0x80;
    const HANGUL: u8 = 0x90;
    const ABOVE_HANGUL: u8 = 0xC0;
    let code = u32::from(c);
    match code {
        0..=0x7F => bytes.push(code as u8),
        HANGUL_FIRST..=HANGUL_LAST => {
            let place = code - HANGUL_FIRST;
            bytes.push(HANGUL + (place >> 8) as u8);
            bytes.push(place as u8);
        }
        _ => {
            let [_, tail @ ..] = code.to_be_bytes();
            bytes.push(if code < HANGUL_FIRST { BELOW_HANGUL } else { ABOVE_HANGUL });
            bytes.extend(tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(write: impl FnOnce(&mut KeyWriter)) -> Key {
        let mut writer = KeyWriter::default();
        write(&mut writer);
        writer.key()
    }

    #[test]
    fn numbers_in_texts_count_as_numbers() {
        for (before, after) in [("2", "10"), ("A2", "a10"), ("74829", "100000"), ("", "1"), ("7", "가")] {
            let natural = |text, descending| key(|w| w.natural(text, descending));
            assert!(natural(before, false) < natural(after, false), "{before} before {after}");
            assert!(natural(before, true) > natural(after, true), "{after} before {before}, descending");
        }
    }

    proptest! {
        #[test]
        fn texts_sort_by_folded_code_points(a in "[ -~가-힣ㄱ-ㅎ一-三\u{FF01}😀]{0,12}",
                                            b in "[ -~가-힣ㄱ-ㅎ一-三\u{FF01}😀]{0,12}", down: bool) {
            let folded = |text: &str| text.chars().map(fold).collect::<Vec<_>>();
            let text = |t: &str| key(|w| { w.text(t, down); w.byte(7, false) });
            let expected = folded(&a).cmp(&folded(&b));
            prop_assert_eq!(text(&a).cmp(&text(&b)), if down { expected.reverse() } else { expected });
        }

        #[test]
        fn instants_sort_as_integers(a in -(1_i64 << 53)..1 << 53, b in -(1_i64 << 53)..1 << 53) {
            prop_assert_eq!(key(|w| w.instant(a, false)).cmp(&key(|w| w.instant(b, false))), a.cmp(&b));
            prop_assert_eq!(key(|w| w.instant(a, true)).cmp(&key(|w| w.instant(b, true))), b.cmp(&a));
        }
    }
}
