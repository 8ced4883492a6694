//! A metric in an arm while units come in, and two of them as an effect.

use super::tail::linear_quantile;
use super::{
    Adjusted, Arm, MetricKind, PlannedMetric, QuantileRanks, Tally, as_lift, difference, fieller, log_ratio,
    relative_lift,
};
use crate::state::State;
use crate::stats::undefined::finite;
use crate::stats::{Alpha, Evidence, Interval, JointMoments, Moments, Proportion, Undefined};

/// What a metric makes of its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// A rate if every unit had 0 or 1, and else a mean.
    Told,
    Rate,
    Mean,
    /// With a covariate.
    MeanGiven,
    Ratio,
    RatioGiven,
    /// At this share of the units.
    Quantile(f64),
}

impl Kind {
    pub(super) fn of(metric: &PlannedMetric) -> Self {
        match (metric.kind, metric.before.is_empty()) {
            (MetricKind::Rate, _) => Self::Rate,
            (MetricKind::Mean, true) => Self::Mean,
            (MetricKind::Mean, false) => Self::MeanGiven,
            (MetricKind::Ratio, true) => Self::Ratio,
            (MetricKind::Ratio, false) => Self::RatioGiven,
            // A plan that was built has it.
            (MetricKind::Quantile, _) => Self::Quantile(metric.quantile.unwrap_or(0.5)),
        }
    }

    /// As a plan would call it.
    pub(super) const fn name(self) -> MetricKind {
        match self {
            Self::Rate => MetricKind::Rate,
            Self::Told | Self::Mean | Self::MeanGiven => MetricKind::Mean,
            Self::Ratio | Self::RatioGiven => MetricKind::Ratio,
            Self::Quantile(_) => MetricKind::Quantile,
        }
    }

    /// How many numbers of a unit it takes.
    pub(super) const fn numbers(self) -> usize {
        match self {
            Self::Told | Self::Rate | Self::Mean | Self::Quantile(_) => 1,
            Self::MeanGiven | Self::Ratio => 2,
            Self::RatioGiven => 4,
        }
    }
}

/// A metric in an arm.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Of the first number.
    pub(super) moments: Moments,
    ones: u64,
    others: u64,
    /// Few metrics have more, and cells are many.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug)]
enum More {
    /// All numbers together.
    Joint(Tally),
    /// All values.
    Values(Vec<f64>),
}

impl Cell {
    pub(super) fn new(kind: Kind) -> Self {
        let more = match kind {
            Kind::Told | Kind::Rate | Kind::Mean => None,
            Kind::MeanGiven => Some(More::Joint(Tally::MeanGiven(JointMoments::default()))),
            Kind::Ratio => Some(More::Joint(Tally::Ratio(JointMoments::default()))),
            Kind::RatioGiven => Some(More::Joint(Tally::RatioGiven(JointMoments::default()))),
            Kind::Quantile(_) => Some(More::Values(Vec::new())),
        };
        Self { more: more.map(Box::new), ..Self::default() }
    }

    /// Takes in the numbers of a unit, as many as the kind has.
    pub(super) fn observe(&mut self, numbers: &[f64]) {
        let Some(value) = numbers.first().copied() else { return };
        self.moments.observe(value);
        if value.total_cmp(&1.0).is_eq() {
            self.ones += 1;
        } else if value.abs() > 0.0 {
            self.others += 1;
        }
        match self.more.as_deref_mut() {
            Some(More::Joint(tally)) => tally.observe(numbers),
            Some(More::Values(values)) => values.push(value),
            None => {}
        }
    }

    /// Of units that somebody added up: the sums of the kind's numbers, and then those of their products, the lower
    /// triangle by rows.
    pub(super) fn of_sums(kind: Kind, units: f64, sums: &[f64]) -> Result<Self, Undefined> {
        let many = kind.numbers();
        if let Kind::Quantile(_) = kind {
            return Err(Undefined::QuantileOfSums);
        }
        if sums.len() != many + many * (many + 1) / 2 {
            return Err(Undefined::LengthMismatch);
        }
        let (sum, squares) = (sums[0], sums[many]);
        let moments = Moments::from_sums(units, sum, squares)?;
        let more = match kind {
            Kind::MeanGiven => Some(Tally::MeanGiven(joint(units, sums)?)),
            Kind::Ratio => Some(Tally::Ratio(joint(units, sums)?)),
            Kind::RatioGiven => Some(Tally::RatioGiven(joint(units, sums)?)),
            Kind::Told | Kind::Rate | Kind::Mean | Kind::Quantile(_) => None,
        };
        let more = more.map(|tally| Box::new(More::Joint(tally)));
        // Sums of zeros and ones are exact.
        let is_count = sum >= 0.0 && sum <= units && libm::trunc(sum).total_cmp(&sum).is_eq();
        Ok(if is_count && sum.total_cmp(&squares).is_eq() {
            Self { moments, ones: sum as u64, others: 0, more }
        } else {
            Self { moments, ones: 0, others: moments.count(), more }
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
        self.ones = self.ones.saturating_add(other.ones);
        self.others = self.others.saturating_add(other.others);
        match (self.more.as_deref_mut(), other.more.as_deref()) {
            (Some(More::Joint(ours)), Some(More::Joint(theirs))) => ours.merge(theirs),
            (Some(More::Values(ours)), Some(More::Values(theirs))) => ours.extend(theirs),
            _ => {}
        }
    }

    /// Whether every unit had 0 or 1.
    pub(super) const fn is_rate(&self) -> bool {
        self.others == 0
    }

    /// Whether there are units, and events of a rate, enough to take the estimate for normal.
    pub(super) fn is_enough(&self, kind: Kind) -> bool {
        let units = self.moments.count();
        match kind {
            Kind::Rate => units >= UNITS_OF_RATE && self.ones.min(units - self.ones) >= EVENTS,
            Kind::Quantile(q) => units >= UNITS_OF_RATE && units as f64 * q.min(1.0 - q) >= BEYOND,
            _ => units >= UNITS_OF_MEAN,
        }
    }

    /// The metric's value, without its covariate.
    pub(super) fn arm(&self, kind: Kind) -> Result<Arm, Undefined> {
        match (kind, self.more.as_deref()) {
            (Kind::Rate, _) => Ok(self.proportion().map_or_else(|_| Arm::from(&self.moments), |rate| Arm::from(&rate))),
            (_, Some(More::Joint(tally))) => tally.arm(),
            (Kind::Quantile(q), Some(More::Values(values))) => quantile(values, q),
            _ => Ok(Arm::from(&self.moments)),
        }
    }

    fn proportion(&self) -> Result<Proportion, Undefined> {
        Proportion::new(self.ones, self.moments.count())
    }

    fn tally(&self) -> Option<&Tally> {
        match self.more.as_deref() {
            Some(More::Joint(tally)) => Some(tally),
            _ => None,
        }
    }
}

fn joint<const N: usize>(units: f64, sums: &[f64]) -> Result<JointMoments<N>, Undefined> {
    let mut products = [[0.0; N]; N];
    let mut rest = sums[N..].iter();
    for (i, row) in products.iter_mut().enumerate() {
        row[..=i].iter_mut().for_each(|product| *product = rest.next().copied().unwrap_or(0.0));
    }
    JointMoments::from_sums(units, core::array::from_fn(|i| sums[i]), products)
}

/// A quantile of independent units, with the error that the order statistics of its 95 % interval give (Deng, Knoblich
/// and Lu, 2018, section 4; the interval by the normal approximation of the binomial).
fn quantile(values: &[f64], q: f64) -> Result<Arm, Undefined> {
    let units = values.len() as u64;
    let ranks = QuantileRanks::new(units, q, Alpha::USUAL)?;
    let mut values = values.to_vec();
    let value = linear_quantile(&mut values, q).ok_or(Undefined::EmptyArm)?;
    // Ranks are from 1 to the units.
    let mut ranked = |rank: u64| *values.select_nth_unstable_by(rank as usize - 1, f64::total_cmp).1;
    Arm::quantile(units, units, value, ranked(ranks.low), ranked(ranks.high))
}

/// A difference, by the convention of its kind of metric.
pub(super) struct Effect {
    /// With the error that the difference has.
    pub(super) evidence: Evidence,
    /// With the error that it has if there is none.
    pub(super) test: Evidence,
    /// At one look.
    pub(super) interval: Interval,
    /// What the covariate did.
    pub(super) adjusted: Option<Adjusted>,
    /// The value of the control among all units, and both arms with the errors that the difference is made of.
    pub(super) arms: [Arm; 2],
}

impl Effect {
    pub(super) fn new(kind: Kind, a: &Cell, b: &Cell, alpha: Alpha) -> Result<Self, Undefined> {
        let arms = [a.arm(kind)?, b.arm(kind)?];
        if kind == Kind::Rate {
            let (a, b) = (a.proportion()?, b.proportion()?);
            return Ok(Self {
                evidence: Proportion::unpooled(&a, &b)?,
                test: Proportion::pooled(&a, &b)?,
                interval: Proportion::newcombe(&a, &b, alpha)?,
                adjusted: None,
                arms,
            });
        }
        let adjusted = Self::adjusted(a, b)?;
        let evidence = match &adjusted {
            Some(adjusted) => adjusted.difference,
            None => difference(&arms[0], &arms[1])?,
        };
        let interval = evidence.interval(alpha);
        Ok(Self { evidence, test: evidence, interval, adjusted, arms })
    }

    /// The difference alone, with the error that it has.
    pub(super) fn between(kind: Kind, a: &Cell, b: &Cell) -> Result<Evidence, Undefined> {
        match Self::adjusted(a, b)? {
            Some(adjusted) => Ok(adjusted.difference),
            None => difference(&a.arm(kind)?, &b.arm(kind)?),
        }
    }

    fn adjusted(a: &Cell, b: &Cell) -> Result<Option<Adjusted>, Undefined> {
        Ok(match (a.tally(), b.tally()) {
            (Some(Tally::MeanGiven(a)), Some(Tally::MeanGiven(b))) => Some(Adjusted::mean(a, b)?),
            (Some(Tally::RatioGiven(a)), Some(Tally::RatioGiven(b))) => Some(Adjusted::ratio(a, b)?),
            _ => None,
        })
    }

    /// The lift by the delta method, for display and beliefs.
    pub(super) fn lift_evidence(&self) -> Option<Evidence> {
        match &self.adjusted {
            Some(adjusted) => adjusted.lift,
            None => relative_lift(&self.arms[0], &self.arms[1]).ok(),
        }
    }

    /// Where the lift lies: by the log-ratio, by Fieller where that has none, and with a covariate by the delta method.
    pub(super) fn lift(&self, alpha: Alpha) -> Option<Interval> {
        let [a, b] = &self.arms;
        if let Some(adjusted) = &self.adjusted {
            return Some(adjusted.lift?.interval(alpha));
        }
        let by_ratio = log_ratio(a, b).map(|ratio| as_lift(ratio.interval(alpha)));
        by_ratio.ok().or_else(|| fieller(a, b, alpha).ok().flatten())
    }

    /// By how much the arm is above so much of the control's value: an estimate too, with an error of its own.
    pub(super) fn above(&self, rest: f64) -> Result<Evidence, Undefined> {
        let scaled = |arm: &Arm| Arm::new(arm.units(), rest * arm.value(), rest * rest * arm.variance());
        let Some(adjusted) = &self.adjusted else { return difference(&scaled(&self.arms[0])?, &self.arms[1]) };
        // The control where its covariate would be that of both arms together, which is taken for known, as the slope is.
        let shares = self.arms.each_ref().map(|arm| arm.units() as f64);
        let taken = [&adjusted.control, &adjusted.treatment].map(Arm::value);
        let off: f64 = (0..2).map(|i| shares[i] * (self.arms[i].value() - taken[i])).sum();
        let control = taken[0] + off / (shares[0] + shares[1]);
        let error = difference(&scaled(&adjusted.control)?, &adjusted.treatment)?;
        let estimate = self.evidence.estimate() + (1.0 - rest) * control;
        Evidence::new(finite(estimate)?, error.error(), error.units())?.freed(error.freedom())
    }
}

/// Fewer units than this say nothing of a rate.
const UNITS_OF_RATE: u64 = 100;
/// Nor do fewer units that did it, or did not.
const EVENTS: u64 = 5;
/// Fewer units than this say nothing of a mean, which may be skewed.
const UNITS_OF_MEAN: u64 = 500;
/// Fewer units than this on either side of a quantile say nothing of where it lies.
const BEYOND: f64 = 20.0;
