//! Which attributes are parts of which, as far as objects were taken apart: `address.city` of `address`.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Attributes, Outcome, Written};
use crate::hash::Symbol;
use crate::profile::Upkeep;
use crate::schema::Keep;
use crate::state::packed::{Packed, take};
use crate::value::Value;

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

impl Attributes {
    /// Sets a part of objects that are not attributes themselves, if its write is the one to keep: it is gone if one of
    /// the wholes was set to something else later.
    pub(crate) fn set_part(
        &mut self,
        wholes: &[Symbol],
        name: Symbol,
        (written, value): (Written, Value),
        keep: &Upkeep,
        how: &dyn Fn(Symbol) -> Keep,
    ) -> Outcome {
        let newest = |name: Symbol| how(name) == Keep::Newest;
        let covers = wholes.iter().filter(|whole| newest(name) && newest(**whole));
        let cover = covers.filter_map(|whole| self.find(*whole)).map(|of| of.written);
        let cover = cover.max_by(|a, b| a.order(*b, keep).then(a.cmp(b)));
        let (written, value) = match cover.map(|cover| (cover, cover.order(written, keep))) {
            Some((cover, Ordering::Greater)) => (cover, Value::Null),
            Some((cover, Ordering::Equal)) if value.is_null() => (cover.max(written), value),
            _ => (written, value),
        };
        let outcome = self.set_as(how(name), name, written, value, keep);
        if !wholes.is_empty() && self.find(name).is_some() {
            let parts = self.parts.get_or_insert_default();
            wholes.iter().for_each(|whole| parts.note(*whole, name));
        }
        outcome
    }

    /// Removes the parts of what is no object any more that are older than that, and calls `changed` with the names of
    /// those and of all that they are parts of.
    pub(crate) fn cover(
        &mut self,
        whole: Symbol,
        keep: &Upkeep,
        how: &dyn Fn(Symbol) -> Keep,
        changed: &mut dyn FnMut(Symbol),
    ) {
        let Some(parts) = &self.parts else { return };
        let under: SmallVec<[Symbol; 8]> = parts.of(whole).collect();
        let Some(written) = self.find(whole).map(|of| of.written).filter(|_| how(whole) == Keep::Newest) else {
            return;
        };
        for part in under {
            if how(part) != Keep::Newest {
                continue;
            }
            if self.set_as(Keep::Newest, part, written, Value::Null, keep) == Outcome::Changed {
                changed(part);
                self.wholes(part).for_each(&mut *changed);
            }
        }
    }

    /// What an attribute is known to be a part of.
    pub(crate) fn wholes(&self, part: Symbol) -> impl Iterator<Item = Symbol> + '_ {
        self.parts.iter().flat_map(move |parts| parts.wholes(part))
    }

    /// The names of the objects of which some part is there, as often as there are such parts.
    pub(crate) fn wholes_there(&self) -> impl Iterator<Item = Symbol> + '_ {
        let parts = self.parts.iter().flat_map(|parts| parts.iter());
        parts.filter(|(_, part)| self.value(*part).is_some()).map(|(whole, _)| whole)
    }

    /// Whether there is any part of an object of this name.
    pub(crate) fn has_parts(&self, whole: Symbol) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.of(whole).any(|part| self.value(part).is_some()))
    }

    /// Forgets of what attributes are parts that are no longer there.
    pub(super) fn prune(&mut self) {
        let Some(mut parts) = self.parts.take() else { return };
        parts.retain(|part| self.find(part).is_some());
        self.parts = (!parts.is_empty()).then_some(parts);
    }

    /// Removes every part that is older than something else under the name of its object.
    pub(super) fn cover_all(&mut self, keep: &Upkeep) {
        let Some(parts) = &self.parts else { return };
        let mut wholes: Vec<Symbol> = parts.iter().map(|(whole, _)| whole).collect();
        wholes.dedup();
        for whole in wholes {
            self.cover(whole, keep, &|name| keep.keeping(name).keep, &mut |_| {});
        }
    }
}

impl TryFrom<Vec<Part>> for Parts {
    type Error = &'static str;
    fn try_from(parts: Vec<Part>) -> Result<Self, &'static str> {
        let sorted = parts.windows(2).all(|pair| pair[0] < pair[1]);
        sorted.then_some(Self(parts)).ok_or("parts of attributes out of order")
    }
}
