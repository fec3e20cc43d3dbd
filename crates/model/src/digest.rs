//! The digest that proves a board: a sum over rows of a hash of (id, revision), kept incrementally on both sides.
//!
//! Equal (epoch, rev, count, digest) proves that a client holds the hub's revision of every row, and no row more.

use crate::units::{DeliveryId, Rev};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// The buckets that a board is divided into for repair.
pub const BUCKETS: usize = 256;

/// SplitMix64's finaliser (Steele, Lea and Flood 2014), without its increment.
#[must_use]
pub fn mix(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The hash of one live row.
#[must_use]
pub fn row_hash(id: DeliveryId, rev: Rev) -> u64 {
    mix(mix(id.0) ^ rev.0)
}

/// The bucket (0 to 255) of a row.
#[must_use]
pub fn bucket_of(id: DeliveryId) -> u8 {
    (mix(id.0) >> 56) as u8
}

/// A wrapping sum of row hashes; on the wire 16 lower-case hex digits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DigestSum(pub u64);

impl fmt::Display for DigestSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for DigestSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DigestSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let hex = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| u64::from_str_radix(&text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| D::Error::custom("a digest is 16 lower-case hex digits"))
    }
}

/// Count and digest of a set of rows; they always go together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowDigest {
    /// Rows in the set.
    pub count: u64,
    /// The wrapping sum of their hashes.
    pub digest: DigestSum,
}

impl RowDigest {
    /// Takes a row in.
    pub fn add(&mut self, id: DeliveryId, rev: Rev) {
        self.count = self.count.wrapping_add(1);
        self.digest.0 = self.digest.0.wrapping_add(row_hash(id, rev));
    }

    /// Takes a row out. The row must have been added at the same revision.
    pub fn remove(&mut self, id: DeliveryId, rev: Rev) {
        self.count = self.count.wrapping_sub(1);
        self.digest.0 = self.digest.0.wrapping_sub(row_hash(id, rev));
    }

    /// The digest of these rows, computed from nothing.
    pub fn of(rows: impl IntoIterator<Item = (DeliveryId, Rev)>) -> Self {
        let mut sum = Self::default();
        for (id, rev) in rows {
            sum.add(id, rev);
        }
        sum
    }
}

/// Count and digest of each of the 256 buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketDigests(Vec<RowDigest>);

impl Default for BucketDigests {
    fn default() -> Self {
        Self(vec![RowDigest::default(); BUCKETS])
    }
}

impl BucketDigests {
    /// The digests of these rows, computed from nothing.
    pub fn of(rows: impl IntoIterator<Item = (DeliveryId, Rev)>) -> Self {
        let mut buckets = Self::default();
        for (id, rev) in rows {
            buckets.add(id, rev);
        }
        buckets
    }

    /// Takes a row in.
    pub fn add(&mut self, id: DeliveryId, rev: Rev) {
        if let Some(bucket) = self.0.get_mut(usize::from(bucket_of(id))) {
            bucket.add(id, rev);
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, id: DeliveryId, rev: Rev) {
        if let Some(bucket) = self.0.get_mut(usize::from(bucket_of(id))) {
            bucket.remove(id, rev);
        }
    }

    /// All 256, by number.
    #[must_use]
    pub fn as_slice(&self) -> &[RowDigest] {
        &self.0
    }

    /// The numbers of the buckets in which `other` differs. A list of a different length differs everywhere.
    #[must_use]
    pub fn differing(&self, other: &[RowDigest]) -> Vec<u8> {
        (0..=u8::MAX).filter(|&n| self.0.get(usize::from(n)) != other.get(usize::from(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAFE_MAX: u64 = crate::units::MAX_SAFE_INTEGER;

    /// (id, rev, hash, bucket): the published vectors of the wire contract.
    const VECTORS: [(u64, u64, u64, u8); 5] = [
        (1, 1, 0x83ec_686c_1600_460a, 86),
        (1, 2, 0xef30_b01c_2974_aeeb, 86),
        (2, 1, 0x3ec2_d42f_3a45_cc6e, 219),
        (74829, 1042, 0xffee_9ba7_6af6_ee4e, 105),
        (SAFE_MAX, SAFE_MAX, 0xb399_b852_fa85_4d06, 224),
    ];

    #[test]
    fn published_vectors_hold() {
        for (id, rev, hash, bucket) in VECTORS {
            assert_eq!(row_hash(DeliveryId(id), Rev(rev)), hash, "hash of {id}@{rev}");
            assert_eq!(bucket_of(DeliveryId(id)), bucket, "bucket of {id}");
        }
        let last_four = RowDigest::of(VECTORS[1..].iter().map(|v| (DeliveryId(v.0), Rev(v.1))));
        assert_eq!(last_four.digest.to_string(), "e17bd845c936b6ad");
        assert_eq!(last_four.count, 4);
    }

    #[test]
    fn a_digest_travels_as_sixteen_hex_digits() {
        assert_eq!(serde_json::to_string(&DigestSum(0xab)).unwrap(), "\"00000000000000ab\"");
        assert_eq!(serde_json::from_str::<DigestSum>("\"00000000000000ab\"").unwrap(), DigestSum(0xab));
        for bad in ["\"ab\"", "\"00000000000000AB\"", "\"+0000000000000ab\"", "171"] {
            assert!(serde_json::from_str::<DigestSum>(bad).is_err(), "{bad} must be refused");
        }
    }

    proptest! {
        /// Adding and removing in any order gives the digest of what is left.
        #[test]
        fn incremental_equals_fresh(rows in proptest::collection::btree_map(0u64..1 << 53, 0u64..1 << 53, 0..50), gone in 0usize..50) {
            let rows: Vec<_> = rows.into_iter().map(|(id, rev)| (DeliveryId(id), Rev(rev))).collect();
            let gone = gone.min(rows.len());
            let mut sum = RowDigest::of(rows.iter().copied());
            let mut buckets = BucketDigests::of(rows.iter().copied());
            for &(id, rev) in &rows[..gone] {
                sum.remove(id, rev);
                buckets.remove(id, rev);
            }
            prop_assert_eq!(sum, RowDigest::of(rows[gone..].iter().copied()));
            prop_assert_eq!(&buckets, &BucketDigests::of(rows[gone..].iter().copied()));
            prop_assert!(buckets.differing(buckets.clone().as_slice()).is_empty());
        }
    }
}
