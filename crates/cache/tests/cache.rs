//! What is written is read back, whatever happens to the process or to the file.
#![cfg(test)] // so that clippy takes the helpers for tests too

mod common;

use common::{batch, center, row};
use gwanje_cache::{
    Cache, CacheBatch, CacheCursor, CachedAlarm, CachedCommand, CachedDraft, CachedName, CachedOwn,
    CachedRow, CachedSkip, DraftChanges, DraftKey, MAX_DRAFT_BYTES, MAX_DRAFTS,
};
use gwanje_model::{CenterId, DeliveryId, Epoch, Rev, RowDigest, UtcMillis};
use proptest::prelude::*;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.sqlite");
    (folder, path)
}

fn open(path: &Path) -> Cache {
    let opened = Cache::open(path).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.cache
}

/// Writes past SQLite, into the file that it holds open.
fn write_in_place(path: &Path, at: usize, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, at as u64).unwrap();
}

/// Files beside the cache whose names say that they were set aside.
fn set_aside(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".damaged-"))
        .count()
}

#[test]
fn rows_cursor_alarms_and_settings_come_back() {
    let (_folder, path) = folder();
    let alarm = CachedAlarm {
        id: DeliveryId(2),
        kind: "cancelled".into(),
        raised_at: UtcMillis(7),
        stage: "displayed".into(),
        at_hub: "delivered".into(),
        lost: false,
        row: Some(row(2, 4)),
    };
    let unreadable = CachedRow { id: DeliveryId(3), rev: Rev(5), delivery: None };
    let first = CacheBatch {
        alarms: vec![alarm.clone()],
        alarm_seq: Some(9),
        proven_at: Some(UtcMillis(11)),
        ..batch(vec![row(1, 3), row(2, 4), unreadable.clone()], &[], &[(1, 3), (2, 4), (3, 5)], 5)
    };
    let mut cache = open(&path);
    cache.write(&[first]).unwrap();
    // Neither cursor, alarm sequence nor proof: they stay as they were.
    let second = CacheBatch { cursor: None, ..batch(vec![row(1, 6)], &[2], &[(1, 6), (3, 5)], 0) };
    cache.write(&[second]).unwrap();
    cache.set_setting("seat", "A").unwrap();
    drop(cache);

    let mut cache = open(&path);
    let loaded = cache.load(&center()).unwrap().unwrap();
    assert_eq!(loaded.rows, [row(1, 6), unreadable]);
    assert_eq!(loaded.damaged, 0);
    assert_eq!(loaded.cursor, Some(CacheCursor { epoch: Epoch::from("01EPOCH"), rev: Rev(5) }));
    assert_eq!(loaded.digest, RowDigest::of([(DeliveryId(1), Rev(6)), (DeliveryId(3), Rev(5))]));
    assert_eq!(loaded.alarms, [alarm]);
    assert_eq!((loaded.alarm_seq, loaded.proven_at), (Some(9), Some(UtcMillis(11))));
    assert_eq!(cache.setting("seat").unwrap().as_deref(), Some("A"));
    assert_eq!(cache.centers().unwrap(), [center()]);
    assert!(cache.load(&CenterId::from("songpa")).unwrap().is_none());
}

#[test]
fn unsettled_commands_and_skipped_alarms_come_back_until_they_are_done_with() {
    let (_folder, path) = folder();
    let command = |key: &str, delivery, clicked_at| CachedCommand {
        key: key.into(),
        delivery,
        batch: if delivery.is_none() { vec![DeliveryId(8), DeliveryId(9)] } else { Vec::new() },
        action: "assign".into(),
        clicked_at: UtcMillis(clicked_at),
    };
    let (later, earlier) = (command("A", Some(DeliveryId(7)), 9), command("B", None, 5));
    let skip = CachedSkip { after: 3, reader: "0.1.0".into() };
    let mut cache = open(&path);
    let begun = CacheBatch {
        commands: vec![later.clone(), earlier.clone()],
        alarms_skipped: Some(skip.clone()),
        ..batch(Vec::new(), &[], &[], 1)
    };
    let elsewhere = CacheBatch { center: CenterId::from("songpa"), ..begun.clone() };
    cache.write(&[begun, elsewhere]).unwrap();
    drop(cache);
    let mut cache = open(&path);
    let loaded = cache.load(&center()).unwrap().unwrap();
    assert_eq!(loaded.commands, [earlier.clone(), later]);
    assert_eq!(loaded.alarms_skipped, Some(skip.clone()));
    // Another center's command of the same key is another command.
    cache.write(&[CacheBatch { settled: vec!["A".into()], ..batch(Vec::new(), &[], &[], 1) }]).unwrap();
    let loaded = cache.load(&center()).unwrap().unwrap();
    assert_eq!((loaded.commands, loaded.alarms_skipped), (vec![earlier], Some(skip)));
    let songpa = CenterId::from("songpa");
    assert_eq!(cache.load(&songpa).unwrap().unwrap().commands.len(), 2);
    cache.wipe(&songpa).unwrap();
    cache.write(&[CacheBatch { center: songpa.clone(), ..batch(Vec::new(), &[], &[], 1) }]).unwrap();
    assert_eq!(cache.load(&songpa).unwrap().unwrap().commands, []);
}

#[test]
fn cancellations_of_its_own_come_back_until_they_are_forgotten_or_their_center_is_wiped() {
    let (_folder, path) = folder();
    let own = |id: u64, done, alarm: Option<i64>| CachedOwn {
        id: DeliveryId(id),
        done,
        alarm: alarm.map(UtcMillis),
    };
    let holding = |own: Vec<CachedOwn>| CacheBatch { own, ..CacheBatch::empty(center()) };
    let mut cache = open(&path);
    cache
        .write(&[holding(vec![own(1, false, Some(-5)), own(2, true, None), own(3, true, Some(9))])])
        .unwrap();
    cache.write(&[holding(vec![own(1, true, Some(-5)), own(3, false, None), own(4, false, None)])]).unwrap();
    drop(cache);
    let mut cache = open(&path);
    let left = cache.load(&center()).unwrap().unwrap().own;
    assert_eq!(left, [own(1, true, Some(-5)), own(2, true, None)]);
    cache.wipe(&center()).unwrap();
    cache.write(&[CacheBatch::empty(center())]).unwrap();
    assert_eq!(cache.load(&center()).unwrap().unwrap().own, []);
}

#[test]
fn names_of_a_foreign_server_come_back_and_go_with_their_center() {
    let (_folder, path) = folder();
    let named = |id: u64, name: &str, left_at: Option<i64>| CachedName {
        id: DeliveryId(id),
        name: name.into(),
        left_at: left_at.map(UtcMillis),
    };
    let mut cache = open(&path);
    let first = CacheBatch {
        names: vec![named(1, "TBIYHG000001", None), named(2, "TBIYHG000002", None)],
        ..CacheBatch::empty(center())
    };
    cache.write(&[first]).unwrap();
    let second = CacheBatch {
        names: vec![named(2, "TBIYHG000002", Some(-5))],
        unnamed: vec![DeliveryId(1), DeliveryId(9)],
        // Replacing the rows does not replace the names.
        replace: true,
        ..CacheBatch::empty(center())
    };
    cache.write(&[second]).unwrap();
    drop(cache);
    let mut cache = open(&path);
    assert_eq!(cache.load(&center()).unwrap().unwrap().names, [named(2, "TBIYHG000002", Some(-5))]);
    cache.wipe(&center()).unwrap();
    cache.write(&[CacheBatch::empty(center())]).unwrap();
    assert_eq!(cache.load(&center()).unwrap().unwrap().names, []);
}

#[test]
fn a_replacement_and_a_wipe_touch_their_own_center_only() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    let other = CacheBatch { center: CenterId::from("songpa"), ..batch(vec![row(1, 8)], &[], &[(1, 8)], 8) };
    let here = batch(vec![row(1, 1), row(2, 2)], &[], &[(1, 1), (2, 2)], 2);
    cache.write(&[here, other]).unwrap();
    let replaced = CacheBatch { replace: true, ..batch(vec![row(5, 3)], &[], &[(5, 3)], 3) };
    cache.write(&[replaced]).unwrap();
    assert_eq!(cache.load(&center()).unwrap().unwrap().rows, [row(5, 3)]);
    cache.wipe(&center()).unwrap();
    assert!(cache.load(&center()).unwrap().is_none());
    let songpa = cache.load(&CenterId::from("songpa")).unwrap().unwrap();
    assert_eq!(songpa.rows, [row(1, 8)]);
    // A number that has become free is used again, and finds no rows of its former center.
    cache.write(&[batch(Vec::new(), &[], &[], 1)]).unwrap();
    assert_eq!(cache.load(&center()).unwrap().unwrap().rows, []);
}

#[test]
fn a_process_that_dies_between_batches_leaves_a_board_that_once_was() {
    let (folder, path) = folder();
    let mut cache = open(&path);
    cache.write(&[batch(vec![row(1, 1)], &[], &[(1, 1)], 1)]).unwrap();
    // A crash in the middle of the next transaction: the file as the disk has it then, with a half-written journal.
    cache.write(&[batch((2..200).map(|id| row(id, id)).collect(), &[], &[], 199)]).unwrap();
    let crashed = folder.path().join("crashed.sqlite");
    let wal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    std::fs::copy(&path, &crashed).unwrap();
    let journal = std::fs::read(wal(&path)).unwrap();
    for cut in [journal.len() - 1, journal.len() - 5_000, journal.len() / 2 + 4_096] {
        std::fs::write(wal(&crashed), &journal[..cut]).unwrap();
        let mut cache = open(&crashed);
        let loaded = cache.load(&center()).unwrap().unwrap();
        let audit = cache.audit(&center()).unwrap();
        assert_eq!((loaded.rows.as_slice(), loaded.cursor.unwrap().rev), ([row(1, 1)].as_slice(), Rev(1)));
        assert!(audit.digest_fits && audit.damaged.is_empty());
        drop(cache);
        std::fs::copy(&path, &crashed).unwrap();
    }
}

#[test]
fn an_audit_finds_a_flipped_byte_and_loading_leaves_the_row_out() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    let after: Vec<_> = (1..=50).map(|id| (id, id)).collect();
    cache.write(&[batch((1..=50).map(|id| row(id, id)).collect(), &[], &after, 50)]).unwrap();
    assert_eq!(cache.audit(&center()).unwrap().rows, 50);
    assert!(cache.audit(&center()).unwrap().digest_fits);
    drop(cache);

    // On the disk itself, past SQLite: the first byte of a text that occurs in row 17 only.
    Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"TBIYHG000017";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let mut cache = open(&path);
    let audit = cache.audit(&center()).unwrap();
    assert_eq!(audit.damaged, [DeliveryId(17)]);
    assert!(audit.digest_fits, "ids and revisions are as they were");
    let loaded = cache.load(&center()).unwrap().unwrap();
    assert_eq!((loaded.rows.len(), loaded.damaged), (49, 1));
}

/// The writing connection has the page in memory; the audit must not look there.
#[test]
fn an_audit_reads_the_disk_and_not_what_is_remembered_of_it() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    let after: Vec<_> = (1..=50).map(|id| (id, id)).collect();
    cache.write(&[batch((1..=50).map(|id| row(id, id)).collect(), &[], &after, 50)]).unwrap();
    Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(cache.load(&center()).unwrap().unwrap().rows.len(), 50);
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"TBIYHG000017";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[at] ^= 1;
    write_in_place(&path, at, &bytes[at..=at]);
    assert_eq!(cache.audit(&center()).unwrap().damaged, [DeliveryId(17)]);
    // Written over from memory, it is sound again.
    cache.write(&[batch(vec![row(17, 17)], &[], &after, 50)]).unwrap();
    let audit = cache.audit(&center()).unwrap();
    assert!(audit.digest_fits && audit.damaged.is_empty());
}

#[test]
fn an_audit_tells_a_damaged_header_and_a_damaged_small_table() {
    for (what, at, bytes) in
        [("the header", 0, vec![0xEE; 100]), ("the schema's page", 100, vec![0xEE; 3_000])]
    {
        let (folder, path) = folder();
        let mut cache = open(&path);
        cache.write(&[batch(vec![row(1, 1)], &[], &[(1, 1)], 1)]).unwrap();
        Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        write_in_place(&path, at, &bytes);
        let error = cache.audit(&center()).unwrap_err();
        assert!(error.is_damage(), "{what}: {error}");
        drop(cache.rebuild(&error).unwrap());
        assert!(set_aside(&folder) >= 1);
    }
    let (_folder, path) = folder();
    let mut cache = open(&path);
    let alarms = (1..=200).map(|id| CachedAlarm {
        id: DeliveryId(id),
        kind: "cancelled".into(),
        raised_at: UtcMillis(7),
        stage: "displayed".into(),
        at_hub: "".into(),
        lost: false,
        row: Some(row(id, id)),
    });
    cache.write(&[CacheBatch { alarms: alarms.collect(), ..batch(Vec::new(), &[], &[], 1) }]).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let page: i64 = db
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'alarms'", [], |row| row.get(0))
        .unwrap();
    drop(db);
    write_in_place(&path, usize::try_from((page - 1) * 4_096).unwrap(), &[0xEE; 64]);
    let error = cache.audit(&center()).unwrap_err();
    assert!(error.is_damage(), "{error}");
}

/// Waits for a writer that has begun elsewhere, even where it would have begun by reading.
#[test]
fn a_write_waits_for_another_process_that_writes() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    cache.write(&[batch(vec![row(1, 1)], &[], &[(1, 1)], 1)]).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO settings (key, value) VALUES ('a', 'b')").unwrap();
    let writing =
        std::thread::spawn(move || cache.write(&[batch(vec![row(2, 2)], &[], &[(1, 1), (2, 2)], 2)]));
    other.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    writing.join().unwrap().unwrap();
}

#[test]
fn an_audit_finds_a_row_that_is_gone() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    cache.write(&[batch(vec![row(1, 1), row(2, 2)], &[], &[(1, 1), (2, 2)], 2)]).unwrap();
    Connection::open(&path).unwrap().execute_batch("DELETE FROM rows WHERE rev = 2").unwrap();
    let audit = cache.audit(&center()).unwrap();
    assert!(!audit.digest_fits && audit.damaged.is_empty());
}

#[test]
fn a_file_that_is_no_cache_is_set_aside_and_rebuilt() {
    let newer = |path: &Path| {
        drop(open(path));
        Connection::open(path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    };
    let foreign = |path: &Path| {
        Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 3; CREATE TABLE t (a)").unwrap();
    };
    let noise = |path: &Path| std::fs::write(path, [7_u8; 8_192]).unwrap();
    let spoil: [&dyn Fn(&Path); 3] = [&newer, &foreign, &noise];
    for spoil in spoil {
        let (folder, path) = folder();
        spoil(&path);
        let opened = Cache::open(&path).unwrap();
        assert!(opened.set_aside.unwrap().exists());
        let mut cache = opened.cache;
        cache.write(&[batch(vec![row(1, 1)], &[], &[(1, 1)], 1)]).unwrap();
        assert_eq!(cache.load(&center()).unwrap().unwrap().rows, [row(1, 1)]);
        assert!(set_aside(&folder) >= 1);
    }
}

#[test]
fn damage_found_while_reading_is_told_apart_and_the_file_can_be_rebuilt() {
    let (folder, path) = folder();
    let mut cache = open(&path);
    let after: Vec<_> = (1..=500).map(|id| (id, id)).collect();
    cache.write(&[batch((1..=500).map(|id| row(id, id)).collect(), &[], &after, 500)]).unwrap();
    drop(cache);
    Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // Pages in the middle of the tree of rows.
    let (from, to) = (bytes.len() / 2 / 4_096 * 4_096, bytes.len() * 3 / 4);
    bytes[from..to].fill(0xEE);
    std::fs::write(&path, bytes).unwrap();
    let mut cache = open(&path);
    let error = cache.load(&center()).unwrap_err();
    assert!(error.is_damage(), "{error}");
    let mut cache = cache.rebuild(&error).unwrap().cache;
    assert!(cache.load(&center()).unwrap().is_none());
    assert!(set_aside(&folder) >= 1);
}

#[test]
fn files_of_every_version_are_brought_up_to_date() {
    // One of each version, in order.
    let dumps = vec![
        include_str!("fixtures/v1.sql"),
        include_str!("fixtures/v2.sql"),
        include_str!("fixtures/v3.sql"),
        include_str!("fixtures/v4.sql"),
    ];
    for (version, dump) in (1..).zip(dumps) {
        let (_folder, path) = folder();
        Connection::open(&path).unwrap().execute_batch(dump).unwrap();
        let mut cache = open(&path);
        let loaded = cache.load(&center()).unwrap().unwrap();
        assert_eq!(loaded.rows, [row(74_829, 1_042)], "version {version}");
        assert_eq!(loaded.cursor.unwrap().rev, Rev(1_042));
        assert_eq!(loaded.alarms.len(), 1);
        assert_eq!(loaded.alarm_seq, Some(3));
        // Version 1 did not say how far the hub knows, and kept no commands.
        let (at_hub, commands) = if version < 2 { ("", 0) } else { ("delivered", 1) };
        assert_eq!(loaded.alarms[0].at_hub, at_hub, "version {version}");
        assert_eq!(loaded.commands.len(), commands, "version {version}");
        assert_eq!(loaded.alarms_skipped.map(|skip| skip.after), (version >= 2).then_some(2));
        assert_eq!(loaded.names.len(), usize::from(version >= 3), "version {version}");
        let own = (version >= 4).then_some(CachedOwn {
            id: DeliveryId(74_829),
            done: true,
            alarm: Some(UtcMillis(7)),
        });
        assert_eq!(loaded.own, own.into_iter().collect::<Vec<_>>(), "version {version}");
        let batch = loaded.commands.first().map_or(0, |command| command.batch.len());
        assert_eq!(batch, if version >= 4 { 2 } else { 0 }, "version {version}");
        let drafts = cache.drafts().unwrap();
        let expected =
            (version >= 4).then(|| (about("delivery/74829/note"), draft("비가 와서 늦습니다", 13)));
        assert_eq!(drafts, expected.into_iter().collect::<Vec<_>>(), "version {version}");
        let audit = cache.audit(&center()).unwrap();
        assert!(audit.digest_fits && audit.damaged.is_empty(), "version {version}");
    }
}

fn about(subject: &str) -> DraftKey {
    DraftKey { center: center(), subject: subject.into() }
}

fn draft(text: &str, at: i64) -> CachedDraft {
    CachedDraft { text: text.to_owned(), at: UtcMillis(at), command: None }
}

#[test]
fn drafts_come_back_until_they_are_dropped_or_their_center_is_wiped() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    let songpa = DraftKey { center: CenterId::from("songpa"), ..about("order") };
    let sent = CachedDraft { command: Some("01KAKEY".into()), ..draft("벨 누르지 마세요", 6) };
    let first = DraftChanges::from([
        (about("delivery/7/note"), Some(draft("처음", 5))),
        (about("delivery/7/cancel"), Some(sent.clone())),
        (songpa.clone(), Some(draft("새 주문", 7))),
    ]);
    cache.write_with_drafts(&[batch(vec![row(1, 1)], &[], &[(1, 1)], 1)], &first).unwrap();
    let second = DraftChanges::from([(about("delivery/7/note"), Some(draft("고침", 8)))]);
    cache.write_with_drafts(&[], &second).unwrap();
    drop(cache);
    let mut cache = open(&path);
    let note = (about("delivery/7/note"), draft("고침", 8));
    let order = (songpa, draft("새 주문", 7));
    assert_eq!(cache.drafts().unwrap(), [(about("delivery/7/cancel"), sent), note.clone(), order.clone()]);
    cache.write_with_drafts(&[], &DraftChanges::from([(about("delivery/7/cancel"), None)])).unwrap();
    assert_eq!(cache.drafts().unwrap(), [note, order.clone()]);
    assert_eq!(cache.load(&center()).unwrap().unwrap().rows, [row(1, 1)], "a board is as it was");
    cache.wipe(&center()).unwrap();
    assert_eq!(cache.drafts().unwrap(), [order]);
    // Also where nothing else of the center is known.
    cache.wipe(&CenterId::from("songpa")).unwrap();
    assert_eq!(cache.drafts().unwrap(), []);
}

#[test]
fn drafts_are_bounded_in_bytes_and_in_number() {
    let (_folder, path) = folder();
    let mut cache = open(&path);
    let longest = "가".repeat(MAX_DRAFT_BYTES / 3);
    let too_long = DraftChanges::from([
        (about("longest"), Some(draft(&longest, 1))),
        (about("longer"), Some(draft(&format!("{longest}나"), 1))),
    ]);
    cache.write_with_drafts(&[], &too_long).unwrap();
    assert_eq!(cache.drafts().unwrap(), [(about("longest"), draft(&longest, 1))]);
    let many = (0..=MAX_DRAFTS).map(|n| (about(&format!("{n:04}")), Some(draft("x", 2 + n as i64))));
    cache.write_with_drafts(&[], &many.collect()).unwrap();
    let left = cache.drafts().unwrap();
    assert_eq!(left.len(), MAX_DRAFTS);
    assert_eq!(left[0].0, about("0001"), "the oldest two are gone");
}

#[test]
fn what_a_draft_says_is_in_no_log() {
    assert!(!format!("{:?}", draft("김고객 010-1234-5678", 1)).contains("김고객"));
}

#[test]
fn the_hot_queries_search_and_never_scan() {
    let (_folder, path) = folder();
    drop(open(&path));
    let db = Connection::open(&path).unwrap();
    for query in [
        "SELECT key, rev, checksum, body FROM rows WHERE key BETWEEN 1 AND 2 ORDER BY key",
        "DELETE FROM rows WHERE key = 1",
        "SELECT no FROM centers WHERE center = 'a'",
        "SELECT id FROM alarms WHERE center = 1",
    ] {
        let plan: String =
            db.query_row(&format!("EXPLAIN QUERY PLAN {query}"), [], |row| row.get("detail")).unwrap();
        assert!(plan.starts_with("SEARCH"), "{query}: {plan}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any sequence of batches leaves what a map would hold, and an audit agrees.
    #[test]
    fn batches_do_what_a_map_does(steps in prop::collection::vec(
        (any::<bool>(), prop::collection::vec((1_u64..20, any::<bool>()), 0..12)), 1..12,
    )) {
        let (_folder, path) = folder();
        let mut cache = open(&path);
        let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
        let mut rev = 0;
        for (replace, changes) in steps {
            let mut upserts = BTreeMap::new();
            let mut removes = Vec::new();
            if replace {
                expected.clear();
            }
            for (id, stays) in changes {
                rev += 1;
                upserts.remove(&id);
                if stays {
                    upserts.insert(id, row(id, rev));
                    expected.insert(id, rev);
                } else {
                    removes.push(id);
                    expected.remove(&id);
                }
            }
            let after: Vec<_> = expected.iter().map(|(id, rev)| (*id, *rev)).collect();
            let batch = CacheBatch { replace, ..batch(upserts.into_values().collect(), &removes, &after, rev) };
            cache.write(&[batch]).unwrap();
            let loaded = cache.load(&center()).unwrap().unwrap();
            let rows: Vec<_> = expected.iter().map(|(id, rev)| row(*id, *rev)).collect();
            prop_assert_eq!(loaded.rows, rows);
            let audit = cache.audit(&center()).unwrap();
            prop_assert!(audit.digest_fits && audit.damaged.is_empty());
        }
    }
}

#[test]
fn acknowledged_alarms_older_than_a_week_go_at_the_opening() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let (_folder, path) = folder();
    let alarm = |id, day: i64, stage: &str| CachedAlarm {
        id: DeliveryId(id),
        kind: "cancelled".into(),
        raised_at: UtcMillis(day * DAY_MS),
        stage: stage.into(),
        at_hub: "".into(),
        lost: false,
        row: None,
    };
    let alarms = vec![
        alarm(1, 1, "acknowledged"),
        alarm(2, 1, "displayed"),
        alarm(3, 1, "acknowledged"),
        alarm(4, 4, "acknowledged"),
        alarm(5, 10, "delivered"),
    ];
    let mut cache = open(&path);
    cache.write(&[CacheBatch { alarms, ..batch(vec![row(3, 1)], &[], &[(3, 1)], 1) }]).unwrap();
    drop(cache);
    let loaded = open(&path).load(&center()).unwrap().unwrap();
    let left: Vec<_> = loaded.alarms.iter().map(|alarm| alarm.id.0).collect();
    // The first has gone: the second is open, the third's row is held, the fourth is a day too young.
    assert_eq!(left, [2, 3, 4, 5]);
}
