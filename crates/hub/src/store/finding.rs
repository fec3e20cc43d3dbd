//! Whether a stored delivery is found by what someone typed, as the app's boards find it.

use gwanje_model::search::{Haystack, Search, SearchField};
use serde::Deserialize;
use std::borrow::Cow;

/// Whether a delivery, as its JSON is stored, is found.
pub(super) fn matches(search: &Search, body: &str) -> serde_json::Result<bool> {
    let texts: Texts<'_> = serde_json::from_str(body)?;
    Ok(search.matches(&Haystack::of(SearchField::ALL.map(|field| field.text(texts.of(field))))))
}

/// What a stored delivery says where it is searched.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Texts<'a> {
    #[serde(borrow)]
    number: Cow<'a, str>,
    #[serde(borrow)]
    order_no: Cow<'a, str>,
    #[serde(borrow)]
    shop: Shop<'a>,
    #[serde(borrow)]
    dropoff: Dropoff<'a>,
    #[serde(borrow)]
    rider: Option<Rider<'a>>,
}

#[derive(Deserialize)]
struct Shop<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    phone: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dropoff<'a> {
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow, default)]
    detail: Cow<'a, str>,
    #[serde(borrow, default)]
    phone: Cow<'a, str>,
    #[serde(borrow, default)]
    recipient_phone: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Rider<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl Texts<'_> {
    fn of(&self, field: SearchField) -> &str {
        match field {
            SearchField::Number => &self.number,
            SearchField::OrderNo => &self.order_no,
            SearchField::Shop => &self.shop.name,
            SearchField::ShopPhone => &self.shop.phone,
            SearchField::Address => &self.dropoff.address,
            SearchField::Detail => &self.dropoff.detail,
            SearchField::Phone => &self.dropoff.phone,
            SearchField::RecipientPhone => &self.dropoff.recipient_phone,
            SearchField::Rider => self.rider.as_ref().map_or("", |rider| &rider.name),
        }
    }
}
