//! Day files that are read, and malformed ones that are named by file, line and column.

use gwanje_drill::{Day, MdrpSpec};
use gwanje_model::Pos;
use jiff::civil::Date;
use std::path::Path;

const FILES: [&str; 4] = ["orders.txt", "couriers.txt", "restaurants.txt", "instance_parameters.txt"];

fn fixture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mdrp-small")
}

fn read(dir: &Path) -> Result<Day, gwanje_drill::DayFileError> {
    Day::from_mdrp(&MdrpSpec {
        dir: dir.to_owned(),
        center_index: 1,
        seed: 1,
        date: Date::constant(2026, 3, 2),
    })
}

#[test]
fn a_day_is_read() {
    let day = read(&fixture()).unwrap();
    assert_eq!((day.orders.len(), day.riders.len(), day.shops.len()), (10, 3, 3));
    assert_eq!(day.center.as_str(), "songpa");
    let first = &day.orders[0];
    // o2: placed at minute 5, which is 10:05, and ready at minute 20.
    assert_eq!(first.placed_at, day.at_clock(10, 5));
    assert_eq!(first.ready_at, day.at_clock(10, 20));
    assert_eq!(first.dropoff.pos, Some(Pos::Plane { x: 2100.0, y: 900.0 }));
    assert_eq!(day.shops[first.shop].pos, Some(Pos::Plane { x: 2500.0, y: 1800.0 }));
    assert_eq!(first.distance_m, 985);
    assert_eq!(first.delivery_target_min, 40);
    // Minute 905 is past midnight.
    assert_eq!(day.orders[9].placed_at, day.at_clock(1, 5));
    assert_eq!(day.at_clock(10, 0).0, 1_772_413_200_000, "10:00 in Seoul on 2 March 2026");
    assert!(day.orders.is_sorted_by_key(|order| order.placed_at));
}

#[test]
fn malformed_files_are_named_by_file_line_and_column() {
    let cases = [
        (
            "orders.txt",
            "o3\t300\t300\t70",
            "o3\t300\t300\tx70",
            "orders.txt, line 4, column 12: expected a whole minute",
        ),
        (
            "orders.txt",
            "\t85\n",
            "\n",
            "orders.txt, line 4, column 17: expected 6 fields separated by tabs, found 5",
        ),
        ("orders.txt", "\t85\n", "\t85\t1\n", "orders.txt, line 4, column 21: expected 6 fields"),
        ("orders.txt", "\tr3\t85", "\tr9\t85", "orders.txt, line 4, column 15: no restaurant \"r9\""),
        ("orders.txt", "\tr3\t85", "\tr3\t60", "orders.txt, line 4, column 18: ready at minute 60"),
        ("orders.txt", "o3\t", "o2\t", "orders.txt, line 4, column 1: the order \"o2\" is listed twice"),
        ("orders.txt", "o3\t300", "o3\tNaN", "orders.txt, line 4, column 4: expected metres"),
        ("orders.txt", "placement_time", "placed", "orders.txt, line 1, column 11: expected the column"),
        ("orders.txt", "o3\t300", "\no3\t300", "orders.txt, line 4, column 1: an empty line"),
        (
            "couriers.txt",
            "c2\t2600\t2000\t30\t600",
            "c2\t2600\t2000\t30\t-1",
            "couriers.txt, line 3, column 17: expected a whole",
        ),
        ("couriers.txt", "\t30\t600", "\t30\t6", "couriers.txt, line 3, column 17: off at minute 6"),
        (
            "restaurants.txt",
            "r2\t2500\t1800",
            "r2\t2500\t가게",
            "restaurants.txt, line 3, column 9: expected metres",
        ),
        (
            "restaurants.txt",
            "r2\t",
            "r1\t",
            "restaurants.txt, line 3, column 1: the restaurant \"r1\" is listed twice",
        ),
        (
            "instance_parameters.txt",
            "\n300\t",
            "\n0\t",
            "instance_parameters.txt, line 2, column 1: expected metres per minute",
        ),
        (
            "instance_parameters.txt",
            "\t40\t90\t",
            "\t40\t30\t",
            "instance_parameters.txt, line 2, column 12: expected minutes from 40",
        ),
        (
            "instance_parameters.txt",
            "\n300\t4\t4\t40\t90\t10\t15",
            "",
            "instance_parameters.txt, line 2, column 1: a line with",
        ),
    ];
    for (file, right, wrong, message) in cases {
        let dir = tempfile::tempdir().unwrap();
        for name in FILES {
            let text = std::fs::read_to_string(fixture().join(name)).unwrap();
            let text = if name == file {
                assert!(text.contains(right), "{file} has no {right:?}");
                text.replacen(right, wrong, 1)
            } else {
                text
            };
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let error = read(dir.path()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nshould say\n{message}");
    }
}

#[test]
fn a_folder_without_a_day_says_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let error = read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("instance_parameters.txt") && error.contains("--day takes a folder"), "{error}");
}
