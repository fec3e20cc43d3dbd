//! A row's key and checksum on disk.

use gwanje_model::{DeliveryId, MAX_SAFE_INTEGER, Rev};
use std::ops::RangeInclusive;
use twox_hash::XxHash3_64;

/// Ids are below 2^53; what is above them in a key is the center's number.
pub(crate) const ID_BITS: u32 = 53;

/// The greatest number of a center that still leaves keys positive.
pub(crate) const MAX_CENTER_NO: i64 = (1 << (63 - ID_BITS)) - 1;

/// The key of a row; none when the id is out of the contract's range.
pub(crate) fn key(center_no: i64, id: DeliveryId) -> Option<i64> {
    let id = i64::try_from(id.0).ok().filter(|_| id.0 <= MAX_SAFE_INTEGER)?;
    Some((center_no << ID_BITS) | id)
}

/// The keys of a center's rows.
pub(crate) fn keys(center_no: i64) -> RangeInclusive<i64> {
    let first = center_no << ID_BITS;
    first..=(first | ((1 << ID_BITS) - 1))
}

/// The id in a key.
pub(crate) fn id_of(key: i64) -> DeliveryId {
    DeliveryId((key & ((1 << ID_BITS) - 1)).unsigned_abs())
}

/// The checksum of a row's content, key and revision included. (XXH3, 64 bits: it guards against decay, not malice.)
pub(crate) fn checksum(key: i64, rev: Rev, body: Option<&[u8]>) -> i64 {
    let seed = gwanje_model::digest::mix(key.cast_unsigned()) ^ rev.0;
    match body {
        Some(body) => XxHash3_64::oneshot_with_seed(seed, body).cast_signed(),
        None => gwanje_model::digest::mix(!seed).cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_the_whole_range_of_ids_and_keep_centers_apart() {
        for no in [1, 2, MAX_CENTER_NO] {
            for id in [0, 1, MAX_SAFE_INTEGER] {
                let key = key(no, DeliveryId(id)).unwrap();
                assert!(key >= 0);
                assert_eq!(id_of(key), DeliveryId(id));
                assert!(keys(no).contains(&key) && !keys(no - 1).contains(&key));
            }
        }
        assert_eq!(key(1, DeliveryId(MAX_SAFE_INTEGER + 1)), None);
    }

    #[test]
    fn a_checksum_tells_key_revision_and_content_apart() {
        let of = |key, rev, body: Option<&str>| checksum(key, Rev(rev), body.map(str::as_bytes));
        let all = [
            of(1, 1, None),
            of(1, 2, None),
            of(2, 1, None),
            of(1, 1, Some("")),
            of(1, 1, Some("a")),
            of(1, 2, Some("a")),
        ];
        for (n, sum) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(sum));
        }
    }
}
