//! Confidence sequences for the mean of numbers in [0, 1], which hold at all times together and for any number of units,
//! without asymptotics.

use serde::{Deserialize, Serialize};

use super::{Boundary, approximate_ratio};
use crate::experiment::balance::ln_bayes_factor;
use crate::stats::{Alpha, Interval, Proportion, Undefined};

/// Where a success rate lies, at all times together: the beta-binomial mixture for sub-Bernoulli sums (Howard et al.,
/// 2021, section 3.2), tuned for `best` trials, with the conventions of confseq's `bernoulli_confidence_interval`.
///
/// # Errors
/// [`Undefined::EmptyArm`] without trials, and [`Undefined::Parameter`] unless `best` is above zero.
///
/// ```
/// use bespoke::{experiment::bernoulli_sequence, stats::{Alpha, Proportion}};
/// let found = bernoulli_sequence(&Proportion::new(3, 40)?, 1_000.0, Alpha::USUAL, Alpha::USUAL)?;
/// assert!((found.low - 0.002_028_3).abs() < 1e-7 && (found.high - 0.471_735_2).abs() < 1e-7); // confseq
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn bernoulli_sequence(seen: &Proportion, best: f64, alpha: Alpha, tuned: Alpha) -> Result<Interval, Undefined> {
    if seen.trials() == 0 {
        return Err(Undefined::EmptyArm);
    }
    if !(best > 0.0 && best.is_finite()) {
        return Err(Undefined::Parameter);
    }
    // With bounds p and 1 - p the mixture is the multinomial one, and its weight does not depend on p.
    let concentration = (best / approximate_ratio(tuned) - 1.0).max(1e-3);
    let counts = [seen.successes(), seen.trials() - seen.successes()];
    let wanted = -libm::log(alpha.value());
    let excluded = |p: f64| ln_bayes_factor(&counts, &[p, 1.0 - p], concentration) > wanted;
    // Between what is excluded and the rate seen, which never is.
    let end = |mut out: f64, mut inside: f64| {
        for _ in 0..200 {
            let p = 0.5 * (out + inside);
            if (p - out).abs() <= 1e-15 * p || (p - inside).abs() <= 1e-15 * p {
                break;
            }
            if excluded(p) { out = p } else { inside = p }
        }
        0.5 * (out + inside)
    };
    let rate = seen.rate();
    Ok(Interval {
        low: if seen.successes() == 0 { 0.0 } else { end(0.0, rate) },
        high: if seen.successes() == seen.trials() { 1.0 } else { end(1.0, rate) },
    })
}

/// Where the mean of numbers in [0, 1] lies, at all times together, from their sum: the normal mixture with a variance
/// of a quarter, tuned for `best` numbers (confseq's `conjmix_hoeffding_twosided_cs`).
///
/// # Errors
/// [`Undefined::EmptyArm`] without numbers, [`Undefined::NotFinite`], and [`Undefined::Parameter`] for `best`.
///
/// ```
/// use bespoke::{experiment::hoeffding_sequence, stats::Alpha};
/// let found = hoeffding_sequence(31.334_954, 60, 1_000.0, Alpha::new(0.1)?)?;
/// assert!((found.low - 0.249_133).abs() < 1e-6 && (found.high - 0.795_365).abs() < 1e-6); // confseq
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn hoeffding_sequence(sum: f64, numbers: u64, best: f64, alpha: Alpha) -> Result<Interval, Undefined> {
    if numbers == 0 {
        return Err(Undefined::EmptyArm);
    }
    if !sum.is_finite() {
        return Err(Undefined::NotFinite);
    }
    // Counts beyond 2^53 are rounded by a part in 10^16.
    let n = numbers as f64;
    let reach = Boundary::normal(0.25 * best, alpha)?.at(0.25 * n, alpha)? / n;
    let whole = Interval::around(sum / n, reach);
    Ok(Interval { low: whole.low.max(0.0), high: whole.high.min(1.0) })
}

/// Where the mean of numbers in [0, 1] lies, at all times together, narrower the less they vary: the predictable
/// plug-in empirical-Bernstein sequence (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
/// betting", 2023), both sides at half of alpha.
///
/// ```
/// use bespoke::{experiment::EmpiricalBernstein, stats::Alpha};
/// let mut watch = EmpiricalBernstein::new(Alpha::USUAL);
/// (0..2_000).for_each(|i| watch.observe(f64::from(i % 10 == 0)));
/// let found = watch.interval();
/// assert!(found.low > 0.07 && found.low < 0.1 && found.high > 0.1 && found.high < 0.13);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmpiricalBernstein {
    /// ln(1/a) of one side.
    wanted: f64,
    count: u64,
    below: Side,
    above: Side,
}

/// The lower bound of the mean of what it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Side {
    sum: f64,
    /// Squared distances from the running mean after each number, as the variance's estimate takes them.
    squares: f64,
    /// The sums of λ, of λ x, and of v ψ(λ).
    bets: f64,
    won: f64,
    paid: f64,
}

impl EmpiricalBernstein {
    /// Before the first number.
    #[must_use]
    pub fn new(alpha: Alpha) -> Self {
        Self { wanted: -libm::log(alpha.tail()), count: 0, below: Side::default(), above: Side::default() }
    }

    /// Takes in a number, which is cut to [0, 1]; one that is none counts as nothing.
    pub fn observe(&mut self, x: f64) {
        if x.is_nan() {
            return;
        }
        let x = x.clamp(0.0, 1.0);
        self.count += 1;
        self.below.observe(x, self.count, self.wanted);
        self.above.observe(1.0 - x, self.count, self.wanted);
    }

    /// Where the mean lies after what was seen so far, without intersecting it with what was said before.
    #[must_use]
    pub fn interval(&self) -> Interval {
        Interval { low: self.below.bound(self.wanted), high: 1.0 - self.above.bound(self.wanted) }
    }
}

impl Side {
    fn observe(&mut self, x: f64, count: u64, wanted: f64) {
        let t = count as f64;
        let variance = (0.25 + self.squares) / t;
        let before = if count == 1 { 0.0 } else { self.sum / (t - 1.0) };
        let bet = libm::sqrt(2.0 * wanted / (t * libm::log1p(t) * variance)).min(0.5);
        self.won += bet * x;
        self.paid += (x - before) * (x - before) * (-libm::log1p(-bet) - bet);
        self.bets += bet;
        self.sum += x;
        let mean = (0.5 + self.sum) / (t + 1.0);
        self.squares += (x - mean) * (x - mean);
    }

    fn bound(&self, wanted: f64) -> f64 {
        if self.bets > 0.0 { ((self.won - wanted - self.paid) / self.bets).max(0.0) } else { 0.0 }
    }
}
