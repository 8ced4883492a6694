//! Which attributes are parts of which, as far as objects were taken apart: `address.city` of `address`.

use serde::{Deserialize, Serialize};

use crate::hash::Symbol;
use crate::state::packed::{Packed, take};

/// That an attribute is a part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Part {
    whole: Symbol,
    part: Symbol,
}

impl Packed for Part {
    const WIDTH: usize = 16;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.whole.to_bits().to_le_bytes());
        bytes[8..].copy_from_slice(&self.part.to_bits().to_le_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        let symbol = |at| Symbol::from_bits(u64::from_le_bytes(take(bytes, at)));
        Self { whole: symbol(0), part: symbol(8) }
    }
}

/// The parts of a profile's attributes, in rising order and each once. Names that are no attribute of the profile are
/// parts of nothing, so there are at most as many as attributes times the eight levels of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts(Vec<Part>);

impl Parts {
    pub(super) fn note(&mut self, whole: Symbol, part: Symbol) {
        let of = Part { whole, part };
        if let Err(at) = self.0.binary_search(&of) {
            self.0.reserve_exact(1);
            self.0.insert(at, of);
        }
    }

    /// The parts of an attribute, and theirs.
    pub(super) fn of(&self, whole: Symbol) -> impl Iterator<Item = Symbol> + '_ {
        let from = self.0.partition_point(|of| of.whole < whole);
        self.0[from..].iter().take_while(move |of| of.whole == whole).map(|of| of.part)
    }

    /// What an attribute is a part of.
    pub(super) fn wholes(&self, part: Symbol) -> impl Iterator<Item = Symbol> + '_ {
        self.0.iter().filter(move |of| of.part == part).map(|of| of.whole)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Symbol, Symbol)> + '_ {
        self.0.iter().map(|of| (of.whole, of.part))
    }

    pub(super) fn as_slice(&self) -> &[Part] {
        &self.0
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(Symbol) -> bool) {
        self.0.retain(|of| keep(of.part));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * size_of::<Part>()
    }
}

impl TryFrom<Vec<Part>> for Parts {
    type Error = &'static str;
    fn try_from(parts: Vec<Part>) -> Result<Self, &'static str> {
        let sorted = parts.windows(2).all(|pair| pair[0] < pair[1]);
        sorted.then_some(Self(parts)).ok_or("parts of attributes out of order")
    }
}
