//! Kept memberships of a profile, which the engine writes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::state::packed::take;
use crate::time::Timestamp;

/// The segments that answer otherwise than for an empty profile, unpacked: up to 64 need no allocation.
pub(crate) type Flips = SmallVec<[Flip; 64]>;

/// A segment by its index in the engine, and whether its answer is unknown rather than the opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Flip(u32);

impl Flip {
    /// Engines have far fewer than 2^31 segments.
    pub(crate) const fn new(segment: u32, unknown: bool) -> Self {
        Self(segment << 1 | unknown as u32)
    }
    pub(crate) const fn segment(self) -> u32 {
        self.0 >> 1
    }
    pub(crate) const fn is_unknown(self) -> bool {
        self.0 & 1 == 1
    }
}

/// In which segments a profile is, relative to an empty profile: the segments, by their index in the engine, whose
/// answer differs from the one that an empty profile gets. Most rules never concern most people, so this is short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// The fingerprint of the engine whose indexes these are.
    pub(crate) engine: u64,
    /// A time before which no answer changes without an event. It saves work and is no knowledge: it depends on the
    /// order of arrival, so it is neither stored nor compared, and after loading everything is due.
    #[serde(skip, default = "at_once")]
    pub(crate) due: Timestamp,
    /// The present by which they were settled last; at an earlier one they may differ. It is knowledge no more than
    /// `due` is.
    #[serde(skip)]
    pub(crate) since: Timestamp,
    flips: Code,
}

/// Flips as a profile keeps them: the gaps between their segments in Golomb's code (1966) with a power of two for its
/// parameter, as Rice (1979) has it, which is near the least that any code takes: some eight bits for one segment in a
/// hundred, and one bit for each segment at most. Empty for none.
///
/// The first byte holds the parameter `k`, and in its highest bit whether answers can be unknown. Then for each flip, the
/// lowest bit of a byte first: as many ones as the gap less one has whole `2^k`, a zero, the `k` bits that are left, and
/// a bit for an unknown answer where these can be. Ones fill the last byte, and end the code.
#[derive(Clone, Debug, Default, PartialEq)]
struct Code(SmallVec<[u8; 16]>);

impl Code {
    fn new(flips: &[Flip]) -> Self {
        let Some(last) = flips.last() else { return Self::default() };
        let segments = last.segment() as usize + 1;
        // The logarithm of the mean gap; segments are in rising order, so there are as many at least.
        let k = (segments / flips.len()).max(1).ilog2();
        let has_unknown = flips.iter().any(|flip| flip.is_unknown());
        let mut bytes: SmallVec<[u8; 128]> = SmallVec::new();
        bytes.push(k as u8 | u8::from(has_unknown) << 7);
        let (mut bits, mut held, mut next) = (0_u64, 0_u32, 0_u32);
        let mut put = |value: u64, width: u32| {
            bits |= value << held;
            held += width;
            while held >= 8 {
                bytes.push(bits as u8);
                bits >>= 8;
                held -= 8;
            }
        };
        for flip in flips {
            let gap = flip.segment() - next;
            next = flip.segment() + 1;
            for _ in 0..gap >> k {
                put(1, 1);
            }
            put(0, 1);
            put(u64::from(gap & ((1 << k) - 1)), k);
            if has_unknown {
                put(u64::from(flip.is_unknown()), 1);
            }
        }
        put(0xff, 7);
        // The seven bits fill the byte that was begun, and are left out where none was.
        Self(SmallVec::from_slice(&bytes))
    }

    fn flips(&self) -> Flips {
        let Some((first, code)) = self.0.split_first() else { return Flips::new() };
        let (k, has_unknown) = (u32::from(first & 31), first >> 7 == 1);
        // Eight bytes more, so that a word can be read from any place; ones end the code.
        let mut padded: SmallVec<[u8; 136]> = SmallVec::from_slice(code);
        padded.extend_from_slice(&[0xff; 8]);
        let word = |bit: usize| u64::from_le_bytes(take(&padded, bit / 8)) >> (bit % 8);
        let (mut at, mut next) = (0, 0_u32);
        // No flip takes less than its zero and what is left of its gap.
        let most = code.len() * 8 / (1 + k as usize + usize::from(has_unknown));
        let mut flips = Flips::with_capacity(most);
        loop {
            let mut gap = 0;
            // A word holds 57 bits from any place on.
            loop {
                let ones = word(at).trailing_ones().min(57);
                at += ones as usize;
                gap += ones;
                if at >= code.len() * 8 {
                    return flips;
                }
                if ones < 57 {
                    break;
                }
            }
            let rest = word(at + 1);
            at += 1 + k as usize + usize::from(has_unknown);
            let segment = next + (gap << k | rest as u32 & ((1 << k) - 1));
            flips.push(Flip::new(segment, has_unknown && rest >> k & 1 == 1));
            next = segment + 1;
        }
    }

    fn heap_bytes(&self) -> usize {
        if self.0.spilled() { self.0.capacity() } else { 0 }
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.flips().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flips = Flips::deserialize(deserializer)?;
        if !flips.windows(2).all(|pair| pair[0].segment() < pair[1].segment()) {
            return Err(serde::de::Error::custom("memberships out of order"));
        }
        Ok(Self::new(&flips))
    }
}

impl Membership {
    /// Memberships under an engine, by segment in rising order, with nothing due.
    pub(crate) fn new(engine: u64, flips: &[Flip]) -> Self {
        Self { engine, flips: Code::new(flips), ..Self::default() }
    }

    /// The flips, by segment in rising order.
    pub(crate) fn flips(&self) -> Flips {
        self.flips.flips()
    }

    /// Keeps other flips.
    pub(crate) fn set_flips(&mut self, flips: &[Flip]) {
        self.flips = Code::new(flips);
    }

    /// The bytes that the flips take outside the profile.
    pub(super) fn heap_bytes(&self) -> usize {
        self.flips.heap_bytes()
    }

    /// Whether the flips are those of this time, if nothing happens.
    pub(crate) fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.due
    }
}

const fn at_once() -> Timestamp {
    Timestamp::MIN
}

impl PartialEq for Membership {
    fn eq(&self, other: &Self) -> bool {
        (self.engine, &self.flips) == (other.engine, &other.flips)
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self { engine: 0, due: Timestamp::MAX, since: Timestamp::MIN, flips: Code::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(flips: &[(u32, bool)]) -> Vec<Flip> {
        flips.iter().map(|(segment, unknown)| Flip::new(*segment, *unknown)).collect()
    }

    #[test]
    fn few_among_many_take_a_byte_each_and_many_a_bit_for_each_segment() {
        let every = |step: usize| all(&(0..10_000).step_by(step).map(|segment| (segment, false)).collect::<Vec<_>>());
        for (step, most) in [(1, 10_000 / 8), (2, 10_000 / 8), (7, 10_000 / 14), (111, 91), (1_000, 16)] {
            let code = Code::new(&every(step));
            assert!(code.0.len() <= most + 2, "{step}: {} of {most}", code.0.len());
            assert_eq!(code.flips().as_slice(), every(step));
        }
        assert_eq!((size_of::<Code>(), Code::new(&every(1_000)).heap_bytes()), (24, 0));
    }

    #[test]
    fn the_farthest_segments_are_kept() {
        for flips in [vec![(0, false)], vec![(u32::MAX >> 1, true)], vec![(0, true), (1, false), (u32::MAX >> 1, true)]]
        {
            assert_eq!(Code::new(&all(&flips)).flips().as_slice(), all(&flips));
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(
            flips in prop::collection::btree_map(0..1_u32 << 12, any::<bool>(), 0..400),
            far in prop::option::of(0..u32::MAX >> 1),
            sure in any::<bool>(),
        ) {
            let mut flips = flips;
            flips.extend(far.map(|far| (far, false)));
            let flips: Vec<Flip> = flips.into_iter().map(|(of, unknown)| Flip::new(of, unknown && !sure)).collect();
            let code = Code::new(&flips);
            prop_assert_eq!(code.flips().to_vec(), flips.clone());
            let segments = flips.last().map_or(0, |last| last.segment() as usize + 1);
            prop_assert!(code.0.len() <= 2 + segments / 4, "two bits for each segment at most");
        }
    }
}
