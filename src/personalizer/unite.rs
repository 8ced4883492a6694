//! Two personalizers to one: shards of people that come together.

use std::collections::{BTreeMap, BTreeSet};

use super::people::shard_of;
use super::record::{Part, Record};
use super::regroup::unite;
use super::snapshot::Read;
use super::{Personalizer, read, write};
use crate::engine::Models;
use crate::id::UserKey;
use crate::profile::Membership;
use crate::state::{State, StateError};
use crate::time::Timestamp;

impl Personalizer {
    /// Takes in a snapshot of another personalizer, which has seen other events: links unite and people are what all
    /// links make of them, what is known under the same id merges, models merge, and whoever was erased on either side
    /// stays gone.
    ///
    /// Both together know what one would have known, to the limits of profiles and people. Of events that both have
    /// seen, counts and weights are added twice, except in the history and in exact counters; and a late
    /// identification moves only what happens on a device after this.
    ///
    /// Cost: a look at everybody in the snapshot.
    ///
    /// # Errors
    /// A [`StateError`] if the bytes are cut short, damaged, or of a newer version; the state is unchanged then.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let shards = [(); 2].map(|()| Engine::from_json("{}").map(Personalizer::new));
    /// let [one, other] = shards;
    /// let (one, other) = (one?, other?);
    /// one.ingest(&Event::new(EventKind::PageViewed, "ann", now), now)?;
    /// other.ingest(&Event::new(EventKind::Searched, "ann", now), now)?;
    /// one.merge(&other.snapshot()?, now)?;
    /// assert_eq!(one.profile(UserKey::known("ann")).map(|ann| ann.events()), Some(2));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn merge(&self, snapshot: &[u8], now: Timestamp) -> Result<(), StateError> {
        let Read { people: theirs, models, groups, names, .. } = self.read_snapshot(snapshot)?;
        let engine = self.engine();
        let with = (&*engine, &self.models);
        let _held = self.people.graph.hold();
        for (id, time) in self.people.erased() {
            if theirs.graph.erased(id).is_none_or(|known| known < time) {
                theirs.forget(&[id], time, (&engine, &models), Some(time));
            }
        }
        for (id, time) in theirs.erased() {
            if self.people.graph.erased(id).is_none_or(|known| known < time) {
                self.people.forget(&[id], time, with, Some(time));
            }
        }
        for component in theirs.graph.components() {
            let component = read(&component);
            let ids: Vec<UserKey> = component.slots().iter().map(|slot| slot.key).collect();
            let plan = self.people.graph.plan(&ids, now, |of| of.unite(&component));
            self.people.carry_out(&plan, with, Some(now), None);
        }
        let mut people: BTreeMap<UserKey, Vec<Part>> = BTreeMap::new();
        let mut devices: BTreeSet<UserKey> = BTreeSet::new();
        for shard in &theirs.shards {
            let mut all: Vec<_> = std::mem::take(&mut *write(shard)).into_iter().collect();
            all.sort_by_key(|(person, _)| *person);
            for mut part in all.into_iter().flat_map(|(person, record)| record.into_parts(person)) {
                let heir = self.people.graph.heir(part.label, &part.record.profile);
                part.label.owner = heir;
                devices.insert(part.label.source);
                people.entry(self.people.graph.person(heir)).or_default().push(part);
            }
        }
        // What was folded in two places cannot be folded again.
        devices.into_iter().for_each(|device| drop(self.people.recents.take(device)));
        for (person, mut parts) in people {
            let mut before = Membership::default();
            if let Some(mut own) = write(&self.people.shards[shard_of(person)]).remove(&person) {
                before = std::mem::take(&mut own.profile.membership);
                own.profile.membership.engine = before.engine;
                parts.extend(own.into_parts(person));
            }
            let record = {
                let models = read(&self.models);
                let parts = unite(parts, &engine);
                let mut record = Record::of(person, parts, before, &engine, &models.catalog);
                let _ = engine.refresh(&mut record.profile, &models.catalog, now);
                record
            };
            self.people.put(person, record);
        }
        let mut own = write(&self.models);
        self.groups.merge(groups, &engine);
        self.names.restore([self.names.all(), names].concat());
        Models::merge(&mut own, &read(&models));
        engine.adopt(&mut own);
        Ok(())
    }
}
