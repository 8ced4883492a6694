//! The people in their shards, and the order in which locks are taken.
//!
//! Locks are always taken in the same order, so that no two threads wait for each other: identities before people,
//! shards by rising index, a shard's queue after the shard, the models last.

use std::sync::{Mutex, RwLock};

use serde::{Deserialize, Serialize};

use super::due::Queue;
use super::identity::{Identities, Link};
use super::{Erased, IngestError, lock, read, write};
use crate::engine::{Engine, OpenDecisions};
use crate::event::{Event, EventKind};
use crate::hash::Map;
use crate::id::UserKey;
use crate::profile::Profile;
use crate::time::Timestamp;

/// How many people and links are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most people. Beyond that the sixteenth of a shard that was seen longest ago leaves, ties by key.
    pub people: usize,
    /// The most links from anonymous ids to users. Beyond that the sixteenth of a shard that was linked longest ago
    /// leaves, ties by id; such a visitor is a stranger again.
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

/// All that is kept of one person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) profile: Profile,
    /// Boxed, since most people have none at most times.
    pub(super) open: Option<Box<OpenDecisions>>,
    /// The time for which the person is queued to be settled.
    #[serde(skip, default = "never")]
    pub(super) queued: Timestamp,
}

const fn never() -> Timestamp {
    Timestamp::MAX
}

impl Default for Record {
    fn default() -> Self {
        Self { profile: Profile::default(), open: None, queued: never() }
    }
}

impl Record {
    /// When the person was last heard of.
    pub(super) fn heard(&self) -> Timestamp {
        let asked = self.open.as_ref().and_then(|open| open.newest());
        self.profile.heard().max(asked.unwrap_or(Timestamp::MIN))
    }

    pub(super) fn open(&mut self) -> &mut OpenDecisions {
        self.open.get_or_insert_default()
    }

    /// The decisions that await their reward.
    pub(super) fn decisions(&self) -> Option<&OpenDecisions> {
        self.open.as_deref()
    }

    /// Whether decisions await their reward.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| size_of::<OpenDecisions>() + open.heap_bytes());
        size_of::<Self>() - size_of::<Profile>() + self.profile.bytes() + open
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

/// Everybody, by shard.
#[derive(Debug)]
pub(super) struct People {
    pub(super) identities: Box<[RwLock<Identities>]>,
    pub(super) shards: Box<[RwLock<Shard>]>,
    /// By shard, and locked after it: who is to be settled when.
    pub(super) queues: Box<[Mutex<Queue>]>,
    limits: Limits,
}

impl People {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            identities: (0..SHARDS).map(|_| RwLock::default()).collect(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            queues: (0..SHARDS).map(|_| Mutex::default()).collect(),
            limits,
        }
    }

    /// The key under which the person with this id is kept.
    pub(super) fn resolve(&self, id: UserKey) -> UserKey {
        read(&self.identities[shard_of(id)]).owner(id).unwrap_or(id)
    }

    /// Lets `look` see a person.
    pub(super) fn read<T>(&self, user: UserKey, look: impl FnOnce(Option<&Record>) -> T) -> T {
        look(read(&self.shards[shard_of(user)]).get(&user).map(AsRef::as_ref))
    }

    /// Finds the person whom an event is about, linking ids if it names two, and lets `change` change them. Refuses
    /// the event, and changes nothing, if it lies before the erasure of one of its ids.
    pub(super) fn update(
        &self,
        event: &Event,
        engine: &Engine,
        change: impl FnOnce(UserKey, Option<Link>, &mut Record),
    ) -> Result<(), IngestError> {
        let known = event.user.as_deref().map(UserKey::known);
        let previous = event.previous.as_deref().filter(|_| event.kind == EventKind::Aliased);
        let anonymous = previous.or(event.anonymous.as_deref()).map(UserKey::anonymous);
        match (known, anonymous) {
            (Some(user), None) => {
                // The lock is held so that the person is not erased in the meantime.
                let identities = read(&self.identities[shard_of(user)]);
                refuse(event, identities.erased(user))?;
                self.change(user, |record| change(user, None, record));
            }
            (None, Some(anonymous)) => {
                // The lock is held so that the id is not linked in the meantime, and the event lost with it.
                let identities = read(&self.identities[shard_of(anonymous)]);
                refuse(event, identities.erased(anonymous))?;
                let user = identities.owner(anonymous).unwrap_or(anonymous);
                self.change(user, |record| change(user, None, record));
            }
            (Some(user), Some(anonymous)) => {
                // Both are held, the lower one first; where the ids share a shard they share its lock.
                let (theirs, own) = (shard_of(user), shard_of(anonymous));
                let below = (theirs < own).then(|| read(&self.identities[theirs]));
                let mut identities = write(&self.identities[own]);
                let above = (theirs > own).then(|| read(&self.identities[theirs]));
                let of_user = below.as_deref().or(above.as_deref()).unwrap_or(&identities);
                refuse(event, of_user.erased(user))?;
                refuse(event, identities.erased(anonymous))?;
                let limit = self.limits.links.div_ceil(SHARDS);
                let link = identities.link(anonymous, user, event.time, limit);
                if link == Link::Joined {
                    self.join(anonymous, user, engine);
                }
                self.change(user, |record| change(user, Some(link), record));
            }
            // `Event::check` asks for one of the two.
            (None, None) => {}
        }
        Ok(())
    }

    /// Lets `change` change a person, known so far or not.
    fn change(&self, user: UserKey, change: impl FnOnce(&mut Record)) {
        let mut shard = write(&self.shards[shard_of(user)]);
        let record = shard.entry(user).or_default();
        change(record);
        // Of somebody who does not consent nothing is kept, not even that they were there.
        if record.profile.is_blank() && !record.is_open() {
            shard.remove(&user);
        }
        self.queue(user, &mut shard);
        evict(&mut shard, self.limits.people);
    }

    /// Lets `change` change the person whom an id means.
    pub(super) fn change_owner(&self, id: UserKey, change: impl FnOnce(&mut Record)) {
        // The lock is held so that the id is not linked in the meantime, and the change lost with it.
        let identities = read(&self.identities[shard_of(id)]);
        self.change(identities.owner(id).unwrap_or(id), change);
    }

    /// Moves what is known under an anonymous id to the user it belongs to.
    fn join(&self, anonymous: UserKey, user: UserKey, engine: &Engine) {
        let Some(record) = write(&self.shards[shard_of(anonymous)]).remove(&anonymous) else { return };
        // Between the two locks nobody else can reach the record: the identity of the id is locked.
        let mut shard = write(&self.shards[shard_of(user)]);
        let into = shard.entry(user).or_default();
        engine.join(&mut into.profile, &record.profile);
        if let Some(open) = &record.open {
            into.open().merge(open);
        }
    }

    pub(super) fn erase(&self, user: UserKey, now: Timestamp) -> Erased {
        let user = self.resolve(user);
        let mut erased = Erased::default();
        // First, so that nobody is linked to the user behind the search for links, or counted behind the removal.
        write(&self.identities[shard_of(user)]).erase(user, now);
        for identities in &self.identities {
            // A link lies in the shard of its id.
            let mut identities = write(identities);
            for id in identities.unlink(user) {
                identities.erase(id, now);
                erased.links += 1;
            }
        }
        erased.profile = write(&self.shards[shard_of(user)]).remove(&user).is_some();
        erased
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
        let identities: usize = self.identities.iter().map(|identities| read(identities).bytes()).sum();
        let queues: usize = self.queues.iter().map(|queue| lock(queue).bytes()).sum();
        self.shards.iter().map(of).sum::<usize>() + identities + queues
    }
}

fn refuse(event: &Event, erased: Option<Timestamp>) -> Result<(), IngestError> {
    match erased {
        Some(erased) if event.time <= erased => Err(IngestError::Erased { time: event.time, erased }),
        _ => Ok(()),
    }
}

/// Beyond a shard's part of the limit, the sixteenth that was heard of longest ago leaves. Which that is depends on
/// the people alone, and each round costs a look at all but makes room for many.
fn evict(shard: &mut Shard, limit: usize) {
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
