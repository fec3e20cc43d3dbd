//! The centers of a drill: districts of Seoul, in the order in which demos take them.

use gwanje_model::{CenterId, Pos, Text};

/// Where a center works.
#[derive(Debug, Clone, PartialEq)]
pub struct District {
    /// The center's id.
    pub id: CenterId,
    /// Its name.
    pub name: Text,
    /// Its middle.
    pub pos: Pos,
    /// The quarters (동) of its addresses.
    pub quarters: &'static [&'static str],
    /// The streets of its addresses.
    pub streets: &'static [&'static str],
    /// How addresses of the district begin.
    pub address: Text,
}

type Entry = (&'static str, &'static str, f64, f64, &'static [&'static str], &'static [&'static str]);

const DISTRICTS: [Entry; 12] = [
    (
        "gangnam",
        "강남",
        37.4979,
        127.0276,
        &["역삼동", "논현동", "삼성동", "대치동", "도곡동"],
        &["테헤란로", "강남대로", "봉은사로", "선릉로", "언주로"],
    ),
    (
        "songpa",
        "송파",
        37.5145,
        127.1066,
        &["잠실동", "방이동", "석촌동", "가락동", "문정동"],
        &["올림픽로", "송파대로", "백제고분로", "오금로", "위례성대로"],
    ),
    (
        "mapo",
        "마포",
        37.5556,
        126.9104,
        &["합정동", "서교동", "망원동", "공덕동", "연남동"],
        &["양화로", "월드컵로", "마포대로", "독막로", "와우산로"],
    ),
    (
        "seocho",
        "서초",
        37.4837,
        127.0324,
        &["서초동", "반포동", "방배동", "잠원동", "양재동"],
        &["서초대로", "반포대로", "방배로", "사평대로", "효령로"],
    ),
    (
        "yongsan",
        "용산",
        37.5326,
        126.9905,
        &["이태원동", "한남동", "후암동", "이촌동", "원효로동"],
        &["이태원로", "한강대로", "녹사평대로", "한남대로", "백범로"],
    ),
    (
        "jongno",
        "종로",
        37.5735,
        126.9790,
        &["청운동", "혜화동", "명륜동", "사직동", "숭인동"],
        &["종로", "대학로", "자하문로", "율곡로", "창경궁로"],
    ),
    (
        "seongdong",
        "성동",
        37.5634,
        127.0369,
        &["성수동", "왕십리동", "금호동", "옥수동", "행당동"],
        &["왕십리로", "성수이로", "아차산로", "독서당로", "고산자로"],
    ),
    (
        "gwangjin",
        "광진",
        37.5385,
        127.0823,
        &["자양동", "구의동", "화양동", "군자동", "중곡동"],
        &["능동로", "광나루로", "자양로", "천호대로", "뚝섬로"],
    ),
    (
        "yeongdeungpo",
        "영등포",
        37.5264,
        126.8962,
        &["여의도동", "당산동", "문래동", "신길동", "대림동"],
        &["영등포로", "여의대로", "당산로", "도림로", "국제금융로"],
    ),
    (
        "gwanak",
        "관악",
        37.4784,
        126.9516,
        &["봉천동", "신림동", "남현동"],
        &["관악로", "남부순환로", "신림로", "봉천로", "난곡로"],
    ),
    (
        "dongjak",
        "동작",
        37.5124,
        126.9393,
        &["노량진동", "상도동", "사당동", "흑석동", "대방동"],
        &["상도로", "동작대로", "노량진로", "사당로", "흑석로"],
    ),
    (
        "gangdong",
        "강동",
        37.5301,
        127.1238,
        &["천호동", "길동", "둔촌동", "암사동", "명일동"],
        &["천호대로", "성내로", "양재대로", "상암로", "고덕로"],
    ),
];

/// The district of the `index`-th center. Beyond those with names of their own, centers are numbered and lie in a row.
#[must_use]
pub fn district(index: usize) -> District {
    let round = index / DISTRICTS.len();
    let (id, name, lat, lon, quarters, streets) =
        DISTRICTS.get(index % DISTRICTS.len()).copied().unwrap_or_default();
    let (id_text, name_text) = if round == 0 {
        (id.to_owned(), format!("{name}센터"))
    } else {
        (format!("center-{}", index + 1), format!("{name}센터 {}", round + 1))
    };
    District {
        id: CenterId::from(id_text),
        name: Text::from(name_text),
        pos: Pos::Geo { lat: lat + 0.004 * round as f64, lon },
        quarters,
        streets,
        address: Text::from(format!("{name}구")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_centers_and_numbered_ones() {
        let ids: Vec<_> = (0..3).map(|index| district(index).id.to_string()).collect();
        assert_eq!(ids, ["gangnam", "songpa", "mapo"]);
        assert_eq!(district(12).id.as_str(), "center-13");
        assert_eq!((0..40).map(|index| district(index).id).collect::<BTreeSet<_>>().len(), 40);
    }
}
