//! Shows that the simulation can fail: each deliberate bug is caught within 300 seeds, by the invariant that names it.

use gwanje_ledger::mutation::{LawMutation, mutate as mutate_law};
use gwanje_simulation::{draw, run, run_without_oracle};
use gwanje_sync::mutation::{Mutation, mutate};

/// Each bug must be caught within this many seeds.
const WITHIN: u64 = 300;

/// Asserts that a bug is caught, first by an invariant with one of these letters.
fn caught_by(mutation: Mutation, letters: &str) {
    mutate(Some(mutation));
    let caught = (0..WITHIN)
        .find_map(|seed| run(&draw(seed)).violations.into_iter().next().map(|violation| (seed, violation)));
    mutate(None);
    assert!(caught.is_some(), "{mutation:?} is not caught within {WITHIN} seeds");
    let Some((seed, violation)) = caught else { return };
    assert!(letters.contains(violation.letter), "{mutation:?}, seed {seed}: caught by {violation:?}");
}

/// How many seeds a bug of the law is looked for without the oracle.
const UNSEEN: u64 = 9;

/// Asserts that a bug of the law is caught by the oracle, and that nobody else sees it.
fn seen_by_the_oracle_alone(mutation: LawMutation) {
    mutate_law(Some(mutation));
    let caught = (0..WITHIN)
        .find_map(|seed| run(&draw(seed)).violations.into_iter().next().map(|violation| (seed, violation)));
    let seed = caught.as_ref().map_or(0, |(seed, _)| *seed);
    let seen =
        (seed..seed + UNSEEN).find_map(|seed| run_without_oracle(&draw(seed)).violations.into_iter().next());
    mutate_law(None);
    assert!(caught.is_some(), "{mutation:?} is not caught within {WITHIN} seeds");
    let Some((seed, violation)) = caught else { return };
    assert_eq!(violation.letter, 'O', "{mutation:?}, seed {seed}: caught by {violation:?}");
    assert_eq!(seen, None, "{mutation:?} is seen without the oracle");
}

macro_rules! caught {
    ($($test:ident: $mutation:ident by $letters:literal;)*) => {
        $(
            #[test]
            fn $test() {
                caught_by(Mutation::$mutation, $letters);
            }
        )*

        #[test]
        fn every_mutation_is_tried() {
            assert_eq!([$(Mutation::$mutation),*].len(), Mutation::ALL.len());
        }
    };
}

caught! {
    a_skipped_gap_check: SkipGapCheck by "CMRTL";
    forgotten_tombstones: ForgetTombstones by "CTR";
    a_cursor_before_its_rows: CursorBeforeRows by "ACLR";
    an_earlier_row_wins: EarlierRowWins by "ACR";
    a_refused_write_last: RefusedWriteLast by "ACMRK";
    a_read_past_a_wipe: ReadPastWipe by "ACR";
    digests_compared_at_a_cut_cursor: CompareCutCursor by "RL";
    an_overlay_over_a_newer_row: KeepOverlay by "CM1T";
    a_command_settled_by_a_frame: SettleByFrame by "W";
    alarms_from_rows_only: AlarmFromRowsOnly by "K";
    an_older_snapshot_accepted: AcceptOlderSnapshot by "MC";
    epochs_swapped_back: SwapEpochsBack by "MC";
    proofs_dated_by_arrival: DateByArrival by "L";
    a_retry_without_its_key: RetryWithoutKey by "W";
    acknowledgements_forgotten: ForgetAcknowledged by "K";
    a_503_taken_for_a_decision: DecideBy503 by "W";
    a_silent_socket_taken_for_a_quiet_one: IgnoreSilence by "CRKL";
    an_unequal_digest_ignored: IgnoreMismatch by "LRC";
    alarms_told_before_the_commit: TellBeforeCommit by "K";
    polls_without_a_pause: PollWithoutPause by "B";
    what_the_hub_says_raised_again: RaiseHubsToo by "K";
    a_refused_question_taken_for_a_refusal: RefuseByClose by "W";
    what_was_done_trusted_in_another_history: TrustOtherHistory by "W";
}

#[test]
fn an_undo_of_another_s_change() {
    seen_by_the_oracle_alone(LawMutation::UndoOfOthers);
}

#[test]
fn a_number_given_twice() {
    seen_by_the_oracle_alone(LawMutation::NumberTwice);
}

#[test]
fn a_board_that_keeps_what_was_cancelled() {
    seen_by_the_oracle_alone(LawMutation::KeepCancelled);
}
