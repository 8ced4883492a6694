//! What items have in common: categories, brands, tags and named attributes, as pairs of symbols with an index.
//!
//! Each slot's facets lie side by side in one array, so that reading them is reading a slice. The other way round,
//! every facet keeps the sorted list of the slots that hold it. Texts are kept once per symbol and counted, so that
//! the last holder that goes takes its text along.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Item;
use crate::hash::{Map, Symbol};
use crate::value::Value;

/// The longest text attribute, in bytes, that becomes a facet; longer ones are descriptions, which no two items
/// share.
pub const MAX_FACET_BYTES: usize = 128;

/// One thing that items can have in common: the category `shoes`, the brand `Acme`, the colour `red`.
///
/// The dimension is `category`, `brand`, `tag`, or the name of an attribute. An item in category `shoes/running`
/// holds `shoes` too.
///
/// ```
/// use bespoke::catalog::{Catalog, Facet, Item};
/// let mut catalog = Catalog::new();
/// catalog.upsert(Item::new("shoe-1").category("shoes/running")).unwrap();
/// assert_eq!(catalog.holding(Facet::new("category", "shoes")), [0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Facet {
    /// What it is about: the symbol of `category`, `brand`, `tag` or an attribute's name.
    pub dimension: Symbol,
    /// What it says: the symbol of the text.
    pub value: Symbol,
}

impl Facet {
    /// The facet by its two texts.
    #[must_use]
    pub fn new(dimension: &str, value: &str) -> Self {
        Self { dimension: Symbol::new(dimension), value: Symbol::new(value) }
    }
}

/// A facet with the two texts behind it.
pub(super) struct NamedFacet<'a> {
    pub(super) facet: Facet,
    dimension: &'a str,
    value: &'a str,
}

/// The facets of an item, in rising order and each once.
pub(super) fn named_facets(item: &Item) -> SmallVec<[NamedFacet<'_>; 16]> {
    let mut found: SmallVec<[NamedFacet<'_>; 16]> = SmallVec::new();
    let mut add = |dimension, value| found.push(NamedFacet { facet: Facet::new(dimension, value), dimension, value });
    for path in &item.categories {
        for (end, _) in path.match_indices('/') {
            add("category", &path[..end]);
        }
        add("category", path);
    }
    if let Some(brand) = &item.brand {
        add("brand", brand);
    }
    for tag in &item.tags {
        add("tag", tag);
    }
    for (name, value) in &item.attributes {
        match value {
            Value::Text(text) if !text.is_empty() && text.len() <= MAX_FACET_BYTES => add(name, text),
            Value::Bool(true) => add(name, "true"),
            Value::Bool(false) => add(name, "false"),
            _ => {}
        }
    }
    found.sort_unstable_by_key(|named| named.facet);
    found.dedup_by_key(|named| named.facet);
    found
}

/// The facets of every slot, the slots of every facet, and the texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Facets {
    /// The facets of all slots; what `runs` does not point at is waste.
    arena: Vec<Facet>,
    /// By slot, where its facets lie.
    runs: Vec<Run>,
    /// How many facets of the arena are pointed at.
    used: usize,
    /// By facet, the slots that hold it, rising; never empty.
    postings: Map<Facet, Vec<u32>>,
    /// By symbol, its text and how many facets of `postings` speak it.
    texts: Map<Symbol, (Box<str>, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Run {
    start: usize,
    len: u32,
}

impl Facets {
    /// Gives a slot these facets, which rise, in place of those it has. `slot` may be one beyond the last.
    pub(super) fn set(&mut self, slot: u32, facets: &[NamedFacet<'_>]) {
        let index = slot as usize;
        if index >= self.runs.len() {
            self.runs.resize(index + 1, Run::default());
        }
        let old: SmallVec<[Facet; 16]> = self.of(slot).into();
        for facet in &old {
            if facets.binary_search_by_key(facet, |named| named.facet).is_err() {
                self.drop_holder(*facet, slot);
            }
        }
        for named in facets {
            if old.binary_search(&named.facet).is_err() {
                self.add_holder(named, slot);
            }
        }
        let run = &mut self.runs[index];
        // A slot keeps its place when the new facets fit into it.
        if facets.len() > old.len() {
            run.start = self.arena.len();
            self.arena.extend(facets.iter().map(|named| named.facet));
        } else {
            for (place, named) in self.arena[run.start..].iter_mut().zip(facets) {
                *place = named.facet;
            }
        }
        // At most 64 * 8 + 64 + 1 + 256 facets.
        run.len = facets.len() as u32;
        self.used = self.used + facets.len() - old.len();
        if self.arena.len() > 1024 && self.arena.len() / 2 > self.used {
            self.compact();
        }
    }

    /// The facets of a slot.
    pub(super) fn of(&self, slot: u32) -> &[Facet] {
        let run = self.runs.get(slot as usize).copied().unwrap_or_default();
        &self.arena[run.start..run.start + run.len as usize]
    }

    /// The slots that hold a facet, rising.
    pub(super) fn holding(&self, facet: Facet) -> &[u32] {
        self.postings.get(&facet).map_or(&[], Vec::as_slice)
    }

    /// The text of a dimension or value that some slot holds.
    pub(super) fn text(&self, symbol: Symbol) -> Option<&str> {
        self.texts.get(&symbol).map(|(text, _)| text.as_ref())
    }

    fn add_holder(&mut self, named: &NamedFacet<'_>, slot: u32) {
        let slots = self.postings.entry(named.facet).or_default();
        if slots.is_empty() {
            for (symbol, text) in [(named.facet.dimension, named.dimension), (named.facet.value, named.value)] {
                self.texts.entry(symbol).or_insert_with(|| (text.into(), 0)).1 += 1;
            }
        }
        match slots.last() {
            Some(last) if *last >= slot => {
                if let Err(place) = slots.binary_search(&slot) {
                    slots.insert(place, slot);
                }
            }
            _ => slots.push(slot),
        }
    }

    fn drop_holder(&mut self, facet: Facet, slot: u32) {
        let Some(slots) = self.postings.get_mut(&facet) else { return };
        if let Ok(place) = slots.binary_search(&slot) {
            slots.remove(place);
        }
        if !slots.is_empty() {
            return;
        }
        self.postings.remove(&facet);
        for symbol in [facet.dimension, facet.value] {
            if let Some((_, speakers)) = self.texts.get_mut(&symbol) {
                *speakers -= 1;
                if *speakers == 0 {
                    self.texts.remove(&symbol);
                }
            }
        }
    }

    /// Copies the facets together, in the order of slots. Each facet written pays for at most two copied.
    fn compact(&mut self) {
        let mut arena = Vec::with_capacity(self.used);
        for run in &mut self.runs {
            let start = arena.len();
            arena.extend_from_slice(&self.arena[run.start..run.start + run.len as usize]);
            run.start = start;
        }
        self.arena = arena;
    }

    /// How many texts and facets are kept, for tests of what removal frees.
    #[cfg(test)]
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.texts.len(), self.postings.len())
    }
}
