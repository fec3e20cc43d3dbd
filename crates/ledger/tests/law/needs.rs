//! Needs name all that decisions look at: over what they name, and over all that there is, the same is decided.

use crate::center::Center;
use crate::steps::step;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A decision over what its needs name is the decision over everything, and each change has a revision of its own.
    #[test]
    fn needs_name_all_that_decisions_look_at(steps in prop::collection::vec(step(), 1..60)) {
        let mut center = Center::new("gangnam".into(), 0);
        for step in &steps {
            center.play(step);
        }
        let kept = center.memory.histories().flat_map(|(_, events)| events).map(|event| event.rev.0);
        let mut revs: Vec<u64> = kept.chain(center.forgotten.iter().copied()).collect();
        revs.sort_unstable();
        prop_assert_eq!(revs, (1..=center.memory.standing().rev.0).collect::<Vec<_>>());
    }
}
