//! What a search finds, as plain as can be: rule by rule, text by text, letter by letter.

use gwanje_model::Delivery;
use std::collections::BTreeSet;

/// What someone looks for by typing something.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    Words(BTreeSet<String>),
    Phone { digits: String, number: String },
    Numbers(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Plain,
    Phone,
}

const LISTING: [char; 5] = ['\n', '\r', '\t', ',', ';'];

pub fn parse(typed: &str) -> Wanted {
    let typed = typed.trim_matches(|c: char| c.is_whitespace() || LISTING.contains(&c));
    let entries: Vec<String> =
        typed.split(LISTING).map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let all: Vec<String> = entries.iter().flat_map(|entry| words(entry)).collect();
    let digits = |text: &str| fold(text).chars().filter(char::is_ascii_digit).count();
    if entries.len() == 1 {
        if let Some(digits) = one_phone(typed) {
            return Wanted::Phone { digits, number: fold(typed) };
        }
        if all.len() > 1 && all.iter().all(|word| is_phone_like(&fold(word)) && digits(word) >= 4) {
            return Wanted::Numbers(each_once(all));
        }
    } else {
        let mut numbers = Vec::new();
        for entry in &entries {
            match one_phone(entry) {
                Some(_) => numbers.push(entry.clone()),
                None => numbers.extend(words(entry)),
            }
        }
        let is_number = |number: &String| {
            let number = fold(number);
            one_phone(&number).is_some()
                || (number.contains(|c: char| c.is_ascii_digit())
                    && number.ends_with(|c: char| c.is_ascii_alphanumeric()))
        };
        if numbers.len() > 1 && numbers.iter().all(is_number) {
            return Wanted::Numbers(each_once(numbers));
        }
    }
    Wanted::Words(all.iter().map(|word| fold(word)).filter(|word| !word.is_empty()).collect())
}

impl Wanted {
    pub fn is_all(&self) -> bool {
        *self == Self::Words(BTreeSet::new())
    }

    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Words(words) => (!words.is_empty()).then_some("words"),
            Self::Phone { .. } => Some("phone"),
            Self::Numbers(_) => Some("numbers"),
        }
    }

    /// The names of the texts that match; none: the row does not match.
    pub fn texts(&self, row: &Delivery) -> Option<BTreeSet<&'static str>> {
        let texts = texts(row);
        let first = |holds: &dyn Fn(Kind, &str) -> bool| {
            texts.iter().find(|(_, kind, text)| holds(*kind, text)).map(|(name, ..)| *name)
        };
        match self {
            Self::Words(words) => words
                .iter()
                .map(|word| {
                    let typed = first(&|_, text| occurs(word, text));
                    let bare = phone(word);
                    typed.or_else(|| {
                        is_phone_like(word)
                            .then(|| first(&|kind, text| kind == Kind::Phone && text.contains(&bare)))?
                    })
                })
                .collect(),
            Self::Phone { digits, number } => {
                let named = first(&|kind, text| kind == Kind::Number && text.contains(number.as_str()));
                let found = named
                    .or_else(|| first(&|kind, text| kind == Kind::Phone && text.contains(digits.as_str())));
                found.map(|name| BTreeSet::from([name]))
            }
            Self::Numbers(numbers) => {
                let all = texts
                    .iter()
                    .filter(|(_, kind, text)| numbers.iter().any(|number| is_it(number, *kind, text)));
                let all: BTreeSet<_> = all.map(|(name, ..)| *name).collect();
                (!all.is_empty()).then_some(all)
            }
        }
    }

    /// Those of several numbers that none of the rows holds.
    pub fn missing(&self, rows: &[&Delivery]) -> Vec<String> {
        let Self::Numbers(numbers) = self else { return Vec::new() };
        let holds = |number: &str, row: &Delivery| {
            texts(row).iter().any(|(_, kind, text)| is_it(number, *kind, text))
        };
        numbers.iter().filter(|number| !rows.iter().any(|row| holds(number, row))).cloned().collect()
    }

    /// Whether the typed text is the number of the row.
    pub fn is_number_of(&self, row: &Delivery) -> bool {
        let number = fold(&row.number);
        match self {
            Self::Words(words) => words.len() == 1 && words.contains(&number),
            Self::Phone { number: typed, .. } => *typed == number,
            Self::Numbers(_) => false,
        }
    }
}

fn texts(row: &Delivery) -> Vec<(&'static str, Kind, String)> {
    let rider = row.rider.as_ref().map_or("", |rider| &rider.name);
    vec![
        ("number", Kind::Number, fold(&row.number)),
        ("orderNo", Kind::Number, fold(&row.order_no)),
        ("shop", Kind::Plain, fold(&row.shop.name)),
        ("shopPhone", Kind::Phone, phone(&row.shop.phone)),
        ("address", Kind::Plain, fold(&row.dropoff.address)),
        ("detail", Kind::Plain, fold(&row.dropoff.detail)),
        ("phone", Kind::Phone, phone(&row.dropoff.phone)),
        ("recipientPhone", Kind::Phone, phone(&row.dropoff.recipient_phone)),
        ("rider", Kind::Plain, fold(rider)),
    ]
}

/// Whether one of several numbers is this text. A phone may lack what comes before its last seven or more digits.
fn is_it(number: &str, kind: Kind, text: &str) -> bool {
    let digits = phone(&fold(number));
    match kind {
        Kind::Number => fold(number) == text,
        Kind::Phone => is_phone_like(&fold(number)) && digits.len() >= 7 && text.ends_with(&digits),
        Kind::Plain => false,
    }
}

fn each_once(numbers: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    numbers.into_iter().filter(|number| seen.insert(fold(number))).collect()
}

fn is_sign(c: char) -> bool {
    "-.()/+ ".contains(c)
}

fn is_phone_like(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || is_sign(c))
}

fn one_phone(typed: &str) -> Option<String> {
    let typed = fold(typed);
    let digits = phone(&typed);
    (is_phone_like(&typed) && typed.starts_with(['0', '+']) && digits.len() <= 15 && !digits.is_empty())
        .then_some(digits)
}

/// A phone without signs; +82 counts as 0.
fn phone(text: &str) -> String {
    let folded = fold(text);
    let bare = |text: &str| text.replace(is_sign, "");
    match folded.strip_prefix("+82") {
        Some(rest) => format!("0{}", bare(rest).trim_start_matches('0')),
        None => bare(&folded),
    }
}

/// Folds a text: NFC of Hangul, plain width, lower case, a space only between two characters that are not Hangul.
fn fold(text: &str) -> String {
    let mut chars: Vec<char> = Vec::new();
    for c in text.to_lowercase().chars() {
        let c = match u32::from(c) {
            code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap().to_ascii_lowercase(),
            0x3000 => ' ',
            _ => c,
        };
        // Initial, vowel and final come one after the other.
        let last = chars.last().map_or(0, |&last| u32::from(last));
        let composed = match u32::from(c) {
            vowel @ 0x1161..=0x1175 if (0x1100..=0x1112).contains(&last) => {
                Some(0xAC00 + ((last - 0x1100) * 21 + vowel - 0x1161) * 28)
            }
            end @ 0x11A8..=0x11C2
                if (0xAC00..=0xD7A3).contains(&last) && (last - 0xAC00).is_multiple_of(28) =>
            {
                Some(last + end - 0x11A7)
            }
            _ => None,
        };
        match composed {
            Some(code) => *chars.last_mut().unwrap() = char::from_u32(code).unwrap(),
            None => chars.push(c),
        }
    }
    let words: Vec<String> = chars.iter().collect::<String>().split_whitespace().map(str::to_owned).collect();
    let is_hangul = |c: Option<char>| matches!(c, Some('가'..='힣' | 'ㄱ'..='ㅣ'));
    let mut folded = String::new();
    for word in words {
        if !folded.is_empty() && !is_hangul(folded.chars().last()) && !is_hangul(word.chars().next()) {
            folded.push(' ');
        }
        folded.push_str(&word);
    }
    folded
}

/// Whether a word stands in a text. Initials match syllables; the last character matches as far as it is typed.
fn occurs(word: &str, text: &str) -> bool {
    let (word, text): (Vec<char>, Vec<char>) = (word.chars().collect(), text.chars().collect());
    let (last, before) = word.split_last().unwrap();
    let stands_for =
        |wanted: char, c: char| wanted == c || (is_consonant(wanted) && keys(c).starts_with(wanted));
    (0..text.len()).any(|at| {
        let rest = &text[at..];
        rest.len() >= word.len() && before.iter().zip(rest).all(|(&wanted, &c)| stands_for(wanted, c)) && {
            let rest = &rest[before.len()..];
            let typed = || {
                rest.iter().take(4).map(|&c| keys(c)).take_while(|keys| !keys.is_empty()).collect::<String>()
            };
            let last_keys = keys(*last);
            stands_for(*last, rest[0]) || (!last_keys.is_empty() && typed().starts_with(&last_keys))
        }
    })
}

fn is_consonant(c: char) -> bool {
    "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ".contains(c)
}

/// The keys that type a syllable or a consonant.
fn keys(c: char) -> String {
    let Some(nth) = u32::from(c).checked_sub(0xAC00).filter(|nth| *nth < 11_172) else {
        return if is_consonant(c) { c.to_string() } else { String::new() };
    };
    let of = |letters: &str, nth: u32| letters.chars().nth(nth as usize).unwrap();
    let initial = of("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", nth / 588);
    let vowel = of("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ", nth % 588 / 28);
    let last = of(" ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ", nth % 28);
    let mut keys = String::new();
    for letter in [initial, vowel, last] {
        match "ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ ㅘㅗㅏ ㅙㅗㅐ ㅚㅗㅣ ㅝㅜㅓ ㅞㅜㅔ ㅟㅜㅣ ㅢㅡㅣ"
            .split(' ')
            .find(|pair| pair.starts_with(letter))
        {
            Some(pair) if letter != ' ' => keys.extend(pair.chars().skip(1)),
            Some(_) | None => keys.extend((letter != ' ').then_some(letter)),
        }
    }
    keys
}
