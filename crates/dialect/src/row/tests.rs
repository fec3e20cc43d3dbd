use crate::{Dialect, EventRule, Incomplete, JsonPath, Means, RowError, RowIdentity, StatusRead};
use gwanje_model::{CenterId, Delivery, DeliveryId, Rev, Status, UtcMillis};
use serde_json::{Value, json};

const FILE: &str = r#"
version = 1
name = "small"
[center]
id = "gangnam"
[server]
url = "http://127.0.0.1:1"
[snapshot]
path = "/list"
[times]
format = "unix-s"
[statuses]
received = "new"
waiting = ["ready", "back"]
assigned = "taken"
pickedUp = "away"
delivered = "done"
cancelled = "off"
gone = "hidden"
[fields]
id = "id"
modifiedAt = "at"
status = "state"
rider.id = "rider"
rider.name = "riderName"
rider.home = "riderHome"
request = "memo"
priceWon = { path = "price", default = 5 }
"#;

fn dialect() -> Dialect {
    Dialect::parse(FILE).unwrap()
}

fn complete(
    row: Value,
    known: Option<&Delivery>,
    rule: Option<(Option<Status>, bool)>,
) -> Result<Delivery, Incomplete> {
    let dialect = dialect();
    let row = match rule {
        None => dialect.rows.read(&row).unwrap(),
        Some((status, partial)) => {
            let (at, id) = (JsonPath::whole(), None);
            let rule = EventRule { name: None, means: Means::Row, at, argument: 1, id, status, partial };
            dialect.rows.read_event(&row, None, &rule).unwrap()
        }
    };
    let center = CenterId::from("gangnam");
    row.complete(&dialect.rows, RowIdentity { id: DeliveryId(1), center: &center, rev: Rev(9) }, known)
}

fn row(state: &str, at: i64) -> Value {
    json!({"id": "A1", "at": at, "state": state, "rider": "R1", "riderName": "김", "memo": "빨리"})
}

#[test]
fn a_rider_on_a_delivery_that_waits_is_not_shown_as_assigned() {
    for (state, shown) in
        [("new", false), ("ready", false), ("back", false), ("taken", true), ("away", true), ("off", true)]
    {
        let delivery = complete(row(state, 10), None, None).unwrap();
        assert_eq!(delivery.rider.is_some(), shown, "{state}");
    }
}

#[test]
fn instants_that_the_server_does_not_tell_are_those_of_the_first_sight() {
    let at = |seconds: i64| Some(UtcMillis(seconds * 1_000));
    let waiting = complete(row("ready", 10), None, None).unwrap();
    assert_eq!((waiting.received_at, waiting.waiting_at), (UtcMillis(10_000), at(10)));
    let taken = complete(row("taken", 20), Some(&waiting), None).unwrap();
    assert_eq!((taken.received_at, taken.waiting_at, taken.assigned_at), (UtcMillis(10_000), at(10), at(20)));
    let edited = complete(row("taken", 30), Some(&taken), None).unwrap();
    assert_eq!(edited.assigned_at, at(20), "still the same assignment");
    let mut other = row("taken", 40);
    other["rider"] = json!("R2");
    assert_eq!(complete(other, Some(&edited), None).unwrap().assigned_at, at(40), "another rider");
    let back = complete(row("back", 50), Some(&edited), None).unwrap();
    assert_eq!((back.waiting_at, back.assigned_at), (at(50), None), "it was given back");
    let off = complete(row("off", 60), Some(&edited), None).unwrap();
    assert_eq!((off.assigned_at, off.cancelled_at), (at(20), at(60)));
    assert_eq!(complete(row("off", 70), Some(&off), None).unwrap().cancelled_at, at(60));
    assert_eq!(complete(row("off", 70), None, None).unwrap().cancelled_at, at(70));
}

#[test]
fn a_partial_row_merges_over_what_is_known() {
    let known = complete(row("taken", 10), None, None).unwrap();
    let part = json!({"id": "A1", "at": 20, "price": null, "memo": null});
    let merged = complete(part.clone(), Some(&known), Some((Some(Status::PickedUp), true))).unwrap();
    assert_eq!((merged.status, merged.rider.as_ref().unwrap().id.as_str()), (Status::PickedUp, "R1"));
    assert_eq!((merged.request.as_str(), merged.price_won), ("", 5), "null is said, not silence");
    let silent = json!({"id": "A1", "at": 20});
    let merged = complete(silent.clone(), Some(&known), Some((None, true))).unwrap();
    assert_eq!((merged.status, merged.request.as_str()), (Status::Assigned, "빨리"));
    assert_eq!(complete(silent.clone(), None, Some((None, true))), Err(Incomplete::Unknown));
    assert_eq!(complete(silent, Some(&known), Some((None, false))), Err(Incomplete::NoStatus));
}

#[test]
fn what_can_t_be_used_says_why() {
    let dialect = dialect();
    let read = |row: Value| dialect.rows.read(&row);
    assert_eq!(read(json!({"at": 1})), Err(RowError::NoId));
    assert_eq!(read(json!({"id": " ", "at": 1})), Err(RowError::NoId));
    assert_eq!(read(json!(null)), Err(RowError::NoId));
    assert!(matches!(read(json!({"id": "A", "at": "soon"})), Err(RowError::NoTime(_))));
    assert_eq!(read(row("hidden", 1)).unwrap().status, StatusRead::Gone);
    assert_eq!(complete(row("lost", 1), None, None), Err(Incomplete::UnknownStatus));
    assert_eq!(
        read(json!({"id": "A", "at": 1, "price": "much", "memo": ["x"]})).unwrap().unreadable_fields,
        2
    );
    assert_eq!(read(json!({"id": "A", "at": 1, "price": ""})).unwrap().unreadable_fields, 0, "blank is null");
}

#[test]
fn a_part_that_is_silent_about_a_field_with_a_default_leaves_it_as_it_is() {
    let mut whole = row("taken", 10);
    whole["price"] = json!(12_000);
    let known = complete(whole, None, None).unwrap();
    let part = |row: Value| complete(row, Some(&known), Some((None, true))).unwrap().price_won;
    assert_eq!(part(json!({"id": "A1", "at": 20})), 12_000);
    assert_eq!(part(json!({"id": "A1", "at": 20, "price": null})), 5, "null is said");
    assert_eq!(part(json!({"id": "A1", "at": 20, "price": "much"})), 5, "and so is what can't be read");
    assert_eq!(complete(row("taken", 10), None, None).unwrap().price_won, 5, "a whole row lacks it");
}

#[test]
fn a_part_that_names_the_same_rider_keeps_what_it_does_not_say_of_him() {
    let mut whole = row("taken", 10);
    whole["riderHome"] = json!("songpa");
    let known = complete(whole, None, None).unwrap();
    let rider = |part: Value| {
        let rider = complete(part, Some(&known), Some((None, true))).unwrap().rider.unwrap();
        (rider.id.0.to_string(), rider.name.to_string(), rider.home.to_string())
    };
    let same = ("R1".to_owned(), "김".to_owned(), "songpa".to_owned());
    assert_eq!(rider(json!({"id": "A1", "at": 20, "rider": "R1"})), same);
    assert_eq!(rider(json!({"id": "A1", "at": 20, "riderName": "김"})), same);
    let other = ("R2".to_owned(), "R2".to_owned(), "gangnam".to_owned());
    assert_eq!(rider(json!({"id": "A1", "at": 20, "rider": "R2"})), other);
    let by_name = ("박".to_owned(), "박".to_owned(), "gangnam".to_owned());
    assert_eq!(rider(json!({"id": "A1", "at": 20, "riderName": "박"})), by_name);
    let at_home = ("R1".to_owned(), "김".to_owned(), "gangnam".to_owned());
    assert_eq!(
        rider(json!({"id": "A1", "at": 20, "rider": "R1", "riderHome": null})),
        at_home,
        "null is said"
    );
}

/// A dialect with places, times and a filter.
fn field_dialect() -> Dialect {
    let file = FILE.replace("format = \"unix-s\"", "format = \"%Y-%m-%d %H:%M:%S\"").replace(
        "[fields]",
        "[filter]\ncenter = [\"gangnam\", 7]\n\"dt.day\" = \"{date}\"\n[fields]\nshop.lat = \"lat\"\nshop.lon = \"lon\"\npickedUpAt = \"picked\"",
    );
    Dialect::parse(&file.replace("/list", "/list?date={date}")).unwrap()
}

fn read_field(row: Value) -> crate::ForeignRow {
    field_dialect().rows.read(&row).unwrap()
}

#[test]
fn a_whole_number_with_a_point_is_the_same_word_and_id() {
    let dialect = Dialect::parse(&FILE.replace("assigned = \"taken\"", "assigned = 2")).unwrap();
    for (id, state) in [(json!(1), json!(2)), (json!(1.0), json!(2.0)), (json!("1"), json!("2"))] {
        let row = dialect.rows.read(&json!({"id": id, "at": 10, "state": state, "price": 3.0})).unwrap();
        assert_eq!(row.id, crate::ForeignId::Name("1".to_owned()));
        assert_eq!((row.status, row.unreadable_fields), (StatusRead::Known(Status::Assigned), 0));
    }
}

#[test]
fn a_place_that_is_none_is_unknown_and_counted_once() {
    let at = "2026-11-21 18:03:22";
    for (lat, lon, flaws) in [
        (json!(0), json!(0), vec!["shop.lat"]),
        (json!("0.0"), json!(0.0), vec!["shop.lat"]),
        (json!(127.0), json!(37.5), vec!["shop.lat"]),
        (json!(37.5), json!(-512), vec!["shop.lat"]),
        (json!(37.5), json!(127.0), vec![]),
        (json!(0.0), json!(9.5), vec![]),
        (json!(null), json!(null), vec![]),
    ] {
        let row = read_field(json!({"id": 1, "at": at, "state": "new", "lat": lat, "lon": lon}));
        assert_eq!(row.unreadable, flaws, "{lat} {lon}");
        let center = CenterId::from("gangnam");
        let place = RowIdentity { id: DeliveryId(1), center: &center, rev: Rev(9) };
        let delivery = row.complete(&field_dialect().rows, place, None).unwrap();
        assert_eq!(delivery.shop.pos.is_some(), flaws.is_empty() && !lat.is_null());
    }
}

#[test]
fn a_date_of_zeros_is_null_and_not_counted() {
    for picked in ["0000-00-00 00:00:00", "0000-00-00", "0001-01-01T00:00:00", "-0001-11-30 00:00:00", ""] {
        let row = json!({"id": 1, "at": "2026-11-21 18:03:22", "state": "new", "picked": picked});
        assert_eq!(read_field(row).unreadable_fields, 0, "{picked}");
    }
    let row = json!({"id": 1, "at": "2026-11-21 18:03:22", "state": "new", "picked": "tomorrow"});
    assert_eq!(read_field(row).unreadable, ["pickedUpAt"]);
    let row = json!({"id": 1, "at": "0000-00-00 00:00:00", "state": "new"});
    assert!(matches!(field_dialect().rows.read(&row), Err(RowError::NoTime(_))));
}

#[test]
fn a_filter_says_which_rows_belong_to_the_board() {
    let row = |center: Value, day: Value| {
        let row = json!({"id": 1, "at": "2026-11-21 18:03:22", "state": "new", "center": center, "dt": {"day": day}});
        let row = read_field(row);
        // 2026-11-22 03:03:22 in Seoul.
        (row.elsewhere, field_dialect().is_of_days(&row, UtcMillis(1_795_284_202_000)))
    };
    assert_eq!(row(json!("gangnam"), json!("2026-11-22")), (false, true));
    assert_eq!(row(json!(7.0), json!("2026-11-22 11:00")), (false, true));
    assert_eq!(row(json!("songpa"), json!("2026-11-21")), (true, false));
    assert_eq!(
        row(json!(null), json!(null)),
        (false, true),
        "what a row does not say can't be held against it"
    );
}

#[test]
fn a_list_is_read_however_it_is_spelled() {
    let dialect =
        Dialect::parse(&FILE.replace("path = \"/list\"", "path = \"/list\"\nrows = \"data\"")).unwrap();
    let rows = |list: Value| dialect.take_listed(&mut json!({ "data": list })).map(|rows| rows.len());
    for (list, count) in [
        (json!(null), Some(0)),
        (json!([]), Some(0)),
        (json!({}), Some(0)),
        (json!({"5": {"id": 1}, "6": {"id": 2}}), Some(2)),
        (json!({"id": 1, "state": "new"}), Some(1)),
        (json!("[{\"id\":1},{\"id\":2}]"), Some(2)),
        (json!({"code": 500, "message": "no"}), None),
        (json!("no"), None),
        (json!(false), None),
    ] {
        assert_eq!(rows(list.clone()), count, "{list}");
    }
    assert_eq!(dialect.take_listed(&mut json!({"error": 1})), None);
}
