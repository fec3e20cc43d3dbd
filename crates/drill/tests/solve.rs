//! Days played by the rules of the problem's paper: feasible by all of them, and better than the yardstick.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod evaluator;

use evaluator::{Judge, Verdict};
use gwanje_drill::Instance;
use gwanje_drill::solve::{Dispatcher, Figures, solve, write_solution};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mdrp-small")
}

/// Plays a day and judges the files that were written.
fn judged(day: &Path, dispatcher: Dispatcher) -> Verdict {
    let instance = Instance::read(day).unwrap();
    let solution = solve(&instance, dispatcher);
    let dir = tempfile::tempdir().unwrap();
    write_solution(dir.path(), &instance, &solution).unwrap();
    let verdict = match Judge::of(day).judge(dir.path()) {
        Ok(verdict) => verdict,
        Err(broken) => panic!("{}, {dispatcher}: {broken:#?}", day.display()),
    };
    let figures = Figures::of(&instance, &solution);
    assert_eq!(figures.delivered, verdict.delivered.len());
    assert_eq!(figures.courier_minutes_driven as f64, verdict.driven);
    let mean = verdict.click_to_door / verdict.delivered.len().max(1) as f64;
    assert!((figures.click_to_door_mean - mean).abs() < 1e-9, "{figures:?}");
    assert!(figures.bound_mean <= figures.click_to_door_mean || figures.delivered < figures.orders);
    verdict
}

/// A made-up day: its shape, in numbers.
#[derive(Debug, Clone)]
struct Made {
    seed: u64,
    orders: u32,
    couriers: u32,
    shops: u32,
    pickup_service: u32,
    dropoff_service: u32,
    metres_per_minute: u32,
}

fn made() -> impl Strategy<Value = Made> {
    (any::<u64>(), 0..60_u32, 0..9_u32, 1..8_u32, 0..7_u32, 0..7_u32, 100..500_u32).prop_map(
        |(seed, orders, couriers, shops, pickup_service, dropoff_service, metres_per_minute)| Made {
            seed,
            orders,
            couriers,
            shops,
            pickup_service,
            dropoff_service,
            metres_per_minute,
        },
    )
}

/// Writes it as an instance: some places are the same, some shifts are short, the dinner is crowded.
fn write(dir: &Path, made: &Made) {
    let mut state = made.seed | 1;
    let mut draw = |bound: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u32::try_from((state >> 16) % u64::from(bound.max(1))).unwrap()
    };
    let mut shops = "restaurant\tx\ty\n".to_owned();
    for nth in 1..=made.shops {
        writeln!(shops, "r{nth}\t{}\t{}", draw(12) * 500, draw(12) * 500).unwrap();
    }
    let mut orders = "order\tx\ty\tplacement_time\trestaurant\tready_time\n".to_owned();
    for nth in 1..=made.orders {
        let placed = if draw(2) == 0 { 100 + draw(30) } else { draw(400) };
        let (x, y, shop) = (draw(12) * 500, draw(12) * 500, 1 + draw(made.shops));
        writeln!(orders, "o{nth}\t{x}\t{y}\t{placed}\tr{shop}\t{}", placed + draw(35)).unwrap();
    }
    let mut couriers = "courier\tx\ty\ton_time\toff_time\n".to_owned();
    for nth in 1..=made.couriers {
        let on = draw(250);
        writeln!(couriers, "c{nth}\t{}\t{}\t{on}\t{}", draw(12) * 500, draw(12) * 500, on + draw(240))
            .unwrap();
    }
    let parameters = format!(
        "meters_per_minute\tpickup service minutes\tdropoff service minutes\ttarget click-to-door\t\
         maximum click-to-door\tpay per order\tguaranteed pay per hour\n{}\t{}\t{}\t40\t90\t10\t15\n",
        made.metres_per_minute, made.pickup_service, made.dropoff_service
    );
    for (name, text) in [
        ("restaurants.txt", &shops),
        ("orders.txt", &orders),
        ("couriers.txt", &couriers),
        ("instance_parameters.txt", &parameters),
    ] {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 20 } else { 1_000 }))]

    #[test]
    fn made_up_days_are_played_by_the_rules(made in made()) {
        let day = tempfile::tempdir().unwrap();
        write(day.path(), &made);
        for dispatcher in Dispatcher::ALL {
            judged(day.path(), dispatcher);
        }
    }
}

#[test]
fn the_small_day_is_played_by_the_rules() {
    let nearest = judged(&small(), Dispatcher::Nearest);
    let suggest = judged(&small(), Dispatcher::Suggest);
    assert!(suggest.delivered.is_superset(&nearest.delivered));
    assert_eq!(nearest.largest, 1, "one order a trip");
}

#[test]
fn orders_of_one_shop_travel_together_when_riders_are_few() {
    let day = tempfile::tempdir().unwrap();
    let parameters = std::fs::read_to_string(small().join("instance_parameters.txt")).unwrap();
    for (name, text) in [
        ("restaurants.txt", "restaurant\tx\ty\nr1\t0\t0\n"),
        ("couriers.txt", "courier\tx\ty\ton_time\toff_time\nc1\t300\t0\t0\t300\n"),
        (
            "orders.txt",
            "order\tx\ty\tplacement_time\trestaurant\tready_time\no1\t6000\t0\t10\tr1\t30\no2\t6000\t300\t12\tr1\t31\n",
        ),
        ("instance_parameters.txt", &parameters),
    ] {
        std::fs::write(day.path().join(name), text).unwrap();
    }
    let (nearest, suggest) =
        (judged(day.path(), Dispatcher::Nearest), judged(day.path(), Dispatcher::Suggest));
    assert_eq!((nearest.largest, suggest.largest), (1, 2));
    assert!(suggest.driven < nearest.driven && suggest.click_to_door < nearest.click_to_door);
}

#[test]
fn the_same_day_is_played_the_same_way_twice() {
    let instance = Instance::read(&small()).unwrap();
    for dispatcher in Dispatcher::ALL {
        assert_eq!(solve(&instance, dispatcher), solve(&instance, dispatcher));
    }
}

/// What is decided until a minute does not depend on orders that come after it.
#[test]
fn nothing_is_known_before_it_is_placed() {
    const CUT: i64 = 130;
    let day = tempfile::tempdir().unwrap();
    let made = Made {
        seed: 7,
        orders: 60,
        couriers: 8,
        shops: 5,
        pickup_service: 4,
        dropoff_service: 4,
        metres_per_minute: 300,
    };
    write(day.path(), &made);
    let whole = Instance::read(day.path()).unwrap();
    let mut cut = whole.clone();
    cut.orders.retain(|order| order.placed_min <= CUT);
    assert!(cut.orders.len() < whole.orders.len() && cut.orders.len() > 20);
    for dispatcher in Dispatcher::ALL {
        let until_cut = |instance: &Instance| {
            let trips = solve(instance, dispatcher).trips.into_iter().filter(|trip| trip.leave_min <= CUT);
            let named = |(ix, at): (usize, i64)| (instance.orders[ix].id.clone(), at);
            let told =
                trips.map(|t| (t.courier, t.pickup_min, t.stops.into_iter().map(named).collect::<Vec<_>>()));
            told.collect::<Vec<_>>()
        };
        assert_eq!(until_cut(&whole), until_cut(&cut), "{dispatcher}");
    }
}

/// The days that this is for: half of the gap, no minute more on the road, nothing left that the yardstick delivers.
#[test]
fn real_days_when_there_are_any() {
    let Some(dir) = std::env::var_os("GWANJE_MDRP_DIR") else {
        eprintln!("not run: set GWANJE_MDRP_DIR to a folder of MDRP instances");
        return;
    };
    let mut days = 0;
    let (mut gap, mut closed) = (0.0, 0.0);
    for entry in std::fs::read_dir(dir).unwrap() {
        let day = entry.unwrap().path();
        if !day.join("orders.txt").is_file() {
            continue;
        }
        days += 1;
        let (nearest, suggest) = (judged(&day, Dispatcher::Nearest), judged(&day, Dispatcher::Suggest));
        assert!(suggest.delivered.is_superset(&nearest.delivered), "{}", day.display());
        assert!(suggest.driven <= nearest.driven, "{}", day.display());
        let judge = Judge::of(&day);
        let orders = nearest.delivered.len() as f64;
        let mean = |verdict: &Verdict| verdict.click_to_door / verdict.delivered.len() as f64;
        gap += mean(&nearest) * orders - judge.bound();
        closed += (mean(&nearest) - mean(&suggest)) * orders;
    }
    assert!(days > 0, "GWANJE_MDRP_DIR holds no instance");
    assert!(closed >= gap / 2.0, "{closed} of {gap}");
}

fn drill(arguments: &[&std::ffi::OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gwanje-drill")).args(arguments).output().unwrap()
}

#[test]
fn the_command_writes_the_files_and_prints_one_line_of_figures() {
    let dir = tempfile::tempdir().unwrap();
    let solution = dir.path().join("new/solution");
    let day = small();
    for dispatcher in Dispatcher::ALL {
        let output = drill(&[
            "solve".as_ref(),
            "--day".as_ref(),
            day.as_ref(),
            "--dispatcher".as_ref(),
            dispatcher.as_str().as_ref(),
            "--solution".as_ref(),
            solution.as_ref(),
        ]);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.lines().count(), 1);
        let figures: serde_json::Value = serde_json::from_str(&said).unwrap();
        let verdict = Judge::of(&day).judge(&solution).unwrap();
        assert_eq!(figures["dispatcher"], dispatcher.as_str());
        assert_eq!(figures["orders"], 10);
        assert_eq!(figures["delivered"], verdict.delivered.len());
        assert_eq!(figures["courierMinutesDriven"].as_f64(), Some(verdict.driven));
        for name in ["clickToDoorMean", "clickToDoorP90", "onTimeShare"] {
            assert!(figures[name].is_number(), "{name}: {said}");
        }
    }
}

#[test]
fn what_is_wrong_is_one_line_and_a_status() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_file = file.join("solution");
    let day = small();
    let solve = |day: &Path, dispatcher: &str, solution: &Path| {
        drill(&[
            "solve".as_ref(),
            "--day".as_ref(),
            day.as_ref(),
            "--dispatcher".as_ref(),
            dispatcher.as_ref(),
            "--solution".as_ref(),
            solution.as_ref(),
        ])
    };
    let cases = [
        (solve(&nowhere, "suggest", dir.path()), 2, "restaurants.txt"),
        (solve(&day, "fastest", dir.path()), 2, "fastest"),
        (solve(&day, "suggest", &below_file), 1, "writing the solution"),
        (drill(&["solve".as_ref()]), 2, "--day"),
    ];
    for (output, status, word) in cases {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.lines().count() == 1 && said.contains(word) && output.stdout.is_empty(), "{said}");
    }
    for asked in ["--help", "--version"] {
        assert!(drill(&[asked.as_ref()]).status.success());
    }
}
