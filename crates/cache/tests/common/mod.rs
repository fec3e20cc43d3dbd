//! Rows and batches to test with.

use gwanje_cache::{CacheBatch, CacheCursor, CachedRow};
use gwanje_model::{
    CenterId, Delivery, DeliveryId, Dropoff, Epoch, Rev, RowDigest, Shop, ShopId, Status, UtcMillis,
};
use std::sync::Arc;

pub fn center() -> CenterId {
    CenterId::from("gangnam")
}

pub fn delivery(id: u64, rev: u64) -> Arc<Delivery> {
    Arc::new(Delivery {
        id: DeliveryId(id),
        center: center(),
        rev: Rev(rev),
        modified_at: UtcMillis(1_700_000_000_000),
        number: format!("{id}").into(),
        order_no: format!("TBIYHG{id:06}").into(),
        status: Status::Waiting,
        shop: Shop {
            id: ShopId::from("s1"),
            name: "엄마손치킨 도곡점".into(),
            phone: "02-555-0100".into(),
            address: "서울 강남구 도곡로 1".into(),
            pos: None,
            remark: Default::default(),
        },
        dropoff: Dropoff {
            address: "서울 강남구 역삼로 22".into(),
            detail: "101동 1203호".into(),
            phone: "010-0000-0000".into(),
            recipient_phone: Default::default(),
            pos: None,
        },
        rider: None,
        pickup_target_min: 15,
        delivery_target_min: 30,
        distance_m: 1_200,
        items: Vec::new(),
        price_won: 18_000,
        request: "문 앞에 두고 벨 눌러 주세요".into(),
        notes: Vec::new(),
        received_at: UtcMillis(1_700_000_000_000),
        ready_at: None,
        waiting_at: Some(UtcMillis(1_700_000_060_000)),
        assigned_at: None,
        picked_up_at: None,
        delivered_at: None,
        cancelled_at: None,
        cancel: None,
        unknown: Default::default(),
    })
}

pub fn row(id: u64, rev: u64) -> CachedRow {
    CachedRow { id: DeliveryId(id), rev: Rev(rev), delivery: Some(delivery(id, rev)) }
}

/// A batch that leaves exactly `after` as the rows of the center.
pub fn batch(upserts: Vec<CachedRow>, removes: &[u64], after: &[(u64, u64)], rev: u64) -> CacheBatch {
    CacheBatch {
        upserts,
        removes: removes.iter().map(|id| DeliveryId(*id)).collect(),
        cursor: Some(CacheCursor { epoch: Epoch::from("01EPOCH"), rev: Rev(rev) }),
        rows: RowDigest::of(after.iter().map(|(id, rev)| (DeliveryId(*id), Rev(*rev)))),
        ..CacheBatch::empty(center())
    }
}
