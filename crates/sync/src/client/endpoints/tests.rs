//! Every cell of the table, and stories of what comes of it.

use super::*;
use crate::testing::cells::{Every, compare, every, walk};
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

every!(
    /// What is known of `a`.
    At {
        Good,
        Failed,
        /// For as long as it must.
        Held,
        /// Only just.
        Holding,
        Returning,
    }
);

every!(Happens { Fails, Works, ProbeAnswered, ProbeUnanswered });

const NOW: Mono = Mono(100_000);

fn standing(at: At) -> Standing {
    match at {
        At::Good => Standing::Good,
        At::Failed => Standing::Failed,
        At::Held => Standing::Holding { since: Mono(0) },
        At::Holding => Standing::Holding { since: NOW },
        At::Returning => Standing::Returning { at: NOW },
    }
}

/// `a` stands so; it is in use, or `b` is.
fn standing_so(at: At, in_use: bool) -> Endpoints {
    let mut endpoints = endpoints(&[A, B]);
    endpoints.current = usize::from(!in_use);
    endpoints.all[0].standing = standing(at);
    endpoints.all[0].hold_ms = HOLD_MS;
    endpoints
}

/// The table: how `a` stands afterwards. None: it may be gone back to, at a random moment from then on.
fn expected(at: At, in_use: bool, happens: Happens) -> Option<Standing> {
    match (happens, at) {
        (Happens::Fails | Happens::ProbeUnanswered, _) => Some(Standing::Failed),
        (Happens::Works, _) if in_use => Some(Standing::Good),
        // Late words of what is not in use.
        (Happens::Works, _) => Some(standing(at)),
        (Happens::ProbeAnswered, At::Failed) => Some(Standing::Holding { since: NOW }),
        (Happens::ProbeAnswered, At::Held) => None,
        (Happens::ProbeAnswered, At::Good | At::Holding | At::Returning) => Some(standing(at)),
    }
}

#[test]
fn every_cell_of_the_table() {
    // Only what is not in use is probed.
    let can_be = |(_, in_use, happens): &(At, bool, Happens)| match happens {
        Happens::Fails | Happens::Works => true,
        Happens::ProbeAnswered | Happens::ProbeUnanswered => !in_use,
    };
    compare(
        <(At, bool, Happens)>::every().into_iter().filter(can_be),
        |&(at, in_use, happens)| {
            let stays = in_use && happens != Happens::Fails;
            (expected(at, in_use, happens), if stays { A } else { B }.to_owned())
        },
        |&(at, in_use, happens)| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let mut endpoints = standing_so(at, in_use);
            match happens {
                Happens::Fails => drop(endpoints.failed(A, NOW)),
                Happens::Works => endpoints.worked(A),
                Happens::ProbeAnswered => endpoints.probed(A, true, NOW, &mut rng),
                Happens::ProbeUnanswered => endpoints.probed(A, false, NOW, &mut rng),
            }
            let returns = at == At::Held && happens == Happens::ProbeAnswered;
            let stands = endpoints.all[0].standing;
            let unforeseen = returns && matches!(stands, Standing::Returning { .. });
            ((!unforeseen).then_some(stands), endpoints.current().to_owned())
        },
    );
}

#[test]
fn it_is_gone_back_to_when_its_moment_has_come_and_all_is_calm() {
    walk(At::every(), |at| {
        let mut endpoints = standing_so(*at, false);
        let due = *at == At::Returning;
        assert_eq!(endpoints.returning(true, NOW), due.then(|| A.to_owned()));
        assert_eq!(endpoints.returning(false, NOW), None, "not while a board is behind");
        assert_eq!(endpoints.returning(true, NOW), None, "put off");
    });
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
