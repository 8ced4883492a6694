//! The stable hash behind names, buckets and checksums.
//!
//! Everything here is XXH3 (Collet, 2019), a published function without a per-process seed: a [`Symbol`] or a
//! [`Bucket`] is the same in every process, on every platform and in every release. XXH3 is not a keyed hash. A host
//! that lets strangers choose ids authenticates them first, as it must do anyway.

use std::fmt;
use std::hash::BuildHasher;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

/// A name as the inside of the crate knows it: the 64-bit XXH3 of its UTF-8 bytes.
///
/// Attributes, event kinds, item ids, categories: each becomes a symbol at the door, and inside nothing compares
/// strings. The text is kept where it must be spoken. Among ten million names the chance that any two share a
/// symbol is about three in a million.
///
/// ```
/// use bespoke::hash::Symbol;
/// assert_eq!(Symbol::new("shoes"), Symbol::new("shoes"));
/// assert_ne!(Symbol::new("shoes"), Symbol::new("Shoes"));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u64);

impl Symbol {
    /// Hashes a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }

    /// Takes back a number that [`Symbol::to_bits`] gave.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits of the hash.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl From<&str> for Symbol {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({:016x})", self.0)
    }
}

impl Serialize for Symbol {
    /// Sixteen hexadecimal digits for people, a number otherwise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&format_args!("{:016x}", self.0))
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
            u64::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

/// Where the stable hash puts a user: a point in [0, 1), by a salt and the user's id.
///
/// Weighted splits, holdouts and percentages all ask the bucket, each with a salt of its own, so that they are
/// independent of each other. The point has 53 random bits, and equals
/// `(xxh3_64(id, seed = xxh3_64(salt)) >> 11) / 2^53`.
///
/// ```
/// use bespoke::hash::Bucket;
/// let bucket = Bucket::new("summer-sale", "user-17");
/// assert_eq!(bucket, Bucket::new("summer-sale", "user-17"));
/// assert!((0.0..1.0).contains(&bucket.point()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Bucket(f64);

impl Bucket {
    /// Hashes an id under a salt.
    #[must_use]
    pub fn new(salt: &str, id: &str) -> Self {
        Self::salted(Symbol::new(salt), id.as_bytes())
    }

    /// Hashes the bytes of an id under a salt that is already a symbol.
    #[must_use]
    pub fn salted(salt: Symbol, id: &[u8]) -> Self {
        Self(unit(xxh3_64_with_seed(id, salt.0)))
    }

    /// Where the point lies among hundred: from 0 to under 100. `percent('salt') < 10` in a rule asks it, of the 16
    /// bytes of the person's [`UserKey`](crate::id::UserKey), the lowest first.
    #[must_use]
    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }

    /// The point in [0, 1).
    #[must_use]
    pub const fn point(self) -> f64 {
        self.0
    }
}

/// The 53 high bits as a fraction in [0, 1); exact, since an `f64` has a mantissa of 53 bits.
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A 64-bit XXH3 of several numbers in order, for ids and seeds made of parts.
pub(crate) fn combine(parts: &[u64]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
    for part in parts {
        hasher.update(&part.to_le_bytes());
    }
    hasher.digest()
}

/// A hash of 64 bits in 32.
pub(crate) const fn fold(bits: u64) -> u32 {
    (bits ^ (bits >> 32)) as u32
}

/// The 64-bit XXH3 that guards stored bytes against damage.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The 128-bit XXH3 of a person's id under its kind, wide enough for billions of people.
pub(crate) fn wide(kind: u8, id: &str) -> u128 {
    xxh3_128(id.as_bytes()) ^ u128::from(kind).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// A map from keys that are already well mixed hashes.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, Fast>;

/// Builds the hasher of look-up tables. It is seeded with constants: nothing observable depends on the order in
/// which such a table is walked, and the tables never leave the process.
#[derive(Clone, Debug)]
pub(crate) struct Fast(ahash::RandomState);

impl Default for Fast {
    fn default() -> Self {
        Self(ahash::RandomState::with_seeds(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
    }
}

impl BuildHasher for Fast {
    type Hasher = ahash::AHasher;
    fn build_hasher(&self) -> ahash::AHasher {
        self.0.build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of XXH3's published reference vectors for the empty input and of this crate's first release.
    #[test]
    fn symbols_never_change() {
        assert_eq!(Symbol::new("").to_bits(), 0x2d06_8005_38d3_94c2);
        assert_eq!(Symbol::new("shoes"), Symbol::new(&String::from("shoes")));
    }

    /// Over 20,000 users the standard error of a tenth's share is 0.0021; the bound is five of them.
    #[test]
    fn buckets_are_uniform_and_independent_between_salts() {
        let (mut low, mut both) = (0, 0);
        for i in 0..20_000 {
            let id = format!("user-{i}");
            let (a, b) = (Bucket::new("a", &id).point() < 0.1, Bucket::new("b", &id).point() < 0.1);
            low += i32::from(a);
            both += i32::from(a && b);
        }
        assert!((f64::from(low) / 20_000.0 - 0.1).abs() < 0.0106, "{low}");
        assert!((f64::from(both) / 20_000.0 - 0.01).abs() < 0.0036, "{both}");
    }

    #[test]
    fn kinds_of_id_do_not_meet() {
        assert_ne!(wide(0, "7"), wide(1, "7"));
    }
}
