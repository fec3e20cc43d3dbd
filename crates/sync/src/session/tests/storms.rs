//! Storms: hundreds of seeds of work and faults; afterwards everything must have come together.

use super::world::{Faults, World};

/// Work and faults for half a minute, then quiet; what must hold always is checked at every step.
fn storm(seed: u64, faults: Faults, page: usize) -> World {
    let mut world = World::new(seed);
    world.page = page;
    for _ in 0..30 {
        world.work();
    }
    world.start();
    world.busy = true;
    world.faults = faults;
    world.run(30_000);
    world.busy = false;
    world.faults = Faults::default();
    world.run(40_000);
    world.check_converged();
    world
}

#[test]
fn without_faults_nothing_is_ever_repaired() {
    for seed in 0..60 {
        let world = storm(seed, Faults::default(), 1_000);
        let stats = world.session.stats();
        let trouble = (stats.mismatches, stats.repairs, stats.gaps, stats.malformed, stats.snapshots);
        assert_eq!(trouble, (0, 0, 0, 0, 1), "{seed}: R");
        let names: Vec<_> = world.states.iter().map(|(_, state)| state.name()).collect();
        assert!(names.iter().all(|name| ["CatchingUp", "Live", "Polling"].contains(name)), "{names:?}");
        assert!(stats.proofs >= 20, "{seed}: {} proofs", stats.proofs);
    }
}

#[test]
fn dropped_doubled_and_overtaken_frames() {
    for seed in 0..150 {
        let faults = Faults { drop: 60, duplicate: 100, reorder: 60, ..Faults::default() };
        let world = storm(seed, faults, 3 + (seed as usize % 40));
        let stats = world.session.stats();
        assert_eq!(
            (stats.mismatches, stats.repairs, stats.malformed, stats.snapshots),
            (0, 0, 0, 1),
            "{seed}: R"
        );
        assert!(stats.gaps > 0, "{seed}: faults were injected");
        assert!(world.rests < 700, "{seed}: B: {} requests in 70 s", world.rests);
    }
}

#[test]
fn sockets_cut_and_rest_failing() {
    for seed in 0..100 {
        let faults = Faults { drop: 20, garble: 20, cut: 20, rest: 200, ..Faults::default() };
        let stats = storm(seed, faults, 1_000).session.stats();
        assert_eq!((stats.mismatches, stats.repairs, stats.snapshots), (0, 0, 1), "{seed}: R");
    }
}

#[test]
fn new_epochs_and_floors() {
    for seed in 0..100 {
        let faults =
            Faults { drop: 20, cut: 20, new_epoch: 4, raise_floor: 20, reorder: 30, ..Faults::default() };
        let stats = storm(seed, faults, 20).session.stats();
        assert_eq!((stats.mismatches, stats.repairs), (0, 0), "{seed}: R");
    }
}

#[test]
fn rows_lost_from_memory_are_repaired() {
    let mut repairs = 0;
    for seed in 0..100 {
        let faults = Faults { lose_row: 20, drop: 20, cut: 5, ..Faults::default() };
        repairs += storm(seed, faults, 1_000).session.stats().repairs;
    }
    assert!(repairs > 50, "{repairs}");
}

#[test]
fn killed_and_started_again() {
    for seed in 0..100 {
        let faults = Faults { crash: 10, cache_lost: 5, drop: 20, cut: 10, rest: 50, ..Faults::default() };
        storm(seed, faults, 1_000);
    }
}
