//! The people in their shards, and the order in which locks are taken.
//!
//! Locks are always taken in the same order, so that no two threads wait for each other: the one for changing who is
//! who, components, shards of ids by rising index, shards of people, the queue of
//! such a shard, what is kept of recent events, the models. An
//! event of ids that are linked as it says takes none but shared holds before the shard of its person.

use std::sync::{Mutex, RwLock};

use smallvec::SmallVec;

use super::due::Queue;
use super::graph::{Graph, Named, Place, evidence_of, fact};
use super::recent::Recents;
use super::record::{Label, Record};
use super::relink::Judged;
use super::{Erased, IngestError, lock, read, write};
use crate::engine::{Engine, Models, visitor};
use crate::event::Event;
use crate::hash::Map;
use crate::id::UserKey;
use crate::identity::{Fact, LinkOutcome, Settings};
use crate::time::Timestamp;

/// How many people and links are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most people. Beyond that the sixteenth of a shard that was seen longest ago leaves, ties by key.
    pub people: usize,
    /// The most links between ids. Beyond that the sixteenth leaves, those whose newest link is oldest first and all
    /// that reach each other together; such ids are strangers again, and what they brought stays where it is.
    pub links: usize,
    /// The most groups (companies, accounts …). Beyond that the sixteenth of a shard that was written longest ago
    /// leaves, ties by id; its people still belong to it, but nothing is known about it.
    pub groups: usize,
}

impl Default for Limits {
    /// Ten million people, as many links, and a million groups.
    fn default() -> Self {
        Self { people: 10_000_000, links: 10_000_000, groups: 1_000_000 }
    }
}

/// How far a walk over everybody has come.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// The shard after the one of the keys.
    shard: usize,
    /// Those of its people who are still to come.
    keys: Vec<UserKey>,
}

/// A share of all people.
pub(super) type Shard = Map<UserKey, Box<Record>>;

/// Everybody, by shard, and who is who.
#[derive(Debug)]
pub(super) struct People {
    pub(super) graph: Graph,
    pub(super) shards: Box<[RwLock<Shard>]>,
    /// By shard, and locked after it: who is to be settled when.
    pub(super) queues: Box<[Mutex<Queue>]>,
    pub(super) recents: Recents,
    pub(super) limits: Limits,
}

impl People {
    pub(super) fn new(limits: Limits, settings: Settings) -> Self {
        Self {
            recents: Recents::new(settings.recent),
            graph: Graph::new(settings),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            queues: (0..SHARDS).map(|_| Mutex::default()).collect(),
            limits,
        }
    }

    /// The key under which the person with this id is kept: of a device, the person who was last identified on it.
    pub(super) fn resolve(&self, id: UserKey) -> UserKey {
        let inside = self.graph.with(id, |component, _| {
            let Some(component) = component else { return Ok(id) };
            let owner = component.owner(id, Timestamp::MAX);
            component.person(owner).ok_or(owner)
        });
        inside.unwrap_or_else(|owner| self.graph.person(owner))
    }

    /// Lets `look` see a person.
    pub(super) fn read<T>(&self, user: UserKey, look: impl FnOnce(Option<&Record>) -> T) -> T {
        look(read(&self.shards[shard_of(user)]).get(&user).map(AsRef::as_ref))
    }

    /// Finds the person whom an event is about, linking the ids that it names, and lets `change` change them. Refuses
    /// the event, and changes nothing, if it lies before the erasure of one of its ids.
    pub(super) fn update(
        &self,
        event: &Event,
        names: &[Named],
        now: Timestamp,
        (engine, models): (&Engine, &RwLock<Models>),
        links: &mut SmallVec<[LinkOutcome; 1]>,
        change: &mut dyn FnMut(Place, &mut Record),
    ) -> Result<(), IngestError> {
        let Some((first, others)) = names.split_first() else { return Ok(()) };
        self.graph.refuse(event.time, others)?;
        let evidence = evidence_of(&event.kind);
        let steady = self.graph.steady(names, (event.time, now), evidence, |place, erased| {
            refuse(event.time, erased)?;
            self.change(place.0, |record| change(place, record));
            Ok(())
        });
        if let Ok(done) = steady {
            return done;
        }
        let _held = self.graph.hold();
        self.graph.refuse(event.time, names)?;
        let (_, label) = self.graph.place(first.key, event.time);
        refuse(event.time, self.graph.erased(label.owner))?;
        // The event itself is about to settle its person.
        self.expire(first.key, now, (engine, models));
        for other in others {
            let fact = fact(first, other, event.time, evidence);
            match self.link(&fact, now, (engine, models), Some(first.key)) {
                LinkOutcome::Unchanged => {}
                outcome => links.push(outcome),
            }
        }
        let place = self.graph.place(first.key, event.time);
        self.change(place.0, |record| change(place, record));
        Ok(())
    }

    /// Links two ids. `later` will have an event of its own at once, which settles the person. Who is who must not
    /// change meanwhile otherwise.
    pub(super) fn link(
        &self,
        fact: &Fact,
        now: Timestamp,
        (engine, models): (&Engine, &RwLock<Models>),
        later: Option<UserKey>,
    ) -> LinkOutcome {
        match self.graph.judge(fact, now) {
            Judged::Not(outcome) => {
                if let LinkOutcome::Refused { reason: crate::identity::Refusal::Links, .. } = outcome {
                    self.graph.note_dropped(fact);
                }
                outcome
            }
            Judged::To(plan, outcome) => {
                self.carry_out(&plan, (engine, models), Some(now), later);
                self.forget_oldest_links();
                outcome
            }
        }
    }

    /// Lets links of an id's component expire. Who is who must not change meanwhile otherwise.
    fn expire(&self, id: UserKey, now: Timestamp, with: (&Engine, &RwLock<Models>)) {
        let is_due = self.graph.with(id, |component, _| component.is_some_and(|of| of.expires() <= now));
        if is_due {
            let plan = self.graph.plan(&[id], now, |_| {});
            self.carry_out(&plan, with, Some(now), Some(id));
        }
    }

    /// Lets `change` change a person, known so far or not.
    pub(super) fn change(&self, user: UserKey, change: impl FnOnce(&mut Record)) {
        let mut shard = write(&self.shards[shard_of(user)]);
        let record = shard.entry(user).or_default();
        change(record);
        // Of somebody who does not consent nothing is kept, not even that they were there.
        if record.is_blank() {
            shard.remove(&user);
        }
        self.queue(user, &mut shard);
        evict(&mut shard, self.limits.people);
    }

    /// Lets `look` see the person whom an id means at a time, after links that have expired by then are gone.
    pub(super) fn visit<T>(
        &self,
        id: UserKey,
        now: Timestamp,
        with: (&Engine, &RwLock<Models>),
        look: &mut dyn FnMut(Place) -> T,
    ) -> T {
        let name = [Named { key: id, kind: crate::hash::Symbol::default() }];
        let evidence = crate::identity::Evidence::Together;
        if let Ok(seen) = self.graph.steady(&name, (now, now), evidence, |place, _| look(place)) {
            return seen;
        }
        let _held = self.graph.hold();
        self.expire(id, now, with);
        look(self.graph.place(id, now))
    }

    /// Lets `change` change the person whom an id means.
    pub(super) fn change_owner(
        &self,
        id: UserKey,
        now: Timestamp,
        with: (&Engine, &RwLock<Models>),
        change: &mut dyn FnMut(Place, &mut Record),
    ) {
        self.visit(id, now, with, &mut |place| self.change(place.0, |record| change(place, record)));
    }

    /// Erases the person of an id: all parts, all links, and the ids themselves up to a time.
    pub(super) fn erase(&self, id: UserKey, now: Timestamp, with: (&Engine, &RwLock<Models>)) -> Erased {
        let _held = self.graph.hold();
        self.erase_held(id, now, with)
    }

    /// Erases the person of an id as of a time, unless that is known or the person is younger; and whether there was
    /// anybody.
    pub(super) fn suppress(&self, id: UserKey, time: Timestamp, with: (&Engine, &RwLock<Models>)) -> bool {
        let _held = self.graph.hold();
        if self.graph.erased(id).is_some_and(|known| known >= time) {
            return false;
        }
        let began = |record: &Record| record.profile.first_seen().min(record.heard());
        let is_older = self.read(self.resolve(id), |record| record.is_some_and(|record| began(record) <= time));
        let gone = is_older && self.erase_held(id, time, with).profile;
        self.forget(&[id], time, with, Some(time)) || gone
    }

    fn erase_held(&self, id: UserKey, now: Timestamp, with: (&Engine, &RwLock<Models>)) -> Erased {
        let person = self.resolve(id);
        let ids = self.graph.ids_of(person);
        let profile = self.forget(&ids, now, with, None);
        Erased { profile, links: ids.len() - 1 }
    }

    /// Forgets what is known of some ids, and takes nothing back that happened up to a time. With `before` only what
    /// began by then is forgotten. Tells whether a person has gone.
    pub(super) fn forget(
        &self,
        ids: &[UserKey],
        now: Timestamp,
        with: (&Engine, &RwLock<Models>),
        before: Option<Timestamp>,
    ) -> bool {
        for id in ids {
            let mut shard = write(&self.graph.shards[shard_of(*id)]);
            let erased = shard.erased.entry(*id).or_insert(now);
            *erased = now.max(*erased);
        }
        let mut visitors: Vec<UserKey> = ids.to_vec();
        for id in ids {
            self.graph
                .with(*id, |component, _| visitors.extend(component.into_iter().flat_map(|of| of.devices_of(*id))));
        }
        let mut gone = false;
        for id in ids {
            gone |= self.forget_one(*id, ids, now, with, before);
        }
        if let Some(clicks) = write(with.1).clicks.as_mut() {
            let until = before.unwrap_or(Timestamp::MAX);
            for id in visitors {
                clicks.forget(visitor(id), until);
            }
        }
        gone
    }

    fn forget_one(
        &self,
        id: UserKey,
        ids: &[UserKey],
        now: Timestamp,
        (engine, models): (&Engine, &RwLock<Models>),
        before: Option<Timestamp>,
    ) -> bool {
        let is_gone = |of: UserKey| ids.contains(&of);
        let person = self.graph.person(id);
        let devices = self.graph.with(id, |component, _| component.map(|of| of.devices_of(id)).unwrap_or_default());
        for device in devices.into_iter().chain([id]) {
            drop(self.recents.take(device));
        }
        // What the id brought, and what it owns; what others brought to the person stays.
        let mut gone = false;
        let mut drop_parts = |key: UserKey| {
            let mut shard = write(&self.shards[shard_of(key)]);
            let Some(record) = shard.remove(&key) else { return };
            let membership = record.profile.membership.clone();
            let is_of = |label: &Label| is_gone(label.source) || is_gone(label.owner);
            let mut parts = record.into_parts(key);
            let all = parts.len();
            parts.retain(|part| {
                let named = is_of(&part.label) || part.sealed.iter().any(is_of);
                !named || before.is_some_and(|time| part.began() > time)
            });
            gone |= parts.len() < all;
            if !parts.is_empty() {
                let models = read(models);
                let mut record = Record::of(key, parts, membership, engine, &models.catalog);
                if before.is_none() {
                    let _ = engine.refresh(&mut record.profile, &models.catalog, now);
                }
                shard.insert(key, Box::new(record));
                self.queue(key, &mut shard);
            }
        };
        drop_parts(person);
        if person != id {
            drop_parts(id);
        }
        if self.graph.component(id).is_some() {
            let until = before.unwrap_or(now);
            let plan = self.graph.plan(&[id], Timestamp::MIN, |component| component.forget(&is_gone, until));
            self.carry_out(&plan, (engine, models), None, None);
        }
        gone
    }

    /// Shows everybody to `look`, in the order of the keys; see [`People::look`].
    pub(super) fn each(&self, look: &mut dyn FnMut(UserKey, &Record)) {
        let mut cursor = Cursor::default();
        while self.look(&mut cursor, look) {}
    }

    /// Shows the next few hundred people to `look`, in the order of the keys; `false` once nobody is left. Events of
    /// their shard wait meanwhile; who comes or goes between two looks may be missed.
    pub(super) fn look(&self, cursor: &mut Cursor, look: &mut dyn FnMut(UserKey, &Record)) -> bool {
        while cursor.keys.is_empty() {
            let Some(shard) = self.shards.get(cursor.shard) else { return false };
            cursor.keys = read(shard).keys().copied().collect();
            // The last comes first, so that taking some off moves none.
            cursor.keys.sort_unstable_by(|a, b| b.cmp(a));
            cursor.shard += 1;
        }
        let shard = read(&self.shards[cursor.shard - 1]);
        for key in cursor.keys.drain(cursor.keys.len().saturating_sub(AT_ONCE)..).rev() {
            if let Some(record) = shard.get(&key) {
                look(key, record);
            }
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).len()).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        let of = |shard: &RwLock<Shard>| {
            let shard = read(shard);
            // A table has a control byte for each slot.
            let table = shard.capacity() * (size_of::<(UserKey, Box<Record>)>() + 1);
            // A sum does not depend on the order.
            table + shard.values().map(|record| record.bytes()).sum::<usize>()
        };
        let queues: usize = self.queues.iter().map(|queue| lock(queue).bytes()).sum();
        self.shards.iter().map(of).sum::<usize>() + queues + self.graph.bytes() + self.recents.bytes()
    }

    /// Beyond the limit the sixteenth of the links leaves, those whose newest is oldest first.
    fn forget_oldest_links(&self) {
        let limit = self.limits.links.max(1);
        if self.graph.links() <= limit {
            return;
        }
        let mut all = self.graph.components();
        all.sort_by_cached_key(|component| read(component).age());
        for component in all {
            if self.graph.links() <= limit - limit / 16 {
                return;
            }
            self.graph.disband(&component);
        }
    }
}

pub(super) fn refuse(time: Timestamp, erased: Option<Timestamp>) -> Result<(), IngestError> {
    match erased {
        Some(erased) if time <= erased => Err(IngestError::Erased { time, erased }),
        _ => Ok(()),
    }
}

/// Beyond a shard's part of the limit, the sixteenth that was heard of longest ago leaves. Which that is depends on
/// the people alone, and each round costs a look at all but makes room for many.
pub(super) fn evict(shard: &mut Shard, limit: usize) {
    let limit = limit.div_ceil(SHARDS).max(1);
    if shard.len() <= limit {
        return;
    }
    let mut all: Vec<(Timestamp, UserKey)> = shard.iter().map(|(key, record)| (record.heard(), *key)).collect();
    all.sort_unstable();
    for (_, key) in &all[..(shard.len() - limit).max(limit / 16)] {
        shard.remove(key);
    }
}

/// The shard of an id: the high bits of its key, so that the shards in order are the ids in order.
pub(super) const fn shard_of(id: UserKey) -> usize {
    (id.to_bits() >> (128 - SHARDS.trailing_zeros())) as usize
}

/// How many people are looked at before events of their shard have their turn.
const AT_ONCE: usize = 256;

/// How many shards there are; a power of two. It is part of the stored form.
pub(super) const SHARDS: usize = 64;
