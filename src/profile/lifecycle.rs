//! Where a person stands between the first visit and being lost: new, active, at risk, lapsed, returned.
//!
//! The stage follows from four times: the first and the last event, and the two events around the last long silence.
//! A silence is long if it is longer than `at_risk`, and the person has *returned* from one longer than `lapsed`. All
//! four are folded in the order of event times, so late events move them as if they had come in time.

use serde::{Deserialize, Serialize};

use crate::hash::combine;
use crate::time::{Span, Timestamp};

/// After how much time a person moves from stage to stage.
///
/// ```
/// use bespoke::profile::{Lifecycle, Stage, Visits};
/// use bespoke::time::{Span, Timestamp};
/// let (lifecycle, first) = (Lifecycle::default(), Timestamp::from_millis(1_772_366_400_000));
/// let visits = Visits { first, last: first, silence: None };
/// assert_eq!(lifecycle.stage(&visits, first + Span::days(6)), (Stage::New, first));
/// assert_eq!(lifecycle.stage(&visits, first + Span::days(40)), (Stage::AtRisk, first + Span::days(30)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifecycle {
    /// For how long after the first event a person is new; at most `at_risk`.
    pub new: Span,
    /// After how long a silence a person is at risk.
    pub at_risk: Span,
    /// After how long a silence a person has lapsed; more than `at_risk`.
    pub lapsed: Span,
    /// For how long a person who comes back after having lapsed counts as returned; at most `at_risk`.
    pub returned: Span,
}

impl Default for Lifecycle {
    /// New for 7 days, at risk after 30 days, lapsed after 90, returned for 7.
    fn default() -> Self {
        Self { new: Span::days(7), at_risk: Span::days(30), lapsed: Span::days(90), returned: Span::days(7) }
    }
}

/// Where a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Seen for the first time not long ago.
    New,
    /// Seen not long ago, and neither new nor returned.
    Active,
    /// Not seen for a while.
    AtRisk,
    /// Not seen for a long while.
    Lapsed,
    /// Back, not long ago, after having lapsed.
    Returned,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 5] = [Self::New, Self::Active, Self::AtRisk, Self::Lapsed, Self::Returned];

    /// The name by which rules call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Active => "active",
            Self::AtRisk => "at_risk",
            Self::Lapsed => "lapsed",
            Self::Returned => "returned",
        }
    }
}

/// When a person was seen, as far as the lifecycle asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visits {
    /// When the first event was.
    pub first: Timestamp,
    /// When the last event was.
    pub last: Timestamp,
    /// The times of the events before and after the latest long silence.
    pub silence: Option<(Timestamp, Timestamp)>,
}

impl Lifecycle {
    /// Where a person stands at a time, and since when. Each stage lasts up to, and without, the time at which its
    /// span is over; an event ahead of `now` counts at once.
    #[must_use]
    pub fn stage(&self, visits: &Visits, now: Timestamp) -> (Stage, Timestamp) {
        let quiet = now.since(visits.last);
        if quiet >= self.lapsed {
            return (Stage::Lapsed, visits.last + self.lapsed);
        }
        if quiet >= self.at_risk {
            return (Stage::AtRisk, visits.last + self.at_risk);
        }
        match visits.silence {
            Some((before, after)) if after.since(before) > self.lapsed => {
                if now.since(after) < self.returned {
                    (Stage::Returned, after)
                } else {
                    (Stage::Active, after + self.returned)
                }
            }
            Some((before, after)) if after.since(before) > self.at_risk => (Stage::Active, after),
            _ if now.since(visits.first) < self.new => (Stage::New, visits.first),
            _ => (Stage::Active, visits.first + self.new),
        }
    }

    /// A hash of all the thresholds.
    pub(crate) fn digest(&self) -> u64 {
        combine(&[self.new, self.at_risk, self.lapsed, self.returned].map(|span| span.millis().unsigned_abs()))
    }

    /// The times at which time alone can change the stage, in no order.
    pub(crate) fn changes(&self, visits: &Visits) -> [Timestamp; 4] {
        let after = visits.silence.map_or(visits.first, |(_, after)| after);
        [visits.first + self.new, after + self.returned, visits.last + self.at_risk, visits.last + self.lapsed]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days since some day in 2026.
    const fn day(n: i64) -> Timestamp {
        Timestamp::from_millis(1_772_366_400_000 + n * 86_400_000)
    }

    #[test]
    fn stages_follow_each_other_as_the_spans_say() {
        let of = Lifecycle::default();
        let once = Visits { first: day(0), last: day(0), silence: None };
        for (now, stage, since) in [
            (day(0), Stage::New, day(0)),
            (day(7) - Span::from_millis(1), Stage::New, day(0)),
            (day(7), Stage::Active, day(7)),
            (day(30) - Span::from_millis(1), Stage::Active, day(7)),
            (day(30), Stage::AtRisk, day(30)),
            (day(90), Stage::Lapsed, day(90)),
            (day(9000), Stage::Lapsed, day(90)),
        ] {
            assert_eq!(of.stage(&once, now), (stage, since), "{now}");
        }
        let back = Visits { first: day(0), last: day(100), silence: Some((day(0), day(100))) };
        assert_eq!(of.stage(&back, day(101)), (Stage::Returned, day(100)));
        assert_eq!(of.stage(&back, day(107)), (Stage::Active, day(107)));
        assert_eq!(of.stage(&back, day(130)), (Stage::AtRisk, day(130)));
        let woken = Visits { first: day(0), last: day(50), silence: Some((day(0), day(50))) };
        assert_eq!(of.stage(&woken, day(51)), (Stage::Active, day(50)));
    }
}
