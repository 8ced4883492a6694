//! Everything that is known about a person, for that person to read.

use std::collections::BTreeMap;
use std::sync::RwLock;

use serde_json::{Value as Json, json};

use super::{Personalizer, read, write};
use crate::event::{Event, EventKind};
use crate::hash::Symbol;
use crate::id::UserKey;
use crate::profile::Profile;
use crate::time::Timestamp;

/// The names that events brought, so that what profiles keep under their hashes can be spoken.
///
/// At most [`Names::LIMIT`], those of the lowest symbols, so that the order of arrival does not matter.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<BTreeMap<Symbol, Box<str>>>);

impl Names {
    const LIMIT: usize = 4096;
    const MAX_BYTES: usize = 128;

    /// Learns the names of attributes, of kinds of the host's own, of currencies and of kinds of groups.
    pub(super) fn learn(&self, event: &Event) {
        let custom = matches!(event.kind, EventKind::Custom(_)).then(|| event.kind.name());
        if event.attributes.is_empty() && custom.is_none() && event.currency.is_none() && event.properties.is_empty() {
            return;
        }
        let group = event.properties.get("group_kind").filter(|_| event.kind == EventKind::Grouped);
        let single = [custom, event.currency.as_deref(), group.and_then(crate::value::Value::as_text)];
        for name in single.into_iter().flatten().chain(event.attributes.keys().map(String::as_str)) {
            self.add(name);
        }
        for (name, value) in &event.attributes {
            // Fields of objects are kept under dotted names; deeper ones than these are spoken as hashes.
            if let crate::value::Value::Object(fields) = value {
                fields.keys().for_each(|field| self.add(&format!("{name}.{field}")));
            }
        }
    }

    fn add(&self, name: &str) {
        let symbol = Symbol::new(name);
        {
            let names = read(&self.0);
            let is_full = names.len() >= Self::LIMIT && names.last_key_value().is_some_and(|(last, _)| *last < symbol);
            if name.len() > Self::MAX_BYTES || is_full || names.contains_key(&symbol) {
                return;
            }
        }
        let mut names = write(&self.0);
        names.insert(symbol, name.into());
        if names.len() > Self::LIMIT {
            names.pop_last();
        }
    }

    pub(super) fn speak(&self, symbol: Symbol) -> Option<String> {
        read(&self.0).get(&symbol).map(|name| name.to_string())
    }

    pub(super) fn all(&self) -> Vec<Box<str>> {
        read(&self.0).values().cloned().collect()
    }

    pub(super) fn restore(&self, names: Vec<Box<str>>) {
        write(&self.0).clear();
        names.iter().for_each(|name| self.add(name));
    }
}

impl Personalizer {
    /// Everything that is known about a person, as JSON: what [`Engine::export`](crate::engine::Engine::export) tells,
    /// and the ids that are linked and the open decisions. `None` if nobody is known by this id. Cost: a look at every
    /// link.
    ///
    /// Names that neither the definitions nor the catalog speak are told if they are among the 4,096 that events
    /// brought; else their hash is. The fields, of which those after `segments` are there if there is anything to tell:
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json(r#"{
    ///     "schema": {"channels": ["web"]},
    ///     "segments": [{"name": "buyers", "rule": "event('purchased').count() >= 1"}]
    /// }"#)?);
    /// let noon: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let order = Event::new(EventKind::Purchased, "ann", noon).value(9.5, "EUR").attribute("city", "Wien");
    /// shop.ingest(&Event { channel: Some("web".into()), ..order }, noon)?;
    /// let all = shop.export(UserKey::known("ann"), noon).unwrap_or_default();
    /// for field in [
    ///     "user", "ids", "time", "first_seen", "last_seen", "events", "attributes", "affinities", "history", "sessions",
    ///     "touches", "money", "counters", "counters_dropped", "segments", // past, computed, preferences, consent, groups
    /// ] {
    ///     assert!(all.get(field).is_some(), "{field}");
    /// }
    /// assert_eq!(all["attributes"][1]["name"], "city");
    /// assert_eq!(all["attributes"][1]["channel"], "web");
    /// assert_eq!(all["counters"][0]["asked_by"][0]["rule"], "event('purchased').count() >= 1");
    /// assert_eq!((&all["money"][0]["amount"], &all["segments"][0]), (&9.5.into(), &"buyers".into()));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn export(&self, user: UserKey, now: Timestamp) -> Option<Json> {
        let engine = self.engine();
        let user = self.people.resolve(user);
        self.freshen(user);
        let mut ids: Vec<UserKey> =
            self.people.identities.iter().flat_map(|identities| read(identities).ids_of(user)).collect();
        ids.sort_unstable();
        let found = self.people.read(user, |record| {
            let record = record?;
            let profile: &Profile = &record.profile;
            let speak = |symbol| self.names.speak(symbol);
            let json = engine.export(profile, &read(&self.models).catalog, now, &speak);
            Some((json, json!(record.decisions())))
        });
        let (mut json, decisions) = found?;
        if let Json::Object(fields) = &mut json {
            fields.insert("user".to_owned(), json!(user));
            fields.insert("ids".to_owned(), json!(ids));
            fields.insert("time".to_owned(), json!(now));
            fields.insert("decisions".to_owned(), decisions);
        }
        Some(json)
    }
}
