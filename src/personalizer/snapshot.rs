//! The whole state as bytes, and back.
//!
//! A snapshot is a row of frames (see [`crate::state`]): a head that says how many follow, the models, the groups,
//! the names that events brought, then the identities and the people of each shard in the order of their keys. The same state has the same bytes, whatever
//! way led to it. Each frame is checked on its own, and the head counts them, so that a cut at any place shows.

use std::io::{self, Write};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use super::graph::{Graph, Ids};
use super::groups::GroupKey;
use super::people::{People, SHARDS, Shard, shard_of};
use super::recent::{self, Log};
use super::record::Record;
use super::{Personalizer, lock, read, write};
use crate::engine::{Births, Engine, Models};
use crate::hash::{Map, Symbol};
use crate::id::UserKey;
use crate::identity::{Component, Known, Mark};
use crate::profile::Group;
use crate::state::{Frame, State, StateError, encode};
use crate::time::Timestamp;

/// What a snapshot begins with.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    shards: u32,
    people: u64,
    /// Since when the engine and its counters have been at work.
    births: Births,
}

impl Personalizer {
    /// The whole state as bytes: people, links, erased ids, models. Definitions are not part of it, nor are the models
    /// that were fitted and [installed](Personalizer::install).
    ///
    /// It is one cut through the state: events wait while it is taken, decisions do not. Cost: a walk over all.
    ///
    /// # Errors
    /// [`StateError::Encode`] if a value cannot be written, which no state of this crate does.
    pub fn snapshot(&self) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        self.frames(&mut bytes, &mut |_| Ok(()))?;
        Ok(bytes)
    }

    /// Writes [`Personalizer::snapshot`] frame by frame, so that it need not fit into memory a second time.
    ///
    /// # Errors
    /// What the writer says.
    pub fn snapshot_to(&self, out: &mut dyn Write) -> io::Result<()> {
        self.frames(&mut Vec::new(), &mut |frame| {
            out.write_all(frame)?;
            frame.clear();
            Ok(())
        })
    }

    /// Appends each frame to `bytes`, and calls `done` after it.
    fn frames<E: From<StateError>>(
        &self,
        bytes: &mut Vec<u8>,
        done: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        // Before the models: another engine takes its place first and teaches the models then.
        let births = self.engine().births();
        // All at once and in the order of locking, so that no event is half in.
        let _held = self.people.graph.hold();
        let shards: Vec<RwLockReadGuard<'_, Shard>> = self.people.shards.iter().map(read).collect();
        let models = read(&self.models);
        let people = shards.iter().map(|shard| shard.len() as u64).sum();
        encode("personalizer", VERSION, &Head { shards: SHARDS as u32, people, births }, bytes)?;
        done(bytes)?;
        encode(Models::KIND, Models::VERSION, &*models, bytes)?;
        done(bytes)?;
        encode("groups", VERSION, &self.groups.all(), bytes)?;
        done(bytes)?;
        encode("names", VERSION, &self.names.all(), bytes)?;
        done(bytes)?;
        for (index, shard) in shards.iter().enumerate() {
            encode("identities", VERSION, &self.people.store_ids(index), bytes)?;
            done(bytes)?;
            encode("people", VERSION, &InOrder(shard), bytes)?;
            done(bytes)?;
        }
        Ok(())
    }

    /// Puts a snapshot in place of the whole state, fitted to the engine that runs. People who were erased here stay
    /// gone, also if the snapshot is older. Fitted models that are installed stay.
    ///
    /// # Errors
    /// A [`StateError`] if the bytes are cut short, damaged, or of a newer version; the state is unchanged then.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), StateError> {
        let Read { engine, people: fresh, models, groups, names } = self.read_snapshot(bytes)?;
        let _held = self.people.graph.hold();
        for (id, time) in self.people.erased() {
            // A snapshot that knows of the erasure holds only what came after it.
            if fresh.graph.erased(id).is_none_or(|known| known < time) {
                // Somebody who came back after having been erased in the snapshot's past is younger than the erasure.
                fresh.forget(&[id], time, (&engine, &models), Some(time));
            }
        }
        self.people.become_as(&fresh);
        *write(&self.engine) = engine;
        let mut models = models.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = {
            let mut running = write(&self.models);
            models.succeed(&running);
            std::mem::replace(&mut *running, models)
        };
        drop(before);
        self.groups.restore(groups);
        self.names.restore(names);
        Ok(())
    }

    /// What a snapshot holds, fitted to the engine that runs.
    pub(super) fn read_snapshot(&self, bytes: &[u8]) -> Result<Read, StateError> {
        let (frame, mut rest) = Frame::read(bytes)?;
        let head: Head = frame.decode("personalizer", VERSION)?;
        let malformed = || StateError::Malformed { kind: "personalizer" };
        if head.shards as usize != SHARDS {
            return Err(malformed());
        }
        let mut models: Models = next(&mut rest)?.decode(Models::KIND, Models::VERSION)?;
        let groups: Vec<(GroupKey, Group)> = next(&mut rest)?.decode("groups", VERSION)?;
        if !groups.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err(malformed());
        }
        let names: Vec<Box<str>> = next(&mut rest)?.decode("names", VERSION)?;
        let people = People::new(self.people.limits, self.people.graph.settings.clone());
        let mut facts = Facts::default();
        let (mut count, mut newest) = (0, Timestamp::MIN);
        for index in 0..SHARDS {
            let ids: StoredIds = next(&mut rest)?.decode("identities", VERSION)?;
            let records: Vec<(UserKey, Box<Record>)> = next(&mut rest)?.decode("people", VERSION)?;
            let in_order = records.windows(2).all(|pair| pair[0].0 < pair[1].0);
            let is_here = |key: UserKey| shard_of(key) == index;
            let is_sound = records.iter().all(|(key, record)| is_here(*key) && record.is_sound());
            if !in_order || !is_sound || !ids.keys().all(is_here) {
                return Err(malformed());
            }
            count += records.len() as u64;
            newest = records.iter().map(|(_, record)| record.profile.last_seen()).fold(newest, Timestamp::max);
            *write(&people.shards[index]) = records.into_iter().collect();
            write(&people.graph.shards[index]).erased = ids.erased.iter().copied().collect();
            for (device, log) in ids.recent {
                people.recents.put(device, Log::restore(log).ok_or_else(malformed)?);
            }
            facts.ids.extend(ids.ids);
            facts.links.extend(ids.links);
            facts.marks.extend(ids.marks);
        }
        if !rest.is_empty() {
            return Err(StateError::Trailing { bytes: rest.len() });
        }
        if count != head.people {
            return Err(malformed());
        }
        // Counters that the snapshot does not know begin behind all that it has seen.
        let engine = Engine::clone(&self.engine()).resuming(&head.births, newest);
        facts.link(&people.graph);
        engine.adopt(&mut models);
        Ok(Read { engine: Arc::new(engine), people, models: RwLock::new(models), groups, names })
    }
}

/// What a snapshot holds.
pub(super) struct Read {
    /// The engine that runs, which knows since when its counters have been at work.
    pub(super) engine: Arc<Engine>,
    pub(super) people: People,
    pub(super) models: RwLock<Models>,
    pub(super) groups: Vec<(GroupKey, Group)>,
    pub(super) names: Vec<Box<str>>,
}

/// The ids of one shard as they are stored, each list in order.
#[derive(Debug, Serialize, Deserialize)]
struct StoredIds {
    /// With its kind, and how many links to it were not kept.
    ids: Vec<(UserKey, Symbol, u32)>,
    /// In the shard of the lower id.
    links: Vec<Known>,
    /// In the shard of the device.
    marks: Vec<Mark>,
    erased: Vec<(UserKey, Timestamp)>,
    /// In the shard of the device.
    recent: Vec<(UserKey, recent::Stored)>,
}

impl StoredIds {
    fn keys(&self) -> impl Iterator<Item = UserKey> + '_ {
        let ids = self.ids.iter().map(|(id, ..)| *id).chain(self.links.iter().map(|link| link.a.min(link.b)));
        let marks = self.marks.iter().map(|mark| mark.device);
        ids.chain(marks).chain(self.erased.iter().map(|(id, _)| *id)).chain(self.recent.iter().map(|(id, _)| *id))
    }
}

/// All links of a snapshot, by which its ids reach each other.
#[derive(Default)]
struct Facts {
    ids: Vec<(UserKey, Symbol, u32)>,
    links: Vec<Known>,
    marks: Vec<Mark>,
}

impl Facts {
    /// Makes them the links of a graph that has none.
    fn link(self, graph: &Graph) {
        let place: Map<UserKey, usize> = self.ids.iter().enumerate().map(|(at, (id, ..))| (*id, at)).collect();
        let mut parents: Vec<usize> = (0..self.ids.len()).collect();
        for link in &self.links {
            if let (Some(a), Some(b)) = (place.get(&link.a), place.get(&link.b)) {
                let (a, b) = (root(&mut parents, *a), root(&mut parents, *b));
                parents[a.max(b)] = a.min(b);
            }
        }
        let mut parts: Vec<Self> = Vec::new();
        let mut places: Vec<Option<usize>> = vec![None; self.ids.len()];
        let mut part = |parts: &mut Vec<Self>, id: UserKey| {
            let of = root(&mut parents, *place.get(&id)?);
            let at = *places[of].get_or_insert(parts.len());
            if at == parts.len() {
                parts.push(Self::default());
            }
            Some(at)
        };
        for id in self.ids {
            if let Some(at) = part(&mut parts, id.0) {
                parts[at].ids.push(id);
            }
        }
        for link in self.links {
            if let Some(at) = part(&mut parts, link.a) {
                parts[at].links.push(link);
            }
        }
        for mark in self.marks {
            if let Some(at) = part(&mut parts, mark.device) {
                parts[at].marks.push(mark);
            }
        }
        for of in parts {
            let mut component = Component::default();
            component.restore(&of.ids, &of.links, &of.marks, &graph.rules);
            component.settle(&graph.rules, Timestamp::MIN);
            graph.count_links(0, component.links().len());
            let ids: Vec<UserKey> = component.slots().iter().map(|slot| slot.key).collect();
            let component = Arc::new(RwLock::new(component));
            for id in ids {
                write(&graph.shards[shard_of(id)]).linked.insert(id, Arc::clone(&component));
            }
        }
    }
}

/// The first of the ids that an id is known to reach.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

impl People {
    fn store_ids(&self, index: usize) -> StoredIds {
        let shard = read(&self.graph.shards[index]);
        let mut stored = StoredIds {
            ids: Vec::new(),
            links: Vec::new(),
            marks: Vec::new(),
            erased: sorted(&shard.erased),
            recent: self.recents.store(index),
        };
        let mut linked: Vec<UserKey> = shard.linked.keys().copied().collect();
        linked.sort_unstable();
        for id in linked {
            let Some(component) = shard.linked.get(&id) else { continue };
            let component = read(component);
            stored.ids.extend(component.slot(id).map(|slot| (id, slot.kind, slot.dropped)));
            let mut links: Vec<Known> = component.links().iter().filter(|link| link.a == id).copied().collect();
            links.sort_by_key(|link| link.b);
            stored.links.extend(links);
            stored.marks.extend(component.marks().iter().filter(|mark| mark.device == id));
        }
        stored
    }

    /// The ids of erased people, in order.
    pub(super) fn erased(&self) -> Vec<(UserKey, Timestamp)> {
        self.graph.shards.iter().flat_map(|ids| sorted(&read(ids).erased)).collect()
    }

    /// Takes the state of other people in place of its own. Who is who must not change meanwhile otherwise.
    fn become_as(&self, other: &Self) {
        let mut ids: Vec<RwLockWriteGuard<'_, Ids>> = self.graph.shards.iter().map(write).collect();
        // Who holds a component looks its ids up again.
        for ids in &ids {
            let mut held: Vec<_> = ids.linked.iter().map(|(id, component)| (*id, Arc::clone(component))).collect();
            held.sort_by_key(|(id, _)| *id);
            held.iter().for_each(|(_, component)| *write(component) = Component::default());
        }
        let mut shards: Vec<RwLockWriteGuard<'_, Shard>> = self.shards.iter().map(write).collect();
        for index in 0..SHARDS {
            *ids[index] = std::mem::take(&mut *write(&other.graph.shards[index]));
            *shards[index] = std::mem::take(&mut *write(&other.shards[index]));
            lock(&self.queues[index]).refill(&mut shards[index]);
        }
        self.graph.count_links(self.graph.links(), other.graph.links());
        self.recents.become_as(&other.recents);
    }
}

fn sorted(map: &Map<UserKey, Timestamp>) -> Vec<(UserKey, Timestamp)> {
    let mut all: Vec<_> = map.iter().map(|(id, time)| (*id, *time)).collect();
    all.sort_unstable();
    all
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<Frame<'a>, StateError> {
    let (frame, after) = Frame::read(rest)?;
    *rest = after;
    Ok(frame)
}

/// The people of a shard in the order of their keys.
struct InOrder<'a>(&'a Shard);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut people: Vec<(&UserKey, &Box<Record>)> = self.0.iter().collect();
        people.sort_unstable_by_key(|(key, _)| **key);
        let mut seq = serializer.serialize_seq(Some(people.len()))?;
        for person in people {
            seq.serialize_element(&person)?;
        }
        seq.end()
    }
}

const VERSION: u16 = 1;
