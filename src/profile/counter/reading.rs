//! What counters say.

use serde::{Serialize, Serializer};

use super::count::Times;
use super::few::Held;
use super::{Asked, Counter, CounterId, MILLISECOND, Reached, State, Steps, Storing};
use crate::profile::Frame;
use crate::time::Timestamp;
use crate::truth::{Answer, Truth};

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

/// A counter as rules read it: a small view, whatever form a profile keeps the counter in.
///
/// ```
/// use bespoke::profile::{Counter, CounterId, Frame};
/// use bespoke::time::{Span, Timestamp};
/// let mut views = Counter::count(CounterId::of("item_viewed"));
/// let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
/// views.observe(noon, 1, 0.0, 4);
/// let (views, later) = (views.reading(), noon + Span::hours(2));
/// assert_eq!(views.last_in(&Frame::ever(later)).value, Some(noon));
/// assert_eq!(views.count_in(&Frame::within(Some(Span::hours(1)), later)).value, 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    id: CounterId,
    source: Source<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Few(Held),
    Full(&'a State),
}

impl<'a> Reading<'a> {
    pub(crate) const fn few(id: CounterId, held: Held) -> Self {
        Self { id, source: Source::Few(held) }
    }

    pub(super) const fn full(id: CounterId, state: &'a State) -> Self {
        Self { id, source: Source::Full(state) }
    }

    /// Which counter this is.
    #[must_use]
    pub const fn id(&self) -> CounterId {
        self.id
    }

    /// The times of a counter of events.
    pub(crate) fn kept(&self) -> Option<Times<'_>> {
        match &self.source {
            Source::Few(held) => Some(held.times()),
            Source::Full(State::Count(count)) => Some(count.read()),
            Source::Full(_) => None,
        }
    }

    /// From when on every event has been taken in; [`Timestamp::MIN`] if all that there ever were. A negative answer
    /// about a window that reaches back further is unknown.
    #[must_use]
    pub fn complete_since(&self) -> Timestamp {
        match &self.source {
            Source::Few(held) => held.times().complete_since(),
            Source::Full(State::Count(count)) => count.read().complete_since(),
            Source::Full(State::Amounts(amounts)) => amounts.since,
            Source::Full(State::Distinct(distinct)) => distinct.since,
            Source::Full(State::Periods(periods)) => periods.since,
            Source::Full(State::Marks(marks)) => marks.since,
        }
    }

    /// How many events there were inside the frame. Events after `now` count when `now` reaches them.
    ///
    /// Exact as long as the frame holds fewer events than are kept; a lower bound beyond. Zero, and not exact, where
    /// no times are kept.
    #[must_use]
    pub fn count_in(&self, frame: &Frame) -> Windowed<u32> {
        let nothing = Windowed { value: 0, exact: false, until: Timestamp::MAX };
        self.kept().map_or(nothing, |times| times.count(frame))
    }

    /// Whether there were at least `least` events inside the frame, and until when this stays so although nothing
    /// happens.
    ///
    /// Yes is always right. Where too few are there, but events that left the slots may lie inside, it is unknown:
    /// for a `least` below the number of times kept and a frame up to now only while events ahead take up slots.
    #[must_use]
    pub fn at_least(&self, least: u32, frame: &Frame) -> Truth {
        let nothing = || Truth::always(if least == 0 { Answer::Yes } else { Answer::Unknown });
        self.kept().map_or_else(nothing, |times| times.at_least(least, frame))
    }

    /// The time of the first event inside the frame. One that is not exact is known to be no later.
    #[must_use]
    pub fn first_in(&self, frame: &Frame) -> Windowed<Option<Timestamp>> {
        self.kept().map_or(NO_TIME, |times| times.first(frame))
    }

    /// The time of the last event inside the frame.
    #[must_use]
    pub fn last_in(&self, frame: &Frame) -> Windowed<Option<Timestamp>> {
        self.kept().map_or(NO_TIME, |times| times.last(frame))
    }

    /// When the newest event was, as far as that is kept; days and weeks count from their beginning.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        match &self.source {
            Source::Few(_) | Source::Full(State::Count(_)) => self.last_in(&Frame::ever(Timestamp::MAX)).value,
            Source::Full(State::Amounts(amounts)) => amounts.newest(),
            Source::Full(State::Distinct(distinct)) => distinct.newest(),
            Source::Full(State::Periods(periods)) => periods.newest(),
            Source::Full(State::Marks(marks)) => marks.newest(),
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
        match &self.source {
            Source::Full(State::Amounts(amounts)) => amounts.read(asked, frame),
            Source::Full(State::Distinct(distinct)) => distinct.read(frame),
            Source::Full(State::Periods(periods)) => periods.read(frame),
            Source::Few(_) | Source::Full(State::Count(_)) => {
                let count = self.count_in(frame);
                let value = f64::from(count.value);
                let high = if count.exact { value } else { f64::INFINITY };
                Estimate { value: Some(value), low: value, high, known: count.exact, until: count.until }
            }
            Source::Full(State::Marks(_)) => {
                let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
                Estimate { value: None, low, high, known: false, until: Timestamp::MAX }
            }
        }
    }

    /// Whether the steps of a sequence were taken in their order inside the frame; unknown where no marks are kept,
    /// or where what has left the newest 64 marks could tell otherwise.
    #[must_use]
    pub fn sequence(&self, steps: &Steps, frame: &Frame) -> Truth {
        match &self.source {
            Source::Full(State::Marks(marks)) => marks.read(steps, frame),
            _ => Truth::always(Answer::Unknown),
        }
    }

    /// How far the steps of a sequence were taken inside the frame.
    pub(crate) fn reached(&self, steps: &Steps, frame: &Frame) -> Reached {
        match &self.source {
            Source::Full(State::Marks(marks)) => marks.reached(steps, frame),
            _ => Reached::default(),
        }
    }

    /// The times that are kept of the events inside the frame, oldest first: what a count is based on. Empty where no
    /// times are kept.
    #[must_use]
    pub fn times(&self, frame: &Frame) -> Vec<Timestamp> {
        self.kept().map_or_else(Vec::new, |times| times.times(frame))
    }

    /// The time up to which events may be missing, since they left the slots or nobody asked before; `None` if all
    /// are there.
    #[must_use]
    pub fn missing(&self) -> Option<Timestamp> {
        let floor = self.kept().map_or_else(|| self.complete_since() - MILLISECOND, |times| times.floor());
        (floor > Timestamp::MIN).then_some(floor)
    }
}

impl From<Reading<'_>> for Counter {
    fn from(reading: Reading<'_>) -> Self {
        let state = match &reading.source {
            Source::Few(held) => State::Count(Box::new(held.times().into())),
            Source::Full(state) => (*state).clone(),
        };
        Self { id: reading.id, state }
    }
}

impl PartialEq for Reading<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && match (self.source, other.source) {
                (Source::Full(ours), Source::Full(theirs)) => ours == theirs,
                _ => self.kept().is_some() && self.kept() == other.kept(),
            }
    }
}

impl Serialize for Reading<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = match &self.source {
            Source::Few(held) => Storing::Count(self.id, held.times()),
            Source::Full(State::Count(count)) => Storing::Count(self.id, count.read()),
            Source::Full(State::Amounts(amounts)) => Storing::Amounts(self.id, amounts),
            Source::Full(State::Distinct(distinct)) => Storing::Distinct(self.id, distinct),
            Source::Full(State::Periods(periods)) => Storing::Periods(self.id, periods),
            Source::Full(State::Marks(marks)) => Storing::Marks(self.id, marks),
        };
        state.serialize(serializer)
    }
}

const NO_TIME: Windowed<Option<Timestamp>> = Windowed { value: None, exact: false, until: Timestamp::MAX };
