//! A new order as strangers write it: brought into the one shape that the hub takes, before it is read strictly.

use gwanje_model::Pos;
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

/// Whether both places of an order, where given, are on Earth or on a plane.
pub(super) fn places_exist(order: &NewOrder) -> bool {
    let exists = |pos: Option<Pos>| match pos {
        Some(Pos::Geo { lat, lon }) => lat.abs() <= 90.0 && lon.abs() <= 180.0,
        Some(Pos::Plane { .. }) | None => true,
    };
    exists(order.shop.pos) && exists(order.dropoff.pos)
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
        assert!(places_exist(&order));
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
    fn a_place_off_the_earth_does_not_exist() {
        let order =
            tidied(json!({"shop": {"id": 5, "pos": {"lat": 99.0, "lon": 0.0}}, "dropoff": {"address": "x"}}));
        assert!(!places_exist(&serde_json::from_value(order).unwrap()));
    }
}
