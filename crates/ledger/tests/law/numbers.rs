//! The numbers that people call deliveries by.

use crate::center::DAY;
use crate::steps::order;
use gwanje_ledger::{Command, Intent, LoadedCenter, Moment, Standing};
use gwanje_model::DeliveryId;

/// The number of the order after so many.
fn number_after(orders: u64) -> String {
    let standing = Standing { next_number: orders, ..Standing::new("01".into()) };
    let mut loaded = LoadedCenter::new("gangnam".into(), Some(standing));
    loaded.ids.push_back(DeliveryId(1));
    let command = Command::new("gangnam".into(), Intent::Create(Box::new(order())), "kim", DAY);
    let now = Moment { wall: DAY, day: DAY };
    let decided = gwanje_ledger::decide(&mut loaded, command, now).unwrap().outcome;
    decided.result.unwrap().row.number.to_string()
}

#[test]
fn a_number_means_one_delivery_however_many_a_day_has() {
    for (orders, number) in
        [(0, "10000"), (89_999, "99999"), (90_000, "100000"), (989_999, "999999"), (990_000, "10000")]
    {
        assert_eq!(number_after(orders), number);
    }
}
