//! Deliveries for benchmarks: of a realistic size (about 900 bytes as JSON), made from a number alone.

use gwanje_model::{
    AssignedRider, CenterId, Delivery, DeliveryId, Dropoff, Item, Pos, Rev, RiderId, Shop, Status, UtcMillis,
};

/// The center they belong to.
pub const CENTER: &str = "gangnam";
/// 2026-01-05 10:00 in Seoul.
pub const DAY_START: UtcMillis = UtcMillis(1_767_574_800_000);
const SHOPS: [&str; 7] =
    ["강남순두부", "공수간 역삼점", "대동참치", "W카페 역삼4호점", "레프트코스트", "한촌설렁탕", "소녀냉면"];
const RIDERS: [&str; 5] = ["나사랑", "임창진", "이용권", "한동진", "남소희"];

/// The SplitMix64 step: a stream of numbers without state beyond one integer.
#[must_use]
pub fn scramble(n: u64) -> u64 {
    gwanje_model::digest::mix(n.wrapping_add(0x9E37_79B9_7F4A_7C15))
}

/// One of some, by a number.
fn pick<T: Copy + Default>(number: u64, among: &[T]) -> T {
    let at = number.checked_rem(among.len() as u64).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| among.get(at)).copied().unwrap_or_default()
}

/// Delivery number `id`, at revision `rev`; the revision decides status, rider and times.
#[must_use]
pub fn delivery(id: u64, rev: u64) -> Delivery {
    let (fixed, moving) = (scramble(id), scramble(id ^ rev.rotate_left(32)));
    let received_at = DAY_START.plus_ms(i64::try_from(fixed % 36_000_000).unwrap_or_default());
    let status = pick(moving, &Status::ALL.map(Some)[..5]).unwrap_or(Status::Received);
    let reached = |wanted: Status, min: i64| (status >= wanted).then(|| received_at.plus_min(min));
    let rider = pick(moving >> 8, &RIDERS);
    let lat = 37.49 + f64::from(u16::try_from(fixed >> 48).unwrap_or_default()) / 2e6;
    let pos = Pos::Geo { lat, lon: 127.03 };
    Delivery {
        id: DeliveryId(id),
        center: CENTER.into(),
        rev: Rev(rev),
        modified_at: received_at.plus_ms(i64::try_from(rev % 3_600_000).unwrap_or_default()),
        number: format!("{}", 10_000 + id).into(),
        order_no: format!("TBIYHG{id:06}").into(),
        status,
        shop: Shop {
            id: format!("shop-{}", fixed % 254).as_str().into(),
            name: pick(fixed >> 3, &SHOPS).into(),
            phone: "070-4416-0849".into(),
            address: "서울 강남구 역삼동 754-1".into(),
            pos: Some(pos),
            remark: "".into(),
        },
        dropoff: Dropoff {
            address: format!("서울 강남구 대치동 {}", fixed % 1_200).into(),
            detail: format!("{}호", fixed % 900).into(),
            phone: "010-0000-9856".into(),
            recipient_phone: "".into(),
            pos: Some(pos),
        },
        rider: (status >= Status::Assigned).then(|| AssignedRider {
            id: RiderId::from(rider),
            name: rider.into(),
            home: CenterId::from(CENTER),
            confirmed: moving & 1 == 0,
        }),
        pickup_target_min: 15,
        delivery_target_min: 30,
        distance_m: u32::try_from(fixed % 5_000).unwrap_or_default(),
        items: vec![
            Item { name: "허니콤보".into(), quantity: 1 },
            Item { name: "콜라 1.25L".into(), quantity: 1 },
        ],
        price_won: 23_000,
        request: "문 앞에 놓아주세요".into(),
        notes: Vec::new(),
        received_at,
        ready_at: Some(received_at.plus_min(12)),
        waiting_at: reached(Status::Waiting, 1),
        assigned_at: reached(Status::Assigned, 4),
        picked_up_at: reached(Status::PickedUp, 15),
        delivered_at: reached(Status::Delivered, 28),
        cancelled_at: None,
        cancel: None,
        unknown: Default::default(),
    }
}
