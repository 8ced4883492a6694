//! Everything that a profile knows, as JSON that people read.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::Engine;
use crate::catalog::Catalog;
use crate::event::EventKind;
use crate::hash::{Map, Symbol};
use crate::profile::{Attribute, Profile};
use crate::schema::Schema;
use crate::time::Timestamp;

/// The names that the definitions speak, by symbol.
pub(super) fn lexicon<'a>(schema: &'a Schema, purposes: impl Iterator<Item = &'a String>) -> Map<Symbol, Box<str>> {
    let of_groups = schema.groups.iter().flat_map(|(kind, of)| std::iter::once(kind).chain(of.keys()));
    let declared = schema.attributes.keys().chain(of_groups).chain(&schema.channels).chain(purposes);
    let dimensions = schema.affinities.iter().map(|affinity| &affinity.attribute);
    let kinds = schema.events.iter().map(EventKind::name);
    let own = ["device", "channel", "account", ""];
    let all = declared.chain(dimensions).map(String::as_str).chain(kinds).chain(own);
    all.map(|name| (Symbol::new(name), name.into())).collect()
}

impl Engine {
    /// Everything that a profile knows, for the person whose it is: attributes with their times and channels, past
    /// values, computed attributes, affinities, preferences, history, sessions, touches, money, counters with the rules
    /// that ask for them, segments, consent and groups.
    ///
    /// Profiles keep hashes of names. A name is told where the definitions, the catalog or `speak` know it, else its
    /// hash is, as 16 hexadecimal digits. The fields are those of the example in
    /// [`Personalizer::export`](crate::personalizer::Personalizer::export); the same profile gives the same text.
    #[must_use]
    pub fn export(
        &self,
        profile: &Profile,
        catalog: &Catalog,
        now: Timestamp,
        speak: &dyn Fn(Symbol) -> Option<String>,
    ) -> Json {
        let name = |symbol: Symbol| -> String {
            let known = self.lexicon.get(&symbol).map(|name| name.to_string());
            let item = || Some(catalog.item(catalog.slot(symbol)?)?.id.clone());
            let known = known.or_else(|| catalog.text(symbol).map(str::to_owned)).or_else(item);
            known.or_else(|| speak(symbol)).unwrap_or_else(|| format!("{:016x}", symbol.to_bits()))
        };
        let mut json = JsonMap::new();
        let mut put = |field: &str, value: Json| drop(json.insert(field.to_owned(), value));
        if profile.events() > 0 {
            put("first_seen", json!(profile.first_seen()));
            put("last_seen", json!(profile.last_seen()));
        }
        put("events", json!(profile.events()));
        put("attributes", self.attributes(profile.attributes().as_slice(), &name));
        put("affinities", self.affinities(profile, now, &name));
        let history = profile.history().iter().map(|event| {
            let kind = event.known.as_ref().map_or_else(|| name(event.custom), |kind| kind.name().to_owned());
            let dwell = Some(event.dwell()).filter(|dwell| *dwell > 0.0);
            json!({"time": event.time, "kind": kind, "item": event.item.map(&name), "dwell": dwell})
        });
        put("history", history.collect());
        put("sessions", json!(profile.sessions()));
        put("touches", json!(profile.touches()));
        let money = profile
            .spent()
            .iter()
            .map(|of| json!({"currency": name(of.currency), "purchases": of.purchases, "amount": of.amount.value()}));
        put("money", money.collect());
        put("counters", profile.counters.iter().map(|counter| self.counter(counter)).collect());
        put("counters_dropped", json!(profile.counters.has_dropped()));
        put("segments", self.memberships(profile, now).map(|name| Json::from(&**name)).collect());
        self.export_rare(profile, &name, &mut put);
        Json::Object(json)
    }

    /// What few profiles have.
    fn export_rare(&self, profile: &Profile, name: &dyn Fn(Symbol) -> String, put: &mut dyn FnMut(&str, Json)) {
        let Some(extra) = &profile.extra else { return };
        let past = extra.past.iter().map(|(of, latest)| {
            let values = latest.iter().map(|(time, value)| json!({"time": time, "value": value}));
            (name(of), values.collect::<Json>())
        });
        put("past", Json::Object(past.collect()));
        let computed = self.gathering.all.iter().filter_map(|question| {
            let answer = extra.gathered.answer(question.id)?;
            let of = answer.of.map(|(count, total)| (f64::from(count) / f64::from(total.max(1)), total));
            let (confidence, count) = (of.map(|of| of.0), of.map(|of| of.1));
            let value = json!({"value": answer.value, "confidence": confidence, "count": count});
            Some((question.name.to_string(), value))
        });
        put("computed", Json::Object(computed.collect()));
        let dimensions = &self.upkeep.dimensions;
        let preferences = extra.preferences.iter().map(|said| {
            let of = dimensions.iter().find(|dimension| dimension.code() == said.dimension);
            let attribute = of.map(|of| name(of.attribute));
            let (value, liked) = (name(said.value), said.liked);
            json!({"attribute": attribute, "value": value, "liked": liked, "time": said.time, "until": said.until})
        });
        put("preferences", preferences.collect());
        let said = extra
            .consent
            .iter()
            .map(|said| json!({"purpose": name(said.purpose), "granted": said.granted, "time": said.time}));
        put("consent", said.collect());
        let groups = extra.groups.iter().map(|of| {
            let known = of.view.as_ref().map(|group| self.attributes(group.attributes().as_slice(), name));
            json!({"kind": name(of.kind), "id": of.id, "since": of.time, "attributes": known})
        });
        put("groups", groups.collect());
    }

    fn attributes(&self, attributes: &[Attribute], name: &dyn Fn(Symbol) -> String) -> Json {
        let mut all: Vec<(String, &Attribute)> = attributes.iter().map(|of| (name(of.name), of)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let one = |(name, of): (String, &Attribute)| {
            let channel = self.upkeep.channels.name(of.channel());
            json!({"name": name, "value": of.value, "time": of.time(), "channel": channel})
        };
        all.into_iter().map(one).collect()
    }

    fn affinities(&self, profile: &Profile, now: Timestamp, name: &dyn Fn(Symbol) -> String) -> Json {
        let mut all = Vec::new();
        for dimension in &self.upkeep.dimensions {
            for (value, weight) in profile.interests_in(dimension, now) {
                let share = profile.affinity(dimension, value, now);
                let (attribute, value) = (name(dimension.attribute), name(value));
                all.push(json!({"attribute": attribute, "value": value, "weight": weight, "share": share}));
            }
        }
        all.into()
    }

    /// A counter with the rules that ask for it.
    fn counter(&self, counter: crate::profile::Reading<'_>) -> Json {
        let rule = |index: &u32| {
            let segment = &self.segments[*index as usize].definition;
            json!({"segment": segment.name, "rule": segment.rule.to_string()})
        };
        let mut asked: Vec<Json> = self.reach.of_counter(counter.id()).iter().map(rule).collect();
        for campaign in &self.campaigns {
            let reads = campaign.audience.as_ref().is_some_and(|of| of.reads().counters.contains(&counter.id()));
            if let (true, Some(rule)) = (reads, &campaign.definition.audience) {
                asked.push(json!({"campaign": &*campaign.name, "rule": rule.to_string()}));
            }
        }
        json!({"asked_by": asked, "state": counter})
    }
}
