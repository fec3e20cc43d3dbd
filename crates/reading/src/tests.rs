use super::*;
use proptest::prelude::*;
use serde_json::json;

fn read(bytes: &[u8], content_type: Option<&str>) -> (Value, Mended) {
    let decoded = text(bytes, content_type);
    values(&decoded.text, decoded.is_cut).unwrap()
}

fn mended(of: &[(Flaw, &str, u64)]) -> Mended {
    Mended { by: of.iter().map(|(flaw, field, count)| ((*flaw, (*field).to_owned()), *count)).collect() }
}

#[test]
fn half_a_character_costs_itself_and_is_counted_where_it_stands() {
    let half = Flaw::HalfCharacter;
    for (bytes, memo, count) in [
        (&br#"[{"id":1,"memo":"\ud83c"},{"id":2}]"#[..], "\u{fffd}", 1),
        (br#"[{"id":1,"memo":"a\udf55\ud83c\udf55b"},{"id":2}]"#, "a\u{fffd}\u{1f355}b", 1),
        (br#"[{"id":1,"memo":"\ud83c\ud83c"},{"id":2}]"#, "\u{fffd}\u{fffd}", 2),
        (br#"[{"id":1,"memo":"cut \ud8"},{"id":2}]"#, "cut \u{fffd}", 1),
        (b"[{\"id\":1,\"memo\":\"\xed\x95\x9c\xec\x86\"},{\"id\":2}]", "한\u{fffd}", 1),
        (b"[{\"id\":1,\"memo\":\"\xff\"},{\"id\":2}]", "\u{fffd}", 1),
    ] {
        let (value, flaws) = read(bytes, None);
        assert_eq!(value, json!([{"id": 1, "memo": memo}, {"id": 2}]));
        assert_eq!(flaws, mended(&[(half, "memo", count)]));
    }
    let (value, flaws) = read(r#"{"memo":"\ufffd 한"}"#.as_bytes(), None);
    assert_eq!((value, flaws), (json!({"memo": "\u{fffd} 한"}), Mended::default()), "it was sent as such");
}

#[test]
fn no_number_is_null_and_a_spelling_of_another_language_is_read() {
    let (value, flaws) = read(
        br#"{"a":[{"lat":NaN,"lon":-Infinity},1e999],"b":Infinity,"c":.5,"d":+5,"e":True,"f":None,"g":007}"#,
        None,
    );
    assert_eq!(
        value,
        json!({"a": [{"lat": null, "lon": null}, null], "b": null, "c": 0.5, "d": 5.0, "e": true, "f": null, "g": 7.0})
    );
    let (none, spelled) = (Flaw::NoNumber, Flaw::Spelling);
    let expected = [
        (none, "a", 1),
        (none, "b", 1),
        (none, "lat", 1),
        (none, "lon", 1),
        (spelled, "c", 1),
        (spelled, "d", 1),
        (spelled, "e", 1),
        (spelled, "f", 1),
        (spelled, "g", 1),
    ];
    assert_eq!(flaws, mended(&expected));
    assert!(values(r#"{"a":nonsense}"#, false).is_err());
    assert_eq!(read(br#"{"a":"NaN, \"Infinity\" -"}"#, None).1, Mended::default(), "words are words");
}

#[test]
fn charsets_are_those_of_the_mark_or_of_the_content_type() {
    let korean = b"[\"\xc7\xd1\xbc\xdc\"]";
    for told in [
        "application/json; charset=EUC-KR",
        "text/plain;charset=\"ks_c_5601-1987\"",
        "application/json; boundary=x; Charset=CP949",
        "application/json; charset=ms949",
    ] {
        assert_eq!(read(korean, Some(told)), (json!(["한솥"]), Mended::default()), "{told}");
    }
    assert_eq!(
        read(b"\xef\xbb\xbf[1]", Some("application/json; charset=EUC-KR")).0,
        json!([1]),
        "the mark decides"
    );
    let wide: Vec<u8> = "\u{feff}[\"한\"]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&wide, None).0, json!(["한"]));
    assert_eq!(read("[\"한\"]".as_bytes(), Some("application/json; charset=nonsense")).0, json!(["한"]));
}

#[test]
fn characters_that_must_be_escaped_are_kept() {
    let (value, flaws) = read(b"{\"memo\":\"a\nb\tc\\'d\"}", None);
    assert_eq!(value, json!({"memo": "a\nb\tc'd"}));
    assert_eq!(flaws, mended(&[(Flaw::Escape, "memo", 3)]));
}

#[test]
fn several_values_of_a_text_are_read_one_by_one() {
    for text in [
        "{\"id\":1}\n{\"id\":2}",
        "{\"id\":1}{\"id\":2}",
        "{\"id\":1}\r\n\r\n{\"id\":2}\n",
        "{\"id\":1}\u{1e}{\"id\":2}\u{1e}",
    ] {
        assert_eq!(several(text).unwrap().0, [json!({"id": 1}), json!({"id": 2})], "{text:?}");
    }
    assert_eq!(several("\n").unwrap().0, Vec::<Value>::new());
    assert!(several("{\"id\":1}\n{\"id\"").is_err());
}

#[test]
fn whole_numbers_with_a_point_are_integers() {
    assert_eq!(
        whole(json!({"a": [1.0, 1.5, -0.0, 1e300], "b": 3})),
        json!({"a": [1, 1.5, 0, 1e300], "b": 3})
    );
    assert_eq!(typed::<Vec<u32>>(b"\xef\xbb\xbf[2.0, 3]", None).unwrap(), [2, 3]);
    let error = typed::<Vec<u32>>(b"[2,\n \"x\"]", None).unwrap_err();
    assert_eq!((error.line(), error.column()), (2, 4));
}

proptest! {
    #[test]
    fn a_sound_text_is_never_changed(value in "[a-z\"\\\\가🍕0-9\u{fffd}]{0,12}", number in any::<f64>()) {
        let text = json!({"k": value, "n": number, "l": [value]}).to_string();
        let (mended, flaws) = mend::mend(&text, false);
        prop_assert_eq!(&mended, &text);
        prop_assert!(flaws.is_empty());
    }

    #[test]
    fn no_text_makes_it_stumble(text in "[\\[\\]{}\":,\\\\uNa0-9dD. +\\-가\u{0}-\u{1f}]{0,40}") {
        let _ = values(&text, true);
        let _ = several(&text);
    }
}
