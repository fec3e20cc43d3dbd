//! Names, phones, meals and addresses that people in the drill have. All invented; phone numbers use exchanges that aren't
//! given out (…-0000-…), so that nobody real is ever called.

use crate::dice::Dice;
use crate::district::District;
use gwanje_model::{Dropoff, Item, Pos, Shop, ShopId, Text};

const FAMILY: [&str; 16] =
    ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황"];
const GIVEN_FIRST: [&str; 16] =
    ["민", "서", "지", "현", "도", "하", "준", "시", "예", "주", "은", "태", "승", "유", "재", "수"];
const GIVEN_LAST: [&str; 14] =
    ["준", "우", "호", "현", "진", "아", "연", "윤", "영", "원", "훈", "빈", "희", "석"];

const SHOP_FIRST: [&str; 20] = [
    "달빛",
    "골목",
    "엄마손",
    "황금",
    "오복",
    "한아름",
    "청춘",
    "은하",
    "뚝딱",
    "소담",
    "햇살",
    "바른",
    "두레",
    "솔바람",
    "푸른솔",
    "다온",
    "참맛",
    "별난",
    "큰나무",
    "온누리",
];

/// A kind of kitchen: what its shops are called, and what they cook for how much.
type Kitchen = (&'static str, &'static [(&'static str, u64)]);

const KITCHENS: [Kitchen; 10] = [
    (
        "치킨",
        &[
            ("후라이드치킨", 18_000),
            ("양념치킨", 19_000),
            ("간장치킨", 19_500),
            ("치즈볼", 5_000),
            ("콜라 1.25L", 2_500),
        ],
    ),
    (
        "분식",
        &[("떡볶이", 5_000), ("참치김밥", 4_500), ("순대", 5_000), ("모둠튀김", 6_000), ("라면", 4_500)],
    ),
    (
        "반점",
        &[("짜장면", 7_000), ("짬뽕", 8_500), ("탕수육(소)", 16_000), ("볶음밥", 8_500), ("군만두", 6_000)],
    ),
    ("국밥", &[("돼지국밥", 9_500), ("순대국밥", 9_500), ("수육(소)", 18_000), ("공깃밥", 1_000)]),
    (
        "피자",
        &[
            ("콤비네이션 피자(L)", 22_900),
            ("페퍼로니 피자(L)", 21_900),
            ("오븐 스파게티", 7_500),
            ("콜라 1.25L", 2_500),
        ],
    ),
    ("족발", &[("족발(중)", 33_000), ("보쌈(중)", 34_000), ("막국수", 9_000), ("주먹밥", 4_000)]),
    ("돈까스", &[("등심돈까스", 10_500), ("치즈돈까스", 12_000), ("냉모밀", 9_000), ("우동", 8_000)]),
    ("찜닭", &[("순살찜닭(중)", 29_000), ("뼈찜닭(중)", 28_000), ("당면사리", 2_000), ("공깃밥", 1_000)]),
    ("카페", &[("아메리카노", 3_500), ("카페라떼", 4_300), ("크로플", 6_500), ("치즈케이크", 6_800)]),
    ("쌈밥", &[("제육쌈밥", 11_000), ("오징어쌈밥", 12_000), ("된장찌개", 9_000), ("계란찜", 4_000)]),
];

const REQUESTS: [&str; 8] = [
    "문 앞에 놓아주세요",
    "벨 누르지 말아주세요",
    "도착하면 전화 주세요",
    "수저·포크는 빼주세요",
    "아기가 자고 있어요. 노크해 주세요",
    "경비실에 맡겨주세요",
    "조심히 와주세요",
    "국물이 새지 않게 부탁드려요",
];

const REMARKS: [&str; 6] = [
    "주차 불가, 뒷골목 이용",
    "지하 1층, 엘리베이터 옆",
    "픽업대에서 번호 확인",
    "조리 지연 잦음",
    "오토바이 진입 금지, 도보 2분",
    "사장님 확인 후 픽업",
];

/// A person's name.
pub(crate) fn person(dice: &mut Dice) -> Text {
    let mut part = |of: &[&'static str]| dice.pick(of).copied().unwrap_or_default();
    let (family, first, last) = (part(&FAMILY), part(&GIVEN_FIRST), part(&GIVEN_LAST));
    Text::from(format!("{family}{first}{last}"))
}

/// A mobile phone that can't exist.
pub(crate) fn mobile(dice: &mut Dice) -> Text {
    Text::from(format!("010-0000-{:04}", dice.between(0, 9_999)))
}

/// A street address of the district, with a lot number.
pub(crate) fn address(dice: &mut Dice, district: &District) -> Text {
    let quarter = dice.pick(district.quarters).copied().unwrap_or_default();
    let text = if dice.chance(0.6) {
        let street = dice.pick(district.streets).copied().unwrap_or_default();
        format!("{} {street} {} ({quarter})", district.address, dice.between(1, 420))
    } else {
        format!("{} {quarter} {}-{}", district.address, dice.between(1, 980), dice.between(1, 48))
    };
    Text::from(text)
}

/// The `nth` shop of a center, at `pos`.
pub(crate) fn shop(dice: &mut Dice, district: &District, nth: usize, pos: Pos) -> Shop {
    let (kitchen, _) = kitchen_of(nth);
    let first = dice.pick(&SHOP_FIRST).copied().unwrap_or_default();
    let quarter = dice.pick(district.quarters).copied().unwrap_or_default();
    let branch = quarter.strip_suffix('동').unwrap_or(quarter);
    let remark = if dice.chance(0.12) { dice.pick(&REMARKS).copied().unwrap_or_default() } else { "" };
    Shop {
        id: ShopId::from(format!("{}-s{}", district.id, nth + 1)),
        name: Text::from(format!("{first}{kitchen} {branch}점")),
        phone: Text::from(format!("02-000-{:04}", dice.between(0, 9_999))),
        address: address(dice, district),
        pos: Some(pos),
        remark: Text::from(remark),
    }
}

/// A door in the district.
pub(crate) fn door(dice: &mut Dice, district: &District, pos: Pos) -> Dropoff {
    let detail = match dice.between(0, 3) {
        0 => format!("{}동 {}호", dice.between(101, 125), dice.between(1, 22) * 100 + dice.between(1, 6)),
        1 => format!("{}층", dice.between(1, 12)),
        2 => format!(
            "{}호, 공동현관 #{:04}",
            dice.between(1, 9) * 100 + dice.between(1, 9),
            dice.between(0, 9_999)
        ),
        _ => format!("B동 {}호", dice.between(1, 6) * 100 + dice.between(1, 4)),
    };
    let phone = mobile(dice);
    let recipient = if dice.chance(0.08) { mobile(dice) } else { Text::default() };
    Dropoff {
        address: address(dice, district),
        detail: Text::from(detail),
        phone,
        recipient_phone: recipient,
        pos: Some(pos),
    }
}

/// What is ordered at the `nth` shop, and for how much.
pub(crate) fn meal(dice: &mut Dice, nth: usize) -> (Vec<Item>, u64) {
    let (_, menu) = kitchen_of(nth);
    let mut items: Vec<Item> = Vec::new();
    let mut price = 0;
    for _ in 0..dice.between(1, 3) {
        let Some((name, won)) = dice.pick(menu).copied() else { continue };
        if items.iter().any(|item| item.name == name) {
            continue;
        }
        let quantity = if dice.chance(0.25) { 2 } else { 1 };
        price += won * u64::from(quantity);
        items.push(Item { name: Text::from(name), quantity });
    }
    (items, price)
}

/// What the customer asks for; often nothing.
pub(crate) fn request(dice: &mut Dice) -> Text {
    let text = if dice.chance(0.55) { dice.pick(&REQUESTS).copied().unwrap_or_default() } else { "" };
    Text::from(text)
}

fn kitchen_of(nth: usize) -> Kitchen {
    KITCHENS.get(nth % KITCHENS.len()).copied().unwrap_or_default()
}
