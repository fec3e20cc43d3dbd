//! Search as people type it; board, pickers and hub share it. `docs/vectors/search.json` is its contract.
//!
//! Texts are folded: NFC, case, width, spaces beside syllables. A search is one of these:
//! - one phone, when the text begins with 0 or + and holds only digits and signs. It matches a part of a phone,
//!   whatever its signs, with +82 read as 0; or a part of a number (numbers may begin with 0, too);
//! - several numbers, when the text is two or more numbers of at least four digits, or the entries of a pasted list.
//!   Any of them matches, but only as a whole;
//! - else words; all must occur, in any text. Initial consonants stand for syllables (ㄱㄴ finds 강남). The last character
//!   of a word counts for as much of a syllable as has been typed (갑 finds 가방).

mod fold;
mod hangul;
mod haystack;
mod numbers;
mod of_delivery;
mod phone;
mod word;

pub use haystack::{Haystack, SearchText, TextSet};
pub use of_delivery::SearchField;

use fold::fold;
use numbers::{Numbers, parts_words};
use word::{Form, Word};

/// What someone looks for. Equal searches find the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    wanted: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    All,
    /// Sorted, the longest first: it is the most selective, and a text that lacks it needs no further look.
    Words(Vec<Word>),
    Phone {
        digits: Box<Form>,
        /// The typed form: a number may hold it.
        number: Box<Form>,
    },
    Numbers(Numbers),
}

/// What a search is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// Nothing typed: everything matches.
    All,
    /// Words that all must occur.
    Words,
    /// One phone, or a part of it.
    Phone,
    /// Any of several numbers.
    Numbers,
}

impl SearchKind {
    /// Its name, in the vectors and for a page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Words => "words",
            Self::Phone => "phone",
            Self::Numbers => "numbers",
        }
    }
}

impl Search {
    /// The most numbers in one search; it leaves out further ones.
    pub const MAX_NUMBERS: usize = numbers::MOST;

    /// What someone looks for by typing this.
    #[must_use]
    pub fn parse(typed: &str) -> Self {
        let folded = fold(typed.trim_matches(parts_words));
        let phone = || phone::one(&String::from_utf16_lossy(&folded));
        let wanted = if let Some(numbers) = Numbers::parse(typed) {
            Wanted::Numbers(numbers)
        } else if let Some(digits) = phone() {
            Wanted::Phone {
                digits: Box::new(Form::new(digits.encode_utf16().collect())),
                number: Box::new(Form::new(folded)),
            }
        } else {
            return Self::words(typed);
        };
        Self { wanted }
    }

    /// A search for words, whatever the text looks like.
    #[must_use]
    pub fn words(typed: &str) -> Self {
        let mut words: Vec<Word> = typed.split(parts_words).filter_map(Word::new).collect();
        words.sort_by(|a, b| b.units().len().cmp(&a.units().len()).then_with(|| a.units().cmp(b.units())));
        words.dedup();
        Self { wanted: if words.is_empty() { Wanted::All } else { Wanted::Words(words) } }
    }

    /// What the search is taken for.
    #[must_use]
    pub fn kind(&self) -> SearchKind {
        match self.wanted {
            Wanted::All => SearchKind::All,
            Wanted::Words(_) => SearchKind::Words,
            Wanted::Phone { .. } => SearchKind::Phone,
            Wanted::Numbers(_) => SearchKind::Numbers,
        }
    }

    /// Whether everything matches because nothing was typed.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.kind() == SearchKind::All
    }

    /// Whether the texts match.
    #[must_use]
    pub fn matches(&self, haystack: &Haystack) -> bool {
        match &self.wanted {
            Wanted::All => true,
            Wanted::Words(words) => words.iter().all(|word| word.find(haystack).is_some()),
            Wanted::Phone { digits, number } => find_phone(digits, number, haystack).is_some(),
            Wanted::Numbers(numbers) => {
                let mut any = false;
                numbers.each_found(haystack, |_, _| any = true);
                any
            }
        }
    }

    /// Which of the texts match: for each word, or for one phone, the first text. Empty when they don't match.
    #[must_use]
    pub fn texts(&self, haystack: &Haystack) -> TextSet {
        let at = |place: Option<usize>| place.map(|place| TextSet::of(haystack.text_at(place)));
        match &self.wanted {
            Wanted::All => TextSet::default(),
            Wanted::Words(words) => {
                let sets: Option<Vec<_>> = words.iter().map(|word| at(word.find(haystack))).collect();
                sets.into_iter().flatten().fold(TextSet::default(), TextSet::with)
            }
            Wanted::Phone { digits, number } => at(find_phone(digits, number, haystack)).unwrap_or_default(),
            Wanted::Numbers(numbers) => {
                let mut texts = TextSet::default();
                numbers.each_found(haystack, |_, text| texts = texts.with(TextSet::of(text)));
                texts
            }
        }
    }

    /// Whether the search equals the first text in full: the number by which people call a delivery.
    #[must_use]
    pub fn is_exactly(&self, haystack: &Haystack) -> bool {
        let typed = match &self.wanted {
            Wanted::Words(words) => match words.as_slice() {
                [word] => word.units(),
                [] | [_, _, ..] => return false,
            },
            Wanted::Phone { number, .. } => number.units(),
            Wanted::All | Wanted::Numbers(_) => return false,
        };
        haystack.begins_with_text(typed)
    }

    /// The numbers of a search for several numbers, as typed.
    #[must_use]
    pub fn numbers(&self) -> &[String] {
        match &self.wanted {
            Wanted::Numbers(numbers) => numbers.given(),
            Wanted::All | Wanted::Words(_) | Wanted::Phone { .. } => &[],
        }
    }

    /// How many further numbers were typed beyond [`Search::MAX_NUMBERS`].
    #[must_use]
    pub fn numbers_left_out(&self) -> usize {
        match &self.wanted {
            Wanted::Numbers(numbers) => numbers.left_out(),
            Wanted::All | Wanted::Words(_) | Wanted::Phone { .. } => 0,
        }
    }

    /// Calls `each` for each number that the texts hold, with its place in [`Search::numbers`]; one number may come
    /// twice.
    pub fn each_number_found(&self, haystack: &Haystack, mut each: impl FnMut(usize)) {
        match &self.wanted {
            Wanted::Numbers(numbers) => numbers.each_found(haystack, |nth, _| each(nth)),
            Wanted::All | Wanted::Words(_) | Wanted::Phone { .. } => {}
        }
    }
}

fn find_phone(digits: &Form, number: &Form, haystack: &Haystack) -> Option<usize> {
    if digits == number {
        return digits.find_where(haystack, |at| haystack.is_number_at(at) || haystack.is_phone_at(at));
    }
    number
        .find_where(haystack, |at| haystack.is_number_at(at))
        .or_else(|| digits.find_where(haystack, |at| haystack.is_phone_at(at)))
}

/// The choices that hold the typed words, by their places: what a picker offers. A choice has one text a line, for
/// example a rider's name, id and phone.
#[must_use]
pub fn matching(typed: &str, choices: &[impl AsRef<str>]) -> Vec<usize> {
    let search = Search::words(typed);
    let holds = |choice: &str| search.matches(&Haystack::of(choice.lines().map(text_of_choice)));
    choices.iter().enumerate().filter(|(_, choice)| holds(choice.as_ref())).map(|(nth, _)| nth).collect()
}

fn text_of_choice(line: &str) -> SearchText<'_> {
    match phone::digits(line) {
        Some(_) => SearchText::Phone(line),
        None => SearchText::Plain(line),
    }
}
