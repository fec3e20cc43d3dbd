//! A store with a center, three riders, and short ways to order and act.

use gwanje_hub::Clock;
use gwanje_hub::store::{Ask, CenterRecord, Command, Decided, Intent, Signature, Store, StoreConfig};
use gwanje_model::{Cancel, CancelBy, CenterId, DeliveryId, Dropoff, Rider, RiderStatus, Shop, UtcMillis};
use gwanje_wire::NewOrder;

pub const START: UtcMillis = UtcMillis(1_772_413_200_000);

pub fn gangnam() -> CenterId {
    "gangnam".into()
}

pub fn config() -> StoreConfig {
    StoreConfig::temporary(Clock::drill(START, 0.0))
}

/// Sets up the center and its riders.
pub async fn prepare(store: &Store) {
    let center =
        CenterRecord { id: gangnam(), name: "강남".into(), pos: None, time_zone: "Asia/Seoul".into() };
    store.ensure_center(center).await.unwrap();
    let rider = |n: u32| Rider {
        id: format!("r{n}").into(),
        name: format!("라이더 {n}").into(),
        phone: "".into(),
        home: gangnam(),
        status: RiderStatus::Idle,
        pos: None,
        seen_at: None,
        load: 0,
    };
    store.upsert_riders(&gangnam(), (0..3).map(rider).collect()).await.unwrap();
}

pub fn order() -> NewOrder {
    NewOrder {
        order_no: "".into(),
        shop: Shop {
            id: "s".into(),
            name: "한솥".into(),
            phone: "".into(),
            address: "".into(),
            pos: None,
            remark: "".into(),
        },
        dropoff: Dropoff {
            address: "역삼동 1".into(),
            detail: "".into(),
            phone: "".into(),
            recipient_phone: "".into(),
            pos: None,
        },
        pickup_target_min: None,
        delivery_target_min: None,
        distance_m: None,
        items: Vec::new(),
        price_won: 1,
        request: "".into(),
        ready_at: None,
    }
}

pub fn create() -> Command {
    Command::new(gangnam(), Intent::Create(Box::new(order())), "callcenter", START)
}

pub fn act(id: u64, ask: Ask) -> Command {
    Command::new(gangnam(), Intent::Act(DeliveryId(id), ask), "dispatcher", START)
}

/// Who gives word on an alarm.
pub fn by(account: &str, seat: &str) -> Signature {
    Signature { account: account.into(), seat: seat.into() }
}

pub fn cancel() -> Ask {
    Ask::Cancel(Cancel { reason: "고객 변심".into(), by: CancelBy::Customer })
}

pub async fn done(store: &Store, command: Command) -> Decided {
    let outcome = store.execute(command).await.unwrap();
    assert!(outcome.result.is_ok(), "{outcome:?}");
    outcome
}
