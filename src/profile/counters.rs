//! The counters of one profile.

use serde::{Deserialize, Serialize};

use super::{Counter, CounterId};

/// The counters of one profile, by id.
///
/// At most [`Counters::LIMIT`] are kept. A profile has counters only for questions that its own events touched, so
/// the limit is reached only when rules ask hundreds of different questions about what one person did; further
/// counters are not kept then, and what they cannot know is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Counter>")]
pub(crate) struct Counters(Vec<Counter>);

impl Counters {
    /// The most counters that a profile keeps.
    pub(crate) const LIMIT: usize = 512;

    /// The counter with this id, if it has counted anything.
    pub(crate) fn find(&self, id: CounterId) -> Option<&Counter> {
        self.0.binary_search_by_key(&id, Counter::id).ok().map(|at| &self.0[at])
    }

    /// The counter with this id, to be changed.
    pub(crate) fn find_mut(&mut self, id: CounterId) -> Option<&mut Counter> {
        self.0.binary_search_by_key(&id, Counter::id).ok().map(|at| &mut self.0[at])
    }

    /// The counter with this id; a new one is made by `fresh`. `None` if there is no room for it.
    pub(crate) fn entry(&mut self, id: CounterId, fresh: impl FnOnce() -> Counter) -> Option<&mut Counter> {
        let at = match self.0.binary_search_by_key(&id, Counter::id) {
            Ok(at) => at,
            Err(_) if self.0.len() >= Self::LIMIT => return None,
            Err(at) => {
                // Counters are the largest things in a profile, and few people have many.
                let room = (self.0.len() / 8).max(1);
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(room);
                }
                self.0.insert(at, fresh());
                at
            }
        };
        Some(&mut self.0[at])
    }

    /// Drops the counters that `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(CounterId) -> bool) {
        self.0.retain(|counter| keep(counter.id()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Counter> {
        self.0.iter()
    }

    /// Takes in the counters of another profile; `false` if there was no room for all.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let mut fits = true;
        for theirs in &other.0 {
            match self.0.binary_search_by_key(&theirs.id(), Counter::id) {
                Ok(at) => self.0[at].merge(theirs),
                Err(at) if self.0.len() < Self::LIMIT => self.0.insert(at, theirs.clone()),
                Err(_) => fits = false,
            }
        }
        fits
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Counter>() + self.0.iter().map(Counter::heap_bytes).sum::<usize>()
    }
}

impl TryFrom<Vec<Counter>> for Counters {
    type Error = &'static str;
    fn try_from(counters: Vec<Counter>) -> Result<Self, &'static str> {
        if counters.len() > Self::LIMIT || !counters.windows(2).all(|pair| pair[0].id() < pair[1].id()) {
            return Err("counters out of order");
        }
        Ok(Self(counters))
    }
}
