//! Our fields that a dialect can fill, by the names of the wire contract, and how each is read.

use crate::path::JsonPath;
use crate::scalar::text;
use crate::time::{TimeFormat, Zone};
use gwanje_model::{CancelBy, Item, MAX_SAFE_INTEGER, Text, UtcMillis};
use serde_json::Value;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Decimal,
    Time,
    Flag,
    By,
    Items,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $name:literal $kind:ident),* $(,)?) => {
        /// A field of a delivery that a dialect can fill.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $field),*
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// Its name in a dialect file.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$field => $name),* }
            }

            pub(crate) fn kind(self) -> Kind {
                match self { $(Self::$field => Kind::$kind),* }
            }
        }
    };
}

fields! {
    /// What people call the delivery.
    Number "number" Text,
    /// The order number of the shop's or portal's system.
    OrderNo "orderNo" Text,
    /// The shop's id.
    ShopId "shop.id" Text,
    /// The shop's name.
    ShopName "shop.name" Text,
    /// The shop's phone.
    ShopPhone "shop.phone" Text,
    /// The shop's address.
    ShopAddress "shop.address" Text,
    /// What a dispatcher should know of the shop.
    ShopRemark "shop.remark" Text,
    /// The shop's latitude, degrees.
    ShopLat "shop.lat" Decimal,
    /// The shop's longitude, degrees.
    ShopLon "shop.lon" Decimal,
    /// The shop's place on a local plane, metres east.
    ShopX "shop.x" Decimal,
    /// The shop's place on a local plane, metres north.
    ShopY "shop.y" Decimal,
    /// Where it goes.
    DropoffAddress "dropoff.address" Text,
    /// Floor, door, entrance code.
    DropoffDetail "dropoff.detail" Text,
    /// The customer's phone.
    DropoffPhone "dropoff.phone" Text,
    /// The phone of whoever receives it.
    DropoffRecipientPhone "dropoff.recipientPhone" Text,
    /// The drop-off's latitude, degrees.
    DropoffLat "dropoff.lat" Decimal,
    /// The drop-off's longitude, degrees.
    DropoffLon "dropoff.lon" Decimal,
    /// The drop-off's place on a local plane, metres east.
    DropoffX "dropoff.x" Decimal,
    /// The drop-off's place on a local plane, metres north.
    DropoffY "dropoff.y" Decimal,
    /// The rider's id.
    RiderId "rider.id" Text,
    /// The rider's name.
    RiderName "rider.name" Text,
    /// The rider's own center.
    RiderHome "rider.home" Text,
    /// Whether the rider confirmed.
    RiderConfirmed "rider.confirmed" Flag,
    /// Minutes from receipt within which it should be picked up.
    PickupTargetMin "pickupTargetMin" Integer,
    /// Minutes from receipt within which it should be delivered.
    DeliveryTargetMin "deliveryTargetMin" Integer,
    /// Metres from shop to drop-off.
    DistanceM "distanceM" Integer,
    /// What was ordered.
    Items "items" Items,
    /// The price in won.
    PriceWon "priceWon" Integer,
    /// The customer's request.
    Request "request" Text,
    /// When it was taken in.
    ReceivedAt "receivedAt" Time,
    /// When the meal should be ready.
    ReadyAt "readyAt" Time,
    /// When it was accepted.
    WaitingAt "waitingAt" Time,
    /// When its rider was assigned.
    AssignedAt "assignedAt" Time,
    /// When it was picked up.
    PickedUpAt "pickedUpAt" Time,
    /// When it was delivered.
    DeliveredAt "deliveredAt" Time,
    /// When it was cancelled.
    CancelledAt "cancelledAt" Time,
    /// Why it was cancelled.
    CancelReason "cancel.reason" Text,
    /// Who cancelled it.
    CancelBy "cancel.by" By,
}

impl Field {
    /// The field of that name in a dialect file.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }
}

/// Lines of one order that are kept.
const MAX_ITEMS: usize = 200;

/// A value as read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read {
    Text(Text),
    Integer(u64),
    Decimal(f64),
    Time(UtcMillis),
    Flag(bool),
    By(CancelBy),
    Items(Vec<Item>),
}

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// In the row.
    Path(JsonPath),
    /// Always this.
    Constant(Read),
}

/// How a field is filled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filling {
    pub(crate) origin: Origin,
    pub(crate) reading: Reading,
    /// When the row lacks it, or holds what can't be read.
    pub(crate) default: Option<Read>,
}

/// How a value is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) kind: Kind,
    /// Numbers are multiplied by this.
    pub(crate) scale: f64,
    /// Of instants; none: the dialect's.
    pub(crate) format: Option<TimeFormat>,
    /// Of flags: what means yes; empty: true, a number other than 0, or one of the usual words.
    pub(crate) yes: Vec<String>,
    /// Of `cancel.by`: their word for each.
    pub(crate) by: Vec<(CancelBy, Vec<String>)>,
    /// Of items: where name and quantity lie in each.
    pub(crate) item_name: JsonPath,
    pub(crate) item_quantity: Option<JsonPath>,
}

impl Reading {
    pub(crate) fn plain(kind: Kind) -> Self {
        Self {
            kind,
            scale: 1.0,
            format: None,
            yes: Vec::new(),
            by: Vec::new(),
            item_name: JsonPath::whole(),
            item_quantity: None,
        }
    }

    /// Reads a value that is not null; none: it is not of this kind.
    pub(crate) fn read(&self, value: &Value, format: &TimeFormat, zone: &Zone) -> Option<Read> {
        Some(match self.kind {
            Kind::Text => Read::Text(text(value)?),
            Kind::Integer => Read::Integer(integer(value, self.scale)?),
            Kind::Decimal => Read::Decimal(number(value)? * self.scale),
            Kind::Time => Read::Time(self.format.as_ref().unwrap_or(format).read(value, zone)?),
            Kind::Flag => Read::Flag(self.flag(value)?),
            Kind::By => Read::By(self.cancel_by(value)?),
            Kind::Items => Read::Items(self.items(value)?),
        })
    }

    fn flag(&self, value: &Value) -> Option<bool> {
        const USUAL: [&str; 6] = ["true", "y", "yes", "1", "o", "예"];
        let word = text(value)?;
        if !self.yes.is_empty() {
            return Some(self.yes.iter().any(|yes| *yes == word));
        }
        Some(match value {
            Value::Bool(flag) => *flag,
            Value::Number(_) => number(value)? != 0.0,
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                USUAL.contains(&word.to_lowercase().as_str())
            }
        })
    }

    fn cancel_by(&self, value: &Value) -> Option<CancelBy> {
        let word = text(value)?;
        self.by.iter().find(|(_, words)| words.iter().any(|known| *known == word)).map(|(by, _)| *by)
    }

    fn items(&self, value: &Value) -> Option<Vec<Item>> {
        let item = |value: &Value| {
            let name = text(self.item_name.find(value)?)?;
            let quantity =
                self.item_quantity.as_ref().and_then(|path| path.find(value)).and_then(|v| integer(v, 1.0));
            Some(Item { name, quantity: quantity.and_then(|n| u32::try_from(n).ok()).unwrap_or(1) })
        };
        Some(value.as_array()?.iter().take(MAX_ITEMS).filter_map(item).collect())
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        // Thousands may be set off: "12,000".
        Value::String(text) => text.trim().replace(',', "").parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
    .filter(|number: &f64| number.is_finite())
}

fn integer(value: &Value, scale: f64) -> Option<u64> {
    let scaled = (number(value)? * scale).round();
    (0.0..=MAX_SAFE_INTEGER as f64).contains(&scaled).then_some(scaled as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(reading: &Reading, value: Value) -> Option<Read> {
        reading.read(&value, &TimeFormat::Rfc3339, &Zone::of("UTC").unwrap())
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for field in Field::ALL {
            assert_eq!(Field::parse(field.name()), Some(*field));
        }
        assert_eq!(Field::parse("shop"), None);
    }

    #[test]
    fn unkind_values_are_read_where_they_mean_something() {
        let plain = Reading::plain;
        let km = Reading { scale: 1_000.0, ..plain(Kind::Integer) };
        let yes = Reading { yes: vec!["02".to_owned()], ..plain(Kind::Flag) };
        for (reading, value, expected) in [
            (plain(Kind::Text), json!(" 김밥 "), Some(Read::Text("김밥".into()))),
            (plain(Kind::Text), json!(12), Some(Read::Text("12".into()))),
            (plain(Kind::Text), json!(12.0), Some(Read::Text("12".into()))),
            (plain(Kind::Text), json!({}), None),
            (plain(Kind::Integer), json!("12,000"), Some(Read::Integer(12_000))),
            (plain(Kind::Integer), json!(-1), None),
            (plain(Kind::Integer), json!(1e300), None),
            (km, json!(1.2345), Some(Read::Integer(1_235))),
            (plain(Kind::Decimal), json!("37.5"), Some(Read::Decimal(37.5))),
            (plain(Kind::Decimal), json!("NaN"), None),
            (plain(Kind::Flag), json!("Y"), Some(Read::Flag(true))),
            (plain(Kind::Flag), json!(0), Some(Read::Flag(false))),
            (yes.clone(), json!("02"), Some(Read::Flag(true))),
            (yes, json!("Y"), Some(Read::Flag(false))),
            (plain(Kind::Items), json!(["밥", 3, {}]), {
                let item = |name: &str| Item { name: name.into(), quantity: 1 };
                Some(Read::Items(vec![item("밥"), item("3")]))
            }),
            (plain(Kind::Time), json!("1970-01-01T00:00:01Z"), Some(Read::Time(UtcMillis(1_000)))),
        ] {
            assert_eq!(read(&reading, value.clone()), expected, "{value}");
        }
    }
}
