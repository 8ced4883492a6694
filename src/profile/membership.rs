//! Kept memberships of a profile, which the engine writes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::time::Timestamp;

/// The segments that answer otherwise than for an empty profile.
pub(crate) type Flips = SmallVec<[Flip; 4]>;

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
    flips: Kept,
}

/// Flips as a profile keeps them: few as a list, many as two bits for each segment.
#[derive(Clone, Debug)]
enum Kept {
    Few(Flips),
    Many(Box<[u8]>),
}

impl Kept {
    fn new(mut flips: Flips) -> Self {
        let segments = flips.last().map_or(0, |last| last.segment() as usize + 1);
        let map = segments.div_ceil(4);
        if flips.len() <= FEW || map >= flips.len() * size_of::<Flip>() {
            if flips.spilled() && flips.capacity() > 2 * flips.len() + FEW {
                flips.shrink_to_fit();
            }
            return Self::Few(flips);
        }
        let mut bits = vec![0; map].into_boxed_slice();
        for flip in &flips {
            let (at, shift) = (flip.segment() as usize / 4, flip.segment() % 4 * 2);
            bits[at] |= (1 + u8::from(flip.is_unknown())) << shift;
        }
        Self::Many(bits)
    }

    fn flips(&self) -> Flips {
        match self {
            Self::Few(flips) => flips.clone(),
            Self::Many(bits) => (0..)
                .zip(bits.iter())
                .flat_map(|(at, byte)| (0..4).map(move |i| (at * 4 + i, byte >> (i * 2) & 3)))
                .filter(|(_, bits)| *bits > 0)
                .map(|(segment, bits)| Flip::new(segment, bits > 1))
                .collect(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Few(flips) if flips.spilled() => flips.capacity() * size_of::<Flip>(),
            Self::Few(_) => 0,
            Self::Many(bits) => bits.len(),
        }
    }
}

impl Serialize for Kept {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Few(flips) => flips.serialize(serializer),
            Self::Many(_) => self.flips().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flips = Flips::deserialize(deserializer)?;
        if !flips.windows(2).all(|pair| pair[0].segment() < pair[1].segment()) {
            return Err(serde::de::Error::custom("memberships out of order"));
        }
        Ok(Self::new(flips))
    }
}

impl Membership {
    /// Memberships under an engine, by segment in rising order, with nothing due.
    pub(crate) fn new(engine: u64, flips: Flips) -> Self {
        Self { engine, flips: Kept::new(flips), ..Self::default() }
    }

    /// The flips, by segment in rising order.
    pub(crate) fn flips(&self) -> Flips {
        self.flips.flips()
    }

    /// Takes the flips out, to be put back.
    pub(crate) fn take_flips(&mut self) -> Flips {
        match std::mem::replace(&mut self.flips, Kept::Few(Flips::new())) {
            Kept::Few(flips) => flips,
            many @ Kept::Many(_) => many.flips(),
        }
    }

    pub(crate) fn put_flips(&mut self, flips: Flips) {
        self.flips = Kept::new(flips);
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
        (self.engine, self.flips()) == (other.engine, other.flips())
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self { engine: 0, due: Timestamp::MAX, since: Timestamp::MIN, flips: Kept::Few(Flips::new()) }
    }
}

/// How many flips are kept as a list, whatever the number of segments.
const FEW: usize = 64;
