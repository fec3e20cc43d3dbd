//! A hub with two doors, over many seeds: a door that is shut is left within 4 s, a recovered one is gone back to once
//! it has held, and a drain is no loss.

use super::world::{World, held_rows};
use super::*;
use crate::io::State;
use gwanje_model::{DeliveryId, Rev};
use rand::RngExt as _;
use std::collections::BTreeMap;

const SEEDS: u64 = 40;
const SERVERS: [&str; 2] = ["http://h", "http://i"];

/// Live by the first door.
fn live(seed: u64) -> World {
    let mut world = World::with_servers(seed, &SERVERS);
    world.put(Input::SignIn { account: "kim".to_owned(), password: "pw".to_owned() });
    world.pass(5_000);
    assert!(is_live(&world), "seed {seed}");
    assert_eq!(world.client.endpoints(), ("http://h", Some("http://h")), "seed {seed}");
    world
}

fn is_live(world: &World) -> bool {
    matches!(world.client.session(&"a".into()).unwrap().state(), State::Live { .. })
}

fn change(world: &mut World) {
    let before = world.hub.rev;
    let World { hub, rng, .. } = world;
    hub.change(rng);
    world.broadcast(before);
}

/// The names of the states told since.
fn states(world: &World, since: usize) -> Vec<&'static str> {
    let mut names = Vec::new();
    for action in &world.told[since..] {
        if let Action::State(_, state) = action {
            names.push(state.name());
        }
    }
    names
}

fn assert_true(world: &World, seed: u64) {
    let truth: BTreeMap<DeliveryId, Rev> = world.hub.rows.values().map(|row| (row.id, row.rev)).collect();
    assert_eq!(held_rows(&world.client), truth, "seed {seed}");
}

#[test]
fn a_door_that_is_shut_is_left_for_the_other_within_four_seconds() {
    for seed in 0..SEEDS {
        let mut world = live(seed);
        let told = world.told.len();
        world.shut_door("h", true);
        change(&mut world);
        world.pass(4_000);
        assert!(is_live(&world), "seed {seed}: {:?}", states(&world, told));
        assert_eq!(world.client.endpoints(), ("http://i", Some("http://i")), "seed {seed}");
        assert!(!states(&world, told).contains(&"Offline"), "seed {seed}: REST went on by the other");
        assert_true(&world, seed);
    }
}

#[test]
fn a_door_that_has_recovered_is_gone_back_to_without_a_gap_and_not_at_once() {
    for seed in 0..SEEDS {
        let mut world = live(seed);
        world.shut_door("h", true);
        world.pass(60_000);
        world.shut_door("h", false);
        let (told, opened) = (world.told.len(), world.opened.len());
        world.pass(29_000);
        assert_eq!(world.opened.len(), opened, "seed {seed}: it has not held for long");
        for _ in 0..80 {
            change(&mut world);
            world.pass(1_000);
        }
        assert_eq!(world.client.endpoints(), ("http://h", Some("http://h")), "seed {seed}");
        assert_eq!(world.opened.len(), opened + 1, "seed {seed}: one move");
        assert_eq!(states(&world, told), [""; 0], "seed {seed}: live throughout");
        assert_eq!(world.held.len(), 1, "seed {seed}");
        assert_true(&world, seed);
        let stats = world.client.stats();
        assert_eq!((stats.repairs, stats.mismatches, stats.snapshots), (0, 0, 1), "seed {seed}");
    }
}

#[test]
fn a_door_that_opens_and_shuts_makes_nobody_flap() {
    for seed in 0..8 {
        let mut world = live(seed);
        world.shut_door("h", true);
        world.pass(10_000);
        let (told, opened) = (world.told.len(), world.opened.len());
        for round in 0..120 {
            let shut = round % 2 == 0;
            world.shut_door("h", shut);
            // Shut for longer than lies between two probes; a shorter time may go unseen, and hurts as little.
            let least = if shut { 12_500 } else { 5_000 };
            let ms = world.rng.random_range(least..25_000);
            world.pass(ms);
        }
        assert_eq!(world.opened.len(), opened, "seed {seed}: {:?}", &world.opened[opened..]);
        assert_eq!(states(&world, told), [""; 0], "seed {seed}: live throughout");
    }
}

#[test]
fn a_drain_moves_to_the_other_door_and_nothing_is_lost() {
    for seed in 0..SEEDS {
        let mut world = live(seed);
        let told = world.told.len();
        world.drain(3_000);
        for _ in 0..8 {
            change(&mut world);
            world.pass(500);
        }
        assert_eq!(world.client.endpoints().1, Some("http://i"), "seed {seed}");
        assert_eq!(states(&world, told), [""; 0], "seed {seed}: live throughout");
        assert_eq!(world.held.len(), 1, "seed {seed}: the old one is closed");
        assert_true(&world, seed);
    }
}

#[test]
fn seats_that_are_drained_together_spread_over_the_window() {
    let mut moments = Vec::new();
    for seed in 0..100 {
        let mut world = live(seed);
        let (begin, opened) = (world.now.mono, world.opened.len());
        world.drain(20_000);
        world.pass(21_000);
        moments.push(world.opened[opened].0.since(begin));
    }
    for quarter in 0..4 {
        let within = quarter * 5_000..(quarter + 1) * 5_000;
        let count = moments.iter().filter(|ms| within.contains(*ms)).count();
        assert!((10..=45).contains(&count), "{count} of 100 in {within:?} ms");
    }
}

#[test]
fn after_doors_drains_and_losses_all_is_true_live_and_back_where_it_belongs() {
    for seed in 0..SEEDS {
        let mut world = live(seed);
        world.loss = 5;
        for _ in 0..120 {
            match world.rng.random_range(0..16) {
                0 => world.shut_door("h", true),
                1..=3 => world.shut_door("h", false),
                4 => world.shut_door("i", true),
                5..=7 => world.shut_door("i", false),
                8 => world.drain(2_000),
                9 => world.cut(),
                10 => world.hub.busy = world.rng.random_range(0..40),
                _ => change(&mut world),
            }
            let ms = world.rng.random_range(1..8_000);
            world.pass(ms);
        }
        world.loss = 0;
        world.hub.busy = 0;
        for door in ["h", "i"] {
            world.shut_door(door, false);
        }
        world.pass(60_000);
        assert!(is_live(&world), "seed {seed}");
        let requests = world.requests;
        // Longer than the longest that an endpoint is held off.
        world.pass(720_000);
        assert!(is_live(&world), "seed {seed}");
        assert_eq!(world.client.endpoints(), ("http://h", Some("http://h")), "seed {seed}");
        assert_eq!(world.held.len(), 1, "seed {seed}");
        assert_true(&world, seed);
        // Twelve minutes: seventy probes each of requests and sockets, and what a live board asks for anyway.
        assert!(world.requests - requests < 220, "seed {seed}: {}", world.requests - requests);
        assert!(
            !world.told.iter().any(|a| matches!(a, Action::SignedOut(_) | Action::Wipe(_))),
            "seed {seed}"
        );
    }
}
