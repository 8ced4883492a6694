//! What can be recommended: items, and the columns by which recommenders read them fast.
//!
//! A [`Catalog`] gives every [`Item`] a *slot*, a small number under which its price, its availability and its
//! [`Facet`]s lie in plain arrays. Looking up a slot is one hash look-up; all else about it is an array read. An item
//! that is removed leaves a hole, and the lowest hole takes the next new item. Slots are therefore the one thing
//! that depends on the history of a catalog: they are never stored, and whatever is kept longer than a borrow of the
//! catalog keeps the item's symbol instead. Two catalogs with the same items are equal and have the same bytes.
//!
//! Taking or removing an item costs its facets, `O(log n)` each, and for an item in the middle of a facet's list
//! the shift of four bytes per item behind it.

mod facets;
mod item;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use facets::Facets;
pub use facets::{Facet, MAX_FACET_BYTES};
pub use item::{
    CatalogError, Item, MAX_ATTRIBUTES, MAX_CATALOG_ITEMS, MAX_CATEGORY_DEPTH, MAX_ITEM_TEXT_BYTES, MAX_LABELS,
};

use crate::hash::{Map, Symbol};
use crate::state::State;
use crate::time::{Timestamp, shorten};

/// The items that can be recommended.
///
/// ```
/// use bespoke::catalog::{Catalog, Facet, Item};
/// use bespoke::hash::Symbol;
/// use bespoke::time::Timestamp;
///
/// let mut catalog = Catalog::new();
/// catalog.upsert(Item::new("shoe-1").category("shoes/running").brand("Acme").price(89.0))?;
/// catalog.upsert(Item::new("sock-1").category("socks").brand("Acme").available(false))?;
///
/// let slot = catalog.slot(Symbol::new("shoe-1")).unwrap();
/// assert_eq!(catalog.price(slot), Some(89.0));
/// assert!(catalog.is_listed(slot, Timestamp::EPOCH));
/// assert_eq!(catalog.holding(Facet::new("brand", "Acme")), [0, 1]);
/// assert_eq!(catalog.text(Symbol::new("shoes")), Some("shoes"));
/// # Ok::<(), bespoke::catalog::CatalogError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    slots: Map<Symbol, u32>,
    items: Vec<Option<Item>>,
    symbols: Vec<Symbol>,
    windows: Vec<Window>,
    /// NaN stands for "no price": items carry finite prices only.
    prices: Vec<f64>,
    facets: Facets,
    holes: BinaryHeap<Reverse<u32>>,
    /// Every item by when it was created, the newest first.
    ages: BTreeSet<Age>,
}

/// The newest first, ties by symbol.
type Age = (Reverse<Timestamp>, Symbol);

/// When a slot may be shown: `from <= now < until`, which never holds for holes and items that are not available.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    const NEVER: Self = Self { from: Timestamp::MAX, until: Timestamp::MIN };

    fn of(item: &Item) -> Self {
        if !item.available {
            return Self::NEVER;
        }
        Self { from: item.created.unwrap_or(Timestamp::MIN), until: item.expires.unwrap_or(Timestamp::MAX) }
    }
}

impl Catalog {
    /// A catalog without items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an item, in place of the one with the same id if there is one, which is given back. The item keeps its
    /// slot.
    ///
    /// # Errors
    /// A [`CatalogError`] if the item is not sound ([`Item::check`]) or there is no more room; nothing has changed
    /// then.
    pub fn upsert(&mut self, item: Item) -> Result<Option<Item>, CatalogError> {
        item.check()?;
        let symbol = Symbol::new(&item.id);
        let slot = match self.slots.get(&symbol) {
            Some(&slot) => {
                if let Some(other) = self.item(slot).filter(|other| other.id != item.id) {
                    return Err(CatalogError::SameHash { item: shorten(&item.id), other: shorten(&other.id) });
                }
                slot
            }
            None if self.len() >= MAX_CATALOG_ITEMS => return Err(CatalogError::Full { limit: MAX_CATALOG_ITEMS }),
            None => self.take_slot(symbol),
        };
        let index = slot as usize;
        if let Some(old) = self.item(slot) {
            let age = age(old, symbol);
            self.ages.remove(&age);
        }
        self.ages.insert(age(&item, symbol));
        self.windows[index] = Window::of(&item);
        self.prices[index] = item.price.unwrap_or(f64::NAN);
        self.facets.set(slot, &facets::named_facets(&item));
        Ok(self.items[index].replace(item))
    }

    /// Removes an item, and gives it back if it was there.
    pub fn remove(&mut self, id: &str) -> Option<Item> {
        let slot = self.slot(Symbol::new(id))?;
        let item = self.items[slot as usize].take_if(|item| item.id == id)?;
        self.slots.remove(&Symbol::new(id));
        self.ages.remove(&age(&item, Symbol::new(id)));
        self.windows[slot as usize] = Window::NEVER;
        self.prices[slot as usize] = f64::NAN;
        self.facets.set(slot, &[]);
        self.holes.push(Reverse(slot));
        Some(item)
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The item with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Item> {
        self.item(self.slot(Symbol::new(id))?).filter(|item| item.id == id)
    }

    /// How many slots there are, holes included: every slot is less than this.
    #[must_use]
    pub fn slots(&self) -> u32 {
        // At most `MAX_CATALOG_ITEMS`.
        self.items.len() as u32
    }

    /// The slot of an item, good until the item is removed. One hash look-up.
    #[must_use]
    pub fn slot(&self, item: Symbol) -> Option<u32> {
        self.slots.get(&item).copied()
    }

    /// The symbol of the item at a slot; at a hole the symbol of the item that was there, and beyond the last slot
    /// the symbol of nothing, whose bits are zero.
    #[must_use]
    pub fn symbol(&self, slot: u32) -> Symbol {
        self.symbols.get(slot as usize).copied().unwrap_or_default()
    }

    /// The item at a slot; `None` at a hole.
    #[must_use]
    pub fn item(&self, slot: u32) -> Option<&Item> {
        self.items.get(slot as usize)?.as_ref()
    }

    /// Whether the item at a slot may be shown at this time: it is available, created, and has not expired. Reads
    /// one array.
    #[must_use]
    pub fn is_listed(&self, slot: u32, now: Timestamp) -> bool {
        self.windows.get(slot as usize).is_some_and(|window| window.from <= now && now < window.until)
    }

    /// The facets of the item at a slot, in rising order; none at a hole.
    ///
    /// They are the categories with every category above them, the brand, the tags, and the attributes that are yes
    /// or no or text of 1 to [`MAX_FACET_BYTES`] bytes. An attribute named `brand` counts as one more brand.
    #[must_use]
    pub fn facets(&self, slot: u32) -> &[Facet] {
        self.facets.of(slot)
    }

    /// The price of the item at a slot.
    #[must_use]
    pub fn price(&self, slot: u32) -> Option<f64> {
        self.prices.get(slot as usize).copied().filter(|price| !price.is_nan())
    }

    /// The slots of the items that have this facet, listed or not, in rising order. One hash look-up.
    #[must_use]
    pub fn holding(&self, facet: Facet) -> &[u32] {
        self.facets.holding(facet)
    }

    /// The item with this symbol, as profiles and recommenders name items.
    #[must_use]
    pub fn find(&self, item: Symbol) -> Option<&Item> {
        self.item(self.slot(item)?)
    }

    /// The text of a facet's dimension or value, as long as some item has such a facet.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> Option<&str> {
        self.facets.text(symbol)
    }

    /// The items with their slots, in the order of slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Item)> {
        (0_u32..).zip(&self.items).filter_map(|(slot, item)| Some((slot, item.as_ref()?)))
    }

    /// The items, those created last first, those without a time of creation at the end, ties by symbol.
    pub fn newest(&self) -> impl Iterator<Item = Symbol> {
        self.ages.iter().map(|(_, item)| *item)
    }

    /// When an item was created; [`Timestamp::MIN`] if it does not say, or is not there.
    #[must_use]
    pub fn created(&self, item: Symbol) -> Timestamp {
        self.slot(item).and_then(|slot| self.item(slot)?.created).unwrap_or(Timestamp::MIN)
    }

    /// The lowest hole, or a new slot at the end.
    fn take_slot(&mut self, symbol: Symbol) -> u32 {
        let slot = if let Some(Reverse(hole)) = self.holes.pop() {
            self.symbols[hole as usize] = symbol;
            hole
        } else {
            self.items.push(None);
            self.symbols.push(symbol);
            self.windows.push(Window::NEVER);
            self.prices.push(f64::NAN);
            self.slots() - 1
        };
        self.slots.insert(symbol, slot);
        slot
    }

    fn by_id(&self) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.items.iter().flatten().collect();
        items.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        items
    }
}

fn age(item: &Item, symbol: Symbol) -> Age {
    (Reverse(item.created.unwrap_or(Timestamp::MIN)), symbol)
}

impl PartialEq for Catalog {
    /// Whether both hold the same items, at whatever slots.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(_, item)| other.get(&item.id) == Some(item))
    }
}

impl State for Catalog {
    const KIND: &'static str = "catalog";
    const VERSION: u16 = 1;

    /// Takes over the other's items; where both have one, the other's replaces ours, as if it had been upserted
    /// later. What the other has removed stays: a removal leaves no trace to merge. Should the catalog become full,
    /// the other's items with the highest ids are left out.
    fn merge(&mut self, other: &Self) {
        for item in other.by_id() {
            if self.get(&item.id) != Some(item) {
                // Sound, since the other catalog holds it; only a full catalog can refuse it.
                let _ = self.upsert(item.clone());
            }
        }
    }
}

impl Serialize for Catalog {
    /// The list of items in the order of their ids.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.by_id())
    }
}

impl<'de> Deserialize<'de> for Catalog {
    /// Takes a list of items in any order, and refuses those that [`Catalog::upsert`] refuses and ids given twice.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Catalog;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of items")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Catalog, A::Error> {
                let mut catalog = Catalog::new();
                while let Some(item) = seq.next_element::<Item>()? {
                    if let Some(old) = catalog.upsert(item).map_err(A::Error::custom)? {
                        let id = shorten(&old.id);
                        return Err(A::Error::custom(format_args!("item `{id}` is there twice; keep one of them")));
                    }
                }
                Ok(catalog)
            }
        }
        deserializer.deserialize_seq(Items)
    }
}
