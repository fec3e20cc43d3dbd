//! Runs seeds of the simulation, counts the faults that came to pass, and shows that the invariants catch deliberate
//! bugs.

use clap::Parser;
use gwanje_ledger::mutation::{LawMutation, mutate as mutate_law};
use gwanje_simulation::fault::Fault;
use gwanje_simulation::plan::Plan;
use gwanje_simulation::shrink::shrink;
use gwanje_simulation::{Report, draw, run};
use gwanje_sync::mutation::{Mutation, mutate};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A deliberate bug must be caught within this many seeds.
const CATCH_WITHIN: u64 = 300;
/// Seeds of a long run, and the least number of them in which each kind of fault must have come to pass.
const LONG_RUN: u64 = 10_000;
const EACH_AT_LEAST: u64 = 100;
/// The most failing seeds that are shrunk and printed; further ones say nothing new.
const SHOWN_MAX: usize = 3;

/// Runs seeds of the simulation, counts the faults that came to pass, and shows that deliberate bugs are caught
#[derive(Debug, Parser)]
#[command(name = "gwanje-faults", version, about)]
struct Options {
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 300)]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "S", default_value_t = 0)]
    from: u64,
    /// This seed alone
    #[arg(long = "seed", value_name = "S")]
    only: Option<u64>,
    /// A kept plan instead of seeds
    #[arg(long = "plan", value_name = "FILE")]
    file: Option<String>,
    /// A deliberate bug by its name; none of them; or all of them after the seeds
    #[arg(long, value_name = "NAME|none|all")]
    mutation: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(name) = options.mutation.as_deref().filter(|name| !["none", "all"].contains(name)) {
        return one_mutation(name, &options);
    }
    if let Some(file) = &options.file {
        return one_plan(file);
    }
    let began = Instant::now();
    let (from, count) = options.only.map_or((options.from, options.seeds), |seed| (seed, 1));
    let sum = seeds(from, count);
    sum.print(began);
    let mutations = if options.mutation.as_deref() == Some("none") || options.only.is_some() {
        Vec::new()
    } else {
        caught()
    };
    let all = mutations.len();
    let caught = mutations.iter().filter(|caught| **caught).count();
    let kinds = sum.seeds.iter().filter(|seeds| **seeds > 0).count();
    let rare = count >= LONG_RUN && sum.seeds.iter().any(|seeds| *seeds < EACH_AT_LEAST);
    if rare {
        println!(
            "a kind of fault came to pass in less than {EACH_AT_LEAST} seeds: the run proves nothing of it"
        );
    }
    println!(
        "faults: {count} seeds, {} steps, {kinds} kinds, {} violations, {caught} of {all} mutations caught",
        sum.steps, sum.violations
    );
    if sum.violations == 0 && caught == all && !rare { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Sum {
    steps: u64,
    /// How often each kind came to pass, and in how many seeds.
    injected: [u64; Fault::COUNT],
    seeds: [u64; Fault::COUNT],
    violations: u64,
    found_after_ms: u64,
    most_asked: usize,
    failed: Vec<(Plan, Report)>,
}

impl Sum {
    fn new() -> Self {
        Self {
            steps: 0,
            injected: [0; Fault::COUNT],
            seeds: [0; Fault::COUNT],
            violations: 0,
            found_after_ms: 0,
            most_asked: 0,
            failed: Vec::new(),
        }
    }

    fn add(&mut self, plan: Plan, report: Report) {
        self.steps += report.steps;
        for ((sum, seeds), count) in self.injected.iter_mut().zip(&mut self.seeds).zip(report.injected) {
            *sum += count;
            *seeds += u64::from(count > 0);
        }
        self.found_after_ms = self.found_after_ms.max(report.found_after_ms);
        self.most_asked = self.most_asked.max(report.most_asked);
        self.violations += u64::try_from(report.violations.len()).unwrap_or(1);
        if !report.violations.is_empty() {
            self.failed.push((plan, report));
        }
    }

    fn print(&self, began: Instant) {
        println!("{:>3}  {:<48} {:>9} {:>9}", "", "came to pass", "times", "in seeds");
        for ((fault, count), seeds) in Fault::ALL.into_iter().zip(self.injected).zip(self.seeds) {
            println!("{:>3}  {:<48} {count:>9} {seeds:>9}", fault.number(), fault.name());
        }
        println!("planted divergences were found within {} ms", self.found_after_ms);
        println!("a seat read of one center at most {} times within five seconds", self.most_asked);
        println!("took {:.1} s", began.elapsed().as_secs_f64());
        let mut seeds: Vec<u64> = self.failed.iter().map(|(plan, _)| plan.seed).collect();
        seeds.sort_unstable();
        if !seeds.is_empty() {
            println!("failing seeds: {seeds:?}");
        }
        for (plan, report) in self.failed.iter().take(SHOWN_MAX) {
            show(plan, report);
        }
    }
}

fn seeds(from: u64, count: u64) -> Sum {
    let next = AtomicU64::new(from);
    let sum = Mutex::new(Sum::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    let plan = draw(seed);
                    let report = run(&plan);
                    if let Ok(mut sum) = sum.lock() {
                        sum.add(plan, report);
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Shrinks a failing plan, prints it and keeps it.
fn show(plan: &Plan, report: &Report) {
    let Some(first) = report.violations.first() else { return };
    println!("\nseed {}: {} at {} ms: {}", plan.seed, first.letter, first.at_ms, first.what);
    let small = shrink(plan, first.letter);
    let again = run(&small);
    if let Some(first) = again.violations.first() {
        println!("shrunk to {} of {} steps: {}", small.steps.len(), plan.steps.len(), first.what);
    }
    let Ok(text) = serde_json::to_string(&small) else { return };
    println!("{text}");
    let folder = Path::new("target/faults");
    let file = folder.join(format!("seed-{}.json", plan.seed));
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, text));
    match kept {
        Ok(()) => println!("kept as {}", file.display()),
        Err(error) => println!("it could not be kept: {error}"),
    }
}

fn one_plan(file: &str) -> ExitCode {
    let plan = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let plan = plan.and_then(|text| serde_json::from_str::<Plan>(&text).map_err(|error| error.to_string()));
    match plan {
        Ok(plan) => {
            let report = run(&plan);
            println!("{} steps, trace {:016x}, {:?}", report.steps, report.trace, report.violations);
            for (fault, count) in Fault::ALL.into_iter().zip(report.injected).filter(|(_, count)| *count > 0)
            {
                println!("{:>3}  {} came to pass {count} times", fault.number(), fault.name());
            }
            if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::from(2)
        }
    }
}

/// A deliberate bug: of the core, of its queue, or of the hub's law.
#[derive(Debug, Clone, Copy)]
enum Bug {
    OfCore(Mutation),
    OfLaw(LawMutation),
}

impl Bug {
    fn all() -> Vec<Self> {
        let of_core = Mutation::ALL.into_iter().map(Self::OfCore);
        of_core.chain(LawMutation::ALL.into_iter().map(Self::OfLaw)).collect()
    }

    fn name(self) -> String {
        match self {
            Self::OfCore(mutation) => format!("{mutation:?}"),
            Self::OfLaw(mutation) => format!("{mutation:?}"),
        }
    }

    /// From now on this thread has the bug.
    fn begin(self) {
        match self {
            Self::OfCore(mutation) => mutate(Some(mutation)),
            Self::OfLaw(mutation) => mutate_law(Some(mutation)),
        }
    }

    fn end() {
        mutate(None);
        mutate_law(None);
    }
}

fn one_mutation(name: &str, options: &Options) -> ExitCode {
    let Some(mutation) = Bug::all().into_iter().find(|bug| bug.name() == name) else {
        let all: Vec<_> = Bug::all().into_iter().map(Bug::name).collect();
        eprintln!("no such mutation: {name}; there are {}", all.join(", "));
        return ExitCode::from(2);
    };
    if catch(mutation, options.from, options.seeds.max(1)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tries every deliberate bug, on all cores.
fn caught() -> Vec<bool> {
    let all = Bug::all();
    let half = all.len().div_ceil(2);
    std::thread::scope(|scope| {
        let parts: Vec<_> = all
            .chunks(half)
            .map(|part| {
                scope.spawn(|| {
                    part.iter().map(|mutation| catch(*mutation, 0, CATCH_WITHIN)).collect::<Vec<_>>()
                })
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}

/// Runs seeds with a deliberate bug until one breaks an invariant.
fn catch(bug: Bug, from: u64, within: u64) -> bool {
    bug.begin();
    let found = (from..from + within)
        .find_map(|seed| run(&draw(seed)).violations.into_iter().next().map(|violation| (seed, violation)));
    Bug::end();
    let name = bug.name();
    match &found {
        Some((seed, violation)) => {
            println!("{name}: caught by {} at seed {seed}: {}", violation.letter, violation.what);
        }
        None => println!("{name}: not caught within {within} seeds"),
    }
    found.is_some()
}
