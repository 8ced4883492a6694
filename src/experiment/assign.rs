//! Which variation a unit gets: published hashes, so that any host computes the same.
//!
//! For agreement with existing assignments there are GrowthBook's two hashes with FNV-1a (Fowler, Noll and Vo); where
//! none is needed, 64 bits of MurmurHash3 (Appleby) are finer: version 2 has 10,000 buckets.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::stats::Undefined;

/// FNV-1a with 32 bits, over bytes.
///
/// ```
/// assert_eq!(bespoke::experiment::fnv1a_32(b"a"), 0xe40c_292c); // draft-eastlake-fnv
/// ```
#[must_use]
pub const fn fnv1a_32(bytes: &[u8]) -> u32 {
    let (mut hash, mut i) = (FNV_32, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u32).wrapping_mul(FNV_32_PRIME);
        i += 1;
    }
    hash
}

/// FNV-1a with 64 bits, over bytes.
///
/// ```
/// assert_eq!(bespoke::experiment::fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c); // draft-eastlake-fnv
/// ```
#[must_use]
pub const fn fnv1a_64(bytes: &[u8]) -> u64 {
    let (mut hash, mut i) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

/// MurmurHash3 for 32 bits (x86).
///
/// ```
/// assert_eq!(bespoke::experiment::murmur3_32(b"a", 1), 1_485_495_528); // mmh3
/// ```
#[must_use]
pub fn murmur3_32(bytes: &[u8], seed: u32) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        hash ^= mix(little_endian(block) as u32);
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= mix(little_endian(blocks.remainder()) as u32);
    // Longer input than 2^32 bytes wraps, as in the reference.
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// MurmurHash3 for 128 bits (x64): the low and the high half.
///
/// ```
/// let halves = bespoke::experiment::murmur3_128(b"a", 1);
/// assert_eq!(halves, (5_182_201_742_351_716_208, 7_773_302_613_527_574_312)); // mmh3
/// ```
#[must_use]
pub fn murmur3_128(bytes: &[u8], seed: u32) -> (u64, u64) {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let first = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let second = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (mut low, mut high) = (u64::from(seed), u64::from(seed));
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        let (a, b) = block.split_at(8);
        low = (low ^ first(little_endian(a))).rotate_left(27).wrapping_add(high);
        low = low.wrapping_mul(5).wrapping_add(0x52dc_e729);
        high = (high ^ second(little_endian(b))).rotate_left(31).wrapping_add(low);
        high = high.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let rest = blocks.remainder();
    let (a, b) = rest.split_at(rest.len().min(8));
    high ^= second(little_endian(b));
    low ^= first(little_endian(a));
    let length = bytes.len() as u64;
    (low, high) = (low ^ length, high ^ length);
    low = low.wrapping_add(high);
    high = high.wrapping_add(low);
    let finish = |mut k: u64| {
        k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        k ^ (k >> 33)
    };
    (low, high) = (finish(low), finish(high));
    low = low.wrapping_add(high);
    (low, high.wrapping_add(low))
}

/// Where a unit falls in [0, 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketHash {
    /// GrowthBook's first: `fnv1a32(value + seed) % 1000 / 1000`. It correlates between experiments; for hosts that have
    /// it.
    GrowthBookV1,
    /// GrowthBook's second: `fnv1a32(text of fnv1a32(seed + value)) % 10000 / 10000`.
    GrowthBookV2,
    /// The low half of `murmur3_128(seed + ":" + value, 0)`, of whose 64 bits the 53 highest are kept.
    Murmur,
}

impl BucketHash {
    /// GrowthBook's version of a hash; `None` for versions there are not.
    #[must_use]
    pub const fn growthbook(version: i64) -> Option<Self> {
        match version {
            1 => Some(Self::GrowthBookV1),
            2 => Some(Self::GrowthBookV2),
            _ => None,
        }
    }

    /// Where the unit falls, under the experiment's seed.
    ///
    /// GrowthBook's hashes go over UTF-16 code units, as its JavaScript does.
    ///
    /// ```
    /// use bespoke::experiment::BucketHash;
    /// assert_eq!(BucketHash::GrowthBookV2.bucket("exp-home-hero", "user-1"), 0.0435);
    /// ```
    #[must_use]
    pub fn bucket(self, seed: &str, value: &str) -> f64 {
        match self {
            Self::GrowthBookV1 => f64::from(fnv1a_utf16([value, seed]) % 1_000) / 1_000.0,
            Self::GrowthBookV2 => {
                let first = fnv1a_utf16([seed, value]).to_string();
                f64::from(fnv1a_32(first.as_bytes()) % 10_000) / 10_000.0
            }
            Self::Murmur => {
                // Ids and salts are short: nothing is allocated for them.
                let mut text: SmallVec<[u8; 128]> = SmallVec::from_slice(seed.as_bytes());
                text.push(b':');
                text.extend_from_slice(value.as_bytes());
                crate::hash::unit(murmur3_128(&text, 0).0)
            }
        }
    }
}

/// A part of [0, 1) that belongs to a variation: from the lower end, which is included, to the upper, which is not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketRange {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl BucketRange {
    /// The ranges of so many variations, as GrowthBook cuts them: coverage is cut to [0, 1]; weights that are too few or
    /// too many, or do not sum to one within a hundredth, give way to equal ones; each range begins where the weights
    /// before it end, so that raising the coverage moves nobody from one variation to another.
    ///
    /// # Errors
    /// [`Undefined::NoVariations`]; [`Undefined::NotFinite`] for a coverage that is not a number;
    /// [`Undefined::BadWeight`].
    ///
    /// ```
    /// use bespoke::experiment::BucketRange;
    /// let ranges = BucketRange::of(2, 0.5, None)?;
    /// assert_eq!((ranges[1].low, ranges[1].high), (0.5, 0.75));
    /// assert_eq!(BucketRange::choose(&ranges, 0.6), Some(1));
    /// assert_eq!(BucketRange::choose(&ranges, 0.3), None);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn of(variations: usize, coverage: f64, weights: Option<&[f64]>) -> Result<Vec<Self>, Undefined> {
        if variations == 0 {
            return Err(Undefined::NoVariations);
        }
        if coverage.is_nan() {
            return Err(Undefined::NotFinite);
        }
        let coverage = coverage.clamp(0.0, 1.0);
        let fits =
            |weights: &&[f64]| weights.len() == variations && (0.99..=1.01).contains(&weights.iter().sum::<f64>());
        let weights = match weights.filter(fits) {
            Some(weights) => weights.to_vec(),
            // Variations are far fewer than 2^53.
            None => vec![1.0 / variations as f64; variations],
        };
        if weights.iter().any(|weight| *weight < 0.0) {
            return Err(Undefined::BadWeight);
        }
        let mut before = 0.0;
        let range = |weight: &f64| {
            let low = before;
            before += weight;
            Self { low, high: low + coverage * weight }
        };
        Ok(weights.iter().map(range).collect())
    }

    /// The variation whose range holds the bucket, if one does.
    #[must_use]
    pub fn choose(ranges: &[Self], bucket: f64) -> Option<usize> {
        ranges.iter().position(|range| bucket >= range.low && bucket < range.high)
    }
}

fn fnv1a_utf16(parts: [&str; 2]) -> u32 {
    let units = parts.iter().flat_map(|part| part.encode_utf16());
    units.fold(FNV_32, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(FNV_32_PRIME))
}

/// Up to eight bytes as a number, the first the lowest.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

const FNV_32: u32 = 0x811c_9dc5;
const FNV_32_PRIME: u32 = 0x0100_0193;
