//! The counters of one profile.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize, Serializer};

use super::counter::{Count, Few, Loaded, Slot};
use super::{Counter, CounterId, Reading};
use crate::hash;
use crate::time::Timestamp;

/// The counters of one profile, by id.
///
/// At most [`Counters::LIMIT`] are kept. A profile has counters only for questions that its own events touched, so
/// the limit is reached only when rules ask hundreds of different questions about what one person did. From then on no
/// counter is added any more, and what a counter that is not there would have counted is unknown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Counters {
    /// The counters of few events, which most are.
    few: Few,
    /// All others; none on most profiles.
    rest: Option<Box<Rest>>,
}

#[derive(Clone, Debug, Default)]
struct Rest {
    /// By id.
    list: Vec<Counter>,
    /// Whether counters had to go, or found no room.
    dropped: bool,
}

#[derive(Deserialize)]
struct Stored {
    list: Vec<Loaded>,
    dropped: bool,
}

#[derive(Serialize)]
struct Storing<'a> {
    list: Listed<'a>,
    dropped: bool,
}

struct Listed<'a>(&'a Counters);

impl Counters {
    /// The most counters that a profile keeps.
    pub(crate) const LIMIT: usize = 512;

    /// The counter with this id, if it has counted anything.
    pub(crate) fn find(&self, id: CounterId) -> Option<Reading<'_>> {
        match self.few.find(id) {
            Ok(at) => Some(Reading::few(id, self.few.read(at))),
            Err(_) => self.place(id).ok().map(|at| self.list()[at].reading()),
        }
    }

    /// Whether there is a counter with this id.
    pub(crate) fn has(&self, id: CounterId) -> bool {
        self.few.find(id).is_ok() || self.place(id).is_ok()
    }

    /// Lets the counter of events with this id take one in, as [`Counter::observe`] does; a new one will know all events
    /// from the time that `since` gives on. Whether it takes more room now.
    pub(crate) fn count(
        &mut self,
        id: CounterId,
        since: impl FnOnce() -> Timestamp,
        (time, event): (Timestamp, u64),
        keep: u8,
    ) -> bool {
        let slot = Slot { time, event: hash::fold(event) };
        let mut count = match self.few.find(id) {
            Ok(at) if self.few.observe(at, slot, keep) => return false,
            Ok(at) => self.few.remove(at),
            Err(_) => match self.place(id) {
                Ok(at) => return grows(&mut self.rest_mut().list[at], |of| of.observe(time, event, 0.0, keep)),
                Err(_) if !self.has_room() => return false,
                Err(_) => Count::new(since()),
            },
        };
        count.observe(slot, keep);
        self.put(Loaded::Count(id, count));
        true
    }

    /// Lets the counter with this id, which is none of events, be changed; a new one is made by `fresh`. Whether it
    /// takes more room now.
    pub(crate) fn change(
        &mut self,
        id: CounterId,
        fresh: impl FnOnce() -> Counter,
        change: impl FnOnce(&mut Counter),
    ) -> bool {
        let at = match self.place(id) {
            Ok(at) => at,
            Err(_) if !self.has_room() => return false,
            Err(at) => {
                self.rest_mut().insert(at, fresh());
                at
            }
        };
        grows(&mut self.rest_mut().list[at], change)
    }

    /// Notes that the counter with this id, if there is one, may miss events before a time.
    pub(crate) fn miss_before(&mut self, id: CounterId, time: Timestamp) {
        if let Some(mut counter) = self.take(id) {
            counter.miss_before(time);
            self.put(counter.into());
        }
    }

    /// Whether what a counter that is not there would have counted is unknown.
    pub(crate) fn has_dropped(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.dropped)
    }

    /// Drops the counter that takes the most bytes, ties by the lower id, and gives its id.
    pub(super) fn leave_largest(&mut self) -> Option<CounterId> {
        let few = (0..self.few.len()).map(|at| (self.few.bytes_of(at), Reverse(self.few.id(at))));
        let list = self.list().iter().map(|of| (size_of::<Counter>() + of.heap_bytes(), Reverse(of.id())));
        let (_, Reverse(id)) = few.chain(list).max()?;
        drop(self.take(id));
        self.rest_mut().dropped = true;
        Some(id)
    }

    /// Puts all counters anew, so that where each is kept does not depend on the order in which events came.
    pub(super) fn tidy(&mut self) {
        let all: Vec<Counter> = self.iter().map(Counter::from).collect();
        let dropped = self.has_dropped();
        *self = Self::default();
        all.into_iter().for_each(|counter| self.put(counter.into()));
        self.set_dropped(dropped);
    }

    pub(super) fn shrink(&mut self) {
        self.few.shrink();
        self.rest.take_if(|rest| rest.list.is_empty() && !rest.dropped);
        if let Some(rest) = &mut self.rest {
            rest.list.shrink_to_fit();
        }
    }

    /// The bytes of the lists themselves, without what single counters hold.
    pub(super) fn list_bytes(&self) -> usize {
        let rest = |rest: &Rest| size_of::<Rest>() + rest.list.capacity() * size_of::<Counter>();
        self.few.heap_bytes() + self.rest.as_deref().map_or(0, rest)
    }

    /// Drops the counters that `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(CounterId) -> bool) {
        for at in (0..self.few.len()).rev() {
            if !keep(self.few.id(at)) {
                self.few.remove(at);
            }
        }
        if let Some(rest) = &mut self.rest {
            rest.list.retain(|counter| keep(counter.id()));
        }
    }

    /// All counters by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Reading<'_>> {
        let (mut few, mut list) = (0, self.list().iter().peekable());
        std::iter::from_fn(move || {
            let is_few = few < self.few.len() && list.peek().is_none_or(|next| self.few.id(few) < next.id());
            if !is_few {
                return list.next().map(Counter::reading);
            }
            few += 1;
            Some(Reading::few(self.few.id(few - 1), self.few.read(few - 1)))
        })
    }

    /// The ids of all counters, in no order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = CounterId> {
        (0..self.few.len()).map(|at| self.few.id(at)).chain(self.list().iter().map(Counter::id))
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.has_dropped() {
            // What the other dropped is not known of both together.
            self.retain(|id| other.has(id));
        }
        for theirs in other.iter() {
            match self.take(theirs.id()) {
                Some(mut counter) => {
                    counter.merge(&theirs.into());
                    self.put(counter.into());
                }
                None if self.has_room() => self.put(Counter::from(theirs).into()),
                None => {}
            }
        }
        self.set_dropped(other.has_dropped());
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.list_bytes() + self.list().iter().map(Counter::heap_bytes).sum::<usize>()
    }

    fn list(&self) -> &[Counter] {
        self.rest.as_ref().map_or(&[], |rest| &rest.list)
    }

    fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    fn set_dropped(&mut self, dropped: bool) {
        if dropped {
            self.rest_mut().dropped = true;
        }
    }

    /// The place in the list of the counter with this id.
    fn place(&self, id: CounterId) -> Result<usize, usize> {
        self.list().binary_search_by_key(&id, Counter::id)
    }

    /// Whether another counter may begin; if it may not, what it misses will never be known.
    fn has_room(&mut self) -> bool {
        let is_full = self.few.len() + self.list().len() >= Self::LIMIT;
        self.set_dropped(is_full);
        !self.has_dropped()
    }

    /// Takes a counter out, to be put back.
    fn take(&mut self, id: CounterId) -> Option<Counter> {
        match self.few.find(id) {
            Ok(at) => Some(Loaded::Count(id, self.few.remove(at)).into()),
            Err(_) => self.place(id).ok().map(|at| self.rest_mut().list.remove(at)),
        }
    }

    /// Puts in a counter that is not there.
    fn put(&mut self, loaded: Loaded) {
        let counter = match loaded {
            Loaded::Count(id, count) if self.few.put(id, count.read()) => return,
            Loaded::Count(id, count) => Counter::from(Loaded::Count(id, count)),
            Loaded::Other(counter) => counter,
        };
        if let Err(at) = self.place(counter.id()) {
            self.rest_mut().insert(at, counter);
        }
    }
}

impl Rest {
    fn insert(&mut self, at: usize, counter: Counter) {
        if self.list.len() == self.list.capacity() {
            self.list.reserve_exact((self.list.len() / 8).max(1));
        }
        self.list.insert(at, counter);
    }
}

/// Changes a counter; whether it takes more room then.
fn grows(counter: &mut Counter, change: impl FnOnce(&mut Counter)) -> bool {
    let before = counter.heap_bytes();
    change(counter);
    counter.heap_bytes() != before
}

impl PartialEq for Counters {
    fn eq(&self, other: &Self) -> bool {
        self.has_dropped() == other.has_dropped() && self.iter().eq(other.iter())
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Storing { list: Listed(self), dropped: self.has_dropped() }.serialize(serializer)
    }
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(Some(self.0.few.len() + self.0.list().len()))?;
        for counter in self.0.iter() {
            list.serialize_element(&counter)?;
        }
        list.end()
    }
}

impl TryFrom<Stored> for Counters {
    type Error = &'static str;
    fn try_from(Stored { list, dropped }: Stored) -> Result<Self, &'static str> {
        if list.len() > Self::LIMIT || !list.windows(2).all(|pair| pair[0].id() < pair[1].id()) {
            return Err("counters out of order");
        }
        let mut counters = Self::default();
        list.into_iter().for_each(|counter| counters.put(counter));
        counters.set_dropped(dropped);
        Ok(counters)
    }
}

#[cfg(test)]
mod tests;
