//! The whole state as bytes, and back.
//!
//! A snapshot is a row of frames (see [`crate::state`]): a head that says how many follow, the models, the groups,
//! the names that events brought, then the identities and the people of each shard in the order of their keys. The same state has the same bytes, whatever
//! way led to it. Each frame is checked on its own, and the head counts them, so that a cut at any place shows.

use std::io::{self, Write};
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};

use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use super::groups::GroupKey;
use super::identity::{Identities, Stored};
use super::people::{Record, SHARDS, Shard, shard_of};
use super::{Personalizer, lock, read, write};
use crate::engine::{Births, Engine, Models};
use crate::hash::Map;
use crate::id::UserKey;
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
    /// The whole state as bytes: people, links, erased ids, models. Definitions are not part of it.
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
        // All at once and in the order of locking, so that no event is half in.
        let identities: Vec<RwLockReadGuard<'_, Identities>> = self.people.identities.iter().map(read).collect();
        let shards: Vec<RwLockReadGuard<'_, Shard>> = self.people.shards.iter().map(read).collect();
        let models = read(&self.models);
        let people = shards.iter().map(|shard| shard.len() as u64).sum();
        encode(
            "personalizer",
            VERSION,
            &Head { shards: SHARDS as u32, people, births: self.engine().births() },
            bytes,
        )?;
        done(bytes)?;
        encode(Models::KIND, Models::VERSION, &*models, bytes)?;
        done(bytes)?;
        encode("groups", VERSION, &self.groups.all(), bytes)?;
        done(bytes)?;
        encode("names", VERSION, &self.names.all(), bytes)?;
        done(bytes)?;
        for (identities, shard) in identities.iter().zip(&shards) {
            encode("identities", VERSION, &identities.store(), bytes)?;
            done(bytes)?;
            encode("people", VERSION, &InOrder(shard), bytes)?;
            done(bytes)?;
        }
        Ok(())
    }

    /// Puts a snapshot in place of the whole state, fitted to the engine that runs. People who were erased here stay
    /// gone, also if the snapshot is older.
    ///
    /// # Errors
    /// A [`StateError`] if the bytes are cut short, damaged, or of a newer version; the state is unchanged then.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), StateError> {
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
        let mut restored: Vec<(Identities, Shard)> = Vec::with_capacity(SHARDS);
        for index in 0..SHARDS {
            let identities: Stored = next(&mut rest)?.decode("identities", VERSION)?;
            let people: Vec<(UserKey, Box<Record>)> = next(&mut rest)?.decode("people", VERSION)?;
            let in_order = people.windows(2).all(|pair| pair[0].0 < pair[1].0);
            let is_here = |key: UserKey| shard_of(key) == index;
            if !in_order || !people.iter().all(|(key, _)| is_here(*key)) || !identities.keys().all(is_here) {
                return Err(malformed());
            }
            restored.push((identities.into(), people.into_iter().collect()));
        }
        if !rest.is_empty() {
            return Err(StateError::Trailing { bytes: rest.len() });
        }
        if restored.iter().map(|(_, shard)| shard.len() as u64).sum::<u64>() != head.people {
            return Err(malformed());
        }
        // Counters that the snapshot does not know begin behind all that it has seen.
        let newest = restored.iter().flat_map(|(_, shard)| shard.values()).map(|record| record.profile.last_seen());
        let newest = newest.max().unwrap_or(Timestamp::MIN);
        let engine = Engine::clone(&self.engine()).resuming(&head.births, newest);
        engine.adopt(&mut models);
        let mut identities: Vec<RwLockWriteGuard<'_, Identities>> = self.people.identities.iter().map(write).collect();
        let mut shards: Vec<RwLockWriteGuard<'_, Shard>> = self.people.shards.iter().map(write).collect();
        let mut gone: Map<UserKey, Timestamp> = Map::default();
        for (id, time) in identities.iter().flat_map(|identities| identities.all_erased()) {
            let (identities, shard) = &mut restored[shard_of(id)];
            // A snapshot that knows of the erasure holds only what came after it.
            if identities.erased(id).is_some_and(|known| known >= time) {
                continue;
            }
            identities.forget(id);
            identities.erase(id, time);
            gone.insert(id, time);
            // Somebody who came back after having been erased in the snapshot's past is younger than the erasure.
            if shard.get(&id).is_some_and(|record| record.profile.first_seen().min(record.heard()) <= time) {
                shard.remove(&id);
            }
        }
        restored.iter_mut().for_each(|(identities, _)| identities.forget_owned(&gone));
        for (index, (of, shard)) in restored.into_iter().enumerate() {
            *identities[index] = of;
            *shards[index] = shard;
            lock(&self.people.queues[index]).refill(&mut shards[index]);
        }
        *write(&self.engine) = Arc::new(engine);
        *write(&self.models) = models;
        self.groups.restore(groups);
        self.names.restore(names);
        Ok(())
    }
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
