//! Every cell of the table, and stories of what comes of it.

use super::*;
use rand_chacha::rand_core::SeedableRng as _;

const A: &str = "http://a";
const B: &str = "http://b";

fn endpoints(urls: &[&str]) -> Endpoints {
    Endpoints::new(&urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>())
}

/// `b` is in use and works; `a` failed at 1 s.
fn failed_over() -> Endpoints {
    let mut endpoints = endpoints(&[A, B]);
    assert!(endpoints.failed(A, Mono(1_000)), "another good one is there");
    endpoints.worked(B);
    assert_eq!(endpoints.current(), B);
    endpoints
}

/// Answers every probe until `until`; gives when `a` may be gone back to, if it may.
fn probe_until(endpoints: &mut Endpoints, answers: bool, until: u64, rng: &mut ChaCha8Rng) -> Option<u64> {
    while let Some(at) = endpoints.deadline()
        && at.0 <= until
    {
        if endpoints.returning(true, at).is_some() {
            return Some(at.0);
        }
        let url = endpoints.probe(at).expect("nothing else is due");
        assert_eq!(url, A, "only what is preferred is probed");
        endpoints.probed(&url, answers, at, rng);
    }
    None
}

#[test]
fn every_cell_of_the_table() {
    let at = Mono(100_000);
    let long_held = Mono(0);
    let standings = [
        Standing::Good,
        Standing::Failed,
        Standing::Holding { since: long_held },
        Standing::Holding { since: at },
        Standing::Returning { at },
    ];
    for standing in standings {
        let make = |current: usize| {
            let mut endpoints = endpoints(&[A, B]);
            endpoints.current = current;
            endpoints.all[0].standing = standing;
            endpoints.all[0].hold_ms = HOLD_MS;
            endpoints
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for current in [0, 1] {
            let mut endpoints = make(current);
            endpoints.failed(A, at);
            assert_eq!(endpoints.all[0].standing, Standing::Failed, "{standing:?} fails");
            assert_eq!(endpoints.current(), B, "{standing:?} fails");
        }
        let mut endpoints = make(0);
        endpoints.worked(A);
        assert_eq!(endpoints.all[0].standing, Standing::Good, "{standing:?} works in use");
        let mut endpoints = make(1);
        endpoints.worked(A);
        assert_eq!(endpoints.all[0].standing, standing, "{standing:?}: late words of what is not in use");

        let mut endpoints = make(1);
        endpoints.probed(A, true, at, &mut rng);
        let answered = endpoints.all[0].standing;
        match standing {
            Standing::Good => assert_eq!(answered, Standing::Good),
            Standing::Failed => assert_eq!(answered, Standing::Holding { since: at }),
            Standing::Holding { since } if since == long_held => {
                assert!(matches!(answered, Standing::Returning { .. }), "{answered:?}");
            }
            Standing::Holding { .. } | Standing::Returning { .. } => assert_eq!(answered, standing),
        }
        let mut endpoints = make(1);
        endpoints.probed(A, false, at, &mut rng);
        assert_eq!(endpoints.all[0].standing, Standing::Failed, "{standing:?} does not answer");

        let mut endpoints = make(1);
        let due = matches!(standing, Standing::Returning { .. });
        assert_eq!(endpoints.returning(true, at), due.then(|| A.to_owned()), "{standing:?}");
        assert_eq!(endpoints.returning(false, at), None, "{standing:?}: not while a board is behind");
        let put_off = endpoints.returning(true, at).is_none();
        assert!(put_off, "{standing:?}: put off");
    }
}

#[test]
fn endpoints_are_tried_in_turn_and_kept_while_they_work() {
    let mut endpoints = endpoints(&["http://a/", B, "http://c"]);
    assert_eq!(endpoints.current(), A);
    endpoints.failed(A, Mono(1));
    endpoints.failed(A, Mono(1));
    assert_eq!(endpoints.current(), B, "two failures of one are one step");
    endpoints.failed(B, Mono(2));
    assert_eq!(endpoints.current(), "http://c");
    assert!(!endpoints.failed("http://c", Mono(3)), "none is good any more");
    assert_eq!(endpoints.current(), A, "the one that failed longest ago");
    endpoints.failed(A, Mono(4));
    assert_eq!(endpoints.current(), B);
    endpoints.failed("http://elsewhere", Mono(5));
    assert_eq!(endpoints.current(), B);
}

#[test]
fn a_new_list_keeps_what_is_known_and_in_use() {
    let mut endpoints = failed_over();
    endpoints.replace(&[A.to_owned(), format!("{B}/")], Mono(2_000));
    assert_eq!(endpoints.current(), B, "affinity");
    assert_eq!(endpoints.all[0].standing, Standing::Failed);
    endpoints.replace(&["http://new".to_owned(), B.to_owned()], Mono(3_000));
    assert_eq!(endpoints.current(), B, "a new one is not gone to at once");
    assert_eq!(endpoints.probe(Mono(3_000)).as_deref(), Some("http://new"));
    endpoints.replace(&["http://c".to_owned()], Mono(4_000));
    assert_eq!(endpoints.current(), "http://c");
    endpoints.replace(&[], Mono(5_000));
    assert!(!endpoints.failed("", Mono(5_000)));
    assert_eq!((endpoints.current(), endpoints.deadline()), ("", None));
}

#[test]
fn one_endpoint_alone_is_never_probed_nor_left() {
    let mut endpoints = endpoints(&[A]);
    assert!(!endpoints.failed(A, Mono(1)));
    assert_eq!((endpoints.current(), endpoints.deadline()), (A, None));
    assert_eq!(endpoints.probe(Mono(1_000_000)), None);
}

#[test]
fn a_recovered_endpoint_must_hold_and_is_gone_back_to_at_a_random_moment() {
    let mut moments = Vec::new();
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut endpoints = failed_over();
        assert_eq!(probe_until(&mut endpoints, false, 60_000, &mut rng), None, "it does not answer");
        let recovered = endpoints.deadline().unwrap().0;
        let back = probe_until(&mut endpoints, true, 600_000, &mut rng).expect("gone back to");
        let waited = back - recovered;
        assert!(waited >= HOLD_MS, "held for {waited} ms only");
        assert!(waited <= HOLD_MS + 2 * PROBE_EVERY_MS + RETURN_SPREAD_MS, "after {waited} ms only");
        moments.push(waited);
    }
    moments.sort_unstable();
    assert!(moments[190] - moments[10] > RETURN_SPREAD_MS / 2, "spread: {moments:?}");
}

#[test]
fn one_that_comes_and_goes_is_not_gone_back_to() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut endpoints = failed_over();
    let mut answers = false;
    while let Some(at) = endpoints.deadline()
        && at.0 < 3_600_000
    {
        assert_eq!(endpoints.returning(true, at), None, "it never held for {HOLD_MS} ms");
        let url = endpoints.probe(at).unwrap();
        answers = !answers;
        endpoints.probed(&url, answers, at, &mut rng);
    }
}

#[test]
fn one_that_fails_right_after_the_return_is_held_off_twice_as_long() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut endpoints = failed_over();
    let mut last = 0;
    let mut now = 1_000;
    for round in 0..8 {
        let back = probe_until(&mut endpoints, true, now + 3_600_000, &mut rng).expect("gone back to");
        let held = back - now;
        assert!(held >= last, "round {round}: {held} after {last}");
        assert!(held >= (HOLD_MS << round.min(4)).min(HOLD_MAX_MS), "round {round}: {held}");
        assert!(held <= HOLD_MAX_MS + 3 * PROBE_EVERY_MS + RETURN_SPREAD_MS, "round {round}: {held}");
        endpoints.go_to(A, Mono(back));
        endpoints.worked(A);
        now = back + 1_000;
        endpoints.failed(A, Mono(now));
        assert_eq!(endpoints.current(), B);
        last = (HOLD_MS << round).min(HOLD_MAX_MS);
    }
    // Once it has worked for long, what was is forgotten.
    let back = probe_until(&mut endpoints, true, now + 3_600_000, &mut rng).unwrap();
    endpoints.go_to(A, Mono(back));
    endpoints.worked(A);
    endpoints.failed(A, Mono(back + STEADY_MS));
    assert_eq!(endpoints.all[0].hold_ms, HOLD_MS);
}

#[test]
fn socket_urls_follow_the_scheme() {
    for (base, url, probe) in [
        (
            "http://h:1",
            "ws://h:1/socket.io/?EIO=4&transport=websocket",
            "http://h:1/socket.io/?EIO=4&transport=probe",
        ),
        (
            "https://h",
            "wss://h/socket.io/?EIO=4&transport=websocket",
            "https://h/socket.io/?EIO=4&transport=probe",
        ),
        (
            "ws://h:2",
            "ws://h:2/socket.io/?EIO=4&transport=websocket",
            "http://h:2/socket.io/?EIO=4&transport=probe",
        ),
        (
            "wss://h",
            "wss://h/socket.io/?EIO=4&transport=websocket",
            "https://h/socket.io/?EIO=4&transport=probe",
        ),
    ] {
        assert_eq!(socket_url(base), url);
        assert_eq!(socket_probe_url(base), probe);
    }
    for (url, usable) in [
        ("http://h", true),
        ("wss://h:1/", true),
        ("ftp://h", false),
        ("http://", false),
        ("https:///", false),
        ("http://h h", false),
        ("h:1", false),
        ("", false),
    ] {
        assert_eq!(is_socket_base(url), usable, "{url:?}");
    }
}
