//! Erasing a customer: by a phone, in whatever writing it stands somewhere, or by deliveries.
//!
//! Of the customer's own deliveries goes all that says who it was and where: address, phones, place, request, what was
//! noted. Anywhere else, in other deliveries' texts too, only the phone itself goes. What happened when stays.

use crate::standing::Standing;
use crate::write::{RowWrite, Write};
use gwanje_model::{Delivery, DeliveryId, Text, UtcMillis};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// A phone has at least this many digits beyond the 0 or the country that it begins with: fewer would be found everywhere.
const DIGITS_MIN: usize = 7;
/// The most digits of a phone (E.164).
const DIGITS_MAX: usize = 15;
/// What stands in a text where something was erased.
const ERASED: &str = "***";
/// The name of the change in history.
const ACTION: &str = "erase";
/// What names something, which a phone in it would be by chance; a change would cut it off from what it names.
const NAMES: [&str; 8] = ["id", "center", "home", "by", "account", "epoch", "status", "kind"];

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erasure {
    /// Phones by their digits, without country and leading zeros.
    phones: Vec<String>,
    /// Deliveries of the customer.
    deliveries: BTreeSet<DeliveryId>,
}

impl Erasure {
    /// Of a phone, as people write it; none: it has too few digits for one, or too many.
    #[must_use]
    pub fn of_phone(phone: &str) -> Option<Self> {
        let digits: String = phone.chars().filter_map(digit).collect();
        let is_international = phone.trim_start().starts_with(['+', '\u{ff0b}']);
        let national = match digits.strip_prefix("0082").or_else(|| digits.strip_prefix("82")) {
            Some(national) if is_international || digits.starts_with("00") || digits.len() > 10 => national,
            Some(_) | None => &digits,
        };
        let phone = national.trim_start_matches('0').to_owned();
        (DIGITS_MIN..=DIGITS_MAX)
            .contains(&phone.len())
            .then(|| Self { phones: vec![phone], ..Self::default() })
    }

    /// Of a delivery's customer.
    #[must_use]
    pub fn of_delivery(id: DeliveryId) -> Self {
        Self { deliveries: BTreeSet::from([id]), ..Self::default() }
    }

    /// The phones by which stores look, each as digits without country and leading zeros.
    #[must_use]
    pub fn phones(&self) -> &[String] {
        &self.phones
    }

    /// The deliveries that are known to be the customer's.
    #[must_use]
    pub fn deliveries(&self) -> &BTreeSet<DeliveryId> {
        &self.deliveries
    }

    /// Takes note that a delivery is the customer's: each of its states is erased, though the phone be in one alone.
    pub fn add(&mut self, id: DeliveryId) {
        self.deliveries.insert(id);
    }

    /// Whether a text may hold what is erased: none is left out, and looking costs no more than reading it.
    #[must_use]
    pub fn may_be_in(&self, text: &str) -> bool {
        let mut digits: Option<String> = None;
        self.phones.iter().any(|phone| {
            digits.get_or_insert_with(|| text.chars().filter_map(digit).collect()).contains(phone)
        })
    }

    /// Whether a delivery, as JSON, is the customer's by its phones.
    #[must_use]
    pub fn owns(&self, body: &str) -> bool {
        if !self.may_be_in(body) {
            return false;
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let phone = |name: &str| body.get("dropoff")?.get(name)?.as_str();
        ["phone", "recipientPhone"].into_iter().filter_map(phone).any(|phone| !self.places(phone).is_empty())
    }

    /// A delivery without what is erased; none: it holds nothing of it.
    #[must_use]
    pub fn row(&self, row: &Delivery) -> Option<Delivery> {
        let mut value = serde_json::to_value(row).ok()?;
        self.erase_in(row.id, &mut value).then(|| serde_json::from_value(value).ok()).flatten()
    }

    /// What is stored about a delivery, as JSON, without what is erased; none: it holds nothing of it. What a newer version
    /// wrote there is read, too.
    #[must_use]
    pub fn body(&self, of: DeliveryId, body: &str) -> Option<String> {
        if !self.deliveries.contains(&of) && !self.may_be_in(body) {
            return None;
        }
        let mut value = serde_json::from_str(body).ok()?;
        self.erase_in(of, &mut value).then(|| value.to_string())
    }

    /// What history says of a change in words, without what is erased; none: it holds nothing of it.
    #[must_use]
    pub fn detail(&self, of: DeliveryId, action: &str, detail: &str) -> Option<String> {
        // What somebody wrote about the customer, and what was amended.
        let is_of_customer = self.deliveries.contains(&of) && matches!(action, "note" | "amend");
        if is_of_customer && !detail.is_empty() && detail != ERASED {
            return Some(ERASED.to_owned());
        }
        self.text(detail)
    }

    /// What was answered to a command, as JSON, without what is erased; none: it holds nothing of it.
    #[must_use]
    pub fn answer(&self, body: &str) -> Option<String> {
        let mut value = serde_json::from_str(body).ok()?;
        let mut changed = self.forget_in(&mut value);
        changed |= self.clean(&mut value);
        changed.then(|| value.to_string())
    }

    /// Erases the customer's deliveries wherever they stand in an answer.
    fn forget_in(&self, value: &mut Value) -> bool {
        let id = value.get("id").and_then(Value::as_u64).filter(|_| value.get("dropoff").is_some());
        if id.is_some_and(|id| self.deliveries.contains(&DeliveryId(id))) {
            return forget_customer(value);
        }
        match value {
            Value::Object(fields) => each(fields.values_mut().map(|field| self.forget_in(field))),
            Value::Array(entries) => each(entries.iter_mut().map(|entry| self.forget_in(entry))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// Any JSON without the phones; none: it holds none.
    #[must_use]
    pub fn json(&self, text: &str) -> Option<String> {
        if !self.may_be_in(text) {
            return None;
        }
        match serde_json::from_str(text) {
            Ok(mut value) => self.clean(&mut value).then(|| value.to_string()),
            Err(_) => self.text(text),
        }
    }

    /// A text without the phones; none: it holds none.
    #[must_use]
    pub fn text(&self, text: &str) -> Option<String> {
        let mut places = self.places(text);
        if places.is_empty() {
            return None;
        }
        places.sort_by_key(|place| place.start);
        let (mut cleaned, mut from) = (String::with_capacity(text.len()), 0);
        for place in places {
            if place.start >= from {
                cleaned.push_str(text.get(from..place.start).unwrap_or_default());
                cleaned.push_str(ERASED);
            }
            from = from.max(place.end);
        }
        cleaned.push_str(text.get(from..).unwrap_or_default());
        Some(cleaned)
    }

    /// Erases in what is stored about a delivery; whether there was anything.
    fn erase_in(&self, of: DeliveryId, body: &mut Value) -> bool {
        let mut changed = self.deliveries.contains(&of) && forget_customer(body);
        changed |= self.clean(body);
        changed
    }

    fn clean(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.text(text) {
                Some(cleaned) => {
                    *text = cleaned;
                    true
                }
                None => false,
            },
            Value::Array(entries) => each(entries.iter_mut().map(|entry| self.clean(entry))),
            Value::Object(fields) => {
                let named = fields.iter_mut().filter(|(name, _)| !NAMES.contains(&name.as_str()));
                each(named.map(|(_, field)| self.clean(field)))
            }
            // A phone as a number: a newer version's, or a client's own.
            Value::Number(number) if number.is_u64() => {
                let is_phone = self.phones.iter().any(|phone| {
                    let text = number.to_string();
                    text == *phone || text.strip_prefix("82") == Some(phone)
                });
                if is_phone {
                    *value = Value::Null;
                }
                is_phone
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Where the phones stand in a text, each with what it begins with: 0, country, plus.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if self.phones.is_empty() {
            return found;
        }
        // Digits with where they stand; a letter between two digits parts them.
        let mut run: Vec<(char, Range<usize>)> = Vec::new();
        let mut plus = None;
        for (at, c) in text.char_indices().chain([(text.len(), 'x')]) {
            if let Some(digit) = digit(c) {
                run.push((digit, at..at + c.len_utf8()));
            } else if !is_sign(c) {
                self.places_in(&run, plus, &mut found);
                (run, plus) = (Vec::new(), None);
            } else if run.is_empty() {
                plus = matches!(c, '+' | '\u{ff0b}').then_some(at).or(plus);
            }
        }
        found
    }

    fn places_in(&self, run: &[(char, Range<usize>)], plus: Option<usize>, found: &mut Vec<Range<usize>>) {
        let digits: String = run.iter().map(|(digit, _)| *digit).collect();
        for phone in &self.phones {
            for (at, _) in digits.match_indices(phone.as_str()) {
                let before = digits.get(..at).unwrap_or_default();
                let bare = before.trim_end_matches('0');
                let bare = bare.strip_suffix("82").map_or(bare, |rest| rest.trim_end_matches('0'));
                let (first, last) = (bare.len(), at + phone.len() - 1);
                let (Some((_, start)), Some((_, end))) = (run.get(first), run.get(last)) else { continue };
                let start = if first == 0 { plus.unwrap_or(start.start) } else { start.start };
                found.push(start..end.end);
            }
        }
    }
}

/// Whether any was changed. Goes through all of them.
fn each(changed: impl Iterator<Item = bool>) -> bool {
    changed.filter(|changed| *changed).count() > 0
}

/// Takes from a delivery all that says who its customer is, and where; whether there was anything.
fn forget_customer(body: &mut Value) -> bool {
    let mut changed = false;
    let mut empty = |value: &mut Value, to: Value| {
        let is_there = !matches!(value, Value::Null) && *value != to;
        if is_there {
            *value = to;
        }
        changed |= is_there;
    };
    if let Some(Value::Object(dropoff)) = body.get_mut("dropoff") {
        for (name, field) in dropoff {
            let to = if name == "pos" || !field.is_string() { Value::Null } else { "".into() };
            empty(field, to);
        }
    }
    if let Some(request) = body.get_mut("request") {
        empty(request, "".into());
    }
    if let Some(Value::Array(notes)) = body.get_mut("notes") {
        notes.iter_mut().filter_map(|note| note.get_mut("text")).for_each(|text| empty(text, ERASED.into()));
    }
    changed
}

/// A digit, as ASCII has it.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10),
        _ => None,
    }
}

/// What people put between the digits of a phone.
fn is_sign(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '.' | ',' | '(' | ')' | '[' | ']' | '/' | '+' | '_' | '~' | '*' | ':' | '\u{b7}' | '\u{ad}'
                | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
                | '\u{30fb}' | '\u{30fc}' | '\u{318d}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0b}'..='\u{ff0f}'
        )
}

/// Gives live rows without what is erased their next revisions: boards are told of them as of any change.
///
/// # Errors
/// When a row can't be written as JSON.
pub fn erase(
    standing: &mut Standing,
    rows: Vec<(Cow<'_, Delivery>, Delivery)>,
    by: &Text,
    day: UtcMillis,
) -> serde_json::Result<Vec<Write>> {
    let write = |(before, mut row): (Cow<'_, Delivery>, Delivery)| {
        row.rev = standing.next_rev();
        row.modified_at = day;
        standing.row_changed(row.id, Some(before.rev), row.rev);
        let body: Arc<str> = serde_json::to_string(&row)?.into();
        let from = Some(before.status);
        let row = Arc::new(row);
        Ok(Write::Row(Box::new(RowWrite {
            row,
            body,
            before: Some(before.rev),
            from,
            by: by.clone(),
            action: ACTION,
            detail: Text::default(),
        })))
    };
    rows.into_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::tests::delivery;

    fn erasure() -> Erasure {
        Erasure::of_phone("010-1234-5678").unwrap()
    }

    #[test]
    fn a_phone_is_its_digits_in_whatever_writing() {
        for writing in [
            "01012345678",
            "010 1234 5678",
            "+82 10-1234-5678",
            "+82(0)10.1234.5678",
            "821012345678",
            "0082 10 1234 5678",
            "\u{ff10}\u{ff11}\u{ff10}-1234-5678",
        ] {
            assert_eq!(Erasure::of_phone(writing), Some(erasure()), "{writing}");
        }
        assert_eq!(Erasure::of_phone("02-555-1212").unwrap().phones(), ["25551212"]);
        assert_eq!(Erasure::of_phone("+1 650 555 1212").unwrap().phones(), ["16505551212"]);
        for writing in ["", "5678", "010-12", "1".repeat(20).as_str()] {
            assert_eq!(Erasure::of_phone(writing), None, "{writing}");
        }
    }

    #[test]
    fn it_is_found_in_every_writing_and_nothing_else_goes() {
        for (text, cleaned) in [
            ("010-1234-5678", "***"),
            ("call 010 1234 5678 please", "call *** please"),
            ("call 010 1234 5678, 2\u{ce35}", "call ***, 2\u{ce35}"),
            ("+82 10 1234 5678", "***"),
            ("(+82)10-1234-5678!", "(***!"),
            ("0 1 0 1 2 3 4 5 6 7 8", "***"),
            ("\u{ff10}\u{ff11}\u{ff10}\u{ff0d}1234\u{2013}5678", "***"),
            ("tel:01012345678;01012345678", "tel:***;***"),
            ("2\u{ce35} 010.1234.5678", "2\u{ce35} ***"),
        ] {
            assert_eq!(erasure().text(text).as_deref(), Some(cleaned), "{text}");
            assert!(erasure().may_be_in(text), "{text}");
            assert_eq!(erasure().text(cleaned), None, "nothing is left of {text}");
        }
        for text in ["", "010-1234-5679", "1234-5678", "010-1234-a-5678", "\u{ac15}\u{b0a8}\u{ad6c} 12"] {
            assert_eq!(erasure().text(text), None, "{text}");
        }
    }

    #[test]
    fn of_the_customers_deliveries_all_goes_and_of_others_the_phone_alone() {
        let mut own = delivery(1, 1);
        own.dropoff.phone = "+82 10 1234 5678".into();
        own.dropoff.address = "\u{c11c}\u{c6b8} 1".into();
        own.dropoff.detail = "101".into();
        own.request = "bell is broken".into();
        let body = serde_json::to_string(&own).unwrap();
        let mut erasure = erasure();
        assert!(erasure.owns(&body));
        erasure.add(own.id);
        let erased = erasure.row(&own).unwrap();
        assert_eq!(
            (erased.dropoff.phone.as_str(), erased.dropoff.address.as_str(), erased.dropoff.detail.as_str()),
            ("", "", "")
        );
        assert_eq!((erased.request.as_str(), erased.dropoff.pos), ("", None));
        assert_eq!((erased.shop.clone(), erased.number.clone()), (own.shop.clone(), own.number.clone()));
        assert_eq!(erasure.row(&erased), None, "once is enough");
        let stored: Delivery = serde_json::from_str(&erasure.body(own.id, &body).unwrap()).unwrap();
        assert_eq!(stored, erased);

        let mut other = delivery(2, 2);
        other.request = "or call 010 1234 5678".into();
        let body = serde_json::to_string(&other).unwrap();
        assert!(!erasure.owns(&body));
        let cleaned = erasure.row(&other).unwrap();
        assert_eq!(cleaned.request, "or call ***");
        assert_eq!(Delivery { request: other.request.clone(), ..cleaned }, other);
        assert_eq!(erasure.row(&delivery(3, 3)), None);
        assert_eq!(erasure.detail(own.id, "note", "the third floor").as_deref(), Some("***"));
        assert_eq!(erasure.detail(other.id, "note", "the third floor"), None);
        let cleaned = erasure.json(r#"{"q":"010-1234-5678","id":"01012345678"}"#).unwrap();
        let cleaned: Value = serde_json::from_str(&cleaned).unwrap();
        assert_eq!(
            cleaned,
            serde_json::json!({"id": "01012345678", "q": "***"}),
            "what names something stays"
        );
    }

    #[test]
    fn a_board_is_told_of_it_as_of_any_change() {
        let mut standing = Standing::new("e".into());
        let rev = standing.next_rev();
        standing.row_changed(DeliveryId(1), None, rev);
        let before = delivery(1, 1);
        let writes = erase(
            &mut standing,
            vec![(Cow::Borrowed(&before), before.clone())],
            &"system".into(),
            UtcMillis(9),
        );
        let [Write::Row(write)] = &writes.unwrap()[..] else { panic!("a row") };
        assert_eq!((write.row.rev.0, write.row.modified_at, write.action), (2, UtcMillis(9), "erase"));
        assert_eq!(standing.rows, gwanje_model::RowDigest::of([(DeliveryId(1), write.row.rev)]));
    }
}
