//! What is believed of an effect after the data: chances to be better, and what choosing wrongly is expected to cost.
//!
//! **Not peek-safe.** A flat prior and stopping at a chance of 95 % finds a winner in 60 % of experiments without an
//! effect, where it is looked at often. Decide by expected loss below a stated threshold *and* a planned number of
//! units, or by [`AlwaysValid`](super::AlwaysValid).

use serde::{Deserialize, Serialize};

use super::Heterogeneity;
use crate::stats::quadrature::{NODES, WEIGHTS};
use crate::stats::special::{LogOdds, logistic, tails_at};
use crate::stats::undefined::{finite, positive};
use crate::stats::{
    Alpha, Beta, Evidence, Interval, Undefined, best_means, normal_density, normal_lower_tail, normal_upper_tail,
    regularized_beta,
};

/// Two rates compared.
///
/// ```
/// use bespoke::{experiment::RateComparison, stats::Beta};
/// let found = RateComparison::new(&Beta::new(5.5, 45.5)?, &Beta::new(10.5, 40.5)?);
/// assert!((found.treatment_better - 0.920_030_151).abs() < 1e-9);
/// # Ok::<(), bespoke::stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateComparison {
    /// How likely the treatment's rate is the higher one.
    pub treatment_better: f64,
    /// By how much the treatment's rate is expected to be lower where it is: the loss of choosing the treatment.
    pub loss_of_treatment: f64,
    /// The loss of choosing the control.
    pub loss_of_control: f64,
}

impl RateComparison {
    /// Compares two posteriors, by quadrature: `P(B > A) = ∫ f_B F_A` and `E max(A - B, 0) = ∫ F_B (1 - F_A) dx`, whose
    /// integrands are positive, so that small chances and losses keep their digits. About half a millisecond.
    #[must_use]
    pub fn new(control: &Beta, treatment: &Beta) -> Self {
        let (a, b) = (control.log_odds(), treatment.log_odds());
        let (mut better, mut of_treatment, mut of_control) = (0.0, 0.0, 0.0);
        over(&cuts(&[a, b]), |t, weight| {
            let (below_a, below_b) = (tails_at(&a, t), tails_at(&b, t));
            better += weight * libm::exp(b.ln_density(t)) * below_a.lower;
            // dx = x (1 - x) dt
            let dx = weight * logistic(t) * logistic(-t);
            of_treatment += dx * below_b.lower * below_a.upper;
            of_control += dx * below_a.lower * below_b.upper;
        });
        Self { treatment_better: better.min(1.0), loss_of_treatment: of_treatment, loss_of_control: of_control }
    }
}

/// Where the integrands change, ascending: each density is cut where it has fallen by these powers of e, and no piece is
/// wider than one unit of log-odds.
fn cuts(rates: &[LogOdds]) -> Vec<f64> {
    let mut cuts = Vec::new();
    for rate in rates {
        cuts.push(rate.center);
        for deviations in [1.3, 2.7, 4.2, 5.8, 7.5, 9.2] {
            let depth = 0.5 * deviations * deviations;
            cuts.extend([rate.reach(depth, -1.0), rate.reach(depth, 1.0)]);
        }
    }
    cuts.sort_by(f64::total_cmp);
    cuts
}

/// Visits the points of a composite rule over the pieces between the cuts.
fn over(cuts: &[f64], mut visit: impl FnMut(f64, f64)) {
    for pair in cuts.windows(2) {
        let pieces = libm::ceil(pair[1] - pair[0]).clamp(1.0, 1_000.0);
        let half = 0.5 * (pair[1] - pair[0]) / pieces;
        for piece in 0..pieces as u32 {
            let center = pair[0] + half * (2.0 * f64::from(piece) + 1.0);
            NODES.iter().zip(WEIGHTS).for_each(|(node, weight)| visit(center + half * node, half * weight));
        }
    }
}

/// A rate of events per exposure: the gamma posterior of a Poisson count.
///
/// ```
/// use bespoke::experiment::EventRate;
/// let (control, treatment) = (EventRate::new(3.5, 50.01)?, EventRate::new(9.5, 60.01)?);
/// assert!((EventRate::treatment_better(&control, &treatment) - 0.925_493_73).abs() < 1e-8);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRate {
    shape: f64,
    rate: f64,
}

impl EventRate {
    /// The posterior: the prior's shape and the events, the prior's rate and the exposure.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless both are finite and above zero.
    pub fn new(shape: f64, rate: f64) -> Result<Self, Undefined> {
        Ok(Self { shape: positive(shape)?, rate: positive(rate)? })
    }

    /// The expected rate.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.shape / self.rate
    }

    /// How likely the treatment's rate is the higher one: an incomplete beta function, since `X / (X + Y)` of two gamma
    /// variables is beta distributed.
    #[must_use]
    pub fn treatment_better(control: &Self, treatment: &Self) -> f64 {
        let share = control.rate / (control.rate + treatment.rate);
        regularized_beta(control.shape, treatment.shape, share).lower
    }
}

/// What is believed of an effect before the data: a normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredPrior")]
pub struct Prior {
    mean: f64,
    variance: f64,
}

/// As it is read, before it is checked.
#[derive(Deserialize)]
struct StoredPrior {
    mean: f64,
    variance: f64,
}

impl TryFrom<StoredPrior> for Prior {
    type Error = Undefined;
    fn try_from(StoredPrior { mean, variance }: StoredPrior) -> Result<Self, Undefined> {
        Self::new(mean, variance)
    }
}

impl Prior {
    /// A normal prior.
    ///
    /// # Errors
    /// [`Undefined::NotFinite`], or [`Undefined::Parameter`] for a variance not above zero.
    pub fn new(mean: f64, variance: f64) -> Result<Self, Undefined> {
        Ok(Self { mean: finite(mean)?, variance: positive(variance)? })
    }

    /// What past experiments say of the next one: their effects, such as relative lifts, by empirical Bayes. The mean
    /// and the spread of true effects come from their moments (DerSimonian and Laird, 1986), and the variance is that
    /// of the next effect: of the spread, and of the mean itself (Higgins, Thompson and Spiegelhalter, 2009).
    /// `O(past)`.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two experiments.
    ///
    /// ```
    /// use bespoke::{experiment::Prior, stats::Evidence};
    /// let past = [(0.02, 0.01), (0.05, 0.02), (-0.01, 0.015), (0.08, 0.03), (0.0, 0.012)];
    /// let past: Vec<Evidence> = past.iter().map(|(lift, error)| Evidence::new(*lift, *error, 9_000)).collect::<Result<_, _>>()?;
    /// let prior = Prior::learned(&past)?;
    /// // statsmodels: combine_effects(…, method_re="dl")
    /// assert!((prior.mean() - 0.020337485156749074).abs() < 1e-9 && (prior.deviation() - 0.024740850844510852).abs() < 1e-9);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn learned(past: &[Evidence]) -> Result<Self, Undefined> {
        let between = Heterogeneity::new(past)?.between;
        let weight = |of: &Evidence| 1.0 / (of.error() * of.error() + between);
        let total: f64 = past.iter().map(weight).sum();
        let sum: f64 = past.iter().map(|of| weight(of) * of.estimate()).sum();
        Self::new(sum / total, between + 1.0 / total)
    }

    /// The effect that is expected.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// How far effects lie from it: a standard deviation.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        libm::sqrt(self.variance)
    }

    /// The prior for relative lifts where nothing better is known: most are within ten percent of nothing.
    pub const OF_LIFT: Self = Self { mean: 0.0, variance: 0.0025 };
}

/// What is believed of an effect after the data: a normal distribution.
///
/// ```
/// use bespoke::experiment::{Posterior, Prior};
/// use bespoke::stats::Evidence;
/// let found = Posterior::new(&Evidence::new(0.03, 0.02, 5_000)?, Some(Prior::new(0.0, 0.09)?));
/// assert!((found.chance_to_win() - 0.932_761_434).abs() < 1e-9);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posterior {
    /// The expected effect.
    pub mean: f64,
    /// Its standard deviation, above zero.
    pub deviation: f64,
}

impl Posterior {
    /// Weighs evidence and prior by their precision; without a prior (a flat one) the evidence alone speaks.
    #[must_use]
    pub fn new(effect: &Evidence, prior: Option<Prior>) -> Self {
        let Some(prior) = prior else { return Self { mean: effect.estimate(), deviation: effect.error() } };
        let precision = 1.0 / (effect.error() * effect.error());
        let before = 1.0 / prior.variance;
        let total = precision + before;
        Self { mean: (effect.estimate() * precision + prior.mean * before) / total, deviation: libm::sqrt(1.0 / total) }
    }

    /// How likely the effect is above zero.
    #[must_use]
    pub fn chance_to_win(&self) -> f64 {
        normal_lower_tail(self.mean / self.deviation)
    }

    /// Where the effect lies, with equal tails.
    #[must_use]
    pub fn interval(&self, alpha: Alpha) -> Interval {
        Interval::around(self.mean, alpha.z() * self.deviation)
    }

    /// The expected loss of keeping the control, `E max(effect, 0)`.
    #[must_use]
    pub fn loss_of_control(&self) -> f64 {
        expected_above(self.mean, self.deviation)
    }

    /// The expected loss of choosing the treatment, `E max(-effect, 0)`.
    #[must_use]
    pub fn loss_of_treatment(&self) -> f64 {
        expected_above(-self.mean, self.deviation)
    }
}

/// `E max(x, 0)` of a normal `x`.
fn expected_above(mean: f64, deviation: f64) -> f64 {
    let z = mean / deviation;
    (deviation * (normal_density(z) + z * normal_lower_tail(z))).max(0.0)
}

/// How likely each of several means is the largest, and the second largest.
///
/// ```
/// use bespoke::experiment::{Posterior, Rank};
/// let arm = |mean, deviation| Posterior { mean, deviation };
/// let ranks = Rank::of(&[arm(0.1, 0.02), arm(0.12, 0.02)])?;
/// assert!((ranks[1].best - 0.760_249_938_9).abs() < 1e-9 && (ranks[1].second - 0.239_750_061_1).abs() < 1e-9);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rank {
    /// The probability of being the largest.
    pub best: f64,
    /// The probability of being the second largest.
    pub second: f64,
}

impl Rank {
    /// Ranks independent normal means, by quadrature. `O(arms³)`.
    ///
    /// # Errors
    /// [`Undefined::NoVariations`] without arms, [`Undefined::NotFinite`], and [`Undefined::ZeroVariance`] for a
    /// deviation that is not above zero.
    pub fn of(arms: &[Posterior]) -> Result<Vec<Self>, Undefined> {
        if arms.is_empty() {
            return Err(Undefined::NoVariations);
        }
        for arm in arms {
            if finite(arm.deviation)? <= 0.0 {
                return Err(Undefined::ZeroVariance);
            }
            finite(arm.mean)?;
        }
        if arms.len() == 1 {
            return Ok(vec![Self { best: 1.0, second: 0.0 }]);
        }
        let mut edges: Vec<f64> =
            arms.iter().flat_map(|arm| (-9..=9).map(|step| arm.mean + f64::from(step) * arm.deviation)).collect();
        edges.sort_by(f64::total_cmp);
        let mut ranks = vec![Self::default(); arms.len()];
        for pair in edges.windows(2) {
            let (center, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
            for (node, weight) in NODES.iter().zip(WEIGHTS) {
                let x = center + half * node;
                let z: Vec<f64> = arms.iter().map(|arm| (x - arm.mean) / arm.deviation).collect();
                let below: Vec<f64> = z.iter().map(|z| normal_lower_tail(*z)).collect();
                let above: Vec<f64> = z.iter().map(|z| normal_upper_tail(*z)).collect();
                for (i, rank) in ranks.iter_mut().enumerate() {
                    let density = half * weight * normal_density(z[i]) / arms[i].deviation;
                    let others = || (0..arms.len()).filter(|j| *j != i);
                    // One of the others above, and the rest below.
                    let one_above =
                        |k: usize| above[k] * others().filter(|j| *j != k).map(|j| below[j]).product::<f64>();
                    rank.second += density * others().map(one_above).sum::<f64>();
                }
            }
        }
        let mut best = Vec::new();
        best_means(&arms.iter().map(|arm| (arm.mean, arm.deviation)).collect::<Vec<_>>(), &mut best);
        ranks.iter_mut().zip(best).for_each(|(rank, best)| rank.best = best);
        Ok(ranks)
    }
}
