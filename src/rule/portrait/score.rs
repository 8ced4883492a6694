//! Scoring rules: points for each condition that holds, and a threshold.
//!
//! Points are added in whole millionths, so that their order does not matter. The parts are asked by falling weight,
//! and no further once what is left cannot change the answer. A part that is unknown leaves the score within bounds,
//! which may still decide.

use super::super::value_test::ValueTest;
use crate::time::Timestamp;
use crate::truth::{Answer, Truth};

/// A scoring rule over conditions that were compiled to `N`.
#[derive(Clone, Debug)]
pub(crate) struct Scoring<N> {
    /// By falling weight.
    parts: Box<[(i64, N)]>,
    /// The sums of the points below and above zero.
    reach: (i64, i64),
    test: ValueTest,
}

impl<N> Scoring<N> {
    pub(crate) fn new(parts: Vec<(f64, N)>, test: ValueTest) -> Self {
        // Points beyond their range are refused by checking; here they count as the range's end.
        let whole = |points: f64| micros(points.clamp(-MOST, MOST)).unwrap_or(0);
        let mut parts: Vec<(i64, N)> = parts.into_iter().map(|(points, of)| (whole(points), of)).collect();
        parts.sort_by_key(|(points, _)| std::cmp::Reverse(points.unsigned_abs()));
        let below = parts.iter().fold(0_i64, |sum, (points, _)| sum.saturating_add((*points).min(0)));
        let above = parts.iter().fold(0_i64, |sum, (points, _)| sum.saturating_add((*points).max(0)));
        Self { parts: parts.into(), reach: (below, above), test }
    }

    /// The conditions.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &N> {
        self.parts.iter().map(|(_, part)| part)
    }

    /// The answer, given that of each part.
    pub(crate) fn eval(&self, ask: impl Fn(&N) -> Truth) -> Truth {
        let ((mut low, mut high), mut until) = (self.reach, Timestamp::MAX);
        for (points, part) in &self.parts {
            let answer = self.within(low, high);
            if !answer.is_unknown() {
                return Truth { answer, until };
            }
            let truth = ask(part);
            until = until.min(truth.until);
            let (less, more) = ((*points).min(0), (*points).max(0));
            match truth.answer {
                Answer::Yes => {
                    low = low.saturating_add(more);
                    high = high.saturating_add(less);
                }
                Answer::No => {
                    low = low.saturating_sub(less);
                    high = high.saturating_sub(more);
                }
                Answer::Unknown => {}
            }
        }
        Truth { answer: self.within(low, high), until }
    }

    fn within(&self, low: i64, high: i64) -> Answer {
        self.test.range(low as f64 / UNITS, high as f64 / UNITS)
    }
}

/// Points in whole millionths; `None` if they are out of range.
pub(super) fn micros(points: f64) -> Option<i64> {
    // The range makes the cast exact.
    (points.abs() <= MOST).then(|| libm::round(points * UNITS) as i64)
}

const MOST: f64 = 1e9;
const UNITS: f64 = 1e6;
