//! Damaged cache files.

use gwanje_cache::{Cache, CacheBatch, CacheCursor, CacheError, CachedAlarm, CachedRow};
use gwanje_model::{
    CenterId, Delivery, DeliveryId, Dropoff, Epoch, Rev, RowDigest, Shop, ShopId, Status, UtcMillis,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

const CENTER: &str = "gangnam";
/// Nothing that a damaged file makes the cache do needs more room than this beside the file itself.
const GROWTH_BYTES: u64 = 2 << 20;
/// Of the file and of each page: the part that says what the rest means.
const HEADER_BYTES: usize = 100;
const PAGE_BYTES: usize = 4_096;

/// Each four bytes damage a small real cache, of which a part is still in the journal: offset (2), where, with what. It
/// opens or is set aside; then it can be read, audited, written, and opened again with what was written.
pub fn cache_file(data: &[u8]) {
    let bench = bench();
    let (mut file, mut journal) = (bench.file.clone(), bench.journal.clone());
    for damage in data.chunks_exact(4).take(64) {
        let &[low, high, place, with] = damage else { continue };
        hurt(&mut file, &mut journal, usize::from(u16::from_le_bytes([low, high])), place, with);
    }
    let path = bench.lay(&file, &journal);
    if let Err(error) = live(&path) {
        panic!("a damaged file is never healed: {error}");
    }
    let after: u64 = bench.entries().filter_map(|path| Some(std::fs::metadata(path).ok()?.len())).sum();
    let before = (bench.file.len() + bench.journal.len()) as u64;
    assert!(after <= 3 * before + GROWTH_BYTES, "{after} bytes after, {before} before");
}

fn hurt(file: &mut Vec<u8>, journal: &mut Vec<u8>, offset: usize, place: u8, with: u8) {
    let set = |bytes: &mut Vec<u8>, offset: usize| {
        let len = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(offset % len) {
            *byte = with;
        }
    };
    match place % 8 {
        0 | 1 => set(file, offset % HEADER_BYTES),
        2 | 3 => set(file, (offset >> 7) * PAGE_BYTES + offset % 128),
        4 => set(file, offset * usize::from(with)),
        5 => set(journal, offset),
        6 => file.truncate(offset * 2),
        _ => journal.truncate(offset * 2),
    }
}

/// What an engine does with its cache, setting it aside where the cache says so: afterwards it works, whatever it was.
fn live(path: &Path) -> Result<(), CacheError> {
    let mut cache = Cache::open(path)?.cache;
    if let Err(error) = read(&mut cache) {
        cache = set_aside(cache, error)?;
    }
    if let Err(error) = replace(&mut cache) {
        cache = set_aside(cache, error)?;
        replace(&mut cache)?;
    }
    let held = read_back(&mut cache);
    if !matches!(held, Ok(true)) {
        // A page that belongs to two trees, say. The file can't know at once, but the audit does.
        let error = held.err().or_else(|| audited(&cache)).expect("rows are lost and the audit sees nothing");
        cache = set_aside(cache, error)?;
        replace(&mut cache)?;
        assert!(read_back(&mut cache)?, "a cache that was rebuilt holds what was written");
    }
    drop(cache);
    let mut cache = Cache::open(path)?.cache;
    if !matches!(read_back(&mut cache), Ok(true)) {
        panic!("what was written, read back and closed is there at the next start");
    }
    Ok(())
}

fn read(cache: &mut Cache) -> Result<(), CacheError> {
    for center in cache.centers()?.into_iter().take(8) {
        cache.load(&center)?;
        cache.audit(&center)?;
    }
    cache.setting("seat").map(drop)
}

/// As an engine writes after a snapshot: all rows anew.
fn replace(cache: &mut Cache) -> Result<(), CacheError> {
    cache.write(&[CacheBatch { replace: true, ..batch([7, 8], 900) }])
}

/// Whether exactly that is held.
fn read_back(cache: &mut Cache) -> Result<bool, CacheError> {
    let loaded = cache.load(&CenterId::from(CENTER))?;
    Ok(loaded.is_some_and(|loaded| {
        let cursor = CacheCursor { epoch: Epoch::from("01EPOCH"), rev: Rev(908) };
        loaded.cursor == Some(cursor) && loaded.rows.iter().map(|row| row.rev.0).eq([907, 908])
    }))
}

/// What an audit finds wrong.
fn audited(cache: &Cache) -> Option<CacheError> {
    let audit = match cache.audit(&CenterId::from(CENTER)) {
        Ok(audit) => audit,
        Err(error) => return Some(error),
    };
    let sound = audit.digest_fits && audit.damaged.is_empty();
    (!sound).then(|| CacheError::Damaged {
        doing: "the audit",
        path: cache.path().to_owned(),
        why: format!("{audit:?}"),
    })
}

fn set_aside(cache: Cache, error: CacheError) -> Result<Cache, CacheError> {
    // Nothing locks this file and the disk has room: an error that is no damage would never end.
    if error.is_damage() { Ok(cache.rebuild(&error)?.cache) } else { Err(error) }
}

/// The undamaged file, and where its damaged copies live.
struct Bench {
    folder: TempDir,
    file: Vec<u8>,
    journal: Vec<u8>,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("template.db");
        let mut cache = Cache::open(&path).expect("a fresh cache").cache;
        cache.set_setting("seat", "seat-1").expect("a setting is written");
        cache.write(&[batch(1..=24, 100)]).expect("rows are written");
        drop(cache);
        let mut cache = Cache::open(&path).expect("the cache again").cache;
        cache.write(&[batch(20..=30, 200)]).expect("rows are written");
        // While it is open the second batch is only in the journal.
        let read = |suffix: &str| std::fs::read(folder.path().join(format!("template.db{suffix}")));
        let (file, journal) = (read("").expect("the file"), read("-wal").expect("its journal"));
        assert!(!journal.is_empty(), "a part is in the journal");
        drop(cache);
        Bench { folder, file, journal }
    })
}

impl Bench {
    fn entries(&self) -> impl Iterator<Item = PathBuf> {
        std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// A copy, and nothing beside it.
    fn lay(&self, file: &[u8], journal: &[u8]) -> PathBuf {
        for left in self.entries() {
            std::fs::remove_file(left).expect("a former copy can be removed");
        }
        let path = self.folder.path().join("cache.db");
        std::fs::write(&path, file).expect("the file is laid");
        if !journal.is_empty() {
            std::fs::write(self.folder.path().join("cache.db-wal"), journal).expect("its journal is laid");
        }
        path
    }
}

fn batch(ids: impl IntoIterator<Item = u64>, revs_from: u64) -> CacheBatch {
    let upserts: Vec<CachedRow> = ids.into_iter().map(|id| row(id, revs_from + id)).collect();
    let rev = upserts.iter().map(|row| row.rev).max().unwrap_or_default();
    CacheBatch {
        cursor: Some(CacheCursor { epoch: Epoch::from("01EPOCH"), rev }),
        rows: RowDigest::of(upserts.iter().map(|row| (row.id, row.rev))),
        alarms: upserts.first().map(alarm).into_iter().collect(),
        alarm_seq: Some(rev.0),
        proven_at: Some(UtcMillis(1_795_230_000_000)),
        upserts,
        ..CacheBatch::empty(CenterId::from(CENTER))
    }
}

fn alarm(row: &CachedRow) -> CachedAlarm {
    CachedAlarm {
        id: row.id,
        kind: "cancelled".into(),
        raised_at: UtcMillis(1_795_230_000_000),
        stage: "displayed".into(),
        at_hub: "delivered".into(),
        lost: false,
        row: Some(row.clone()),
    }
}

fn row(id: u64, rev: u64) -> CachedRow {
    let at = UtcMillis(1_795_230_000_000);
    let delivery = Delivery {
        id: DeliveryId(id),
        center: CenterId::from(CENTER),
        rev: Rev(rev),
        modified_at: at,
        number: format!("{id}").into(),
        order_no: format!("TBIYHG{id:06}").into(),
        status: Status::Waiting,
        shop: Shop {
            id: ShopId::from("s1"),
            name: "엄마손 김밥".into(),
            phone: "02-555-0100".into(),
            address: "서울 강남구 도곡로 1".into(),
            pos: None,
            remark: Default::default(),
        },
        dropoff: Dropoff {
            address: "서울 강남구 역삼로 22".into(),
            detail: "3층".into(),
            phone: "050-0000-0000".into(),
            recipient_phone: Default::default(),
            pos: None,
        },
        rider: None,
        pickup_target_min: 15,
        delivery_target_min: 30,
        distance_m: 1_200,
        items: Vec::new(),
        price_won: 18_000,
        request: Default::default(),
        notes: Vec::new(),
        received_at: at,
        ready_at: None,
        waiting_at: Some(at),
        assigned_at: None,
        picked_up_at: None,
        delivered_at: None,
        cancelled_at: None,
        cancel: None,
        unknown: Default::default(),
    };
    CachedRow { id: DeliveryId(id), rev: Rev(rev), delivery: Some(Arc::new(delivery)) }
}
