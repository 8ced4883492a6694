//! A generated shop to measure in: a catalog in a tree of categories, and visits as skewed as real ones are.
//!
//! Everything comes from a fixed seed. Popularity follows Zipf's law with an exponent of one, over all items and
//! within each shelf; shelves differ in size by a factor of 25.

#![allow(clippy::allow_attributes, dead_code, unfulfilled_lint_expectations, reason = "each bench uses a part")]

use bespoke::catalog::{Catalog, Item};
use bespoke::engine::{Engine, Models};
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::hash::Symbol;
use bespoke::profile::Profile;
use bespoke::recommend::{Neighbors, Popular, Seen, SeenKind};
use bespoke::time::{Span, Timestamp};

/// When everything is learned and requests are made.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
/// How many shelves the shop has, in departments of twelve.
pub(crate) const SHELVES: usize = 240;

/// Chance from a seed (SplitMix64; Steele, Lea and Flood, 2014).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// A rank below `n`, by Zipf's law with an exponent of one.
    pub(crate) fn zipf(&mut self, n: usize) -> usize {
        ((libm::pow(n as f64 + 1.0, self.unit()) - 1.0) as usize).min(n - 1)
    }
}

/// The items by rank, and by shelf.
pub(crate) struct Shop {
    pub(crate) catalog: Catalog,
    /// By rank of the item, its shelf.
    shelf_of: Vec<usize>,
    /// The ranks of each shelf's items, rising.
    shelves: Vec<Vec<usize>>,
}

impl Shop {
    pub(crate) fn new(items: usize) -> Self {
        let mut dice = Dice(1);
        let mut shop = Self { catalog: Catalog::new(), shelf_of: Vec::new(), shelves: vec![Vec::new(); SHELVES] };
        for rank in 0..items {
            // The density x^-0.6 spreads sizes by a factor of 240^0.6 = 27.
            let shelf = (libm::pow(dice.unit(), 2.5) * SHELVES as f64) as usize;
            shop.shelves[shelf].push(rank);
            shop.shelf_of.push(shelf);
            let mut item = Item::new(id(rank))
                .category(shelf_name(shelf))
                .brand(format!("brand-{}", dice.zipf(500)))
                .price(libm::floor(5.0 + 200.0 * dice.unit()))
                .available(dice.unit() > 0.02);
            item.created = Some(NOW - Span::minutes(dice.below(700 * 24 * 60) as u32));
            shop.catalog.upsert(item).unwrap();
        }
        shop
    }

    pub(crate) fn len(&self) -> usize {
        self.shelf_of.len()
    }

    /// The rank of the `n`th most popular item of a shelf.
    pub(crate) fn on_shelf(&self, shelf: usize, n: usize) -> usize {
        self.shelves[shelf][n]
    }

    pub(crate) fn shelf_of(&self, rank: usize) -> usize {
        self.shelf_of[rank]
    }

    /// The ranks of the items of one visit: the first by popularity, the others mostly from its shelf.
    pub(crate) fn visit(&self, views: usize, dice: &mut Dice) -> Vec<usize> {
        let first = dice.zipf(self.len());
        let shelf = &self.shelves[self.shelf_of[first]];
        let next = |dice: &mut Dice| {
            if dice.unit() < 0.8 { shelf[dice.zipf(shelf.len())] } else { dice.zipf(self.len()) }
        };
        std::iter::once(first).chain((1..views).map(|_| next(dice))).collect()
    }

    /// Teaches the recommenders visits of five events each over sixty days up to [`NOW`].
    pub(crate) fn teach(&self, visits: usize, popular: &mut Popular, neighbors: &mut Neighbors) {
        self.visits(visits, |seen, before| {
            popular.learn(seen.item, 1.0, seen.time);
            neighbors.learn(seen, before);
        });
    }

    /// Tells of visits of three views and two purchases each over sixty days up to [`NOW`].
    fn visits(&self, visits: usize, mut tell: impl FnMut(Seen, &[Seen])) {
        let mut dice = Dice(2);
        let start = NOW - Span::days(60);
        for visit in 0..visits {
            let begin = start + Span::from_millis(60 * 86_400_000 / visits as i64 * visit as i64);
            let mut seen: Vec<Seen> = Vec::new();
            for (view, rank) in self.visit(5, &mut dice).into_iter().enumerate() {
                let (item, time) = (Symbol::new(&id(rank)), begin + Span::from_millis(40_000 * view as i64));
                let kind = if view < 3 { SeenKind::Viewed } else { SeenKind::Purchased };
                let view = Seen { item, time, weight: 1.0, kind };
                tell(view, &seen);
                seen.push(view);
            }
        }
    }

    /// Models that know this shop and what `visits` taught.
    pub(crate) fn models(&self, engine: &Engine, visits: usize) -> Models {
        let mut models = engine.models();
        models.catalog = self.catalog.clone();
        let category = Symbol::new("category");
        let mut visitor = 0;
        self.visits(visits, |seen, before| {
            let Models { catalog, popular, neighbors, relations, clicks, lately, popular_in_category, .. } =
                &mut models;
            visitor += u64::from(before.is_empty());
            clicks.iter_mut().for_each(|clicks| clicks.learn(Symbol::from_bits(visitor), seen, before));
            popular.learn(seen.item, 1.0, seen.time);
            neighbors.learn(seen, before);
            relations.values_mut().for_each(|of| of.learn(seen, before));
            lately.iter_mut().for_each(|lately| lately.learn(seen.item, 1.0, seen.time));
            let facets = catalog.slot(seen.item).map_or(&[][..], |slot| catalog.facets(slot));
            for facet in facets.iter().filter(|facet| facet.dimension == category) {
                popular_in_category.learn(facet.value, seen.item, 1.0, seen.time);
            }
        });
        models
    }

    /// A person at a steady size: eight attributes, and visits over the last month, some of which end in a purchase.
    pub(crate) fn profile(&self, engine: &Engine, visits: usize, dice: &mut Dice) -> Profile {
        let mut profile = Profile::default();
        let first = NOW - Span::days(30);
        let _ = engine.apply(&identified(first), &mut profile, &self.catalog, first);
        for visit in 0..visits {
            let begin = first + Span::from_millis(30 * 86_400_000 / visits as i64 * visit as i64);
            let views = self.visit(2 + dice.below(6), dice);
            for (view, rank) in views.iter().enumerate() {
                let event = viewed(*rank, begin + Span::from_millis(50_000 * (1 + view as i64)));
                let _ = engine.apply(&event, &mut profile, &self.catalog, event.time);
            }
            if dice.unit() < 0.2 {
                let event = purchased(&views[..1], begin + Span::minutes(10));
                let _ = engine.apply(&event, &mut profile, &self.catalog, event.time);
            }
        }
        profile
    }
}

/// The id of the item of a rank.
pub(crate) fn id(rank: usize) -> String {
    format!("item-{rank:06}")
}

pub(crate) fn department_name(shelf: usize) -> String {
    format!("department-{}", shelf / 12)
}

pub(crate) fn shelf_name(shelf: usize) -> String {
    format!("department-{}/shelf-{shelf}", shelf / 12)
}

/// A view of an item as a shop's page sends it.
pub(crate) fn viewed(rank: usize, time: Timestamp) -> Event {
    let mut event = Event::new(EventKind::ItemViewed, "user-1234567", time)
        .item(id(rank))
        .property("color", "red")
        .property("size", 42.0)
        .property("dwell", 12.0);
    event.device = Some("phone".to_owned());
    event.channel = Some("web".to_owned());
    event
}

/// An order with one line for each item.
pub(crate) fn purchased(ranks: &[usize], time: Timestamp) -> Event {
    let mut event = Event::new(EventKind::Purchased, "user-1234567", time).property("coupon", "none");
    let line = |rank: &usize| EventItem { price: Some(20.0), ..EventItem::new(id(*rank)) };
    event.items = ranks.iter().map(line).collect();
    event.currency = Some("EUR".to_owned());
    event
}

/// What a person's account says: eight attributes.
pub(crate) fn identified(time: Timestamp) -> Event {
    Event::new(EventKind::Identified, "user-1234567", time)
        .attribute("plan", "pro")
        .attribute("country", "DE")
        .attribute("language", "de")
        .attribute("email", "ann@example.com")
        .attribute("name", "Ann Example")
        .attribute("age", 41.0)
        .attribute("newsletter", true)
        .attribute("orders", 7.0)
}
