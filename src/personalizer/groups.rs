//! The groups that people belong to, beside the people.
//!
//! Each group is an immutable value behind a pointer, replaced when an event changes it. A profile holds the pointer
//! that was attached when the person was last touched; whoever reads a person first compares the two, so that a change
//! of a group reaches its people when they are next looked at, at the price of one look-up for each group of theirs
//! and nothing for everybody else.

use std::sync::{Arc, RwLock};

use smallvec::SmallVec;

use super::{IngestError, Personalizer, read, write};
use crate::engine::Engine;
use crate::event::Event;
use crate::hash::{Map, Symbol};
use crate::profile::{Group, Profile, group_of};
use crate::time::Timestamp;

/// The symbols of a group's kind and of its id.
pub(super) type GroupKey = (Symbol, Symbol);

/// A share of all groups.
type Shard = Map<GroupKey, Arc<Group>>;

/// Every group, by shard.
#[derive(Debug)]
pub(super) struct GroupStore {
    shards: Box<[RwLock<Shard>]>,
    limit: usize,
}

impl GroupStore {
    pub(super) fn new(limit: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), limit: limit.div_ceil(SHARDS).max(1) }
    }

    fn shard(&self, key: GroupKey) -> &RwLock<Shard> {
        &self.shards[(key.1.to_bits() >> (64 - SHARDS.trailing_zeros())) as usize]
    }

    /// Takes in the attributes that an event brings to a group, and gives the names of those that were not taken.
    pub(super) fn update(&self, event: &Event, engine: &Engine) -> SmallVec<[Symbol; 1]> {
        let mut refused = SmallVec::new();
        let Some((kind, id)) = group_of(event) else { return refused };
        let key = (kind, Symbol::new(id.as_text().unwrap_or_default()));
        let mut shard = write(self.shard(key));
        let known = shard.get(&key).cloned().unwrap_or_default();
        if let Some(group) = engine.fold_group(event, &known, &mut refused) {
            shard.insert(key, Arc::new(group));
            self.evict(&mut shard);
        }
        refused
    }

    /// Beyond a shard's part of the limit, the sixteenth that was written longest ago leaves, ties by key.
    fn evict(&self, shard: &mut Shard) {
        if shard.len() <= self.limit {
            return;
        }
        let mut all: Vec<(Timestamp, GroupKey)> = shard.iter().map(|(key, group)| (group.newest(), *key)).collect();
        all.sort_unstable();
        for (_, key) in &all[..(self.limit / 16).max(1).min(all.len())] {
            shard.remove(key);
        }
    }

    fn find(&self, key: GroupKey) -> Option<Arc<Group>> {
        read(self.shard(key)).get(&key).cloned()
    }

    /// Whether a profile holds other groups than there are now.
    pub(super) fn is_stale(&self, profile: &Profile) -> bool {
        let Some(extra) = &profile.extra else { return false };
        extra.groups.iter().any(|of| {
            let Some(id) = of.id.as_text() else { return false };
            let key = (of.kind, Symbol::new(id));
            match (read(self.shard(key)).get(&key), &of.view) {
                (Some(now), Some(held)) => !Arc::ptr_eq(now, held),
                (None, None) => false,
                _ => true,
            }
        })
    }

    /// Attaches the groups as they are now.
    pub(super) fn attach(&self, profile: &mut Profile) {
        let Some(extra) = &profile.extra else { return };
        let keys: SmallVec<[GroupKey; 2]> =
            extra.groups.iter().filter_map(|of| Some((of.kind, Symbol::new(of.id.as_text()?)))).collect();
        for key in keys {
            profile.attach_group(key.0, self.find(key));
        }
    }

    pub(super) fn forget(&self, key: GroupKey, now: Timestamp) -> bool {
        let mut shard = write(self.shard(key));
        let before = shard.insert(key, Arc::new(Group::forgotten(now)));
        self.evict(&mut shard);
        before.is_some_and(|group| !group.attributes().as_slice().is_empty())
    }

    /// All of them in the order of their keys.
    pub(super) fn all(&self) -> Vec<(GroupKey, Arc<Group>)> {
        let mut all: Vec<(GroupKey, Arc<Group>)> = Vec::new();
        for shard in &self.shards {
            all.extend(read(shard).iter().map(|(key, group)| (*key, Arc::clone(group))));
        }
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Puts others in place of all; those that were forgotten here stay forgotten.
    pub(super) fn restore(&self, groups: Vec<(GroupKey, Group)>) {
        let forgotten: Vec<(GroupKey, Arc<Group>)> =
            self.all().into_iter().filter(|(_, group)| group.is_forgotten().is_some()).collect();
        for shard in &self.shards {
            write(shard).clear();
        }
        for (key, group) in groups {
            write(self.shard(key)).insert(key, Arc::new(group));
        }
        for (key, group) in forgotten {
            let mut shard = write(self.shard(key));
            let restored = shard.get(&key);
            // A group of the snapshot that knows of it, or that began after it, holds only what came later.
            if restored.is_none_or(|restored| restored.is_forgotten() < group.is_forgotten()) {
                shard.insert(key, Arc::new(Group::forgotten(group.is_forgotten().unwrap_or(Timestamp::MIN))));
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let of = |shard: &RwLock<Shard>| {
            let shard = read(shard);
            let table = shard.capacity() * (size_of::<(GroupKey, Arc<Group>)>() + 1);
            // A sum does not depend on the order; an `Arc` counts twice before its value.
            table + shard.values().map(|group| 16 + size_of::<Group>() + group.heap_bytes()).sum::<usize>()
        };
        self.shards.iter().map(of).sum()
    }
}

impl Personalizer {
    /// Takes in attributes of a group that come from nobody's event, such as from a CRM: an event of kind
    /// [`Grouped`](crate::event::EventKind::Grouped) whose `group_id` and `group_kind` name the group. Whoever the event
    /// names is not touched. Gives the names of attributes that were not taken, since they are too large or of another
    /// kind than declared.
    ///
    /// # Errors
    /// An [`IngestError`] if the event is not sound; nothing has changed then.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json(r#"{
    ///     "schema": {"groups": {"company": {"plan": "text"}}},
    ///     "segments": [{"name": "enterprise", "rule": "group('company').plan = 'enterprise'"}]
    /// }"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let acme = Event::new(EventKind::Grouped, "ann", now)
    ///     .property("group_kind", "company")
    ///     .property("group_id", "acme");
    /// shop.ingest(&acme.clone().attribute("plan", "free"), now)?;
    /// assert!(shop.memberships(UserKey::known("ann"), now).is_empty());
    /// let later = now + bespoke::Span::hours(1);
    /// shop.upsert_group(&Event { time: later, ..acme.attribute("plan", "enterprise") }, later)?;
    /// assert_eq!(shop.memberships(UserKey::known("ann"), later).len(), 1);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn upsert_group(&self, event: &Event, now: Timestamp) -> Result<SmallVec<[Symbol; 1]>, IngestError> {
        event.check(now)?;
        Ok(self.groups.update(event, &self.engine()))
    }

    /// What is known about a group.
    #[must_use]
    pub fn group(&self, kind: &str, id: &str) -> Option<Arc<Group>> {
        self.groups.find((Symbol::new(kind), Symbol::new(id)))
    }

    /// Forgets what is known about a group, and refuses what was written up to `now` should it come again. Its people
    /// still belong to it. Whether there was anything to forget.
    pub fn erase_group(&self, kind: &str, id: &str, now: Timestamp) -> bool {
        self.groups.forget((Symbol::new(kind), Symbol::new(id)), now)
    }

    /// Attaches a person's groups as they are now, if they have changed since the person was last touched.
    pub(super) fn freshen(&self, user: crate::id::UserKey) {
        if self.people.read(user, |record| record.is_some_and(|record| self.groups.is_stale(&record.profile))) {
            self.people.change_owner(user, |record| self.groups.attach(&mut record.profile));
        }
    }
}

/// How many shards there are; a power of two.
const SHARDS: usize = 16;
