//! From a row as read to a delivery, over what is known of it.

use super::{ForeignId, ForeignRow, RowReader, StatusRead};
use crate::field::{Field, Read};
use gwanje_model::{
    AssignedRider, Cancel, CancelBy, CenterId, Delivery, DeliveryId, Dropoff, Item, Pos, Rev, RiderId, Shop,
    ShopId, Status, Text, UtcMillis,
};
use thiserror::Error;

/// Targets in minutes where neither row nor dialect says any.
const PICKUP_TARGET_MIN: u32 = 30;
const DELIVERY_TARGET_MIN: u32 = 60;

/// Where a delivery belongs: what the row itself can't say.
#[derive(Debug, Clone, Copy)]
pub struct RowIdentity<'a> {
    /// The number of its id.
    pub id: DeliveryId,
    /// Its center.
    pub center: &'a CenterId,
    /// Its revision here.
    pub rev: Rev,
}

/// Why a row is no delivery.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Incomplete {
    /// Nothing says where it stands.
    #[error("a row without a status; check the path of `status` in the dialect")]
    NoStatus,
    /// Its status is a word that the dialect does not know.
    #[error("a row of a status that the dialect does not know; add the word to [statuses]")]
    UnknownStatus,
    /// Part of a row whose rest is not known.
    #[error("a part of a row that is not known yet")]
    Unknown,
}

impl ForeignRow {
    /// The delivery, over what is known of it.
    ///
    /// # Errors
    /// When its status can't be told, or it is a part of a row that is not known.
    pub fn complete(
        &self,
        reader: &RowReader,
        place: RowIdentity<'_>,
        known: Option<&Delivery>,
    ) -> Result<Delivery, Incomplete> {
        let base = known.filter(|_| self.partial);
        if self.partial && base.is_none() {
            return Err(Incomplete::Unknown);
        }
        let status = match self.status {
            StatusRead::Known(status) => status,
            StatusRead::Absent => base.map(|base| base.status).ok_or(Incomplete::NoStatus)?,
            StatusRead::Unknown | StatusRead::Gone => return Err(Incomplete::UnknownStatus),
        };
        let modified_at = self.modified_at.or_else(|| base.map(|base| base.modified_at)).unwrap_or_default();
        let name: Text = match &self.id {
            ForeignId::Number(number) => number.to_string().into(),
            ForeignId::Name(name) => name.as_str().into(),
        };
        let text = |field, old: Option<&Text>| self.text(field).or(old.cloned()).unwrap_or_default();
        let old = |field: Field, get: fn(&Delivery) -> &Text| text(field, base.map(get));
        let named = |field, old: Option<&Text>| {
            let told = self.text(field).filter(|text| !text.is_empty());
            told.or(old.cloned()).unwrap_or_else(|| name.clone())
        };
        let shop = Shop {
            id: ShopId(old(Field::ShopId, |row| &row.shop.id.0)),
            name: old(Field::ShopName, |row| &row.shop.name),
            phone: old(Field::ShopPhone, |row| &row.shop.phone),
            address: old(Field::ShopAddress, |row| &row.shop.address),
            pos: self.pos(
                [Field::ShopLat, Field::ShopLon, Field::ShopX, Field::ShopY],
                base.and_then(|row| row.shop.pos),
            ),
            remark: old(Field::ShopRemark, |row| &row.shop.remark),
        };
        let dropoff = Dropoff {
            address: old(Field::DropoffAddress, |row| &row.dropoff.address),
            detail: old(Field::DropoffDetail, |row| &row.dropoff.detail),
            phone: old(Field::DropoffPhone, |row| &row.dropoff.phone),
            recipient_phone: old(Field::DropoffRecipientPhone, |row| &row.dropoff.recipient_phone),
            pos: self.pos(
                [Field::DropoffLat, Field::DropoffLon, Field::DropoffX, Field::DropoffY],
                base.and_then(|row| row.dropoff.pos),
            ),
        };
        let mut delivery = Delivery {
            id: place.id,
            center: place.center.clone(),
            rev: place.rev,
            modified_at,
            number: named(Field::Number, base.map(|base| &base.number)),
            order_no: named(Field::OrderNo, base.map(|base| &base.order_no)),
            status,
            shop,
            dropoff,
            rider: self.rider(place.center, base, status),
            pickup_target_min: self
                .small(Field::PickupTargetMin, base.map_or(PICKUP_TARGET_MIN, |base| base.pickup_target_min)),
            delivery_target_min: self.small(
                Field::DeliveryTargetMin,
                base.map_or(DELIVERY_TARGET_MIN, |base| base.delivery_target_min),
            ),
            distance_m: self.small(Field::DistanceM, base.map_or(0, |base| base.distance_m)),
            items: self.items().or_else(|| base.map(|base| base.items.clone())).unwrap_or_default(),
            price_won: self.integer(Field::PriceWon).or(base.map(|base| base.price_won)).unwrap_or(0),
            request: old(Field::Request, |row| &row.request),
            notes: Vec::new(),
            received_at: modified_at,
            ready_at: self.time(Field::ReadyAt, base.and_then(|base| base.ready_at)),
            waiting_at: None,
            assigned_at: None,
            picked_up_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel: None,
            unknown: Default::default(),
        };
        self.set_instants(reader, &mut delivery, known, base);
        if status == Status::Cancelled {
            let before = known.and_then(|known| known.cancel.clone()).filter(|_| base.is_some());
            let by = match self.values.get(&Field::CancelBy) {
                Some(Some(Read::By(by))) => Some(*by),
                Some(_) | None => before.as_ref().map(|before| before.by),
            };
            let reason = self.text(Field::CancelReason).or(before.map(|before| before.reason));
            delivery.cancel =
                Some(Cancel { reason: reason.unwrap_or_default(), by: by.unwrap_or(CancelBy::System) });
        }
        Ok(delivery)
    }

    /// Takes the instants that the server tells. The others are the modification time at which the status was first
    /// seen.
    fn set_instants(
        &self,
        reader: &RowReader,
        delivery: &mut Delivery,
        known: Option<&Delivery>,
        base: Option<&Delivery>,
    ) {
        let (status, modified_at) = (delivery.status, delivery.modified_at);
        delivery.received_at = self
            .time(Field::ReceivedAt, base.map(|base| base.received_at))
            .or(known.map(|known| known.received_at))
            .unwrap_or(modified_at);
        let is_same_rider = known.is_some_and(|known| {
            let id = |rider: &Option<AssignedRider>| rider.as_ref().map(|rider| rider.id.clone());
            id(&known.rider) == id(&delivery.rider)
        });
        let instant = |field: Field, of: Status, get: fn(&Delivery) -> Option<UtcMillis>| {
            let told = self.time(field, base.and_then(get));
            if reader.tells(field) && told.is_some() {
                return told;
            }
            // A status that was left again has no instant any more.
            let is_reached = status == Status::Cancelled || of <= status;
            let before = known.and_then(get).filter(|_| is_reached && !reader.tells(field));
            if status != of {
                return before;
            }
            let still = known.filter(|known| known.status == of).and_then(get);
            let still = still.filter(|_| of != Status::Assigned || is_same_rider);
            Some(still.unwrap_or(modified_at))
        };
        let waiting_at = instant(Field::WaitingAt, Status::Waiting, |row| row.waiting_at);
        let assigned_at = instant(Field::AssignedAt, Status::Assigned, |row| row.assigned_at);
        let picked_up_at = instant(Field::PickedUpAt, Status::PickedUp, |row| row.picked_up_at);
        let delivered_at = instant(Field::DeliveredAt, Status::Delivered, |row| row.delivered_at);
        let cancelled_at = instant(Field::CancelledAt, Status::Cancelled, |row| row.cancelled_at)
            .filter(|_| status == Status::Cancelled);
        delivery.waiting_at = waiting_at;
        delivery.assigned_at = assigned_at;
        delivery.picked_up_at = picked_up_at;
        delivery.delivered_at = delivered_at.filter(|_| status != Status::Cancelled);
        delivery.cancelled_at = cancelled_at;
    }

    /// The rider. One on a delivery that is not assigned yet is a proposal, or a leftover: nobody is to be called about it.
    fn rider(&self, center: &CenterId, base: Option<&Delivery>, status: Status) -> Option<AssignedRider> {
        match status {
            Status::Received | Status::Waiting => return None,
            Status::Assigned | Status::PickedUp | Status::Delivered | Status::Cancelled => {}
        }
        let old = base.and_then(|base| base.rider.as_ref());
        let told = |field| self.values.contains_key(&field);
        if !told(Field::RiderId) && !told(Field::RiderName) {
            return old.cloned();
        }
        let filled = |field| self.text(field).filter(|text| !text.is_empty());
        let (id, name) = match (filled(Field::RiderId), filled(Field::RiderName)) {
            (Some(id), Some(name)) => (id, name),
            (Some(id), None) => {
                let same = old.filter(|old| old.id.0 == id && !told(Field::RiderName));
                let name = same.map_or_else(|| id.clone(), |old| old.name.clone());
                (id, name)
            }
            (None, Some(name)) => {
                // A server that knows riders by name only: the name is the id.
                let same = old.filter(|old| old.name == name && !told(Field::RiderId));
                let id = same.map_or_else(|| name.clone(), |old| old.id.0.clone());
                (id, name)
            }
            (None, None) => return None,
        };
        let same = old.filter(|old| old.id.0 == id);
        let home = match filled(Field::RiderHome) {
            Some(home) => CenterId(home),
            None => same
                .filter(|_| !told(Field::RiderHome))
                .map_or_else(|| center.clone(), |old| old.home.clone()),
        };
        let confirmed = match self.values.get(&Field::RiderConfirmed) {
            Some(Some(Read::Flag(confirmed))) => *confirmed,
            // Where the server does not tell, nobody is to be reminded.
            Some(_) | None => same.is_none_or(|old| old.confirmed),
        };
        Some(AssignedRider { id: RiderId(id), name, home, confirmed })
    }

    fn text(&self, field: Field) -> Option<Text> {
        match self.values.get(&field)? {
            Some(Read::Text(text)) => Some(text.clone()),
            // It says null: that is empty, not unknown.
            Some(_) | None => Some(Text::default()),
        }
    }

    fn integer(&self, field: Field) -> Option<u64> {
        match self.values.get(&field)? {
            Some(Read::Integer(number)) => Some(*number),
            Some(_) | None => None,
        }
    }

    fn small(&self, field: Field, otherwise: u32) -> u32 {
        self.integer(field).and_then(|number| u32::try_from(number).ok()).unwrap_or(otherwise)
    }

    fn time(&self, field: Field, old: Option<UtcMillis>) -> Option<UtcMillis> {
        match self.values.get(&field) {
            Some(Some(Read::Time(at))) => Some(*at),
            Some(_) => None,
            None => old,
        }
    }

    fn items(&self) -> Option<Vec<Item>> {
        match self.values.get(&Field::Items)? {
            Some(Read::Items(items)) => Some(items.clone()),
            Some(_) | None => Some(Vec::new()),
        }
    }

    fn pos(&self, [lat, lon, x, y]: [Field; 4], old: Option<Pos>) -> Option<Pos> {
        let decimal = |field| match self.values.get(&field) {
            Some(Some(Read::Decimal(number))) => Some(*number),
            Some(_) | None => None,
        };
        let geo = decimal(lat).zip(decimal(lon)).map(|(lat, lon)| Pos::Geo { lat, lon });
        let plane = decimal(x).zip(decimal(y)).map(|(x, y)| Pos::Plane { x, y });
        let told = [lat, lon, x, y].iter().any(|field| self.values.contains_key(field));
        geo.or(plane).or(old.filter(|_| !told))
    }
}
