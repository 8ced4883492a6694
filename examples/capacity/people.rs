//! The people whose memory is measured, and the rules that ask about them.

use std::fmt::Write as _;

use bespoke::catalog::Item;
use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::personalizer::Personalizer;
use bespoke::time::{Span, Timestamp};

/// Segments that count views in a category each.
pub(crate) fn engine(number: u32) -> Result<Engine, bespoke::config::Problems> {
    let mut segments = String::new();
    for i in 0..number {
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(
            segments,
            "{comma}{{\"name\": \"s{i}\", \"rule\": \"event('item_viewed').where(category = 'c{i}').within({} days).count() >= 3\"}}",
            1 + i % 30
        );
    }
    Engine::from_json(&format!("{{\"segments\": [{segments}]}}"))
}

/// Rules of all kinds: what a large shop's marketers have written over the years.
pub(crate) fn mixed(number: u32) -> Result<Engine, bespoke::config::Problems> {
    let mut segments = String::new();
    for i in 0..number {
        let kind = ["item_viewed", "item_added", "purchased", "searched"][i as usize % 4];
        let of = match i / 4 % 5 {
            0 => format!("category = 'c{}'", i / 20 % 40),
            1 => format!("brand = 'b{}'", i / 20 % 25),
            2 => format!("category = 'c{}' AND brand = 'b{}'", i / 20 % 40, i / 800 % 25),
            3 => format!("price >= {}", i / 20 % 20 * 10),
            _ => format!("item = 'item-{}'", i / 20),
        };
        let event = format!("event('{kind}').where({of})");
        let rule = match i % 7 {
            0 => format!("{event}.within({} days).count() >= {}", 1 + i % 90, 1 + i % 5),
            1 => format!("{event}.count() >= {}", 1 + i % 9),
            2 => format!("NOT {event}.within({} days) AND country = 'DE'", 1 + i % 30),
            3 => format!("{event}.within({} days).sum(value) >= {}", [1, 7, 30, 90][i as usize / 7 % 4], 10 + i % 500),
            4 => format!("{event}.last() > time('2025-09-01')"),
            5 => format!("plan = 'plus' AND {event}.within({} hours)", 1 + i % 48),
            _ => format!("affinity('category', 'c{}') > 0.2 AND {event}", i % 40),
        };
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(segments, "{comma}{{\"name\": \"s{i}\", \"rule\": \"{rule}\"}}");
    }
    Engine::from_json(&format!("{{\"segments\": [{segments}]}}"))
}

/// Twenty thousand items of forty categories and twenty-five brands.
pub(crate) fn stock(shop: &Personalizer) -> Result<(), bespoke::catalog::CatalogError> {
    for item in 0..ITEMS {
        let category = format!("c{}", item % 40);
        shop.upsert_item(Item::new(format!("item-{item}")).category(category).brand(format!("b{}", item % 25)))?;
    }
    Ok(())
}

/// One person: signs up with eight attributes, then looks at items of five categories and five brands.
pub(crate) fn ingest(shop: &Personalizer, person: u32) -> Result<(), bespoke::personalizer::IngestError> {
    let user = format!("user-{person}");
    let mut time = Timestamp::from_millis(1_760_000_000_000 + i64::from(person) * 137);
    let signup = Event::new(EventKind::Identified, &user, time)
        .attribute("email", format!("user-{person}@example.com"))
        .attribute("country", ["DE", "AT", "FR", "NL"][person as usize % 4])
        .attribute("city", ["Hamburg", "Wien", "Lyon", "Utrecht"][person as usize % 4])
        .attribute("plan", ["free", "plus"][person as usize % 2])
        .attribute("age", f64::from(18 + person % 60))
        .attribute("newsletter", person % 3 == 0)
        .attribute("size", f64::from(36 + person % 10))
        .attribute("loyalty_points", f64::from(person % 1000));
    shop.ingest(&signup, time)?;
    for step in 1..EVENTS {
        time = time + Span::minutes(if step % 7 == 0 { 600 } else { 3 });
        // Five items that share five categories and five brands: ten affinities.
        let item = (person * 7 + step % 5 * 41) % ITEMS;
        let kind = match step {
            9 => EventKind::ItemAdded,
            12 => EventKind::Purchased,
            _ => EventKind::ItemViewed,
        };
        let mut event = Event::new(kind, &user, time).item(format!("item-{item}"));
        event.id = Some(format!("{person}-{step}"));
        shop.ingest(&event, time)?;
    }
    Ok(())
}

/// How many events each person has.
pub(crate) const EVENTS: u32 = 20;
const ITEMS: u32 = 20_000;
