//! Stretches of time that questions are about: rolling windows, calendar days and weeks, the running session.

use serde::Serialize;

use crate::time::{Span, Timestamp};

/// Which stretch of time a question is about.
///
/// A rolling window is half open: `from` ago is outside, `to` ago inside. Calendar days and weeks (from Monday) are
/// those of a fixed offset from UTC, the running one included, so that `Days { count: 1, .. }` is today.
///
/// ```
/// use bespoke::profile::Window;
/// use bespoke::time::{Span, Timestamp};
/// let now: Timestamp = "2026-03-05T12:00:00Z".parse().unwrap(); // a Thursday
/// let week = Window::Weeks { count: 1, offset: 0 }.frame(now, None);
/// assert!(week.contains("2026-03-02T00:00:00Z".parse().unwrap()));
/// assert!(!week.contains("2026-03-01T23:59:59.999Z".parse().unwrap()));
/// let rolling = Window::rolling(Span::days(7)).frame(now, None);
/// assert!(!rolling.contains(now - Span::days(7)) && rolling.contains(now));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum Window {
    /// All time up to now.
    #[default]
    Ever,
    /// From so much time ago to so much time ago.
    Rolling {
        /// How long ago it begins.
        from: Span,
        /// How long ago it ends.
        to: Span,
    },
    /// The last so many calendar days, today included.
    Days {
        /// How many.
        count: u32,
        /// Minutes ahead of UTC.
        offset: i32,
    },
    /// The last so many calendar weeks, the running one included.
    Weeks {
        /// How many.
        count: u32,
        /// Minutes ahead of UTC.
        offset: i32,
    },
    /// The running session; nothing while there is none.
    Session,
}

impl Window {
    /// The last so much time.
    #[must_use]
    pub const fn rolling(from: Span) -> Self {
        Self::Rolling { from, to: Span::ZERO }
    }

    /// The stretch as it lies at a time; `session` is when the running session began and until when its facts hold.
    #[must_use]
    pub fn frame(self, now: Timestamp, session: Option<(Timestamp, Timestamp)>) -> Frame {
        let fixed = |start: Timestamp, until| Frame { start, end: now, lag: Span::ZERO, length: None, until };
        let millisecond = Span::from_millis(1);
        match self {
            Self::Ever => fixed(Timestamp::MIN, Timestamp::MAX),
            Self::Rolling { from, to } => {
                Frame { start: now - from, end: now - to, lag: to, length: Some(from), until: Timestamp::MAX }
            }
            Self::Days { count, offset } => {
                let day = day_of(now, offset);
                fixed(start_of(day - i64::from(count) + 1, offset) - millisecond, start_of(day + 1, offset))
            }
            Self::Weeks { count, offset } => {
                let monday = monday_of(day_of(now, offset));
                let first = monday - 7 * (i64::from(count) - 1);
                fixed(start_of(first, offset) - millisecond, start_of(monday + 7, offset))
            }
            Self::Session => match session {
                Some((start, until)) => fixed(start - millisecond, until),
                None => fixed(now, Timestamp::MAX),
            },
        }
    }

    /// How far back it reaches; `None` for all time, and for a session, which may last.
    #[must_use]
    pub const fn reach(self) -> Option<Span> {
        match self {
            Self::Rolling { from, .. } => Some(from),
            Self::Days { count, .. } => Some(Span::from_millis(count as i64 * DAY)),
            Self::Weeks { count, .. } => Some(Span::from_millis(count as i64 * 7 * DAY)),
            Self::Ever | Self::Session => None,
        }
    }
}

/// A stretch of time as it lies at one present: what is after `start` and up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What happened then or before is outside; [`Timestamp::MIN`] if nothing is too old.
    pub start: Timestamp,
    /// What happened after it is outside.
    pub end: Timestamp,
    /// How long after it happened something comes inside.
    lag: Span,
    /// How long after it happened something leaves, if it does while the frame moves.
    length: Option<Span>,
    /// When the frame as a whole becomes another one.
    pub(super) until: Timestamp,
}

impl Frame {
    /// Everything up to now.
    #[must_use]
    pub fn ever(now: Timestamp) -> Self {
        Window::Ever.frame(now, None)
    }

    /// The last so much time, or everything up to now.
    #[must_use]
    pub fn within(window: Option<Span>, now: Timestamp) -> Self {
        window.map_or(Window::Ever, Window::rolling).frame(now, None)
    }

    /// Whether a time lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        time > self.start && time <= self.end
    }

    /// Until when the frame reaches back before a time from which on everything is known; `None` if it does not.
    pub(crate) fn missing(&self, known_since: Timestamp) -> Option<Timestamp> {
        let last = known_since - Span::from_millis(1);
        (last > self.start).then(|| self.leaves(last).min(self.until))
    }

    pub(super) fn is_ever(&self) -> bool {
        self.start == Timestamp::MIN
    }

    /// When something that happens then comes inside.
    pub(super) fn enters(&self, time: Timestamp) -> Timestamp {
        if time == Timestamp::MAX { time } else { time + self.lag }
    }

    /// When something that happened then has left.
    pub(super) fn leaves(&self, time: Timestamp) -> Timestamp {
        self.length.map_or(Timestamp::MAX, |length| time + length)
    }
}

/// The number of the calendar day since 1970-01-01, under an offset of minutes.
pub(super) fn day_of(time: Timestamp, offset: i32) -> i64 {
    time.millis().saturating_add(i64::from(offset) * MINUTE).div_euclid(DAY)
}

/// The Monday of the week of a day.
pub(super) const fn monday_of(day: i64) -> i64 {
    // The first day of 1970 was a Thursday.
    (day + 3).div_euclid(7) * 7 - 3
}

/// When a calendar day begins.
pub(super) const fn start_of(day: i64, offset: i32) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY).saturating_sub(offset as i64 * MINUTE))
}

const MINUTE: i64 = 60_000;
pub(super) const DAY: i64 = 86_400_000;
