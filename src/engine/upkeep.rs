//! What profiles keep, from the schema and the settings.

use std::collections::BTreeMap;

use super::Settings;
use super::stages::{check_lifecycle, check_rfm};
use crate::config::{Fault, Problems, join};
use crate::hash::{Map, Symbol};
use crate::profile::{Channel, Channels, Consent, Dimension, History, Unasked, Upkeep};
use crate::schema::{Keep, Keeping, Schema};
use crate::value::Kind;

/// What profiles keep for these definitions.
pub(super) fn upkeep(schema: &Schema, settings: &Settings, problems: &mut Problems) -> Upkeep {
    let mut dimensions: Vec<Dimension> = Vec::new();
    for (i, affinity) in schema.affinities.iter().enumerate() {
        let dimension = Dimension { attribute: Symbol::new(&affinity.attribute), half_life: affinity.half_life };
        let path = format!("schema.affinities[{i}]");
        if dimensions.iter().any(|other| other.code() == dimension.code()) {
            let fault = Fault::Duplicate { what: "affinity", name: affinity.attribute.clone() };
            problems.push(path, fault);
        } else if affinity.half_life.millis() < 60_000 {
            let fault =
                Fault::Range { found: affinity.half_life.to_string(), wanted: "a half-life of a minute or more" };
            problems.push(path, fault);
        }
        dimensions.push(dimension);
    }
    if dimensions.len() > MAX_DIMENSIONS {
        let found = format!("{} affinities", dimensions.len());
        problems.push("schema.affinities", Fault::Range { found, wanted: "at most 16" });
    }
    if !(1..=History::LIMIT).contains(&settings.history) {
        let fault = Fault::Range { found: settings.history.to_string(), wanted: "a number of events from 1 to 128" };
        problems.push("settings.history", fault);
    }
    // From JSON the bounds are checked before; a definition built in Rust can hold anything.
    if !(0.01..=1.0).contains(&settings.related_fade) {
        let found = settings.related_fade.to_string();
        problems.push("settings.related_fade", Fault::Range { found, wanted: "a share from 0.01 to 1" });
    }
    for (path, span) in [
        ("settings.session_gap", settings.session_gap),
        ("settings.popularity_half_life", settings.popularity_half_life),
        ("settings.trending_half_life", settings.trending_half_life),
    ] {
        if span.millis() < 1000 {
            problems.push(path, Fault::Range { found: span.to_string(), wanted: "a second or more" });
        }
    }
    check_keeping(schema, problems);
    check_channels(schema, problems);
    check_rfm(&schema.rfm, problems);
    check_lifecycle(&settings.lifecycle, problems);
    if !(SMALLEST_PROFILE..=LARGEST_PROFILE).contains(&settings.profile_bytes) {
        let fault = Fault::Range { found: settings.profile_bytes.to_string(), wanted: "from 2048 to 1048576 bytes" };
        problems.push("settings.profile_bytes", fault);
    }
    if schema.groups.len() > MOST_GROUPS {
        let found = format!("{} kinds of groups", schema.groups.len());
        problems.push("schema.groups", Fault::Range { found, wanted: "at most 8" });
    }
    if settings.consent.len() > Consent::PURPOSES {
        let found = format!("{} purposes", settings.consent.len());
        problems.push("settings.consent", Fault::Range { found, wanted: "at most 16" });
    }
    Upkeep {
        session_gap: settings.session_gap,
        history: settings.history,
        dimensions,
        lifecycle: settings.lifecycle,
        rfm: (&schema.rfm).into(),
        kinds: by_symbol(&schema.attributes),
        keeping: schema.keeping.iter().map(|(name, keeping)| (Symbol::new(name), *keeping)).collect(),
        groups: schema.groups.iter().map(|(kind, of)| (Symbol::new(kind), by_symbol(of))).collect(),
        channels: Channels::new(&schema.channels),
        unasked: Unasked::new(settings.consent.iter().map(|(name, granted)| (name.as_str(), *granted))),
        bytes: settings.profile_bytes,
    }
}

fn by_symbol(kinds: &BTreeMap<String, Kind>) -> Map<Symbol, Kind> {
    kinds.iter().map(|(name, kind)| (Symbol::new(name), *kind)).collect()
}

fn check_keeping(schema: &Schema, problems: &mut Problems) {
    for (name, Keeping { keep, history }) in &schema.keeping {
        let path = format!("schema.attributes.{name}");
        if !schema.attributes.contains_key(name) {
            let fault = Fault::unknown("attribute", name, schema.attributes.keys().map(String::as_str));
            problems.push(path.as_str(), fault);
        }
        if *history > MOST_PAST {
            let fault = Fault::Range { found: history.to_string(), wanted: "a number of values from 0 to 64" };
            problems.push(join(&path, "history"), fault);
        }
        let Keep::Union(limit) = keep else { continue };
        if !(1..=MOST_PAST).contains(limit) {
            let fault = Fault::Range { found: limit.to_string(), wanted: "a number of values from 1 to 64" };
            problems.push(join(&path, "limit"), fault);
        }
        if schema.attributes.get(name).is_some_and(|kind| *kind != Kind::List) {
            let found = format!("a union of `{name}`");
            problems.push(path, Fault::Range { found, wanted: "an attribute of kind `list`" });
        }
    }
}

fn check_channels(schema: &Schema, problems: &mut Problems) {
    for (i, name) in schema.channels.iter().enumerate() {
        let before = &schema.channels[..i];
        if before.iter().any(|other| Channel::new(other) == Channel::new(name)) {
            let fault = Fault::Duplicate { what: "channel", name: name.clone() };
            problems.push(format!("schema.channels[{i}]"), fault);
        }
    }
    if schema.channels.len() > MOST_CHANNELS {
        let found = format!("{} channels", schema.channels.len());
        problems.push("schema.channels", Fault::Range { found, wanted: "at most 32" });
    }
}

/// How many item attributes profiles may keep affinities to.
const MAX_DIMENSIONS: usize = 16;
/// How many past values of an attribute, and how many values of a union, may be kept.
const MOST_PAST: u8 = 64;
/// How many channels may be declared: each write at the time of another walks them.
const MOST_CHANNELS: usize = 32;
/// How many kinds of groups may be declared: as many as a person can belong to.
const MOST_GROUPS: usize = 8;
/// The least and the most bytes to which profiles may be held.
const SMALLEST_PROFILE: usize = 2 * 1024;
pub(super) const LARGEST_PROFILE: usize = 1024 * 1024;
