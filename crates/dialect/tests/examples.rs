//! The worked examples of the guide are dialects, and read what their servers send.
#![cfg(test)] // so that clippy takes the helpers for tests too

use gwanje_dialect::{Dialect, ForeignId, RowIdentity, Socket};
use gwanje_model::{Cancel, CancelBy, CenterId, Delivery, DeliveryId, Item, Pos, Rev, Status, UtcMillis};
use serde_json::{Value, json};

const LEGACY: &str = include_str!("../../../docs/dialects/legacy.toml");
const STOMP: &str = include_str!("../../../docs/dialects/stomp.toml");
const WEBSOCKET: &str = include_str!("../../../docs/dialects/websocket.toml");

/// 2026-11-21 18:03:22 in Seoul.
const AT: UtcMillis = UtcMillis(1_795_251_802_000);

fn delivery(dialect: &Dialect, row: &Value) -> Delivery {
    let row = dialect.rows.read(row).unwrap();
    assert_eq!(row.unreadable_fields, 0);
    let place = RowIdentity { id: DeliveryId(7), center: &dialect.center.id, rev: Rev(1) };
    row.complete(&dialect.rows, place, None).unwrap()
}

/// What the three rows below say.
fn check(delivery: &Delivery, order_no: &str) {
    assert_eq!(delivery.order_no, order_no);
    assert_eq!((delivery.number.as_str(), delivery.status), ("74829", Status::Cancelled));
    assert_eq!((delivery.modified_at, delivery.received_at, delivery.cancelled_at), (AT, AT, Some(AT)));
    assert_eq!(delivery.waiting_at, None);
    assert_eq!((delivery.shop.id.as_str(), delivery.shop.name.as_str()), ("S1", "서울분식"));
    assert_eq!(delivery.shop.pos, Some(Pos::Geo { lat: 37.5, lon: 127.04 }));
    assert_eq!(delivery.dropoff.detail, "3층");
    let rider = delivery.rider.as_ref().unwrap();
    assert_eq!((rider.id.as_str(), rider.name.as_str(), rider.confirmed), ("R001", "김민준", false));
    assert_eq!(rider.home, CenterId::from("seocho"));
    assert_eq!((delivery.pickup_target_min, delivery.delivery_target_min), (15, 30));
    assert_eq!((delivery.distance_m, delivery.price_won), (1_250, 13_000));
    assert_eq!(delivery.items, [Item { name: "떡볶이".into(), quantity: 2 }]);
}

#[test]
fn the_legacy_server_s_rows_are_read() {
    let dialect = Dialect::parse(LEGACY).unwrap();
    let at = "2026-11-21 18:03:22";
    let row = json!({
        "ordrNo": "TBIYHG000005", "dlvryNo": 74829, "sttsCd": "CNCL",
        "storInfo": {"storId": "S1", "storNm": "서울분식", "telno": "", "addr": "", "loc": {"lat": "37.5", "lng": "127.04"}},
        "custInfo": {"addr": {"base": "", "dtl": "3층"}, "telno": "", "loc": {"lat": "37.5", "lng": "127.04"}},
        "riderInfo": {"riderId": "R001", "riderNm": "김민준", "cntrCd": "seocho", "cnfrmYn": "N"},
        "ordrInfo": {"amt": "13000", "dist": 1250, "reqMemo": "", "menuList": [{"menuNm": "떡볶이", "qty": 2}]},
        "tgtMin": {"pick": 15, "dlvry": 30},
        "dt": {"rcptDt": at, "waitDt": null, "alocDt": null, "pickDt": null, "cmplDt": null, "cnclDt": at, "updtDt": at},
        "cnclInfo": {"rsn": "고객 변심", "by": "CUST"},
    });
    let read = delivery(&dialect, &row);
    check(&read, "TBIYHG000005");
    assert_eq!(read.cancel, Some(Cancel { reason: "고객 변심".into(), by: CancelBy::Customer }));
    let answer = json!({"body": {"dlvryList": [row]}});
    assert_eq!(dialect.take_listed(&mut answer.clone()).unwrap().len(), 1);
    assert_eq!(dialect.take_listed(&mut json!({"resultCode": "9999", "body": null})), None);
    assert_eq!(dialect.list_path(AT, 0, None), "/deliveries?date=2026-11-21");
}

#[test]
fn the_stomp_server_s_rows_are_read() {
    let dialect = Dialect::parse(STOMP).unwrap();
    let at = "2026-11-21T18:03:22.000+09:00";
    let row = json!({
        "orderId": "TBIYHG000005", "displayNumber": "74829", "state": {"code": "CANCELED", "reason": "x", "by": "shop"},
        "store": {"storeId": "S1", "name": "서울분식", "tel": "", "address": "", "geo": [37.5, 127.04]},
        "customer": {"address1": "", "address2": "3층", "tel": "", "geo": [37.5, 127.04]},
        "courier": {"courierId": "R001", "name": "김민준", "branch": "seocho", "accepted": false},
        "lines": [{"title": "떡볶이", "unitPrice": 6500, "quantity": 2}], "total": {"amount": 13000}, "distanceKm": 1.25,
        "timestamps": {"accepted": at, "ready": null, "canceled": at, "updated": at},
    });
    let read = delivery(&dialect, &row);
    check(&read, "TBIYHG000005");
    assert_eq!(read.cancel.unwrap().by, CancelBy::Shop);
    let names: Vec<String> = dialect.variables().into_iter().collect();
    assert_eq!(names, ["GWANJE_STOMP_LOGIN", "GWANJE_STOMP_PASSCODE"]);
    let resolved = dialect.resolve(|name| Some(name.to_lowercase())).unwrap();
    let Some(Socket::Stomp(stomp)) = resolved.socket else { panic!() };
    assert_eq!(stomp.login.unwrap().expose(), "gwanje_stomp_login");
}

#[test]
fn the_websocket_server_s_rows_are_read() {
    let dialect = Dialect::parse(WEBSOCKET).unwrap().resolve(|_| Some("a b&c".to_owned())).unwrap();
    let row = json!({
        "id": 1_000_005, "no": "74829", "order": "TBIYHG000005", "state": 9,
        "shop": ["S1", "서울분식", "", "", 37.5, 127.04], "to": ["", "3층", "", 37.5, 127.04],
        "rider": ["R001", "김민준", "seocho", false], "items": [{"name": "떡볶이", "count": 2}], "won": 13000, "meters": 1250,
        "at": {"received": AT.0, "waiting": null, "cancelled": AT.0, "modified": AT.0}, "why": "customer:x",
    });
    check(&delivery(&dialect, &row), "TBIYHG000005");
    assert_eq!(dialect.rows.read(&row).unwrap().id, ForeignId::Number(1_000_005));
    assert_eq!(dialect.list_path(AT, 0, None), "/api/rows?date=2026-11-21&token=a%20b%26c");
}
