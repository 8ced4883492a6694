//! The newest different values of something, each with the time at which it was there last.
//!
//! Of each value the newest time counts, and of the values the newest few stay. So the order in which writes arrive
//! does not matter, whatever leaves: a value that has left was last there before all that stayed, and comes back only
//! with a newer time. The same value sent again and again takes one place.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::value::Value;

/// The newest different values, newest first, ties by the greater value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Latest {
    times: Vec<Timestamp>,
    /// Always a list, so that rules can read it as one; as long as `times`.
    values: Value,
}

#[derive(Deserialize)]
struct Stored {
    times: Vec<Timestamp>,
    values: Value,
}

impl Default for Latest {
    fn default() -> Self {
        Self { times: Vec::new(), values: Value::List(Box::default()) }
    }
}

impl Latest {
    /// The most values that any list of this kind keeps.
    pub(crate) const LIMIT: usize = 64;

    /// Notes that the value was there at a time. Whether the values or their order have changed.
    pub(crate) fn add(&mut self, time: Timestamp, value: &Value, limit: usize) -> bool {
        let Value::List(list) = &mut self.values else { return false };
        let mut moved = None;
        if let Some(at) = list.iter().position(|kept| kept == value) {
            if time <= self.times[at] {
                return false;
            }
            if at == 0 {
                self.times[0] = time;
                return false;
            }
            moved = Some(at);
        }
        let newer = |at: usize| (self.times[at], &list[at]);
        let place = (0..list.len()).position(|at| order((time, value), newer(at)).is_gt()).unwrap_or(list.len());
        if let Some(at) = moved {
            list[place..=at].rotate_right(1);
            self.times[place..=at].rotate_right(1);
            self.times[place] = time;
            return place != at;
        }
        let limit = limit.clamp(1, Self::LIMIT);
        if place >= limit {
            return false;
        }
        let mut all = std::mem::take(list).into_vec();
        all.truncate(limit - 1);
        self.times.truncate(limit - 1);
        all.insert(place, value.clone());
        self.times.reserve_exact(1);
        self.times.insert(place, time);
        *list = all.into_boxed_slice();
        true
    }

    pub(crate) fn merge(&mut self, other: &Self, limit: usize) {
        for (time, value) in other.iter() {
            self.add(time, value, limit);
        }
    }

    /// The values as a list, newest first.
    pub(crate) const fn list(&self) -> &Value {
        &self.values
    }

    /// The times and the values, newest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Timestamp, &Value)> {
        self.times.iter().copied().zip(self.values())
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Drops the values that were last there before a time, and gives how many.
    pub(crate) fn forget_before(&mut self, time: Timestamp) -> usize {
        self.keep(self.times.partition_point(|at| *at >= time))
    }

    /// Drops all but so many of the newest, and gives how many were dropped.
    pub(crate) fn keep(&mut self, newest: usize) -> usize {
        let gone = self.times.len().saturating_sub(newest);
        if let (Value::List(list), true) = (&mut self.values, gone > 0) {
            let mut all = std::mem::take(list).into_vec();
            all.truncate(newest);
            *list = all.into_boxed_slice();
            self.times.truncate(newest);
            self.times.shrink_to_fit();
        }
        gone
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.heap_bytes() + self.times.capacity() * size_of::<Timestamp>()
    }

    fn values(&self) -> &[Value] {
        if let Value::List(list) = &self.values { list } else { &[] }
    }
}

fn order(a: (Timestamp, &Value), b: (Timestamp, &Value)) -> Ordering {
    a.0.cmp(&b.0).then_with(|| a.1.total_cmp(b.1))
}

impl TryFrom<Stored> for Latest {
    type Error = &'static str;
    fn try_from(Stored { times, values }: Stored) -> Result<Self, &'static str> {
        let latest = Self { times, values };
        if !matches!(latest.values, Value::List(_)) || latest.values().len() != latest.times.len() {
            return Err("as many values as times");
        }
        let all: Vec<_> = latest.iter().collect();
        let in_order = all.windows(2).all(|pair| order(pair[0], pair[1]).is_gt());
        // At most 64 squared comparisons.
        let different = all.iter().enumerate().all(|(i, (_, value))| all[..i].iter().all(|(_, other)| other != value));
        if all.len() > Self::LIMIT || !in_order || !different {
            return Err("the newest values out of order");
        }
        Ok(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the definition: the newest time of each value, then the newest of those.
        #[test]
        fn the_newest_values_do_not_depend_on_the_order_of_arrival(
            writes in prop::collection::vec((0..20_i64, 0..9_i32), 0..40),
            limit in 1..6_usize,
            cut in 0..40_usize,
        ) {
            let mut newest = std::collections::BTreeMap::new();
            for (time, value) in &writes {
                let of = newest.entry(*value).or_insert(*time);
                *of = (*of).max(*time);
            }
            let mut wanted: Vec<(i64, i32)> = newest.into_iter().map(|(value, time)| (time, value)).collect();
            wanted.sort_unstable_by(|a, b| b.cmp(a));
            wanted.truncate(limit);
            let fold = |writes: &[(i64, i32)]| {
                let mut latest = Latest::default();
                for (time, value) in writes {
                    latest.add(Timestamp::from_millis(*time), &Value::from(*value), limit);
                }
                latest
            };
            let found: Vec<(i64, i32)> =
                fold(&writes).iter().map(|(time, value)| (time.millis(), value.as_number().unwrap() as i32)).collect();
            prop_assert_eq!(&found, &wanted);
            let (a, b) = writes.split_at(cut.min(writes.len()));
            let mut merged = fold(b);
            merged.merge(&fold(a), limit);
            prop_assert_eq!(&merged, &fold(&writes));
            let back: Latest = postcard::from_bytes(&postcard::to_allocvec(&merged).unwrap()).unwrap();
            prop_assert_eq!(back, merged);
        }
    }
}
