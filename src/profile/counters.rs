//! The counters of one profile.

use serde::{Deserialize, Serialize};

use super::{Counter, CounterId};

/// The counters of one profile, by id.
///
/// At most [`Counters::LIMIT`] are kept. A profile has counters only for questions that its own events touched, so
/// the limit is reached only when rules ask hundreds of different questions about what one person did. From then on no
/// counter is added any more, and what a counter that is not there would have counted is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Counters {
    list: Vec<Counter>,
    /// Whether counters had to go, or found no room.
    dropped: bool,
}

#[derive(Deserialize)]
struct Stored {
    list: Vec<Counter>,
    dropped: bool,
}

impl Counters {
    /// The most counters that a profile keeps.
    pub(crate) const LIMIT: usize = 512;

    /// The counter with this id, if it has counted anything.
    pub(crate) fn find(&self, id: CounterId) -> Option<&Counter> {
        self.list.binary_search_by_key(&id, Counter::id).ok().map(|at| &self.list[at])
    }

    /// The counter with this id, to be changed.
    pub(crate) fn find_mut(&mut self, id: CounterId) -> Option<&mut Counter> {
        self.list.binary_search_by_key(&id, Counter::id).ok().map(|at| &mut self.list[at])
    }

    /// The counter with this id; a new one is made by `fresh`. `None` if there is no room for it.
    pub(crate) fn entry(&mut self, id: CounterId, fresh: impl FnOnce() -> Counter) -> Option<&mut Counter> {
        let at = match self.list.binary_search_by_key(&id, Counter::id) {
            Ok(at) => at,
            // What it missed would never be known.
            Err(_) if self.dropped => return None,
            Err(_) if self.list.len() >= Self::LIMIT => {
                self.dropped = true;
                return None;
            }
            Err(at) => {
                // Counters are the largest things in a profile, and few people have many.
                let room = (self.list.len() / 8).max(1);
                if self.list.len() == self.list.capacity() {
                    self.list.reserve_exact(room);
                }
                self.list.insert(at, fresh());
                at
            }
        };
        Some(&mut self.list[at])
    }

    /// Whether what a counter that is not there would have counted is unknown.
    pub(crate) const fn has_dropped(&self) -> bool {
        self.dropped
    }

    /// Drops the counter that takes the most bytes, ties by the lower id, and gives its id.
    pub(super) fn leave_largest(&mut self) -> Option<CounterId> {
        let bytes = |at: &usize| (self.list[*at].heap_bytes(), std::cmp::Reverse(self.list[*at].id()));
        let largest = (0..self.list.len()).max_by_key(bytes)?;
        self.dropped = true;
        Some(self.list.remove(largest).id())
    }

    pub(super) fn shrink(&mut self) {
        self.list.shrink_to_fit();
    }

    /// The bytes of the list itself, without what its counters hold.
    pub(super) fn list_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Counter>()
    }

    /// Drops the counters that `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(CounterId) -> bool) {
        self.list.retain(|counter| keep(counter.id()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Counter> {
        self.list.iter()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.dropped {
            // What the other dropped is not known of both together.
            self.list.retain(|counter| other.find(counter.id()).is_some());
        }
        for theirs in &other.list {
            match self.list.binary_search_by_key(&theirs.id(), Counter::id) {
                Ok(at) => self.list[at].merge(theirs),
                Err(at) if self.list.len() < Self::LIMIT && !self.dropped => self.list.insert(at, theirs.clone()),
                Err(_) => self.dropped = true,
            }
        }
        self.dropped |= other.dropped;
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.list_bytes() + self.list.iter().map(Counter::heap_bytes).sum::<usize>()
    }
}

impl TryFrom<Stored> for Counters {
    type Error = &'static str;
    fn try_from(Stored { list, dropped }: Stored) -> Result<Self, &'static str> {
        if list.len() > Self::LIMIT || !list.windows(2).all(|pair| pair[0].id() < pair[1].id()) {
            return Err("counters out of order");
        }
        Ok(Self { list, dropped })
    }
}
