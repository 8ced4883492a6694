//! The newest events of devices as they came, so that they find their user also when they come before the
//! identification.
//!
//! An event without a user id belongs to the user who was last identified on its device. Where a second user turns
//! out to have been identified earlier than known, events that were already folded are the wrong user's, and cannot
//! be taken out of a fold. So the newest events of devices are kept beside it, with what was folded before the first
//! of them, and folded again when it turns out whose they are. They are kept for as many devices as there is room;
//! those that have been kept longest go first, and what they did stays where it is.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::lock;
use super::people::{SHARDS, shard_of};
use crate::event::Event;
use crate::hash::Map;
use crate::id::UserKey;
use crate::profile::{Profile, event_id};

/// The newest events of all devices.
#[derive(Debug)]
pub(super) struct Recents {
    shards: Box<[Mutex<Pool>]>,
    /// The most events of a shard.
    limit: usize,
}

/// A share of them.
#[derive(Debug, Default)]
pub(super) struct Pool {
    logs: Map<UserKey, Log>,
    /// The devices in the order in which their logs were begun; some may have none any more.
    order: VecDeque<UserKey>,
    events: usize,
}

/// The newest events of a device.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// What was folded for each owner before the first of the owner's events here, sorted by owner; none if that was
    /// nothing. An owner who is not here has no event here.
    pub(super) bases: Vec<(UserKey, Base)>,
    /// Sorted by time and id.
    pub(super) events: Vec<Event>,
}

/// What was folded for an owner, if that was anything.
pub(super) type Base = Option<Box<Profile>>;

/// A log as it is stored. Events are text: their form skips what is not there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    bases: Vec<(UserKey, Base)>,
    events: Vec<String>,
}

impl Recents {
    pub(super) fn new(limit: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), limit: limit.div_ceil(SHARDS) }
    }

    /// Whether events are kept at all.
    pub(super) const fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// Whether the log of a device needs to know what was folded for this owner before the next event.
    pub(super) fn wants_base(&self, device: UserKey, owner: UserKey) -> bool {
        let pool = lock(&self.shards[shard_of(device)]);
        match pool.logs.get(&device) {
            Some(log) if log.events.len() < DEVICE => !log.has_touched(owner),
            _ => true,
        }
    }

    /// Keeps an event of a device, with what was folded for its owner before it if that was wanted.
    pub(super) fn keep(&self, device: UserKey, owner: UserKey, base: Option<Base>, event: &Event) {
        let mut pool = lock(&self.shards[shard_of(device)]);
        if pool.logs.get(&device).is_some_and(|log| log.events.len() >= DEVICE) {
            pool.remove(device);
        }
        if !pool.logs.contains_key(&device) {
            pool.order.push_back(device);
        }
        let log = pool.logs.entry(device).or_default();
        if let Some(base) = base {
            if let Err(at) = log.bases.binary_search_by_key(&owner, |(of, _)| *of) {
                log.bases.insert(at, (owner, base));
            }
        }
        let key = (event.time, event_id(event));
        let at = log.events.partition_point(|of| (of.time, event_id(of)) < key);
        log.events.insert(at, event.clone());
        pool.events += 1;
        while pool.events > self.limit {
            let Some(oldest) = pool.order.pop_front() else { break };
            pool.remove(oldest);
        }
        if pool.order.len() > 2 * pool.logs.len() + 64 {
            let Pool { logs, order, .. } = &mut *pool;
            order.retain(|device| logs.contains_key(device));
        }
    }

    /// Gives up all logs: what was folded stays where it is.
    pub(super) fn clear(&self) {
        self.shards.iter().for_each(|pool| *lock(pool) = Pool::default());
    }

    /// Takes the log of a device out.
    pub(super) fn take(&self, device: UserKey) -> Option<Log> {
        lock(&self.shards[shard_of(device)]).remove(device)
    }

    /// Puts a log back.
    pub(super) fn put(&self, device: UserKey, log: Log) {
        let mut pool = lock(&self.shards[shard_of(device)]);
        pool.events += log.events.len();
        pool.order.push_back(device);
        pool.logs.insert(device, log);
    }

    /// The logs of a shard, sorted by device.
    pub(super) fn store(&self, shard: usize) -> Vec<(UserKey, Stored)> {
        let pool = lock(&self.shards[shard]);
        let text = |event: &Event| serde_json::to_string(event).ok();
        let of = |log: &Log| Stored { bases: log.bases.clone(), events: log.events.iter().filter_map(text).collect() };
        let mut all: Vec<(UserKey, Stored)> = pool.logs.iter().map(|(device, log)| (*device, of(log))).collect();
        all.sort_by_key(|(device, _)| *device);
        all
    }

    pub(super) fn bytes(&self) -> usize {
        let of = |log: &Log| {
            let base = |base: &Base| base.as_ref().map_or(0, |base| base.bytes());
            let bases: usize = log.bases.iter().map(|(_, of)| size_of::<(UserKey, Base)>() + base(of)).sum();
            // What an event has on the heap is its own affair; a few short texts are the rule.
            bases + log.events.capacity() * (size_of::<Event>() + 128)
        };
        // A sum does not depend on the order.
        self.shards.iter().map(|pool| lock(pool).logs.values().map(of).sum::<usize>()).sum()
    }

    /// Takes the place of all that is here.
    pub(super) fn become_as(&self, other: &Self) {
        for (ours, theirs) in self.shards.iter().zip(&other.shards) {
            *lock(ours) = std::mem::take(&mut *lock(theirs));
        }
    }
}

impl Log {
    /// Whether an owner's base is known, which it is from the first event on.
    fn has_touched(&self, owner: UserKey) -> bool {
        self.bases.binary_search_by_key(&owner, |(of, _)| *of).is_ok()
    }

    /// What a stored log holds, if it can be read.
    pub(super) fn restore(stored: Stored) -> Option<Self> {
        let events: Option<Vec<Event>> = stored.events.iter().map(|text| Event::from_json(text).ok()).collect();
        let sorted = stored.bases.windows(2).all(|pair| pair[0].0 < pair[1].0);
        events.filter(|events| sorted && events.len() <= DEVICE).map(|events| Self { bases: stored.bases, events })
    }
}

impl Pool {
    fn remove(&mut self, device: UserKey) -> Option<Log> {
        let log = self.logs.remove(&device)?;
        self.events -= log.events.len();
        Some(log)
    }
}

/// The most events of one device.
const DEVICE: usize = 256;
