//! A metric in an arm while units come in, and two of them as an effect.

use super::{Arm, difference};
use crate::stats::{Alpha, Evidence, Interval, Moments, Proportion, Undefined};

/// A metric in an arm.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) moments: Moments,
    ones: u64,
    others: u64,
}

impl Cell {
    pub(super) fn observe(&mut self, value: f64) {
        self.moments.observe(value);
        if value.total_cmp(&1.0).is_eq() {
            self.ones += 1;
        } else if value.abs() > 0.0 {
            self.others += 1;
        }
    }

    /// Of units that somebody added up: as zeros and ones where their sums are such, and else as other numbers.
    pub(super) fn of_sums(moments: Moments, sum: f64, squares: f64) -> Self {
        let units = moments.count();
        // Sums of zeros and ones are exact.
        let is_count = sum >= 0.0 && sum <= units as f64 && libm::trunc(sum).total_cmp(&sum).is_eq();
        if is_count && sum.total_cmp(&squares).is_eq() {
            Self { moments, ones: sum as u64, others: 0 }
        } else {
            Self { moments, ones: 0, others: units }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
        self.ones = self.ones.saturating_add(other.ones);
        self.others = self.others.saturating_add(other.others);
    }

    /// Whether every unit had 0 or 1.
    pub(super) const fn is_rate(&self) -> bool {
        self.others == 0
    }

    /// Whether there are units, and events of a rate, enough to take the estimate for normal.
    pub(super) fn is_enough(&self, is_proportion: bool) -> bool {
        let units = self.moments.count();
        if is_proportion {
            units >= UNITS_OF_RATE && self.ones.min(units - self.ones) >= EVENTS
        } else {
            units >= UNITS_OF_MEAN
        }
    }

    pub(super) fn arm(&self, is_proportion: bool) -> Arm {
        match self.proportion() {
            Ok(proportion) if is_proportion => Arm::from(&proportion),
            _ => Arm::from(&self.moments),
        }
    }

    fn proportion(&self) -> Result<Proportion, Undefined> {
        Proportion::new(self.ones, self.moments.count())
    }
}

/// A difference, by the convention of its kind of metric.
pub(super) struct Effect {
    /// With the error that the difference has.
    pub(super) evidence: Evidence,
    /// With the error that it has if there is none.
    pub(super) test: Evidence,
    /// At one look.
    pub(super) interval: Interval,
}

impl Effect {
    pub(super) fn new(a: &Cell, b: &Cell, is_proportion: bool, alpha: Alpha) -> Result<Self, Undefined> {
        if is_proportion {
            let (a, b) = (a.proportion()?, b.proportion()?);
            return Ok(Self {
                evidence: Proportion::unpooled(&a, &b)?,
                test: Proportion::pooled(&a, &b)?,
                interval: Proportion::newcombe(&a, &b, alpha)?,
            });
        }
        let evidence = difference(&a.arm(false), &b.arm(false))?;
        Ok(Self { evidence, test: evidence, interval: evidence.interval(alpha) })
    }
}

/// Fewer units than this say nothing of a rate.
const UNITS_OF_RATE: u64 = 100;
/// Nor do fewer units that did it, or did not.
const EVENTS: u64 = 5;
/// Fewer units than this say nothing of a mean, which may be skewed.
const UNITS_OF_MEAN: u64 = 500;
