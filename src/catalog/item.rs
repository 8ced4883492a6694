//! One thing that can be recommended, as the host writes it down, and what makes it sound.

use serde::{Deserialize, Serialize};

use crate::id::MAX_ID_BYTES;
use crate::time::{Timestamp, shorten};
use crate::value::{Properties, Value};

/// The most categories, and the most tags, of one item.
pub const MAX_LABELS: usize = 64;
/// The most levels of a category path: `shoes/running` has two.
pub const MAX_CATEGORY_DEPTH: usize = 8;
/// The most attributes of one item.
pub const MAX_ATTRIBUTES: usize = 256;
/// The most bytes of an item's name and of one attribute's value.
pub const MAX_ITEM_TEXT_BYTES: usize = 16 * 1024;
/// The most items of one catalog.
pub const MAX_CATALOG_ITEMS: usize = 16_777_216;

/// Something that can be recommended: a product, an article, a level of a game. A record.
///
/// Fields that are not given are empty, and an item is available unless it says otherwise.
///
/// ```
/// use bespoke::catalog::Item;
/// let built = Item::new("shoe-1").category("shoes/running").brand("Acme").price(89.0).tag("new");
/// let read: Item = serde_json::from_str(r#"{
///     "id": "shoe-1", "categories": ["shoes/running"], "brand": "Acme", "price": 89.0, "tags": ["new"]
/// }"#).unwrap();
/// assert_eq!(built, read);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The id by which the host and its events name the item; 1 to 512 bytes.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// The categories it is in, each a path from the widest to the narrowest: `shoes/running`.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Who makes it.
    #[serde(default)]
    pub brand: Option<String>,
    /// The price of one, not negative, in the currency of the catalog.
    #[serde(default)]
    pub price: Option<f64>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether it can be had at all now; an item that is sold out stays in the catalog as not available.
    #[serde(default = "yes")]
    pub available: bool,
    /// From when on it may be shown; without it, from always.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// From when on it may no longer be shown; without it, never.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// Everything else that is known about it. Text and yes/no attributes become facets.
    #[serde(default)]
    pub attributes: Properties,
}

const fn yes() -> bool {
    true
}

impl Item {
    /// An available item of which nothing but the id is known.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            categories: Vec::new(),
            brand: None,
            price: None,
            tags: Vec::new(),
            available: true,
            created: None,
            expires: None,
            attributes: Properties::new(),
        }
    }

    /// Sets what people call it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds a category, a path such as `shoes/running`.
    #[must_use]
    pub fn category(mut self, path: impl Into<String>) -> Self {
        self.categories.push(path.into());
        self
    }

    /// Sets who makes it.
    #[must_use]
    pub fn brand(mut self, brand: impl Into<String>) -> Self {
        self.brand = Some(brand.into());
        self
    }

    /// Sets the price of one.
    #[must_use]
    pub const fn price(mut self, price: f64) -> Self {
        self.price = Some(price);
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Says whether it can be had.
    #[must_use]
    pub const fn available(mut self, available: bool) -> Self {
        self.available = available;
        self
    }

    /// Says from when on it may be shown.
    #[must_use]
    pub const fn created(mut self, created: Timestamp) -> Self {
        self.created = Some(created);
        self
    }

    /// Says from when on it may no longer be shown.
    #[must_use]
    pub const fn expires(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Sets an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Whether the item is sound, so that a catalog takes it. Costs one pass over its texts.
    ///
    /// # Errors
    /// The first [`CatalogError`] that holds.
    ///
    /// ```
    /// use bespoke::catalog::Item;
    /// let error = Item::new("shoe-1").category("shoes//running").check().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "item `shoe-1`: category `shoes//running` has an empty level; write it like `shoes/running`"
    /// );
    /// ```
    pub fn check(&self) -> Result<(), CatalogError> {
        if self.id.is_empty() {
            return Err(CatalogError::EmptyId);
        }
        if self.id.len() > MAX_ID_BYTES {
            return Err(CatalogError::LongId { bytes: self.id.len() });
        }
        for (field, found, limit) in [
            ("categories", self.categories.len(), MAX_LABELS),
            ("tags", self.tags.len(), MAX_LABELS),
            ("attributes", self.attributes.len(), MAX_ATTRIBUTES),
        ] {
            if found > limit {
                return Err(CatalogError::TooMany { item: self.said(), field, found, limit });
            }
        }
        if let Some(name) = &self.name {
            self.check_text("name", name, MAX_ITEM_TEXT_BYTES)?;
        }
        if let Some(brand) = &self.brand {
            self.check_text("brand", brand, MAX_ID_BYTES)?;
        }
        for tag in &self.tags {
            self.check_text("tags", tag, MAX_ID_BYTES)?;
        }
        for path in &self.categories {
            self.check_category(path)?;
        }
        if let Some(found) = self.price.filter(|price| !(price.is_finite() && *price >= 0.0)) {
            return Err(CatalogError::Price { item: self.said(), found });
        }
        for (name, value) in &self.attributes {
            self.check_text("attributes", name, MAX_ID_BYTES)?;
            if !value.is_sound() || value.heap_bytes() > MAX_ITEM_TEXT_BYTES {
                return Err(CatalogError::Attribute { item: self.said(), name: shorten(name) });
            }
        }
        Ok(())
    }

    fn check_text(&self, field: &'static str, text: &str, limit: usize) -> Result<(), CatalogError> {
        if text.is_empty() {
            return Err(CatalogError::EmptyText { item: self.said(), field });
        }
        if text.len() > limit {
            return Err(CatalogError::LongText { item: self.said(), field, bytes: text.len(), limit });
        }
        Ok(())
    }

    fn check_category(&self, path: &str) -> Result<(), CatalogError> {
        self.check_text("categories", path, MAX_ID_BYTES)?;
        if path.split('/').any(str::is_empty) {
            return Err(CatalogError::CategoryLevel { item: self.said(), path: shorten(path) });
        }
        let depth = path.split('/').count();
        if depth > MAX_CATEGORY_DEPTH {
            return Err(CatalogError::CategoryDepth { item: self.said(), path: shorten(path), depth });
        }
        Ok(())
    }

    /// The id, short enough for a message.
    fn said(&self) -> String {
        shorten(&self.id)
    }
}

/// Why a catalog does not take an item. The catalog has not changed then.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The id is the empty text.
    #[error("an item has an empty id; give it 1 to 512 bytes")]
    EmptyId,
    /// The id is too long.
    #[error("an item's id has {bytes} bytes; ids have at most 512")]
    LongId {
        /// Its length.
        bytes: usize,
    },
    /// A text is empty where it should say something.
    #[error("item `{item}`: `{field}` holds an empty text; leave it out or write something")]
    EmptyText {
        /// The item's id, shortened.
        item: String,
        /// The field.
        field: &'static str,
    },
    /// A text is too long.
    #[error("item `{item}`: `{field}` holds a text of {bytes} bytes; at most {limit} are taken")]
    LongText {
        /// The item's id, shortened.
        item: String,
        /// The field.
        field: &'static str,
        /// The text's length.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// There are too many categories, tags or attributes.
    #[error("item `{item}` has {found} {field}; at most {limit} are taken")]
    TooMany {
        /// The item's id, shortened.
        item: String,
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// A category has a level without a name.
    #[error("item `{item}`: category `{path}` has an empty level; write it like `shoes/running`")]
    CategoryLevel {
        /// The item's id, shortened.
        item: String,
        /// The category, shortened.
        path: String,
    },
    /// A category has too many levels.
    #[error("item `{item}`: category `{path}` has {depth} levels; at most 8 are taken")]
    CategoryDepth {
        /// The item's id, shortened.
        item: String,
        /// The category, shortened.
        path: String,
        /// How many levels it has.
        depth: usize,
    },
    /// The price is negative or not finite.
    #[error("item `{item}`: `price` is {found}, but must be a finite number of at least 0")]
    Price {
        /// The item's id, shortened.
        item: String,
        /// What was found.
        found: f64,
    },
    /// An attribute's value is not finite, nests too deep or is too large.
    #[error(
        "item `{item}`: `attributes.{name}` holds a number that is not finite, nests deeper than 8 levels, or has \
         over 16384 bytes"
    )]
    Attribute {
        /// The item's id, shortened.
        item: String,
        /// The attribute's name, shortened.
        name: String,
    },
    /// Two ids have the same hash, which is next to impossible unless somebody looks for it.
    #[error("item `{item}` has the same hash as item `{other}`; give one of them another id")]
    SameHash {
        /// The new item's id, shortened.
        item: String,
        /// The id that the catalog holds, shortened.
        other: String,
    },
    /// The catalog is full.
    #[error("the catalog holds {limit} items already; remove some first")]
    Full {
        /// How many it may hold.
        limit: usize,
    },
}
