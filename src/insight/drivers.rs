//! Which conditions go with value.

use serde::Serialize;

use super::value::{Analysis, Contrast};
use super::worth::Leak;
use crate::rule::Rule;
use crate::stats::{Adjustment, Moments, adjusted};
use crate::time::Timestamp;

/// Which conditions go with value, and how surely. Displays as tables.
///
/// A condition that goes with value need not cause it: that a segment of such people answers to anything is for an
/// experiment to tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drivers {
    /// What value is.
    pub worth: String,
    /// The time for which the conditions were asked.
    pub now: Timestamp,
    /// How many people there are.
    pub people: u64,
    /// How many of them were looked at.
    pub sampled: usize,
    /// What they are worth on average.
    pub mean: f64,
    /// The part of them that is worth more than nothing.
    pub payers: f64,
    /// What those are worth on average.
    pub payer_mean: Option<f64>,
    /// Where the worth of a person is capped before means are compared.
    pub cap: f64,
    /// How many conditions were tested together.
    pub tested: usize,
    /// How many of the findings may be false, as a part of them (Benjamini and Hochberg, 1995).
    pub false_discovery: f64,
    /// The conditions that go with value, the surest first, ties in the order of asking.
    pub found: Vec<Driver>,
    /// The conditions that follow from value, or that it follows from, the surest first. They took no part in the
    /// tests.
    pub leaks: Vec<Driver>,
}

/// One condition, and what those who meet it are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Driver {
    /// The condition.
    pub rule: Rule,
    /// Those who meet it against those who do not.
    #[serde(flatten)]
    pub contrast: Contrast,
    /// The smallest part of false findings at which this is one; 1 for a leak.
    pub q: f64,
    /// Why the condition says nothing, if so.
    pub leak: Option<Leak>,
}

impl Analysis {
    /// Which conditions go with value.
    #[must_use]
    pub fn drivers(&self) -> Drivers {
        let (mut all, mut payers) = (Moments::default(), Moments::default());
        for value in &self.values {
            all.observe(*value);
            if *value > 0.0 {
                payers.observe(*value);
            }
        }
        // A sample has far fewer than 2^53 people.
        let paying = payers.count() as f64 / (all.count() as f64).max(1.0);
        let contrasts = self.conditions.iter().map(|condition| {
            let contrast = self.contrast(&condition.people, None, self.settings.alpha);
            let is_bare = contrast.payers_of_others == 0.0 && paying * contrast.others as f64 >= EXPECTED;
            let leak = match (condition.follows, is_bare) {
                (true, _) => Some(Leak::Follows),
                (false, true) => Some(Leak::Necessary),
                (false, false) => None,
            };
            Driver { rule: condition.rule.clone(), contrast, q: 1.0, leak }
        });
        let (mut leaks, mut found): (Vec<Driver>, Vec<Driver>) = contrasts.partition(|driver| driver.leak.is_some());
        let tested = found.len();
        let p: Vec<f64> = found.iter().map(|driver| driver.contrast.p).collect();
        for (driver, q) in
            found.iter_mut().zip(adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_else(|_| vec![1.0; p.len()]))
        {
            driver.q = q;
        }
        found.retain(|driver| driver.q <= self.settings.false_discovery);
        for drivers in [&mut found, &mut leaks] {
            drivers.sort_by(|a, b| b.contrast.z.abs().total_cmp(&a.contrast.z.abs()));
        }
        Drivers {
            worth: self.worth.clone(),
            now: self.now,
            people: self.people,
            sampled: self.values.len(),
            mean: all.mean(),
            payers: paying,
            payer_mean: (payers.count() > 0).then(|| payers.mean()),
            cap: self.cap,
            tested,
            false_discovery: self.settings.false_discovery,
            found,
            leaks,
        }
    }

    /// The conditions that a suggested segment may have: none that says nothing about value.
    pub(super) fn usable(&self) -> Vec<usize> {
        let everybody =
            self.values.iter().filter(|value| **value > 0.0).count() as f64 / self.values.len().max(1) as f64;
        let is_usable = |index: &usize| {
            let condition = &self.conditions[*index];
            let outside = (0..self.values.len()).filter(|place| !condition.people.contains(*place));
            let (mut others, mut paying) = (0_usize, 0_usize);
            for place in outside {
                others += 1;
                paying += usize::from(self.values[place] > 0.0);
            }
            !condition.follows && (paying > 0 || everybody * (others as f64) < EXPECTED)
        };
        (0..self.conditions.len()).filter(is_usable).collect()
    }
}

/// So many payers must be expected among people before that there are none is no chance: it happens once in e^20.
const EXPECTED: f64 = 20.0;
