//! Reads strategies from JSON.

use serde_json::Value as Json;

use super::read::word;
use super::strategy::{MAX_SLATE, WEIGHTS};
use super::{Calibrate, Filters, Repeats, Seen, SegmentRule, Strategy, Target, Weighted};
use crate::catalog::Facet;
use crate::config::{Fault, Reader, kind};
use crate::decision::Source;
use crate::hash::Symbol;
use crate::recommend::{Exploration, House, HouseRule, Quota, Which};
use crate::value::Value;

impl Strategy {
    /// The name of a ready-made strategy, or an object that may begin with one and says what is other.
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        if let Json::String(name) = reader.json() {
            return Self::known(name, |fault| reader.fault(fault));
        }
        reader.is_object().then_some(())?;
        let named = reader.text("strategy").map(|name| Self::known(&name, |fault| reader.fault_at("strategy", fault)));
        let mut strategy = named.flatten().unwrap_or_default();
        if reader.field("sources").is_some() {
            strategy.sources = reader.list("sources", |reader| word(reader, "source", SOURCES));
        }
        if let Some(mut blend) = reader.child("blend") {
            strategy.blend = Weighted::read(&mut blend);
        }
        // The bounds make the cast exact.
        let limit = reader.whole("limit", 1..=MAX_SLATE as i64, "a number of items from 1 to 200");
        strategy.limit = limit.map_or(strategy.limit, |limit| limit as usize);
        if let Some(mut filters) = reader.child("filters") {
            strategy.filters = Filters::read(&mut filters);
        }
        strategy.about = reader.text("about").or(strategy.about);
        strategy.among = reader.text("among").or(strategy.among);
        strategy.repeat = reader.word("repeat", "policy", Repeats::WORDS).unwrap_or(strategy.repeat);
        strategy.diversity = reader.number("diversity", 0.0..=1.0, "a share from 0 to 1").unwrap_or(strategy.diversity);
        if reader.field("quotas").is_some() {
            strategy.quotas = reader.list("quotas", read_quota);
        }
        if let Some(mut calibrate) = reader.child("calibrate") {
            strategy.calibrate = Calibrate::read(&mut calibrate);
        }
        if reader.field("rules").is_some() {
            strategy.rules = reader.list("rules", SegmentRule::read);
        }
        if let Some(mut explore) = reader.child("explore") {
            strategy.explore = read_exploration(&mut explore);
        }
        reader.finish();
        Some(strategy)
    }

    fn known(name: &str, fault: impl FnOnce(Fault)) -> Option<Self> {
        let strategy = Self::named(name);
        if strategy.is_none() {
            fault(Fault::unknown("strategy", name, Self::NAMED));
        }
        strategy
    }
}

impl Weighted {
    /// An object with a weight for each source, and `learn`.
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let learn = match reader.field("learn") {
            None => false,
            Some(Json::Bool(learn)) => *learn,
            Some(other) => {
                reader.fault_at("learn", Fault::WrongKind { wanted: "true or false", found: kind(other) });
                false
            }
        };
        let weigh = |(word, source): &(&'static str, Source)| {
            Some((*source, reader.number(word, WEIGHTS, "a weight from 0.001 to 1000")?))
        };
        // In the order of the sources, not of the document, which readers of JSON may not keep.
        let mut sources: Vec<(Source, f64)> = SOURCES.iter().filter_map(weigh).collect();
        sources.sort_unstable_by_key(|(source, _)| *source);
        let is_faulty =
            sources.is_empty() && reader.json().as_object().is_some_and(|of| of.keys().any(|key| key != "learn"));
        reader.finish();
        (!is_faulty).then_some(Self { sources, learn })
    }
}

impl Calibrate {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let attribute = reader.name("attribute");
        let weight = reader.number("weight", 0.0..=1.0, "a share from 0 to 1").unwrap_or(0.5);
        reader.finish();
        Some(Self { attribute: Symbol::new(&attribute?), weight })
    }
}

impl SegmentRule {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let segment = reader.text("segment");
        let acts = ["pin", "boost", "bury"].into_iter().filter(|act| reader.field(act).is_some()).count();
        if acts != 1 {
            let found = format!("{acts} of `pin`, `boost` and `bury`");
            reader.fault(Fault::Range { found, wanted: "one of them" });
            return None;
        }
        let rule = if reader.field("pin").is_some() {
            let item = reader.text("pin");
            let position = reader.whole("position", 0..=199, "a position from 0 to 199").unwrap_or(0);
            // The bounds make the cast exact.
            item.map(|id| HouseRule { which: Which::Item(Symbol::new(&id)), house: House::Pin(position as usize) })
        } else if reader.field("boost").is_some() {
            let factor = reader.number("by", 0.0..=1000.0, "a factor from 0 to 1000");
            if factor.is_none() && reader.field("by").is_none() {
                reader.fault(Fault::Missing { field: "by" });
            }
            let which = reader.child("boost").and_then(|mut reader| read_which(&mut reader));
            which.zip(factor).map(|(which, factor)| HouseRule { which, house: House::Boost(factor) })
        } else {
            let which = reader.child("bury").and_then(|mut reader| read_which(&mut reader));
            which.map(|which| HouseRule { which, house: House::Bury })
        };
        reader.finish();
        Some(Self { segment, rule: rule? })
    }
}

/// The one attribute with its value, or `item` with an id.
fn read_which(reader: &mut Reader<'_, '_>) -> Option<Which> {
    let wanted = "one attribute with its value, such as {\"brand\": \"acme\"}, or {\"item\": id}";
    let fields = match reader.json() {
        Json::Object(fields) => fields,
        other => {
            reader.fault(Fault::WrongKind { wanted, found: kind(other) });
            return None;
        }
    };
    let one = (fields.len() == 1).then(|| fields.iter().next()).flatten();
    let Some((name, value)) = one else {
        reader.fault(Fault::Range { found: format!("{} attributes", fields.len()), wanted });
        return None;
    };
    match value {
        Json::String(text) if name == "item" => Some(Which::Item(Symbol::new(text))),
        Json::String(text) => Some(Which::Facet(Facet::new(name, text))),
        Json::Bool(value) => Some(Which::Facet(Facet::new(name, if *value { "true" } else { "false" }))),
        other => {
            reader.fault_at(name, Fault::WrongKind { wanted: "a text, true or false", found: kind(other) });
            None
        }
    }
}

fn read_quota(reader: &mut Reader<'_, '_>) -> Option<Quota> {
    reader.is_object().then_some(())?;
    let attribute = reader.name("attribute");
    let value = reader.text("value").map(|text| Symbol::new(&text));
    let range = 1..=MAX_SLATE as i64;
    // The bounds make both casts exact.
    let most = reader.whole("most", range.clone(), "a number of items from 1 to 200").map(|most| most as usize);
    let least = reader.whole("least", range, "a number of items from 1 to 200").unwrap_or(0) as usize;
    reader.finish();
    Some(Quota { value, most, least, ..Quota::of(&attribute?) })
}

fn read_exploration(reader: &mut Reader<'_, '_>) -> Option<Exploration> {
    reader.is_object().then_some(())?;
    if reader.field("positions").is_none() {
        reader.fault(Fault::Missing { field: "positions" });
    }
    let positions = reader.list("positions", |reader| {
        let wanted = "a position from 0 to 199";
        let position = reader.json().as_u64().filter(|position| *position < MAX_SLATE as u64);
        if position.is_none() {
            reader.fault(Fault::Range { found: reader.json().to_string(), wanted });
        }
        // Below 200.
        position.map(|position| position as usize)
    });
    let among = reader.whole("among", 1..=200, "a number of items from 1 to 200").unwrap_or(50) as usize;
    let newest = reader.word("from", "pool", &[("next", false), ("newest", true)]).unwrap_or(false);
    reader.finish();
    Some(Exploration { positions, among, newest })
}

impl Filters {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        let mut filters = Self::default();
        if !reader.is_object() {
            return filters;
        }
        for field in ["category", "brand", "tag"] {
            if let Some(mut target) = reader.child(field) {
                filters.facets.extend(Target::read(&mut target).map(|target| (field.to_owned(), target)));
            }
        }
        let own = reader.map("attributes", |name, reader| Some((name.to_owned(), Target::read(reader)?)));
        filters.facets.extend(own);
        if let Some(mut price) = reader.child("price") {
            if price.is_object() {
                filters.price_from = price.number("from", 0.0..=1e12, "a price from 0 to 1e12");
                filters.price_to = price.number("to", 0.0..=1e12, "a price from 0 to 1e12");
                if let Some((from, to)) = filters.price_from.zip(filters.price_to).filter(|(from, to)| from > to) {
                    let found = format!("a price from {from} to {to}");
                    price.fault(Fault::Range { found, wanted: "a price whose `from` is at most its `to`" });
                }
                price.finish();
            }
        }
        filters.exclude = reader.list("exclude", |reader| word(reader, "exclusion", Seen::WORDS));
        reader.finish();
        filters
    }
}

impl Target {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        match reader.json() {
            Json::String(text) => Some(Self::Fixed(Value::from(text.as_str()))),
            Json::Bool(value) => Some(Self::Fixed(Value::from(*value))),
            Json::Object(_) => {
                let name = reader.name("context");
                reader.finish();
                name.map(Self::Context)
            }
            other => {
                let wanted = "a text, true, false, or {\"context\": name}";
                reader.fault(Fault::WrongKind { wanted, found: kind(other) });
                None
            }
        }
    }
}

/// The sources that definitions can name.
const SOURCES: &[(&str, Source)] = &[
    ("related", Source::Related),
    ("viewed_together", Source::ViewedTogether),
    ("viewed_then_bought", Source::ViewedThenBought),
    ("bought_together", Source::BoughtTogether),
    ("next_click", Source::NextClick),
    ("collaborative", Source::Collaborative),
    ("factor", Source::Factor),
    ("recent", Source::Recent),
    ("popular", Source::Popular),
    ("popular_in_category", Source::PopularInCategory),
    ("popular_in_segment", Source::PopularInSegment),
    ("trending", Source::Trending),
    ("similar", Source::Similar),
    ("affinity", Source::Affinity),
    ("given", Source::Given),
    ("catalog", Source::Catalog),
];
