//! What every store must do, tried on each: in memory, in a file, in a PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml excuses test functions; their helpers fail a test in the same way"
)]

mod alarms;
#[path = "../../../ledger/tests/law/center.rs"]
mod center;
mod crash;
#[path = "../shared/day.rs"]
#[allow(dead_code, reason = "not every suite uses all")]
mod day;
mod due;
mod emission;
mod equal;
mod erase;
#[path = "../shared/followed.rs"]
mod followed;
mod frames;
mod laws;
mod newer;
#[path = "../store_postgres/opening.rs"]
#[allow(dead_code, reason = "not every suite uses all")]
mod opening;
mod outcomes;
mod past;
mod people;
mod place;
#[path = "../shared/postgres.rs"]
mod postgres;
mod several;
#[path = "../../../ledger/tests/law/steps.rs"]
mod steps;

use gwanje_hub::store::{After, BoardStream, Selection, Store};
use gwanje_model::{CenterId, Delivery, UtcMillis};
use gwanje_wire::rest::RowsReply;

/// All of a stream.
async fn streamed(mut rows: BoardStream) -> Vec<u8> {
    let mut read = Vec::new();
    while let Some(chunk) = rows.chunks.recv().await {
        read.extend_from_slice(&chunk.unwrap());
    }
    read
}

/// The rows of a past board.
async fn past_board(store: &Store, id: &CenterId, time: UtcMillis) -> Vec<Delivery> {
    let read = streamed(store.board_at(id, time).await.unwrap()).await;
    let mut board: serde_json::Value = serde_json::from_slice(&read).unwrap();
    assert_eq!(board["time"], time.0);
    serde_json::from_value(board["rows"].take()).unwrap()
}

/// Selected rows, as they come piece by piece.
async fn selected(store: &Store, id: &CenterId, selection: Selection, after: After) -> RowsReply {
    let read = streamed(store.selected(id, selection, after).await.unwrap()).await;
    serde_json::from_slice(&read).unwrap()
}

/// Tries laws on a store of which each `open` is a new, empty one.
macro_rules! tried {
    ($open:path: $($module:ident::$law:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $law() {
            crate::$module::$law($open().await).await;
        }
    )*};
}

/// Tries every law on a store of which each `open` is a new, empty one.
macro_rules! store_conformance {
    ($open:path) => {
        #[test]
        fn a_followed_board_is_the_board() {
            crate::laws::a_followed_board_is_the_board($open);
        }

        tried! { $open:
            alarms::an_alarm_is_forgotten_a_week_on_when_its_delivery_has_left_the_board,
            alarms::alarms_that_stay_are_in_no_others_way,
            alarms::alarms_go_some_at_a_time_until_none_is_left,
            erase::a_customer_is_erased_everywhere_and_boards_prove_afterwards,
            erase::a_customer_is_erased_by_a_delivery,
            crash::a_handle_that_goes_without_a_word_takes_nothing_with_it,
            due::each_comes_when_it_is_due_and_is_settled_when_its_reason_is_gone,
            due::what_is_due_outlives_the_process,
            due::nobody_gives_word_on_what_is_not_due_and_a_word_on_what_is_writes_it,
            due::receipts_are_bounded_by_account_and_by_alarm_and_the_first_acknowledgement_stands,
            due::an_alarm_that_nobody_takes_note_of_is_escalated_after_a_minute_of_the_wall,
            due::alarms_come_by_page_and_a_page_says_where_the_next_begins,
            due::many_that_are_due_at_once_are_all_written,
            emission::a_new_epoch_is_told_at_once_and_gone_on_in,
            emission::words_on_an_alarm_are_told_together,
            frames::memory_and_tables_give_equal_frames,
            due::a_page_of_alarms_is_bounded_in_bytes_whatever_seats_say,
            frames::selected_rows_resume_as_frames_do,
            frames::no_frame_exceeds_its_bounds,
            frames::an_order_that_no_frame_could_carry_is_refused_and_takes_no_number,
            outcomes::an_outcome_tells_the_row_as_it_was_then,
            past::the_past_is_forgotten_but_for_what_a_board_or_an_alarm_needs,
            past::a_long_past_is_forgotten_batch_by_batch,
            laws::many_at_once_have_a_revision_each,
            people::an_account_lives_from_its_making_to_its_end,
            people::refused_sign_ins_are_told_together,
            people::the_audit_comes_by_page_and_ends_with_its_time,
            people::a_sign_in_that_nobody_uses_ends_while_the_hub_runs,
        }
    };
    // Several hubs may serve it.
    ($open:path, shared) => {
        store_conformance!($open);

        tried! { $open:
            crash::an_answer_that_is_lost_is_found_under_its_key,
            several::a_chore_is_one_hubs_until_its_lease_is_over,
            several::chores_of_a_hub_that_is_gone_are_the_others,
            several::commands_of_two_nodes_have_a_revision_each_and_both_tell_one_board,
            several::a_cursor_from_another_node_goes_on,
            several::a_command_sent_again_to_another_node_is_answered_as_recorded,
            several::a_sign_in_at_one_node_is_one_at_all_and_so_is_its_end,
            several::failed_sign_ins_of_all_nodes_count_together,
            several::a_node_with_another_secret_does_not_start,
            people::two_hubs_leave_one_admin,
            people::a_change_at_one_hub_is_in_force_at_the_other,
        }
    };
}

/// Tries what is stored, and what a newer hub may have left there, where SQL shows and changes it.
macro_rules! stored {
    ($open:path) => {
        tried! { $open:
            outcomes::an_outcome_holds_no_rows,
            newer::fields_of_a_newer_hub_are_kept_by_every_change,
            newer::a_row_of_an_unknown_status_is_changed_by_nobody_here_and_in_nobodys_way,
        }
    };
}

mod in_memory {
    store_conformance!(crate::place::Place::memory, shared);
}

mod in_a_file {
    store_conformance!(crate::place::Place::file);
    stored!(crate::place::Place::file);
}

mod in_postgres {
    store_conformance!(crate::place::Place::database, shared);
    stored!(crate::place::Place::database);
}
