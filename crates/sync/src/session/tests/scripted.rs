//! Single stories, step by step.

use super::world::World;
use crate::io::State;

fn live(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..40 {
        world.work();
    }
    world.start();
    world.run(5_000);
    world.check_converged();
    world
}

fn names(world: &World) -> Vec<&'static str> {
    world.states.iter().map(|(_, state)| state.name()).collect()
}

#[test]
fn a_quick_restart_is_never_offline_and_a_refused_port_is_polled_within_four_seconds() {
    let mut world = live(1);
    world.states.clear();
    world.sockets_up = false;
    world.cut();
    let cut = world.time;
    world.busy = true;
    world.run(10_000);
    assert_eq!(names(&world), ["Polling"]);
    assert!(world.states[0].0 - cut < 4_000);
    let first = world.fetches.iter().find(|(at, _)| *at >= cut).unwrap();
    assert!(first.0 - cut < 100, "the first poll comes at once");
    world.sockets_up = true;
    world.busy = false;
    world.run(5_000);
    assert_eq!(names(&world), ["Polling", "CatchingUp", "Live"]);
    world.check_converged();
}

#[test]
fn both_down_is_offline_after_two_failures_and_comes_back() {
    let mut world = live(2);
    world.states.clear();
    world.sockets_up = false;
    world.rest_up = false;
    world.cut();
    world.run(5_000);
    assert_eq!(names(&world), ["Polling", "Offline"]);
    world.sockets_up = true;
    world.rest_up = true;
    world.run(10_000);
    world.check_converged();
}

#[test]
fn a_flipped_byte_is_found_by_comparing_contents() {
    let mut world = live(3);
    let id = world.session.rows().next().unwrap().id();
    assert!(world.session.flip_row(id));
    world.run(64 * 132_000);
    world.check_converged();
    let stats = world.session.stats();
    assert_eq!((stats.mismatches, stats.repairs, stats.snapshots), (0, 1, 1));
}

#[test]
fn a_live_board_is_quiet_on_rest() {
    let mut world = live(4);
    let before = world.rests;
    world.run(600_000);
    let requests = world.rests - before;
    // Two a routine (digest, contents), four or five routines.
    assert!((8..=12).contains(&requests), "{requests}");
    assert!(matches!(world.session.state(), State::Live { .. }));
}

#[test]
fn heads_that_stop_make_it_catch_up_and_rest_proves_meanwhile() {
    let mut world = live(5);
    world.faults.drop = 1_000;
    world.states.clear();
    world.run(5_500);
    assert_eq!(names(&world).first(), Some(&"CatchingUp"));
    world.work();
    world.run(10_000);
    assert_eq!(world.session.cursor().unwrap().rev, world.hub.rev, "polled although the socket is joined");
    world.faults.drop = 0;
    world.run(5_000);
    world.check_converged();
}
