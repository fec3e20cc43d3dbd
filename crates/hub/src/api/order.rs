//! A new order as strangers write it: brought into the one shape that the hub takes, before it is read strictly.

use gwanje_model::{Item, MAX_SAFE_INTEGER, Pos};
use gwanje_wire::NewOrder;
use serde_json::{Map, Value, json};

/// Members of an order that are texts.
const ORDER_TEXTS: [&str; 2] = ["orderNo", "request"];
/// Members of an order that are whole numbers.
const ORDER_NUMBERS: [&str; 5] = ["pickupTargetMin", "deliveryTargetMin", "distanceM", "priceWon", "readyAt"];
/// Members of a shop that are texts.
const SHOP_TEXTS: [&str; 5] = ["id", "name", "phone", "address", "remark"];
/// Members of a drop-off that are texts.
const DROPOFF_TEXTS: [&str; 4] = ["address", "detail", "phone", "recipientPhone"];
/// The name of the one item of an order that tells only how many items it has.
const SOME_ITEM: &str = "메뉴";

/// The same order with absent for null, texts for numbers that stand for texts, whole numbers for rounded ones, and
/// items as a list, however they were given. What can't be understood stays, and is refused by whoever reads it.
pub(super) fn tidied(mut said: Value) -> Value {
    let Some(order) = said.as_object_mut() else { return said };
    order.retain(|_, value| !value.is_null());
    texts(order, &ORDER_TEXTS);
    for key in ORDER_NUMBERS {
        if let Some(whole) = order.get(key).and_then(whole) {
            order.insert(key.to_owned(), whole);
        }
    }
    if let Some(shop) = order.get_mut("shop").and_then(Value::as_object_mut) {
        shop.retain(|_, value| !value.is_null());
        texts(shop, &SHOP_TEXTS);
        // A shop with only one of the two goes by that.
        for (absent, known) in [("id", "name"), ("name", "id")] {
            if !shop.contains_key(absent)
                && let Some(known) = shop.get(known).cloned()
            {
                shop.insert(absent.to_owned(), known);
            }
        }
    }
    if let Some(dropoff) = order.get_mut("dropoff").and_then(Value::as_object_mut) {
        dropoff.retain(|_, value| !value.is_null());
        texts(dropoff, &DROPOFF_TEXTS);
    }
    if let Some(items) = order.get_mut("items") {
        *items = match items.take() {
            Value::Array(list) => Value::Array(list.into_iter().map(item).collect()),
            Value::Number(count) => json!([{"name": SOME_ITEM, "quantity": count}]),
            one @ (Value::Null | Value::Bool(_) | Value::String(_) | Value::Object(_)) => {
                Value::Array(vec![item(one)])
            }
        };
    }
    said
}

/// Characters of a name, a number or a phone, of an address, of a request or remark.
const NAME_MAX: usize = 200;
const ADDRESS_MAX: usize = 500;
const REQUEST_MAX: usize = 2_000;
/// Items of an order, and the characters of all their names: a feast of 200 dishes.
const ITEMS_MAX: usize = 200;
const ITEM_NAMES_MAX: usize = 10_000;
/// Of one item.
const QUANTITY_MAX: u32 = 10_000;
/// Minutes of a target: a day.
const TARGET_MAX_MIN: u32 = 24 * 60;
/// Metres of a way, and from the middle of a plane.
const DISTANCE_MAX_M: u32 = 1_000_000;

/// Whether an order is one that people could have: no text, number or place beyond what a delivery ever has.
///
/// # Errors
/// What is beyond it, in words.
pub(super) fn fits(order: &NewOrder) -> Result<(), String> {
    let NewOrder { shop, dropoff, .. } = order;
    let texts = [
        ("orderNo", &order.order_no, NAME_MAX),
        ("request", &order.request, REQUEST_MAX),
        ("shop.id", &shop.id.0, NAME_MAX),
        ("shop.name", &shop.name, NAME_MAX),
        ("shop.phone", &shop.phone, NAME_MAX),
        ("shop.address", &shop.address, ADDRESS_MAX),
        ("shop.remark", &shop.remark, REQUEST_MAX),
        ("dropoff.address", &dropoff.address, ADDRESS_MAX),
        ("dropoff.detail", &dropoff.detail, ADDRESS_MAX),
        ("dropoff.phone", &dropoff.phone, NAME_MAX),
        ("dropoff.recipientPhone", &dropoff.recipient_phone, NAME_MAX),
    ];
    for (name, text, most) in texts {
        if text.chars().count() > most {
            return Err(format!("{name} has at most {most} characters"));
        }
    }
    fit(&order.items)?;
    let targets =
        [("pickupTargetMin", order.pickup_target_min), ("deliveryTargetMin", order.delivery_target_min)];
    for (name, target) in targets {
        if target.is_some_and(|min| !(1..=TARGET_MAX_MIN).contains(&min)) {
            return Err(format!("{name} is 1 to {TARGET_MAX_MIN} minutes"));
        }
    }
    if order.distance_m.is_some_and(|distance| distance > DISTANCE_MAX_M) {
        return Err(format!("distanceM is at most {DISTANCE_MAX_M}"));
    }
    let ready_at = order.ready_at.map_or(0, |at| at.0.unsigned_abs());
    for (name, value) in [("priceWon", order.price_won), ("readyAt", ready_at)] {
        if value > MAX_SAFE_INTEGER {
            return Err(format!("{name}: integers stay below 2^53"));
        }
    }
    for (name, pos) in [("shop.pos", shop.pos), ("dropoff.pos", dropoff.pos)] {
        if let Some(pos) = pos {
            exists(pos).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
    }
    Ok(())
}

/// Whether items are those of one order.
fn fit(items: &[Item]) -> Result<(), String> {
    if items.len() > ITEMS_MAX {
        return Err(format!("items: an order has at most {ITEMS_MAX}"));
    }
    for (nth, item) in items.iter().enumerate() {
        if item.name.chars().count() > NAME_MAX {
            return Err(format!("items[{nth}].name has at most {NAME_MAX} characters"));
        }
        if item.quantity > QUANTITY_MAX {
            return Err(format!("items[{nth}].quantity is at most {QUANTITY_MAX}"));
        }
    }
    if items.iter().map(|item| item.name.chars().count()).sum::<usize>() > ITEM_NAMES_MAX {
        return Err(format!("items: their names have at most {ITEM_NAMES_MAX} characters together"));
    }
    Ok(())
}

/// Whether a place is on Earth, or on a plane of a city's size.
///
/// # Errors
/// What it takes, without the field's name.
pub(super) fn exists(pos: Pos) -> Result<(), String> {
    match pos {
        Pos::Geo { lat, lon } if lat.abs() <= 90.0 && lon.abs() <= 180.0 => Ok(()),
        Pos::Geo { .. } => Err("a latitude is -90 to 90, a longitude -180 to 180".into()),
        Pos::Plane { x, y } if x.abs().max(y.abs()) <= f64::from(DISTANCE_MAX_M) => Ok(()),
        Pos::Plane { .. } => Err(format!("a place on a plane is at most {DISTANCE_MAX_M} m from its middle")),
    }
}

fn texts(object: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        if let Some(value) = object.get_mut(*key)
            && value.is_number()
        {
            *value = Value::String(value.to_string());
        }
    }
}

/// The whole number nearest to one with a fraction.
fn whole(value: &Value) -> Option<Value> {
    let number = value.as_f64().filter(|_| value.is_f64())?;
    format!("{:.0}", number.round()).parse::<i64>().ok().map(Value::from)
}

fn item(said: Value) -> Value {
    match said {
        Value::String(name) => json!({"name": name, "quantity": 1}),
        Value::Object(mut item) => {
            item.retain(|_, value| !value.is_null());
            Value::Object(item)
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: Value) -> Result<NewOrder, serde_json::Error> {
        serde_json::from_value(tidied(json!({
            "orderNo": 77, "request": null, "distanceM": 812.6, "priceWon": null, "readyAt": null, "items": items,
            "shop": {"name": "한솥", "phone": null, "pos": null},
            "dropoff": {"address": "역삼동 1", "detail": 3, "pos": {"lat": 37.5, "lon": 127.0}},
            "unheardOf": {"x": 1}
        })))
    }

    #[test]
    fn nulls_numbers_and_half_known_shops_are_understood() {
        let order = read(Value::Null).unwrap();
        assert_eq!((order.order_no.as_str(), order.distance_m), ("77", Some(813)));
        assert_eq!((order.shop.id.as_str(), order.shop.name.as_str()), ("한솥", "한솥"));
        assert_eq!((order.dropoff.detail.as_str(), order.ready_at), ("3", None));
        assert_eq!(fits(&order), Ok(()));
    }

    #[test]
    fn items_come_in_every_shape() {
        let names = |items: Value| {
            let order = read(items).unwrap();
            order.items.iter().map(|item| (item.name.to_string(), item.quantity)).collect::<Vec<_>>()
        };
        let pair = |name: &str, quantity| (name.to_owned(), quantity);
        assert_eq!(names(json!("도시락")), [pair("도시락", 1)]);
        assert_eq!(
            names(json!(["도시락", {"name": "국", "quantity": null}])),
            [pair("도시락", 1), pair("국", 1)]
        );
        assert_eq!(names(json!(3)), [pair(SOME_ITEM, 3)]);
        assert_eq!(names(json!([{"name": "국", "quantity": 2}])), [pair("국", 2)]);
        assert!(read(json!([[1]])).is_err() && read(json!({"quantity": 1})).is_err());
    }

    #[test]
    fn what_no_delivery_ever_has_is_named() {
        let beyond = |member: &str, value: Value| {
            let mut said = json!({
                "orderNo": "", "request": "", "items": [{"name": "국", "quantity": 1}], "pickupTargetMin": 1,
                "deliveryTargetMin": 1, "distanceM": 1, "priceWon": 1, "readyAt": 1,
                "shop": {"id": "s", "name": "한솥", "phone": "", "address": "", "remark": "", "pos": null},
                "dropoff": {"address": "x", "detail": "", "phone": "", "recipientPhone": "", "pos": null},
            });
            *said.pointer_mut(member).unwrap() = value;
            fits(&serde_json::from_value(tidied(said)).unwrap())
        };
        let long = |count: usize| json!("가".repeat(count));
        for (member, most, more) in [
            ("/orderNo", long(200), long(201)),
            ("/request", long(2_000), long(2_001)),
            ("/shop/id", long(200), long(201)),
            ("/shop/name", long(200), long(201)),
            ("/shop/phone", long(200), long(201)),
            ("/shop/address", long(500), long(501)),
            ("/shop/remark", long(2_000), long(2_001)),
            ("/dropoff/address", long(500), long(501)),
            ("/dropoff/detail", long(500), long(501)),
            ("/dropoff/phone", long(200), long(201)),
            ("/dropoff/recipientPhone", long(200), long(201)),
            ("/items/0/name", long(200), long(201)),
            ("/items/0/quantity", json!(10_000), json!(10_001)),
            ("/pickupTargetMin", json!(1), json!(0)),
            ("/deliveryTargetMin", json!(1_440), json!(4_000_000_000_u32)),
            ("/distanceM", json!(1_000_000), json!(1_000_001)),
            ("/priceWon", json!(MAX_SAFE_INTEGER), json!(MAX_SAFE_INTEGER + 1)),
            ("/readyAt", json!(MAX_SAFE_INTEGER), json!(MAX_SAFE_INTEGER + 1)),
            ("/shop/pos", json!({"lat": 90.0, "lon": -180.0}), json!({"lat": 90.1, "lon": 0.0})),
            ("/dropoff/pos", json!({"x": 1e6, "y": 0.0}), json!({"x": 1e308, "y": 0.0})),
        ] {
            assert_eq!(beyond(member, most), Ok(()), "{member}");
            assert!(beyond(member, more).is_err(), "{member}");
        }
    }
}
