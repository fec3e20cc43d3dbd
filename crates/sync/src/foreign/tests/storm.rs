//! Storms: everything goes wrong by share; in the end the board is the server's list, and nothing was told twice.

use super::world::{Faults, World};

/// Seeds of a run of the tests; each is 4 minutes of storm and 2½ of quiet.
const SEEDS: u64 = 12;

fn storm(seed: u64, faults: Faults) -> World {
    let mut world = World::new(seed, faults);
    world.run(240_000);
    let cancelled = world.cancelled.clone();
    world.busy = false;
    world.faults = Faults::default();
    world.sockets_allowed = true;
    world.run(150_000);
    assert_eq!(world.shown(), world.truth(), "seed {seed}");
    assert_eq!(world.state(), "Live", "seed {seed}");
    assert_eq!(world.cache.rows, world.board, "seed {seed}: what the disk has");
    assert!(world.proofs > 0);
    for (no, second) in &cancelled {
        assert!(world.told.contains(no), "seed {seed}: nobody was told that {no} was cancelled at {second}");
    }
    let alarmed: std::collections::BTreeSet<_> = world.raised.keys().map(|(no, _)| no).collect();
    assert_eq!(
        alarmed.len(),
        world.raised.len(),
        "seed {seed}: one cancellation, two alarms: {:?}",
        world.raised
    );
    world
}

#[test]
fn events_that_are_lost_late_and_doubled_and_stale_lists_end_in_the_server_s_rows() {
    for seed in 0..SEEDS {
        storm(seed, Faults { lost: 0.15, late: 0.3, twice: 0.2, stale: 0.3, ..Faults::default() });
    }
}

#[test]
fn cuts_silence_failures_and_garbage_end_in_the_server_s_rows() {
    let mut states = std::collections::BTreeSet::new();
    for seed in 100..100 + SEEDS {
        let faults = Faults {
            lost: 0.05,
            late: 0.1,
            garbled: 0.05,
            failing: 0.2,
            cut: 0.02,
            silent: 0.01,
            ..Faults::default()
        };
        states.extend(storm(seed, faults).states);
    }
    for state in ["Polling", "CatchingUp", "Live", "Offline"] {
        assert!(states.contains(state), "never {state}");
    }
}

#[test]
fn crashes_and_lost_caches_end_in_the_server_s_rows() {
    for seed in 200..200 + SEEDS {
        storm(
            seed,
            Faults {
                lost: 0.1,
                late: 0.2,
                twice: 0.1,
                stale: 0.2,
                failing: 0.1,
                crash: 0.02,
                ..Faults::default()
            },
        );
        storm(seed, Faults { lost: 0.1, cache_lost: 0.02, ..Faults::default() });
    }
}
