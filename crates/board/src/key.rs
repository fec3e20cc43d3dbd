//! A sort key as bytes whose plain order is the order of rows: built once for each row, compared without looking at the
//! row.

use std::cmp::Ordering;

/// The bytes of a [`KeyWriter`]. The first 16 are two integers, so that most comparisons touch no other memory: nearly
/// every key by number, status or instant fits into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Not a `u128`: its alignment of 16 would cost 8 bytes a row.
    head: [u64; 2],
    tail: Option<Box<[u8]>>,
}

impl Key {
    /// Its first 16 bytes: of two keys, the lesser never has the greater `wide`.
    pub(crate) fn wide(&self) -> u128 {
        let [high, low] = self.head;
        (u128::from(high) << 64) | u128::from(low)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.wide().cmp(&other.wide()).then_with(|| self.tail.cmp(&other.tail))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes components, the most significant first. Components are prefix-free: none ever runs into the next.
#[derive(Debug, Default)]
pub(crate) struct KeyWriter {
    head: u128,
    /// Bits of `head` that are not written yet.
    room: u32,
    tail: Vec<u8>,
}

impl KeyWriter {
    /// Begins a key, forgetting the one before.
    pub(crate) fn begin(&mut self) {
        self.head = 0;
        self.room = u128::BITS;
        self.tail.clear();
    }

    /// One byte that keeps its order: lower values come first, whatever the direction of the column.
    pub(crate) fn raw(&mut self, byte: u8) {
        self.put::<1>(byte.into(), false);
    }

    /// A small number.
    pub(crate) fn byte(&mut self, value: u8, descending: bool) {
        self.put::<1>(value.into(), descending);
    }

    /// A 32-bit number.
    pub(crate) fn number(&mut self, value: u32, descending: bool) {
        self.put::<4>(value.into(), descending);
    }

    /// An instant, in 7 bytes: the contract's integers stay below 2^53.
    pub(crate) fn instant(&mut self, ms: i64, descending: bool) {
        const BIAS: i64 = 1 << 55;
        let biased = ms.clamp(-BIAS, BIAS - 1).wrapping_add(BIAS);
        self.put::<7>(biased.cast_unsigned(), descending);
    }

    /// A text by code points, upper and lower case alike.
    pub(crate) fn text(&mut self, text: &str, descending: bool) {
        text.chars().for_each(|c| self.char(fold(c), descending));
        self.put::<1>(END, descending);
    }

    /// A text in which runs of digits count as numbers: 2 before 10, A2 before A10.
    pub(crate) fn natural(&mut self, text: &str, descending: bool) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let run = rest.bytes().take_while(u8::is_ascii_digit).count();
            if run == 0 {
                self.char(fold(c), descending);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            } else {
                let (digits, after) = rest.split_at(run);
                let digits = digits.trim_start_matches('0').as_bytes();
                self.put::<1>(b'0'.into(), descending);
                self.put::<1>(u8::try_from(digits.len()).unwrap_or(u8::MAX).into(), descending);
                // Two digits in a byte: so most numbers fit into a word.
                for pair in digits.chunks(2).take(usize::from(u8::MAX) / 2) {
                    let pair = pair.iter().fold(0, |pair, digit| (pair << 4) | u64::from(digit - b'0'));
                    self.put::<1>(pair, descending);
                }
                rest = after;
            }
        }
        self.put::<1>(END, descending);
    }

    /// What [`Self::natural`] writes in ascending order, as one word; 0: the text is longer than a word, or empty.
    pub(crate) fn natural_word(text: &str) -> u64 {
        let mut writer = Self::default();
        writer.begin();
        writer.natural(text, false);
        if writer.room >= u64::BITS { (writer.head >> 64) as u64 } else { 0 }
    }

    /// A text with this [`Self::natural_word`]. It sorts among longer texts as if written in full: the padding of the
    /// word comes after its end, where no other text equals it any more.
    pub(crate) fn word(&mut self, word: u64, descending: bool) {
        self.put::<8>(word, descending);
    }

    /// The key.
    pub(crate) fn key(&self) -> Key {
        let head = [(self.head >> 64) as u64, self.head as u64];
        Key { head, tail: (!self.tail.is_empty()).then(|| self.tail.as_slice().into()) }
    }

    /// A character in the order of code points: ASCII in one byte, a Hangul syllable in two, any other in four.
    fn char(&mut self, c: char, descending: bool) {
        const HANGUL_FIRST: u32 = 0xAC00;
        const HANGUL_LAST: u32 = 0xD7A3;
        const BELOW_HANGUL: u32 = 0x80 << 24;
        const HANGUL: u32 = 0x90 << 8;
        const ABOVE_HANGUL: u32 = 0xC0 << 24;
        let code = u32::from(c);
        match code {
            0..=0x7F => self.put::<1>(code.into(), descending),
            HANGUL_FIRST..=HANGUL_LAST => self.put::<2>((HANGUL + code - HANGUL_FIRST).into(), descending),
            0x80..HANGUL_FIRST => self.put::<4>((BELOW_HANGUL + code).into(), descending),
            _ => self.put::<4>((ABOVE_HANGUL + code).into(), descending),
        }
    }

    /// Writes the lowest `BYTES` bytes of a value; inverts them when the greatest comes first.
    fn put<const BYTES: u32>(&mut self, value: u64, descending: bool) {
        let bits = BYTES * 8;
        let value = if descending { !value & (u64::MAX >> (u64::BITS - bits)) } else { value };
        if let Some(room) = self.room.checked_sub(bits) {
            self.room = room;
            self.head |= u128::from(value) << room;
        } else {
            self.put_over_the_edge::<BYTES>(value);
        }
    }

    /// Writes bytes that don't all fit into the head any more.
    fn put_over_the_edge<const BYTES: u32>(&mut self, value: u64) {
        let all = value.to_be_bytes();
        let (_, bytes) = all.split_at(all.len() - BYTES as usize);
        let (last, rest) = bytes.split_at((self.room / 8) as usize);
        for &byte in last {
            self.room -= 8;
            self.head |= u128::from(byte) << self.room;
        }
        self.tail.extend_from_slice(rest);
    }
}

/// Ends a text. It sorts below every character, so a text comes before its continuations.
const END: u64 = 0;

/// The character as sorting sees it: in lower case; a control character is a space.
pub(crate) fn fold(c: char) -> char {
    if c.is_ascii() {
        if c.is_ascii_control() { ' ' } else { c.to_ascii_lowercase() }
    } else if is_syllable(c) {
        c
    } else {
        c.to_lowercase().next().unwrap_or(c)
    }
}

/// Whether it is a Hangul syllable. Beside ASCII only syllables are common here, and folding never changes them.
pub(crate) fn is_syllable(c: char) -> bool {
    ('\u{AC00}'..='\u{D7A3}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(write: impl FnOnce(&mut KeyWriter)) -> Key {
        let mut writer = KeyWriter::default();
        writer.begin();
        write(&mut writer);
        writer.key()
    }

    #[test]
    fn numbers_in_texts_count_as_numbers() {
        for (before, after) in [
            ("2", "10"),
            ("A2", "a10"),
            ("74829", "100000"),
            ("", "1"),
            ("7", "가"),
            ("12345", "1234567890123"),
            ("9999999999", "10000000000"),
        ] {
            let natural = |text, descending| key(|w| w.natural(text, descending));
            assert!(natural(before, false) < natural(after, false), "{before} before {after}");
            assert!(natural(before, true) > natural(after, true), "{after} before {before}, descending");
            for descending in [false, true] {
                let word = KeyWriter::natural_word(before);
                let short = key(|w| w.word(word, descending));
                if word != 0 {
                    assert_eq!(
                        short.cmp(&natural(after, descending)),
                        natural(before, descending).cmp(&natural(after, descending))
                    );
                }
            }
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
