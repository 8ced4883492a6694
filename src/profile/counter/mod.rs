//! The per-profile state that a rule asks for: how often, how much, how many different, when, in which order.
//!
//! A counter of events keeps the newest few times with a short hash of each event. "At least k within W" holds
//! exactly when the k-th newest time lies inside the window, so there is no bucket error, a window of a minute costs
//! what one of a year costs, and any order of late and repeated events ends in the same state. Amounts keep their
//! newest 51 likewise and the older ones in buckets of time; distinct values keep 64 and a sketch beyond; days and
//! weeks are bits; sequences are looked for among the newest 64 matched events.
//!
//! A counter may know less than all that happened: the oldest have left it, or it was begun when rules first asked.
//! It says so, and answers that this could change are unknown. Observing costs a binary search and a move of at most
//! 64 slots.

mod amounts;
mod count;
mod distinct;
mod few;
mod periods;
mod reading;
mod sequence;

use serde::{Deserialize, Serialize, Serializer};

use crate::time::{Span, Timestamp};
use crate::truth::Answer;
use amounts::Amounts;
pub use amounts::{Asked, Grid};
pub(crate) use count::{Count, Slot};
use count::{Evicted, KEEP_STEPS, MOST_KEPT, Times};
use distinct::Distinct;
pub(crate) use few::Few;
pub use periods::Period;
use periods::Periods;
pub use reading::{Estimate, Reading, Windowed};
use sequence::Marks;
pub(crate) use sequence::Reached;
pub use sequence::{MOST_STEPS, Steps};

/// The stable name of a counter: a hash of what it counts, the same in every process and release.
///
/// Two rules that ask the same question share one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterId(u64);

impl CounterId {
    /// The id of whatever this canonical text describes.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        Self(crate::hash::Symbol::new(canonical).to_bits())
    }

    /// The 64 bits of the hash.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

/// What a counter keeps of the events that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kept {
    /// The newest times, as many as [`Counter::keep_for`] says.
    Times(u8),
    /// An amount of each.
    Amounts(Grid),
    /// Which values they have.
    Values(Grid),
    /// In which days or weeks they were, under an offset of minutes from UTC.
    Periods(Period, i32),
    /// Which step of a sequence each is.
    Marks,
}

impl Kept {
    /// The bytes that such a counter takes on a profile that has seen few events, itself included; those of events
    /// that other counters have taken too are counted whole, though profiles keep them once.
    #[must_use]
    pub fn typical_bytes(self) -> usize {
        let boxed = match self {
            Self::Times(_) => return Few::COUNTER_BYTES + 4 * Few::SLOT_BYTES,
            Self::Amounts(_) => size_of::<Amounts>() + 4 * Amounts::SLOT_BYTES,
            Self::Values(_) => size_of::<Distinct>() + 4 * Distinct::SLOT_BYTES,
            Self::Periods(..) => size_of::<Periods>() + Periods::WORD_BYTES,
            Self::Marks => size_of::<Marks>() + 4 * Marks::SLOT_BYTES,
        };
        size_of::<Counter>() + boxed
    }

    /// The most bytes that such a counter takes, itself included, without the allocator's overhead.
    ///
    /// ```
    /// use bespoke::profile::Kept;
    /// assert_eq!(Kept::Times(4).worst_bytes(), 24 + 88);
    /// assert_eq!(Kept::Times(8).worst_bytes(), 24 + 88 + 8 * 12);
    /// ```
    #[must_use]
    pub fn worst_bytes(self) -> usize {
        size_of::<Counter>()
            + match self {
                Self::Times(keep) => Count::worst_bytes(keep),
                Self::Amounts(grid) => Amounts::worst_bytes(grid),
                Self::Values(grid) => Distinct::worst_bytes(grid),
                Self::Periods(..) => Periods::worst_bytes(),
                Self::Marks => Marks::worst_bytes(),
            }
    }
}

/// How often, how much or in which order, for one question of the rules, on one profile.
///
/// ```
/// use bespoke::profile::{Counter, CounterId, Frame};
/// use bespoke::time::{Span, Timestamp};
/// let mut views = Counter::count(CounterId::of("item_viewed"));
/// let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
/// views.observe(noon, 1, 0.0, 2);
/// views.observe(noon, 1, 0.0, 2); // delivered twice, counted once
/// let hour = |now| views.reading().count_in(&Frame::within(Some(Span::hours(1)), now));
/// assert_eq!(hour(noon).value, 1);
/// assert_eq!(hour(noon).until, noon + Span::hours(1));
/// assert_eq!(hour(noon + Span::hours(1)).value, 0);
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Counter {
    id: CounterId,
    state: State,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Count(Box<Count>),
    Amounts(Box<Amounts>),
    Distinct(Box<Distinct>),
    Periods(Box<Periods>),
    Marks(Box<Marks>),
}

impl Counter {
    /// A counter with nothing counted yet, which will know all events from a time on: [`Timestamp::MIN`] if it will
    /// know all that there ever are.
    #[must_use]
    pub fn new(id: CounterId, kept: Kept, complete_since: Timestamp) -> Self {
        let state = match kept {
            Kept::Times(_) => State::Count(Box::new(Count::new(complete_since))),
            Kept::Amounts(grid) => State::Amounts(Box::new(Amounts::new(grid, complete_since))),
            Kept::Values(grid) => State::Distinct(Box::new(Distinct::new(grid, complete_since))),
            Kept::Periods(period, offset) => State::Periods(Box::new(Periods::new(period, offset, complete_since))),
            Kept::Marks => State::Marks(Box::new(Marks::new(complete_since))),
        };
        Self { id, state }
    }

    /// A counter of events, with nothing counted yet.
    #[must_use]
    pub fn count(id: CounterId) -> Self {
        Self::new(id, Kept::Times(KEEP_STEPS[0]), Timestamp::MIN)
    }

    /// How many of the newest times are kept to answer counts up to `most`: one more, rounded up to 4, 8, 16, 32 or
    /// 51, so that a small change of a threshold keeps its history.
    #[must_use]
    pub fn keep_for(most: u32) -> u8 {
        KEEP_STEPS.into_iter().find(|keep| u32::from(*keep) > most).unwrap_or(MOST_KEPT)
    }

    /// The width of the buckets that answer amounts within this window: a 24th of it, rounded up to a whole minute,
    /// or where that is less than a minute to a whole second.
    #[must_use]
    pub const fn bucket_width(window: Span) -> Span {
        let part = window.millis() / 24;
        let unit = if part < Span::minutes(1).millis() { 1000 } else { Span::minutes(1).millis() };
        let units = part.saturating_add(unit - 1) / unit;
        Span::from_millis(if units > 1 { units * unit } else { unit })
    }

    /// Takes in one event: when it was, a hash of its id, and the amount where amounts are kept.
    ///
    /// `keep` is how many of the newest times to hold, as [`Counter::keep_for`] gives it; a count never goes back to
    /// fewer. A count takes an event that is still in its slots once, however often it comes, and amounts within a
    /// window do so too; for older events, and for amounts of all time, the caller recognises repetitions.
    pub fn observe(&mut self, time: Timestamp, event: u64, amount: f64, keep: u8) {
        match &mut self.state {
            State::Count(count) => count.observe(Slot { time, event: crate::hash::fold(event) }, keep),
            State::Amounts(amounts) => amounts.observe(time, crate::hash::fold(event), amount),
            State::Periods(periods) => periods.observe(time),
            State::Distinct(_) | State::Marks(_) => {}
        }
    }

    /// Takes in a value that an event has, as a hash of it, where values are kept.
    pub fn observe_value(&mut self, time: Timestamp, value: u64) {
        if let State::Distinct(distinct) = &mut self.state {
            distinct.observe(time, value);
        }
    }

    /// Takes in an event as a step of a sequence, where these are kept.
    pub fn observe_step(&mut self, time: Timestamp, event: u64, step: u8) {
        if let State::Marks(marks) = &mut self.state {
            marks.observe(time, step, crate::hash::fold(event));
        }
    }

    /// Takes in what another counter of the same id has seen of other events. Counters of different kinds of
    /// question do not mix: this one then stays as it is.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.state, &other.state) {
            (State::Count(mine), State::Count(theirs)) => mine.merge(theirs.read()),
            (State::Amounts(mine), State::Amounts(theirs)) if mine.grid == theirs.grid => mine.merge(theirs),
            (State::Distinct(mine), State::Distinct(theirs)) => mine.merge(theirs),
            (State::Periods(mine), State::Periods(theirs)) => mine.merge(theirs),
            (State::Marks(mine), State::Marks(theirs)) => mine.merge(theirs),
            _ => {}
        }
    }

    /// Which counter this is.
    #[must_use]
    pub const fn id(&self) -> CounterId {
        self.id
    }

    /// What the counter says.
    #[must_use]
    pub const fn reading(&self) -> Reading<'_> {
        Reading::full(self.id, &self.state)
    }

    /// Notes that events before a time may be missing.
    pub(crate) fn miss_before(&mut self, time: Timestamp) {
        match &mut self.state {
            State::Count(count) => count.evict(Evicted { first: Timestamp::MIN, floor: time - MILLISECOND }),
            State::Amounts(amounts) => amounts.since = amounts.since.max(time),
            State::Distinct(distinct) => distinct.since = distinct.since.max(time),
            State::Periods(periods) => periods.since = periods.since.max(time),
            State::Marks(marks) => marks.since = marks.since.max(time),
        }
    }

    /// The bytes that the counter holds outside itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.state {
            State::Count(count) => size_of::<Count>() + count.heap_bytes(),
            State::Amounts(amounts) => amounts.heap_bytes(),
            State::Distinct(distinct) => distinct.heap_bytes(),
            State::Periods(periods) => periods.heap_bytes(),
            State::Marks(marks) => marks.heap_bytes(),
        }
    }
}

const fn no_unless(unknown: bool) -> Answer {
    if unknown { Answer::Unknown } else { Answer::No }
}

/// Makes room by half, from one to eight: doubling would waste a good part of a profile.
fn reserve<T>(slots: &mut Vec<T>) {
    if slots.len() == slots.capacity() {
        slots.reserve_exact((slots.len() / 2).clamp(1, 8));
    }
}

/// The stored form, checked before it is believed.
#[derive(Deserialize)]
enum Stored {
    Count(CounterId, Count),
    Amounts(CounterId, Box<Amounts>),
    Distinct(CounterId, Box<Distinct>),
    Periods(CounterId, Box<Periods>),
    Marks(CounterId, Box<Marks>),
}

/// The stored form as it is written, without a copy.
#[derive(Serialize)]
enum Storing<'a> {
    Count(CounterId, Times<'a>),
    Amounts(CounterId, &'a Amounts),
    Distinct(CounterId, &'a Distinct),
    Periods(CounterId, &'a Periods),
    Marks(CounterId, &'a Marks),
}

impl Serialize for Counter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.reading().serialize(serializer)
    }
}

/// A counter on its way into a profile; that of events is not in a box yet.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) enum Loaded {
    Count(CounterId, Count),
    Other(Counter),
}

impl TryFrom<Stored> for Loaded {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let (is_sound, id, state) = match stored {
            Stored::Count(id, count) if count.is_sound() => return Ok(Self::Count(id, count)),
            Stored::Count(id, count) => (false, id, State::Count(Box::new(count))),
            Stored::Amounts(id, amounts) => (amounts.is_sound(), id, State::Amounts(amounts)),
            Stored::Distinct(id, distinct) => (distinct.is_sound(), id, State::Distinct(distinct)),
            Stored::Periods(id, periods) => (periods.is_sound(), id, State::Periods(periods)),
            Stored::Marks(id, marks) => (marks.is_sound(), id, State::Marks(marks)),
        };
        if is_sound { Ok(Self::Other(Counter { id, state })) } else { Err(UNSOUND) }
    }
}

impl TryFrom<Stored> for Counter {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        Loaded::try_from(stored).map(Self::from)
    }
}

impl Loaded {
    pub(crate) const fn id(&self) -> CounterId {
        match self {
            Self::Count(id, _) => *id,
            Self::Other(counter) => counter.id,
        }
    }
}

impl From<Counter> for Loaded {
    fn from(counter: Counter) -> Self {
        match counter.state {
            State::Count(count) => Self::Count(counter.id, *count),
            state => Self::Other(Counter { id: counter.id, state }),
        }
    }
}

impl From<Loaded> for Counter {
    fn from(loaded: Loaded) -> Self {
        match loaded {
            Loaded::Count(id, count) => Self { id, state: State::Count(Box::new(count)) },
            Loaded::Other(counter) => counter,
        }
    }
}

const UNSOUND: &str = "a counter whose slots are not the newest, in order";
const MILLISECOND: Span = Span::from_millis(1);

#[cfg(test)]
mod tests;
