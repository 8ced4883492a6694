//! What is gathered from the values that a property has in the events of one question: the first, the last, the one
//! that comes most often, or the different ones.
//!
//! The first and the last are those by event time, and of two at the same time the lesser and the greater, so any
//! order and any repetition gives the same. How often each value came is counted once for each event that the history
//! does not hold already.

use serde::{Deserialize, Serialize};

use super::CounterId;
use super::latest::Latest;
use crate::time::Timestamp;
use crate::value::Value;

/// What to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Gather {
    First,
    Last,
    MostFrequent,
    /// So many of the newest different values.
    Unique(u8),
}

/// What has been gathered for one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    First(Timestamp, Value),
    Last(Timestamp, Value),
    MostFrequent(Tally),
    /// With the number of values that the definition asks for.
    Unique(u8, Latest),
}

/// How often each value came, in the order of the values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredTally")]
pub(crate) struct Tally {
    /// Those included whose value had to leave.
    total: u32,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct StoredTally {
    total: u32,
    choices: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Choice {
    value: Value,
    count: u32,
    last: Timestamp,
}

impl Tally {
    /// The most different values that are told apart. Beyond that the one that came least often leaves, of these the
    /// one that was there longest ago; should it come back, it is counted anew.
    const LIMIT: usize = 32;

    fn add(&mut self, value: &Value, count: u32, last: Timestamp) {
        match self.choices.binary_search_by(|choice| choice.value.total_cmp(value)) {
            Ok(at) => {
                let choice = &mut self.choices[at];
                choice.count = choice.count.saturating_add(count);
                choice.last = choice.last.max(last);
            }
            Err(at) => {
                super::reserve(&mut self.choices);
                self.choices.insert(at, Choice { value: value.clone(), count, last });
            }
        }
        if self.choices.len() > Self::LIMIT {
            self.leave_weakest();
        }
    }

    fn leave_weakest(&mut self) {
        // Of equals the first: the choices are in the order of their values.
        let weakest = (0..self.choices.len()).min_by_key(|at| (self.choices[*at].count, self.choices[*at].last));
        if let Some(at) = weakest {
            self.choices.remove(at);
        }
    }

    /// The value that came most often; of several the one that was there last, and of these the greatest.
    fn best(&self) -> Option<&Choice> {
        self.choices.iter().max_by_key(|choice| (choice.count, choice.last))
    }
}

impl TryFrom<StoredTally> for Tally {
    type Error = &'static str;
    fn try_from(StoredTally { total, choices }: StoredTally) -> Result<Self, &'static str> {
        let in_order = choices.windows(2).all(|pair| pair[0].value.total_cmp(&pair[1].value).is_lt());
        if choices.len() > Self::LIMIT || !in_order {
            return Err("choices out of order");
        }
        Ok(Self { total, choices })
    }
}

/// What has been gathered, by the id of the question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Gathered(Vec<(CounterId, State)>);

#[derive(Deserialize)]
struct Stored(Vec<(CounterId, State)>);

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer<'a> {
    pub(crate) value: &'a Value,
    /// From how many events, and how many of these had the value.
    pub(crate) of: Option<(u32, u32)>,
}

impl Gathered {
    /// The most bytes that one question takes.
    pub(super) const fn worst_bytes(gather: Gather) -> usize {
        let text = Self::MAX_TEXT_BYTES + 24;
        let held = match gather {
            Gather::First | Gather::Last => text,
            Gather::MostFrequent => Tally::LIMIT * (size_of::<Choice>() + text),
            Gather::Unique(limit) => limit as usize * (size_of::<Value>() + size_of::<Timestamp>() + text),
        };
        size_of::<(CounterId, State)>() + held
    }

    /// The most questions of one profile.
    pub(crate) const LIMIT: usize = 256;
    /// The most bytes of a text that is gathered.
    pub(crate) const MAX_TEXT_BYTES: usize = 256;

    /// Takes in the values that one event has.
    pub(crate) fn add(&mut self, id: CounterId, gather: Gather, time: Timestamp, values: &[Value]) {
        let (Some(least), Some(greatest)) =
            (values.iter().min_by(|a, b| a.total_cmp(b)), values.iter().max_by(|a, b| a.total_cmp(b)))
        else {
            return;
        };
        let fresh = || match gather {
            Gather::First => State::First(time, least.clone()),
            Gather::Last => State::Last(time, greatest.clone()),
            Gather::MostFrequent => State::MostFrequent(Tally::default()),
            Gather::Unique(limit) => State::Unique(limit, Latest::default()),
        };
        let at = match self.0.binary_search_by_key(&id, |(of, _)| *of) {
            Ok(at) => at,
            Err(_) if self.0.len() >= Self::LIMIT => return,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (id, fresh()));
                at
            }
        };
        match &mut self.0[at].1 {
            State::First(first, kept) => {
                if time.cmp(first).then_with(|| least.total_cmp(kept)).is_lt() {
                    (*first, *kept) = (time, least.clone());
                }
            }
            State::Last(last, kept) => {
                if time.cmp(last).then_with(|| greatest.total_cmp(kept)).is_gt() {
                    (*last, *kept) = (time, greatest.clone());
                }
            }
            State::MostFrequent(tally) => {
                tally.total = tally.total.saturating_add(values.len() as u32);
                values.iter().for_each(|value| tally.add(value, 1, time));
            }
            State::Unique(limit, latest) => {
                for value in values {
                    latest.add(time, value, usize::from(*limit));
                }
            }
        }
    }

    /// The answer to a question, if any event had a value.
    pub(crate) fn answer(&self, id: CounterId) -> Option<Answer<'_>> {
        let at = self.0.binary_search_by_key(&id, |(of, _)| *of).ok()?;
        Some(match &self.0[at].1 {
            State::First(_, value) | State::Last(_, value) => Answer { value, of: None },
            State::MostFrequent(tally) => {
                let best = tally.best()?;
                Answer { value: &best.value, of: Some((best.count, tally.total)) }
            }
            State::Unique(_, latest) => Answer { value: latest.list(), of: None },
        })
    }

    /// Drops the answers to questions that `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(CounterId) -> bool) {
        self.0.retain(|(id, _)| keep(*id));
    }

    /// Drops the answer that takes the most bytes, ties by the lower id, and gives its id.
    pub(super) fn leave_largest(&mut self) -> Option<CounterId> {
        let bytes = |at: &usize| (self.0[*at].1.heap_bytes(), std::cmp::Reverse(self.0[*at].0));
        let largest = (0..self.0.len()).max_by_key(bytes)?;
        Some(self.0.remove(largest).0)
    }

    /// Drops what was there last before a time, and gives the ids of the questions whose answers this changes.
    pub(super) fn forget_before(&mut self, time: Timestamp) -> Vec<CounterId> {
        let mut changed = Vec::new();
        self.0.retain_mut(|(id, state)| {
            let (is_left, has_changed) = match state {
                State::First(last, _) | State::Last(last, _) => (*last >= time, false),
                State::MostFrequent(tally) => (tally.choices.iter().any(|choice| choice.last >= time), false),
                State::Unique(_, latest) => {
                    let gone = latest.forget_before(time);
                    (latest.len() > 0, gone > 0)
                }
            };
            if has_changed || !is_left {
                changed.push(*id);
            }
            is_left
        });
        changed
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (id, theirs) in &other.0 {
            let at = match self.0.binary_search_by_key(id, |(of, _)| *of) {
                Ok(at) => at,
                Err(at) => {
                    if self.0.len() < Self::LIMIT {
                        self.0.insert(at, (*id, theirs.clone()));
                    }
                    continue;
                }
            };
            match (&mut self.0[at].1, theirs) {
                (State::First(first, kept), State::First(time, value))
                    if time.cmp(first).then_with(|| value.total_cmp(kept)).is_lt() =>
                {
                    (*first, *kept) = (*time, value.clone());
                }
                (State::Last(last, kept), State::Last(time, value))
                    if time.cmp(last).then_with(|| value.total_cmp(kept)).is_gt() =>
                {
                    (*last, *kept) = (*time, value.clone());
                }
                (State::MostFrequent(tally), State::MostFrequent(other)) => {
                    tally.total = tally.total.saturating_add(other.total);
                    for Choice { value, count, last } in &other.choices {
                        tally.add(value, *count, *last);
                    }
                }
                (State::Unique(limit, latest), State::Unique(_, other)) => latest.merge(other, usize::from(*limit)),
                _ => {}
            }
        }
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(CounterId, State)>()
            + self.0.iter().map(|(_, state)| state.heap_bytes()).sum::<usize>()
    }
}

impl State {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::First(_, value) | Self::Last(_, value) => value.heap_bytes(),
            Self::MostFrequent(tally) => {
                tally.choices.capacity() * size_of::<Choice>()
                    + tally.choices.iter().map(|choice| choice.value.heap_bytes()).sum::<usize>()
            }
            Self::Unique(_, latest) => latest.heap_bytes(),
        }
    }
}

impl TryFrom<Stored> for Gathered {
    type Error = &'static str;
    fn try_from(Stored(gathered): Stored) -> Result<Self, &'static str> {
        if gathered.len() > Self::LIMIT || !gathered.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err("what was gathered is out of order");
        }
        Ok(Self(gathered))
    }
}
