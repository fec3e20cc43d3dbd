//! The queue, batch by batch.

use super::*;
use gwanje_cache::{CacheBatch, CachedDraft, DraftKey};
use gwanje_model::{DeliveryId, Epoch, Rev, RowDigest, UtcMillis};
use gwanje_sync::{AlarmKey, CommandId, OwnCancellation, StoredAlarm, StoredCommand};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::Cursor;

const NOW: Mono = Mono(1_000);

/// A queue beside which small files are kept, by name.
type Queue = Outbox<&'static str>;

fn row(id: u64, rev: u64) -> WireRow {
    WireRow::Unreadable { id: DeliveryId(id), rev: Rev(rev) }
}

fn gangnam() -> CenterId {
    CenterId::from("gangnam")
}

fn batch(seq: u64, upserts: &[(u64, u64)], removes: &[u64]) -> Batch {
    Batch {
        center: gangnam(),
        seq,
        replace: false,
        upserts: upserts.iter().map(|(id, rev)| row(*id, *rev)).collect(),
        removes: removes.iter().map(|id| DeliveryId(*id)).collect(),
        cursor: Some(Cursor { epoch: Epoch::from("E"), rev: Rev(seq) }),
        rows: RowDigest { count: seq, ..RowDigest::default() },
        alarms: Vec::new(),
        alarm_seq: None,
        proven_at: None,
        alarms_skipped: None,
        commands: Vec::new(),
        settled: Vec::new(),
        own: Vec::new(),
        names: Vec::new(),
    }
}

fn written(job: Option<Job<&'static str>>) -> (Vec<CacheBatch>, Vec<(CenterId, u64)>) {
    match job {
        Some(Job::Write(melted)) => (melted.batches(), melted.upto()),
        other => panic!("{other:?} is no write"),
    }
}

#[test]
fn batches_of_a_center_melt_into_one() {
    let mut outbox = Queue::default();
    let key = AlarmKey { id: DeliveryId(1), kind: AlarmKind::Cancelled, raised_at: UtcMillis(5) };
    let alarm = |stage| StoredAlarm { key, stage, at_hub: None, lost: false, delivery: None };
    outbox.write(
        Batch {
            alarms: vec![alarm(ReceiptStage::Delivered)],
            alarm_seq: Some(4),
            ..batch(1, &[(1, 1), (2, 2)], &[])
        },
        NOW,
    );
    outbox.write(Batch { cursor: None, ..batch(2, &[(3, 3)], &[1]) }, NOW);
    outbox.write(Batch { alarms: vec![alarm(ReceiptStage::Acknowledged)], ..batch(3, &[(1, 4)], &[2]) }, NOW);
    assert!(outbox.take(NOW.plus_ms(GATHER_MS - 1)).is_none(), "others may still come");
    let (batches, upto) = written(outbox.take(NOW.plus_ms(GATHER_MS)));
    assert_eq!(upto, [(gangnam(), 3)]);
    let [batch] = batches.as_slice() else { panic!("{batches:?}") };
    let rows: Vec<_> = batch.upserts.iter().map(|row| (row.id.0, row.rev.0)).collect();
    assert_eq!(rows, [(1, 4), (3, 3)]);
    assert_eq!(batch.removes, [DeliveryId(2)]);
    assert_eq!(batch.cursor.as_ref().unwrap().rev, Rev(3));
    assert_eq!((batch.rows.count, batch.alarm_seq), (3, Some(4)));
    assert_eq!(batch.alarms.len(), 1);
    assert_eq!(batch.alarms[0].stage, "acknowledged");
}

#[test]
fn a_replacement_forgets_what_came_before_and_keeps_what_comes_after() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    outbox.write(Batch { replace: true, ..batch(2, &[(2, 2)], &[]) }, NOW);
    outbox.write(batch(3, &[(3, 3)], &[2]), NOW);
    let (batches, _) = written(outbox.take_now());
    assert!(batches[0].replace);
    assert_eq!(batches[0].upserts.len(), 1);
    assert_eq!(batches[0].upserts[0].id, DeliveryId(3));
}

#[test]
fn a_command_is_written_at_once_and_one_that_is_settled_meanwhile_not_at_all() {
    let command = |key: &str| StoredCommand {
        command: CommandId(key.to_owned()),
        batch: Vec::new(),
        delivery: None,
        action: "create".into(),
        clicked_at: UtcMillis(5),
    };
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    assert!(outbox.take(NOW).is_none());
    outbox.write(Batch { commands: vec![command("K1"), command("K2")], ..batch(2, &[], &[]) }, NOW);
    outbox.write(Batch { settled: vec![CommandId("K1".to_owned())], ..batch(3, &[], &[]) }, NOW);
    let (batches, _) = written(outbox.take(NOW));
    assert_eq!(batches[0].commands.iter().map(|command| &*command.key).collect::<Vec<_>>(), ["K2"]);
    assert_eq!(batches[0].settled, ["K1"]);
}

#[test]
fn one_job_is_out_at_a_time_and_order_is_kept() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    outbox.wipe(gangnam());
    outbox.write(batch(2, &[(2, 2)], &[]), NOW);
    // A write that something waits behind does not wait for company.
    assert_eq!(written(outbox.take(NOW)).1[0].1, 1);
    assert!(outbox.take(NOW.plus_ms(1_000)).is_none());
    assert_eq!(outbox.deadline(), None);
    outbox.answered(JobAnswer::Free, NOW);
    assert!(matches!(outbox.take(NOW), Some(Job::Wipe(_))));
    outbox.answered(JobAnswer::Free, NOW);
    assert_eq!(outbox.deadline(), Some(NOW.plus_ms(GATHER_MS)));
    assert_eq!(written(outbox.take(NOW.plus_ms(GATHER_MS))).1[0].1, 2);
    assert!(!outbox.is_idle());
    outbox.answered(JobAnswer::Free, NOW);
    assert_eq!((outbox.deadline(), outbox.is_idle()), (None, true));
}

#[test]
fn reads_go_past_a_refused_write_which_melts_with_what_came_since() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    let refused = outbox.take_now().unwrap();
    outbox.restore(CenterId::from("songpa"));
    outbox.write(batch(2, &[(2, 2)], &[1]), NOW);
    outbox.answered(JobAnswer::NotNow(refused), NOW);
    assert!(matches!(outbox.take(NOW), Some(Job::Restore(_))));
    outbox.answered(JobAnswer::Free, NOW);
    assert!(outbox.take(NOW).is_none());
    assert_eq!(outbox.deadline(), Some(NOW.plus_ms(RETRY_MS)));
    let (batches, upto) = written(outbox.take(NOW.plus_ms(RETRY_MS)));
    assert_eq!((upto[0].1, batches.len(), batches[0].upserts.len()), (2, 1, 1));
    assert_eq!(batches[0].removes, [DeliveryId(1)]);
}

#[test]
fn what_came_since_a_refusal_waits_for_company_too() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    let refused = outbox.take_now().unwrap();
    outbox.answered(JobAnswer::NotNow(refused), NOW);
    let late = NOW.plus_ms(RETRY_MS - 5);
    outbox.write(batch(2, &[(2, 2)], &[]), late);
    // Neither before it is tried again nor before it has gathered; and nobody is woken in vain.
    assert_eq!(outbox.deadline(), Some(late.plus_ms(GATHER_MS)));
    assert!(outbox.take(NOW.plus_ms(RETRY_MS)).is_none());
    assert_eq!(written(outbox.take(late.plus_ms(GATHER_MS))).1[0].1, 2);
}

#[test]
fn a_read_waits_for_the_wiping_of_its_center() {
    let mut outbox = Queue::default();
    outbox.answered(JobAnswer::NotNow(Job::Wipe(gangnam())), NOW);
    outbox.restore(gangnam());
    assert!(outbox.take(NOW).is_none());
    assert!(matches!(outbox.take(NOW.plus_ms(RETRY_MS)), Some(Job::Wipe(_))));
    outbox.answered(JobAnswer::Mended, NOW);
    outbox.answered(JobAnswer::Free, NOW);
    assert!(matches!(outbox.take(NOW), Some(Job::Restore(_))));
}

#[test]
fn what_waits_for_a_lost_cache_is_forgotten_and_nothing_else() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    outbox.push("session.json");
    outbox.write(batch(2, &[(2, 2)], &[]), NOW);
    assert!(matches!(outbox.answered(JobAnswer::Lost, NOW), Some(ForCore::Lost)));
    assert!(matches!(outbox.take(NOW), Some(Job::Other("session.json"))));
    outbox.answered(JobAnswer::Free, NOW);
    assert_eq!(outbox.deadline(), None);
}

#[test]
fn what_a_file_that_is_left_refuses_is_given_up_with_its_writes_and_nothing_else() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    let refused = outbox.take(NOW.plus_ms(GATHER_MS)).unwrap();
    outbox.write(batch(2, &[(2, 2)], &[]), NOW);
    outbox.wipe(gangnam());
    outbox.push("session.json");
    outbox.open(PathBuf::from("next.sqlite"));
    outbox.write(batch(1, &[(9, 9)], &[]), NOW);
    assert!(outbox.answered(JobAnswer::Committed(vec![(gangnam(), 1)]), NOW).is_none(), "of the former file");
    assert!(outbox.answered(JobAnswer::Unwritten(vec![(gangnam(), 1)]), NOW).is_none(), "of the former file");
    outbox.answered(JobAnswer::NotNow(refused), NOW);
    let mut next = || {
        outbox.answered(JobAnswer::Free, NOW);
        outbox.take(NOW.plus_ms(GATHER_MS))
    };
    assert!(matches!(next(), Some(Job::Wipe(_))));
    assert!(matches!(next(), Some(Job::Other("session.json"))), "no change of a cache");
    assert!(matches!(next(), Some(Job::Open(_))));
    assert_eq!(written(next()).0[0].upserts[0].id, DeliveryId(9));
    assert!(matches!(
        outbox.answered(JobAnswer::Opened(Vec::new()), NOW),
        Some(ForCore::Drafts(drafts)) if drafts.is_empty()
    ));
    assert!(matches!(
        outbox.answered(JobAnswer::Committed(vec![(gangnam(), 1)]), NOW),
        Some(ForCore::Committed(_))
    ));
}

#[test]
fn of_cancellations_of_its_own_the_last_word_is_written_and_a_batch_names_its_deliveries() {
    let own = |id, done, alarm: Option<i64>| OwnCancellation {
        id: DeliveryId(id),
        done,
        alarm: alarm.map(UtcMillis),
    };
    let command = StoredCommand {
        command: CommandId("B1".to_owned()),
        delivery: None,
        batch: vec![DeliveryId(5), DeliveryId(6)],
        action: "cancel".into(),
        clicked_at: UtcMillis(5),
    };
    let mut outbox = Queue::default();
    let first = vec![own(5, false, Some(7)), own(6, false, Some(8))];
    outbox.write(Batch { own: first, commands: vec![command], ..batch(1, &[], &[]) }, NOW);
    outbox.write(Batch { own: vec![own(5, true, Some(7)), own(6, false, None)], ..batch(2, &[], &[]) }, NOW);
    let (batches, _) = written(outbox.take(NOW));
    let told: Vec<_> = batches[0].own.iter().map(|own| (own.id.0, own.done, own.alarm)).collect();
    assert_eq!(told, [(5, true, Some(UtcMillis(7))), (6, false, None)]);
    assert_eq!(batches[0].commands[0].batch, [DeliveryId(5), DeliveryId(6)]);
}

fn about(subject: &str) -> DraftKey {
    DraftKey { center: gangnam(), subject: subject.into() }
}

fn draft(text: &str) -> Option<CachedDraft> {
    Some(CachedDraft { text: text.to_owned(), at: UtcMillis(5), command: None })
}

/// The drafts of a write, by subject.
fn drafts_of(job: Option<Job<&'static str>>) -> Vec<(String, Option<String>)> {
    let Some(Job::Write(melted)) = job else { panic!("no write") };
    let told = |(key, draft): (&DraftKey, &Option<CachedDraft>)| {
        (key.subject.to_string(), draft.as_ref().map(|draft| draft.text.clone()))
    };
    melted.drafts().iter().map(told).collect()
}

#[test]
fn drafts_are_written_with_what_waits_and_the_last_word_counts() {
    let mut outbox = Queue::default();
    outbox.write(batch(1, &[(1, 1)], &[]), NOW);
    outbox.write_draft(about("a"), draft("가"), NOW);
    outbox.write_draft(about("a"), draft("강"), NOW);
    outbox.write_draft(about("b"), draft("나"), NOW);
    outbox.write_draft(about("b"), None, NOW);
    let job = outbox.take(NOW.plus_ms(GATHER_MS));
    assert!(matches!(&job, Some(Job::Write(melted)) if melted.upto() == [(gangnam(), 1)]));
    assert_eq!(drafts_of(job), [("a".to_owned(), Some("강".to_owned())), ("b".to_owned(), None)]);
}

#[test]
fn a_draft_alone_is_written_within_the_time_of_any_write() {
    let mut outbox = Queue::default();
    outbox.write_draft(about("a"), draft("가"), NOW);
    assert!(outbox.take(NOW).is_none());
    assert_eq!(outbox.deadline(), Some(NOW.plus_ms(GATHER_MS)));
    assert_eq!(drafts_of(outbox.take(NOW.plus_ms(GATHER_MS))).len(), 1);
}

#[test]
fn a_draft_that_the_machine_refused_is_written_later_unless_it_was_written_anew() {
    let mut outbox = Queue::default();
    outbox.write_draft(about("a"), draft("가"), NOW);
    outbox.write_draft(about("b"), draft("나"), NOW);
    let refused = outbox.take(NOW.plus_ms(GATHER_MS)).unwrap();
    outbox.write_draft(about("a"), draft("강"), NOW);
    outbox.answered(JobAnswer::NotNow(refused), NOW);
    outbox.answered(JobAnswer::Free, NOW);
    let again = outbox.take(NOW.plus_ms(RETRY_MS));
    let expected = [("a".to_owned(), Some("강".to_owned())), ("b".to_owned(), Some("나".to_owned()))];
    assert_eq!(drafts_of(again), expected);
}

#[test]
fn drafts_of_a_file_that_is_left_again_at_once_reach_nobody() {
    let mut outbox = Queue::default();
    outbox.open(PathBuf::from("a.sqlite"));
    outbox.open(PathBuf::from("b.sqlite"));
    let drafts =
        |subject| JobAnswer::Opened(draft("가").map(|draft| (about(subject), draft)).into_iter().collect());
    assert!(outbox.answered(drafts("of the first"), NOW).is_none());
    let Some(ForCore::Drafts(read)) = outbox.answered(drafts("of the second"), NOW) else {
        panic!("no drafts")
    };
    assert_eq!(read[0].0, about("of the second"));
}
