//! The texts by which a delivery is found.

use super::haystack::{Haystack, SearchText};
use crate::delivery::Delivery;

/// A searchable text of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SearchField {
    /// What people call it.
    Number,
    /// The order number of the shop's or portal's system.
    OrderNo,
    /// The shop's name.
    Shop,
    /// The shop's phone.
    ShopPhone,
    /// Where it goes.
    Address,
    /// Floor, door, entrance code.
    Detail,
    /// The customer's phone.
    Phone,
    /// The phone of whoever receives the order.
    RecipientPhone,
    /// The rider's name.
    Rider,
}

impl SearchField {
    /// Every field, in the order of a haystack's texts.
    pub const ALL: [Self; 9] = [
        Self::Number,
        Self::OrderNo,
        Self::Shop,
        Self::ShopPhone,
        Self::Address,
        Self::Detail,
        Self::Phone,
        Self::RecipientPhone,
        Self::Rider,
    ];

    /// Its name, in the vectors and for a page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::OrderNo => "orderNo",
            Self::Shop => "shop",
            Self::ShopPhone => "shopPhone",
            Self::Address => "address",
            Self::Detail => "detail",
            Self::Phone => "phone",
            Self::RecipientPhone => "recipientPhone",
            Self::Rider => "rider",
        }
    }

    /// A text as search sees it in this field.
    #[must_use]
    pub fn text(self, text: &str) -> SearchText<'_> {
        match self {
            Self::Number | Self::OrderNo => SearchText::Number(text),
            Self::ShopPhone | Self::Phone | Self::RecipientPhone => SearchText::Phone(text),
            Self::Shop | Self::Address | Self::Detail | Self::Rider => SearchText::Plain(text),
        }
    }

    /// What a delivery says in this field; empty when it says nothing.
    #[must_use]
    pub fn of(self, row: &Delivery) -> SearchText<'_> {
        let text = match self {
            Self::Number => &row.number,
            Self::OrderNo => &row.order_no,
            Self::Shop => &row.shop.name,
            Self::ShopPhone => &row.shop.phone,
            Self::Address => &row.dropoff.address,
            Self::Detail => &row.dropoff.detail,
            Self::Phone => &row.dropoff.phone,
            Self::RecipientPhone => &row.dropoff.recipient_phone,
            Self::Rider => return self.text(row.rider.as_ref().map_or("", |rider| &rider.name)),
        };
        self.text(text)
    }
}

impl Haystack {
    /// The texts of a delivery, in the order of [`SearchField::ALL`].
    #[must_use]
    pub fn of_delivery(row: &Delivery) -> Self {
        Self::of(SearchField::ALL.map(|field| field.of(row)))
    }
}
