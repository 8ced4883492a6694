//! Reads campaigns from JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{Campaign, Chooser, Feature, Goal, GoalItems, Pay, Placement, Schedule, Strategy, Variant};
use crate::bandit::BanditSpec;
use crate::config::{Fault, Reader};
use crate::experiment::{Allocation, Enrolment};
use crate::rule::{Rule, Unknown};
use crate::time::Span;

impl Placement {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        if let Json::String(name) = reader.json() {
            return Some(Self { name: name.clone() });
        }
        reader.is_object().then_some(())?;
        let name = reader.name("name");
        reader.finish();
        Some(Self { name: name? })
    }
}

impl Campaign {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let name = reader.name("name");
        let placement = reader.name("placement");
        let audience = rule(reader, "audience");
        let unknown = read_unknown(reader);
        let schedule = reader.child("schedule").map(|mut reader| Schedule::read(&mut reader)).unwrap_or_default();
        let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
        // The range check makes the cast exact.
        let priority = reader.whole("priority", range, "a whole number of 32 bits").map_or(0, |number| number as i32);
        let mut variants = reader.list("variants", Variant::read);
        if variants.is_empty() && reader.json().get("variants").is_none() {
            variants.extend(Variant::lone(reader));
        }
        let chooser = reader.field("chooser").map_or_else(Chooser::default, |_| read_chooser(reader, &variants));
        let holdout = reader.number("holdout", 0.0..=1.0, "a share from 0 to 1").unwrap_or(0.0);
        let features = reader.list("features", Feature::read);
        let goal = reader.child("goal").and_then(|mut reader| Goal::read(&mut reader));
        reader.finish();
        let (name, placement) = (name?, placement?);
        Some(Self {
            name,
            placement,
            audience,
            unknown,
            schedule,
            priority,
            variants,
            chooser,
            holdout,
            features,
            goal,
        })
    }
}

impl Schedule {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        if !reader.is_object() {
            return Self::default();
        }
        let schedule = Self { starts: reader.parsed("starts"), ends: reader.parsed("ends") };
        reader.finish();
        schedule
    }
}

impl Variant {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let name = reader.name("name");
        let payload = reader.field("payload").map(|json| Arc::new(json.clone()));
        let recommend = reader.child("recommend").and_then(|mut reader| Strategy::read(&mut reader));
        reader.finish();
        Some(Self { name: name?, payload, recommend })
    }

    /// The one variant of a campaign that says `payload` or `recommend` itself.
    fn lone(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let payload = reader.field("payload").map(|json| Arc::new(json.clone()));
        let has_items = reader.field("recommend").is_some();
        let recommend = reader.child("recommend").and_then(|mut reader| Strategy::read(&mut reader));
        (payload.is_some() || has_items).then(|| Self { name: "default".to_owned(), payload, recommend })
    }
}

impl Goal {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let event = reader.name("event");
        let tests = reader.field("where").cloned();
        let within: Option<Span> = reader.parsed("within");
        if within.is_none() && reader.json().get("within").is_none() {
            reader.fault(Fault::Missing { field: "within" });
        }
        let pay = reader.word("pay", "pay", &[("conversion", Pay::Conversion), ("amount", Pay::Amount)]);
        let of = [("any", GoalItems::Any), ("recommended", GoalItems::Recommended)];
        let items = reader.word("items", "kind of items", &of);
        reader.finish();
        let mut query = serde_json::Map::new();
        query.insert("name".to_owned(), Json::String(event?));
        query.extend(tests.map(|tests| ("where".to_owned(), tests)));
        let event = rule_of(reader, "event", &serde_json::json!({ "$event": query }))?;
        Some(Self { event, within: within?, pay: pay.unwrap_or_default(), items: items.unwrap_or_default() })
    }
}

/// Reads the chooser against the variants it is to choose from.
fn read_chooser(reader: &mut Reader<'_, '_>, variants: &[Variant]) -> Chooser {
    let names = || variants.iter().map(|variant| variant.name.as_str());
    let find = |name: &str| variants.iter().position(|variant| variant.name == name);
    let Some(mut reader) = reader.child("chooser") else { return Chooser::default() };
    let Json::Object(fields) = reader.json() else {
        let wanted =
            "{\"fixed\": variant}, {\"split\": weights}, {\"experiment\": {…}}, or a bandit such as {\"thompson\": {}}";
        let found = crate::config::kind(reader.json());
        reader.fault(Fault::WrongKind { wanted, found });
        return Chooser::default();
    };
    let mut chooser = Chooser::default();
    if reader.field("fixed").is_some() {
        if let Some(name) = reader.text("fixed") {
            match find(&name) {
                Some(i) => chooser = Chooser::Fixed(i),
                None => reader.fault_at("fixed", Fault::unknown("variant", &name, names())),
            }
        }
    } else if reader.field("split").is_some() {
        let mut weights = vec![0.0; variants.len()];
        let listed = reader.map("split", |name, reader| {
            let Some(i) = find(name) else {
                reader.fault(Fault::unknown("variant", name, names()));
                return None;
            };
            let weight = reader.json().as_f64();
            if weight.is_none() {
                let found = crate::config::kind(reader.json());
                reader.fault(Fault::WrongKind { wanted: "a weight from 0 to 1", found });
            }
            Some((i, weight?))
        });
        let whole = listed.len() == fields.get("split").and_then(Json::as_object).map_or(0, serde_json::Map::len);
        for (i, weight) in listed {
            weights[i] = weight;
        }
        if super::chooser::is_distribution(&weights, variants.len()) {
            chooser = Chooser::Split(weights);
        } else if whole {
            let found = format!("weights {weights:?}");
            reader.fault_at("split", Fault::Range { found, wanted: "weights from 0 to 1 with a sum of 1" });
        }
    } else if let Some(json) = reader.field("experiment") {
        match read_experiment(json) {
            Ok(enrolment) => chooser = Chooser::Experiment(enrolment),
            Err(error) => reader.fault_at("experiment", Fault::refused(error)),
        }
    } else if fields.keys().any(|field| BanditSpec::FIELDS.contains(&field.as_str())) {
        return match serde_json::from_value::<BanditSpec>(reader.json().clone()) {
            Ok(spec) => Chooser::Bandit(spec),
            Err(error) => {
                reader.fault(Fault::refused(error));
                Chooser::default()
            }
        };
    } else if let Some(found) = fields.keys().find(|field| !CHOOSERS.contains(&field.as_str())) {
        reader.fault(Fault::unknown("chooser", found, CHOOSERS));
        return chooser;
    } else if !fields.is_empty() {
        let found = format!("{} choosers", fields.len());
        reader.fault(Fault::Range {
            found,
            wanted: "`fixed`, `split`, `experiment`, or a bandit's policy such as `thompson`",
        });
        return chooser;
    } else {
        reader.fault(Fault::Missing { field: "fixed" });
        return chooser;
    }
    reader.finish();
    chooser
}

/// Reads an experiment: arms by their shares, or the stored form of an [`Enrolment`].
fn read_experiment(json: &Json) -> Result<Enrolment, serde_json::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shares {
        salt: String,
        #[serde(default = "user")]
        unit: String,
        shares: BTreeMap<String, f64>,
        #[serde(default)]
        forced: BTreeMap<String, String>,
    }
    fn user() -> String {
        "user".to_owned()
    }
    if json.get("arms").is_some() {
        return serde_json::from_value(json.clone());
    }
    let Shares { salt, unit, shares, forced } = serde_json::from_value(json.clone())?;
    let shares: Vec<(&str, f64)> = shares.iter().map(|(arm, share)| (arm.as_str(), *share)).collect();
    let enrolment = Allocation::new(&salt, &shares).and_then(|arms| Enrolment::new(&unit, arms));
    let forced = forced.iter();
    let whole = forced.fold(enrolment, |enrolment, (unit, arm)| enrolment.and_then(|of| of.forced(unit, arm)));
    whole.map_err(serde::de::Error::custom)
}

const CHOOSERS: [&str; 8] =
    ["fixed", "split", "experiment", "thompson", "contextual", "epsilon_greedy", "softmax", "ucb"];

/// Reads a rule from a field that may be missing: text, or a JSON rule.
pub(crate) fn rule(reader: &mut Reader<'_, '_>, field: &'static str) -> Option<Rule> {
    let json = reader.field(field)?;
    rule_of(reader, field, json)
}

pub(super) fn rule_of(reader: &mut Reader<'_, '_>, field: &'static str, json: &Json) -> Option<Rule> {
    match Rule::from_value(json) {
        Ok(rule) => Some(rule),
        Err(errors) => {
            for error in errors.iter() {
                reader.fault_inside(field, error.inside(), Fault::refused(error.clone()));
            }
            None
        }
    }
}

/// Reads what is done with people of whom a rule does not tell.
pub(crate) fn read_unknown(reader: &mut Reader<'_, '_>) -> Option<Unknown> {
    reader.word("unknown", "way with the unknown", Unknown::WORDS)
}

/// One of several words, as an element of a list.
pub(super) fn word<T: Copy>(reader: &mut Reader<'_, '_>, what: &'static str, words: &[(&str, T)]) -> Option<T> {
    let Some(text) = reader.json().as_str() else {
        let found = crate::config::kind(reader.json());
        reader.fault(Fault::WrongKind { wanted: "a word", found });
        return None;
    };
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        reader.fault(Fault::unknown(what, text, words.iter().map(|(word, _)| *word)));
    }
    found
}
