//! Search finds what `docs/vectors/search.json` says, and nothing else.

#[cfg(test)]
mod search_vectors {
    use gwanje_model::search::{Haystack, Search, SearchField, matching};
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
        parsed: Vec<Parsed>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        typed: String,
        fields: BTreeMap<String, String>,
        matches: bool,
        #[serde(default)]
        field: Vec<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parsed {
        name: String,
        typed: String,
        kind: String,
        #[serde(default)]
        numbers: Vec<String>,
        count: Option<usize>,
        #[serde(default)]
        left_out: usize,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../../docs/vectors/search.json")).unwrap()
    }

    fn haystack(fields: &BTreeMap<String, String>) -> Haystack {
        let of = |field: SearchField| fields.get(field.as_str()).map_or("", String::as_str);
        Haystack::of(SearchField::ALL.map(|field| field.text(of(field))))
    }

    #[test]
    fn every_case_is_found_or_not_and_where() {
        for Case { name, typed, fields, matches, field } in vectors().cases {
            let (search, haystack) = (Search::parse(&typed), haystack(&fields));
            assert_eq!(search.matches(&haystack), matches, "{name}: {typed:?} as {:?}", search.kind());
            let found = search.texts(&haystack).iter().map(|nth| SearchField::ALL[nth].as_str());
            assert_eq!(found.collect::<Vec<_>>(), field, "{name}: {typed:?}");
        }
    }

    #[test]
    fn everything_typed_is_taken_for_what_it_is() {
        for Parsed { name, typed, kind, numbers, count, left_out } in vectors().parsed {
            let search = Search::parse(&typed);
            assert_eq!(search.kind().as_str(), kind, "{name}: {typed:?}");
            match count {
                Some(count) => assert_eq!(search.numbers().len(), count, "{name}"),
                None => assert_eq!(search.numbers(), numbers, "{name}"),
            }
            assert_eq!(search.numbers_left_out(), left_out, "{name}");
        }
    }

    #[test]
    fn numbers_are_named_by_who_holds_them() {
        let search = Search::parse("74828\n010-1234-5678, 74829, tb1-7");
        let fields = [("number", "74829"), ("orderNo", "TB1-7"), ("phone", "+82 10-1234-5678")];
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let mut found = Vec::new();
        search.each_number_found(&haystack(&fields), |nth| found.push(nth));
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3]);
    }

    #[test]
    fn an_exact_number_is_the_whole_number_alone() {
        let exact = |typed: &str, number: &str| {
            let fields = BTreeMap::from([("number".to_owned(), number.to_owned())]);
            Search::parse(typed).is_exactly(&haystack(&fields))
        };
        for (typed, number) in [(" 74829 ", "74829"), ("b-12", "B-12"), ("0042", "0042"), ("가1", "가1")] {
            assert!(exact(typed, number), "{typed}");
        }
        for (typed, number) in [("7482", "74829"), ("74829 0", "74829"), ("", ""), ("74829,74830", "74829")] {
            assert!(!exact(typed, number), "{typed}");
        }
        let order = BTreeMap::from([("orderNo".to_owned(), "74829".to_owned())]);
        assert!(!Search::parse("74829").is_exactly(&haystack(&order)), "an order number is no number");
    }

    #[test]
    fn searches_are_equal_when_they_find_the_same() {
        for (a, b) in [("강남  BHC", "bhc 강남"), ("bhc bhc", "ＢＨＣ"), ("０10-1", "010-1"), ("", " ")]
        {
            assert_eq!(Search::parse(a), Search::parse(b), "{a:?} {b:?}");
        }
        for (a, b) in [("강남", "강나"), ("1234", "1234 5678"), ("010", "01")] {
            assert_ne!(Search::parse(a), Search::parse(b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_picker_offers_the_choices_that_hold_the_words() {
        let choices = ["배차", "배차 취소", "취소", "Details 010"];
        for (typed, expected) in [
            ("", vec![0, 1, 2, 3]),
            ("취소", vec![1, 2]),
            ("ㅂㅊ", vec![0, 1]),
            ("배차 취", vec![1]),
            ("010", vec![3]),
            ("반", vec![]),
        ] {
            assert_eq!(matching(typed, &choices), expected, "{typed}");
        }
    }

    #[test]
    fn a_rider_is_found_by_name_id_initials_and_phone() {
        let rider = ["임창진\nR-7\n010-1234-5678"];
        for typed in ["임창", "ㅇㅊㅈ", "r-7", " ", "임차", "창진 r-7", "0101234", "1234-56", "5678"]
        {
            assert_eq!(matching(typed, &rider), [0], "{typed}");
        }
        // Another order; and from one line into the next.
        for typed in ["ㅇㅈ", "진r", "70"] {
            assert_eq!(matching(typed, &rider), [0; 0], "{typed}");
        }
    }

    proptest! {
        /// Every text is found in itself, typed in full, however it is composed.
        #[test]
        fn every_word_of_a_text_is_found(text in "[가-힣ㄱ-ㅎa-zA-Z0-9 ,\u{301}\u{3099}ｱ-ﾟ😀-😂-]{0,24}",
                                         nth in 0..8_usize) {
            let haystack = Haystack::of([SearchField::Shop.text(&text)]);
            if let Some(word) = text.split([' ', ',']).filter(|word| !word.is_empty()).nth(nth) {
                prop_assert!(Search::words(word).matches(&haystack), "{word:?}");
            }
        }

        /// A text is found as far as it has been typed, key by key: no result comes and goes while someone types on.
        #[test]
        fn a_text_is_found_at_every_key(text in "[가-힣]{1,6}") {
            let haystack = Haystack::of([SearchField::Shop.text(&text)]);
            let syllables: Vec<char> = text.chars().collect();
            for (nth, last) in syllables.iter().enumerate() {
                let before: String = syllables.iter().take(nth).collect();
                let whole = u32::from(*last) - 0xAC00;
                let half = char::from_u32(0xAC00 + whole / 28 * 28).unwrap();
                for typed in [half, *last] {
                    prop_assert!(Search::words(&format!("{before}{typed}")).matches(&haystack), "{before}{typed}");
                }
            }
        }

        #[test]
        fn nothing_typed_does_harm(typed in any::<String>(), text in any::<String>()) {
            let haystack = Haystack::of(SearchField::ALL.map(|field| field.text(&text)));
            let search = Search::parse(&typed);
            let found = search.texts(&haystack).iter().next().is_some();
            prop_assert_eq!(search.matches(&haystack) && !search.is_all(), found);
        }
    }
}
