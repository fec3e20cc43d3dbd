//! Random steps, in worlds so small that the steps often meet.

use gwanje_board::{Filter, GroupBy, Pinned, RowMark, SortKey, SortOrder, ViewSpec};
use gwanje_model::{
    AssignedRider, CenterId, Delivery, DeliveryId, Dropoff, Note, Rev, Shop, Status, Text, UtcMillis,
};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;
use ts_rs::{Config, TS};

/// What may happen to a board and its readers.
#[derive(Debug, Clone)]
pub enum Step {
    Upsert(Arc<Delivery>),
    Unreadable(String, u64, u64),
    Remove(u64),
    Replace(String, Vec<Arc<Delivery>>),
    RemoveCenter(String),
    Mark(u64, Option<RowMark>),
    AsOf(String, u64),
    Advance(i64),
    Acknowledge(u64, bool),
    AtRiskMin(String, u32),
    Name(String, String),
    Open(ViewSpec),
    Close,
    Change(usize, ViewSpec),
    Scroll(usize, u64, u64),
    Hold(usize, bool),
    HoldAll,
    ReleaseAll,
    Collapse(usize, Vec<String>),
    Admit(usize),
    Reset(usize),
    Ack(usize),
}

/// Steps on a board of at most 30 rows.
pub fn few_rows() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => delivery().prop_map(|row| Step::Upsert(Arc::new(row))),
        1 => (center(), prop::collection::vec(delivery(), 0..20)).prop_map(|(c, rows)| replace(c, rows, 1)),
        10 => around(),
    ]
}

/// Steps on a board of thousands.
pub fn many_rows() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (center(), prop::collection::vec(delivery(), 20), 55..80_u64).prop_map(|(c, rows, times)| replace(c, rows, times)),
        // Few rows, so that each goes to its place; or so many that heads come and go by the hundred.
        2 => (center(), prop::collection::vec(delivery(), 10), 0..90_u64).prop_map(|(c, rows, times)| replace(c, rows, times)),
        2 => delivery().prop_map(|row| Step::Upsert(Arc::new(row))),
        4 => around(),
    ]
}

/// A snapshot that holds each row `times` times, under other ids and in other shops.
fn replace(center: String, rows: Vec<Delivery>, times: u64) -> Step {
    let mut all = Vec::new();
    for turn in 0..times {
        for row in &rows {
            let id = DeliveryId(row.id.0 + turn * 30);
            let mut row = Delivery { id, center: CenterId::from(center.as_str()), ..row.clone() };
            if turn > 0 {
                row.shop.id = format!("{}{turn}", row.shop.id).into();
            }
            all.push(Arc::new(row));
        }
    }
    Step::Replace(center, all)
}

/// Everything but rows with contents.
fn around() -> impl Strategy<Value = Step> {
    let mark = prop_oneof![Just(None), Just(Some(RowMark::Pending)), Just(Some(RowMark::Unknown))];
    let which = 0..4_usize;
    prop_oneof![
        2 => (center(), id(), 0..50_u64).prop_map(|(c, id, rev)| Step::Unreadable(c, id, rev)),
        3 => id().prop_map(Step::Remove),
        1 => center().prop_map(Step::RemoveCenter),
        2 => (id(), mark).prop_map(|(id, mark)| Step::Mark(id, mark)),
        2 => (center(), 0..50_u64).prop_map(|(c, rev)| Step::AsOf(c, rev)),
        4 => (minute(300), -1..=1_i64).prop_map(|(at, ms)| Step::Advance(at + ms)),
        1 => select(vec![-100_000_000, 0, 60 * 60_000, 240 * 60_000, 9_000_000_000]).prop_map(Step::Advance),
        2 => (id(), any::<bool>()).prop_map(|(id, is)| Step::Acknowledge(id, is)),
        1 => (center(), 0..40_u32).prop_map(|(c, min)| Step::AtRiskMin(c, min)),
        1 => (center(), select(vec!["강남", "마포", "서초", "mapo"]))
            .prop_map(|(c, name)| Step::Name(c, name.to_owned())),
        2 => spec().prop_map(Step::Open),
        1 => Just(Step::Close),
        4 => (which.clone(), spec()).prop_map(|(which, spec)| Step::Change(which, spec)),
        3 => (which.clone(), 0..30_u64, 0..12_u64).prop_map(|(which, first, len)| Step::Scroll(which, first, len)),
        3 => (which.clone(), any::<bool>()).prop_map(|(which, hold)| Step::Hold(which, hold)),
        1 => Just(Step::HoldAll),
        1 => Just(Step::ReleaseAll),
        3 => (which.clone(), collapsed()).prop_map(|(which, groups)| Step::Collapse(which, groups)),
        3 => which.clone().prop_map(Step::Admit),
        1 => which.clone().prop_map(Step::Reset),
        12 => which.prop_map(Step::Ack),
    ]
}

fn center() -> impl Strategy<Value = String> {
    select(vec!["gangnam", "mapo"]).prop_map(str::to_owned)
}

/// Keys of groups, of any list.
fn collapsed() -> impl Strategy<Value = Vec<String>> {
    let key = select(vec![
        "act",
        "rest",
        "none",
        "unreadable",
        "waiting",
        "delivered",
        "r1",
        "=act",
        "s1",
        "s2",
        "==s",
        "gangnam",
    ]);
    prop::collection::vec(key.prop_map(str::to_owned), 0..4)
}

fn id() -> impl Strategy<Value = u64> {
    1..30_u64
}

fn minute(to: i64) -> impl Strategy<Value = i64> {
    (0..to).prop_map(|min| min * 60_000)
}

fn text(of: &'static [&'static str]) -> impl Strategy<Value = Text> {
    select(of).prop_map(Text::from)
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let at = || prop::option::of(minute(240).prop_map(UtcMillis));
    let shop = (
        select(vec!["s1", "s2", "=s", "S1"]),
        text(&["BHC 치킨", "bhc 치킨", "강남 떡볶이", "맘스터치", "\u{1100}\u{1161}\u{11BC} 남 ＢＨＣ"]),
    );
    let dropoff = (
        text(&["서울 강남구 역삼로 1", "서울 강남구 역삼로 12", "서울 마포구 월드컵로", "Main St 5"]),
        text(&["", "2층", "B동 301호"]),
        text(&["010-1234-5678", "", "01012349999", "+82 10 1234 5678"]),
    );
    let rider = prop::option::of((select(vec!["r1", "r2", "act"]), any::<bool>(), center()));
    let about = (id(), center(), 0..50_u64, text(&["7", "07", "A10", "a2", "74829", "B-12", "가1"]));
    let figures = (0..3_u32, 0..60_u32, 0..3_u32, prop::collection::vec(note(), 0..3));
    let times = (minute(240), at(), at(), at(), at(), at());
    (about, select(Status::ALL.to_vec()), shop, dropoff, rider, figures, times).prop_map(
        |(about, status, shop, dropoff, rider, figures, times)| Delivery {
            id: DeliveryId(about.0),
            center: CenterId::from(about.1),
            rev: Rev(about.2),
            modified_at: UtcMillis(0),
            number: about.3,
            order_no: Text::from("TB1"),
            status,
            shop: Shop {
                id: shop.0.into(),
                name: shop.1,
                phone: Text::from("02-555-1212"),
                address: Text::default(),
                pos: None,
                remark: Text::default(),
            },
            dropoff: Dropoff {
                address: dropoff.0,
                detail: dropoff.1,
                phone: dropoff.2,
                recipient_phone: Text::default(),
                pos: None,
            },
            rider: rider.map(|(id, confirmed, home)| AssignedRider {
                id: id.into(),
                name: Text::from(if id == "act" { "이몽룡" } else { "김라이더" }),
                home: CenterId::from(home),
                confirmed,
            }),
            pickup_target_min: figures.0,
            delivery_target_min: figures.1,
            distance_m: figures.2,
            items: Vec::new(),
            price_won: 0,
            request: Text::default(),
            notes: figures.3,
            received_at: UtcMillis(times.0),
            ready_at: None,
            waiting_at: times.1,
            assigned_at: times.2,
            picked_up_at: times.3,
            delivered_at: times.4,
            cancelled_at: times.5,
            cancel: None,
            unknown: Default::default(),
        },
    )
}

/// Every sort key, as the page is told them: a further one is drawn without a word here.
fn sort_keys() -> Vec<SortKey> {
    let key = |name| serde_json::from_str(name).unwrap();
    SortKey::inline(&Config::default()).split(" | ").map(key).collect()
}

fn spec() -> impl Strategy<Value = ViewSpec> {
    let sort =
        (select(sort_keys()), any::<bool>()).prop_map(|(key, descending)| SortOrder { key, descending });
    let status =
        select(vec!["received", "waiting", "assigned", "delivered", "flown"]).prop_map(str::to_owned);
    let filter = (
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(status, 1..4)],
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.1, Just("r1".to_owned())),
        prop::option::weighted(0.1, Just("s1".to_owned())),
    );
    let filter = filter.prop_map(|(statuses, late, unconfirmed, noted, rider, shop)| Filter {
        statuses,
        late,
        unconfirmed,
        noted,
        rider,
        shop,
    });
    let search = prop_oneof![
        4 => Just(""),
        3 => select(vec![
            "강남", "ㄱㄴ", "bhc", "BHC  ㅊㅋ", "010-12", "1234-", "7", "ㄱ남", "낭", "2층 역삼", "ㄱㄹㅇㄷ", "b-12", "ㅁ",
            // Half-typed.
            "갇", "가", "역사", "떠", "떨", "맛", "월드컵로", "구여",
            // NFD, width, spaces.
            "\u{1100}\u{1161}\u{11BC}남", "ＢＨＣ", "강 남 떡", "bhc치킨", "역삼로12",
            // Phones and several numbers.
            "+82 10 1234", "0101234", "07", "0", "02.555", "74829 0000", "74829, 7, nine", "A10\n74829\n9", "가1,b-12",
            "1234-5678\t010 1234 9999", "7,07",
        ]),
    ];
    let centers = prop::collection::vec(center(), 0..3);
    let groups = vec![GroupBy::Status, GroupBy::Rider, GroupBy::Shop, GroupBy::Center];
    let group = prop::option::weighted(0.5, select(groups));
    let pinned = prop::option::weighted(0.5, Just(Pinned::Act));
    let below = (group, pinned, collapsed());
    let part = (0..30_u64, 0..12_u64, prop::bool::weighted(0.2));
    (centers, filter, prop::collection::vec(sort, 0..3), below, search, part).prop_map(
        |(centers, filter, sort, (group, pinned, collapsed), search, (first, len, hold))| ViewSpec {
            centers,
            filter,
            sort,
            group,
            pinned,
            collapsed,
            search: search.to_owned(),
            first,
            len,
            hold,
        },
    )
}

fn note() -> impl Strategy<Value = Note> {
    let role = select(vec!["", "dispatcher", "rider", "key", "something newer"]);
    role.prop_map(|role| Note {
        at: UtcMillis(0),
        by: Text::default(),
        role: role.into(),
        text: Text::default(),
    })
}
