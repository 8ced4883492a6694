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
mod periods;
mod sequence;

use serde::{Deserialize, Serialize, Serializer};

use super::Frame;
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};
use amounts::Amounts;
pub use amounts::{Asked, Grid};
use count::{Count, Evicted, KEEP_STEPS, MOST_KEPT, Slot};
use distinct::Distinct;
pub use periods::Period;
use periods::Periods;
use sequence::Marks;
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
    /// The bytes that such a counter takes on a profile that has seen few events, itself included.
    #[must_use]
    pub fn typical_bytes(self) -> usize {
        size_of::<Counter>()
            + match self {
                Self::Times(_) => 0,
                Self::Amounts(_) => size_of::<Amounts>() + 4 * Amounts::SLOT_BYTES,
                Self::Values(_) => size_of::<Distinct>() + 4 * Distinct::SLOT_BYTES,
                Self::Periods(..) => size_of::<Periods>() + Periods::WORD_BYTES,
                Self::Marks => size_of::<Marks>() + 4 * Marks::SLOT_BYTES,
            }
    }

    /// The most bytes that such a counter takes, itself included, without the allocator's overhead.
    ///
    /// ```
    /// use bespoke::profile::Kept;
    /// assert_eq!(Kept::Times(4).worst_bytes(), 80 + 4 * 12 + 16);
    /// ```
    #[must_use]
    pub fn worst_bytes(self) -> usize {
        size_of::<Counter>()
            + match self {
                Self::Times(keep) => usize::from(keep) * size_of::<Slot>() + size_of::<Evicted>(),
                Self::Amounts(grid) => Amounts::worst_bytes(grid),
                Self::Values(grid) => Distinct::worst_bytes(grid),
                Self::Periods(..) => Periods::worst_bytes(),
                Self::Marks => Marks::worst_bytes(),
            }
    }
}

/// What a counter says about a stretch of time, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windowed<T> {
    /// The count or the time. A count that is not exact is a lower bound.
    pub value: T,
    /// Whether the value is exactly that of the window.
    pub exact: bool,
    /// The earliest time after `now` at which the value changes although nothing happens; [`Timestamp::MAX`] if
    /// there is none.
    pub until: Timestamp,
}

/// What a counter says about a number, how far it may be off, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number, by the documented reading; `None` where there is none, such as the mean of nothing.
    pub value: Option<f64>,
    /// The least that the exact number can be; for distinct values two standard errors below the estimate.
    pub low: f64,
    /// The most that it can be, likewise.
    pub high: f64,
    /// Whether all events of the window are taken in; if not, the ends are infinite where nothing bounds them.
    pub known: bool,
    /// The earliest time after `now` at which it may change although nothing happens.
    pub until: Timestamp,
}

impl Estimate {
    /// Whether the value is exactly that of the window.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.known && self.low.total_cmp(&self.high).is_eq()
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
/// let hour = |now| views.count_in(&Frame::within(Some(Span::hours(1)), now));
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

/// All but the common counter of events are boxed, so that this one stays small.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Count(Count),
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
            Kept::Times(_) => State::Count(Count::new(complete_since)),
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
            State::Count(count) => {
                count.keep = count.keep.max(Self::keep_for(u32::from(keep).saturating_sub(1)));
                if count.insert(Slot { time, event: crate::hash::fold(event) }) {
                    count.total = count.total.saturating_add(1);
                }
            }
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
            (State::Count(mine), State::Count(theirs)) => {
                mine.keep = mine.keep.max(theirs.keep);
                if let Some(evicted) = &theirs.evicted {
                    mine.evict(**evicted);
                }
                mine.total = mine.total.saturating_add(theirs.total);
                for slot in &theirs.slots {
                    mine.insert(*slot);
                }
            }
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

    /// From when on every event has been taken in; [`Timestamp::MIN`] if all that there ever were. A negative answer
    /// about a window that reaches back further is unknown.
    #[must_use]
    pub fn complete_since(&self) -> Timestamp {
        match &self.state {
            State::Count(count) if count.is_incomplete() => count.floor() + MILLISECOND,
            State::Count(_) => Timestamp::MIN,
            State::Amounts(amounts) => amounts.since,
            State::Distinct(distinct) => distinct.since,
            State::Periods(periods) => periods.since,
            State::Marks(marks) => marks.since,
        }
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

    /// How many events there were inside the frame. Events after `now` count when `now` reaches them.
    ///
    /// Exact as long as the frame holds fewer events than are kept; a lower bound beyond. Zero, and not exact, where
    /// no times are kept.
    #[must_use]
    pub fn count_in(&self, frame: &Frame) -> Windowed<u32> {
        match &self.state {
            State::Count(count) => count.count(frame),
            _ => Windowed { value: 0, exact: false, until: Timestamp::MAX },
        }
    }

    /// Whether there were at least `least` events inside the frame, and until when this stays so although nothing
    /// happens.
    ///
    /// Yes is always right. Where too few are there, but events that left the slots may lie inside, it is unknown:
    /// for a `least` below the number of times kept and a frame up to now only while events ahead take up slots.
    #[must_use]
    pub fn at_least(&self, least: u32, frame: &Frame) -> Truth {
        match &self.state {
            State::Count(count) => count.at_least(least, frame),
            _ => Truth::always(if least == 0 { Answer::Yes } else { Answer::Unknown }),
        }
    }

    /// The time of the first event inside the frame. One that is not exact is known to be no later.
    #[must_use]
    pub fn first_in(&self, frame: &Frame) -> Windowed<Option<Timestamp>> {
        match &self.state {
            State::Count(count) => count.first(frame),
            _ => Windowed { value: None, exact: false, until: Timestamp::MAX },
        }
    }

    /// The time of the last event inside the frame.
    #[must_use]
    pub fn last_in(&self, frame: &Frame) -> Windowed<Option<Timestamp>> {
        match &self.state {
            State::Count(count) => count.last(frame),
            _ => Windowed { value: None, exact: false, until: Timestamp::MAX },
        }
    }

    /// When the newest event was, as far as that is kept; days and weeks count from their beginning.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        match &self.state {
            State::Count(count) => count.last(&Frame::ever(Timestamp::MAX)).value,
            State::Amounts(amounts) => amounts.newest(),
            State::Distinct(distinct) => distinct.newest(),
            State::Periods(periods) => periods.newest(),
            State::Marks(marks) => marks.newest(),
        }
    }

    /// A number about the frame: of amounts what is asked, of values how many different ones, of periods how many
    /// with an event.
    ///
    /// Amounts are exact while the frame holds no more than 51 events. Of older ones whole buckets are read: those
    /// that begin inside it; the ends of the estimate say what lies in a bucket that its beginning cuts. Without a
    /// window, events up to five minutes ahead count at once. Up to 64 distinct values are exact, more are estimated
    /// with a standard error of 9.2 %. Days and weeks are those of the calendar that the frame overlaps.
    #[must_use]
    pub fn estimate(&self, asked: Asked, frame: &Frame) -> Estimate {
        match &self.state {
            State::Amounts(amounts) => amounts.read(asked, frame),
            State::Distinct(distinct) => distinct.read(frame),
            State::Periods(periods) => periods.read(frame),
            State::Count(count) => {
                let count = count.count(frame);
                let value = f64::from(count.value);
                let high = if count.exact { value } else { f64::INFINITY };
                Estimate { value: Some(value), low: value, high, known: count.exact, until: count.until }
            }
            State::Marks(_) => {
                let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
                Estimate { value: None, low, high, known: false, until: Timestamp::MAX }
            }
        }
    }

    /// Whether the steps of a sequence were taken in their order inside the frame; unknown where no marks are kept,
    /// or where what has left the newest 64 marks could tell otherwise.
    #[must_use]
    pub fn sequence(&self, steps: &Steps, frame: &Frame) -> Truth {
        match &self.state {
            State::Marks(marks) => marks.read(steps, frame),
            _ => Truth::always(Answer::Unknown),
        }
    }

    /// The times that are kept of the events inside the frame, oldest first: what a count is based on. Empty where no
    /// times are kept.
    #[must_use]
    pub fn times(&self, frame: &Frame) -> Vec<Timestamp> {
        match &self.state {
            State::Count(count) => count.times(frame),
            _ => Vec::new(),
        }
    }

    /// The time up to which events may be missing, since they left the slots or nobody asked before; `None` if all
    /// are there.
    #[must_use]
    pub fn missing(&self) -> Option<Timestamp> {
        let floor = match &self.state {
            State::Count(count) => count.floor(),
            _ => self.complete_since() - MILLISECOND,
        };
        (floor > Timestamp::MIN).then_some(floor)
    }

    /// The bytes that the counter holds outside itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.state {
            State::Count(count) => {
                let evicted = count.evicted.as_ref().map_or(0, |_| size_of::<Evicted>());
                let spilled = if count.slots.spilled() { count.slots.capacity() * size_of::<Slot>() } else { 0 };
                spilled + evicted
            }
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
    Count(CounterId, &'a Count),
    Amounts(CounterId, &'a Amounts),
    Distinct(CounterId, &'a Distinct),
    Periods(CounterId, &'a Periods),
    Marks(CounterId, &'a Marks),
}

impl Serialize for Counter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.state {
            State::Count(count) => Storing::Count(self.id, count),
            State::Amounts(amounts) => Storing::Amounts(self.id, amounts),
            State::Distinct(distinct) => Storing::Distinct(self.id, distinct),
            State::Periods(periods) => Storing::Periods(self.id, periods),
            State::Marks(marks) => Storing::Marks(self.id, marks),
        }
        .serialize(serializer)
    }
}

impl TryFrom<Stored> for Counter {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let (sound, id, state) = match stored {
            Stored::Count(id, count) => {
                let sorted = count.slots.is_sorted_by(|a, b| a < b);
                let bounded = KEEP_STEPS.contains(&count.keep) && count.slots.len() <= usize::from(count.keep);
                // What left was older than what stayed, and not older than the oldest that left.
                let left = count.evicted.as_ref().is_none_or(|evicted| evicted.first <= evicted.floor);
                let counted = count.total as usize >= count.slots.len() && (count.total == 0) == count.slots.is_empty();
                (sorted && bounded && left && counted, id, State::Count(count))
            }
            Stored::Amounts(id, amounts) => (amounts.is_sound(), id, State::Amounts(amounts)),
            Stored::Distinct(id, distinct) => (distinct.is_sound(), id, State::Distinct(distinct)),
            Stored::Periods(id, periods) => (periods.is_sound(), id, State::Periods(periods)),
            Stored::Marks(id, marks) => (marks.is_sound(), id, State::Marks(marks)),
        };
        if sound { Ok(Self { id, state }) } else { Err("a counter whose slots are not the newest, in order") }
    }
}

const MILLISECOND: Span = Span::from_millis(1);

#[cfg(test)]
mod tests;
